//! What a token says, by Feast's rules.

use larder_core::{Timestamp, User};
use serde_json::{Map, Value};

use crate::{TokenError, TokenRules};

/// By how much the provider's clock and ours may differ.
const LEEWAY_SECONDS: f64 = 10.0;

/// The claims that may name the user, the first that does counts.
const NAMES: [&str; 5] = ["preferred_username", "upn", "azp", "appid", "sub"];

/// The time during which a token counts, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Validity {
    not_before: Option<f64>,
    issued_at: Option<f64>,
    expires: f64,
}

impl Validity {
    /// The times of a token. Without an end, which Feast would take, a token is refused: it could never be
    /// withdrawn.
    pub(crate) fn of(claims: &Map<String, Value>) -> Result<Self, TokenError> {
        let time = |claim: &'static str| match claims.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(TokenError::Claim { claim }),
        };
        let expires = time("exp")?.ok_or(TokenError::Claim { claim: "exp" })?;
        Ok(Self { not_before: time("nbf")?, issued_at: time("iat")?, expires })
    }

    pub(crate) fn check(self, now: Timestamp) -> Result<(), TokenError> {
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 2255, in microseconds")]
        let now = now.micros() as f64 / 1e6;
        if self.expires <= now - LEEWAY_SECONDS {
            return Err(TokenError::Expired);
        }
        let starts = self.not_before.into_iter().chain(self.issued_at);
        if starts.fold(f64::NEG_INFINITY, f64::max) > now + LEEWAY_SECONDS {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

/// Refuses a token for another audience or of another issuer than the rules want.
pub(crate) fn check_origin(claims: &Map<String, Value>, rules: &TokenRules) -> Result<(), TokenError> {
    if let Some(issuer) = &rules.issuer
        && claims.get("iss").and_then(Value::as_str) != Some(issuer)
    {
        return Err(TokenError::Claim { claim: "iss" });
    }
    if let Some(audience) = &rules.audience {
        let is_meant = match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        if !is_meant {
            return Err(TokenError::Claim { claim: "aud" });
        }
    }
    Ok(())
}

/// The user of a token: the name, the roles given for `client_id` and then those given at the top, each
/// once, and the groups. What is not text is passed over.
pub(crate) fn user(claims: &Map<String, Value>, client_id: Option<&str>) -> Result<User, TokenError> {
    let name = NAMES.iter().find_map(|claim| claims.get(*claim).and_then(Value::as_str));
    let of_client = client_id.and_then(|client| claims.get("resource_access")?.get(client)?.get("roles"));
    let mut roles: Vec<String> = Vec::new();
    for role in texts(of_client).chain(texts(claims.get("roles"))) {
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(User {
        name: name.ok_or(TokenError::NoUser)?.to_owned(),
        roles,
        groups: texts(claims.get("groups")).collect(),
        namespaces: Vec::new(),
    })
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = String> + '_ {
    let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> &Map<String, Value> {
        value.as_object().unwrap()
    }

    #[test]
    fn the_first_claim_of_text_names_the_user() {
        let name = |claims: Value| user(object(&claims), None).map(|user| user.name);
        assert_eq!(name(json!({"sub": "s", "upn": "u", "preferred_username": "p"})).unwrap(), "p");
        assert_eq!(name(json!({"preferred_username": null, "upn": 3, "azp": "a", "sub": "s"})).unwrap(), "a");
        assert_eq!(name(json!({"appid": "i", "sub": "s"})).unwrap(), "i");
        assert_eq!(name(json!({"sub": ["s"], "name": "n"})), Err(TokenError::NoUser));
    }

    #[test]
    fn roles_of_the_client_come_before_those_at_the_top_and_each_once() {
        let claims = json!({
            "sub": "s", "roles": ["b", "a", 3], "groups": ["g", null],
            "resource_access": {"feast": {"roles": ["a", "c"]}, "other": {"roles": ["d"]}},
        });
        let user_of = |client| user(object(&claims), client).unwrap();
        assert_eq!(user_of(Some("feast")).roles, ["a", "c", "b"]);
        assert_eq!(user_of(None).roles, ["b", "a"]);
        assert_eq!(user_of(Some("feast")).groups, ["g"]);
        let odd = json!({"sub": "s", "roles": "a", "resource_access": ["feast"], "groups": {}});
        let odd = user(object(&odd), Some("feast")).unwrap();
        assert_eq!((odd.roles, odd.groups), (vec![], vec![]));
    }

    #[test]
    fn times_have_ten_seconds_of_leeway_at_both_ends() {
        let check = |claims: Value, now: i64| {
            Validity::of(object(&claims))
                .and_then(|times| times.check(Timestamp::from_micros(now * 1_000_000)))
        };
        let claims = json!({"exp": 1000, "nbf": 500.5, "iat": 500});
        assert_eq!(check(claims.clone(), 490), Err(TokenError::NotYetValid));
        assert_eq!(check(claims.clone(), 491), Ok(()));
        assert_eq!(check(claims.clone(), 1009), Ok(()));
        assert_eq!(check(claims, 1010), Err(TokenError::Expired));
        assert_eq!(check(json!({"exp": 1000, "iat": 900}), 800), Err(TokenError::NotYetValid));
        for claims in [json!({}), json!({"exp": "2000"}), json!({"exp": 2000, "nbf": "100"})] {
            assert!(matches!(check(claims, 1000), Err(TokenError::Claim { .. })));
        }
    }

    #[test]
    fn issuer_and_audience_count_where_the_rules_name_them() {
        let rules = |issuer: Option<&str>, audience: Option<&str>| TokenRules {
            issuer: issuer.map(str::to_owned),
            audience: audience.map(str::to_owned),
            ..TokenRules::default()
        };
        let claims = json!({"iss": "https://a", "aud": ["x", "y"]});
        let check = |issuer, audience| check_origin(object(&claims), &rules(issuer, audience));
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(Some("https://a"), Some("y")), Ok(()));
        assert_eq!(check(Some("https://a/"), None), Err(TokenError::Claim { claim: "iss" }));
        assert_eq!(check(None, Some("z")), Err(TokenError::Claim { claim: "aud" }));
        let nothing = json!({});
        assert!(check_origin(object(&nothing), &rules(Some("a"), None)).is_err());
        assert!(check_origin(object(&nothing), &rules(None, Some("a"))).is_err());
        let one = json!({"aud": "a"});
        assert_eq!(check_origin(object(&one), &rules(None, Some("a"))), Ok(()));
    }
}
