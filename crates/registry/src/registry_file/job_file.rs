//! The jobs of all projects, in a file beside the registry: Feast's registry has no place for them.
//!
//! ```json
//! {"project": {"nightly": {"component": "<sha-256>", "arguments": ["stats"], "allow": ["materialize"],
//!                          "schedule": "0 2 * * *", "limits": {"wall_time_ms": 3600000, …}}}}
//! ```
//!
//! The components lie with those of transformations. Feast's client sees none of it and takes none of it away.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use larder_core::{Capability, ComponentDigest, Job, JobLimits, Schedule};
use serde::{Deserialize, Serialize};

use super::durable;
use super::error::RegistryError;

/// The file of jobs.
#[derive(Debug)]
pub(super) struct JobFile {
    path: PathBuf,
}

type Projects = BTreeMap<String, BTreeMap<String, StoredJob>>;

#[derive(Debug, Serialize, Deserialize)]
struct StoredJob {
    #[serde(default)]
    description: String,
    component: String,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    schedule: Option<String>,
    limits: StoredLimits,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredLimits {
    wall_time_ms: u64,
    compute_time_ms: u64,
    memory_bytes: usize,
    batch_bytes: usize,
    table_bytes: usize,
    written_bytes: u64,
    log_bytes: usize,
}

impl JobFile {
    /// The file `jobs/jobs.json` beside a registry file.
    pub(super) fn beside(registry: &Path) -> Self {
        Self { path: registry.with_file_name("jobs").join("jobs.json") }
    }

    /// The jobs of a project, by name.
    pub(super) fn of_project(&self, project: &str) -> Result<Vec<Job>, RegistryError> {
        let mut projects = self.read()?;
        let jobs = projects.remove(project).unwrap_or_default();
        jobs.into_iter().map(|(name, stored)| self.job(name, stored)).collect()
    }

    /// Makes these all jobs of a project.
    pub(super) fn put(&self, project: &str, jobs: &[Job]) -> Result<(), RegistryError> {
        let mut projects = self.read()?;
        projects.remove(project);
        if !jobs.is_empty() {
            let jobs = jobs.iter().map(|job| (job.name.clone(), stored(job)));
            projects.insert(project.to_owned(), jobs.collect());
        }
        let text = serde_json::to_vec_pretty(&projects).expect("text and numbers are JSON");
        durable::replace(&self.path, &text)
    }

    fn read(&self) -> Result<Projects, RegistryError> {
        match fs::read(&self.path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| self.corrupt(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Projects::new()),
            Err(source) => Err(RegistryError::Read { path: self.path.clone(), source }),
        }
    }

    fn job(&self, name: String, stored: StoredJob) -> Result<Job, RegistryError> {
        let wrong = |what: &str| self.corrupt(format!("job `{name}` has {what}"));
        let component =
            ComponentDigest::parse(&stored.component).ok_or_else(|| wrong("no digest of a component"))?;
        let allow = stored.allow.iter().map(|name| Capability::from_name(name));
        let allow = allow.collect::<Option<_>>().ok_or_else(|| wrong("a capability that there is not"))?;
        let schedule = stored.schedule.as_deref().map(Schedule::parse).transpose();
        let schedule = schedule.map_err(|_| wrong("no schedule"))?;
        let limits = stored.limits;
        Ok(Job {
            description: stored.description,
            component,
            arguments: stored.arguments,
            allow,
            schedule,
            limits: JobLimits {
                wall_time: Duration::from_millis(limits.wall_time_ms),
                compute_time: Duration::from_millis(limits.compute_time_ms),
                memory_bytes: limits.memory_bytes,
                batch_bytes: limits.batch_bytes,
                table_bytes: limits.table_bytes,
                written_bytes: limits.written_bytes,
                log_bytes: limits.log_bytes,
            },
            tags: stored.tags,
            name,
        })
    }

    fn corrupt(&self, reason: String) -> RegistryError {
        RegistryError::CorruptJobs { path: self.path.clone(), reason }
    }
}

fn stored(job: &Job) -> StoredJob {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let limits = job.limits;
    StoredJob {
        description: job.description.clone(),
        component: job.component.to_string(),
        arguments: job.arguments.clone(),
        allow: job.allow.iter().map(|capability| capability.name().to_owned()).collect(),
        schedule: job.schedule.as_ref().map(|schedule| schedule.text().to_owned()),
        limits: StoredLimits {
            wall_time_ms: millis(limits.wall_time),
            compute_time_ms: millis(limits.compute_time),
            memory_bytes: limits.memory_bytes,
            batch_bytes: limits.batch_bytes,
            table_bytes: limits.table_bytes,
            written_bytes: limits.written_bytes,
            log_bytes: limits.log_bytes,
        },
        tags: job.tags.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> Job {
        Job {
            name: name.to_owned(),
            description: "d".to_owned(),
            component: ComponentDigest([7; 32]),
            arguments: vec!["a b".to_owned()],
            allow: Capability::ALL.into_iter().collect(),
            schedule: Some(Schedule::parse("*/5 * * * *").unwrap()),
            limits: JobLimits { log_bytes: 3, ..JobLimits::default() },
            tags: BTreeMap::from([("team".to_owned(), "x".to_owned())]),
        }
    }

    #[test]
    fn jobs_read_back_and_projects_do_not_touch_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = JobFile::beside(&folder.path().join("registry.db"));
        assert_eq!(file.of_project("p").unwrap(), []);
        file.put("p", &[job("a"), job("b")]).unwrap();
        file.put("q", &[job("c")]).unwrap();
        assert_eq!(file.of_project("p").unwrap(), [job("a"), job("b")]);
        file.put("p", &[]).unwrap();
        assert_eq!(file.of_project("p").unwrap(), []);
        assert_eq!(file.of_project("q").unwrap(), [job("c")]);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = JobFile::beside(&folder.path().join("registry.db"));
        file.put("p", &[job("a")]).unwrap();
        let text = fs::read_to_string(&file.path).unwrap();
        for (from, to) in [("\"push\"", "\"fly\""), ("*/5", "*/0"), ("0707", "xyz"), ("{", "[")] {
            fs::write(&file.path, text.replacen(from, to, 1)).unwrap();
            let error = file.of_project("p").unwrap_err();
            assert!(matches!(error, RegistryError::CorruptJobs { .. }), "{to}: {error}");
            assert!(
                file.put("p", &[]).is_err() == (to == "["),
                "only what is no JSON is kept from being replaced"
            );
        }
    }
}
