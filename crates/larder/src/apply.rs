//! Plan, apply and teardown: the registry follows the definitions, the online store follows the registry.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use larder_core::{ComponentDigest, Job, RequestError, Result, Timestamp};
use larder_online::OnlineError;
use larder_registry::{
    Action, ApplyOptions, ChainLink, Definitions, FeatureRepo, ObjectChange, ObjectKind, OnlineStoreConfig,
    Problem, RegistryDiff, RegistrySnapshot, TableChange,
};
use serde_json::{Value, json};

use crate::FeatureStore;
use crate::online_changes::OnlineChanges;

/// What an apply has changed, or a plan would. Displays as Feast prints it.
#[derive(Clone, Debug)]
pub struct ApplyOutcome {
    /// The changes of the registry.
    pub diff: RegistryDiff,
    /// The changes of jobs, which lie beside the registry.
    pub jobs: Vec<JobChange>,
    /// Remarks on the definitions that stop nothing.
    pub warnings: Vec<Problem>,
    /// The components of on-demand views that no registered view had before: new ones, and changed ones.
    pub new_components: BTreeSet<ComponentDigest>,
    /// Who reads whom among the on-demand views, inner ones first; empty where none reads another.
    pub chains: Vec<ChainLink>,
    /// The views that are kept online and whose rows were computed by an earlier function, because they or an
    /// on-demand view that they read are computed in another way now. The rows stay until the view is
    /// materialized or written again.
    pub outdated_views: Vec<String>,
    online_store: &'static str,
}

/// The change of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobChange {
    /// The job.
    pub name: String,
    /// `create`, `update` or `delete`.
    pub action: &'static str,
}

impl fmt::Display for JobChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match self.action {
            "create" => "Created",
            "update" => "Updated",
            _ => "Deleted",
        };
        write!(f, "{done} job {}", self.name)
    }
}

/// What becomes of jobs, by name.
fn job_changes(before: &[Job], after: &[Job]) -> Vec<JobChange> {
    let change = |job: &Job, action| JobChange { name: job.name.clone(), action };
    let find = |jobs: &[Job], name: &str| jobs.iter().find(|job| job.name == name).cloned();
    let changed = after.iter().filter_map(|job| match find(before, &job.name) {
        None => Some(change(job, "create")),
        Some(known) => (known != *job).then(|| change(job, "update")),
    });
    let gone = before.iter().filter(|job| find(after, &job.name).is_none()).map(|job| change(job, "delete"));
    let mut changes: Vec<JobChange> = changed.chain(gone).collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

impl fmt::Display for ApplyOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.jobs.iter().try_for_each(|change| writeln!(f, "{change}"))?;
        writeln!(f, "{}", self.diff)?;
        writeln!(f, "{}", self.diff.infrastructure(self.online_store).trim_end())
    }
}

impl ApplyOutcome {
    /// The graph of on-demand views that read each other, a line for each: `stats, base -> top`. Empty where
    /// none reads another.
    pub fn chains_text(&self) -> String {
        let line = |link: &ChainLink| format!("{} -> {}\n", link.sources.join(", "), link.view);
        self.chains.iter().map(line).collect()
    }

    /// The changes as JSON: `{"registry": [{"kind", "name", "action", "properties"}], "jobs": […], "online": […]}`,
    /// and the
    /// graph of on-demand views that read each other: `"chains": [{"view", "sources", "feeds"}]`.
    pub fn to_json(&self) -> Value {
        let change = |change: &ObjectChange| {
            let (action, properties) = match &change.action {
                Action::Create => ("create", Vec::new()),
                Action::Update(properties) => ("update", properties.clone()),
                Action::Delete => ("delete", Vec::new()),
            };
            let properties: Vec<Value> = properties
                .iter()
                .map(|property| json!({"name": property.property, "before": property.before, "after": property.after}))
                .collect();
            json!({"kind": change.kind.noun(), "name": change.name, "action": action, "properties": properties})
        };
        let table = |table: &TableChange| json!({"view": table.view, "action": if table.created { "create" } else { "delete" }});
        let chain =
            |link: &ChainLink| json!({"view": link.view, "sources": link.sources, "feeds": link.feeds});
        json!({
            "registry": self.diff.changes.iter().map(change).collect::<Vec<_>>(),
            "jobs": self.jobs.iter().map(|job| json!({"name": job.name, "action": job.action})).collect::<Vec<_>>(),
            "online": self.diff.tables.iter().map(table).collect::<Vec<_>>(),
            "chains": self.chains.iter().map(chain).collect::<Vec<_>>(),
        })
    }
}

