//! `larder dbt import` and `larder dbt list`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use larder::{DbtImport, DbtManifest};

use crate::dbt_arguments::{DbtImportArguments, DbtListArguments, DbtVerb};
use crate::repo::Repo;

/// The file in the feature repo, and how one begins that may be written again.
const FILE: &str = "dbt_models.yaml";
const HEAD: &str = "# Made by `larder dbt import`, which writes it anew each time.\n";

pub(crate) fn run(repo: impl Fn() -> Result<Repo>, verb: &DbtVerb) -> Result<()> {
    match verb {
        DbtVerb::Import(arguments) => import(repo, arguments),
        DbtVerb::List(arguments) => list(arguments),
    }
}

fn import(repo: impl Fn() -> Result<Repo>, arguments: &DbtImportArguments) -> Result<()> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = arguments.entity_columns.iter().find(|column| !seen.insert(*column)) {
        bail!("`--entity-column {twice}` is given twice; give each column once");
    }
    let manifest = read(&arguments.manifest_path)?;
    let models = manifest.models(&arguments.models, arguments.tag.as_deref());
    let is_there = |name: &&String| !models.iter().any(|model| model.name == **name);
    if let Some(missing) = arguments.models.iter().find(is_there) {
        bail!(
            "{} has no such model: {missing}; `larder dbt list` shows those that are there",
            arguments.manifest_path.display()
        );
    }
    let made = DbtImport {
        entity_columns: arguments.entity_columns.clone(),
        timestamp_field: arguments.timestamp_field.clone(),
        exclude_columns: arguments.exclude_columns.iter().map(|column| column.trim().to_owned()).collect(),
        ttl_days: arguments.ttl_days,
        source: arguments.data_source_type.into(),
    }
    .definitions(&models);
    for (model, reason) in &made.left_out {
        eprintln!("left out: {model}: {reason}");
    }
    if made.feature_views.is_empty() {
        eprintln!("No model was imported.");
        return Ok(());
    }
    if arguments.dry_run {
        print!("{}", made.yaml);
        return Ok(());
    }
    let file = match &arguments.output {
        Some(file) => file.clone(),
        None => repo()?.dir().join(FILE),
    };
    write(&file, &made.yaml)?;
    for (view, features) in &made.feature_views {
        eprintln!("{view}: a data source and a feature view of {features} features");
    }
    eprintln!("Wrote {}; look at it, then run `larder plan` and `larder apply`.", file.display());
    Ok(())
}

/// Writes definitions; only a file that was written so is replaced.
fn write(file: &Path, yaml: &str) -> Result<()> {
    if let Ok(there) = fs::read_to_string(file)
        && !there.starts_with(HEAD)
    {
        bail!(
            "{} is there already, and was not made by this command; choose another file with `--output`",
            file.display()
        );
    }
    fs::write(file, format!("{HEAD}{yaml}")).with_context(|| format!("{} cannot be written", file.display()))
}

fn list(arguments: &DbtListArguments) -> Result<()> {
    let manifest = read(&arguments.manifest_path)?;
    let mut text = String::new();
    for model in manifest.models(&[], arguments.tag.as_deref()) {
        let tags =
            if model.tags.is_empty() { String::new() } else { format!(" [tags: {}]", model.tags.join(", ")) };
        text.push_str(&format!("{}{tags}\n  Table: {}\n", model.name, model.full_table_name()));
        if !model.description.is_empty() {
            text.push_str(&format!("  Description: {}\n", shortened(&model.description)));
        }
        if arguments.show_columns && !model.columns.is_empty() {
            text.push_str(&format!("  Columns ({}):\n", model.columns.len()));
            for column in &model.columns {
                let kind = if column.data_type.is_empty() { "unknown" } else { &column.data_type };
                text.push_str(&format!("    - {}: {kind}\n", column.name));
            }
        }
    }
    if text.is_empty() {
        eprintln!("No models found.");
    }
    print!("{text}");
    Ok(())
}

/// The first line of a description, and no more than 80 characters of it.
fn shortened(description: &str) -> String {
    let line = description.lines().next().unwrap_or_default();
    let short: String = line.chars().take(80).collect();
    if short.len() < description.trim_end().len() { format!("{short}...") } else { short }
}

fn read(path: &PathBuf) -> Result<DbtManifest> {
    let text = fs::read(path).with_context(|| {
        format!("{} cannot be read; dbt writes it as `target/manifest.json`", path.display())
    })?;
    DbtManifest::parse(&text).with_context(|| path.display().to_string())
}
