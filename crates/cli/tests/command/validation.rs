//! What was served, and what is trained on, compared with a training set that was kept.

use std::fs;

use serde_json::{Value, json};

use crate::larder::{AS_OF, Repo, Server};

const SPAN: [&str; 2] = ["2020-01-01", "2100-01-01"];

/// The sample repo with a log of its service, a kept training set of it, and references to that.
fn repo() -> Repo {
    let repo = Repo::sample();
    let features = "  - name: driver_activity\n";
    repo.edit(
        "features.yaml",
        features,
        &format!("{features}    logging_config: {{file: {{path: data/log}}}}\n"),
    );
    let settings = fs::read_to_string(repo.dir().join("feature_store.yaml")).unwrap();
    let logging = "feature_server:\n  feature_logging: {enabled: true}\n";
    fs::write(repo.dir().join("feature_store.yaml"), settings + logging).unwrap();
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "2026-01-01", AS_OF]).success();
    let file = repo.dir().join("data/train.parquet").display().to_string();
    let rows = entity_rows(1001..=1050, 1);
    let service = ["--feature-service", "driver_activity"];
    let keep = ["get-historical-features", "-d", &rows, "-o", &file, "--save-as", "train"];
    repo.run(&[&keep[..], &service].concat()).success();
    let references = "validation_references:\n  - name: expected\n    dataset: train\n  - name: lenient\n    \
                      dataset: train\n    expectations:\n      null_share: 1\n      columns:\n        - {name: \
                      'transformed_conv_rate:conv_rate_plus_val1', ignore: true}\n        - {name: \
                      'transformed_conv_rate:conv_rate_plus_val2', ignore: true}\n";
    fs::write(repo.dir().join("references.yaml"), references).unwrap();
    repo.run(&["apply"]).success();
    repo
}

fn entity_rows(drivers: std::ops::RangeInclusive<i64>, add: i64) -> String {
    let row = |driver| json!({"driver_id": driver, "event_timestamp": AS_OF, "val_to_add": add, "val_to_add_2": add});
    Value::from(drivers.map(row).collect::<Vec<_>>()).to_string()
}

