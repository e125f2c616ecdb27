//! From rows that fail to the fewest and plainest rows that fail.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use larder_core::{Field, Timestamp};
use larder_registry::InputDomain;
use serde_json::Value;

use crate::generate::plainest;
use crate::property::Violation;
use crate::rows::Rows;

/// Rows tried before the smallest so far is good enough.
const MOST_TRIALS: usize = 2_000;
/// Time spent, for functions that take long to fail.
const MOST_TIME: Duration = Duration::from_secs(10);

/// Drops rows, then makes columns and cells plainer, as long as `fails` still finds something wrong. Every
/// value stays within the domain of its column.
pub(crate) fn shrink(
    rows: Rows,
    violation: Violation,
    domains: &BTreeMap<String, InputDomain>,
    fails: impl FnMut(&Rows) -> Option<Violation>,
) -> (Rows, Violation) {
    #[expect(clippy::disallowed_methods, reason = "a limit of the user's patience")]
    let start = Instant::now();
    let mut shrinker = Shrinker { best: rows, violation, domains, fails, trials: 0, start };
    while shrinker.drop_rows() | shrinker.plainer_columns() | shrinker.plainer_cells() {}
    (shrinker.best, shrinker.violation)
}

struct Shrinker<'a, F> {
    best: Rows,
    violation: Violation,
    domains: &'a BTreeMap<String, InputDomain>,
    fails: F,
    trials: usize,
    start: Instant,
}

impl<F: FnMut(&Rows) -> Option<Violation>> Shrinker<'_, F> {
    /// Keeps `rows` if they fail.
    fn accept(&mut self, rows: Rows) -> bool {
        if self.trials >= MOST_TRIALS || self.start.elapsed() > MOST_TIME || rows == self.best {
            return false;
        }
        self.trials += 1;
        match (self.fails)(&rows) {
            Some(violation) => {
                (self.best, self.violation) = (rows, violation);
                true
            }
            None => false,
        }
    }

    /// Half of the rows at a time, then a quarter, down to single ones.
    fn drop_rows(&mut self) -> bool {
        let mut dropped = false;
        let mut size = self.best.cells.len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < self.best.cells.len() {
                let mut rows = self.best.clone();
                rows.cells.drain(start..(start + size).min(rows.cells.len()));
                if self.accept(rows) {
                    dropped = true;
                } else {
                    start += size;
                }
            }
            size /= 2;
        }
        dropped
    }

    /// A whole column at its plainest value: then it has nothing to do with the failure.
    fn plainer_columns(&mut self) -> bool {
        let mut changed = false;
        for (column, field) in self.best.fields.clone().iter().enumerate() {
            let plain = self.plainest(field);
            let mut rows = self.best.clone();
            for cell in rows.cells.iter_mut().filter_map(|row| row.get_mut(column)) {
                *cell = plain.clone();
            }
            changed |= self.accept(rows);
        }
        changed
    }

    fn plainer_cells(&mut self) -> bool {
        let mut changed = false;
        for row in 0..self.best.cells.len() {
            for (column, field) in self.best.fields.clone().iter().enumerate() {
                while self.plainer_cell(row, column, field) {
                    changed = true;
                }
            }
        }
        changed
    }

    fn plainer_cell(&mut self, row: usize, column: usize, field: &Field) -> bool {
        let Some(cell) = self.best.cells.get(row).and_then(|cells| cells.get(column)).cloned() else {
            return false;
        };
        let plain = self.plainest(field);
        if cell == plain {
            return false;
        }
        let domain = self.domains.get(&field.name);
        let candidates = std::iter::once(plain).chain(plainer(&cell));
        for candidate in candidates.filter(|candidate| domain.is_none_or(|domain| allows(domain, candidate)))
        {
            let mut rows = self.best.clone();
            if let Some(cell) = rows.cells.get_mut(row).and_then(|cells| cells.get_mut(column)) {
                *cell = candidate;
            }
            if self.accept(rows) {
                return true;
            }
        }
        false
    }

    /// The plainest value that the column may have.
    fn plainest(&self, field: &Field) -> Value {
        let plain = plainest(&field.value_type);
        match self.domains.get(&field.name) {
            Some(domain) if !allows(domain, &plain) => {
                let least = domain.range.as_ref().map(|(least, _)| least);
                domain.values.first().or(least).cloned().unwrap_or(plain)
            }
            _ => plain,
        }
    }
}

