//! What a retrieval takes, before anybody makes one.

use larder_core::{DUMMY_JOIN_KEY, Field, RequestError, Result, Selection};

use crate::FeatureStore;
use crate::get_historical_features::HistoricalQuery;

/// What one must bring to ask for some features.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrievalInputs {
    /// The feature views that are read in the end, in first-seen order.
    pub views: Vec<ReadView>,
    /// The fields that only the caller knows, in first-seen order.
    pub request_fields: Vec<Field>,
    /// Whether features have to be called `view__feature`, since two are called the same otherwise.
    pub full_feature_names: bool,
}

/// A feature view that a retrieval reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadView {
    /// The view.
    pub name: String,
    /// One of its features that are read, as `view:feature`.
    pub reference: String,
    /// Its join keys, and the columns of the caller's rows that hold them. Empty for a view without entities.
    pub keys: Vec<(String, String)>,
    /// Whether its values are kept online.
    pub online: bool,
}

impl FeatureStore {
    /// What one must bring to ask for `selection`, by the registry as last seen.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for what could not be asked for at all: unknown names, a view without history, a source
    /// that is not read, a disabled view; whatever is wrong with the transformation of an on-demand view.
    pub fn retrieval_inputs(&self, selection: &Selection) -> Result<RetrievalInputs> {
        let (query, full_feature_names) = match self.historical_query(selection, false, false) {
            Ok(query) => (query, false),
            Err(_) => (self.historical_query(selection, true, false)?, true),
        };
        let HistoricalQuery { plan, views: joins, .. } = &query;
        let mut views = Vec::with_capacity(joins.len());
        for (planned, join) in plan.views.iter().zip(joins) {
            if !join.source.is_readable() {
                return Err(RequestError::other(format!(
                    "feature view `{}` reads the source `{}`, which is of type {} and cannot be read yet",
                    join.view,
                    join.source.name,
                    join.source.type_name()
                ))
                .into());
            }
            let feature = join.features.first().or_else(|| planned.stored_features.first());
            let keys =
                join.join_keys.iter().map(|key| key.name.clone()).zip(join.frame_columns.iter().cloned());
            views.push(ReadView {
                name: planned.name.clone(),
                reference: format!(
                    "{}:{}",
                    planned.name,
                    feature.map(|feature| feature.name.as_str()).unwrap_or_default()
                ),
                keys: keys.filter(|(key, _)| key != DUMMY_JOIN_KEY).collect(),
                online: planned.definition.as_ref().is_some_and(|view| view.online),
            });
        }
        Ok(RetrievalInputs {
            views,
            request_fields: plan.request_fields.iter().map(|request| request.field.clone()).collect(),
            full_feature_names,
        })
    }
}
