//! Who may use a server of this store, and as whom its clients come to one.

use std::path::PathBuf;
use std::sync::Arc;

use larder_auth::{
    ClientCredentials, ClusterAuthenticator, ClusterOptions, IntraServerSecret, OidcAuthenticator,
    ProviderOptions, TokenRules, TokenSource,
};
use larder_core::{Authenticator, Clock, RequestError, Result};
use larder_registry::{AuthConfig, OidcClientConfig, OidcConfig, PermissionRule};
use larder_serving::Authorization;
use tracing::warn;

use crate::FeatureStore;

/// Where Feast looks for a token if `auth` says nothing of one.
const TOKEN_VARIABLE: &str = "FEAST_OIDC_TOKEN";

/// Where Feast looks for a token of a cluster outside of one.
const CLUSTER_TOKEN_VARIABLE: &str = "LOCAL_K8S_TOKEN";

/// Where Feast looks for the certificates to trust if `auth` names none.
const CA_CERTIFICATES_VARIABLE: &str = "FEAST_CA_CERT_FILE_PATH";

impl FeatureStore {
    /// Refuses an `auth` that a server could not enforce, and a permission likewise, and warns if there is
    /// nothing to enforce. [`serve`](Self::serve) does so too.
    ///
    /// # Errors
    ///
    /// For tokens that larder cannot check, and for a pattern of names that it does not have.
    pub fn check_auth(&self) -> Result<()> {
        if authenticator(&self.config().auth, self.clock())?.is_none() {
            return Ok(());
        }
        let catalog = self.catalog();
        let snapshot = catalog.snapshot();
        for permission in snapshot.permissions() {
            PermissionRule::new((*permission.object).clone())?;
        }
        if !snapshot.has_permissions() {
            warn!(
                project = %snapshot.project.name,
                "the project has no permissions, so whoever has a token of the provider may do everything"
            );
        }
        Ok(())
    }

    /// Who may do what on a server of this project; `None` where everybody may do everything.
    ///
    /// # Errors
    ///
    /// As [`check_auth`](Self::check_auth).
    pub(crate) fn authorization(&self) -> Result<Option<Arc<Authorization>>> {
        self.check_auth()?;
        let authenticator = authenticator(&self.config().auth, self.clock())?;
        Ok(authenticator.map(|asked| Arc::new(Authorization::new(asked))))
    }

    /// The token that a server of this project wants from its clients; `None` where it wants none.
    ///
    /// It is the secret of the installation, if `INTRA_COMMUNICATION_BASE64` holds one; else what `auth` of
    /// `feature_store.yaml` says, or what `FEAST_OIDC_TOKEN` holds.
    ///
    /// # Errors
    ///
    /// If `auth` says of no token, or the provider hands out none.
    pub async fn client_token(&self) -> Result<Option<String>> {
        match token_source(&self.config().auth, &|name| std::env::var(name).ok())? {
            Some(source) => Ok(Some(source.token().await?)),
            None => Ok(None),
        }
    }
}

