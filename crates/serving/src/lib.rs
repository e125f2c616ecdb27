//! Answers requests.

mod entity_columns;
mod fan_out;
mod feature_server;
mod http;
mod json;
mod materialize_progress;
mod online_request;
mod online_response;
mod online_retrieval;
mod plan_cache;
mod prepared_plan;

pub use feature_server::{
    FeatureServer, MaterializeRange, MaterializeRequest, PushMode, PushRequest, WriteRequest,
};
pub use http::{ErrorStatus, ServerOptions, serve, shutdown_signal};
pub use materialize_progress::{MaterializeEvent, MaterializeObserver, MaterializeSummary, MaterializedView};
pub use online_request::{EntityValues, OnlineRequest};
pub use online_response::{FeatureStatus, OnlineResponse, ResponseColumn};
pub use online_retrieval::OnlineRetrieval;
