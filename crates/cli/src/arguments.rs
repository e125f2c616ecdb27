//! The command line: Feast's verbs and flags, and larder's own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::log_level::{self, LogLevel};
use crate::object_arguments::{
    DeleteArguments, FeatureViewsCommand, FeaturesCommand, ObjectCommand, ProjectsCommand,
};
use larder_core::{Capability, InvalidTimestamp, Timestamp};

/// A feature store that runs on-demand transformations as sandboxed WebAssembly.
#[derive(Debug, Parser)]
#[command(
    name = "larder",
    version,
    propagate_version = true,
    after_help = "Start here:\n  larder demo                    the whole path, from data to a served feature\n  \
                  larder init my_repo            a feature repo to edit\n  larder -c my_repo apply        register its definitions"
)]
pub(crate) struct Arguments {
    /// Switch to this feature repo before anything else.
    #[arg(short = 'c', long = "chdir", value_name = "DIR", env = "FEATURE_REPO_DIR_ENV_VAR", global = true)]
    pub(crate) chdir: Option<PathBuf>,
    /// Read this file instead of `feature_store.yaml`.
    #[arg(short = 'f', long = "feature-store-yaml", value_name = "FILE", env = "FEAST_FS_YAML_FILE_PATH")]
    pub(crate) feature_store_yaml: Option<PathBuf>,
    /// Show log lines of this level and above on stderr: error, warning, info, debug or trace.
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "warning",
        value_parser = log_level::parse,
        global = true
    )]
    pub(crate) log_level: LogLevel,
    /// Show no progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole path, from data to a served on-demand feature.
    Demo(DemoArguments),
    /// Create a feature repo with sample definitions, data and a transformation.
    Init(InitArguments),
    /// Show what apply would change, and change nothing.
    Plan(PlanArguments),
    /// Register the definitions of the feature repo; remove what it no longer defines.
    Apply(ApplyArguments),
    /// Remove all of the project: its online rows and its registry entries.
    Teardown,
    /// Move the newest values of a span of event time into the online store.
    #[command(
        after_help = "Example:\n  larder materialize 2024-01-01T00:00:00 2024-01-10T00:00:00 --views driver_hourly_stats"
    )]
    Materialize(MaterializeArguments),
    /// Move what is new since the last materialization, up to END, into the online store.
    #[command(after_help = "Example:\n  larder materialize-incremental $(date -u +%Y-%m-%dT%H:%M:%S)")]
    MaterializeIncremental(MaterializeIncrementalArguments),
    /// Read the newest features of entities.
    #[command(
        after_help = "Example:\n  larder get-online-features -e driver_id=1001 -e driver_id=1002 -f driver_hourly_stats:conv_rate"
    )]
    GetOnlineFeatures(GetOnlineFeaturesArguments),
    /// Build a training set: features joined to entity rows as of each row's time.
    #[command(
        after_help = "Example:\n  larder get-historical-features --entities trips.parquet -f driver_hourly_stats:conv_rate -o training.parquet"
    )]
    GetHistoricalFeatures(GetHistoricalFeaturesArguments),
    /// Push rows to a push source.
    #[command(
        after_help = "Example:\n  larder push driver_push_source --file rows.ndjson --to online_and_offline"
    )]
    Push(PushArguments),
    /// Write rows of one view to the online store.
    WriteToOnlineStore(WriteToOnlineStoreArguments),
    /// Answer feature requests over HTTP.
    #[command(disable_help_flag = true)]
    Serve(ServeArguments),
    /// List or describe entities.
    Entities(ObjectCommand),
    /// List or describe feature views of all kinds, switch one on or off, see its versions.
    FeatureViews(FeatureViewsCommand),
    /// List or describe on-demand feature views.
    OnDemandFeatureViews(ObjectCommand),
    /// List or describe stream feature views.
    StreamFeatureViews(ObjectCommand),
    /// List or describe label views.
    LabelViews(ObjectCommand),
    /// List or describe feature services.
    FeatureServices(ObjectCommand),
    /// List or describe data sources.
    DataSources(ObjectCommand),
    /// List or describe saved datasets.
    SavedDatasets(ObjectCommand),
    /// List or describe validation references.
    ValidationReferences(ObjectCommand),
    /// List or describe permissions.
    Permissions(ObjectCommand),
    /// List or describe features.
    Features(FeaturesCommand),
    /// List, describe or delete projects.
    Projects(ProjectsCommand),
    /// Remove one object from the registry, with its online rows; while it stays defined, the next apply
    /// brings it back.
    Delete(DeleteArguments),
    /// Print all objects of the project as JSON, sorted by name.
    RegistryDump,
    /// Print what `feature_store.yaml` says, with its variables filled in.
    Configuration,
    /// Say where a server serves the project.
    Endpoint,
    /// Print larder's version, and that of the Feast whose words it speaks.
    Version,
    /// Work on the components of on-demand feature views.
    Udf(UdfCommand),
    /// Run jobs: components that join, materialize, read, push and write.
    Job(JobCommand),
    /// Print the JSON Schema of definition files, for editors.
    DefinitionsSchema,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) of_feast: ValidationFlags,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress; apply shows none anyway.
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// Keep a changed view as a new version, readable as `view@vN`, and leave the old one in use.
    #[arg(long)]
    pub(crate) no_promote: bool,
    #[command(flatten)]
    pub(crate) of_feast: ValidationFlags,
}

