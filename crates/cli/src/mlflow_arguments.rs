//! The arguments of `larder mlflow`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct MlflowCommand {
    #[command(subcommand)]
    pub(crate) verb: MlflowVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MlflowVerb {
    /// Take the records of a dataset over into a feature view: online, and into the source that keeps its history.
    #[command(
        after_help = "Examples:\n  larder mlflow sync-dataset                              all views that read a dataset\n  \
                      larder mlflow sync-dataset --feature-view answers --full-refresh"
    )]
    SyncDataset(SyncDatasetArguments),
    /// Show the first rows that the records of a dataset become.
    #[command(after_help = "Example:\n  larder mlflow preview-dataset --source evaluations --limit 3")]
    PreviewDataset(PreviewDatasetArguments),
    /// Look whether the table of a feature view can be read, and has what the view needs.
    #[command(after_help = "Example:\n  larder mlflow validate-source answers")]
    ValidateSource(ValidateSourceArguments),
    /// List the feature views that read tables of MLflow.
    ListSources(ListSourcesArguments),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are Feast's flags, two of them with their opposites")]
pub(crate) struct SyncDatasetArguments {
    /// The feature view or label view; all that read a dataset, where it is left out.
    #[arg(long, value_name = "VIEW")]
    pub(crate) feature_view: Option<String>,
    /// The name of a dataset, instead of the one that the view's source names.
    #[arg(long, value_name = "DATASET", requires = "feature_view")]
    pub(crate) source: Option<String>,
    /// Take all records over, and not only what is new since the last time.
    #[arg(long, overrides_with = "incremental")]
    pub(crate) full_refresh: bool,
    /// Take over what is new since the last time; so it is anyway.
    #[arg(long)]
    pub(crate) incremental: bool,
    /// A JSON file that names columns: path in a record to name.
    #[arg(long, value_name = "FILE", requires = "feature_view")]
    pub(crate) field_mapping: Option<PathBuf>,
    /// How many rows are written at a time [default: as `feature_store.yaml` says, or 10000].
    #[arg(long, value_name = "ROWS")]
    pub(crate) batch_size: Option<NonZeroUsize>,
    /// Fetch and count, and write nothing.
    #[arg(long, overrides_with = "no_dry_run")]
    pub(crate) dry_run: bool,
    /// Write; so it is anyway.
    #[arg(long)]
    pub(crate) no_dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PreviewDatasetArguments {
    /// The name of the dataset.
    #[arg(long, value_name = "DATASET")]
    pub(crate) source: String,
    /// How many rows to show.
    #[arg(long, value_name = "ROWS", default_value_t = 5)]
    pub(crate) limit: usize,
    /// A JSON file that names columns: path in a record to name.
    #[arg(long, value_name = "FILE")]
    pub(crate) field_mapping: Option<PathBuf>,
    /// Print the rows as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateSourceArguments {
    /// The feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) feature_view: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListSourcesArguments {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
