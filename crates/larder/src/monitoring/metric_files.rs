//! Where metrics and jobs are kept: Parquet files that Feast's file offline store reads and writes too.
//!
//! ```text
//! <repo>/feast_monitoring/feast_monitoring_feature_metrics.parquet           a row for each feature, day, …
//!                         feast_monitoring_feature_view_metrics.parquet      … view, …
//!                         feast_monitoring_feature_service_metrics.parquet   … service, …
//!                         feast_monitoring_jobs.parquet                      … job
//!                         .lock                                              held while a file is changed
//! ```
//!
//! A row that is put replaces the one of the same key. Files are replaced as a whole, so a reader finds the old rows or
//! the new ones. Feast takes no lock: of its changes and larder's at one moment one may be lost.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Field as ArrowField, Float64Type, Int64Type, Schema, TimestampMicrosecondType,
};
use larder_core::{Date, Error, ErrorKind, RequestError, Result, Timestamp, timestamp_data_type};
use larder_offline::table::{read_table, write_table};
use larder_serving::MetricRow;
use serde_json::Value;

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricFile {
    Feature,
    FeatureView,
    FeatureService,
    Job,
}

/// How the values of a column lie in a file, and in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// A day, as `2024-01-31`.
    Day,
    /// A time, as Python writes it.
    Time,
    Flag,
    Count,
    Number,
    /// The text of a JSON value; in a row that value.
    Json,
}

type Columns = &'static [(&'static str, Kind)];

const FEATURE: Columns = &[
    ("project_id", Kind::Text),
    ("feature_view_name", Kind::Text),
    ("feature_name", Kind::Text),
    ("metric_date", Kind::Day),
    ("granularity", Kind::Text),
    ("data_source_type", Kind::Text),
    ("computed_at", Kind::Time),
    ("max_event_timestamp", Kind::Time),
    ("is_baseline", Kind::Flag),
    ("feature_type", Kind::Text),
    ("row_count", Kind::Count),
    ("null_count", Kind::Count),
    ("null_rate", Kind::Number),
    ("mean", Kind::Number),
    ("stddev", Kind::Number),
    ("min_val", Kind::Number),
    ("max_val", Kind::Number),
    ("p50", Kind::Number),
    ("p75", Kind::Number),
    ("p90", Kind::Number),
    ("p95", Kind::Number),
    ("p99", Kind::Number),
    ("histogram", Kind::Json),
];

const FEATURE_VIEW: Columns = &[
    ("project_id", Kind::Text),
    ("feature_view_name", Kind::Text),
    ("metric_date", Kind::Day),
    ("granularity", Kind::Text),
    ("data_source_type", Kind::Text),
    ("computed_at", Kind::Time),
    ("max_event_timestamp", Kind::Time),
    ("is_baseline", Kind::Flag),
    ("total_row_count", Kind::Count),
    ("total_features", Kind::Count),
    ("features_with_nulls", Kind::Count),
    ("avg_null_rate", Kind::Number),
    ("max_null_rate", Kind::Number),
];

const FEATURE_SERVICE: Columns = &[
    ("project_id", Kind::Text),
    ("feature_service_name", Kind::Text),
    ("metric_date", Kind::Day),
    ("granularity", Kind::Text),
    ("data_source_type", Kind::Text),
    ("computed_at", Kind::Time),
    ("max_event_timestamp", Kind::Time),
    ("is_baseline", Kind::Flag),
    ("total_feature_views", Kind::Count),
    ("total_features", Kind::Count),
    ("avg_null_rate", Kind::Number),
    ("max_null_rate", Kind::Number),
];

const JOB: Columns = &[
    ("job_id", Kind::Text),
    ("project_id", Kind::Text),
    ("feature_view_name", Kind::Text),
    ("job_type", Kind::Text),
    ("status", Kind::Text),
    ("parameters", Kind::Json),
    ("metric_date", Kind::Day),
    ("started_at", Kind::Time),
    ("completed_at", Kind::Time),
    ("error_message", Kind::Text),
    ("result_summary", Kind::Json),
];

