//! The section `auth`: who may use a server, and as whom clients come to it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::{AUTH_OIDC, Fate};
use super::read::{Block, Reader};
use crate::problem::Problem;
use crate::yaml::{Node, NodeKind};

/// Who may use a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthConfig {
    /// Everybody.
    #[default]
    NoAuth,
    /// Whoever has a token of a provider.
    Oidc(Box<OidcConfig>),
    /// Whoever has a token of a Kubernetes cluster.
    Kubernetes(KubernetesConfig),
}

impl AuthConfig {
    /// Its `type` in `feature_store.yaml`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoAuth => "no_auth",
            Self::Oidc(_) => "oidc",
            Self::Kubernetes(_) => "kubernetes",
        }
    }
}

/// A cluster that vouches for tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// The URL of the API server; `None` means that of the pod's cluster.
    pub api_server: Option<String>,
    /// The folder of the service account; `None` means the pod's.
    pub service_account: Option<PathBuf>,
    /// A client's token; `None` means the service account's.
    pub user_token: Option<Secret>,
}

/// A provider of tokens by `OpenID` Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    /// The URL of the discovery document. Only servers, and clients that ask for tokens, need it.
    pub discovery_url: Option<String>,
    /// The client whose roles count.
    pub client_id: Option<String>,
    /// The audience that tokens must be meant for; `None` means any.
    pub audience: Option<String>,
    /// The issuer that tokens must be of; `None` means any.
    pub issuer: Option<String>,
    /// Whether the provider's certificates are checked.
    pub verify_ssl: bool,
    /// A file of certificates that are trusted instead of the usual ones.
    pub ca_cert_path: Option<PathBuf>,
    /// How long the provider's keys are used before they are fetched again.
    pub key_lifespan: Duration,
    /// How long one request to the provider may take.
    pub request_timeout: Duration,
    /// Where a client's token comes from.
    pub client: OidcClientConfig,
}

/// Where a client's token comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OidcClientConfig {
    /// Nothing is said of it.
    #[default]
    Unsaid,
    /// It is written down.
    Token(Secret),
    /// A variable of the environment holds it.
    Variable(String),
    /// The provider hands it out.
    Credentials {
        /// The secret of the client.
        client_secret: Secret,
        /// The name and the password of a user.
        user: Option<(String, Secret)>,
    },
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

const DEFAULT_KEY_LIFESPAN: Duration = Duration::from_secs(300);
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const OIDC: [&str; 14] = [
    "type",
    "auth_discovery_url",
    "client_id",
    "audience",
    "issuer",
    "verify_ssl",
    "ca_cert_path",
    "jwks_cache_lifespan_seconds",
    "jwks_request_timeout_seconds",
    "username",
    "password",
    "client_secret",
    "token",
    "token_env_var",
];

const KUBERNETES: [&str; 4] = ["type", "user_token", "api_server", "service_account"];

impl<'a> Reader<'a> {
    /// The section `auth`, or `auth_config` as it is also called. What is said of it shows no lines, which may
    /// hold secrets.
    pub(super) fn auth(&mut self) -> AuthConfig {
        let (problems, warnings) = (self.report.problems.len(), self.report.warnings.len());
        let auth = self.auth_section();
        let of_problems = self.report.problems.iter_mut().skip(problems);
        for said in of_problems.chain(self.report.warnings.iter_mut().skip(warnings)) {
            said.excerpt = None;
        }
        auth
    }

    fn auth_section(&mut self) -> AuthConfig {
        let (key, node) = match (self.node("auth"), self.node("auth_config")) {
            (None, None) => return AuthConfig::NoAuth,
            (Some(node), None) => ("auth", node),
            (None, Some(node)) => ("auth_config", node),
            (Some(_), Some(second)) => {
                let problem = second.place.problem("`auth` and `auth_config` are the same section");
                self.report.problem(problem.remedy("keep one of them"));
                return AuthConfig::NoAuth;
            }
        };
        let Some((kind_node, kind)) = self.store_type(key, node, "no_auth") else {
            return AuthConfig::NoAuth;
        };
        match kind {
            "no_auth" => {
                self.store_block(key, node, &["type"], &[]);
                AuthConfig::NoAuth
            }
            "kubernetes" => AuthConfig::Kubernetes(self.kubernetes(key, node)),
            "oidc" => {
                let block = self.store_block(key, node, &OIDC, &AUTH_OIDC);
                AuthConfig::Oidc(Box::new(self.oidc(&block, node)))
            }
            _ => {
                self.not_there("auth", kind_node, kind, false, &["oidc", "kubernetes", "no_auth"]);
                AuthConfig::NoAuth
            }
        }
    }

