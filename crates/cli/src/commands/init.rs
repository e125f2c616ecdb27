//! `larder init`: a feature repo to start from, of sample definitions or of what Feast has registered.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use larder::{FeatureStore, RegistryFile, WRITTEN_DEFINITIONS};
use larder_core::SystemClock;

use crate::arguments::{InitArguments, Template};
use crate::template;

const DEFAULT_DIR: &str = "feature_repo";

pub(crate) async fn run(arguments: &InitArguments) -> Result<()> {
    match &arguments.from_feast {
        Some(feast) => from_feast(arguments, feast).await,
        None => from_template(arguments),
    }
}

fn from_template(arguments: &InitArguments) -> Result<()> {
    let dir = &new_dir(arguments)?;
    let end = template::end_of_data(arguments.as_of.as_deref())?;
    // With `--repo-path`, DIR is no folder and only names the project.
    let project = template::project_name(arguments.dir.as_deref().unwrap_or(dir));
    let shown = dir.display();
    let larder = super::program();
    if arguments.minimal {
        template::write_minimal(dir, &project)?;
        println!("Creating a new larder repository in {shown}.");
        eprintln!("\nNext: write definitions into {shown}/features.yaml, then\n   {larder} -c {shown} apply");
        return Ok(());
    }
    let ask = match arguments.template.unwrap_or(Template::Local) {
        Template::Local => {
            template::write(dir, &project, end)?;
            "get-online-features -e driver_id=1001 -f driver_hourly_stats:conv_rate"
        }
        Template::PytorchNlp => {
            template::pytorch_nlp::write(dir, &project, end)?;
            "get-online-features -e text_id=text_0001 -e input_text=\"what a lovely day\" -e model_name=words \
             --feature-service sentiment_analysis_v1"
        }
    };
    println!("Creating a new larder repository in {shown}.");
    eprintln!("\nNext:");
    let materialize = format!("materialize-incremental {end}");
    for command in ["apply", materialize.as_str(), ask, "udf test"] {
        eprintln!("   {larder} -c {shown} {command}");
    }
    Ok(())
}

/// The folder to create, which holds nothing yet.
fn new_dir(arguments: &InitArguments) -> Result<PathBuf> {
    let dir = arguments
        .repo_path
        .clone()
        .or_else(|| arguments.dir.clone())
        .unwrap_or_else(|| PathBuf::from(DEFAULT_DIR));
    if fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("`{}` is not empty; choose a new folder", dir.display());
    }
    Ok(dir)
}

async fn from_feast(arguments: &InitArguments, feast: &Path) -> Result<()> {
    let dir = if feast.is_dir() {
        if arguments.dir.as_ref().is_some_and(|dir| dir != feast) {
            bail!(
                "the definitions of a Feast repo are written beside its feature_store.yaml, so that its paths stay \
                 right; leave out the folder, or name the registry file to write elsewhere"
            );
        }
        feast.to_owned()
    } else {
        repo_of_registry(arguments, feast)?
    };
    let store = FeatureStore::open(&dir).await?;
    let files = store.write_definitions(&dir).await?;
    let shown = dir.display();
    println!(
        "Wrote definitions of project {} to {}.",
        store.config().project,
        dir.join(WRITTEN_DEFINITIONS).display()
    );
    if !files.functions.is_empty() {
        println!(
            "{} functions in Python are kept as text in {}; larder does not run them.",
            files.functions.len(),
            dir.join("python").display()
        );
    }
    let larder = super::program();
    eprintln!("\nNext:\n   {larder} -c {shown} plan");
    Ok(())
}

/// A new repo around a registry file, which stays where it is.
fn repo_of_registry(arguments: &InitArguments, file: &Path) -> Result<PathBuf> {
    let file = file.canonicalize().with_context(|| format!("`{}` cannot be read", file.display()))?;
    let projects = RegistryFile::open(&file, Arc::new(SystemClock))?.projects()?;
    let project = match (&arguments.project, projects.as_slice()) {
        (Some(project), _) if projects.contains(project) => project.clone(),
        (Some(project), _) => {
            bail!("there is no project `{project}` in it; there are {}", projects.join(", "))
        }
        (None, [only]) => only.clone(),
        (None, []) => bail!("`{}` holds no project", file.display()),
        (None, _) => bail!("it holds several projects; name one of {} with `--project`", projects.join(", ")),
    };
    let dir = new_dir(arguments)?;
    fs::create_dir_all(&dir).with_context(|| format!("`{}` cannot be created", dir.display()))?;
    // JSON's texts are YAML's.
    let registry = serde_json::Value::from(file.to_string_lossy());
    let yaml =
        format!("project: {}\nprovider: local\nregistry: {registry}\n", serde_json::Value::from(project));
    let config = dir.join("feature_store.yaml");
    fs::write(&config, yaml).with_context(|| format!("`{}` cannot be written", config.display()))?;
    Ok(dir)
}
