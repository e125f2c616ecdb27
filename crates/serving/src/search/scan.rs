//! The rows of a view that a search looks at, part by part.

use std::sync::Arc;

use arrow::array::ArrayRef;
use larder_core::{
    EntityKey, EntityKeyEncoder, FeatureView, Field, OnlineRead, OnlineRows, OnlineStore, OnlineView,
    RequestError, Result,
};

use super::{Filter, one_answer, position};

/// So many rows are looked at together.
pub(super) const ROWS_AT_ONCE: usize = 4096;

/// What to read of a view.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) view: Arc<OnlineView>,
    pub(super) encoder: EntityKeyEncoder,
    pub(super) join_keys: Vec<Field>,
    /// The features that are searched, then those that the filter asks for.
    features: Arc<[usize]>,
    filter: Option<Filter>,
}

impl Scan {
    /// # Errors
    ///
    /// [`RequestError`] for a filter over what the view does not have, and keys that cannot be such.
    pub(super) fn try_new(
        project: &str,
        view: &FeatureView,
        encoder: EntityKeyEncoder,
        searched: &[usize],
        filter: Option<Filter>,
    ) -> Result<Self> {
        let keys = filter.as_ref().map(Filter::keys).unwrap_or_default();
        let is_join_key = |name: &&str| view.join_keys.iter().any(|key| key.name == *name);
        let asked = keys.into_iter().filter(|name| !is_join_key(name)).map(|name| position(view, name));
        let searched = searched.iter().map(|at| Ok(*at));
        let features: Result<Arc<[usize]>, RequestError> = searched.chain(asked).collect();
        Ok(Self {
            encoder,
            join_keys: view.join_keys.clone(),
            features: features?,
            view: Arc::new(OnlineView {
                project: project.to_owned(),
                name: view.name.clone(),
                features: view.features.clone(),
            }),
            filter,
        })
    }

    /// Some rows; the columns that are searched come first.
    pub(super) async fn rows(&self, store: &dyn OnlineStore, keys: &[EntityKey]) -> Result<OnlineRows> {
        let read = OnlineRead {
            view: Arc::clone(&self.view),
            features: Arc::clone(&self.features),
            keys: keys.iter().cloned().map(Some).collect(),
        };
        one_answer(store.read(vec![read]).await?)
    }

    /// Which of some rows pass the filter.
    pub(super) fn passing(&self, keys: &[EntityKey], rows: &OnlineRows) -> Result<Vec<bool>> {
        let Some(filter) = &self.filter else { return Ok(vec![true; keys.len()]) };
        let join_keys = self.encoder.decode(keys)?;
        let column = |name: &str| -> Option<&ArrayRef> {
            if let Some(at) = self.join_keys.iter().position(|key| key.name == name) {
                return join_keys.get(at);
            }
            let named =
                |position: &usize| self.view.features.get(*position).is_some_and(|field| field.name == name);
            let mut read = self.features.iter().zip(&rows.columns);
            read.find(|(position, _)| named(position)).map(|(_, column)| &column.values)
        };
        Ok((0..keys.len()).map(|row| filter.passes(row, &column)).collect())
    }
}
