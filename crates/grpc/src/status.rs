//! Errors as gRPC statuses: the one place that chooses a code.

use larder_core::{Error, ErrorKind, RequestError};
use larder_serving::error_text;
use tonic::{Code, Status};

/// The status of a failed verb, with the text that HTTP answers too: Feast's envelope, from which its clients raise
/// the same exception, or the message.
pub(crate) fn status_of(error: &Error) -> Status {
    let code = code_of(error.kind());
    if matches!(code, Code::Internal | Code::Unavailable) {
        tracing::error!(kind = ?error.kind(), error = error.chain(), "call failed");
    } else {
        tracing::debug!(?code, error = error.chain(), "call refused");
    }
    Status::new(code, error_text(error))
}

/// The same for services whose clients read the message alone, as those of `feast listen` do.
pub(crate) fn plain_status_of(error: &Error) -> Status {
    let status = status_of(error);
    match error.downcast_ref::<RequestError>() {
        Some(mistake) => Status::new(status.code(), mistake.to_string()),
        None => status,
    }
}

fn code_of(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::Unavailable => Code::Unavailable,
        _ => Code::Internal,
    }
}