    /// Feast takes any other key here.
    fn kubernetes(&mut self, section: &str, node: &'a Node) -> KubernetesConfig {
        let entries = if let NodeKind::Map(entries) = &node.kind { entries.as_slice() } else { &[] };
        let keys = entries.iter().map(|entry| entry.key.as_str()).filter(|key| !KUBERNETES.contains(key));
        let others: Vec<_> = keys.map(|key| (key, Fate::Remark("a cluster needs no such setting"))).collect();
        let block = self.store_block(section, node, &KUBERNETES, &others);
        KubernetesConfig {
            api_server: self.block_text(&block, "api_server"),
            service_account: self.block_text(&block, "service_account").map(|path| self.repo.join(path)),
            user_token: self.block_text(&block, "user_token").map(Secret),
        }
    }

    fn oidc(&mut self, block: &Block<'a>, node: &Node) -> OidcConfig {
        let ca_cert_path = self.block_text(block, "ca_cert_path").map(|path| self.repo.join(path));
        OidcConfig {
            discovery_url: self.block_text(block, "auth_discovery_url"),
            client_id: self.block_text(block, "client_id"),
            audience: self.block_text(block, "audience"),
            issuer: self.block_text(block, "issuer"),
            verify_ssl: self.switch(block, "verify_ssl", true),
            ca_cert_path,
            key_lifespan: self.seconds(block, "jwks_cache_lifespan_seconds", DEFAULT_KEY_LIFESPAN),
            request_timeout: self.seconds(block, "jwks_request_timeout_seconds", DEFAULT_REQUEST_TIMEOUT),
            client: self.oidc_client(block, node),
        }
    }

    /// By Feast's rules: one way to a token, and a whole one.
    fn oidc_client(&mut self, block: &Block<'a>, node: &Node) -> OidcClientConfig {
        let token = self.block_text(block, "token").map(Secret);
        let variable = self.block_text(block, "token_env_var");
        let client_secret = self.block_text(block, "client_secret").map(Secret);
        let user = (self.block_text(block, "username"), self.block_text(block, "password").map(Secret));
        let incomplete = |missing: &str| {
            let problem =
                node.place.problem(format!("`auth` says how to ask for a token, but not `{missing}`"));
            problem.remedy(format!("add `{missing}`, or leave out the password and `client_secret`"))
        };
        let user = match user {
            (Some(name), Some(password)) => Some((name, password)),
            (None, None) => None,
            (Some(_), None) => return self.no_client(incomplete("password")),
            (None, Some(_)) => return self.no_client(incomplete("username")),
        };
        if user.is_some() && client_secret.is_none() {
            return self.no_client(incomplete("client_secret"));
        }
        match (token, variable, client_secret) {
            (None, None, None) => OidcClientConfig::Unsaid,
            (Some(token), None, None) => OidcClientConfig::Token(token),
            (None, Some(variable), None) => OidcClientConfig::Variable(variable),
            (None, None, Some(client_secret)) => {
                for key in ["auth_discovery_url", "client_id"] {
                    if block.get(key).is_none() {
                        return self.no_client(incomplete(key));
                    }
                }
                OidcClientConfig::Credentials { client_secret, user }
            }
            _ => self.no_client(
                node.place
                    .problem("`auth` has several ways to a token")
                    .remedy("keep one of `token`, `token_env_var` and `client_secret`"),
            ),
        }
    }

    fn no_client(&mut self, problem: Problem) -> OidcClientConfig {
        self.report.problem(problem);
        OidcClientConfig::Unsaid
    }

    /// A text that is not empty.
    /// A number of seconds above zero, perhaps with a fraction.
    pub(super) fn seconds(&mut self, block: &Block<'a>, key: &str, default: Duration) -> Duration {
        let Some(node) = block.get(key) else { return default };
        let Some(text) = self.ok(node.scalar(&format!("`{key}`"), "a number of seconds")) else {
            return default;
        };
        let span = text.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        span.filter(|span| !span.is_zero()).unwrap_or_else(|| {
            let problem = node.place.problem(format!("`{key}` is no number of seconds above zero"));
            self.report.problem(problem.remedy(format!("write {}", default.as_secs())));
            default
        })
    }
}
