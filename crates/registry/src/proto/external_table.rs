//! Tables of systems that larder does not read, and the bytes that name them.
//!
//! Each system has a message of its own for that. All their fields are texts but one, so one table of
//! field numbers does for all.

use std::collections::BTreeMap;

use larder_core::{ExternalSystem, ExternalTable, SourceColumns};
use serde_json::{Map, Value};

use super::wire::{self, WireValue};
use super::{Unsupported, source_type, table_format};
use crate::proto;

const POSTGRES_CLASS: &str =
    "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLSource";
const ICEBERG_CLASS: &str = "feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source.IcebergSource";
/// The option of Spark that is a message.
const TABLE_FORMAT: &str = "table_format";
/// The options of a source that is told by its Python class.
const CLASS: &str = "data_source_class_type";
const CONFIGURATION: &str = "configuration";

/// The field numbers of a system's options; none for those that are JSON.
pub(super) fn numbers(system: ExternalSystem) -> &'static [(u32, &'static str)] {
    match system {
        ExternalSystem::BigQuery | ExternalSystem::Trino => &[(1, "table"), (2, "query")],
        ExternalSystem::Redshift | ExternalSystem::Snowflake => {
            &[(1, "table"), (2, "query"), (3, "schema"), (4, "database")]
        }
        ExternalSystem::Athena => &[(1, "table"), (2, "query"), (3, "database"), (4, "data_source")],
        ExternalSystem::Spark => &[
            (1, "table"),
            (2, "query"),
            (3, "path"),
            (4, "file_format"),
            (5, "date_partition_column_format"),
            (6, TABLE_FORMAT),
        ],
        _ => &[],
    }
}

fn class(table: &ExternalTable) -> &str {
    system_class(table.system).unwrap_or_else(|| table.option(CLASS))
}

/// The Python class of a system's tables; none where a table says it itself.
fn system_class(system: ExternalSystem) -> Option<&'static str> {
    Some(match system {
        ExternalSystem::BigQuery => "feast.infra.offline_stores.bigquery_source.BigQuerySource",
        ExternalSystem::Redshift => "feast.infra.offline_stores.redshift_source.RedshiftSource",
        ExternalSystem::Snowflake => "feast.infra.offline_stores.snowflake_source.SnowflakeSource",
        ExternalSystem::Athena => {
            "feast.infra.offline_stores.contrib.athena_offline_store.athena_source.AthenaSource"
        }
        ExternalSystem::Trino => {
            "feast.infra.offline_stores.contrib.trino_offline_store.trino_source.TrinoSource"
        }
        ExternalSystem::Spark => {
            "feast.infra.offline_stores.contrib.spark_offline_store.spark_source.SparkSource"
        }
        ExternalSystem::Iceberg => ICEBERG_CLASS,
        ExternalSystem::Postgres => POSTGRES_CLASS,
        _ => return None,
    })
}

/// The Python class of the tables of a type of sources, where there is one.
pub(super) fn table_class(number: i32) -> Option<&'static str> {
    let systems = ExternalSystem::ALL.into_iter().filter(|system| source_type(*system) == number);
    let mut systems = systems.filter(|_| number != source_type::CUSTOM_SOURCE);
    systems.next().and_then(system_class)
}

fn source_type(system: ExternalSystem) -> i32 {
    match system {
        ExternalSystem::BigQuery => source_type::BATCH_BIGQUERY,
        ExternalSystem::Redshift => source_type::BATCH_REDSHIFT,
        ExternalSystem::Snowflake => source_type::BATCH_SNOWFLAKE,
        ExternalSystem::Athena => source_type::BATCH_ATHENA,
        ExternalSystem::Trino => source_type::BATCH_TRINO,
        ExternalSystem::Spark => source_type::BATCH_SPARK,
        ExternalSystem::Iceberg => source_type::BATCH_ICEBERG,
        _ => source_type::CUSTOM_SOURCE,
    }
}

/// Fills in what is the system's of a source that has what is common to all.
pub(super) fn external_table_to_proto(table: &ExternalTable, common: proto::DataSource) -> proto::DataSource {
    let options = Some(encode_options(table.system, &table.options, &common.name));
    let mut source = proto::DataSource {
        source_type: source_type(table.system),
        data_source_class_type: class(table).to_owned(),
        ..with_columns(&table.columns, common)
    };
    match table.system {
        ExternalSystem::BigQuery => source.bigquery_options = options,
        ExternalSystem::Redshift => source.redshift_options = options,
        ExternalSystem::Snowflake => source.snowflake_options = options,
        ExternalSystem::Athena => source.athena_options = options,
        ExternalSystem::Trino => source.trino_options = options,
        ExternalSystem::Spark => source.spark_options = options,
        _ => source.custom_options = options,
    }
    source
}

/// The table of a source that is neither a file nor a stream; none if it is no table at all.
pub(super) fn external_table_from_proto(
    source: &proto::DataSource,
) -> Result<Option<ExternalTable>, Unsupported> {
    let (system, bytes) = match source.source_type {
        source_type::BATCH_BIGQUERY => (ExternalSystem::BigQuery, &source.bigquery_options),
        source_type::BATCH_REDSHIFT => (ExternalSystem::Redshift, &source.redshift_options),
        source_type::BATCH_SNOWFLAKE => (ExternalSystem::Snowflake, &source.snowflake_options),
        source_type::BATCH_ATHENA => (ExternalSystem::Athena, &source.athena_options),
        source_type::BATCH_TRINO => (ExternalSystem::Trino, &source.trino_options),
        source_type::BATCH_SPARK => (ExternalSystem::Spark, &source.spark_options),
        source_type::BATCH_ICEBERG => (ExternalSystem::Iceberg, &source.custom_options),
        source_type::CUSTOM_SOURCE => (ExternalSystem::Custom, &source.custom_options),
        _ => return Ok(None),
    };
    let bytes = bytes.as_deref().unwrap_or_default();
    let (system, options) = decode_options(system, bytes, &source.data_source_class_type)?;
    Ok(Some(ExternalTable { system, options, columns: columns_of(source) }))
}

