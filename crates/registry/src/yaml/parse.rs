//! From text to the tree.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::node::{Entry, Node, NodeKind, Scalar};
use crate::problem::{Place, Problem, SourceText};

/// Deeper nesting than any definition needs.
const DEEPEST: usize = 64;
/// More nodes than any repo's file needs, aliases counted as what they stand for.
const MOST_NODES: usize = 200_000;

/// Where pieces of a text come from, if variables were expanded in it. Characters count, not bytes.
#[derive(Debug, Default)]
pub(crate) struct Expansion {
    /// For each variable: where its value starts and ends in the expanded text, and where its name
    /// starts and ends in the original.
    pub(crate) variables: Vec<(std::ops::Range<usize>, std::ops::Range<usize>)>,
}

impl Expansion {
    /// The position in the original text of a position in the expanded one.
    fn original(&self, index: usize) -> usize {
        let mut shift = (0, 0);
        for (expanded, original) in &self.variables {
            if index < expanded.start {
                break;
            }
            if index < expanded.end {
                return original.start;
            }
            shift = (expanded.end, original.end);
        }
        shift.1 + (index - shift.0)
    }
}

/// Parses all documents of a text. Problems that leave the tree usable, such as a key given twice, go
/// to `problems`.
///
/// # Errors
///
/// The one problem that ended the parsing.
pub(crate) fn parse(
    source: &Arc<SourceText>,
    text: &str,
    original: Option<(&str, &Expansion)>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Node>, Problem> {
    let places = Places { source, original: original.map(|(text, expansion)| (Lines::new(text), expansion)) };
    let mut builder = Builder {
        places,
        problems,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        documents: Vec::new(),
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let mark = *error.marker();
                let place = builder.places.at(Span::empty(mark));
                let mut problem = place.problem("invalid YAML").because(error.info().trim_end_matches('.'));
                if problem
                    .excerpt
                    .as_deref()
                    .is_some_and(|excerpt| excerpt.line.trim_start_matches(' ').starts_with('\t'))
                {
                    problem = problem.remedy("indent with spaces; YAML has no tabs");
                }
                return Err(problem);
            }
        }
    }
    Ok(builder.documents)
}

/// Where the lines of a text start, in characters.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(at, _)| at + 1));
        Self(starts)
    }

    /// Line and column of a position, both from 1.
    fn locate(&self, index: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= index);
        let start = self.0.get(line.saturating_sub(1)).copied().unwrap_or_default();
        (line, index - start + 1)
    }
}

struct Places<'a> {
    source: &'a Arc<SourceText>,
    original: Option<(Lines, &'a Expansion)>,
}

impl Places<'_> {
    fn at(&self, span: Span) -> Place {
        let width = if span.start.line() == span.end.line() {
            span.end.index().saturating_sub(span.start.index())
        } else {
            // To the end of its first line; the place itself stops there.
            usize::MAX
        };
        match &self.original {
            None => Place::new(self.source, span.start.line(), span.start.col() + 1, width),
            Some((lines, expansion)) => {
                let start = expansion.original(span.start.index());
                let end = expansion.original(span.start.index().saturating_add(width.min(1 << 20)));
                let (line, column) = lines.locate(start);
                Place::new(self.source, line, column, end.saturating_sub(start))
            }
        }
    }
}

/// A list or mapping that is not complete yet.
struct Open {
    place: Place,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, names: HashSet<String>, key: Option<Node> },
}