/// Values that are plainer than `value`, the plainest first. Each step ends: it is shorter or nearer to 0.
fn plainer(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_i64() {
                // Far steps first, then ever smaller ones, so that a limit is found as by bisection.
                let steps = (0..63).map(|bits| whole - (whole >> bits)).filter(|near| *near != whole);
                let positive = whole.checked_neg().filter(|positive| *positive > 0);
                return positive
                    .into_iter()
                    .chain(steps)
                    .chain([whole - whole.signum()])
                    .map(Value::from)
                    .collect();
            }
            let Some(float) = number.as_f64() else { return Vec::new() };
            let nearer =
                [0.0, float.signum(), float.trunc(), (float / 2.0).trunc(), (float * 8.0).trunc() / 8.0];
            // Fewer digits first, then nearer to 0.
            let is_plainer =
                |near: &f64| (near.abs() < float.abs()) && near.to_string().len() <= float.to_string().len();
            nearer.into_iter().filter(is_plainer).map(Value::from).collect()
        }
        // Floats that JSON cannot write; parts of their names are names too.
        Value::String(text) if text == "-Infinity" => vec!["Infinity".into()],
        Value::String(text) if text == "Infinity" || text == "NaN" => Vec::new(),
        Value::String(text) => {
            let characters: Vec<char> = text.chars().collect();
            let half = |range: std::ops::Range<usize>| -> String {
                characters.get(range).unwrap_or_default().iter().collect()
            };
            let length = characters.len();
            if length < 2 {
                return Vec::new();
            }
            vec![
                half(0..1).into(),
                half(0..length / 2).into(),
                half(length / 2..length).into(),
                half(0..length - 1).into(),
            ]
        }
        Value::Array(items) => {
            let length = items.len();
            let part =
                |range: std::ops::Range<usize>| Value::Array(items.get(range).unwrap_or_default().to_vec());
            let mut plainer_lists = match length {
                0 => return Vec::new(),
                1 => vec![part(0..0)],
                _ => vec![part(0..1), part(0..length / 2), part(length / 2..length), part(0..length - 1)],
            };
            for (at, item) in items.iter().enumerate().take(4) {
                plainer_lists.extend(plainer(item).into_iter().map(|item| {
                    let mut items = items.clone();
                    if let Some(place) = items.get_mut(at) {
                        *place = item;
                    }
                    Value::Array(items)
                }));
            }
            plainer_lists
        }
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, part)| {
                plainer(part).into_iter().map(|part| {
                    let mut object = object.clone();
                    object.insert(name.clone(), part);
                    Value::Object(object)
                })
            })
            .collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// Whether a domain has a value.
fn allows(domain: &InputDomain, value: &Value) -> bool {
    if value.is_null() {
        return !domain.never_null;
    }
    if !domain.values.is_empty() {
        return domain.values.contains(value);
    }
    let Some((least, greatest)) = &domain.range else { return true };
    if let (Some(least), Some(greatest), Some(value)) = (least.as_f64(), greatest.as_f64(), value.as_f64()) {
        return (least..=greatest).contains(&value);
    }
    let time = |value: &Value| value.as_str().and_then(|text| Timestamp::parse(text).ok());
    match (time(least), time(greatest), time(value)) {
        (Some(least), Some(greatest), Some(value)) => (least..=greatest).contains(&value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use larder_core::ValueType;
    use serde_json::json;

    use super::*;

    fn rows(cells: &[(i64, &str)]) -> Rows {
        Rows {
            fields: vec![Field::new("n", ValueType::INT64), Field::new("t", ValueType::STRING)],
            cells: cells.iter().map(|(n, t)| vec![json!(n), json!(t)]).collect(),
        }
    }

    fn fails(wrong: fn(&Rows) -> bool) -> impl FnMut(&Rows) -> Option<Violation> {
        move |rows| wrong(rows).then(|| Violation(format!("{} rows", rows.cells.len())))
    }

    #[test]
    fn the_smallest_failing_rows_are_found() {
        let given = rows(&[(5, "abc"), (900, "xyz"), (7, "q"), (12_345, "long text"), (1, "")]);
        let wrong = |rows: &Rows| rows.cells.iter().any(|row| row[0].as_i64() > Some(100));
        let (smallest, violation) = shrink(given, Violation(String::new()), &BTreeMap::new(), fails(wrong));
        assert_eq!(smallest, rows(&[(101, "")]));
        assert_eq!(violation, Violation("1 rows".to_owned()));
    }

    #[test]
    fn what_needs_two_rows_keeps_two() {
        let given = rows(&[(5, "a"), (5, "b"), (7, "c"), (5, "d")]);
        let wrong = |rows: &Rows| rows.cells.len() >= 2 && rows.cells[0][1] != rows.cells[1][1];
        let (smallest, _) = shrink(given, Violation(String::new()), &BTreeMap::new(), fails(wrong));
        let [first, second] = smallest.cells.as_slice() else { panic!("two rows") };
        assert_eq!((&first[0], &first[1], &second[0]), (&json!(0), &json!(""), &json!(0)));
        assert_eq!(second[1].as_str().map(str::len), Some(1));
    }

    #[test]
    fn shrunk_values_stay_in_their_domain() {
        let domain = InputDomain { range: Some((json!(50), json!(2_000))), ..InputDomain::default() };
        let domains = BTreeMap::from([("n".to_owned(), domain)]);
        let wrong = |rows: &Rows| !rows.cells.is_empty();
        let (smallest, _) = shrink(rows(&[(900, "xyz")]), Violation(String::new()), &domains, fails(wrong));
        assert_eq!(smallest, rows(&[(50, "")]));
    }
}
