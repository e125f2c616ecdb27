//! Made-up values in place of private ones.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use larder_core::{FlatType, Layout, ScalarType, ValueType};
use serde_json::Value;

use crate::generate::plainest;
use crate::rows::Rows;

/// Replaces the values of a column: alike stay alike and null stays null, but nobody can tell what a value
/// was, for the key by which they are replaced is random and forgotten. Types that have no room for it
/// (booleans, lists, structs, JSON) get one and the same value.
pub(crate) fn redact(rows: &mut Rows, column: usize, key: &RandomState) {
    let Some(value_type) = rows.fields.get(column).map(|field| field.value_type.clone()) else { return };
    for cell in rows.cells.iter_mut().filter_map(|row| row.get_mut(column)) {
        if !cell.is_null() {
            *cell = made_up(&value_type, key.hash_one(cell.to_string()));
        }
    }
}

fn made_up(value_type: &ValueType, hash: u64) -> Value {
    match (value_type, value_type.layout()) {
        (ValueType::Scalar(ScalarType::String), _) => format!("redacted-{hash:016x}").into(),
        (ValueType::Scalar(ScalarType::Uuid), _) => {
            format!("00000000-0000-4000-8000-{:012x}", hash & 0xffff_ffff_ffff).into()
        }
        (_, Layout::Flat(FlatType::Int32 | FlatType::Int64)) => (hash % 1_000_000).into(),
        #[expect(clippy::cast_precision_loss, reason = "the number is below a million")]
        (_, Layout::Flat(FlatType::Float32 | FlatType::Float64)) => {
            ((hash % 1_000_000) as f64 / 1_024.0).into()
        }
        _ => plainest(value_type),
    }
}
