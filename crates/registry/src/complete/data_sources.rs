//! Data sources, and the columns of their tables.

use arrow::array::new_empty_array;
use arrow::datatypes::{DataType, SchemaRef};
use larder_core::{
    DataSource, DataSourceKind, ErrorKind, FileFormat, FileSource, MlflowSource, OfflineStore, PushSource,
    RequestSource, SourceColumns, StreamSource, ValueType, column,
};

use super::{Completion, problem_of};
use crate::definitions::{ParsedDataSource, ParsedDefinitions, ParsedSourceKind};
use crate::suggestion::suggest;
use crate::yaml::At;

/// A source with what completing needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct KnownSource {
    pub(super) source: DataSource,
    /// The columns of a file source after its field mapping; none where there is no file yet.
    pub(super) columns: Option<SchemaRef>,
}

impl KnownSource {
    /// Whether a column is a key, a time or hidden, and so no feature.
    pub(super) fn is_time(&self, column: &str) -> bool {
        // Only of files the columns are known.
        let Some(file) = self.source.as_file() else { return false };
        let mapped = |name: &str| file.field_mapping.get(name).map_or(name, String::as_str).to_owned();
        mapped(&file.timestamp_field) == column
            || file.created_timestamp_column.as_deref().is_some_and(|created| mapped(created) == column)
    }
}

impl Completion {
    pub(super) async fn data_sources(&mut self, parsed: &ParsedDefinitions, offline: &dyn OfflineStore) {
        for source in &parsed.data_sources {
            if self.sources.contains_key(&source.name.value) {
                continue;
            }
            match self.data_source(source, parsed, offline).await {
                Some(known) => {
                    self.definitions.data_sources.push(known.source.clone());
                    self.sources.insert(source.name.value.clone(), known);
                }
                None => {
                    self.broken.insert(source.name.value.clone());
                }
            }
        }
    }

    async fn data_source(
        &mut self,
        parsed: &ParsedDataSource,
        all: &ParsedDefinitions,
        offline: &dyn OfflineStore,
    ) -> Option<KnownSource> {
        let source = |kind| DataSource {
            name: parsed.name.value.clone(),
            kind,
            description: parsed.description.clone(),
            tags: parsed.tags.clone(),
            owner: parsed.owner.clone(),
        };
        match &parsed.kind {
            ParsedSourceKind::File {
                path,
                format,
                timestamp_field,
                created_timestamp_column,
                field_mapping,
                s3_endpoint_override,
            } => {
                let file = FileSource {
                    path: path.value.clone(),
                    format: *format,
                    timestamp_field: timestamp_field
                        .as_ref()
                        .map(|field| field.value.clone())
                        .unwrap_or_default(),
                    created_timestamp_column: created_timestamp_column
                        .as_ref()
                        .map(|column| column.value.clone()),
                    field_mapping: field_mapping.clone(),
                    s3_endpoint_override: s3_endpoint_override.clone(),
                };
                let columns =
                    self.columns(path, &source(DataSourceKind::File(file.clone())), offline).await?;
                let file = match &columns {
                    Some(columns) => self.check_times(parsed, file, columns)?,
                    None if timestamp_field.is_none() => {
                        let what = format!("data source `{}` has no `timestamp_field`", parsed.name.value);
                        let problem = parsed.name.place.problem(what);
                        self.report.problem(problem.because("without a file it cannot be inferred"));
                        return None;
                    }
                    None => file,
                };
                Some(KnownSource { source: source(DataSourceKind::File(file)), columns })
            }
            ParsedSourceKind::Push { batch_source } => {
                if let Some(batch) = batch_source {
                    self.check_batch_source(batch, all)?;
                }
                let batch_source = batch_source.as_ref().map(|batch| batch.value.clone());
                Some(KnownSource {
                    source: source(DataSourceKind::Push(PushSource { batch_source })),
                    columns: None,
                })
            }
            ParsedSourceKind::Stream { stream, batch_source } => {
                if let Some(batch) = batch_source {
                    self.check_batch_source(batch, all)?;
                }
                let batch_source = batch_source.as_ref().map(|batch| batch.value.clone());
                let stream = StreamSource { batch_source, ..stream.clone() };
                Some(KnownSource { source: source(DataSourceKind::Stream(stream)), columns: None })
            }
            ParsedSourceKind::External(table) => {
                Some(KnownSource { source: source(DataSourceKind::External(table.clone())), columns: None })
            }
            ParsedSourceKind::Mlflow { source: mlflow, batch_source } => {
                self.check_batch_source(batch_source, all)?;
                self.check_takes_rows(batch_source, all)?;
                let columns = self.columns_of_mlflow(parsed, &mlflow.columns, &batch_source.value, all)?;
                let batch_source = batch_source.value.clone();
                let mlflow = MlflowSource { batch_source, columns, ..mlflow.clone() };
                // Definitions can be registered while the server is away.
                Some(KnownSource { source: source(DataSourceKind::Mlflow(mlflow)), columns: None })
            }
            ParsedSourceKind::Request { schema } => {
                let schema = schema.iter().map(|field| field.value.clone()).collect();
                Some(KnownSource {
                    source: source(DataSourceKind::Request(RequestSource { schema })),
                    columns: None,
                })
            }
        }
    }

