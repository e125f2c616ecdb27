//! What an event adds to what is known.

use std::collections::BTreeMap;

use larder_core::json::python_dumps;
use larder_core::unique_id;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use super::connections::TransactionError;
use super::received::{About, InputsAndOutputs, Named, Received};
use super::write::{FeastObject, Writer, text};
use crate::namespace::project_of_namespace;
use crate::{EventFault, LineageError};

/// So many edges may come with one request. An event has one for each pair of its inputs and outputs, so that a small
/// one could keep the store busy for hours.
const MAX_EDGES: usize = 100_000;

/// The edges that a request may still add.
#[derive(Debug)]
pub(super) struct EdgeBudget(usize);

impl Default for EdgeBudget {
    fn default() -> Self {
        Self(MAX_EDGES)
    }
}

impl EdgeBudget {
    fn take(&mut self, edges: usize) -> Result<(), LineageError> {
        self.0 = self.0.checked_sub(edges).ok_or(EventFault::TooManyEdges { limit: MAX_EDGES })?;
        Ok(())
    }
}

type Ingested<T = ()> = Result<T, TransactionError>;

/// Writes an event and what it says; returns its id.
pub(super) fn ingest(
    connection: &Connection,
    event: &Received,
    now: i64,
    mapping: &BTreeMap<String, String>,
    budget: &mut EdgeBudget,
) -> Ingested<String> {
    let id = unique_id::uuid().map_err(LineageError::NoId)?;
    let ingest = Ingest { writer: Writer { connection, now }, mapping, producer: event.producer.as_deref() };
    ingest.event(&id, event)?;
    match &event.about {
        About::Run { run_id, state, facets, job, io } => {
            budget.take(edges(io))?;
            ingest.writer.job(&job.namespace, &job.name, &job.facets, ingest.producer)?;
            ingest.run(run_id, state, facets, job)?;
            ingest.io(job, io, Some((run_id, state)), budget)?;
            for input in io.inputs.iter().filter(|input| !input.name.is_empty()) {
                for output in io.outputs.iter().filter(|output| !output.name.is_empty()) {
                    ingest.writer.edge([input.end(), output.end()], "derived")?;
                }
            }
        }
        About::Job { job, io } => {
            budget.take(io.inputs.len() + io.outputs.len())?;
            ingest.writer.job(&job.namespace, &job.name, &job.facets, ingest.producer)?;
            ingest.io(job, io, None, budget)?;
        }
        About::Dataset(dataset) => ingest.dataset(dataset, budget)?,
        About::Other => {}
    }
    Ok(id)
}

/// How many edges the inputs and outputs of a run make.
fn edges(io: &InputsAndOutputs) -> usize {
    let (inputs, outputs) = (io.inputs.len(), io.outputs.len());
    inputs.saturating_mul(outputs).saturating_add(inputs).saturating_add(outputs)
}

/// One event on its way into the tables.
struct Ingest<'a> {
    writer: Writer<'a>,
    mapping: &'a BTreeMap<String, String>,
    producer: Option<&'a str>,
}

impl Named {
    /// The dataset as an end of an edge.
    fn end(&self) -> (&'static str, &str, &str) {
        ("dataset", &self.namespace, &self.name)
    }

    fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }
}

