//! The keys of a provider, and what they prove.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use serde_json::Value;

/// More keys than a provider has.
const MAX_KEYS: usize = 1_000;

/// The public keys of a provider, by id.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: HashMap<String, Arc<PublicKey>>,
}

/// A key that proves who signed.
#[derive(Debug)]
pub(crate) struct PublicKey {
    material: Material,
    /// The only algorithm that the provider uses it with, where it says so.
    algorithm: Option<String>,
}

#[derive(Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A curve's or an Edwards curve's point, and the one algorithm of the curve.
    Point {
        algorithm: &'static str,
        point: Vec<u8>,
    },
}

impl KeySet {
    /// The keys of a JSON Web Key Set that are meant for signatures and that larder can check; others, and
    /// those without an id, are left out.
    pub(crate) fn new(keys: &[Value]) -> Self {
        let usable = keys.iter().take(MAX_KEYS).filter_map(|key| {
            let id = key.get("kid")?.as_str()?.to_owned();
            Some((id, Arc::new(PublicKey::of(key)?)))
        });
        Self { keys: usable.collect() }
    }

    pub(crate) fn get(&self, kid: &str) -> Option<Arc<PublicKey>> {
        self.keys.get(kid).map(Arc::clone)
    }
}

impl PublicKey {
    fn of(key: &Value) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let bytes = |name: &str| BASE64_URL.decode(text(name)?.trim_end_matches('=')).ok();
        if key.get("use").is_some_and(|usage| usage != "sig") {
            return None;
        }
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { modulus: bytes("n")?, exponent: bytes("e")? },
            ("EC", Some(curve)) => {
                let algorithm = match curve {
                    "P-256" => "ES256",
                    "P-384" => "ES384",
                    "P-521" => "ES512",
                    _ => return None,
                };
                // 4 says that the point is not compressed.
                Material::Point { algorithm, point: [vec![4], bytes("x")?, bytes("y")?].concat() }
            }
            ("OKP", Some("Ed25519")) => Material::Point { algorithm: "EdDSA", point: bytes("x")? },
            // A shared secret among public keys is nobody's proof.
            _ => return None,
        };
        Some(Self { material, algorithm: text("alg").map(str::to_owned) })
    }

    /// Whether the key signs by an algorithm; never one without a signature or with a shared secret.
    pub(crate) fn signs_by(&self, algorithm: &str) -> bool {
        let fits = match &self.material {
            Material::Rsa { .. } => rsa(algorithm).is_some(),
            Material::Point { algorithm: only, .. } => algorithm == *only,
        };
        fits && self.algorithm.as_ref().is_none_or(|only| only == algorithm)
    }

    /// Whether `signature` was made over `message` with the key's private half, by `algorithm`.
    pub(crate) fn proves(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        if !self.signs_by(algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa { modulus, exponent } => rsa(algorithm).is_some_and(|parameters| {
                RsaPublicKeyComponents { n: modulus, e: exponent }
                    .verify(parameters, message, signature)
                    .is_ok()
            }),
            Material::Point { algorithm, point } => curve(algorithm)
                .is_some_and(|curve| UnparsedPublicKey::new(curve, point).verify(message, signature).is_ok()),
        }
    }
}

fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn curve(algorithm: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        "ES256" => &ECDSA_P256_SHA256_FIXED,
        "ES384" => &ECDSA_P384_SHA384_FIXED,
        "ES512" => &ECDSA_P521_SHA512_FIXED,
        "EdDSA" => &ED25519,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_public_keys_for_signatures_with_an_id_count() {
        let point = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let set = KeySet::new(&[
            json!({"kty": "EC", "crv": "P-256", "x": point, "y": point, "kid": "ec"}),
            json!({"kty": "EC", "crv": "P-256", "x": point, "y": point}),
            json!({"kty": "EC", "crv": "P-256", "x": point, "y": point, "kid": "enc", "use": "enc"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": point, "y": point, "kid": "other"}),
            json!({"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"}),
            json!({"kty": "RSA", "n": point, "e": "AQAB", "kid": "rsa", "alg": "RS384", "use": "sig"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": point, "kid": "ed"}),
            json!({"kty": "RSA", "n": "not base64!", "e": "AQAB", "kid": "broken"}),
            json!("nonsense"),
        ]);
        let mut ids: Vec<&str> = set.keys.keys().map(String::as_str).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["ec", "ed", "rsa"]);
    }

    #[test]
    fn a_key_signs_by_its_own_algorithms_and_never_by_none_or_a_secret() {
        let point = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let key = |value: Value| PublicKey::of(&value).unwrap();
        let all = ["none", "HS256", "HS512", "RS256", "RS384", "PS512", "ES256", "ES384", "EdDSA", ""];
        let of = |key: &PublicKey| all.into_iter().filter(|name| key.signs_by(name)).collect::<Vec<_>>();
        let rsa = json!({"kty": "RSA", "n": point, "e": "AQAB"});
        assert_eq!(of(&key(rsa)), ["RS256", "RS384", "PS512"]);
        let named = json!({"kty": "RSA", "n": point, "e": "AQAB", "alg": "RS256"});
        assert_eq!(of(&key(named)), ["RS256"]);
        let confused = json!({"kty": "RSA", "n": point, "e": "AQAB", "alg": "HS256"});
        assert_eq!(of(&key(confused)), Vec::<&str>::new());
        let curve = json!({"kty": "EC", "crv": "P-256", "x": point, "y": point});
        assert_eq!(of(&key(curve)), ["ES256"]);
    }
}
