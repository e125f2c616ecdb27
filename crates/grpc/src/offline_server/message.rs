//! Messages of Arrow's format from outside, checked before they are decoded: Arrow's reader trusts that buffers lie
//! where they are said to lie.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Schema};
use arrow::ipc::{DictionaryBatch, RecordBatch};
use larder_core::RequestError;

/// Refuses rows that do not lie in a body of so many bytes.
///
/// # Errors
///
/// [`RequestError`].
pub(crate) fn check_rows(rows: &RecordBatch<'_>, body_bytes: usize) -> Result<(), RequestError> {
    if rows.compression().is_some() {
        return Err(RequestError::other("the table is compressed; send it as it is"));
    }
    // A row has a byte at least: every table that one sends here has a time or a text in each row.
    if usize::try_from(rows.length()).ok().is_none_or(|length| length > body_bytes) {
        return Err(broken("it says more rows than it has bytes"));
    }
    // A truth value has a bit.
    let most = body_bytes.saturating_mul(8);
    for node in rows.nodes().iter().flatten() {
        let (length, nulls) = (usize::try_from(node.length()), usize::try_from(node.null_count()));
        match (length, nulls) {
            (Ok(length), Ok(nulls)) if length <= most && nulls <= length => {}
            _ => return Err(broken("it says more values than it has bytes")),
        }
    }
    for buffer in rows.buffers().iter().flatten() {
        let (start, length) = (usize::try_from(buffer.offset()), usize::try_from(buffer.length()));
        match (start, length) {
            (Ok(start), Ok(length)) if start.checked_add(length).is_some_and(|end| end <= body_bytes) => {}
            _ => return Err(broken("values lie outside of it")),
        }
    }
    Ok(())
}

/// Refuses a dictionary that does not lie in a body of so many bytes, or is only the next part of one.
///
/// # Errors
///
/// As [`check_rows`].
pub(crate) fn check_dictionary(
    dictionary: &DictionaryBatch<'_>,
    body_bytes: usize,
) -> Result<(), RequestError> {
    if dictionary.isDelta() {
        // Each part would copy all before it.
        return Err(RequestError::other("a dictionary comes in parts; send it whole"));
    }
    match dictionary.data() {
        Some(rows) => check_rows(&rows, body_bytes),
        None => Err(broken("a dictionary has no values")),
    }
}

/// Refuses columns of types that no table of features has, or in which few bytes can stand for many values.
///
/// # Errors
///
/// [`RequestError`] that names the column.
pub(crate) fn check_types(schema: &Schema) -> Result<(), RequestError> {
    let mut seen = HashSet::new();
    for field in schema.fields() {
        if !seen.insert(field.name()) {
            return Err(RequestError::other(format!(
                "column `{}` is there twice; rename or drop one",
                field.name()
            )));
        }
        let inner = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        let is_view = matches!(field.data_type(), DataType::Utf8View | DataType::BinaryView);
        if !is_view && !is_taken(inner) {
            return Err(RequestError::other(format!(
                "column `{}` holds {}, which larder does not take; cast it before, or leave it out",
                field.name(),
                field.data_type()
            )));
        }
    }
    Ok(())
}

fn is_taken(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => is_taken(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_taken(field.data_type())),
        DataType::Dictionary(_, _)
        | DataType::Utf8View
        | DataType::BinaryView
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::RunEndEncoded(_, _)
        | DataType::Union(_, _)
        | DataType::Interval(_) => false,
        _ => true,
    }
}

/// A message that is not what it says.
pub(crate) fn broken(what: &str) -> RequestError {
    RequestError::other(format!("the table that was sent is broken: {what}"))
}
