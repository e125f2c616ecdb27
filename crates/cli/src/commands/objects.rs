//! `larder entities list`, `larder feature-views describe NAME` and their like.

use anyhow::{Context as _, Result};
use larder::{Description, ListFilter, Listing, ObjectKind};
use serde_json::{Map, Value};

use crate::object_arguments::{DescribeArguments, ListArguments, ObjectVerb};
use crate::plain_table;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, kind: ObjectKind, verb: &ObjectVerb) -> Result<()> {
    match verb {
        ObjectVerb::List(arguments) => list(repo, kind, arguments).await,
        ObjectVerb::Describe(arguments) => describe(repo, kind, arguments).await,
    }
}

pub(crate) async fn list(repo: &Repo, kind: ObjectKind, arguments: &ListArguments) -> Result<()> {
    let listing = repo.open().await?.list(kind, filter(arguments)?).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&records(&listing))?);
    } else {
        print!("{}", plain_table::render(listing.headers, &listing.rows));
    }
    Ok(())
}

pub(crate) async fn describe(repo: &Repo, kind: ObjectKind, arguments: &DescribeArguments) -> Result<()> {
    show(&repo.open().await?.describe(kind, &arguments.name).await?, arguments.json)
}

pub(crate) fn filter(arguments: &ListArguments) -> Result<ListFilter> {
    Ok(ListFilter { tags: parse_tags(&arguments.tags)?, owner: arguments.owner.clone() })
}

pub(crate) fn print_definitions_schema() -> Result<()> {
    println!("{}", serde_json::to_string_pretty(&larder::definitions_json_schema())?);
    Ok(())
}

pub(crate) fn print_test_file_schema() -> Result<()> {
    println!("{}", serde_json::to_string_pretty(&larder::test_file_json_schema())?);
    Ok(())
}

/// One object, as YAML with the blank line that Feast leaves, or as JSON.
pub(crate) fn show(description: &Description, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(description.json())?);
    } else {
        println!("{description}");
    }
    Ok(())
}

/// `key:value` pairs, several of which may stand in one argument; of one key given twice the last counts.
fn parse_tags(arguments: &[String]) -> Result<Vec<(String, String)>> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for tag in arguments.iter().flat_map(|argument| argument.split(',')) {
        let (key, value) = tag.split_once(':').with_context(|| format!("`{tag}` is not `key:value`"))?;
        let plain = |text: &str| text.trim().trim_matches(['"', '\'']).trim().to_owned();
        let (key, value) = (plain(key), plain(value));
        tags.retain(|(known, _)| *known != key);
        tags.push((key, value));
    }
    Ok(tags)
}

/// A listing as one object a row, with the headers in lower case as names.
pub(crate) fn records(listing: &Listing) -> Vec<Map<String, Value>> {
    let names: Vec<String> =
        listing.headers.iter().map(|name| name.to_lowercase().replace(' ', "_")).collect();
    let record = |row: &Vec<String>| {
        names.iter().zip(row).map(|(name, cell)| (name.clone(), Value::from(cell.as_str()))).collect()
    };
    listing.rows.iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_one_by_one_or_separated_by_commas() {
        let tags = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
            parse_tags(&arguments)
        };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags(&["a:1, 'b':\"x:y\"", "a:2"]).unwrap(), [pair("b", "x:y"), pair("a", "2")]);
        assert!(tags(&["a"]).unwrap_err().to_string().contains("`a` is not `key:value`"));
    }
}
