//! The tables, as Feast makes them.

use rusqlite::{Connection, TransactionBehavior};

const TABLES: [&str; 10] = [
    "CREATE TABLE IF NOT EXISTS openlineage_events (
        event_id VARCHAR(255) NOT NULL, event_type VARCHAR(50) NOT NULL, event_time BIGINT NOT NULL,
        producer VARCHAR(512), job_namespace VARCHAR(512) NOT NULL, job_name VARCHAR(512) NOT NULL,
        run_id VARCHAR(255), event_json TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (event_id))",
    "CREATE TABLE IF NOT EXISTS openlineage_jobs (
        job_namespace VARCHAR(512) NOT NULL, job_name VARCHAR(512) NOT NULL, job_type VARCHAR(100),
        producer VARCHAR(512), description TEXT, facets_json TEXT, latest_run_id VARCHAR(255),
        updated_at BIGINT NOT NULL, PRIMARY KEY (job_namespace, job_name))",
    "CREATE TABLE IF NOT EXISTS openlineage_datasets (
        dataset_namespace VARCHAR(512) NOT NULL, dataset_name VARCHAR(512) NOT NULL, source_type VARCHAR(100),
        producer VARCHAR(512), description TEXT, schema_json TEXT, facets_json TEXT,
        feast_object_type VARCHAR(100), feast_object_name VARCHAR(255), feast_project VARCHAR(255),
        owner_name VARCHAR(512), owner_type VARCHAR(100), lifecycle_state VARCHAR(50), current_version INTEGER,
        updated_at BIGINT NOT NULL, PRIMARY KEY (dataset_namespace, dataset_name))",
    "CREATE TABLE IF NOT EXISTS openlineage_runs (
        run_id VARCHAR(255) NOT NULL, job_namespace VARCHAR(512) NOT NULL, job_name VARCHAR(512) NOT NULL,
        state VARCHAR(50) NOT NULL, started_at BIGINT, ended_at BIGINT, facets_json TEXT,
        parent_run_id VARCHAR(255), root_run_id VARCHAR(255), updated_at BIGINT NOT NULL, PRIMARY KEY (run_id))",
    "CREATE TABLE IF NOT EXISTS openlineage_run_io (
        run_id VARCHAR(255) NOT NULL, dataset_namespace VARCHAR(512) NOT NULL, dataset_name VARCHAR(512) NOT NULL,
        io_type VARCHAR(50) NOT NULL, facets_json TEXT,
        CONSTRAINT uq_run_io UNIQUE (run_id, dataset_namespace, dataset_name, io_type))",
    "CREATE TABLE IF NOT EXISTS openlineage_lineage_edges (
        source_type VARCHAR(50) NOT NULL, source_namespace VARCHAR(512) NOT NULL, source_name VARCHAR(512) NOT NULL,
        target_type VARCHAR(50) NOT NULL, target_namespace VARCHAR(512) NOT NULL, target_name VARCHAR(512) NOT NULL,
        edge_type VARCHAR(50), updated_at BIGINT NOT NULL,
        CONSTRAINT uq_lineage_edge UNIQUE (
            source_type, source_namespace, source_name, target_type, target_namespace, target_name))",
    "CREATE TABLE IF NOT EXISTS openlineage_dataset_symlinks (
        dataset_namespace VARCHAR(512) NOT NULL, dataset_name VARCHAR(512) NOT NULL,
        linked_namespace VARCHAR(512) NOT NULL, linked_name VARCHAR(512) NOT NULL, link_type VARCHAR(50) NOT NULL,
        updated_at BIGINT NOT NULL,
        CONSTRAINT uq_dataset_symlink UNIQUE (dataset_namespace, dataset_name, linked_namespace, linked_name))",
    "CREATE TABLE IF NOT EXISTS openlineage_dataset_versions (
        version_id INTEGER NOT NULL, dataset_namespace VARCHAR(512) NOT NULL, dataset_name VARCHAR(512) NOT NULL,
        version INTEGER NOT NULL, created_by_run_id VARCHAR(255), schema_json TEXT, facets_json TEXT,
        created_at BIGINT NOT NULL, PRIMARY KEY (version_id),
        CONSTRAINT uq_dataset_version UNIQUE (dataset_namespace, dataset_name, version))",
    "CREATE TABLE IF NOT EXISTS openlineage_column_lineage (
        dataset_namespace VARCHAR(512) NOT NULL, dataset_name VARCHAR(512) NOT NULL,
        output_field VARCHAR(512) NOT NULL, input_namespace VARCHAR(512) NOT NULL, input_name VARCHAR(512) NOT NULL,
        input_field VARCHAR(512) NOT NULL, transformation_type VARCHAR(100), transformation_description TEXT,
        transformations_json TEXT, run_id VARCHAR(255), updated_at BIGINT NOT NULL,
        CONSTRAINT uq_column_lineage UNIQUE (
            dataset_namespace, dataset_name, output_field, input_namespace, input_name, input_field))",
    "CREATE TABLE IF NOT EXISTS openlineage_dataset_ownership (
        dataset_namespace VARCHAR(512) NOT NULL, dataset_name VARCHAR(512) NOT NULL, owner_name VARCHAR(512) NOT NULL,
        owner_type VARCHAR(100), updated_at BIGINT NOT NULL,
        CONSTRAINT uq_dataset_owner UNIQUE (dataset_namespace, dataset_name, owner_name))",
];

