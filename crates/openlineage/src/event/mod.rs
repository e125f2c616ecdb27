//! Making events: what a project says of itself, in the shape in which Feast says it.
//!
//! | event | job | from | to |
//! |---|---|---|---|
//! | definitions of views | `feast_feature_views_{project}` | data sources, entities | views |
//! | definition of a feature service | `feature_service_{name}` | its views | the service |
//! | a saved dataset | `saved_dataset_{name}` | its service, views and sources | the dataset |
//! | a materialization, when it starts, and ends | `materialize_{project}` | views, their sources and entities | `online_store_{view}` |
//!
//! Every dataset is in the namespace of the project, and is called as what it stands for.

mod dataset;
mod definitions;
mod facet;
mod materialization;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use larder_core::{Clock, Result, unique_id};
use serde_json::{Map, Value, json};

pub use self::materialization::MaterializationRun;
use crate::namespace::namespace_of_project;

/// Who says what feeds what: one project.
#[derive(Clone, Debug)]
pub struct LineageAuthor {
    project: String,
    namespace: String,
    producer: String,
    clock: Arc<dyn Clock>,
}

/// What a job is to a project: Feast's two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JobKind {
    /// It stands for how objects are defined.
    Definition,
    /// It moves data.
    Transform,
}

/// One event about a run, in the making.
#[derive(Debug)]
struct RunEvent<'a> {
    state: &'static str,
    run_id: &'a str,
    job: String,
    kind: JobKind,
    run_facets: Map<String, Value>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

impl LineageAuthor {
    /// The author of a project's events, where `namespace` and `producer` are as configured.
    pub fn new(project: &str, namespace: &str, producer: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            project: project.to_owned(),
            namespace: namespace_of_project(namespace, project),
            producer: producer.to_owned(),
            clock,
        }
    }

    /// The namespace of everything that it tells of.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// An event that stands alone: a definition.
    fn definition(&self, job: String, inputs: Vec<Value>, outputs: Vec<Value>) -> Result<Value> {
        let run_id = unique_id::uuid()?;
        Ok(self.run_event(RunEvent {
            state: "COMPLETE",
            run_id: &run_id,
            job,
            kind: JobKind::Definition,
            run_facets: Map::new(),
            inputs,
            outputs,
        }))
    }

    fn run_event(&self, event: RunEvent<'_>) -> Value {
        let mut job_facets = Map::new();
        let kind = match event.kind {
            JobKind::Definition => "definition",
            JobKind::Transform => "transform",
        };
        job_facets.insert("feast_jobKind".to_owned(), self.job_kind(kind));
        if event.kind == JobKind::Definition {
            job_facets.insert("feast_project".to_owned(), self.project_facet());
        }
        let mut run_facets = event.run_facets;
        run_facets.insert("tags".to_owned(), self.client_tags());
        sorted(json!({
            "eventTime": self.clock.now().to_isoformat(),
            "eventType": event.state,
            "inputs": event.inputs,
            "job": { "facets": job_facets, "name": event.job, "namespace": self.namespace },
            "outputs": event.outputs,
            "producer": self.producer,
            "run": { "facets": run_facets, "runId": event.run_id },
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }))
    }
}

/// With the keys of every object in order, as OpenLineage's client writes events.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut fields: Vec<(String, Value)> = object.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(fields.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        scalar => scalar,
    }
}
