//! Tokens of a real provider on this machine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use larder_auth::{
    AuthError, ClientCredentials, IntraServerSecret, OidcAuthenticator, ProviderOptions, TokenError,
    TokenRules, TokenSource,
};
use larder_core::{Authenticator as _, Caller, ErrorKind, FixedClock, Timestamp, User};
use larder_testkit::oidc_provider::{CLIENT, OidcProvider, SigningKey};
use larder_testkit::tls::own_certificate;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const LIFESPAN: Duration = Duration::from_secs(300);

struct Fixture {
    provider: OidcProvider,
    clock: Arc<FixedClock>,
    authenticator: OidcAuthenticator,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn options(provider: &OidcProvider) -> ProviderOptions {
    ProviderOptions {
        discovery_url: provider.discovery_url(),
        request_timeout: Duration::from_secs(10),
        verify_certificates: true,
        ca_certificates: None,
    }
}

fn fixture(keys: Vec<SigningKey>, rules: TokenRules) -> Fixture {
    let provider = OidcProvider::start(keys, claims());
    let clock = Arc::new(FixedClock::new(at(NOW)));
    let authenticator =
        OidcAuthenticator::try_new(&options(&provider), LIFESPAN, rules, None, Arc::clone(&clock) as _)
            .unwrap();
    Fixture { provider, clock, authenticator }
}

fn one_key() -> Fixture {
    fixture(vec![SigningKey::curve("first")], TokenRules::default())
}

fn claims() -> Value {
    json!({ "preferred_username": "ada", "exp": NOW + 60, "roles": ["reader"], "groups": ["staff"] })
}

impl Fixture {
    async fn refused(&self, token: &str) -> TokenError {
        let error = self.authenticator.authenticate(token).await.unwrap_err();
        assert!(!error.chain().contains(token) || token.is_empty(), "an error shows no token");
        match error.downcast_ref::<AuthError>() {
            Some(AuthError::Token(error)) => error.clone(),
            _ => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_provider_tells_its_user_whatever_the_kind_of_key() {
    for key in [SigningKey::rsa("first"), SigningKey::curve("first")] {
        let fixture = fixture(vec![key], TokenRules::default());
        let caller = fixture.authenticator.authenticate(&fixture.provider.token(&claims())).await.unwrap();
        let user = User {
            name: "ada".into(),
            roles: vec!["reader".into()],
            groups: vec!["staff".into()],
            namespaces: vec![],
        };
        assert_eq!(caller, Caller::User(Arc::new(user)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_and_early_tokens_are_refused_also_when_they_were_good_before() {
    let fixture = one_key();
    let token = fixture.provider.token(&claims());
    assert!(fixture.authenticator.authenticate(&token).await.is_ok());
    fixture.clock.set(at(NOW + 69));
    assert!(fixture.authenticator.authenticate(&token).await.is_ok(), "within the leeway");
    fixture.clock.set(at(NOW + 70));
    assert_eq!(fixture.refused(&token).await, TokenError::Expired);
    let early = fixture.provider.token(&json!({ "sub": "a", "exp": NOW + 900, "nbf": NOW + 90 }));
    assert_eq!(fixture.refused(&early).await, TokenError::NotYetValid);
    let endless = fixture.provider.token(&json!({ "sub": "a" }));
    assert_eq!(fixture.refused(&endless).await, TokenError::Claim { claim: "exp" });
    let nobody = fixture.provider.token(&json!({ "exp": NOW + 900 }));
    assert_eq!(fixture.refused(&nobody).await, TokenError::NoUser);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_the_provider_did_not_sign_are_refused() {
    let fixture = one_key();
    let stranger = SigningKey::curve("first");
    assert_eq!(fixture.refused(&stranger.token(&claims())).await, TokenError::Signature);
    let unknown = SigningKey::curve("second").token(&claims());
    assert_eq!(fixture.refused(&unknown).await, TokenError::UnknownKey { kid: "second".into() });
    let nameless = stranger.token_with(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(fixture.refused(&nameless).await, TokenError::NoKeyNamed);

    // Other claims under a good signature, and a good one cut short.
    let good = fixture.provider.token(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let admin = BASE64_URL.encode(json!({ "sub": "root", "exp": NOW + 60, "roles": ["admin"] }).to_string());
    assert_eq!(fixture.refused(&format!("{}.{admin}.{}", parts[0], parts[2])).await, TokenError::Signature);
    let cut = fixture.refused(&good[..good.len() - 4]).await;
    assert!(matches!(cut, TokenError::Signature | TokenError::Malformed), "{cut}");
    assert!(fixture.authenticator.authenticate(&good).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_tokens_and_those_of_a_shared_secret_are_refused() {
    let fixture = one_key();
    let key = SigningKey::curve("first");
    for algorithm in ["none", "None", "HS256", "HS512", "RS256", "ES384", "EdDSA", ""] {
        let token = key.token_with(&json!({ "alg": algorithm, "kid": "first" }), &claims());
        assert_eq!(fixture.refused(&token).await, TokenError::Algorithm, "{algorithm}");
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(fixture.refused(&unsigned).await, TokenError::Algorithm, "{algorithm}");
    }
    let unknown = key.token_with(&json!({ "alg": "ES256", "kid": "first", "crit": ["b64"] }), &claims());
    assert_eq!(fixture.refused(&unknown).await, TokenError::Malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_without_asking_the_provider() {
    let fixture = one_key();
    let long = "a".repeat(100_000);
    for token in
        ["", ".", "..", "...", "a.b.c", "e30.e30.", "é.é.é", "e30.e30.!", &long, &format!("{long}.{long}.a")]
    {
        assert!(matches!(fixture.refused(token).await, TokenError::Malformed), "{token}");
    }
    assert_eq!(fixture.provider.key_fetches(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audience_and_the_issuer_that_the_rules_name_are_wanted() {
    let rules =
        TokenRules { audience: Some("feast".into()), issuer: Some("https://us".into()), client_id: None };
    let fixture = fixture(vec![SigningKey::curve("first")], rules);
    let token = |audience: Value, issuer: &str| {
        fixture.provider.token(&json!({ "sub": "a", "exp": NOW + 60, "aud": audience, "iss": issuer }))
    };
    assert!(fixture.authenticator.authenticate(&token(json!(["x", "feast"]), "https://us")).await.is_ok());
    let foreign = token(json!("other"), "https://us");
    assert_eq!(fixture.refused(&foreign).await, TokenError::Claim { claim: "aud" });
    let foreign = token(json!("feast"), "https://them");
    assert_eq!(fixture.refused(&foreign).await, TokenError::Claim { claim: "iss" });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_seen_at_once_and_a_withdrawn_one_counts_for_the_lifespan() {
    let fixture = one_key();
    let old = fixture.provider.token(&json!({ "sub": "old", "exp": NOW + 10_000 }));
    assert!(fixture.authenticator.authenticate(&old).await.is_ok());
    fixture.provider.rotate(vec![SigningKey::curve("second")]);
    fixture.clock.set(at(NOW + 299));
    assert!(fixture.authenticator.authenticate(&old).await.is_ok());
    assert_eq!(fixture.provider.key_fetches(), 1, "keys within their lifespan are not fetched again");
    let new = fixture.provider.token(&json!({ "sub": "new", "exp": NOW + 10_000 }));
    assert!(fixture.authenticator.authenticate(&new).await.is_ok());
    assert_eq!(fixture.provider.key_fetches(), 2);
    assert_eq!(fixture.refused(&old).await, TokenError::UnknownKey { kid: "first".into() });

    fixture.provider.rotate(vec![SigningKey::curve("third")]);
    fixture.clock.set(at(NOW + 299 + 300));
    assert_eq!(fixture.refused(&new).await, TokenError::UnknownKey { kid: "second".into() });
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_make_the_provider_be_asked_at_most_every_ten_seconds() {
    let fixture = one_key();
    for number in 0..20 {
        let token = SigningKey::curve(&format!("random-{number}")).token(&claims());
        assert!(matches!(fixture.refused(&token).await, TokenError::UnknownKey { .. }));
    }
    assert_eq!(fixture.provider.key_fetches(), 1);
    fixture.clock.set(at(NOW + 10));
    for number in 0..20 {
        let token = SigningKey::curve(&format!("random-{number}")).token(&claims());
        assert!(matches!(fixture.refused(&token).await, TokenError::UnknownKey { .. }));
    }
    assert_eq!(fixture.provider.key_fetches(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_fetch_the_keys_once() {
    let fixture = Arc::new(one_key());
    let token = fixture.provider.token(&claims());
    let requests = (0..16).map(|_| {
        let (fixture, token) = (Arc::clone(&fixture), token.clone());
        tokio::spawn(async move { fixture.authenticator.authenticate(&token).await.is_ok() })
    });
    for request in requests.collect::<Vec<_>>() {
        assert!(request.await.unwrap());
    }
    assert_eq!(fixture.provider.key_fetches(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_no_verdict_on_the_token() {
    let fixture = one_key();
    let token = fixture.provider.token(&json!({ "sub": "a", "exp": NOW + 10_000 }));
    fixture.provider.set_away(true);
    let kind = |error: larder_core::Error| error.kind();
    assert_eq!(fixture.authenticator.authenticate(&token).await.map_err(kind), Err(ErrorKind::Unavailable));
    fixture.provider.set_away(false);
    let again = fixture.authenticator.authenticate(&token).await.unwrap_err();
    assert!(again.to_string().contains("a moment ago"), "{again}");
    fixture.clock.set(at(NOW + 1));
    assert!(fixture.authenticator.authenticate(&token).await.is_ok());
    fixture.provider.set_away(true);
    fixture.clock.set(at(NOW + 200));
    assert!(fixture.authenticator.authenticate(&token).await.is_ok(), "its keys are known");
    fixture.clock.set(at(NOW + 400));
    assert_eq!(fixture.authenticator.authenticate(&token).await.map_err(kind), Err(ErrorKind::Unavailable));
}

/// A provider with a certificate of its own, and the certificate in PEM.
fn provider_with_tls() -> (OidcProvider, String) {
    let (tls, pem) = own_certificate();
    let keys = vec![SigningKey::curve("first")];
    (OidcProvider::start_with_tls(keys, claims(), tls), pem)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_over_tls_is_trusted_by_its_certificate_or_not_at_all() {
    let (provider, pem) = provider_with_tls();
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right.pem"), folder.path().join("wrong.pem"));
    std::fs::write(&right, pem).unwrap();
    std::fs::write(&wrong, provider_with_tls().1).unwrap();
    let outcome = async |certificates: Option<PathBuf>, verify| {
        let options = ProviderOptions {
            ca_certificates: certificates,
            verify_certificates: verify,
            ..options(&provider)
        };
        let clock = Arc::new(FixedClock::new(at(NOW)));
        let rules = TokenRules::default();
        let authenticator = OidcAuthenticator::try_new(&options, LIFESPAN, rules, None, clock).unwrap();
        authenticator.authenticate(&provider.token(&claims())).await.map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(outcome(Some(right), true).await, Ok(()));
    assert_eq!(outcome(Some(wrong), true).await, Err(ErrorKind::Unavailable));
    assert_eq!(outcome(None, true).await, Err(ErrorKind::Unavailable));
    assert_eq!(outcome(None, false).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_the_installation_lets_servers_in_and_nobody_else() {
    let provider = OidcProvider::start(vec![SigningKey::curve("first")], json!({}));
    let secret = IntraServerSecret::from_environment(&|_| Some("c2VjcmV0".into())).unwrap();
    let clock = Arc::new(FixedClock::new(at(NOW)));
    let open = |secret: Option<&IntraServerSecret>| {
        OidcAuthenticator::try_new(
            &options(&provider),
            LIFESPAN,
            TokenRules::default(),
            secret.cloned(),
            Arc::clone(&clock) as _,
        )
        .unwrap()
    };
    assert_eq!(open(Some(&secret)).authenticate(&secret.token()).await.unwrap(), Caller::Server);
    assert!(open(None).authenticate(&secret.token()).await.is_err());
    let other = IntraServerSecret::from_environment(&|_| Some("b3RoZXI=".into())).unwrap();
    assert!(open(Some(&secret)).authenticate(&other.token()).await.is_err());
    assert!(matches!(
        open(Some(&secret)).authenticate(&provider.token(&claims())).await.unwrap(),
        Caller::User(_)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_hands_out_a_token_for_a_secret() {
    let fixture = one_key();
    let credentials = |secret: &str| ClientCredentials {
        client_id: CLIENT.0.into(),
        client_secret: secret.into(),
        user: None,
    };
    let source = TokenSource::Provider(options(&fixture.provider), credentials(CLIENT.1));
    let token = source.token().await.unwrap();
    assert!(fixture.authenticator.authenticate(&token).await.is_ok());
    assert!(!format!("{source:?} {:?}", credentials("x7")).contains("x7"));
    let wrong = TokenSource::Provider(options(&fixture.provider), credentials("wrong"));
    assert_eq!(wrong.token().await.unwrap_err().kind(), ErrorKind::Unavailable);
}
