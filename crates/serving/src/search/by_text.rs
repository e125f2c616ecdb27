//! The rows in whose texts a query is found.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use larder_core::{
    EntityKey, FeatureView, OnlineRows, OnlineStore, RequestError, Result, TextIndex, TextIndexes, ValueType,
};

use super::Candidate;
use super::scan::{ROWS_AT_ONCE, Scan};

/// A longer query is a mistake, or meant to keep the server busy.
const MAX_QUERY_BYTES: usize = 4096;

/// The features that are searched: all that are texts.
///
/// # Errors
///
/// [`RequestError`] if there are none.
pub(super) fn text_features(view: &FeatureView) -> Result<Vec<usize>, RequestError> {
    let fields = view.features.iter().enumerate();
    let texts: Vec<usize> =
        fields.filter(|(_, field)| field.value_type == ValueType::STRING).map(|(at, _)| at).collect();
    if texts.is_empty() {
        return Err(RequestError::other(format!(
            "feature view `{}` has no texts; search a view with a feature of type `String`",
            view.name
        )));
    }
    Ok(texts)
}

/// The best rows that pass the filter, in order. Ranks are among all rows of the view, whether they pass or not.
pub(super) async fn best(
    store: &dyn OnlineStore,
    indexes: &dyn TextIndexes,
    scan: Arc<Scan>,
    texts: usize,
    query: String,
    top_k: usize,
) -> Result<Vec<Candidate>> {
    if query.len() > MAX_QUERY_BYTES {
        let what = format!(
            "the text to search for has {} bytes, and may have at most {MAX_QUERY_BYTES}",
            query.len()
        );
        return Err(RequestError::other(what).into());
    }
    let fields = scan.view.features.iter();
    let names: Vec<String> = fields
        .filter(|field| field.value_type == ValueType::STRING)
        .map(|field| field.name.clone())
        .collect();
    let mut index = indexes.begin(&names)?;
    let keys: Arc<[EntityKey]> = store.keys(&scan.view.project, &scan.view.name).await?.into();
    let mut passing: Vec<bool> = Vec::with_capacity(keys.len());
    for start in (0..keys.len()).step_by(ROWS_AT_ONCE) {
        let part = start..keys.len().min(start + ROWS_AT_ONCE);
        let rows = scan.rows(store, keys.get(part.clone()).unwrap_or_default()).await?;
        let (scan, keys) = (Arc::clone(&scan), Arc::clone(&keys));
        let added = larder_blocking::run(move || {
            let passing = scan.passing(keys.get(part).unwrap_or_default(), &rows)?;
            add(index.as_mut(), start, passing.len(), texts, &rows)?;
            Ok((index, passing))
        });
        let of_part;
        (index, of_part) = added.await?;
        passing.extend(of_part);
    }
    let found = larder_blocking::run(move || index.search(&query)).await?;
    let found = found.into_iter().filter(|(row, _)| passing.get(*row) == Some(&true));
    let candidate =
        |(row, rank): (usize, f64)| keys.get(row).map(|key| Candidate { distance: rank, key: key.clone() });
    // The stores give keys in no order; equal ranks must not depend on it.
    let mut candidates: Vec<Candidate> = found.filter_map(candidate).collect();
    candidates.sort_unstable();
    candidates.truncate(top_k);
    Ok(candidates)
}

fn add(index: &mut dyn TextIndex, start: usize, count: usize, texts: usize, rows: &OnlineRows) -> Result<()> {
    let columns: Vec<_> =
        rows.columns.iter().take(texts).map(|column| column.values.as_string::<i32>()).collect();
    for row in 0..count {
        let texts: Vec<Option<&str>> =
            columns.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect();
        if texts.iter().any(Option::is_some) {
            index.add(start + row, &texts)?;
        }
    }
    Ok(())
}
