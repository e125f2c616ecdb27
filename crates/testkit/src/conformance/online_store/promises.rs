//! The sentences of the trait, one by one.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use larder_core::{
    EntityKey, Field, OnlineRead, OnlineView, OnlineWrite, Timestamp, ValueType, WriteOutcome,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::{
    Check, Fidelity, Fixture, assert_holds, fresh_view, key, read_all, trips_view, trips_write, version,
};
use crate::{as_feast_value, row_generator};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: "the store has a name", run: the_store_has_a_name },
    Check { promise: "what was written is read back with its event time", run: written_rows_are_read },
    Check {
        promise: "values of every type round-trip, with nulls and null items",
        run: every_type_round_trips,
    },
    Check { promise: "a held null is present, and where no row is nothing is present", run: nulls_are_held },
    Check {
        promise: "there is one answer per key, also for repeated and missing keys",
        run: one_answer_per_key,
    },
    Check { promise: "columns come as asked for, in that order", run: columns_in_the_order_asked },
    Check { promise: "all reads of one request are answered in their order", run: reads_in_order },
    Check { promise: "many views of one entity are read together", run: many_views_of_one_entity },
    Check { promise: "views and projects never meet", run: views_and_projects_never_meet },
    Check { promise: "keys that begin alike never meet", run: keys_that_begin_alike_never_meet },
    Check { promise: "a write without rows changes nothing", run: empty_write },
    Check {
        promise: "a write whose parts do not fit is refused and changes nothing",
        run: unfit_writes_are_refused,
    },
    Check {
        promise: "a read of a feature the view does not have is an error",
        run: unknown_feature_is_an_error,
    },
    Check { promise: "the keys of a view are those of its rows, each once", run: keys_of_a_view },
    Check { promise: "flush succeeds, also twice and with nothing to do", run: flush_succeeds },
    Check {
        promise: "removing a view removes all its rows and no others",
        run: remove_view_removes_its_rows_only,
    },
    Check { promise: "removing what is not there is no error", run: removing_nothing_is_no_error },
    Check {
        promise: "a removed row leaves nothing that a new row must beat",
        run: removed_rows_are_forgotten,
    },
    Check {
        promise: "creating a view keeps what others may have written, and removes what none can have",
        run: created_views,
    },
];

fn the_store_has_a_name(fixture: &Fixture<'_>) {
    assert!(!fixture.store.kind().is_empty());
}

fn written_rows_are_read(fixture: &Fixture<'_>) {
    let view = trips_view();
    let rows = [(key("a"), version(10, None), Some(1)), (key("b"), version(20, Some(5)), Some(2))];
    let outcome = fixture.write(trips_write(&view, &rows));
    assert_eq!(outcome, WriteOutcome { written: 2, older: 0 });
    fixture.assert_trips(&view, &[key("a"), key("b")], &[Some((10, Some(1))), Some((20, Some(2)))]);
}

fn every_type_round_trips(fixture: &Fixture<'_>) {
    const ROWS: usize = 40;
    let view = fresh_view(row_generator::features_of_every_type());
    let batch = row_generator::batch(&view.features, ROWS);
    let batch = batch.new_tree(&mut TestRunner::deterministic()).expect("a batch can be made").current();
    let keys: Vec<EntityKey> = (0..ROWS).map(|row| key(&format!("k{row}"))).collect();
    fixture.write(OnlineWrite {
        view: Arc::clone(&view),
        keys: keys.clone(),
        versions: vec![version(1, None); ROWS],
        features: batch.clone(),
    });
    let rows = fixture.read_view(&view, &keys);
    for (position, column) in batch.columns().iter().enumerate() {
        assert_eq!(
            rows.columns[position].values.data_type(),
            &view.features[position].value_type.data_type()
        );
        match fixture.fidelity {
            Fidelity::Exact => assert_holds(&rows, position, column),
            Fidelity::FeastValues => {
                let value_type = &view.features[position].value_type;
                assert_holds(&rows, position, &as_feast_value(value_type, column));
            }
        }
    }
}

