//! How an on-demand view that reads other on-demand views travels through Feast's format.
//!
//! Feast's client looks up every source of every view it lists among feature views, and fails for one that
//! is none. So an on-demand source stands in a tag, and Feast's own list of sources has instead what the
//! chain reads in the end: the feature views and request sources of the views in between. They are named in
//! a second tag, so that larder tells them from sources of the view's own:
//!
//! | tag | value |
//! |---|---|
//! | `larder.dev/on-demand-sources` | JSON: `[{"view", "features": [{"name", "dtype"}], "name_alias", "version"}]` |
//! | `larder.dev/inherited-sources` | JSON: the keys in `sources` that are not the view's own |
//!
//! Tags survive every rewrite by Feast's client. What is inherited is written anew by every apply.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use larder_core::{FeatureViewProjection, Field, OnDemandFeatureView, OnDemandSource};
use serde_json::{Map, Value, json};

use super::field::field_to_proto;
use super::on_demand_feature_view::tag;
use super::projection::{Views, projection_to_proto};
use super::{DataSourceEncoder, Unsupported, value_type_of};
use crate::{INPUT_SCHEMA_SOURCE_PREFIX, proto};

const ON_DEMAND_SOURCES: &str = "on-demand-sources";
const INHERITED_SOURCES: &str = "inherited-sources";

type Tags = BTreeMap<String, String>;

/// What a view reads of another on-demand view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChainedSource {
    pub(crate) view: String,
    /// The chosen features with the types they had when the view was applied.
    features: Vec<Field>,
    alias: Option<String>,
    version: Option<u32>,
}

impl ChainedSource {
    /// The same as a projection.
    pub(crate) fn projection(&self) -> FeatureViewProjection {
        FeatureViewProjection {
            alias: self.alias.clone(),
            version: self.version,
            ..FeatureViewProjection::new(
                &self.view,
                self.features.iter().map(|field| field.name.clone()).collect(),
            )
        }
    }

    /// The same in Feast's words, to be compared and shown.
    pub(crate) fn to_proto(&self) -> proto::FeatureViewProjection {
        proto::FeatureViewProjection {
            feature_view_name: self.view.clone(),
            feature_columns: self.features.iter().map(field_to_proto).collect(),
            feature_view_name_alias: self.alias.clone().unwrap_or_default(),
            version_tag: self.version.and_then(|version| i32::try_from(version).ok()),
            ..proto::FeatureViewProjection::default()
        }
    }

    fn of_projection(projection: &FeatureViewProjection, views: &Views<'_>) -> Self {
        let features = views.columns(projection).into_iter().filter_map(|column| {
            let value_type = value_type_of(column.value_type, &column.tags)?;
            Some(Field::new(column.name, value_type))
        });
        Self {
            view: projection.view.clone(),
            features: features.collect(),
            alias: projection.alias.clone(),
            version: projection.version,
        }
    }

    fn to_json(&self) -> Value {
        let features = self.features.iter();
        let features: Vec<Value> = features
            .map(|field| json!({ "name": field.name, "dtype": field.value_type.to_string() }))
            .collect();
        let mut object = Map::from_iter([
            ("view".to_owned(), self.view.as_str().into()),
            ("features".to_owned(), features.into()),
        ]);
        object.extend(self.alias.as_deref().map(|alias| ("name_alias".to_owned(), alias.into())));
        object.extend(self.version.map(|version| ("version".to_owned(), version.into())));
        Value::Object(object)
    }

    fn from_json(value: &Value) -> Option<Self> {
        let features = value.get("features")?.as_array()?.iter().map(|feature| {
            let value_type = feature.get("dtype")?.as_str()?.parse().ok()?;
            Some(Field::new(feature.get("name")?.as_str()?, value_type))
        });
        Some(Self {
            view: value.get("view")?.as_str()?.to_owned(),
            features: features.collect::<Option<_>>()?,
            alias: value.get("name_alias").and_then(Value::as_str).map(str::to_owned),
            version: match value.get("version") {
                Some(version) => Some(u32::try_from(version.as_u64()?).ok()?),
                None => None,
            },
        })
    }
}

