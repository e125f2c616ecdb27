//! Pushed rows: what is taken, what is refused, and where it ends up.

use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::PushMode;
use larder_core::{DataSourceKind, ErrorKind, OnlineStore, RequestError, Timestamp, ValueType};
use larder_materialize::{Materialize, Push, write_to_offline_store};
use serde_json::{Value, json};

use crate::failing_stores::{CrashingStore, Survival};
use crate::world::{NOW, Row, World, feature_view, file_source, json_table, push_source};

const ALL: Materialize =
    Materialize { start: Timestamp::EPOCH, end: Timestamp::MAX, views: None, version: None };

/// The online refusal of a push, after which nothing may have been written.
async fn refusal(world: &World, columns: Value, to: PushMode) -> String {
    let error = world.push_json("stats_push", columns, to).await.unwrap_err();
    assert!(world.held("driver_stats", "trips").await.is_empty(), "a refused push writes nothing");
    error.to_string()
}

#[tokio::test]
async fn pushed_rows_are_read_at_once_with_values_as_feast_takes_them() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({
        "driver_id": ["1", 2.9],
        "event_timestamp": ["1970-01-01T01:00:05+01:00", "1970-01-01 00:00:06"],
        "created": ["1970-01-01T00:00:05Z", null],
        "trips": ["7", null],
    });
    let report = world.push_json("stats_push", columns, PushMode::Online).await.unwrap();
    let written: Vec<_> =
        report.online.iter().map(|view| (view.view.as_str(), view.outcome.written)).collect();
    assert_eq!((written, report.offline), (vec![("driver_stats", 2)], vec![]));
    let held = world.held("driver_stats", "trips").await;
    assert_eq!(held, BTreeMap::from([(1, (5, Some(7))), (2, (6, None))]));
}

#[tokio::test]
async fn the_created_column_may_be_missing_and_others_are_ignored() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "trips": [7], "bogus": [{}]});
    world.push_json("stats_push", columns, PushMode::Online).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(7)));
}

#[tokio::test]
async fn rows_whose_features_are_all_null_are_written() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "trips": [null]});
    world.push_json("stats_push", columns, PushMode::Online).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, None));
}

#[tokio::test]
async fn a_table_without_rows_is_taken_whatever_its_columns() {
    let world = World::in_memory(&[], &[]);
    for columns in [json!({}), json!({"bogus": []})] {
        let report = world.push_json("stats_push", columns, PushMode::OnlineAndOffline).await.unwrap();
        assert_eq!(report.online, []);
    }
}

#[tokio::test]
async fn a_missing_column_is_named_with_what_needs_it() {
    let world = World::in_memory(&[], &[]);
    for missing in ["driver_id", "event_timestamp", "trips"] {
        let mut columns = json!({"driver_id": [1], "event_timestamp": [5], "trips": [7]});
        columns.as_object_mut().unwrap().remove(missing);
        let text = refusal(&world, columns, PushMode::Online).await;
        let expected =
            format!("column `{missing}` is missing: feature view `driver_stats` needs it; it has [");
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_refuses_the_whole_push() {
    let world = World::in_memory(&[], &[]);
    let cases = [
        ("trips", json!([7, "abc"]), "column `trips`, row 1: \"abc\" is not a valid Int64"),
        ("event_timestamp", json!([5, "yesterday"]), "column `event_timestamp`, row 1: \"yesterday\" is not"),
        (
            "event_timestamp",
            json!([5, null]),
            "column `event_timestamp`, row 1: null is not a valid event time",
        ),
        (
            "event_timestamp",
            json!([5, 1_738_454_400_000_i64]),
            "column `event_timestamp`, row 1: the event time lies outside the years 1 to 9999; send seconds",
        ),
        ("driver_id", json!([1, null]), "column `driver_id`, row 1: null is not a valid join key"),
    ];
    for (name, values, expected) in cases {
        let mut columns = json!({"driver_id": [1, 2], "event_timestamp": [5, 5], "trips": [7, 7]});
        columns[name] = values;
        let text = refusal(&world, columns, PushMode::OnlineAndOffline).await;
        assert!(text.starts_with(expected), "{text}");
    }
}

#[tokio::test]
async fn an_unknown_source_and_a_disabled_view_are_refused() {
    let mut world = World::in_memory(&[], &[]);
    let error = world.push_json("nope", json!({}), PushMode::Online).await.unwrap_err();
    assert_eq!(
        error.downcast_ref(),
        Some(&RequestError::PushSourceNotFound { push_source: "nope".to_owned() })
    );
    world.objects.view_mut("driver_stats").enabled = false;
    let error = world.push_json("stats_push", json!({}), PushMode::Online).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RequestError::FeatureViewDisabled { .. })));
}

