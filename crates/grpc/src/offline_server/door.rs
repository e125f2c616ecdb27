//! The door: who calls, what for, and whether that is granted.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use larder_core::{DataSource, Error, ErrorKind, InputTable, RequestError, Result as LarderResult};
use larder_registry::RegistrySnapshot;
use larder_serving::Access;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::answer::{encoded, of_columns};
use super::command::{Command, ReadCommand, TrainingSetCommand, WriteCommand};
use super::error::status_of;
use super::references::projections;
use super::rights::{check_look, check_reads, check_writes};
use super::share::{Share, too_large};
use super::table::{decode, entity_rows};
use super::waiting::{Flight, WaitingFlights};
use super::{OfflineRead, OfflineServer, OfflineServerOptions, TrainingRows, TrainingSetRequest};
use crate::gate::Gate;

/// What every call of the service shares.
#[derive(Debug)]
pub(crate) struct Door {
    server: Arc<dyn OfflineServer>,
    options: OfflineServerOptions,
    gate: Gate,
    waiting: Arc<WaitingFlights>,
}

type Answer<T> = Result<Response<BoxStream<'static, Result<T, Status>>>, Status>;

impl Door {
    pub(crate) fn new(server: Arc<dyn OfflineServer>, options: OfflineServerOptions) -> Self {
        Self {
            server,
            gate: Gate::new(
                options.authorization.clone(),
                options.max_concurrent_calls,
                options.queue_timeout,
            ),
            waiting: WaitingFlights::new(options.max_waiting_flights, options.flight_lifetime),
            options,
        }
    }

    async fn access(&self, metadata: &MetadataMap) -> Result<Access, Status> {
        self.gate.access(metadata.get("authorization").and_then(|header| header.to_str().ok())).await
    }

    /// Takes a whole call: its command and its table.
    async fn receive(&self, request: Request<Streaming<FlightData>>) -> Result<Call, Status> {
        let access = self.access(request.metadata()).await?;
        let share = request.extensions().get::<Arc<Share>>().map(Arc::clone);
        let share = share.ok_or_else(|| Status::internal("the bytes of the call are not counted"))?;
        let turn = self.gate.turn().await?;
        let mut messages = request.into_inner();
        let first = self.next(&mut messages, &share).await?;
        let descriptor = first.as_ref().and_then(|first| first.flight_descriptor.clone());
        let command = descriptor.ok_or_else(|| RequestError::other("the first message has no descriptor"));
        let command = command.and_then(|descriptor| Ok((Command::read(&descriptor)?, descriptor)));
        let granted = match command {
            Ok((Command::Read(read), descriptor)) => Ok((Command::Read(read), descriptor)),
            Ok((Command::Write(write), descriptor)) => {
                let snapshot = self.server.snapshot().await;
                let granted = snapshot.and_then(|snapshot| check_writes(&access, &write, &snapshot));
                granted.map(|()| (Command::Write(write), descriptor))
            }
            Err(mistake) => Err(mistake.into()),
        };
        let mut table = Vec::from_iter(first);
        // A client that is still sending sees no answer, so everything is received, if only to be dropped.
        while let Some(message) = self.next(&mut messages, &share).await? {
            // One without a byte takes up memory too.
            share.hold(size_of::<FlightData>())?;
            if granted.is_ok() {
                table.push(message);
            }
        }
        let (command, descriptor) = granted.map_err(|error| status_of(&error))?;
        let rows = decode(table, share.limit()).await.map_err(|error| status_of(&error))?;
        Ok(Call { command, descriptor, rows, access, share, turn })
    }

    async fn next(
        &self,
        messages: &mut Streaming<FlightData>,
        share: &Share,
    ) -> Result<Option<FlightData>, Status> {
        match timeout(self.options.message_timeout, messages.message()).await {
            // What tonic says of a message that is longer than a call may be.
            Ok(Err(status)) if status.code() == tonic::Code::OutOfRange => Err(too_large(share.limit())),
            Ok(message) => message,
            Err(_elapsed) => Err(Status::deadline_exceeded("the table did not come to its end in time")),
        }
    }

