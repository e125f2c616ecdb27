//! Search by similarity: the rows of a view whose vectors are nearest to another vector.
//!
//! It is exact: every row of the view is looked at. The vectors of some thousand rows are in memory at a
//! time, and of what was seen only the best.

mod distance;
mod filter;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type};
use larder_core::{
    EntityKey, EntityKeyEncoder, Error, ErrorKind, FeatureReference, FeatureView, Field, OnlineRead,
    OnlineRows, OnlineStore, OnlineView, RequestError, Result, ValueType,
};
use larder_plan::{Catalog, Selection};

pub use self::distance::Metric;
pub use self::filter::{Filter, Join, Operator};
use crate::json;
use crate::online_response::{PreparedNames, Presence};
use crate::{OnlineResponse, OnlineRetrieval, ResponseColumn};

/// So many rows are looked at together.
const ROWS_AT_ONCE: usize = 4096;

/// A request for the rows nearest to a vector.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// The features of the rows to answer with, all of one view.
    pub selection: Selection,
    /// The vector.
    pub query: Vec<f32>,
    /// How many rows, at most.
    pub top_k: usize,
    /// The measure of distance, where the view declares none.
    pub metric: Option<Metric>,
    /// What rows must fulfil.
    pub filter: Option<Filter>,
}

/// A row that may be among the nearest. Ordered by distance, then key, so that answers do not depend on the
/// order in which rows are seen.
#[derive(Clone, Debug, PartialEq)]
struct Candidate {
    distance: f64,
    key: EntityKey,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.distance.total_cmp(&other.distance).then_with(|| self.key.cmp(&other.key))
    }
}

/// What to read of a view, and what to compare.
#[derive(Debug)]
struct Scan {
    view: Arc<OnlineView>,
    encoder: EntityKeyEncoder,
    join_keys: Vec<Field>,
    /// The vector, then the features that the filter asks for.
    features: Arc<[usize]>,
    query: Vec<f32>,
    metric: Metric,
    filter: Option<Filter>,
}

impl OnlineRetrieval {
    /// The rows of a view whose vectors are nearest to the query, the nearest first: the features asked for,
    /// `distance`, and the join keys.
    ///
    /// Rows without a vector, and those whose vector has another length, are passed over.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for unknown names, features of several views, a view without entities or without
    /// vectors, a filter over what the view does not have, and a query of another length than the view's
    /// vectors are declared to have; else as the store.
    pub async fn search(&self, catalog: &Catalog, request: SearchRequest) -> Result<OnlineResponse> {
        let (view, features) = resolve(catalog, &request.selection)?;
        let vector = vector_feature(&view, &features)?;
        let field = view.features.get(vector).ok_or_else(broken)?;
        refuse_other_length(field, request.query.len())?;
        // As in Feast, what the view says counts.
        let metric = match (field.vector.metric.as_str(), request.metric) {
            ("", asked) => asked.unwrap_or_default(),
            (declared, _) => Metric::parse(declared)?,
        };
        let scan = Arc::new(Scan {
            encoder: EntityKeyEncoder::try_new(&view.join_keys, self.key_version())?,
            join_keys: view.join_keys.clone(),
            features: positions_to_scan(&view, vector, request.filter.as_ref())?,
            view: Arc::new(OnlineView {
                project: catalog.snapshot().project.name.clone(),
                name: view.name.clone(),
                features: view.features.clone(),
            }),
            query: request.query,
            metric,
            filter: request.filter,
        });
        let nearest = nearest(&**self.store(), &scan, request.top_k).await?;
        self.answer(&scan, &features, nearest).await
    }

