//! `larder demo-notebooks`: Jupyter notebooks that show a project at work.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use larder::{FeatureStore, RepoConfig};
use larder_core::SystemClock;

use crate::arguments::{Arguments, DemoNotebooksArguments};
use crate::notebook::{NotebookProject, notebooks};

pub(crate) async fn run(arguments: &Arguments, own: &DemoNotebooksArguments) -> Result<()> {
    let files = configurations(arguments)?;
    let mut written_by: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut documents: Vec<(PathBuf, String)> = Vec::new();
    for (repo, file) in files {
        let project = project(&repo, &file, own).await?;
        if let Some(other) = written_by.insert(project.name.clone(), file.clone()) {
            bail!(
                "{} and {} are both of project `{}`; name the one whose notebooks are wanted with `-f FILE`, before \
                 the verb",
                other.display(),
                file.display(),
                project.name
            );
        }
        let folder = own.output_dir.join(&project.name);
        documents.extend(
            notebooks(&project).into_iter().map(|notebook| (folder.join(notebook.file), notebook.text())),
        );
    }
    // All or none: nothing is written beside a file that is in the way.
    if !own.overwrite
        && let Some((there, _)) = documents.iter().find(|(path, _)| path.symlink_metadata().is_ok())
    {
        bail!(
            "`{}` is already there; replace it with `--overwrite`, or choose another folder with `-o DIR`",
            there.display()
        );
    }
    for (path, text) in &documents {
        write(path, text, own.overwrite)?;
        println!("{}", path.display());
    }
    eprintln!("\nOpen them with Jupyter, such as\n   jupyter lab {}", own.output_dir.display());
    Ok(())
}

/// The configurations whose notebooks are wanted, with the feature repo of each: the file that the command line names,
/// or else `feature_store.yaml` and every file in `feast-config/`.
fn configurations(arguments: &Arguments) -> Result<Vec<(PathBuf, PathBuf)>> {
    let repo = std::path::absolute(arguments.chdir.as_deref().unwrap_or(Path::new(".")))?;
    let mut files = Vec::new();
    if let Some(file) = &arguments.feature_store_yaml {
        files.push(std::path::absolute(file)?);
    } else {
        files.push(repo.join("feature_store.yaml"));
        let folder = repo.join("feast-config");
        if folder.is_dir() {
            let unreadable = || format!("`{}` cannot be read", folder.display());
            for entry in fs::read_dir(&folder).with_context(unreadable)? {
                files.push(entry.with_context(unreadable)?.path());
            }
            files.sort();
        }
    }
    files.retain(|file| file.is_file());
    if files.is_empty() {
        bail!(
            "there is neither a `feature_store.yaml` nor a file in `feast-config/` in {}; name a feature repo with \
             `-c DIR`",
            repo.display()
        );
    }
    Ok(files.into_iter().map(|file| (repo.clone(), file)).collect())
}

async fn project(repo: &Path, file: &Path, own: &DemoNotebooksArguments) -> Result<NotebookProject> {
    let config = RepoConfig::load_with(repo, file, &|name| std::env::var(name).ok())?;
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    let store = FeatureStore::with_config(config, Arc::new(SystemClock)).await?;
    let program = std::env::current_exe().context("the path of this program cannot be told")?;
    let project = NotebookProject::new(&store, program, own.as_of);
    if project.is_empty() {
        bail!(
            "nothing is registered of project `{}` yet, and notebooks are made of what is; run `{} -c {} -f {} apply` \
             first",
            project.name,
            super::program(),
            repo.display(),
            file.display()
        );
    }
    Ok(project)
}

fn write(path: &Path, text: &str, overwrite: bool) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("folder `{}` cannot be created", folder.display()))?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if overwrite {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("`{}` cannot be written", path.display()))
}
