//! When a server runs the jobs that have a schedule.
//!
//! The rules, looked at every second by the store's clock:
//! - of the times at which a job was due since the last look, also while no server ran, only the last is run; the
//!   others are reported as missed, in one entry, and not run in a burst;
//! - a job that still runs when it is due again misses that time;
//! - a job that is new, or has a new schedule, is due from then on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Job, Result, Schedule, Timestamp};
use larder_serving::{JobIsRunning, JobTrigger, StartJob};
use tracing::warn;

use crate::job::JobRunner;
use crate::job::history::{History, Line};

/// Runs jobs by their schedules.
#[derive(Debug)]
pub struct Scheduler {
    runner: Arc<JobRunner>,
    /// For each job its schedule, and the time up to which it has been looked at.
    seen: HashMap<String, (Schedule, Timestamp)>,
}

/// Times that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    first: Timestamp,
    /// The last but one.
    before: Option<Timestamp>,
    last: Timestamp,
    count: u64,
}

impl Scheduler {
    /// A scheduler of the jobs of a runner. Nothing happens without [`look`](Self::look).
    pub fn new(runner: Arc<JobRunner>) -> Self {
        Self { runner, seen: HashMap::new() }
    }

    /// Looks every second until the future is dropped.
    pub async fn run(mut self) {
        const EVERY: Duration = Duration::from_secs(1);
        loop {
            if let Err(error) = self.look().await {
                warn!(error = error.chain(), "the schedules of jobs cannot be looked at");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Starts every job that is due now, and reports what was missed. Does not wait for the runs.
    ///
    /// # Errors
    ///
    /// If the jobs cannot be read. What concerns one job alone is logged, and does not keep others waiting.
    pub async fn look(&mut self) -> Result<()> {
        let now = self.runner.store().clock().now();
        let jobs = self.runner.registered().await?;
        self.seen.retain(|name, _| jobs.iter().any(|job| job.name == *name && job.schedule.is_some()));
        for job in jobs {
            let name = job.name.clone();
            if let Err(error) = self.look_at(job, now).await {
                warn!(job = %name, error = error.chain(), "the job cannot be run by its schedule");
            }
        }
        Ok(())
    }

    async fn look_at(&mut self, job: Job, now: Timestamp) -> Result<()> {
        let Some(schedule) = job.schedule.clone() else { return Ok(()) };
        let history = self.runner.history(&job.name);
        let since = match self.seen.get(&job.name) {
            Some((known, since)) if *known == schedule => *since,
            _ => {
                let (history, schedule) = (history.clone(), schedule.clone());
                larder_blocking::run(move || seen_since(&history, &schedule, now)).await?
            }
        };
        let due = {
            let schedule = schedule.clone();
            larder_blocking::run(move || Ok(due(&schedule, since, now))).await?
        };
        // Before the run: one that fails to start is not tried again every second.
        let seen = due.map_or(since, |due| due.last);
        self.seen.insert(job.name.clone(), (schedule, seen));
        let Some(due) = due else { return Ok(()) };
        if let Some(before) = due.before {
            let reason = "no server ran, or none looked";
            missed(&history, due.count - 1, due.first, before, reason, now).await?;
        }
        let request = StartJob { arguments: None, time: Some(due.last) };
        match self.runner.start_run(job, JobTrigger::Schedule, request, None).await {
            Ok(_started) => Ok(()),
            Err(error) if error.downcast_ref::<JobIsRunning>().is_some() => {
                missed(&history, 1, due.last, due.last, "the run before was still going", now).await
            }
            Err(error) => {
                let reason = format!("it could not be started: {}", error.chain());
                missed(&history, 1, due.last, due.last, &reason, now).await?;
                Err(error)
            }
        }
    }
}

/// Up to when the schedule has been looked at, by what is remembered; from now on, if it is new.
fn seen_since(history: &History, schedule: &Schedule, now: Timestamp) -> Result<Timestamp> {
    let (mut known, mut since) = (None, None);
    for line in history.lines()? {
        match line {
            Line::Scheduled { schedule, since: from } => (known, since) = (Some(schedule), Some(from)),
            Line::Started { trigger: JobTrigger::Schedule, time, .. } => since = since.max(Some(time)),
            Line::Missed { last, .. } => since = since.max(Some(last)),
            Line::Started { .. } | Line::Ended { .. } => {}
        }
    }
    if let (Some(since), true) = (since, known.as_deref() == Some(schedule.text())) {
        return Ok(Timestamp::from_micros(since));
    }
    history.add(&Line::Scheduled { schedule: schedule.text().to_owned(), since: now.micros() })?;
    Ok(now)
}

/// The due times after `since` up to `now`.
fn due(schedule: &Schedule, since: Timestamp, now: Timestamp) -> Option<Due> {
    let mut due: Option<Due> = None;
    let mut at = since;
    while let Some(next) = schedule.next_after(at).filter(|next| *next <= now) {
        due = Some(match due {
            None => Due { first: next, before: None, last: next, count: 1 },
            Some(due) => Due { before: Some(due.last), last: next, count: due.count + 1, ..due },
        });
        at = next;
    }
    due
}

async fn missed(
    history: &History,
    count: u64,
    first: Timestamp,
    last: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<()> {
    warn!(count, %first, %last, reason, "a job was due and did not run");
    let line = Line::Missed {
        count,
        first: first.micros(),
        last: last.micros(),
        reason: reason.to_owned(),
        recorded: now.micros(),
    };
    let history = history.clone();
    larder_blocking::run(move || history.add(&line)).await
}
