//! `larder teardown`.

use anyhow::Result;

use crate::repo::Repo;
use crate::server_client;

pub(crate) async fn run(repo: &Repo) -> Result<()> {
    let outcome = repo.open().await?.teardown().await?;
    server_client::refresh(outcome.serving_at).await?;
    print!("{outcome}");
    Ok(())
}
