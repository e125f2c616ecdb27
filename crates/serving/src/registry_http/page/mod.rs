//! A web page over the registry: a few files that stand in the binary, and the same routes that clients ask, to read.
//!
//! The page loads nothing from elsewhere and runs no text of the registry: its policy allows scripts, styles and
//! requests of this server alone, and makes a browser refuse to parse any text as HTML.

mod allowed_origins;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

pub use self::allowed_origins::{AllowedOrigins, InvalidOrigin};
use super::RegistryBackend;
use super::door::{Asked, Door, Json, PREFIX, method_not_allowed, not_found, routes};
use super::openlineage::{self, LineageConsumer};
use super::refusal::Refusal;
use super::sight::all_sights;
use crate::http::json_response;

/// What every answer of the page says to a browser: load and run what this server gives, and nothing else.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // Another larder may answer here next, with another page.
    (header::CACHE_CONTROL, "no-cache"),
];

/// A file of the page: its name, its type and its text.
type Asset = (&'static str, &'static str, &'static str);

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 13] = [
    ("style.css", "text/css; charset=utf-8", include_str!("style.css")),
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
    ("app.js", JAVASCRIPT, include_str!("app.js")),
    ("api.js", JAVASCRIPT, include_str!("api.js")),
    ("dom.js", JAVASCRIPT, include_str!("dom.js")),
    ("model.js", JAVASCRIPT, include_str!("model.js")),
    ("lists.js", JAVASCRIPT, include_str!("lists.js")),
    ("details.js", JAVASCRIPT, include_str!("details.js")),
    ("quality.js", JAVASCRIPT, include_str!("quality.js")),
    ("overview.js", JAVASCRIPT, include_str!("overview.js")),
    ("rows.js", JAVASCRIPT, include_str!("rows.js")),
    ("events.js", JAVASCRIPT, include_str!("events.js")),
    ("lineage.js", JAVASCRIPT, include_str!("lineage.js")),
];

const PAGE: &str = include_str!("index.html");

/// Where a page lies behind a proxy, such as `/features`; empty where it lies at the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootPath(String);

/// A path that no page can lie at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is no root path; write one as `/features`, of letters, digits, `-`, `_`, `.` and `/`")]
pub struct InvalidRootPath {
    path: String,
}

impl std::str::FromStr for RootPath {
    type Err = InvalidRootPath;

    fn from_str(path: &str) -> Result<Self, InvalidRootPath> {
        let trimmed = path.trim_end_matches('/');
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        let is_good = trimmed.is_empty()
            || trimmed.starts_with('/') && !trimmed.contains("//") && trimmed.chars().all(is_plain);
        if is_good { Ok(Self(trimmed.to_owned())) } else { Err(InvalidRootPath { path: path.to_owned() }) }
    }
}

/// The page, and under `/api/v1` the routes of [`registry_router`](super::registry_router) that only read; with `lineage`
/// also those that tell of events. Pages of `origins` may read all of it too.
pub fn page_router(
    backend: RegistryBackend,
    lineage: Option<LineageConsumer>,
    root: &RootPath,
    origins: &AllowedOrigins,
) -> Router {
    let door = Arc::new(Door::new(backend));
    let mut asked = routes().with_state(Arc::clone(&door));
    if let Some(consumer) = lineage {
        asked = asked.merge(openlineage::routes(Arc::clone(&door), consumer));
    }
    let page = PAGE.replace("{root}", &root.0);
    let page = move || async move { asset("text/html; charset=utf-8", page) };
    let assets = ASSETS.into_iter().fold(Router::new(), |router, (name, kind, text)| {
        router.route(&format!("/assets/{name}"), get(move || async move { asset(kind, text) }))
    });
    let root = root.clone();
    let projects = move |state, asked| async move { projects_list(state, asked, &root).await };
    let router = Router::new()
        .route("/", get(page.clone()))
        .route("/search", get(page.clone()))
        .route("/p/{*path}", get(page))
        .route("/health", get(health))
        .route("/projects-list.json", get(projects))
        .with_state(door)
        .nest(PREFIX, asked.layer(from_fn(only_reads)))
        .merge(assets)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(guarded));
    match origins.layer() {
        Some(layer) => router.layer(layer),
        None => router,
    }
}

