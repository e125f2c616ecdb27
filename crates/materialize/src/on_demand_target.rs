//! What writes need to know of one on-demand view.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use larder_core::{
    EntityKey, EntityKeyVersion, Field, OnDemandFeatureView, OnlineStore, OnlineView, OnlineWrite, Result,
    RowVersion, WriteOutcome,
};
use larder_plan::{CallColumns, Catalog, FeaturePlan};

use crate::row_keys::RowKeys;
use crate::view_rows::{batch, feature_schema};

/// What writes need to know of one on-demand view that is kept online, resolved once per catalog.
#[derive(Debug)]
pub(crate) struct OnDemandTarget {
    pub(crate) definition: Arc<OnDemandFeatureView>,
    pub(crate) online: Arc<OnlineView>,
    pub(crate) keys: RowKeys,
    /// How all its features are computed.
    pub(crate) plan: FeaturePlan,
    schema: SchemaRef,
}

impl OnDemandTarget {
    /// A view as it is, or as it was in version `number`, which has online rows of its own.
    ///
    /// # Errors
    ///
    /// Why the view cannot be computed, or why its join keys cannot be keys.
    pub(crate) fn try_new(
        catalog: &Catalog,
        definition: &Arc<OnDemandFeatureView>,
        number: Option<u32>,
        version: EntityKeyVersion,
    ) -> Result<Self> {
        Ok(Self {
            definition: Arc::clone(definition),
            online: Arc::new(OnlineView {
                project: catalog.snapshot().project.name.clone(),
                name: catalog.snapshot().online_name(&definition.name, number),
                features: definition.features.clone(),
            }),
            keys: RowKeys::try_new(key_fields(definition), version)?,
            plan: FeaturePlan::for_on_demand_view(catalog, definition)?,
            schema: feature_schema(&definition.features),
        })
    }

    /// The columns that make the key of a row; none for a view without entities.
    pub(crate) fn key_fields(&self) -> &[Field] {
        key_fields(&self.definition)
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    /// Computes the view's features over `rows` rows, with all that it reads of other on-demand views.
    pub(crate) async fn compute(&self, rows: usize, columns: &impl CallColumns) -> Result<Vec<ArrayRef>> {
        let mut computed = self.plan.compute(rows, columns).await?;
        Ok(computed.pop().expect("the last call of the plan of an on-demand view is its own"))
    }

    /// Writes computed columns, one per feature of the view.
    pub(crate) async fn write(
        &self,
        online: &dyn OnlineStore,
        keys: Vec<EntityKey>,
        versions: Vec<RowVersion>,
        columns: Vec<ArrayRef>,
    ) -> Result<WriteOutcome> {
        let features = batch(&self.definition.name, &self.schema, columns, keys.len())?;
        online.write(OnlineWrite { view: Arc::clone(&self.online), keys, versions, features }).await
    }
}

/// The columns that make the key of a row of a view; none for a view without entities.
pub(crate) fn key_fields(view: &OnDemandFeatureView) -> &[Field] {
    if view.entities.is_empty() { &[] } else { &view.join_keys }
}