#[tokio::test]
async fn a_newer_row_stays_and_of_equal_ones_the_last_pushed() {
    let world = World::in_memory(&[], &[]);
    let push = |event: i64, trips: Vec<i64>| {
        let columns = json!({
            "driver_id": vec![1; trips.len()],
            "event_timestamp": vec![event; trips.len()],
            "trips": trips,
        });
        world.push_json("stats_push", columns, PushMode::Online)
    };
    push(5, vec![1, 2, 3]).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(3)));
    push(4, vec![9]).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(3)));
    push(5, vec![4]).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(4)));
}

#[tokio::test]
async fn every_view_that_the_source_feeds_is_written_in_name_order() {
    let mut world = World::in_memory(&[], &[]);
    world.objects.feature_views.push(feature_view("another", "trips", "stats"));
    let mut offline_only = feature_view("offline_only", "trips", "stats");
    offline_only.online = false;
    world.objects.feature_views.push(offline_only);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "trips": [7]});
    let report = world.push_json("stats_push", columns, PushMode::Online).await.unwrap();
    let written: Vec<&str> = report.online.iter().map(|view| view.view.as_str()).collect();
    assert_eq!(written, ["another", "driver_stats"]);
    for view in ["another", "driver_stats"] {
        assert_eq!(world.held(view, "trips").await[&1], (5, Some(7)));
    }
}

#[tokio::test]
async fn a_push_to_views_of_which_none_is_kept_online_is_refused() {
    let mut world = World::in_memory(&[], &[]);
    world.objects.view_mut("driver_stats").online = false;
    let error = world.push_json("stats_push", json!({}), PushMode::Online).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RequestError::NotServedOnline { .. })));
}

#[tokio::test]
async fn rows_pushed_offline_reach_the_online_store_by_materialization_only() {
    let world = World::in_memory(&[], &[]);
    // No zone means UTC.
    let columns = json!({
        "trips": [7], "created": ["1970-01-01 00:00:06"],
        "driver_id": [1], "event_timestamp": ["1970-01-01T00:00:05"],
    });
    let report = world.push_json("stats_push", columns, PushMode::Offline).await.unwrap();
    assert_eq!((report.online, report.offline), (vec![], vec!["stats_source".to_owned()]));
    assert!(world.held("driver_stats", "trips").await.is_empty());
    world.writer.materialize(&world.catalog().await, &ALL, &()).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await[&1], (5, Some(7)));
}

#[tokio::test]
async fn offline_columns_must_be_those_of_the_source_or_nothing_is_written_anywhere() {
    let world = World::in_memory(&[], &[]);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "trips": [7], "bogus": [1]});
    for to in [PushMode::Offline, PushMode::OnlineAndOffline] {
        assert_eq!(
            refusal(&world, columns.clone(), to).await,
            "The input dataframe columns do not match the batch source columns. \
             missing_expected_columns: ['created'], extra_unexpected_columns: ['bogus']."
        );
    }
}

#[tokio::test]
async fn rows_are_written_offline_for_one_view_as_by_a_push() {
    let mut world = World::in_memory(&[], &[]);
    let offline = Arc::clone(&world.offline);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "created": [6], "trips": [7]});
    let table = |columns| Arc::unwrap_or_clone(json_table(columns));
    let catalog = world.catalog().await;
    write_to_offline_store(offline.as_ref(), &catalog, "driver_stats", table(columns)).await.unwrap();
    let nothing = json!({});
    write_to_offline_store(offline.as_ref(), &catalog, "driver_stats", table(nothing.clone())).await.unwrap();
    world.writer.materialize(&catalog, &ALL, &()).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await, BTreeMap::from([(1, (5, Some(7)))]));

    let bogus = json!({"driver_id": [1], "event_timestamp": [5], "trips": [7], "bogus": [1]});
    world.objects.view_mut("driver_extra").enabled = false;
    let catalog = world.catalog().await;
    for (view, columns, part) in [
        ("driver_stats", bogus, "missing_expected_columns: ['created'], extra_unexpected_columns: ['bogus']"),
        ("driver_extra", nothing.clone(), "is disabled"),
        ("nope", nothing, "Feature view nope does not exist"),
    ] {
        let refused =
            write_to_offline_store(offline.as_ref(), &catalog, view, table(columns)).await.unwrap_err();
        assert!(refused.to_string().contains(part), "{refused}");
    }
}

#[tokio::test]
async fn views_that_share_a_batch_source_add_the_rows_to_it_once() {
    let mut world = World::in_memory(&[], &[]);
    world.objects.feature_views.push(feature_view("another", "trips", "stats"));
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "created": [6], "trips": [7]});
    let report = world.push_json("stats_push", columns, PushMode::OnlineAndOffline).await.unwrap();
    assert_eq!((report.online.len(), report.offline.len()), (2, 1));
    let report = world.writer.materialize(&world.catalog().await, &ALL, &()).await.unwrap();
    assert_eq!(report.views[0].rows_scanned, 1);
}

