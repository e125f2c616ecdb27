//! The switches of `compat` in `feature_store.yaml`.

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