    async fn answer(
        &self,
        scan: &Scan,
        features: &[usize],
        nearest: Vec<Candidate>,
    ) -> Result<OnlineResponse> {
        let keys: Vec<EntityKey> = nearest.iter().map(|candidate| candidate.key.clone()).collect();
        let read = OnlineRead {
            view: Arc::clone(&scan.view),
            features: features.into(),
            keys: keys.iter().cloned().map(Some).collect(),
        };
        let rows = one_answer(self.store().read(vec![read]).await?)?;
        let times: Arc<[_]> = rows.event_timestamps.into();
        let mut columns: Vec<ResponseColumn> = Vec::new();
        for (position, column) in features.iter().zip(rows.columns) {
            let field = scan.view.features.get(*position).ok_or_else(broken)?;
            columns.push(ResponseColumn {
                name: Arc::from(field.name.as_str()),
                value_type: field.value_type.clone(),
                values: column.values,
                presence: Presence::Some(column.present),
                event_timestamps: Some(Arc::clone(&times)),
            });
        }
        #[expect(clippy::cast_possible_truncation, reason = "Feast's distances are this wide")]
        let distances: Float32Array =
            nearest.iter().map(|candidate| Some(candidate.distance as f32)).collect();
        columns.push(ResponseColumn {
            name: Arc::from("distance"),
            value_type: ValueType::FLOAT32,
            values: Arc::new(distances),
            presence: Presence::All,
            event_timestamps: Some(times),
        });
        // Feast names no join keys where nothing was found.
        if !keys.is_empty() {
            let decoded = scan.encoder.decode(&keys)?;
            columns.extend(scan.join_keys.iter().zip(decoded).map(|(key, array)| {
                ResponseColumn::computed(Arc::from(key.name.as_str()), key.value_type.clone(), array)
            }));
        }
        let names = Arc::new(prepared_names(&scan.view.name, &columns));
        Ok(OnlineResponse::new(nearest.len(), Vec::new(), columns, names, Vec::new()))
    }
}

/// The view that all features are of, and their positions in it.
fn resolve(catalog: &Catalog, selection: &Selection) -> Result<(Arc<FeatureView>, Vec<usize>)> {
    let snapshot = catalog.snapshot();
    let wanted: Vec<(String, String)> = match selection {
        Selection::References(references) => references
            .iter()
            .map(|text| FeatureReference::parse(text).map(|reference| (reference.view, reference.feature)))
            .collect::<Result<_, _>>()?,
        Selection::Service(name) => {
            let service = Arc::clone(&snapshot.feature_service(name)?.object);
            let of_view = |projection: &larder_core::FeatureViewProjection| {
                let features = projection.features.iter();
                features.map(|feature| (projection.view.clone(), feature.clone())).collect::<Vec<_>>()
            };
            service.features.iter().flat_map(of_view).collect()
        }
    };
    let views: BTreeSet<&String> = wanted.iter().map(|(view, _)| view).collect();
    let mut views = views.into_iter();
    let name = views.next().ok_or(RequestError::NoFeatures)?;
    let view = Arc::clone(&snapshot.feature_view(name)?.object);
    if views.next().is_some() {
        return Err(RequestError::other("Document retrieval only supports a single feature view.").into());
    }
    if !view.enabled {
        return Err(RequestError::FeatureViewDisabled { view: view.name.clone() }.into());
    }
    if !view.online {
        return Err(RequestError::NotServedOnline { view: view.name.clone() }.into());
    }
    if view.is_entityless() {
        let text = format!("feature view `{}` has one row for all; there is nothing to search", view.name);
        return Err(RequestError::other(text).into());
    }
    let features = wanted.iter().map(|(_, feature)| position(&view, feature)).collect::<Result<_, _>>()?;
    Ok((view, features))
}

fn position(view: &FeatureView, feature: &str) -> Result<usize, RequestError> {
    let not_found = || RequestError::FeatureNotFound { feature: feature.to_owned(), view: view.name.clone() };
    view.feature_index(feature).ok_or_else(not_found)
}

