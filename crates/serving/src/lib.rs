//! Answers feature requests: plan, read, transform, encode.
