//! The offline server over the wire: both ways to ask, and senders of every kind of nonsense. Feast's own client is
//! held against it in `tests/feast_client`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod flights;
mod hostile;
mod world;
