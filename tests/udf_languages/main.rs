//! Transformations in every language: begun by `larder udf new`, built by `larder udf build` with the real tools,
//! run by the host, and held against the same tables.
//!
//! Rust's target and Python's and JavaScript's tools are installed by the command itself on first use, and then lie
//! in the target folder; C needs what `larder udf build` says.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the harness of a test fails as tests do"
)]

mod project;
mod samples;
#[path = "../../crates/udf/tests/support/mod.rs"]
mod support;
mod tame;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Float64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Float64Type;
use larder_core::column::column_from_json;
use larder_core::{Field, Result, Transformation, TransformationSignature};
use proptest::prelude::prop_assert_eq;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Value, json};
use support::{call, load, table, tables};

use project::Component;
use samples::Sample;
use tame::tame;

#[test]
fn rust_gives_the_expected_tables() {
    let component = Component::build("rust");
    gives_the_expected_tables(&component);
    passes_its_own_tests(&component);
}

#[test]
fn c_gives_the_expected_tables_echoes_every_type_and_names_what_goes_wrong() {
    let component = Component::build("c");
    gives_the_expected_tables(&component);
    passes_its_own_tests(&component);
    echoes(&component, "echo", 44);
    makes_structs(&component);
    let failed = "on-demand feature view `view`: function";
    assert_eq!(error(&component, "refuses"), format!("{failed} `refuses` failed: a price is negative"));
    assert_eq!(
        error(&component, "forgets"),
        format!("{failed} `forgets` failed: there is not one value for each row in output first")
    );
    for function in ["mistypes", "half_a_struct"] {
        assert_eq!(
            error(&component, function),
            format!("{failed} `{function}` failed: panicked, or reached `unreachable`")
        );
    }
}

/// A function of structs and zoned timestamps, as an author would write it.
fn makes_structs(component: &Component) {
    let function = component.function("moves");
    let TransformationSignature { inputs, outputs, .. } = function.signature().clone();
    let [home, since, moved] = [&inputs[0], &inputs[1], &outputs[0]];
    assert_eq!(moved.value_type.to_string(), "Struct({label: String, since: ZonedTimestamp})");
    let column = |field: &Field, rows: Value| {
        column_from_json(&field.name, &field.value_type, rows.as_array().unwrap()).unwrap()
    };
    let homes = json!([{"city": "Oslo", "floor": 3}, {"city": "Łódź", "floor": -1}, null, {"city": "Voss", "floor": 1}]);
    let times = json!(["2024-05-01T12:00:00+02:00", null, "2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"]);
    let expected = json!([
        {"label": "Oslo above", "since": "2024-05-01T12:00:00+02:00"},
        {"label": "Łódź below", "since": null},
        null,
        {"label": "Voss above", "since": "2024-05-01T12:00:00Z"},
    ]);
    let input = table(&inputs, vec![column(home, homes), column(since, times)]);
    assert_eq!(call(&function, &input).unwrap(), table(&outputs, vec![column(moved, expected)]));
}

#[test]
fn python_gives_the_expected_tables_echoes_every_type_and_names_what_goes_wrong() {
    let component = Component::build("python");
    gives_the_expected_tables(&component);
    echoes(&component, "echo", 44);
    echoes(&component, "echo_rows", 44);
    assert_in(&error(&component, "refuses"), "`refuses` failed: ValueError: a price is negative (more.py:");
    assert_in(
        &error(&component, "mistypes"),
        "`mistypes` failed: output `price_text`: expected String, got float 1.5",
    );
    names_the_output(&component);
    for (function, what) in [
        ("datetime_now", "datetime.now"),
        ("datetime_now_in_utc", "datetime.now"),
        ("datetime_utcnow", "datetime.utcnow"),
        ("date_today", "date.today"),
        ("time_time", "time.time"),
        ("time_time_imported", "time.time"),
        ("time_monotonic", "time.monotonic"),
        ("time_localtime", "time.localtime"),
        ("time_strftime", "time.strftime"),
        ("time_sleep", "time.sleep"),
        ("asyncio_run", "time.get_clock_info"),
        ("random_random", "random.random"),
        ("random_choice_imported", "random.choice"),
        ("random_unseeded", "random.Random()"),
        ("random_system", "random.Random()"),
        ("secrets_token", "random._urandom"),
        ("uuid_4", "os.urandom"),
        ("os_urandom", "os.urandom"),
        ("open_", "open"),
        ("io_open", "io.open"),
        ("os_exists", "os.stat"),
        ("os_listdir", "os.listdir"),
        ("socket_", "socket.socket"),
        ("socket_name", "socket.getaddrinfo"),
    ] {
        let told = error(&component, function);
        assert_in(
            &told,
            &format!("`{function}` failed: {what}: a transformation has no clock, randomness, files or"),
        );
        assert_in(&told, "network; take what it needs as inputs (more.py:");
    }
    for (function, what) in [
        ("datetime_now_kept", "a system's clock (`now` of wasi:clocks)"),
        ("os_write", "a system's terminal (`get-stdout` of wasi:cli)"),
        ("os_exit", "a system's environment (`exit` of wasi:cli)"),
    ] {
        assert_in(
            &error(&component, function),
            &format!("`{function}` failed: asked for {what}, which transformations do not have"),
        );
    }
    for (function, answer) in [
        ("environment", 0.0),
        ("argv", 0.0),
        ("beginning_of_time", 1970.0),
        ("time_given", 1970.0),
        ("logs", 0.0),
    ] {
        answers(&component, function, answer);
    }
    for (function, told) in [
        ("imports_late", "import `csv` at the top of a file"),
        ("exits", "SystemExit: 3 (more.py:"),
        ("recurses", "RecursionError: maximum recursion depth exceeded (more.py:"),
    ] {
        assert_in(&error(&component, function), &format!("`{function}` failed: {told}"));
    }
    let lots = run(&component, "draws_the_same_lots").unwrap();
    let lots = lots.column(0).as_primitive::<Float64Type>();
    assert!(lots.iter().all(|lot| lot == Some(lots.value(0))));
}

