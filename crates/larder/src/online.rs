//! The online half of a feature store: opened by the first verb that needs it.

use std::net::SocketAddr;
use std::sync::Arc;

use larder_core::{OnlineStore, RequestError, Result};
use larder_materialize::FeatureWriter;
use larder_online::{
    MemoryOnlineStore, PublishedAddress, SledOnlineStore, SledOptions, SqliteOnlineStore, SqliteOptions,
};
use larder_registry::OnlineStoreConfig;
use larder_serving::OnlineRetrieval;

use crate::online_changes::OnlineChanges;
use crate::registry_log::RegistryLog;
use crate::{FeatureStore, blocking};

/// The online store with the verbs that read and write it.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) retrieval: OnlineRetrieval,
    pub(crate) writer: FeatureWriter,
    /// The same store, where it can tell other processes who serves it.
    sled: Option<Arc<SledOnlineStore>>,
}

impl Online {
    /// Makes the store follow a change of the registry.
    pub(crate) async fn follow(&self, project: &str, changes: &OnlineChanges) -> Result<()> {
        for view in changes.removed.iter().chain(&changes.grounded_anew) {
            self.store.remove_view(project, view).await?;
        }
        for view in changes.created.iter().chain(&changes.grounded_anew) {
            self.store.create_view(project, view).await?;
        }
        Ok(())
    }
}

impl FeatureStore {
    /// The online store, opened now if no verb needed it before.
    ///
    /// # Errors
    ///
    /// [`OnlineError::Locked`](larder_online::OnlineError::Locked) if another process holds it, with the
    /// address at which that one serves.
    pub(crate) async fn online(&self) -> Result<&Online> {
        self.online_cell().get_or_try_init(|| self.open_online()).await
    }

    /// Opens the online store now, rather than with the first verb that needs it.
    ///
    /// # Errors
    ///
    /// As every verb that reads or writes it: [`OnlineError::Locked`](larder_online::OnlineError::Locked)
    /// if another process holds it.
    pub async fn open_online_store(&self) -> Result<()> {
        self.online().await.map(|_| ())
    }

    /// Tells other processes that this one serves the online store at `address`, and with which certificate
    /// if it speaks TLS, until the answer is dropped. `None` for a store that other processes can open as well, or cannot see anyway.
    ///
    /// # Errors
    ///
    /// If the store cannot be opened or the address cannot be written.
    pub async fn publish_address(
        &self,
        address: SocketAddr,
        certificate: Option<Vec<u8>>,
    ) -> Result<Option<PublishedAddress>> {
        match &self.online().await?.sled {
            Some(sled) => Ok(Some(sled.publish_address(address, certificate)?)),
            None => Ok(None),
        }
    }

    fn retrieval(&self, store: &Arc<dyn OnlineStore>) -> OnlineRetrieval {
        let config = self.config();
        let mut retrieval = OnlineRetrieval::new(Arc::clone(store), config.entity_key_serialization_version);
        if let Some(online_ttl) = config.compat.online_ttl {
            retrieval = retrieval.with_online_ttl(online_ttl, Arc::clone(self.clock()));
        }
        if config.compat.null_entities_are_errors {
            retrieval = retrieval.with_null_entities_refused();
        }
        retrieval
    }

    async fn open_online(&self) -> Result<Online> {
        let (store, sled): (Arc<dyn OnlineStore>, _) = match &self.config().online_store {
            OnlineStoreConfig::Sled { path, cache_size_bytes } => {
                let folder = path.clone();
                let mut options = SledOptions::default();
                if let Some(cache_bytes) = *cache_size_bytes {
                    options.cache_bytes = cache_bytes;
                }
                let sled = blocking::run(move || Ok(SledOnlineStore::open(folder, options)?)).await?;
                let sled = Arc::new(sled);
                (Arc::clone(&sled) as Arc<dyn OnlineStore>, Some(sled))
            }
            OnlineStoreConfig::Sqlite { path } => {
                let path = path.clone();
                let open = move || Ok(SqliteOnlineStore::open(path, SqliteOptions::default())?);
                (Arc::new(blocking::run(open).await?), None)
            }
            OnlineStoreConfig::Memory => (Arc::new(MemoryOnlineStore::new()), None),
            _ => {
                return Err(RequestError::other(
                    "this project has no online store; set `online_store` in feature_store.yaml",
                )
                .into());
            }
        };
        let key_version = self.config().entity_key_serialization_version;
        let log = RegistryLog::new(Arc::clone(self.registry()));
        let mut writer = FeatureWriter::new(
            Arc::clone(self.offline()),
            Arc::clone(&store),
            Arc::new(log),
            Arc::clone(self.clock()),
            key_version,
        );
        if self.config().compat.skip_null_writes {
            writer = writer.with_null_rows_skipped();
        }
        Ok(Online { retrieval: self.retrieval(&store), writer, store, sled })
    }
}
