//! The commands, one file each.

mod apply;
mod dbt;
mod delete;
mod demo;
mod demo_notebooks;
mod feature_views;
mod features;
mod get_historical_features;
mod get_online_features;
mod init;
mod job;
mod listen;
mod materialize;
mod mcp;
mod mlflow;
mod monitor;
mod objects;
mod permissions;
mod project;
mod projects;
mod push;
mod serve;
mod serve_lineage;
mod serve_offline;
mod serve_registry;
mod teardown;
pub(crate) mod udf;
mod ui;
mod validate;

use anyhow::{Result, bail};
use larder::{FeatureStore, ObjectKind, Selection};

use crate::arguments::{Arguments, Command, SelectionArguments};
use crate::repo::Repo;

/// Carries out the command line.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let quiet = arguments.quiet;
    let repo = || Repo::find(&arguments);
    match &arguments.command {
        Command::Demo(demo) => demo::run(demo, quiet).await,
        Command::DemoNotebooks(own) => demo_notebooks::run(&arguments, own).await,
        Command::Init(init) => init::run(init).await,
        Command::DefinitionsSchema => objects::print_definitions_schema(),
        Command::Plan(plan) => apply::plan(&repo()?, plan).await,
        Command::Apply(apply) => apply::apply(&repo()?, apply).await,
        Command::Teardown => teardown::run(&repo()?).await,
        Command::Materialize(materialize) => materialize::between(&repo()?, materialize, quiet).await,
        Command::MaterializeIncremental(materialize) => {
            materialize::incremental(&repo()?, materialize, quiet).await
        }
        Command::GetOnlineFeatures(get) => get_online_features::run(&repo()?, get).await,
        Command::GetHistoricalFeatures(get) => get_historical_features::run(&repo()?, get).await,
        Command::Validate(validate) => validate::run(&repo()?, validate).await,
        Command::Push(push) => push::push(&repo()?, push).await,
        Command::WriteToOnlineStore(write) => push::write_to_online_store(&repo()?, write).await,
        Command::ServeOffline(serve) => serve_offline::run(&repo()?, serve).await,
        Command::ServeLineage(serve) => serve_lineage::run(&repo()?, serve).await,
        Command::Serve(serve) => serve::run(&repo()?, serve).await,
        Command::Listen(arguments) => listen::run(&repo()?, arguments).await,
        Command::ServeTransformations(arguments) => listen::transformations(&repo()?, arguments).await,
        Command::Mcp(arguments) => mcp::run(&repo()?, arguments).await,
        Command::Mlflow(command) => mlflow::run(&repo()?, &command.verb).await,
        Command::Dbt(command) => dbt::run(repo, &command.verb),
        Command::ServeRegistry(serve) => serve_registry::run(&repo()?, serve).await,
        Command::Ui(ui) => ui::run(&repo()?, ui).await,
        Command::Udf(command) => udf::run(repo, &command.verb, quiet).await,
        Command::Job(command) => job::run(&repo()?, &command.verb, quiet).await,
        Command::Monitor(command) => monitor::run(&repo()?, &command.verb).await,
        Command::Entities(command) => objects::run(&repo()?, ObjectKind::Entity, &command.verb).await,
        Command::FeatureViews(command) => feature_views::run(&repo()?, &command.verb).await,
        Command::OnDemandFeatureViews(command) => {
            objects::run(&repo()?, ObjectKind::OnDemandFeatureView, &command.verb).await
        }
        Command::StreamFeatureViews(command) => {
            objects::run(&repo()?, ObjectKind::StreamFeatureView, &command.verb).await
        }
        Command::LabelViews(command) => objects::run(&repo()?, ObjectKind::LabelView, &command.verb).await,
        Command::FeatureServices(command) => {
            objects::run(&repo()?, ObjectKind::FeatureService, &command.verb).await
        }
        Command::DataSources(command) => objects::run(&repo()?, ObjectKind::DataSource, &command.verb).await,
        Command::SavedDatasets(command) => {
            objects::run(&repo()?, ObjectKind::SavedDataset, &command.verb).await
        }
        Command::ValidationReferences(command) => {
            objects::run(&repo()?, ObjectKind::ValidationReference, &command.verb).await
        }
        Command::Permissions(command) => permissions::run(&repo()?, &command.verb).await,
        Command::Features(command) => features::run(&repo()?, &command.verb).await,
        Command::Projects(command) => projects::run(&repo()?, &command.verb).await,
        Command::Delete(delete) => delete::run(&repo()?, &delete.name).await,
        Command::RegistryDump => project::registry_dump(&repo()?).await,
        Command::Registry(command) => project::registry(&repo()?, &command.verb),
        Command::Configuration => project::configuration(&repo()?),
        Command::Endpoint => project::endpoint(&repo()?).await,
        Command::Version => {
            project::version();
            Ok(())
        }
    }
}

/// How the user called this program, for commands that are shown to be copied.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "larder".to_owned())
}

/// Says that MLflow does not hear of what a server serves, where its configuration asks for that.
fn remark_on_mlflow(store: &FeatureStore) {
    let mlflow = &store.config().mlflow;
    if mlflow.enabled && mlflow.auto_log {
        eprintln!(
            "note: MLflow is not told what a server serves, since that belongs to no run; `get-historical-features` tells \
             the run that the variable MLFLOW_RUN_ID names. `auto_log: false` under `mlflow` leaves both out"
        );
    }
}

impl SelectionArguments {
    /// The features asked for.
    fn selection(&self) -> Result<Selection> {
        match &self.feature_service {
            Some(service) => Ok(Selection::Service(service.clone())),
            None if self.features.is_empty() => {
                bail!(
                    "no features asked for; name some with `-f view:feature` or a service with `--feature-service SERVICE`"
                )
            }
            None => Ok(Selection::References(self.features.clone())),
        }
    }
}
