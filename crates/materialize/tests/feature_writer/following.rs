//! Which on-demand views follow which sources, and what their rows are.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use larder_core::PushMode;
use larder_core::{
    EntityKey, EntityKeyEncoder, EntityKeyVersion, FeatureViewProjection, Field, OnDemandSource, OnlineStore,
    ValueType,
};
use larder_materialize::{Materialize, WriteToOnlineStore};
use larder_online::MemoryOnlineStore;
use serde_json::json;

use crate::failing_stores::{CrashingStore, Survival, YieldingStore};
use crate::world::{
    Row, World, at, driver_doubled, feature_view, json_table, projection, push_source, read_one,
    request_source, sum,
};

fn row(key: i64, event: i64, value: Option<i64>) -> Row {
    Row { key: Some(key), event, created: None, value }
}

fn trip() -> [Field; 2] {
    [Field::new("driver_id", ValueType::INT64), Field::new("zone_id", ValueType::INT64)]
}

fn trip_key(driver: i64, zone: i64) -> EntityKey {
    let columns = [driver, zone].map(|id| Arc::new(Int64Array::from(vec![id])) as ArrayRef);
    let encoder = EntityKeyEncoder::try_new(&trip(), EntityKeyVersion::V3).unwrap();
    encoder.encode(&columns, 1).unwrap().remove(0).unwrap()
}

/// Makes `driver_sum` a view of trips (driver and zone), with `extra` known per trip and `trips` per driver.
fn sum_by_trip(world: &mut World) {
    world.objects.data_sources.push(push_source("trip_push", None));
    let view = world.objects.view_mut("driver_extra");
    view.join_keys = trip().to_vec();
    view.entities.push("zone".to_owned());
    view.batch_source = None;
    let view = &mut world.objects.on_demand_feature_views[0];
    view.join_keys = trip().to_vec();
    view.entities.push("zone".to_owned());
}

#[tokio::test]
async fn a_row_has_the_newest_event_time_of_its_sources_and_nulls_for_those_without_row() {
    let world = World::in_memory(&[], &[]);
    world.push("stats_push", "trips", &[row(1, 9, Some(3)), row(2, 9, None)]).await.unwrap();
    assert_eq!(
        world.held("driver_sum", "total").await,
        BTreeMap::from([(1, (9, sum(Some(3), None))), (2, (9, None))])
    );
    world.push("extra_push", "extra", &[row(1, 4, Some(5)), row(3, 4, Some(6))]).await.unwrap();
    assert_eq!(
        world.held("driver_sum", "total").await,
        BTreeMap::from([(1, (9, sum(Some(3), Some(5)))), (2, (9, None)), (3, (4, sum(None, Some(6))))])
    );
}

#[tokio::test]
async fn by_name_a_view_is_computed_for_the_keys_its_sources_have_in_the_span() {
    let mut world = World::in_memory(&[row(1, 5, Some(1)), row(2, 50, Some(2)), row(3, 5, Some(3))], &[]);
    let follows = world.objects.on_demand_feature_views.remove(0);
    world.push("stats_push", "trips", &[row(1, 6, Some(7)), row(2, 60, Some(8))]).await.unwrap();
    assert!(world.held("driver_sum", "total").await.is_empty(), "it is not there yet");
    world.objects.on_demand_feature_views.push(follows);
    let asked =
        Materialize { start: at(0), end: at(10), views: Some(vec!["driver_sum".to_owned()]), version: None };
    let report = world.writer.materialize(&world.catalog().await, &asked, &()).await.unwrap();
    // Key 3 has no row online yet, key 2 none in the span.
    assert_eq!(world.held("driver_sum", "total").await, BTreeMap::from([(1, (6, Some(7_000)))]));
    let report = &report.views[0];
    assert_eq!((report.keys, report.outcome.written, report.recorded), (2, 1, None));
    assert_eq!(world.log.intervals("driver_sum"), []);
}

