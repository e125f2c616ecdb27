//! The rows that metrics are computed of, and the computation: as many passes over them as it takes.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray, RecordBatch};
use arrow::compute::max;
use arrow::datatypes::{DataType, Int32Type, TimestampMicrosecondType};
use futures::StreamExt as _;
use larder_core::column::{cast_column, to_timestamps};
use larder_core::{
    DataSource, Error, ErrorKind, Field, OfflineStore, PullAll, RequestError, Result, Timestamp, ValueType,
};
use tokio::runtime::Handle;

use super::feature_metrics::{CountedFeature, FeatureKind, FeatureMetrics};
use crate::feature_log::LOG_TIMESTAMP;
use crate::logged_rows::LoggedRows;
use crate::statistics::Progress;
use crate::statistics::column::Values;

/// So many columns are counted at once, which bounds the memory; more are read in several turns.
const COLUMNS_AT_ONCE: usize = 32;
/// So often a source that changes while it is read is begun anew.
const TRIES: usize = 3;
/// The status of a feature whose entity is not known, in a log.
const NOT_FOUND: i32 = 3;

/// Rows with a time.
#[derive(Clone, Debug)]
pub(super) enum MonitoredRows {
    /// Of a source of the offline store.
    Source { offline: Arc<dyn OfflineStore>, source: Arc<DataSource>, timestamp_field: String },
    /// Of the log of a feature service.
    Log { folder: PathBuf },
}

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Span {
    pub(super) const EVER: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };
}

/// What is found of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Measured {
    /// In the order in which features are asked for.
    pub(super) features: Vec<FeatureMetrics>,
    /// The time of the newest row.
    pub(super) newest: Option<Timestamp>,
}

/// One pass over some columns.
#[derive(Debug)]
struct Pass {
    columns: Vec<(usize, Field, CountedFeature)>,
    timestamp_field: String,
    is_log: bool,
    newest: Option<i64>,
}

impl MonitoredRows {
    /// The time of the newest row of all; `None` without rows.
    pub(super) async fn newest(&self) -> Result<Option<Timestamp>> {
        let pass = self.pass(Vec::new());
        let newest = self.visit(Span::EVER, pass).await?.newest;
        Ok(newest.map(Timestamp::from_micros))
    }

    /// The metrics of columns in a span.
    pub(super) async fn measure(&self, span: Span, columns: &[(Field, FeatureKind)]) -> Result<Measured> {
        let mut measured = Measured::default();
        for group in columns.chunks(COLUMNS_AT_ONCE) {
            let (features, newest) = self.measure_group(span, group).await?;
            measured.features.extend(features);
            measured.newest = measured.newest.max(newest);
        }
        Ok(measured)
    }

    async fn measure_group(
        &self,
        span: Span,
        group: &[(Field, FeatureKind)],
    ) -> Result<(Vec<FeatureMetrics>, Option<Timestamp>)> {
        'tries: for _ in 0..TRIES {
            let counted = |(at, (field, kind)): (usize, &(Field, FeatureKind))| {
                (at, field.clone(), CountedFeature::new(*kind))
            };
            let mut open: Vec<_> = group.iter().enumerate().map(counted).collect();
            let mut done: Vec<(usize, FeatureMetrics)> = Vec::new();
            let mut newest = None;
            while !open.is_empty() {
                let passed = self.visit(span, self.pass(open)).await?;
                newest = newest.max(passed.newest);
                open = Vec::new();
                for (at, field, mut counted) in passed.columns {
                    match counted.end_pass() {
                        Progress::Again => open.push((at, field, counted)),
                        Progress::Changed => continue 'tries,
                        Progress::Done => {
                            let kind = group.get(at).map_or(FeatureKind::Text, |(_, kind)| *kind);
                            done.push((at, counted.finish(&field.name, kind)));
                        }
                    }
                }
            }
            done.sort_by_key(|(at, _)| *at);
            let features = done.into_iter().map(|(_, metrics)| metrics).collect();
            return Ok((features, newest.map(Timestamp::from_micros)));
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            RequestError::other("the rows change while they are read; try again when nobody writes them"),
        ))
    }

    fn pass(&self, columns: Vec<(usize, Field, CountedFeature)>) -> Pass {
        let (timestamp_field, is_log) = match self {
            Self::Source { timestamp_field, .. } => (timestamp_field.clone(), false),
            Self::Log { .. } => (LOG_TIMESTAMP.to_owned(), true),
        };
        Pass { columns, timestamp_field, is_log, newest: None }
    }

    /// Shows a pass all rows of a span, on a thread that may wait.
    async fn visit(&self, span: Span, mut pass: Pass) -> Result<Pass> {
        match self {
            Self::Source { offline, source, timestamp_field } => {
                let mut columns: Vec<Field> =
                    pass.columns.iter().map(|(_, field, _)| field.clone()).collect();
                if columns.iter().all(|column| column.name != *timestamp_field) {
                    columns.push(Field::new(timestamp_field.as_str(), ValueType::UNIX_TIMESTAMP));
                }
                let (start, end) = (Some(span.start), Some(span.end));
                let pull = PullAll { source: Arc::clone(source), columns, start, end };
                let mut parts = offline.pull_all(pull).await?.parts;
                let runtime = Handle::current();
                larder_blocking::run(move || {
                    while let Some(rows) = runtime.block_on(parts.next()) {
                        pass.add(&rows?)?;
                    }
                    Ok(pass)
                })
                .await
            }
            Self::Log { folder } => {
                let rows = LoggedRows { folder: folder.clone(), start: span.start, end: span.end };
                larder_blocking::run(move || {
                    rows.visit(&mut |rows| pass.add(rows))?;
                    Ok(pass)
                })
                .await
            }
        }
    }
}

impl Pass {
    fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        for (_, field, counted) in &mut self.columns {
            // A file of a log from before the service had the feature says nothing of it.
            let Some(column) = rows.column_by_name(&field.name) else { continue };
            if self.is_log {
                let statuses = rows
                    .column_by_name(&format!("{}__status", field.name))
                    .filter(|statuses| *statuses.data_type() == DataType::Int32)
                    .map(AsArray::as_primitive::<Int32Type>);
                let column: ArrayRef = cast_column(&field.name, column, &field.value_type)?;
                counted.add(&Values::of(&column)?, |row| {
                    statuses.is_none_or(|statuses| statuses.is_null(row) || statuses.value(row) != NOT_FOUND)
                });
            } else {
                counted.add(&Values::of(column)?, |_| true);
            }
        }
        if let Some(times) = rows.column_by_name(&self.timestamp_field) {
            let times = to_timestamps(&self.timestamp_field, times)?;
            self.newest = self.newest.max(max::<TimestampMicrosecondType>(&times));
        }
        Ok(())
    }
}
