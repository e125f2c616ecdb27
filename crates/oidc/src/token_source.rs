//! Where a client's token comes from.

use std::fmt;

use larder_core::Result;

use crate::provider::Provider;
use crate::{IntraServerSecret, OidcError, ProviderOptions, blocking};

/// Where a client's token comes from.
#[derive(Clone)]
#[non_exhaustive]
pub enum TokenSource {
    /// The secret of the installation, as its token.
    IntraServer(IntraServerSecret),
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
    /// [`OidcError::NoVariable`] if it is empty or not there.
    pub fn from_variable(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, OidcError> {
        let token = variable(name).filter(|token| !token.is_empty());
        token.map(Self::Given).ok_or_else(|| OidcError::NoVariable { variable: name.to_owned() })
    }

    /// The token to send.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](larder_core::ErrorKind::Unavailable) if the provider hands out none.
    pub async fn token(&self) -> Result<String> {
        match self {
            Self::IntraServer(secret) => Ok(secret.token()),
            Self::Given(token) => Ok(token.clone()),
            Self::Provider(options, credentials) => {
                let (options, credentials) = (options.clone(), credentials.clone());
                Ok(blocking::run(move || request(&options, &credentials)).await?)
            }
        }
    }
}

fn request(options: &ProviderOptions, credentials: &ClientCredentials) -> Result<String, OidcError> {
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
            Self::IntraServer(_) => "IntraServer(…)",
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
