//! `larder udf test`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use larder_core::ComponentDigest;
use larder_workbench::{
    Meter, Problems, TEST_FILE_ENDING, TestOptions, TestReport, TestRunner, TestStatus, find_test_files,
    junit,
};
use serde_json::{Value, json};

use super::{blocking, function};
use crate::repo::Repo;
use crate::udf_arguments::TestArguments;

/// How often files are looked at for changes.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// Test files that do not say what they should: a mistake of whoever runs them, not a failed test.
#[derive(Debug)]
pub(crate) struct BadTestFiles(Problems);

impl fmt::Display for BadTestFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BadTestFiles {}

/// What came of a run.
pub(crate) struct TestRun {
    pub(crate) reports: Vec<TestReport>,
    pub(crate) problems: Vec<larder::Problem>,
}

pub(super) async fn run(repo: impl FnOnce() -> Result<Repo>, arguments: &TestArguments) -> Result<()> {
    let mut paths = arguments.paths.clone();
    if paths.is_empty() {
        paths.push(repo()?.config()?.repo_path);
    }
    let meter = blocking(function::meter).await?;
    let options =
        TestOptions { seed: arguments.seed, filter: arguments.filter.clone(), ..TestOptions::default() };
    let mut meter = Some(meter);
    let mut watched = BTreeSet::new();
    loop {
        let before = Seen::now(&paths, &watched);
        let (for_run, options_of_run, engines) = (paths.clone(), options.clone(), meter.take());
        let (run, engines) = blocking(move || {
            let engines = engines.map_or_else(function::meter, Ok)?;
            Ok((run_paths(&for_run, &engines, options_of_run)?, engines))
        })
        .await?;
        meter = Some(engines);
        // Those of earlier runs too: a component is away for a moment while it is built.
        watched.extend(run.reports.iter().flat_map(|report| report.read.iter().cloned()));
        let ended = show(run, arguments);
        if !arguments.watch {
            return ended;
        }
        if let Err(error) = ended {
            eprintln!("error: {error}");
        }
        let seen = Seen::now(&paths, &watched);
        if before.is_outdated_by(&seen) {
            continue;
        }
        eprintln!("waiting for changes; stop with Ctrl-C");
        while Seen::now(&paths, &watched) == seen {
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }
}

/// Runs the test files of a repo that belong to some components.
pub(crate) async fn of_components(folder: PathBuf, components: BTreeSet<ComponentDigest>) -> Result<TestRun> {
    blocking(move || {
        let options = TestOptions { only: Some(components), ..TestOptions::default() };
        let files = find_test_files(&folder).map_err(BadTestFiles)?;
        if files.is_empty() {
            return Ok(TestRun { reports: Vec::new(), problems: Vec::new() });
        }
        Ok(run_files(&files, &function::meter()?, options))
    })
    .await
}

impl TestRun {
    /// The reports and their sum. Nothing where no test was run, because what is wrong is said by the
    /// [`verdict`](Self::verdict).
    pub(crate) fn print(&self) {
        let reports = || self.reports.iter().filter(|report| !report.tests.is_empty());
        if reports().next().is_none() {
            return;
        }
        for report in reports() {
            println!("{report}");
        }
        let (passed, failed, skipped) = counts(&self.reports);
        let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
        let bad_files: BTreeSet<&Path> = self.problems.iter().map(|problem| problem.file.as_path()).collect();
        let not_run = match bad_files.len() {
            0 => String::new(),
            1 => ", 1 file not run".to_owned(),
            files => format!(", {files} files not run"),
        };
        println!("{passed} passed, {failed} failed{skipped}{not_run}");
    }

    /// Nothing where all is well; what is wrong with the files, or how many tests failed.
    pub(crate) fn verdict(self) -> Result<()> {
        if !self.problems.is_empty() {
            return Err(BadTestFiles(Problems::new(self.problems)).into());
        }
        let (passed, failed, _) = counts(&self.reports);
        match failed {
            0 => Ok(()),
            1 => bail!("1 of {} tests failed", passed + failed),
            _ => bail!("{failed} of {} tests failed", passed + failed),
        }
    }
}

/// The test files that paths stand for, and components without one.
fn run_paths(paths: &[PathBuf], meter: &Meter, options: TestOptions) -> Result<TestRun> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = find_test_files(path).map_err(BadTestFiles)?;
            if found.is_empty() {
                bail!(
                    "there are no tests in `{}`; write a file `*{TEST_FILE_ENDING}`, or name a component",
                    path.display()
                );
            }
            files.extend(found);
        } else if path.exists() {
            files.push(path.clone());
        } else {
            bail!("there is no file `{}`", path.display());
        }
    }
    Ok(run_files(&files, meter, options))
}

fn run_files(files: &[PathBuf], meter: &Meter, options: TestOptions) -> TestRun {
    let mut runner = TestRunner::new(meter, options);
    let mut run = TestRun { reports: Vec::new(), problems: Vec::new() };
    for file in files {
        let shown = file.strip_prefix(".").unwrap_or(file);
        let is_component = file.extension().is_some_and(|ending| ending == "wasm");
        let ended =
            if is_component { runner.run_component(file, shown) } else { runner.run_file(file, shown) };
        match ended {
            Ok(reports) => run.reports.extend(reports),
            Err(problems) => run.problems.extend(problems.into_vec()),
        }
    }
    run
}

