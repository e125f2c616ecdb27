//! Nodes of the tree, and reading them as one type.

use std::collections::BTreeMap;
use std::time::Duration;

use larder_core::parse_span;
use serde_json::Value;

use crate::problem::{Place, Problem};

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) place: Place,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Whether it is written without quotes, so that `1` is a number and `null` is nothing.
    pub(crate) plain: bool,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Scalar {
    fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// The type that YAML would give it, where that is not text.
    fn other_type(&self) -> Option<&'static str> {
        if !self.plain {
            return None;
        }
        let text = self.text.as_str();
        if self.is_null() {
            Some("nothing")
        } else if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
            Some("a boolean")
        } else if is_number(text) {
            Some("a number")
        } else {
            None
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let radix = |prefix: &str, radix: u32| {
        digits
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    radix("0x", 16) || radix("0o", 8) || (starts && text.parse::<f64>().is_ok()) || {
        matches!(digits.to_ascii_lowercase().as_str(), ".inf" | ".nan")
    }
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar(scalar) if scalar.is_null())
    }

    /// What it is, for messages.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Map(_) => "a mapping".to_owned(),
            NodeKind::Scalar(scalar) => match scalar.other_type() {
                Some("nothing") => "nothing".to_owned(),
                Some(other) => format!("{other}, `{}`", scalar.text),
                None => format!("`{}`", scalar.text),
            },
        }
    }

    fn mismatch(&self, what: &str, wanted: &str) -> Problem {
        self.place.problem(format!("{what} is {}, but must be {wanted}", self.describe()))
    }

    /// Any scalar, as it is written. Null is not one.
    pub(crate) fn text(&self, what: &str) -> Result<&str, Problem> {
        self.scalar(what, "text")
    }

    /// As [`text`](Self::text), for text that means what `wanted` says.
    pub(crate) fn scalar(&self, what: &str, wanted: &str) -> Result<&str, Problem> {
        match &self.kind {
            NodeKind::Scalar(scalar) if !scalar.is_null() => Ok(&scalar.text),
            _ => Err(self.mismatch(what, wanted)),
        }
    }

    /// Text that YAML also takes for text: a plain number or boolean is refused, since it is mostly a
    /// slip and reads differently elsewhere.
    pub(crate) fn name(&self, what: &str) -> Result<&str, Problem> {
        match &self.kind {
            NodeKind::Scalar(scalar) if scalar.is_null() => Err(self.mismatch(what, "text")),
            NodeKind::Scalar(scalar) => match scalar.other_type() {
                Some(_) => Err(self
                    .mismatch(what, "text")
                    .remedy(format!("put it in quotes if it is meant: \"{}\"", scalar.text))),
                None if scalar.text.trim().is_empty() => Err(self.place.problem(format!("{what} is empty"))),
                None => Ok(&scalar.text),
            },
            _ => Err(self.mismatch(what, "text")),
        }
    }

    /// A boolean in any spelling of YAML 1.1 or 1.2.
    pub(crate) fn boolean(&self, what: &str) -> Result<bool, Problem> {
        let spelled = match &self.kind {
            NodeKind::Scalar(scalar) => match scalar.text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        };
        spelled.ok_or_else(|| self.mismatch(what, "true or false"))
    }

    /// A whole number, zero or more.
    pub(crate) fn count(&self, what: &str) -> Result<u64, Problem> {
        let number = match &self.kind {
            NodeKind::Scalar(scalar) => scalar.text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.mismatch(what, "a whole number, zero or more"))
    }

    /// A span of time such as `1d`.
    pub(crate) fn span(&self, what: &str) -> Result<Duration, Problem> {
        let text = self.scalar(what, "a span of time such as `1d`")?;
        parse_span(text).map_err(|error| self.place.problem(what).because(error.to_string()))
    }

    /// A list of nodes.
    pub(crate) fn list(&self, what: &str) -> Result<&[Self], Problem> {
        match &self.kind {
            NodeKind::List(items) => Ok(items),
            _ => Err(self.mismatch(what, "a list").remedy("write its items as `- …` lines or as `[…]`")),
        }
    }

    /// A mapping from text to text; numbers and booleans count as they are written.
    pub(crate) fn text_map(&self, what: &str) -> Result<BTreeMap<String, String>, Problem> {
        self.entries(what)?
            .iter()
            .map(|entry| {
                Ok((entry.key.clone(), entry.value.text(&format!("{what} `{}`", entry.key))?.to_owned()))
            })
            .collect()
    }

    /// The same as JSON, with the types that YAML gives plain scalars.
    pub(crate) fn json(&self) -> Value {
        match &self.kind {
            NodeKind::List(items) => items.iter().map(Self::json).collect(),
            NodeKind::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.value.json()));
                Value::Object(pairs.collect())
            }
            NodeKind::Scalar(scalar) => match scalar.other_type() {
                Some("nothing") => Value::Null,
                Some("a boolean") => Value::Bool(scalar.text.eq_ignore_ascii_case("true")),
                Some(_) => serde_json::from_str(&scalar.text).unwrap_or_else(|_| scalar.text.as_str().into()),
                None => scalar.text.as_str().into(),
            },
        }
    }

    /// The keys and values of a mapping.
    pub(crate) fn entries(&self, what: &str) -> Result<&[Entry], Problem> {
        match &self.kind {
            NodeKind::Map(entries) => Ok(entries),
            _ => Err(self.mismatch(what, "a mapping").remedy("write it as `key: value` lines")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_yaml_takes_for_a_number_is_one() {
        for text in ["0", "-1", "1.5", "1e3", "0x1F", ".5", "+.inf", ".nan"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "1d", "e3", "inf", "nan", "0x", "1.2.3", "infinity"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
