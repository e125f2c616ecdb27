//! Newest wins, in every order, under every interleaving.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use larder_core::{
    EntityKey, Field, OnlineView, OnlineWrite, RowVersion, Timestamp, ValueType, WriteOutcome, WritePolicy,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Check, Fixture, fresh_view, key, trips_view, trips_write, version};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: "a write takes effect iff it replaces the stored row", run: older_rows_lose },
    Check {
        promise: "of rows with one key in a write the newest wins, the last of equals",
        run: one_key_many_rows,
    },
    Check {
        promise: "any writes end as the same rows one after the other would",
        run: any_writes_end_as_one_by_one,
    },
    Check { promise: "the order of writes does not matter", run: backwards_ends_the_same },
    Check { promise: "concurrent writers end in the newest row of every key", run: concurrent_writers },
    Check { promise: "a row is read whole or not at all", run: rows_are_read_whole },
    Check { promise: "no reader ever sees a key go back in time", run: keys_never_go_back },
];

type Row = (EntityKey, RowVersion, Option<i64>);

fn older_rows_lose(fixture: &Fixture<'_>) {
    let view = trips_view();
    let (won, lost) = (WriteOutcome { written: 1, older: 0 }, WriteOutcome { written: 0, older: 1 });
    // Each step writes one version and says whether it takes effect.
    let steps = [
        (version(5, Some(5)), won),
        (version(4, Some(9)), lost),
        (version(5, Some(4)), lost),
        (version(5, None), lost),
        (version(5, Some(5)), won),
        (version(5, Some(6)), won),
        (version(6, None), won),
        (version(6, None), won),
        (version(6, Some(i64::MIN)), won),
        (version(6, None), lost),
        (version(i64::MAX, None), won),
        (version(i64::MIN, Some(i64::MAX)), lost),
    ];
    let mut expected = None;
    for (trips, (version, outcome)) in (0..).zip(steps) {
        let found = fixture.write(trips_write(&view, &[(key("a"), version, Some(trips))]));
        assert_eq!(found, outcome, "step {trips}: {version:?}");
        if outcome == won {
            expected = Some((fixture.served(version.event_timestamp), Some(trips)));
        }
        assert_eq!(fixture.trips(&view, &[key("a")]), [expected], "step {trips}: {version:?}");
    }
}

fn one_key_many_rows(fixture: &Fixture<'_>) {
    let view = trips_view();
    let rows = [
        (key("a"), version(2, None), Some(1)),
        (key("b"), version(1, None), Some(2)),
        (key("a"), version(3, None), Some(3)),
        (key("a"), version(1, None), Some(4)),
        (key("b"), version(1, None), None),
    ];
    let outcome = fixture.write(trips_write(&view, &rows));
    assert_eq!(outcome, WriteOutcome { written: 2, older: 3 });
    fixture.assert_trips(&view, &[key("a"), key("b")], &[Some((3, Some(3))), Some((1, None))]);

    let older = [(key("a"), version(2, None), Some(5)), (key("a"), version(1, None), Some(6))];
    assert_eq!(fixture.write(trips_write(&view, &older)), WriteOutcome { written: 0, older: 2 });
    fixture.assert_trips(&view, &[key("a")], &[Some((3, Some(3)))]);
}

/// Few keys and versions, so that they meet; every row has a value of its own.
fn writes() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let row = (0..5_u8, 0..4_i64, prop::option::of(0..3_i64));
    prop::collection::vec(prop::collection::vec(row, 0..8), 1..8).prop_map(|writes| {
        let mut numbers = 1..;
        writes
            .into_iter()
            .map(|rows| {
                rows.into_iter()
                    .map(|(name, event, created)| {
                        (key(&name.to_string()), version(event, created), numbers.next())
                    })
                    .collect()
            })
            .collect()
    })
}

/// The naive store: rows one after the other, each replaces or is dropped. Shows keys 0 to 4.
fn one_by_one(fixture: &Fixture<'_>, writes: &[Vec<Row>]) -> Vec<Option<(Timestamp, Option<i64>)>> {
    let policy = fixture.store.write_policy();
    let mut store: BTreeMap<&EntityKey, (RowVersion, Option<i64>)> = BTreeMap::new();
    for (key, version, trips) in writes.iter().flatten() {
        if store.get(key).is_none_or(|(stored, _)| policy.replaces(*version, *stored)) {
            store.insert(key, (*version, *trips));
        }
    }
    let shown =
        |(version, trips): &(RowVersion, Option<i64>)| (fixture.served(version.event_timestamp), *trips);
    five_keys().iter().map(|key| store.get(key).map(shown)).collect()
}

fn five_keys() -> Vec<EntityKey> {
    (0..5).map(|name| key(&name.to_string())).collect()
}

