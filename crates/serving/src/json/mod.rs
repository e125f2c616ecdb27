//! Answers as JSON, in Feast's text, byte for byte: written straight from Arrow arrays.
//!
//! ```text
//! {"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},…],
//!  "metadata":{"feature_names":["driver_id",…]}}
//! ```
//!
//! Compact, text unescaped beyond what JSON asks for, numbers as Python writes them. The statuses and
//! event times of a view's second feature are mostly those of its first, and are then copied.

mod event_time;
mod response;
mod values;

pub(crate) use larder_core::json::push_string;
pub(crate) use response::{encode_columns, encode_response};

/// Writes a list item: a comma unless it is the first in `out`, and the text in quotes.
pub(crate) fn push_separated_string(out: &mut Vec<u8>, text: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    push_string(out, text);
}