/// What a teardown has removed. Displays as Feast prints it.
#[derive(Clone, Debug)]
pub struct TeardownOutcome {
    project: String,
    online_store: &'static str,
    views: BTreeSet<String>,
}

impl fmt::Display for TeardownOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, online_store, views } = self;
        views.iter().try_for_each(|view| writeln!(f, "Deleted {online_store} table {project}_{view}"))
    }
}

impl FeatureStore {
    /// What [`apply`](Self::apply) would change.
    ///
    /// # Errors
    ///
    /// [`Problems`](larder_registry::Problems): everything that is wrong with the definitions, each with
    /// its place; [`RequestError::Other`] if there is no file of definitions while views are registered; else as the
    /// registry.
    pub async fn plan(&self) -> Result<ApplyOutcome> {
        let before = self.refresh().await?;
        let definitions = self.definitions(before.snapshot()).await?;
        let new_components = new_components(&definitions, before.snapshot());
        let (registry, warnings) = (Arc::clone(self.registry()), definitions.warnings.clone());
        let after = definitions.snapshot(Timestamp::EPOCH);
        let plan = move || {
            let jobs = job_changes(&registry.jobs(&definitions.project.name)?, &definitions.jobs);
            Ok((registry.plan(&definitions)?, jobs))
        };
        let (diff, jobs) = larder_blocking::run(plan).await?;
        Ok(ApplyOutcome { new_components, ..self.outcome(diff, jobs, warnings, &after) })
    }

    /// Makes the registry hold exactly what the repo defines, and removes online rows that no longer
    /// count: those of views that are gone or changed in source or join keys. A store that others may
    /// write as well keeps the rows it has of a new view; another one removes what has been left of an
    /// earlier view of that name.
    ///
    /// Where a server holds the online store, it does that removal when it sees the change.
    ///
    /// # Errors
    ///
    /// As [`plan`](Self::plan), and as the online store.
    pub async fn apply(&self) -> Result<ApplyOutcome> {
        self.apply_with(ApplyOptions::default()).await
    }

