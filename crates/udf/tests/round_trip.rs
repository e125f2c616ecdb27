//! Nothing is lost or changed on the way into a guest and back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use larder_core::ValueType;
use larder_testkit::guests;
use proptest::prelude::*;
use support::{RUNTIME, call, load, tables};

fn fields() -> Vec<larder_core::Field> {
    load(&RUNTIME, guests::echo(), "pass").signature().inputs.clone()
}

#[test]
fn the_echo_has_a_column_of_every_type() {
    let types: Vec<String> = fields().iter().map(|field| field.value_type.to_string()).collect();
    let nested = [
        "Struct({from: Struct({city: String, seen: ZonedTimestamp, floors: Array(Int32)}), type: Set(String)})",
        "Array(Struct({city: String, seen: ZonedTimestamp, floors: Array(Int32)}))",
        "Array(Set(Int64))",
    ];
    let simple = ValueType::simple().map(|value_type| value_type.to_string());
    let mut expected: Vec<String> = simple.chain(nested.map(str::to_owned)).collect();
    let mut found = types.clone();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_type_comes_back_as_it_was(input in tables(fields(), 60)) {
        for function in ["pass", "rebuild"] {
            let output = call(&load(&RUNTIME, guests::echo(), function), &input).unwrap();
            prop_assert_eq!(&output, &input, "through `{}`", function);
            for column in output.columns() {
                column.to_data().validate_full().unwrap();
            }
        }
    }
}
