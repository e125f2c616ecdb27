//! A copy of a recorded registry, served over HTTP.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use larder::{DoorOptions, FeatureStore};
use larder_core::SystemClock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::repo::copy_folder;
use crate::{Answer, exchange, recorded_dir};

/// A registry behind Feast's REST routes.
#[derive(Debug)]
pub struct ServedRegistry {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<larder_core::Result<()>>,
    folder: TempDir,
}

impl ServedRegistry {
    /// Serves a copy of a recorded registry file from a repo of `project`, on a free port.
    pub async fn start(recorded: &str, project: &str) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), recorded, project).await
    }

    /// The same beside the data of the golden repo.
    pub async fn start_with_data(recorded: &str, project: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy_folder(&recorded_dir().join("repo/data"), &folder.path().join("data"));
        Self::start_in(folder, recorded, project).await
    }

    async fn start_in(folder: TempDir, recorded: &str, project: &str) -> Self {
        fs::copy(recorded_dir().join(recorded), folder.path().join("registry.db")).expect("a registry");
        let config = format!("project: {project}\nprovider: local\nregistry: registry.db\n");
        fs::write(folder.path().join("feature_store.yaml"), config).expect("the folder is new");
        let config = larder::RepoConfig::load(folder.path()).expect("a good configuration");
        let store = FeatureStore::with_config(config, Arc::new(SystemClock)).await.expect("a good registry");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serve = Arc::new(store).serve_registry_http(listener, DoorOptions::default(), shutdown);
        let server = tokio::spawn(serve);
        Self { address, stop: Some(stop), server, folder }
    }

    /// Where the registry lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a request as it is recorded: `"request": "GET /path"`, and in `"send"` its body.
    pub async fn send(&self, recorded: &Value) -> Answer {
        let request = recorded["request"].as_str().expect("a request is text");
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let body = recorded.get("send").map(Value::to_string).unwrap_or_default();
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        exchange(self.address, method, path, &headers, body).await
    }

    /// Stops the server and waits for its end.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.server.await.expect("the server does not panic").expect("the server ends well");
    }
}
