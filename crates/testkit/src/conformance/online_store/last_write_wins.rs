//! The last write wins, whatever the versions say.

use std::sync::Arc;

use larder_core::WriteOutcome;

use super::newest_wins::{any_writes_end_as_one_by_one, rows_are_read_whole};
use super::{Check, Fixture, key, trips_view, trips_write, version};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: "every write takes effect, also of older rows", run: older_rows_win },
    Check { promise: "of rows with one key in a write the last wins", run: one_key_many_rows },
    Check {
        promise: "any writes end as the same rows one after the other would",
        run: any_writes_end_as_one_by_one,
    },
    Check { promise: "concurrent writers end in the last row of one of them", run: concurrent_writers },
    Check { promise: "a row is read whole or not at all", run: rows_are_read_whole },
];

fn older_rows_win(fixture: &Fixture<'_>) {
    let view = trips_view();
    let versions = [
        version(5, Some(5)),
        version(4, Some(9)),
        version(4, None),
        version(i64::MAX, Some(i64::MAX)),
        version(i64::MIN, None),
        version(6, Some(1)),
        version(6, Some(0)),
    ];
    for (trips, version) in (0..).zip(versions) {
        let outcome = fixture.write(trips_write(&view, &[(key("a"), version, Some(trips))]));
        assert_eq!(outcome, WriteOutcome { written: 1, older: 0 }, "step {trips}: {version:?}");
        let expected = Some((fixture.served(version.event_timestamp), Some(trips)));
        assert_eq!(fixture.trips(&view, &[key("a")]), [expected], "step {trips}: {version:?}");
    }
}

fn one_key_many_rows(fixture: &Fixture<'_>) {
    let view = trips_view();
    let rows = [
        (key("a"), version(9, Some(9)), Some(1)),
        (key("b"), version(1, None), Some(2)),
        (key("a"), version(3, None), Some(3)),
        (key("b"), version(0, None), None),
    ];
    let outcome = fixture.write(trips_write(&view, &rows));
    assert_eq!(outcome, WriteOutcome { written: 2, older: 2 });
    fixture.assert_trips(&view, &[key("a"), key("b")], &[Some((3, Some(3))), Some((0, None))]);
}

fn concurrent_writers(fixture: &Fixture<'_>) {
    const WRITERS: i64 = 8;
    const WRITES: i64 = 40;
    let (view, keys) = (trips_view(), [key("a"), key("b"), key("c")]);
    // Each writer goes back in time.
    let event = |writer: i64, write: i64| (WRITES - write) * WRITERS + writer;
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(fixture.store);
        let writes = (0..WRITES).map(|write| {
            let event = event(writer, write);
            let rows = keys.clone().map(|key| (key, version(event, Some(writer)), Some(event)));
            trips_write(&view, &rows)
        });
        let writes: Vec<_> = writes.collect();
        tasks.push(fixture.runtime.spawn(async move {
            for write in writes {
                store.write(write).await.expect("the write is valid");
            }
        }));
    }
    for task in tasks {
        fixture.wait(task).expect("the writer ends");
    }
    let last: Vec<_> = (0..WRITERS)
        .map(|writer| event(writer, WRITES - 1))
        .map(|event| Some((fixture.served_event(event), Some(event))))
        .collect();
    for found in fixture.trips(&view, &keys) {
        assert!(last.contains(&found), "{found:?}");
    }
}
