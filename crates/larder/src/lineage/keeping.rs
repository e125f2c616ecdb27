//! Keeping what others tell, and serving it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Error, ErrorKind, RequestError, Result};
use larder_openlineage::LineageStore;
use larder_registry::{LineageConsumerConfig, ObjectKind};
use larder_serving::{DoorOptions, LineageConsumer, lineage_router, serve_router};
use serde_json::Value;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::FeatureStore;

/// How long a server runs before it first looks for old events.
const FIRST_PRUNING: Duration = Duration::from_secs(30);

impl FeatureStore {
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
        let backend = Arc::clone(&self).registry_backend()?;
        let Some((consumer, pruning)) = self.lineage_consumer(true).await? else {
            return Err(no_consumer());
        };
        let router = lineage_router(backend, consumer);
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
        Ok(Some((consumer, Pruning { store: Arc::clone(kept), days, first: FIRST_PRUNING, every })))
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

    /// Forgets an object that a client has removed, where this process keeps events.
    pub(crate) async fn forget_taken(&self, project: &str, kind: ObjectKind, name: &str) {
        let Some(kept) = self.lineage().kept.get().map(Arc::clone) else { return };
        let namespace = self.author(project).namespace().to_owned();
        let (taken, jobs) = (name.to_owned(), jobs_of(kind, name));
        let forget = move || kept.remove_objects(&namespace, &taken, &jobs);
        if let Err(error) = larder_blocking::run(forget).await {
            warn!(error = error.chain(), "the lineage of `{name}` is not forgotten");
        }
    }

    /// The store of events; `None` where none are kept.
    async fn kept_lineage(&self) -> Result<Option<(&LineageConsumerConfig, &Arc<LineageStore>)>> {
        let Some(config) = &self.config().openlineage.consumer else { return Ok(None) };
        let open = || async {
            let (path, mapping) = (config.path.clone(), config.namespace_mapping.clone());
            let clock = Arc::clone(self.clock());
            Ok::<_, Error>(Arc::new(
                larder_blocking::run(move || LineageStore::open(path, mapping, clock)).await?,
            ))
        };
        Ok(Some((config, self.lineage().kept.get_or_try_init(open).await?)))
    }
}

fn no_consumer() -> Error {
    let text =
        "no lineage is kept here; set `openlineage: {consumer: {enabled: true}}` in feature_store.yaml";
    RequestError::other(text).into()
}

/// The jobs that stand for an object alone.
pub(super) fn jobs_of(kind: ObjectKind, name: &str) -> Vec<String> {
    match kind {
        ObjectKind::FeatureService => vec![format!("feature_service_{name}")],
        ObjectKind::SavedDataset => vec![format!("saved_dataset_{name}")],
        _ => Vec::new(),
    }
}

/// Removes what is old, as long as a server runs.
#[derive(Debug)]
pub(crate) struct Pruning {
    store: Arc<LineageStore>,
    /// 0 means never.
    days: u64,
    first: Duration,
    every: Duration,
}

impl Pruning {
    pub(crate) async fn run(self) {
        if self.days == 0 {
            return;
        }
        tokio::time::sleep(self.first).await;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use larder_core::{Clock, FixedClock, Timestamp};
    use larder_openlineage::VisibleNamespaces;
    use serde_json::json;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_removes_what_is_old_again_and_again_unless_it_is_never_old() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp::EPOCH));
        let (path, shared) = (folder.path().join("x.db"), Arc::clone(&clock) as Arc<dyn Clock>);
        let store = Arc::new(LineageStore::open(path, BTreeMap::new(), shared).unwrap());
        let events = async || {
            let stored = store.read(|lineage| lineage.stored(&VisibleNamespaces::All)).await.unwrap();
            stored["events"]["count"].as_u64().unwrap()
        };
        let moment = Duration::from_millis(5);
        let pruning = |days| Pruning { store: Arc::clone(&store), days, first: moment, every: moment };
        store.receive(json!({})).await.unwrap();
        clock.set(Timestamp::EPOCH.saturating_add(Duration::from_secs(3 * 86_400)));
        pruning(0).run().await;
        assert_eq!(events().await, 1, "it ends at once, and nothing is old");
        let running = tokio::spawn(pruning(2).run());
        for _round in 0..2 {
            let gone = async {
                while events().await > 0 {
                    tokio::time::sleep(moment).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), gone).await.expect("it goes in time");
            let now = clock.now();
            clock.set(Timestamp::EPOCH);
            store.receive(json!({})).await.unwrap();
            clock.set(now);
        }
        running.abort();
    }
}
