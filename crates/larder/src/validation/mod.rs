//! Comparing data with a saved dataset: what was logged of a feature service, or a training set.
//!
//! ```text
//! saved dataset ─▶ DatasetProfile, kept in the registry ─┐
//! logged rows, file by file ─▶ ObservedColumn ───────────┴─▶ Expectations ─▶ ValidationReport
//! ```
//!
//! A profiler of Feast's is a pickled Python program; it is never run. What larder measures and what it
//! expects is data: [`DatasetProfile`] and [`Expectations`](larder_core::Expectations).

mod compare;
mod dataset_profile;
mod observed_column;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use larder_core::{RequestError, Result, SavedDataset, Timestamp, Tolerances, ValidationReference};
use larder_registry::Registered;

use self::compare::Observed;
use self::dataset_profile::DatasetProfile;
pub use self::report::{ValidationFailure, ValidationReport};
use crate::feature_log::log_folder;
use crate::logged_rows::LoggedRows;
use crate::{FeatureStore, TrainingSet};

/// Which logged answers are compared with which reference.
#[derive(Clone, Debug)]
pub struct LoggedFeatures {
    /// The feature service that was answered for.
    pub feature_service: String,
    /// The earliest time of an answer, included.
    pub start: Timestamp,
    /// The latest time of an answer, included.
    pub end: Timestamp,
}

/// Where what is known of the reference's dataset comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProfileCache {
    /// From the registry, if it was kept there since the dataset was last saved; otherwise it is measured,
    /// and kept.
    #[default]
    Use,
    /// It is measured, and not kept.
    Avoid,
}

/// A column that is compared.
#[derive(Clone, Debug, PartialEq)]
struct ComparedColumn {
    /// What it is called in a report and in logs.
    name: String,
    /// What it is called in the dataset.
    in_dataset: String,
    tolerances: Tolerances,
}

/// A reference with all that a comparison needs.
#[derive(Debug)]
struct Prepared {
    reference: Arc<ValidationReference>,
    columns: Vec<ComparedColumn>,
    profile: DatasetProfile,
}

impl FeatureStore {
    /// Compares what was logged of a feature service with the dataset of a validation reference, feature by
    /// feature. That a feature differs too much is told by the report, not by an error.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the service, the reference or its dataset is not there, or nothing of the service
    /// is logged to files on this machine; what is wrong with a file.
    pub async fn validate_logged_features(
        &self,
        logged: LoggedFeatures,
        reference: &str,
        cache: ProfileCache,
    ) -> Result<ValidationReport> {
        let catalog = self.refresh().await?;
        let service = Arc::clone(&catalog.snapshot().feature_service(&logged.feature_service)?.object);
        let Some(config) = &service.logging_config else {
            return Err(RequestError::other(format!(
                "feature service `{}` has no `logging_config`, so nothing of it is logged",
                service.name
            ))
            .into());
        };
        let Some(folder) = log_folder(self.repo(), &service) else {
            return Err(RequestError::other(format!(
                "feature service `{}` is logged to {:?}, which larder does not read; it reads folders on \
                 this machine",
                service.name, config.destination
            ))
            .into());
        };
        let prepared = self.prepare(reference, cache).await?;
        let rows = LoggedRows { folder, start: logged.start, end: logged.end };
        larder_blocking::run(move || {
            let mut observed = Observed::new(&prepared.columns, &prepared.profile);
            let as_reported = BTreeMap::new();
            rows.visit(&mut |rows| observed.add(rows, &as_reported, true))?;
            Ok(observed.report(&prepared.reference))
        })
        .await
    }