impl MetricFile {
    fn name(self) -> &'static str {
        match self {
            Self::Feature => "feast_monitoring_feature_metrics.parquet",
            Self::FeatureView => "feast_monitoring_feature_view_metrics.parquet",
            Self::FeatureService => "feast_monitoring_feature_service_metrics.parquet",
            Self::Job => "feast_monitoring_jobs.parquet",
        }
    }

    fn columns(self) -> Columns {
        match self {
            Self::Feature => FEATURE,
            Self::FeatureView => FEATURE_VIEW,
            Self::FeatureService => FEATURE_SERVICE,
            Self::Job => JOB,
        }
    }

    /// The columns of which no two rows have the same values: the first ones.
    fn key(self) -> impl Iterator<Item = &'static str> {
        let length = match self {
            Self::Feature => 6,
            Self::FeatureView | Self::FeatureService => 5,
            Self::Job => 1,
        };
        self.columns().iter().take(length).map(|(name, _)| *name)
    }
}

/// The files of a repo. Methods wait for the disk, and for others who change them.
#[derive(Clone, Debug)]
pub(super) struct MetricFiles {
    folder: PathBuf,
}

/// The right to change the files, held until dropped. Also given up when the process dies.
#[derive(Debug)]
pub(super) struct Change<'a> {
    files: &'a MetricFiles,
    _lock: File,
}

/// Metrics cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be kept in the folder `{}`", folder.display())]
struct UnusableFolder {
    folder: PathBuf,
    source: io::Error,
}

impl MetricFiles {
    /// The files of a repo; touches none.
    pub(super) fn of(repo: &Path) -> Self {
        Self { folder: repo.join("feast_monitoring") }
    }

    /// All rows of a file in their order; none, if it is not there.
    pub(super) fn read(&self, file: MetricFile) -> Result<Vec<MetricRow>> {
        let path = self.folder.join(file.name());
        if !path.is_file() {
            return Ok(Vec::new());
        }
        rows_of(&read_table(&path)?, file.columns(), &path)
    }

    /// Waits until nobody else changes the files.
    pub(super) fn change(&self) -> Result<Change<'_>> {
        let path = self.folder.join(".lock");
        let open = || {
            fs::create_dir_all(&self.folder)?;
            let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            lock.lock()?;
            Ok(lock)
        };
        let lock = open().map_err(|source| {
            let folder = self.folder.clone();
            Error::new(ErrorKind::Unavailable, UnusableFolder { folder, source })
        })?;
        Ok(Change { files: self, _lock: lock })
    }
}

impl Change<'_> {
    /// All rows of a file.
    pub(super) fn read(&self, file: MetricFile) -> Result<Vec<MetricRow>> {
        self.files.read(file)
    }

    /// Puts rows, each in the place of the one with its key.
    pub(super) fn put(&self, file: MetricFile, rows: Vec<MetricRow>) -> Result<()> {
        self.put_after(file, rows, |_| {})
    }

    /// The same, after `change` of each row that was there.
    pub(super) fn put_after(
        &self,
        file: MetricFile,
        rows: Vec<MetricRow>,
        change: impl FnMut(&mut MetricRow),
    ) -> Result<()> {
        let mut all = self.files.read(file)?;
        all.iter_mut().for_each(change);
        all.extend(rows);
        // The last of a key stays, where it stands.
        let mut seen = HashSet::new();
        let mut kept: Vec<MetricRow> = Vec::with_capacity(all.len());
        for row in all.into_iter().rev() {
            let key: Vec<String> =
                file.key().map(|column| row.get(column).map(Value::to_string).unwrap_or_default()).collect();
            if seen.insert(key) {
                kept.push(row);
            }
        }
        kept.reverse();
        Ok(write_table(&self.files.folder.join(file.name()), &batch_of(&kept, file.columns())?)?)
    }
}