fn keys_of_a_view(fixture: &Fixture<'_>) {
    let (view, other) = (trips_view(), trips_view());
    let keys = |view: &OnlineView| {
        let mut keys =
            fixture.wait(fixture.store.keys(&view.project, &view.name)).expect("the keys can be read");
        keys.sort();
        keys
    };
    assert_eq!(keys(&view), []);
    fixture.write(trips_write(
        &view,
        &[
            (key("b"), version(1, None), None),
            (key("a"), version(2, None), Some(2)),
            (key("b"), version(3, None), Some(3)),
        ],
    ));
    fixture.write(trips_write(&other, &[(key("c"), version(1, None), Some(7))]));
    let mut expected = vec![key("a"), key("b")];
    expected.sort();
    assert_eq!((keys(&view), keys(&other)), (expected, vec![key("c")]));
    fixture.wait(fixture.store.remove_view(&view.project, &view.name)).expect("the view can be removed");
    assert_eq!(keys(&view), []);
}

fn nulls_are_held(fixture: &Fixture<'_>) {
    let view = trips_view();
    fixture.write(trips_write(&view, &[(key("a"), version(1, None), None)]));
    let rows = fixture.read_view(&view, &[key("a"), key("nobody")]);
    assert_eq!(rows.columns[0].values.null_count(), 2);
    assert!(rows.columns[0].present.value(0), "a null is held");
    assert!(!rows.columns[0].present.value(1), "no row is held");
    assert_eq!(rows.event_timestamps[0], Some(fixture.served_event(1)));
    assert_eq!(rows.event_timestamps[1], None);
}

fn one_answer_per_key(fixture: &Fixture<'_>) {
    let view = trips_view();
    fixture.write(trips_write(&view, &[(key("a"), version(1, None), Some(7))]));
    let keys = Arc::new([Some(key("a")), None, Some(key("b")), Some(key("a"))]);
    let read = OnlineRead { view: Arc::clone(&view), features: Arc::new([0]), keys };
    let rows = fixture.read(vec![read]).remove(0);
    let trips: Vec<_> = rows.columns[0].values.as_primitive::<Int64Type>().iter().collect();
    assert_eq!(trips, [Some(7), None, None, Some(7)]);
    assert_eq!(rows.columns[0].present.iter().collect::<Vec<_>>(), [true, false, false, true]);
    let timed: Vec<bool> = rows.event_timestamps.iter().map(Option::is_some).collect();
    assert_eq!(timed, [true, false, false, true]);

    let nothing = fixture.read_view(&view, &[]);
    assert_eq!((nothing.event_timestamps.len(), nothing.columns[0].values.len()), (0, 0));
    assert!(fixture.read(Vec::new()).is_empty(), "no reads, no answers");
}

fn columns_in_the_order_asked(fixture: &Fixture<'_>) {
    let names = ["x", "y", "z"];
    let view = fresh_view(names.map(|name| Field::new(name, ValueType::STRING)).into());
    let columns = names.map(|name| (name, Arc::new(StringArray::from(vec![name])) as ArrayRef));
    fixture.write(OnlineWrite {
        view: Arc::clone(&view),
        keys: vec![key("a")],
        versions: vec![version(1, None)],
        features: RecordBatch::try_from_iter(columns).expect("the columns are even"),
    });
    let read = OnlineRead { view, features: Arc::new([2, 0, 2]), keys: Arc::new([Some(key("a"))]) };
    let rows = fixture.read(vec![read]).remove(0);
    let found: Vec<&str> =
        rows.columns.iter().map(|column| column.values.as_string::<i32>().value(0)).collect();
    assert_eq!(found, ["z", "x", "z"]);
}

fn reads_in_order(fixture: &Fixture<'_>) {
    let (one, other) = (trips_view(), trips_view());
    fixture.write(trips_write(&one, &[(key("a"), version(1, None), Some(1))]));
    let rows = [(key("a"), version(12, None), Some(2)), (key("b"), version(13, None), Some(3))];
    fixture.write(trips_write(&other, &rows));
    let reads = vec![
        read_all(&other, &[key("b"), key("a")]),
        read_all(&one, &[key("a")]),
        read_all(&other, &[key("a")]),
    ];
    let times: Vec<Vec<Option<Timestamp>>> =
        fixture.read(reads).into_iter().map(|rows| rows.event_timestamps).collect();
    let served = |event| Some(fixture.served_event(event));
    assert_eq!(times, [vec![served(13), served(12)], vec![served(1)], vec![served(12)]]);
}

