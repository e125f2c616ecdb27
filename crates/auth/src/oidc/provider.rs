//! What a provider is asked for. It blocks; call it off the async threads.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::key_set::KeySet;
use crate::AuthError;
use crate::web::{Web, WebOptions};

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
    web: Web,
    discovery_url: String,
}

impl Provider {
    pub(crate) fn try_new(options: &ProviderOptions) -> Result<Self, AuthError> {
        let web = Web::try_new(WebOptions {
            who: "the OIDC provider",
            request_timeout: options.request_timeout,
            verify_certificates: options.verify_certificates,
            ca_certificates: options.ca_certificates.clone(),
            max_redirects: 5,
            max_answer_bytes: 1 << 20,
        })?;
        Ok(Self { web, discovery_url: options.discovery_url.clone() })
    }

    /// The keys that the provider signs with now.
    pub(crate) fn keys(&self) -> Result<KeySet, AuthError> {
        let url = self.endpoint("jwks_uri")?;
        let document = self.web.get(&url)?;
        let keys = document.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or_else(|| self.web.invalid(&url, "it has no list `keys`"))?;
        Ok(KeySet::new(keys))
    }

    /// A token that the provider hands out for the fields of a form.
    pub(crate) fn token(&self, form: &[(&str, &str)]) -> Result<String, AuthError> {
        let url = self.endpoint("token_endpoint")?;
        let answer = self.web.post_form(&url, form)?;
        let token = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        token.map(str::to_owned).ok_or_else(|| self.web.invalid(&url, "it has no `access_token`"))
    }

    fn endpoint(&self, name: &str) -> Result<String, AuthError> {
        let document = self.web.get(&self.discovery_url)?;
        let url = document.get(name).and_then(Value::as_str);
        url.map(str::to_owned)
            .ok_or_else(|| self.web.invalid(&self.discovery_url, &format!("it has no `{name}`")))
    }
}
