//! Stream, batch and label views behave as feature views do; versions are read by name.

use std::fs;

use crate::larder::{AS_OF, Repo};

const MORE: &str = "
data_sources:
  - {name: label_push, type: push}
  - name: clicks
    type: kafka
    kafka_bootstrap_servers: k:9092
    topic: clicks
    message_format: {json: 'driver_id int'}
    timestamp_field: event_timestamp
    batch_source: driver_hourly_stats_source
  - {name: warehouse, type: bigquery, table: p.d.t, timestamp_field: ts}
stream_feature_views:
  - name: streamed
    entities: [driver]
    source: driver_push_source
    schema: [{name: acc_rate, dtype: Float32}]
  - name: of_kafka
    entities: [driver]
    source: clicks
    schema: [{name: conv_rate, dtype: Float32}]
batch_feature_views:
  - name: batch
    entities: [driver]
    source: driver_hourly_stats_source
    schema: [{name: avg_daily_trips, dtype: Int64}]
    online: true
label_views:
  - name: labels
    entities: [driver]
    source: label_push
    schema: [{name: is_fraud, dtype: Bool}, {name: labeler, dtype: String}]
feature_views:
  - {name: remote, entities: [driver], source: warehouse, schema: [{name: x, dtype: Int64}], online: false}
";

fn repo() -> Repo {
    let repo = Repo::sample();
    fs::write(repo.dir().join("more.yaml"), MORE).unwrap();
    repo.run(&["apply"]).success();
    repo
}

#[test]
fn views_of_every_kind_are_materialized_pushed_and_read() {
    let repo = repo();
    repo.run(&["materialize", "2026-01-01", AS_OF]).success();
    let read = |features: &[&str]| {
        let features = features.iter().flat_map(|feature| ["-f", feature]);
        let arguments: Vec<&str> =
            ["get-online-features", "-e", "driver_id=1001"].into_iter().chain(features).collect();
        repo.run(&arguments).json()
    };
    let answer =
        read(&["batch:avg_daily_trips", "of_kafka:conv_rate", "streamed:acc_rate", "labels:is_fraud"]);
    for feature in ["avg_daily_trips", "conv_rate", "acc_rate"] {
        assert!(answer[feature][0].is_number(), "{answer}");
    }
    assert!(answer["is_fraud"][0].is_null(), "labels are only pushed: {answer}");

    let rows = repo.dir().join("rows.ndjson");
    let row = r#"{"driver_id": 1001, "is_fraud": true, "labeler": "me", "event_timestamp": "2026-03-02T00:00:00Z"}"#;
    fs::write(&rows, row).unwrap();
    repo.run(&["push", "label_push", "--file", &rows.display().to_string()]).success();
    let answer = read(&["labels:is_fraud", "labels:labeler"]);
    assert_eq!((answer["is_fraud"][0].as_bool(), answer["labeler"][0].as_str()), (Some(true), Some("me")));

    let refused = repo.run(&["materialize", "2026-01-01", AS_OF, "--views", "labels"]).failure(1);
    assert!(refused.contains("LabelView labels cannot be materialized via materialize()"), "{refused}");
}

#[test]
fn views_of_every_kind_with_a_history_have_metrics() {
    let repo = repo();
    for view in ["batch", "of_kafka", "streamed"] {
        let report = repo.run(&["monitor", "run", "-v", view, "--json"]).json();
        assert_eq!(report["batch"]["computed_features"], 5, "{view}: {report}");
    }
    let refused = repo.run(&["monitor", "run", "-v", "labels"]).failure(1);
    assert!(refused.contains("feature view `labels` has no batch source"), "{refused}");
    // All others are computed; what lies elsewhere is told, and what lies nowhere is no failure.
    let printed = repo.run(&["monitor", "run"]);
    assert!(printed.stdout.contains("Feature views computed: 5\n"), "{}", printed.stdout);
    let failed = printed.failure(1);
    assert!(failed.contains("no metrics could be computed of `remote`: "), "{failed}");
    assert!(!failed.contains("labels"), "{failed}");
}

