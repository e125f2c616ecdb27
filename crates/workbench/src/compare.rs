//! Output beside what a case expects.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use larder_core::column::json_value;
use larder_registry::{At, Tolerance};
use serde_json::Value;

use crate::rows::{Grid, shown};

/// Differences that are shown before it is said how many more there are.
const SHOWN: usize = 10;

/// How far numbers may be off.
#[derive(Debug)]
pub(crate) struct Tolerances<'a> {
    pub(crate) by_column: &'a BTreeMap<String, At<Tolerance>>,
    pub(crate) default: Tolerance,
}

/// What differs, for people: a sentence, and the first differences. `None` if nothing does.
///
/// Only the columns of `expected` are looked at; `output` has them all. Floats are equal if they are the
/// same number, both NaN, or within the tolerance; everything else if it is the same.
pub(crate) fn differences(
    expected: &RecordBatch,
    output: &RecordBatch,
    tolerances: &Tolerances<'_>,
) -> Option<(String, Option<Grid>)> {
    let (wanted, got) = (expected.num_rows(), output.num_rows());
    if wanted != got {
        return Some((format!("{wanted} rows are expected, and {got} came"), None));
    }
    let mut rows = Vec::new();
    let (mut cells, mut bad_rows) = (0, 0);
    for row in 0..wanted {
        let mut is_bad = false;
        for (field, expected) in expected.schema_ref().fields().iter().zip(expected.columns()) {
            let Some(actual) = output.column_by_name(field.name()) else { continue };
            let tolerance =
                tolerances.by_column.get(field.name()).map_or(tolerances.default, |given| given.value);
            let (expected, actual) = (json_value(expected, row), json_value(actual, row));
            if !is_close(&expected, &actual, tolerance) {
                is_bad = true;
                cells += 1;
                if rows.len() < SHOWN {
                    rows.push(vec![row.to_string(), field.name().clone(), shown(&expected), shown(&actual)]);
                }
            }
        }
        bad_rows += usize::from(is_bad);
    }
    if cells == 0 {
        return None;
    }
    let more =
        if cells > rows.len() { format!("; the first {SHOWN} of {cells} values") } else { String::new() };
    let verb = if bad_rows == 1 { "differs" } else { "differ" };
    let headers = ["row", "column", "expected", "got"].map(str::to_owned).to_vec();
    Some((format!("{bad_rows} of {wanted} rows {verb}{more}"), Some(Grid { headers, rows })))
}

fn is_close(expected: &Value, actual: &Value, tolerance: Tolerance) -> bool {
    match (expected, actual) {
        (Value::Number(one), Value::Number(other)) => {
            if one == other {
                return true;
            }
            let exact = tolerance == Tolerance::default();
            // Whole numbers beyond the 53 bits of a float are compared as they are.
            if exact && (one.is_i64() || one.is_u64()) && (other.is_i64() || other.is_u64()) {
                return false;
            }
            let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else { return false };
            (one - other).abs() <= tolerance.absolute.max(tolerance.relative * one.abs())
        }
        (Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len()
                && ones.iter().zip(others).all(|(one, other)| is_close(one, other, tolerance))
        }
        (Value::Object(ones), Value::Object(others)) => {
            ones.len() == others.len()
                && ones
                    .iter()
                    .all(|(name, one)| others.get(name).is_some_and(|other| is_close(one, other, tolerance)))
        }
        _ => expected == actual,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_be_off_by_the_tolerance_and_no_more() {
        let tolerance = |absolute, relative| Tolerance { absolute, relative };
        for (expected, actual, allowed, close) in [
            (json!(0.3), json!(0.1 + 0.2), tolerance(0.0, 0.0), false),
            (json!(0.3), json!(0.1 + 0.2), tolerance(1e-9, 0.0), true),
            (json!(100), json!(101), tolerance(0.0, 0.01), true),
            (json!(100), json!(101.1), tolerance(0.0, 0.01), false),
            (json!(0.0), json!(-0.0), tolerance(0.0, 0.0), true),
            (json!("NaN"), json!("NaN"), tolerance(0.0, 0.0), true),
            (json!(null), json!(0.0), tolerance(1.0, 0.0), false),
            (json!([1.0, {"a": 2.0}]), json!([1.5, {"a": 2.5}]), tolerance(0.5, 0.0), true),
            (json!([1.0]), json!([1.0, 1.0]), tolerance(9.0, 0.0), false),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), tolerance(0.0, 0.0), false),
        ] {
            assert_eq!(is_close(&expected, &actual, allowed), close, "{expected} {actual}");
        }
    }
}