    /// What a command wants to read, if the caller may read it.
    async fn granted(
        &self,
        access: &Access,
        read: ReadCommand,
        rows: Option<RecordBatch>,
    ) -> LarderResult<OfflineRead> {
        let snapshot = self.server.snapshot().await?;
        let read = match read {
            ReadCommand::TrainingSet(command) => {
                OfflineRead::TrainingSet(training_set(&snapshot, &command, rows)?)
            }
            ReadCommand::Latest(rows) => OfflineRead::Latest(rows),
            ReadCommand::All(rows) => OfflineRead::All(rows),
            ReadCommand::Columns(_) => return Err(not_kept("the columns of a data source")),
        };
        check_reads(access, &read, &snapshot)?;
        Ok(read)
    }

    /// Refuses a data source that a client describes, if the caller may not look at it.
    async fn check_described(&self, access: &Access, source: &DataSource) -> LarderResult<()> {
        let snapshot = self.server.snapshot().await?;
        let readers = self.server.registered_readers(source).await?;
        check_look(access, source, &readers, &snapshot)
    }

    async fn answer(
        &self,
        access: &Access,
        read: ReadCommand,
        rows: Option<RecordBatch>,
        held: impl Send + 'static,
    ) -> LarderResult<BoxStream<'static, Result<FlightData, Status>>> {
        if let ReadCommand::Columns(source) = read {
            self.check_described(access, &source).await?;
            let columns = of_columns(&self.server.columns(&source).await?);
            return Ok(encoded(columns, held, self.options.message_timeout));
        }
        let read = self.granted(access, read, rows).await?;
        let rows = Arc::clone(&self.server).read(read.clone()).await?;
        // An apply in between may have closed it.
        check_reads(access, &read, &self.server.snapshot().await?)?;
        Ok(encoded(rows, held, self.options.message_timeout))
    }

    async fn write(
        &self,
        access: &Access,
        write: WriteCommand,
        rows: Option<RecordBatch>,
    ) -> LarderResult<()> {
        match write {
            WriteCommand::Persist(read, target) => {
                let read = self.granted(access, read, entity_rows(rows)).await?;
                Arc::clone(&self.server).persist(read, target).await
            }
            WriteCommand::ToOfflineStore { feature_view } => {
                let rows = InputTable::from_arrow(&sent(rows)?);
                self.server.write_to_offline_store(&feature_view, rows).await
            }
            WriteCommand::LoggedFeatures { feature_service } => {
                self.server.write_logged_features(&feature_service, sent(rows)?).await
            }
            WriteCommand::ValidateDataSource(source) => {
                self.check_described(access, &source).await?;
                self.server.validate_data_source(&source).await
            }
        }
    }
}

/// A call, received whole.
struct Call {
    command: Command,
    descriptor: FlightDescriptor,
    /// The table, if there is one.
    rows: Option<RecordBatch>,
    access: Access,
    share: Arc<Share>,
    turn: OwnedSemaphorePermit,
}

fn training_set(
    snapshot: &RegistrySnapshot,
    command: &TrainingSetCommand,
    rows: Option<RecordBatch>,
) -> LarderResult<TrainingSetRequest> {
    if command.project != snapshot.project.name {
        return Err(RequestError::other(format!(
            "this server has project `{}` and not `{}`; ask the server of that project",
            snapshot.project.name, command.project
        ))
        .into());
    }
    let rows = match rows {
        Some(_) if command.start.is_some() || command.end.is_some() => {
            return Err(RequestError::other(
                "give entity rows, or start_date and end_date to have a row for every entity; not both",
            )
            .into());
        }
        Some(rows) => TrainingRows::Of(rows),
        None if command.asks_by_sql => {
            return Err(RequestError::other(
                "larder runs no SQL, so `entity_df` cannot be a query; give the entity rows themselves, as a data \
                 frame with the join keys and `event_timestamp`",
            )
            .into());
        }
        None => TrainingRows::All { start: command.start, end: command.end },
    };
    let is_column = |name: &str| match &rows {
        TrainingRows::Of(rows) => rows.column_by_name(name).is_some(),
        TrainingRows::All { .. } => false,
    };
    let features = projections(snapshot, command, is_column)?;
    Ok(TrainingSetRequest { features, full_feature_names: command.full_feature_names, rows })
}