/// Asks a server for the service, so that the answers are logged when it has ended.
fn serve(repo: &Repo, drivers: std::ops::RangeInclusive<i64>, add: i64) {
    let server = Server::start(repo);
    let drivers: Vec<i64> = drivers.collect();
    let add = vec![add; drivers.len()];
    let entities = json!({"driver_id": drivers, "val_to_add": add, "val_to_add_2": add});
    let body = json!({"feature_service": "driver_activity", "entities": entities});
    let (status, answer) = server.post("/get-online-features", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(server.terminate(), 0);
}

fn validate(repo: &Repo, reference: &str, extra: &[&str]) -> crate::larder::Printed {
    let base = ["validate", "-f", "driver_activity", "-r", reference];
    repo.run(&[&base[..], extra, &SPAN].concat())
}

/// The checks that failed, with their columns.
fn failed(report: &Value) -> Vec<(String, String)> {
    let text = |error: &Value, key: &str| error[key].as_str().unwrap().to_owned();
    let errors = report.as_array().unwrap().iter();
    errors.map(|error| (text(error, "check_name"), text(error, "column_name"))).collect()
}

#[test]
fn what_is_served_as_it_was_trained_on_is_as_expected() {
    let repo = repo();
    serve(&repo, 1001..=1050, 1);
    let printed = validate(&repo, "expected", &[]).success();
    assert_eq!(printed.stdout, "50 rows were validated.\nValidation successful!\n");
    let report = validate(&repo, "expected", &["--json"]).json();
    assert_eq!(report, json!({"success": true, "rows": 50, "errors": []}));
    assert!(
        repo.run(&["plan"]).success().stdout.starts_with("No changes to registry\n"),
        "a profile is kept"
    );
}

#[test]
fn what_is_served_otherwise_fails_with_the_columns_named() {
    let repo = repo();
    serve(&repo, 1001..=1050, 1000);
    let printed = validate(&repo, "expected", &[]);
    assert_eq!(printed.code, 1, "{printed:?}");
    let json = printed.stdout.strip_prefix("Validation failed!\n").unwrap();
    let report: Value = serde_json::from_str(json).unwrap();
    let computed =
        ["transformed_conv_rate__conv_rate_plus_val1", "transformed_conv_rate__conv_rate_plus_val2"];
    let expected: Vec<(String, String)> = computed
        .iter()
        .flat_map(|column| ["range", "mean"].map(|check| (check.to_owned(), (*column).to_owned())))
        .collect();
    assert_eq!(failed(&report), expected);
    assert_eq!(
        (&report[0]["unexpected_count"], &report[0]["unexpected_percent"]),
        (&json!(48), &json!(100.0)),
        "two drivers have no `conv_rate`"
    );
    assert!(
        printed.stderr.contains("not as `expected` expects: range of transformed_conv_rate__"),
        "{printed:?}"
    );
    validate(&repo, "lenient", &[]).success();
}

#[test]
fn entities_that_are_not_known_are_missing_values() {
    let repo = repo();
    serve(&repo, 1041..=1060, 1);
    let report = validate(&repo, "expected", &["--json"]);
    assert_eq!(report.code, 1, "{report:?}");
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let errors = failed(&report["errors"]);
    assert!(
        errors.contains(&("null_share".to_owned(), "driver_hourly_stats__conv_rate".to_owned())),
        "{errors:?}"
    );
    let missing =
        report["errors"].as_array().unwrap().iter().find(|error| error["check_name"] == "null_share");
    assert!(missing.unwrap()["missing_count"].as_u64().unwrap() >= 10, "{report}");
    validate(&repo, "lenient", &[]).success();
}

#[test]
fn without_answers_in_the_span_the_rows_are_missed() {
    let repo = repo();
    let none = validate(&repo, "expected", &["--json"]);
    assert_eq!(none.code, 1, "{none:?}");
    assert!(none.stderr.contains("row_count"), "{none:?}");
    serve(&repo, 1001..=1050, 1);
    validate(&repo, "expected", &[]).success();
    let before = ["validate", "-f", "driver_activity", "-r", "expected", "2020-01-01", "2020-01-02"];
    assert!(repo.run(&before).failure(1).contains("row_count"));
}

#[test]
fn a_profile_is_kept_unless_told_otherwise_and_until_the_dataset_is_saved_anew() {
    let repo = repo();
    serve(&repo, 1001..=1050, 1);
    let kept = |repo: &Repo| {
        let described = repo.run(&["validation-references", "describe", "expected", "--json"]).json();
        described["tags"]["larder.dev/dataset-profile"].as_str().map(str::to_owned)
    };
    validate(&repo, "expected", &["--no-profile-cache"]).success();
    assert_eq!(kept(&repo), None);
    validate(&repo, "expected", &[]).success();
    let first = kept(&repo).unwrap();
    // The file alone changes: only who measures anew sees it.
    let (file, aside) = (repo.dir().join("data/train.parquet"), repo.dir().join("data/aside.parquet"));
    fs::rename(&file, &aside).unwrap();
    validate(&repo, "expected", &[]).success();
    validate(&repo, "expected", &["--no-profile-cache"]).failure(3);
    fs::rename(&aside, &file).unwrap();
    let rows = entity_rows(1001..=1050, 500);
    let path = file.display().to_string();
    let keep =
        ["get-historical-features", "-d", &rows, "-o", &path, "--save-as", "train", "--allow-overwrite"];
    repo.run(&[&keep[..], &["--feature-service", "driver_activity"]].concat()).success();
    validate(&repo, "expected", &[]).failure(1);
    assert_ne!(kept(&repo).unwrap(), first);
}

#[test]
fn a_training_set_is_compared_before_it_is_given() {
    let repo = repo();
    let get = |add: i64| {
        let rows = entity_rows(1001..=1050, add);
        let get = ["get-historical-features", "-d", &rows, "--feature-service", "driver_activity", "--json"];
        repo.run(&[&get[..], &["--validate", "expected"]].concat())
    };
    assert_eq!(get(1).json().as_array().unwrap().len(), 50);
    let refused = get(1000);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("\"check_name\": \"range\""), "{refused:?}");
}

#[test]
fn what_cannot_be_compared_is_named() {
    let repo = repo();
    for (service, reference, start, message) in [
        ("nope", "expected", "2020-01-01", "Feature service nope does not exist"),
        ("driver_activity", "nope", "2020-01-01", "nope"),
        ("driver_activity", "expected", "2200-01-01", "must not be after END"),
    ] {
        let error = repo.run(&["validate", "-f", service, "-r", reference, start, "2100-01-01"]).failure(1);
        assert!(error.contains(message), "{error}");
    }
    repo.run(&["validate", "-f", "driver_activity", "2020-01-01", "2100-01-01"]).failure(2);
    repo.run(&["validate", "-f", "driver_activity", "-r", "expected", "soon", "2100-01-01"]).failure(2);
    repo.edit("references.yaml", "null_share: 1", "null_share: 2");
    let error = repo.run(&["plan"]).failure(1);
    assert!(error.contains("references.yaml:7") && error.contains("must be a number from 0 to 1"), "{error}");
    repo.edit("references.yaml", "null_share: 2", "null_share: 1");
    repo.edit("references.yaml", "transformed_conv_rate:conv_rate_plus_val1", "no_such_column");
    repo.run(&["apply"]).success();
    let error = validate(&repo, "lenient", &[]).failure(1);
    assert!(error.contains("names `no_such_column`, which is no feature and no column"), "{error}");
    repo.edit("features.yaml", "    logging_config: {file: {path: data/log}}\n", "");
    repo.run(&["apply"]).success();
    let error = validate(&repo, "expected", &[]).failure(1);
    assert!(error.contains("has no `logging_config`"), "{error}");
}
