//! Data sources.

use std::collections::BTreeMap;

use larder_core::{
    ArtifactFormat, ExternalSystem, ExternalTable, FileFormat, MessageFormat, MlflowSource, MlflowTable,
    SourceColumns, StreamSource, StreamSystem,
};

use super::super::parsed::{ParsedDataSource, ParsedSourceKind};
use super::super::shapes::{DATA_SOURCE, MESSAGE_FORMAT, SOURCE_TYPES};
use super::field::{fields, tags};
use crate::problem::{Problem, Report};
use crate::proto::table_format;
use crate::suggestion::suggest;
use crate::yaml::{Node, ObjectReader};

/// The keys that every kind of source has.
const COMMON: [&str; 6] = ["name", "type", "description", "tags", "owner", "connection_ref"];
/// The keys of tables and streams.
const COLUMNS: [&str; 5] = [
    "timestamp_field",
    "created_timestamp_column",
    "field_mapping",
    "date_partition_column",
    "timestamp_field_type",
];

pub(super) fn read_data_source(node: &Node, report: &mut Report) -> Option<ParsedDataSource> {
    let reader = ObjectReader::open(node, &DATA_SOURCE, report)?;
    let kind = source_type(&reader, report)?;
    let kind = match kind {
        "file" => {
            let own = [
                "path",
                "file_format",
                "timestamp_field",
                "created_timestamp_column",
                "field_mapping",
                "s3_endpoint_override",
            ];
            only_keys(&reader, kind, &own, report);
            read_file_source(&reader, report)
        }
        "push" => {
            only_keys(&reader, kind, &["batch_source"], report);
            Some(ParsedSourceKind::Push { batch_source: reader.name("batch_source", report) })
        }
        "request" => {
            only_keys(&reader, kind, &["schema"], report);
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
        "kafka" | "kinesis" => read_stream(&reader, kind, report),
        "mlflow" => read_mlflow(&reader, kind, report),
        _ => read_table(&reader, kind, report),
    };
    let name = match (&kind, reader.get("name")) {
        // As in Feast, a table may go by where it is.
        (Some(ParsedSourceKind::File { path, .. }), None) => Some(path.clone()),
        (Some(ParsedSourceKind::External(table)), None) if !table.option("table").is_empty() => {
            reader.read("table", report, |node, what| node.text(what).map(str::to_owned))
        }
        _ => reader.required_name("name", report),
    };
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedDataSource { name: name?, kind: kind?, description, tags, owner })
}

