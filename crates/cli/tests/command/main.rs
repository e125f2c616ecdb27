//! The command as a user runs it: real processes, a real folder, real signals.

mod definitions;
mod demo;
mod kill;
mod larder;
mod server;
