//! Materialization over a connection: to its end, in the background, and with progress.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{get, post};
use crate::http::wait_until;
use crate::server::Running;

const STATS: &str =
    r#"{"start_ts":"2025-01-01T00:00:00","end_ts":"2025-01-02T00:00:00","feature_views":["stats"]}"#;

#[tokio::test]
async fn good_materializations_are_null() {
    let running = Running::start().await;
    for (path, body) in [
        ("/materialize", STATS),
        ("/materialize", r#"{"disable_event_timestamp":true,"feature_views":["stats"]}"#),
        ("/materialize", r#"{"start_ts":"2025-01-01 00:00:00","end_ts":"2025-01-02","version":null}"#),
        ("/materialize-incremental", r#"{"end_ts":"2025-01-15T00:00:00","feature_views":["stats"]}"#),
    ] {
        let reply = post(running.address, path, body).await;
        assert_eq!((reply.status, reply.text()), (200, "null"), "{path} {body}");
    }
}

#[tokio::test]
async fn a_version_is_refused_and_a_failure_is_told() {
    let running = Running::start().await;
    let body = r#"{"end_ts":"2025-01-02","version":"v1"}"#;
    assert_eq!(post(running.address, "/materialize-incremental", body).await.status, 400);
    let body = r#"{"end_ts":"2025-01-02","feature_views":["glob"]}"#;
    let reply = post(running.address, "/materialize-incremental", body).await;
    assert_eq!((reply.status, reply.text()), (503, r#""the source of `glob` is away""#));
}

#[tokio::test]
async fn in_the_background_it_is_accepted_once_at_a_time_unless_forced() {
    let running = Running::start().await;
    let permits = &running.server.materializations;
    permits.forget_permits(permits.available_permits());
    let address = running.address;
    let accepted = r#"{"status":"accepted","feature_views":["stats"]}"#;
    let reply = post(address, "/materialize?async=true", STATS).await;
    assert_eq!((reply.status, reply.text()), (202, accepted));
    let reply = post(address, "/materialize?async=true", STATS).await;
    let conflict = r#"{"error":"Cannot start async materialization — the following feature views are already in MATERIALIZING state: ['stats']. Use ?force=true to override.","feature_views":["stats"]}"#;
    assert_eq!((reply.status, reply.text()), (409, conflict));
    let reply = post(address, "/materialize?async=true&force=1", STATS).await;
    assert_eq!(reply.status, 202);
    permits.add_permits(1);
    wait_until(async || post(address, "/materialize?async=true", STATS).await.status == 202).await;
}

#[tokio::test]
async fn without_views_all_that_are_kept_online_are_meant() {
    let running = Running::start().await;
    let body = r#"{"start_ts":"2025-01-01","end_ts":"2025-01-02"}"#;
    let reply = post(running.address, "/materialize?async=true", body).await;
    assert_eq!(reply.json()["feature_views"], json!(["stats", "stats_p", "glob", "coll", "docs"]));
}

#[tokio::test]
async fn progress_comes_line_by_line_and_ends_with_the_outcome() {
    let running = Running::start().await;
    let body = r#"{"start":"2025-01-01T00:00:00Z","end":"2025-01-02T00:00:00Z","feature_views":["stats"]}"#;
    let reply = post(running.address, "/v1/materialize", body).await;
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        json!({
            "event": "view_started", "feature_view": "stats", "start_micros": 0, "end_micros": 1,
            "incremental": false,
        })
    );
    assert_eq!(lines[1], json!({ "event": "wrote", "feature_view": "stats", "rows": 1, "total_rows": 3 }));
    let done = json!({
        "feature_view": "stats", "start_micros": 0, "end_micros": 1, "rows_scanned": 3, "null_keys": 0,
        "keys": 3, "rows_written": 3, "rows_older": 0,
    });
    assert_eq!(lines[5], json!({ "done": { "feature_views": [done] } }));
    assert_eq!(lines.len(), 6);

    let body = r#"{"end":"2025-01-02","incremental":true,"feature_views":["stats","glob"]}"#;
    let reply = post(running.address, "/v1/materialize", body).await;
    let last: Value = serde_json::from_str(reply.text().lines().last().unwrap()).unwrap();
    let error = json!({ "kind": "Unavailable", "class": null, "message": "the source of `glob` is away" });
    assert_eq!(last, json!({ "error": error }));
}

#[tokio::test]
async fn a_run_needs_a_start_or_to_be_incremental() {
    let running = Running::start().await;
    for body in [r#"{"end":"2025-01-02"}"#, r#"{"start":"2025-01-01","end":"2025-01-02","incremental":true}"#]
    {
        let reply = post(running.address, "/v1/materialize", body).await;
        assert_eq!(reply.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_run_with_progress_stops_when_its_client_goes() {
    let running = Running::start().await;
    let address = running.address;
    let permits = &running.server.materializations;
    permits.forget_permits(permits.available_permits());
    let body = r#"{"end":"2025-01-02","incremental":true,"feature_views":["stats"]}"#;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("POST /v1/materialize HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(12).any(|window| window == b"view_started") {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
    }
    assert_eq!(post(address, "/materialize?async=true", STATS).await.status, 409, "it is in progress");
    drop(stream);
    wait_until(async || post(address, "/materialize?async=true", STATS).await.status == 202).await;
}

#[tokio::test]
async fn a_materialization_goes_on_when_its_client_goes() {
    let running = Running::start().await;
    let address = running.address;
    let permits = &running.server.materializations;
    permits.forget_permits(permits.available_permits());
    let client = tokio::spawn(async move { post(address, "/materialize", STATS).await });
    wait_until(async || running.server.started.load(Ordering::SeqCst) == 1).await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    assert_eq!(get(address, "/health").await.status, 200);
    permits.add_permits(1);
    wait_until(async || running.server.finished.load(Ordering::SeqCst) == 1).await;
}
