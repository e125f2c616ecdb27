//! The command line: Feast's verbs and flags, and larder's own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::dbt_arguments::DbtCommand;
use crate::log_level::{self, LogLevel};
use crate::mlflow_arguments::MlflowCommand;
use crate::object_arguments::{
    DeleteArguments, FeatureViewsCommand, FeaturesCommand, ObjectCommand, PermissionsCommand, ProjectsCommand,
};
use crate::server_arguments::{
    ListenArguments, McpArguments, ServeArguments, ServeLineageArguments, ServeOfflineArguments,
    ServeRegistryArguments, ServeTransformationsArguments, UiArguments,
};
use crate::udf_arguments::{BenchArguments, InspectArguments, RecordArguments, RunArguments, TestArguments};
use larder_core::{Capability, Date, InvalidTimestamp, Timestamp};

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
    /// Write Jupyter notebooks that show the project at work.
    #[command(
        after_help = "Examples:\n  larder -c my_repo demo-notebooks\n  larder -c my_repo demo-notebooks -o notebooks --overwrite\n\n\
                      Each project has a folder there: what it is made of, training sets, serving, and the same from \
                      Feast's Python client. A cell runs the `larder` that wrote it, or the one that the variable \
                      LARDER names."
    )]
    DemoNotebooks(DemoNotebooksArguments),
    /// Create a feature repo with sample definitions, data and a transformation.
    Init(InitArguments),
    /// Show what apply would change, test components that would be new, and change nothing.
    Plan(PlanArguments),
    /// Register the definitions of the feature repo; remove what it no longer defines.
    Apply(ApplyArguments),
    /// Remove all of the project: its online rows and its registry entries.
    Teardown,
    /// Move the newest values of a span of event time into the online store.
    #[command(
        disable_version_flag = true,
        after_help = "Example:\n  larder materialize 2024-01-01T00:00:00 2024-01-10T00:00:00 --views driver_hourly_stats"
    )]
    Materialize(MaterializeArguments),
    /// Move what is new since the last materialization, up to END, into the online store.
    #[command(
        disable_version_flag = true,
        after_help = "Example:\n  larder materialize-incremental $(date -u +%Y-%m-%dT%H:%M:%S)"
    )]
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
    /// Compare what was logged of a feature service with the dataset of a validation reference.
    #[command(
        after_help = "Example:\n  larder validate -f driver_activity -r expected_activity 2024-01-01 2024-01-08"
    )]
    Validate(ValidateArguments),
    /// Push rows to a push source.
    #[command(
        after_help = "Example:\n  larder push driver_push_source --file rows.ndjson --to online_and_offline"
    )]
    Push(PushArguments),
    /// Write rows of one view to the online store.
    WriteToOnlineStore(WriteToOnlineStoreArguments),
    /// Serve training sets and history over Arrow Flight, to Feast's client with `offline_store: {type: remote}`.
    #[command(
        name = "serve_offline",
        disable_help_flag = true,
        after_help = "Examples:\n  larder serve_offline -p 8815\n  larder serve_offline -h 0.0.0.0 --cert cert.pem --key key.pem\n\n\
                      A client's feature_store.yaml:\n  offline_store: {type: remote, host: localhost, port: 8815}"
    )]
    ServeOffline(ServeOfflineArguments),
    /// Keep the events of OpenLineage's producers, and tell over HTTP what feeds what.
    ///
    /// `openlineage: {consumer: {enabled: true}}` in the settings of the repo asks for it; `serve_registry --rest-api` then has
    /// the same routes.
    #[command(
        name = "serve_lineage",
        disable_help_flag = true,
        after_help = "Examples:\n  larder serve_lineage -p 6580\n  OPENLINEAGE_URL=http://localhost:6580 airflow standalone\n\n\
                      feature_store.yaml, so that larder and Feast tell it what they do:\n  openlineage: {enabled: true, \
                      transport_type: http, transport_url: 'http://localhost:6580'}"
    )]
    ServeLineage(ServeLineageArguments),
    /// Answer feature requests over HTTP.
    #[command(disable_help_flag = true)]
    Serve(ServeArguments),
    /// Answer feature requests and take rows over gRPC.
    #[command(
        after_help = "Example:\n  larder listen --address localhost:50051\n\nA store of sled has room for one server: `larder serve --grpc \
                      localhost:50051` answers over HTTP and gRPC in one."
    )]
    Listen(ListenArguments),
    /// Apply on-demand feature views for Feast's servers in Go and Java, over gRPC.
    #[command(
        name = "serve_transformations",
        disable_help_flag = true,
        after_help = "Example:\n  larder serve_transformations --port 6569"
    )]
    ServeTransformations(ServeTransformationsArguments),
    /// Offer the project as tools of the Model Context Protocol to a program that starts this command.
    #[command(
        after_help = "For the configuration of such a program:\n  {\"command\": \"larder\", \"args\": [\"-c\", \"/path/to/repo\", \"mcp\"]}"
    )]
    Mcp(McpArguments),
    /// Let clients read and change the registry, Feast's over gRPC and others over REST.
    #[command(
        name = "serve_registry",
        disable_help_flag = true,
        after_help = "Examples:\n  larder serve_registry\n  larder serve_registry -h 0.0.0.0 -p 6570 -k key.pem --cert \
                      cert.pem\n  larder serve_registry --no-grpc --rest-api --rest-port 6572\n  curl \
                      'localhost:6572/api/v1/feature_views?project=my_project'\n\nA client's feature_store.yaml then says:\n  \
                      registry: {registry_type: remote, path: \
                      'localhost:6570'}\nand with a certificate also `cert: cert.pem` under `registry`. Everybody who \
                      reaches a port may change the registry, unless `auth` says otherwise."
    )]
    ServeRegistry(ServeRegistryArguments),
    /// Show the registry as a web page, to read.
    #[command(
        disable_help_flag = true,
        after_help = "Examples:\n  larder ui\n  larder ui -p 9000\n  larder ui -h 0.0.0.0 -k key.pem --cert cert.pem\n\nOpen \
                      http://127.0.0.1:8888 then. A page about one view is at /p/PROJECT/feature-view/NAME, and the \
                      routes behind the page are those of `serve_registry --rest-api`, under /api/v1."
    )]
    Ui(UiArguments),
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
    /// List or describe permissions, see what they leave open and what each role may do.
    Permissions(PermissionsCommand),
    /// List or describe features.
    Features(FeaturesCommand),
    /// List, describe or delete projects.
    Projects(ProjectsCommand),
    /// Remove one object from the registry, with its online rows; while it stays defined, the next apply
    /// brings it back.
    Delete(DeleteArguments),
    /// Print all objects of the project as JSON, sorted by name.
    RegistryDump,
    /// Prepare a registry in a database, which larder's is not.
    #[command(hide = true)]
    Registry(RegistryCommand),
    /// Print what `feature_store.yaml` says, with its variables filled in.
    Configuration,
    /// Say where a server serves the project.
    Endpoint,
    /// Print larder's version, and that of the Feast whose words it speaks.
    Version,
    /// Work on the components of on-demand feature views.
    Udf(UdfCommand),
    /// Read datasets and artifacts of MLflow as sources of feature views.
    Mlflow(MlflowCommand),
    /// Make definitions of the models of a dbt project.
    Dbt(DbtCommand),
    /// Run jobs: components that join, materialize, read, push and write.
    Job(JobCommand),
    /// Look at what the values of features are like.
    Monitor(MonitorCommand),
    /// Print the JSON Schema of definition files, for editors.
    DefinitionsSchema,
}

