//! Telling what feeds what, and keeping what others tell.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use larder_core::{Error, ErrorKind, Result};
use larder_grpc::RegistryObserver;
use larder_materialize::MaterializationEvent;
use larder_openlineage::{LineageAuthor, LineageEmitter, LineageStore, MaterializationRun};
use larder_registry::{LineageConsumerConfig, ObjectKind, RegistrySnapshot};
use larder_serving::{DoorOptions, LineageConsumer, MaterializeSummary, lineage_router, serve_router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tracing::{info, warn};

use crate::{FeatureStore, blocking};

/// How long a server runs before it first looks for old events.
const FIRST_PRUNING: Duration = Duration::from_secs(30);

/// What a feature store has for lineage, each made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// `None` where nothing is told.
    emitter: OnceLock<Option<LineageEmitter>>,
    kept: OnceCell<Arc<LineageStore>>,
}

impl FeatureStore {
    /// Tells of all definitions, where that is asked for.
    pub(crate) fn tell_of_definitions(&self, registry: &RegistrySnapshot) {
        if self.config().openlineage.emit_on_apply {
            self.tell(&registry.project.name, |author| author.definitions(registry));
        }
    }

    /// Tells of an object that was registered alone.
    fn tell_of_object(&self, registry: Result<Arc<RegistrySnapshot>>, kind: ObjectKind, name: &str) {
        match registry {
            Ok(registry) => self.tell(&registry.project.name, |author| {
                Ok(author.object(&registry, kind, name)?.into_iter().collect())
            }),
            Err(error) => warn!(error = error.chain(), "the lineage of `{name}` is not told"),
        }
    }

    /// Whether objects that are registered alone are told of.
    fn tells_of_objects(&self) -> bool {
        self.config().openlineage.emit_on_apply && self.emitter().is_some()
    }

    /// Tells of an object that a client has registered, where that is asked for.
    pub(crate) async fn tell_of_put(&self, project: &str, kind: ObjectKind, name: &str) {
        if self.tells_of_objects() {
            let (registry, project) = (Arc::clone(self.registry()), project.to_owned());
            let registry = blocking::run(move || registry.snapshot(&project)).await;
            self.tell_of_object(registry, kind, name);
        }
    }

    /// Forgets an object that a client has removed, where this process keeps events.
    pub(crate) async fn forget_taken(&self, project: &str, kind: ObjectKind, name: &str) {
        let Some(kept) = self.lineage().kept.get().map(Arc::clone) else { return };
        let namespace = self.author(project).namespace().to_owned();
        let (taken, jobs) = (name.to_owned(), jobs_of(kind, name));
        let forget = move || kept.remove_objects(&namespace, &taken, &jobs);
        if let Err(error) = blocking::run(forget).await {
            warn!(error = error.chain(), "the lineage of `{name}` is not forgotten");
        }
    }

    /// Tells of a materialization as it goes; nothing where that is not asked for.
    pub(crate) fn telling_of_materialization(
        &self,
        registry: Arc<RegistrySnapshot>,
    ) -> MaterializationLineage<'_> {
        MaterializationLineage { store: self, registry, run: Mutex::default() }
    }

    fn tell(&self, project: &str, events: impl FnOnce(LineageAuthor) -> Result<Vec<Value>>) {
        let Some(emitter) = self.emitter() else { return };
        match events(self.author(project)) {
            Ok(events) => events.into_iter().for_each(|event| emitter.emit(event)),
            Err(error) => warn!(error = error.chain(), "lineage is not told"),
        }
    }

    fn author(&self, project: &str) -> LineageAuthor {
        let config = &self.config().openlineage;
        LineageAuthor::new(project, &config.namespace, &config.producer, Arc::clone(self.clock()))
    }

    /// What sends events; `None` where there is nobody to send them to.
    fn emitter(&self) -> Option<&LineageEmitter> {
        let start = || {
            let settings = self.config().openlineage.transport.as_ref()?;
            LineageEmitter::start(settings, self.clock()).unwrap_or_else(|error| {
                warn!(error = error.chain(), "lineage is not told");
                None
            })
        };
        self.lineage().emitter.get_or_init(start).as_ref()
    }

    /// The store of events; `None` where none are kept.
    async fn kept_lineage(&self) -> Result<Option<(&LineageConsumerConfig, &Arc<LineageStore>)>> {
        let Some(config) = &self.config().openlineage.consumer else { return Ok(None) };
        let open = || async {
            let (path, mapping) = (config.path.clone(), config.namespace_mapping.clone());
            let clock = Arc::clone(self.clock());
            Ok::<_, Error>(Arc::new(blocking::run(move || LineageStore::open(path, mapping, clock)).await?))
        };
        Ok(Some((config, self.lineage().kept.get_or_try_init(open).await?)))
    }

    /// Forgets what is kept of a project, where events are kept. That fails nothing.
    pub(crate) async fn forget_lineage_of(&self, project: &str) {
        let forget = async {
            let Some((_, kept)) = self.kept_lineage().await? else { return Ok(()) };
            kept.purge_namespace(self.author(project).namespace()).await
        };
        if let Err(error) = Box::pin(forget).await {
            warn!(error = Error::chain(&error), "the lineage of project `{project}` is not forgotten");
        }
    }

    /// The consumer of a server, and what keeps it small; `None` where no events are kept. What this process tells goes
    /// into its store too, unless another server is the consumer's own.
    pub(crate) async fn lineage_consumer(
        &self,
        is_own_server: bool,
    ) -> Result<Option<(LineageConsumer, Pruning)>> {
        let Some((config, kept)) = self.kept_lineage().await? else { return Ok(None) };
        if !config.standalone_server
            && !is_own_server
            && let Some(emitter) = self.emitter()
        {
            emitter.also_to(Arc::clone(kept));
        }
        let consumer = LineageConsumer {
            store: Arc::clone(kept),
            api_key: config.api_key.as_ref().map(|key| key.expose().to_owned()),
            namespace: self.config().openlineage.namespace.clone(),
            namespace_mapping: config.namespace_mapping.clone(),
            retention_days: config.retention_days,
            retention_check_interval_hours: config.retention_check_interval_hours,
        };
        let is_pruned_here = is_own_server || !config.standalone_server;
        let days = if is_pruned_here { config.retention_days } else { 0 };
        let every = Duration::from_secs(config.retention_check_interval_hours.clamp(1, 8_760) * 3_600);
        Ok(Some((consumer, Pruning { store: Arc::clone(kept), days, every })))
    }

    /// Serves Feast's lineage routes over HTTP on `listener` until `shutdown` completes, then finishes what has begun.
    ///
    /// # Errors
    ///
    /// If `openlineage` of `feature_store.yaml` asks for no consumer, or its store cannot be opened; if `auth` or a
    /// permission cannot be enforced; if the listener fails.
    pub async fn serve_lineage(
        self: Arc<Self>,
        listener: TcpListener,
        options: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let authorization = self.authorization()?;
        let Some((consumer, pruning)) = self.lineage_consumer(true).await? else {
            return Err(no_consumer());
        };
        let clock = Arc::clone(self.clock());
        let router = lineage_router(self as _, authorization, clock, consumer);
        let pruning = tokio::spawn(pruning.run());
        let served = serve_router(listener, router, options, shutdown).await;
        pruning.abort();
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }

    /// Refuses a `feature_store.yaml` that asks for no consumer of lineage.
    ///
    /// # Errors
    ///
    /// If it asks for none.
    pub fn check_lineage_consumer(&self) -> Result<()> {
        if self.config().openlineage.consumer.is_some() { Ok(()) } else { Err(no_consumer()) }
    }
}

