//! Rows of one feature view, ready to be written.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use larder_core::{
    DataSource, EntityKey, Field, InputTable, LatestRows, RequestError, Result, RowVersion, Timestamp, column,
};

use crate::MaterializeError;
use crate::row_keys::RowKeys;
use crate::view_target::ViewTarget;

/// The event time column of tables that have no source to name it.
pub(crate) const EVENT_TIMESTAMP: &str = "event_timestamp";
/// The created time column of tables that have no source to name it.
const CREATED: &str = "created";

/// Rows of one feature view, ready to be written. All parts have one length.
#[derive(Clone, Debug)]
pub(crate) struct ViewRows {
    /// The join key columns, from which the keys of on-demand views are made.
    pub(crate) key_columns: Vec<ArrayRef>,
    pub(crate) keys: Vec<EntityKey>,
    pub(crate) versions: Vec<RowVersion>,
    pub(crate) features: RecordBatch,
}

impl ViewRows {
    /// Takes rows that the offline store gave.
    pub(crate) fn from_latest(target: &ViewTarget, latest: LatestRows) -> Result<Self> {
        let LatestRows { keys, features, event_timestamps, created_timestamps } = latest;
        let key_columns = keys.columns().to_vec();
        let view = &target.definition.name;
        let encoded = target.keys.encode(&key_columns, event_timestamps.len())?;
        let keys = encoded
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| MaterializeError::NullJoinKey { view: view.clone() })?;
        let versions = event_timestamps
            .into_iter()
            .zip(created_timestamps)
            .map(|(event_timestamp, created_timestamp)| RowVersion { event_timestamp, created_timestamp })
            .collect();
        Ok(Self { key_columns, keys, versions, features })
    }

    /// Takes rows that a caller sent. Columns may have the names of the source or those after its field
    /// mapping; times may also be called `event_timestamp` and `created`, as Feast's client calls them
    /// whatever the source does. The created column may be absent, and columns of other names are ignored.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for a missing column, a value that does not fit, and a null join key or event time.
    pub(crate) fn from_table(target: &ViewTarget, table: &InputTable) -> Result<Self> {
        let names = SourceNames::new(target.source.as_deref());
        let view = &target.definition.name;
        let needed_by = || format!("feature view `{view}`");
        let find = |field: &Field| names.column(table, field, needed_by);
        let key_columns = target.key_fields().iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let features = target.definition.features.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let is_value = |name: &str| {
            let mut fields = target.key_fields().iter().chain(&target.definition.features);
            fields.any(|field| field.name == name)
        };
        let versions = names.versions(table, is_value, needed_by)?;
        let keys = keys_of_table(&target.keys, target.key_fields(), &key_columns, table.len())?;
        let features = batch(view, &target.schema, features, table.len())?;
        Ok(Self { key_columns, keys, versions, features })
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The rows in parts of at most `rows`, in order.
    pub(crate) fn into_parts(self, rows: usize) -> Vec<Self> {
        if self.len() <= rows {
            return vec![self];
        }
        let Self { key_columns, keys, versions, features } = self;
        let mut start = 0;
        keys.chunks(rows)
            .zip(versions.chunks(rows))
            .map(|(keys, versions)| {
                let part = Self {
                    key_columns: key_columns.iter().map(|column| column.slice(start, keys.len())).collect(),
                    keys: keys.to_vec(),
                    versions: versions.to_vec(),
                    features: features.slice(start, keys.len()),
                };
                start += keys.len();
                part
            })
            .collect()
    }
}

/// The keys of rows that a caller sent, none of which may be missing.
pub(crate) fn keys_of_table(
    keys: &RowKeys,
    fields: &[Field],
    columns: &[ArrayRef],
    rows: usize,
) -> Result<Vec<EntityKey>> {
    for (field, column) in fields.iter().zip(columns) {
        if let Some(row) = first_null(column) {
            return Err(RequestError::other(format!(
                "column `{}`, row {row}: null is not a valid join key; send a value",
                field.name
            ))
            .into());
        }
    }
    let encoded = keys.encode(columns, rows)?;
    Ok(encoded.into_iter().map(|key| key.expect("no join key is null")).collect())
}

