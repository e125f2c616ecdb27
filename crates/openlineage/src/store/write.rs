//! What is known by now: single rows that are added, or changed by what is newer.

use larder_core::json::python_dumps;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use super::schema::PLACE;

/// Writes on behalf of one event.
#[derive(Debug)]
pub(super) struct Writer<'c> {
    pub(super) connection: &'c Connection,
    /// Milliseconds since the epoch.
    pub(super) now: i64,
}

/// The two ends of an edge, each by its type, namespace and name.
pub(super) type Edge<'a> = [(&'static str, &'a str, &'a str); 2];

/// What a dataset is to a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FeastObject {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) project: String,
}

/// So many datasets of one place are linked to a new one of it.
const MAX_LINKS: i64 = 1_000;

type Written = rusqlite::Result<()>;

impl Writer<'_> {
    fn execute(&self, statement: &str, parameters: impl rusqlite::Params) -> Written {
        self.connection.prepare_cached(statement)?.execute(parameters).map(|_rows| ())
    }

    pub(super) fn job(
        &self,
        namespace: &str,
        name: &str,
        facets: &Map<String, Value>,
        producer: Option<&str>,
    ) -> Written {
        let kind = text(facets, "feast_jobKind", "kind").filter(|kind| !kind.is_empty());
        let kind = kind.or_else(|| {
            let of_type = facets.get("jobType");
            let has = of_type.is_some_and(|of_type| of_type.get("processingType").is_some());
            text(facets, "jobType", if has { "processingType" } else { "integration" })
        });
        let description = text(facets, "documentation", "description");
        self.execute(
            "INSERT INTO openlineage_jobs
                (job_namespace, job_name, job_type, producer, description, facets_json, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (job_namespace, job_name) DO UPDATE SET
                job_type = coalesce(nullif(excluded.job_type, ''), job_type),
                producer = coalesce(nullif(excluded.producer, ''), producer),
                description = coalesce(nullif(excluded.description, ''), description),
                facets_json = coalesce(excluded.facets_json, facets_json),
                updated_at = excluded.updated_at",
            params![namespace, name, kind, producer, description, dumped(facets), self.now],
        )
    }

    /// A dataset that is told of without facets keeps those it has.
    pub(super) fn dataset(
        &self,
        namespace: &str,
        name: &str,
        facets: &Map<String, Value>,
        object: Option<&FeastObject>,
        producer: Option<&str>,
    ) -> Written {
        let owners = owners(facets);
        let (owner, owner_type) = match owners.first() {
            Some((owner, kind)) if !owner.is_empty() => (Some(*owner), *kind),
            _ => (None, None),
        };
        let lifecycle = text(facets, "lifecycleStateChange", "lifecycleStateChange");
        self.execute(
            "INSERT INTO openlineage_datasets
                (dataset_namespace, dataset_name, source_type, producer, description, schema_json, facets_json,
                 feast_object_type, feast_object_name, feast_project, owner_name, owner_type, lifecycle_state,
                 updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (dataset_namespace, dataset_name) DO UPDATE SET
                source_type = coalesce(excluded.source_type, source_type),
                producer = coalesce(excluded.producer, producer),
                description = coalesce(excluded.description, description),
                schema_json = coalesce(excluded.schema_json, schema_json),
                facets_json = coalesce(excluded.facets_json, facets_json),
                feast_object_type = coalesce(excluded.feast_object_type, feast_object_type),
                feast_object_name = coalesce(excluded.feast_object_name, feast_object_name),
                feast_project = coalesce(excluded.feast_project, feast_project),
                owner_type = CASE WHEN excluded.owner_name IS NULL THEN owner_type ELSE excluded.owner_type END,
                owner_name = coalesce(excluded.owner_name, owner_name),
                lifecycle_state = coalesce(excluded.lifecycle_state, lifecycle_state),
                updated_at = excluded.updated_at",
            params![
                namespace,
                name,
                text(facets, "dataSource", "name"),
                producer.filter(|producer| !producer.is_empty()),
                text(facets, "documentation", "description"),
                facets.get("schema").map(python_dumps),
                dumped(facets),
                object.map(|object| object.kind),
                object.map(|object| object.name.as_str()),
                object.map(|object| object.project.as_str()).filter(|project| !project.is_empty()),
                owner,
                owner_type,
                lifecycle.filter(|state| !state.is_empty()),
                self.now,
            ],
        )?;
        for (owner, kind) in owners.iter().filter(|(owner, _)| !owner.is_empty()) {
            self.execute(
                "INSERT INTO openlineage_dataset_ownership
                    (dataset_namespace, dataset_name, owner_name, owner_type, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (dataset_namespace, dataset_name, owner_name) DO UPDATE SET
                    owner_type = excluded.owner_type, updated_at = excluded.updated_at",
                params![namespace, name, owner, kind.unwrap_or_default(), self.now],
            )?;
        }
        Ok(())
    }

    /// The run of a job, which then is the job's latest.
    pub(super) fn run(
        &self,
        run_id: &str,
        (job_namespace, job_name): (&str, &str),
        state: &str,
        facets: &Map<String, Value>,
        (parent, root): (Option<&str>, Option<&str>),
    ) -> Written {
        let started = (state == "START").then_some(self.now);
        let ended = matches!(state, "COMPLETE" | "FAIL" | "ABORT").then_some(self.now);
        self.execute(
            "INSERT INTO openlineage_runs
                (run_id, job_namespace, job_name, state, started_at, ended_at, facets_json, parent_run_id, root_run_id,
                 updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (run_id) DO UPDATE SET
                state = excluded.state,
                ended_at = coalesce(excluded.ended_at, ended_at),
                facets_json = coalesce(excluded.facets_json, facets_json),
                parent_run_id = coalesce(nullif(excluded.parent_run_id, ''), parent_run_id),
                root_run_id = coalesce(nullif(excluded.root_run_id, ''), root_run_id),
                updated_at = excluded.updated_at",
            params![run_id, job_namespace, job_name, state, started, ended, dumped(facets), parent, root, self.now],
        )?;
        self.execute(
            "UPDATE openlineage_jobs SET latest_run_id = ?3, updated_at = ?4
             WHERE job_namespace = ?1 AND job_name = ?2",
            params![job_namespace, job_name, run_id, self.now],
        )
    }

    /// What a run reads or writes; what it has said first of a dataset stays.
    pub(super) fn run_io(
        &self,
        run_id: &str,
        (namespace, name): (&str, &str),
        io_type: &str,
        facets: &Map<String, Value>,
    ) -> Written {
        self.execute(
            "INSERT INTO openlineage_run_io (run_id, dataset_namespace, dataset_name, io_type, facets_json)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![run_id, namespace, name, io_type, dumped(facets)],
        )
    }

    pub(super) fn edge(&self, [source, target]: Edge<'_>, edge_type: &str) -> Written {
        self.execute(
            "INSERT INTO openlineage_lineage_edges
                (source_type, source_namespace, source_name, target_type, target_namespace, target_name, edge_type,
                 updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (source_type, source_namespace, source_name, target_type, target_namespace, target_name)
             DO UPDATE SET edge_type = excluded.edge_type, updated_at = excluded.updated_at",
            params![source.0, source.1, source.2, target.0, target.1, target.2, edge_type, self.now],
        )
    }

    pub(super) fn symlink(&self, dataset: (&str, &str), linked: (&str, &str), link_type: &str) -> Written {
        self.execute(
            "INSERT INTO openlineage_dataset_symlinks
                (dataset_namespace, dataset_name, linked_namespace, linked_name, link_type, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (dataset_namespace, dataset_name, linked_namespace, linked_name) DO UPDATE SET
                link_type = excluded.link_type, updated_at = excluded.updated_at",
            params![dataset.0, dataset.1, linked.0, linked.1, link_type, self.now],
        )
    }

    /// Datasets that are kept in a place, by namespace and name.
    pub(super) fn datasets_at(&self, place: &str) -> rusqlite::Result<Vec<(String, String)>> {
        let statement = format!(
            "SELECT dataset_namespace, dataset_name FROM openlineage_datasets WHERE {PLACE} = ?1 LIMIT {MAX_LINKS}"
        );
        let mut statement = self.connection.prepare_cached(&statement)?;
        statement.query_map([place], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// A dataset as a run has left it.
    pub(super) fn version(
        &self,
        namespace: &str,
        name: &str,
        run_id: &str,
        facets: &Map<String, Value>,
    ) -> Written {
        let schema = facets.get("schema").filter(|schema| !is_empty(schema)).map(python_dumps);
        self.execute(
            "INSERT INTO openlineage_dataset_versions
                (dataset_namespace, dataset_name, version, created_by_run_id, schema_json, facets_json, created_at)
             SELECT ?1, ?2, coalesce(max(version), 0) + 1, ?3, ?4, ?5, ?6 FROM openlineage_dataset_versions
             WHERE dataset_namespace = ?1 AND dataset_name = ?2",
            params![namespace, name, run_id, schema, dumped(facets), self.now],
        )?;
        self.execute(
            "UPDATE openlineage_datasets SET updated_at = ?3, current_version = (
                SELECT max(version) FROM openlineage_dataset_versions WHERE dataset_namespace = ?1 AND dataset_name = ?2)
             WHERE dataset_namespace = ?1 AND dataset_name = ?2",
            params![namespace, name, self.now],
        )
    }

    /// A column of a dataset that is made of a column of another.
    pub(super) fn column(
        &self,
        dataset: (&str, &str, &str),
        input: (&str, &str, &str),
        transformations: Option<&Vec<Value>>,
        run_id: &str,
    ) -> Written {
        let transformations = transformations.filter(|list| !list.is_empty());
        let first = transformations.and_then(|list| list.first());
        let part = |key: &str| first.and_then(|first| first.get(key)).and_then(Value::as_str);
        let all = transformations.map(|list| python_dumps(&Value::Array(list.clone())));
        self.execute(
            "INSERT INTO openlineage_column_lineage
                (dataset_namespace, dataset_name, output_field, input_namespace, input_name, input_field,
                 transformation_type, transformation_description, transformations_json, run_id, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (dataset_namespace, dataset_name, output_field, input_namespace, input_name, input_field)
             DO UPDATE SET
                transformation_type = excluded.transformation_type,
                transformation_description = excluded.transformation_description,
                transformations_json = excluded.transformations_json,
                run_id = excluded.run_id,
                updated_at = excluded.updated_at",
            params![
                dataset.0,
                dataset.1,
                dataset.2,
                input.0,
                input.1,
                input.2,
                part("type"),
                part("description"),
                all,
                run_id,
                self.now
            ],
        )
    }
}

/// The text of a facet's field.
pub(super) fn text<'a>(facets: &'a Map<String, Value>, facet: &str, field: &str) -> Option<&'a str> {
    facets.get(facet)?.get(field)?.as_str()
}

fn owners(facets: &Map<String, Value>) -> Vec<(&str, Option<&str>)> {
    let owners = facets.get("ownership").and_then(|facet| facet.get("owners")).and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .map(|owner| {
            let text = |key: &str| owner.get(key).and_then(Value::as_str);
            (text("name").unwrap_or_default(), text("type"))
        })
        .collect()
}

/// Facets as Python writes them; nothing where there are none.
fn dumped(facets: &Map<String, Value>) -> Option<String> {
    (!facets.is_empty()).then(|| python_dumps(&Value::Object(facets.clone())))
}

/// Whether Python takes a value for nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) => false,
    }
}
