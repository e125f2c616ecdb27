//! Inspect, run, bench and test components; plan with the tests of new ones.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use larder_testkit::guests;
use serde_json::{Value, json};

use crate::larder::{Printed, Repo, larder};

/// A folder of guests and test files, without a feature repo.
struct Workbench(Repo);

impl Workbench {
    fn new() -> Self {
        let folder = Repo::empty();
        for (name, bytes) in [
            ("driver_features.wasm", guests::driver_features()),
            ("feast_golden.wasm", guests::feast_golden()),
            ("impure.wasm", guests::impure()),
            ("foreign_import.wasm", guests::hostile_foreign_import()),
        ] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.path().join(name), text).unwrap();
        self.file(name)
    }

    fn udf(&self, verb: &str, file: &str, rest: &[&str]) -> Printed {
        larder(&[&["udf", verb, self.file(file).as_str()], rest].concat())
    }
}

#[test]
fn inspect_tells_what_a_component_takes_and_gives() {
    let workbench = Workbench::new();
    let text = workbench.udf("inspect", "driver_features.wasm", &[]).success().stdout;
    for line in [
        "accepted   yes\n",
        "kind       module, of which larder makes a component\n",
        "contract   larder:udf@0.2.0\n",
        "imports    nothing\n",
        "exports    memory\n",
        "    avg_daily_trips: Int64,\n",
        "    driver_tier: String,\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let json = workbench.udf("inspect", "driver_features.wasm", &["--json"]).json();
    assert_eq!(json["size_bytes"], json!(guests::driver_features().len()));
    assert_eq!(json["functions"][0]["inputs"][0], json!({"name": "conv_rate", "type": "Float32"}));
    assert!(json["memories"][0]["initial_bytes"].as_u64() >= Some(65_536));
}

#[test]
fn inspect_says_why_a_component_is_refused() {
    let workbench = Workbench::new();
    let refused = workbench.udf("inspect", "foreign_import.wasm", &["--json"]);
    let told: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(told["accepted"], json!(false));
    assert!(told["refusal"].as_str().unwrap().contains("transformations do not have"), "{told}");
    assert_eq!(told["imports"].as_array().map(Vec::len), Some(1));
    assert!(refused.failure(1).contains("larder does not accept"));
    let text = workbench.write("notes.txt", "def f(df): pass");
    assert!(
        larder(&["udf", "inspect", &text])
            .stdout
            .starts_with("accepted   no: not a wasm component but a text file")
    );
}

#[test]
fn run_reads_every_format_by_the_declared_types_and_tells_the_cost() {
    let workbench = Workbench::new();
    let csv = workbench.write("rows.csv", "conv_rate,val_to_add,val_to_add_2,more\n0.5,1,2,x\n,1,2,y\n");
    let lines = "{\"conv_rate\": 0.5, \"val_to_add\": \"1\", \"val_to_add_2\": 2}\n{\"conv_rate\": null}\n";
    let ndjson = workbench.write("rows.ndjson", lines);
    let parquet = workbench.file("rows.parquet");
    let function = ["--function", "transformed_conv_rate"];
    let run = |rest: &[&str]| workbench.udf("run", "driver_features.wasm", &[&function, rest].concat());
    let printed = run(&["--input", &csv]).success();
    assert_eq!(
        printed.stdout,
        "| conv_rate_plus_val1 | conv_rate_plus_val2 |\n\
         |---------------------|---------------------|\n\
         | 1.5                 | 2.5                 |\n\
         | null                | null                |\n"
    );
    for line in ["instructions  ", "time  ", "memory  ", "column `more`"] {
        assert!(printed.stderr.contains(line), "{}", printed.stderr);
    }
    let instructions =
        |printed: &Printed| printed.stderr.lines().find(|line| line.starts_with("instr")).map(str::to_owned);
    assert_eq!(instructions(&printed), instructions(&run(&["--input", &csv]).success()));
    let rows = json!([
        {"conv_rate_plus_val1": 1.5, "conv_rate_plus_val2": 2.5},
        {"conv_rate_plus_val1": null, "conv_rate_plus_val2": null},
    ]);
    assert_eq!(run(&["--input", &ndjson, "--json"]).json(), rows);
    // What is written is read again: the outputs of one function are the inputs of none, so by names.
    assert!(run(&["--input", &csv, "--output", &parquet]).success().stderr.contains("2 rows written to"));
    let missing = run(&["--input", &parquet]).failure(1);
    assert!(
        missing.contains(
            "there is no column `conv_rate`, which the function takes; there are `conv_rate_plus_val1`"
        ),
        "{missing}"
    );
}

#[test]
fn run_names_what_is_wrong() {
    let workbench = Workbench::new();
    let csv = workbench.write("rows.csv", "conv_rate,val_to_add,val_to_add_2\n0.5,1,2\n0.5,high,2\n");
    let run = |rest: &[&str]| {
        workbench.udf("run", "driver_features.wasm", &[&["--input", csv.as_str()], rest].concat()).failure(1)
    };
    let error = run(&["--function", "transformed_conv_rate"]);
    assert!(
        error.contains("rows.csv`: column `val_to_add`, row 1: \"high\" is not a valid Int64"),
        "{error}"
    );
    assert!(run(&[]).contains(
        "has several functions; choose one with `--function`: transformed_conv_rate, driver_quality"
    ));
    assert!(run(&["--function", "x"]).contains("has no function `x`; it has transformed_conv_rate"));
    let large = workbench.write("large.json", r#"[{"val_to_add": 9223372036854775807}]"#);
    let failed = workbench
        .udf("run", "feast_golden.wasm", &["--function", "od_reqonly", "--input", &large])
        .failure(1);
    assert!(
        failed.contains("function `od_reqonly` failed: twice 9223372036854775807 does not fit in Int64"),
        "{failed}"
    );
}

#[test]
fn bench_measures_each_size() {
    let workbench = Workbench::new();
    let json =
        workbench.udf("bench", "driver_features.wasm", &["--function", "driver_quality", "--json"]).json();
    let sizes = json["sizes"].as_array().unwrap();
    assert_eq!(
        sizes.iter().map(|size| size["rows"].as_u64().unwrap()).collect::<Vec<_>>(),
        [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536]
    );
    assert_eq!(sizes[8]["calls"], json!(8));
    let instructions: Vec<u64> = sizes.iter().map(|size| size["instructions"].as_u64().unwrap()).collect();
    assert!(instructions.is_sorted() && instructions[0] > 0, "{instructions:?}");
    let failing = workbench.write("failing.json", r#"[{"val_to_add": 9223372036854775807}]"#);
    let error = workbench
        .udf("bench", "feast_golden.wasm", &["-q", "--function", "od_reqonly", "-i", &failing])
        .failure(1);
    assert!(error.contains("does not fit in Int64"), "{error}");
}

const PASSING: &str = "\
component: driver_features.wasm
function: transformed_conv_rate
spread: {nulls: {conv_rate_plus_val1: [conv_rate, val_to_add]}}
budgets: {instructions: 2000000}
cases:
  - name: a sum
    given: [{conv_rate: 0.5, val_to_add: 1}]
    expect: [{conv_rate_plus_val1: 1.5}]
";

#[test]
fn tests_pass_fail_or_are_bad_by_their_exit_code() {
    let workbench = Workbench::new();
    let good = workbench.write("good.test.yaml", PASSING);
    let junit = workbench.file("junit.xml");
    let passed = larder(&["udf", "test", &good, "--junit", &junit]).success();
    assert!(passed.stdout.contains("  ok    case a sum"), "{}", passed.stdout);
    assert!(passed.stdout.ends_with(" passed, 0 failed\n"), "{}", passed.stdout);
    assert!(std::fs::read_to_string(&junit).unwrap().contains("name=\"case a sum\""));

    workbench.write("bad.test.yaml", &PASSING.replace("val_to_add: 1}]", "val_to_add: [1]}]"));
    let folder = workbench.0.path().display().to_string();
    let bad = larder(&["udf", "test", &folder, "--junit", &junit]);
    assert!(bad.stdout.contains("  ok    case a sum"), "the good file runs: {}", bad.stdout);
    assert!(bad.stdout.ends_with(" passed, 0 failed, 1 file not run\n"), "{}", bad.stdout);
    let error = bad.failure(2);
    let mistake = "bad.test.yaml:7:42: column `val_to_add`, row 0: [1] is not a valid Int64";
    assert!(error.contains(mistake), "{error}");
    let report = std::fs::read_to_string(&junit).unwrap();
    assert!(report.contains("name=\"case a sum\"") && report.contains("errors=\"1\""), "{report}");
    assert!(report.contains(mistake), "{report}");

    let wrong = workbench.write("wrong.test.yaml", &PASSING.replace("1.5", "2"));
    let failed = larder(&["udf", "test", &wrong, "--json", "--filter", "a sum"]);
    let json: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(
        json["functions"][0]["tests"][0]["rows"]["cells"][0],
        json!(["0", "conv_rate_plus_val1", "2.0", "1.5"])
    );
    assert!(failed.failure(1).contains("1 of 1 tests failed"));
    let nothing = larder(&["udf", "test", &good, "--filter", "no such"]).failure(1);
    assert!(nothing.contains("no test contains `no such` in its name"), "{nothing}");
}

#[test]
fn where_nothing_was_run_no_sum_is_told() {
    let workbench = Workbench::new();
    let bad = workbench.write("bad.test.yaml", "component: driver_features.wasm\ncase: []\n");
    let junit = workbench.file("junit.xml");
    let told = larder(&["udf", "test", &bad, "--junit", &junit]);
    assert_eq!(told.stdout, "");
    assert!(told.failure(2).contains("unknown key `case` in test file"));
    let report = std::fs::read_to_string(&junit).unwrap();
    assert!(report.contains("<error message=\"the test file has mistakes, and was not run\">"), "{report}");
    let json = larder(&["udf", "test", &bad, "--json"]);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(document["problems"][0].as_str().unwrap().contains("unknown key `case`"), "{document}");
    json.failure(2);
    let filtered = larder(&["udf", "test", &workbench.write("good.test.yaml", PASSING), "--filter", "none"]);
    assert_eq!(filtered.stdout, "");
    filtered.failure(1);
}

#[test]
fn what_a_property_finds_is_kept_as_a_case() {
    let workbench = Workbench::new();
    let file = workbench.write("impure.test.yaml", "component: impure.wasm\nfunction: numbers_rows\n");
    larder(&["udf", "test", &file, "--save", "--filter", "permute"]).failure(1);
    let found = workbench.file("impure.found.test.yaml");
    let text = std::fs::read_to_string(&found).unwrap();
    assert!(text.contains("    given:\n      - {value: 0, unused: \"\"}\n      - {value: 0, unused: \"\"}\n    holds: permute\n"), "{text}");
    let again = larder(&["udf", "test", &file, "--save", "--filter", "permute"]);
    assert!(again.failure(1).contains("holds this case already"));
    let kept = larder(&["udf", "test", &found]);
    assert!(
        kept.stdout.contains("`permute` does not hold: with its rows reversed, row 0 has `out` = 1"),
        "{}",
        kept.stdout
    );
    kept.failure(1);
}

#[test]
fn plan_tests_new_components_and_fails_with_them() {
    let repo = Repo::sample();
    std::fs::remove_file(repo.dir().join("udfs/driver_features.test.yaml")).unwrap();
    std::fs::write(repo.dir().join("udfs/driver.test.yaml"), PASSING).unwrap();
    // Not a definition, and of no component of a view: neither read nor run.
    std::fs::write(repo.dir().join("udfs/impure.wasm"), guests::impure()).unwrap();
    std::fs::write(repo.dir().join("udfs/impure.test.yaml"), "component: impure.wasm\nfunction: remembers\n")
        .unwrap();
    let planned = repo.run(&["plan"]).success();
    assert!(planned.stdout.contains("Created on demand feature view"), "{}", planned.stdout);
    assert!(
        planned.stdout.contains("  ok    case a sum") && !planned.stdout.contains("remembers"),
        "{}",
        planned.stdout
    );

    repo.edit("udfs/driver.test.yaml", "1.5", "2");
    let failing = repo.run(&["plan"]);
    assert!(
        failing.stdout.contains("Created on demand feature view"),
        "the plan comes first: {}",
        failing.stdout
    );
    assert!(failing.stdout.contains("  FAIL  case a sum"), "{}", failing.stdout);
    assert!(failing.failure(1).contains("1 of"));
    let json = repo.run(&["plan", "--json"]);
    let told: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(told["tests"][0]["tests"][0]["status"], json!("failed"));
    assert!(!repo.run(&["plan", "--skip-udf-tests"]).success().stdout.contains("case a sum"));

    repo.run(&["apply"]).success();
    assert!(!repo.run(&["plan"]).success().stdout.contains("case a sum"), "what is registered is not new");
    repo.run(&["udf", "test", "--filter", "case"]).failure(1);
}

#[test]
fn a_watched_test_runs_again_when_its_file_changes() {
    let workbench = Workbench::new();
    let file = workbench.write("a.test.yaml", &PASSING.replace("1.5", "2"));
    let mut watching = workbench
        .0
        .command(&[])
        .args(["udf", "test", &file, "--watch", "--filter", "case"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(watching.stderr.take().unwrap()).lines();
    errors.find(|line| line.as_ref().unwrap().starts_with("waiting for changes")).unwrap().unwrap();
    // The clock of some file systems has whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    workbench.write("a.test.yaml", PASSING);
    errors.find(|line| line.as_ref().unwrap().starts_with("waiting for changes")).unwrap().unwrap();
    watching.kill().unwrap();
    let text = std::io::read_to_string(watching.stdout.take().unwrap()).unwrap();
    watching.wait().unwrap();
    assert!(text.contains("0 passed, 1 failed") && text.contains("1 passed, 0 failed"), "{text}");
}

#[test]
fn a_new_repo_has_tests_that_pass() {
    let repo = Repo::sample();
    let passed = repo.run(&["udf", "test"]).success();
    assert!(passed.stdout.contains("  ok    case both values are added"), "{}", passed.stdout);
    assert!(passed.stdout.ends_with("23 passed, 0 failed, 1 skipped\n"), "{}", passed.stdout);
}

#[test]
fn the_schema_of_test_files_is_printed_for_editors() {
    let schema = larder(&["udf", "test-schema"]).json();
    assert_eq!(schema["required"], json!(["component"]));
    let case = &schema["properties"]["cases"]["items"]["properties"];
    assert_eq!(case["holds"]["anyOf"][0]["enum"][0], json!("ordinary"));
}
