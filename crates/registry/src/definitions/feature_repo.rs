//! A feature repo: the folder with `feature_store.yaml` and the files of definitions beside it.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::ignore::Ignore;
use super::parsed::ParsedDefinitions;
use super::read::read_document;
use crate::complete::{ComponentFiles, FunctionFiles};
use crate::problem::{Problem, Problems, Report, SourceText};
use crate::repo_config::{FEATURE_STORE_YAML, RepoConfig};
use crate::test_file::is_test_file;
use crate::text_file::read_text;
use crate::yaml::parse;

/// Folders in which nobody keeps definitions.
const SKIPPED_FOLDERS: [&str; 4] = ["data", "target", "node_modules", "__pycache__"];
/// Deeper than any repo; also the end of any loop of links.
const DEEPEST: usize = 16;

/// The definitions of a feature repo as they are written.
///
/// Every `*.yaml` and `*.yml` file in the folder of `feature_store.yaml` and below holds definitions,
/// except in hidden folders, in `data`, `target`, `node_modules` and `__pycache__`, except what
/// `.feastignore` names, and except the tests of transformations, `*.test.yaml`.
#[derive(Debug)]
pub struct FeatureRepo {
    pub(crate) config: RepoConfig,
    pub(crate) parsed: ParsedDefinitions,
    pub(crate) components: ComponentFiles,
    pub(crate) functions: FunctionFiles,
    pub(crate) report: Report,
    has_files: bool,
}

impl FeatureRepo {
    /// Reads all files of definitions. Mistakes in them are not told here but by
    /// [`complete`](Self::complete), together with all others.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn load(config: &RepoConfig) -> Result<Self, Problems> {
        let mut repo = Self {
            config: config.clone(),
            parsed: ParsedDefinitions::default(),
            components: ComponentFiles::new(),
            functions: FunctionFiles::new(),
            report: Report { problems: Vec::new(), warnings: config.warnings.clone() },
            has_files: false,
        };
        for file in definition_files(config)? {
            repo.has_files = true;
            let shown = file.strip_prefix(&config.repo_path).unwrap_or(&file).to_owned();
            repo.read_file(&file, &shown);
        }
        let on_demand = repo.parsed.on_demand_feature_views.iter().filter_map(|view| view.udf.as_ref());
        let stored = repo.parsed.feature_views.iter().filter_map(|view| view.udf.as_ref());
        for function in on_demand.chain(stored) {
            let path = PathBuf::from(&function.file.value);
            let file = config.repo_path.join(&path);
            repo.functions
                .entry(path)
                .or_insert_with(|| read_function(&file).map_err(|error| error.to_string()));
        }
        let components =
            repo.parsed.on_demand_feature_views.iter().filter_map(|view| view.component.as_ref());
        let jobs = repo.parsed.jobs.iter().map(|job| &job.component);
        for component in components.chain(jobs) {
            let path = PathBuf::from(&component.value);
            let file = config.repo_path.join(&path);
            repo.components
                .entry(path)
                .or_insert_with(|| read_component(&file).map(Into::into).map_err(|error| error.to_string()));
        }
        Ok(repo)
    }

    /// Whether there is any file of definitions, even one that defines nothing.
    pub fn has_files(&self) -> bool {
        self.has_files
    }

    fn read_file(&mut self, file: &Path, shown: &Path) {
        let text = match read_text(file, shown) {
            Ok(text) => text,
            Err(problem) => return self.report.problem(problem),
        };
        let source = SourceText::new(shown, &text);
        match parse(&source, &text, None, &mut self.report.problems) {
            Ok(documents) => {
                for document in &documents {
                    read_document(document, &mut self.parsed, &mut self.report);
                }
            }
            Err(problem) => self.report.problem(problem),
        }
    }
}

/// Larger than any function that a person writes.
const LARGEST_FUNCTION_BYTES: u64 = 4 << 20;

fn read_function(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST_FUNCTION_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|size| size > LARGEST_FUNCTION_BYTES) {
        return Err(io::Error::other("it is larger than 4 MiB"));
    }
    Ok(text)
}

/// Larger than any component that larder would take.
const LARGEST_COMPONENT_BYTES: u64 = 256 << 20;

fn read_component(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST_COMPONENT_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > LARGEST_COMPONENT_BYTES) {
        return Err(io::Error::other("it is larger than 256 MiB"));
    }
    Ok(bytes)
}

/// The files of definitions, by path.
fn definition_files(config: &RepoConfig) -> Result<Vec<PathBuf>, Problem> {
    let mut files = yaml_files(&config.repo_path)?;
    files.retain(|file| file != &config.file && !is_test_file(file));
    Ok(files)
}

/// The YAML files in a folder and below that its `.feastignore` does not name, by path.
pub(crate) fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let ignore = Ignore::read(folder)?;
    let mut files = Vec::new();
    collect(folder, Path::new(""), &ignore, 0, &mut files)?;
    files.sort();
    Ok(files)
}

fn collect(
    root: &Path,
    folder: &Path,
    ignore: &Ignore,
    depth: usize,
    files: &mut Vec<PathBuf>,
) -> Result<(), Problem> {
    let path = root.join(folder);
    let unreadable = |error: std::io::Error| {
        Problem::of_file(
            if folder.as_os_str().is_empty() { root } else { folder },
            "the folder cannot be read",
        )
        .because(error.to_string())
    };
    let entries = match fs::read_dir(if path.as_os_str().is_empty() { Path::new(".") } else { &path }) {
        Ok(entries) => entries,
        // A folder below that is closed to us holds nothing that we were meant to read.
        Err(error) if depth > 0 && error.kind() == std::io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let relative = folder.join(name);
        if ignore.matches(&relative) {
            continue;
        }
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            if depth < DEEPEST && !SKIPPED_FOLDERS.contains(&name) {
                collect(root, &relative, ignore, depth + 1, files)?;
            }
        } else if is_yaml(name) && entry.path().is_file() {
            files.push(root.join(relative));
        }
    }
    Ok(())
}

fn is_yaml(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower != FEATURE_STORE_YAML
        && lower != "feature_store.yml"
        && (Path::new(&lower).extension().is_some_and(|ending| ending == "yaml" || ending == "yml"))
}
