//! `GET /docs`: the routes as a page, on which they can be tried.
//!
//! The page comes whole from this server and asks no other one for anything; its policy says so to the browser.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::{Router, routing::get};

/// Where the page is, as in `FastAPI`.
pub(crate) const PATH: &str = "/docs";

const HTML: &str = "text/html; charset=utf-8";

const PAGE: &str = include_str!("page.html");

const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The page alone.
pub(crate) async fn page() -> Response {
    answer(HTML, PAGE)
}

/// The page and what it is made of. Like the document that it shows, it asks nobody who they are.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |content_type, text| get(async move || answer(content_type, text));
    Router::new()
        .route(PATH, file(HTML, PAGE))
        .route("/docs/page.css", file("text/css; charset=utf-8", include_str!("page.css")))
        .route("/docs/page.js", file("text/javascript; charset=utf-8", include_str!("page.js")))
}

fn answer(content_type: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A server of another version has another page.
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
