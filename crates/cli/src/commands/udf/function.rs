//! The function that a command line names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use arrow::array::RecordBatch;
use larder_core::{Field, TransformationLimits};
use larder_workbench::{Cost, Meter, MeteredFunction, UdfError, WasmRuntimeOptions, read_input, shown_bytes};

use crate::materialize_progress::grouped;
use crate::udf_arguments::FunctionArguments;

/// Reads and loads the component; the function, with the limits that a view has by default.
pub(super) fn open(arguments: &FunctionArguments) -> Result<MeteredFunction> {
    let file = arguments.file.display();
    let component = meter()?.load(read(&arguments.file)?).with_context(|| format!("`{file}`"))?;
    let names: Vec<String> =
        component.inspected().signatures.into_iter().map(|signature| signature.name).collect();
    let name = match (&arguments.function, names.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, _) => {
            bail!("`{file}` has several functions; choose one with `--function`: {}", names.join(", "))
        }
    };
    let function = component.function(name, TransformationLimits::default());
    function.with_context(|| format!("`{file}` has no function `{name}`; it has {}", names.join(", ")))
}

/// The engines to measure with. Compiled components are kept in the user's cache, where there is one: those
/// of some languages take a minute to compile.
pub(super) fn meter() -> Result<Meter> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache =
        std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(home);
    let options = WasmRuntimeOptions {
        cache_dir: cache.map(|cache| cache.join("larder")),
        ..WasmRuntimeOptions::default()
    };
    match Meter::try_new(&options) {
        // A cache that cannot be used is no reason to fail.
        Err(UdfError::Cache { .. }) => Ok(Meter::try_new(&WasmRuntimeOptions::default())?),
        started => Ok(started?),
    }
}

/// The bytes of a component.
pub(super) fn read(file: &Path) -> Result<Arc<[u8]>> {
    Ok(std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?.into())
}

/// Reads rows as a function's inputs; says on stderr what is left out.
pub(super) fn input(file: &Path, fields: &[Field]) -> Result<RecordBatch> {
    let table = read_input(file, fields).with_context(|| format!("`{}`", file.display()))?;
    for column in table.left_out {
        eprintln!("note: column `{column}` of `{}` is no input of the function", file.display());
    }
    Ok(table.rows)
}

/// What a table cost, for people: three lines.
pub(super) fn cost_text(cost: &Cost) -> String {
    let rows = u64::try_from(cost.rows).unwrap_or(u64::MAX);
    let mut text = format!("instructions  {}", grouped(cost.instructions));
    if rows > 1 {
        let _ = write!(text, " ({} a row)", grouped(cost.instructions / rows));
    }
    let _ = write!(text, "\ntime          {}", span(cost.time));
    if cost.calls > 1 {
        let _ = write!(text, " in {} calls", cost.calls);
    }
    let memory = u64::try_from(cost.memory_bytes).unwrap_or(u64::MAX);
    let _ = write!(text, "\nmemory        {}", shown_bytes(memory));
    text
}

/// A span of time with three digits.
pub(super) fn span(time: Duration) -> String {
    let nanoseconds = time.as_nanos();
    match nanoseconds {
        0..10_000 => format!("{}.{:02} µs", nanoseconds / 1_000, nanoseconds / 10 % 100),
        10_000..1_000_000 => format!("{}.{} µs", nanoseconds / 1_000, nanoseconds / 100 % 10),
        1_000_000..10_000_000 => format!("{}.{:02} ms", nanoseconds / 1_000_000, nanoseconds / 10_000 % 100),
        _ => format!("{}.{} ms", nanoseconds / 1_000_000, nanoseconds / 100_000 % 10),
    }
}
