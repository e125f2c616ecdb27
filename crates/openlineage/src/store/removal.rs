//! What goes: by age, by namespace, or with the object that it stands for.

use rusqlite::{Connection, params};
use serde_json::{Map, Value};

type Removed = rusqlite::Result<()>;

const TABLES: [&str; 10] = [
    "column_lineage",
    "dataset_ownership",
    "dataset_versions",
    "run_io",
    "runs",
    "lineage_edges",
    "dataset_symlinks",
    "events",
    "datasets",
    "jobs",
];

/// Removes everything.
pub(super) fn all(connection: &Connection) -> Removed {
    TABLES.iter().try_for_each(|table| {
        connection.execute(&format!("DELETE FROM openlineage_{table}"), []).map(|_rows| ())
    })
}

/// Removes what belongs to a namespace: also edges that lead out of it.
pub(super) fn namespace(connection: &Connection, namespace: &str) -> Removed {
    for statement in [
        "DELETE FROM openlineage_run_io
         WHERE run_id IN (SELECT run_id FROM openlineage_runs WHERE job_namespace = ?1)",
        "DELETE FROM openlineage_runs WHERE job_namespace = ?1",
        "DELETE FROM openlineage_events WHERE job_namespace = ?1",
        "DELETE FROM openlineage_lineage_edges WHERE source_namespace = ?1 OR target_namespace = ?1",
        "DELETE FROM openlineage_dataset_symlinks WHERE dataset_namespace = ?1 OR linked_namespace = ?1",
        "DELETE FROM openlineage_dataset_versions WHERE dataset_namespace = ?1",
        "DELETE FROM openlineage_column_lineage WHERE dataset_namespace = ?1 OR input_namespace = ?1",
        "DELETE FROM openlineage_dataset_ownership WHERE dataset_namespace = ?1",
        "DELETE FROM openlineage_datasets WHERE dataset_namespace = ?1",
        "DELETE FROM openlineage_jobs WHERE job_namespace = ?1",
    ] {
        connection.execute(statement, [namespace])?;
    }
    Ok(())
}

/// Removes a dataset with its edges; the events in which it was told of stay.
pub(super) fn dataset(connection: &Connection, namespace: &str, name: &str) -> Removed {
    for statement in [
        "DELETE FROM openlineage_lineage_edges
         WHERE (source_type = 'dataset' AND source_namespace = ?1 AND source_name = ?2)
            OR (target_type = 'dataset' AND target_namespace = ?1 AND target_name = ?2)",
        "DELETE FROM openlineage_dataset_symlinks
         WHERE (dataset_namespace = ?1 AND dataset_name = ?2) OR (linked_namespace = ?1 AND linked_name = ?2)",
        "DELETE FROM openlineage_run_io WHERE dataset_namespace = ?1 AND dataset_name = ?2",
        "DELETE FROM openlineage_dataset_versions WHERE dataset_namespace = ?1 AND dataset_name = ?2",
        "DELETE FROM openlineage_column_lineage
         WHERE (dataset_namespace = ?1 AND dataset_name = ?2) OR (input_namespace = ?1 AND input_name = ?2)",
        "DELETE FROM openlineage_dataset_ownership WHERE dataset_namespace = ?1 AND dataset_name = ?2",
        "DELETE FROM openlineage_datasets WHERE dataset_namespace = ?1 AND dataset_name = ?2",
    ] {
        connection.execute(statement, [namespace, name])?;
    }
    Ok(())
}

/// Removes a job with its runs, its events and its edges.
pub(super) fn job(connection: &Connection, namespace: &str, name: &str) -> Removed {
    for statement in [
        "DELETE FROM openlineage_run_io WHERE run_id IN (
            SELECT run_id FROM openlineage_runs WHERE job_namespace = ?1 AND job_name = ?2)",
        "DELETE FROM openlineage_runs WHERE job_namespace = ?1 AND job_name = ?2",
        "DELETE FROM openlineage_events WHERE job_namespace = ?1 AND job_name = ?2",
        "DELETE FROM openlineage_lineage_edges
         WHERE (source_type = 'job' AND source_namespace = ?1 AND source_name = ?2)
            OR (target_type = 'job' AND target_namespace = ?1 AND target_name = ?2)",
        "DELETE FROM openlineage_jobs WHERE job_namespace = ?1 AND job_name = ?2",
    ] {
        connection.execute(statement, [namespace, name])?;
    }
    Ok(())
}

/// Removes events, runs and versions of datasets from before a time, in milliseconds since the epoch; how many of each.
/// What is known by now stays, except that a dataset's version is one that is there.
pub(super) fn older(connection: &Connection, before: i64) -> rusqlite::Result<Map<String, Value>> {
    let mut deleted = Map::new();
    for (table, condition) in [
        ("run_io", "run_id IN (SELECT run_id FROM openlineage_runs WHERE updated_at < ?1)"),
        ("runs", "updated_at < ?1"),
        ("events", "created_at < ?1"),
        ("dataset_versions", "created_at < ?1"),
    ] {
        let rows =
            connection.execute(&format!("DELETE FROM openlineage_{table} WHERE {condition}"), [before])?;
        deleted.insert(table.to_owned(), rows.into());
    }
    if deleted.get("dataset_versions").and_then(Value::as_u64) > Some(0) {
        connection.execute(
            "UPDATE openlineage_datasets SET current_version = (
                SELECT max(version) FROM openlineage_dataset_versions AS versions
                WHERE versions.dataset_namespace = openlineage_datasets.dataset_namespace
                  AND versions.dataset_name = openlineage_datasets.dataset_name)
             WHERE current_version IS NOT NULL",
            params![],
        )?;
    }
    Ok(deleted)
}
