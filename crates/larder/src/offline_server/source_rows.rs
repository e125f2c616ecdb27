//! Rows of a data source under the names that they have in it, for whoever applies the field mapping himself.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt as _;
use larder_core::{
    DUMMY_JOIN_KEY, DataSource, DataSourceKind, Error, ErrorKind, Field, FileSource, LatestRows, PullAll,
    PullLatest, RequestError, Result, RowStream, SavedDatasetStorage, Timestamp, ValueType,
    timestamp_data_type,
};
use larder_grpc::SourceRows;

use crate::FeatureStore;

/// The newest row of every key, or the newest of all where there are no keys.
pub(crate) async fn latest(store: &FeatureStore, rows: SourceRows) -> Result<RowStream> {
    let Read { source, rows, columns } = prepare(store, rows).await?;
    let of_names = |names: &[String]| -> Vec<Field> {
        names.iter().filter_map(|name| columns.iter().find(|column| column.name == *name).cloned()).collect()
    };
    let pull = PullLatest {
        view: source.name.clone(),
        source: Arc::clone(&source),
        join_keys: of_names(&rows.join_keys),
        features: of_names(&rows.features),
        start: rows.start.unwrap_or(Timestamp::from_micros(i64::MIN)),
        end: rows.end.unwrap_or(Timestamp::from_micros(i64::MAX)),
    };
    let schema = Arc::new(Schema::new(columns.iter().map(Field::to_arrow).collect::<Vec<_>>()));
    let parts = store.offline().pull_latest(pull).await?.parts;
    let (of_parts, is_keyed) = (SchemaRef::clone(&schema), !rows.join_keys.is_empty());
    let parts = parts.map(move |part| assemble(&of_parts, &rows, &part?)).boxed();
    let stream = RowStream { schema, parts };
    Ok(if is_keyed { stream } else { with_key_of_all(stream) })
}

/// Every row.
pub(crate) async fn all(store: &FeatureStore, rows: SourceRows) -> Result<RowStream> {
    let Read { source, rows, columns } = prepare(store, rows).await?;
    let pull = PullAll { source, columns, start: rows.start, end: rows.end };
    let stream = store.offline().pull_all(pull).await?;
    Ok(if rows.join_keys.is_empty() { with_key_of_all(stream) } else { stream })
}

/// A read whose columns are known.
struct Read {
    source: Arc<DataSource>,
    rows: SourceRows,
    /// The columns of the answer, of the types that the source has.
    columns: Vec<Field>,
}

async fn prepare(store: &FeatureStore, mut rows: SourceRows) -> Result<Read> {
    let source = source_of(store, &rows)?;
    let schema = store.offline().schema(&source).await?;
    if rows.features.is_empty() {
        // So a client asks for all columns.
        let others = schema.fields().iter().filter(|field| !rows.columns().contains(&field.name().as_str()));
        rows.features = others.map(|field| field.name().clone()).collect();
    }
    let typed = |name: &str| {
        if name == rows.timestamp_field || Some(name) == rows.created_timestamp_column.as_deref() {
            return Ok(Field::new(name, ValueType::UNIX_TIMESTAMP));
        }
        let column = schema.field_with_name(name).map_err(|_| RequestError::MissingColumn {
            column: name.to_owned(),
            table: format!("a read of data source `{}`", source.name),
            found: schema.fields().iter().map(|field| field.name().clone()).collect(),
        })?;
        let value_type = ValueType::infer(column.data_type()).ok_or_else(|| {
            RequestError::other(format!(
                "column `{name}` of data source `{}` is {}, which Feast has no type for; leave it out",
                source.name,
                column.data_type()
            ))
        })?;
        Ok(Field::new(name, value_type))
    };
    let columns = rows.columns().into_iter().map(typed).collect::<Result<_, RequestError>>()?;
    Ok(Read { source, rows, columns })
}

/// The rows of a view without entities, with the key that Feast keeps them under and looks for in them.
fn with_key_of_all(rows: RowStream) -> RowStream {
    let key = Field::new(DUMMY_JOIN_KEY, ValueType::STRING).to_arrow();
    let fields: Vec<_> = rows.schema.fields().iter().map(Arc::clone).chain([Arc::new(key)]).collect();
    let schema = Arc::new(Schema::new(fields));
    let of_parts = SchemaRef::clone(&schema);
    let parts = rows.parts.map(move |part| {
        let part = part?;
        let key = StringArray::from_iter_values(std::iter::repeat_n("", part.num_rows()));
        let columns = part.columns().iter().map(Arc::clone).chain([Arc::new(key) as ArrayRef]).collect();
        batch(&of_parts, columns)
    });
    RowStream { schema, parts: parts.boxed() }
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(SchemaRef::clone(schema), columns)
        .map_err(|source| Error::new(ErrorKind::Internal, source))
}

/// The source as a plain table with these times: without its field mapping.
fn source_of(store: &FeatureStore, rows: &SourceRows) -> Result<Arc<DataSource>> {
    let catalog = store.catalog();
    let snapshot = catalog.snapshot();
    let plain = |file: FileSource| FileSource {
        timestamp_field: rows.timestamp_field.clone(),
        created_timestamp_column: rows.created_timestamp_column.clone(),
        field_mapping: BTreeMap::new(),
        ..file
    };
    let unknown = match snapshot.data_source(&rows.data_source) {
        Ok(registered) => {
            let source = &registered.object;
            return Ok(match source.as_file() {
                Some(file) => Arc::new(DataSource {
                    kind: DataSourceKind::File(plain(file.clone())),
                    ..source.as_ref().clone()
                }),
                // The offline store says what it does not read.
                None => Arc::clone(source),
            });
        }
        Err(unknown) => unknown,
    };
    match snapshot.saved_dataset_at(&rows.data_source).map(|dataset| &dataset.object.storage) {
        Some(SavedDatasetStorage::File { path, format, .. }) => {
            let file = FileSource { format: *format, ..FileSource::new(path, "") };
            Ok(Arc::new(DataSource {
                name: path.clone(),
                kind: DataSourceKind::File(plain(file)),
                description: String::new(),
                tags: BTreeMap::new(),
                owner: String::new(),
            }))
        }
        _ => Err(unknown.into()),
    }
}

/// A part with the columns of `schema`.
fn assemble(schema: &SchemaRef, rows: &SourceRows, part: &LatestRows) -> Result<RecordBatch> {
    let at = |names: &[String], name: &str| names.iter().position(|known| known == name);
    let column = |name: &str| -> ArrayRef {
        if let Some(place) = at(&rows.join_keys, name) {
            Arc::clone(part.keys.column(place))
        } else if let Some(place) = at(&rows.features, name) {
            Arc::clone(part.features.column(place))
        } else if name == rows.timestamp_field {
            times(part.event_timestamps.iter().map(|time| Some(*time)))
        } else {
            times(part.created_timestamps.iter().copied())
        }
    };
    batch(schema, schema.fields().iter().map(|field| column(field.name())).collect())
}

fn times(times: impl Iterator<Item = Option<Timestamp>>) -> ArrayRef {
    let micros: TimestampMicrosecondArray = times.map(|time| time.map(Timestamp::micros)).collect();
    Arc::new(micros.with_data_type(timestamp_data_type()))
}
