//! The nearest valid name to a mistyped one.

/// `did you mean …?` with the name nearest to `given`, or the names there are.
pub(crate) fn suggest<'a>(given: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// More names than these say nothing at a glance.
    const MOST_LISTED: usize = 13;
    let valid: Vec<&str> = valid.into_iter().collect();
    if let Some(nearest) = nearest(given, valid.iter().copied()) {
        return Some(nearest);
    }
    if valid.is_empty() || valid.len() > MOST_LISTED {
        return None;
    }
    let names: Vec<String> = valid.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("there {} {}", if names.len() == 1 { "is" } else { "are" }, names.join(", ")))
}

/// `did you mean …?` with the name nearest to `given`, if one is near.
pub(crate) fn nearest<'a>(given: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = given.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
    let (closest, name) = valid.into_iter().map(|name| (distance(name), name)).min()?;
    // A third of the letters may differ, as in Levenshtein-based compilers.
    let allowed = given.chars().count().max(3) / 3;
    (closest <= allowed).then(|| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_suggests_the_name_meant() {
        assert_eq!(suggest("tll", ["ttl", "tags"]), Some("did you mean `ttl`?".to_owned()));
        assert_eq!(suggest("Driver", ["driver"]), Some("did you mean `driver`?".to_owned()));
    }

    #[test]
    fn a_far_name_lists_what_there_is() {
        assert_eq!(suggest("zzz", ["ttl", "tags"]), Some("there are `ttl`, `tags`".to_owned()));
        assert_eq!(suggest("zzz", []), None);
    }
}
