//! `larder mcp`.

use anyhow::Result;
use tokio::io::{BufReader, stdin, stdout};

use crate::repo::Repo;
use crate::server_arguments::{McpArguments, registry_refresh};

pub(crate) async fn run(repo: &Repo, arguments: &McpArguments) -> Result<()> {
    debug_assert_eq!(arguments.transport, "stdio", "the parser takes nothing else");
    let store = repo.open().await?;
    store.open_online_store().await?;
    eprintln!("Offering project {} as tools; messages are lines of standard input", store.config().project);
    let refresh = registry_refresh(arguments.registry_ttl_seconds);
    Ok(store.serve_mcp(refresh, BufReader::new(stdin()), stdout()).await?)
}
