//! Where data lie, without what opens the door to them.

use std::sync::LazyLock;

use regex::Regex;

static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-zA-Z][a-zA-Z0-9+\-.]*://").expect("the pattern is well formed"));
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(password|passwd|pwd|secret|token|api_key)\s*=\s*\S+";
    Regex::new(pattern).expect("the pattern is well formed")
});

/// A location without the name and the password of a URL, and without the values of secrets in a list of settings:
/// `postgres://u:p@h/d` is `postgres://h/d`, `host=h password=p` is `host=h password=***`. Anything else stays.
pub(crate) fn without_credentials(location: &str) -> String {
    let Some(scheme) = SCHEME.find(location) else {
        let settings = location.contains('=');
        return if settings {
            SECRET.replace_all(location, "$1=***").into_owned()
        } else {
            location.to_owned()
        };
    };
    let (scheme, rest) = location.split_at(scheme.end());
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{}{path}", host.to_ascii_lowercase()),
        None => location.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_go_and_the_rest_stays() {
        for (location, expected) in [
            ("postgres://u:p@Host:5/db?x=1", "postgres://host:5/db?x=1"),
            ("s3://key@bucket/a@b", "s3://bucket/a@b"),
            ("s3://bucket/a@b", "s3://bucket/a@b"),
            ("postgres://u:p@[::1]:5/db", "postgres://[::1]:5/db"),
            ("host=h Password = x dbname=d", "host=h Password=*** dbname=d"),
            ("api_key=a,b", "api_key=***"),
            ("data/a.parquet", "data/a.parquet"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(location), expected, "{location}");
        }
    }

    proptest! {
        #[test]
        fn no_password_of_a_url_is_left(
            user in "[a-z]{1,8}", password in "[A-Z0-9:!$]{4,12}", host in "[a-z]{1,8}", path in "(/[a-z@]{0,6}){0,3}",
        ) {
            let clean = without_credentials(&format!("x+y://{user}:{password}@{host}{path}"));
            prop_assert_eq!(clean, format!("x+y://{host}{path}"));
        }

        #[test]
        fn cleaning_twice_is_cleaning_once(text in ".{0,60}") {
            let once = without_credentials(&text);
            prop_assert_eq!(without_credentials(&once), once);
        }
    }
}
