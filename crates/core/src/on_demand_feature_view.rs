//! On-demand feature views: features computed by a transformation when asked for.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Aggregation, Field, PythonFunction, TransformationLimits, ViewVersion, dummy_join_key};

/// Features computed from other features and from request data, at the moment they are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDemandFeatureView {
    /// Unique name among all views of the project, ignoring case.
    pub name: String,
    /// What it computes from, in the order of definition: views of both kinds and request sources.
    pub sources: Vec<OnDemandSource>,
    /// The features it computes.
    pub features: Vec<Field>,
    /// The names of its entities; only meaningful with `write_to_online_store`.
    pub entities: Vec<String>,
    /// The join key columns under which its values are kept online; as in a feature view.
    pub join_keys: Vec<Field>,
    /// The function that computes it.
    pub transformation: TransformationReference,
    /// What is said of a function in Python, by Feast; larder keeps it and runs the component.
    pub python: PythonTransformation,
    /// Aggregations instead of a function. larder keeps them; a view that has any cannot be computed.
    pub aggregations: Vec<Aggregation>,
    /// Whether Feast measures its calls.
    pub track_metrics: bool,
    /// Whether its values are computed when its inputs are written and then read like stored ones.
    pub write_to_online_store: bool,
    /// Which of its versions is in use.
    pub version: ViewVersion,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
    /// The part of the organization it belongs to.
    pub org: String,
}

/// What Feast needs to compute a view in Python.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PythonTransformation {
    /// How Feast calls the function: `pandas`, `python` or `substrait`; empty where a component is all.
    pub mode: String,
    /// Whether Feast calls it row by row.
    pub singleton: bool,
    /// The function.
    pub udf: Option<PythonFunction>,
}

impl OnDemandFeatureView {
    /// A view of this name without sources and features, with Feast's defaults and no component.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            sources: Vec::new(),
            features: Vec::new(),
            entities: Vec::new(),
            join_keys: vec![dummy_join_key()],
            transformation: TransformationReference {
                component: None,
                function: name.clone(),
                limits: TransformationLimits::default(),
            },
            python: PythonTransformation::default(),
            aggregations: Vec::new(),
            track_metrics: false,
            write_to_online_store: false,
            version: ViewVersion::Latest,
            enabled: true,
            description: String::new(),
            tags: BTreeMap::new(),
            owner: String::new(),
            org: String::new(),
            name,
        }
    }

    /// Whether there is nothing yet that larder could run.
    pub fn needs_component(&self) -> bool {
        self.transformation.component.is_none()
    }
}

/// One thing that an on-demand view computes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDemandSource {
    /// Features of a feature view.
    FeatureView(FeatureViewProjection),
    /// Features of another on-demand view. They are computed first; its join keys keep their names.
    OnDemandFeatureView(FeatureViewProjection),
    /// The fields of a request source, by its name.
    RequestSource(String),
}

impl OnDemandSource {
    /// The name of the view or request source.
    pub fn name(&self) -> &str {
        match self {
            Self::FeatureView(projection) | Self::OnDemandFeatureView(projection) => &projection.view,
            Self::RequestSource(name) => name,
        }
    }

    /// The projection, if it is an on-demand view.
    pub fn as_on_demand(&self) -> Option<&FeatureViewProjection> {
        match self {
            Self::OnDemandFeatureView(projection) => Some(projection),
            _ => None,
        }
    }
}

/// Chosen features of a view, perhaps under other names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureViewProjection {
    /// The view's real name.
    pub view: String,
    /// The name used instead of the view's in references and full feature names.
    pub alias: Option<String>,
    /// The chosen features, in order; empty only for a view without features.
    pub features: Vec<String>,
    /// Renamed join keys: the view's join key to the column of the request or entity table.
    pub join_key_map: BTreeMap<String, String>,
    /// The version of the view; `None` for the one in use.
    pub version: Option<u32>,
}

impl FeatureViewProjection {
    /// Features of a view under the view's own name.
    pub fn new(view: impl Into<String>, features: Vec<String>) -> Self {
        Self { view: view.into(), alias: None, features, join_key_map: BTreeMap::new(), version: None }
    }

    /// The alias, or else the view's name.
    pub fn name_to_use(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.view)
    }
}

/// Names one function of one component, and what it may use up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransformationReference {
    /// The component's content hash; its bytes lie beside the registry under this name. `None` for a
    /// view that came from Feast and has no component yet.
    pub component: Option<ComponentDigest>,
    /// The function in the component.
    pub function: String,
    /// What one call may use up.
    pub limits: TransformationLimits,
}

/// The SHA-256 of a component's bytes. Displays as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentDigest(pub [u8; 32]);

impl ComponentDigest {
    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for ComponentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ComponentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}
