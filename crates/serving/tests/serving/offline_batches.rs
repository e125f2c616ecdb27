//! Pushes that go offline in batches.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder_registry::OfflinePushBatching;
use larder_serving::ServerOptions;
use serde_json::{Value, json};

use crate::client::{Reply, post};
use crate::http::wait_until;
use crate::server::Running;

async fn serving(batch_size: usize, batch_interval: Duration) -> Running {
    let batch_size = NonZeroUsize::new(batch_size).unwrap();
    let batching = OfflinePushBatching { batch_size, batch_interval };
    Running::start_with(ServerOptions { offline_push_batching: Some(batching), ..ServerOptions::default() })
        .await
}

async fn push(running: &Running, to: &str, drivers: &[i64]) -> Reply {
    let df = json!({
        "driver_id": drivers,
        "event_timestamp": drivers.iter().map(|_| "2025-02-01").collect::<Vec<_>>(),
        "conv_rate": drivers, "acc_rate": drivers, "avg_daily_trips": drivers,
    });
    send(running, to, df).await
}

async fn send(running: &Running, to: &str, df: Value) -> Reply {
    let body = json!({"push_source_name": "stats_push", "to": to, "df": df});
    post(running.address, "/push", body.to_string()).await
}

/// How many rows each push had that reached the offline store.
fn written(running: &Running) -> Vec<usize> {
    running.server.offline.lock().unwrap().iter().map(larder_core::InputTable::len).collect()
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn rows_are_written_together_once_there_are_enough() {
    let running = serving(3, LONG).await;
    let reply = push(&running, "offline", &[1, 2]).await;
    assert_eq!((reply.status, reply.text(), reply.header("content-type")), (202, "", None));
    assert!(written(&running).is_empty());
    assert_eq!(push(&running, "offline", &[3]).await.status, 202);
    wait_until(async || written(&running) == [3]).await;
}

#[tokio::test]
async fn rows_are_written_once_the_oldest_has_waited() {
    let running = serving(1000, Duration::from_millis(1)).await;
    assert_eq!(push(&running, "offline", &[1]).await.status, 202);
    wait_until(async || written(&running) == [1]).await;
}

#[tokio::test]
async fn what_waits_is_written_when_the_server_ends() {
    let mut running = serving(1000, LONG).await;
    for driver in 1..=3 {
        assert_eq!(push(&running, "offline", &[driver]).await.status, 202);
    }
    running.begin_stop();
    let server = std::sync::Arc::clone(&running.server);
    running.stopped().await;
    let rows: Vec<usize> = server.offline.lock().unwrap().iter().map(larder_core::InputTable::len).collect();
    assert_eq!(rows, [3]);
}

#[tokio::test]
async fn what_goes_online_is_readable_at_once_and_only_the_rest_waits() {
    let running = serving(1000, LONG).await;
    assert_eq!(push(&running, "online", &[8]).await.status, 200);
    assert_eq!(push(&running, "online_and_offline", &[9]).await.status, 202);
    let request = r#"{"features":["stats_p:conv_rate"],"entities":{"driver_id":[8,9]}}"#;
    let reply = post(running.address, "/get-online-features", request).await;
    assert_eq!(reply.json()["results"][1]["values"], json!([8.0, 9.0]));
    assert!(written(&running).is_empty());
}

#[tokio::test]
async fn an_unknown_source_is_refused_before_anything_waits() {
    let running = serving(1, LONG).await;
    let body = r#"{"push_source_name":"nope","to":"offline","df":{"driver_id":[1]}}"#;
    assert_eq!(post(running.address, "/push", body).await.status, 422);
}

#[tokio::test]
async fn rows_wait_while_the_store_is_away_until_too_many_do() {
    let running = serving(1, Duration::from_millis(1)).await;
    running.server.offline_is_away.store(true, Ordering::SeqCst);
    wait_until(async || push(&running, "offline", &[1]).await.status == 503).await;
    running.server.offline_is_away.store(false, Ordering::SeqCst);
    wait_until(async || !written(&running).is_empty()).await;
}

#[tokio::test]
async fn rows_that_no_source_has_do_not_take_others_with_them() {
    let running = serving(2, LONG).await;
    assert_eq!(send(&running, "offline", json!({"driver_id": [1]})).await.status, 202);
    assert_eq!(push(&running, "offline", &[2]).await.status, 202);
    wait_until(async || written(&running) == [1]).await;
}