/// The jobs that stand for an object alone.
fn jobs_of(kind: ObjectKind, name: &str) -> Vec<String> {
    match kind {
        ObjectKind::FeatureService => vec![format!("feature_service_{name}")],
        ObjectKind::SavedDataset => vec![format!("saved_dataset_{name}")],
        _ => Vec::new(),
    }
}

fn no_consumer() -> Error {
    let text =
        "no lineage is kept here; set `openlineage: {consumer: {enabled: true}}` in feature_store.yaml";
    larder_core::RequestError::other(text).into()
}

impl RegistryObserver for FeatureStore {
    fn registered(&self, project: &str, kind: ObjectKind, name: &str) {
        if self.tells_of_objects() {
            self.tell_of_object(self.registry().snapshot(project), kind, name);
        }
    }

    fn removed(&self, project: &str, kind: ObjectKind, name: &str) {
        let Some(kept) = self.lineage().kept.get() else { return };
        let removed = kept.remove_objects(self.author(project).namespace(), name, &jobs_of(kind, name));
        if let Err(error) = removed {
            warn!(error = error.chain(), "the lineage of `{name}` is not forgotten");
        }
    }
}

/// Tells of one materialization, if it gets as far as choosing its views.
#[derive(Debug)]
pub(crate) struct MaterializationLineage<'a> {
    store: &'a FeatureStore,
    registry: Arc<RegistrySnapshot>,
    run: Mutex<Option<MaterializationRun>>,
}

impl MaterializationLineage<'_> {
    /// Takes note of a step.
    pub(crate) fn observe(&self, event: &MaterializationEvent) {
        let MaterializationEvent::RunStarted(header) = event else { return };
        let config = &self.store.config().openlineage;
        if !config.emit_on_materialize || config.transport.is_none() {
            return;
        }
        let author = self.store.author(&self.registry.project.name);
        let span = (header.start, header.end);
        match MaterializationRun::new(author, header.views.clone(), span, header.online_store) {
            Ok(run) => {
                self.emit(run.started(&self.registry));
                *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
            }
            Err(error) => warn!(error = error.chain(), "the materialization is not told"),
        }
    }

    /// Takes note of the end.
    pub(crate) fn end(self, outcome: &Result<MaterializeSummary>) {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(run) = run else { return };
        self.emit(match outcome {
            Ok(summary) => {
                let rows = summary.feature_views.iter().map(|view| view.rows_written).sum();
                run.completed(&self.registry, rows)
            }
            Err(error) => run.failed(&error.chain()),
        });
    }

    fn emit(&self, event: Value) {
        if let Some(emitter) = self.store.emitter() {
            emitter.emit(event);
        }
    }
}

/// Removes what is old, as long as a server runs.
#[derive(Debug)]
pub(crate) struct Pruning {
    store: Arc<LineageStore>,
    /// 0 means never.
    days: u64,
    every: Duration,
}

impl Pruning {
    pub(crate) async fn run(self) {
        if self.days == 0 {
            return;
        }
        tokio::time::sleep(FIRST_PRUNING).await;
        loop {
            match self.store.prune(self.days).await {
                Ok(deleted) => {
                    let rows: u64 = deleted.values().filter_map(Value::as_u64).sum();
                    info!(rows, days = self.days, "old lineage has been removed");
                }
                Err(error) => warn!(error = error.chain(), "old lineage could not be removed"),
            }
            tokio::time::sleep(self.every).await;
        }
    }
}
