//! The columns of several files seen as one table.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use larder_core::timestamp_data_type;

use crate::error::OfflineError;

/// Renames columns by a field mapping.
pub(crate) fn mapped(schema: &SchemaRef, field_mapping: &BTreeMap<String, String>) -> SchemaRef {
    if field_mapping.is_empty() {
        return Arc::clone(schema);
    }
    let rename = |field: &FieldRef| match field_mapping.get(field.name()) {
        Some(name) => Arc::new(field.as_ref().clone().with_name(name)),
        None => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(rename).collect::<Vec<_>>()))
}

/// The columns of all files, in the order in which they first occur. `true` marks a text file, whose
/// column is text where the files disagree.
pub(crate) fn of_files<'a>(
    data_source: &str,
    files: impl Iterator<Item = (&'a Path, &'a SchemaRef, bool)>,
) -> Result<Schema, OfflineError> {
    let mut fields: Vec<(FieldRef, &Path)> = Vec::new();
    for (path, schema, is_text) in files {
        for field in schema.fields() {
            let Some((known, first_path)) = fields.iter_mut().find(|(known, _)| known.name() == field.name())
            else {
                fields.push((Arc::clone(field), path));
                continue;
            };
            let together = data_types_together(known.data_type(), field.data_type())
                .or_else(|| is_text.then_some(DataType::Utf8))
                .ok_or_else(|| OfflineError::MixedTypes {
                    data_source: data_source.to_owned(),
                    column: field.name().clone(),
                    first: known.data_type().to_string().into(),
                    first_path: (*first_path).into(),
                    second: field.data_type().to_string().into(),
                    second_path: path.into(),
                })?;
            if &together != known.data_type() {
                *known = Arc::new(Field::new(field.name(), together, true));
            }
        }
    }
    Ok(Schema::new(fields.into_iter().map(|(field, _)| field).collect::<Vec<_>>()))
}

/// The type that holds the values of both types; `None` where only text would.
fn data_types_together(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType::{Date32, Date64, Float64, Int32, Int64, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
    let is_small = |data_type: &DataType| matches!(data_type, DataType::Int8 | DataType::Int16 | Int32);
    let is_time = |data_type: &DataType| matches!(data_type, Timestamp(_, _) | Date32 | Date64);
    let is_text = |data_type: &DataType| matches!(data_type, Utf8 | LargeUtf8 | Utf8View);
    let plain = |data_type: &DataType| match data_type {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        data_type => data_type.clone(),
    };
    Some(match (plain(one), plain(other)) {
        (one, other) if one == other => one,
        (Null, known) | (known, Null) => known,
        (one, other) if is_small(&one) && is_small(&other) => Int32,
        (one, other) if one.is_integer() && other.is_integer() => Int64,
        (one, other) if one.is_numeric() && other.is_numeric() => Float64,
        (one, other) if is_time(&one) && is_time(&other) => timestamp_data_type(),
        (one, other) if is_text(&one) && is_text(&other) => Utf8,
        (DataType::List(one), DataType::List(other)) => DataType::List(Arc::new(Field::new(
            "item",
            data_types_together(one.data_type(), other.data_type())?,
            true,
        ))),
        _ => return None,
    })
}
