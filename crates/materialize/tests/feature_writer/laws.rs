//! The laws of the way into the online store, over random rows, orders, crashes and interleavings.

use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::{OnlineStore, WritePolicy};
use larder_materialize::{Materialize, MaterializeIncremental};
use larder_online::{MemoryOnlineStore, SledOnlineStore, SledOptions};
use proptest::prelude::*;

use crate::failing_stores::{CrashingStore, Survival, YieldingStore};
use crate::world::{Held, KEYS, NOW, Row, World, at, sum};

/// Event times lie between 0 and this, with many ties.
const LAST_EVENT: i64 = 40;

/// The store as plain arithmetic: all rows that ever arrived, the newest of each key.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<i64, Row>);

impl Model {
    fn add(&mut self, row: &Row) {
        let Some(key) = row.key else { return };
        let stays = self.0.get(&key).is_some_and(|known| known.version() > row.version());
        if !stays {
            self.0.insert(key, row.clone());
        }
    }

    fn add_span(&mut self, rows: &[Row], start: i64, end: i64) {
        for row in rows.iter().filter(|row| (start..=end).contains(&row.event)) {
            self.add(row);
        }
    }

    fn held(&self) -> Held {
        self.0.iter().map(|(key, row)| (*key, (row.event, row.value))).collect()
    }

    /// What an on-demand view over two views holds.
    fn held_sum(trips: &Self, extra: &Self) -> Held {
        let keys = (0..KEYS).filter_map(|key| {
            let (trips, extra) = (trips.0.get(&key), extra.0.get(&key));
            let newest = trips.map(|row| row.event).max(extra.map(|row| row.event))?;
            Some((key, (newest, sum(trips.and_then(|row| row.value), extra.and_then(|row| row.value)))))
        });
        keys.collect()
    }
}

fn row() -> impl Strategy<Value = Row> + Clone {
    let created = prop_oneof![Just(None), (0..3_i64).prop_map(Some)];
    (0..KEYS, 0..=LAST_EVENT, created).prop_map(|(key, event, created)| Row::new(Some(key), event, created))
}

/// Rows of a file, some without a join key.
fn file_rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (row(), prop::bool::weighted(0.1));
    let row = row.prop_map(|(row, null)| if null { Row { key: None, ..row } } else { row });
    prop::collection::vec(row, 0..50)
}

#[derive(Clone, Debug)]
enum Step {
    Materialize(i64, i64),
    Incremental(i64),
    PushStats(Vec<Row>),
    PushExtra(Vec<Row>),
}

fn step() -> impl Strategy<Value = Step> {
    let time = 0..=LAST_EVENT + 5;
    let rows = prop::collection::vec(row(), 1..8);
    prop_oneof![
        (time.clone(), time.clone()).prop_map(|(a, b)| Step::Materialize(a.min(b), a.max(b))),
        time.prop_map(Step::Incremental),
        rows.clone().prop_map(Step::PushStats),
        rows.prop_map(Step::PushExtra),
    ]
}

impl Step {
    /// Does the step once.
    async fn attempt(&self, world: &World) -> larder_core::Result<()> {
        let catalog = world.catalog().await;
        match self {
            Self::Materialize(start, end) => {
                let span = Materialize { start: at(*start), end: at(*end), views: None, version: None };
                world.writer.materialize(&catalog, &span, &()).await.map(|_| ())
            }
            Self::Incremental(end) => {
                let end = MaterializeIncremental { end: at(*end), views: None, version: None };
                world.writer.materialize_incremental(&catalog, &end, &()).await.map(|_| ())
            }
            Self::PushStats(rows) => world.push("stats_push", "trips", rows).await,
            Self::PushExtra(rows) => world.push("extra_push", "extra", rows).await,
        }
    }