#[tokio::test]
async fn a_source_with_fewer_join_keys_is_read_for_the_rows_that_another_source_names() {
    let mut world = World::in_memory(&[row(1, 5, Some(1))], &[]);
    sum_by_trip(&mut world);
    let push_extra = |event: i64| {
        let columns = json!({"driver_id": [1, 2], "zone_id": [7, 7], "event_timestamp": [event, event], "extra": [4, 5]});
        world.push_json("extra_push", columns, PushMode::Online)
    };
    let keys = || vec![Some(trip_key(1, 7)), Some(trip_key(2, 7)), Some(trip_key(1, 8))];
    world.push("stats_push", "trips", &[row(1, 3, Some(2))]).await.unwrap();
    assert_eq!(read_one(&*world.online, "driver_sum", "total", keys()).await, [None, None, None]);
    push_extra(2).await.unwrap();
    assert_eq!(
        read_one(&*world.online, "driver_sum", "total", keys()).await,
        [Some((3, sum(Some(2), Some(4)))), Some((2, sum(None, Some(5)))), None]
    );
    // Nobody knows which trips the driver has until the trips are written again.
    world.push("stats_push", "trips", &[row(1, 9, Some(6))]).await.unwrap();
    push_extra(2).await.unwrap();
    let now = read_one(&*world.online, "driver_sum", "total", keys()).await;
    assert_eq!(now[0], Some((9, sum(Some(6), Some(4)))));
}

#[tokio::test]
async fn renamed_join_keys_lead_to_the_rows_of_the_renamed_key() {
    let mut world = World::in_memory(&[], &[]);
    let view = &mut world.objects.on_demand_feature_views[0];
    view.join_keys = vec![Field::new("rider_id", ValueType::INT64)];
    for source in &mut view.sources {
        let OnDemandSource::FeatureView(projection) = source else { panic!("both are views") };
        projection.join_key_map.insert("driver_id".to_owned(), "rider_id".to_owned());
    }
    world.push("stats_push", "trips", &[row(1, 3, Some(2))]).await.unwrap();
    let id: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let encoder =
        EntityKeyEncoder::try_new(&[Field::new("rider_id", ValueType::INT64)], EntityKeyVersion::V3).unwrap();
    let key = encoder.encode(&[id], 1).unwrap();
    assert_eq!(read_one(&*world.online, "driver_sum", "total", key).await, [Some((3, Some(2_000)))]);
}

#[tokio::test]
async fn a_source_with_a_join_key_of_its_own_keeps_the_view_from_following() {
    let mut world = World::in_memory(&[], &[]);
    sum_by_trip(&mut world);
    let view = &mut world.objects.on_demand_feature_views[0];
    view.entities.pop();
    view.join_keys.pop();
    world.push("stats_push", "trips", &[row(1, 3, Some(2))]).await.unwrap();
    assert!(world.held("driver_sum", "total").await.is_empty());
    let asked =
        Materialize { start: at(0), end: at(10), views: Some(vec!["driver_sum".to_owned()]), version: None };
    let error = world.writer.materialize(&world.catalog().await, &asked, &()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "on-demand feature view `driver_sum` cannot follow `driver_extra`, whose join key `zone_id` it does \
         not have; add the entity to the view"
    );
}

#[tokio::test]
async fn a_view_of_which_no_source_has_all_join_keys_does_not_follow() {
    let mut world = World::in_memory(&[], &[]);
    let view = &mut world.objects.on_demand_feature_views[0];
    view.join_keys = trip().to_vec();
    view.entities.push("zone".to_owned());
    let asked =
        Materialize { start: at(0), end: at(10), views: Some(vec!["driver_sum".to_owned()]), version: None };
    let error = world.writer.materialize(&world.catalog().await, &asked, &()).await.unwrap_err();
    assert!(error.to_string().contains("none of them has all its join keys"), "{error}");
}

