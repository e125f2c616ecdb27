//! Definitions as they are written, before anything is looked up.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use larder_core::{
    Aggregation, Capabilities, Entity, ExternalTable, FeatureViewKind, Field, FileFormat, JobLimits,
    LoggingConfig, MlflowSource, Permission, Project, SavedDataset, Schedule, StreamSource,
    TransformationLimits, ValidationReference, ViewVersion,
};

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
    pub(crate) saved_datasets: Vec<At<SavedDataset>>,
    pub(crate) validation_references: Vec<At<ValidationReference>>,
    pub(crate) permissions: Vec<At<Permission>>,
    pub(crate) jobs: Vec<ParsedJob>,
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
    pub(crate) fn is_table(&self) -> bool {
        matches!(
            self.kind,
            ParsedSourceKind::File { .. } | ParsedSourceKind::External(_) | ParsedSourceKind::Mlflow { .. }
        )
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
        s3_endpoint_override: String,
    },
    Push {
        batch_source: Option<At<String>>,
    },
    Request {
        schema: Vec<At<Field>>,
    },
    /// A stream, whose own `batch_source` is not filled in.
    Stream {
        stream: StreamSource,
        batch_source: Option<At<String>>,
    },
    External(ExternalTable),
    /// A table of MLflow, whose own `batch_source` is not filled in, nor its event time where it is left out.
    Mlflow {
        source: MlflowSource,
        batch_source: At<String>,
    },
}

/// A function in Python, by the file that holds its text.
#[derive(Clone, Debug)]
pub(crate) struct ParsedFunction {
    pub(crate) name: String,
    pub(crate) file: At<String>,
}

/// A view whose values are stored, of whatever kind.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are Feast's, and independent of each other")]
pub(crate) struct ParsedFeatureView {
    pub(crate) name: At<String>,
    /// What only its kind has; its function in Python is not filled in.
    pub(crate) kind: FeatureViewKind,
    pub(crate) udf: Option<ParsedFunction>,
    pub(crate) entities: Vec<At<String>>,
    pub(crate) source: Option<At<String>>,
    pub(crate) source_views: Vec<At<String>>,
    pub(crate) sink_source: Option<At<String>>,
    pub(crate) schema: Vec<At<Field>>,
    pub(crate) ttl: Duration,
    pub(crate) online: bool,
    pub(crate) offline: bool,
    pub(crate) enabled: bool,
    pub(crate) mode: String,
    pub(crate) enable_validation: bool,
    pub(crate) version: ViewVersion,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) owner: String,
    pub(crate) org: String,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are Feast's, and independent of each other")]
pub(crate) struct ParsedOnDemandFeatureView {
    pub(crate) name: At<String>,
    pub(crate) sources: Vec<ParsedProjection>,
    pub(crate) input_schema: Vec<At<Field>>,
    pub(crate) schema: Vec<At<Field>>,
    /// None for a view that has no component yet.
    pub(crate) component: Option<At<String>>,
    pub(crate) function: Option<At<String>>,
    pub(crate) limits: TransformationLimits,
    pub(crate) mode: String,
    pub(crate) udf: Option<ParsedFunction>,
    pub(crate) singleton: bool,
    pub(crate) track_metrics: bool,
    pub(crate) aggregations: Vec<Aggregation>,
    pub(crate) write_to_online_store: bool,
    pub(crate) entities: Vec<At<String>>,
    pub(crate) version: ViewVersion,
    pub(crate) enabled: bool,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) owner: String,
    pub(crate) org: String,
}

#[derive(Debug)]
pub(crate) struct ParsedJob {
    pub(crate) name: At<String>,
    pub(crate) component: At<String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) allow: Capabilities,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) limits: JobLimits,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
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
    /// The version of the view; none for the one in use.
    pub(crate) version: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct ParsedFeatureService {
    pub(crate) name: At<String>,
    pub(crate) features: Vec<ParsedProjection>,
    pub(crate) logging_config: Option<LoggingConfig>,
    pub(crate) precompute_online: bool,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) owner: String,
}
