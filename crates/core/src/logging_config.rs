//! Where a feature service's answers are logged.

use std::collections::BTreeMap;

/// Where a feature service's answers are logged, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggingConfig {
    /// The part of the requests that is logged.
    pub sample_rate: SampleRate,
    /// Where they go.
    pub destination: LoggingDestination,
}

/// A part of one: from 0, none, to 1, all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRate(f32);

// A rate is a number, never NaN.
impl Eq for SampleRate {}

impl SampleRate {
    /// Everything, which is Feast's default.
    pub const ALL: Self = Self(1.0);

    /// A rate from 0 to 1; none for any other number.
    pub fn new(rate: f32) -> Option<Self> {
        (0.0..=1.0).contains(&rate).then_some(Self(rate))
    }

    /// The rate.
    pub fn get(self) -> f32 {
        self.0
    }
}

/// Where logged answers go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoggingDestination {
    /// Files.
    File {
        /// The folder; relative paths start at the feature repo.
        path: String,
        /// The address of a service like S3; empty for none.
        s3_endpoint_override: String,
        /// Columns that name folders of the log.
        partition_by: Vec<String>,
    },
    /// A table of `BigQuery`, by its reference.
    BigQuery(String),
    /// A table of Redshift.
    Redshift(String),
    /// A table of Athena.
    Athena(String),
    /// A table of Snowflake.
    Snowflake(String),
    /// A collection of Couchbase.
    CouchbaseColumnar {
        /// The database.
        database: String,
        /// The scope.
        scope: String,
        /// The collection.
        collection: String,
    },
    /// Something of the user's own.
    Custom {
        /// What it is.
        kind: String,
        /// Its settings.
        config: BTreeMap<String, String>,
    },
}