/// The type that is written, or that the other keys tell.
fn source_type(reader: &ObjectReader<'_>, report: &mut Report) -> Option<&'static str> {
    if reader.get("type").is_some() {
        let written = reader.name("type", report)?;
        let known = SOURCE_TYPES.into_iter().find(|known| *known == written.value);
        if known.is_none() {
            let problem =
                written.place.problem(format!("data sources of type `{}` are unknown", written.value));
            let other = "write `type: custom` with its `data_source_class_type`".to_owned();
            let remedy = crate::suggestion::nearest(&written.value, SOURCE_TYPES);
            report.problem(problem.remedy(remedy.unwrap_or(other)));
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
    SOURCE_TYPES.into_iter().find(|known| known == kind)
}

/// Refuses keys that belong to other kinds of sources.
fn only_keys(reader: &ObjectReader<'_>, kind: &str, own: &[&str], report: &mut Report) {
    for key in DATA_SOURCE.names().filter(|key| !own.contains(key) && !COMMON.contains(key)) {
        if let (Some(_), Some(place)) = (reader.get(key), reader.key_place(key)) {
            let article = if kind.starts_with(['a', 'e', 'i', 'o']) || kind == "mlflow" { "an" } else { "a" };
            let problem =
                place.problem(format!("{} is {article} {kind} source, which has no `{key}`", reader.subject));
            report.problem(problem.remedy("remove the key, or correct the `type`"));
        }
    }
}

fn read_file_source(reader: &ObjectReader<'_>, report: &mut Report) -> Option<ParsedSourceKind> {
    reader.require("path", report);
    let path = reader.read("path", report, |node, what| {
        let path = node.text(what)?.trim();
        if path.strip_prefix("file://").unwrap_or(path).is_empty() {
            Err(node.place.problem(format!("{what} is empty")))
        } else {
            Ok(path.to_owned())
        }
    });
    let format = file_format(reader, report);
    let columns = columns(reader, report);
    let timestamp_field = reader.name("timestamp_field", report);
    let created_timestamp_column = reader.name("created_timestamp_column", report);
    let path = path?;
    let format = format.or_else(|| FileFormat::from_path(&path.value)).unwrap_or(FileFormat::Parquet);
    Some(ParsedSourceKind::File {
        path,
        format,
        timestamp_field,
        created_timestamp_column,
        field_mapping: columns.field_mapping,
        s3_endpoint_override: reader.text("s3_endpoint_override", report),
    })
}

/// The format of a file, where it is written.
pub(super) fn file_format(reader: &ObjectReader<'_>, report: &mut Report) -> Option<FileFormat> {
    let format = reader.read("file_format", report, |node, what| {
        let text = node.text(what)?;
        let known = [FileFormat::Parquet, FileFormat::Csv, FileFormat::NdJson, FileFormat::Delta];
        let found = known.into_iter().find(|format| format.name() == text.to_ascii_lowercase());
        found.ok_or_else(|| {
            let problem = node.place.problem(format!("file format `{text}` is not supported"));
            problem.maybe_remedy(suggest(text, known.map(FileFormat::name)))
        })
    });
    format.map(|format| format.value)
}

fn columns(reader: &ObjectReader<'_>, report: &mut Report) -> SourceColumns {
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
    SourceColumns {
        timestamp_field: timestamp_field.map(|field| field.value).unwrap_or_default(),
        created_timestamp_column: created_timestamp_column.map(|column| column.value),
        field_mapping,
        date_partition_column: reader.text("date_partition_column", report),
        timestamp_field_type: reader.text("timestamp_field_type", report),
    }
}

fn read_stream(reader: &ObjectReader<'_>, kind: &str, report: &mut Report) -> Option<ParsedSourceKind> {
    let (own, format_key): (&[&str], _) = if kind == "kafka" {
        (
            &[
                "kafka_bootstrap_servers",
                "topic",
                "message_format",
                "watermark_delay_threshold",
                "batch_source",
            ],
            "message_format",
        )
    } else {
        (&["region", "stream_name", "record_format", "batch_source"], "record_format")
    };
    let own: Vec<&str> = own.iter().copied().chain(COLUMNS).collect();
    only_keys(reader, kind, &own, report);
    let mut required = |key: &str| {
        reader.require(key, report);
        reader.text(key, report)
    };
    let system = if kind == "kafka" {
        let (kafka_bootstrap_servers, topic) = (required("kafka_bootstrap_servers"), required("topic"));
        let watermark_delay_threshold =
            reader.span("watermark_delay_threshold", report).map(|span| span.value);
        StreamSystem::Kafka { kafka_bootstrap_servers, topic, watermark_delay_threshold }
    } else {
        StreamSystem::Kinesis { region: required("region"), stream_name: required("stream_name") }
    };
    let format = reader.require(format_key, report);
    let format = format.and_then(|node| message_format(node, report));
    reader.require("timestamp_field", report);
    let columns = columns(reader, report);
    let batch_source = reader.name("batch_source", report);
    let stream = StreamSource { system, format: format?, batch_source: None, columns };
    Some(ParsedSourceKind::Stream { stream, batch_source })
}

fn message_format(node: &Node, report: &mut Report) -> Option<MessageFormat> {
    let reader = ObjectReader::open(node, &MESSAGE_FORMAT, report)?;
    let told: Vec<&str> =
        ["json", "avro", "proto"].into_iter().filter(|key| reader.get(key).is_some()).collect();
    let [format] = told.as_slice() else {
        let problem = node.place.problem("a message format is one of `json`, `avro` and `proto`");
        report.problem(problem.remedy("write it as `{json: SCHEMA}`"));
        return None;
    };
    let text = reader.text(format, report);
    Some(match *format {
        "avro" => MessageFormat::Avro(text),
        "proto" => MessageFormat::Proto(text),
        _ => MessageFormat::Json(text),
    })
}

/// Feast's rules: a dataset or an artifact, not both, and a source that takes what is written.
fn read_mlflow(reader: &ObjectReader<'_>, kind: &str, report: &mut Report) -> Option<ParsedSourceKind> {
    let own = [
        "dataset_name",
        "dataset_id",
        "run_id",
        "artifact_path",
        "artifact_format",
        "tracking_uri",
        "batch_source",
        "timestamp_field",
        "created_timestamp_column",
        "field_mapping",
    ];
    only_keys(reader, kind, &own, report);
    let mut text = |key: &str| Some(reader.text(key, report)).filter(|text| !text.is_empty());
    let (name, id) = (text("dataset_name"), text("dataset_id"));
    let (run_id, path) = (text("run_id"), text("artifact_path"));
    let tracking_uri = text("tracking_uri");
    let format = reader.read("artifact_format", report, |node, what| {
        let text = node.text(what)?;
        ArtifactFormat::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let problem = node.place.problem(format!("artifact format `{text}` is not supported"));
            problem.remedy("write `parquet` or `csv`")
        })
    });
    let columns = columns(reader, report);
    reader.require("batch_source", report);
    let batch_source = reader.name("batch_source", report);
    let has_dataset = name.is_some() || id.is_some();
    let table = match (run_id, path) {
        (None, None) if has_dataset => MlflowTable::Dataset { name, id },
        (Some(run_id), Some(path)) if !has_dataset => {
            let format = format.map_or(ArtifactFormat::Parquet, |format| format.value);
            MlflowTable::Artifact { run_id, path, format }
        }
        _ => {
            let problem = reader.place.problem(format!("{} names no table of MLflow", reader.subject));
            report.problem(problem.remedy(
                "give a dataset by `dataset_name` or `dataset_id`, or else an artifact by both `run_id` and \
                 `artifact_path`",
            ));
            return None;
        }
    };
    let source = MlflowSource { table, tracking_uri, batch_source: String::new(), columns };
    Some(ParsedSourceKind::Mlflow { source, batch_source: batch_source? })
}

fn read_table(reader: &ObjectReader<'_>, kind: &str, report: &mut Report) -> Option<ParsedSourceKind> {
    let system = ExternalSystem::ALL.into_iter().find(|system| system.name() == kind)?;
    let own: Vec<&str> = system.options().iter().copied().chain(COLUMNS).collect();
    only_keys(reader, kind, &own, report);
    let options = options(reader, system, report);
    check_options(reader, system, &options, report);
    let columns = columns(reader, report);
    if reader.get("timestamp_field").is_none() {
        let problem = reader.place.problem(format!("{} has no `timestamp_field`", reader.subject));
        report.problem(problem.because("larder cannot look into the table to infer it"));
    }
    Some(ParsedSourceKind::External(ExternalTable { system, options, columns }))
}

/// What names a table of a system. Values that are no text become JSON.
pub(super) fn options(
    reader: &ObjectReader<'_>,
    system: ExternalSystem,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    for key in system.options() {
        let text = reader.read(key, report, |node, what| match *key {
            "table_format" | "credential_vending" | "catalog_properties" | "configuration" => {
                option_text(node, what, key)
            }
            _ => node.text(what).map(str::to_owned),
        });
        if let Some(text) = text.filter(|text| !text.value.is_empty()) {
            options.insert((*key).to_owned(), text.value);
        }
    }
    options
}

fn option_text(node: &Node, what: &str, key: &str) -> Result<String, Problem> {
    let json = node.json();
    match key {
        "table_format" => {
            let text = json.to_string();
            if !table_format::is_valid(&text) {
                let names: Vec<String> =
                    table_format::names().map(|name| format!("`{{{name}: {{…}}}}`")).collect();
                let problem = node.place.problem(format!("{what} is no table format"));
                return Err(problem.remedy(format!("write one of {}", names.join(", "))));
            }
            Ok(text)
        }
        "credential_vending" => Ok(node.boolean(what)?.to_string()),
        "catalog_properties" => {
            node.entries(what)?;
            Ok(json.to_string())
        }
        // A configuration may be written as a mapping, or as the text that it is.
        _ => Ok(json.as_str().map_or_else(|| json.to_string(), str::to_owned)),
    }
}

/// Feast's rules for what a source must say of its table.
fn check_options(
    reader: &ObjectReader<'_>,
    system: ExternalSystem,
    options: &BTreeMap<String, String>,
    report: &mut Report,
) {
    let has = |key: &str| options.contains_key(key);
    let mut refuse = |text: &str| {
        report.problem(reader.place.problem(format!("{}: {text}", reader.subject)));
    };
    match system {
        ExternalSystem::Snowflake if has("table") && has("query") => {
            refuse("Both \"table\" and \"query\" argument provided.");
        }
        ExternalSystem::BigQuery
        | ExternalSystem::Redshift
        | ExternalSystem::Snowflake
        | ExternalSystem::Trino
        | ExternalSystem::Postgres
            if !has("table") && !has("query") =>
        {
            refuse("No \"table\" or \"query\" argument provided.");
        }
        ExternalSystem::Athena if !has("table") && !has("query") => refuse("No \"table\" argument provided."),
        ExternalSystem::Spark if has("table") && (has("query") || has("path")) => {
            refuse("'table' cannot be combined with 'query' or 'path'.");
        }
        ExternalSystem::Spark if !has("table") && !has("query") && !has("path") => {
            refuse("it needs a `table`, a `query` or a `path`");
        }
        ExternalSystem::Iceberg => {
            for key in ["warehouse", "namespace", "table"] {
                if !has(key) {
                    refuse(&format!("it needs a `{key}`"));
                }
            }
        }
        ExternalSystem::Custom if !has("data_source_class_type") => {
            refuse("it needs a `data_source_class_type`, the Python class that reads it");
        }
        _ => {}
    }
}