    /// Adds what the step brings, given what is recorded before its first attempt.
    fn add_to(&self, world: &World, files: &Files, models: &mut Models) {
        let mut span = |stats: (i64, i64), extra: (i64, i64)| {
            models.stats.add_span(&files.stats, stats.0, stats.1);
            models.extra.add_span(&files.extra, extra.0, extra.1);
        };
        match self {
            Self::Materialize(start, end) => span((*start, *end), (*start, *end)),
            Self::Incremental(end) => {
                let start = |view: &str| {
                    let ends = world.log.intervals(view).into_iter().map(|interval| interval.end.seconds());
                    ends.max().map_or(NOW - 52 * 7 * 86_400, |end| end - world.lookback_seconds)
                };
                // A run that would start at its end does nothing.
                let until = |start: i64| if start < *end { (start, *end) } else { (1, 0) };
                span(until(start("driver_stats")), until(start("driver_extra")));
            }
            Self::PushStats(rows) => rows.iter().for_each(|row| models.stats.add(row)),
            Self::PushExtra(rows) => rows.iter().for_each(|row| models.extra.add(row)),
        }
    }
}

struct Files {
    stats: Vec<Row>,
    extra: Vec<Row>,
}

#[derive(Default)]
struct Models {
    stats: Model,
    extra: Model,
}

