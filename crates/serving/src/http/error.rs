//! Errors as HTTP: the one place that chooses a status, and the one that prints the chain.
//!
//! A mistake that Feast has a class for is a JSON string that holds JSON, from which Feast's client raises
//! the same class:
//!
//! ```text
//! HTTP 404  "{\"module\": \"feast.errors\", \"class\": \"FeatureViewNotFoundException\", \"message\": \"…\"}"
//! ```
//!
//! Any other is a JSON string with the message. Requests that have the wrong form get `FastAPI`'s `detail`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use larder_core::json::python_dumps;
use larder_core::{Error, ErrorKind, RequestError};
use larder_registry::ErrorStatus;
use serde_json::{Value, json};

use crate::json;

/// Why a request gets no good answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The verb failed.
    Verb(Error),
    /// The request has the wrong form: `FastAPI`'s `{"detail": …}`.
    Detail(StatusCode, Value),
}

impl HttpError {
    /// `FastAPI`'s error without a place: `{"detail":"Not Found"}`.
    pub(crate) fn detail(status: StatusCode, text: &str) -> Self {
        Self::Detail(status, Value::from(text))
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        Self::Verb(error)
    }
}

impl From<RequestError> for HttpError {
    fn from(error: RequestError) -> Self {
        Self::Verb(error.into())
    }
}

/// The answer to a request that failed.
pub(crate) fn error_response(error: &HttpError, error_status: ErrorStatus) -> Response {
    match error {
        HttpError::Detail(status, detail) => {
            json_response(*status, format!("{{\"detail\":{detail}}}").into_bytes())
        }
        HttpError::Verb(error) => {
            let status = status_of(error, error_status);
            if status.is_server_error() {
                tracing::error!(kind = ?error.kind(), error = error.chain(), "request failed");
            } else {
                tracing::debug!(%status, error = error.chain(), "request refused");
            }
            let mut body = Vec::new();
            json::push_string(&mut body, &error_text(error));
            json_response(status, body)
        }
    }
}

