//! A folder with guests and test files.

use std::path::PathBuf;
use std::sync::LazyLock;

use larder_testkit::guests;
use larder_workbench::{
    Meter, Problems, TestOptions, TestReport, TestResult, TestRunner, TestStatus, WasmRuntimeOptions,
};
use tempfile::TempDir;

/// The engines of all tests of a file.
pub(crate) static METER: LazyLock<Meter> =
    LazyLock::new(|| Meter::try_new(&WasmRuntimeOptions::default()).unwrap());

/// A folder that holds the guests, under their names.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [
            ("driver_features", guests::driver_features()),
            ("trip_text", guests::trip_text()),
            ("basket", guests::basket()),
            ("echo", guests::echo()),
            ("impure", guests::impure()),
            ("foreign_import", guests::hostile_foreign_import()),
            ("behaviours", guests::hostile_behaviours()),
        ] {
            std::fs::write(folder.path().join(format!("{name}.wasm")), bytes).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs a test file of this text.
    pub(crate) fn run_with(&self, text: &str, options: TestOptions) -> Result<Vec<TestReport>, Problems> {
        self.write("a.test.yaml", text);
        let mut runner = TestRunner::new(&METER, options);
        runner.run_file(&self.path("a.test.yaml"), "a.test.yaml".as_ref())
    }

    pub(crate) fn run(&self, text: &str) -> Vec<TestReport> {
        self.run_with(text, TestOptions::default()).unwrap()
    }
}

/// The message of a test that failed, with its rows; `None` if it passed.
pub(crate) fn failure(test: &TestResult) -> Option<String> {
    match &test.status {
        TestStatus::Failed(failure) => {
            let rows = failure.rows.as_ref().map(ToString::to_string).unwrap_or_default();
            Some(format!("{}\n{rows}", failure.message))
        }
        TestStatus::Passed | TestStatus::Skipped(_) => None,
    }
}

/// The names of the tests that failed.
pub(crate) fn failed(reports: &[TestReport]) -> Vec<&str> {
    let tests = reports.iter().flat_map(|report| &report.tests);
    tests.filter(|test| failure(test).is_some()).map(|test| test.name.as_str()).collect()
}
