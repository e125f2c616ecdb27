//! Requests to MLflow's server. They block; call them off the async threads.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::crypto::aws_lc_rs;
use serde_json::Value;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http};

use crate::MlflowError;

/// An answer in JSON may be so long.
const LONGEST_ANSWER: u64 = 256 * 1024 * 1024;
/// An artifact may be so long.
const LONGEST_ARTIFACT: u64 = 8 * 1024 * 1024 * 1024;
/// However long an artifact is, it is there by then.
const LONGEST_DOWNLOAD: Duration = Duration::from_secs(3600);
/// However often a request has failed, the next one is not longer away.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Where a pod finds the token of its service account.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where MLflow is, and how it is asked. Its `Debug` shows nothing secret.
#[derive(Clone)]
pub struct MlflowOptions {
    /// The address of the server that is asked where a source names no other.
    pub tracking_uri: Option<String>,
    /// Who asks it; without it, in a pod, the service account.
    pub credentials: Option<Credentials>,
    /// A file of certificates that are trusted instead of the usual ones.
    pub ca_bundle: Option<PathBuf>,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How often a request is made again that failed for a reason that may pass.
    pub max_retries: u32,
    /// How long is waited before that; twice as long each time.
    pub retry_backoff: Duration,
    /// The formats of artifacts that are read, by their names.
    pub artifact_formats: Vec<String>,
}

/// Who asks a server. Its `Debug` shows nothing secret.
#[derive(Clone)]
pub enum Credentials {
    /// Whoever has this token.
    Token(String),
    /// A user with a password.
    User {
        /// The user.
        name: String,
        /// The password.
        password: String,
    },
}

/// The servers of MLflow that sources name. Who asks is told to the one of the configuration alone: any other is named
/// by whoever may register a source.
#[derive(Clone, Debug)]
pub struct MlflowServers {
    options: Arc<MlflowOptions>,
}

/// A server of MLflow.
#[derive(Clone)]
pub struct MlflowServer {
    agent: Agent,
    /// Without a user, and without `/` at its end.
    address: String,
    authorization: Option<Authorization>,
    options: Arc<MlflowOptions>,
}

/// A header that no log shows.
#[derive(Clone)]
struct Authorization(String);

