//! `larder delete`.

use anyhow::Result;

use crate::repo::Repo;
use crate::server_client;

pub(crate) async fn run(repo: &Repo, name: &str) -> Result<()> {
    let store = repo.open().await?;
    match store.delete_object(name).await? {
        Some(class) => {
            server_client::refresh(&store).await?;
            println!("Deleted {class} {name} from {}.", store.config().project);
        }
        None => println!("Object not found. Deletion skipped."),
    }
    Ok(())
}
