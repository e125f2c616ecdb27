//! The feature repos that `init` and `demo` create.

pub(crate) mod pytorch_nlp;
mod sample_data;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use larder::table::write_table;
use larder_core::{Clock, SystemClock, Timestamp};

pub(crate) use sample_data::DRIVERS;

const FEATURE_STORE: &str = include_str!("files/feature_store.yaml");
const FEATURES: &str = include_str!("files/features.yaml");
const IGNORED: &str = "data/registry.db*\ndata/components/\ndata/online_store/\n";
/// The transformations of the sample repo, compiled from `udfs/rust/driver_features`.
const COMPONENT: &[u8] = include_bytes!("../../demo/driver_features.wasm");
const TESTS: &str = include_str!("../../demo/driver_features.test.yaml");

/// Writes the sample repo into `dir`, with data up to `as_of`. Files of the same names are replaced.
pub(crate) fn write(dir: &Path, project: &str, as_of: Timestamp) -> Result<()> {
    write_minimal(dir, project)?;
    file(dir, "features.yaml", FEATURES.as_bytes())?;
    file(dir, "udfs/driver_features.wasm", COMPONENT)?;
    file(dir, "udfs/driver_features.test.yaml", TESTS.as_bytes())?;
    fs::create_dir_all(dir.join("data"))?;
    write_table(&dir.join("data/driver_hourly_stats.parquet"), &sample_data::driver_hourly_stats(as_of))?;
    write_table(&dir.join("data/customer_profile.parquet"), &sample_data::customer_profile(as_of))?;
    Ok(())
}

/// Writes a repo without definitions and data into `dir`.
pub(crate) fn write_minimal(dir: &Path, project: &str) -> Result<()> {
    file(dir, "feature_store.yaml", FEATURE_STORE.replace("PROJECT", project).as_bytes())?;
    file(dir, ".gitignore", IGNORED.as_bytes())
}

fn file(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = dir.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create folder `{}`", parent.display()))?;
    }
    fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}

/// The time at which sample data end: the one given, or else the last full hour.
pub(crate) fn end_of_data(as_of: Option<&str>) -> Result<Timestamp> {
    const HOUR: i64 = 3_600_000_000;
    match as_of {
        Some(text) => Ok(Timestamp::parse(text)?),
        None => Ok(Timestamp::from_micros(SystemClock.now().micros().div_euclid(HOUR) * HOUR)),
    }
}

/// A project name made from a folder's: letters, digits and `_`, beginning with a letter.
pub(crate) fn project_name(dir: &Path) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = name.trim_matches('_').to_ascii_lowercase();
    if name.is_empty() { "feature_repo".to_owned() } else { name }
}