/// The feature that holds the vectors: the one that is indexed; without one, the one with lists of floats.
fn vector_feature(view: &FeatureView, asked: &[usize]) -> Result<usize, RequestError> {
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

fn refuse_other_length(field: &Field, query: usize) -> Result<(), RequestError> {
    let declared = field.vector.length;
    if declared == 0 || usize::try_from(declared) == Ok(query) {
        return Ok(());
    }
    Err(RequestError::other(format!(
        "`query` has {query} numbers, and the vectors of feature `{}` have {declared}",
        field.name
    )))
}

/// The vector, and what the filter asks for beside the join keys.
fn positions_to_scan(
    view: &FeatureView,
    vector: usize,
    filter: Option<&Filter>,
) -> Result<Arc<[usize]>, RequestError> {
    let keys = filter.map(Filter::keys).unwrap_or_default();
    let is_join_key = |name: &&str| view.join_keys.iter().any(|key| key.name == *name);
    let asked = keys.into_iter().filter(|name| !is_join_key(name)).map(|name| position(view, name));
    [Ok(vector)].into_iter().chain(asked).collect()
}

/// The candidates with the smallest distances, in order.
async fn nearest(store: &dyn OnlineStore, scan: &Arc<Scan>, top_k: usize) -> Result<Vec<Candidate>> {
    let mut best: BTreeSet<Candidate> = BTreeSet::new();
    if top_k == 0 {
        return Ok(Vec::new());
    }
    let keys = store.keys(&scan.view.project, &scan.view.name).await?;
    for keys in keys.chunks(ROWS_AT_ONCE) {
        let read = OnlineRead {
            view: Arc::clone(&scan.view),
            features: Arc::clone(&scan.features),
            keys: keys.iter().cloned().map(Some).collect(),
        };
        let rows = one_answer(store.read(vec![read]).await?)?;
        let (scan, keys) = (Arc::clone(scan), keys.to_vec());
        let candidates = tokio::task::spawn_blocking(move || scan.candidates(&keys, &rows))
            .await
            .map_err(|failed| Error::new(ErrorKind::Internal, failed))??;
        for candidate in candidates {
            best.insert(candidate);
            if best.len() > top_k {
                best.pop_last();
            }
        }
    }
    Ok(best.into_iter().collect())
}

impl Scan {
    /// The rows that pass the filter and have a vector, with their distances.
    fn candidates(&self, keys: &[EntityKey], rows: &OnlineRows) -> Result<Vec<Candidate>> {
        let vectors = rows.columns.first().ok_or_else(broken)?;
        let vectors = as_floats(&vectors.values)?;
        let join_keys = match &self.filter {
            Some(_) => self.encoder.decode(keys)?,
            None => Vec::new(),
        };
        let column = |name: &str| -> Option<&ArrayRef> {
            if let Some(at) = self.join_keys.iter().position(|key| key.name == name) {
                return join_keys.get(at);
            }
            let mut read = self.features.iter().zip(&rows.columns).skip(1);
            let named =
                |position: &usize| self.view.features.get(*position).is_some_and(|field| field.name == name);
            read.find(|(position, _)| named(position)).map(|(_, column)| &column.values)
        };
        let mut candidates = Vec::new();
        for (row, key) in keys.iter().enumerate() {
            if vectors.is_null(row) {
                continue;
            }
            let vector = vectors.value(row);
            let vector = vector.as_primitive::<Float32Type>();
            if vector.len() != self.query.len() || vector.null_count() > 0 {
                continue;
            }
            if self.filter.as_ref().is_none_or(|filter| filter.passes(row, &column)) {
                let distance = self.metric.distance(&self.query, vector.values());
                candidates.push(Candidate { distance, key: key.clone() });
            }
        }
        Ok(candidates)
    }
}

/// Lists of numbers as lists of floats.
fn as_floats(array: &ArrayRef) -> Result<ListArray> {
    let floats = arrow::datatypes::Field::new_list_field(DataType::Float32, true);
    let lists = cast(array, &DataType::List(Arc::new(floats)))
        .map_err(|source| Error::new(ErrorKind::Internal, source))?;
    Ok(lists.as_list::<i32>().clone())
}

fn one_answer(answers: Vec<OnlineRows>) -> Result<OnlineRows> {
    answers.into_iter().next().ok_or_else(broken)
}

fn broken() -> Error {
    Error::new(ErrorKind::Internal, "the online store gave another answer than it was asked for")
}

fn prepared_names(view: &str, columns: &[ResponseColumn]) -> PreparedNames {
    let mut features = Vec::new();
    for column in columns {
        json::push_separated_string(&mut features, column.name());
    }
    PreparedNames {
        features: features.into(),
        feature_views: Box::new([Arc::from(view)]),
        views_of_features: columns.iter().map(|_| Arc::from(view)).collect(),
        log_columns: Box::default(),
    }
}
