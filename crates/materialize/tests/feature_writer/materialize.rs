//! Selection, spans, notices, records and failures of materialization.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_core::{
    BatchTransformation, ErrorKind, FeatureViewKind, Field, MaterializationInterval, OnlineStore,
    PythonFunction, RequestError, Timestamp, ValueType,
};
use larder_materialize::{
    MaterializationEvent, MaterializationReport, Materialize, MaterializeError, MaterializeIncremental,
    NotFollowing, Notice,
};

use crate::failing_stores::JournalingStore;
use crate::world::{NOW, Row, World, at, feature_view, request_source};

fn interval(start: i64, end: i64) -> MaterializationInterval {
    MaterializationInterval { start: at(start), end: at(end) }
}

fn rows(rows: &[(i64, i64)]) -> Vec<Row> {
    rows.iter()
        .map(|(key, event)| Row { value: Some(*event), ..Row::new(Some(*key), *event, None) })
        .collect()
}

async fn materialize(
    world: &World,
    start: i64,
    end: i64,
    views: Option<&[&str]>,
) -> larder_core::Result<(MaterializationReport, Vec<MaterializationEvent>)> {
    let views = views.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let events = Mutex::new(Vec::new());
    let observer = |event| events.lock().unwrap().push(event);
    let asked = Materialize { start: at(start), end: at(end), views, version: None };
    let report = world.writer.materialize(&world.catalog().await, &asked, &observer).await?;
    Ok((report, events.into_inner().unwrap()))
}

async fn incremental(world: &World, end: i64, views: &[&str]) -> (MaterializationReport, Vec<Notice>) {
    let views = Some(views.iter().map(|name| (*name).to_owned()).collect());
    let notices = Mutex::new(Vec::new());
    let observer = |event| {
        if let MaterializationEvent::Notice(notice) = event {
            notices.lock().unwrap().push(notice);
        }
    };
    let asked = MaterializeIncremental { end: at(end), views, version: None };
    let catalog = world.catalog().await;
    let report = world.writer.materialize_incremental(&catalog, &asked, &observer).await.unwrap();
    (report, notices.into_inner().unwrap())
}

async fn refusal(world: &World, views: &[&str]) -> String {
    materialize(world, 0, 10, Some(views)).await.unwrap_err().to_string()
}

#[tokio::test]
async fn both_ends_of_the_span_are_included() {
    let world = World::in_memory(&rows(&[(0, 4), (1, 5), (2, 9), (3, 10)]), &[]);
    let (report, _) = materialize(&world, 5, 9, Some(&["driver_stats"])).await.unwrap();
    let held = world.held("driver_stats", "trips").await;
    assert_eq!(held.into_iter().collect::<Vec<_>>(), [(1, (5, Some(5))), (2, (9, Some(9)))]);
    assert_eq!(report.views[0].keys, 2);
    assert_eq!(world.log.intervals("driver_stats"), [interval(5, 9)]);
}

#[tokio::test]
async fn an_interval_is_recorded_only_after_a_flush_that_follows_every_write() {
    let stats = rows(&[(0, 1), (1, 1), (2, 1), (3, 1)]);
    let mut world = World::in_memory(&stats, &stats);
    let store: Arc<dyn OnlineStore> = Arc::new(JournalingStore::new(&world.log.journal));
    world.replace_online(store);
    materialize(&world, 0, 10, None).await.unwrap();
    let journal = world.log.journal.lock().unwrap().clone();
    let pass = |view: &str| {
        let write = [format!("write {view}"), "write driver_sum".to_owned()];
        [write.clone(), write, ["flush".to_owned(), format!("record {view}")]].concat()
    };
    let own_pass = ["write driver_sum"; 4].into_iter().chain(["flush"]).map(str::to_owned).collect();
    assert_eq!(journal, [pass("driver_stats"), pass("driver_extra"), own_pass].concat());
}

#[tokio::test]
async fn a_view_without_rows_in_the_span_is_recorded_too() {
    let world = World::in_memory(&rows(&[(0, 1)]), &[]);
    materialize(&world, 5, 9, Some(&["driver_stats"])).await.unwrap();
    assert_eq!(world.log.intervals("driver_stats"), [interval(5, 9)]);
}

