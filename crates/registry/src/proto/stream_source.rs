//! Streams.

use larder_core::{MessageFormat, StreamSource, StreamSystem};

use super::external_table::{columns_of, with_columns};
use super::span::{span_from_proto, span_to_proto};
use super::{FormatText, KafkaOptions, KinesisOptions, StreamFormat, Unsupported, source_name, source_type};
use crate::proto;

pub(super) const KAFKA_CLASS: &str = "feast.data_source.KafkaSource";
pub(super) const KINESIS_CLASS: &str = "feast.data_source.KinesisSource";

/// Fills in what is the stream's of a source that has what is common to all.
pub(super) fn stream_source_to_proto(
    stream: &StreamSource,
    batch_source: Option<proto::DataSource>,
    common: proto::DataSource,
) -> proto::DataSource {
    let source = proto::DataSource {
        batch_source: batch_source.map(Box::new),
        ..with_columns(&stream.columns, common)
    };
    let format = Some(format_to_proto(&stream.format));
    match &stream.system {
        StreamSystem::Kafka { kafka_bootstrap_servers, topic, watermark_delay_threshold } => {
            proto::DataSource {
                source_type: source_type::STREAM_KAFKA,
                data_source_class_type: KAFKA_CLASS.to_owned(),
                kafka_options: Some(KafkaOptions {
                    kafka_bootstrap_servers: kafka_bootstrap_servers.clone(),
                    topic: topic.clone(),
                    message_format: format,
                    watermark_delay_threshold: watermark_delay_threshold.map(span_to_proto),
                }),
                ..source
            }
        }
        StreamSystem::Kinesis { region, stream_name } => proto::DataSource {
            source_type: source_type::STREAM_KINESIS,
            data_source_class_type: KINESIS_CLASS.to_owned(),
            kinesis_options: Some(KinesisOptions {
                region: region.clone(),
                stream_name: stream_name.clone(),
                record_format: format,
            }),
            ..source
        },
        // The domain has grown a stream that this file does not know: say nothing rather than wrong.
        _ => source,
    }
}

/// The stream that a source is; none if it is none.
pub(super) fn stream_source_from_proto(
    source: &proto::DataSource,
) -> Result<Option<StreamSource>, Unsupported> {
    let (system, format) = match source.source_type {
        source_type::STREAM_KAFKA => {
            let options =
                source.kafka_options.as_ref().ok_or(Unsupported::Incomplete { part: "kafka_options" })?;
            let system = StreamSystem::Kafka {
                kafka_bootstrap_servers: options.kafka_bootstrap_servers.clone(),
                topic: options.topic.clone(),
                watermark_delay_threshold: options.watermark_delay_threshold.as_ref().map(span_from_proto),
            };
            (system, &options.message_format)
        }
        source_type::STREAM_KINESIS => {
            let options =
                source.kinesis_options.as_ref().ok_or(Unsupported::Incomplete { part: "kinesis_options" })?;
            let system = StreamSystem::Kinesis {
                region: options.region.clone(),
                stream_name: options.stream_name.clone(),
            };
            (system, &options.record_format)
        }
        _ => return Ok(None),
    };
    Ok(Some(StreamSource {
        system,
        format: format_from_proto(format.as_ref()),
        batch_source: source.batch_source.as_deref().map(|batch| source_name(batch).to_owned()),
        columns: columns_of(source),
    }))
}

fn format_to_proto(format: &MessageFormat) -> StreamFormat {
    let some = |text: &str| Some(FormatText { text: text.to_owned() });
    match format {
        MessageFormat::Avro(schema) => StreamFormat { avro_format: some(schema), ..StreamFormat::default() },
        MessageFormat::Proto(class) => StreamFormat { proto_format: some(class), ..StreamFormat::default() },
        MessageFormat::Json(schema) => StreamFormat { json_format: some(schema), ..StreamFormat::default() },
        _ => StreamFormat::default(),
    }
}

/// A stream that says nothing of its messages has JSON without a schema.
fn format_from_proto(format: Option<&StreamFormat>) -> MessageFormat {
    let Some(format) = format else { return MessageFormat::Json(String::new()) };
    if let Some(avro) = &format.avro_format {
        return MessageFormat::Avro(avro.text.clone());
    }
    if let Some(proto) = &format.proto_format {
        return MessageFormat::Proto(proto.text.clone());
    }
    MessageFormat::Json(format.json_format.as_ref().map(|json| json.text.clone()).unwrap_or_default())
}
