//! Streams that feed views.

use std::time::Duration;

use crate::SourceColumns;

/// A stream of messages, with the table that also keeps them. larder does not listen to it: rows of its
/// views arrive by push, or from the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSource {
    /// Where the messages come from.
    pub system: StreamSystem,
    /// How a message is to be read.
    pub format: MessageFormat,
    /// The name of the source that holds the history.
    pub batch_source: Option<String>,
    /// Which parts of a message are times, and what they are called.
    pub columns: SourceColumns,
}

/// Systems that carry streams.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamSystem {
    /// Apache Kafka.
    Kafka {
        /// The servers to ask first, separated by commas.
        kafka_bootstrap_servers: String,
        /// The topic.
        topic: String,
        /// How late a message may be.
        watermark_delay_threshold: Option<Duration>,
    },
    /// Amazon Kinesis.
    Kinesis {
        /// The region.
        region: String,
        /// The stream.
        stream_name: String,
    },
}

/// How the messages of a stream are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageFormat {
    /// Avro, with its schema as JSON text.
    Avro(String),
    /// Protobuf, by the path of the class.
    Proto(String),
    /// JSON, with its schema as text.
    Json(String),
}

impl StreamSystem {
    /// The name in definitions.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kafka { .. } => "kafka",
            Self::Kinesis { .. } => "kinesis",
        }
    }
}
