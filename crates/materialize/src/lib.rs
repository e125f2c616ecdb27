//! Moves the newest feature values from the offline into the online store.
