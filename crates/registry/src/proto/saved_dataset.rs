//! Saved datasets and validation references.

use larder_core::{
    Expectations, ExternalSystem, FileFormat, SavedDataset, SavedDatasetStorage, Timestamp,
    ValidationReference,
};

use super::data_source::{file_format, file_format_tag, file_options};
use super::external_table::{decode_options, encode_options};
use super::{
    RESERVED_TAG_PREFIX, SavedDatasetMeta, SavedDatasetSpec, Unsupported, ValidationProfile, time_from_proto,
    time_to_proto, visible_tags,
};
use crate::expectations_json::{expectations_from_json, expectations_to_json};
use crate::proto;

/// Feast assumes this name; the tag says another.
const EVENT_TIMESTAMP: &str = "event_timestamp";

fn event_timestamp_tag() -> String {
    format!("{RESERVED_TAG_PREFIX}event-timestamp")
}

/// `before` is the message that this one replaces: what larder has no word for is taken over from it.
pub(crate) fn saved_dataset_to_proto(
    dataset: &SavedDataset,
    project: &str,
    (created, last_updated): (Timestamp, Timestamp),
    before: Option<&proto::SavedDataset>,
) -> proto::SavedDataset {
    let mut tags = dataset.tags.clone();
    if dataset.event_timestamp_column != EVENT_TIMESTAMP {
        tags.insert(event_timestamp_tag(), dataset.event_timestamp_column.clone());
    }
    if let SavedDatasetStorage::File { format, .. } = &dataset.storage
        && !matches!(format, FileFormat::Parquet | FileFormat::Delta)
    {
        tags.insert(file_format_tag(), format.name().to_owned());
    }
    let spec = SavedDatasetSpec {
        name: dataset.name.clone(),
        project: project.to_owned(),
        features: dataset.features.clone(),
        join_keys: dataset.join_keys.clone(),
        full_feature_names: dataset.full_feature_names,
        storage: Some(storage_to_proto(&dataset.storage, &dataset.name)),
        tags,
        feature_service_name: dataset.feature_service.clone(),
        namespace: dataset.namespace.clone(),
        collection: dataset.collection.clone(),
        description: dataset.description.clone(),
        columns: before
            .and_then(|before| before.spec.as_ref())
            .map(|spec| spec.columns.clone())
            .unwrap_or_default(),
    };
    let meta = SavedDatasetMeta {
        created_timestamp: Some(time_to_proto(created)),
        last_updated_timestamp: Some(time_to_proto(last_updated)),
        min_event_timestamp: dataset.min_event_timestamp.map(time_to_proto),
        max_event_timestamp: dataset.max_event_timestamp.map(time_to_proto),
    };
    proto::SavedDataset { spec: Some(spec), meta: Some(meta) }
}

fn storage_to_proto(storage: &SavedDatasetStorage, name: &str) -> proto::SavedDatasetStorage {
    let mut encoded = proto::SavedDatasetStorage::default();
    match storage {
        SavedDatasetStorage::File { path, format, s3_endpoint_override } => {
            let mut options = file_options(path, *format, s3_endpoint_override);
            // Feast says so of a dataset, though not of a data source.
            if *format == FileFormat::Parquet {
                let parquet =
                    proto::FileFormat { parquet_format: Some(Vec::new()), ..proto::FileFormat::default() };
                options.file_format = Some(parquet);
            }
            encoded.file_storage = Some(options);
        }
        SavedDatasetStorage::External { system, options } => {
            let options = Some(encode_options(*system, options, name));
            match system {
                ExternalSystem::BigQuery => encoded.bigquery_storage = options,
                ExternalSystem::Redshift => encoded.redshift_storage = options,
                ExternalSystem::Snowflake => encoded.snowflake_storage = options,
                ExternalSystem::Trino => encoded.trino_storage = options,
                ExternalSystem::Spark => encoded.spark_storage = options,
                ExternalSystem::Athena => encoded.athena_storage = options,
                _ => encoded.custom_storage = options,
            }
        }
        // The domain has grown a place that this file does not know: say nothing rather than wrong.
        _ => {}
    }
    encoded
}

