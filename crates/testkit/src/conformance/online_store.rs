//! What every [`OnlineStore`] promises.
//!
//! ```no_run
//! # fn open() -> std::sync::Arc<dyn larder_core::OnlineStore> { unimplemented!() }
//! use larder_testkit::conformance::online_store::{Fidelity, check};
//!
//! check(&open(), Fidelity::Exact);
//! ```

mod last_write_wins;
mod newest_wins;
mod promises;
mod schema_change;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use larder_core::{
    EntityKey, Field, OnlineRead, OnlineRows, OnlineStore, OnlineView, OnlineWrite, RowVersion, Timestamp,
    ValueType, WriteOutcome, WritePolicy,
};
use tokio::runtime::Runtime;

/// One promise and what finds out whether it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The promise, as a sentence.
    pub promise: &'static str,
    run: fn(&Fixture<'_>),
}

/// All checks of a store with this policy, the simple ones first.
pub fn checks(policy: WritePolicy) -> Vec<Check> {
    let which_row_stays = match policy {
        WritePolicy::NewestWins => newest_wins::CHECKS,
        WritePolicy::LastWriteWins => last_write_wins::CHECKS,
    };
    [promises::CHECKS, schema_change::CHECKS, which_row_stays].concat()
}

/// How exactly a store gives back what was written. Which write wins is decided exactly all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fidelity {
    /// As it was.
    Exact,
    /// As Feast's layouts can say it: event times in whole seconds, values as
    /// [`as_feast_value`](crate::as_feast_value) shows.
    FeastValues,
}

/// Runs all checks on a store that may hold other projects. Blocks the thread; not for use inside a
/// runtime.
///
/// # Panics
///
/// If the store breaks a promise, after printing which.
pub fn check(store: &Arc<dyn OnlineStore>, fidelity: Fidelity) {
    let runtime = Runtime::new().expect("a runtime can be started");
    for check in checks(store.write_policy()) {
        let fixture = Fixture { store, runtime: &runtime, fidelity };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (check.run)(&fixture))) {
            eprintln!("the {} store does not keep this promise: {}", store.kind(), check.promise);
            resume_unwind(panic);
        }
    }
}

/// The store under test, with a synchronous face.
struct Fixture<'a> {
    store: &'a Arc<dyn OnlineStore>,
    runtime: &'a Runtime,
    fidelity: Fidelity,
}

impl Fixture<'_> {
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn write(&self, write: OnlineWrite) -> WriteOutcome {
        self.wait(self.store.write(write)).expect("the write is valid")
    }

    fn read(&self, reads: Vec<OnlineRead>) -> Vec<OnlineRows> {
        self.wait(self.store.read(reads)).expect("the rows can be read")
    }

    /// Reads all features of a view.
    fn read_view(&self, view: &Arc<OnlineView>, keys: &[EntityKey]) -> OnlineRows {
        let mut rows = self.read(vec![read_all(view, keys)]);
        assert_eq!(rows.len(), 1, "one answer per read");
        rows.remove(0)
    }

    /// What the store serves of an event time.
    fn served(&self, time: Timestamp) -> Timestamp {
        match self.fidelity {
            Fidelity::Exact => time,
            Fidelity::FeastValues => Timestamp::from_micros(time.seconds().saturating_mul(1_000_000)),
        }
    }

    /// What it serves of the event time of [`version`] `event`.
    fn served_event(&self, event: i64) -> Timestamp {
        self.served(version(event, None).event_timestamp)
    }

    /// Asserts what a [`trips_view`] holds by key: the event of the row's version and the trips, `None`
    /// where there is no row.
    #[track_caller]
    fn assert_trips(
        &self,
        view: &Arc<OnlineView>,
        keys: &[EntityKey],
        expected: &[Option<(i64, Option<i64>)>],
    ) {
        let expected: Vec<_> =
            expected.iter().map(|row| row.map(|(event, trips)| (self.served_event(event), trips))).collect();
        assert_eq!(self.trips(view, keys), expected);
    }

    /// The one `Int64` feature of a [`trips_view`] by key, with event times: `None` where there is no row.
    fn trips(&self, view: &Arc<OnlineView>, keys: &[EntityKey]) -> Vec<Option<(Timestamp, Option<i64>)>> {
        let rows = self.read_view(view, keys);
        let trips = rows.columns[0].values.as_any().downcast_ref::<Int64Array>().expect("trips are Int64");
        let times = rows.event_timestamps.iter().zip(trips.iter());
        times.map(|(time, trips)| time.map(|time| (time, trips))).collect()
    }
}

/// A view nobody else uses, in a project of its own.
fn fresh_view(features: Vec<Field>) -> Arc<OnlineView> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Arc::new(OnlineView {
        project: format!("conformance_{number}"),
        name: "driver_stats".to_owned(),
        features,
    })
}

/// A fresh view with one `Int64` feature.
fn trips_view() -> Arc<OnlineView> {
    fresh_view(vec![Field::new("trips", ValueType::INT64)])
}

fn key(name: &str) -> EntityKey {
    EntityKey::from_bytes(name.as_bytes())
}

/// Versions a quarter of a second apart, so that some differ by less than a second.
fn version(event: i64, created: Option<i64>) -> RowVersion {
    let time = |quarters: i64| Timestamp::from_micros(quarters.saturating_mul(250_000));
    RowVersion { event_timestamp: time(event), created_timestamp: created.map(time) }
}

/// Rows `(key, version, trips)` for a [`trips_view`].
fn trips_write(view: &Arc<OnlineView>, rows: &[(EntityKey, RowVersion, Option<i64>)]) -> OnlineWrite {
    let trips: ArrayRef = Arc::new(rows.iter().map(|(_, _, trips)| *trips).collect::<Int64Array>());
    OnlineWrite {
        view: Arc::clone(view),
        keys: rows.iter().map(|(key, _, _)| key.clone()).collect(),
        versions: rows.iter().map(|(_, version, _)| *version).collect(),
        features: RecordBatch::try_from_iter([("trips", trips)]).expect("one column makes a batch"),
    }
}

fn read_all(view: &Arc<OnlineView>, keys: &[EntityKey]) -> OnlineRead {
    OnlineRead {
        view: Arc::clone(view),
        features: (0..view.features.len()).collect(),
        keys: keys.iter().cloned().map(Some).collect(),
    }
}

/// Asserts that a column holds exactly these values, all of them present.
fn assert_holds(rows: &OnlineRows, column: usize, expected: &ArrayRef) {
    let found = &rows.columns[column];
    assert_eq!(&found.values, expected, "column {column}");
    assert_eq!(found.present.count_set_bits(), expected.len(), "all values of column {column} are held");
}
