//! The origins whose pages a browser may let read what the page's server answers.

use std::str::FromStr;

use axum::http::{HeaderValue, Uri};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

/// Origins such as `https://app.example.org`; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    listed: Vec<HeaderValue>,
    all: bool,
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no origin; write one as `https://app.example.org`, several with commas between")]
pub struct InvalidOrigin {
    text: String,
}

impl AllowedOrigins {
    /// Whether every page on the web may read.
    pub fn are_all(&self) -> bool {
        self.all
    }

    /// What tells browsers so; `None` where no origin is allowed, which is what they assume.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        let origins = if self.all {
            AllowOrigin::mirror_request()
        } else if self.listed.is_empty() {
            return None;
        } else {
            AllowOrigin::list(self.listed.iter().cloned())
        };
        let layer = CorsLayer::new().allow_origin(origins).allow_credentials(true);
        let (methods, headers) = (AllowMethods::mirror_request(), AllowHeaders::mirror_request());
        Some(layer.allow_methods(methods).allow_headers(headers))
    }
}

impl FromStr for AllowedOrigins {
    type Err = InvalidOrigin;

    /// Origins with commas between; `*` stands for all.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let mut allowed = Self::default();
        for origin in text.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            if origin == "*" {
                allowed.all = true;
                continue;
            }
            let invalid = || InvalidOrigin { text: origin.to_owned() };
            let uri: Uri = origin.parse().map_err(|_| invalid())?;
            let is_bare = uri.scheme().zip(uri.authority()).is_some_and(|(scheme, authority)| {
                // Browsers send it so: without a path, and in small letters.
                origin == format!("{scheme}://{authority}") && origin == origin.to_ascii_lowercase()
            });
            if !is_bare || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
                return Err(invalid());
            }
            allowed.listed.push(HeaderValue::from_str(origin).map_err(|_| invalid())?);
        }
        Ok(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends_as_one() {
        let read = |text: &str| text.parse::<AllowedOrigins>();
        for text in ["", " , ", "https://a.example, http://b:3000", "http://[::1]:8080"] {
            assert!(read(text).is_ok_and(|allowed| !allowed.are_all()), "{text}");
        }
        assert!(read("https://a.example,*").unwrap().are_all());
        assert!(read("").unwrap().layer().is_none());
        for text in [
            "a.example",
            "https://a.example/",
            "https://a.example/path",
            "HTTPS://A.example",
            "https://u@a.example",
            "null",
            "https://",
            "https://a.example https://b.example",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
