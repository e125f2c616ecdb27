//! The parts of a JSON Web Token, and whether it is signed.
//!
//! ```text
//! base64url(header) "." base64url(claims) "." base64url(signature over all before the second dot)
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use serde_json::{Map, Value};

use super::key_set::PublicKey;
use crate::TokenError;

/// A longer token is refused unread.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// A token taken apart. What it says counts only once [`claims`](Self::claims) has seen the key.
#[derive(Debug)]
pub(crate) struct SignedToken<'t> {
    algorithm: String,
    /// The id of the key that the token says to be signed with.
    pub(crate) kid: String,
    message: &'t str,
    claims: &'t str,
    signature: Vec<u8>,
}

impl<'t> SignedToken<'t> {
    pub(crate) fn parse(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let header = object(header)?;
        // An extension that must be understood, and is not.
        if header.contains_key("crit") {
            return Err(TokenError::Malformed);
        }
        let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            algorithm: text("alg").ok_or(TokenError::Malformed)?,
            kid: text("kid").ok_or(TokenError::NoKeyNamed)?,
            message,
            claims,
            signature: BASE64_URL.decode(signature).map_err(|_| TokenError::Malformed)?,
        })
    }

    /// What the token says, if `key` has signed it in a way that is the key's.
    pub(crate) fn claims(&self, key: &PublicKey) -> Result<Map<String, Value>, TokenError> {
        if !key.signs_by(&self.algorithm) {
            return Err(TokenError::Algorithm);
        }
        if !key.proves(&self.algorithm, self.message.as_bytes(), &self.signature) {
            return Err(TokenError::Signature);
        }
        object(self.claims)
    }
}

/// The JSON object in a part of a token.
pub(crate) fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = BASE64_URL.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}
