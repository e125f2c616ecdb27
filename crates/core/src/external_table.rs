//! Tables of systems that larder does not read.

use std::collections::BTreeMap;

/// A table of a system that larder does not read itself. Such a source can be defined, kept and shown;
/// reading it is an error that names the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalTable {
    /// The system.
    pub system: ExternalSystem,
    /// What names the table there, by the names of [`ExternalSystem::options`]. Empty texts are not kept.
    pub options: BTreeMap<String, String>,
    /// Which columns are times, and what columns are called.
    pub columns: SourceColumns,
}

/// Which columns of a table are times, and what its columns are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceColumns {
    /// The column that says when a row's values became true.
    pub timestamp_field: String,
    /// The column that says when a row was written; breaks ties of the event time.
    pub created_timestamp_column: Option<String>,
    /// Renames on reading: column in the table to name in larder.
    pub field_mapping: BTreeMap<String, String>,
    /// The column by which the table is cut into days, for systems that can skip some; empty for none.
    pub date_partition_column: String,
    /// The type of the event time column where it is none of times, such as `DATE`; empty for none.
    pub timestamp_field_type: String,
}

/// Systems with tables that Feast reads and larder does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExternalSystem {
    /// `BigQuery` of Google.
    BigQuery,
    /// Amazon Redshift.
    Redshift,
    /// Snowflake.
    Snowflake,
    /// Amazon Athena.
    Athena,
    /// Trino.
    Trino,
    /// Apache Spark.
    Spark,
    /// Apache Iceberg.
    Iceberg,
    /// `PostgreSQL`.
    Postgres,
    /// Any other, by the Python class that reads it.
    Custom,
}

impl ExternalSystem {
    /// All systems.
    pub const ALL: [Self; 9] = [
        Self::BigQuery,
        Self::Redshift,
        Self::Snowflake,
        Self::Athena,
        Self::Trino,
        Self::Spark,
        Self::Iceberg,
        Self::Postgres,
        Self::Custom,
    ];

    /// The name in definitions.
    pub fn name(self) -> &'static str {
        match self {
            Self::BigQuery => "bigquery",
            Self::Redshift => "redshift",
            Self::Snowflake => "snowflake",
            Self::Athena => "athena",
            Self::Trino => "trino",
            Self::Spark => "spark",
            Self::Iceberg => "iceberg",
            Self::Postgres => "postgres",
            Self::Custom => "custom",
        }
    }

    /// The names of what a source of the system may say of its table, in the order in which it is shown.
    /// Values that are no text are JSON text.
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Self::BigQuery | Self::Trino | Self::Postgres => &["table", "query"],
            Self::Redshift | Self::Snowflake => &["database", "schema", "table", "query"],
            Self::Athena => &["data_source", "database", "table", "query"],
            Self::Spark => {
                &["table", "query", "path", "file_format", "date_partition_column_format", "table_format"]
            }
            Self::Iceberg => &[
                "catalog_type",
                "catalog_name",
                "endpoint",
                "warehouse",
                "namespace",
                "table",
                "token_env_var",
                "credential_vending",
                "catalog_properties",
            ],
            Self::Custom => &["data_source_class_type", "configuration"],
        }
    }
}

impl ExternalTable {
    /// What is said under a name; empty where nothing is.
    pub fn option(&self, name: &str) -> &str {
        self.options.get(name).map(String::as_str).unwrap_or_default()
    }
}
