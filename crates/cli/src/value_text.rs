//! Values of a table as text for people and as JSON for machines.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{Field, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use larder_core::timestamp_data_type;

/// Every row as text, a cell a column; null is empty. Control characters are spelled out: a value of a table may be
/// anything, and must not move the cursor.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("");
    let columns: Vec<ArrayRef> = batch.columns().iter().map(with_offset).collect();
    let formatters = columns
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((0..batch.num_rows())
        .map(|row| formatters.iter().map(|formatter| printable(formatter.value(row).to_string())).collect())
        .collect())
}

fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len()), |mut printable, c| {
        if c.is_control() {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
        printable
    })
}

/// The column with its zone as an offset, also inside lists and structs: the formatter knows no names of zones.
fn with_offset(column: &ArrayRef) -> ArrayRef {
    if let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>()
        && column.data_type() == &timestamp_data_type()
    {
        return Arc::new(times.clone().with_timezone("+00:00"));
    }
    if let Some(lists) = column.as_list_opt::<i32>() {
        let items = with_offset(lists.values());
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        return Arc::new(ListArray::new(field, lists.offsets().clone(), items, lists.nulls().cloned()));
    }
    if let Some(structs) = column.as_struct_opt()
        && structs.num_columns() > 0
    {
        let parts: Vec<ArrayRef> = structs.columns().iter().map(with_offset).collect();
        let fields = structs.fields().iter().zip(&parts);
        let fields = fields.map(|(field, part)| Field::new(field.name(), part.data_type().clone(), true));
        return Arc::new(StructArray::new(fields.collect(), parts, structs.nulls().cloned()));
    }
    Arc::clone(column)
}

/// The names of the columns.
pub(crate) fn headers(batch: &RecordBatch) -> Vec<&str> {
    batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
}
