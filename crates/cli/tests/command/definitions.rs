//! Plan, apply, list, describe and teardown.

use serde_json::json;

use crate::larder::{AS_OF, Repo, larder};

#[test]
fn applying_twice_changes_nothing() {
    let repo = Repo::sample();
    let planned = repo.run(&["plan", "--skip-udf-tests"]).success();
    assert!(planned.stdout.contains("Created feature view driver_hourly_stats"), "{}", planned.stdout);
    let applied = repo.run(&["apply"]).success();
    assert_eq!(applied.stdout, format!("Applying changes for project repo\n{}", planned.stdout));
    let registry = std::fs::read(repo.dir().join("data/registry.db")).unwrap();
    let again = repo.run(&["apply"]).success();
    assert!(
        again.stdout.contains("No changes to registry\nNo changes to infrastructure"),
        "{}",
        again.stdout
    );
    assert_eq!(std::fs::read(repo.dir().join("data/registry.db")).unwrap(), registry);
}

#[test]
fn a_definition_that_is_gone_is_deleted_with_its_rows() {
    let repo = Repo::materialized();
    let text = std::fs::read_to_string(repo.dir().join("features.yaml")).unwrap();
    let start = text.find("  - name: customer_profile\n    entities:").unwrap();
    let end = text.find("on_demand_feature_views:").unwrap();
    let without = format!("{}{}", &text[..start], &text[end..]);
    std::fs::write(repo.dir().join("features.yaml"), without).unwrap();
    let applied = repo.run(&["apply"]).success();
    assert!(applied.stdout.contains("Deleted feature view customer_profile"), "{}", applied.stdout);
    std::fs::write(repo.dir().join("features.yaml"), text).unwrap();
    repo.run(&["apply"]).success();
    let read = repo.run(&["get-online-features", "-e", "customer_id=c-001", "-f", "customer_profile:vip"]);
    assert_eq!(read.json(), json!({"customer_id": ["c-001"], "vip": [null]}), "old rows do not come back");
}

#[test]
fn all_mistakes_of_all_files_are_shown_at_once_with_their_places() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "ttl: 7d", "tll: 7d");
    repo.edit("features.yaml", "entities: [customer]", "entities: [custommer]");
    repo.edit("features.yaml", "dtype: Bool", "dtype: Boolean");
    let stderr = repo.run(&["apply"]).failure(1);
    for expected in ["features.yaml:", "`tll`", "`ttl`", "`custommer`", "`customer`", "`Boolean`"] {
        assert!(stderr.contains(expected), "{expected} is not in:\n{stderr}");
    }
    assert!(!repo.dir().join("data/registry.db").exists(), "nothing is half applied");
}

#[test]
fn a_transformation_that_does_not_fit_is_refused_at_apply() {
    let repo = Repo::sample();
    repo.edit(
        "features.yaml",
        "{name: conv_rate_plus_val2, dtype: Float64}",
        "{name: other, dtype: Float64}",
    );
    let stderr = repo.run(&["apply"]).failure(1);
    assert!(stderr.contains("`other`") && stderr.contains("features.yaml:"), "{stderr}");
}

#[test]
fn a_missing_source_file_says_which_and_where_it_is_named() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    std::fs::remove_file(repo.dir().join("data/customer_profile.parquet")).unwrap();
    let stderr = repo.run(&["materialize", "2026-01-01", AS_OF, "-v", "customer_profile"]).failure(1);
    assert!(stderr.contains("customer_profile.parquet"), "{stderr}");
}

#[test]
fn lists_are_tables_and_json() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    let table = repo.run(&["entities", "list"]).success().stdout;
    assert!(table.starts_with("NAME"), "{table}");
    assert!(table.contains("ValueType.INT64"), "{table}");
    let names: Vec<String> = repo
        .run(&["feature-views", "list", "--json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.contains(&"transformed_conv_rate".to_owned()), "{names:?}");
    for kind in ["on-demand-feature-views", "feature-services", "data-sources", "features", "projects"] {
        assert!(repo.run(&[kind, "list"]).success().stdout.lines().count() > 1, "{kind}");
    }
    let described = repo.run(&["feature-views", "describe", "customer_profile"]).success().stdout;
    assert!(described.starts_with("spec:\n  name: customer_profile"), "{described}");
    let described = repo.run(&["feature-views", "describe", "customer_profile", "--json"]).json();
    assert_eq!(described["spec"]["name"], "customer_profile");
    let stderr = repo.run(&["feature-views", "describe", "nope"]).failure(1);
    assert!(stderr.contains("Feature view nope does not exist in project repo"), "{stderr}");
}

#[test]
fn teardown_leaves_nothing() {
    let repo = Repo::materialized();
    let torn = repo.run(&["teardown"]).success();
    assert!(torn.stdout.contains("Deleted sled table repo_driver_hourly_stats"), "{}", torn.stdout);
    repo.run(&["apply"]).success();
    let read =
        repo.run(&["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"]);
    assert_eq!(read.json()["conv_rate"], json!([null]));
}

#[test]
fn without_an_online_store_definitions_are_applied_and_torn_down_all_the_same() {
    let repo = Repo::sample();
    let sled = "online_store:\n  type: sled\n  path: data/online_store\n";
    repo.edit("feature_store.yaml", sled, "online_store: null\n");
    let applied = repo.run(&["apply"]).success().stdout;
    assert!(applied.contains("Created feature view driver_hourly_stats"), "{applied}");
    assert!(applied.contains("No changes to infrastructure"), "{applied}");
    assert_eq!(repo.run(&["teardown"]).success().stdout, "");
    let read = ["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"];
    let stderr = repo.run(&read).failure(1);
    assert!(stderr.contains("this project has no online store"), "{stderr}");
}

#[test]
fn usage_and_place_mistakes_have_their_own_exit_codes() {
    larder(&["materialize", "yesterday"]).failure(2);
    let empty = Repo::empty();
    let stderr = larder(&["-c", &empty.path().display().to_string(), "apply"]).failure(1);
    assert!(stderr.contains("Can't find feature repo configuration file"), "{stderr}");
    let repo = Repo::sample();
    let stderr = repo.run(&["materialize", "yesterday", "today"]).failure(1);
    assert!(stderr.contains("`yesterday` is not a time"), "{stderr}");
}
