//! Every property is seen to hold for pure functions, and to fail, made small, for one that is not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a helper may stop its test")]

mod support;

use larder_workbench::{TestOptions, TestRunner, TestStatus};
use support::{Folder, METER, failed, failure};

/// Checks a function of `impure`: exactly these properties fail, and the first is shown like this.
#[track_caller]
fn fails(function: &str, declared: &str, properties: &[&str], shown: &str) {
    let folder = Folder::new();
    let text = format!("component: impure.wasm\nfunction: {function}\n{declared}\n");
    let reports = folder.run(&text);
    let names: Vec<String> = properties.iter().map(|name| format!("property {name}")).collect();
    assert_eq!(failed(&reports), names, "{}", reports[0]);
    let first = reports[0].tests.iter().find(|test| test.name == names[0]).unwrap();
    assert_eq!(failure(first).unwrap().trim_end(), shown);
}

#[test]
fn a_function_that_remembers_is_found_by_repetition() {
    fails(
        "remembers",
        "",
        &["repeat"],
        "called again in the same instance, row 0 has `out` = 1 instead of 0\n\
         | value | unused |\n|-------|--------|\n| 0     | \"\"     |",
    );
}

#[test]
fn a_function_that_numbers_its_rows_is_found_by_their_order() {
    fails(
        "numbers_rows",
        "",
        &["permute", "split", "concat"],
        "with its rows reversed, row 0 has `out` = 1 instead of 0\n\
         | value | unused |\n|-------|--------|\n| 0     | \"\"     |\n| 0     | \"\"     |",
    );
}

#[test]
fn a_function_that_looks_at_its_neighbour_is_found_by_cutting() {
    fails(
        "looks_at_its_neighbour",
        "",
        &["permute", "split", "concat"],
        "with its rows reversed, row 0 has `out` = 1 instead of 0\n\
         | value | unused |\n|-------|--------|\n| 0     | \"\"     |\n| 1     | \"\"     |",
    );
}

#[test]
fn a_sum_over_the_batch_does_not_mind_the_order_but_the_cut() {
    fails(
        "sums_the_batch",
        "",
        &["split", "concat"],
        "cut before row 1, row 0 has `out` = 0 instead of 1\n\
         | value | unused |\n|-------|--------|\n| 0     | \"\"     |\n| 1     | \"\"     |",
    );
}

#[test]
fn a_function_that_needs_a_row_is_found_by_an_empty_table() {
    fails("panics_without_rows", "", &["empty"], "the call panicked, or reached `unreachable`");
}

#[test]
fn a_function_that_fails_for_an_ordinary_value_is_found() {
    fails(
        "panics_at_seven",
        "",
        // A split whose parts fail where the whole fails is no difference.
        &["ordinary", "unicode"],
        "the call panicked, or reached `unreachable`\n\
         | value | unused |\n|-------|--------|\n| 7     | \"\"     |",
    );
}

#[test]
fn a_function_that_overflows_is_found_by_extremes_unless_they_are_ruled_out() {
    fails(
        "overflows",
        "",
        &["extremes"],
        "the call panicked, or reached `unreachable`\n\
         | value            | unused |\n|------------------|--------|\n| 9223372036854776 | \"\"     |",
    );
    let folder = Folder::new();
    let bounded = "component: impure.wasm\nfunction: overflows\ninputs: {value: {range: [0, 1000000]}}\n";
    assert!(failed(&folder.run(bounded)).is_empty());
    let skipped =
        "component: impure.wasm\nfunction: overflows\nproperties: {skip: {extremes: no such trips}}\n";
    let reports = folder.run(skipped);
    assert!(failed(&reports).is_empty());
    let status = &reports[0].tests.iter().find(|test| test.name == "property extremes").unwrap().status;
    assert!(matches!(status, TestStatus::Skipped(reason) if reason == "no such trips"));
}

#[test]
fn a_function_that_fills_nulls_is_found_where_they_should_spread() {
    fails(
        "fills_nulls",
        "spread: {nulls: {out: [value]}}",
        &["null_spread"],
        "row 0: `value` is null, but `out` is -1\n\
         | value | unused |\n|-------|--------|\n| null  | \"\"     |",
    );
    assert!(failed(&Folder::new().run("component: impure.wasm\nfunction: fills_nulls\n")).is_empty());
}