#[test]
fn javascript_gives_the_expected_tables_echoes_every_type_and_names_what_goes_wrong() {
    let component = Component::build("js");
    gives_the_expected_tables(&component);
    echoes(&component, "echo", 44);
    echoes(&component, "echo_rows", 44);
    assert_in(&error(&component, "refuses"), "`refuses` failed: RangeError: a price is negative (more.js:");
    assert_in(
        &error(&component, "mistypes"),
        "`mistypes` failed: output `price_text`: expected String, got number 1.5",
    );
    names_the_output(&component);
    for (function, what) in [
        ("date_now", "Date.now"),
        ("new_date", "new Date()"),
        ("date_call", "Date()"),
        ("date_of_instance", "new Date()"),
        ("math_random", "Math.random"),
        ("performance_now", "performance.now"),
        ("crypto_values", "crypto.getRandomValues"),
        ("crypto_uuid", "crypto.randomUUID"),
        ("fetch_", "fetch"),
        ("set_timeout", "setTimeout"),
    ] {
        let told = error(&component, function);
        assert_in(
            &told,
            &format!("`{function}` failed: {what}: a transformation has no clock, randomness, files or"),
        );
        assert_in(&told, "network; take what it needs as inputs (more.js:");
    }
    for (function, told) in [
        ("import_", "asked for a system's files (`path_filestat_get` of wasi_snapshot_preview1)"),
        ("date_behind", "TypeError: Object.getPrototypeOf(...).now is not a function (more.js:"),
        ("process_", "ReferenceError: process is not defined (more.js:"),
        ("require_", "ReferenceError: require is not defined (more.js:"),
    ] {
        assert_in(&error(&component, function), &format!("`{function}` failed: {told}"));
    }
    for (function, answer) in
        [("date_given", 12.0), ("date_parts", 0.0), ("date_extended", 86_400_000.0), ("logs", 3.0)]
    {
        answers(&component, function, answer);
    }
    let dates = run(&component, "dates").unwrap();
    assert_eq!(dates.column(0).as_string::<i32>().value(0), "1970-01-01T00:00:00.001Z");
}

/// The function gives the number for every row, whenever it is called.
fn answers(component: &Component, function: &str, answer: f64) {
    for _ in 0..2 {
        let output = run(component, function).unwrap();
        let numbers = output.column(0).as_primitive::<Float64Type>();
        assert!(numbers.iter().all(|number| number == Some(answer)), "{function}: {numbers:?}");
    }
}

fn names_the_output(component: &Component) {
    assert_in(&error(component, "forgets"), "`forgets` failed: output `first` has 1 values for 3 rows");
    assert_in(
        &error(component, "misnames"),
        "`misnames` failed: returned the outputs `second` where `first` are declared",
    );
}

/// The samples of the new project, on a few rows and on more than one call takes.
fn gives_the_expected_tables(component: &Component) {
    for Sample { function, input, output } in samples::all() {
        let function = component.function(function);
        let (input, output) =
            (table(&function.signature().inputs, input), table(&function.signature().outputs, output));
        assert_eq!(call(&function, &input).unwrap(), output);
        assert_eq!(call(&function, &input.slice(1, 2)).unwrap(), output.slice(1, 2));
        assert_eq!(call(&function, &input.slice(0, 0)).unwrap(), output.slice(0, 0));
        let many = 10_000 / input.num_rows();
        let repeated = |batch: &RecordBatch| concat_batches(&batch.schema(), vec![batch; many]).unwrap();
        assert_eq!(call(&function, &repeated(&input)).unwrap(), repeated(&output));
    }
}

/// The file of tests is the same in all languages; those of the quick ones are run whole.
fn passes_its_own_tests(component: &Component) {
    let told = component.test();
    assert_in(&told, "  ok    case each value is added");
    assert_in(&told, "  ok    case each tag counts once");
    assert_in(&told, " passed, 0 failed");
}

/// Random tables come back as they were.
fn echoes(component: &Component, function: &str, types: usize) {
    let function = component.function(function);
    let fields = function.signature().inputs.clone();
    assert_eq!(fields.len(), types);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(24) });
    let echoed = runner.run(&tables(fields.clone(), 40), |input| {
        let columns = input.columns().iter().map(|column| tame(column)).collect();
        let input = table(&fields, columns);
        let output = call(&function, &input).unwrap();
        for (field, (given, echoed)) in fields.iter().zip(input.columns().iter().zip(output.columns())) {
            prop_assert_eq!(echoed, given, "`{}`", field.name);
        }
        Ok(())
    });
    // The input has tens of columns; the reason names the one that matters.
    if let Err(TestError::Fail(reason, _) | TestError::Abort(reason)) = echoed {
        panic!("{reason}");
    }
}

/// A function of one price, on three of them.
fn run(component: &Component, function: &str) -> Result<RecordBatch> {
    let function = component.function(function);
    let prices: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-1.0)]));
    call(&function, &table(&function.signature().inputs, vec![prices]))
}

fn error(component: &Component, function: &str) -> String {
    run(component, function).unwrap_err().chain()
}

#[track_caller]
fn assert_in(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` is not in: {text}");
}

impl Component {
    fn function(&self, name: &str) -> Arc<dyn Transformation> {
        load(&self.runtime, &self.bytes, name)
    }
}
