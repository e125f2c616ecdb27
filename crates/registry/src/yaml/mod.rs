//! YAML as a tree in which every node knows its place.
//!
//! Scalars stay text until a reader asks for a type, so that `no` can be a country and `0x10` a name
//! where a name is wanted. Anchors, aliases and merge keys are resolved here. Depth, size and the
//! growth through aliases are bounded.

mod node;
mod object;
mod parse;

pub(crate) use node::{Entry, Node, NodeKind};
pub use object::At;
pub(crate) use object::ObjectReader;
pub(crate) use parse::{Expansion, parse};
