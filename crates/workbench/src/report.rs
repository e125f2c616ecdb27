//! What came of tests, for people and machines.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cost::Cost;
use crate::rows::Grid;

/// What came of one document of a test file, or of a component's generated tests.
#[derive(Debug)]
pub struct TestReport {
    /// The test file, or the component where there is none, as the user named it.
    pub file: PathBuf,
    /// The component's file, as the test file names it.
    pub component: String,
    /// The SHA-256 of the component; empty if it cannot be loaded.
    pub digest: String,
    /// The function.
    pub function: String,
    /// The tests that were run or skipped, in order.
    pub tests: Vec<TestResult>,
    /// All files that were read.
    pub read: Vec<PathBuf>,
}

/// What came of one test.
#[derive(Debug)]
pub struct TestResult {
    /// `case NAME`, `property NAME`, `budget NAME`, or `component`.
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
    /// What the call cost, where there is one call.
    pub cost: Option<Cost>,
    /// What was done, in short.
    pub remark: String,
}

/// How a test ended.
#[derive(Debug)]
pub enum TestStatus {
    /// Well.
    Passed,
    /// Not run, for the reason that the file gives.
    Skipped(String),
    /// Badly.
    Failed(Failure),
}

/// Why a test failed.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong.
    pub message: String,
    /// The rows that show it.
    pub rows: Option<Grid>,
    /// The rows as a document of a test file.
    pub saved_case: Option<String>,
}

impl TestReport {
    /// How many tests passed, failed and were skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count =
            |wanted: fn(&TestStatus) -> bool| self.tests.iter().filter(|test| wanted(&test.status)).count();
        (
            count(|status| matches!(status, TestStatus::Passed)),
            count(|status| matches!(status, TestStatus::Failed(_))),
            count(|status| matches!(status, TestStatus::Skipped(_))),
        )
    }

    /// The same for machines.
    pub fn to_json(&self) -> Value {
        let test = |test: &TestResult| {
            let (status, message, rows) = match &test.status {
                TestStatus::Passed => ("passed", None, None),
                TestStatus::Skipped(reason) => ("skipped", Some(reason), None),
                TestStatus::Failed(failure) => ("failed", Some(&failure.message), failure.rows.as_ref()),
            };
            json!({
                "name": test.name,
                "status": status,
                "message": message,
                "rows": rows.map(|grid| json!({"columns": grid.headers, "cells": grid.rows})),
                "cost": test.cost.as_ref().map(Cost::to_json),
            })
        };
        json!({
            "file": self.file.display().to_string(),
            "component": self.component,
            "sha256": self.digest,
            "function": self.function,
            "tests": self.tests.iter().map(test).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest.get(..12).unwrap_or_default();
        write!(f, "{}: ", self.file.display())?;
        if !self.function.is_empty() {
            write!(f, "`{}` of ", self.function)?;
        }
        write!(f, "{}", self.component)?;
        writeln!(f, "{}", if digest.is_empty() { String::new() } else { format!(" (sha256 {digest})") })?;
        let width = self.tests.iter().map(|test| test.name.chars().count()).max().unwrap_or(0);
        for TestResult { name, status, remark, .. } in &self.tests {
            let padded = format!("{name:<width$}");
            match status {
                TestStatus::Passed => writeln!(f, "{}", format!("  ok    {padded}  {remark}").trim_end())?,
                TestStatus::Skipped(reason) => writeln!(f, "  skip  {padded}  {reason}")?,
                TestStatus::Failed(failure) => {
                    writeln!(f, "{}", format!("  FAIL  {padded}  {remark}").trim_end())?;
                    writeln!(f, "        {}", failure.message)?;
                    if let Some(grid) = &failure.rows {
                        for line in grid.to_string().lines() {
                            writeln!(f, "        {line}")?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
