//! Tables between the contract and Arrow, and the resources that hold them.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use futures::stream::BoxStream;
use larder_core::column::cast_column;
use larder_core::{Error, ErrorKind, Field, Result, TableWriter};

use crate::BrokenContract;
use crate::bindings::larder::udf::arrow as udf;
use crate::job::bindings::larder::udf::arrow as wit;
use crate::job::budget::Held;
use crate::lift::lift_rows;
use crate::lower::Lowered;
use crate::type_nodes::{self, LONGEST_NAME, is_name, node_count, spelled, value_type};
use crate::wasm_transformation::is_carried_by;

/// Bytes that a row of a job counts as, however little it holds.
const ROW_BYTES: usize = 8;

/// The columns of a table, agreed on once.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    schema: SchemaRef,
    nodes: usize,
}

impl Columns {
    /// Columns that larder has.
    pub(crate) fn of(fields: Vec<Field>) -> Self {
        let schema = Arc::new(Schema::new(fields.iter().map(Field::to_arrow).collect::<Vec<_>>()));
        let nodes = fields.iter().map(|field| node_count(&field.value_type)).sum();
        Self { fields, schema, nodes }
    }

    /// Columns that a job declares.
    ///
    /// # Errors
    ///
    /// What is wrong with them, for people.
    pub(crate) fn from_wit(declared: Vec<wit::Field>, limit: usize) -> Result<Self, String> {
        let nodes: usize = declared.iter().map(|field| field.nodes.len()).sum();
        if nodes > limit {
            return Err(format!(
                "the table has {nodes} columns (parts of nested ones are columns too), more than {limit}"
            ));
        }
        let mut names = HashSet::new();
        let mut fields = Vec::with_capacity(declared.len());
        for (index, wit::Field { name, nodes }) in declared.into_iter().enumerate() {
            if name.len() > LONGEST_NAME {
                let bytes = name.len();
                return Err(format!(
                    "the name of column {index} has {bytes} bytes, more than {LONGEST_NAME}"
                ));
            }
            if !is_name(&name) {
                return Err(format!("column {index} of the table has the name {name:?}, which is none"));
            }
            let nodes: Vec<udf::TypeNode> = nodes.into_iter().map(node_from_wit).collect();
            let value_type = value_type(&nodes).map_err(|reason| {
                let nodes = type_nodes::names(&nodes);
                format!("column `{name}` has a type [{nodes}] that larder does not know: {reason}")
            })?;
            if !names.insert(name.clone()) {
                return Err(format!("the table has two columns `{name}`"));
            }
            fields.push(Field::new(name, value_type));
        }
        Ok(Self::of(fields))
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The columns as a job sees them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] names a column whose type the contract does not have.
    pub(crate) fn to_wit(&self) -> Result<Vec<wit::Field>> {
        let field = |field: &Field| {
            let nodes = spelled(&field.value_type).ok_or_else(|| {
                let text =
                    format!("column `{}` is a {}, which jobs do not have", field.name, field.value_type);
                Error::new(ErrorKind::Invalid, text)
            })?;
            Ok(wit::Field { name: field.name.clone(), nodes: nodes.into_iter().map(node_to_wit).collect() })
        };
        self.fields.iter().map(field).collect()
    }

    /// Rows that a job passes, checked.
    ///
    /// A row counts as [`ROW_BYTES`] at least: of columns of bits, or of no columns, there could be billions in next
    /// to nothing, and what is made of them is larger.
    pub(crate) fn lift(&self, rows: wit::Batch, limit_bytes: usize) -> Result<RecordBatch, BrokenContract> {
        let least_bytes = usize::try_from(rows.row_count).unwrap_or(usize::MAX).saturating_mul(ROW_BYTES);
        if least_bytes > limit_bytes {
            return Err(BrokenContract::TooLarge { actual_bytes: least_bytes, limit_bytes });
        }
        let columns = rows.columns.into_iter().map(column_from_wit).collect();
        let rows = udf::BatchResult { row_count: rows.row_count, columns };
        lift_rows(rows, &self.fields, &self.schema, self.nodes, limit_bytes)
    }

    /// Rows on their way to a job. Types that carry the same values are cast.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] if the rows are of other columns.
    pub(crate) fn lower(&self, rows: &RecordBatch) -> Result<wit::Batch> {
        let internal = |text: String| Error::new(ErrorKind::Internal, text);
        if rows.num_columns() != self.fields.len() {
            return Err(internal(format!("{} columns for {} fields", rows.num_columns(), self.fields.len())));
        }
        let row_count = u32::try_from(rows.num_rows()).map_err(|error| internal(error.to_string()))?;
        let arrays = rows.columns().iter().zip(&self.fields).map(|(array, field)| {
            if is_carried_by(&field.value_type, array.data_type()) {
                return Ok(Arc::clone(array));
            }
            cast_column(&field.name, array, &field.value_type)
        });
        let arrays = arrays.collect::<Result<Vec<ArrayRef>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::new(Schema::new(
            arrays
                .iter()
                .zip(&self.fields)
                .map(|(array, field)| {
                    arrow::datatypes::Field::new(&field.name, array.data_type().clone(), true)
                })
                .collect::<Vec<_>>(),
        ));
        let rows = RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|error| Error::new(ErrorKind::Internal, error))?;
        let lowered = Lowered::new(&rows, &self.fields);
        let columns = lowered.as_params().into_iter().map(column_to_wit).collect();
        Ok(wit::Batch { row_count, columns })
    }
}

