//! `larder projects`.

use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, Result, bail};
use larder::ObjectKind;

use super::objects;
use crate::object_arguments::ProjectVerb;
use crate::repo::Repo;
use crate::server_client;

pub(crate) async fn run(repo: &Repo, verb: &ProjectVerb) -> Result<()> {
    match verb {
        ProjectVerb::Object(verb) => objects::run(repo, ObjectKind::Project, verb).await,
        ProjectVerb::CurrentProject { json } => {
            let store = repo.open().await?;
            let project = store.config().project.clone();
            objects::show(&store.describe(ObjectKind::Project, &project).await?, *json)
        }
        ProjectVerb::Delete { name, yes } => delete(repo, name, *yes).await,
    }
}

async fn delete(repo: &Repo, name: &str, yes: bool) -> Result<()> {
    let store = repo.open().await?;
    if !yes && !confirmed(name)? {
        bail!("nothing was deleted");
    }
    store.delete_project(name).await?;
    server_client::refresh(&store).await?;
    println!("Project '{name}' deleted successfully.");
    Ok(())
}

fn confirmed(name: &str) -> Result<bool> {
    print!(
        "Are you sure you want to delete project '{name}'? This will remove all associated resources from the \
         registry. [y/N]: "
    );
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
