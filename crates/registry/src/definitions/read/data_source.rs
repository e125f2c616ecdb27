//! Data sources.

use std::collections::BTreeMap;

use larder_core::FileFormat;

use super::super::parsed::{ParsedDataSource, ParsedSourceKind};
use super::super::shapes::{DATA_SOURCE, SOURCE_TYPES_LATER};
use super::field::{fields, tags};
use crate::problem::Report;
use crate::suggestion::suggest;
use crate::yaml::{Node, ObjectReader};

pub(super) fn read_data_source(node: &Node, report: &mut Report) -> Option<ParsedDataSource> {
    let reader = ObjectReader::open(node, &DATA_SOURCE, report)?;
    let kind = source_type(&reader, report);
    let kind = match kind? {
        "file" => {
            only_keys(
                &reader,
                "file",
                &["path", "file_format", "timestamp_field", "created_timestamp_column", "field_mapping"],
                report,
            );
            read_file_source(&reader, report)
        }
        "push" => {
            only_keys(&reader, "push", &["batch_source"], report);
            Some(ParsedSourceKind::Push { batch_source: reader.name("batch_source", report) })
        }
        _ => {
            only_keys(&reader, "request", &["schema"], report);
            let schema = fields(&reader, "schema", report);
            if schema.is_empty()
                && reader.get("schema").is_none_or(|node| node.list("").is_ok_and(<[_]>::is_empty))
            {
                report.problem(
                    reader.place.problem(format!("{} has no fields in its `schema`", reader.subject)),
                );
            }
            Some(ParsedSourceKind::Request { schema })
        }
    };
    let name = match (&kind, reader.get("name")) {
        // As in Feast, a table may go by where it is.
        (Some(ParsedSourceKind::File { path, .. }), None) => Some(path.clone()),
        _ => reader.required_name("name", report),
    };
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedDataSource { name: name?, kind: kind?, description, tags, owner })
}

/// The type that is written, or that the other keys tell.
fn source_type(reader: &ObjectReader<'_>, report: &mut Report) -> Option<&'static str> {
    const TYPES: [&str; 3] = ["file", "push", "request"];
    if reader.get("type").is_some() {
        let written = reader.name("type", report)?;
        let known = TYPES.into_iter().find(|known| *known == written.value);
        if known.is_none() {
            let later = SOURCE_TYPES_LATER.contains(&written.value.as_str());
            let state = if later { "are not supported yet" } else { "are unknown" };
            let problem = written.place.problem(format!("data sources of type `{}` {state}", written.value));
            report.problem(problem.maybe_remedy(suggest(&written.value, TYPES)));
        }
        return known;
    }
    let told: Vec<&str> = [("path", "file"), ("batch_source", "push"), ("schema", "request")]
        .into_iter()
        .filter(|(key, _)| reader.get(key).is_some())
        .map(|(_, kind)| kind)
        .collect();
    let [kind] = told.as_slice() else {
        let problem = reader.place.problem(format!("{} has no `type`", reader.subject));
        report.problem(problem.remedy("add `type: file`, `type: push` or `type: request`"));
        return None;
    };
    TYPES.into_iter().find(|known| known == kind)
}

/// Refuses keys that belong to other kinds of sources.
fn only_keys(reader: &ObjectReader<'_>, kind: &str, own: &[&str], report: &mut Report) {
    const BY_KIND: [&str; 7] = [
        "path",
        "file_format",
        "timestamp_field",
        "created_timestamp_column",
        "field_mapping",
        "batch_source",
        "schema",
    ];
    for key in BY_KIND.into_iter().filter(|key| !own.contains(key)) {
        if let (Some(_), Some(place)) = (reader.get(key), reader.key_place(key)) {
            let problem =
                place.problem(format!("{} is a {kind} source, which has no `{key}`", reader.subject));
            report.problem(problem.remedy("remove the key, or correct the `type`"));
        }
    }
}

fn read_file_source(reader: &ObjectReader<'_>, report: &mut Report) -> Option<ParsedSourceKind> {
    reader.require("path", report);
    let path = reader.read("path", report, |node, what| {
        let path = node.text(what)?.trim();
        let local = path.strip_prefix("file://").unwrap_or(path);
        match local.split_once("://") {
            Some((scheme, _)) => {
                let problem = node.place.problem(format!("sources on `{scheme}://` are not supported yet"));
                Err(problem.remedy("use a path on this machine"))
            }
            None if local.is_empty() => Err(node.place.problem(format!("{what} is empty"))),
            None => Ok(local.to_owned()),
        }
    });
    let format = reader.read("file_format", report, |node, what| {
        let text = node.text(what)?;
        let known = [FileFormat::Parquet, FileFormat::Csv, FileFormat::NdJson];
        let found = known.into_iter().find(|format| format.name() == text.to_ascii_lowercase());
        found.ok_or_else(|| {
            let problem = node.place.problem(format!("file format `{text}` is not supported"));
            problem.maybe_remedy(suggest(text, known.map(FileFormat::name)))
        })
    });
    let timestamp_field = reader.name("timestamp_field", report);
    let created_timestamp_column = reader.name("created_timestamp_column", report);
    if let (Some(event), Some(created)) = (&timestamp_field, &created_timestamp_column)
        && event.value == created.value
    {
        let problem = created.place.problem(format!("{} has one column for both timestamps", reader.subject));
        report.problem(problem.because("the created timestamp breaks ties of the event timestamp"));
    }
    let field_mapping = reader.labels("field_mapping", report);
    let mut targets = BTreeMap::new();
    for (column, name) in &field_mapping {
        if let Some(other) = targets.insert(name, column)
            && let Some(place) = reader.key_place("field_mapping")
        {
            let what = format!("{} maps both `{other}` and `{column}` to `{name}`", reader.subject);
            report.problem(place.problem(what));
        }
    }
    let path = path?;
    let format = format
        .map(|format| format.value)
        .or_else(|| FileFormat::from_path(&path.value))
        .unwrap_or(FileFormat::Parquet);
    Some(ParsedSourceKind::File { path, format, timestamp_field, created_timestamp_column, field_mapping })
}
