//! The way to the online store: in this process, or through the server that holds it.
//!
//! A folder of sled admits one process. Where a server holds it, the verbs go through that server, and
//! the user sees the same.

use std::sync::Arc;

use anyhow::Result;
use larder::{FeatureStore, OnlineError};

use crate::server_client::ServerClient;

/// Where a verb that needs the online store is carried out.
#[derive(Debug)]
pub(crate) enum StoreDoor {
    /// In this process, which holds the store now.
    Here(Arc<FeatureStore>),
    /// In the server that holds it.
    Server(ServerClient),
}

impl StoreDoor {
    /// Takes the store, or finds the server that has it.
    ///
    /// # Errors
    ///
    /// If the store cannot be opened, or is held by a process that does not serve.
    pub(crate) async fn open(store: Arc<FeatureStore>) -> Result<Self> {
        let error = match store.open_online_store().await {
            Ok(()) => return Ok(Self::Here(store)),
            Err(error) => error,
        };
        match error.downcast_ref::<OnlineError>() {
            Some(OnlineError::Locked { holder: Some(address), .. }) => {
                Ok(Self::Server(ServerClient::of(&store, address.http).await?))
            }
            _ => Err(error.into()),
        }
    }
}
