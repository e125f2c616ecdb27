//! Definitions from the models of dbt.

use std::fs;
use std::path::Path;

use crate::larder::Repo;

fn manifest() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/dbt/manifest.json");
    path.display().to_string()
}

#[test]
fn models_become_definitions_that_apply_and_are_written_anew() {
    let repo = Repo::sample();
    let import = ["dbt", "import", "-m", &manifest(), "-e", "driver_id", "--tag", "feast"];
    let printed = repo.run(&import).success();
    assert_eq!(printed.stdout, "");
    assert!(
        printed.stderr.contains("driver_daily: a data source and a feature view of 6 features"),
        "{}",
        printed.stderr
    );
    let left_out = "left out: orders: it has no column `event_timestamp`, the timestamp field";
    assert!(printed.stderr.contains(left_out), "{}", printed.stderr);
    assert!(repo.run(&["plan"]).success().stdout.contains("Created feature view driver_daily"));

    let file = repo.dir().join("dbt_models.yaml");
    let written = fs::read_to_string(&file).unwrap();
    let dry = repo.run(&[&import[..], &["--dry-run"]].concat()).success();
    assert!(
        written.ends_with(&dry.stdout) && written.starts_with("# Made by `larder dbt import`"),
        "{written}"
    );
    repo.run(&[&import[..], &["--exclude-columns", "internal, note"]].concat()).success();
    assert!(!fs::read_to_string(&file).unwrap().contains("internal"));

    // What somebody has written is not replaced.
    fs::write(&file, "entities: []\n").unwrap();
    let refused = repo.run(&import).failure(1);
    assert!(
        refused.contains("dbt_models.yaml is there already, and was not made by this command"),
        "{refused}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "entities: []\n");
}

#[test]
fn what_is_no_manifest_and_what_is_not_in_it_is_told() {
    let repo = Repo::sample();
    let file = repo.dir().join("manifest.json");
    for (text, expected) in [
        ("{", "it is no manifest of dbt; run `dbt compile`"),
        (r#"{"metadata": {}}"#, "missing field `nodes`"),
        (r#"{"nodes": {"model.a.b": {"tags": 7}}}"#, "invalid type: integer `7`"),
    ] {
        fs::write(&file, text).unwrap();
        let refused = repo.run(&["dbt", "list", "-m", &file.display().to_string()]).failure(1);
        assert!(refused.contains(expected), "{refused}");
    }
    let refused = repo.run(&["dbt", "list", "-m", "nowhere.json"]).failure(3);
    assert!(refused.contains("dbt writes it as `target/manifest.json`"), "{refused}");
    let import = ["dbt", "import", "-m", &manifest(), "-e", "driver_id"];
    let refused = repo.run(&[&import[..], &["--model", "nope"]].concat()).failure(1);
    assert!(refused.contains("has no such model: nope"), "{refused}");
    let refused = repo.run(&[&import[..], &["-e", "driver_id"]].concat()).failure(1);
    assert!(refused.contains("is given twice"), "{refused}");
    let nothing = repo.run(&[&import[..], &["--model", "untagged"]].concat()).success();
    assert!(nothing.stderr.contains("No model was imported."), "{}", nothing.stderr);
}

#[test]
fn models_are_listed_with_their_tables_and_columns() {
    let repo = Repo::sample();
    let list = repo.run(&["dbt", "list", "-m", &manifest(), "--tag", "daily", "--show-columns"]).success();
    assert!(
        list.stdout
            .starts_with("driver_daily [tags: feast, daily]\n  Table: warehouse.marts.driver_daily_v2\n"),
        "{}",
        list.stdout
    );
    assert!(
        list.stdout.contains("    - trips: NUMBER(9,0)\n") && list.stdout.contains("    - note: unknown\n")
    );
}
