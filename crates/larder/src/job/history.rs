//! What became of runs, kept beside the registry.
//!
//! A file for each job, one JSON object a line, only ever added to:
//!
//! ```text
//! jobs/history/<project>/<job>.jsonl
//!     {"event":"scheduled","schedule":"0 2 * * *","since":…}      from then on missed times are told
//!     {"event":"started","id":"…","trigger":"schedule","time":…,"started":…}
//!     {"event":"ended","id":"…","ended":…,"error":null,"log":[…]}
//!     {"event":"missed","count":3,"first":…,"last":…,"reason":"…","recorded":…}
//! jobs/history/<project>/<job>.lock       held while the job runs, by whichever process
//! jobs/history/<project>/<job>.writing    held while a line is added
//! ```
//!
//! A line is durable before what it says is acted on. A run without an end is running if its lock is held, else
//! it was interrupted. A line that a crash has cut counts for nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use larder_core::{Error, ErrorKind, Result, Timestamp};
use larder_serving::{JobLogLine, JobOutcome, JobRunReport, JobTrigger};
use serde::{Deserialize, Serialize};

/// Runs and missed times that are remembered once a file has grown.
const REMEMBERED: usize = 200;
/// A larger file is written anew without its oldest lines.
const LARGE_FILE_BYTES: u64 = 8 << 20;

/// The history of one job.
#[derive(Clone, Debug)]
pub(crate) struct History {
    job: String,
    file: PathBuf,
    lock: PathBuf,
    writing: PathBuf,
}

/// The right to run a job, held until dropped. Also given up when the process dies.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: File,
}

/// One line of the file. Times are microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line {
    /// The job has got this schedule.
    Scheduled { schedule: String, since: i64 },
    /// A run has begun.
    Started { id: String, trigger: JobTrigger, time: i64, started: i64 },
    /// A run has ended; without an error, well.
    Ended { id: String, ended: i64, error: Option<String>, log: Vec<JobLogLine> },
    /// Times at which the job was due have passed without a run.
    Missed { count: u64, first: i64, last: i64, reason: String, recorded: i64 },
}

impl History {
    /// The history of a job; touches no file.
    pub(crate) fn of(registry: &Path, project: &str, job: &str) -> Self {
        let folder = registry.with_file_name("jobs").join("history").join(project);
        let file = |ending: &str| folder.join(format!("{job}.{ending}"));
        Self { job: job.to_owned(), file: file("jsonl"), lock: file("lock"), writing: file("writing") }
    }

    /// Takes the right to run the job; `None` if another run has it.
    pub(crate) fn try_lock(&self) -> Result<Option<RunLock>> {
        /// Who looks whether the job runs holds the lock for a moment.
        const TRIES: usize = 10;
        let file = self.open_lock(&self.lock)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Some(RunLock { _file: file })),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::Error(source)) => return Err(self.failed(&self.lock, source)),
            }
        }
        Ok(None)
    }

    /// Whether the job runs, here or in another process.
    fn is_locked(&self) -> Result<bool> {
        if !self.lock.exists() {
            return Ok(false);
        }
        // Shared, so that two who look do not take each other for a run.
        match self.open_lock(&self.lock)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(self.failed(&self.lock, source)),
        }
    }

    /// Adds a line, durable when this returns.
    pub(crate) fn add(&self, line: &Line) -> Result<()> {
        let failed = |source| self.failed(&self.file, source);
        let writing = self.open_lock(&self.writing)?;
        writing.lock().map_err(failed)?;
        let mut file =
            OpenOptions::new().create(true).append(true).read(true).open(&self.file).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut text = Vec::new();
        // A line that was cut must not swallow this one.
        if length > 0 && !ends_with_line_feed(&self.file).map_err(failed)? {
            text.push(b'\n');
        }
        serde_json::to_writer(&mut text, line).map_err(|source| Error::new(ErrorKind::Internal, source))?;
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        drop(file);
        if length > LARGE_FILE_BYTES { self.forget_the_oldest().map_err(failed) } else { Ok(()) }
    }

    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> Result<Vec<Line>> {
        let text = match fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.failed(&self.file, source)),
        };
        Ok(text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// The runs and missed times, the latest first.
    pub(crate) fn runs(&self) -> Result<Vec<JobRunReport>> {
        // Before the lines: a run that ends in between is then read with its end.
        let is_locked = self.is_locked()?;
        let mut runs: Vec<JobRunReport> = Vec::new();
        for line in self.lines()? {
            match line {
                Line::Scheduled { .. } => {}
                Line::Started { id, trigger, time, started } => runs.push(JobRunReport {
                    id,
                    trigger,
                    time: text(time),
                    started: text(started),
                    ..self.report()
                }),
                Line::Ended { id, ended, error, log } => {
                    if let Some(run) = runs.iter_mut().rev().find(|run| run.id == id) {
                        run.outcome =
                            if error.is_none() { JobOutcome::Succeeded } else { JobOutcome::Failed };
                        run.seconds = Timestamp::parse(&run.started).ok().map(|started| {
                            #[expect(clippy::cast_precision_loss, reason = "exact for spans of 285 years")]
                            let micros = ended.saturating_sub(started.micros()) as f64;
                            micros / 1e6
                        });
                        (run.ended, run.error, run.log) = (Some(text(ended)), error, log);
                    }
                }
                Line::Missed { count, last, reason, recorded, .. } => runs.push(JobRunReport {
                    id: format!("missed-{recorded}"),
                    outcome: JobOutcome::Missed,
                    trigger: JobTrigger::Schedule,
                    time: text(last),
                    started: text(recorded),
                    error: Some(reason),
                    missed: Some(count),
                    ..self.report()
                }),
            }
        }
        runs.reverse();
        if let Some(last) = runs.iter_mut().find(|run| run.outcome != JobOutcome::Missed)
            && last.outcome == JobOutcome::Interrupted
            && is_locked
        {
            last.outcome = JobOutcome::Running;
        }
        Ok(runs)
    }

    /// A run of which no end is known.
    fn report(&self) -> JobRunReport {
        JobRunReport {
            id: String::new(),
            job: self.job.clone(),
            outcome: JobOutcome::Interrupted,
            trigger: JobTrigger::Hand,
            time: String::new(),
            started: String::new(),
            ended: None,
            seconds: None,
            error: None,
            missed: None,
            log: Vec::new(),
        }
    }

    fn forget_the_oldest(&self) -> io::Result<()> {
        let content = fs::read(&self.file)?;
        let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        // Two lines a run.
        let kept = lines.len().saturating_sub(2 * REMEMBERED);
        let temporary = self.file.with_extension("jsonl.tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(&lines.get(kept..).unwrap_or_default().concat())?;
        file.sync_all()?;
        fs::rename(&temporary, &self.file)
    }

    fn open_lock(&self, path: &Path) -> Result<File> {
        self.create_folder()?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        file.map_err(|source| self.failed(path, source))
    }

    fn create_folder(&self) -> Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|source| self.failed(folder, source))
    }

    fn failed(&self, path: &Path, source: io::Error) -> Error {
        let (job, path) = (self.job.clone(), path.to_owned());
        Error::new(ErrorKind::Unavailable, HistoryError { job, path, source })
    }
}