/// Flags of Feast that do nothing here, so that its command lines work unchanged.
#[derive(Debug, Args)]
pub(crate) struct ValidationFlags {
    /// No effect: a source without a file is a warning, and stops nothing.
    #[arg(long)]
    pub(crate) skip_source_validation: bool,
    /// No effect: what is wrong with a view is never left out.
    #[arg(long)]
    pub(crate) skip_feature_view_validation: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The folder of the feature repo to create.
    #[arg(long, value_name = "DIR", default_value = "larder-demo")]
    pub(crate) dir: PathBuf,
    /// Keep serving when the demo is over.
    #[arg(long)]
    pub(crate) serve: bool,
    /// Replace what is in the folder without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The port to serve on; 0 takes a free one.
    #[arg(short, long, default_value_t = 6566)]
    pub(crate) port: u16,
    /// The time at which the sample data end; the last full hour by default.
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The folder to create; its name becomes the project's. `feature_repo` where it is left out.
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Write definitions of what Feast has registered: a Feast repo, which stays as it is and gets the
    /// definitions, or a registry file, whose definitions go to DIR.
    #[arg(long, value_name = "PATH", conflicts_with = "as_of")]
    pub(crate) from_feast: Option<PathBuf>,
    /// The project in a registry file that holds several.
    #[arg(long, value_name = "NAME", requires = "from_feast")]
    pub(crate) project: Option<String>,
    /// The time at which the sample data end; the last full hour by default.
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UdfCommand {
    #[command(subcommand)]
    pub(crate) verb: UdfVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UdfVerb {
    /// Give an on-demand view a component: one from Feast that is written in Python, or one without.
    #[command(after_help = "Example:\n  larder udf bind transformed_conv_rate udfs/driver_features.wasm")]
    Bind(BindArguments),
}

#[derive(Debug, Args)]
pub(crate) struct BindArguments {
    /// The on-demand feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,
    /// The component's file.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: PathBuf,
    /// The function in the component; its only one, or the one called as the view, where it is left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) function: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct JobCommand {
    #[command(subcommand)]
    pub(crate) verb: JobVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobVerb {
    /// Run a job to its end: a component's file, or a job of the registry by its name. What it logs goes to
    /// stderr.
    #[command(
        after_help = "Examples:\n  larder job run udfs/keep_online_current.wasm --allow materialize,log -- driver_hourly_stats\n  larder job run nightly"
    )]
    Run(RunJobArguments),
    /// List the jobs of the registry: when they are due and how they last ended.
    List(JobListArguments),
    /// Show the runs of a job, the latest first.
    History(JobHistoryArguments),
}

#[derive(Debug, Args)]
pub(crate) struct JobListArguments {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct JobHistoryArguments {
    /// The job.
    #[arg(value_name = "JOB")]
    pub(crate) job: String,
    /// Print JSON, with the logs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show at most so many runs.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Print the log of the latest run that has one.
    #[arg(long, conflicts_with = "json")]
    pub(crate) log: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunJobArguments {
    /// The component's file, which ends with .wasm, or the name of a job.
    #[arg(value_name = "JOB")]
    pub(crate) job: String,
    /// What the component may do: offline-read, offline-write, materialize, online-read, push, log. Repeat, or
    /// separate by commas. Nothing by default.
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',', value_parser = capability)]
    pub(crate) allow: Vec<Capability>,
    /// The time that the run is for; now, where it is left out. No zone means UTC.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) time: Option<Timestamp>,
    /// What the job is told, after `--`.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
}

fn capability(name: &str) -> Result<Capability, String> {
    Capability::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Capability::ALL.iter().map(|capability| capability.name()).collect();
        format!("there is no such capability; a job can be allowed {}", names.join(", "))
    })
}

#[derive(Debug, Args)]
pub(crate) struct MaterializeArguments {
    /// The earliest event time, included. No zone means UTC.
    #[arg(value_name = "START", required_unless_present = "disable_event_timestamp")]
    pub(crate) start: Option<String>,
    /// The latest event time, included.
    #[arg(value_name = "END", required_unless_present = "disable_event_timestamp")]
    pub(crate) end: Option<String>,
    /// Everything there is, from 1970 to now, instead of START and END; rows keep their event times.
    #[arg(long, conflicts_with_all = ["start", "end"])]
    pub(crate) disable_event_timestamp: bool,
    #[command(flatten)]
    pub(crate) views: ViewsArgument,
}

