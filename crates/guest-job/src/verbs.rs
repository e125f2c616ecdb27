//! The verbs of the feature store.

use larder_guest::Timestamp;

use crate::bindings::larder::job::offline_store as offline;
use crate::bindings::larder::job::{log as wit_log, materializer, online_store as online, transformer};
use crate::{EntityRows, Error, Reader, Table};

pub use crate::bindings::larder::job::tables::{Capability, ErrorKind};
pub use offline::{HistoricalOptions, Selection};
pub use online::PushMode;
pub use wit_log::Level;

impl Selection {
    /// Features by their references, `view:feature` each.
    pub fn features<T: Into<String>>(references: impl IntoIterator<Item = T>) -> Self {
        Self::Features(references.into_iter().map(Into::into).collect())
    }

    /// All features of a feature service.
    pub fn service(name: impl Into<String>) -> Self {
        Self::FeatureService(name.into())
    }
}

impl Default for HistoricalOptions {
    /// Short feature names, and rows whenever they were created.
    fn default() -> Self {
        Self { full_feature_names: false, filter_by_created_timestamp: false }
    }
}

/// What the rows of a training set are about.
#[derive(Debug)]
pub struct Entities(offline::Entities);

impl Entities {
    /// These rows: join keys, a time (`event_timestamp`, or else the only column of times), request data, and
    /// anything else, which passes through.
    pub fn rows(rows: Table) -> Self {
        Self(offline::Entities::Rows(rows.into_wit()))
    }

    /// Every entity that the views' sources know, as of the time of the invocation.
    pub fn all() -> Self {
        Self::between(None, None)
    }

    /// Every entity that has a row in a span, as of its end.
    pub fn between(start: Option<Timestamp>, end: Option<Timestamp>) -> Self {
        let (start, end) = (start.map(Timestamp::micros), end.map(Timestamp::micros));
        Self(offline::Entities::All(offline::Span { start, end }))
    }
}

impl From<EntityRows> for Entities {
    fn from(rows: EntityRows) -> Self {
        Self(offline::Entities::Written(rows.0))
    }
}

/// The point-in-time join: the features of each entity row as of its time, on-demand views included. Needs
/// `offline-read`.
///
/// Entity rows are joined some at a time, as they are read: 262,144 at first, then as many as fit into 256 MiB with their
/// features. Every time the keys and times of the sources are read anew, so a long training set of few features costs
/// less than one of many.
///
/// # Errors
///
/// If the job may not, or the request has a mistake.
pub fn get_historical_features(
    selection: &Selection,
    entities: impl Into<Entities>,
    options: HistoricalOptions,
) -> Result<Reader, Error> {
    let reader = offline::get_historical_features(selection, entities.into().0, options)?;
    Ok(Reader::new(reader))
}

/// The rows of a saved dataset. Needs `offline-read`.
///
/// # Errors
///
/// If the job may not, or there is no such dataset.
pub fn read_saved_dataset(name: &str) -> Result<Reader, Error> {
    Ok(Reader::new(offline::read_saved_dataset(name)?))
}

/// The newest values for rows of join keys and request data: their columns, then the features. Needs
/// `online-read`.
///
/// # Errors
///
/// If the job may not, or the request has a mistake.
pub fn get_online_features(
    selection: &Selection,
    entities: Table,
    full_feature_names: bool,
) -> Result<Table, Error> {
    let answer = online::get_online_features(selection, &entities.into_wit(), full_feature_names)?;
    Ok(Table::from_wit(answer))
}

/// The features of an on-demand view for rows that the job brings: a column for each input of the view's function,
/// by its name; other columns are not looked at, and nothing is read of any store. Needs `transform`.
///
/// # Errors
///
/// If the job may not, there is no such view, an input is missing, or the function fails.
pub fn transform(on_demand_feature_view: &str, rows: Table) -> Result<Table, Error> {
    Ok(Table::from_wit(transformer::transform(on_demand_feature_view, &rows.into_wit())?))
}

/// Writes rows to every view that a push source feeds; they are durable when this returns. Needs `push`.
///
/// # Errors
///
/// If the job may not, or the rows do not fit.
pub fn push(push_source: &str, rows: Table, to: PushMode) -> Result<(), Error> {
    Ok(online::push(push_source, &rows.into_wit(), to)?)
}

/// What became of one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterializedView {
    /// The view.
    pub feature_view: String,
    /// The earliest event time.
    pub start: Timestamp,
    /// The latest event time.
    pub end: Timestamp,
    /// Source rows read.
    pub rows_scanned: u64,
    /// Keys found.
    pub keys: u64,
    /// Rows that took effect.
    pub rows_written: u64,
}

/// Moves the newest rows from `start` to `end` into the online store; of the views named, or of all where none
/// is. Needs `materialize`.
///
/// # Errors
///
/// If the job may not, or a view is not known; views done before are done.
pub fn materialize(
    start: Timestamp,
    end: Timestamp,
    feature_views: &[String],
) -> Result<Vec<MaterializedView>, Error> {
    let views = materializer::materialize(start.micros(), end.micros(), named(feature_views))?;
    Ok(views.into_iter().map(materialized).collect())
}

/// The same from where each view's last materialization ended. Needs `materialize`.
///
/// # Errors
///
/// As [`materialize`].
pub fn materialize_incremental(
    end: Timestamp,
    feature_views: &[String],
) -> Result<Vec<MaterializedView>, Error> {
    let views = materializer::materialize_incremental(end.micros(), named(feature_views))?;
    Ok(views.into_iter().map(materialized).collect())
}

fn named(feature_views: &[String]) -> Option<&[String]> {
    Some(feature_views).filter(|names| !names.is_empty())
}

fn materialized(view: materializer::MaterializedView) -> MaterializedView {
    MaterializedView {
        feature_view: view.feature_view,
        start: Timestamp::from_micros(view.start),
        end: Timestamp::from_micros(view.end),
        rows_scanned: view.rows_scanned,
        keys: view.keys,
        rows_written: view.rows_written,
    }
}

/// Adds a line to the log of the run. Needs `log`.
///
/// # Errors
///
/// If the job may not.
pub fn log(level: Level, line: &str) -> Result<(), Error> {
    Ok(wit_log::write(level, line)?)
}
