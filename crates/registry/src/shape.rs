//! Which keys an object of a YAML file may have. Readers refuse every other key by these tables, and
//! the JSON Schema for editors is made from them.

/// The keys of one kind of object.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What it is called in messages: `feature view`.
    pub(crate) noun: &'static str,
    /// What it is, for the schema.
    pub(crate) summary: &'static str,
    pub(crate) keys: &'static [Key],
}

/// One key of an object.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) takes: Takes,
    pub(crate) required: bool,
}

/// What the value of a key must be.
#[derive(Debug)]
pub(crate) enum Takes {
    /// Text that names something.
    Name,
    /// Any text.
    Text,
    Boolean,
    /// A span of time such as `1d`.
    Span,
    /// A number of bytes such as `64MiB`.
    Size,
    /// A type name such as `Array(Float32)`.
    ValueType,
    /// A number from 0 to 1.
    Fraction,
    /// A number of so much or more.
    Number(u32),
    /// A whole number, zero or more.
    Count,
    /// A list of names.
    Names,
    /// A name or a list of names.
    NameOrNames,
    /// A mapping from text to text.
    Labels,
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// An object.
    Object(&'static Shape),
    /// A list of objects.
    Objects(&'static Shape),
    /// Text or a list of objects.
    TextOrObjects(&'static Shape),
    /// Anything.
    Anything,
    /// A name or an object.
    NameOrObject(&'static Shape),
    /// A list of names and objects.
    NamesOrObjects(&'static Shape),
    /// A mapping from names to objects.
    ObjectsByName(&'static Shape),
    /// An object, or `true` or `false`.
    BooleanOrObject(&'static Shape),
    /// A mapping whose keys are some of these words, to text.
    LabelsOf(&'static [&'static str]),
    /// One or several of some words.
    SomeOf(&'static [&'static str]),
    /// A word, or by name a name or a list of names.
    WordOrNamesByName(&'static str),
    /// A list of anything; of so many items, where that matters.
    List(Option<usize>),
    /// A list of mappings, or the name of a file that holds them.
    Rows,
    /// A number, zero or more, or an object; one for all, or by name.
    NumberOrObjectAlsoByName(&'static Shape),
    /// Nothing yet: Feast has the key, larder refuses it by name.
    Later,
}

impl Shape {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The names that a user can write.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().filter(|key| !matches!(key.takes, Takes::Later)).map(|key| key.name)
    }
}

pub(crate) const fn required(name: &'static str, takes: Takes, summary: &'static str) -> Key {
    Key { name, summary, takes, required: true }
}

pub(crate) const fn optional(name: &'static str, takes: Takes, summary: &'static str) -> Key {
    Key { name, summary, takes, required: false }
}

/// A key of Feast's that larder does not support yet.
pub(crate) const fn later(name: &'static str) -> Key {
    Key { name, summary: "Not supported yet.", takes: Takes::Later, required: false }
}
