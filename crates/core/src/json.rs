//! JSON as Feast writes it: the digits, escapes and spaces of Python.

mod document;
mod number;
mod text;

pub use document::{push_compact, python_dumps, python_dumps_indented};
pub use number::{push_float, push_integer};
pub use text::push_string;
