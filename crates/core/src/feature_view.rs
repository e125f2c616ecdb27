//! Feature views: features of one or more entities, stored and read by key and time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Aggregation, Field, LabelRules, PythonFunction, Timestamp, ViewVersion, dummy_join_key};

/// Features of one or more entities, read from one source.
///
/// Feast has four kinds of views whose values are stored: feature views, batch feature views, stream
/// feature views and label views. They are defined apart and read alike, so they are one type here:
/// [`kind`](Self::kind) holds what only one of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are Feast's, and independent of each other")]
pub struct FeatureView {
    /// Unique name among all views of the project, ignoring case.
    pub name: String,
    /// Which of Feast's kinds of stored views it is.
    pub kind: FeatureViewKind,
    /// Names of its entities; empty for a view without entities.
    pub entities: Vec<String>,
    /// The join key columns, one an entity, in the order of `entities`; the one hidden key for a view
    /// without entities.
    pub join_keys: Vec<Field>,
    /// The features, without the join keys.
    pub features: Vec<Field>,
    /// How long a value counts after its event time; zero means for ever.
    pub ttl: Duration,
    /// The name of the source that holds the history; `None` for a view that is only pushed to.
    pub batch_source: Option<String>,
    /// The name of the push source or stream that feeds it.
    pub stream_source: Option<String>,
    /// The names of the views it is derived from; `batch_source` then holds what was derived.
    pub source_views: Vec<String>,
    /// Whether its newest values are kept online.
    pub online: bool,
    /// Whether pushed rows may be kept in its history.
    pub offline: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// The language of the transformation that makes its values, in Feast's words; empty without one.
    pub mode: String,
    /// Whether rows are checked against the schema when they are materialized.
    pub enable_validation: bool,
    /// Which of its versions is in use.
    pub version: ViewVersion,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
    /// The part of the organization it belongs to.
    pub org: String,
}

/// What only one kind of stored view has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeatureViewKind {
    /// A feature view.
    #[default]
    Plain,
    /// A batch feature view, whose values a compute engine makes from its source.
    Batch(BatchTransformation),
    /// A stream feature view, whose values an engine makes from a stream.
    Stream(StreamTransformation),
    /// A label view: labels that people and programs give to entities.
    Label(LabelRules),
}

/// How an engine makes the values of a batch feature view. larder keeps it for the engine and reads what
/// the engine wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchTransformation {
    /// The function in Python, if there is one.
    pub udf: Option<PythonFunction>,
    /// What is aggregated.
    pub aggregations: Vec<Aggregation>,
    /// Settings of the engine that take the place of the repo's, as JSON text; empty for none.
    pub batch_engine: String,
}

/// How an engine makes the values of a stream feature view. larder keeps it for the engine and takes rows
/// that are pushed as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamTransformation {
    /// The function in Python, if there is one.
    pub udf: Option<PythonFunction>,
    /// What is aggregated over windows of time.
    pub aggregations: Vec<Aggregation>,
    /// The column of the stream that windows are cut by; needed by aggregations.
    pub timestamp_field: String,
    /// Whether windows are put together from tiles.
    pub enable_tiling: bool,
    /// The length of a tile; `None` is Feast's five minutes.
    pub tiling_hop_size: Option<Duration>,
}

/// A span of event time that has been moved into the online store, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaterializationInterval {
    /// The earliest event time.
    pub start: Timestamp,
    /// The latest event time.
    pub end: Timestamp,
}

impl FeatureView {
    /// A feature view of this name without entities and features, with Feast's defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: FeatureViewKind::Plain,
            entities: Vec::new(),
            join_keys: vec![dummy_join_key()],
            features: Vec::new(),
            ttl: Duration::ZERO,
            batch_source: None,
            stream_source: None,
            source_views: Vec::new(),
            online: true,
            offline: false,
            enabled: true,
            mode: String::new(),
            enable_validation: false,
            version: ViewVersion::Latest,
            description: String::new(),
            tags: BTreeMap::new(),
            owner: String::new(),
            org: String::new(),
        }
    }

    /// Whether materializing fills it. Label views are only pushed to, as in Feast.
    pub fn is_materialized(&self) -> bool {
        !matches!(self.kind, FeatureViewKind::Label(_))
    }

    /// Whether an engine is meant to make its values of what its own source holds: by a function in Python or by
    /// aggregations, which larder does not run. The source of a view that derives from others holds results.
    pub fn is_made_by_engine(&self) -> bool {
        let aggregates = match &self.kind {
            FeatureViewKind::Batch(batch) => !batch.aggregations.is_empty(),
            FeatureViewKind::Stream(stream) => !stream.aggregations.is_empty(),
            FeatureViewKind::Plain | FeatureViewKind::Label(_) => false,
        };
        self.source_views.is_empty() && (aggregates || self.udf().is_some())
    }

    /// The Python function that is meant to make its values; larder does not run it.
    pub fn udf(&self) -> Option<&PythonFunction> {
        match &self.kind {
            FeatureViewKind::Batch(batch) => batch.udf.as_ref(),
            FeatureViewKind::Stream(stream) => stream.udf.as_ref(),
            FeatureViewKind::Plain | FeatureViewKind::Label(_) => None,
        }
    }

    /// The position of a feature by its name.
    pub fn feature_index(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|feature| feature.name == name)
    }

    /// Whether it has no entities, so that one row of values holds for all.
    pub fn is_entityless(&self) -> bool {
        self.entities.is_empty()
    }
}

impl FeatureViewKind {
    /// The name of Feast's class: `FeatureView`, `BatchFeatureView`, …
    pub fn class(&self) -> &'static str {
        match self {
            Self::Plain => "FeatureView",
            Self::Batch(_) => "BatchFeatureView",
            Self::Stream(_) => "StreamFeatureView",
            Self::Label(_) => "LabelView",
        }
    }
}
