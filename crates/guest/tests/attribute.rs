//! What the attribute makes of a function.

use larder_guest::bindings::larder::udf::arrow::{Batch, Column, Field, TypeNode, Values};
use larder_guest::{
    Array, BooleanArray, Int64Array, ListArray, OnDemandFunction, StringArray, on_demand_feature_view, rows,
};

#[on_demand_feature_view(outputs(total, "rate-7d"))]
fn two_outputs(
    first: Int64Array,
    mut second: Int64Array,
    r#type: ListArray<StringArray>,
    driver_stats__trips: Int64Array,
) -> (Int64Array, ListArray<StringArray>) {
    second.extend([Some(1)]);
    drop(driver_stats__trips);
    (first, r#type)
}

#[on_demand_feature_view]
pub(crate) fn one_output(trips: Int64Array) -> Int64Array {
    trips
}

#[on_demand_feature_view(outputs(any))]
fn without_inputs() -> Result<BooleanArray, &'static str> {
    Err("there are no rows to speak of")
}

mod nested {
    use super::*;

    #[on_demand_feature_view(outputs(a, b, c))]
    pub(crate) fn nested_outputs(trips: Int64Array) -> ((Int64Array, BooleanArray), StringArray) {
        let known = trips.iter().map(|trips| trips.is_some()).collect();
        let text = rows((&trips,)).map(|(trips,)| trips.map(|trips| trips.to_string())).collect();
        ((trips, known), text)
    }
}

larder_guest::export!(two_outputs, one_output, without_inputs, nested::nested_outputs);

fn names(fields: &[Field]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_str()).collect()
}

#[test]
fn arguments_and_outputs_become_fields_in_order() {
    let signature = two_outputs::signature();
    assert_eq!(signature.name, "two_outputs");
    assert_eq!(names(&signature.inputs), ["first", "second", "type", "driver_stats__trips"]);
    assert_eq!(names(&signature.outputs), ["total", "rate-7d"]);
    assert!(matches!(signature.inputs[2].nodes[..], [TypeNode::List, TypeNode::Utf8]));
    assert!(matches!(signature.outputs[1].nodes[..], [TypeNode::List, TypeNode::Utf8]));
}

#[test]
fn a_single_output_has_the_name_of_the_function() {
    assert_eq!(names(&one_output::signature().outputs), ["one_output"]);
}

#[test]
fn a_call_passes_columns_in_and_out_and_nested_tuples_are_flat() {
    let values = Values::Int64(vec![7, 0, 9]);
    let input = Batch { row_count: 3, columns: vec![Column { validity: Some(vec![0b101]), values }] };
    let output = nested::nested_outputs::call(input).unwrap();
    assert_eq!((output.row_count, output.columns.len()), (3, 3));
    assert!(matches!(&output.columns[1].values, Values::Boolean(bits) if bits[0] & 0b111 == 0b101));
    assert!(matches!(&output.columns[2].values, Values::Utf8(text) if text.data == b"79"));
    assert_eq!(output.columns[2].validity, Some(vec![0b101]));
}

#[test]
fn an_error_of_the_function_and_a_column_that_does_not_fit_are_errors_of_the_call() {
    let empty = || Batch { row_count: 0, columns: vec![] };
    assert_eq!(without_inputs::call(empty()).unwrap_err().message, "there are no rows to speak of");
    assert_eq!(one_output::call(empty()).unwrap_err().message, "input `trips` is missing");
    let column = Column { validity: None, values: Values::Float64(vec![]) };
    let wrong = Batch { row_count: 0, columns: vec![column] };
    assert_eq!(
        one_output::call(wrong).unwrap_err().message,
        "input `trips` is of another type than declared"
    );
}
