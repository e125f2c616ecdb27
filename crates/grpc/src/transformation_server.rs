//! `feast.serving.TransformationService`: on-demand views for Feast's servers in other languages, what
//! `feast serve_transformations` serves.
//!
//! Rows come and go as an Arrow IPC file. Inputs are found by their names, or as `view__feature`; outputs are always
//! called `view__feature`, as in Feast. Any view with a component is applied, whatever language it was written in,
//! where Feast's server takes functions over pandas alone.

use std::fmt::Debug;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use larder_core::{Error, ErrorKind, PermittedAction, RequestError, Result};
use larder_registry::RegistrySnapshot;
use larder_serving::{Access, Protected};
use prost::Message;
use tonic::Status;

use crate::encoded::Encoded;
use crate::service::{Service, ServiceOptions};
use crate::status::plain_status_of;

/// The verbs of the service.
#[async_trait]
pub trait TransformationServer: Debug + Send + Sync + 'static {
    /// What the registry held last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the registry cannot be reached.
    async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>>;

    /// Applies an on-demand view to rows `[rows × inputs]`. Returns its features, a row for each of `rows`.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for a mistake in the request; [`ErrorKind::Transformation`] if the function fails.
    async fn transform(&self, on_demand_feature_view: &str, rows: &RecordBatch) -> Result<RecordBatch>;
}

/// The name of the service.
pub const TRANSFORMATION_SERVICE: &str = "feast.serving.TransformationService";

/// The service, as a router.
pub fn transformation_server(server: Arc<dyn TransformationServer>, options: ServiceOptions) -> Router {
    Service::new(TRANSFORMATION_SERVICE, Arc::new(server), options)
        .method("GetTransformationServiceInfo", get_transformation_service_info)
        .method("TransformFeatures", transform_features)
        .into_router()
}

type Server = Arc<Arc<dyn TransformationServer>>;

/// `feast.serving.GetTransformationServiceInfoRequest`
#[derive(Clone, PartialEq, Message)]
struct GetTransformationServiceInfo {}

/// `feast.serving.GetTransformationServiceInfoResponse`
#[derive(Clone, PartialEq, Message)]
struct TransformationServiceInfo {
    #[prost(string, tag = "1")]
    version: String,
    #[prost(int32, tag = "2")]
    kind: i32,
    #[prost(string, tag = "3")]
    details: String,
}

/// `TRANSFORMATION_SERVICE_TYPE_CUSTOM`
const CUSTOM: i32 = 100;

/// `feast.serving.TransformFeaturesRequest`
#[derive(Clone, PartialEq, Message)]
struct TransformFeatures {
    #[prost(string, tag = "1")]
    on_demand_feature_view: String,
    #[prost(string, tag = "2")]
    project: String,
    #[prost(message, optional, tag = "3")]
    input: Option<ArrowValue>,
}

/// `feast.serving.TransformFeaturesResponse`
#[derive(Clone, PartialEq, Message)]
struct TransformedFeatures {
    #[prost(message, optional, tag = "3")]
    output: Option<ArrowValue>,
}

/// `feast.serving.ValueType`
#[derive(Clone, PartialEq, Message)]
struct ArrowValue {
    #[prost(bytes = "bytes", tag = "1")]
    arrow_value: Bytes,
}

async fn get_transformation_service_info(
    _server: Server,
    _access: Access,
    _message: GetTransformationServiceInfo,
) -> Result<Encoded, Status> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let details = format!("larder {version}: WebAssembly components");
    Ok(Encoded::of(&TransformationServiceInfo { version, kind: CUSTOM, details }))
}

async fn transform_features(
    server: Server,
    access: Access,
    message: TransformFeatures,
) -> Result<Encoded, Status> {
    let transform = async {
        let snapshot = server.snapshot().await?;
        let (project, view) = (&message.project, &message.on_demand_feature_view);
        if !project.is_empty() && *project != snapshot.project.name {
            let known = &snapshot.project.name;
            let text = format!("this server serves the project {known}, not {project}");
            return Err(RequestError::other(text).into());
        }
        let found = Protected::from(&*snapshot.on_demand_feature_view(view)?.object);
        access.check(&snapshot, &[PermittedAction::ReadOnline], &found)?;
        let file = message.input.unwrap_or_default().arrow_value;
        // Tables may be large, and reading one is no work for a thread that waits.
        let rows = larder_blocking::run(move || read_file(&file)).await?;
        let features = server.transform(view, &rows).await?;
        let view = view.clone();
        larder_blocking::run(move || write_file(&view, &features)).await
    };
    let arrow_value = transform.await.map_err(|error| plain_status_of(&error))?;
    Ok(Encoded::of(&TransformedFeatures { output: Some(ArrowValue { arrow_value }) }))
}

fn read_file(file: &[u8]) -> Result<RecordBatch> {
    let no_file = |error: ArrowError| {
        RequestError::other(format!("transformation_input is no Arrow IPC file (not a stream): {error}"))
    };
    let reader = FileReader::try_new(Cursor::new(file), None).map_err(no_file)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(no_file)?;
    Ok(concat_batches(&schema, &batches).map_err(no_file)?)
}

fn write_file(view: &str, features: &RecordBatch) -> Result<Bytes> {
    let internal = |error: ArrowError| Error::new(ErrorKind::Internal, error);
    let fields = features.schema_ref().fields().iter();
    let fields = fields.map(|field| {
        Field::new(format!("{view}__{}", field.name()), field.data_type().clone(), field.is_nullable())
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut writer = FileWriter::try_new(Vec::new(), &schema).map_err(internal)?;
    let named = RecordBatch::try_new(schema, features.columns().to_vec()).map_err(internal)?;
    writer.write(&named).map_err(internal)?;
    Ok(writer.into_inner().map_err(internal)?.into())
}
