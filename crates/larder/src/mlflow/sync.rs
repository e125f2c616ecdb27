//! Taking over the records of a dataset: online, and into the source that keeps history.

use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::{DUMMY_JOIN_KEY, DataSource, FeatureView, InputTable, RequestError, Result, Timestamp};
use larder_materialize::write_to_offline_store;
use larder_mlflow::{Dataset, DatasetName, FlatRows, MlflowServer, flatten};
use serde_json::Value;

use super::{dataset_name, mlflow_servers};
use crate::FeatureStore;

/// Columns of a table by name, all of one length.
type Columns = Vec<(String, Vec<Value>)>;

/// What is to be taken over, and where to.
#[derive(Clone, Debug, Default)]
pub struct MlflowSyncRequest {
    /// The view.
    pub view: String,
    /// The name of a dataset, instead of the one that the view's source names.
    pub dataset: Option<String>,
    /// Names of columns that go before those of the source and of the configuration.
    pub field_mapping: BTreeMap<String, String>,
    /// Whether all records are taken over, and not only what is new since the last time.
    pub full_refresh: bool,
    /// How many rows are written at a time; as the configuration says, without it.
    pub batch_size: Option<usize>,
}

/// Records that are ready to be written.
#[derive(Debug)]
pub struct MlflowSync {
    /// The view that gets them.
    pub view: String,
    /// What is known before anything is written.
    pub report: MlflowSyncReport,
    batches: Vec<Columns>,
    keeps_history: bool,
    server: MlflowServer,
    dataset: Dataset,
    watermark_key: String,
    /// The last change of all records, written or not.
    newest: Option<Timestamp>,
}

/// What has become of the records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MlflowSyncReport {
    /// How many records the dataset has.
    pub records_fetched: usize,
    /// How many of them are new since the last time; all, where all were asked for.
    pub new_records: usize,
    /// How many have been written.
    pub records_ingested: usize,
    /// What went wrong, batch by batch.
    pub errors: Vec<String>,
}

impl FeatureStore {
    /// Fetches what is to be taken over. Nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for a view that is not there, or names no dataset; those of [`larder_mlflow::MlflowError`].
    pub async fn prepare_mlflow_sync(&self, request: MlflowSyncRequest) -> Result<MlflowSync> {
        let catalog = self.catalog();
        let snapshot = catalog.snapshot();
        let view = Arc::clone(&snapshot.feature_view(&request.view)?.object);
        let source = match view.batch_source.as_deref() {
            Some(name) => Some(Arc::clone(&snapshot.data_source(name)?.object)),
            None => None,
        };
        let mlflow = source.as_deref().and_then(DataSource::as_mlflow).cloned();
        let config = self.config().mlflow.clone();
        let mut mapping = config.dataset_sync.default_field_mapping.clone();
        mapping.extend(mlflow.iter().flat_map(|mlflow| mlflow.columns.field_mapping.clone()));
        mapping.extend(request.field_mapping);
        let servers = mlflow_servers(&config);
        let key = config.dataset_sync.watermark_key.clone();
        let view_name = view.name.clone();
        let (server, dataset, rows) = larder_blocking::run(move || {
            let named = request.dataset.as_deref().map(DatasetName::Name);
            let name = named.or_else(|| dataset_name(mlflow.as_ref()?)).ok_or_else(|| {
                RequestError::other(format!(
                    "feature view `{view_name}` names no dataset of MLflow; give its source a `dataset_name`, or name one with \
                     `--source`"
                ))
            })?;
            let named = mlflow.as_ref().and_then(|mlflow| mlflow.tracking_uri.as_deref());
            let server = servers.server(named)?;
            let dataset = Dataset::find(&server, name)?;
            let records = dataset.records(&server)?;
            Ok((server, dataset, flatten(&records, &mapping)))
        })
        .await?;
        let mut report = MlflowSyncReport { records_fetched: rows.len(), ..MlflowSyncReport::default() };
        let newest = rows.last_updated.iter().max().copied();
        let since = if request.full_refresh { None } else { dataset.tag(&key) };
        let since = since.and_then(|text| {
            let time = Timestamp::parse(text).ok();
            if time.is_none() {
                tracing::warn!(tag = key, "the tag of the last sync is no time, so all records are new");
            }
            time
        });
        let rows = rows.filtered(|time| since.is_none_or(|since| time > since));
        report.new_records = rows.len();
        let time = source.as_deref().map_or("event_timestamp", time_column);
        let size = request.batch_size.unwrap_or(config.dataset_sync.default_batch_size.get());
        Ok(MlflowSync {
            batches: batches(&view, time, &rows, size)?,
            keeps_history: source.as_deref().is_some_and(|source| source.as_mlflow().is_some())
                || view.stream_source.is_some() && source.is_some(),
            view: view.name.clone(),
            report,
            server,
            dataset,
            watermark_key: key,
            newest,
        })
    }

