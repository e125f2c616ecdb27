//! Tables and components that tests define with: columns by path, and components that are lists of
//! signatures in JSON.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use larder_core::{
    ComponentDigest, DataSource, Error, ErrorKind, Field, InspectedComponent, InspectedJob, JobHost, JobRun,
    JobRuntime, JoinedColumns, LatestStream, OfflineStore, PointInTimeJoin, PullAll, PullLatest, Result,
    RowStream, Transformation, TransformationLimits, TransformationSignature, UdfRuntime,
};
use larder_registry::{DefinitionFiles, Definitions, FeatureRepo, Problems, RegistrySnapshot, RepoConfig};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// An offline store that knows the columns of tables, and nothing else.
#[derive(Debug)]
pub(crate) struct Columns(HashMap<&'static str, SchemaRef>);

impl Columns {
    /// No table at all.
    pub(crate) fn none() -> Self {
        Self(HashMap::new())
    }

    /// The tables that the cases of `tests/definitions` read.
    pub(crate) fn of_the_cases() -> Self {
        let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let naive = || DataType::Timestamp(TimeUnit::Nanosecond, None);
        let list = |item| DataType::List(Arc::new(ArrowField::new("item", item, true)));
        let driver_stats = vec![
            ("event_timestamp", time()),
            ("driver_id", DataType::Int64),
            ("conv_rate", DataType::Float32),
            ("acc_rate", DataType::Float32),
            ("avg_daily_trips", DataType::Int64),
            ("home_zone", DataType::Utf8),
            ("recent_fares", list(DataType::Float32)),
            ("created", time()),
        ];
        let customer_profile = vec![
            ("event_timestamp", time()),
            ("customer_id", DataType::Utf8),
            ("current_balance", DataType::Float64),
            ("vip", DataType::Boolean),
            ("__index_level_0__", DataType::Int64),
            ("created", time()),
        ];
        let table = |columns: Vec<(&'static str, DataType)>| {
            let field = |(name, data_type): (&str, DataType)| ArrowField::new(name, data_type, true);
            Arc::new(Schema::new(columns.into_iter().map(field).collect::<Vec<_>>()))
        };
        Self(HashMap::from([
            ("data/driver_stats.parquet", table(driver_stats)),
            ("data/customer_profile.parquet", table(customer_profile)),
            (
                "data/scores.csv",
                table(vec![("ts", naive()), ("driver_id", DataType::Int64), ("scr", DataType::Float64)]),
            ),
            ("data/global.parquet", table(vec![("event_timestamp", time()), ("surge", DataType::Float64)])),
            (
                "data/two_times.parquet",
                table(vec![("seen", time()), ("made", naive()), ("n", DataType::Int32)]),
            ),
            ("data/no_time.parquet", table(vec![("driver_id", DataType::Int64), ("n", DataType::Int32)])),
            (
                "data/odd.parquet",
                table(vec![
                    ("event_timestamp", time()),
                    ("driver_id", DataType::Float64),
                    ("t", DataType::Time32(TimeUnit::Second)),
                ]),
            ),
            (
                "data/only_keys.parquet",
                table(vec![("event_timestamp", time()), ("driver_id", DataType::Int64)]),
            ),
        ]))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

fn error(kind: ErrorKind, text: impl Into<String>) -> Error {
    Error::new(kind, Said(text.into()))
}

#[async_trait]
impl OfflineStore for Columns {
    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        let file = source.as_file().ok_or_else(|| error(ErrorKind::Invalid, "it is no file source"))?;
        if file.path == "data/broken.parquet" {
            return Err(error(ErrorKind::Corrupt, "it is not a Parquet file"));
        }
        let table = self.0.get(file.path.as_str());
        let table =
            table.ok_or_else(|| error(ErrorKind::NotFound, format!("there is no file `{}`", file.path)))?;
        let rename = |field: &Arc<ArrowField>| match file.field_mapping.get(field.name()) {
            Some(name) => Arc::new(field.as_ref().clone().with_name(name)),
            None => Arc::clone(field),
        };
        Ok(Arc::new(Schema::new(table.fields().iter().map(rename).collect::<Vec<_>>())))
    }

    async fn join(&self, _: PointInTimeJoin) -> Result<Vec<JoinedColumns>> {
        Err(error(ErrorKind::Internal, "definitions join nothing"))
    }

    async fn pull_latest(&self, _: PullLatest) -> Result<LatestStream> {
        Err(error(ErrorKind::Internal, "definitions pull nothing"))
    }

    async fn pull_all(&self, _: PullAll) -> Result<RowStream> {
        Err(error(ErrorKind::Internal, "definitions pull nothing"))
    }

    async fn append(&self, _: &DataSource, _: RecordBatch) -> Result<()> {
        Err(error(ErrorKind::Internal, "definitions append nothing"))
    }
}

/// A runtime whose components are JSON: `[{"name": …, "inputs": {…}, "outputs": {…}}]`.
#[derive(Debug)]
pub(crate) struct Signatures;

#[async_trait]
impl UdfRuntime for Signatures {
    async fn inspect(&self, bytes: Arc<[u8]>) -> Result<InspectedComponent> {
        let invalid = || error(ErrorKind::Invalid, "the bytes are no component");
        let functions: Vec<Value> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let fields = |value: &Value| {
            let fields = value.as_object().into_iter().flatten();
            fields
                .map(|(name, value_type)| Field::new(name, value_type.as_str().unwrap().parse().unwrap()))
                .collect()
        };
        let signatures = functions
            .iter()
            .map(|function| TransformationSignature {
                name: function["name"].as_str().unwrap().to_owned(),
                inputs: fields(&function["inputs"]),
                outputs: fields(&function["outputs"]),
            })
            .collect();
        let digest = ComponentDigest(Sha256::digest(&bytes).into());
        Ok(InspectedComponent { bytes, digest, signatures })
    }

    async fn load(
        &self,
        _: &str,
        _: Arc<[u8]>,
        _: &str,
        _: TransformationLimits,
    ) -> Result<Arc<dyn Transformation>> {
        Err(error(ErrorKind::Internal, "definitions run nothing"))
    }
}

#[async_trait]
impl JobRuntime for Signatures {
    async fn inspect_job(&self, component: Arc<[u8]>) -> Result<InspectedJob> {
        if !component.starts_with(b"a job") {
            return Err(error(ErrorKind::Invalid, "the bytes are no job"));
        }
        let digest = ComponentDigest(Sha256::digest(&component).into());
        Ok(InspectedJob { bytes: component, digest })
    }

    async fn run_job(&self, _: JobRun, _: Arc<dyn JobHost>) -> Result<()> {
        Err(error(ErrorKind::Internal, "definitions run nothing"))
    }
}

/// The component of the cases.
const COMPONENT: &str = r#"[
    {"name": "transformed_conv_rate", "inputs": {"conv_rate": "Float32", "val_to_add": "Int64"},
     "outputs": {"conv_rate_plus_val1": "Float64"}},
    {"name": "trip_bucket", "inputs": {"avg_daily_trips": "Int64"}, "outputs": {"bucket": "String", "size": "Int32"}}
]"#;

/// The component of the cases in which on-demand views read each other.
const CHAIN: &str = r#"[
    {"name": "rates", "inputs": {"conv_rate": "Float32", "acc_rate": "Float32"},
     "outputs": {"product": "Float64", "gap": "Float64"}},
    {"name": "offer", "inputs": {"product": "Float64", "val_to_add": "Int64"}, "outputs": {"price": "Float64"}},
    {"name": "trust", "inputs": {"r__gap": "Float64"}, "outputs": {"trust": "Float64"}},
    {"name": "score", "inputs": {"price": "Float64", "trust": "Float64", "driver_id": "Int64"},
     "outputs": {"score": "Float64"}}
]"#;