struct Builder<'a> {
    places: Places<'a>,
    problems: &'a mut Vec<Problem>,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: Vec<Node>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let place = self.places.at(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = is_plain(style, tag.as_deref(), &place)?;
                let kind = NodeKind::Scalar(Scalar { text: text.into_owned(), plain });
                self.complete(Node { kind, place }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.open(place, anchor, OpenContent::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(
                place,
                anchor,
                OpenContent::Map { entries: Vec::new(), names: HashSet::new(), key: None },
            ),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.stack.pop() else { return Ok(()) };
                let kind = match open.content {
                    OpenContent::List(items) => NodeKind::List(items),
                    OpenContent::Map { entries, .. } => NodeKind::Map(merge(entries, self.problems)),
                };
                self.complete(Node { kind, place: open.place }, open.anchor)
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor) else {
                    return Err(place.problem("this alias stands for a value that contains itself"));
                };
                // The target's own places are kept: that is where a mistake would be corrected.
                let node = target.clone();
                self.nodes += size(&node);
                self.check_size(&place)?;
                self.complete(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, place: Place, anchor: usize, content: OpenContent) -> Result<(), Problem> {
        if self.stack.len() >= DEEPEST {
            return Err(place.problem(format!("nested deeper than {DEEPEST} levels")));
        }
        self.stack.push(Open { place, anchor, content });
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.nodes += 1;
        self.check_size(&node.place)?;
        if anchor > 0 {
            self.nodes += size(&node);
            self.check_size(&node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(node),
            Some(OpenContent::List(items)) => items.push(node),
            Some(OpenContent::Map { entries, names, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => match key.kind {
                    NodeKind::Scalar(scalar) => {
                        if !names.insert(scalar.text.clone()) && scalar.text != MERGE {
                            let what = format!("key `{}` is given twice", scalar.text);
                            self.problems.push(key.place.problem(what).remedy("keep one of them"));
                        } else {
                            entries.push(Entry { key: scalar.text, key_place: key.place, value: node });
                        }
                    }
                    _ => self.problems.push(key.place.problem("a key must be text, not a list or a mapping")),
                },
            },
        }
        Ok(())
    }

    fn check_size(&self, place: &Place) -> Result<(), Problem> {
        if self.nodes > MOST_NODES {
            return Err(place
                .problem(format!(
                    "the file holds more than {MOST_NODES} values, counting aliases as what they stand for"
                ))
                .remedy("split the file, or use fewer aliases"));
        }
        Ok(())
    }
}

/// Whether a scalar may stand for something else than text.
fn is_plain(style: ScalarStyle, tag: Option<&Tag>, place: &Place) -> Result<bool, Problem> {
    match tag {
        None => Ok(style == ScalarStyle::Plain),
        Some(tag) if tag.is_yaml_core_schema() => Ok(tag.suffix != "str" && style == ScalarStyle::Plain),
        Some(tag) if tag.handle == "!" && tag.suffix.is_empty() => Ok(false),
        Some(tag) => Err(place.problem(format!("unknown tag `{tag}`")).remedy("leave the tag out")),
    }
}

/// The key that takes over the entries of another mapping.
const MERGE: &str = "<<";

/// Takes over the entries of merged mappings; what a mapping says itself, or an earlier one of them
/// says, stands.
fn merge(entries: Vec<Entry>, problems: &mut Vec<Problem>) -> Vec<Entry> {
    if entries.iter().all(|entry| entry.key != MERGE) {
        return entries;
    }
    let mut names: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let (merged, mut own): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.key == MERGE);
    for entry in merged {
        let sources = match entry.value.kind {
            NodeKind::Map(_) => vec![entry.value],
            NodeKind::List(items) => items,
            NodeKind::Scalar(_) => {
                problems.push(entry.key_place.problem("`<<` takes a mapping or a list of mappings"));
                continue;
            }
        };
        for source in sources {
            let NodeKind::Map(entries) = source.kind else {
                problems.push(source.place.problem("`<<` takes a mapping or a list of mappings"));
                continue;
            };
            for entry in entries {
                if names.insert(entry.key.clone()) {
                    own.push(entry);
                }
            }
        }
    }
    own
}

fn size(node: &Node) -> usize {
    match &node.kind {
        NodeKind::Scalar(_) => 1,
        NodeKind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        NodeKind::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<Vec<Node>, String> {
        let source = SourceText::new(Path::new("f.yaml"), text);
        let mut problems = Vec::new();
        let documents = parse(&source, text, None, &mut problems).map_err(|problem| problem.to_string())?;
        problems.first().map_or(Ok(documents), |problem| Err(problem.to_string()))
    }

    fn keys(node: &Node) -> Vec<(String, String)> {
        let text = |node: &Node| node.text("x").unwrap_or("…").to_owned();
        node.entries("x").unwrap().iter().map(|entry| (entry.key.clone(), text(&entry.value))).collect()
    }

    #[test]
    fn a_merge_key_takes_over_what_the_mapping_does_not_say() {
        let documents = read("x: &a {ttl: 1d, online: true}\ny:\n  <<: *a\n  ttl: 2d\n").unwrap();
        let NodeKind::Map(entries) = &documents[0].kind else { panic!("a mapping") };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(keys(&entries[1].value), [pair("ttl", "2d"), pair("online", "true")]);
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let last = level - 1;
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{last}"); 9].join(", ")));
        }
        assert!(read(&text).unwrap_err().contains("more than 200000 values"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(read(&"[".repeat(100)).unwrap_err().contains("nested deeper"));
    }

    #[test]
    fn a_repeated_key_is_a_problem_at_its_second_place() {
        assert!(read("a: 1\nb: 2\na: 3\n").unwrap_err().starts_with("f.yaml:3:1: key `a` is given twice"));
    }

    #[test]
    fn a_tab_is_located_and_named() {
        let error = read("a:\n\tb: 1\n").unwrap_err();
        assert!(error.starts_with("f.yaml:2:"), "{error}");
        assert!(error.contains("YAML has no tabs"), "{error}");
    }

    #[test]
    fn places_in_expanded_text_are_those_of_the_original() {
        let expansion = Expansion { variables: vec![(3..10, 3..5)] };
        assert_eq!(expansion.original(2), 2);
        assert_eq!(expansion.original(5), 3);
        assert_eq!(expansion.original(11), 6);
    }
}
