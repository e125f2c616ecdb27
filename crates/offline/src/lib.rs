//! The offline store over files, and the point-in-time join.