/// The event times of rows that a caller sent: none may be missing, and all have a year of four digits.
pub(crate) fn event_times(column: &str, array: &ArrayRef) -> Result<TimestampMicrosecondArray, RequestError> {
    let times = column::to_timestamps(column, array)?;
    if let Some(row) = first_null(&times) {
        return Err(RequestError::other(format!(
            "column `{column}`, row {row}: null is not a valid event time; send the time at which the row became true"
        )));
    }
    // Nothing that comes later would be newer, and no client can read such a time.
    match times.values().iter().position(|micros| !CALENDAR_YEARS.contains(micros)) {
        None => Ok(times),
        Some(row) => Err(RequestError::other(format!(
            "column `{column}`, row {row}: the event time lies outside the years 1 to 9999; send seconds since 1970, \
             or text as in `2024-01-31T12:00:00Z`"
        ))),
    }
}

/// From the start of year 1 to the end of year 9999, in microseconds: what protobuf and Python can say.
const CALENDAR_YEARS: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

fn first_null(array: &dyn Array) -> Option<usize> {
    array.nulls().and_then(|nulls| (0..array.len()).find(|row| nulls.is_null(*row)))
}

/// A batch of a view's columns.
pub(crate) fn batch(
    view: &str,
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|source| MaterializeError::Batch { view: view.to_owned(), source }.into())
}

/// The Arrow schema of features in the store.
pub(crate) fn feature_schema(features: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(features.iter().map(Field::to_arrow).collect::<Vec<ArrowField>>()))
}

/// How the columns of a table are called that comes in the shape of a source.
struct SourceNames<'a> {
    field_mapping: Option<&'a BTreeMap<String, String>>,
    event_timestamp: &'a str,
    created_timestamp: Option<&'a str>,
}

impl<'a> SourceNames<'a> {
    fn new(source: Option<&'a DataSource>) -> Self {
        match source.and_then(DataSource::as_file) {
            Some(file) => Self {
                field_mapping: Some(&file.field_mapping),
                event_timestamp: &file.timestamp_field,
                created_timestamp: file.created_timestamp_column.as_deref(),
            },
            None => Self {
                field_mapping: None,
                event_timestamp: EVENT_TIMESTAMP,
                created_timestamp: Some(CREATED),
            },
        }
    }

    /// The name that `table` has for what larder calls `name`: the source's own, or else the mapped one,
    /// unless that is the source's name of something else.
    fn name<'n>(&'n self, table: &InputTable, name: &'n str) -> Option<&'n str> {
        let renamed = self.field_mapping.into_iter().flatten();
        let own = renamed
            .filter(|(_, mapped)| mapped.as_str() == name)
            .map(|(own, _)| own.as_str())
            .find(|own| table.has_column(own));
        own.or_else(|| {
            let taken = self.field_mapping.is_some_and(|mapping| mapping.contains_key(name));
            (!taken && table.has_column(name)).then_some(name)
        })
    }

    fn column(
        &self,
        table: &InputTable,
        field: &Field,
        needed_by: impl FnOnce() -> String,
    ) -> Result<ArrayRef, RequestError> {
        let name = self.name(table, &field.name).unwrap_or(&field.name);
        table.column(name, &field.value_type)?.ok_or_else(|| missing(&field.name, table, needed_by()))
    }

    fn versions(
        &self,
        table: &InputTable,
        is_value: impl Fn(&str) -> bool,
        needed_by: impl FnOnce() -> String,
    ) -> Result<Vec<RowVersion>, RequestError> {
        let time_column = |name: &str, usual: &str| {
            let usual = (!is_value(usual) && table.has_column(usual)).then_some(usual);
            let found = self.name(table, name).or(usual).unwrap_or(name);
            table.column(found, &larder_core::ValueType::UNIX_TIMESTAMP)
        };
        let events = time_column(self.event_timestamp, EVENT_TIMESTAMP)?
            .ok_or_else(|| missing(self.event_timestamp, table, needed_by()))?;
        let events = event_times(self.event_timestamp, &events)?;
        let created = match self.created_timestamp {
            Some(name) => {
                let column = time_column(name, CREATED)?;
                column.map(|array| column::to_timestamps(name, &array)).transpose()?
            }
            None => None,
        };
        let created_at = |row: usize| {
            let times = created.as_ref().filter(|times| times.is_valid(row))?;
            Some(Timestamp::from_micros(times.value(row)))
        };
        Ok(events
            .values()
            .iter()
            .enumerate()
            .map(|(row, micros)| RowVersion {
                event_timestamp: Timestamp::from_micros(*micros),
                created_timestamp: created_at(row),
            })
            .collect())
    }
}

/// The error for a column that a table must have and has not.
pub(crate) fn missing(column: &str, table: &InputTable, needed_by: String) -> RequestError {
    RequestError::MissingColumn {
        column: column.to_owned(),
        table: needed_by,
        found: table.column_names().into_iter().map(str::to_owned).collect(),
    }
}