/// A history that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the history of job `{job}`, `{}`, cannot be read or written", path.display())]
struct HistoryError {
    job: String,
    path: PathBuf,
    source: io::Error,
}

fn text(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}

fn ends_with_line_feed(file: &Path) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(file)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(id: &str) -> Line {
        Line::Started { id: id.to_owned(), trigger: JobTrigger::Hand, time: 0, started: 1_000_000 }
    }

    fn ended(id: &str, error: Option<&str>) -> Line {
        Line::Ended { id: id.to_owned(), ended: 3_500_000, error: error.map(str::to_owned), log: Vec::new() }
    }

    fn outcomes(history: &History) -> Vec<(String, JobOutcome)> {
        history.runs().unwrap().into_iter().map(|run| (run.id, run.outcome)).collect()
    }

    fn run(id: &str, outcome: JobOutcome) -> (String, JobOutcome) {
        (id.to_owned(), outcome)
    }

    #[test]
    fn a_run_without_an_end_is_running_while_its_lock_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::of(&folder.path().join("registry.db"), "p", "j");
        assert_eq!(outcomes(&history), []);
        history.add(&started("a")).unwrap();
        history.add(&ended("a", None)).unwrap();
        history.add(&started("b")).unwrap();
        assert_eq!(outcomes(&history), [run("b", JobOutcome::Interrupted), run("a", JobOutcome::Succeeded)]);
        let lock = history.try_lock().unwrap().expect("nobody runs it");
        assert!(history.try_lock().unwrap().is_none());
        assert_eq!(outcomes(&history)[0], run("b", JobOutcome::Running));
        history.add(&ended("b", Some("why"))).unwrap();
        assert_eq!(outcomes(&history)[0], run("b", JobOutcome::Failed));
        drop(lock);
        let runs = history.runs().unwrap();
        assert_eq!((runs[0].error.as_deref(), runs[0].seconds), (Some("why"), Some(2.5)));
        assert!(history.try_lock().unwrap().is_some());
    }

    #[test]
    fn a_line_that_was_cut_loses_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::of(&folder.path().join("registry.db"), "p", "j");
        history.add(&started("a")).unwrap();
        let whole = fs::read(&history.file).unwrap();
        for cut in 1..whole.len() {
            fs::write(&history.file, &whole[..cut]).unwrap();
            history.add(&started("b")).unwrap();
            let ids: Vec<String> = outcomes(&history).into_iter().map(|(id, _)| id).collect();
            let expected: &[&str] = if cut == whole.len() - 1 { &["b", "a"] } else { &["b"] };
            assert_eq!(ids, expected, "{cut}");
        }
    }
}
