//! Functions in Python that Feast's registry carries.

/// The text of a Python function that makes a view's values in Feast. larder keeps it and never runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonFunction {
    /// The function's name.
    pub name: String,
    /// The source text, which is what tells one function from another.
    pub text: String,
}