fn many_views_of_one_entity(fixture: &Fixture<'_>) {
    const VIEWS: i64 = 40;
    const ENTITIES: i64 = 20;
    // View v lacks the entities whose number v divides, so that some rows are missing everywhere.
    let trips = |view: i64, entity: i64| (view == 0 || entity % view != 0).then_some(100 * view + entity);
    let project = &trips_view().project;
    let views: Vec<Arc<OnlineView>> = (0..VIEWS)
        .map(|number| {
            let features = vec![Field::new("trips", ValueType::INT64)];
            Arc::new(OnlineView { project: project.clone(), name: format!("view_{number}"), features })
        })
        .collect();
    let keys: Vec<EntityKey> = (0..ENTITIES).map(|entity| key(&format!("entity {entity}"))).collect();
    for (number, view) in (0..).zip(&views) {
        let rows = (0..).zip(&keys).filter_map(|(entity, key)| {
            let trips = trips(number, entity)?;
            Some((key.clone(), version(1, None), Some(trips)))
        });
        fixture.write(trips_write(view, &rows.collect::<Vec<_>>()));
    }
    let shared: Arc<[Option<EntityKey>]> = keys.into_iter().map(Some).collect();
    for count in [1, 2, 5, 11, 12, 13, 25, 40] {
        let read = |view: &Arc<OnlineView>| OnlineRead {
            view: Arc::clone(view),
            features: Arc::new([0]),
            keys: Arc::clone(&shared),
        };
        let answers = fixture.read(views.iter().take(count).map(read).collect());
        assert_eq!(answers.len(), count);
        for (number, rows) in (0..).zip(answers) {
            let found: Vec<_> = rows.columns[0].values.as_primitive::<Int64Type>().iter().collect();
            let expected: Vec<_> = (0..ENTITIES).map(|entity| trips(number, entity)).collect();
            assert_eq!(found, expected, "view {number} of {count}");
        }
    }
}

fn views_and_projects_never_meet(fixture: &Fixture<'_>) {
    let view = trips_view();
    let sibling = Arc::new(OnlineView { name: "driver_stats_2".into(), ..(*view).clone() });
    let namesake = Arc::new(OnlineView { project: format!("{}_2", view.project), ..(*view).clone() });
    fixture.write(trips_write(&view, &[(key("a"), version(1, None), Some(1))]));
    fixture.assert_trips(&sibling, &[key("a")], &[None]);
    fixture.assert_trips(&namesake, &[key("a")], &[None]);
    fixture.write(trips_write(&sibling, &[(key("a"), version(0, None), Some(2))]));
    fixture.write(trips_write(&namesake, &[(key("a"), version(0, None), Some(3))]));
    fixture.assert_trips(&view, &[key("a")], &[Some((1, Some(1)))]);
    fixture.assert_trips(&sibling, &[key("a")], &[Some((0, Some(2)))]);
    fixture.assert_trips(&namesake, &[key("a")], &[Some((0, Some(3)))]);
}

fn keys_that_begin_alike_never_meet(fixture: &Fixture<'_>) {
    let view = trips_view();
    let long = EntityKey::from_bytes(&[0xff; 12]);
    let keys = [key(""), key("a"), key("ab"), key("a\0"), key("ab\u{ff}"), long];
    let rows: Vec<_> =
        (0..).zip(&keys).map(|(trips, key)| (key.clone(), version(1, None), Some(trips))).collect();
    fixture.write(trips_write(&view, &rows));
    let expected: Vec<_> = (0..6).map(|trips| Some((1, Some(trips)))).collect();
    fixture.assert_trips(&view, &keys, &expected);
    fixture.assert_trips(&view, &[key("abc"), key("a\0\0")], &[None, None]);
}

fn empty_write(fixture: &Fixture<'_>) {
    let view = trips_view();
    assert_eq!(fixture.write(trips_write(&view, &[])), WriteOutcome::default());
    fixture.assert_trips(&view, &[key("a")], &[None]);
}

