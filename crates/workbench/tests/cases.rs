//! Cases: given rows and what must come of them, with every mistake in its place.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a helper may stop its test")]

mod support;

use larder_workbench::{TestOptions, junit};
use support::{Folder, failed, failure};

const HEAD: &str = "component: driver_features.wasm\nfunction: transformed_conv_rate\nproperties: false\n";

#[test]
fn rows_in_the_file_and_beside_it_are_compared() {
    let folder = Folder::new();
    folder.write("given.csv", "conv_rate,val_to_add,val_to_add_2\n0.5,1,2\n,1,2\n");
    folder.write("expected.ndjson", "{\"conv_rate_plus_val1\": 1.5}\n{\"conv_rate_plus_val1\": null}\n");
    let text = format!(
        "{HEAD}cases:
  - name: inline
    given: [{{conv_rate: 0.5, val_to_add: 1}}, {{}}]
    expect: [{{conv_rate_plus_val1: 1.5, conv_rate_plus_val2: null}}, {{}}]
  - name: files
    given: given.csv
    expect: expected.ndjson
  - name: special numbers
    given: [{{conv_rate: .nan, val_to_add: 1}}, {{conv_rate: -.inf, val_to_add: 1}}]
    expect: [{{conv_rate_plus_val1: .nan}}, {{conv_rate_plus_val1: -.inf}}]
  - name: wrong
    given: [{{conv_rate: 0.5, val_to_add: 1}}, {{conv_rate: 0.25, val_to_add: 1}}]
    expect: [{{conv_rate_plus_val1: 1.5}}, {{conv_rate_plus_val1: 1.5}}]
  - name: close enough
    given: [{{conv_rate: 0.25, val_to_add: 1}}]
    expect: [{{conv_rate_plus_val1: 1.5}}]
    tolerance: {{conv_rate_plus_val1: {{relative: 0.2}}}}
  - name: too few
    given: [{{}}]
    expect: []
"
    );
    let reports = folder.run(&text);
    assert_eq!(failed(&reports), ["case wrong", "case too few"], "{}", reports[0]);
    assert_eq!(
        failure(&reports[0].tests[3]).unwrap(),
        "1 of 2 rows differs\n\
         | row | column              | expected | got  |\n\
         |-----|---------------------|----------|------|\n\
         | 1   | conv_rate_plus_val1 | 1.5      | 1.25 |\n"
    );
    assert_eq!(failure(&reports[0].tests[5]).unwrap(), "0 rows are expected, and 1 came\n");
}

#[test]
fn an_expected_error_must_come_and_say_what_is_expected() {
    let folder = Folder::new();
    let case = |given: &str, error: &str| {
        let text = format!(
            "component: trip_text.wasm\nfunction: greeting\nproperties: false\ncases: [{{name: a, given: [{{name: {given}}}], error: {error}}}]\n"
        );
        failure(&folder.run(&text)[0].tests[0])
    };
    assert_eq!(case("\"\"", "a name is empty"), None);
    let other = case("\"\"", "too long").unwrap();
    assert!(other.starts_with("the error does not contain `too long`: a name is empty"), "{other}");
    assert!(case("Ada", "a name is empty").unwrap().starts_with("no error came"));
}

#[test]
fn budgets_are_assertions_and_instructions_are_the_same_every_time() {
    let folder = Folder::new();
    let text = |instructions: u64| {
        format!(
            "{HEAD}budgets: {{rows: 100, instructions: {instructions}, memory: 4MiB, output: 4KiB, time: 10s}}
cases:
  - name: one
    given: [{{conv_rate: 0.5, val_to_add: 1}}]
    expect: [{{conv_rate_plus_val1: 1.5}}]
    budgets: {{instructions: {instructions}, memory: 64KiB}}
"
        )
    };
    let generous = folder.run(&text(1_000_000));
    assert_eq!(failed(&generous), ["case one"]);
    let told = failure(&generous[0].tests[0]).unwrap();
    assert!(told.ends_with("MiB of memory are more than 64 KiB\n"), "{told}");
    let used = generous[0].tests[1].cost.unwrap().instructions;
    assert_eq!(folder.run(&text(used))[0].tests[1].cost.unwrap().instructions, used);
    assert!(failed(&folder.run(&text(used))).iter().all(|name| *name != "budgets of 100 rows"));
    let told = failure(&folder.run(&text(used - 1))[0].tests[1]).unwrap();
    assert!(told.contains(&format!("{used} instructions are more than {}", used - 1)), "{told}");
}

