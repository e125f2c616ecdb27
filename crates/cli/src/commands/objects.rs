//! `larder entities list`, `larder feature-views describe NAME` and their like.

use anyhow::{Context as _, Result, bail};
use larder::{ListFilter, Listing, ObjectKind};
use serde_json::{Map, Value};

use crate::arguments::ObjectVerb;
use crate::plain_table;
use crate::repo::Repo;

/// What can be listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Entities,
    FeatureViews,
    OnDemandFeatureViews,
    FeatureServices,
    DataSources,
    Features,
    Projects,
}

impl Kind {
    /// The kind of registry object; features are parts of objects.
    fn object(self) -> Option<ObjectKind> {
        Some(match self {
            Self::Entities => ObjectKind::Entity,
            Self::FeatureViews => ObjectKind::FeatureView,
            Self::OnDemandFeatureViews => ObjectKind::OnDemandFeatureView,
            Self::FeatureServices => ObjectKind::FeatureService,
            Self::DataSources => ObjectKind::DataSource,
            Self::Projects => ObjectKind::Project,
            Self::Features => return None,
        })
    }
}

pub(crate) async fn run(repo: &Repo, kind: Kind, verb: &ObjectVerb) -> Result<()> {
    let store = repo.open().await?;
    match verb {
        ObjectVerb::List { tags, json } => {
            let tags = tags.iter().map(|tag| parse_tag(tag)).collect::<Result<Vec<_>>>()?;
            let listing = match kind.object() {
                Some(kind) => store.list(kind, ListFilter { tags, owner: None }).await?,
                None => store.list_features().await?,
            };
            if *json {
                println!("{}", serde_json::to_string_pretty(&records(&listing))?);
            } else {
                print!("{}", plain_table::render(listing.headers, &listing.rows));
            }
        }
        ObjectVerb::Describe { name, json } => {
            let Some(kind) = kind.object() else {
                bail!("a feature is described by its view: `larder feature-views describe VIEW`")
            };
            let description = store.describe(kind, name).await?;
            if *json {
                println!("{}", serde_json::to_string_pretty(description.json())?);
            } else {
                println!("{description}");
            }
        }
    }
    Ok(())
}

pub(crate) fn print_definitions_schema() -> Result<()> {
    println!("{}", serde_json::to_string_pretty(&larder::definitions_json_schema())?);
    Ok(())
}

fn parse_tag(tag: &str) -> Result<(String, String)> {
    let (key, value) = tag.split_once(':').with_context(|| format!("`{tag}` is not `key:value`"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// A listing as one object a row, with the headers in lower case as names.
fn records(listing: &Listing) -> Vec<Map<String, Value>> {
    let names: Vec<String> =
        listing.headers.iter().map(|name| name.to_lowercase().replace(' ', "_")).collect();
    let record = |row: &Vec<String>| {
        names.iter().zip(row).map(|(name, cell)| (name.clone(), Value::from(cell.as_str()))).collect()
    };
    listing.rows.iter().map(record).collect()
}