/// What is asked of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask<'a> {
    Get(&'a [(&'a str, &'a str)]),
    /// The same for what may be long.
    Download(&'a [(&'a str, &'a str)]),
    Post(&'a Value),
    Patch(&'a Value),
}

impl MlflowServers {
    /// Nobody is asked yet.
    pub fn new(options: MlflowOptions) -> Self {
        Self { options: Arc::new(options) }
    }

    /// The formats of artifacts that are read.
    pub(crate) fn artifact_formats(&self) -> &[String] {
        &self.options.artifact_formats
    }

    /// The address that is asked where a source names this one or none, without what is secret in it.
    pub fn address(&self, named: Option<&str>) -> Option<String> {
        let address = named.or(self.options.tracking_uri.as_deref())?;
        Some(split_user(address).0)
    }

    /// The server that a source names, or else that of the configuration.
    ///
    /// # Errors
    ///
    /// [`MlflowError::NoAddress`] where neither says one, [`MlflowError::NoServer`] for one that cannot be asked, and
    /// [`MlflowError::Certificates`].
    pub fn server(&self, named: Option<&str>) -> Result<MlflowServer, MlflowError> {
        let own = self.options.tracking_uri.as_deref();
        let (address, user) = split_user(named.or(own).ok_or(MlflowError::NoAddress)?);
        let scheme = address.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
        if !matches!(scheme, Some((scheme, rest)) if ["http", "https"].contains(&scheme.as_str()) && !rest.is_empty())
        {
            return Err(MlflowError::NoServer { address });
        }
        let is_own = own.is_some_and(|own| split_user(own).0 == address);
        let authorization = user.or_else(|| is_own.then(|| self.credentials()).flatten());
        let root_certs = match &self.options.ca_bundle {
            Some(path) => certificates(path)?,
            None => RootCerts::WebPki,
        };
        let tls = TlsConfig::builder()
            .root_certs(root_certs)
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_connect(Some(self.options.request_timeout))
            .timeout_recv_response(Some(self.options.request_timeout))
            .timeout_recv_body(Some(self.options.request_timeout))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Ok(MlflowServer {
            agent,
            address,
            authorization: authorization.map(|credentials| Authorization::new(&credentials)),
            options: Arc::clone(&self.options),
        })
    }

    fn credentials(&self) -> Option<Credentials> {
        let of_pod = || {
            let token = std::fs::read_to_string(SERVICE_ACCOUNT_TOKEN).ok()?;
            Some(Credentials::Token(token.trim().to_owned())).filter(|_| !token.trim().is_empty())
        };
        self.options.credentials.clone().or_else(of_pod)
    }
}

impl MlflowServer {
    /// Asks for JSON. What changes nothing, or may be done twice, is asked again where that may help.
    pub(crate) fn json(&self, path: &str, ask: Ask<'_>) -> Result<Value, MlflowError> {
        self.patiently(|| {
            let mut answer = self.answer(path, ask)?;
            let url = self.url(path);
            let body = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
            let body = body.map_err(|source| self.unreachable(path, source))?;
            serde_json::from_slice(&body)
                .map_err(|_| MlflowError::InvalidAnswer { url, reason: "it is not JSON".to_owned() })
        })
    }

    /// Asks once for something that must not happen twice.
    pub(crate) fn json_once(&self, path: &str, body: &Value) -> Result<Value, MlflowError> {
        let mut answer = self.answer(path, Ask::Post(body))?;
        let text = answer.body_mut().read_to_vec().map_err(|source| self.unreachable(path, source))?;
        serde_json::from_slice(&text).map_err(|_| self.invalid(path, "it is not JSON"))
    }

    /// Writes what the server has at `path` into a file.
    pub(crate) fn download(
        &self,
        path: &str,
        query: &[(&str, &str)],
        file: &mut File,
    ) -> Result<(), MlflowError> {
        self.patiently(|| {
            let answer = self.answer(path, Ask::Download(query))?;
            file.set_len(0).and_then(|()| file.rewind()).map_err(MlflowError::TemporaryFile)?;
            let mut body = answer.into_body().into_reader().take(LONGEST_ARTIFACT + 1);
            let mut piece = vec![0; 64 * 1024];
            let mut length = 0;
            loop {
                let count = body.read(&mut piece).map_err(|source| self.unreachable(path, source))?;
                let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { return Ok(()) };
                length += u64::try_from(count).unwrap_or(u64::MAX);
                if length > LONGEST_ARTIFACT {
                    return Err(MlflowError::TooLarge { url: self.url(path), limit: LONGEST_ARTIFACT });
                }
                file.write_all(read).map_err(MlflowError::TemporaryFile)?;
            }
        })
    }

    /// What to say of an answer that is not what it should be.
    pub(crate) fn invalid(&self, path: &str, reason: &str) -> MlflowError {
        MlflowError::InvalidAnswer { url: self.url(path), reason: reason.to_owned() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn unreachable(
        &self,
        path: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> MlflowError {
        MlflowError::Unreachable { url: self.url(path), source: source.into() }
    }

    fn answer(&self, path: &str, ask: Ask<'_>) -> Result<http::Response<Body>, MlflowError> {
        let url = self.url(path);
        let authorization = self.authorization.as_ref().map(|Authorization(header)| header.as_str());
        let answer = match ask {
            Ask::Get(query) | Ask::Download(query) => {
                let mut request = self.agent.get(&url).query_pairs(query.iter().copied());
                if matches!(ask, Ask::Download(_)) {
                    request = request.config().timeout_recv_body(Some(LONGEST_DOWNLOAD)).build();
                }
                if let Some(header) = authorization {
                    request = request.header("authorization", header);
                }
                request.call()
            }
            Ask::Post(body) | Ask::Patch(body) => {
                let mut request = match ask {
                    Ask::Patch(_) => self.agent.patch(&url),
                    _ => self.agent.post(&url),
                };
                if let Some(header) = authorization {
                    request = request.header("authorization", header);
                }
                request.header("content-type", "application/json").send(body.to_string())
            }
        };
        let mut answer = answer.map_err(|source| self.unreachable(path, source))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(answer);
        }
        if [401, 403].contains(&status) {
            return Err(MlflowError::Unauthorized { url, status });
        }
        let body = answer.body_mut().with_config().limit(1024 * 1024).read_to_vec().unwrap_or_default();
        Err(MlflowError::Refused { url, status, message: message(&body) })
    }

    /// Does `work` again, after longer and longer waits, while it fails for a reason that may pass.
    fn patiently<T>(&self, mut work: impl FnMut() -> Result<T, MlflowError>) -> Result<T, MlflowError> {
        let mut wait = self.options.retry_backoff;
        for _ in 0..self.options.max_retries {
            match work() {
                Err(error) if may_pass(&error) => {
                    tracing::warn!(error = %error, wait_seconds = wait.as_secs_f64(), "MLflow is asked again");
                    std::thread::sleep(wait.min(LONGEST_WAIT));
                    wait = wait.saturating_mul(2);
                }
                other => return other,
            }
        }
        work()
    }
}

/// What the server says is wrong, without more than a few lines.
fn message(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(body).ok();
    let said = said.as_ref().and_then(|said| said.get("message")).and_then(Value::as_str).map(str::to_owned);
    let text = said.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    if text.is_empty() { "nothing more".to_owned() } else { text.chars().take(500).collect() }
}

fn may_pass(error: &MlflowError) -> bool {
    matches!(error, MlflowError::Unreachable { .. } | MlflowError::Refused { status: 429 | 500.., .. })
}

/// An address without the user in it, and without `/` at its end; and that user.
fn split_user(address: &str) -> (String, Option<Credentials>) {
    let address = address.trim().trim_end_matches('/');
    let Some((scheme, rest)) = address.split_once("://") else { return (address.to_owned(), None) };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((user, host)) = authority.rsplit_once('@') else { return (address.to_owned(), None) };
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let credentials = Credentials::User { name: name.to_owned(), password: password.to_owned() };
    (format!("{scheme}://{host}{path}"), Some(credentials))
}

fn certificates(path: &Path) -> Result<RootCerts, MlflowError> {
    let read = || -> Result<Vec<Certificate<'static>>, Box<dyn std::error::Error + Send + Sync>> {
        let mut certificates = Vec::new();
        for item in parse_pem(&std::fs::read(path)?) {
            if let PemItem::Certificate(certificate) = item? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() { Err("there is none in it".into()) } else { Ok(certificates) }
    };
    match read() {
        Ok(certificates) => Ok(RootCerts::new_with_certs(&certificates)),
        Err(source) => Err(MlflowError::Certificates { path: path.to_owned(), source }),
    }
}

impl Authorization {
    fn new(credentials: &Credentials) -> Self {
        Self(match credentials {
            Credentials::Token(token) => format!("Bearer {token}"),
            Credentials::User { name, password } => {
                format!("Basic {}", BASE64.encode(format!("{name}:{password}")))
            }
        })
    }
}

impl fmt::Debug for MlflowOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.tracking_uri.as_deref().map(|address| split_user(address).0);
        f.debug_struct("MlflowOptions").field("tracking_uri", &address).finish_non_exhaustive()
    }
}

impl fmt::Debug for MlflowServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MlflowServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(tracking_uri: Option<&str>) -> MlflowOptions {
        MlflowOptions {
            tracking_uri: tracking_uri.map(str::to_owned),
            credentials: Some(Credentials::Token("secret-token".to_owned())),
            ca_bundle: None,
            request_timeout: Duration::from_secs(1),
            max_retries: 0,
            retry_backoff: Duration::from_millis(1),
            artifact_formats: Vec::new(),
        }
    }

    fn header(own: Option<&str>, named: Option<&str>) -> Option<String> {
        let server = MlflowServers::new(options(own)).server(named).unwrap();
        server.authorization.map(|Authorization(header)| header)
    }

    #[test]
    fn who_asks_is_told_to_the_configured_server_alone() {
        let token = Some("Bearer secret-token".to_owned());
        assert_eq!(header(Some("http://own:5000/"), None), token);
        assert_eq!(header(Some("http://own:5000"), Some("http://own:5000/")), token);
        assert_eq!(header(Some("http://own:5000"), Some("http://other:5000")), None);
        assert_eq!(header(None, Some("http://other:5000")), None);
        // One that stands in an address goes where that address leads.
        let basic = Some(format!("Basic {}", BASE64.encode("ada:pw")));
        assert_eq!(header(Some("http://own:5000"), Some("http://ada:pw@other:5000")), basic);
    }

    /// A server that gives one answer a connection; what it was asked, when all are given.
    fn answers(given: &'static [&'static str]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in given {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                    head.extend(byte);
                }
                let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
                asked.push(line);
                let (status, body) = answer.split_once(' ').unwrap();
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
            asked
        });
        (address, server)
    }

    fn server(address: &str, max_retries: u32) -> MlflowServer {
        MlflowServers::new(MlflowOptions { max_retries, ..options(Some(address)) }).server(None).unwrap()
    }

    #[test]
    fn what_may_pass_is_asked_again_and_no_more_often_than_is_said() {
        let (address, asked) = answers(&["503 busy", "429 slow down", "200 {\"a\": 1}"]);
        let answer = server(&address, 2).json("/x", Ask::Get(&[("q", "a&b=c")])).unwrap();
        assert_eq!(answer, serde_json::json!({ "a": 1 }));
        assert_eq!(asked.join().unwrap(), vec!["GET /x?q=a%26b%3Dc HTTP/1.1"; 3]);

        let (address, asked) = answers(&["503 {\"message\": \"busy\"}", "500 still"]);
        let error = server(&address, 1).json("/x", Ask::Get(&[])).unwrap_err();
        assert!(
            matches!(&error, MlflowError::Refused { status: 500, message, .. } if message == "still"),
            "{error}"
        );
        assert_eq!(asked.join().unwrap().len(), 2);
    }

    #[test]
    fn what_does_not_pass_is_asked_once() {
        for (given, what) in [
            (&["404 {\"message\": \"no such thing\"}"], "404: no such thing"),
            (&["401 "], "set MLFLOW_TRACKING_TOKEN"),
            (&["200 <html>"], "it is not JSON"),
        ] {
            let (address, asked) = answers(given);
            let error = server(&address, 3).json("/x", Ask::Get(&[])).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(asked.join().unwrap().len(), 1, "{what}");
        }
        // A run must not be made twice.
        let (address, asked) = answers(&["503 busy"]);
        assert!(server(&address, 3).json_once("/x", &Value::Null).is_err());
        assert_eq!(asked.join().unwrap(), ["POST /x HTTP/1.1"]);
    }

    #[test]
    fn a_server_that_says_nothing_is_not_waited_for_longer_than_is_said() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", silent.local_addr().unwrap());
        let error = server(&address, 0).json("/x", Ask::Get(&[])).unwrap_err();
        assert!(matches!(error, MlflowError::Unreachable { .. }), "{error}");
    }

    #[test]
    fn a_download_that_is_begun_again_is_whole() {
        let (address, asked) = answers(&["500 part of", "200 the file"]);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"longer than what comes").unwrap();
        server(&address, 1).download("/x", &[], &mut file).unwrap();
        asked.join().unwrap();
        file.rewind().unwrap();
        assert_eq!(std::io::read_to_string(file).unwrap(), "the file");
    }

    #[test]
    fn only_servers_are_asked_and_nothing_secret_is_shown() {
        let servers = MlflowServers::new(options(Some("https://ada:pw@own:5000/base/")));
        assert_eq!(servers.address(None).unwrap(), "https://own:5000/base");
        let shown = format!("{:?}", servers.server(None).unwrap());
        assert!(!shown.contains("pw@") && !shown.contains("secret-token"), "{shown}");
        for address in ["sqlite:///mlflow.db", "databricks", "file:/mlruns", "./mlruns", "http://"] {
            let error = servers.server(Some(address)).unwrap_err();
            assert!(matches!(error, MlflowError::NoServer { .. }), "{address}: {error}");
        }
        let nowhere = MlflowServers::new(options(None)).server(None).unwrap_err();
        assert!(nowhere.to_string().contains("MLFLOW_TRACKING_URI"), "{nowhere}");
    }
}
