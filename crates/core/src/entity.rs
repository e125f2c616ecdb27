//! Entities: the things that features describe.

use std::collections::BTreeMap;

use crate::{Field, ValueType};

/// A kind of thing that features describe, and the column that tells one from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Unique name in the project.
    pub name: String,
    /// The column that identifies one; the name where none is declared.
    pub join_key: String,
    /// The type of the join key; `None` takes the type of the view's column of that name.
    pub value_type: Option<ValueType>,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
}

/// The name of the hidden entity of views that have none.
pub const DUMMY_ENTITY: &str = "__dummy";
/// The join key of the hidden entity. Its only value is the empty string.
pub const DUMMY_JOIN_KEY: &str = "__dummy_id";

/// The join key of views without entities.
pub fn dummy_join_key() -> Field {
    Field::new(DUMMY_JOIN_KEY, ValueType::STRING)
}
