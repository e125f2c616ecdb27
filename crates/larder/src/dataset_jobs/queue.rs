//! The datasets that are being made: some at a time, the others wait.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use larder_core::{Clock, Error, ErrorKind, RequestError, Result, unique_id};
use larder_serving::{BackgroundTasks, DatasetJob, DatasetJobStatus, NewDataset};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// As many as in Feast: a training set may take up much memory.
const AT_A_TIME: usize = 2;

/// More than this do not wait.
const MAX_WAITING: usize = 100;

/// So many jobs that ended are remembered.
const MAX_ENDED: usize = 1_000;

/// As many datasets are looked into at the same time; others wait.
const LOOKS_AT_A_TIME: usize = 4;

/// How long jobs may go on when the server is told to stop.
const LAST_JOBS: Duration = Duration::from_secs(30);

/// The jobs of a process, shared by its doors.
#[derive(Debug)]
pub(crate) struct DatasetJobs {
    /// The latest first.
    jobs: Arc<Mutex<VecDeque<DatasetJob>>>,
    turns: Arc<Semaphore>,
    looks: Semaphore,
    tasks: BackgroundTasks,
}

impl Default for DatasetJobs {
    fn default() -> Self {
        Self {
            jobs: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
            looks: Semaphore::new(LOOKS_AT_A_TIME),
            tasks: BackgroundTasks::default(),
        }
    }
}

impl DatasetJobs {
    /// Runs `make` when its turn has come. Whatever it does, the job ends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if too many wait.
    pub(crate) fn submit(
        &self,
        new: &NewDataset,
        clock: Arc<dyn Clock>,
        make: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Result<DatasetJob> {
        let job = DatasetJob {
            id: unique_id::uuid()?,
            dataset: new.name.clone(),
            project: new.project.clone(),
            tags: new.tags.clone(),
            status: DatasetJobStatus::Pending,
            created: clock.now(),
            completed: None,
            error: None,
        };
        {
            let mut jobs = lock(&self.jobs);
            let waiting = jobs.iter().filter(|job| job.status == DatasetJobStatus::Pending).count();
            if waiting >= MAX_WAITING {
                let what = format!("{waiting} datasets wait to be made already; try again later");
                return Err(Error::new(ErrorKind::Unavailable, RequestError::other(what)));
            }
            jobs.push_front(job.clone());
            forget_oldest(&mut jobs);
        }
        let (jobs, turns, id) = (Arc::clone(&self.jobs), Arc::clone(&self.turns), job.id.clone());
        self.tasks.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire_owned().await;
            change(&jobs, &id, |job| job.status = DatasetJobStatus::Running);
            let made = AssertUnwindSafe(make).catch_unwind().await;
            let error = match made {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(text_of(&error)),
                // The panic hook has printed message and place.
                Err(_panicked) => Some(INTERNAL.to_owned()),
            };
            change(&jobs, &id, |job| {
                job.status =
                    if error.is_none() { DatasetJobStatus::Completed } else { DatasetJobStatus::Failed };
                job.completed = Some(clock.now());
                job.error = error;
            });
        });
        Ok(job)
    }

    /// Waits for the turn to look into a dataset, which reads its file to the end.
    pub(crate) async fn look(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.looks.acquire().await.ok()
    }

    /// All that are remembered, the latest first.
    pub(crate) fn all(&self) -> Vec<DatasetJob> {
        lock(&self.jobs).iter().cloned().collect()
    }

    /// Lets the jobs end, and stops those that do not in time.
    pub(crate) async fn finish(&self) {
        self.tasks.finish(Instant::now() + LAST_JOBS).await;
    }
}

const INTERNAL: &str = "internal error; the server's log has the details";

/// What is told of a failure: of one that is not the caller's, nothing but where to look.
fn text_of(error: &Error) -> String {
    if error.kind() == ErrorKind::Internal {
        tracing::error!(error = error.chain(), "a dataset could not be made");
        return INTERNAL.to_owned();
    }
    error.downcast_ref::<RequestError>().map_or_else(|| error.chain(), ToString::to_string)
}

fn change(jobs: &Mutex<VecDeque<DatasetJob>>, id: &str, change: impl FnOnce(&mut DatasetJob)) {
    if let Some(job) = lock(jobs).iter_mut().find(|job| job.id == id) {
        change(job);
    }
}

