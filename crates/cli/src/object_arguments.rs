//! The arguments of the verbs on objects of the registry.

use clap::{Args, Subcommand, ValueEnum};
use larder::FeatureViewState;

#[derive(Debug, Args)]
pub(crate) struct ObjectCommand {
    #[command(subcommand)]
    pub(crate) verb: ObjectVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ObjectVerb {
    /// List all.
    List(ListArguments),
    /// Print one, as YAML.
    Describe(DescribeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only those with this tag, or with all of several separated by commas; repeat to require more.
    #[arg(long, value_name = "KEY:VALUE")]
    pub(crate) tags: Vec<String>,
    /// Only those that this person or team answers for.
    #[arg(long, value_name = "OWNER")]
    pub(crate) owner: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArguments {
    /// Its name.
    pub(crate) name: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FeatureViewsCommand {
    #[command(subcommand)]
    pub(crate) verb: FeatureViewVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeatureViewVerb {
    #[command(flatten)]
    Object(ObjectVerb),
    /// Serve and materialize a view again.
    Enable {
        /// The view.
        name: String,
    },
    /// Neither serve nor materialize a view, until its next change of definition or `enable`.
    Disable {
        /// The view.
        name: String,
    },
    /// Say how far the values of a view have come.
    SetState {
        /// The view.
        name: String,
        /// The state.
        #[arg(value_enum, ignore_case = true)]
        state: State,
    },
    /// List the versions of a view.
    ListVersions {
        /// The view.
        name: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum State {
    #[value(name = "CREATED")]
    Created,
    #[value(name = "GENERATED")]
    Generated,
    #[value(name = "MATERIALIZING")]
    Materializing,
    #[value(name = "AVAILABLE_ONLINE")]
    AvailableOnline,
}

impl From<State> for FeatureViewState {
    fn from(state: State) -> Self {
        match state {
            State::Created => Self::Created,
            State::Generated => Self::Generated,
            State::Materializing => Self::Materializing,
            State::AvailableOnline => Self::AvailableOnline,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct FeaturesCommand {
    #[command(subcommand)]
    pub(crate) verb: FeatureVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeatureVerb {
    /// List all features of all views.
    List {
        /// The form.
        #[arg(long, value_enum, ignore_case = true, default_value_t = Output::Table)]
        output: Output,
        /// The same as `--output json`.
        #[arg(long)]
        json: bool,
    },
    /// Print the features of a name, of whatever view, as JSON.
    Describe {
        /// The feature's name.
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct PermissionsCommand {
    #[command(subcommand)]
    pub(crate) verb: PermissionVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PermissionVerb {
    /// List all.
    List {
        #[command(flatten)]
        list: ListArguments,
        /// Say which objects each is about, as a tree. `--tags` then counts for the objects too.
        #[arg(short, long)]
        verbose: bool,
    },
    /// Print one, as YAML.
    Describe(DescribeArguments),
    /// Say which objects, and which actions with them, no permission is about.
    Check {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the roles that permissions name.
    ListRoles {
        /// Say what each role may do with each object.
        #[arg(short, long)]
        verbose: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProjectsCommand {
    #[command(subcommand)]
    pub(crate) verb: ProjectVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectVerb {
    #[command(flatten)]
    Object(ObjectVerb),
    /// Print the project of this feature repo, as YAML.
    #[command(name = "current_project")]
    CurrentProject {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove a project with all its objects from the registry.
    Delete {
        /// The project.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// The object's name. Of objects of one name: the entity first, then the view, service, source, saved
    /// dataset and validation reference.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}
