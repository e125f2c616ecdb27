//! A data source as a client of Feast describes one.

use larder_core::{DataSource, RequestError};
use prost::Message as _;
use serde_json::{Map, Value};

use crate::describe::{UnknownFields, encode};
use crate::proto::descriptor::DATA_SOURCE;
use crate::proto::{self, data_source_from_proto};

/// Reads a data source as Feast prints one: in protobuf's JSON form. Fields of a newer Feast are left out.
///
/// # Errors
///
/// [`RequestError`] that names the field, and for a kind of source that larder does not know.
pub fn data_source_from_json(text: &str) -> Result<DataSource, RequestError> {
    let refused = |reason: String| {
        RequestError::other(format!(
            "the data source cannot be read: {reason}; send protobuf's JSON form of a feast.core.DataSource"
        ))
    };
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
    let bytes =
        encode(&object, &DATA_SOURCE, UnknownFields::LeftOut).map_err(|field| refused(field.to_string()))?;
    let source = proto::DataSource::decode(bytes.as_slice()).map_err(|error| refused(error.to_string()))?;
    data_source_from_proto(&source).map_err(|unsupported| refused(unsupported.to_string()))
}
