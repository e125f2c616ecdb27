//! The feature store of one repo: its configuration, its registry and its stores.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use larder_core::{
    Clock, JobRuntime, OfflineStore, OnDemandFeatureView, RequestError, Result, SystemClock, Transformation,
    UdfRuntime,
};
use larder_mlflow::MlflowOfflineStore;
use larder_offline::FileOfflineStore;
use larder_plan::Catalog;
use larder_registry::{RegistryFile, RegistrySnapshot, RepoConfig};
use tokio::sync::{Mutex, OnceCell};

use crate::dataset_jobs::DatasetJobs;
use crate::lineage::Lineage;
use crate::mlflow::mlflow_servers;
use crate::online::Online;
use crate::online_changes::OnlineChanges;
use crate::recorder::{RecordedRuntime, Recorder};
use crate::udf_runtime::wasm_runtime;

/// The feature store of one repo, with Feast's verbs.
///
/// Cheap to share behind an [`Arc`]; methods may run concurrently, each on one registry snapshot, and
/// never block the caller's thread. Must be used from within a multi-threaded tokio runtime.
pub struct FeatureStore {
    config: RepoConfig,
    registry: Arc<RegistryFile>,
    offline: Arc<dyn OfflineStore>,
    udf: Arc<dyn UdfRuntime>,
    recorder: Arc<Recorder>,
    jobs: Arc<dyn JobRuntime>,
    dataset_jobs: DatasetJobs,
    clock: Arc<dyn Clock>,
    /// Opened by the first verb that needs it, since one process at a time may hold it.
    online: OnceCell<Online>,
    lineage: Lineage,
    catalog: RwLock<Arc<Catalog>>,
    /// Held while a new catalog is loaded, so that a change is loaded once.
    loading: Mutex<()>,
    /// Held while metrics of data quality are computed.
    monitoring: Mutex<()>,
}

impl FeatureStore {
    /// Opens the feature repo in the folder `repo`, with the machine's clock.
    ///
    /// # Errors
    ///
    /// If `feature_store.yaml` or the registry cannot be read. A registry that is not there yet is empty.
    pub async fn open(repo: impl AsRef<Path>) -> Result<Self> {
        Self::with_config(RepoConfig::load(repo.as_ref())?, Arc::new(SystemClock)).await
    }

    /// Opens a feature repo with a configuration that is already read.
    ///
    /// # Errors
    ///
    /// If the registry cannot be read.
    pub async fn with_config(config: RepoConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let registry_path = config.registry.path.clone();
        let registry = RegistryFile::open(&registry_path, Arc::clone(&clock))?;
        let registry = Arc::new(registry.with_online_versioning(config.registry.online_versioning));
        let cache_dir = registry_path.parent().map(|folder| folder.join("components/compiled"));
        let runtime = wasm_runtime(cache_dir)?;
        let recorder = Arc::new(Recorder::default());
        let udf: Arc<dyn UdfRuntime> =
            Arc::new(RecordedRuntime { runtime: Arc::clone(&runtime) as _, recorder: Arc::clone(&recorder) });
        let snapshot = read_snapshot(&registry, &config).await?;
        let catalog = load_catalog(&registry, &udf, snapshot).await;
        Ok(Self {
            offline: Arc::new(MlflowOfflineStore::new(
                Arc::new(FileOfflineStore::new(config.repo_path.clone())),
                mlflow_servers(&config.mlflow),
            )),
            config,
            registry,
            udf,
            recorder,
            jobs: runtime,
            dataset_jobs: DatasetJobs::default(),
            clock,
            online: OnceCell::new(),
            lineage: Lineage::default(),
            catalog: RwLock::new(catalog),
            loading: Mutex::new(()),
            monitoring: Mutex::new(()),
        })
    }

    /// The same for the history of another project of the registry, or of this one, as it is now.
    ///
    /// # Errors
    ///
    /// If the registry cannot be read. A project that is not there is empty.
    pub(crate) async fn in_project(&self, project: &str) -> Result<Self> {
        let config = RepoConfig { project: project.to_owned(), ..self.config.clone() };
        let snapshot = read_snapshot(&self.registry, &config).await?;
        let catalog = load_catalog(&self.registry, &self.udf, snapshot).await;
        Ok(Self {
            config,
            registry: Arc::clone(&self.registry),
            offline: Arc::clone(&self.offline),
            udf: Arc::clone(&self.udf),
            recorder: Arc::clone(&self.recorder),
            jobs: Arc::clone(&self.jobs),
            dataset_jobs: DatasetJobs::default(),
            lineage: Lineage::default(),
            monitoring: Mutex::new(()),
            clock: Arc::clone(&self.clock),
            online: OnceCell::new(),
            catalog: RwLock::new(catalog),
            loading: Mutex::new(()),
        })
    }

