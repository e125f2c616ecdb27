//! Where a client's token comes from.

use std::fmt;
use std::path::Path;

use larder_core::Result;

use crate::kubernetes::service_account_token;
use crate::oidc::Provider;
use crate::{AuthError, ProviderOptions};

/// Where a client's token comes from.
#[derive(Clone)]
#[non_exhaustive]
pub enum TokenSource {
    /// It is written down.
    Given(String),
    /// The provider hands it out.
    Provider(ProviderOptions, ClientCredentials),
}

/// For what the provider hands out a token.
#[derive(Clone)]
pub struct ClientCredentials {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// A user's name and password, if the token is to be the user's and not the client's own.
    pub user: Option<(String, String)>,
}

impl TokenSource {
    /// The token in a variable of the environment.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoVariable`] if it is empty or not there.
    pub fn from_variable(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, AuthError> {
        let token = variable(name).filter(|token| !token.is_empty());
        token.map(Self::Given).ok_or_else(|| AuthError::NoVariable { variable: name.to_owned() })
    }

    /// The token of the service account of a pod: in the file `token` of its folder, or in a variable.
    ///
    /// # Errors
    ///
    /// [`AuthError::ServiceAccount`] if there is neither.
    pub fn of_service_account(
        folder: Option<&Path>,
        otherwise: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, AuthError> {
        match service_account_token(folder) {
            Ok(token) => Ok(Self::Given(token)),
            Err(no_file) => Self::from_variable(otherwise, variable).map_err(|_no_variable| no_file),
        }
    }

    /// The token to send.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](larder_core::ErrorKind::Unavailable) if the provider hands out none.
    pub async fn token(&self) -> Result<String> {
        match self {
            Self::Given(token) => Ok(token.clone()),
            Self::Provider(options, credentials) => {
                let (options, credentials) = (options.clone(), credentials.clone());
                Ok(larder_blocking::run_as(move || request(&options, &credentials)).await?)
            }
        }
    }
}

fn request(options: &ProviderOptions, credentials: &ClientCredentials) -> Result<String, AuthError> {
    let provider = Provider::try_new(options)?;
    let mut form = vec![
        ("client_id", credentials.client_id.as_str()),
        ("client_secret", credentials.client_secret.as_str()),
    ];
    match &credentials.user {
        None => form.push(("grant_type", "client_credentials")),
        Some((name, password)) => {
            form.extend([("grant_type", "password"), ("username", name), ("password", password)]);
        }
    }
    provider.token(&form)
}

// Neither shows a secret.
impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given(…)",
            Self::Provider(..) => "Provider(…)",
        })
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
