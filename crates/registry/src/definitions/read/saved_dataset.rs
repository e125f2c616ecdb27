//! Saved datasets and validation references.

use std::collections::BTreeMap;

use larder_core::{
    Expectations, ExternalSystem, FileFormat, SavedDataset, SavedDatasetStorage, Tolerances,
    ValidationReference,
};

use super::super::shapes::{
    COLUMN_EXPECTATIONS, EXPECTATIONS, SAVED_DATASET, STORAGE, TABLE_TYPES, VALIDATION_REFERENCE,
};
use super::data_source::file_format;
use super::field::tags;
use crate::expectations_json::TOLERANCES;
use crate::problem::Report;
use crate::suggestion::suggest;
use crate::yaml::{At, Node, ObjectReader};

pub(super) fn read_saved_dataset(node: &Node, report: &mut Report) -> Option<At<SavedDataset>> {
    let reader = ObjectReader::open(node, &SAVED_DATASET, report)?;
    let name = reader.required_name("name", report);
    let storage = reader.require("storage", report).and_then(|node| storage(node, report));
    let names = |key: &str, report: &mut Report| -> Vec<String> {
        reader.names(key, report).into_iter().map(|name| name.value).collect()
    };
    let name_of = |key: &str, report: &mut Report| reader.name(key, report).map(|name| name.value);
    let dataset = SavedDataset {
        features: names("features", report),
        join_keys: names("join_keys", report),
        full_feature_names: reader.boolean("full_feature_names", false, report),
        feature_service: name_of("feature_service", report).unwrap_or_default(),
        namespace: reader.text("namespace", report),
        collection: reader.text("collection", report),
        description: reader.text("description", report),
        tags: tags(&reader, report),
        event_timestamp_column: name_of("event_timestamp_column", report)
            .unwrap_or_else(|| "event_timestamp".to_owned()),
        min_event_timestamp: None,
        max_event_timestamp: None,
        storage: storage?,
        name: name.as_ref()?.value.clone(),
    };
    Some(At { value: dataset, place: name?.place })
}

fn storage(node: &Node, report: &mut Report) -> Option<SavedDatasetStorage> {
    let reader = ObjectReader::open(node, &STORAGE, report)?;
    let written = reader.name("type", report);
    let kind = written.as_ref().map_or("file", |written| written.value.as_str());
    let Some(kind) = TABLE_TYPES.into_iter().find(|known| *known == kind) else {
        let place = written.as_ref().map_or(reader.place, |written| &written.place);
        let problem = place.problem(format!("storage of type `{kind}` is unknown"));
        report.problem(problem.maybe_remedy(suggest(kind, TABLE_TYPES)));
        return None;
    };
    let own: &[&str] = match ExternalSystem::ALL.into_iter().find(|system| system.name() == kind) {
        Some(system) => system.options(),
        None => &["path", "file_format", "s3_endpoint_override"],
    };
    for key in STORAGE.names().filter(|key| *key != "type" && !own.contains(key)) {
        if let (Some(_), Some(place)) = (reader.get(key), reader.key_place(key)) {
            report.problem(place.problem(format!("storage of type {kind} has no `{key}`")));
        }
    }
    let Some(system) = ExternalSystem::ALL.into_iter().find(|system| system.name() == kind) else {
        reader.require("path", report)?;
        let path = reader.text("path", report);
        let format = file_format(&reader, report)
            .or_else(|| FileFormat::from_path(&path))
            .unwrap_or(FileFormat::Parquet);
        let s3_endpoint_override = reader.text("s3_endpoint_override", report);
        return Some(SavedDatasetStorage::File { path, format, s3_endpoint_override });
    };
    if system == ExternalSystem::Iceberg {
        report.problem(reader.place.problem("a saved dataset cannot be kept in an Iceberg table"));
        return None;
    }
    Some(SavedDatasetStorage::External {
        system,
        options: super::data_source::options(&reader, system, report),
    })
}

pub(super) fn read_validation_reference(node: &Node, report: &mut Report) -> Option<At<ValidationReference>> {
    let reader = ObjectReader::open(node, &VALIDATION_REFERENCE, report)?;
    let (name, dataset) = (reader.required_name("name", report), reader.required_name("dataset", report));
    let profile = reader.read("profile", report, |node, what| {
        let text = node.text(what)?;
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(node.place.problem(format!("{what} is no JSON")).because(error.to_string())),
        }
    });
    let reference = ValidationReference {
        dataset: dataset?.value,
        description: reader.text("description", report),
        tags: tags(&reader, report),
        profile: profile.map(|profile| profile.value).unwrap_or_default(),
        has_python_profiler: false,
        expectations: reader.get("expectations").map(|node| expectations(node, report)).unwrap_or_default(),
        dataset_profile: String::new(),
        name: name.as_ref()?.value.clone(),
    };
    Some(At { value: reference, place: name?.place })
}

/// What is wrong goes to `report`, and is the default here.
fn expectations(node: &Node, report: &mut Report) -> Expectations {
    let Some(reader) = ObjectReader::open(node, &EXPECTATIONS, report) else {
        return Expectations::default();
    };
    let min_rows = reader.read("min_rows", report, Node::count);
    let usual = tolerances(&reader, Tolerances::default(), report);
    let mut columns = BTreeMap::new();
    for item in reader.items("columns", report) {
        let Some(column) = ObjectReader::open(item, &COLUMN_EXPECTATIONS, report) else { continue };
        let Some(name) = column.required_name("name", report) else { continue };
        let own = tolerances(&column, usual, report);
        let own = (!column.boolean("ignore", false, report)).then_some(own);
        if columns.insert(name.value.clone(), own).is_some() {
            report.problem(name.place.problem(format!("column `{}` is listed twice", name.value)));
        }
    }
    Expectations {
        min_rows: min_rows.map_or(Expectations::default().min_rows, |rows| rows.value),
        tolerances: usual,
        columns,
    }
}

fn tolerances(reader: &ObjectReader<'_>, usual: Tolerances, report: &mut Report) -> Tolerances {
    let mut tolerances = usual;
    for key in &TOLERANCES {
        let wanted = match key.range {
            (least, Some(greatest)) => format!("a number from {least} to {greatest}"),
            (least, None) => format!("a number of {least} or more"),
        };
        let tolerance = reader.read(key.name, report, |node, what| {
            let text = node.scalar(what, &wanted)?;
            let tolerance = text.parse().ok().and_then(|number| key.accept(number));
            tolerance.ok_or_else(|| node.place.problem(format!("{what} is {text}, but must be {wanted}")))
        });
        if let Some(tolerance) = tolerance {
            *(key.of)(&mut tolerances) = tolerance.value;
        }
    }
    tolerances
}