#[tokio::test]
async fn a_view_without_batch_source_takes_rows_online_only() {
    let mut world = World::in_memory(&[], &[]);
    world.objects.data_sources.push(push_source("live_push", None));
    let mut view = feature_view("live", "trips", "live");
    view.batch_source = None;
    world.objects.feature_views.push(view);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "trips": [7]});
    for to in [PushMode::Offline, PushMode::OnlineAndOffline] {
        let error = world.push_json("live_push", columns.clone(), to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("feature view `live` has no batch source"), "{error}");
    }
    assert!(world.held("live", "trips").await.is_empty());
    world.push_json("live_push", columns, PushMode::Online).await.unwrap();
    assert_eq!(world.held("live", "trips").await[&1], (5, Some(7)));
}

#[tokio::test]
async fn columns_may_be_called_as_in_the_source_or_as_in_the_view_online_and_as_in_the_source_offline() {
    let mut world = World::in_memory(&[], &[]);
    let source = world.objects.data_sources.iter_mut().find(|source| source.name == "stats_source").unwrap();
    let DataSourceKind::File(file) = &mut source.kind else { panic!("it is a file") };
    file.field_mapping.insert("trips".to_owned(), "mapped".to_owned());
    world.objects.view_mut("driver_stats").features[0].name = "mapped".to_owned();
    world.objects.on_demand_feature_views.clear();
    let columns = |name: &str, value: i64, event: i64| {
        let mut columns = json!({"driver_id": [1], "event_timestamp": [event], "created": [null]});
        columns[name] = json!([value]);
        columns
    };
    world.push_json("stats_push", columns("mapped", 1, 1), PushMode::Online).await.unwrap();
    assert_eq!(world.held("driver_stats", "mapped").await[&1], (1, Some(1)));
    world.push_json("stats_push", columns("trips", 2, 2), PushMode::OnlineAndOffline).await.unwrap();
    assert_eq!(world.held("driver_stats", "mapped").await[&1], (2, Some(2)));
    let error = world.push_json("stats_push", columns("mapped", 3, 3), PushMode::Offline).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("missing_expected_columns: ['trips'], extra_unexpected_columns: ['mapped']")
    );
}

#[tokio::test]
async fn a_pushed_fraction_is_not_cut_by_a_text_file_that_has_whole_numbers_so_far() {
    let mut world = World::in_memory(&[], &[]);
    let path = world.folder.path().join("rates.csv");
    std::fs::write(&path, "driver_id,event_timestamp,created,rate\n1,1970-01-01T00:00:01Z,,7\n").unwrap();
    world.objects.data_sources.push(file_source("rates_source", "rates.csv"));
    world.objects.data_sources.push(push_source("rates_push", Some("rates_source")));
    let mut view = feature_view("driver_rates", "rate", "rates");
    view.features[0].value_type = ValueType::FLOAT64;
    world.objects.feature_views.push(view);
    let columns = json!({"driver_id": [1], "event_timestamp": [5], "created": [null], "rate": [0.5]});
    world.push_json("rates_push", columns, PushMode::Offline).await.unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().last().unwrap().ends_with(",0.5"), "{text}");
}

#[tokio::test]
async fn a_push_is_durable_when_it_returns() {
    let store = Arc::new(CrashingStore::new(Survival::AnyRows, 1));
    let world = World::new(Arc::clone(&store) as Arc<dyn OnlineStore>, &[], &[]);
    let rows = [Row::new(Some(1), NOW, None)];
    world.push("stats_push", "trips", &rows).await.unwrap();
    let before = world.held("driver_sum", "total").await;
    store.crash_after(0).await;
    assert!(store.flush().await.is_err(), "it crashes");
    assert_eq!(world.held("driver_stats", "trips").await[&1].0, NOW);
    assert_eq!(world.held("driver_sum", "total").await, before);
}

#[test]
fn modes_are_called_as_in_requests() {
    assert_eq!(PushMode::parse("online_and_offline"), Ok(PushMode::OnlineAndOffline));
    assert_eq!(
        PushMode::parse("sideways").unwrap_err().to_string(),
        "sideways is not a supported push format. Please specify one of these ['online', 'offline', \
         'online_and_offline']."
    );
}

#[tokio::test]
async fn many_rows_are_written_in_batches_and_all_arrive() {
    let world = World::in_memory(&[], &[]);
    let rows: Vec<i64> = (0..2_000).collect();
    let columns = json!({
        "driver_id": rows.iter().map(|row| row % 5).collect::<Vec<_>>(),
        "event_timestamp": rows,
        "trips": rows,
    });
    let push =
        Push { push_source: "stats_push".to_owned(), table: json_table(columns), to: PushMode::Online };
    world.writer.push(&world.catalog().await, &push).await.unwrap();
    let held = world.held("driver_stats", "trips").await;
    assert_eq!(held, (0..5).map(|key| (key, (1_995 + key, Some(1_995 + key)))).collect());
}
