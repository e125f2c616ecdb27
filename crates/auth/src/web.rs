//! Requests to a provider or a cluster. They block; call them off the async threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use serde_json::Value;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error as UreqError, http::Response};

use crate::AuthError;

/// Whom to believe, and how long to wait.
#[derive(Clone, Debug)]
pub(crate) struct WebOptions {
    /// What is asked, as errors name it.
    pub(crate) who: &'static str,
    /// How long one request may take.
    pub(crate) request_timeout: Duration,
    /// Whether the other side must show a certificate that can be trusted.
    pub(crate) verify_certificates: bool,
    /// A file of certificates in PEM that are trusted instead of the usual ones.
    pub(crate) ca_certificates: Option<PathBuf>,
    pub(crate) max_redirects: u32,
    /// A longer answer is none of the documents that are asked for.
    pub(crate) max_answer_bytes: u64,
}

/// A client that reads JSON.
#[derive(Debug)]
pub(crate) struct Web {
    agent: Agent,
    options: WebOptions,
}

type Answer = Result<Response<Body>, UreqError>;

impl Web {
    pub(crate) fn try_new(options: WebOptions) -> Result<Self, AuthError> {
        let root_certs = match &options.ca_certificates {
            Some(path) => certificates(path)?,
            None => RootCerts::WebPki,
        };
        let tls = TlsConfig::builder()
            .disable_verification(!options.verify_certificates)
            .root_certs(root_certs)
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(options.request_timeout))
            .max_redirects(options.max_redirects)
            .build()
            .new_agent();
        Ok(Self { agent, options })
    }

    pub(crate) fn get(&self, url: &str) -> Result<Value, AuthError> {
        self.read(url, self.agent.get(url).call())
    }

    pub(crate) fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Value, AuthError> {
        self.read(url, self.agent.post(url).send_form(form.iter().copied()))
    }

    /// A `GET` by somebody who has this token.
    pub(crate) fn get_as(&self, token: &str, url: &str) -> Result<Value, AuthError> {
        self.read(url, self.agent.get(url).header("authorization", bearer(token)).call())
    }

    /// A `POST` of JSON by somebody who has this token.
    pub(crate) fn post_as(&self, token: &str, url: &str, body: &Value) -> Result<Value, AuthError> {
        let request = self.agent.post(url).header("authorization", bearer(token));
        self.read(url, request.header("content-type", "application/json").send(body.to_string()))
    }

    /// What to say of an answer that is not what it should be.
    pub(crate) fn invalid(&self, url: &str, reason: &str) -> AuthError {
        AuthError::InvalidAnswer { who: self.options.who, url: url.to_owned(), reason: reason.to_owned() }
    }

    fn read(&self, url: &str, answer: Answer) -> Result<Value, AuthError> {
        let who = self.options.who;
        let unreachable =
            |source| AuthError::Unreachable { who, url: url.to_owned(), source: Box::new(source) };
        let mut answer = answer.map_err(unreachable)?;
        let limit = self.options.max_answer_bytes;
        let bytes = answer.body_mut().with_config().limit(limit).read_to_vec().map_err(unreachable)?;
        serde_json::from_slice(&bytes).map_err(|_| self.invalid(url, "it is not JSON"))
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn certificates(path: &Path) -> Result<RootCerts, AuthError> {
    let read = || -> Result<Vec<Certificate<'static>>, Box<dyn std::error::Error + Send + Sync>> {
        let pem = std::fs::read(path)?;
        let mut certificates = Vec::new();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() { Err("there is none in it".into()) } else { Ok(certificates) }
    };
    match read() {
        Ok(certificates) => Ok(RootCerts::new_with_certs(&certificates)),
        Err(source) => Err(AuthError::Certificates { path: path.to_owned(), source }),
    }
}
