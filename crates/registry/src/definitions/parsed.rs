//! Definitions as they are written, before anything is looked up.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use larder_core::{Entity, Field, FileFormat, Project, TransformationLimits};

use crate::yaml::At;

/// All definitions of a repo, in the order of files and lines.
#[derive(Debug, Default)]
pub(crate) struct ParsedDefinitions {
    pub(crate) project: Option<At<Project>>,
    pub(crate) entities: Vec<At<Entity>>,
    pub(crate) data_sources: Vec<ParsedDataSource>,
    pub(crate) feature_views: Vec<ParsedFeatureView>,
    pub(crate) on_demand_feature_views: Vec<ParsedOnDemandFeatureView>,
    pub(crate) feature_services: Vec<ParsedFeatureService>,
    /// Names of objects that could not be read.
    pub(crate) broken: HashSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct ParsedDataSource {
    pub(crate) name: At<String>,
    pub(crate) kind: ParsedSourceKind,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) owner: String,
}

impl ParsedDataSource {
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.kind, ParsedSourceKind::File { .. })
    }

    pub(crate) fn is_request(&self) -> bool {
        matches!(self.kind, ParsedSourceKind::Request { .. })
    }
}

#[derive(Clone, Debug)]
pub(crate) enum ParsedSourceKind {
    File {
        path: At<String>,
        format: FileFormat,
        timestamp_field: Option<At<String>>,
        created_timestamp_column: Option<At<String>>,
        field_mapping: BTreeMap<String, String>,
    },
    Push {
        batch_source: Option<At<String>>,
    },
    Request {
        schema: Vec<At<Field>>,
    },
}

#[derive(Debug)]
pub(crate) struct ParsedFeatureView {
    pub(crate) name: At<String>,
    pub(crate) entities: Vec<At<String>>,
    pub(crate) source: At<String>,
    pub(crate) schema: Vec<At<Field>>,
    pub(crate) ttl: Duration,
    pub(crate) online: bool,
    pub(crate) offline: bool,
    pub(crate) enabled: bool,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) owner: String,
}

#[derive(Debug)]
pub(crate) struct ParsedOnDemandFeatureView {
    pub(crate) name: At<String>,
    pub(crate) sources: Vec<ParsedProjection>,
    pub(crate) schema: Vec<At<Field>>,
    pub(crate) component: At<String>,
    pub(crate) function: Option<At<String>>,
    pub(crate) limits: TransformationLimits,
    pub(crate) write_to_online_store: bool,
    pub(crate) entities: Vec<At<String>>,
    pub(crate) enabled: bool,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) owner: String,
}

/// A view, whole or in part; or, in the sources of an on-demand view, a request source.
#[derive(Debug)]
pub(crate) struct ParsedProjection {
    pub(crate) target: At<String>,
    /// Whether it is only a name, which may also be that of a request source.
    pub(crate) bare: bool,
    /// The chosen features; `None` means all.
    pub(crate) features: Option<Vec<At<String>>>,
    pub(crate) alias: Option<At<String>>,
    pub(crate) join_key_map: Vec<(At<String>, String)>,
}

#[derive(Debug)]
pub(crate) struct ParsedFeatureService {
    pub(crate) name: At<String>,
    pub(crate) features: Vec<ParsedProjection>,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) owner: String,
}
