//! `larder permissions`.

use anyhow::Result;
use larder::{Listing, ObjectKind};
use serde_json::{Value, json};

use super::objects::{self, records};
use crate::object_arguments::{ListArguments, PermissionVerb};
use crate::repo::Repo;
use crate::{permission_tree, plain_table};

pub(crate) async fn run(repo: &Repo, verb: &PermissionVerb) -> Result<()> {
    match verb {
        PermissionVerb::List { list, verbose: false } => {
            objects::list(repo, ObjectKind::Permission, list).await
        }
        PermissionVerb::List { list, verbose: true } => permitted_objects(repo, list).await,
        PermissionVerb::Describe(arguments) => {
            objects::describe(repo, ObjectKind::Permission, arguments).await
        }
        PermissionVerb::Check { json } => check(repo, *json).await,
        PermissionVerb::ListRoles { verbose, json } => list_roles(repo, *verbose, *json).await,
    }
}

async fn permitted_objects(repo: &Repo, arguments: &ListArguments) -> Result<()> {
    let permitted = repo.open().await?.permitted_objects(objects::filter(arguments)?).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&permission_tree::records(&permitted))?);
    } else {
        print!("{}", permission_tree::render(&permitted));
    }
    Ok(())
}

async fn check(repo: &Repo, json: bool) -> Result<()> {
    let check = repo.open().await?.check_permissions().await?;
    if json {
        let found = json!({
            "resources": records(&check.resources),
            "actions": with_lists(&check.actions, "unsecured_actions"),
        });
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    println!("The following resources are not secured by any permission configuration:");
    print!("{}", plain_table::render(check.resources.headers, &check.resources.rows));
    println!(
        "The following actions are not secured by any permission configuration (Note: this might not be a \
         security concern, depending on the used APIs):"
    );
    print!("{}", plain_table::render(check.actions.headers, &check.actions.rows));
    Ok(())
}

async fn list_roles(repo: &Repo, verbose: bool, json: bool) -> Result<()> {
    let roles = repo.open().await?.list_roles(verbose).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&with_lists(&roles, "permitted_actions"))?);
    } else if verbose {
        print!("{}", plain_table::render(roles.headers, &roles.rows));
    } else {
        print!("{}", plain_table::render_grid(roles.headers, &roles.rows));
    }
    Ok(())
}

/// A listing as objects, with the lines of one of its columns as a list.
fn with_lists(listing: &Listing, column: &str) -> Value {
    let mut records = records(listing);
    for record in &mut records {
        if let Some(Value::String(lines)) = record.get(column) {
            let lines = lines.lines().filter(|line| *line != "-").map(Value::from).collect();
            record.insert(column.to_owned(), Value::Array(lines));
        }
    }
    json!(records)
}
