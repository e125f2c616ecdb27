//! The arguments of `larder udf`: looking at, running, measuring and testing components.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The component, or a core module.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A function of a component.
#[derive(Clone, Debug, Args)]
pub(crate) struct FunctionArguments {
    /// The component, or a core module.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The function; the only one where it is left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) function: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) function: FunctionArguments,
    /// The input rows: a JSON, NDJSON, CSV or Parquet file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Write the output to this Parquet, CSV or NDJSON file; a table on the terminal without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print rows as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    pub(crate) function: FunctionArguments,
    /// The input rows, taken over and over: a JSON, NDJSON, CSV or Parquet file. Random rows without it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Test files, folders of them, or components; all test files of the feature repo where it is left out.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only tests whose `FUNCTION: case NAME` or `FUNCTION: property NAME` contains this.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Where generated rows begin; the same seed gives the same rows.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Keep the rows that fail a property as cases in `NAME.found.test.yaml`.
    #[arg(long)]
    pub(crate) save: bool,
    /// Run again whenever a component, a test file or a file of rows changes.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Write the results to this file as build servers read them.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArguments {
    /// The on-demand feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,
    /// How many rows to wait for.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rows: u32,
    /// Columns whose values must not be kept: inputs get made-up values, alike where the values were alike, and the
    /// outputs that follow from them; outputs are left out. Repeat, or separate by commas.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) redact: Vec<String>,
    /// The test file to write; what it holds already stays.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The component's file, for the test file to name; found in the feature repo where it is left out.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// The server, as HOST:PORT; the one that serves the project where it is left out.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) server: Option<std::net::SocketAddr>,
}