fn asset(kind: &'static str, text: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], text.into()).into_response()
}

/// Adds to an answer what the page needs to be safe.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page shows a registry and changes nothing in it, whoever asks.
async fn only_reads(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    json_response(StatusCode::METHOD_NOT_ALLOWED, r#"{"detail":"Method Not Allowed"}"#)
}

/// Whether the registry can be read.
async fn health(State(door): State<Arc<Door>>) -> StatusCode {
    match door.server.objects().await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The projects as Feast's own page wants to know them.
async fn projects_list(
    State(door): State<Arc<Door>>,
    asked: Asked,
    root: &RootPath,
) -> Result<Json, Refusal> {
    let path = format!("{}{PREFIX}", root.0);
    let sights = all_sights(door.server.as_ref(), &asked.access).await?;
    let project = |(project, _): &(larder_registry::RegisteredObject, super::sight::Sight)| {
        let told = project.spec("description").and_then(Value::as_str).filter(|text| !text.is_empty());
        let description = told.map_or_else(|| format!("Project: {}", project.name), str::to_owned);
        json!({
            "name": title(&project.name),
            "description": description,
            "id": project.name,
            "registryPath": path,
        })
    };
    Ok(Json(json!({ "projects": sights.iter().map(project).collect::<Vec<_>>() })))
}

/// `credit_scoring` as `Credit Scoring`.
fn title(name: &str) -> String {
    let mut title = String::new();
    let mut begins = true;
    for letter in name.chars() {
        let letter = if letter == '_' { ' ' } else { letter };
        if begins {
            title.extend(letter.to_uppercase());
        } else {
            title.extend(letter.to_lowercase());
        }
        begins = !letter.is_alphabetic();
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_path_is_a_plain_path() {
        let root = |path: &str| path.parse::<RootPath>().map(|root| root.0);
        assert_eq!(root(""), Ok(String::new()));
        assert_eq!(root("/"), Ok(String::new()));
        assert_eq!(root("/a/b_c.d/"), Ok("/a/b_c.d".to_owned()));
        for path in ["a", "/a//b", "/a\"b", "/<a>", "//evil.example", "/a b", "/a?b"] {
            assert!(root(path).is_err(), "{path}");
        }
    }

    #[test]
    fn no_file_of_the_page_names_another_host_or_asks_for_html() {
        let files = ASSETS.iter().map(|(name, _, text)| (*name, *text)).chain([("index.html", PAGE)]);
        for (name, text) in files {
            let without_names =
                text.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "");
            for foreign in ["http:", "https:", "//cdn", "@import", "url("] {
                assert!(!without_names.contains(foreign), "{name} names `{foreign}`");
            }
            for parsed in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "Function(",
                "srcdoc",
            ] {
                assert!(!text.contains(parsed), "{name} uses `{parsed}`");
            }
        }
    }

    #[test]
    fn the_page_names_files_that_are_there() {
        for (name, ..) in ASSETS {
            let is_used = |text: &str| text.contains(&format!("/{name}"));
            let used = is_used(PAGE) || ASSETS.iter().any(|(_, _, text)| is_used(text));
            assert!(used, "nothing uses {name}");
        }
        assert_eq!(PAGE.matches("<script").count(), 1, "one script, from a file");
        assert!(!PAGE.contains("<style") && !PAGE.contains("style="), "styles are in their file");
        for handler in ["onclick", "onload", "onerror", "javascript:"] {
            assert!(!PAGE.contains(handler), "no handlers in the page");
        }
    }

    #[test]
    fn a_title_is_made_of_words() {
        assert_eq!(title("credit_scoring"), "Credit Scoring");
        assert_eq!(title("a1b_cD"), "A1B Cd");
    }
}
