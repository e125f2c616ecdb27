//! To a server, one request an event.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use serde_json::Value;
use tracing::debug;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error as UreqError};

use super::Transport;
use crate::TransportError;
use crate::location::without_credentials;

/// Pauses before a request is repeated. Longer ones would keep a command from ending.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(600)];

/// Whom to tell, and how long to wait.
#[derive(Clone)]
pub(super) struct HttpOptions {
    pub(super) url: String,
    pub(super) endpoint: String,
    pub(super) api_key: Option<String>,
    pub(super) timeout: Duration,
    pub(super) verify_certificates: bool,
    pub(super) headers: Vec<(String, String)>,
}

impl HttpOptions {
    pub(super) fn new(url: &str, endpoint: &str) -> Self {
        Self {
            url: url.to_owned(),
            endpoint: endpoint.to_owned(),
            api_key: None,
            timeout: Duration::from_secs(5),
            verify_certificates: true,
            headers: Vec::new(),
        }
    }
}

/// A server that takes events.
pub(super) struct Http {
    agent: Agent,
    url: String,
    /// The same as it may be shown.
    shown: String,
    headers: Vec<(String, String)>,
    /// Whether the last event was not taken.
    is_away: bool,
}

// Both hold keys, which no log shows.
impl std::fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpOptions").field("url", &without_credentials(&self.url)).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("url", &self.shown).finish_non_exhaustive()
    }
}

impl Http {
    /// # Errors
    ///
    /// If a header is none, or the URL.
    pub(super) fn try_new(options: HttpOptions) -> Result<Self, TransportError> {
        let url = joined(&options.url, &options.endpoint);
        let shown = without_credentials(&url);
        let tls = TlsConfig::builder()
            .disable_verification(!options.verify_certificates)
            .root_certs(RootCerts::WebPki)
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(options.timeout))
            // A key is for the server that is named.
            .max_redirects(0)
            .max_redirects_will_error(true)
            .build()
            .new_agent();
        let mut headers = options.headers;
        headers.extend(options.api_key.map(|key| ("authorization".to_owned(), format!("Bearer {key}"))));
        let wrong = |reason: &str| TransportError::Settings { url: shown.clone(), reason: reason.to_owned() };
        url.parse::<ureq::http::Uri>().map_err(|_| wrong("it is no URL"))?;
        for (name, value) in &headers {
            let name = name.parse::<ureq::http::HeaderName>();
            let value = value.parse::<ureq::http::HeaderValue>();
            if name.is_err() || value.is_err() {
                return Err(wrong("a header or the API key holds characters that no header may hold"));
            }
        }
        Ok(Self { agent, url, shown, headers, is_away: false })
    }

    fn post(&self, body: &str) -> Result<(), UreqError> {
        let mut request = self.agent.post(&self.url).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send(body).map(|_answer| ())
    }
}

impl Transport for Http {
    fn send(&mut self, event: &Value) -> Result<(), TransportError> {
        let body = event.to_string();
        let mut outcome = self.post(&body);
        for pause in PAUSES {
            let Err(error) = &outcome else { break };
            // One event waits for a server that is away, not each.
            if self.is_away || !may_pass(error) {
                break;
            }
            debug!(url = self.shown, %error, "an event will be sent again");
            std::thread::sleep(pause);
            outcome = self.post(&body);
        }
        self.is_away = outcome.is_err();
        outcome.map_err(|source| TransportError::Http { url: self.shown.clone(), source: Box::new(source) })
    }
}

/// Whether the same request may go well a little later.
fn may_pass(error: &UreqError) -> bool {
    match error {
        UreqError::StatusCode(status) => matches!(status, 500 | 502 | 503 | 504),
        UreqError::Io(_) | UreqError::ConnectionFailed => true,
        _ => false,
    }
}

/// A path relative to a URL, as a browser reads it: the last part of the URL's own path gives way.
fn joined(url: &str, endpoint: &str) -> String {
    let url = url.trim();
    if endpoint.contains("://") {
        return endpoint.to_owned();
    }
    let start = url.find("://").map_or(0, |scheme| scheme + 3);
    let authority_end = url.get(start..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| start + at);
    let (authority, path) = url.split_at(authority_end);
    if endpoint.starts_with('/') {
        return format!("{authority}{endpoint}");
    }
    let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
    format!("{authority}{folder}{endpoint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_joined_as_feasts_client_joins_it() {
        // Of Python's `urllib.parse.urljoin`.
        for (url, endpoint, expected) in [
            ("http://h:5000", "api/v1/lineage", "http://h:5000/api/v1/lineage"),
            ("http://h:5000/", "api/v1/lineage", "http://h:5000/api/v1/lineage"),
            ("http://h/base", "api", "http://h/api"),
            ("http://h/base/", "api", "http://h/base/api"),
            ("http://h/base/", "/api", "http://h/api"),
            ("http://h/base", "https://other/x", "https://other/x"),
        ] {
            assert_eq!(joined(url, endpoint), expected, "{url} {endpoint}");
        }
    }

    #[test]
    fn no_key_is_shown_and_a_broken_one_is_told_without_it() {
        let options = HttpOptions {
            api_key: Some("hidden".to_owned()),
            headers: vec![("x-other".to_owned(), "hidden".to_owned())],
            ..HttpOptions::new("http://user:hidden@h", "api")
        };
        let shown = format!("{:?} {:?}", options.clone(), Http::try_new(options).unwrap());
        assert!(shown.contains("http://h/api") && !shown.contains("hidden"), "{shown}");
        let broken =
            HttpOptions { api_key: Some("hidden\n".to_owned()), ..HttpOptions::new("http://h", "api") };
        let error = Http::try_new(broken).unwrap_err().to_string();
        assert!(error.contains("`http://h/api`") && !error.contains("hidden"), "{error}");
        let nowhere = HttpOptions::new("http://u:hidden@h h", "api");
        let error = Http::try_new(nowhere).unwrap_err().to_string();
        assert!(error.contains("it is no URL") && !error.contains("hidden"), "{error}");
    }
}
