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
//! | `Bytes`, `PdfBytes`, `ImageBytes` | base64 text | binary; text as UTF-8 |
//! | `UnixTimestamp` | whole seconds, also as text of nine digits or more; RFC 3339 text | any timestamp or date; whole seconds; such text |
//! | `ZonedTimestamp` | RFC 3339 text, perhaps with a zone in brackets; an object of `unix_timestamp` and `zone` | timestamps, with their zone; such text; a struct of the two |
//! | `Uuid`, `TimeUuid` | text of a UUID, with or without hyphens | such text; 16 bytes |
//! | `Decimal` | text of a decimal number; whole numbers | such text; decimals and whole numbers |
//! | `Json` | text that is JSON; any other value, as Python's `json.dumps` writes it | such text; any other column, value by value |
//! | `Map` | objects; text of one | text of one; maps and structs |
//! | `ScalarMap` | lists of pairs of key and value; objects | maps; text of either |
//! | `Array(T)`, `Set(T)` | lists, item by item | lists, item by item; text of a JSON list |
//! | `Struct({…})` | objects with no other fields, field by field; text of one | structs and maps with no other fields; text of one |
//!
//! Null is null everywhere; a field that is absent is null. A timestamp without zone is UTC. A set keeps
//! the first of equal items. What does not fit is an error that names column, row and value; nothing
//! becomes null in silence.

mod distinct;
mod forms;
mod from_arrow;
mod from_json;
mod to_json;

pub use from_arrow::{cast_column, to_timestamps};
pub use from_json::column_from_json;
pub use to_json::json_value;