    fn check_batch_source(&mut self, batch: &At<String>, all: &ParsedDefinitions) -> Option<()> {
        match all
            .data_sources
            .iter()
            .find(|source| source.name.value == batch.value)
            .map(|source| &source.kind)
        {
            Some(
                ParsedSourceKind::File { .. }
                | ParsedSourceKind::External(_)
                | ParsedSourceKind::Mlflow { .. },
            ) => Some(()),
            Some(_) => {
                let problem = batch.place.problem(format!("`{}` cannot be a batch source", batch.value));
                self.report.problem(problem.because("it has no table").remedy("name a file source"));
                None
            }
            None => {
                let there = all.data_sources.iter().filter(|source| source.is_table());
                let there = there.map(|source| source.name.value.as_str());
                self.unknown(batch, "table", "data_sources", there);
                None
            }
        }
    }

    /// Refuses MLflow as the place for what is written to a source in MLflow.
    fn check_takes_rows(&mut self, batch: &At<String>, all: &ParsedDefinitions) -> Option<()> {
        let found = all.data_sources.iter().find(|source| source.name.value == batch.value)?;
        if !matches!(found.kind, ParsedSourceKind::Mlflow { .. }) {
            return Some(());
        }
        let problem = batch.place.problem(format!("`{}` cannot be a batch source", batch.value));
        self.report.problem(problem.because("nothing is written to MLflow").remedy("name a file source"));
        None
    }

    /// The time columns of a source in MLflow: its own, or else, as in Feast, those of the source that takes what is
    /// written.
    fn columns_of_mlflow(
        &mut self,
        parsed: &ParsedDataSource,
        own: &SourceColumns,
        batch: &str,
        all: &ParsedDefinitions,
    ) -> Option<SourceColumns> {
        let batch = all.data_sources.iter().find(|source| source.name.value == batch);
        let (event, created) = match batch.map(|batch| &batch.kind) {
            Some(ParsedSourceKind::File { timestamp_field, created_timestamp_column, .. }) => (
                timestamp_field.as_ref().map(|field| field.value.clone()),
                created_timestamp_column.as_ref().map(|column| column.value.clone()),
            ),
            Some(ParsedSourceKind::External(table)) => {
                (Some(table.columns.timestamp_field.clone()), table.columns.created_timestamp_column.clone())
            }
            _ => (None, None),
        };
        let mut columns = own.clone();
        if columns.timestamp_field.is_empty() {
            columns.timestamp_field = event.unwrap_or_default();
        }
        columns.created_timestamp_column = columns.created_timestamp_column.or(created);
        if columns.timestamp_field.is_empty() {
            let problem = parsed
                .name
                .place
                .problem(format!("data source `{}` has no `timestamp_field`", parsed.name.value));
            self.report.problem(problem.because("neither it nor its `batch_source` says one"));
            return None;
        }
        Some(columns)
    }

