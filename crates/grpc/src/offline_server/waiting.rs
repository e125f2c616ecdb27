//! Tables that wait for their reader, between the calls of a client older than Feast 0.67.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use larder_core::User;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::command::ReadCommand;
use super::share::Share;

/// A read whose table is there.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) read: ReadCommand,
    pub(crate) rows: Option<RecordBatch>,
    /// What it holds of all that may be held.
    pub(crate) share: Arc<Share>,
}

/// The flights that wait, each until it is read, or for some time.
#[derive(Debug)]
pub(crate) struct WaitingFlights {
    flights: Mutex<Vec<Waiting>>,
    max_flights: usize,
    lifetime: Duration,
}

#[derive(Debug)]
struct Waiting {
    command: Bytes,
    /// Who sent it, and so who may read it.
    caller: Option<Arc<User>>,
    ticket: Bytes,
    until: Instant,
    flight: Flight,
}

impl WaitingFlights {
    pub(crate) fn new(max_flights: usize, lifetime: Duration) -> Arc<Self> {
        Arc::new(Self { flights: Mutex::default(), max_flights, lifetime })
    }

    /// Lets a flight wait under the bytes of its command, in place of one that its sender sent before under the same.
    ///
    /// # Errors
    ///
    /// `RESOURCE_EXHAUSTED` if as many wait as may.
    pub(crate) fn put(
        self: &Arc<Self>,
        command: Bytes,
        caller: Option<Arc<User>>,
        flight: Flight,
    ) -> Result<(), Status> {
        let (ticket, until) = (ticket()?, Instant::now() + self.lifetime);
        let new = Waiting { command, caller, ticket, until, flight };
        {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            drop_late(&mut flights);
            flights.retain(|known| known.command != new.command || known.caller != new.caller);
            if flights.len() >= self.max_flights {
                return Err(Status::resource_exhausted(format!(
                    "{} tables wait for their readers, and no more may; try again later",
                    flights.len()
                )));
            }
            flights.push(new);
        }
        // Nobody may ask again, and then nobody else would drop it.
        let waiting = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep_until(until).await;
            if let Some(waiting) = waiting.upgrade() {
                drop_late(&mut waiting.flights.lock().unwrap_or_else(PoisonError::into_inner));
            }
        });
        Ok(())
    }

    /// The ticket of the flight under a command of the caller's.
    pub(crate) fn ticket(&self, command: &[u8], caller: Option<&Arc<User>>) -> Option<Bytes> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        drop_late(&mut flights);
        let mut of_caller = flights.iter().filter(|known| known.caller.as_ref() == caller);
        of_caller.find(|known| known.command == command).map(|known| known.ticket.clone())
    }

    /// Takes the flight of a ticket, which then waits no more.
    pub(crate) fn take(&self, ticket: &[u8], caller: Option<&Arc<User>>) -> Option<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        drop_late(&mut flights);
        let at =
            flights.iter().position(|known| known.ticket == ticket && known.caller.as_ref() == caller)?;
        Some(flights.swap_remove(at).flight)
    }
}

fn drop_late(flights: &mut Vec<Waiting>) {
    let now = Instant::now();
    flights.retain(|flight| flight.until > now);
}

/// 32 hexadecimal digits that nobody can guess.
fn ticket() -> Result<Bytes, Status> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline_server::SourceRows;
    use crate::offline_server::share::Pool;

    fn flight(pool: &Arc<Pool>) -> Flight {
        let rows = SourceRows {
            data_source: "s".into(),
            join_keys: vec![],
            features: vec![],
            timestamp_field: "at".into(),
            created_timestamp_column: None,
            start: None,
            end: None,
        };
        let share = Share::of(pool);
        share.hold(10).unwrap();
        Flight { read: ReadCommand::All(rows), rows: None, share }
    }

    fn user(name: &str) -> Arc<User> {
        Arc::new(User { name: name.to_owned(), ..User::default() })
    }

    #[tokio::test]
    async fn a_flight_is_read_once_and_by_its_sender() {
        let (waiting, pool) = (WaitingFlights::new(2, Duration::from_secs(9)), Pool::new(100, 100));
        let command = || Bytes::from_static(b"{}");
        waiting.put(command(), Some(user("ada")), flight(&pool)).unwrap();
        assert_eq!(waiting.ticket(b"{}", Some(&user("eve"))), None);
        assert_eq!(waiting.ticket(b"{}", None), None);
        let ticket = waiting.ticket(b"{}", Some(&user("ada"))).unwrap();
        assert_eq!(ticket.len(), 32);
        assert!(waiting.take(&ticket, Some(&user("eve"))).is_none());
        assert!(waiting.take(&ticket, Some(&user("ada"))).is_some());
        assert!(waiting.take(&ticket, Some(&user("ada"))).is_none());
        // The same command again is another flight.
        waiting.put(command(), Some(user("ada")), flight(&pool)).unwrap();
        assert_ne!(waiting.ticket(b"{}", Some(&user("ada"))), Some(ticket));
    }

    #[tokio::test]
    async fn flights_are_bounded_in_number_and_time() {
        let (waiting, pool) = (WaitingFlights::new(2, Duration::from_millis(200)), Pool::new(30, 30));
        for command in ["a", "b", "b"] {
            waiting
                .put(command.into(), None, flight(&pool))
                .unwrap_or_else(|full| panic!("{command}: {full}"));
        }
        let full =
            waiting.put("c".into(), None, Flight { share: Share::of(&pool), ..flight_without_share() });
        assert!(full.unwrap_err().message().starts_with("2 tables wait"));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(waiting.ticket(b"a", None), None);
        // What they held is free, without anybody asking for them.
        Share::of(&pool).hold(30).unwrap();
    }

    fn flight_without_share() -> Flight {
        flight(&Pool::new(10, 10))
    }
}