fn show(run: TestRun, arguments: &TestArguments) -> Result<()> {
    if let Some(file) = &arguments.junit {
        std::fs::write(file, junit(&run.reports, &run.problems))
            .with_context(|| format!("`{}` cannot be written", file.display()))?;
    }
    if arguments.save {
        save(&run.reports)?;
    }
    if arguments.json {
        let document = json_of(&run.reports, arguments.seed, &run.problems);
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        run.print();
        if run.reports.iter().any(|report| report.counts().1 > 0) && !arguments.save {
            eprintln!("seed {}; `--save` keeps what was found as cases", arguments.seed);
        }
    }
    if run.problems.is_empty() && run.reports.iter().all(|report| report.tests.is_empty()) {
        match &arguments.filter {
            Some(filter) => bail!("no test contains `{filter}` in its name"),
            None => bail!("there are no tests in these files"),
        }
    }
    run.verdict()
}

fn json_of(reports: &[TestReport], seed: u64, problems: &[larder::Problem]) -> Value {
    let (passed, failed, skipped) = counts(reports);
    json!({
        "seed": seed,
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "functions": reports.iter().map(TestReport::to_json).collect::<Vec<_>>(),
        "problems": json_of_problems(problems),
    })
}

/// What is wrong with test files, as texts.
pub(crate) fn json_of_problems(problems: &[larder::Problem]) -> Value {
    problems.iter().map(ToString::to_string).collect()
}

fn counts(reports: &[TestReport]) -> (usize, usize, usize) {
    reports
        .iter()
        .map(TestReport::counts)
        .fold((0, 0, 0), |(passed, failed, skipped), (p, f, s)| (passed + p, failed + f, skipped + s))
}

/// Appends what was found to `NAME.found.test.yaml` beside the file in which it was found.
fn save(reports: &[TestReport]) -> Result<()> {
    for report in reports {
        let source = report.read.iter().find(|file| file.ends_with(&report.file)).unwrap_or(&report.file);
        let target = found_file(source);
        for test in &report.tests {
            let TestStatus::Failed(failure) = &test.status else { continue };
            let Some(case) = &failure.saved_case else { continue };
            let cannot = || format!("`{}` cannot be written", target.display());
            let before = match std::fs::read_to_string(&target) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error).with_context(cannot),
            };
            if before.contains(case.as_str()) {
                eprintln!("{} holds this case already", target.display());
                continue;
            }
            let mut file = OpenOptions::new().create(true).append(true).open(&target).with_context(cannot)?;
            file.write_all(case.as_bytes()).with_context(cannot)?;
            eprintln!("saved as a case in {}", target.display());
        }
    }
    Ok(())
}

/// `a.found.test.yaml` for `a.test.yaml`, `a.found.test.yaml` and `a.wasm`.
fn found_file(source: &Path) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = [TEST_FILE_ENDING, ".test.yml", ".wasm"]
        .into_iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(&name);
    let stem = stem.strip_suffix(".found").unwrap_or(stem);
    source.with_file_name(format!("{stem}.found{TEST_FILE_ENDING}"))
}

/// When files were changed that a run depends on.
#[derive(PartialEq, Eq)]
struct Seen(BTreeMap<PathBuf, Option<SystemTime>>);

impl Seen {
    /// The files of `watched`, the test files, and what lies beside them that they may be about.
    fn now(paths: &[PathBuf], watched: &BTreeSet<PathBuf>) -> Self {
        const TESTED: [&str; 8] = ["wasm", "yaml", "yml", "csv", "parquet", "ndjson", "jsonl", "json"];
        let mut files = watched.clone();
        for path in paths {
            if path.is_dir() {
                files.extend(find_test_files(path).unwrap_or_default());
            } else {
                files.insert(path.clone());
            }
        }
        let folders: BTreeSet<PathBuf> =
            files.iter().filter_map(|file| Some(file.parent()?.to_owned())).collect();
        for folder in folders {
            let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            let beside = std::fs::read_dir(shown).into_iter().flatten().flatten();
            files.extend(beside.map(|entry| folder.join(entry.file_name())).filter(|file| {
                file.extension().is_some_and(|ending| TESTED.iter().any(|tested| ending == *tested))
            }));
        }
        let changed = |file: PathBuf| {
            let changed = std::fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
            (file, changed)
        };
        Self(files.into_iter().map(changed).collect())
    }

    /// Whether one of these files has changed; new ones do not count.
    fn is_outdated_by(&self, later: &Self) -> bool {
        self.0.iter().any(|(file, changed)| later.0.get(file) != Some(changed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_lies_beside_what_it_was_found_in() {
        for (source, target) in [
            ("udfs/a.test.yaml", "udfs/a.found.test.yaml"),
            ("a.found.test.yaml", "a.found.test.yaml"),
            ("b/a.wasm", "b/a.found.test.yaml"),
        ] {
            assert_eq!(found_file(Path::new(source)), Path::new(target));
        }
    }
}