    /// The columns of a table; `Some(None)` with a warning where there is no file yet, `None` after a
    /// problem.
    async fn columns(
        &mut self,
        path: &At<String>,
        source: &DataSource,
        offline: &dyn OfflineStore,
    ) -> Option<Option<SchemaRef>> {
        if !is_readable(source) {
            // Kept for Feast: what larder does not read is told where something has to be read.
            return Some(None);
        }
        match offline.schema(source).await {
            Ok(columns) => Some(Some(columns)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let what = format!("data source `{}` has no file yet", source.name);
                self.report.warning(problem_of(&path.place, what, &error));
                Some(None)
            }
            Err(error) => {
                let what = format!("the table of data source `{}` cannot be read", source.name);
                self.report.problem(problem_of(&path.place, what, &error));
                None
            }
        }
    }

    /// Checks the time columns of a table, and infers the event time where none is declared.
    fn check_times(
        &mut self,
        parsed: &ParsedDataSource,
        file: FileSource,
        columns: &SchemaRef,
    ) -> Option<FileSource> {
        let ParsedSourceKind::File { timestamp_field, created_timestamp_column, .. } = &parsed.kind else {
            return Some(file);
        };
        let names = || columns.fields().iter().map(|field| field.name().as_str());
        let mut found = true;
        for declared in timestamp_field.iter().chain(created_timestamp_column) {
            let column = file.field_mapping.get(&declared.value).unwrap_or(&declared.value);
            match columns.field_with_name(column) {
                Err(_) => {
                    let what =
                        format!("data source `{}` has no column `{}`", parsed.name.value, declared.value);
                    let remedy = suggest(&declared.value, names());
                    self.report.problem(declared.place.problem(what).maybe_remedy(remedy));
                    found = false;
                }
                Ok(field) if !can_become(field.data_type(), &ValueType::UNIX_TIMESTAMP) => {
                    let what = format!(
                        "column `{}` of data source `{}` holds no times but {}",
                        declared.value,
                        parsed.name.value,
                        field.data_type()
                    );
                    self.report.problem(declared.place.problem(what));
                    found = false;
                }
                Ok(_) => {}
            }
        }
        if !found {
            return None;
        }
        if timestamp_field.is_some() {
            return Some(file);
        }
        let created = file.created_timestamp_column.as_ref();
        let created = created.map(|created| file.field_mapping.get(created).unwrap_or(created));
        let candidates: Vec<&str> = columns
            .fields()
            .iter()
            .filter(|field| matches!(field.data_type(), DataType::Timestamp(_, _)))
            .map(|field| field.name().as_str())
            .filter(|name| created.is_none_or(|created| created != name))
            .collect();
        match candidates.as_slice() {
            [column] => {
                // The name that the column has in the file.
                let original =
                    file.field_mapping.iter().find(|(_, mapped)| mapped == column).map(|(name, _)| name);
                let timestamp_field = original.map_or(*column, String::as_str).to_owned();
                Some(FileSource { timestamp_field, ..file })
            }
            several => {
                let why = if several.is_empty() {
                    "no column holds timestamps".to_owned()
                } else {
                    let quoted: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
                    format!("{} hold timestamps", quoted.join(", "))
                };
                let what =
                    format!("the event timestamp of data source `{}` cannot be inferred", parsed.name.value);
                let problem = parsed.name.place.problem(what).because(why);
                self.report.problem(problem.remedy("add `timestamp_field`"));
                None
            }
        }
    }
}

/// Whether larder can read a file source, if there is a file.
fn is_readable(source: &DataSource) -> bool {
    source.as_file().is_some_and(|file| {
        let path = file.path.strip_prefix("file://").unwrap_or(&file.path);
        file.format != FileFormat::Delta && !path.contains("://")
    })
}

/// Whether values of an Arrow type are read as a declared type, by the table of [`mod@column`].
pub(super) fn can_become(found: &DataType, declared: &ValueType) -> bool {
    column::cast_column("", &new_empty_array(found), declared).is_ok()
}