#[tokio::test]
async fn a_failing_view_leaves_earlier_views_recorded_and_later_ones_untouched() {
    let stats = rows(&[(0, 1)]);
    let mut world = World::in_memory(&stats, &stats);
    world.objects.on_demand_feature_views.clear();
    world.objects.feature_views.push(feature_view("later", "trips", "stats"));
    fs::remove_file(world.folder.path().join("extra.parquet")).unwrap();
    let error = materialize(&world, 0, 9, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "feature view `driver_extra` could not be materialized from 1970-01-01T00:00:00Z to \
         1970-01-01T00:00:09Z; nothing was recorded for it"
    );
    match error.downcast_ref() {
        Some(MaterializeError::View { view, start, end, .. }) => {
            assert_eq!((view.as_str(), *start, *end), ("driver_extra", at(0), at(9)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.log.intervals("driver_stats"), [interval(0, 9)]);
    assert_eq!(world.log.intervals("driver_extra"), []);
    assert_eq!(world.log.intervals("later"), []);
    assert!(world.held("later", "trips").await.is_empty());
}

#[tokio::test]
async fn an_inverted_span_is_refused_with_feasts_text_and_an_empty_one_is_not() {
    let world = World::in_memory(&rows(&[(0, 5)]), &[]);
    let error = materialize(&world, 6, 5, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "The given start_date 1970-01-01 00:00:06+00:00 is greater than the given end_date \
         1970-01-01 00:00:05+00:00."
    );
    materialize(&world, 5, 5, Some(&["driver_stats"])).await.unwrap();
    assert_eq!(world.held("driver_stats", "trips").await.len(), 1);
}

#[tokio::test]
async fn a_first_incremental_run_without_ttl_starts_52_weeks_ago_with_feasts_notice() {
    let world = World::in_memory(&[], &[]);
    let (report, notices) = incremental(&world, NOW, &["driver_stats"]).await;
    assert_eq!(report.views[0].interval, interval(NOW - 31_449_600, NOW));
    assert_eq!(notices, [Notice::NoTtl { view: "driver_stats".to_owned() }]);
    assert_eq!(
        notices[0].to_string(),
        "Since the ttl is 0 for feature view driver_stats, the start date will be set to 1 year before the \
         current time."
    );
}

#[tokio::test]
async fn incremental_runs_start_one_ttl_ago_and_then_where_the_last_one_ended() {
    let mut world = World::in_memory(&rows(&[(0, 939), (1, 940), (2, 985)]), &[]);
    world.objects.view_mut("driver_stats").ttl = Duration::from_secs(60);
    let (report, notices) = incremental(&world, 980, &["driver_stats"]).await;
    assert_eq!((report.views[0].interval, report.views[0].keys, notices), (interval(940, 980), 1, vec![]));
    let (report, _) = incremental(&world, 990, &["driver_stats"]).await;
    assert_eq!((report.views[0].interval, report.views[0].keys), (interval(980, 990), 1));
    assert_eq!(world.log.intervals("driver_stats"), [interval(940, 980), interval(980, 990)]);
}

#[tokio::test]
async fn rows_that_reach_the_source_late_are_found_by_runs_that_look_back_so_far() {
    for (lookback, is_found) in [(0, false), (59, false), (60, true)] {
        let world = World::in_memory(&rows(&[(0, 900)]), &[]).looking_back(lookback);
        materialize(&world, 0, 900, Some(&["driver_stats"])).await.unwrap();
        // Of a minute before the end that is recorded: one of a new driver, one that is older than what is known.
        world.write_stats(&rows(&[(0, 900), (0, 840), (1, 840)]));
        let (report, _) = incremental(&world, 950, &["driver_stats"]).await;
        assert_eq!(report.views[0].interval, interval(900 - i64::from(lookback), 950));
        let held = world.held("driver_stats", "trips").await;
        assert_eq!(held[&0], (900, Some(900)));
        assert_eq!(held.get(&1), is_found.then_some(&(840, Some(840))), "looking back {lookback} s");
    }
}

#[tokio::test]
async fn an_incremental_run_that_would_start_at_or_after_its_end_does_nothing_and_says_so() {
    let world = World::in_memory(&rows(&[(0, 5)]), &[]);
    materialize(&world, 0, 20, Some(&["driver_stats"])).await.unwrap();
    for end in [20, 10] {
        let (report, notices) = incremental(&world, end, &["driver_stats"]).await;
        assert_eq!((report.views[0].recorded, report.views[0].rows_scanned), (None, 0));
        let (start, end) = (at(20), at(end));
        assert_eq!(notices, [Notice::NothingToDo { view: "driver_stats".to_owned(), start, end }]);
    }
    assert_eq!(world.log.intervals("driver_stats"), [interval(0, 20)]);
}

#[tokio::test]
async fn rows_that_arrive_after_a_run_with_a_future_end_are_not_passed_over() {
    let world = World::in_memory(&rows(&[(0, NOW + 5)]), &[]);
    let (report, events) = materialize(&world, 0, NOW + 60, Some(&["driver_stats"])).await.unwrap();
    assert_eq!(report.views[0].recorded, Some(interval(0, NOW)));
    assert_eq!(world.log.intervals("driver_stats"), [interval(0, NOW)]);
    assert_eq!(world.held("driver_stats", "trips").await.len(), 1, "rows of the future are taken");
    let notice =
        Notice::EndInFuture { view: "driver_stats".to_owned(), end: at(NOW + 60), recorded: at(NOW) };
    assert!(events.contains(&MaterializationEvent::Notice(notice)));

    world.clock.set(at(NOW + 60));
    let (report, _) = incremental(&world, NOW + 60, &["driver_stats"]).await;
    assert_eq!(report.views[0].interval, interval(NOW, NOW + 60));
}

#[tokio::test]
async fn a_span_wholly_in_the_future_is_not_recorded() {
    let world = World::in_memory(&[], &[]);
    materialize(&world, NOW + 1, NOW + 2, Some(&["driver_stats"])).await.unwrap();
    assert_eq!(world.log.intervals("driver_stats"), []);
}

#[tokio::test]
async fn rows_without_join_key_are_passed_over_and_counted() {
    let mut stats = rows(&[(0, 1), (1, 1)]);
    stats[0].key = None;
    let world = World::in_memory(&stats, &[]);
    let (report, events) = materialize(&world, 0, 9, Some(&["driver_stats"])).await.unwrap();
    let report = &report.views[0];
    assert_eq!((report.rows_scanned, report.null_keys, report.keys, report.outcome.written), (2, 1, 1, 1));
    let notice = Notice::NullJoinKeys { view: "driver_stats".to_owned(), rows: 1 };
    assert!(events.contains(&MaterializationEvent::Notice(notice)));
}

#[tokio::test]
async fn an_older_row_never_replaces_a_newer_one_and_is_counted() {
    let world = World::in_memory(&rows(&[(0, 5), (1, 5)]), &[]);
    world.push("stats_push", "trips", &rows(&[(0, 7)])).await.unwrap();
    let (report, _) = materialize(&world, 0, 9, Some(&["driver_stats"])).await.unwrap();
    let outcome = report.views[0].outcome;
    assert_eq!((outcome.written, outcome.older), (1, 1));
    assert_eq!(world.held("driver_stats", "trips").await[&0], (7, Some(7)));
}

#[tokio::test]
async fn progress_tells_every_step_and_ends_with_the_reports() {
    let world = World::in_memory(&rows(&[(0, 1), (1, 2), (2, 3), (3, 4)]), &[]);
    let (report, events) = materialize(&world, 0, 9, Some(&["driver_stats"])).await.unwrap();
    let lines: Vec<String> = events
        .iter()
        .map(|event| match event {
            MaterializationEvent::RunStarted(header) => header.to_string(),
            MaterializationEvent::ViewStarted(header) => header.to_string(),
            MaterializationEvent::Scanned { summary, .. } => format!("scanned {}", summary.rows_scanned),
            MaterializationEvent::Wrote { rows, total, .. } => format!("{rows}/{total}"),
            MaterializationEvent::ViewDone(done) => {
                assert_eq!(*done, report.views[0]);
                "done".to_owned()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Materializing 1 feature views from 1970-01-01 00:00:00+00:00 to 1970-01-01 00:00:09+00:00 into \
             the memory online store.",
            "driver_stats:",
            "scanned 4",
            "3/4",
            "4/4",
            "done",
        ]
    );
}

#[tokio::test]
async fn the_lines_of_an_incremental_run_name_the_span_of_each_view() {
    let world = World::in_memory(&[], &[]);
    let lines = Mutex::new(Vec::new());
    let observer = |event| match event {
        MaterializationEvent::RunStarted(header) => lines.lock().unwrap().push(header.to_string()),
        MaterializationEvent::ViewStarted(header) => lines.lock().unwrap().push(header.to_string()),
        _ => {}
    };
    materialize(&world, 0, 10, Some(&["driver_stats"])).await.unwrap();
    let asked = MaterializeIncremental {
        end: Timestamp::from_micros(20_500_000),
        views: Some(vec!["driver_stats".into()]),
        version: None,
    };
    world.writer.materialize_incremental(&world.catalog().await, &asked, &observer).await.unwrap();
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "Materializing 1 feature views to 1970-01-01 00:00:20+00:00 into the memory online store.",
            "driver_stats from 1970-01-01 00:00:10+00:00 to 1970-01-01 00:00:20+00:00:",
        ]
    );
}

#[tokio::test]
async fn without_names_all_views_that_can_be_are_materialized_and_the_rest_is_left_out() {
    let mut world = World::in_memory(&[], &[]);
    for (name, change) in [("offline_only", 0), ("disabled", 1), ("push_only", 2)] {
        let mut view = feature_view(name, "trips", "stats");
        match change {
            0 => view.online = false,
            1 => view.enabled = false,
            _ => view.batch_source = None,
        }
        world.objects.feature_views.push(view);
    }
    world.objects.data_sources.push(request_source("asked", Field::new("extra", ValueType::INT64)));
    let mut with_request = world.objects.on_demand_feature_views[0].clone();
    with_request.name = "with_request".to_owned();
    with_request.sources[1] = larder_core::OnDemandSource::RequestSource("asked".to_owned());
    world.objects.on_demand_feature_views.push(with_request);
    let (report, events) = materialize(&world, 0, 9, None).await.unwrap();
    let done: Vec<&str> = report.views.iter().map(|view| view.view.as_str()).collect();
    assert_eq!(done, ["driver_stats", "driver_extra", "driver_sum"]);
    let reason =
        NotFollowing::RequestData { view: "with_request".to_owned(), data_source: "asked".to_owned() };
    assert!(events.contains(&MaterializationEvent::Notice(Notice::LeftOut(reason))));
}

#[tokio::test]
async fn a_view_that_an_engine_makes_is_written_from_its_source_and_said_to_be() {
    let mut world = World::in_memory(&rows(&[(0, 1)]), &[]);
    let function = PythonFunction { name: "f".to_owned(), text: "def f(frame): ...".to_owned() };
    let kind = BatchTransformation { udf: Some(function), ..BatchTransformation::default() };
    world.objects.view_mut("driver_stats").kind = FeatureViewKind::Batch(kind);
    let notice = MaterializationEvent::Notice(Notice::SourceAsItIs { view: "driver_stats".to_owned() });
    for names in [Some(&["driver_stats"][..]), None] {
        let (report, events) = materialize(&world, 0, 9, names).await.unwrap();
        assert!(report.views.iter().any(|view| view.view == "driver_stats"));
        assert_eq!(events.iter().filter(|event| **event == notice).count(), 1);
    }
    // The source of a view of views is where the engine writes its results.
    world.objects.view_mut("driver_stats").source_views = vec!["driver_extra".to_owned()];
    let (_, events) = materialize(&world, 0, 9, Some(&["driver_stats"])).await.unwrap();
    assert!(!events.contains(&notice));
}

#[tokio::test]
async fn a_name_that_cannot_be_materialized_is_refused_before_anything_is_written() {
    let mut world = World::in_memory(&rows(&[(0, 1)]), &[]);
    assert_eq!(
        refusal(&world, &["driver_stats", "nope"]).await,
        "Feature view nope does not exist in project rides"
    );
    assert!(world.held("driver_stats", "trips").await.is_empty());

    world.objects.view_mut("driver_stats").online = false;
    assert_eq!(
        refusal(&world, &["driver_stats"]).await,
        "FeatureView driver_stats is not configured to be served online."
    );
    assert!(refusal(&world, &["driver_sum"]).await.contains("`driver_stats`, which is not kept online"));
    world.objects.view_mut("driver_stats").enabled = false;
    assert!(refusal(&world, &["driver_stats"]).await.contains("is disabled. Enable it before mat"));
    world.objects.on_demand_feature_views[0].write_to_online_store = false;
    assert_eq!(
        refusal(&world, &["driver_sum"]).await,
        "OnDemandFeatureView driver_sum is not configured for write_to_online_store."
    );
    world.objects.view_mut("driver_extra").batch_source = None;
    let error = materialize(&world, 0, 9, Some(&["driver_extra"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.chain().contains("has no batch source"), "{}", error.chain());
    assert!(error.downcast_ref::<RequestError>().is_some(), "a mistake of the request is one on its face");
}

#[tokio::test]
async fn a_name_given_twice_is_done_once() {
    let world = World::in_memory(&[], &[]);
    let names = ["driver_extra", "driver_stats", "driver_extra"];
    let (report, _) = materialize(&world, 0, 9, Some(&names)).await.unwrap();
    let done: Vec<&str> = report.views.iter().map(|view| view.view.as_str()).collect();
    assert_eq!(done, ["driver_extra", "driver_stats"]);
}

#[tokio::test]
async fn a_view_without_entities_has_one_row() {
    let mut world = World::in_memory(&rows(&[(0, 1), (1, 3), (2, 2)]), &[]);
    world.objects.on_demand_feature_views.clear();
    let view = world.objects.view_mut("driver_stats");
    view.entities.clear();
    view.join_keys = vec![larder_core::dummy_join_key()];
    let (report, _) = materialize(&world, 0, 9, Some(&["driver_stats"])).await.unwrap();
    assert_eq!(report.views[0].outcome.written, 1);
    let held = world.held_without_entities("driver_stats", "trips").await;
    assert_eq!(held, Some((3, Some(3))));
}
