//! Environment variables in a text, by the rules of Python's `os.path.expandvars`.

use crate::yaml::Expansion;

/// Replaces `$NAME` and `${NAME}` by what `variable` knows; all else, unknown names too, stays.
pub(super) fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> (String, Expansion) {
    let chars: Vec<char> = text.chars().collect();
    let mut expanded = String::with_capacity(text.len());
    let mut expansion = Expansion::default();
    let mut length = 0;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let found = if c == '$' { reference(&chars, at + 1) } else { None };
        if let Some((value, end)) = found.and_then(|(name, end)| Some((variable(&name)?, end))) {
            let count = value.chars().count();
            expansion.variables.push((length..length + count, at..end));
            expanded.push_str(&value);
            length += count;
            at = end;
        } else {
            expanded.push(c);
            length += 1;
            at += 1;
        }
    }
    (expanded, expansion)
}

/// The name of the reference whose `$` is just before `start`, and where the reference ends.
fn reference(chars: &[char], start: usize) -> Option<(String, usize)> {
    if chars.get(start) == Some(&'{') {
        let rest = chars.get(start + 1..)?;
        let length = rest.iter().position(|c| *c == '}')?;
        Some((rest.get(..length)?.iter().collect(), start + length + 2))
    } else {
        let rest = chars.get(start..)?;
        let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
        (length > 0).then(|| (rest.iter().take(length).collect(), start + length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_as_python_does() {
        let variable = |name: &str| match name {
            "A" => Some("ä1".to_owned()),
            "B_2" => Some("$A".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            ("$A/${A}", "ä1/ä1"),
            ("$AB ${AB} $ $$ ${", "$AB ${AB} $ $$ ${"),
            ("$B_2", "$A"),
            ("$A.x", "ä1.x"),
            ("a$", "a$"),
            ("$$A", "$ä1"),
        ] {
            assert_eq!(expand(text, &variable).0, expected, "{text}");
        }
    }
}
