//! A WebAssembly on-demand feature runtime: the feature store as a library.
