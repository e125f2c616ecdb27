//! The recorded files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the recorded answers.
pub fn recorded_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded")
}

/// Every scenario of a folder, by name, in order.
pub fn scenarios(folder: &str) -> Vec<(String, Value)> {
    let dir = recorded_dir().join(folder);
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut scenarios: Vec<(String, Value)> = entries
        .map(|entry| {
            let path = entry.expect("the folder can be listed").path();
            let name = path.file_stem().expect("files have names").to_string_lossy().into_owned();
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (name, value)
        })
        .collect();
    scenarios.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!scenarios.is_empty(), "{} holds no scenarios", dir.display());
    scenarios
}

/// Every line of a file of recorded exchanges, each a JSON value.
pub fn recorded_lines(file: &str) -> Vec<Value> {
    let path = recorded_dir().join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert!(!lines.is_empty(), "{} holds nothing", path.display());
    lines
}
