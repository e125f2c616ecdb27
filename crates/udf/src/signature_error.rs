//! The rules of signatures, as the errors of breaking them.

/// A rule that the signatures of a component break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It declares nothing.
    #[error("it declares no function")]
    Empty,
    /// It declares more than the sandbox allows.
    #[error("it declares {actual} functions, more than the {limit} that are allowed")]
    TooManyFunctions {
        /// Declared.
        actual: usize,
        /// Allowed.
        limit: usize,
    },
    /// A function without name, or with one that cannot be written in a definition.
    #[error("the name {name:?} of function {index} is not one or more letters, digits, `_`, `-` or `.`")]
    FunctionName {
        /// The function's place, from 0.
        index: u32,
        /// Its name.
        name: String,
    },
    /// A name that nobody would write.
    #[error(
        "the name of {what} {index} has {actual_bytes} bytes, more than the {limit_bytes} that are allowed"
    )]
    LongName {
        /// `function`, `input column` or `output column`.
        what: &'static str,
        /// Its place, from 0.
        index: usize,
        /// The length of its name.
        actual_bytes: usize,
        /// Allowed.
        limit_bytes: usize,
    },
    /// Two functions of one name.
    #[error("function `{name}` is declared twice")]
    DuplicateFunction {
        /// The name.
        name: String,
    },
    /// A function that gives nothing.
    #[error("function `{function}` has no output columns")]
    NoOutputs {
        /// The function.
        function: String,
    },
    /// More columns than the sandbox allows.
    #[error(
        "function `{function}` has {actual} {direction} columns with all levels of nested ones, more than the {limit} that are allowed"
    )]
    TooManyColumns {
        /// The function.
        function: String,
        /// `input` or `output`.
        direction: &'static str,
        /// Declared.
        actual: usize,
        /// Allowed.
        limit: usize,
    },
    /// A column without name, or with control characters in it.
    #[error(
        "{direction} column {index} of function `{function}` has the name {name:?}, which is empty or has control characters"
    )]
    ColumnName {
        /// The function.
        function: String,
        /// `input` or `output`.
        direction: &'static str,
        /// The column's place, from 0.
        index: usize,
        /// Its name.
        name: String,
    },
    /// Two columns of one name.
    #[error("function `{function}` has two {direction} columns `{name}`")]
    DuplicateColumn {
        /// The function.
        function: String,
        /// `input` or `output`.
        direction: &'static str,
        /// The name.
        name: String,
    },
    /// Nodes that form no type that larder has.
    #[error(
        "{direction} column `{column}` of function `{function}` has a type [{nodes}] that larder does not know: {reason}"
    )]
    UnknownType {
        /// The function.
        function: String,
        /// `input` or `output`.
        direction: &'static str,
        /// The column.
        column: String,
        /// The nodes of the type.
        nodes: String,
        /// Why they spell no type.
        reason: String,
    },
}
