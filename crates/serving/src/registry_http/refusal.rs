//! Requests without a good answer, in the three fields that Feast's registry server gives them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use larder_core::{Error, ErrorKind, RequestError};
use serde_json::{Value, json};

use crate::NotLetIn;
use crate::http::json_response;

/// `{"status_code": 404, "detail": "…", "error_type": "FeastObjectNotFoundException"}`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
    error_type: &'static str,
    /// The detail as `FastAPI` itself has it; `None` if it is the same.
    plain_detail: Option<Value>,
}

/// What `FastAPI` itself would have answered, beside an answer in Feast's three fields.
#[derive(Clone, Debug)]
struct PlainDetail(Value);

impl Refusal {
    pub(super) fn not_found(detail: String) -> Self {
        let error_type = "FeastObjectNotFoundException";
        Self { status: StatusCode::NOT_FOUND, detail, error_type, plain_detail: None }
    }

    /// A request of the wrong form; `detail` lists what is wrong as Python prints it.
    pub(super) fn malformed(detail: String) -> Self {
        let error_type = "RequestValidationError";
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail, error_type, plain_detail: None }
    }

    /// A value that is none of those that there are.
    pub(super) fn no_such_value(detail: String) -> Self {
        let error_type = "ValueError";
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail, error_type, plain_detail: None }
    }

    /// The same as said by a route, which begins with `words`.
    pub(super) fn of_route(self, words: &str) -> Self {
        Self { detail: format!("{words}{}", self.detail), error_type: "HTTPException", ..self }
    }

    /// What a route says itself.
    pub(super) fn http(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), error_type: "HTTPException", plain_detail: None }
    }

    /// The same with the detail that `FastAPI` itself has for it.
    pub(super) fn with_plain_detail(self, detail: Value) -> Self {
        Self { plain_detail: Some(detail), ..self }
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
        Self { status, detail, error_type, plain_detail: None }
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
        let Self { status, detail, error_type, plain_detail } = self;
        let body = json!({ "status_code": status.as_u16(), "detail": detail, "error_type": error_type });
        let mut response = json_response(status, body.to_string());
        response.extensions_mut().insert(PlainDetail(plain_detail.unwrap_or_else(|| detail.into())));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A refusal as a server answers it that has no error handlers of its own: `{"detail": …}`.
pub(super) async fn plain(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let Some(PlainDetail(detail)) = head.extensions.remove::<PlainDetail>() else {
        return Response::from_parts(head, body);
    };
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(json!({ "detail": detail }).to_string()))
}