/// Writes a feature repo with one file of definitions.
pub(crate) fn write_repo(folder: &Path, definitions: &[u8]) {
    std::fs::create_dir_all(folder.join("udfs")).unwrap();
    std::fs::write(folder.join("feature_store.yaml"), "project: demo\nregistry: data/registry.db\n").unwrap();
    std::fs::write(folder.join("features.yaml"), definitions).unwrap();
    std::fs::write(folder.join("udfs/driver_features.wasm"), COMPONENT).unwrap();
    std::fs::write(folder.join("udfs/chain.wasm"), CHAIN).unwrap();
    std::fs::write(folder.join("udfs/not_a_component.wasm"), "hello").unwrap();
    std::fs::write(folder.join("udfs/job.wasm"), "a job").unwrap();
}

/// Loads and completes the repo in a folder.
pub(crate) fn complete(folder: &Path) -> std::result::Result<Definitions, Problems> {
    let config = RepoConfig::load(folder)?;
    let repo = FeatureRepo::load(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(repo.complete(&Columns::of_the_cases(), &Signatures, &Signatures))
}

/// Writes a registry's definitions as files into a folder, and reads them as a feature repo without tables.
pub(crate) fn through_files(folder: &Path, snapshot: &RegistrySnapshot) -> Definitions {
    let files = DefinitionFiles::of_snapshot(snapshot);
    let config = format!("project: {}\nregistry: data/registry.db\n", snapshot.project.name);
    std::fs::write(folder.join("feature_store.yaml"), config).unwrap();
    std::fs::write(folder.join("definitions.yaml"), &files.yaml).unwrap();
    for (path, text) in &files.functions {
        std::fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        std::fs::write(folder.join(path), text).unwrap();
    }
    let config = RepoConfig::load(folder).unwrap();
    let repo = FeatureRepo::load(&config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let columns = Columns::none();
    let complete = runtime.block_on(repo.complete(&columns, &Signatures, &Signatures));
    complete.map_err(|problems| format!("{problems}\n{}", files.yaml)).unwrap()
}

/// Compares `found` with the golden file at `path`, or writes it if `LARDER_BLESS=1` is set.
pub(crate) fn check_golden(path: &Path, found: &str) -> std::result::Result<(), String> {
    if std::env::var_os("LARDER_BLESS").is_some() {
        std::fs::write(path, found).unwrap();
        return Ok(());
    }
    let expected = std::fs::read_to_string(path)
        .map_err(|error| format!("{}: {error}; run the test with LARDER_BLESS=1", path.display()))?;
    if expected == found {
        Ok(())
    } else {
        Err(format!("{}\n--- expected\n{expected}\n--- found\n{found}", path.display()))
    }
}
