//! Online stores: sled on disk and the in-memory reference.
