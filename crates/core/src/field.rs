//! A named, typed column.

use std::collections::BTreeMap;

use arrow::datatypes::Field as ArrowField;

use crate::ValueType;

/// A named, typed column of a view, a source or a request. Always nullable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column name.
    pub name: String,
    /// The type of its values.
    pub value_type: ValueType,
    /// What it means, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// How its vectors are searched, where a store searches vectors.
    pub vector: VectorSearch,
}

/// How the vectors of a field are searched. Says nothing of a field that holds no vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorSearch {
    /// Whether the field is indexed for search by similarity; at most one field of a view is.
    pub index: bool,
    /// How many numbers each vector has; 0 where nothing is said.
    pub length: u32,
    /// The measure of distance, in the store's words; empty where nothing is said.
    pub metric: String,
}

impl Field {
    /// A field without description and tags.
    pub fn new(name: impl Into<String>, value_type: ValueType) -> Self {
        Self {
            name: name.into(),
            value_type,
            description: String::new(),
            tags: BTreeMap::new(),
            vector: VectorSearch::default(),
        }
    }

    /// The Arrow field of the same name and type, nullable.
    pub fn to_arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.value_type.data_type(), true)
    }
}
