//! What a caller asks for.

/// What a caller asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// `view:feature` references.
    References(Vec<String>),
    /// A feature service by its name.
    Service(String),
}
