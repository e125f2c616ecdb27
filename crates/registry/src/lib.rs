//! Definitions in YAML, and the registry file that holds them.