#[derive(Debug, Args)]
pub(crate) struct RegistryCommand {
    #[command(subcommand)]
    pub(crate) verb: RegistryVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryVerb {
    /// Make the tables of a registry in a database; for a file there is nothing to make.
    CreateSchema,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not run the tests (`*.test.yaml`) of components that would be new.
    #[arg(long)]
    pub(crate) skip_udf_tests: bool,
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
pub(crate) struct DemoNotebooksArguments {
    /// The folder to write to.
    #[arg(short, long, value_name = "DIR", default_value = "./feast-demo-notebooks")]
    pub(crate) output_dir: PathBuf,
    /// Replace notebooks that are there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// The time as of which the notebooks ask for features, for data that end in the past; the time of the call by
    /// default.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) as_of: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The folder to create; its name becomes the project's. `feature_repo` where it is left out.
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The sample repo to begin with: of Feast's templates `local` and `pytorch_nlp` are here.
    #[arg(short, long, value_name = "TEMPLATE", value_parser = template, conflicts_with = "from_feast")]
    pub(crate) template: Option<Template>,
    /// Create a repo without definitions and data.
    #[arg(short, long, conflicts_with_all = ["from_feast", "template", "as_of"])]
    pub(crate) minimal: bool,
    /// The folder to create the repo in, itself and not a subfolder; DIR then only names the project.
    #[arg(long, value_name = "PATH", conflicts_with = "from_feast")]
    pub(crate) repo_path: Option<PathBuf>,
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

/// A repo to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// Rides, on this machine.
    Local,
    /// Moods of texts, likewise.
    PytorchNlp,
}

/// Templates of Feast's whose stores or engines larder does not have.
const TEMPLATES_OF_FEAST: [&str; 13] = [
    "gcp",
    "aws",
    "snowflake",
    "spark",
    "postgres",
    "hbase",
    "cassandra",
    "hazelcast",
    "couchbase",
    "milvus",
    "ray",
    "ray_rag",
    "rag",
];

fn template(text: &str) -> Result<Template, String> {
    let name = text.to_ascii_lowercase();
    match name.as_str() {
        "local" => return Ok(Template::Local),
        "pytorch_nlp" => return Ok(Template::PytorchNlp),
        _ => {}
    }
    let what = if TEMPLATES_OF_FEAST.contains(&name.as_str()) {
        format!("Feast's template `{name}` rests on what larder does not have yet")
    } else {
        format!("there is no template `{name}`")
    };
    Err(format!("{what}; use `local` or `pytorch_nlp`, or `--minimal` for a repo without definitions"))
}

#[derive(Debug, Args)]
pub(crate) struct UdfCommand {
    #[command(subcommand)]
    pub(crate) verb: UdfVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UdfVerb {
    /// Start a transformation: a folder with two sample functions, their tests, and all that is needed to build them.
    #[command(after_help = "Example:\n  larder udf new udfs/my_features --lang python")]
    New(NewUdfArguments),
    /// Build the component of such a folder, and check it as `apply` does.
    #[command(after_help = "Example:\n  larder udf build udfs/my_features\n\n\
                            The component is written into the folder, under its name. Exit code 3 says that a \
                            tool is missing,\nand the message how to get it.")]
    Build(BuildUdfArguments),
    /// Give an on-demand view a component: one from Feast that is written in Python, or one without.
    #[command(after_help = "Example:\n  larder udf bind transformed_conv_rate udfs/driver_features.wasm")]
    Bind(BindArguments),
    /// Put an on-demand view back to the component it had before, until the next apply.
    #[command(after_help = "Example:\n  larder udf rollback transformed_conv_rate")]
    Rollback(RollbackArguments),
    /// Show the components that an on-demand view had, version by version.
    #[command(after_help = "Example:\n  larder udf history transformed_conv_rate")]
    History(HistoryArguments),
    /// Say what a component takes and gives, and whether larder accepts it.
    #[command(after_help = "Example:\n  larder udf inspect udfs/driver_features.wasm")]
    Inspect(InspectArguments),
    /// Put rows through a function, and show what it makes of them and what that costs.
    #[command(
        after_help = "Example:\n  larder udf run udfs/driver_features.wasm --function driver_quality --input rows.csv"
    )]
    Run(RunArguments),
    /// Measure calls of 1 to 65,536 rows.
    #[command(
        after_help = "Example:\n  larder udf bench udfs/driver_features.wasm --function driver_quality"
    )]
    Bench(BenchArguments),
    /// Run the cases of `*.test.yaml` files, and check over generated rows what holds for every pure function.
    #[command(
        after_help = "Examples:\n  larder udf test                                all tests of the feature repo\n  \
                      larder udf test udfs/my_features               those of a folder of `larder udf new`\n  \
                      larder udf test udfs/driver_features.wasm      a component without a test file"
    )]
    Test(TestArguments),
    /// Print the JSON Schema of test files, for editors.
    TestSchema,
    /// Make a case of the next rows that a running server computes for a view.
    #[command(after_help = "Example, beside `larder serve --recording`:\n  \
                      larder udf record transformed_conv_rate --rows 20 --redact val_to_add -o udfs/recorded.test.yaml")]
    Record(RecordArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// The on-demand feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,
    /// The version to go back to, such as `v3`; the last one with another component, where it is left out.
    #[arg(long, value_name = "VERSION", value_parser = version_number)]
    pub(crate) to: Option<u32>,
}

