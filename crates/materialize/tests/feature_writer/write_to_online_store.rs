//! Direct writes into the online store.

use larder_core::{DataSourceKind, Field, OnDemandSource, RequestError, ValueType, WriteOutcome};
use larder_materialize::WriteToOnlineStore;
use serde_json::{Value, json};

use crate::world::{NOW, World, json_table, request_source, sum};

async fn write(
    world: &World,
    view: &str,
    columns: Value,
    transform: bool,
) -> larder_core::Result<WriteOutcome> {
    let write = WriteToOnlineStore {
        view: view.to_owned(),
        table: json_table(columns),
        transform_on_write: transform,
    };
    world.writer.write_to_online_store(&world.catalog().await, &write).await
}

/// `driver_sum` with `extra` from the request.
fn with_request(world: &mut World) {
    world.objects.data_sources.push(request_source("asked", Field::new("extra", ValueType::INT64)));
    world.objects.on_demand_feature_views[0].sources[1] = OnDemandSource::RequestSource("asked".to_owned());
}

#[tokio::test]
async fn rows_of_a_feature_view_are_written_and_views_that_follow_are_computed() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({"driver_id": [1], "event_timestamp": ["1970-01-01T00:00:05"], "created": [null], "trips": [7]});
    let outcome = write(&world, "driver_stats", columns, true).await.unwrap();
    assert_eq!(outcome, WriteOutcome { written: 1, older: 0 });
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(7)));
    assert_eq!(world.held("driver_sum", "total").await[&1], (5, Some(7_000)));
}

#[tokio::test]
async fn times_may_be_called_as_feasts_client_calls_them_whatever_the_source_does() {
    let mut world = World::in_memory(&[], &[]);
    let source = world.objects.data_sources.iter_mut().find(|source| source.name == "stats_source").unwrap();
    let DataSourceKind::File(file) = &mut source.kind else { panic!("it is a file") };
    file.timestamp_field = "ts".to_owned();
    file.created_timestamp_column = Some("written".to_owned());
    let row = |time: &str, created: &str, trips: i64| json!({"driver_id": [1], time: [5], created: [trips], "trips": [trips]});
    write(&world, "driver_stats", row("event_timestamp", "created", 2), true).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(2)));
    // The created time was taken too: a row that was written earlier does not replace it.
    write(&world, "driver_stats", row("ts", "written", 1), true).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(2)));
    let error = write(&world, "driver_stats", row("time", "created", 3), true).await.unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(RequestError::MissingColumn { column, .. }) if column == "ts")
    );
}

#[tokio::test]
async fn rows_of_an_on_demand_view_are_transformed_from_their_inputs() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({
        "driver_id": [1, 2, 3, 4],
        "event_timestamp": [5, 6, 7, 8],
        "driver_stats__trips": [1, 2, null, 4],
        "extra": [10, null, null, 40],
    });
    write(&world, "driver_sum", columns, true).await.unwrap();
    let held = world.held("driver_sum", "total").await;
    let expected = [
        (1, 5, sum(Some(1), Some(10))),
        (2, 6, sum(Some(2), None)),
        (3, 7, None),
        (4, 8, sum(Some(4), Some(40))),
    ];
    assert_eq!(held, expected.into_iter().map(|(key, time, total)| (key, (time, total))).collect());
}

#[tokio::test]
async fn without_event_time_rows_of_an_on_demand_view_are_true_as_of_now() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({"driver_id": [1], "trips": [1], "extra": [2]});
    write(&world, "driver_sum", columns, true).await.unwrap();
    assert_eq!(world.held("driver_sum", "total").await[&1], (NOW, Some(1_002)));
}

#[tokio::test]
async fn rows_that_are_already_transformed_are_written_as_they_are() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "total": [42]});
    write(&world, "driver_sum", columns.clone(), false).await.unwrap();
    assert_eq!(world.held("driver_sum", "total").await[&1], (5, Some(42)));
    let error = write(&world, "driver_sum", columns, true).await.unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(RequestError::MissingColumn { column, .. }) if column == "trips")
    );
}

#[tokio::test]
async fn a_view_with_request_data_is_written_this_way_and_does_not_follow_its_sources() {
    let mut world = World::in_memory(&[], &[]);
    with_request(&mut world);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "trips": [1], "extra": [2]});
    write(&world, "driver_sum", columns, true).await.unwrap();
    let columns = json!({"driver_id": [1, 2], "event_timestamp": [9, 9], "trips": [3, 3]});
    write(&world, "driver_stats", columns, true).await.unwrap();
    let held = world.held("driver_sum", "total").await;
    assert_eq!(held.into_iter().collect::<Vec<_>>(), [(1, (5, Some(1_002)))]);
}

#[tokio::test]
async fn a_name_that_takes_no_writes_is_refused() {
    let mut world = World::in_memory(&[], &[]);
    let error = write(&world, "nope", json!({}), true).await.unwrap_err();
    assert_eq!(error.to_string(), "Can't recognize feast object with a name nope");
    world.objects.view_mut("driver_stats").online = false;
    let error = write(&world, "driver_stats", json!({}), true).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RequestError::NotServedOnline { .. })));
    world.objects.on_demand_feature_views[0].write_to_online_store = false;
    let error = write(&world, "driver_sum", json!({}), true).await.unwrap_err();
    assert!(error.to_string().contains("does not have write_to_online_store enabled"));
    world.objects.on_demand_feature_views[0].enabled = false;
    let error = write(&world, "driver_sum", json!({}), true).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RequestError::FeatureViewDisabled { .. })));
}

#[tokio::test]
async fn a_missing_join_key_is_refused() {
    let world = World::in_memory(&[], &[]);
    let error = write(&world, "driver_sum", json!({"trips": [1], "extra": [1]}), true).await.unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(RequestError::MissingColumn { column, .. }) if column == "driver_id")
    );
    let columns = json!({"driver_id": [null], "trips": [1], "extra": [1]});
    let error = write(&world, "driver_sum", columns, true).await.unwrap_err();
    assert!(error.to_string().contains("null is not a valid join key"), "{error}");
}
