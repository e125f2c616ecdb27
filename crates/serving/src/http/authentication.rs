//! Who sends a request, asked before every route but `/health`, where the server has an
//! [`Authorization`](crate::Authorization). Without a token that it trusts there is a 401, and nothing of the body
//! is read.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use larder_core::{Error, ErrorKind, Result};

use super::error::{HttpError, error_response};
use super::guard::App;
use crate::{Access, NotLetIn};

/// Lets a request pass whose token tells who sent it.
pub(crate) async fn authenticate(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Some(authorization) = &app.authorization else { return next.run(request).await };
    let header = request.headers().get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
    match authorization.access(header).await {
        Ok(access) => {
            request.extensions_mut().insert(access.clone());
            let mut response = next.run(request).await;
            // For whoever takes note of requests.
            response.extensions_mut().insert(access);
            response
        }
        Err(not_let_in) => refused(&not_let_in),
    }
}

/// The access of a request that has passed [`authenticate`], if it had to.
pub(crate) fn access_of(app: &App, extensions: &Extensions) -> Result<Access> {
    match (extensions.get::<Access>(), &app.authorization) {
        (Some(access), _) => Ok(access.clone()),
        (None, None) => Ok(Access::open()),
        (None, Some(_)) => Err(Error::new(ErrorKind::Internal, "a route asks nobody who they are")),
    }
}

impl FromRequestParts<Arc<App>> for Access {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        access_of(app, &parts.extensions)
            .map_err(|error| error_response(&error.into(), app.options.error_status))
    }
}

fn refused(not_let_in: &NotLetIn) -> Response {
    let status = match not_let_in {
        NotLetIn::NoGoodToken => StatusCode::UNAUTHORIZED,
        NotLetIn::CannotTell => StatusCode::SERVICE_UNAVAILABLE,
    };
    let error = HttpError::detail(status, &not_let_in.to_string());
    let mut response = error_response(&error, larder_registry::ErrorStatus::default());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
