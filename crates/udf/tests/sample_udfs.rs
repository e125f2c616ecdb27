//! The samples of `udfs/rust`, compiled, do what their documentation says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use larder_core::Field;
use larder_testkit::guests;
use support::{RUNTIME, call, load, table};

/// Calls `function` with columns in the order of its signature.
fn run(guest: &[u8], function: &str, columns: Vec<ArrayRef>) -> larder_core::Result<RecordBatch> {
    let function = load(&RUNTIME, guest, function);
    let inputs: Vec<Field> = function.signature().inputs.clone();
    call(&function, &table(&inputs, columns))
}

fn floats(batch: &RecordBatch, column: usize) -> Vec<Option<f64>> {
    batch.column(column).as_primitive::<Float64Type>().iter().collect()
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<&str>> {
    batch.column(column).as_string::<i32>().iter().collect()
}

#[test]
fn nulls_spread_through_arithmetic() {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float32Array::from(vec![Some(0.5), None, Some(0.25)])),
        Arc::new(Int64Array::from(vec![Some(1), Some(1), None])),
        Arc::new(Int64Array::from(vec![2, 2, 2])),
    ];
    for guest in [guests::driver_features(), guests::feast_golden()] {
        let output = run(guest, "transformed_conv_rate", columns.clone()).unwrap();
        assert_eq!(floats(&output, 0), [Some(1.5), None, None]);
        assert_eq!(floats(&output, 1), [Some(2.5), None, Some(2.25)]);
    }
}

#[test]
fn the_sample_computes_what_feasts_transformation_server_does() {
    let recorded = include_str!("../../../tests/feast_compat/recorded/grpc/transformation_service.json");
    let recorded: serde_json::Value = serde_json::from_str(recorded).unwrap();
    let numbers = |table: &serde_json::Value, column: &str| -> Vec<Option<f64>> {
        table[column].as_array().unwrap().iter().map(serde_json::Value::as_f64).collect()
    };
    let calls = recorded["calls"].as_array().unwrap().iter();
    let answered: Vec<_> = calls.filter(|call| call.get("output").is_some()).collect();
    let [call] = answered.as_slice() else { panic!("one call was answered with values") };
    let input = &call["input"];
    let added = |column: &str| -> ArrayRef {
        let values = input[column].as_array().unwrap().iter().map(serde_json::Value::as_i64);
        Arc::new(values.collect::<Int64Array>())
    };
    #[expect(clippy::cast_possible_truncation, reason = "the server was sent such numbers")]
    let rates = numbers(input, "conv_rate").into_iter().map(|rate| rate.map(|rate| rate as f32));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(rates.collect::<Float32Array>()), added("val_to_add"), added("val_to_add_2")];
    let output = run(guests::feast_golden(), "transformed_conv_rate", columns).unwrap();
    for (at, name) in ["conv_rate_plus_val1", "conv_rate_plus_val2"].into_iter().enumerate() {
        assert_eq!(floats(&output, at), numbers(&call["output"], &format!("transformed_conv_rate__{name}")));
    }
}

#[test]
fn text_is_counted_in_characters_and_cut_at_commas() {
    let addresses = StringArray::from(vec![Some("Gate 3, Airport, Łódź "), Some("Main St 1,"), None]);
    let output = run(guests::trip_text(), "address_features", vec![Arc::new(addresses)]).unwrap();
    assert_eq!(texts(&output, 0), [Some("łódź"), None, None]);
    let lengths: Vec<_> = output.column(1).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(lengths, [Some(22), Some(10), None]);
    let airport: Vec<_> = output.column(2).as_boolean().iter().collect();
    assert_eq!(airport, [Some(true), Some(false), None]);
}

#[test]
fn timestamps_are_read_in_utc() {
    let at = |micros: Vec<Option<i64>>| {
        Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC")) as ArrayRef
    };
    let wednesday_noon = 1_706_702_400_000_000;
    let columns =
        vec![at(vec![Some(wednesday_noon), None]), at(vec![Some(wednesday_noon - 90_000_000), Some(0)])];
    let output = run(guests::trip_text(), "trip_time", columns).unwrap();
    let hours: Vec<_> = output.column(0).as_primitive::<Int32Type>().iter().collect();
    assert_eq!(hours, [Some(12), None]);
    assert_eq!(floats(&output, 3), [Some(1.5), None]);
}

#[test]
fn an_error_of_a_row_is_the_error_of_the_call() {
    let names = StringArray::from(vec![Some("Ada"), Some("")]);
    let error = run(guests::trip_text(), "greeting", vec![Arc::new(names)]).unwrap_err();
    assert!(error.chain().ends_with("function `greeting` failed: a name is empty; leave it out instead"));
}

#[test]
fn lists_go_in_and_come_out() {
    let prices = ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.0), None, Some(3.0)]),
        None,
        Some(vec![]),
    ]);
    let output = run(guests::basket(), "basket_prices", vec![Arc::new(prices)]).unwrap();
    assert_eq!(floats(&output, 0), [Some(4.0), None, Some(0.0)]);
    let shares = ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(0.25), None, Some(0.75)]),
        None,
        Some(vec![]),
    ]);
    assert_eq!(output.column(2).as_list::<i32>(), &shares);
}

#[test]
fn functions_recorded_from_feast_give_what_python_gave() {
    let driver = || -> Vec<ArrayRef> {
        vec![
            Arc::new(Float32Array::from(vec![Some(0.5), None, Some(0.1)])),
            Arc::new(Float32Array::from(vec![Some(0.5), Some(0.5), Some(0.2)])),
            Arc::new(Int64Array::from(vec![Some(299), None, Some(700)])),
        ]
    };
    let derived = run(guests::feast_golden(), "driver_python_derived", driver()).unwrap();
    assert_eq!(floats(&derived, 0), [Some(0.25), None, Some(f64::from(0.1_f32) * f64::from(0.2_f32))]);
    assert_eq!(texts(&derived, 1), [Some("low"), Some("none"), Some("high")]);

    let distances = || Arc::new(Float64Array::from(vec![2.0, 10.5, 10.5])) as ArrayRef;
    let codes: ArrayRef = Arc::new(StringArray::from(vec![Some(""), Some("XMAS"), None]));
    let fare = run(guests::feast_golden(), "fare_estimate", vec![distances(), codes]).unwrap();
    assert_eq!(floats(&fare, 0), [Some(5.0), Some(15.625), Some(15.625)]);
    assert_eq!(fare.column(1).as_boolean().iter().collect::<Vec<_>>(), [Some(false), Some(true), Some(true)]);

    let balance: ArrayRef = Arc::new(Float64Array::from(vec![Some(5.0), Some(5.0), None]));
    let conv: ArrayRef = Arc::new(Float32Array::from(vec![Some(0.5), None, None]));
    let afford = run(guests::feast_golden(), "affordability_one", vec![balance, conv, distances()]).unwrap();
    assert_eq!(
        afford.column(0).as_boolean().iter().collect::<Vec<_>>(),
        [Some(true), Some(false), Some(false)]
    );
    assert_eq!(floats(&afford, 1), [Some(2.5), Some(-1.0), Some(-1.0)]);
}