/// Reads `v3` or `3`.
fn version_number(text: &str) -> Result<u32, String> {
    let number = text.strip_prefix('v').unwrap_or(text);
    number.parse().map_err(|_| "a version is written `v3`; `larder udf history VIEW` shows them".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The on-demand feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,
}

#[derive(Debug, Args)]
pub(crate) struct NewUdfArguments {
    /// The folder to create; its name is that of the component.
    #[arg(value_name = "NAME")]
    pub(crate) path: PathBuf,
    /// The language of the functions.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Language,
}

/// A language of transformations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    #[value(name = "rust")]
    Rust,
    #[value(name = "python")]
    Python,
    #[value(name = "js", alias = "javascript")]
    Js,
    #[value(name = "c")]
    C,
}

#[derive(Debug, Args)]
pub(crate) struct BuildUdfArguments {
    /// The folder of the transformation.
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,
    /// Write the component to this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Install what is missing, as the message says that would be shown without: into the folder for Python and
    /// JavaScript, through rustup for Rust.
    #[arg(long)]
    pub(crate) install: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
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
pub(crate) struct MonitorCommand {
    #[command(subcommand)]
    pub(crate) verb: MonitorVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MonitorVerb {
    /// Compute metrics of features and keep them in the feature repo: nulls, means, quantiles, histograms,
    /// the most frequent texts.
    ///
    /// Without dates and granularity, metrics of every granularity are computed up to the newest row, and baselines of
    /// features that have none.
    #[command(
        after_help = "Examples:\n  larder monitor run\n  larder monitor run -v driver_hourly_stats --start-date 2024-01-01 --end-date 2024-01-07 -g weekly\n  \
                      larder monitor run --source-type log -s driver_activity"
    )]
    Run(MonitorRunArguments),
}

