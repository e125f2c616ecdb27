//! What a job or a dataset is made of, and what is made of it, over several steps.

use std::collections::{HashSet, VecDeque};

use rusqlite::Row;
use serde_json::{Value, json};

use super::{Lineage, VisibleNamespaces};

/// What stands at the end of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// A job.
    Job,
    /// A dataset.
    Dataset,
}

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// To what it is made of.
    pub upstream: bool,
    /// To what is made of it.
    pub downstream: bool,
}

impl NodeKind {
    /// As it is called in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Dataset => "dataset",
        }
    }
}

/// By type, namespace and name.
type Node = (String, String, String);

/// Source, target and type of an edge.
type Edge = (Node, Node, Option<String>);

/// What has been found, each once, in the order in which it was found.
#[derive(Debug, Default)]
struct Found {
    nodes: Vec<Node>,
    known_nodes: HashSet<Node>,
    edges: Vec<Edge>,
    known_edges: HashSet<Edge>,
}

impl Found {
    fn node(&mut self, node: &Node) {
        if self.known_nodes.insert(node.clone()) {
            self.nodes.push(node.clone());
        }
    }

    fn edge(&mut self, edge: &Edge) {
        if self.known_edges.insert(edge.clone()) {
            self.edges.push(edge.clone());
        }
    }
}

impl Lineage<'_> {
    /// The nodes and edges that are reached from a node over `depth + 1` edges at most, through what is visible alone.
    /// The node is among them, whether or not it is known.
    ///
    /// # Errors
    ///
    /// As the file.
    pub fn graph(
        &self,
        visible: &VisibleNamespaces,
        (kind, namespace, name): (NodeKind, &str, &str),
        (steps, depth): (Steps, u32),
    ) -> rusqlite::Result<Value> {
        let start = (kind.name().to_owned(), namespace.to_owned(), name.to_owned());
        let mut found = Found::default();
        if steps.downstream {
            self.walk(visible, &start, depth, "source", &mut found)?;
        }
        if steps.upstream {
            self.walk(visible, &start, depth, "target", &mut found)?;
        }
        found.node(&start);
        let node =
            |(kind, namespace, name): &Node| json!({ "type": kind, "namespace": namespace, "name": name });
        let edge = |(source, target, kind): &Edge| {
            json!({
                "source_type": source.0, "source_namespace": source.1, "source_name": source.2,
                "target_type": target.0, "target_namespace": target.1, "target_name": target.2,
                "edge_type": kind,
            })
        };
        Ok(json!({
            "nodes": found.nodes.iter().map(node).collect::<Vec<_>>(),
            "edges": found.edges.iter().map(edge).collect::<Vec<_>>(),
        }))
    }

    /// Goes from a node along edges on whose `near` end each next node stands.
    fn walk(
        &self,
        visible: &VisibleNamespaces,
        start: &Node,
        depth: u32,
        near: &str,
        found: &mut Found,
    ) -> rusqlite::Result<()> {
        let statement = format!(
            "SELECT source_type, source_namespace, source_name, target_type, target_namespace, target_name, edge_type
             FROM openlineage_lineage_edges
             WHERE {near}_type = ?1 AND {near}_namespace = ?2 AND {near}_name = ?3"
        );
        let mut statement = self.state.prepare_cached(&statement)?;
        let mut queue = VecDeque::from([(start.clone(), 0)]);
        let mut visited = HashSet::from([start.clone()]);
        while let Some((node, distance)) = queue.pop_front() {
            let rows = statement.query_map((&node.0, &node.1, &node.2), edge_of)?;
            for edge in rows {
                let edge = edge?;
                let (source, target, _) = &edge;
                if !visible.contains(&source.1) || !visible.contains(&target.1) {
                    continue;
                }
                found.edge(&edge);
                found.node(source);
                found.node(target);
                let next = if near == "source" { target } else { source };
                if distance < depth && visited.insert(next.clone()) {
                    queue.push_back((next.clone(), distance + 1));
                }
            }
        }
        Ok(())
    }
}

fn edge_of(row: &Row<'_>) -> rusqlite::Result<Edge> {
    let source = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok((source, (row.get(3)?, row.get(4)?, row.get(5)?), row.get(6)?))
}