pub(crate) fn saved_dataset_from_proto(dataset: &proto::SavedDataset) -> Result<SavedDataset, Unsupported> {
    let spec = dataset.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    let meta = dataset.meta.as_ref();
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| time_from_proto(Some(time)));
    Ok(SavedDataset {
        name: spec.name.clone(),
        features: spec.features.clone(),
        join_keys: spec.join_keys.clone(),
        full_feature_names: spec.full_feature_names,
        storage: storage_from_proto(spec)?,
        feature_service: spec.feature_service_name.clone(),
        namespace: spec.namespace.clone(),
        collection: spec.collection.clone(),
        description: spec.description.clone(),
        event_timestamp_column: spec
            .tags
            .get(&event_timestamp_tag())
            .cloned()
            .unwrap_or_else(|| EVENT_TIMESTAMP.to_owned()),
        tags: visible_tags(&spec.tags),
        min_event_timestamp: time(meta.and_then(|meta| meta.min_event_timestamp.as_ref())),
        max_event_timestamp: time(meta.and_then(|meta| meta.max_event_timestamp.as_ref())),
    })
}

fn storage_from_proto(spec: &SavedDatasetSpec) -> Result<SavedDatasetStorage, Unsupported> {
    let storage = spec.storage.as_ref().ok_or(Unsupported::Incomplete { part: "storage" })?;
    if let Some(file) = &storage.file_storage {
        return Ok(SavedDatasetStorage::File {
            path: file.uri.clone(),
            format: file_format(file, &spec.tags),
            s3_endpoint_override: file.s3_endpoint_override.clone(),
        });
    }
    let known = [
        (ExternalSystem::BigQuery, &storage.bigquery_storage),
        (ExternalSystem::Redshift, &storage.redshift_storage),
        (ExternalSystem::Snowflake, &storage.snowflake_storage),
        (ExternalSystem::Trino, &storage.trino_storage),
        (ExternalSystem::Spark, &storage.spark_storage),
        (ExternalSystem::Athena, &storage.athena_storage),
        (ExternalSystem::Custom, &storage.custom_storage),
    ];
    let found = known.into_iter().find_map(|(system, bytes)| Some((system, bytes.as_deref()?)));
    let (system, bytes) = found.ok_or(Unsupported::Incomplete { part: "storage" })?;
    let (system, options) = decode_options(system, bytes, "")?;
    Ok(SavedDatasetStorage::External { system, options })
}

/// What larder expects of the data.
fn expectations_tag() -> String {
    format!("{RESERVED_TAG_PREFIX}expectations")
}

/// What larder measured of the dataset.
pub(crate) fn dataset_profile_tag() -> String {
    format!("{RESERVED_TAG_PREFIX}dataset-profile")
}

/// `before` is the message that this one replaces: a pickled profiler in it stays, and what was measured of
/// the dataset too, if it is the same.
pub(crate) fn validation_reference_to_proto(
    reference: &ValidationReference,
    project: &str,
    before: Option<&proto::ValidationReference>,
) -> proto::ValidationReference {
    let mut tags = reference.tags.clone();
    if reference.expectations != Expectations::default() {
        tags.insert(expectations_tag(), expectations_to_json(&reference.expectations).to_string());
    }
    let measured = before
        .filter(|before| before.reference_dataset_name == reference.dataset)
        .and_then(|before| before.tags.get(&dataset_profile_tag()));
    if let Some(profile) = Some(&reference.dataset_profile).filter(|profile| !profile.is_empty()).or(measured)
    {
        tags.insert(dataset_profile_tag(), profile.clone());
    }
    let profile = reference.profile.clone().into_bytes();
    proto::ValidationReference {
        name: reference.name.clone(),
        reference_dataset_name: reference.dataset.clone(),
        project: project.to_owned(),
        description: reference.description.clone(),
        tags,
        ge_profiler: before.and_then(|before| before.ge_profiler.clone()),
        ge_profile: (!profile.is_empty()).then_some(ValidationProfile { expectation_suite: profile }),
    }
}

pub(crate) fn validation_reference_from_proto(
    reference: &proto::ValidationReference,
) -> Result<ValidationReference, Unsupported> {
    let profile = reference.ge_profile.as_ref().map(|profile| profile.expectation_suite.clone());
    let expectations = match reference.tags.get(&expectations_tag()) {
        Some(text) => serde_json::from_str(text)
            .ok()
            .and_then(|json| expectations_from_json(&json))
            .ok_or(Unsupported::Incomplete { part: "expectations" })?,
        None => Expectations::default(),
    };
    Ok(ValidationReference {
        name: reference.name.clone(),
        dataset: reference.reference_dataset_name.clone(),
        description: reference.description.clone(),
        tags: visible_tags(&reference.tags),
        profile: String::from_utf8(profile.unwrap_or_default())
            .map_err(|_| Unsupported::Incomplete { part: "ge_profile" })?,
        has_python_profiler: reference.ge_profiler.is_some(),
        expectations,
        dataset_profile: reference.tags.get(&dataset_profile_tag()).cloned().unwrap_or_default(),
    })
}
