//! Training sets without entity rows, and kept under a name.

use crate::larder::{AS_OF, Repo};

const FEATURES: [&str; 4] = ["-f", "driver_hourly_stats:conv_rate", "-f", "driver_hourly_stats:home_zone"];

#[test]
fn without_entity_rows_every_entity_has_a_row_as_of_the_end() {
    let repo = Repo::materialized();
    let get = |extra: &[&str]| repo.run(&[&["get-historical-features"], &FEATURES[..], extra].concat());
    let all = get(&["-e", AS_OF, "--json"]).json();
    let all = all.as_array().unwrap();
    let mut drivers: Vec<_> = all.iter().filter_map(|row| row["driver_id"].as_i64()).collect();
    drivers.sort_unstable();
    assert_eq!(drivers, (1001..=1050).collect::<Vec<_>>());
    assert!(all.iter().any(|row| row["conv_rate"].is_number()), "{all:?}");
    let backwards = get(&["-s", AS_OF, "-e", "2020-01-01"]).failure(1);
    assert!(backwards.contains("must not be after end_date"), "{backwards}");
    get(&["-e", AS_OF, "-d", "[]"]).failure(2);
}

#[test]
fn a_kept_training_set_is_registered_and_not_replaced_unasked() {
    let repo = Repo::materialized();
    let file = repo.dir().join("data/train.parquet").display().to_string();
    let save = |extra: &[&str]| {
        let base = ["get-historical-features", "-e", AS_OF, "-o", &file, "--save-as", "train"];
        repo.run(&[&base[..], &FEATURES[..], extra].concat())
    };
    save(&[]).success();
    let again = save(&[]).failure(1);
    assert!(again.contains("Saved dataset location data/train.parquet already exists."), "{again}");
    save(&["--allow-overwrite"]).success();
    let rows = repo.run(&["get-historical-features", "--entities", &file, "-f", "customer_profile:segment"]);
    let stderr = rows.failure(1);
    assert!(stderr.contains("customer_id"), "the rows have the columns of drivers: {stderr}");
}