/// A table on its way to a job: the resource `reader`.
#[expect(unreachable_pub, reason = "the generated bindings export it")]
pub struct Reader {
    pub(crate) columns: Columns,
    pub(crate) parts: BoxStream<'static, Result<RecordBatch>>,
    /// The rest of the last part, in pieces of which each fits into a call.
    pub(crate) pieces: VecDeque<RecordBatch>,
    pub(crate) is_done: bool,
    /// What of the job's own rows is held for it.
    pub(crate) _held: Option<Held>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Entity rows on their way in: the resource `entity-rows`.
#[expect(unreachable_pub, reason = "the generated bindings export it")]
#[derive(Debug)]
pub struct EntityRows {
    /// What is wrong with the declared columns is told with the first call that can fail.
    pub(crate) columns: Result<Columns, String>,
    pub(crate) parts: Vec<RecordBatch>,
    pub(crate) held: Held,
}

/// A table on its way out: the resource `writer`.
#[expect(unreachable_pub, reason = "the generated bindings export it")]
#[derive(Debug)]
pub struct Writer {
    pub(crate) columns: Columns,
    /// `None` after an error.
    pub(crate) table: Option<Box<dyn TableWriter>>,
    pub(crate) rows: u64,
    pub(crate) destination: String,
    /// Where the rows stay in memory until the end.
    pub(crate) held: Option<Held>,
}

fn column_from_wit(column: wit::Column) -> udf::ColumnResult {
    let bytes = |bytes: wit::VarLen| udf::VarLenResult { offsets: bytes.offsets, data: bytes.data };
    let values = match column.values {
        wit::Values::Boolean(bits) => udf::ValuesResult::Boolean(bits),
        wit::Values::Int32(values) => udf::ValuesResult::Int32(values),
        wit::Values::Int64(values) => udf::ValuesResult::Int64(values),
        wit::Values::Float32(values) => udf::ValuesResult::Float32(values),
        wit::Values::Float64(values) => udf::ValuesResult::Float64(values),
        wit::Values::TimestampMicros(values) => udf::ValuesResult::TimestampMicros(values),
        wit::Values::Utf8(text) => udf::ValuesResult::Utf8(bytes(text)),
        wit::Values::Binary(data) => udf::ValuesResult::Binary(bytes(data)),
        wit::Values::Offsets(offsets) => udf::ValuesResult::Offsets(offsets),
        wit::Values::Parent => udf::ValuesResult::Parent,
    };
    udf::ColumnResult { validity: column.validity, values }
}

fn column_to_wit(column: udf::ColumnParam<'_>) -> wit::Column {
    let bytes = |bytes: udf::VarLenParam<'_>| wit::VarLen {
        offsets: bytes.offsets.to_vec(),
        data: bytes.data.to_vec(),
    };
    let values = match column.values {
        udf::ValuesParam::Boolean(bits) => wit::Values::Boolean(bits.to_vec()),
        udf::ValuesParam::Int32(values) => wit::Values::Int32(values.to_vec()),
        udf::ValuesParam::Int64(values) => wit::Values::Int64(values.to_vec()),
        udf::ValuesParam::Float32(values) => wit::Values::Float32(values.to_vec()),
        udf::ValuesParam::Float64(values) => wit::Values::Float64(values.to_vec()),
        udf::ValuesParam::TimestampMicros(values) => wit::Values::TimestampMicros(values.to_vec()),
        udf::ValuesParam::Utf8(text) => wit::Values::Utf8(bytes(text)),
        udf::ValuesParam::Binary(data) => wit::Values::Binary(bytes(data)),
        udf::ValuesParam::Offsets(offsets) => wit::Values::Offsets(offsets.to_vec()),
        udf::ValuesParam::Parent => wit::Values::Parent,
    };
    wit::Column { validity: column.validity.map(<[u8]>::to_vec), values }
}

/// The two packages have the same nodes; each direction is written out so that a new one is not forgotten.
macro_rules! nodes {
    ($($node:ident),+) => {
        fn node_from_wit(node: wit::TypeNode) -> udf::TypeNode {
            match node {
                $(wit::TypeNode::$node => udf::TypeNode::$node,)+
                wit::TypeNode::Struct(names) => udf::TypeNode::Struct(names),
            }
        }

        fn node_to_wit(node: udf::TypeNode) -> wit::TypeNode {
            match node {
                $(udf::TypeNode::$node => wit::TypeNode::$node,)+
                udf::TypeNode::Struct(names) => wit::TypeNode::Struct(names),
            }
        }
    };
}

nodes!(
    Boolean,
    Int32,
    Int64,
    Float32,
    Float64,
    TimestampMicros,
    Utf8,
    Binary,
    PdfBytes,
    ImageBytes,
    Json,
    JsonMap,
    JsonPairs,
    Uuid,
    TimeUuid,
    Decimal,
    ZonedTimestamp,
    List,
    Set
);