#[test]
fn a_function_that_reads_under_nulls_is_found() {
    let folder = Folder::new();
    let reports = folder.run("component: impure.wasm\nfunction: reads_under_nulls\n");
    assert_eq!(failed(&reports), ["property masked"]);
    let told = failure(reports[0].tests.iter().find(|test| test.name == "property masked").unwrap()).unwrap();
    assert!(told.starts_with("with other values under the nulls, row 0 has `out` = "), "{told}");
    assert!(told.ends_with("| null  | \"\"     |\n") && told.lines().count() == 4, "{told}");
}

#[test]
fn a_function_that_fears_infinity_is_found() {
    let folder = Folder::new();
    let reports = folder.run("component: impure.wasm\nfunction: panics_at_infinity\n");
    assert_eq!(failed(&reports), ["property floats"]);
    let told = failure(reports[0].tests.iter().find(|test| test.name == "property floats").unwrap()).unwrap();
    assert_eq!(told.lines().count(), 4, "{told}");
    assert!(told.contains("Infinity"), "{told}");
}

#[test]
fn a_function_that_loses_nan_is_found_where_it_should_spread() {
    fails(
        "loses_nan",
        "spread: {nans: all}",
        &["nan_spread"],
        "row 0: `value` is NaN, but `out` is 0\n\
         | value | unused |\n|-------|--------|\n| NaN   | \"\"     |",
    );
}

#[test]
fn a_function_that_cuts_characters_is_found_by_unicode() {
    let folder = Folder::new();
    let reports = folder.run("component: impure.wasm\nfunction: cuts_characters\n");
    assert_eq!(failed(&reports), ["property unicode"]);
    let told =
        failure(reports[0].tests.iter().find(|test| test.name == "property unicode").unwrap()).unwrap();
    assert_eq!(told.lines().count(), 4, "{told}");
}

#[test]
fn pure_functions_of_every_type_pass() {
    let folder = Folder::new();
    // A column of every type makes large tables; a few of them do.
    let few = "properties: {batches: 5}";
    let text = format!(
        "component: echo.wasm\nfunction: pass\n{few}\n---\ncomponent: echo.wasm\nfunction: rebuild\n{few}\n"
    );
    let reports = folder.run(&text);
    assert!(failed(&reports).is_empty(), "{} {}", reports[0], reports[1]);
    for (guest, functions) in [("driver_features", 2), ("basket", 3), ("trip_text", 3)] {
        let file = folder.path(&format!("{guest}.wasm"));
        let mut runner = TestRunner::new(&METER, TestOptions { seed: 11, ..TestOptions::default() });
        let reports = runner.run_component(&file, file.as_ref()).unwrap();
        assert_eq!(reports.len(), functions);
        for report in reports {
            // `greeting` refuses empty names by contract, and says so.
            let refuses = report.function == "greeting";
            assert_eq!(report.counts().1 > 0, refuses, "{report}");
        }
    }
}

#[test]
fn the_same_seed_finds_the_same_rows_and_a_filter_chooses() {
    let folder = Folder::new();
    let text = "component: impure.wasm\nfunction: cuts_characters\n";
    let run = |seed| {
        let filter = Some("cuts_characters: property unicode".to_owned());
        let options = TestOptions { seed, filter, ..TestOptions::default() };
        let reports = folder.run_with(text, options).unwrap();
        assert_eq!(reports[0].tests.len(), 1);
        failure(&reports[0].tests[0]).unwrap()
    };
    assert_eq!(run(5), run(5));
}

#[test]
fn a_saved_case_fails_as_the_property_did_and_passes_once_the_function_is_right() {
    let folder = Folder::new();
    let text =
        "component: impure.wasm\nfunction: fills_nulls\nspread: {nulls: all}\nlimits: {memory: 32MiB}\n";
    let reports = folder.run(text);
    let saved: Vec<&str> = reports[0]
        .tests
        .iter()
        .filter_map(|test| match &test.status {
            TestStatus::Failed(failure) => failure.saved_case.as_deref(),
            _ => None,
        })
        .collect();
    let [saved] = saved.as_slice() else { panic!("one property fails") };
    let again = folder.run(saved);
    assert_eq!(failed(&again), ["case null_spread, seed 0"], "{saved}");
    let right =
        saved.replace("impure.wasm", "driver_features.wasm").replace("fills_nulls", "transformed_conv_rate");
    let right = right
        .replace("\"value\"", "value")
        .replace("value:", "conv_rate:")
        .replace(", unused: \"\"", "")
        .replace(", unused: null", "");
    assert!(failed(&folder.run(&right)).is_empty(), "{right}");
}
