//! `larder teardown`.

use anyhow::Result;

use crate::repo::Repo;
use crate::server_client::ServerClient;

pub(crate) async fn run(repo: &Repo) -> Result<()> {
    let outcome = repo.open().await?.teardown().await?;
    if let Some(server) = outcome.serving_at {
        ServerClient::new(server).post("/v1/refresh", &serde_json::json!({})).await?;
    }
    print!("{outcome}");
    Ok(())
}
