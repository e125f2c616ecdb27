//! Pages of other origins. A browser lets any page send a form or a text to any server, this machine's included,
//! without asking it first; of JSON, and of methods other than GET and POST, it asks, and larder says no.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

/// What is said to such a page, which cannot read it.
pub(crate) const REFUSAL: &str = "A page of another origin may not use this server; other programs send no `Origin`, or say that they send JSON";

/// Whether a request that is no GET comes from a page of another origin that its browser has not asked about.
pub(crate) fn is_unasked(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    if headers.get(header::CONTENT_TYPE).is_some_and(|declared| declared.to_str().is_ok_and(is_json)) {
        return false;
    }
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let from = origin.as_ref().and_then(Uri::authority).map(Authority::as_str);
    let to = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    from.is_none() || !from.zip(to).is_some_and(|(from, to)| from.eq_ignore_ascii_case(to))
}

/// Whether a content type is that of JSON, by `FastAPI`'s rule.
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_page_of_another_origin_is_unasked_unless_it_says_json() {
        let unasked = |headers: &[(HeaderName, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            is_unasked(&headers.collect())
        };
        let (origin, host, kind) = (header::ORIGIN, header::HOST, header::CONTENT_TYPE);
        let here = (host, "localhost:6566");
        let evil = (origin.clone(), "http://evil.example");
        assert!(unasked(&[evil.clone(), here.clone()]));
        assert!(unasked(&[evil.clone(), here.clone(), (kind.clone(), "text/plain")]));
        assert!(unasked(&[(origin.clone(), "null"), here.clone()]));
        assert!(unasked(&[(origin.clone(), "http://localhost:3000"), here.clone()]));
        assert!(unasked(&[(origin.clone(), "http://localhost:6566")]));
        assert!(!unasked(&[evil, here.clone(), (kind.clone(), "application/json; charset=utf-8")]));
        assert!(!unasked(&[(origin, "http://LOCALHOST:6566"), here.clone()]), "its own page");
        assert!(!unasked(&[here, (kind, "text/plain")]), "no page at all");
    }
}
