//! Columns: how values from outside become Arrow arrays of a declared type.
//!
//! One table of rules, Feast's, applied in one place each for JSON and for Arrow:
//!
//! | declared | accepted from JSON | and from Arrow |
//! |---|---|---|
//! | `Int32`, `Int64` | whole numbers; other numbers, cut to whole; text of a whole number | whole numbers that fit; floats, cut; text |
//! | `Float32`, `Float64` | numbers; text of a number, `NaN`, `Infinity` | any number; text |
//! | `String` | text; numbers and booleans as Python writes them | text; numbers, booleans |
//! | `Bool` | booleans; the numbers 0 and 1; the texts `true` and `false` | booleans; whole numbers |
//! | `Bytes` | base64 text | binary; text as UTF-8 |
//! | `UnixTimestamp` | whole seconds; RFC 3339 text | any timestamp or date; whole seconds; RFC 3339 text |
//! | `Array(T)` | lists, item by item | lists, item by item |
//!
//! Null is null everywhere. A timestamp without zone is UTC. What does not fit is an error that names
//! column, row and value; nothing becomes null in silence.

mod from_arrow;
mod from_json;

pub use from_arrow::{cast_column, to_timestamps};
pub use from_json::column_from_json;