    /// As [`apply`](Self::apply), in the way that `options` say.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub async fn apply_with(&self, options: ApplyOptions) -> Result<ApplyOutcome> {
        let before = self.refresh().await?;
        let definitions = self.definitions(before.snapshot()).await?;
        let new_components = new_components(&definitions, before.snapshot());
        let (registry, warnings) = (Arc::clone(self.registry()), definitions.warnings.clone());
        let apply = move || {
            let jobs = job_changes(&registry.jobs(&definitions.project.name)?, &definitions.jobs);
            Ok((registry.apply_with(&definitions, options)?, jobs))
        };
        let (diff, jobs) = larder_blocking::run(apply).await?;
        let after = self.refresh().await?;
        self.follow_registry(before.snapshot(), after.snapshot()).await?;
        self.tell_of_definitions(after.snapshot());
        let outcome = ApplyOutcome { new_components, ..self.outcome(diff, jobs, warnings, after.snapshot()) };
        self.tell_mlflow_of_apply(&outcome).await;
        Ok(outcome)
    }

    /// Removes all of the project: its registry entries, then its online rows. Other projects stay.
    ///
    /// Where a server holds the online store, it does the latter when it sees the change. A crash in
    /// between leaves rows that nobody can read, and that go when their view is applied again.
    ///
    /// # Errors
    ///
    /// As the online store and the registry.
    pub async fn teardown(&self) -> Result<TeardownOutcome> {
        let before = self.refresh().await?;
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        larder_blocking::run(move || registry.remove_project(&project)).await?;
        let after = self.refresh().await?;
        let changes = self.online_changes(before.snapshot(), after.snapshot());
        self.follow(&changes).await?;
        self.forget_lineage_of(&self.config().project).await;
        let (project, online_store) = (self.config().project.clone(), self.config().online_store.name());
        Ok(TeardownOutcome { project, online_store, views: changes.removed })
    }

    /// What the repo defines; an error where it has no file of definitions, and so would lose all of `registered`.
    async fn definitions(&self, registered: &RegistrySnapshot) -> Result<Definitions> {
        let config = self.config().clone();
        let repo = larder_blocking::run(move || Ok(FeatureRepo::load(&config)?)).await?;
        let views = registered.feature_views().len() + registered.on_demand_feature_views().len();
        if !repo.has_files() && views > 0 {
            let project = &self.config().project;
            return Err(RequestError::other(format!(
                "there are no definitions in this repo, and project `{project}` has {views} views, which would all \
                 be deleted; definitions in Python are not read: `larder init --from-feast` writes what Feast has \
                 registered as YAML. `larder teardown` removes the project"
            ))
            .into());
        }
        Ok(repo.complete(self.offline().as_ref(), self.udf().as_ref(), self.job_runtime().as_ref()).await?)
    }

    /// Makes the online store follow what the registry has become.
    pub(crate) async fn follow_registry(
        &self,
        before: &RegistrySnapshot,
        after: &RegistrySnapshot,
    ) -> Result<()> {
        self.follow(&self.online_changes(before, after)).await
    }

    /// What the online store has to follow: nothing, if there is none.
    fn online_changes(&self, before: &RegistrySnapshot, after: &RegistrySnapshot) -> OnlineChanges {
        if self.config().online_store == OnlineStoreConfig::Disabled {
            return OnlineChanges::default();
        }
        OnlineChanges::between(before, after)
    }

    /// Makes the online store follow a change. A process that holds the store alone and serves it does so
    /// itself, when it sees the change.
    async fn follow(&self, changes: &OnlineChanges) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let online = match self.online().await {
            Ok(online) => online,
            Err(error) => match error.downcast_ref::<OnlineError>() {
                Some(OnlineError::Locked { holder: Some(_), .. }) => return Ok(()),
                _ => return Err(error),
            },
        };
        online.follow(&self.config().project, changes).await
    }

    /// Where another process serves the online store, if one does; of several, one.
    pub async fn server_address(&self) -> Option<SocketAddr> {
        self.servers().await.first().map(|server| server.http)
    }

    fn outcome(
        &self,
        mut diff: RegistryDiff,
        jobs: Vec<JobChange>,
        warnings: Vec<Problem>,
        after: &RegistrySnapshot,
    ) -> ApplyOutcome {
        if self.config().online_store == OnlineStoreConfig::Disabled {
            diff.tables.clear();
        }
        ApplyOutcome {
            outdated_views: outdated_views(&diff, after),
            diff,
            jobs,
            warnings,
            chains: after.on_demand_chains(),
            new_components: BTreeSet::new(),
            online_store: self.config().online_store.name(),
        }
    }
}

/// The views kept online that are new in no way, and computed in a new way: by themselves or by an on-demand
/// view that they read.
fn outdated_views(diff: &RegistryDiff, after: &RegistrySnapshot) -> Vec<String> {
    let on_demand = || diff.changes.iter().filter(|change| change.kind == ObjectKind::OnDemandFeatureView);
    let computes_anew = |name: &str| {
        on_demand().any(|change| match &change.action {
            Action::Update(properties) if change.name == name => properties
                .iter()
                .any(|property| ["sources", "feature_transformation"].contains(&property.property)),
            _ => false,
        })
    };
    let is_new = |name: &str| {
        let created = diff.tables.iter().any(|table| table.created && table.view == name);
        created || on_demand().any(|change| change.name == name && change.action == Action::Create)
    };
    let views = after.on_demand_feature_views().iter().map(|view| &view.object);
    let kept = views.filter(|view| view.write_to_online_store && !is_new(&view.name));
    kept.filter(|view| {
        let chain = after.on_demand_chain(view, |_| true).unwrap_or_default();
        chain.iter().any(|inner| computes_anew(&inner.name))
    })
    .map(|view| view.name.clone())
    .collect()
}

/// The components of definitions that no view of a registry has.
fn new_components(definitions: &Definitions, before: &RegistrySnapshot) -> BTreeSet<ComponentDigest> {
    let registered = before.on_demand_feature_views().iter();
    let registered: BTreeSet<_> =
        registered.filter_map(|view| view.object.transformation.component).collect();
    definitions.components.keys().filter(|digest| !registered.contains(digest)).copied().collect()
}
