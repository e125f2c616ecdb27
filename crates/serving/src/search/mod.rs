//! Search: the rows of a view whose vectors are nearest to another vector, or in whose texts words are found.
//!
//! Every row of the view is looked at. Of some thousand rows at a time the vectors are in memory, and of what was seen
//! only the best; texts go into an index that lives as long as the search.

mod by_text;
mod by_vector;
mod distance;
mod filter;
mod scan;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::Float32Array;
use larder_core::{
    EntityKey, EntityKeyEncoder, Error, ErrorKind, FeatureReference, FeatureView, OnlineRead, OnlineRows,
    RequestError, Result, ValueType,
};
use larder_plan::{Catalog, Selection};

pub(crate) use self::by_vector::is_indexed;
pub use self::distance::Metric;
pub use self::filter::{Filter, Join, Operator};
use self::scan::Scan;
use crate::json;
use crate::online_response::{PreparedNames, Presence};
use crate::{OnlineResponse, OnlineRetrieval, ResponseColumn};

/// A request for the rows that fit best.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// The features of the rows to answer with, all of one view.
    pub selection: Selection,
    /// What they are to fit.
    pub query: SearchQuery,
    /// How many rows, at most.
    pub top_k: usize,
    /// What rows must fulfil.
    pub filter: Option<Filter>,
}

/// What rows are to fit.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchQuery {
    /// A vector.
    Vector {
        /// The vector.
        vector: Vec<f32>,
        /// The measure of distance, where the view declares none.
        metric: Option<Metric>,
    },
    /// Words, as [`TextIndex::search`](larder_core::TextIndex::search) takes them.
    Text(String),
}

/// A row that may be among the best. Ordered by distance, then key, so that answers do not depend on the
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

impl OnlineRetrieval {
    /// The rows of a view that fit a query best, the best first: the features asked for, `distance`, for a text also
    /// `text_rank`, and the join keys. The distance of a text is its rank by BM25, which is the smaller the better;
    /// `text_rank` is the same the other way round.
    ///
    /// Rows without a vector, and those whose vector has another length, are passed over.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for unknown names, features of several views, a view without entities or without what is
    /// searched, a filter over what the view does not have, a query without words, and a vector of another length than
    /// the view's are declared to have; else as the store.
    pub async fn search(&self, catalog: &Catalog, request: SearchRequest) -> Result<OnlineResponse> {
        let SearchRequest { selection, query, top_k, filter } = request;
        let (view, features) = resolve(catalog, &selection)?;
        let project = &catalog.snapshot().project.name;
        let encoder = EntityKeyEncoder::try_new(&view.join_keys, self.key_version())?;
        let store = &**self.store();
        match query {
            SearchQuery::Vector { vector, metric } => {
                let at = by_vector::vector_feature(&view, &features)?;
                let field = view.features.get(at).ok_or_else(broken)?;
                by_vector::refuse_other_length(field, vector.len())?;
                // As in Feast, what the view says counts.
                let metric = match (field.vector.metric.as_str(), metric) {
                    ("", asked) => asked.unwrap_or_default(),
                    (declared, _) => Metric::parse(declared)?,
                };
                let scan = Arc::new(Scan::try_new(project, &view, encoder, &[at], filter)?);
                let nearest = by_vector::nearest(store, Arc::clone(&scan), vector, metric, top_k).await?;
                self.answer(&scan, &features, nearest, false).await
            }
            SearchQuery::Text(text) => {
                let texts = by_text::text_features(&view)?;
                let scan = Arc::new(Scan::try_new(project, &view, encoder, &texts, filter)?);
                let indexes = self.text_indexes()?;
                let best = by_text::best(store, indexes, Arc::clone(&scan), texts.len(), text, top_k).await?;
                self.answer(&scan, &features, best, true).await
            }
        }
    }

    async fn answer(
        &self,
        scan: &Scan,
        features: &[usize],
        best: Vec<Candidate>,
        of_text: bool,
    ) -> Result<OnlineResponse> {
        let keys: Vec<EntityKey> = best.iter().map(|candidate| candidate.key.clone()).collect();
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
        let mut add = |name: &str, value: fn(&Candidate) -> f64| {
            #[expect(clippy::cast_possible_truncation, reason = "Feast's distances are this wide")]
            let values: Float32Array = best.iter().map(|candidate| Some(value(candidate) as f32)).collect();
            columns.push(ResponseColumn {
                name: Arc::from(name),
                value_type: ValueType::FLOAT32,
                values: Arc::new(values),
                presence: Presence::All,
                event_timestamps: Some(Arc::clone(&times)),
            });
        };
        add("distance", |candidate| candidate.distance);
        if of_text {
            add("text_rank", |candidate| -candidate.distance);
        }
        // Feast names no join keys where nothing was found.
        if !keys.is_empty() {
            let decoded = scan.encoder.decode(&keys)?;
            columns.extend(scan.join_keys.iter().zip(decoded).map(|(key, array)| {
                ResponseColumn::computed(Arc::from(key.name.as_str()), key.value_type.clone(), array)
            }));
        }
        let names = Arc::new(prepared_names(&scan.view.name, &columns));
        Ok(OnlineResponse::new(best.len(), Vec::new(), columns, names, Vec::new()))
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
