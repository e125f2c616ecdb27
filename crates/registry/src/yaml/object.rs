//! Reading a mapping by its shape.

use std::collections::BTreeMap;
use std::time::Duration;

use super::node::{Entry, Node, NodeKind};
use crate::byte_size::parse_byte_size;
use crate::problem::{Place, Problem, Report};
use crate::shape::{Shape, Takes};
use crate::suggestion::suggest;

/// Something with the place it was read from.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// What was read.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> At<T> {
    pub(crate) fn new(value: T, place: &Place) -> Self {
        Self { value, place: place.clone() }
    }
}

/// A mapping whose keys have been checked.
pub(crate) struct ObjectReader<'a> {
    /// What it is in messages: ``feature view `stats` ``.
    pub(crate) subject: String,
    pub(crate) place: &'a Place,
    shape: &'static Shape,
    entries: &'a [Entry],
}

impl<'a> ObjectReader<'a> {
    /// Checks the keys of a mapping; `None` if it is no mapping. An object with a `name` is called by it.
    pub(crate) fn open(node: &'a Node, shape: &'static Shape, report: &mut Report) -> Option<Self> {
        let entries = match node.entries(shape.noun) {
            Ok(entries) => entries,
            Err(problem) => {
                report.problem(problem);
                return None;
            }
        };
        let name = entries.iter().find(|entry| entry.key == "name");
        let subject =
            match name.and_then(|entry| entry.value.text("name").ok()).filter(|name| !name.is_empty()) {
                Some(name) => format!("{} `{name}`", shape.noun),
                None => shape.noun.to_owned(),
            };
        for entry in entries {
            match shape.key(&entry.key).map(|key| &key.takes) {
                None => {
                    let what = format!("unknown key `{}` in {subject}", entry.key);
                    let remedy = suggest(&entry.key, shape.names());
                    report.problem(entry.key_place.problem(what).maybe_remedy(remedy));
                }
                Some(Takes::Later) if !entry.value.is_null() => {
                    let what = format!("`{}` in {subject} is not supported yet", entry.key);
                    report.problem(entry.key_place.problem(what).remedy("remove the key"));
                }
                Some(_) => {}
            }
        }
        let place = entries.first().map_or(&node.place, |entry| &entry.key_place);
        Some(Self { subject, place, shape, entries })
    }

    /// The value of a key; null counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(self.shape.key(key).is_some(), "the shape of a {} has no `{key}`", self.shape.noun);
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }

    /// Whether objects of this shape may have a key.
    pub(crate) fn may_have(&self, key: &str) -> bool {
        self.shape.key(key).is_some_and(|key| !matches!(key.takes, Takes::Later))
    }

    /// The place of a key that is there.
    pub(crate) fn key_place(&self, key: &str) -> Option<&'a Place> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.key_place)
    }

    /// What a value is called in messages.
    pub(crate) fn what(&self, key: &str) -> String {
        format!("`{key}` of {}", self.subject)
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&self, key: &str, report: &mut Report) -> Option<&'a Node> {
        let node = self.get(key);
        if node.is_none() {
            report.problem(self.place.problem(format!("{} has no `{key}`", self.subject)));
        }
        node
    }

    /// Reads the value of a key by `read`, if it is there and right.
    pub(crate) fn read<T>(
        &self,
        key: &str,
        report: &mut Report,
        read: impl FnOnce(&'a Node, &str) -> Result<T, Problem>,
    ) -> Option<At<T>> {
        let node = self.get(key)?;
        match read(node, &self.what(key)) {
            Ok(value) => Some(At::new(value, &node.place)),
            Err(problem) => {
                report.problem(problem);
                None
            }
        }
    }

    pub(crate) fn name(&self, key: &str, report: &mut Report) -> Option<At<String>> {
        self.read(key, report, |node, what| node.name(what).map(str::to_owned))
    }

    pub(crate) fn required_name(&self, key: &str, report: &mut Report) -> Option<At<String>> {
        self.require(key, report)?;
        self.name(key, report)
    }

    /// Free text; empty where there is none.
    pub(crate) fn text(&self, key: &str, report: &mut Report) -> String {
        self.read(key, report, |node, what| node.text(what).map(str::to_owned))
            .map(|text| text.value)
            .unwrap_or_default()
    }

    pub(crate) fn boolean(&self, key: &str, default: bool, report: &mut Report) -> bool {
        self.read(key, report, Node::boolean).map_or(default, |value| value.value)
    }

    pub(crate) fn span(&self, key: &str, report: &mut Report) -> Option<At<Duration>> {
        self.read(key, report, Node::span)
    }

    /// A number of bytes.
    pub(crate) fn size(&self, key: &str, report: &mut Report) -> Option<At<usize>> {
        self.read(key, report, |node, what| {
            let text = node.scalar(what, "a number of bytes such as `64MiB`")?;
            parse_byte_size(text).map_err(|error| node.place.problem(what).because(error.to_string()))
        })
    }

    /// A list of names; empty where there is none.
    pub(crate) fn names(&self, key: &str, report: &mut Report) -> Vec<At<String>> {
        let mut names = Vec::new();
        for item in self.items(key, report) {
            match item.name(&format!("an item of {}", self.what(key))) {
                Ok(name) => names.push(At::new(name.to_owned(), &item.place)),
                Err(problem) => report.problem(problem),
            }
        }
        names
    }

    /// One name or a list of names; empty where there is none.
    pub(crate) fn name_or_names(&self, key: &str, report: &mut Report) -> Vec<At<String>> {
        match self.get(key).map(|node| &node.kind) {
            Some(NodeKind::Scalar(_)) => self.name(key, report).into_iter().collect(),
            _ => self.names(key, report),
        }
    }

    /// The items of a list; none where there is no list.
    pub(crate) fn items(&self, key: &str, report: &mut Report) -> &'a [Node] {
        self.read(key, report, Node::list).map(|items| items.value).unwrap_or_default()
    }

    /// A mapping from text to text; empty where there is none.
    pub(crate) fn labels(&self, key: &str, report: &mut Report) -> BTreeMap<String, String> {
        self.read(key, report, Node::text_map).map(|labels| labels.value).unwrap_or_default()
    }
}