fn unfit_writes_are_refused(fixture: &Fixture<'_>) {
    let view = trips_view();
    let good = trips_write(&view, &[(key("a"), version(1, None), Some(1))]);
    let too_few_versions = OnlineWrite { versions: Vec::new(), ..good.clone() };
    let too_many_keys = OnlineWrite { keys: vec![key("a"), key("b")], ..good.clone() };
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let wrong_type = OnlineWrite {
        features: RecordBatch::try_from_iter([("trips", Arc::clone(&text))]).expect("one column"),
        ..good.clone()
    };
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let too_many_columns = OnlineWrite {
        features: RecordBatch::try_from_iter([("trips", number), ("more", text)]).expect("two columns"),
        ..good
    };
    for write in [too_few_versions, too_many_keys, wrong_type, too_many_columns] {
        assert!(fixture.wait(fixture.store.write(write.clone())).is_err(), "{write:?}");
    }
    fixture.assert_trips(&view, &[key("a"), key("b")], &[None, None]);
}

fn unknown_feature_is_an_error(fixture: &Fixture<'_>) {
    let view = trips_view();
    let read = OnlineRead { view, features: Arc::new([1]), keys: Arc::new([Some(key("a"))]) };
    assert!(fixture.wait(fixture.store.read(vec![read])).is_err());
}

fn flush_succeeds(fixture: &Fixture<'_>) {
    let view = trips_view();
    fixture.write(trips_write(&view, &[(key("a"), version(1, None), Some(1))]));
    for _ in 0..2 {
        fixture.wait(fixture.store.flush()).expect("the store can be flushed");
    }
    fixture.assert_trips(&view, &[key("a")], &[Some((1, Some(1)))]);
}

fn remove_view_removes_its_rows_only(fixture: &Fixture<'_>) {
    const ROWS: usize = 1500;
    let view = trips_view();
    let sibling = Arc::new(OnlineView { name: "rider_stats".into(), ..(*view).clone() });
    let namesake = Arc::new(OnlineView { project: format!("{}_2", view.project), ..(*view).clone() });
    let keys: Vec<EntityKey> = (0..ROWS).map(|row| key(&format!("k{row}"))).collect();
    for view in [&view, &sibling, &namesake] {
        let rows: Vec<_> = keys.iter().map(|key| (key.clone(), version(1, None), Some(1))).collect();
        fixture.write(trips_write(view, &rows));
    }
    fixture.wait(fixture.store.remove_view(&view.project, &view.name)).expect("the view can be removed");
    fixture.assert_trips(&view, &keys, &vec![None; ROWS]);
    fixture.assert_trips(&sibling, &keys, &vec![Some((1, Some(1))); ROWS]);
    fixture.assert_trips(&namesake, &keys, &vec![Some((1, Some(1))); ROWS]);
}

fn removing_nothing_is_no_error(fixture: &Fixture<'_>) {
    let view = trips_view();
    for _ in 0..2 {
        fixture.wait(fixture.store.remove_view(&view.project, "no_such_view")).expect("nothing to do");
    }
    fixture.write(trips_write(&view, &[(key("a"), version(1, None), Some(1))]));
    fixture.wait(fixture.store.remove_view(&view.project, "no_such_view")).expect("nothing to do");
    fixture.assert_trips(&view, &[key("a")], &[Some((1, Some(1)))]);
}

fn removed_rows_are_forgotten(fixture: &Fixture<'_>) {
    let view = trips_view();
    for round in 0..3 {
        fixture.write(trips_write(&view, &[(key("a"), version(9 - round, None), Some(round))]));
        fixture.assert_trips(&view, &[key("a")], &[Some((9 - round, Some(round)))]);
        fixture.wait(fixture.store.remove_view(&view.project, &view.name)).expect("the view can be removed");
        fixture.assert_trips(&view, &[key("a")], &[None]);
    }
}

fn created_views(fixture: &Fixture<'_>) {
    let view = trips_view();
    let create = || {
        let created = fixture.wait(fixture.store.create_view(&view.project, &view.name));
        created.expect("the view can be created");
    };
    create();
    fixture.assert_trips(&view, &[key("a")], &[None]);
    fixture.write(trips_write(&view, &[(key("a"), version(9, None), Some(1))]));
    create();
    let kept = fixture.store.is_shared().then_some((9, Some(1)));
    fixture.assert_trips(&view, &[key("a")], &[kept]);
    fixture.write(trips_write(&view, &[(key("a"), version(9, None), Some(2))]));
    fixture.assert_trips(&view, &[key("a")], &[Some((9, Some(2)))]);
}