pub(super) fn any_writes_end_as_one_by_one(fixture: &Fixture<'_>) {
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&writes(), |writes| {
        let view = trips_view();
        let mut outcomes = WriteOutcome::default();
        for rows in &writes {
            outcomes += fixture.write(trips_write(&view, rows));
        }
        prop_assert_eq!(outcomes.written + outcomes.older, writes.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(fixture.trips(&view, &five_keys()), one_by_one(fixture, &writes));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Where no rows of one key are equally new.
fn backwards_ends_the_same(fixture: &Fixture<'_>) {
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&writes(), |writes| {
        let mut seen = HashSet::new();
        let mut distinct = writes;
        for rows in &mut distinct {
            rows.retain(|(key, version, _)| seen.insert((key.clone(), *version)));
        }
        let expected = one_by_one(fixture, &distinct);
        let view = trips_view();
        for rows in distinct.iter_mut().rev() {
            rows.reverse();
            fixture.write(trips_write(&view, rows));
        }
        prop_assert_eq!(fixture.trips(&view, &five_keys()), expected);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

fn concurrent_writers(fixture: &Fixture<'_>) {
    const WRITERS: i64 = 8;
    const WRITES: i64 = 40;
    const KEYS: i64 = 6;
    let view = trips_view();
    // Every writer writes every key again and again; versions are unique and come in a scrambled order.
    let event = |writer: i64, write: i64, key: i64| (write * 7919 + writer * 104_729 + key * 31) % 1_000_003;
    let rows = |writer: i64, write: i64| -> Vec<Row> {
        (0..KEYS)
            .map(|name| {
                let event = event(writer, write, name);
                (key(&name.to_string()), version(event, Some(writer)), Some(event))
            })
            .collect()
    };
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(fixture.store);
        let writes: Vec<_> = (0..WRITES).map(|write| trips_write(&view, &rows(writer, write))).collect();
        tasks.push(fixture.runtime.spawn(async move {
            for write in writes {
                store.write(write).await.expect("the write is valid");
            }
        }));
    }
    for task in tasks {
        fixture.wait(task).expect("the writer ends");
    }
    for name in 0..KEYS {
        let all = (0..WRITERS).flat_map(|writer| (0..WRITES).map(move |write| event(writer, write, name)));
        let newest = all.max().expect("there are writes");
        fixture.assert_trips(&view, &[key(&name.to_string())], &[Some((newest, Some(newest)))]);
    }
}

fn number_and_text_view() -> Arc<OnlineView> {
    fresh_view(vec![Field::new("number", ValueType::INT64), Field::new("text", ValueType::STRING)])
}

/// Rows whose columns and event time all say the same number.
fn number_and_text_write(view: &Arc<OnlineView>, keys: &[EntityKey], number: i64) -> OnlineWrite {
    let rows = keys.len();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![number; rows]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![number.to_string(); rows]));
    OnlineWrite {
        view: Arc::clone(view),
        keys: keys.to_vec(),
        versions: vec![version(number, None); rows],
        features: RecordBatch::try_from_iter([("number", numbers), ("text", texts)]).expect("even columns"),
    }
}

pub(super) fn rows_are_read_whole(fixture: &Fixture<'_>) {
    let (view, keys) = (number_and_text_view(), five_keys());
    beside_a_writer(fixture, &view, &keys, || {
        let rows = fixture.read_view(&view, &keys);
        let numbers = rows.columns[0].values.as_primitive::<Int64Type>();
        let texts = rows.columns[1].values.as_string::<i32>();
        for row in 0..keys.len() {
            assert_eq!(numbers.value(row).to_string(), texts.value(row));
            assert_eq!(rows.event_timestamps[row], Some(fixture.served_event(numbers.value(row))));
        }
    });
}

fn keys_never_go_back(fixture: &Fixture<'_>) {
    let (view, keys) = (number_and_text_view(), five_keys());
    let mut before = vec![None; keys.len()];
    beside_a_writer(fixture, &view, &keys, || {
        for (before, now) in before.iter_mut().zip(fixture.read_view(&view, &keys).event_timestamps) {
            assert!(now >= *before, "{now:?} after {before:?}");
            *before = now;
        }
    });
}

/// Runs `read` many times while a writer writes newer and older rows of the same keys.
fn beside_a_writer(
    fixture: &Fixture<'_>,
    view: &Arc<OnlineView>,
    keys: &[EntityKey],
    mut read: impl FnMut(),
) {
    const READS: usize = 200;
    fixture.write(number_and_text_write(view, keys, 0));
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (done, store) = (Arc::clone(&done), Arc::clone(fixture.store));
        let (view, keys) = (Arc::clone(view), keys.to_vec());
        fixture.runtime.spawn(async move {
            for newest in 1.. {
                for number in [newest, newest - 1] {
                    let write = number_and_text_write(&view, &keys, number);
                    store.write(write).await.expect("the write is valid");
                }
                if done.load(Ordering::Relaxed) {
                    return newest;
                }
            }
            unreachable!("the writer is stopped long before the numbers end")
        })
    };
    (0..READS).for_each(|_| read());
    done.store(true, Ordering::Relaxed);
    let newest = fixture.wait(writer).expect("the writer ends");
    let stays = match fixture.store.write_policy() {
        WritePolicy::NewestWins => newest,
        WritePolicy::LastWriteWins => newest - 1,
    };
    let times = fixture.read_view(view, keys).event_timestamps;
    assert!(times.iter().all(|time| *time == Some(fixture.served_event(stays))), "{times:?}");
}
