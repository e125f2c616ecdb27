//! Feature services.

use larder_core::{FeatureService, LoggingConfig, LoggingDestination, SampleRate, Timestamp};

use super::entity::meta;
use super::projection::{Views, projection_from_proto, projection_to_proto};
use super::{
    CouchbaseDestination, CustomDestination, DataSourceEncoder, FeatureServiceSpec, FileDestination,
    TableDestination, Unsupported,
};
use crate::proto;

pub(crate) fn feature_service_to_proto(
    service: &FeatureService,
    project: &str,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
    times: (Timestamp, Timestamp),
) -> proto::FeatureService {
    let features = service.features.iter().map(|projection| projection_to_proto(projection, views, sources));
    let spec = FeatureServiceSpec {
        name: service.name.clone(),
        project: project.to_owned(),
        features: features.collect(),
        tags: service.tags.clone(),
        description: service.description.clone(),
        owner: service.owner.clone(),
        logging_config: service.logging_config.as_ref().map(logging_to_proto),
        precompute_online: service.precompute_online,
    };
    proto::FeatureService { spec: Some(spec), meta: Some(meta(times.0, times.1)) }
}

pub(crate) fn feature_service_from_proto(
    service: &proto::FeatureService,
) -> Result<FeatureService, Unsupported> {
    let spec = service.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    Ok(FeatureService {
        name: spec.name.clone(),
        features: spec.features.iter().map(projection_from_proto).collect(),
        logging_config: spec.logging_config.as_ref().map(logging_from_proto).transpose()?,
        precompute_online: spec.precompute_online,
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        owner: spec.owner.clone(),
    })
}

fn logging_to_proto(config: &LoggingConfig) -> proto::LoggingConfig {
    let table = |table: &str| Some(TableDestination { table: table.to_owned() });
    let config_proto =
        proto::LoggingConfig { sample_rate: config.sample_rate.get(), ..proto::LoggingConfig::default() };
    match &config.destination {
        LoggingDestination::File { path, s3_endpoint_override, partition_by } => proto::LoggingConfig {
            file_destination: Some(FileDestination {
                path: path.clone(),
                s3_endpoint_override: s3_endpoint_override.clone(),
                partition_by: partition_by.clone(),
            }),
            ..config_proto
        },
        LoggingDestination::BigQuery(name) => {
            proto::LoggingConfig { bigquery_destination: table(name), ..config_proto }
        }
        LoggingDestination::Redshift(name) => {
            proto::LoggingConfig { redshift_destination: table(name), ..config_proto }
        }
        LoggingDestination::Athena(name) => {
            proto::LoggingConfig { athena_destination: table(name), ..config_proto }
        }
        LoggingDestination::Snowflake(name) => {
            proto::LoggingConfig { snowflake_destination: table(name), ..config_proto }
        }
        LoggingDestination::CouchbaseColumnar { database, scope, collection } => proto::LoggingConfig {
            couchbase_columnar_destination: Some(CouchbaseDestination {
                database: database.clone(),
                scope: scope.clone(),
                collection: collection.clone(),
            }),
            ..config_proto
        },
        LoggingDestination::Custom { kind, config } => proto::LoggingConfig {
            custom_destination: Some(CustomDestination { kind: kind.clone(), config: config.clone() }),
            ..config_proto
        },
        // The domain has grown a place that this file does not know: say nothing rather than wrong.
        _ => config_proto,
    }
}

fn logging_from_proto(config: &proto::LoggingConfig) -> Result<LoggingConfig, Unsupported> {
    let sample_rate =
        SampleRate::new(config.sample_rate).ok_or(Unsupported::Incomplete { part: "sample_rate" })?;
    let destination = if let Some(file) = &config.file_destination {
        LoggingDestination::File {
            path: file.path.clone(),
            s3_endpoint_override: file.s3_endpoint_override.clone(),
            partition_by: file.partition_by.clone(),
        }
    } else if let Some(table) = &config.bigquery_destination {
        LoggingDestination::BigQuery(table.table.clone())
    } else if let Some(table) = &config.redshift_destination {
        LoggingDestination::Redshift(table.table.clone())
    } else if let Some(table) = &config.athena_destination {
        LoggingDestination::Athena(table.table.clone())
    } else if let Some(table) = &config.snowflake_destination {
        LoggingDestination::Snowflake(table.table.clone())
    } else if let Some(couchbase) = &config.couchbase_columnar_destination {
        LoggingDestination::CouchbaseColumnar {
            database: couchbase.database.clone(),
            scope: couchbase.scope.clone(),
            collection: couchbase.collection.clone(),
        }
    } else if let Some(custom) = &config.custom_destination {
        LoggingDestination::Custom { kind: custom.kind.clone(), config: custom.config.clone() }
    } else {
        return Err(Unsupported::Incomplete { part: "logging destination" });
    };
    Ok(LoggingConfig { sample_rate, destination })
}
