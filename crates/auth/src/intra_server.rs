//! The secret by which servers of one installation know each other.
//!
//! Feast sends it as the user's name in a token that nobody signed: what proves the sender is that the name
//! is the secret.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::oidc::object;

/// Feast's variable for the secret.
const VARIABLE: &str = "INTRA_COMMUNICATION_BASE64";

/// What all servers of one installation know, and nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct IntraServerSecret(String);

impl IntraServerSecret {
    /// The secret in Feast's variable `INTRA_COMMUNICATION_BASE64`; `None` where that is empty or not there.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        variable(VARIABLE).filter(|secret| !secret.is_empty()).map(Self)
    }

    /// The token that carries the secret to servers that ask an `OpenID` Connect provider.
    pub fn token(&self) -> String {
        unsigned(&json!({ "preferred_username": self.0 }))
    }

    /// The token that carries the secret to servers that ask a Kubernetes cluster.
    pub fn token_for_cluster(&self) -> String {
        unsigned(&json!({ "sub": format!(":::{}", self.0) }))
    }

    /// Whether a token carries the secret.
    pub(crate) fn is_in(&self, token: &str) -> bool {
        let mut parts = token.split('.');
        let (Some(_header), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let Ok(claims) = object(claims) else { return false };
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let name = text("preferred_username").or_else(|| text("sub")?.strip_prefix(":::"));
        // How long the comparison of digests takes tells nothing of the secret.
        name.is_some_and(|name| Sha256::digest(name) == Sha256::digest(&self.0))
    }
}

fn unsigned(claims: &Value) -> String {
    let header = BASE64_URL.encode(r#"{"alg":"none","typ":"JWT"}"#);
    format!("{header}.{}.", BASE64_URL.encode(claims.to_string()))
}

impl fmt::Debug for IntraServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntraServerSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> IntraServerSecret {
        IntraServerSecret::from_environment(&|name| {
            (name == "INTRA_COMMUNICATION_BASE64").then(|| text.to_owned())
        })
        .unwrap()
    }

    #[test]
    fn the_token_is_the_one_that_feast_makes() {
        // Of `jwt.encode({"preferred_username": "c2VjcmV0"}, "", algorithm="none")`.
        let token = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJwcmVmZXJyZWRfdXNlcm5hbWUiOiJjMlZqY21WMCJ9.";
        assert_eq!(secret("c2VjcmV0").token(), token);
        assert!(secret("c2VjcmV0").is_in(token));
        // Of `jwt.encode({"sub": ":::c2VjcmV0"}, "", algorithm="none")`.
        let token = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiI6OjpjMlZqY21WMCJ9.";
        assert_eq!(secret("c2VjcmV0").token_for_cluster(), token);
        assert!(secret("c2VjcmV0").is_in(token));
    }

    #[test]
    fn no_other_name_and_no_nonsense_is_the_secret() {
        let secret = secret("c2VjcmV0");
        for token in ["", ".", "..", "a.b.c", "c2VjcmV0", "e30.e30.", &self::secret("c2VjcmV1").token()] {
            assert!(!secret.is_in(token), "{token}");
        }
        assert!(!secret.is_in(&format!("{}.", secret.token())));
        assert_eq!(IntraServerSecret::from_environment(&|_| Some(String::new())), None);
        assert!(!format!("{secret:?}").contains("c2VjcmV0"));
    }
}