fn forget_oldest(jobs: &mut VecDeque<DatasetJob>) {
    let has_ended =
        |job: &DatasetJob| matches!(job.status, DatasetJobStatus::Completed | DatasetJobStatus::Failed);
    while jobs.iter().filter(|job| has_ended(job)).count() > MAX_ENDED {
        let Some(oldest) = jobs.iter().rposition(has_ended) else { break };
        jobs.remove(oldest);
    }
}

fn lock(jobs: &Mutex<VecDeque<DatasetJob>>) -> std::sync::MutexGuard<'_, VecDeque<DatasetJob>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use larder_core::SystemClock;
    use larder_plan::Selection;
    use larder_serving::DatasetEntities;
    use tokio::sync::oneshot;

    use super::*;

    fn new(name: &str) -> NewDataset {
        NewDataset {
            project: "p".to_owned(),
            name: name.to_owned(),
            selection: Selection::Service("s".to_owned()),
            entities: DatasetEntities::Table { path: "e.parquet".to_owned() },
            extra_columns: String::new(),
            storage: "file".to_owned(),
            path: "d.parquet".to_owned(),
            tags: std::collections::BTreeMap::new(),
            allow_overwrite: false,
        }
    }

    fn submit(
        jobs: &DatasetJobs,
        name: &str,
        make: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Result<DatasetJob> {
        jobs.submit(&new(name), Arc::new(SystemClock), make)
    }

    fn statuses(jobs: &DatasetJobs) -> Vec<(String, &'static str)> {
        jobs.all().into_iter().map(|job| (job.dataset, job.status.word())).collect()
    }

    #[tokio::test]
    async fn two_are_made_at_a_time_and_all_end() {
        let jobs = DatasetJobs::default();
        let (ends, waits): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel::<()>()).unzip();
        for (at, wait) in waits.into_iter().enumerate() {
            let make = async move {
                wait.await.expect("the test ends it");
                if at == 1 { Err(RequestError::other("no such column").into()) } else { Ok(()) }
            };
            assert_eq!(submit(&jobs, &format!("d{at}"), make).unwrap().status, DatasetJobStatus::Pending);
        }
        tokio::task::yield_now().await;
        let told = |words: [&'static str; 3]| {
            ["d2", "d1", "d0"].iter().map(ToString::to_string).zip(words).collect::<Vec<_>>()
        };
        assert_eq!(statuses(&jobs), told(["pending", "running", "running"]));
        for end in ends {
            end.send(()).unwrap();
        }
        jobs.finish().await;
        assert_eq!(statuses(&jobs), told(["completed", "failed", "completed"]));
        let failed = &jobs.all()[1];
        assert_eq!(failed.error.as_deref(), Some("no such column"));
        assert!(failed.completed >= Some(failed.created));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_that_tells_nothing() {
        let jobs = DatasetJobs::default();
        submit(&jobs, "d", async { panic!("a secret of the server") }).unwrap();
        jobs.finish().await;
        assert_eq!(jobs.all()[0].error.as_deref(), Some(INTERNAL));
    }

    #[tokio::test]
    async fn no_more_than_a_hundred_wait_and_no_more_than_a_thousand_are_remembered() {
        let jobs = DatasetJobs::default();
        let mut ends = Vec::new();
        for at in 0..MAX_WAITING + AT_A_TIME {
            let (end, wait) = oneshot::channel::<()>();
            ends.push(end);
            submit(&jobs, &format!("d{at}"), async { wait.await.map_err(|_| unreachable!()) }).unwrap();
            tokio::task::yield_now().await;
        }
        let refused = submit(&jobs, "one more", async { Ok(()) }).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        for end in ends {
            end.send(()).unwrap();
        }
        jobs.finish().await;
        for at in 0..MAX_ENDED {
            submit(&jobs, &format!("later{at}"), async { Ok(()) }).unwrap();
            jobs.finish().await;
        }
        submit(&jobs, "last", async { Ok(()) }).unwrap();
        assert_eq!(jobs.all().len(), MAX_ENDED + 1);
        assert!(jobs.all().iter().all(|job| !job.dataset.starts_with('d')), "the oldest go first");
    }
}
