//! The older transport: answers come as server-sent events on a stream that the client holds open, and it posts its
//! messages to an address that the stream begins with.
//!
//! ```text
//! GET /sse                             event: endpoint   data: /sse/messages/?session_id=…
//! POST /sse/messages/?session_id=…     202 at once; the answer is the next event: message   data: {…}
//! ```
//!
//! A stream is a session, and ends with it. Its address cannot be guessed, and whoever posts to it shows a token of
//! their own where the server wants one. Sessions, and the messages that one may have under way, are bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::{StreamExt as _, stream};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::http::error::HttpError;

/// Where streams are, and where their messages are posted. As in Feast.
pub(crate) const PATH: &str = "/sse";
pub(crate) const MESSAGES_PATH: &str = "/sse/messages/";

/// Streams that may be open at once.
const MAX_SESSIONS: usize = 1_024;

/// Messages of one session that may be worked on, or wait to be read, at once.
const MAX_UNDER_WAY: usize = 64;

/// A stream on which nothing else comes says so often that it is there, for proxies that close silent ones.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The open streams.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, mpsc::Sender<Bytes>>>);

/// The place of one answer in a stream.
#[derive(Debug)]
pub(super) struct Place(mpsc::OwnedPermit<Bytes>);

impl Sessions {
    /// Opens a stream that goes on until the client goes, or the server is shut down.
    ///
    /// # Errors
    ///
    /// If too many are open.
    pub(super) fn open(self: &Arc<Self>, closing: watch::Receiver<bool>) -> Result<Response, HttpError> {
        let (sender, answers) = mpsc::channel(MAX_UNDER_WAY);
        let id = session_id()?;
        {
            let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if open.len() >= MAX_SESSIONS {
                let text = "Too many streams are open; close some, or try again later";
                return Err(HttpError::detail(StatusCode::SERVICE_UNAVAILABLE, text));
            }
            open.insert(id.clone(), sender);
        }
        let first = event("endpoint", &format!("{MESSAGES_PATH}?session_id={id}"));
        let session = Open { id, sessions: Arc::clone(self) };
        let rest =
            stream::unfold((answers, closing, session), async |(mut answers, mut closing, session)| {
                let event = tokio::select! {
                    answer = answers.recv() => answer?,
                    () = sleep(KEEP_ALIVE) => Bytes::from_static(b": here\n\n"),
                    _ = closing.wait_for(|closing| *closing) => return None,
                };
                Some((event, (answers, closing, session)))
            });
        let events = stream::once(async { first }).chain(rest);
        let mut response = Response::new(Body::from_stream(events.map(Ok::<_, std::convert::Infallible>)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    /// A place for an answer in the stream of this session.
    ///
    /// # Errors
    ///
    /// If there is no such session, or too much of it is under way.
    pub(super) fn place(&self, session: Option<&str>) -> Result<Place, HttpError> {
        let session = session.ok_or_else(|| {
            HttpError::detail(
                StatusCode::BAD_REQUEST,
                "`session_id` is missing; post to the address of the stream",
            )
        })?;
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(session).cloned();
        let gone =
            || HttpError::detail(StatusCode::NOT_FOUND, "There is no such session; its stream has ended");
        match sender.ok_or_else(gone)?.try_reserve_owned() {
            Ok(permit) => Ok(Place(permit)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(gone()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(HttpError::detail(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many messages of this session are under way; wait for their answers",
            )),
        }
    }
}

impl Place {
    /// Sends the answer.
    pub(super) fn answer(self, answer: &str) {
        self.0.send(event("message", answer));
    }
}

/// Closes a session when its stream ends.
struct Open {
    id: String,
    sessions: Arc<Sessions>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// `data` has no line breaks: it is an address, or JSON without spaces.
fn event(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\r\ndata: {data}\r\n\r\n"))
}

/// 128 bits that nobody can guess, in hexadecimal digits.
fn session_id() -> Result<String, HttpError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system has no random bytes");
        HttpError::detail(StatusCode::INTERNAL_SERVER_ERROR, "The server cannot open sessions")
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(body: &mut axum::body::BodyDataStream) -> String {
        String::from_utf8(body.next().await.unwrap().unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_session_lives_as_long_as_its_stream_and_is_bounded() {
        let sessions = Arc::new(Sessions::default());
        let closing = watch::Sender::new(false);
        let mut stream = sessions.open(closing.subscribe()).unwrap().into_body().into_data_stream();
        let first = next(&mut stream).await;
        let (_, id) = first.trim_end().split_once("session_id=").unwrap();
        assert_eq!(id.len(), 32);

        sessions.place(Some(id)).unwrap().answer("{}");
        assert_eq!(next(&mut stream).await, "event: message\r\ndata: {}\r\n\r\n");

        let places: Vec<_> = (0..MAX_UNDER_WAY).map(|_| sessions.place(Some(id)).unwrap()).collect();
        assert!(sessions.place(Some(id)).is_err(), "as much as may be is under way");
        drop(places);
        assert!(sessions.place(Some(id)).is_ok());
        assert!(sessions.place(None).is_err() && sessions.place(Some("")).is_err());

        drop(stream);
        assert!(sessions.place(Some(id)).is_err(), "gone with its stream");
        let mut stream = sessions.open(closing.subscribe()).unwrap().into_body().into_data_stream();
        next(&mut stream).await;
        closing.send_replace(true);
        assert!(stream.next().await.is_none(), "the shutdown ends it");
    }

    #[test]
    fn no_more_streams_are_opened_than_may_be() {
        let sessions = Arc::new(Sessions::default());
        let closing = watch::Sender::new(false);
        let open: Vec<_> = (0..MAX_SESSIONS).map(|_| sessions.open(closing.subscribe()).unwrap()).collect();
        assert!(sessions.open(closing.subscribe()).is_err());
        drop(open);
        assert!(sessions.open(closing.subscribe()).is_ok());
    }
}
