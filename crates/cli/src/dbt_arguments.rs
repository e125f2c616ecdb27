//! The arguments of `dbt`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use larder::DbtSource;

#[derive(Debug, Args)]
pub(crate) struct DbtCommand {
    #[command(subcommand)]
    pub(crate) verb: DbtVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbtVerb {
    /// Write definitions of models: an entity for each entity column, a data source and a feature view for each model.
    #[command(after_help = "Example:\n  larder dbt import -m target/manifest.json -e driver_id --tag feast")]
    Import(DbtImportArguments),
    /// List models.
    #[command(after_help = "Example:\n  larder dbt list -m target/manifest.json --show-columns")]
    List(DbtListArguments),
}

#[derive(Debug, Args)]
pub(crate) struct DbtImportArguments {
    /// The manifest that dbt writes: `target/manifest.json`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) manifest_path: PathBuf,
    /// A column that is a join key; may be repeated.
    #[arg(short, long = "entity-column", value_name = "COLUMN", required = true)]
    pub(crate) entity_columns: Vec<String>,
    /// Where the tables of the models lie.
    #[arg(short, long, value_name = "TYPE", default_value = "bigquery")]
    pub(crate) data_source_type: SourceType,
    /// The column of event time.
    #[arg(short, long, value_name = "COLUMN", default_value = "event_timestamp")]
    pub(crate) timestamp_field: String,
    /// Only models with this tag.
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Only this model; may be repeated.
    #[arg(long = "model", value_name = "NAME")]
    pub(crate) models: Vec<String>,
    /// How long values count, in days; 0 means for ever.
    #[arg(long, value_name = "DAYS", default_value_t = 1)]
    pub(crate) ttl_days: u32,
    /// Print the definitions and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Columns that become no features, separated by commas.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) exclude_columns: Vec<String>,
    /// The file to write; `dbt_models.yaml` in the feature repo if none is given.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DbtListArguments {
    /// The manifest that dbt writes: `target/manifest.json`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) manifest_path: PathBuf,
    /// Only models with this tag.
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Show the columns too.
    #[arg(long)]
    pub(crate) show_columns: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SourceType {
    Bigquery,
    Snowflake,
    File,
}

impl From<SourceType> for DbtSource {
    fn from(kind: SourceType) -> Self {
        match kind {
            SourceType::Bigquery => Self::BigQuery,
            SourceType::Snowflake => Self::Snowflake,
            SourceType::File => Self::File,
        }
    }
}
