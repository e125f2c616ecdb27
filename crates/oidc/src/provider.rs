//! Requests to the provider. They block; call them through [`blocking`](crate::blocking).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::OidcError;
use crate::key_set::KeySet;

/// A longer answer is none of a provider's documents.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

const MAX_REDIRECTS: u32 = 5;

/// Where the provider is, and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderOptions {
    /// The URL of the discovery document.
    pub discovery_url: String,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// Whether the provider must show a certificate that can be trusted.
    pub verify_certificates: bool,
    /// A file of certificates in PEM that are trusted instead of the usual ones.
    pub ca_certificates: Option<PathBuf>,
}

/// A provider of tokens and keys.
#[derive(Debug)]
pub(crate) struct Provider {
    agent: Agent,
    discovery_url: String,
}

impl Provider {
    pub(crate) fn try_new(options: &ProviderOptions) -> Result<Self, OidcError> {
        let root_certs = match &options.ca_certificates {
            Some(path) => certificates(path.clone())?,
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
            .max_redirects(MAX_REDIRECTS)
            .build()
            .new_agent();
        Ok(Self { agent, discovery_url: options.discovery_url.clone() })
    }

    /// The keys that the provider signs with now.
    pub(crate) fn keys(&self) -> Result<KeySet, OidcError> {
        let url = self.endpoint("jwks_uri")?;
        let document = self.get(&url)?;
        let keys = document.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or_else(|| invalid(&url, "it has no list `keys`"))?;
        Ok(KeySet::new(keys))
    }

    /// A token that the provider hands out for the fields of a form.
    pub(crate) fn token(&self, form: &[(&str, &str)]) -> Result<String, OidcError> {
        let url = self.endpoint("token_endpoint")?;
        let sent = self.agent.post(&url).send_form(form.iter().copied());
        let answer = read(&url, sent)?;
        let token = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        token.map(str::to_owned).ok_or_else(|| invalid(&url, "it has no `access_token`"))
    }

    fn endpoint(&self, name: &str) -> Result<String, OidcError> {
        let document = self.get(&self.discovery_url)?;
        let url = document.get(name).and_then(Value::as_str);
        url.map(str::to_owned).ok_or_else(|| invalid(&self.discovery_url, &format!("it has no `{name}`")))
    }

    fn get(&self, url: &str) -> Result<Value, OidcError> {
        read(url, self.agent.get(url).call())
    }
}

fn read(
    url: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Value, OidcError> {
    let unreachable = |source| OidcError::Unreachable { url: url.to_owned(), source: Box::new(source) };
    let mut answer = answer.map_err(unreachable)?;
    let bytes = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(unreachable)?;
    serde_json::from_slice(&bytes).map_err(|_| invalid(url, "it is not JSON"))
}

fn invalid(url: &str, reason: &str) -> OidcError {
    OidcError::InvalidAnswer { url: url.to_owned(), reason: reason.to_owned() }
}

fn certificates(path: PathBuf) -> Result<RootCerts, OidcError> {
    let read = || -> Result<Vec<Certificate<'static>>, Box<dyn std::error::Error + Send + Sync>> {
        let pem = std::fs::read(&path)?;
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
        Err(source) => Err(OidcError::Certificates { path, source }),
    }
}
