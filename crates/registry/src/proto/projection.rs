//! Projections of views.

use std::collections::HashMap;

use larder_core::{FeatureView, FeatureViewProjection, Field, OnDemandFeatureView};

use super::DataSourceEncoder;
use super::field::field_to_proto;
use crate::proto;

/// The views that projections may point to.
#[derive(Debug)]
pub(crate) struct Views<'a> {
    stored: HashMap<&'a str, &'a FeatureView>,
    on_demand: HashMap<&'a str, &'a OnDemandFeatureView>,
}

impl<'a> Views<'a> {
    pub(crate) fn new(stored: &'a [FeatureView], on_demand: &'a [OnDemandFeatureView]) -> Self {
        Self {
            stored: stored.iter().map(|view| (view.name.as_str(), view)).collect(),
            on_demand: on_demand.iter().map(|view| (view.name.as_str(), view)).collect(),
        }
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
    let known = views.features(&projection.view);
    let columns =
        projection.features.iter().filter_map(|name| known.iter().find(|field| &field.name == name));
    let stored = views.stored.get(projection.view.as_str());
    let batch_source = stored.and_then(|view| sources.copy(view.batch_source.as_deref()?));
    let stream_source = stored.and_then(|view| sources.copy(view.stream_source.as_deref()?));
    let created =
        batch_source.as_ref().map(|source| source.created_timestamp_column.clone()).unwrap_or_default();
    proto::FeatureViewProjection {
        feature_view_name: projection.view.clone(),
        feature_columns: columns.map(field_to_proto).collect(),
        feature_view_name_alias: projection.alias.clone().unwrap_or_default(),
        join_key_map: projection.join_key_map.clone(),
        timestamp_field: batch_source
            .as_ref()
            .map(|source| source.timestamp_field.clone())
            .unwrap_or_default(),
        created_timestamp_column: created,
        batch_source,
        stream_source,
        view_type: if stored.is_some() { "featureView" } else { "onDemandFeatureView" }.to_owned(),
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
    }
}