/// Puts the on-demand sources of a view into its tags. Returns the sources that Feast's list is to have for
/// them, under their keys.
pub(super) fn carry(
    view: &OnDemandFeatureView,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
    tags: &mut Tags,
) -> Vec<(String, proto::OnDemandSource)> {
    let chained = view.sources.iter().filter_map(OnDemandSource::as_on_demand);
    let chained: Vec<Value> =
        chained.map(|projection| ChainedSource::of_projection(projection, views).to_json()).collect();
    if chained.is_empty() {
        return Vec::new();
    }
    tags.insert(tag(ON_DEMAND_SOURCES), Value::from(chained).to_string());
    let inherited = inherited(view, views, sources);
    let keys: Vec<&str> = inherited.iter().map(|(key, _)| key.as_str()).collect();
    tags.insert(tag(INHERITED_SOURCES), Value::from(keys).to_string());
    inherited
}

/// The feature views and request sources that a view reads through other on-demand views, without those that
/// it reads itself. Of a feature view that is read in several ways there is one entry with all features.
fn inherited(
    view: &OnDemandFeatureView,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
) -> Vec<(String, proto::OnDemandSource)> {
    let own: HashSet<&str> = view.sources.iter().map(OnDemandSource::name).collect();
    let mut stored: Vec<FeatureViewProjection> = Vec::new();
    let mut requests: BTreeSet<&str> = BTreeSet::new();
    let mut seen: HashSet<&str> = HashSet::from([view.name.as_str()]);
    let mut open: VecDeque<&FeatureViewProjection> =
        view.sources.iter().filter_map(OnDemandSource::as_on_demand).collect();
    while let Some(inner) = open.pop_front() {
        let Some(inner) = views.on_demand(&inner.view).filter(|inner| seen.insert(&inner.name)) else {
            continue;
        };
        for source in inner.sources.iter().filter(|source| !own.contains(source.name())) {
            match source {
                OnDemandSource::OnDemandFeatureView(projection) => open.push_back(projection),
                OnDemandSource::FeatureView(projection) => {
                    match stored.iter_mut().find(|known| known.view == projection.view) {
                        Some(known) => {
                            for feature in &projection.features {
                                if !known.features.contains(feature) {
                                    known.features.push(feature.clone());
                                }
                            }
                        }
                        None => stored.push(projection.clone()),
                    }
                }
                OnDemandSource::RequestSource(name) => {
                    requests.insert(name);
                }
                _ => {}
            }
        }
    }
    let stored = stored.into_iter().map(|projection| {
        let encoded = projection_to_proto(&projection, views, sources);
        let source = proto::OnDemandSource {
            feature_view_projection: Some(encoded),
            ..proto::OnDemandSource::default()
        };
        (projection.view, source)
    });
    let requests = requests.into_iter().filter_map(|name| {
        let mut encoded = sources.copy(name)?;
        // Under the name of an `input_schema` Feast would take it for the view's own.
        let key = match name.strip_prefix(INPUT_SCHEMA_SOURCE_PREFIX) {
            Some(view) => format!("{view}__input_schema"),
            None => name.to_owned(),
        };
        encoded.name.clone_from(&key);
        let source =
            proto::OnDemandSource { request_data_source: Some(encoded), ..proto::OnDemandSource::default() };
        Some((key, source))
    });
    stored.chain(requests).filter(|(key, _)| !own.contains(key.as_str())).collect()
}

/// The on-demand sources that tags name.
pub(super) fn of_tags(tags: &Tags) -> Result<Vec<ChainedSource>, Unsupported> {
    let Some(text) = tags.get(&tag(ON_DEMAND_SOURCES)) else { return Ok(Vec::new()) };
    let value: Option<Value> = serde_json::from_str(text).ok();
    let sources = value
        .as_ref()
        .and_then(Value::as_array)
        .and_then(|sources| sources.iter().map(ChainedSource::from_json).collect::<Option<Vec<_>>>());
    sources.ok_or(Unsupported::Damaged { part: "larder.dev/on-demand-sources" })
}

/// The keys in a view's list of sources that are not its own.
pub(crate) fn inherited_names(tags: &Tags) -> Result<BTreeSet<String>, Unsupported> {
    let Some(text) = tags.get(&tag(INHERITED_SOURCES)) else { return Ok(BTreeSet::new()) };
    serde_json::from_str(text).map_err(|_| Unsupported::Damaged { part: "larder.dev/inherited-sources" })
}