#[test]
fn a_component_that_is_refused_or_fails_is_a_failed_test() {
    let folder = Folder::new();
    let refused = folder.run("component: foreign_import.wasm\n");
    assert_eq!(failed(&refused), ["component"]);
    assert!(failure(&refused[0].tests[0]).unwrap().contains("imports"), "{}", refused[0]);
    let text = "component: behaviours.wasm\nfunction: loops\nlimits: {wall_time: 50ms}\nproperties: false\ncases: [{name: a, given: [{value: 1}], expect: []}]\n";
    let told = failure(&folder.run(text)[0].tests[0]).unwrap();
    assert!(told.starts_with("the call failed: ran out of time (limit 50ms)"), "{told}");
}

#[test]
fn a_mistake_in_a_case_is_told_with_file_line_and_column() {
    let folder = Folder::new();
    let problems = |text: &str| folder.run_with(text, TestOptions::default()).unwrap_err().to_string();
    let case = |rest: &str| problems(&format!("{HEAD}cases:\n  - name: a\n{rest}"));
    for (rest, problem) in [
        (
            "    given: [{conv_rate: 0.5}, {conv_rate: high}]\n    expect: []\n",
            "a.test.yaml:6:43: column `conv_rate`, row 1: \"high\" is not a valid Float32",
        ),
        (
            "    given: [{conv: 0.5}]\n    expect: []\n",
            "a.test.yaml:6:14: there is no input `conv`; the function's inputs are `conv_rate`, `val_to_add`",
        ),
        (
            "    given: []\n    expect: [{sum: 1}]\n",
            "a.test.yaml:7:15: there is no output `sum`; the function's outputs are `conv_rate_plus_val1`",
        ),
        ("    given: nothing.csv\n    expect: []\n", "a.test.yaml:6:12: `nothing.csv` cannot be used"),
        (
            "    given: []\n    expect: []\n    tolerance: {sum: 1}\n",
            "a.test.yaml:8:17: there is no output `sum`",
        ),
    ] {
        let told = case(rest);
        assert!(told.contains(problem), "{told}");
    }
    for (text, problem) in [
        ("component: none.wasm\n", "a.test.yaml:1:12: component `none.wasm` cannot be read"),
        ("component: basket.wasm\n", "a.test.yaml:1:12: component `basket.wasm` has several functions"),
        (
            "component: basket.wasm\nfunction: basket\n",
            "a.test.yaml:2:11: component `basket.wasm` has no function `basket`; it has `basket_prices`",
        ),
        (
            "component: trip_text.wasm\nfunction: greeting\ninputs: {name: {range: [a, b]}}\n",
            "a.test.yaml:3:10: input `name` is of type String, which has no range",
        ),
        (
            "component: impure.wasm\nfunction: overflows\ninputs: {value: {values: [1, x]}}\n",
            "a.test.yaml:3:10: the values of input `value` do not fit",
        ),
        (
            "component: impure.wasm\nfunction: overflows\nspread: {nulls: {out: [values]}}\n",
            "a.test.yaml:3:24: there is no input `values`",
        ),
    ] {
        let told = problems(text);
        assert!(told.contains(problem), "{told}");
    }
}

#[test]
fn build_servers_read_what_failed_and_why() {
    let folder = Folder::new();
    let text = format!(
        "{HEAD}cases:\n  - name: \"a < b\"\n    given: [{{}}]\n    expect: [{{conv_rate_plus_val1: 1}}]\n---\ncomponent: impure.wasm\nfunction: overflows\nproperties: {{batches: 1, skip: {{extremes: \"a & b\"}}}}\n"
    );
    let reports = folder.run_with(&text, TestOptions::default()).unwrap();
    let xml = junit(&reports, &[]);
    assert!(xml.contains("<testcase classname=\"transformed_conv_rate\" name=\"case a &lt; b\""), "{xml}");
    assert!(xml.contains("<failure message=\"1 of 1 rows differs\">| row | column"), "{xml}");
    assert!(xml.contains("<skipped message=\"a &amp; b\"/>"), "{xml}");
    assert!(xml.contains("tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
}