/// The message that names a table of a system.
pub(super) fn encode_options(
    system: ExternalSystem,
    options: &BTreeMap<String, String>,
    name: &str,
) -> Vec<u8> {
    let text = |key: &str| options.get(key).map(String::as_str).unwrap_or_default();
    let mut bytes = Vec::new();
    let configuration = match system {
        ExternalSystem::Postgres => {
            let pairs = [("name", name), ("query", text("query")), ("table", text("table"))];
            let object: Map<String, Value> =
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            Value::Object(object).to_string()
        }
        ExternalSystem::Iceberg => {
            let value = |key: &&str| ((*key).to_owned(), iceberg_value(key, text(key)));
            Value::Object(system.options().iter().map(value).collect()).to_string()
        }
        ExternalSystem::Custom => text(CONFIGURATION).to_owned(),
        _ => {
            for (number, key) in numbers(system) {
                let value = if *key == TABLE_FORMAT {
                    table_format::encode(text(key))
                } else {
                    text(key).as_bytes().to_vec()
                };
                if !value.is_empty() {
                    wire::put_bytes(&mut bytes, *number, &value);
                }
            }
            return bytes;
        }
    };
    if !configuration.is_empty() {
        wire::put_bytes(&mut bytes, 1, configuration.as_bytes());
    }
    bytes
}

/// Texts as they are; the other options as the JSON they are written in.
fn iceberg_value(key: &str, text: &str) -> Value {
    let default = match key {
        "credential_vending" => Value::Bool(true),
        "catalog_properties" => Value::Object(Map::new()),
        "token_env_var" if text.is_empty() => Value::Null,
        _ => return text.into(),
    };
    serde_json::from_str(text).unwrap_or(default)
}

/// The options in a message, and the system as it is known when the class and the options are.
pub(super) fn decode_options(
    system: ExternalSystem,
    bytes: &[u8],
    class: &str,
) -> Result<(ExternalSystem, BTreeMap<String, String>), Unsupported> {
    let mut options = BTreeMap::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            options.insert(key.to_owned(), value);
        }
    };
    let damaged = || Unsupported::Incomplete { part: "options" };
    let fields = wire::fields(bytes).map_err(|_| damaged())?;
    let mut texts = fields.iter().filter_map(|field| match field.value {
        WireValue::Bytes(value) => Some((field.number, value)),
        _ => None,
    });
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).map_err(|_| damaged());
    if !matches!(system, ExternalSystem::Iceberg | ExternalSystem::Custom | ExternalSystem::Postgres) {
        for (number, value) in texts {
            let known = numbers(system).iter().find(|(known, _)| *known == number);
            match known {
                Some((_, TABLE_FORMAT)) => {
                    put(TABLE_FORMAT, table_format::decode(value).ok_or_else(damaged)?);
                }
                Some((_, key)) => put(key, text(value)?),
                None => {}
            }
        }
        return Ok((system, options));
    }
    let configuration = texts.rfind(|(number, _)| *number == 1);
    let configuration = configuration.map(|(_, value)| text(value)).transpose()?.unwrap_or_default();
    let object = match serde_json::from_str(&configuration) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let postgres = class == POSTGRES_CLASS
        && object
            .iter()
            .all(|(key, value)| ["name", "query", "table"].contains(&key.as_str()) && value.is_string());
    let iceberg = system == ExternalSystem::Iceberg
        && (class.is_empty() || class == ICEBERG_CLASS)
        && object.keys().all(|key| system.options().contains(&key.as_str()));
    if postgres {
        for key in ExternalSystem::Postgres.options() {
            put(key, object.get(*key).map(plain).unwrap_or_default());
        }
        return Ok((ExternalSystem::Postgres, options));
    }
    if iceberg {
        for key in system.options() {
            put(key, object.get(*key).map(plain).unwrap_or_default());
        }
        return Ok((system, options));
    }
    put(CLASS, class.to_owned());
    put(CONFIGURATION, configuration);
    Ok((ExternalSystem::Custom, options))
}

/// A source with the columns of its kind.
pub(super) fn with_columns(columns: &SourceColumns, source: proto::DataSource) -> proto::DataSource {
    proto::DataSource {
        timestamp_field: columns.timestamp_field.clone(),
        created_timestamp_column: columns.created_timestamp_column.clone().unwrap_or_default(),
        field_mapping: columns.field_mapping.clone(),
        date_partition_column: columns.date_partition_column.clone(),
        timestamp_field_type: columns.timestamp_field_type.clone(),
        ..source
    }
}

pub(super) fn columns_of(source: &proto::DataSource) -> SourceColumns {
    let created = &source.created_timestamp_column;
    SourceColumns {
        timestamp_field: source.timestamp_field.clone(),
        created_timestamp_column: (!created.is_empty()).then(|| created.clone()),
        field_mapping: source.field_mapping.clone(),
        date_partition_column: source.date_partition_column.clone(),
        timestamp_field_type: source.timestamp_field_type.clone(),
    }
}
