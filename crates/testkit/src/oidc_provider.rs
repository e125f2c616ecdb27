//! A provider of tokens by `OpenID` Connect, small but real: it serves a discovery document and its keys over
//! HTTP, signs tokens, and hands one out to a client that knows its secret.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use rustls::ServerConfig;
use serde_json::{Value, json};

use crate::small_server::{SmallRequest, SmallServer};

/// The client and the secret for which the provider hands out tokens.
pub const CLIENT: (&str, &str) = ("batch", "s3cret");

/// A key pair with an id.
#[derive(Debug)]
pub struct SigningKey {
    /// The id.
    pub kid: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(RsaKeyPair),
    Curve(EcdsaKeyPair),
}

impl SigningKey {
    /// A new RSA key, which signs by RS256.
    pub fn rsa(kid: &str) -> Self {
        let pair = Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("keys can be made"));
        Self { kid: kid.to_owned(), pair }
    }

    /// A new key on the curve P-256, which signs by ES256.
    pub fn curve(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("keys can be made");
        Self { kid: kid.to_owned(), pair: Pair::Curve(pair) }
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let algorithm = match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Curve(_) => "ES256",
        };
        self.token_with(&json!({ "alg": algorithm, "typ": "JWT", "kid": self.kid }), claims)
    }

    /// A token with this header, whatever it says, signed by the key's own algorithm.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).expect("keys sign");
                signature
            }
            Pair::Curve(pair) => pair.sign(&random, message.as_bytes()).expect("keys sign").as_ref().to_vec(),
        };
        format!("{message}.{}", BASE64_URL.encode(signature))
    }

    /// The public half, as a JSON Web Key.
    pub fn public(&self) -> Value {
        let encode = |bytes: Option<&[u8]>| BASE64_URL.encode(bytes.expect("the key has this form"));
        match &self.pair {
            Pair::Rsa(pair) => {
                // SEQUENCE { INTEGER of 257 bytes, the first of them 0; INTEGER 65537 }
                let der = pair.public_key().as_ref();
                let (modulus, exponent) = (encode(der.get(9..265)), encode(der.get(267..270)));
                json!({ "kty": "RSA", "kid": self.kid, "use": "sig", "n": modulus, "e": exponent })
            }
            Pair::Curve(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encode(point.get(1..33)), encode(point.get(33..65)));
                json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "alg": "ES256", "x": x, "y": y })
            }
        }
    }
}

/// A provider that listens on this machine until it is dropped.
#[derive(Debug)]
pub struct OidcProvider {
    server: SmallServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    keys: Mutex<Arc<Vec<SigningKey>>>,
    /// Claims of the tokens that are handed out.
    handed_out: Value,
    key_fetches: AtomicUsize,
    is_away: AtomicBool,
}

impl OidcProvider {
    /// A provider with these keys; the first of them signs. The tokens that it hands out for
    /// [`CLIENT`]'s secret have the claims `handed_out`.
    pub fn start(keys: Vec<SigningKey>, handed_out: Value) -> Self {
        Self::listen(keys, handed_out, None)
    }

    /// The same, over TLS.
    pub fn start_with_tls(keys: Vec<SigningKey>, handed_out: Value, tls: Arc<ServerConfig>) -> Self {
        Self::listen(keys, handed_out, Some(tls))
    }

    fn listen(keys: Vec<SigningKey>, handed_out: Value, tls: Option<Arc<ServerConfig>>) -> Self {
        let shared = Arc::new(Shared {
            keys: Mutex::new(Arc::new(keys)),
            handed_out,
            key_fetches: AtomicUsize::new(0),
            is_away: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let server = SmallServer::start(tls, move |request| serving.answer(request));
        Self { server, shared }
    }

    /// Where the discovery document is.
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer())
    }

    /// What the provider calls itself.
    pub fn issuer(&self) -> String {
        self.server.url().to_owned()
    }

    /// A token with these claims, signed by the first key.
    pub fn token(&self, claims: &Value) -> String {
        self.shared.keys().first().expect("there is a key").token(claims)
    }

    /// Has these keys from now on.
    pub fn rotate(&self, keys: Vec<SigningKey>) {
        *self.shared.keys.lock().expect("nobody panics here") = Arc::new(keys);
    }

    /// How often the keys were asked for.
    pub fn key_fetches(&self) -> usize {
        self.shared.key_fetches.load(Ordering::SeqCst)
    }

    /// Whether every request gets a 500.
    pub fn set_away(&self, is_away: bool) {
        self.shared.is_away.store(is_away, Ordering::SeqCst);
    }
}

impl Shared {
    fn keys(&self) -> Arc<Vec<SigningKey>> {
        Arc::clone(&self.keys.lock().expect("nobody panics here"))
    }

    fn answer(&self, request: &SmallRequest) -> (u16, Value) {
        match request.target.as_str() {
            _ if self.is_away.load(Ordering::SeqCst) => (500, json!("away")),
            "GET /.well-known/openid-configuration" => {
                let base = &request.base;
                let document = json!({
                    "issuer": base, "jwks_uri": format!("{base}/keys"), "token_endpoint": format!("{base}/token"),
                    "authorization_endpoint": format!("{base}/authorize"),
                });
                (200, document)
            }
            "GET /keys" => {
                self.key_fetches.fetch_add(1, Ordering::SeqCst);
                let keys: Vec<Value> = self.keys().iter().map(SigningKey::public).collect();
                (200, json!({ "keys": keys }))
            }
            "POST /token" if is_known_client(&request.body) => {
                let keys = self.keys();
                let token = keys.first().expect("there is a key").token(&self.handed_out);
                (200, json!({ "access_token": token, "token_type": "Bearer", "expires_in": 60 }))
            }
            "POST /token" => (401, json!({ "error": "invalid_client" })),
            _ => (404, json!("not found")),
        }
    }
}

fn is_known_client(form: &str) -> bool {
    let has = |field: &str| form.split('&').any(|known| known == field);
    let (client, secret) = CLIENT;
    has("grant_type=client_credentials")
        && has(&format!("client_id={client}"))
        && has(&format!("client_secret={secret}"))
}
