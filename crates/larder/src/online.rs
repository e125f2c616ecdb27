//! The online half of a feature store: opened by the first verb that needs it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use larder_core::{OnlineStore, RequestError, Result, WritePolicy};
use larder_materialize::FeatureWriter;
use larder_online::{
    ListedServer, MemoryOnlineStore, PublishedAddress, ServerAddress, SledOnlineStore, SledOptions,
    SqliteOnlineStore, SqliteOptions, SqliteTextIndexes,
};
use larder_registry::OnlineStoreConfig;
use larder_serving::OnlineRetrieval;

use crate::FeatureStore;
use crate::online_changes::OnlineChanges;
use crate::registry_log::RegistryLog;

/// The online store with the verbs that read and write it.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) retrieval: OnlineRetrieval,
    pub(crate) writer: FeatureWriter,
    /// The same store, where it can tell other processes who serves it.
    sled: Option<Arc<SledOnlineStore>>,
}

/// The address of this process as others see it; dropping it takes it back.
#[derive(Debug)]
#[must_use = "dropping it takes the address back"]
pub enum PublishedServer {
    /// The process holds the store alone.
    Holder(PublishedAddress),
    /// Other processes may have the store open, and serve it too.
    OneOfMany(ListedServer),
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
    /// if it speaks TLS, until the answer is dropped. `None` for a store that no other process can see.
    ///
    /// # Errors
    ///
    /// If the store cannot be opened or the address cannot be written.
    pub async fn publish_address(
        &self,
        address: SocketAddr,
        certificate: Option<Vec<u8>>,
    ) -> Result<Option<PublishedServer>> {
        if let Some(sled) = &self.online().await?.sled {
            return Ok(Some(PublishedServer::Holder(sled.publish_address(address, certificate)?)));
        }
        let Some(folder) = self.server_list() else { return Ok(None) };
        let address = ServerAddress { http: address, pid: std::process::id(), certificate };
        let listed = larder_blocking::run(move || Ok(ListedServer::publish(&folder, &address)?)).await?;
        Ok(Some(PublishedServer::OneOfMany(listed)))
    }

    /// Where the servers are listed that share the online store, if it can be shared: beside its file.
    fn server_list(&self) -> Option<PathBuf> {
        let OnlineStoreConfig::Sqlite { path } = &self.config().online_store else { return None };
        let mut name = path.file_name()?.to_owned();
        name.push(".servers");
        Some(path.with_file_name(name))
    }

    /// The other processes that serve the online store: one at most where a store admits one process.
    pub async fn servers(&self) -> Vec<ServerAddress> {
        let servers = if let OnlineStoreConfig::Sled { path, .. } = &self.config().online_store {
            let path = path.clone();
            larder_blocking::run(move || Ok(ServerAddress::read(&path)?.into_iter().collect())).await
        } else if let Some(folder) = self.server_list() {
            larder_blocking::run(move || Ok(ListedServer::read_all(&folder)?)).await
        } else {
            Ok(Vec::new())
        };
        // A server that cannot be found sees the registry at its next look all the same.
        let mut servers: Vec<ServerAddress> = servers.unwrap_or_default();
        servers.retain(|server| server.pid != std::process::id());
        servers
    }

    fn retrieval(&self, store: &Arc<dyn OnlineStore>) -> OnlineRetrieval {
        let config = self.config();
        let mut retrieval = OnlineRetrieval::new(Arc::clone(store), config.entity_key_serialization_version)
            .with_text_indexes(Arc::new(SqliteTextIndexes));
        if let Some(online_ttl) = config.compat.online_ttl {
            retrieval = retrieval.with_online_ttl(online_ttl, Arc::clone(self.clock()));
        }
        if config.compat.null_entities_are_errors {
            retrieval = retrieval.with_null_entities_refused();
        }
        retrieval
    }

    async fn open_online(&self) -> Result<Online> {
        let write_policy = if self.config().compat.older_rows_overwrite {
            WritePolicy::LastWriteWins
        } else {
            WritePolicy::NewestWins
        };
        let (store, sled): (Arc<dyn OnlineStore>, _) = match &self.config().online_store {
            OnlineStoreConfig::Sled { path, cache_size_bytes } => {
                let folder = path.clone();
                let mut options = SledOptions { write_policy, ..SledOptions::default() };
                if let Some(cache_bytes) = *cache_size_bytes {
                    options.cache_bytes = cache_bytes;
                }
                let sled = larder_blocking::run(move || Ok(SledOnlineStore::open(folder, options)?)).await?;
                let sled = Arc::new(sled);
                (Arc::clone(&sled) as Arc<dyn OnlineStore>, Some(sled))
            }
            OnlineStoreConfig::Sqlite { path } => {
                let path = path.clone();
                let options = SqliteOptions { write_policy, ..SqliteOptions::default() };
                let open = move || Ok(SqliteOnlineStore::open(path, options)?);
                (Arc::new(larder_blocking::run(open).await?), None)
            }
            OnlineStoreConfig::Memory => {
                (Arc::new(MemoryOnlineStore::new().with_write_policy(write_policy)), None)
            }
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
        let materialization = &self.config().materialization;
        writer = writer.with_lookback(materialization.lookback);
        if let Some(rows) = materialization.online_write_batch_size {
            writer = writer.with_batch_rows(rows);
        }
        if self.config().compat.skip_null_writes {
            writer = writer.with_null_rows_skipped();
        }
        Ok(Online { retrieval: self.retrieval(&store), writer, store, sled })
    }
}
