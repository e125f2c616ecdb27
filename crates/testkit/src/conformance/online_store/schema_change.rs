//! A view's features change while its rows stay.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use larder_core::{Field, OnlineRead, OnlineView, OnlineWrite, ScalarType, ValueType, WritePolicy};

use super::{Check, Fixture, assert_holds, fresh_view, key, read_all, version};

pub(super) const CHECKS: &[Check] = &[
    Check {
        promise: "rows written before a feature was added stay readable, and lack it",
        run: added_feature,
    },
    Check { promise: "rows written before a feature was removed stay readable", run: removed_feature },
    Check { promise: "a feature stored with another type is absent", run: retyped_feature },
    Check { promise: "features that moved are found by their name", run: moved_features },
    Check { promise: "a feature that comes back finds its values again", run: returned_feature },
    Check { promise: "rows of several schemas are read together", run: mixed_schemas },
    Check { promise: "which row stays is decided across schemas too", run: one_row_across_schemas },
];

fn int(name: &str) -> Field {
    Field::new(name, ValueType::INT64)
}

fn text(name: &str) -> Field {
    Field::new(name, ValueType::STRING)
}

/// The view with other features, as `apply` makes it.
fn with(view: &OnlineView, features: Vec<Field>) -> Arc<OnlineView> {
    Arc::new(OnlineView { features, ..view.clone() })
}

/// Writes one row: `n` for whole numbers, `"n"` for text.
fn write_row(fixture: &Fixture<'_>, view: &Arc<OnlineView>, name: &str, event: i64, values: &[i64]) {
    let columns = view.features.iter().zip(values).map(|(feature, value)| {
        let column: ArrayRef = match feature.value_type {
            ValueType::Scalar(ScalarType::Int64) => Arc::new(Int64Array::from(vec![*value])),
            _ => Arc::new(StringArray::from(vec![value.to_string()])),
        };
        (feature.name.as_str(), column)
    });
    fixture.write(OnlineWrite {
        view: Arc::clone(view),
        keys: vec![key(name)],
        versions: vec![version(event, None)],
        features: RecordBatch::try_from_iter(columns).expect("the columns are even"),
    });
}

/// What a read of all features shows for one key: values as text, `-` where absent.
fn shown(fixture: &Fixture<'_>, view: &Arc<OnlineView>, name: &str) -> Vec<String> {
    let rows = fixture.read_view(view, &[key(name)]);
    let columns = rows.columns.iter().zip(&view.features);
    columns
        .map(|(column, feature)| {
            assert_eq!(column.values.data_type(), &feature.value_type.data_type());
            if !column.present.value(0) {
                assert!(column.values.is_null(0), "what is absent is null");
                return "-".to_owned();
            }
            match feature.value_type {
                ValueType::Scalar(ScalarType::Int64) => {
                    column.values.as_primitive::<Int64Type>().value(0).to_string()
                }
                _ => format!("{:?}", column.values.as_string::<i32>().value(0)),
            }
        })
        .collect()
}

fn added_feature(fixture: &Fixture<'_>) {
    let before = fresh_view(vec![int("a"), text("b")]);
    write_row(fixture, &before, "k", 1, &[1, 2]);
    let after = with(&before, vec![int("a"), int("new"), text("b"), text("newer")]);
    assert_eq!(shown(fixture, &after, "k"), ["1", "-", "\"2\"", "-"]);
    write_row(fixture, &after, "k", 2, &[3, 4, 5, 6]);
    assert_eq!(shown(fixture, &after, "k"), ["3", "4", "\"5\"", "\"6\""]);
    assert_eq!(shown(fixture, &before, "k"), ["3", "\"5\""], "who still has the old features reads on");
}

fn removed_feature(fixture: &Fixture<'_>) {
    let before = fresh_view(vec![text("a"), text("b"), int("c")]);
    write_row(fixture, &before, "k", 1, &[1, 2, 3]);
    assert_eq!(shown(fixture, &with(&before, vec![text("b"), int("c")]), "k"), ["\"2\"", "3"]);
    assert_eq!(shown(fixture, &with(&before, vec![]), "k"), [""; 0]);
}

fn retyped_feature(fixture: &Fixture<'_>) {
    let before = fresh_view(vec![int("a"), text("b")]);
    write_row(fixture, &before, "k", 1, &[1, 2]);
    assert_eq!(shown(fixture, &with(&before, vec![text("a"), text("b")]), "k"), ["-", "\"2\""]);
}

fn moved_features(fixture: &Fixture<'_>) {
    let before = fresh_view(vec![int("a"), text("b"), int("c")]);
    write_row(fixture, &before, "k", 1, &[1, 2, 3]);
    let after = with(&before, vec![int("c"), int("a"), text("b")]);
    assert_eq!(shown(fixture, &after, "k"), ["3", "1", "\"2\""]);
}

fn returned_feature(fixture: &Fixture<'_>) {
    let full = fresh_view(vec![int("a"), int("b")]);
    let less = with(&full, vec![int("a")]);
    write_row(fixture, &full, "old", 1, &[1, 2]);
    write_row(fixture, &less, "new", 1, &[3]);
    let full = with(&full, full.features.clone());
    assert_eq!(shown(fixture, &full, "old"), ["1", "2"]);
    assert_eq!(shown(fixture, &full, "new"), ["3", "-"]);
}

fn mixed_schemas(fixture: &Fixture<'_>) {
    let one = fresh_view(vec![int("a")]);
    let two = with(&one, vec![int("b"), int("a")]);
    let three = with(&one, vec![text("a"), int("b")]);
    write_row(fixture, &one, "1", 1, &[10]);
    write_row(fixture, &two, "2", 1, &[21, 20]);
    write_row(fixture, &three, "3", 1, &[30, 31]);
    let keys = ["3", "1", "nobody", "2", "1"].map(key);
    let rows = fixture.read(vec![read_all(&two, &keys)]).remove(0);
    let column = |position: usize| {
        let column = &rows.columns[position];
        let values = column.values.as_primitive::<Int64Type>().iter();
        values.zip(column.present.iter()).collect::<Vec<_>>()
    };
    let absent = (None, false);
    let held = |value| (Some(value), true);
    assert_eq!(column(0), [held(31), absent, absent, held(21), absent], "b");
    assert_eq!(column(1), [absent, held(10), absent, held(20), held(10)], "a");

    let nothing = with(&one, vec![int("never_written")]);
    let read = OnlineRead { keys: Arc::new(keys.map(Some)), ..read_all(&nothing, &[]) };
    let rows = fixture.read(vec![read]).remove(0);
    assert_eq!(rows.columns[0].present.count_set_bits(), 0);
    assert_eq!(rows.event_timestamps.iter().flatten().count(), 4, "the rows are there all the same");
}

fn one_row_across_schemas(fixture: &Fixture<'_>) {
    let one = fresh_view(vec![int("a")]);
    let two = with(&one, vec![text("a"), int("b")]);
    write_row(fixture, &one, "k", 5, &[1]);
    write_row(fixture, &two, "k", 4, &[2, 2]);
    let stays = match fixture.store.write_policy() {
        WritePolicy::NewestWins => "1",
        WritePolicy::LastWriteWins => "-",
    };
    assert_eq!(shown(fixture, &one, "k"), [stays]);
    write_row(fixture, &two, "k", 5, &[3, 4]);
    assert_eq!(shown(fixture, &one, "k"), ["-"]);
    let rows = fixture.read_view(&two, &[key("k")]);
    assert_holds(&rows, 1, &(Arc::new(Int64Array::from(vec![4])) as ArrayRef));
}
