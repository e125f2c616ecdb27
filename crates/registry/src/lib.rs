//! Definitions in YAML, and the registry file that holds them.

mod binding;
mod snapshot;

pub use binding::{BindingError, BoundInput, bind_inputs, check_outputs};
pub use snapshot::{Registered, RegistrySnapshot, SnapshotObjects};
