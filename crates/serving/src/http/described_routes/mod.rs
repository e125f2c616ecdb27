//! Routes in words, for programs that read what a server can do: one entry for each, under the name that Feast's
//! server gives it.

mod feature_server;

use axum::http::Method;
use serde_json::{Map, Value, json};

pub(crate) use self::feature_server::described_routes;

/// A route and what it takes.
#[derive(Clone, Debug)]
pub(crate) struct DescribedRoute {
    /// As `FastAPI` makes it of function, path and method.
    pub(crate) name: &'static str,
    /// What it does, for whoever chooses among routes.
    pub(crate) description: &'static str,
    pub(crate) method: Method,
    /// The path, with `{argument}` for the parts that are arguments.
    pub(crate) path: &'static str,
    /// The arguments that go into the query, though there is a body. Where there is none, all that are not in the path do.
    pub(crate) query: &'static [&'static str],
    /// Whether it changes nothing.
    pub(crate) reads: bool,
    pub(crate) arguments: &'static [Argument],
}

/// An argument of a route.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    takes: Takes,
    pub(crate) description: &'static str,
}

/// Where an argument is in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Body,
}

/// What an argument may be, and whether it may be left out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    Text,
    /// A text with a default.
    TextOr(&'static str),
    TextOrNull,
    Switch(bool),
    SwitchOrNull,
    CountOrNull,
    /// A count with a default.
    CountOr(u32),
    Texts,
    TextsOrNull,
    NumbersOrNull,
    TextOrTexts,
    /// An object of lists, a column each.
    Columns,
    Object,
    NeededObject,
    /// A list of objects.
    Objects,
    NeededObjects,
}

impl Argument {
    pub(crate) fn is_required(&self) -> bool {
        self.takes.is_required()
    }

    /// Its values, as a JSON Schema.
    pub(crate) fn schema(&self) -> Value {
        self.takes.schema()
    }
}

impl Takes {
    fn is_required(self) -> bool {
        matches!(
            self,
            Self::Text | Self::Columns | Self::TextOrTexts | Self::NeededObject | Self::NeededObjects
        )
    }

    fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::TextOr(default) => json!({ "type": "string", "default": default }),
            Self::TextOrNull => json!({ "type": ["string", "null"] }),
            Self::Switch(default) => json!({ "type": "boolean", "default": default }),
            Self::SwitchOrNull => json!({ "type": ["boolean", "null"] }),
            Self::CountOrNull => json!({ "type": ["integer", "null"] }),
            Self::CountOr(default) => json!({ "type": ["integer", "null"], "default": default }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string" }, "default": [] }),
            Self::TextsOrNull => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
            Self::NumbersOrNull => json!({ "type": ["array", "null"], "items": { "type": "number" } }),
            Self::TextOrTexts => json!({ "type": ["string", "array"], "items": { "type": "string" } }),
            Self::Columns => json!({ "type": "object", "additionalProperties": { "type": "array" } }),
            Self::Object => json!({ "type": ["object", "null"] }),
            Self::NeededObject => json!({ "type": "object" }),
            Self::Objects => json!({ "type": ["array", "null"], "items": { "type": "object" } }),
            Self::NeededObjects => json!({ "type": "array", "items": { "type": "object" } }),
        }
    }
}

impl DescribedRoute {
    pub(crate) fn place(&self, argument: &Argument) -> Place {
        let is_part = |part: &str| {
            part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) == Some(argument.name)
        };
        if self.path.split('/').any(is_part) {
            Place::Path
        } else if self.method != Method::POST || self.query.contains(&argument.name) {
            Place::Query
        } else {
            Place::Body
        }
    }
}

/// The JSON Schema of an object that holds arguments.
pub(crate) fn object_schema<'a>(arguments: impl Iterator<Item = &'a Argument>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for argument in arguments {
        let mut schema = argument.schema();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), argument.description.into());
        }
        properties.insert(argument.name.to_owned(), schema);
        if argument.is_required() {
            required.push(Value::from(argument.name));
        }
    }
    let mut schema =
        Map::from_iter([("type".to_owned(), "object".into()), ("properties".to_owned(), properties.into())]);
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.into()
}

pub(crate) const fn argument(name: &'static str, takes: Takes, description: &'static str) -> Argument {
    Argument { name, takes, description }
}

/// What holds of every table: a route has a name of its own, and every part of its path is an argument.
#[cfg(test)]
pub(crate) fn assert_well_described<'r>(routes: impl IntoIterator<Item = &'r DescribedRoute>) {
    let mut names = std::collections::HashSet::new();
    for route in routes {
        assert!(names.insert(route.name), "{}", route.name);
        let has = |name: &str| route.arguments.iter().any(|argument| argument.name == name);
        let parts = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert!(parts.chain(route.query.iter().copied()).all(has), "{}", route.name);
    }
}