    /// The folder of the feature repo.
    pub fn repo(&self) -> &Path {
        &self.config.repo_path
    }

    /// What `feature_store.yaml` says.
    pub fn config(&self) -> &RepoConfig {
        &self.config
    }

    /// The registry as last seen. One verb works on one of these from start to end.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks whether the registry has changed, here or in another process, and if so loads it and, where
    /// this process alone holds the online store, removes rows that no longer count.
    ///
    /// # Errors
    ///
    /// If the registry cannot be read; the last catalog then stays in use.
    pub async fn refresh(&self) -> Result<Arc<Catalog>> {
        let _loading = self.loading.lock().await;
        let snapshot = read_snapshot(&self.registry, &self.config).await?;
        let current = self.catalog();
        if current.snapshot().version_id == snapshot.version_id {
            return Ok(current);
        }
        let catalog = load_catalog(&self.registry, &self.udf, snapshot).await;
        // Before anybody can read a view under its new definition. In a store that others have open too, who
        // changed the registry does it, and may have written new rows since.
        if let Some(online) = self.online.get().filter(|online| !online.store.is_shared()) {
            let changes = OnlineChanges::between(current.snapshot(), catalog.snapshot());
            online.follow(&self.config.project, &changes).await?;
        }
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&catalog);
        Ok(catalog)
    }

    pub(crate) fn registry(&self) -> &Arc<RegistryFile> {
        &self.registry
    }

    pub(crate) fn offline(&self) -> &Arc<dyn OfflineStore> {
        &self.offline
    }

    pub(crate) fn udf(&self) -> &Arc<dyn UdfRuntime> {
        &self.udf
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(crate) fn job_runtime(&self) -> &Arc<dyn JobRuntime> {
        &self.jobs
    }

    pub(crate) fn dataset_job_queue(&self) -> &DatasetJobs {
        &self.dataset_jobs
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn monitoring_turn(&self) -> &Mutex<()> {
        &self.monitoring
    }

    pub(crate) fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(crate) fn online_cell(&self) -> &OnceCell<Online> {
        &self.online
    }
}

/// What the registry holds; nothing, where the project has not been applied yet.
async fn read_snapshot(registry: &Arc<RegistryFile>, config: &RepoConfig) -> Result<Arc<RegistrySnapshot>> {
    let (registry, project) = (Arc::clone(registry), config.project.clone());
    larder_blocking::run(move || registry.snapshot_or_nothing(&project)).await
}

async fn load_catalog(
    registry: &Arc<RegistryFile>,
    udf: &Arc<dyn UdfRuntime>,
    snapshot: Arc<RegistrySnapshot>,
) -> Arc<Catalog> {
    let load = |view| load_transformation(Arc::clone(registry), Arc::clone(udf), view);
    Arc::new(Catalog::load(snapshot, load).await)
}

async fn load_transformation(
    registry: Arc<RegistryFile>,
    udf: Arc<dyn UdfRuntime>,
    view: Arc<OnDemandFeatureView>,
) -> Result<Arc<dyn Transformation>> {
    let reference = &view.transformation;
    if !view.aggregations.is_empty() && view.needs_component() {
        let what = "it aggregates, which larder does not do on demand; give it a component that does";
        return Err(RequestError::other(what).into());
    }
    let digest = reference.component.ok_or_else(|| {
        RequestError::other(format!(
            "it needs a component: run `larder udf bind {} COMPONENT`, or give its definition a `transformation` \
             and run `larder apply`",
            view.name
        ))
    })?;
    let component = larder_blocking::run(move || registry.load_component(digest)).await?;
    udf.load(&view.name, component, &reference.function, reference.limits).await
}

impl fmt::Debug for FeatureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeatureStore").field("repo", &self.config.repo_path).finish_non_exhaustive()
    }
}
