//! The `larder` command: Feast's verbs, and larder's own.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 the
//! environment does not play along (a store or server cannot be reached).

// Before all others, which print with its macros.
#[macro_use]
mod output;

mod arguments;
mod certificate_flag;
mod commands;
mod dbt_arguments;
mod job_log;
mod json_columns;
mod log_level;
mod materialize_progress;
mod mlflow_arguments;
mod notebook;
mod object_arguments;
mod permission_tree;
mod plain_table;
mod repo;
mod server_arguments;
mod server_client;
mod store_door;
mod template;
mod udf_arguments;
mod value_text;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use larder_core::ErrorKind;

use crate::arguments::Arguments;
use crate::commands::udf::test::BadTestFiles;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let words: Vec<String> =
                std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
            let sentence = match error.kind() {
                clap::error::ErrorKind::MissingRequiredArgument => certificate_flag::certificate_flag(&words),
                _ => None,
            };
            match sentence {
                Some(sentence) => {
                    eprintln!("error: {sentence}");
                    return ExitCode::from(2);
                }
                None => error.exit(),
            }
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(arguments.log_level.filter())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start threads: {error}");
            return ExitCode::from(3);
        }
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough, as in `larder … | head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            exit_code(&error)
        }
    }
}

/// The messages of an error and its sources, each once.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let message = cause.to_string();
        // A wrapper that adds nothing shows its cause's own message.
        if text.is_empty() {
            text = message;
        } else if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
    }
    text
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    let unavailable = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<larder_core::Error>().is_some_and(|error| error.kind() == ErrorKind::Unavailable)
            || cause.is::<std::io::Error>()
    };
    if error.is::<BadTestFiles>() {
        return ExitCode::from(2);
    }
    ExitCode::from(if error.chain().any(unavailable) { 3 } else { 1 })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
