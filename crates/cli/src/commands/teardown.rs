//! `larder teardown`.

use anyhow::Result;

use crate::repo::Repo;
use crate::server_client;

pub(crate) async fn run(repo: &Repo) -> Result<()> {
    let store = repo.open().await?;
    let outcome = store.teardown().await?;
    server_client::refresh(&store).await?;
    print!("{outcome}");
    Ok(())
}
