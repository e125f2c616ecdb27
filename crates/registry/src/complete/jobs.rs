//! Jobs: their components are read and checked.

use std::sync::Arc;

use larder_core::{Job, JobRuntime};

use super::{Completion, ComponentFiles, problem_of};
use crate::definitions::{ParsedDefinitions, ParsedJob};

impl Completion {
    pub(super) async fn jobs(
        &mut self,
        parsed: &ParsedDefinitions,
        files: &ComponentFiles,
        runtime: &dyn JobRuntime,
    ) {
        for job in &parsed.jobs {
            if let Some(defined) = self.job(job, files, runtime).await {
                self.definitions.jobs.push(defined);
            }
        }
        self.definitions.jobs.sort_by(|a, b| a.name.cmp(&b.name));
    }

    async fn job(
        &mut self,
        parsed: &ParsedJob,
        files: &ComponentFiles,
        runtime: &dyn JobRuntime,
    ) -> Option<Job> {
        let bytes = self.component_bytes(&parsed.component, files)?;
        let inspected = match runtime.inspect_job(bytes).await {
            Ok(inspected) => inspected,
            Err(error) => {
                let what = format!("component `{}` cannot be used", parsed.component.value);
                self.report.problem(problem_of(&parsed.component.place, what, &error));
                return None;
            }
        };
        self.definitions.components.insert(inspected.digest, Arc::clone(&inspected.bytes));
        Some(Job {
            name: parsed.name.value.clone(),
            description: parsed.description.clone(),
            component: inspected.digest,
            arguments: parsed.arguments.clone(),
            allow: parsed.allow.clone(),
            schedule: parsed.schedule.clone(),
            limits: parsed.limits,
            tags: parsed.tags.clone(),
        })
    }
}
