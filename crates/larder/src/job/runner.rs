//! Runs of the jobs of a project: one at a time for each job, every one of them remembered.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use larder_core::{Error, ErrorKind, Job, LogLevel, Result, Timestamp};
use larder_serving::{
    JobIsRunning, JobLogLine, JobRunReport, JobServer, JobSummary, JobTrigger, MaterializeEvent, StartJob,
};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinSet;

use crate::FeatureStore;
use crate::job::history::{History, Line, RunLock};
use crate::job::{ComponentRun, JobObserver};

/// Starts runs of the jobs of a project, and knows what became of them.
#[derive(Debug)]
pub struct JobRunner {
    store: Arc<FeatureStore>,
    tasks: AsyncMutex<JoinSet<()>>,
    /// Its value becomes true when all runs are to end.
    stop: watch::Sender<bool>,
    /// The logs of what runs here now, by the id of the run.
    live: LiveLogs,
}

type LiveLogs = Arc<Mutex<Vec<(String, Arc<KeptLog>)>>>;

/// A run that has begun.
#[derive(Debug)]
pub struct StartedRun {
    /// Its name among the runs of the job.
    pub id: String,
    ended: watch::Receiver<Option<Result<(), String>>>,
}

impl StartedRun {
    /// Waits for the end of the run; why it failed, if it did.
    ///
    /// # Errors
    ///
    /// The messages of the failure.
    pub async fn ended(mut self) -> Result<(), String> {
        match self.ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Ok(())),
            Err(_gone) => Err("the run was broken off".to_owned()),
        }
    }
}

/// Keeps a log, and passes it on.
#[derive(Debug)]
struct KeptLog {
    lines: Mutex<Vec<JobLogLine>>,
    to: Option<Arc<dyn JobObserver>>,
}

impl KeptLog {
    fn lines(&self) -> Vec<JobLogLine> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl JobObserver for KeptLog {
    fn log(&self, level: LogLevel, line: &str) {
        // The runtime has bounded the log of the run.
        let kept = JobLogLine { level: level.name().to_owned(), line: line.to_owned() };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        if let Some(to) = &self.to {
            to.log(level, line);
        }
    }

    fn materializing(&self, event: MaterializeEvent) {
        if let Some(to) = &self.to {
            to.materializing(event);
        }
    }
}

impl JobRunner {
    /// A runner of the jobs of a store.
    pub fn new(store: Arc<FeatureStore>) -> Self {
        let (tasks, live) = (AsyncMutex::default(), Arc::default());
        Self { store, tasks, stop: watch::channel(false).0, live }
    }

    /// Starts a run of a registered job; `observer` is told of what it does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such job; [`JobIsRunning`] if it runs already, here or in another
    /// process; if the history cannot be written.
    pub async fn start_job(
        &self,
        name: &str,
        request: StartJob,
        observer: Option<Arc<dyn JobObserver>>,
    ) -> Result<StartedRun> {
        let job = self.job(name).await?;
        self.start_run(job, JobTrigger::Hand, request, observer).await
    }

    /// Ends all runs, and waits until they are remembered as ended.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    pub(crate) fn store(&self) -> &Arc<FeatureStore> {
        &self.store
    }

    pub(crate) fn history(&self, job: &str) -> History {
        let config = self.store.config();
        History::of(&config.registry.path, &config.project, job)
    }

    /// The jobs of the project, by name.
    pub(crate) async fn registered(&self) -> Result<Vec<Job>> {
        let (registry, project) = (Arc::clone(self.store.registry()), self.store.config().project.clone());
        larder_blocking::run(move || registry.jobs(&project)).await
    }

