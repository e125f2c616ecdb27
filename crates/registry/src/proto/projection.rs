//! Projections of views.

use std::collections::HashMap;

use larder_core::{FeatureView, FeatureViewKind, FeatureViewProjection, Field, OnDemandFeatureView};

use super::field::field_to_proto;
use super::{DataSourceEncoder, FeatureSpecV2};
use crate::proto;

/// The views that projections may point to.
#[derive(Debug)]
pub(crate) struct Views<'a> {
    stored: HashMap<&'a str, &'a FeatureView>,
    on_demand: HashMap<&'a str, &'a OnDemandFeatureView>,
    versions: HashMap<(String, u32), Vec<FeatureSpecV2>>,
}

impl<'a> Views<'a> {
    pub(crate) fn new(stored: &'a [FeatureView], on_demand: &'a [OnDemandFeatureView]) -> Self {
        Self {
            stored: stored.iter().map(|view| (view.name.as_str(), view)).collect(),
            on_demand: on_demand.iter().map(|view| (view.name.as_str(), view)).collect(),
            versions: HashMap::new(),
        }
    }

    /// The same, with the features of versions that projections may name.
    pub(crate) fn with_versions(self, versions: HashMap<(String, u32), Vec<FeatureSpecV2>>) -> Self {
        Self { versions, ..self }
    }

    /// The stored view of this name.
    pub(crate) fn stored(&self, view: &str) -> Option<&'a FeatureView> {
        self.stored.get(view).copied()
    }

    /// The on-demand view of this name.
    pub(crate) fn on_demand(&self, view: &str) -> Option<&'a OnDemandFeatureView> {
        self.on_demand.get(view).copied()
    }

    /// The chosen features of a projection, as its version of the view has them.
    pub(crate) fn columns(&self, projection: &FeatureViewProjection) -> Vec<FeatureSpecV2> {
        let version = projection.version;
        let of_version = version.and_then(|number| self.versions.get(&(projection.view.clone(), number)));
        let known: Vec<FeatureSpecV2> = match of_version {
            Some(columns) => columns.clone(),
            None => self.features(&projection.view).iter().map(field_to_proto).collect(),
        };
        let find = |name: &String| known.iter().find(|column| &column.name == name).cloned();
        projection.features.iter().filter_map(find).collect()
    }

    fn features(&self, view: &str) -> &'a [Field] {
        let stored = self.stored.get(view).map(|view| view.features.as_slice());
        stored.or_else(|| self.on_demand.get(view).map(|view| view.features.as_slice())).unwrap_or_default()
    }
}

pub(crate) fn projection_to_proto(
    projection: &FeatureViewProjection,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
) -> proto::FeatureViewProjection {
    let stored = views.stored.get(projection.view.as_str());
    let batch_source = stored.and_then(|view| sources.copy(view.batch_source.as_deref()?));
    let stream_source = stored.and_then(|view| sources.copy(view.stream_source.as_deref()?));
    let created =
        batch_source.as_ref().map(|source| source.created_timestamp_column.clone()).unwrap_or_default();
    proto::FeatureViewProjection {
        feature_view_name: projection.view.clone(),
        feature_columns: views.columns(projection),
        feature_view_name_alias: projection.alias.clone().unwrap_or_default(),
        join_key_map: projection.join_key_map.clone(),
        timestamp_field: batch_source
            .as_ref()
            .map(|source| source.timestamp_field.clone())
            .unwrap_or_default(),
        date_partition_column: batch_source
            .as_ref()
            .map(|source| source.date_partition_column.clone())
            .unwrap_or_default(),
        created_timestamp_column: created,
        batch_source,
        stream_source,
        version_tag: projection.version.and_then(|version| i32::try_from(version).ok()),
        view_type: match stored.map(|view| &view.kind) {
            Some(FeatureViewKind::Label(_)) => "labelView",
            Some(_) => "featureView",
            None => "onDemandFeatureView",
        }
        .to_owned(),
    }
}

/// Ignores the columns and the type that Feast writes: it fills the time column with the created one and
/// calls every view a feature view. The view itself is found by name.
pub(crate) fn projection_from_proto(projection: &proto::FeatureViewProjection) -> FeatureViewProjection {
    let alias = &projection.feature_view_name_alias;
    FeatureViewProjection {
        view: projection.feature_view_name.clone(),
        alias: (!alias.is_empty() && alias != &projection.feature_view_name).then(|| alias.clone()),
        features: projection.feature_columns.iter().map(|column| column.name.clone()).collect(),
        join_key_map: projection.join_key_map.clone(),
        version: projection.version_tag.and_then(|version| u32::try_from(version).ok()),
    }
}
