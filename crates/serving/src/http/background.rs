//! Work that goes on after its request has been answered or given up: its owner, which ends it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

/// Owns the tasks of a server until they are done.
#[derive(Debug, Default)]
pub struct BackgroundTasks {
    tasks: Mutex<JoinSet<()>>,
}

impl BackgroundTasks {
    /// Starts a task that outlives its request, but not the server.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else takes note of those that are done.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task)
    }

    /// Waits for all tasks until `deadline`, and then ends them.
    pub async fn finish(&self, deadline: Instant) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let finished = timeout_at(deadline, async { while tasks.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            tracing::warn!(tasks = tasks.len(), "stopping work that did not finish in time");
            tasks.shutdown().await;
        }
    }
}

/// The views that are being materialized now, with how often.
#[derive(Debug, Default)]
pub(crate) struct ViewsInProgress {
    counts: Mutex<HashMap<String, usize>>,
}

/// Keeps views marked as in progress until it is dropped.
#[derive(Debug)]
pub(crate) struct InProgress {
    owner: Arc<ViewsInProgress>,
    views: Vec<String>,
}

impl ViewsInProgress {
    /// Marks views as in progress, whether they are already or not.
    pub(crate) fn begin(self: &Arc<Self>, views: Vec<String>) -> InProgress {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        self.mark(&mut counts, views)
    }

    /// Marks views as in progress if none of them is.
    ///
    /// # Errors
    ///
    /// Those of them that are; then none is marked.
    pub(crate) fn begin_alone(self: &Arc<Self>, views: Vec<String>) -> Result<InProgress, Vec<String>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let busy: Vec<String> = views.iter().filter(|view| counts.contains_key(*view)).cloned().collect();
        if busy.is_empty() { Ok(self.mark(&mut counts, views)) } else { Err(busy) }
    }

    fn mark(self: &Arc<Self>, counts: &mut HashMap<String, usize>, views: Vec<String>) -> InProgress {
        for view in &views {
            *counts.entry(view.clone()).or_default() += 1;
        }
        InProgress { owner: Arc::clone(self), views }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let mut counts = self.owner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for view in &self.views {
            if let Some(count) = counts.get_mut(view) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(view);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_in_progress_until_the_last_of_its_runs_ends() {
        let views = Arc::new(ViewsInProgress::default());
        let first = views.begin_alone(vec!["a".into(), "b".into()]).unwrap();
        assert_eq!(views.begin_alone(vec!["b".into(), "c".into()]).unwrap_err(), ["b"]);
        let second = views.begin(vec!["b".into()]);
        drop(first);
        assert!(views.begin_alone(vec!["b".into()]).is_err());
        assert!(views.begin_alone(vec!["a".into()]).is_ok());
        drop(second);
        assert!(views.begin_alone(vec!["b".into()]).is_ok());
    }
}