/// What finds out who sends requests; `None` where everybody may do everything.
///
/// # Errors
///
/// For every kind of `auth` that larder cannot enforce: nothing is served openly that was to be closed.
pub(crate) fn authenticator(
    config: &AuthConfig,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Authenticator>>> {
    let variable = |name: &str| std::env::var(name).ok();
    let intra_server = IntraServerSecret::from_environment(&variable);
    match config {
        AuthConfig::NoAuth => Ok(None),
        AuthConfig::Oidc(oidc) => Ok(Some(oidc_authenticator(oidc, intra_server, clock, &variable)?)),
        AuthConfig::Kubernetes(kubernetes) => {
            let (api_server, folder) = (kubernetes.api_server.clone(), kubernetes.service_account.clone());
            let cluster = ClusterOptions::in_cluster(api_server, folder, &variable)?;
            let authenticator = ClusterAuthenticator::try_new(&cluster, intra_server, Arc::clone(clock))?;
            Ok(Some(Arc::new(authenticator)))
        }
        _ => Err(refused("`auth` is of a type that larder cannot enforce")),
    }
}

fn oidc_authenticator(
    oidc: &OidcConfig,
    intra_server: Option<IntraServerSecret>,
    clock: &Arc<dyn Clock>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Authenticator>> {
    let Some(provider) = provider(oidc, variable) else {
        return Err(refused("`auth` of type `oidc` has no `auth_discovery_url`, so no token can be checked"));
    };
    if !oidc.verify_ssl {
        warn!("`verify_ssl` is off: whoever can answer in the provider's place may let anybody in");
    }
    let rules = TokenRules {
        client_id: oidc.client_id.clone(),
        audience: oidc.audience.clone(),
        issuer: oidc.issuer.clone(),
    };
    let authenticator =
        OidcAuthenticator::try_new(&provider, oidc.key_lifespan, rules, intra_server, Arc::clone(clock))?;
    Ok(Arc::new(authenticator))
}

fn token_source(
    config: &AuthConfig,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<TokenSource>> {
    let intra_server = IntraServerSecret::from_environment(variable);
    let oidc = match (config, intra_server) {
        (AuthConfig::Oidc(_), Some(secret)) => return Ok(Some(TokenSource::Given(secret.token()))),
        (AuthConfig::Kubernetes(_), Some(secret)) => {
            return Ok(Some(TokenSource::Given(secret.token_for_cluster())));
        }
        (AuthConfig::Oidc(oidc), None) => oidc,
        (AuthConfig::Kubernetes(kubernetes), None) => {
            if let Some(token) = &kubernetes.user_token {
                return Ok(Some(TokenSource::Given(token.expose().to_owned())));
            }
            let folder = kubernetes.service_account.as_deref();
            return Ok(Some(TokenSource::of_service_account(folder, CLUSTER_TOKEN_VARIABLE, variable)?));
        }
        _ => return Ok(None),
    };
    let source = match &oidc.client {
        OidcClientConfig::Token(token) => TokenSource::Given(token.expose().to_owned()),
        OidcClientConfig::Variable(name) => TokenSource::from_variable(name, variable)?,
        OidcClientConfig::Credentials { client_secret, user } => {
            let (Some(provider), Some(client_id)) = (provider(oidc, variable), oidc.client_id.clone()) else {
                return Err(refused("`client_secret` needs `auth_discovery_url` and `client_id`"));
            };
            let user = user.as_ref().map(|(name, password)| (name.clone(), password.expose().to_owned()));
            let client_secret = client_secret.expose().to_owned();
            TokenSource::Provider(provider, ClientCredentials { client_id, client_secret, user })
        }
        _ => match TokenSource::from_variable(TOKEN_VARIABLE, variable) {
            Ok(source) => source,
            Err(_nothing_there) => {
                return Err(refused(
                    "the server wants a token; give `auth` one of `token`, `token_env_var` and \
                     `client_secret`, or set FEAST_OIDC_TOKEN",
                ));
            }
        },
    };
    Ok(Some(source))
}

fn provider(oidc: &OidcConfig, variable: &dyn Fn(&str) -> Option<String>) -> Option<ProviderOptions> {
    let ca_certificates = || variable(CA_CERTIFICATES_VARIABLE).filter(|path| !path.is_empty());
    Some(ProviderOptions {
        discovery_url: oidc.discovery_url.clone()?,
        request_timeout: oidc.request_timeout,
        verify_certificates: oidc.verify_ssl,
        ca_certificates: oidc.ca_cert_path.clone().or_else(|| ca_certificates().map(PathBuf::from)),
    })
}

fn refused(message: &str) -> larder_core::Error {
    RequestError::other(message).into()
}

#[cfg(test)]
mod tests {
    use larder_core::SystemClock;

    use super::*;

    fn config(block: &str) -> AuthConfig {
        let text = format!("project: p\nregistry: r.db\nauth: {{{block}}}\n");
        let config = larder_registry::RepoConfig::from_text("/repo".as_ref(), "test", &text, &|_| None);
        config.unwrap().auth
    }

    #[test]
    fn what_cannot_be_enforced_is_not_served() {
        let authenticator = |block: &str| {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            authenticator(&config(block), &clock).map(|found| found.is_some()).map_err(|e| e.to_string())
        };
        assert_eq!(authenticator("type: no_auth"), Ok(false));
        assert_eq!(authenticator("type: oidc, auth_discovery_url: 'http://x'"), Ok(true));
        assert!(authenticator("type: oidc").unwrap_err().contains("no `auth_discovery_url`"));
        assert!(authenticator("type: kubernetes").unwrap_err().contains("no Kubernetes cluster to ask"));
        let nowhere = "type: kubernetes, api_server: 'https://x', service_account: nowhere";
        assert!(authenticator(nowhere).unwrap_err().contains("/repo/nowhere/ca.crt cannot be read"));
        let error =
            authenticator("type: oidc, auth_discovery_url: x, ca_cert_path: nowhere.pem").unwrap_err();
        assert!(error.contains("/repo/nowhere.pem cannot be read"), "{error}");
    }

    #[test]
    fn authorities_come_from_the_settings_or_else_from_feasts_variable() {
        let trusted = |block: &str, variable: Option<&str>| {
            let AuthConfig::Oidc(oidc) = config(block) else { panic!("{block}") };
            let named = |name: &str| {
                (name == "FEAST_CA_CERT_FILE_PATH").then_some(variable).flatten().map(str::to_owned)
            };
            provider(&oidc, &named).unwrap().ca_certificates
        };
        let oidc = "type: oidc, auth_discovery_url: x";
        assert_eq!(trusted(oidc, None), None);
        assert_eq!(trusted(oidc, Some("")), None);
        assert_eq!(trusted(oidc, Some("/ca.pem")), Some("/ca.pem".into()));
        let said = format!("{oidc}, ca_cert_path: own.pem");
        assert_eq!(trusted(&said, Some("/ca.pem")), Some("/repo/own.pem".into()));
    }

    #[tokio::test]
    async fn a_clients_token_comes_from_where_feast_takes_it() {
        let variables = |name: &str| match name {
            "MINE" => Some("mine".to_owned()),
            "FEAST_OIDC_TOKEN" => Some("feasts".to_owned()),
            "LOCAL_K8S_TOKEN" => Some("local".to_owned()),
            _ => None,
        };
        for (block, expected) in [
            ("type: oidc, token: given", "given"),
            ("type: oidc, token_env_var: MINE", "mine"),
            ("type: oidc", "feasts"),
            ("type: kubernetes, user_token: given", "given"),
            ("type: kubernetes, service_account: nowhere", "local"),
        ] {
            let source = token_source(&config(block), &variables).unwrap().unwrap();
            assert_eq!(source.token().await.unwrap(), expected, "{block}");
        }
        assert!(token_source(&config("type: no_auth"), &variables).unwrap().is_none());
        let missing = token_source(&config("type: oidc, token_env_var: OTHER"), &variables).unwrap_err();
        assert!(missing.to_string().contains("names `OTHER`"), "{missing}");
        assert!(
            token_source(&config("type: oidc"), &|_| None).unwrap_err().to_string().contains("wants a token")
        );
        let with_secret = |name: &str| (name == "INTRA_COMMUNICATION_BASE64").then(|| "c2VjcmV0".to_owned());
        let source = token_source(&config("type: oidc, token: given"), &with_secret).unwrap().unwrap();
        let secret = IntraServerSecret::from_environment(&with_secret).unwrap();
        assert_eq!(source.token().await.unwrap(), secret.token());
        let source = token_source(&config("type: kubernetes, user_token: x"), &with_secret).unwrap().unwrap();
        assert_eq!(source.token().await.unwrap(), secret.token_for_cluster());
    }
}
