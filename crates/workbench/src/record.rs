//! Cases from the calls of a running server.

use std::collections::hash_map::RandomState;

use arrow::array::RecordBatch;
use larder_core::{Field, RequestError};
use larder_registry::{Tolerance, TransformationTests};
use larder_udf::{CallError, MeteredFunction};
use serde_json::{Map, Value};

use crate::compare::{Tolerances, differences};
use crate::redact::redact;
use crate::rows::Rows;
use crate::saved_case::{Wanted, saved_case};

/// Rows of a function as a server computed them.
#[derive(Debug)]
pub struct RecordedRows {
    /// What went in, row by row.
    pub given: Vec<Map<String, Value>>,
    /// What came out.
    pub expect: Vec<Map<String, Value>>,
}

/// How a case is to be written.
#[derive(Debug)]
pub struct CaseOptions<'a> {
    /// The component's file, from the folder of the test file.
    pub component: &'a str,
    /// The case's name.
    pub name: &'a str,
    /// What stands above it.
    pub remark: &'a str,
    /// Columns whose values are not kept.
    pub redacted: &'a [String],
}

/// Why recorded rows do not make a case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A column to be redacted is none of the function's.
    #[error("there is no column `{column}` to redact; the function has {columns}")]
    UnknownColumn {
        /// The column.
        column: String,
        /// Those there are.
        columns: String,
    },
    /// A value that came does not fit.
    #[error("the server's rows are not those of the function")]
    Value(#[from] RequestError),
    /// The component fails where the server's did not.
    #[error("the component fails for the rows{}", if *.redacted { " with made-up values; redact other columns" } else { " that it computed in the server" })]
    Call {
        /// Whether values were made up.
        redacted: bool,
        /// How.
        source: CallError,
    },
    /// The component says something else than the server's.
    #[error("the component gives other rows here than in the server: {what}")]
    Different {
        /// What differs.
        what: String,
    },
}

/// The rows as a document of a test file. The component computes them here once more: without redaction, to
/// see that it gives what the server gave; with it, because other inputs have other outputs.
///
/// # Errors
///
/// [`RecordError`].
pub fn recorded_case(
    function: &MeteredFunction,
    recorded: &RecordedRows,
    options: &CaseOptions<'_>,
) -> Result<String, RecordError> {
    let signature = function.signature();
    let fields = || signature.inputs.iter().chain(&signature.outputs);
    if let Some(column) = options.redacted.iter().find(|column| fields().all(|field| field.name != **column))
    {
        let columns = fields().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(", ");
        return Err(RecordError::UnknownColumn { column: column.clone(), columns });
    }
    let server = rows(&signature.outputs, &recorded.expect).to_table()?;
    let mut given = rows(&signature.inputs, &recorded.given);
    let here = call(function, &given.to_table()?, false)?;
    let tolerances =
        Tolerances { by_column: &std::collections::BTreeMap::new(), default: Tolerance::default() };
    if let Some((what, _)) = differences(&server, &here, &tolerances) {
        return Err(RecordError::Different { what });
    }
    let key = RandomState::new();
    for (at, _) in
        signature.inputs.iter().enumerate().filter(|(_, field)| options.redacted.contains(&field.name))
    {
        redact(&mut given, at, &key);
    }
    let mut expected = Rows::of(&signature.outputs, &call(function, &given.to_table()?, true)?);
    for column in options.redacted {
        if let Some(at) = expected.fields.iter().position(|field| field.name == *column) {
            expected.fields.remove(at);
            expected.cells.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }
    let names = (options.name, options.remark);
    let tests = TransformationTests::default();
    Ok(saved_case(&tests, options.component, &signature.name, names, &given, &Wanted::Rows(&expected)))
}

fn rows(fields: &[Field], objects: &[Map<String, Value>]) -> Rows {
    let row = |object: &Map<String, Value>| {
        fields.iter().map(|field| object.get(&field.name).cloned().unwrap_or_default()).collect()
    };
    Rows { fields: fields.to_vec(), cells: objects.iter().map(row).collect() }
}

fn call(function: &MeteredFunction, input: &RecordBatch, redacted: bool) -> Result<RecordBatch, RecordError> {
    crate::cost::measure(function, input, 1).output.map_err(|source| RecordError::Call { redacted, source })
}