#[tokio::test]
async fn a_source_that_gives_no_input_still_counts_for_the_event_time() {
    let mut world = World::in_memory(&[], &[]);
    world.objects.feature_views.push(feature_view("unused", "other", "stats"));
    world.objects.view_mut("unused").stream_source = Some("unused_push".to_owned());
    world.objects.on_demand_feature_views[0].sources.push(projection("unused", "other"));
    world.push("stats_push", "trips", &[row(1, 3, Some(2))]).await.unwrap();
    world.push("unused_push", "other", &[row(1, 8, Some(2)), row(2, 8, None)]).await.unwrap();
    assert_eq!(
        world.held("driver_sum", "total").await,
        BTreeMap::from([(1, (8, Some(2_000))), (2, (8, None))])
    );
}

#[tokio::test]
async fn views_without_entities_follow_each_other() {
    let mut world = World::in_memory(&[], &[]);
    for name in ["driver_stats", "driver_extra"] {
        let view = world.objects.view_mut(name);
        view.entities.clear();
        view.join_keys = vec![larder_core::dummy_join_key()];
    }
    let view = &mut world.objects.on_demand_feature_views[0];
    view.entities.clear();
    view.join_keys = vec![larder_core::dummy_join_key()];
    world.push("stats_push", "trips", &[row(1, 3, Some(2))]).await.unwrap();
    world.push("extra_push", "extra", &[row(1, 5, Some(1))]).await.unwrap();
    assert_eq!(world.held_without_entities("driver_sum", "total").await, Some((5, Some(2_001))));
}

#[tokio::test]
async fn an_older_row_makes_good_for_the_death_of_a_newer_ones_writer() {
    for seed in 0..20 {
        let store = Arc::new(CrashingStore::new(Survival::Prefix, seed));
        let world = World::new(Arc::clone(&store) as Arc<dyn OnlineStore>, &[], &[]);
        // Dies after the row of the source is written and before that of the view; nobody tries again.
        store.crash_after(1).await;
        world.push("stats_push", "trips", &[row(1, 9, Some(2))]).await.unwrap_err();
        world.push("stats_push", "trips", &[row(1, 3, Some(1))]).await.unwrap();
        let trips = world.held("driver_stats", "trips").await[&1];
        assert!(trips == (9, Some(2)) || trips == (3, Some(1)), "{trips:?}");
        assert_eq!(world.held("driver_sum", "total").await[&1], (trips.0, sum(trips.1, None)));
    }
}

#[tokio::test]
async fn a_view_is_brought_up_to_date_even_if_the_caller_of_a_push_goes_away() {
    for seed in 0..20 {
        let store = YieldingStore::new(Arc::new(MemoryOnlineStore::new()), seed);
        let world = World::new(Arc::new(store), &[], &[]);
        let rows = [row(1, 3, Some(2))];
        tokio::select! {
            biased;
            () = async { while world.held("driver_stats", "trips").await.is_empty() {} } => {}
            _ = world.push("stats_push", "trips", &rows) => {}
        }
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.held("driver_sum", "total").await[&1], (3, Some(2_000)));
    }
}

#[tokio::test]
async fn a_view_follows_the_sources_of_the_view_it_reads_whether_that_is_kept_or_not() {
    for inner_is_kept in [true, false] {
        let mut world = World::in_memory(&[row(1, 5, Some(1)), row(2, 50, Some(2))], &[]);
        world.objects.on_demand_feature_views[0].write_to_online_store = inner_is_kept;
        // Before the view it reads, in the order of the registry.
        world.objects.on_demand_feature_views.insert(0, driver_doubled());
        world.push("stats_push", "trips", &[row(1, 9, Some(3))]).await.unwrap();
        world.push("extra_push", "extra", &[row(1, 4, Some(5)), row(3, 4, Some(6))]).await.unwrap();
        assert_eq!(
            world.held("driver_doubled", "doubled").await,
            BTreeMap::from([(1, (9, Some(6_011))), (3, (4, Some(13)))])
        );
        let kept = if inner_is_kept {
            BTreeMap::from([(1, (9, Some(3_005))), (3, (4, Some(6)))])
        } else {
            BTreeMap::new()
        };
        assert_eq!(world.held("driver_sum", "total").await, kept);
        // Materializing it alone takes the keys of the feature views at the end of the chain.
        let names = ["driver_stats", "driver_doubled"].map(str::to_owned).to_vec();
        let asked = Materialize { start: at(40), end: at(60), views: Some(names), version: None };
        world.writer.materialize(&world.catalog().await, &asked, &()).await.unwrap();
        assert_eq!(world.held("driver_doubled", "doubled").await[&2], (50, Some(4_001)));
    }
}

