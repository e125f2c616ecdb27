//! Errors as Feast's client of this server reads them.

use larder_core::json::python_dumps;
use larder_core::{Error, RequestError};
use serde_json::json;
use tonic::Status;

use crate::status;

/// As many bytes of a message as every client takes: it travels in a header, where all but plain letters take up
/// three times their bytes.
const MAX_MESSAGE_BYTES: usize = 4_000;

/// The status of a failed verb. Feast's client looks for the words in front of the envelope.
pub(crate) fn status_of(error: &Error) -> Status {
    let status = status::status_of(error);
    let mistake = error.downcast_ref::<RequestError>();
    let message = match mistake.and_then(|mistake| Some((mistake.feast_class()?, mistake))) {
        Some((class, mistake)) => {
            let message = cut(&mistake.to_string());
            let envelope = json!({ "module": "feast.errors", "class": class, "message": message });
            format!("Flight error: {}", python_dumps(&envelope))
        }
        None => cut(status.message()),
    };
    Status::new(status.code(), message)
}

fn cut(message: &str) -> String {
    let mut bytes = 0;
    let too_far = |(_, letter): &(usize, char)| {
        bytes += if letter.is_ascii_graphic() { 1 } else { 3 * letter.len_utf8() };
        bytes > MAX_MESSAGE_BYTES
    };
    match message.char_indices().find(too_far) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_feasts_has_its_envelope_and_is_never_too_long_for_a_header() {
        let unknown = RequestError::FeatureServiceNotFound { service: "s".into(), project: "p".into() };
        assert_eq!(
            status_of(&unknown.into()).message(),
            "Flight error: {\"module\": \"feast.errors\", \"class\": \"FeatureServiceNotFoundException\", \
             \"message\": \"Feature service s does not exist in project p\"}"
        );
        let columns: Vec<String> = (0..10_000).map(|at| format!("column_{at}")).collect();
        let missing = RequestError::EntityDfMissingColumns { expected: columns.clone(), missing: columns };
        let status = status_of(&missing.into());
        assert!(status.message().len() < 5_000 && status.message().ends_with("\"}"), "{status:?}");
        let plain = status_of(&RequestError::other("é".repeat(10_000)).into());
        assert!(plain.message().len() * 3 <= MAX_MESSAGE_BYTES + 9);
    }
}
