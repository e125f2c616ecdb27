//! The switches of `compat` in `feature_store.yaml`.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, LargeStringArray, RecordBatch, TimestampMicrosecondArray};
use serde_json::{Value, json};

use crate::larder::{Repo, Server};

fn repo(compat: &str) -> Repo {
    let repo = Repo::materialized();
    repo.edit("feature_store.yaml", "provider: local\n", &format!("provider: local\ncompat: {compat}\n"));
    repo
}

/// The value of `acc_rate` and its status.
fn acc_rate(repo: &Repo) -> (Value, Value) {
    let read =
        ["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:acc_rate", "--json"];
    let answer = repo.run(&read).json();
    (answer["results"][1]["values"][0].clone(), answer["results"][1]["statuses"][0].clone())
}

#[test]
fn values_older_than_their_ttl_are_told_or_left_out_where_asked() {
    // The sample data end long before the machine's clock, and count for a week.
    let (value, status) = acc_rate(&repo("{}"));
    assert!(value.is_number() && status == "PRESENT", "{value} {status}");
    assert_eq!(acc_rate(&repo("{online_ttl: status}")), (value, json!("OUTSIDE_MAX_AGE")));
    assert_eq!(acc_rate(&repo("{online_ttl: null}")), (Value::Null, json!("OUTSIDE_MAX_AGE")));
}

#[test]
fn older_rows_overwrite_newer_ones_where_asked() {
    for store in ["{type: sled}", "{type: sqlite}"] {
        for (switched, expected) in [(false, json!(0.75)), (true, json!(0.25))] {
            let repo = Repo::sample();
            let settings = format!("compat: {{older_rows_overwrite: {switched}}}\nonline_store: {store}\n");
            let default = "online_store:\n  type: sled\n  path: data/online_store\n";
            repo.edit("feature_store.yaml", default, &settings);
            repo.run(&["apply"]).success();
            let server = Server::start(&repo);
            for (rate, time) in [(0.75, "2026-03-02T00:00:00Z"), (0.25, "2026-03-01T00:00:00Z")] {
                let row = json!({"push_source_name": "driver_push_source", "df": {
                    "driver_id": [1001], "event_timestamp": [time], "created": [time],
                    "conv_rate": [0.5], "acc_rate": [rate], "avg_daily_trips": [1], "home_zone": ["a"],
                }});
                assert_eq!(server.post("/push", &row).unwrap().0, 200);
            }
            assert_eq!(acc_rate(&repo).0, expected, "{store} {switched}");
        }
    }
}

/// A repo over a file whose one feature is large text, as Polars writes it.
fn large_text(compat: &str, texts: [Option<&str>; 2]) -> Repo {
    let repo = Repo::sample();
    let settings = format!("provider: local\ncompat: {compat}\n");
    repo.edit("feature_store.yaml", "provider: local\n", &settings);
    let times = TimestampMicrosecondArray::from(vec![1_767_225_600_000_000; 2]).with_timezone("UTC");
    let rows = RecordBatch::try_from_iter([
        ("note_id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("event_timestamp", Arc::new(times)),
        ("note", Arc::new(LargeStringArray::from(texts.to_vec()))),
    ]);
    larder::table::write_table(&repo.dir().join("data/notes.parquet"), &rows.unwrap()).unwrap();
    let definitions = "
entities: [{name: note, join_keys: [note_id], value_type: INT64}]
data_sources: [{name: note_file, type: file, path: data/notes.parquet, timestamp_field: event_timestamp}]
feature_views: [{name: notes, entities: [note], source: note_file}]
";
    fs::write(repo.dir().join("notes.yaml"), definitions).unwrap();
    repo
}

#[test]
fn a_column_of_large_text_is_json_where_asked() {
    let texts = [Some(r#"{"stars": 5}"#), None];
    for (switched, dtype, status) in [(false, "String", 422), (true, "Json", 200)] {
        let repo = large_text(&format!("{{large_text_is_json: {switched}}}"), texts);
        repo.run(&["apply"]).success();
        let features = repo.run(&["features", "list", "--json"]).json();
        let mut features = features.as_array().unwrap().iter();
        let note = features.find(|feature| feature["feature_view"] == "notes").unwrap();
        assert_eq!(note["dtype"], dtype);
        repo.run(&["materialize", "2026-01-01", "2026-01-02", "-v", "notes"]).success();
        let server = Server::start(&repo);
        let read = json!({"entities": {"note_id": [1, 2]}, "features": ["notes:note"]});
        let answer: Value =
            serde_json::from_str(&server.post("/get-online-features", &read).unwrap().1).unwrap();
        assert_eq!(answer["results"][1]["values"], json!([texts[0], null]), "{switched}");
        // An object is JSON, and no text.
        let object = json!({"feature_view_name": "notes", "df": {
            "note_id": [3], "event_timestamp": ["2026-01-02T00:00:00Z"], "note": [{"stars": 4}],
        }});
        assert_eq!(server.post("/write-to-online-store", &object).unwrap().0, status);
    }
}

#[test]
fn large_text_that_is_no_json_is_refused_where_it_is_to_be_json() {
    for switched in [false, true] {
        let repo = large_text(&format!("{{large_text_is_json: {switched}}}"), [Some("five stars"), None]);
        repo.run(&["apply"]).success();
        let materialized = repo.run(&["materialize", "2026-01-01", "2026-01-02", "-v", "notes"]);
        if switched {
            let error = materialized.failure(1);
            assert!(error.contains("note") && error.contains("five stars"), "{error}");
        } else {
            materialized.success();
        }
    }
}

#[test]
fn null_entities_and_null_writes_go_as_in_feast_where_asked() {
    for switched in [false, true] {
        let switches = format!("{{null_entities_are_errors: {switched}, skip_null_writes: {switched}}}");
        let repo = repo(&switches);
        let server = Server::start(&repo);
        let read =
            json!({"entities": {"driver_id": [1001, null]}, "features": ["driver_hourly_stats:acc_rate"]});
        assert_eq!(server.post("/get-online-features", &read).unwrap().0, if switched { 400 } else { 200 });
        let nulls = json!({"push_source_name": "driver_push_source", "df": {
            "driver_id": [1001], "event_timestamp": ["2026-04-01T00:00:00Z"], "created": ["2026-04-01T00:00:00Z"],
            "conv_rate": [null], "acc_rate": [null], "avg_daily_trips": [null], "home_zone": [null],
        }});
        assert_eq!(server.post("/push", &nulls).unwrap().0, 200);
        assert_eq!(acc_rate(&repo).0.is_null(), !switched);
    }
}
