//! `larder udf rollback`: puts an on-demand view back to the component it had before.

use anyhow::Result;

use super::short;
use crate::arguments::RollbackArguments;
use crate::repo::Repo;
use crate::server_client;

pub(super) async fn run(repo: &Repo, arguments: &RollbackArguments) -> Result<()> {
    let store = repo.open().await?;
    let (version, restored) = store.roll_back_component(&arguments.view, arguments.to).await?;
    server_client::refresh(&store).await?;
    println!(
        "Restored on demand feature view {} to version v{version}: {} of component {}",
        arguments.view,
        restored.function,
        short(restored.component)
    );
    eprintln!("The next apply goes back to what the definitions say.");
    Ok(())
}
