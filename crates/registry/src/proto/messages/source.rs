//! Data sources.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{Duration, Timestamp};

use super::FeatureSpecV2;

/// `feast.core.DataSource`. The options of sources that larder does not read are kept as bytes and
/// taken apart by `external_table.rs`.
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_field_names, reason = "the names are Feast's")]
pub(crate) struct DataSource {
    #[prost(int32, tag = "1")]
    pub(crate) source_type: i32,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) field_mapping: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(crate) timestamp_field: String,
    #[prost(string, tag = "4")]
    pub(crate) date_partition_column: String,
    #[prost(string, tag = "5")]
    pub(crate) created_timestamp_column: String,
    #[prost(message, optional, tag = "11")]
    pub(crate) file_options: Option<FileOptions>,
    #[prost(bytes = "vec", optional, tag = "12")]
    pub(crate) bigquery_options: Option<Vec<u8>>,
    #[prost(message, optional, tag = "13")]
    pub(crate) kafka_options: Option<KafkaOptions>,
    #[prost(message, optional, tag = "14")]
    pub(crate) kinesis_options: Option<KinesisOptions>,
    #[prost(bytes = "vec", optional, tag = "15")]
    pub(crate) redshift_options: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "16")]
    pub(crate) custom_options: Option<Vec<u8>>,
    #[prost(string, tag = "17")]
    pub(crate) data_source_class_type: String,
    #[prost(message, optional, tag = "18")]
    pub(crate) request_data_options: Option<RequestDataOptions>,
    #[prost(bytes = "vec", optional, tag = "19")]
    pub(crate) snowflake_options: Option<Vec<u8>>,
    #[prost(string, tag = "20")]
    pub(crate) name: String,
    #[prost(string, tag = "21")]
    pub(crate) project: String,
    #[prost(string, tag = "23")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "24")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "25")]
    pub(crate) owner: String,
    #[prost(message, optional, boxed, tag = "26")]
    pub(crate) batch_source: Option<Box<DataSource>>,
    #[prost(bytes = "vec", optional, tag = "27")]
    pub(crate) spark_options: Option<Vec<u8>>,
    #[prost(string, tag = "28")]
    pub(crate) timestamp_field_type: String,
    #[prost(bytes = "vec", optional, tag = "30")]
    pub(crate) trino_options: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "35")]
    pub(crate) athena_options: Option<Vec<u8>>,
    #[prost(message, optional, tag = "50")]
    pub(crate) meta: Option<SourceMeta>,
}

/// `feast.core.DataSource.SourceType`
pub(crate) mod source_type {
    pub(crate) const BATCH_FILE: i32 = 1;
    pub(crate) const BATCH_BIGQUERY: i32 = 2;
    pub(crate) const STREAM_KAFKA: i32 = 3;
    pub(crate) const STREAM_KINESIS: i32 = 4;
    pub(crate) const BATCH_REDSHIFT: i32 = 5;
    pub(crate) const CUSTOM_SOURCE: i32 = 6;
    pub(crate) const REQUEST_SOURCE: i32 = 7;
    pub(crate) const BATCH_SNOWFLAKE: i32 = 8;
    pub(crate) const PUSH_SOURCE: i32 = 9;
    pub(crate) const BATCH_TRINO: i32 = 10;
    pub(crate) const BATCH_SPARK: i32 = 11;
    pub(crate) const BATCH_ATHENA: i32 = 12;
    pub(crate) const BATCH_ICEBERG: i32 = 13;
}

/// `feast.core.DataSource.KafkaOptions`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct KafkaOptions {
    #[prost(string, tag = "1")]
    pub(crate) kafka_bootstrap_servers: String,
    #[prost(string, tag = "2")]
    pub(crate) topic: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) message_format: Option<StreamFormat>,
    #[prost(message, optional, tag = "4")]
    pub(crate) watermark_delay_threshold: Option<Duration>,
}

/// `feast.core.DataSource.KinesisOptions`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct KinesisOptions {
    #[prost(string, tag = "1")]
    pub(crate) region: String,
    #[prost(string, tag = "2")]
    pub(crate) stream_name: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) record_format: Option<StreamFormat>,
}

/// `feast.core.StreamFormat`
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_field_names, reason = "the names are Feast's")]
pub(crate) struct StreamFormat {
    #[prost(message, optional, tag = "1")]
    pub(crate) avro_format: Option<FormatText>,
    #[prost(message, optional, tag = "2")]
    pub(crate) proto_format: Option<FormatText>,
    #[prost(message, optional, tag = "3")]
    pub(crate) json_format: Option<FormatText>,
}

/// `AvroFormat`, `ProtoFormat` and `JsonFormat` of `feast.core.StreamFormat`, which are alike.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FormatText {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

/// `feast.core.DataSource.SourceMeta`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SourceMeta {
    #[prost(message, optional, tag = "3")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
}

/// `feast.core.DataSource.FileOptions`. Without a format it is Parquet.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FileOptions {
    #[prost(message, optional, tag = "1")]
    pub(crate) file_format: Option<FileFormat>,
    #[prost(string, tag = "2")]
    pub(crate) uri: String,
    #[prost(string, tag = "3")]
    pub(crate) s3_endpoint_override: String,
}

/// `feast.core.FileFormat`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FileFormat {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) parquet_format: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) delta_format: Option<Vec<u8>>,
}

/// `feast.core.DataSource.RequestDataOptions`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestDataOptions {
    #[prost(btree_map = "string, int32", tag = "2")]
    pub(crate) deprecated_schema: BTreeMap<String, i32>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) schema: Vec<FeatureSpecV2>,
}