/// Columns that the first releases of Feast did not give to tables, which are added to files of theirs.
const LATER_COLUMNS: [(&str, &str, &str); 6] = [
    ("openlineage_datasets", "owner_name", "VARCHAR(512)"),
    ("openlineage_datasets", "owner_type", "VARCHAR(100)"),
    ("openlineage_datasets", "lifecycle_state", "VARCHAR(50)"),
    ("openlineage_datasets", "current_version", "INTEGER"),
    ("openlineage_runs", "parent_run_id", "VARCHAR(255)"),
    ("openlineage_runs", "root_run_id", "VARCHAR(255)"),
];

/// Indexes by their names after `idx_ol_`, and what they are on after `openlineage_`.
const INDEXES: [(&str, &str); 18] = [
    ("events_time", "events (event_time)"),
    ("events_job", "events (job_namespace, job_name)"),
    ("datasets_lifecycle", "datasets (lifecycle_state)"),
    ("datasets_feast", "datasets (feast_project, feast_object_type)"),
    ("runs_root", "runs (root_run_id)"),
    ("runs_parent", "runs (parent_run_id)"),
    ("runs_job", "runs (job_namespace, job_name)"),
    ("run_io_run", "run_io (run_id)"),
    ("run_io_dataset", "run_io (dataset_namespace, dataset_name)"),
    ("lineage_target", "lineage_edges (target_namespace, target_name)"),
    ("lineage_source", "lineage_edges (source_namespace, source_name)"),
    ("symlinks_dataset", "dataset_symlinks (dataset_namespace, dataset_name)"),
    ("symlinks_linked", "dataset_symlinks (linked_namespace, linked_name)"),
    ("dv_dataset", "dataset_versions (dataset_namespace, dataset_name)"),
    ("dv_run", "dataset_versions (created_by_run_id)"),
    ("cl_input", "column_lineage (input_namespace, input_name)"),
    ("cl_dataset", "column_lineage (dataset_namespace, dataset_name)"),
    ("do_dataset", "dataset_ownership (dataset_namespace, dataset_name)"),
];

/// Where a dataset is kept, by its facet. Feast may write facets that are no JSON, as with numbers that are none.
pub(super) const PLACE: &str =
    "CASE WHEN json_valid(facets_json) THEN json_extract(facets_json, '$.dataSource.uri') END";

/// Columns in Feast's order, which is the order in answers.
pub(super) const EVENTS: &[&str] = &[
    "event_id",
    "event_type",
    "event_time",
    "producer",
    "job_namespace",
    "job_name",
    "run_id",
    "event_json",
    "created_at",
];
pub(super) const JOBS: &[&str] = &[
    "job_namespace",
    "job_name",
    "job_type",
    "producer",
    "description",
    "facets_json",
    "latest_run_id",
    "updated_at",
];
pub(super) const DATASETS: &[&str] = &[
    "dataset_namespace",
    "dataset_name",
    "source_type",
    "producer",
    "description",
    "schema_json",
    "facets_json",
    "feast_object_type",
    "feast_object_name",
    "feast_project",
    "owner_name",
    "owner_type",
    "lifecycle_state",
    "current_version",
    "updated_at",
];
pub(super) const RUNS: &[&str] = &[
    "run_id",
    "job_namespace",
    "job_name",
    "state",
    "started_at",
    "ended_at",
    "facets_json",
    "parent_run_id",
    "root_run_id",
    "updated_at",
];
pub(super) const EDGES: &[&str] = &[
    "source_type",
    "source_namespace",
    "source_name",
    "target_type",
    "target_namespace",
    "target_name",
    "edge_type",
    "updated_at",
];
pub(super) const SYMLINKS: &[&str] =
    &["dataset_namespace", "dataset_name", "linked_namespace", "linked_name", "link_type", "updated_at"];
pub(super) const VERSIONS: &[&str] = &[
    "version_id",
    "dataset_namespace",
    "dataset_name",
    "version",
    "created_by_run_id",
    "schema_json",
    "facets_json",
    "created_at",
];
pub(super) const COLUMNS: &[&str] = &[
    "dataset_namespace",
    "dataset_name",
    "output_field",
    "input_namespace",
    "input_name",
    "input_field",
    "transformation_type",
    "transformation_description",
    "transformations_json",
    "run_id",
    "updated_at",
];

/// Makes what is missing.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in TABLES {
        transaction.execute(table, [])?;
    }
    for (table, column, kind) in LATER_COLUMNS {
        let there = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
        if transaction.query_row(there, [table, column], |row| row.get::<_, i64>(0))? == 0 {
            transaction.execute(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind}"), [])?;
        }
    }
    for (name, on) in INDEXES {
        transaction.execute(&format!("CREATE INDEX IF NOT EXISTS idx_ol_{name} ON openlineage_{on}"), [])?;
    }
    let place =
        format!("CREATE INDEX IF NOT EXISTS idx_larder_ol_dataset_place ON openlineage_datasets ({PLACE})");
    transaction.execute(&place, [])?;
    transaction.commit()
}