#[test]
fn listings_of_all_kinds_have_feasts_words() {
    let repo = repo();
    let global = "feature_views: [{name: global, source: driver_hourly_stats_source, schema: [{name: avg_daily_trips, \
                  dtype: Int64}]}]\n";
    fs::write(repo.dir().join("global.yaml"), global).unwrap();
    repo.run(&["apply"]).success();
    let printed = |arguments: &[&str]| repo.run(arguments).success().stdout;
    assert_eq!(
        printed(&["label-views", "list"]),
        "NAME    ENTITIES    CONFLICT_POLICY\nlabels  driver      last_write_wins\n"
    );
    // What Feast lists comes first, in its order.
    let kinds = printed(&["feature-views", "list"]);
    let at = |word: &str| kinds.find(word).unwrap_or_else(|| panic!("{word} in {kinds}"));
    assert!(at("OnDemandFeatureView") < at("StreamFeatureView") && at("StreamFeatureView") < at("LabelView"));
    let source = printed(&["data-sources", "describe", "label_push"]);
    assert!(source.starts_with("type: PUSH_SOURCE\n") && !source.contains("dataSourceClassType"), "{source}");
    let view = printed(&["feature-views", "describe", "global"]);
    assert!(view.starts_with("spec:\n  name: global\n  features:\n"), "{view}");
    assert!(
        view.contains("dataSourceClassType: feast.infra"),
        "a view shows the class of its source: {view}"
    );

    for verb in ["enable", "disable"] {
        let refused = repo.run(&["feature-views", verb, "labels"]).failure(1);
        assert!(refused.contains("Feature view 'labels' does not support enable/disable."), "{refused}");
    }
    let refused = repo.run(&["feature-views", "set-state", "labels", "CREATED"]).failure(1);
    assert!(refused.contains("Feature view 'labels' does not support state management."), "{refused}");
    repo.run(&["feature-views", "disable", "streamed"]).success();
    let read =
        repo.run(&["get-online-features", "-e", "driver_id=1001", "-f", "streamed:acc_rate"]).failure(1);
    assert!(read.contains("Feature view 'streamed' is disabled and cannot serve features."), "{read}");
}

#[test]
fn a_source_that_larder_does_not_read_is_an_error_when_it_is_read() {
    let repo = repo();
    let entities = repo.dir().join("entities.csv");
    fs::write(&entities, "driver_id,event_timestamp\n1001,2026-02-01T00:00:00Z\n").unwrap();
    let entities = entities.display().to_string();
    let error = repo.run(&["get-historical-features", "--entities", &entities, "-f", "remote:x"]).failure(1);
    assert!(
        error.contains("data source `warehouse` is a source of type `bigquery`, which larder does not read"),
        "{error}"
    );
    let joined = repo.run(&["get-historical-features", "--entities", &entities, "-f", "streamed:acc_rate"]);
    joined.success();
}

#[test]
fn versions_of_a_view_are_written_and_read_apart() {
    let repo = Repo::sample();
    repo.edit(
        "feature_store.yaml",
        "registry: data/registry.db",
        "registry:\n  path: data/registry.db\n  enable_online_feature_view_versioning: true",
    );
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "2026-01-01", AS_OF]).success();
    // Another schema is another version, with no online rows yet.
    repo.edit("features.yaml", "      - {name: vip, dtype: Bool}\n", "");
    repo.run(&["apply"]).success();
    let read = |feature: &str| repo.run(&["get-online-features", "-e", "customer_id=c-001", "-f", feature]);
    let customer = |feature: &str| {
        let answer = read(feature).json();
        answer[feature.split(':').nth(1).unwrap()][0].clone()
    };
    let first = customer("customer_profile@v0:vip");
    assert_eq!(customer("customer_profile@v1:segment"), serde_json::Value::Null);
    repo.run(&["materialize", "2026-01-01", AS_OF, "--views", "customer_profile"]).success();
    assert_eq!(customer("customer_profile@v1:segment"), customer("customer_profile:segment"));
    assert_eq!(customer("customer_profile@v0:segment"), customer("customer_profile:segment"));
    assert_eq!(customer("customer_profile@v0:vip"), first);
    let error = read("customer_profile@v7:segment").failure(1);
    assert!(
        error.contains("Version v7 of feature view customer_profile does not exist in project repo"),
        "{error}"
    );
}

#[test]
fn a_version_is_not_read_where_versions_are_off() {
    let repo = Repo::materialized();
    let read = ["get-online-features", "-e", "customer_id=c-001", "-f", "customer_profile@v0:segment"];
    let error = repo.run(&read).failure(1);
    assert!(
        error.contains(
            "Version-qualified ref 'customer_profile@v0' not supported: online versioning is disabled."
        ),
        "{error}"
    );
}