impl Ingest<'_> {
    fn event(&self, id: &str, event: &Received) -> Ingested {
        let Writer { connection, now } = &self.writer;
        let mut statement = connection.prepare_cached(
            "INSERT INTO openlineage_events
                (event_id, event_type, event_time, producer, job_namespace, job_name, run_id, event_json, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let time = event.time.map_or(*now, |time| time.micros().div_euclid(1_000));
        let (namespace, name) = &event.listed;
        let (kind, json) = (&event.event_type, python_dumps(&event.raw));
        statement.execute(params![
            id,
            kind,
            time,
            event.producer,
            namespace,
            name,
            event.run_id,
            json,
            now
        ])?;
        Ok(())
    }

    fn run(&self, run_id: &str, state: &str, facets: &Map<String, Value>, job: &Named) -> Ingested {
        // Both names are in use.
        let parent = [facets.get("parent"), facets.get("parentRun")];
        let parent =
            parent.into_iter().flatten().find_map(Value::as_object).filter(|parent| !parent.is_empty());
        let part = |path: &[&str]| {
            let mut value = parent?.get(*path.first()?)?;
            for key in path.iter().skip(1) {
                value = value.get(key)?;
            }
            value.as_str().filter(|text| !text.is_empty())
        };
        let parent_run = part(&["run", "runId"]);
        let root_run = part(&["root", "run", "runId"]).or(parent_run);
        self.writer.run(run_id, (&job.namespace, &job.name), state, facets, (parent_run, root_run))?;
        if let (Some(namespace), Some(name)) = (part(&["job", "namespace"]), part(&["job", "name"]))
            && !job.is(namespace, name)
        {
            let ends = [("job", namespace, name), ("job", job.namespace.as_str(), job.name.as_str())];
            self.writer.edge(ends, "parent")?;
        }
        Ok(())
    }

    /// What a job reads and writes, in a run of it or as it is defined.
    fn io(
        &self,
        job: &Named,
        io: &InputsAndOutputs,
        run: Option<(&str, &str)>,
        budget: &mut EdgeBudget,
    ) -> Ingested {
        let job_end = ("job", job.namespace.as_str(), job.name.as_str());
        let inputs = io.inputs.iter().map(|dataset| (dataset, "INPUT"));
        let outputs = io.outputs.iter().map(|dataset| (dataset, "OUTPUT"));
        for (dataset, io_type) in inputs.chain(outputs) {
            self.dataset(dataset, budget)?;
            if let Some((run_id, _)) = run {
                let name = (dataset.namespace.as_str(), dataset.name.as_str());
                self.writer.run_io(run_id, name, io_type, &dataset.facets)?;
                self.columns(dataset, run_id)?;
            }
            if io_type == "INPUT" {
                self.writer.edge([dataset.end(), job_end], "input")?;
                continue;
            }
            self.writer.edge([job_end, dataset.end()], "output")?;
            if let Some((run_id, "COMPLETE")) = run.filter(|(run_id, _)| !run_id.is_empty()) {
                self.writer.version(&dataset.namespace, &dataset.name, run_id, &dataset.facets)?;
            }
        }
        Ok(())
    }

    fn dataset(&self, dataset: &Named, budget: &mut EdgeBudget) -> Ingested {
        let Named { namespace, name, facets } = dataset;
        let object = feast_object(dataset, self.mapping);
        self.writer.dataset(namespace, name, facets, object.as_ref(), self.producer)?;
        let identifiers = facets.get("symlinks").and_then(|facet| facet.get("identifiers"));
        for identifier in identifiers.and_then(Value::as_array).into_iter().flatten() {
            let part = |key: &str| identifier.get(key).and_then(Value::as_str);
            let (linked_namespace, linked_name) =
                (part("namespace").unwrap_or_default(), part("name").unwrap_or_default());
            if linked_namespace.is_empty()
                || linked_name.is_empty()
                || dataset.is(linked_namespace, linked_name)
            {
                continue;
            }
            self.link(dataset, (linked_namespace, linked_name), part("type").unwrap_or("symlink"), budget)?;
            self.writer.dataset(linked_namespace, linked_name, &Map::new(), None, None)?;
        }
        // Names of one place belong together, whoever gave them.
        if let Some(place) = text(facets, "dataSource", "uri").filter(|place| !place.is_empty()) {
            for (other_namespace, other_name) in self.writer.datasets_at(place)? {
                if !dataset.is(&other_namespace, &other_name) {
                    self.link(dataset, (&other_namespace, &other_name), "dataSource_uri", budget)?;
                }
            }
        }
        Ok(())
    }

    /// Ties two names of one dataset to each other.
    fn link(
        &self,
        dataset: &Named,
        linked: (&str, &str),
        link_type: &str,
        budget: &mut EdgeBudget,
    ) -> Ingested {
        budget.take(2)?;
        self.writer.symlink((&dataset.namespace, &dataset.name), linked, link_type)?;
        let other = ("dataset", linked.0, linked.1);
        self.writer.edge([dataset.end(), other], "symlink")?;
        self.writer.edge([other, dataset.end()], "symlink")?;
        Ok(())
    }

    /// Which columns of a dataset are made of which.
    fn columns(&self, dataset: &Named, run_id: &str) -> Ingested {
        let fields = dataset.facets.get("columnLineage").and_then(|facet| facet.get("fields"));
        for (output, made) in fields.and_then(Value::as_object).into_iter().flatten() {
            for input in made.get("inputFields").and_then(Value::as_array).into_iter().flatten() {
                let part = |key: &str| input.get(key).and_then(Value::as_str);
                let (name, field) = (part("name").unwrap_or_default(), part("field").unwrap_or_default());
                if name.is_empty() || field.is_empty() {
                    continue;
                }
                let namespace = part("namespace").unwrap_or(&dataset.namespace);
                let transformations = input.get("transformations").and_then(Value::as_array);
                let column = (dataset.namespace.as_str(), dataset.name.as_str(), output.as_str());
                self.writer.column(column, (namespace, name, field), transformations, run_id)?;
            }
        }
        Ok(())
    }
}

/// The facets that tell what a dataset is to a project, the first that is there counts.
const OBJECT_FACETS: [(&str, &str); 6] = [
    ("feast_onlineStore", "onlineStore"),
    ("feast_featureView", "featureView"),
    ("feast_featureService", "featureService"),
    ("feast_entity", "entity"),
    ("feast_dataSource", "dataSource"),
    ("feast_savedDataset", "savedDataset"),
];

/// What a dataset is to a project, by its facets, or by its name; `None` if that is not known.
fn feast_object(dataset: &Named, mapping: &BTreeMap<String, String>) -> Option<FeastObject> {
    let Named { namespace, name, facets } = dataset;
    let object = |kind, name: &str| {
        Some(FeastObject { kind, name: name.to_owned(), project: project_of_namespace(namespace, mapping) })
    };
    if let Some((facet, kind)) = OBJECT_FACETS.iter().find(|(facet, _)| facets.contains_key(*facet)) {
        let part = |field| text(facets, facet, field).filter(|text| !text.is_empty());
        return object(*kind, part("name").or_else(|| part("feature_view")).unwrap_or(name));
    }
    match name.strip_prefix("online_store_") {
        Some(view) => object("onlineStore", view),
        None if name.starts_with("request_source_") => object("dataSource", name),
        None => None,
    }
}
