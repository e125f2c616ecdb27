//! Training sets kept under a name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{max, min};
use larder_core::column::to_timestamps;
use larder_core::{FileFormat, RequestError, Result, SavedDataset, SavedDatasetStorage, Timestamp};
use larder_offline::table::{read_table, write_table};
use larder_plan::Selection;

use crate::{FeatureStore, HistoricalRequest, TrainingSet};

/// How a training set is to be kept.
#[derive(Clone, Debug, Default)]
pub struct NewSavedDataset {
    /// Its name, unique in the project.
    pub name: String,
    /// The file its rows go to, Parquet, CSV or NDJSON by its ending; a relative path starts at the feature
    /// repo.
    pub path: String,
    /// Whether a file that is there, and a dataset of this name, may be replaced.
    pub allow_overwrite: bool,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl FeatureStore {
    /// Makes a training set as [`get_historical_features`](Self::get_historical_features) does, writes it to
    /// a file, and registers it under a name, so that it can be found and read again. It is registered when
    /// the file is complete and durable.
    ///
    /// # Errors
    ///
    /// As `get_historical_features`; `SavedDatasetLocationAlreadyExists` if the file is there and may not be
    /// replaced; what the file format cannot hold.
    pub async fn create_saved_dataset(
        &self,
        request: HistoricalRequest,
        new: NewSavedDataset,
    ) -> Result<TrainingSet> {
        let Some(format) = FileFormat::from_path(&new.path) else {
            return Err(RequestError::other(format!(
                "the ending of `{}` names no format; use .parquet, .csv or .ndjson",
                new.path
            ))
            .into());
        };
        let file = self.repo().join(&new.path);
        let is_free = !file.exists() && self.catalog().snapshot().saved_dataset(&new.name).is_err();
        if !is_free && !new.allow_overwrite {
            return Err(RequestError::SavedDatasetLocationAlreadyExists { location: new.path }.into());
        }
        let feature_service = match &request.selection {
            Selection::Service(name) => name.clone(),
            Selection::References(_) => String::new(),
        };
        let full_feature_names = request.full_feature_names;
        let training_set = self.get_historical_features(request).await?;
        let (min_event_timestamp, max_event_timestamp) = time_range(&training_set)?;
        let dataset = SavedDataset {
            name: new.name,
            features: training_set.features.clone(),
            join_keys: training_set.join_keys.clone(),
            full_feature_names,
            storage: SavedDatasetStorage::File {
                path: new.path,
                format,
                s3_endpoint_override: String::new(),
            },
            feature_service,
            namespace: String::new(),
            collection: String::new(),
            description: new.description,
            tags: new.tags,
            event_timestamp_column: training_set.timestamp_column.clone(),
            min_event_timestamp,
            max_event_timestamp,
        };
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        let rows = training_set.rows.clone();
        larder_blocking::run(move || {
            write_table(&file, &rows)?;
            registry.put_saved_dataset(&project, &dataset)
        })
        .await?;
        self.refresh().await?;
        Ok(training_set)
    }

    /// The rows of a saved dataset.
    ///
    /// # Errors
    ///
    /// [`RequestError::SavedDatasetNotFound`]; an error that names its storage if larder does not read it;
    /// what is wrong with the file.
    pub async fn read_saved_dataset(&self, name: &str) -> Result<RecordBatch> {
        let catalog = self.refresh().await?;
        let dataset = Arc::clone(&catalog.snapshot().saved_dataset(name)?.object);
        let file: PathBuf = match &dataset.storage {
            SavedDatasetStorage::File { path, .. } => self.repo().join(path),
            other => {
                return Err(RequestError::other(format!(
                    "saved dataset `{name}` is kept in {other:?}, which larder does not read; it reads files"
                ))
                .into());
            }
        };
        larder_blocking::run(move || Ok(read_table(&file)?)).await
    }
}

/// The earliest and the latest event time, where there is any.
fn time_range(set: &TrainingSet) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let Some(column) = set.rows.column_by_name(&set.timestamp_column) else { return Ok((None, None)) };
    let times = to_timestamps(&set.timestamp_column, column)?;
    Ok((min(&times).map(Timestamp::from_micros), max(&times).map(Timestamp::from_micros)))
}
