//! From what a test file says to what a function takes; everything that does not fit gets its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use larder_core::column::{column_from_json, json_value};
use larder_core::{Field, FlatType, Layout, RequestError};
use larder_registry::{
    At, Cell, InputDomain, Place, Problem, Spread, TestCase, TestTable, Then, TransformationTests,
};
use serde_json::Value;

use crate::chain;
use crate::input_table::{read_some, table};
use crate::property::Links;

/// A case whose tables fit the function.
#[derive(Debug)]
pub(crate) struct ReadyCase {
    pub(crate) given: RecordBatch,
    pub(crate) expected: Option<RecordBatch>,
}

/// Reads tables and names by a function's columns, and collects what is wrong.
pub(crate) struct Preparation<'a> {
    pub(crate) inputs: &'a [Field],
    pub(crate) outputs: &'a [Field],
    /// The folder of the test file.
    pub(crate) folder: &'a Path,
    pub(crate) problems: Vec<Problem>,
    /// Files that were read.
    pub(crate) read: Vec<PathBuf>,
}

impl Preparation<'_> {
    /// The tables of a case; `None` after a problem.
    pub(crate) fn case(&mut self, case: &TestCase) -> Option<ReadyCase> {
        for (column, tolerance) in &case.tolerance {
            self.known(self.outputs, "output", column, &tolerance.place);
        }
        let given = self.table(&case.given, self.inputs, "input");
        let expected = match &case.then {
            Then::Expect(table) => Some(self.table(table, self.outputs, "output")),
            Then::Error(_) | Then::Holds(_) => None,
        };
        let given = self.complete(&given?);
        match expected {
            Some(expected) => Some(ReadyCase { given, expected: Some(expected?) }),
            None => Some(ReadyCase { given, expected: None }),
        }
    }

    /// The domains with their values in the form in which cells have them.
    pub(crate) fn domains(&mut self, tests: &TransformationTests) -> BTreeMap<String, InputDomain> {
        let mut domains = BTreeMap::new();
        for (name, At { value: domain, place }) in &tests.inputs {
            let Some(field) = self.known(self.inputs, "input", name, place) else { continue };
            let ends = domain.range.iter().flat_map(|(least, greatest)| [least, greatest]);
            let given: Vec<&Value> = ends.chain(&domain.values).collect();
            let column = match column_from_json(name, &field.value_type, given.iter().copied()) {
                Ok(column) => column,
                Err(error) => {
                    let what = format!("the values of input `{name}` do not fit");
                    self.problems.push(place.problem(what).because(error.to_string()));
                    continue;
                }
            };
            let mut values: Vec<Value> = (0..column.len()).map(|row| json_value(&column, row)).collect();
            let range = domain.range.as_ref().map(|_| {
                let values_of_list = values.split_off(2);
                let greatest = values.pop().unwrap_or_default();
                let least = values.pop().unwrap_or_default();
                values = values_of_list;
                (least, greatest)
            });
            let has_order = matches!(
                field.value_type.layout(),
                Layout::Flat(
                    FlatType::Int32
                        | FlatType::Int64
                        | FlatType::Float32
                        | FlatType::Float64
                        | FlatType::TimestampMicros
                )
            );
            if range.is_some() && !has_order {
                let what = format!("input `{name}` is of type {}, which has no range", field.value_type);
                self.problems.push(place.problem(what).remedy("list its values with `values: […]`"));
            }
            let is_backwards = range.as_ref().is_some_and(|(least, greatest)| {
                matches!((least.as_f64(), greatest.as_f64()), (Some(least), Some(greatest)) if least > greatest)
            });
            if is_backwards {
                self.problems
                    .push(place.problem(format!("the range of input `{name}` ends before it begins")));
            }
            domains.insert(name.clone(), InputDomain { range, values, never_null: domain.never_null });
        }
        domains
    }

    /// The places of the outputs and inputs of a spread.
    pub(crate) fn links(&mut self, spread: Option<&Spread>) -> Option<Links> {
        match spread? {
            Spread::All => {
                let all: Vec<usize> = (0..self.inputs.len()).collect();
                Some((0..self.outputs.len()).map(|output| (output, all.clone())).collect())
            }
            Spread::From(outputs) => {
                let mut links = Vec::new();
                for (output, At { value: inputs, place }) in outputs {
                    self.known(self.outputs, "output", output, place);
                    let Some(to) = self.outputs.iter().position(|field| field.name == *output) else {
                        continue;
                    };
                    let mut from = Vec::new();
                    for input in inputs {
                        self.known(self.inputs, "input", &input.value, &input.place);
                        from.extend(self.inputs.iter().position(|field| field.name == input.value));
                    }
                    links.push((to, from));
                }
                Some(links)
            }
        }
    }

    /// The field of a name, or a problem that lists the names there are.
    fn known<'f>(&mut self, fields: &'f [Field], what: &str, name: &str, place: &Place) -> Option<&'f Field> {
        let found = fields.iter().find(|field| field.name == name);
        if found.is_none() {
            let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
            let remedy = format!("the function's {what}s are {}", names.join(", "));
            self.problems.push(place.problem(format!("there is no {what} `{name}`")).remedy(remedy));
        }
        found
    }

    /// Columns of `fields` as far as they are given.
    fn table(&mut self, given: &TestTable, fields: &[Field], what: &str) -> Option<RecordBatch> {
        match given {
            TestTable::File(file) => {
                let path = self.folder.join(&file.value);
                self.read.push(path.clone());
                match read_some(&path, fields) {
                    Ok(table) => {
                        for column in &table.left_out {
                            self.known(fields, what, column, &file.place);
                        }
                        table.left_out.is_empty().then_some(table.rows)
                    }
                    Err(error) => {
                        let problem = file.place.problem(format!("`{}` cannot be used", file.value));
                        self.problems.push(problem.because(chain(&error)));
                        None
                    }
                }
            }
            TestTable::Rows { rows, .. } => self.inline(rows, fields, what),
        }
    }

    fn inline(&mut self, rows: &[At<Vec<Cell>>], fields: &[Field], what: &str) -> Option<RecordBatch> {
        let before = self.problems.len();
        for cell in rows.iter().flat_map(|row| &row.value) {
            self.known(fields, what, &cell.column.value, &cell.column.place);
        }
        if self.problems.len() > before {
            return None;
        }
        let cell = |row: usize, name: &str| -> Option<&Cell> {
            rows.get(row)?.value.iter().find(|cell| cell.column.value == name)
        };
        let is_named = |field: &&Field| (0..rows.len()).any(|row| cell(row, &field.name).is_some());
        let named: Vec<Field> = fields.iter().filter(is_named).cloned().collect();
        let mut columns = Vec::new();
        for field in &named {
            let values = (0..rows.len())
                .map(|row| cell(row, &field.name).map_or(&Value::Null, |cell| &cell.value.value));
            match column_from_json(&field.name, &field.value_type, values) {
                Ok(column) => columns.push(column),
                Err(error) => {
                    let place = match &error {
                        RequestError::InvalidValue { row, .. } => {
                            cell(*row, &field.name).map(|cell| &cell.value.place)
                        }
                        _ => None,
                    };
                    match place.or_else(|| rows.first().map(|row| &row.place)) {
                        Some(place) => self.problems.push(place.problem(error.to_string())),
                        None => self.problems.push(Problem::of_file(self.folder, error.to_string())),
                    }
                }
            }
        }
        (self.problems.len() == before).then(|| table(&named, columns, rows.len()))
    }

    /// The rows with the inputs that they do not name, which are null.
    fn complete(&self, given: &RecordBatch) -> RecordBatch {
        let column = |field: &Field| match given.column_by_name(&field.name) {
            Some(column) => std::sync::Arc::clone(column),
            None => arrow::array::new_null_array(&field.value_type.data_type(), given.num_rows()),
        };
        table(self.inputs, self.inputs.iter().map(column).collect(), given.num_rows())
    }
}