    /// Compares a training set with the dataset of a validation reference, feature by feature.
    ///
    /// # Errors
    ///
    /// As [`validate_logged_features`](Self::validate_logged_features).
    pub async fn validate_training_set(
        &self,
        set: &TrainingSet,
        reference: &str,
        cache: ProfileCache,
    ) -> Result<ValidationReport> {
        self.refresh().await?;
        let prepared = self.prepare(reference, cache).await?;
        // The features are the last columns, in their order.
        let first = set.rows.num_columns().saturating_sub(set.features.len());
        let schema = set.rows.schema();
        let columns = schema.fields().iter().skip(first).map(|field| field.name().clone());
        let names: BTreeMap<String, String> =
            set.features.iter().map(|feature| logged_name(feature)).zip(columns).collect();
        let rows = set.rows.clone();
        larder_blocking::run(move || {
            let mut observed = Observed::new(&prepared.columns, &prepared.profile);
            observed.add(&rows, &names, false)?;
            Ok(observed.report(&prepared.reference))
        })
        .await
    }

    /// Finds a reference in the current catalog, what of it is compared, and what its dataset holds.
    async fn prepare(&self, name: &str, cache: ProfileCache) -> Result<Prepared> {
        let catalog = self.catalog();
        let reference = Arc::clone(&catalog.snapshot().validation_reference(name)?.object);
        let dataset = catalog.snapshot().saved_dataset(&reference.dataset)?;
        let kept = match cache {
            ProfileCache::Use => DatasetProfile::from_json(&reference.dataset_profile, dataset.last_updated),
            ProfileCache::Avoid => None,
        };
        let profile = match kept {
            Some(profile) => profile,
            None => self.measure(dataset, &reference, cache).await?,
        };
        let columns = compared_columns(&reference, &dataset.object, &profile)?;
        Ok(Prepared { reference, columns, profile })
    }

    async fn measure(
        &self,
        dataset: &Registered<SavedDataset>,
        reference: &ValidationReference,
        cache: ProfileCache,
    ) -> Result<DatasetProfile> {
        let rows: RecordBatch = self.read_saved_dataset(&dataset.object.name).await?;
        let saved = dataset.last_updated;
        let registry = Arc::clone(self.registry());
        let (project, name) = (self.config().project.clone(), reference.name.clone());
        let dataset = dataset.object.name.clone();
        let profile = larder_blocking::run(move || {
            let profile = DatasetProfile::measure(&rows)?;
            if cache == ProfileCache::Use {
                registry.keep_dataset_profile(&project, &name, &dataset, &profile.to_json(saved))?;
            }
            Ok(profile)
        })
        .await?;
        Ok(profile)
    }
}

/// The features of the dataset, and what the expectations name beside them.
fn compared_columns(
    reference: &ValidationReference,
    dataset: &SavedDataset,
    profile: &DatasetProfile,
) -> Result<Vec<ComparedColumn>, RequestError> {
    let expectations = &reference.expectations;
    let mut columns = Vec::new();
    for feature in &dataset.features {
        let tolerances = expectations.columns.get(feature).copied();
        let Some(tolerances) = tolerances.unwrap_or(Some(expectations.tolerances)) else { continue };
        let name = logged_name(feature);
        let short = feature.rsplit(':').next().unwrap_or(feature);
        let in_dataset = if dataset.full_feature_names { name.clone() } else { short.to_owned() };
        columns.push(ComparedColumn { name, in_dataset, tolerances });
    }
    for (name, tolerances) in &expectations.columns {
        if dataset.features.contains(name) {
            continue;
        }
        if profile.column(name).is_none() {
            return Err(RequestError::other(format!(
                "validation reference `{}` names `{name}`, which is no feature and no column of saved dataset \
                 `{}`",
                reference.name, dataset.name
            )));
        }
        if let Some(tolerances) = tolerances {
            columns.push(ComparedColumn {
                name: name.clone(),
                in_dataset: name.clone(),
                tolerances: *tolerances,
            });
        }
    }
    if let Some(missing) = columns.iter().find(|column| profile.column(&column.in_dataset).is_none()) {
        return Err(RequestError::other(format!(
            "saved dataset `{}` has no column `{}`, though its definition says so",
            dataset.name, missing.in_dataset
        )));
    }
    Ok(columns)
}

/// What a feature's column is called in a log.
fn logged_name(feature: &str) -> String {
    feature.replacen(':', "__", 1)
}