/// The rows to write.
fn sent(rows: Option<RecordBatch>) -> Result<RecordBatch, RequestError> {
    rows.ok_or_else(|| RequestError::other("there are no rows to write: no table was sent"))
}

fn not_kept(what: &str) -> Error {
    RequestError::other(format!("{what} cannot be persisted; persist a training set or the rows of a source"))
        .into()
}

/// A panic of a verb is an answer too; the panic hook has printed message and place.
async fn without_panic<T>(work: impl Future<Output = LarderResult<T>> + Send) -> Result<T, Status> {
    let panicked = |_| Err(Error::new(ErrorKind::Internal, "a verb of the offline server panicked"));
    let done = std::panic::AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked);
    done.map_err(|error| status_of(&error))
}

#[async_trait]
impl FlightService for Door {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Answer<FlightData> {
        let Call { command, rows, access, share, turn, .. } = self.receive(request).await?;
        let Command::Read(read) = command else {
            return Err(Status::invalid_argument("this api answers nothing; send it by DoPut"));
        };
        without_panic(self.answer(&access, read, entity_rows(rows), (share, turn))).await.map(Response::new)
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<PutResult> {
        let Call { command, descriptor, rows, access, share, turn: _turn } = self.receive(request).await?;
        match command {
            Command::Read(read) => {
                let flight = Flight { read, rows: entity_rows(rows), share };
                self.waiting.put(descriptor.cmd, access.user().map(Arc::clone), flight)?;
            }
            Command::Write(write) => without_panic(self.write(&access, write, rows)).await?,
        }
        Ok(Response::new(stream::empty().boxed()))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let access = self.access(request.metadata()).await?;
        let descriptor = request.into_inner();
        let Some(ticket) = self.waiting.ticket(&descriptor.cmd, access.user()) else {
            return Err(Status::not_found(format!(
                "no flight waits under this command; send it by DoPut first, and read it within {} s",
                self.options.flight_lifetime.as_secs()
            )));
        };
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
        let info = FlightInfo::new().with_descriptor(descriptor).with_endpoint(endpoint);
        let info = info.try_with_schema(&arrow::datatypes::Schema::empty());
        info.map(Response::new).map_err(|error| Status::internal(error.to_string()))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<FlightData> {
        let access = self.access(request.metadata()).await?;
        let turn = self.gate.turn().await?;
        let Some(flight) = self.waiting.take(&request.into_inner().ticket, access.user()) else {
            return Err(Status::not_found(format!(
                "no flight waits for this ticket: it has been read, or {} s have gone by; send the command again",
                self.options.flight_lifetime.as_secs()
            )));
        };
        let Flight { read, rows, share } = flight;
        without_panic(self.answer(&access, read, rows, (share, turn))).await.map(Response::new)
    }

    /// Of flights that wait only their senders know.
    async fn list_flights(&self, request: Request<Criteria>) -> Answer<FlightInfo> {
        self.access(request.metadata()).await?;
        Ok(Response::new(stream::empty().boxed()))
    }

    async fn list_actions(&self, request: Request<Empty>) -> Answer<ActionType> {
        self.access(request.metadata()).await?;
        let action = |(name, what): (&str, &str)| {
            Ok(ActionType { r#type: name.to_owned(), description: what.to_owned() })
        };
        Ok(Response::new(stream::iter(ACTIONS.map(action)).boxed()))
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<arrow_flight::Result> {
        self.access(request.metadata()).await?;
        Err(Status::unimplemented(
            "there is nothing to do by DoAction; send the command by DoPut, with its table",
        ))
    }

    async fn handshake(&self, _: Request<Streaming<HandshakeRequest>>) -> Answer<HandshakeResponse> {
        Err(Status::unimplemented("there is no handshake; send a token in the header `authorization`"))
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        Err(Status::unimplemented("flights are made when they are read; ask by GetFlightInfo"))
    }

    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        Err(Status::unimplemented("the columns come with the rows"))
    }
}

/// What Feast's server lists: the apis that write.
const ACTIONS: [(&str, &str); 3] = [
    ("offline_write_batch", "Adds the rows sent to the batch source of a feature view."),
    ("write_logged_features", "Adds the rows sent to the log of a feature service."),
    ("persist", "Reads as a reading api does, and keeps the rows in the file of a data source."),
];