#[tokio::test]
async fn a_view_that_reads_one_with_request_data_does_not_follow() {
    let mut world = World::in_memory(&[], &[]);
    let field = Field::new("asked", ValueType::INT64);
    world.objects.data_sources.push(request_source("request", field));
    world.objects.on_demand_feature_views[0]
        .sources
        .push(OnDemandSource::RequestSource("request".to_owned()));
    world.objects.on_demand_feature_views.push(driver_doubled());
    let asked = Materialize {
        start: at(0),
        end: at(10),
        views: Some(vec!["driver_doubled".to_owned()]),
        version: None,
    };
    let error = world.writer.materialize(&world.catalog().await, &asked, &()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "on-demand feature view `driver_doubled` needs request data of `request`, so its stored rows do not \
         follow its other sources; write them through `write_to_online_store`"
    );
}

#[tokio::test]
async fn rows_written_to_a_view_that_reads_another_have_what_the_chain_takes() {
    let mut world = World::in_memory(&[], &[]);
    world.objects.on_demand_feature_views.push(driver_doubled());
    let write = |columns| {
        let view = "driver_doubled".to_owned();
        WriteToOnlineStore { view, table: json_table(columns), transform_on_write: true }
    };
    let rows = json!({"driver_id": [1, 2], "event_timestamp": [7, 8], "trips": [3, null], "driver_extra__extra": [5, 4]});
    world.writer.write_to_online_store(&world.catalog().await, &write(rows)).await.unwrap();
    let held = world.held("driver_doubled", "doubled").await;
    assert_eq!(held.values().map(|(_, value)| *value).collect::<Vec<_>>(), [Some(6_011), Some(9)]);
    assert!(world.held("driver_sum", "total").await.is_empty(), "nobody wrote to it");
    let rows = json!({"driver_id": [1], "event_timestamp": [7], "total": [3]});
    let error = world.writer.write_to_online_store(&world.catalog().await, &write(rows)).await.unwrap_err();
    assert!(error.to_string().contains("trips"), "{error}");
}

#[tokio::test]
async fn a_short_name_that_two_inputs_of_a_chain_have_stands_for_neither() {
    let mut world = World::in_memory(&[], &[]);
    world.objects.feature_views.push(feature_view("first", "total", "stats"));
    world.objects.feature_views.push(feature_view("second", "total", "extra"));
    let mut inner = driver_doubled();
    inner.sources = vec![projection("first", "total")];
    let mut outer = driver_doubled();
    outer.name = "outer".to_owned();
    outer.transformation.function = "again".to_owned();
    outer.features = vec![Field::new("again", ValueType::INT64)];
    let doubled = FeatureViewProjection::new("driver_doubled", vec!["doubled".to_owned()]);
    outer.sources = vec![projection("second", "total"), OnDemandSource::OnDemandFeatureView(doubled)];
    world.objects.on_demand_feature_views.extend([inner, outer]);
    let catalog = world.catalog().await;
    let write = async |columns| {
        let write = WriteToOnlineStore {
            view: "outer".to_owned(),
            table: json_table(columns),
            transform_on_write: true,
        };
        world.writer.write_to_online_store(&catalog, &write).await
    };
    let error = write(json!({"driver_id": [1], "event_timestamp": [7], "total": [3]})).await.unwrap_err();
    assert!(error.to_string().contains("first__total"), "{error}");
    let full = json!({"driver_id": [1], "event_timestamp": [7], "first__total": [3], "second__total": [10]});
    write(full).await.unwrap();
    assert_eq!(world.held("outer", "again").await[&1].1, Some(2 * (10 + 7) + 1));
}
