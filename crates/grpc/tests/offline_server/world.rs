//! An offline server over a small repo, and clients that send what they like.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightData, FlightDescriptor, Ticket};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use larder::FeatureStore;
use larder_core::timestamp_data_type;
use larder_grpc::{OfflineServerOptions, offline_server};
use larder_serving::{DoorOptions, serve_router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::transport::Channel;

/// A served repo of one view `stats` with the feature `rate` of the key `id`.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    address: String,
}

pub(crate) type Client = FlightServiceClient<Channel>;

impl World {
    pub(crate) async fn new(options: OfflineServerOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("feature_store.yaml", "project: p\nregistry: registry.db\nonline_store: null\n");
        write(
            "features.yaml",
            "entities: [{name: id, value_type: Int64}]\n\
             data_sources:\n\
             \x20 - {name: rates, type: file, path: rates.csv, timestamp_field: at}\n\
             \x20 - {name: kept, type: file, path: kept.parquet, timestamp_field: event_timestamp}\n\
             feature_views:\n  - {name: stats, entities: [id], source: rates, schema: [{name: rate, dtype: Int64}]}\n",
        );
        write("rates.csv", "id,at,rate\n0,2024-01-01T00:00:00Z,10\n1,2024-01-01T00:00:00Z,11\n");
        let store = Arc::new(FeatureStore::open(folder.path()).await.unwrap());
        store.apply().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = offline_server(store, options);
        tokio::spawn(serve_router(listener, router, DoorOptions::default(), std::future::pending()));
        Self { folder, address }
    }

    pub(crate) async fn client(&self) -> Client {
        let channel = Channel::from_shared(self.address.clone()).unwrap().connect().await.unwrap();
        FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX)
    }

    /// That the server still does what it is for.
    pub(crate) async fn answers(&self) {
        let rows = exchange(&mut self.client().await, training_set(), &entity_rows(3)).await.unwrap();
        let rates: Vec<_> = rows.iter().flat_map(rates_of).collect();
        assert_eq!(rates, [Some(10), Some(11), None]);
    }
}

pub(crate) fn rates_of(rows: &RecordBatch) -> Vec<Option<i64>> {
    let rates = rows.column_by_name("rate").unwrap();
    rates.as_any().downcast_ref::<Int64Array>().unwrap().iter().collect()
}

/// A command for the rates of entity rows.
pub(crate) fn training_set() -> Value {
    json!({
        "command_id": "1", "api": "get_historical_features", "feature_view_names": ["stats"], "name_aliases": [null],
        "feature_refs": ["stats:rate"], "project": "p", "full_feature_names": false,
    })
}

/// Rows for the ids from 0 on, all at one time.
pub(crate) fn entity_rows(count: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let rows = usize::try_from(count).unwrap();
    let noon = larder_core::Timestamp::parse("2024-01-01T12:00:00Z").unwrap().micros();
    let times = TimestampMicrosecondArray::from(vec![noon; rows]).with_data_type(timestamp_data_type());
    RecordBatch::try_from_iter([("id", ids), ("event_timestamp", Arc::new(times) as _)]).unwrap()
}

/// What a client sends that has nothing to send.
pub(crate) fn nothing() -> RecordBatch {
    let letters: ArrayRef = Arc::new(StringArray::from_iter_values("mock_key".chars().map(String::from)));
    RecordBatch::try_from_iter([("key", letters)]).unwrap()
}

/// The messages of a call, the first with the command.
pub(crate) async fn messages(command: &Value, rows: &RecordBatch) -> Vec<FlightData> {
    messages_of(command, rows.schema(), vec![rows.clone()]).await
}

pub(crate) async fn messages_of(
    command: &Value,
    schema: SchemaRef,
    rows: Vec<RecordBatch>,
) -> Vec<FlightData> {
    let encoder = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_max_flight_data_size(usize::MAX)
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_flight_descriptor(Some(FlightDescriptor::new_cmd(command.to_string())))
        .build(stream::iter(rows.into_iter().map(Ok)));
    encoder.try_collect().await.unwrap()
}

/// The messages of a call in which a dictionary grows from part to part.
pub(crate) fn in_dictionary_parts(command: &Value, rows: &[RecordBatch]) -> Vec<FlightData> {
    use arrow::ipc::writer::{
        DictionaryHandling, DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions,
    };
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let mut tracker = DictionaryTracker::new(false);
    let generator = IpcDataGenerator::default();
    let schema = generator.schema_to_bytes_with_dictionary_tracker(&rows[0].schema(), &mut tracker, &options);
    let mut encoded = vec![schema];
    let mut context = IpcWriteContext::default();
    for rows in rows {
        let (dictionaries, rows) = generator.encode(rows, &mut tracker, &options, &mut context).unwrap();
        encoded.extend(dictionaries);
        encoded.push(rows);
    }
    let mut messages: Vec<FlightData> = encoded.into_iter().map(FlightData::from).collect();
    messages[0].flight_descriptor = Some(FlightDescriptor::new_cmd(command.to_string()));
    messages
}

/// Sends messages by `DoExchange`; the rows that come back.
pub(crate) async fn send(client: &mut Client, messages: Vec<FlightData>) -> Result<Vec<RecordBatch>, Status> {
    let answer = client.do_exchange(stream::iter(messages)).await?.into_inner();
    decoded(answer.boxed()).await
}

pub(crate) async fn exchange(
    client: &mut Client,
    command: Value,
    rows: &RecordBatch,
) -> Result<Vec<RecordBatch>, Status> {
    send(client, messages(&command, rows).await).await
}

/// Sends messages by `DoPut`, to their end.
pub(crate) async fn put(client: &mut Client, messages: Vec<FlightData>) -> Result<(), Status> {
    let answer = client.do_put(stream::iter(messages)).await?.into_inner();
    answer.try_collect::<Vec<_>>().await.map(|_| ())
}

/// The ticket of a command that was put.
pub(crate) async fn ticket(client: &mut Client, command: &Value) -> Result<Ticket, Status> {
    let info = client.get_flight_info(FlightDescriptor::new_cmd(command.to_string())).await?.into_inner();
    Ok(info.endpoint[0].ticket.clone().unwrap())
}

pub(crate) async fn get(client: &mut Client, ticket: Ticket) -> Result<Vec<RecordBatch>, Status> {
    let answer = client.do_get(ticket).await?.into_inner();
    decoded(answer.boxed()).await
}

async fn decoded(
    answer: stream::BoxStream<'static, Result<FlightData, Status>>,
) -> Result<Vec<RecordBatch>, Status> {
    let answer = answer.map_err(arrow_flight::error::FlightError::from);
    let rows = arrow_flight::decode::FlightRecordBatchStream::new_from_flight_data(answer);
    rows.try_collect().await.map_err(Status::from)
}
