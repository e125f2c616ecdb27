//! Saved datasets, and the references that later data are compared with.

use std::collections::BTreeMap;

use crate::{Expectations, ExternalSystem, FileFormat, Timestamp};

/// A training set that was kept under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedDataset {
    /// Unique name in the project.
    pub name: String,
    /// The features, as references `view:feature`.
    pub features: Vec<String>,
    /// The columns that identify a row.
    pub join_keys: Vec<String>,
    /// Whether feature columns are called `view__feature`.
    pub full_feature_names: bool,
    /// Where the rows are.
    pub storage: SavedDatasetStorage,
    /// The feature service it was retrieved through; empty for none.
    pub feature_service: String,
    /// A name above `collection`, for people; empty for none.
    pub namespace: String,
    /// What it is grouped under, for people; empty for none.
    pub collection: String,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// The column of the event time. Feast assumes `event_timestamp`; larder remembers it.
    pub event_timestamp_column: String,
    /// The earliest event time of its rows, where it is known.
    pub min_event_timestamp: Option<Timestamp>,
    /// The latest event time of its rows, where it is known.
    pub max_event_timestamp: Option<Timestamp>,
}

/// Where the rows of a saved dataset are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SavedDatasetStorage {
    /// A file.
    File {
        /// The path; relative paths start at the feature repo.
        path: String,
        /// How the bytes are to be read.
        format: FileFormat,
        /// The address of a service like S3; empty for none.
        s3_endpoint_override: String,
    },
    /// A table of another system, which larder does not read.
    External {
        /// The system.
        system: ExternalSystem,
        /// What names the table, by the names of [`ExternalSystem::options`].
        options: BTreeMap<String, String>,
    },
}

/// What later data are compared with: a saved dataset and what was expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationReference {
    /// Unique name in the project.
    pub name: String,
    /// The saved dataset.
    pub dataset: String,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// What Feast's own profiler expects, as JSON text; empty where there is none. Only Feast uses it.
    pub profile: String,
    /// Whether it has a profiler of Feast's, a Python program, which larder never runs.
    pub has_python_profiler: bool,
    /// What larder expects.
    pub expectations: Expectations,
    /// What larder measured of the dataset, as JSON text; empty where nothing was kept.
    pub dataset_profile: String,
}