/// The status of a failed verb.
pub(crate) fn status_of(error: &Error, error_status: ErrorStatus) -> StatusCode {
    let mistake = error.downcast_ref::<RequestError>();
    if let Some(RequestError::PushSourceNotFound { .. }) = mistake {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    if error.kind() == ErrorKind::Forbidden {
        return StatusCode::FORBIDDEN;
    }
    match error_status {
        ErrorStatus::Standard => precise_status(error.kind(), mistake),
        ErrorStatus::Feast => feast_status(error.kind(), mistake),
    }
}

fn precise_status(kind: ErrorKind, mistake: Option<&RequestError>) -> StatusCode {
    match (kind, mistake) {
        (
            ErrorKind::Invalid,
            Some(
                RequestError::InvalidValue { .. }
                | RequestError::InvalidColumn { .. }
                | RequestError::MissingColumn { .. }
                | RequestError::UnevenColumns,
            ),
        ) => StatusCode::UNPROCESSABLE_ENTITY,
        (ErrorKind::Invalid, _) => StatusCode::BAD_REQUEST,
        (ErrorKind::NotFound, _) => StatusCode::NOT_FOUND,
        (ErrorKind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Of all mistakes only those about things that do not exist, and that have a class, are no 500.
fn feast_status(kind: ErrorKind, mistake: Option<&RequestError>) -> StatusCode {
    let has_class = mistake.and_then(RequestError::feast_class).is_some();
    match kind {
        ErrorKind::NotFound if has_class => StatusCode::NOT_FOUND,
        // Feast has no such state; a balancer needs to know of it in any mode.
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The text of a failed verb, as a server of Feast's answers it: Feast's envelope, or the message. An internal error
/// shows no detail.
pub fn error_text(error: &Error) -> String {
    if error.kind() == ErrorKind::Internal {
        return "internal error; the server's log has the details".to_owned();
    }
    let Some(mistake) = error.downcast_ref::<RequestError>() else { return error.chain() };
    let message = mistake.to_string();
    match mistake.feast_class() {
        Some(class) => envelope(class, &message),
        // Feast raises a `KeyError` here, and Python prints those in quotes.
        None if matches!(mistake, RequestError::MissingJoinKeys { .. }) => python_repr(&message),
        None => message,
    }
}

/// Feast's envelope, as Python's `json.dumps` writes it.
fn envelope(class: &str, message: &str) -> String {
    python_dumps(&json!({ "module": "feast.errors", "class": class, "message": message }))
}

/// A text as Python's `repr` prints it: in single quotes, unless it has some and no double ones.
pub(crate) fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut repr = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => repr.push_str("\\\\"),
            '\n' => repr.push_str("\\n"),
            '\r' => repr.push_str("\\r"),
            '\t' => repr.push_str("\\t"),
            _ if character == quote => repr.extend(['\\', quote]),
            _ if character.is_ascii_control() => repr.push_str(&format!("\\x{:02x}", u32::from(character))),
            _ => repr.push(character),
        }
    }
    repr.push(quote);
    repr
}

/// An answer of JSON bytes.
pub(crate) fn json_response(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(mistake: RequestError) -> Error {
        mistake.into()
    }

    #[test]
    fn the_envelope_is_json_in_json_with_pythons_spaces_and_escapes() {
        let error = error(RequestError::FeatureViewNotFound { view: "é\"🚕".into(), project: "p".into() });
        assert_eq!(
            error_text(&error),
            r#"{"module": "feast.errors", "class": "FeatureViewNotFoundException", "message": "Feature view \u00e9\"\ud83d\ude95 does not exist in project p"}"#
        );
    }

    #[test]
    fn statuses_are_4xx_for_mistakes_and_feasts_on_request() {
        let cases = [
            (RequestError::FeatureViewNotFound { view: "v".into(), project: "p".into() }, 404, 404),
            (RequestError::PushSourceNotFound { push_source: "s".into() }, 422, 422),
            (RequestError::PermissionDenied { details: "d".into() }, 403, 403),
            (RequestError::RequestDataMissingOnline { missing: vec![] }, 404, 404),
            (RequestError::FeatureNotFound { feature: "f".into(), view: "v".into() }, 404, 500),
            (RequestError::FeatureNameCollision { names: vec![], full_feature_names: true }, 400, 500),
            (RequestError::NoFeatures, 400, 500),
            (RequestError::UnevenEntityRows, 400, 500),
            (RequestError::UnevenColumns, 422, 500),
            (RequestError::other("x"), 400, 500),
        ];
        for (mistake, precise, feast) in cases {
            let error = error(mistake);
            assert_eq!(status_of(&error, ErrorStatus::Standard), precise, "{error}");
            assert_eq!(status_of(&error, ErrorStatus::Feast), feast, "{error}");
        }
        let unavailable = Error::new(ErrorKind::Unavailable, "the store is closed");
        assert_eq!(status_of(&unavailable, ErrorStatus::Feast), 503);
        let trap = Error::new(ErrorKind::Transformation, "view `v` ran out of memory");
        assert_eq!(
            (status_of(&trap, ErrorStatus::Standard), error_text(&trap)),
            (StatusCode::INTERNAL_SERVER_ERROR, "view `v` ran out of memory".to_owned())
        );
    }

    #[test]
    fn an_internal_error_shows_no_detail() {
        let error = Error::new(ErrorKind::Internal, "secret");
        assert!(!error_text(&error).contains("secret"));
    }

    #[test]
    fn missing_keys_are_quoted_as_python_prints_a_key_error() {
        let error = error(RequestError::MissingJoinKeys {
            needed: vec!["a".into()],
            missing: vec!["a".into()],
            provided: vec![],
        });
        assert!(error_text(&error).starts_with("\"Missing join key values for keys: ['a']. "));
        assert_eq!(python_repr("plain\n'\""), r#"'plain\n\'"'"#);
    }
}
