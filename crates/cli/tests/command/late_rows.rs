//! Rows that reach their source after the run that should have had them.

use std::fs;

use serde_json::json;

use crate::larder::Repo;

#[test]
fn a_late_row_is_found_where_runs_look_back() {
    let repo = Repo::sample();
    let row = |id: i64, hour: u32| {
        json!({"id": id, "trips": 10 * id, "event_timestamp": format!("2024-02-01T{hour:02}:00:00Z")})
            .to_string()
    };
    let source = repo.dir().join("data/trips.ndjson");
    fs::write(&source, row(1, 9)).unwrap();
    let definitions = "
entities: [{name: car, join_keys: [id], value_type: INT64}]
data_sources: [{name: trips_file, type: file, path: data/trips.ndjson, timestamp_field: event_timestamp}]
feature_views: [{name: trips, entities: [car], source: trips_file, schema: [{name: trips, dtype: Int64}]}]
";
    fs::write(repo.dir().join("trips.yaml"), definitions).unwrap();
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "2024-02-01", "2024-02-01T10:00:00", "-v", "trips"]).success();
    let trips = || {
        let entities = ["-e", "id=1", "-e", "id=2"];
        repo.run(&[&["get-online-features", "-f", "trips:trips"], &entities[..]].concat()).json()["trips"]
            .clone()
    };
    assert_eq!(trips(), json!([10, null]));

    fs::write(&source, format!("{}\n{}\n", row(1, 9), row(2, 9))).unwrap();
    repo.run(&["materialize-incremental", "2024-02-01T11:00:00", "-v", "trips"]).success();
    assert_eq!(trips(), json!([10, null]), "as in Feast, it is never seen");
    let config = repo.dir().join("feature_store.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\nmaterialization: {{lookback: 2h}}\n")).unwrap();
    repo.run(&["materialize-incremental", "2024-02-01T12:00:00", "-v", "trips"]).success();
    assert_eq!(trips(), json!([10, 20]));
}