impl Models {
    async fn check(&self, world: &World) -> Result<(), TestCaseError> {
        prop_assert_eq!(world.held("driver_stats", "trips").await, self.stats.held());
        prop_assert_eq!(world.held("driver_extra", "extra").await, self.extra.held());
        let sums = Model::held_sum(&self.stats, &self.extra);
        prop_assert_eq!(world.held("driver_sum", "total").await, sums);
        Ok(())
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn crashes_anywhere_and_runs_repeated_until_they_succeed_end_in_the_newest_rows(
        stats in file_rows(),
        extra in file_rows(),
        steps in prop::collection::vec((step(), prop::collection::vec(0..12_usize, 0..3), 0..3_usize), 1..7),
        lookback in 0..9_u32,
        seed in any::<u64>(),
    ) {
        block_on(async {
            let store = Arc::new(CrashingStore::new(Survival::AnyRows, seed));
            let world = World::new(Arc::clone(&store) as Arc<dyn OnlineStore>, &stats, &extra).looking_back(lookback);
            let files = Files { stats, extra };
            let mut models = Models::default();
            for (step, crashes, unrecorded) in &steps {
                step.add_to(&world, &files, &mut models);
                world.log.fail(*unrecorded);
                for calls in crashes {
                    store.crash_after(*calls).await;
                    let _ = step.attempt(&world).await;
                }
                store.settle().await;
                while step.attempt(&world).await.is_err() {}
            }
            models.check(&world).await
        })?;
    }

    #[test]
    fn concurrent_pushes_and_materializations_end_in_the_newest_rows_and_their_sums(
        stats in file_rows(),
        extra in file_rows(),
        steps in prop::collection::vec(step(), 2..9),
        lookback in 0..9_u32,
        seed in any::<u64>(),
    ) {
        block_on(async {
            let store = YieldingStore::new(Arc::new(MemoryOnlineStore::new()), seed);
            let world = World::new(Arc::new(store), &stats, &extra).looking_back(lookback);
            let files = Files { stats, extra };
            let mut models = Models::default();
            // Where several runs start at once, each sees the registry as it was before all of them.
            for step in &steps {
                step.add_to(&world, &files, &mut models);
            }
            let runs = steps.iter().map(|step| step.attempt(&world));
            for run in futures::future::join_all(runs).await {
                run.map_err(|error| TestCaseError::fail(error.chain()))?;
            }
            models.check(&world).await
        })?;
    }

    /// Few keys and times, so that most computations overlap with one of the same key and newest time,
    /// and only the order in which they read and write decides which stays.
    #[test]
    fn of_overlapping_computations_the_one_with_the_final_sources_stays(
        pushes in prop::collection::vec((any::<bool>(), 0..2_i64, 0..4_i64, 0..3_i64, 0..60_u8), 4..24),
        seed in any::<u64>(),
    ) {
        block_on(async {
            let store = YieldingStore::new(Arc::new(MemoryOnlineStore::new()), seed);
            let world = World::new(Arc::new(store), &[], &[]);
            let files = Files { stats: Vec::new(), extra: Vec::new() };
            let mut models = Models::default();
            let steps = pushes.into_iter().map(|(is_stats, key, event, created, turns_late)| {
                let rows = vec![Row::new(Some(key), event, Some(created))];
                let step = if is_stats { Step::PushStats(rows) } else { Step::PushExtra(rows) };
                step.add_to(&world, &files, &mut models);
                (step, turns_late)
            });
            let steps: Vec<(Step, u8)> = steps.collect();
            let runs = steps.iter().map(async |(step, turns_late)| {
                for _ in 0..*turns_late {
                    tokio::task::yield_now().await;
                }
                step.attempt(&world).await
            });
            for run in futures::future::join_all(runs).await {
                run.map_err(|error| TestCaseError::fail(error.chain()))?;
            }
            models.check(&world).await
        })?;
    }

    #[test]
    fn where_the_last_write_wins_older_rows_replace_newer_ones_and_their_sums_follow(
        stats in file_rows(),
        extra in file_rows(),
        steps in prop::collection::vec(step(), 1..9),
    ) {
        block_on(async {
            let store = MemoryOnlineStore::new().with_write_policy(WritePolicy::LastWriteWins);
            let world = World::new(Arc::new(store), &stats, &extra);
            let files = Files { stats, extra };
            let mut models = Models::default();
            for step in &steps {
                // What one step brings goes over what was there; a file gives the newest row of a key, and
                // a push its last.
                let mut brought = Models::default();
                step.add_to(&world, &files, &mut brought);
                if let Step::PushStats(rows) = step {
                    brought.stats.0 = rows.iter().filter_map(|row| Some((row.key?, row.clone()))).collect();
                }
                if let Step::PushExtra(rows) = step {
                    brought.extra.0 = rows.iter().filter_map(|row| Some((row.key?, row.clone()))).collect();
                }
                models.stats.0.extend(brought.stats.0);
                models.extra.0.extend(brought.extra.0);
                step.attempt(&world).await.map_err(|error| TestCaseError::fail(error.chain()))?;
            }
            models.check(&world).await
        })?;
    }

    #[test]
    fn materializing_twice_equals_once(stats in file_rows(), extra in file_rows(), end in 0..=LAST_EVENT) {
        block_on(async {
            let world = World::in_memory(&stats, &extra);
            let step = Step::Materialize(0, end);
            step.attempt(&world).await.unwrap();
            let once = world.held("driver_sum", "total").await;
            step.attempt(&world).await.unwrap();
            prop_assert_eq!(world.held("driver_sum", "total").await, once);
            let mut models = Models::default();
            step.add_to(&world, &Files { stats, extra }, &mut models);
            models.check(&world).await
        })?;
    }

    #[test]
    fn two_adjacent_spans_equal_the_whole(
        stats in file_rows(),
        extra in file_rows(),
        times in prop::array::uniform3(0..=LAST_EVENT),
    ) {
        block_on(async {
            let mut times = times;
            times.sort_unstable();
            let [start, middle, end] = times;
            let parts = World::in_memory(&stats, &extra);
            Step::Materialize(start, middle).attempt(&parts).await.unwrap();
            Step::Materialize(middle, end).attempt(&parts).await.unwrap();
            let whole = World::in_memory(&stats, &extra);
            Step::Materialize(start, end).attempt(&whole).await.unwrap();
            for (view, feature) in [("driver_stats", "trips"), ("driver_extra", "extra"), ("driver_sum", "total")] {
                prop_assert_eq!(parts.held(view, feature).await, whole.held(view, feature).await);
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_embedded_store_on_many_threads_ends_in_the_newest_rows_and_their_sums(
        stats in file_rows(),
        extra in file_rows(),
        steps in prop::collection::vec(step(), 4..12),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let options = SledOptions { cache_bytes: 1 << 20, ..SledOptions::default() };
            let store = SledOnlineStore::open(folder.path(), options).unwrap();
            let world = Arc::new(World::new(Arc::new(store), &stats, &extra));
            let files = Files { stats, extra };
            let mut models = Models::default();
            let mut runs = tokio::task::JoinSet::new();
            // An incremental run would start where a run beside it has just ended.
            for step in steps.into_iter().filter(|step| !matches!(step, Step::Incremental(_))) {
                step.add_to(&world, &files, &mut models);
                let world = Arc::clone(&world);
                runs.spawn(async move { step.attempt(&world).await });
            }
            while let Some(run) = runs.join_next().await {
                run.unwrap().map_err(|error| TestCaseError::fail(error.chain()))?;
            }
            models.check(&world).await
        })?;
    }
}
