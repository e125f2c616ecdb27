//! Running a job.

use std::sync::Arc;

use larder_core::{Capabilities, JobLimits, JobRun, Result, Timestamp};

use crate::FeatureStore;
use crate::job::JobObserver;
use crate::job::host::StoreHost;

/// One run of a component.
#[derive(Clone, Debug)]
pub struct ComponentRun {
    /// What the run is called in errors.
    pub name: String,
    /// A component of a job, or a core module that can be made into one.
    pub component: Arc<[u8]>,
    /// What it is told.
    pub arguments: Vec<String>,
    /// The time that the run is for; now, without one.
    pub time: Option<Timestamp>,
    /// What it may do.
    pub allow: Capabilities,
    /// What it may use up.
    pub limits: JobLimits,
}

impl FeatureStore {
    /// Runs a job to its end. Everything it asks for is done by the verbs of this store; `observer` is told of
    /// its log and of the progress of materializations.
    ///
    /// # Errors
    ///
    /// If the component is none, or the run fails: [`larder_udf::JobError`] names the job and says how. What has
    /// been acknowledged to the job until then stays.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the job within some milliseconds.
    pub async fn run_component(
        self: &Arc<Self>,
        run: ComponentRun,
        observer: Arc<dyn JobObserver>,
    ) -> Result<()> {
        let component = self.job_runtime().inspect_job(run.component).await?.bytes;
        let host = StoreHost::new(Arc::clone(self), observer);
        let run = JobRun {
            job: run.name,
            component,
            arguments: run.arguments,
            time: run.time.unwrap_or_else(|| self.clock().now()),
            allow: run.allow,
            limits: run.limits,
        };
        self.job_runtime().run_job(run, Arc::new(host)).await
    }
}
