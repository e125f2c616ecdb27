//! What a comparison found.

use serde_json::{Value, json};

/// What a comparison found.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationReport {
    /// How many rows were compared.
    pub rows: u64,
    /// What differs too much, in the order of the columns; nothing if all is as expected.
    pub failures: Vec<ValidationFailure>,
    /// Whether the reference also has a profiler in Python, whose expectations were not looked at.
    pub ignores_python_profiler: bool,
}

impl ValidationReport {
    /// Whether all is as expected.
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }
}

/// One expectation that was not met.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationFailure {
    /// The check: `row_count`, `column_exists`, `column_kind`, `null_share`, `range`, `mean`,
    /// `standard_deviation` or `categories`.
    pub check: &'static str,
    /// The column; empty where it is all of them.
    pub column: String,
    /// What was expected.
    pub expected: Value,
    /// How many rows are null, and of how many, where that was checked.
    pub missing: Option<(u64, u64)>,
    /// The number that was found, where one was expected.
    pub observed: Option<f64>,
    /// How many values were not as expected, and of how many, where single values were checked.
    pub unexpected: Option<(u64, u64)>,
    /// Some of those values.
    pub unexpected_values: Vec<Value>,
}

impl ValidationFailure {
    pub(super) fn new(check: &'static str, column: &str, expected: Value) -> Self {
        Self {
            check,
            column: column.to_owned(),
            expected,
            missing: None,
            observed: None,
            unexpected: None,
            unexpected_values: Vec::new(),
        }
    }

    /// As an object with the keys of Feast's validation errors, and `unexpected_values` beside them.
    pub fn to_json(&self) -> Value {
        let percent = |(part, all): (u64, u64)| {
            if all == 0 {
                0.0
            } else {
                100.0 * crate::statistics::moments::as_float(part) / crate::statistics::moments::as_float(all)
            }
        };
        json!({
            "check_name": self.check,
            "column_name": self.column,
            "check_config": self.expected,
            "missing_count": self.missing.map(|missing| missing.0),
            "missing_percent": self.missing.map(percent),
            "observed_value": self.observed,
            "unexpected_count": self.unexpected.map(|unexpected| unexpected.0),
            "unexpected_percent": self.unexpected.map(percent),
            "unexpected_values": self.unexpected_values,
        })
    }
}