#[derive(Debug, Args)]
pub(crate) struct MonitorRunArguments {
    /// The project; that of the feature repo, without it.
    #[arg(short, long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// The feature view; all, without it.
    #[arg(short = 'v', long, value_name = "VIEW")]
    pub(crate) feature_view: Option<String>,
    /// A feature. Repeat for more; all, without it.
    #[arg(short = 'f', long, value_name = "FEATURE")]
    pub(crate) feature_name: Vec<String>,
    /// The first day; the day before the last, without it.
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub(crate) start_date: Option<Date>,
    /// The last day, included; today, without it.
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub(crate) end_date: Option<Date>,
    /// Under which granularity metrics of given days are kept; daily, without it.
    #[arg(short, long, value_enum, value_name = "GRANULARITY")]
    pub(crate) granularity: Option<GranularityArgument>,
    /// Compare later metrics with these. Without days, of all rows, for features that have no baseline.
    #[arg(long)]
    pub(crate) set_baseline: bool,
    /// The feature service whose log is read; all that are logged, without it.
    #[arg(short = 's', long, value_name = "SERVICE")]
    pub(crate) feature_service: Option<String>,
    /// What is looked at: the sources of views, what was served of services, or both.
    #[arg(long, value_enum, default_value_t = SourceType::Batch)]
    pub(crate) source_type: SourceType,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Feast's words for spans of time.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GranularityArgument {
    Daily,
    Weekly,
    Biweekly,
    Monthly,
    Quarterly,
}

/// Where the values lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceType {
    Batch,
    Log,
    All,
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
    /// What the component may do: offline-read, offline-write, materialize, online-read, push, log, transform. Repeat, or
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
    /// The version of the view, such as v2, whose online rows are meant; needs `--views` with one view, and
    /// `enable_online_feature_view_versioning` under `registry` in `feature_store.yaml`.
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) version: Option<String>,
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
    /// Compare the training set with the dataset of this validation reference, and give nothing if it differs
    /// too much.
    #[arg(long, value_name = "REFERENCE", conflicts_with = "save_as")]
    pub(crate) validate: Option<String>,
    /// Print rows as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// The feature service.
    #[arg(short = 'f', long, value_name = "SERVICE")]
    pub(crate) feature_service: String,
    /// The validation reference.
    #[arg(short, long, value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Measure the dataset anew, and do not keep what is found.
    #[arg(long)]
    pub(crate) no_profile_cache: bool,
    /// The earliest time of an answer, included. No zone means UTC.
    #[arg(value_name = "START", value_parser = time)]
    pub(crate) start: Timestamp,
    /// The latest time of an answer, included.
    #[arg(value_name = "END", value_parser = time)]
    pub(crate) end: Timestamp,
    /// Print the report as JSON.
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
