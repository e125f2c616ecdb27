//! The verbs that a server offers, as one trait.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{InputTable, PushMode, Result, Timestamp};
use larder_registry::RegistrySnapshot;

use crate::{
    MaterializeObserver, MaterializeSummary, OnlineRequest, OnlineResponse, Recording, SearchRequest,
};

/// The verbs behind the HTTP doors.
///
/// One implementation is shared by all requests; methods may run concurrently, work on one registry
/// snapshot each, and never block the caller's thread.
#[async_trait]
pub trait FeatureServer: Debug + Send + Sync + 'static {
    /// What the registry held last, for health, metrics and the choice of views.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](larder_core::ErrorKind::Unavailable) if the registry cannot be reached.
    async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>>;

    /// Answers with the newest values. [`OnlineRetrieval`](crate::OnlineRetrieval) does the work.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for a mistake in the request; else as the online store
    /// and the transformations.
    async fn get_online_features(&self, request: OnlineRequest) -> Result<OnlineResponse>;

    /// Answers with the rows nearest to a vector. [`OnlineRetrieval`](crate::OnlineRetrieval) does the work.
    ///
    /// # Errors
    ///
    /// As [`get_online_features`](Self::get_online_features).
    async fn search(&self, request: SearchRequest) -> Result<OnlineResponse>;

    /// Takes rows for every view that a push source feeds. Once it returns they are readable and durable.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for a mistake in the request; else as the stores. Some
    /// views may then have been written.
    async fn push(&self, request: PushRequest) -> Result<()>;

    /// Writes rows to the online store for one view. Once it returns they are readable and durable.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    async fn write_to_online_store(&self, request: WriteRequest) -> Result<()>;

    /// Moves history into the online store, telling `observer` how far it is. Dropping the future stops
    /// the work; what was recorded as done then is done.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for a mistake in the request; else as the stores and
    /// the registry.
    async fn materialize(
        &self,
        request: MaterializeRequest,
        observer: Arc<dyn MaterializeObserver>,
    ) -> Result<MaterializeSummary>;

    /// The good calls of an on-demand view from now on.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) if there is no such view, or it has no component.
    async fn record(&self, view: &str) -> Result<Recording>;

    /// Looks whether the registry has changed, in this process or another, and if so uses it from now on.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot); what was known before then stays in use.
    async fn refresh(&self) -> Result<()>;

    /// Whether requests can be answered now: the registry and the stores can be reached.
    ///
    /// # Errors
    ///
    /// What cannot be reached.
    async fn health(&self) -> Result<()>;
}

/// Rows for every view that a push source feeds.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// The push source.
    pub push_source: String,
    /// The rows: join keys, timestamps and features.
    pub rows: InputTable,
    /// Which stores take them.
    pub to: PushMode,
}

/// Rows for one view's online store.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// The feature view, or the on-demand view that is kept online.
    pub feature_view: String,
    /// The rows: join keys, timestamps and features, or an on-demand view's inputs.
    pub rows: InputTable,
    /// Whether an on-demand view is computed from the rows; false means that `rows` holds its outputs.
    pub transform_on_write: bool,
}

/// Which history to move into the online store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterializeRequest {
    /// The span of event time.
    pub range: MaterializeRange,
    /// The views; `None` means all that are kept online.
    pub feature_views: Option<Vec<String>>,
    /// The version of the only one of the views: `v2`; `None` and `latest` mean the one in use.
    pub version: Option<String>,
}

/// A span of event time to materialize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaterializeRange {
    /// From `start` to `end`, both included.
    Between {
        /// The earliest event time.
        start: Timestamp,
        /// The latest event time.
        end: Timestamp,
    },
    /// From where each view's last materialization ended.
    Incremental {
        /// The latest event time.
        end: Timestamp,
    },
}
