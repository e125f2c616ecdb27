//! Requests without a good answer, in the three fields that Feast's registry server gives them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use larder_core::{Error, ErrorKind, RequestError};
use serde_json::json;

use crate::NotLetIn;
use crate::http::json_response;

/// `{"status_code": 404, "detail": "…", "error_type": "FeastObjectNotFoundException"}`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
    error_type: &'static str,
}

impl Refusal {
    pub(super) fn not_found(detail: String) -> Self {
        let error_type = "FeastObjectNotFoundException";
        Self { status: StatusCode::NOT_FOUND, detail, error_type }
    }

    /// A request of the wrong form; `detail` lists what is wrong as Python prints it.
    pub(super) fn malformed(detail: String) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail, error_type: "RequestValidationError" }
    }

    /// A value that is none of those that there are.
    pub(super) fn no_such_value(detail: String) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail, error_type: "ValueError" }
    }

    /// The same as said by a route, which begins with `words`.
    pub(super) fn of_route(self, words: &str) -> Self {
        Self { detail: format!("{words}{}", self.detail), error_type: "HTTPException", ..self }
    }

    /// What a route says itself.
    pub(super) fn http(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), error_type: "HTTPException" }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let mistake = error.downcast_ref::<RequestError>();
        let (status, error_type) = match (error.kind(), mistake) {
            (_, Some(RequestError::PushSourceNotFound { .. })) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "PushSourceNotFoundException")
            }
            (ErrorKind::NotFound, _) => (StatusCode::NOT_FOUND, "FeastObjectNotFoundException"),
            (ErrorKind::Forbidden, _) => (StatusCode::FORBIDDEN, "FeastPermissionError"),
            (ErrorKind::Invalid, _) => (StatusCode::UNPROCESSABLE_ENTITY, "ValueError"),
            (ErrorKind::Unavailable, _) => (StatusCode::SERVICE_UNAVAILABLE, "InternalServerError"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        };
        let detail = match (error.kind(), mistake) {
            (ErrorKind::Internal, _) => "internal error; the server's log has the details".to_owned(),
            (_, Some(mistake)) => mistake.to_string(),
            _ => error.chain(),
        };
        if status.is_server_error() {
            tracing::error!(kind = ?error.kind(), error = error.chain(), "a request to the registry failed");
        }
        Self { status, detail, error_type }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Error::from(error).into()
    }
}

impl From<NotLetIn> for Refusal {
    fn from(reason: NotLetIn) -> Self {
        let status = match reason {
            NotLetIn::NoGoodToken => StatusCode::UNAUTHORIZED,
            NotLetIn::CannotTell => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::http(status, reason.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, detail, error_type } = self;
        let body = json!({ "status_code": status.as_u16(), "detail": detail, "error_type": error_type });
        let mut response = json_response(status, body.to_string());
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