/// Rows as the columns of a file.
fn batch_of(rows: &[MetricRow], columns: Columns) -> Result<RecordBatch> {
    let arrays: Vec<ArrayRef> = columns.iter().map(|(name, kind)| kind.array(rows, name)).collect();
    let fields: Vec<ArrowField> = columns
        .iter()
        .zip(&arrays)
        .map(|((name, _), array)| ArrowField::new(*name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|source| Error::new(ErrorKind::Internal, source))
}

/// The columns of a file as rows. Feast's files have the types that pandas made of the values.
fn rows_of(batch: &RecordBatch, columns: Columns, path: &Path) -> Result<Vec<MetricRow>> {
    let mut rows = vec![MetricRow::new(); batch.num_rows()];
    for (name, kind) in columns {
        let column = match batch.column_by_name(name) {
            Some(column) => Some(kind.column(name, column).map_err(|expected| {
                Error::new(
                    ErrorKind::Corrupt,
                    RequestError::other(format!(
                        "`{}` is no file of metrics: column `{name}` holds {}, not {expected}",
                        path.display(),
                        column.data_type()
                    )),
                )
            })?),
            None => None,
        };
        for (at, row) in rows.iter_mut().enumerate() {
            let value = column.as_ref().map_or(Value::Null, |column| kind.value(column, at));
            row.insert((*name).to_owned(), value);
        }
    }
    Ok(rows)
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Text | Self::Json => DataType::Utf8,
            Self::Day => DataType::Date32,
            Self::Time => timestamp_data_type(),
            Self::Flag => DataType::Boolean,
            Self::Count => DataType::Int64,
            Self::Number => DataType::Float64,
        }
    }

    /// The column of some rows.
    fn array(self, rows: &[MetricRow], name: &str) -> ArrayRef {
        let values = rows.iter().map(|row| row.get(name).unwrap_or(&Value::Null));
        match self {
            Self::Text => Arc::new(values.map(Value::as_str).collect::<StringArray>()),
            Self::Json => {
                let texts = values.map(|value| match value {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    value => Some(value.to_string()),
                });
                Arc::new(texts.collect::<StringArray>())
            }
            Self::Day => {
                let days = values.map(|value| Some(Date::parse(value.as_str()?).ok()?.days()));
                Arc::new(days.collect::<Date32Array>())
            }
            Self::Time => {
                let times = values.map(|value| Some(Timestamp::parse(value.as_str()?).ok()?.micros()));
                let times: TimestampMicrosecondArray = times.collect();
                Arc::new(times.with_data_type(timestamp_data_type()))
            }
            Self::Flag => Arc::new(values.map(Value::as_bool).collect::<BooleanArray>()),
            Self::Count => Arc::new(values.map(Value::as_i64).collect::<Int64Array>()),
            Self::Number => Arc::new(values.map(Value::as_f64).collect::<Float64Array>()),
        }
    }

    /// A column that was found, with the type that it should have; that type, if it cannot have it.
    fn column(self, name: &str, found: &ArrayRef) -> Result<ArrayRef, DataType> {
        let wanted = self.data_type();
        let cast = match self {
            // Without zone is in UTC.
            Self::Time if *found.data_type() != DataType::Null => {
                larder_core::column::to_timestamps(name, found).ok().map(|times| Arc::new(times) as ArrayRef)
            }
            _ => cast(found, &wanted).ok(),
        };
        cast.ok_or(wanted)
    }

    /// A value of such a column.
    fn value(self, column: &ArrayRef, row: usize) -> Value {
        if column.is_null(row) {
            return Value::Null;
        }
        match self {
            Self::Text => column.as_string::<i32>().value(row).into(),
            Self::Json => {
                let text = column.as_string::<i32>().value(row);
                serde_json::from_str(text).unwrap_or_else(|_no_json| text.into())
            }
            Self::Day => {
                let days = column.as_primitive::<Date32Type>().value(row);
                Date::from_days(days).map(|day| day.to_string()).into()
            }
            Self::Time => python_time(Timestamp::from_micros(
                column.as_primitive::<TimestampMicrosecondType>().value(row),
            ))
            .into(),
            Self::Flag => column.as_boolean().value(row).into(),
            Self::Count => column.as_primitive::<Int64Type>().value(row).into(),
            Self::Number => column.as_primitive::<Float64Type>().value(row).into(),
        }
    }
}

