//! Features over gRPC: what `feast listen` serves, and the service of Feast's servers in Go and Java.
//!
//! | method | answers |
//! |---|---|
//! | `GrpcFeatureServer/GetOnlineFeatures` | values, statuses and event times, a column each |
//! | `GrpcFeatureServer/Push` | true once one row is written for every view that the push source feeds |
//! | `GrpcFeatureServer/WriteToOnlineStore` | true once one row is written for the view |
//! | `feast.serving.ServingService/GetOnlineFeatures` | the same as the first |
//! | `feast.serving.ServingService/GetFeastServingInfo` | the version |
//!
//! The verbs are those behind HTTP, and so are the rules and texts of errors. Feast answers `UNKNOWN` or `INTERNAL`
//! to most mistakes; here the code says what kind of mistake it is, and the text is the same. Beside Feast, request
//! data is taken (Feast fails on it), from `entities` or `request_context`, and times in typed rows are seconds, as
//! their field says (Feast takes them for nanoseconds).

mod answer;
mod messages;
mod rows;

use std::sync::Arc;

use axum::Router;
use larder_core::PushMode;
use larder_serving::{Access, FeatureServer, OnlineRequest, PushRequest, WriteRequest};
use tonic::Status;

use self::messages::{
    Acknowledged, GetFeastServingInfo, GetOnlineFeatures, Push, ServingInfo, WriteToOnlineStore,
};
use crate::encoded::Encoded;
use crate::service::{Service, ServiceOptions};
use crate::status::plain_status_of;

const PYTHON: &str = "GrpcFeatureServer";
const GO_AND_JAVA: &str = "feast.serving.ServingService";

/// The names of the services of features.
pub const FEATURE_SERVICES: [&str; 2] = [PYTHON, GO_AND_JAVA];

/// The services of features, as a router.
pub fn feature_server(server: Arc<dyn FeatureServer>, options: ServiceOptions) -> Router {
    let shared = Arc::new(server);
    let python = Service::new(PYTHON, Arc::clone(&shared), options.clone())
        .method("GetOnlineFeatures", get_online_features)
        .method("Push", push)
        .method("WriteToOnlineStore", write_to_online_store);
    let serving = Service::new(GO_AND_JAVA, shared, options)
        .method("GetOnlineFeatures", get_online_features)
        .method("GetFeastServingInfo", get_feast_serving_info);
    python.into_router().merge(serving.into_router())
}

type Server = Arc<Arc<dyn FeatureServer>>;

async fn get_online_features(
    server: Server,
    access: Access,
    message: GetOnlineFeatures,
) -> Result<Encoded, Status> {
    let with_views = message.include_feature_view_version_metadata;
    let read = async {
        let request = message.into_request()?;
        let read = |request| server.get_online_features(request);
        access.read(&**server, request, |request: &OnlineRequest| &request.selection, read).await
    };
    let answer = read.await.map_err(|error| plain_status_of(&error))?;
    if !answer.is_large() {
        return Ok(answer::encode(&answer, with_views));
    }
    let encode = larder_blocking::run(move || Ok(answer::encode(&answer, with_views)));
    encode.await.map_err(|error| plain_status_of(&error))
}

async fn push(server: Server, access: Access, message: Push) -> Result<Encoded, Status> {
    let push = async {
        let to = PushMode::parse(&message.to)?;
        let push_source = message.stream_feature_view;
        access.require_push(&**server, &push_source, to).await?;
        let rows = rows::one_row(message.features, message.typed_features)?;
        refresh_unless(message.allow_registry_cache, &server).await?;
        server.push(PushRequest { push_source, rows, to }).await
    };
    acknowledged(push.await)
}

async fn write_to_online_store(
    server: Server,
    access: Access,
    message: WriteToOnlineStore,
) -> Result<Encoded, Status> {
    let write = async {
        let feature_view = message.feature_view_name;
        access.require_write(&**server, &feature_view).await?;
        let rows = rows::one_row(message.features, message.typed_features)?;
        refresh_unless(message.allow_registry_cache, &server).await?;
        server.write_to_online_store(WriteRequest { feature_view, rows, transform_on_write: true }).await
    };
    acknowledged(write.await)
}

async fn get_feast_serving_info(
    _server: Server,
    _access: Access,
    _message: GetFeastServingInfo,
) -> Result<Encoded, Status> {
    Ok(Encoded::of(&ServingInfo { version: env!("CARGO_PKG_VERSION").to_owned() }))
}

async fn refresh_unless(cached: bool, server: &Server) -> larder_core::Result<()> {
    if cached { Ok(()) } else { server.refresh().await }
}

fn acknowledged(written: larder_core::Result<()>) -> Result<Encoded, Status> {
    written.map_err(|error| plain_status_of(&error))?;
    Ok(Encoded::of(&Acknowledged { status: true }))
}
