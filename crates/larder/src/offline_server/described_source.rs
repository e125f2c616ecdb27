//! Data sources that a client describes, which need not be registered.
//!
//! What such a source reads is told to whoever asks, if only the names and types of its columns. So it must lie where
//! the project's data lie: in the feature repo, or beside a file that a registered source reads.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use larder_core::{DataSource, DataSourceKind, ErrorKind, FileFormat, FileSource, RequestError, Result};
use larder_offline::files_of;
use tracing::warn;

use crate::FeatureStore;
use crate::project_files::{ProjectFiles, data_sources_of, local};

/// The registered data sources that read a file of it.
///
/// # Errors
///
/// [`RequestError`] if a file of it is read by none and lies elsewhere.
pub(crate) async fn registered_readers(store: &FeatureStore, source: &DataSource) -> Result<Vec<String>> {
    let Some(file) = source.as_file().cloned() else { return Ok(Vec::new()) };
    let registered = data_sources_of(store.catalog().snapshot());
    let (repo, name) = (store.repo().to_owned(), source.name.clone());
    larder_blocking::run(move || Ok(readers(&repo, &name, &file, &registered)?)).await
}

fn readers(
    repo: &Path,
    name: &str,
    described: &FileSource,
    registered: &[Arc<DataSource>],
) -> Result<Vec<String>, RequestError> {
    let path = local(&described.path);
    if path.contains("://") {
        // Reading it is refused, with the reason.
        return Ok(Vec::new());
    }
    let full = repo.join(path);
    let files_of_registered = || registered.iter().filter_map(|source| Some((source, source.as_file()?)));
    // As most are that a client asks for.
    let same: Vec<String> = files_of_registered()
        .filter(|(_, file)| file.path == described.path)
        .map(|(source, _)| source.name.clone())
        .collect();
    if !same.is_empty() {
        return Ok(same);
    }
    let refused = |why: &str| {
        RequestError::other(format!(
            "data source `{name}` cannot be looked at from outside: {why}; register it with `larder apply` first"
        ))
    };
    let known = ProjectFiles::of(repo, registered.to_vec());
    // Before anything is listed.
    if !known.hold(&full) {
        return Err(refused(
            "it lies neither in the feature repo nor beside a file of a registered data source",
        ));
    }
    // If there are no files, reading says so.
    let files = files_of(repo, name, described).unwrap_or_else(|_| vec![full]);
    let mut readers: Vec<String> = Vec::new();
    for file in &files {
        let mut of_file = known.readers_of(file).peekable();
        let is_new = of_file.peek().is_none();
        let has_ending = FileFormat::from_path(&file.to_string_lossy()) == Some(described.format);
        if is_new && !(known.hold(file) && (has_ending || file.is_dir())) {
            return Err(refused(
                "a file of it lies outside of the feature repo, or does not end as its format does",
            ));
        }
        for reader in of_file {
            if !readers.iter().any(|known| known == reader) {
                readers.push(reader.to_owned());
            }
        }
    }
    Ok(readers)
}

/// Refuses a source that cannot be read as it is described. One whose file is not there yet is only warned of, as by
/// `apply`; what larder reads nothing of is no mistake.
pub(crate) async fn validate(store: &FeatureStore, source: &DataSource) -> Result<()> {
    let Some(file) = source.as_file() else { return Ok(()) };
    let columns = match columns(store, source).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            warn!(error = error.chain(), "a data source is valid once its file is there");
            return Ok(());
        }
        columns => columns?,
    };
    let times = [Some(&file.timestamp_field), file.created_timestamp_column.as_ref()];
    for time in times.into_iter().flatten().filter(|time| !time.is_empty()) {
        if !columns.iter().any(|(name, _)| name == time) {
            return Err(RequestError::MissingColumn {
                column: time.clone(),
                table: format!("data source `{}`", source.name),
                found: columns.into_iter().map(|(name, _)| name).collect(),
            }
            .into());
        }
    }
    Ok(())
}

/// The columns of a source, with the types from which Feast infers those that larder infers.
pub(crate) async fn columns(store: &FeatureStore, source: &DataSource) -> Result<Vec<(String, DataType)>> {
    let mut plain = source.clone();
    if let DataSourceKind::File(file) = &mut plain.kind {
        file.field_mapping.clear();
    }
    let schema = store.offline().schema(&plain).await?;
    let is_json = store.config().compat.large_text_is_json;
    let told = |data_type: &DataType| match data_type {
        // Feast takes large text for JSON.
        DataType::LargeUtf8 | DataType::Utf8View if !is_json => DataType::Utf8,
        other => other.clone(),
    };
    Ok(schema.fields().iter().map(|field| (field.name().clone(), told(field.data_type()))).collect())
}