    async fn job(&self, name: &str) -> Result<Job> {
        let jobs = self.registered().await?;
        let known: Vec<String> = jobs.iter().map(|job| format!("`{}`", job.name)).collect();
        jobs.into_iter().find(|job| job.name == name).ok_or_else(|| {
            let project = &self.store.config().project;
            let there = if known.is_empty() {
                "define it under `jobs` and run `larder apply`".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            Error::new(
                ErrorKind::NotFound,
                format!("job `{name}` does not exist in project {project}; {there}"),
            )
        })
    }

    pub(crate) async fn start_run(
        &self,
        job: Job,
        trigger: JobTrigger,
        request: StartJob,
        observer: Option<Arc<dyn JobObserver>>,
    ) -> Result<StartedRun> {
        let history = self.history(&job.name);
        let now = self.store.clock().now();
        let time = request.time.unwrap_or(now);
        let id = format!("{:016x}", now.micros());
        let line = Line::Started { id: id.clone(), trigger, time: time.micros(), started: now.micros() };
        let (registry, begun) = (Arc::clone(self.store.registry()), history.clone());
        let digest = job.component;
        // The component first: a run that cannot begin is not remembered as one.
        let (component, lock) = larder_blocking::run(move || {
            let component = registry.load_component(digest)?;
            let lock = begun.try_lock()?;
            if lock.is_some() {
                begun.add(&line)?;
            }
            Ok((component, lock))
        })
        .await?;
        let Some(lock) = lock else {
            return Err(Error::new(ErrorKind::Invalid, JobIsRunning { job: job.name }));
        };
        let run = ComponentRun {
            name: job.name,
            component,
            arguments: request.arguments.unwrap_or(job.arguments),
            time: Some(time),
            allow: job.allow,
            limits: job.limits,
        };
        let log = Arc::new(KeptLog { lines: Mutex::default(), to: observer });
        let (sender, ended) = watch::channel(None);
        let work = Work { store: Arc::clone(&self.store), history, id: id.clone(), log, lock, ended: sender };
        self.live.lock().unwrap_or_else(PoisonError::into_inner).push((id.clone(), Arc::clone(&work.log)));
        let (live, stop) = (Arc::clone(&self.live), self.stop.subscribe());
        let mut tasks = self.tasks.lock().await;
        // Those that have ended are taken out, so that the set does not grow.
        while tasks.try_join_next().is_some() {}
        let running = id.clone();
        tasks.spawn(async move {
            work.run(run, stop).await;
            live.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != running);
        });
        Ok(StartedRun { id, ended })
    }

    /// The runs of a job with the logs of those that go on.
    async fn reports(&self, job: &str) -> Result<Vec<JobRunReport>> {
        let history = self.history(job);
        let mut runs = larder_blocking::run(move || history.runs()).await?;
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        for run in &mut runs {
            if let Some((_, log)) = live.iter().find(|(id, _)| *id == run.id)
                && run.ended.is_none()
            {
                run.log = log.lines();
            }
        }
        Ok(runs)
    }
}

/// One run, from after its beginning is remembered until its end is.
struct Work {
    store: Arc<FeatureStore>,
    history: History,
    id: String,
    log: Arc<KeptLog>,
    lock: RunLock,
    ended: watch::Sender<Option<Result<(), String>>>,
}

impl Work {
    async fn run(self, run: ComponentRun, mut stop: watch::Receiver<bool>) {
        let name = run.name.clone();
        let observer = Arc::clone(&self.log) as Arc<dyn JobObserver>;
        let result = tokio::select! {
            result = self.store.run_component(run, observer) => result.map_err(|error| error.chain()),
            _ = stop.wait_for(|stop| *stop) => Err(format!("job `{name}` was stopped with the process")),
        };
        let line = Line::Ended {
            id: self.id,
            ended: self.store.clock().now().micros(),
            error: result.clone().err(),
            log: self.log.lines(),
        };
        let (history, lock) = (self.history, self.lock);
        let remembered = larder_blocking::run(move || {
            let added = history.add(&line);
            drop(lock);
            added
        });
        if let Err(error) = remembered.await {
            tracing::error!(job = %name, error = error.chain(), "the end of a run cannot be remembered");
        }
        // Who watches a run sees how it ends.
        if self.log.to.is_none() {
            match &result {
                Ok(()) => tracing::info!(job = %name, "job succeeded"),
                Err(error) => tracing::warn!(job = %name, error, "job failed"),
            }
        }
        self.ended.send_replace(Some(result));
    }
}

#[async_trait]
impl JobServer for JobRunner {
    async fn jobs(&self) -> Result<Vec<JobSummary>> {
        let now = self.store.clock().now();
        let mut summaries = Vec::new();
        for job in self.registered().await? {
            let last_run = self.reports(&job.name).await?.into_iter().next();
            let next = job.schedule.as_ref().and_then(|schedule| schedule.next_after(now));
            summaries.push(JobSummary {
                name: job.name,
                description: job.description,
                schedule: job.schedule.map(|schedule| schedule.text().to_owned()),
                next_time: next.map(|next: Timestamp| next.to_string()),
                allow: job.allow.iter().map(|capability| capability.name().to_owned()).collect(),
                arguments: job.arguments,
                last_run: last_run.map(|run| JobRunReport { log: Vec::new(), ..run }),
            });
        }
        Ok(summaries)
    }

    async fn start(&self, job: &str, request: StartJob) -> Result<JobRunReport> {
        let started = self.start_job(job, request, None).await?;
        let runs = self.reports(job).await?;
        runs.into_iter()
            .find(|run| run.id == started.id)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a run that has begun is not remembered"))
    }

    async fn runs(&self, job: &str) -> Result<Vec<JobRunReport>> {
        self.job(job).await?;
        self.reports(job).await
    }
}
