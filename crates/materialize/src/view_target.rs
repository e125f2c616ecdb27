//! What writes need to know of one feature view.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use larder_core::{
    DataSource, EntityKeyVersion, FeatureView, Field, OnlineStore, OnlineView, OnlineWrite, RequestError,
    Result, WriteOutcome,
};
use larder_registry::RegistrySnapshot;
use tracing::Instrument;

use crate::MaterializeError;
use crate::recomputation::Follower;
use crate::row_keys::RowKeys;
use crate::view_rows::{ViewRows, feature_schema};

/// What writes need to know of one feature view, resolved once per catalog.
#[derive(Debug)]
pub(crate) struct ViewTarget {
    pub(crate) definition: Arc<FeatureView>,
    /// The source that holds the view's history.
    pub(crate) source: Option<Arc<DataSource>>,
    pub(crate) online: Arc<OnlineView>,
    pub(crate) keys: RowKeys,
    /// The features, as the online store takes them.
    pub(crate) schema: SchemaRef,
    /// The on-demand views to be computed again for the keys of rows written here.
    pub(crate) followers: Vec<Follower>,
}

impl ViewTarget {
    /// A view as it is, or as it was in version `number`, which has online rows of its own.
    pub(crate) fn try_new(
        snapshot: &RegistrySnapshot,
        definition: &Arc<FeatureView>,
        number: Option<u32>,
        version: EntityKeyVersion,
        followers: Vec<Follower>,
    ) -> Result<Self> {
        let source = match &definition.batch_source {
            Some(name) => Some(Arc::clone(&snapshot.data_source(name)?.object)),
            None => None,
        };
        Ok(Self {
            definition: Arc::clone(definition),
            source,
            online: Arc::new(online_view(snapshot, definition, number)),
            keys: RowKeys::try_new(key_fields(definition), version)?,
            schema: feature_schema(&definition.features),
            followers,
        })
    }

    /// The columns that make the key of a row; none for a view without entities.
    pub(crate) fn key_fields(&self) -> &[Field] {
        key_fields(&self.definition)
    }

    /// The source to materialize from.
    pub(crate) fn history(&self) -> Result<&Arc<DataSource>, RequestError> {
        self.source.as_ref().ok_or_else(|| {
            RequestError::other(format!(
                "feature view `{}` has no batch source, so there is nothing to materialize; push to it instead",
                self.definition.name
            ))
        })
    }

    /// Writes rows and brings the on-demand views that follow up to date. The one way of rows of feature
    /// views into the online store. Durable after the store's next flush.
    ///
    /// # Cancel safety
    ///
    /// Runs to its end even if the caller goes away: what is written is also followed.
    pub(crate) async fn write(
        self: &Arc<Self>,
        online: &Arc<dyn OnlineStore>,
        rows: ViewRows,
    ) -> Result<WriteOutcome> {
        let (target, online) = (Arc::clone(self), Arc::clone(online));
        let work = async move { target.write_and_follow(&*online, rows).await };
        tokio::spawn(work.in_current_span()).await.unwrap_or_else(|join| match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(MaterializeError::ShuttingDown.into()),
        })
    }

    async fn write_and_follow(&self, online: &dyn OnlineStore, rows: ViewRows) -> Result<WriteOutcome> {
        let ViewRows { key_columns, keys, versions, features } = rows;
        let count = keys.len();
        let outcome =
            online.write(OnlineWrite { view: Arc::clone(&self.online), keys, versions, features }).await?;
        // Also where every row lost: the winner's writer may have died before it came to this.
        for follower in &self.followers {
            follower.recompute(online, &key_columns, count).await?;
        }
        Ok(outcome)
    }
}

/// The columns that make the key of a row of a view; none for a view without entities.
pub(crate) fn key_fields(view: &FeatureView) -> &[Field] {
    if view.is_entityless() { &[] } else { &view.join_keys }
}

/// A feature view as the online store knows it: as it is, or as it was in version `number`.
pub(crate) fn online_view(
    snapshot: &RegistrySnapshot,
    view: &FeatureView,
    number: Option<u32>,
) -> OnlineView {
    OnlineView {
        project: snapshot.project.name.clone(),
        name: snapshot.online_name(&view.name, number),
        features: view.features.clone(),
    }
}
