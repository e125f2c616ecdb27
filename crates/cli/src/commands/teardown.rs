//! `larder teardown`.

use anyhow::{Result, bail};

use crate::repo::Repo;
use crate::store_door::StoreDoor;

pub(crate) async fn run(repo: &Repo) -> Result<()> {
    match StoreDoor::open(repo.open().await?).await? {
        StoreDoor::Here(store) => print!("{}", store.teardown().await?),
        StoreDoor::Server(server) => bail!(
            "a server at {} serves this project; stop it before removing all it serves",
            server.address()
        ),
    }
    Ok(())
}