#[derive(Debug, Args)]
pub(crate) struct MaterializeIncrementalArguments {
    /// The latest event time, included. No zone means UTC.
    #[arg(value_name = "END")]
    pub(crate) end: String,
    #[command(flatten)]
    pub(crate) views: ViewsArgument,
}

#[derive(Debug, Args)]
pub(crate) struct ViewsArgument {
    /// Only these feature views; repeat, or separate by commas.
    #[arg(short = 'v', long = "views", value_name = "VIEW", value_delimiter = ',')]
    pub(crate) views: Vec<String>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SelectionArguments {
    /// A feature as view:feature; repeat for more.
    #[arg(short = 'f', long = "features", value_name = "VIEW:FEATURE", conflicts_with = "feature_service")]
    pub(crate) features: Vec<String>,
    /// All features of this feature service.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) feature_service: Option<String>,
    /// Call feature columns `view__feature`.
    #[arg(long)]
    pub(crate) full_feature_names: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetOnlineFeaturesArguments {
    /// An entity value as `join_key=value`, or request data as `field=value`; repeat a name for more rows.
    #[arg(short = 'e', long = "entities", value_name = "KEY=VALUE", required = true)]
    pub(crate) entities: Vec<String>,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// Print the answer of the HTTP server, with statuses and times.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetHistoricalFeaturesArguments {
    /// The entity rows: a Parquet, CSV or NDJSON file. Without entity rows, every entity that the sources
    /// know as of `--end-date`.
    #[arg(long, value_name = "FILE")]
    pub(crate) entities: Option<PathBuf>,
    /// The entity rows as JSON: a list of objects, or an object of lists.
    #[arg(short = 'd', long, value_name = "JSON", conflicts_with = "entities")]
    pub(crate) dataframe: Option<String>,
    /// Without entity rows: only entities with a row from this time on [default: as far before the end as
    /// the views' ttl reaches, or 30 days].
    #[arg(short, long, value_name = "TIME", value_parser = time, conflicts_with_all = ["entities", "dataframe"])]
    pub(crate) start_date: Option<Timestamp>,
    /// Without entity rows: the time as of which entities are described [default: now].
    #[arg(short, long, value_name = "TIME", value_parser = time, conflicts_with_all = ["entities", "dataframe"])]
    pub(crate) end_date: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// Write the training set to this Parquet, CSV or NDJSON file; a table on the terminal without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Register the written file as a saved dataset of this name.
    #[arg(long, value_name = "NAME", requires = "output")]
    pub(crate) save_as: Option<String>,
    /// With `--save-as`: replace a dataset or file that is there.
    #[arg(long, requires = "save_as")]
    pub(crate) allow_overwrite: bool,
    /// Hide feature rows created after the entity row's time.
    #[arg(long)]
    pub(crate) filter_by_created_timestamp: bool,
    /// Print rows as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

fn time(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    Timestamp::parse(text)
}

#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// The push source.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// The rows: a Parquet, CSV or NDJSON file.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where the rows go.
    #[arg(long, value_enum, default_value_t = PushTarget::Online)]
    pub(crate) to: PushTarget,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PushTarget {
    #[value(name = "online")]
    Online,
    #[value(name = "offline")]
    Offline,
    #[value(name = "online_and_offline")]
    OnlineAndOffline,
}

#[derive(Debug, Args)]
pub(crate) struct WriteToOnlineStoreArguments {
    /// The feature view, or an on-demand feature view that is written to the online store.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,
    /// The rows: a Parquet, CSV or NDJSON file.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The address to listen on.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 6566)]
    pub(crate) port: u16,
    /// Seconds after which definitions applied by another process are seen.
    #[arg(short = 'r', long = "registry_ttl_sec", value_name = "SECONDS", default_value_t = 1)]
    pub(crate) registry_ttl_seconds: u64,
    /// Answer with Prometheus metrics on a port of their own; `feature_server.metrics.enabled` does the same.
    #[arg(short, long)]
    pub(crate) metrics: bool,
    /// The port for metrics; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub(crate) metrics_port: u16,
    /// Seconds after which an idle connection is closed.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) keep_alive_timeout: u64,
    /// The protocol.
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = ["http"], default_value = "http")]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) of_feast: FlagsOfFeast,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

/// Flags of `feast serve` that do nothing here, so that its command lines work unchanged.
#[derive(Debug, Args)]
pub(crate) struct FlagsOfFeast {
    /// No effect: one process serves with all processors.
    #[arg(short, long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) workers: Option<i64>,
    /// No effect: connections are not limited by process.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) worker_connections: Option<u64>,
    /// No effect: the process is not replaced after some requests.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_requests: Option<u64>,
    /// No effect: as `--max-requests`.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_requests_jitter: Option<u64>,
    /// There is no access log; `--log-level debug` shows requests that were refused.
    #[arg(long)]
    pub(crate) no_access_log: bool,
    /// Refused: larder serves plain HTTP. Put a proxy that ends TLS before it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Refused: as `--key`.
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
}
