//! Sets up larder on the feature repo that the recorded answers come from, and lays both side by side.
//!
//! `tests/` holds the comparisons. Where larder differs from Feast on purpose, the scenario stands in a
//! list with the reason, and the test checks that it really differs: a list that has grown stale fails.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "the library of a test fails as tests do")]

mod entity_rows;
mod recorded;
mod registry;
mod repo;
mod served;
mod training_rows;
mod transcript;

pub use entity_rows::entity_rows;
pub use recorded::{recorded_dir, recorded_lines, scenarios};
pub use registry::ServedRegistry;
pub use repo::{GoldenRepo, Online, Stage};
pub use served::{Answer, Served, exchange};
pub use training_rows::{Cell, actual_rows, expected_rows};
pub use transcript::{Call, transcript};
