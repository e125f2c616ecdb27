//! Feast's offline server: history over Arrow Flight.
//!
//! A client says what it wants in the JSON text of a descriptor ([`command`]) and sends a table along, of entity
//! rows or of rows to write. It comes in one of two ways:
//!
//! ```text
//! DoExchange(command, table)                                   ─▶ rows       Feast since 0.67
//! DoPut(command, table); GetFlightInfo(command) ─▶ ticket; DoGet(ticket) ─▶ rows   before it
//! DoPut(command, table)                                                      writes, in all releases
//! ```
//!
//! 1. [`share`] counts the bytes of every call as they arrive, and refuses too many.
//! 2. [`door`] finds out who calls, what the command asks for, and whether permissions grant it ([`rights`]).
//! 3. [`table`] decodes what was sent, on another thread; it is hostile until checked ([`message`]).
//! 4. The [`OfflineServer`] does the work; [`answer`] streams its rows piece by piece.
//!
//! Between the calls of the second way the table is kept among the [`waiting`] flights.

mod answer;
mod command;
mod door;
mod error;
mod message;
mod references;
mod rights;
mod server;
mod share;
mod table;
mod type_name;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::Router;
use axum::middleware::from_fn_with_state;
use larder_serving::Authorization;
use tonic::service::Routes;

pub use self::server::{
    OfflineRead, OfflineServer, PersistTarget, SourceRows, TrainingRows, TrainingSetRequest,
};

/// Limits of the offline server, and who may call it.
#[derive(Clone, Debug)]
pub struct OfflineServerOptions {
    /// Bytes of one call; more are refused.
    pub max_upload_bytes: usize,
    /// Bytes of all calls together that are held at the same time.
    pub max_held_bytes: usize,
    /// Calls that are worked on at the same time; others wait.
    pub max_concurrent_calls: usize,
    /// How long a call may wait for its turn, before it is refused.
    pub queue_timeout: Duration,
    /// How long the next message of a call may take, and how long a client may leave that of an answer.
    pub message_timeout: Duration,
    /// Tables that wait for their reader; more are refused.
    pub max_waiting_flights: usize,
    /// How long a table waits for its reader.
    pub flight_lifetime: Duration,
    /// Finds out who calls; `None` means that everybody may do everything.
    pub authorization: Option<Arc<Authorization>>,
}

impl Default for OfflineServerOptions {
    /// 512 MiB a call and 2 GiB together, 32 calls at a time, 60 s of waiting, 5 minutes a message; 64 waiting
    /// flights for 5 minutes; open to everybody.
    fn default() -> Self {
        Self {
            max_upload_bytes: 512 << 20,
            max_held_bytes: 2 << 30,
            max_concurrent_calls: 32,
            queue_timeout: Duration::from_secs(60),
            message_timeout: Duration::from_secs(300),
            max_waiting_flights: 64,
            flight_lifetime: Duration::from_secs(300),
            authorization: None,
        }
    }
}

/// The offline server as a router, for [`larder_serving::serve_router`].
pub fn offline_server(server: Arc<dyn OfflineServer>, options: OfflineServerOptions) -> Router {
    let pool = share::Pool::new(options.max_held_bytes, options.max_upload_bytes);
    // Also what is around the table counts.
    let limit = options.max_upload_bytes.saturating_add(64 << 10);
    let flight = FlightServiceServer::new(door::Door::new(server, options)).max_decoding_message_size(limit);
    Routes::new(flight).into_axum_router().layer(from_fn_with_state(pool, share::measured))
}
