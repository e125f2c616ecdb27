//! `feast.serving.GetOnlineFeaturesResponse`, written straight from Arrow columns.
//!
//! ```text
//! 1 metadata   1 feature_names 1 val …       2 feature_view_metadata … 1 name
//! 2 results …  1 values …   2 statuses (packed)   3 event_timestamps … 1 seconds 2 nanos
//! ```

use bytes::Bytes;
use larder_core::Timestamp;
use larder_feast_value::ValueEncoder;
use larder_serving::{FeatureStatus, OnlineResponse, ResponseColumn};
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::encoded::Encoded;

/// The message; with `with_views` it also names the views.
pub(super) fn encode(answer: &OnlineResponse, with_views: bool) -> Encoded {
    let mut names = Vec::new();
    for column in answer.columns() {
        put_bytes(&mut names, 1, column.name().as_bytes());
    }
    let mut metadata = Vec::new();
    put_bytes(&mut metadata, 1, &names);
    if with_views {
        for view in answer.feature_views() {
            let mut named = Vec::new();
            put_bytes(&mut named, 1, view.as_bytes());
            put_bytes(&mut metadata, 2, &named);
        }
    }
    let mut message = Vec::new();
    put_bytes(&mut message, 1, &metadata);
    let mut scratch = Vec::new();
    for column in answer.columns() {
        let vector = vector(column, &mut scratch);
        put_bytes(&mut message, 2, &vector);
    }
    Encoded(Bytes::from(message))
}

fn vector(column: &ResponseColumn, scratch: &mut Vec<u8>) -> Vec<u8> {
    let rows = column.values().len();
    let mut vector = Vec::with_capacity(rows * 16);
    let encoder = ValueEncoder::try_new(column.value_type(), column.values());
    for row in 0..rows {
        scratch.clear();
        // Nothing that is not of its type is answered, so where there is no encoder there is no value either.
        if let Ok(encoder) = &encoder {
            encoder.encode(row, scratch);
        }
        put_bytes(&mut vector, 1, scratch);
    }
    scratch.clear();
    scratch.extend((0..rows).map(|row| number(column.status(row))));
    if rows > 0 {
        put_bytes(&mut vector, 2, scratch);
    }
    for row in 0..rows {
        scratch.clear();
        // Feast shows 1970, which protobuf says by nothing.
        put_time(scratch, column.event_timestamp(row).unwrap_or(Timestamp::EPOCH));
        put_bytes(&mut vector, 3, scratch);
    }
    vector
}

/// `feast.serving.FieldStatus`
fn number(status: FeatureStatus) -> u8 {
    match status {
        FeatureStatus::Present => 1,
        FeatureStatus::NotFound => 3,
        FeatureStatus::OutsideMaxAge => 4,
    }
}

/// `google.protobuf.Timestamp`
fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    let micros = time.micros();
    let (seconds, nanos) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) * 1000);
    for (field, value) in [(1, seconds), (2, nanos)] {
        if value != 0 {
            encode_key(field, WireType::Varint, out);
            encode_varint(value.cast_unsigned(), out);
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
