//! The rows whose vectors are nearest to another.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type};
use larder_core::{
    EntityKey, Error, ErrorKind, FeatureView, Field, OnlineRows, OnlineStore, RequestError, Result,
};

use super::scan::{ROWS_AT_ONCE, Scan};
use super::{Candidate, Metric, broken};

/// The feature that holds the vectors: the one that is indexed; without one, the one with lists of floats.
pub(super) fn vector_feature(view: &FeatureView, asked: &[usize]) -> Result<usize, RequestError> {
    let is_vector = |at: &usize| view.features.get(*at).is_some_and(holds_vectors);
    let all: Vec<usize> = (0..view.features.len()).filter(is_vector).collect();
    let indexed = all.iter().find(|at| view.features.get(**at).is_some_and(is_indexed));
    let asked: Vec<usize> = asked.iter().copied().filter(is_vector).collect();
    match (indexed, all.as_slice(), asked.as_slice()) {
        (Some(at), ..) | (None, [at], _) | (None, _, [at]) => Ok(*at),
        (None, [], _) => Err(RequestError::other(format!(
            "feature view `{}` has no vectors; search a view with a feature of type `Array(Float32)`",
            view.name
        ))),
        (None, ..) => Err(RequestError::other(format!(
            "feature view `{}` has several features with vectors; set `vector_index: true` on one of them",
            view.name
        ))),
    }
}

fn holds_vectors(field: &Field) -> bool {
    match field.value_type.data_type() {
        DataType::List(item) => matches!(item.data_type(), DataType::Float32 | DataType::Float64),
        _ => false,
    }
}

/// Whether a field is declared to be searched.
pub(crate) fn is_indexed(field: &Field) -> bool {
    field.vector.index
}

pub(super) fn refuse_other_length(field: &Field, query: usize) -> Result<(), RequestError> {
    let declared = field.vector.length;
    if declared == 0 || usize::try_from(declared) == Ok(query) {
        return Ok(());
    }
    Err(RequestError::other(format!(
        "`query` has {query} numbers, and the vectors of feature `{}` have {declared}",
        field.name
    )))
}

/// The candidates with the smallest distances, in order.
pub(super) async fn nearest(
    store: &dyn OnlineStore,
    scan: Arc<Scan>,
    query: Vec<f32>,
    metric: Metric,
    top_k: usize,
) -> Result<Vec<Candidate>> {
    let mut best: BTreeSet<Candidate> = BTreeSet::new();
    if top_k == 0 {
        return Ok(Vec::new());
    }
    let query: Arc<[f32]> = query.into();
    let keys = store.keys(&scan.view.project, &scan.view.name).await?;
    for keys in keys.chunks(ROWS_AT_ONCE) {
        let rows = scan.rows(store, keys).await?;
        let (scan, keys, query) = (Arc::clone(&scan), keys.to_vec(), Arc::clone(&query));
        let candidates =
            larder_blocking::run(move || candidates(&scan, &keys, &rows, &query, metric)).await?;
        for candidate in candidates {
            best.insert(candidate);
            if best.len() > top_k {
                best.pop_last();
            }
        }
    }
    Ok(best.into_iter().collect())
}

/// The rows that pass the filter and have a vector, with their distances.
fn candidates(
    scan: &Scan,
    keys: &[EntityKey],
    rows: &OnlineRows,
    query: &[f32],
    metric: Metric,
) -> Result<Vec<Candidate>> {
    let vectors = rows.columns.first().ok_or_else(broken)?;
    let vectors = as_floats(&vectors.values)?;
    let mut candidates = Vec::new();
    for (row, (key, passes)) in keys.iter().zip(scan.passing(keys, rows)?).enumerate() {
        if !passes || vectors.is_null(row) {
            continue;
        }
        let vector = vectors.value(row);
        let vector = vector.as_primitive::<Float32Type>();
        if vector.len() == query.len() && vector.null_count() == 0 {
            let distance = metric.distance(query, vector.values());
            candidates.push(Candidate { distance, key: key.clone() });
        }
    }
    Ok(candidates)
}

/// Lists of numbers as lists of floats.
fn as_floats(array: &ArrayRef) -> Result<ListArray> {
    let floats = arrow::datatypes::Field::new_list_field(DataType::Float32, true);
    let lists = cast(array, &DataType::List(Arc::new(floats)))
        .map_err(|source| Error::new(ErrorKind::Internal, source))?;
    Ok(lists.as_list::<i32>().clone())
}
