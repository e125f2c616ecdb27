//! `larder features`.

use anyhow::{Result, bail};
use larder_core::json::python_dumps_indented;
use serde_json::{Value, json};

use crate::object_arguments::{FeatureVerb, Output};
use crate::plain_table;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, verb: &FeatureVerb) -> Result<()> {
    match verb {
        FeatureVerb::List { output, json } => list(repo, *json || *output == Output::Json).await,
        FeatureVerb::Describe { name } => describe(repo, name).await,
    }
}

async fn list(repo: &Repo, json: bool) -> Result<()> {
    let listing = repo.open().await?.list_features().await?;
    if json {
        let names = ["feature_name", "feature_view", "dtype"];
        let record = |row: &Vec<String>| -> Value {
            Value::Object(
                names
                    .iter()
                    .zip(row)
                    .map(|(name, cell)| ((*name).to_owned(), cell.as_str().into()))
                    .collect(),
            )
        };
        let records: Vec<Value> = listing.rows.iter().map(record).collect();
        println!("{}", python_dumps_indented(&Value::Array(records), 4));
    } else {
        print!("{}", plain_table::render(listing.headers, &listing.rows));
    }
    Ok(())
}

async fn describe(repo: &Repo, name: &str) -> Result<()> {
    let found = repo.open().await?.describe_features(name).await?;
    if found.is_empty() {
        bail!("Feature '{name}' not found in any feature view.");
    }
    let records: Vec<Value> = found
        .into_iter()
        .map(|feature| {
            let or_nothing = |value: Option<Value>| value.unwrap_or_else(|| "N/A".into());
            json!({
                "Feature Name": name,
                "Feature View": feature.view,
                "Data Type": feature.value_type,
                "Description": feature.description,
                "Online Store": or_nothing(feature.online.map(Value::Bool)),
                "Source": or_nothing(feature.source),
            })
        })
        .collect();
    println!("{}", python_dumps_indented(&Value::Array(records), 4));
    Ok(())
}