    /// Adds rows to the source that keeps the history of a view. Columns that only the source has are null.
    async fn append_history(&self, view: &str, rows: &Columns) -> Result<()> {
        let catalog = self.catalog();
        let snapshot = catalog.snapshot();
        let read = snapshot.feature_view(view)?.object.batch_source.clone().unwrap_or_default();
        let mut source = Arc::clone(&snapshot.data_source(&read)?.object);
        if let Some(mlflow) = source.as_mlflow() {
            source = Arc::clone(&snapshot.data_source(&mlflow.batch_source)?.object);
        }
        let schema = self.offline().schema(&source).await?;
        let mapping = source.as_file().map(|file| file.field_mapping.clone()).unwrap_or_default();
        let own_name = |name: &str| {
            mapping
                .iter()
                .find(|(_, mapped)| *mapped == name)
                .map_or(name, |(own, _)| own.as_str())
                .to_owned()
        };
        let mut columns: Columns =
            rows.iter().map(|(name, values)| (own_name(name), values.clone())).collect();
        let count = rows.first().map_or(0, |(_, values)| values.len());
        for field in schema.fields() {
            if !rows.iter().any(|(name, _)| name == field.name()) {
                columns.push((own_name(field.name()), vec![Value::Null; count]));
            }
        }
        let table = InputTable::from_json(columns)?;
        write_to_offline_store(self.offline().as_ref(), &catalog, view, table).await
    }
}

impl MlflowSync {
    /// The rows, batch by batch, to be written online by whoever holds the store.
    pub fn batches(&self) -> &[Columns] {
        &self.batches
    }

    /// Takes down how a batch was written online, and adds it to the history where the view has one.
    pub async fn written(
        &mut self,
        store: &FeatureStore,
        batch: usize,
        online: std::result::Result<(), String>,
    ) {
        let Some(rows) = self.batches.get(batch) else { return };
        let history = match online {
            Err(error) => Err(format!("online: {error}")),
            Ok(()) if self.keeps_history => store
                .append_history(&self.view, rows)
                .await
                .map_err(|error| format!("offline: {}", error.chain())),
            Ok(()) => Ok(()),
        };
        match history {
            Ok(()) => self.report.records_ingested += rows.first().map_or(0, |(_, values)| values.len()),
            Err(error) => self.report.errors.push(error),
        }
    }

    /// Tells MLflow how far the dataset has been taken over, unless something went wrong: then the same records are new
    /// the next time.
    ///
    /// # Errors
    ///
    /// Those of [`larder_mlflow::MlflowError`].
    pub async fn finish(self) -> Result<MlflowSyncReport> {
        let Self { report, server, dataset, watermark_key, newest, .. } = self;
        if let Some(newest) = newest.filter(|_| report.errors.is_empty() && report.records_ingested > 0) {
            // Not the time of this call: what has changed since the records were fetched would never be new.
            let text = newest.to_string().replace('Z', "+00:00");
            larder_blocking::run(move || Ok(dataset.set_tag(&server, &watermark_key, &text)?)).await?;
        }
        Ok(report)
    }
}

/// What the view needs of the rows: its keys, its features, and the time. What they do not have is null, but for keys.
fn batches(view: &FeatureView, time: &str, rows: &FlatRows, size: usize) -> Result<Vec<Columns>> {
    let fields = view.join_keys.iter().chain(&view.features).map(|field| field.name.as_str());
    let names: Vec<&str> = fields.filter(|name| *name != DUMMY_JOIN_KEY && *name != time).collect();
    let missing = |key: &str| key != DUMMY_JOIN_KEY && !rows.is_empty() && rows.column(key).is_none();
    if let Some(key) = view.join_keys.iter().find(|key| missing(&key.name)) {
        let known: Vec<&str> = rows.columns.iter().map(|(name, _)| name.as_str()).collect();
        return Err(RequestError::other(format!(
            "the records have no column `{}`, a join key of feature view `{}`; they have {}; a `field_mapping` gives one the \
             name",
            key.name,
            view.name,
            known.join(", ")
        ))
        .into());
    }
    let times: Vec<Value> = rows.last_updated.iter().map(|time| time.to_string().into()).collect();
    let mut batches = Vec::new();
    for start in (0..rows.len()).step_by(size.max(1)) {
        let end = rows.len().min(start + size.max(1));
        let part = |values: &[Value]| values.get(start..end).unwrap_or_default().to_vec();
        let column = |name: &&str| {
            let values = rows.column(name).map_or_else(|| vec![Value::Null; end - start], part);
            ((*name).to_owned(), values)
        };
        let mut columns: Columns = names.iter().map(column).collect();
        columns.push((time.to_owned(), part(rows.column(time).unwrap_or(&times))));
        batches.push(columns);
    }
    Ok(batches)
}

/// The column of the event time of a source that has one.
fn time_column(source: &DataSource) -> &str {
    let named = match (source.as_file(), source.as_mlflow()) {
        (Some(file), _) => file.timestamp_field.as_str(),
        (_, Some(mlflow)) => mlflow.columns.timestamp_field.as_str(),
        _ => "",
    };
    if named.is_empty() { "event_timestamp" } else { named }
}