/// A time as Python's `isoformat` writes an aware one in UTC.
pub(super) fn python_time(time: Timestamp) -> String {
    let seconds = Timestamp::from_micros(time.seconds().saturating_mul(1_000_000)).to_string();
    let seconds = seconds.strip_suffix('Z').unwrap_or(&seconds);
    match time.micros().rem_euclid(1_000_000) {
        0 => format!("{seconds}+00:00"),
        micros => format!("{seconds}.{micros:06}+00:00"),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::NullArray;
    use serde_json::json;

    use super::*;

    fn row(value: &Value) -> MetricRow {
        value.as_object().unwrap().clone()
    }

    fn view(name: &str, day: &str, rows: u64) -> MetricRow {
        row(&json!({
            "project_id": "p", "feature_view_name": name, "metric_date": day, "granularity": "daily",
            "data_source_type": "batch", "computed_at": "2024-01-31T12:00:00.000120+00:00",
            "max_event_timestamp": null, "is_baseline": false, "total_row_count": rows, "total_features": 2,
            "features_with_nulls": 0, "avg_null_rate": 0.5, "max_null_rate": 0.5,
        }))
    }

    #[test]
    fn rows_come_back_and_a_row_replaces_the_one_of_its_key_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let files = MetricFiles::of(folder.path());
        assert_eq!(files.read(MetricFile::FeatureView).unwrap(), Vec::new());
        let put = |rows| files.change().unwrap().put(MetricFile::FeatureView, rows).unwrap();
        let (a, b) = (view("a", "2024-01-01", 1), view("b", "2024-01-01", 1));
        put(vec![a.clone(), b.clone()]);
        assert_eq!(files.read(MetricFile::FeatureView).unwrap(), [a, b.clone()]);
        let newer = view("a", "2024-01-01", 7);
        put(vec![newer.clone(), view("a", "2024-01-02", 1)]);
        assert_eq!(files.read(MetricFile::FeatureView).unwrap(), [b, newer, view("a", "2024-01-02", 1)]);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("feast_monitoring"), "a file").unwrap();
        let error = MetricFiles::of(folder.path()).change().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.chain().contains("feast_monitoring`: "), "{}", error.chain());
    }

    #[test]
    fn of_those_who_change_a_file_at_once_nobody_loses_a_row() {
        let folder = tempfile::tempdir().unwrap();
        let files = MetricFiles::of(folder.path());
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let files = &files;
                scope.spawn(move || {
                    for number in 0..5 {
                        let row = view(&format!("{writer}-{number}"), "2024-01-01", 1);
                        files.change().unwrap().put(MetricFile::FeatureView, vec![row]).unwrap();
                    }
                });
            }
        });
        assert_eq!(files.read(MetricFile::FeatureView).unwrap().len(), 20);
    }

    #[test]
    fn columns_without_any_value_may_have_no_type_as_in_an_empty_file_of_feasts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        for rows in [0, 2] {
            let columns =
                JOB.iter().map(|(name, _)| (*name, Arc::new(NullArray::new(rows)) as ArrayRef, true));
            write_table(&path, &RecordBatch::try_from_iter_with_nullable(columns).unwrap()).unwrap();
            let read = rows_of(&read_table(&path).unwrap(), JOB, &path).unwrap();
            assert_eq!(read.len(), rows);
            assert!(read.iter().all(|row| row.len() == JOB.len() && row.values().all(Value::is_null)));
        }
    }

    #[test]
    fn a_column_of_another_kind_is_told_with_its_file() {
        let column: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        let batch = RecordBatch::try_from_iter([("metric_date", column)]).unwrap();
        let error = rows_of(&batch, JOB, Path::new("x.parquet")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.chain().contains("column `metric_date` holds Boolean"), "{}", error.chain());
    }

    #[test]
    fn times_are_written_as_python_writes_them() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (1_500_000, "1970-01-01T00:00:01.500000+00:00"),
            (-1, "1969-12-31T23:59:59.999999+00:00"),
        ] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(python_time(time), text);
            assert_eq!(Timestamp::parse(text), Ok(time));
        }
    }
}
