//! The protocol over the standard streams of a process that the client has started: a message a line, each way.
//!
//! Whoever starts the process is whoever may read the repo, so nobody is asked for a token. Requests are answered as
//! they are done, in any order; so many are under way at once as [`MAX_UNDER_WAY`], and then the next line waits.

use std::io;
use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::call::Client;
use super::door::{Door, Host};
use super::envelope;
use super::message::RpcError;
use super::protocol::Version;
use crate::http::guard::App;
use crate::http::options::ServerOptions;
use crate::http::routes::unguarded_router;
use crate::{FeatureServer, McpServerInfo};

/// Messages that may be worked on at once.
const MAX_UNDER_WAY: usize = 64;

/// Answers the messages of `input` on `output` until it ends, and then finishes what has begun.
///
/// # Errors
///
/// If the streams break.
pub async fn serve_mcp(
    server: Arc<dyn FeatureServer>,
    info: McpServerInfo,
    options: ServerOptions,
    input: impl AsyncBufRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> io::Result<()> {
    let options = ServerOptions { authenticator: None, ..options };
    let longest = options.max_body_bytes as u64;
    let app = Arc::new(App::new(server, options));
    let door = Arc::new(Door::new(Host::of_app(&app), info, unguarded_router(Arc::clone(&app))));
    let (answers, written) = mpsc::channel(MAX_UNDER_WAY);
    let writer = tokio::spawn(write(written, output));
    let mut under_way = JoinSet::new();
    let mut input = input;
    loop {
        let mut line = Vec::new();
        // One byte more than a line may have tells that it is too long.
        (&mut input).take(longest + 1).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            break;
        }
        if line.len() as u64 > longest && !line.ends_with(b"\n") {
            let text = format!("a message has at most {longest} bytes; send fewer rows at a time");
            let error = RpcError::invalid_request(text).answer(None);
            if answers.send(error).await.is_err() {
                break;
            }
            skip_line(&mut input).await?;
            continue;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        while under_way.len() >= MAX_UNDER_WAY {
            under_way.join_next().await;
        }
        let (door, answers) = (Arc::clone(&door), answers.clone());
        under_way.spawn(async move {
            if let Some(answer) = answer(&door, &line).await {
                let _client_is_gone = answers.send(answer).await;
            }
        });
        // Nobody takes answers any more.
        if writer.is_finished() {
            break;
        }
    }
    while under_way.join_next().await.is_some() {}
    drop(answers);
    app.background.finish(Instant::now() + app.options.shutdown_timeout).await;
    if let Some(batches) = &app.offline_batches {
        batches.write_all(&*app.server).await;
    }
    writer.await.map_err(io::Error::other)?
}

async fn write(mut answers: mpsc::Receiver<Value>, mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(answer) = answers.recv().await {
        let mut line = answer.to_string().into_bytes();
        line.push(b'\n');
        output.write_all(&line).await?;
        output.flush().await?;
    }
    Ok(())
}

async fn skip_line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    loop {
        let seen = input.fill_buf().await?;
        let (taken, ended) = match seen.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (seen.len(), seen.is_empty()),
        };
        input.consume(taken);
        if ended {
            return Ok(());
        }
    }
}

async fn answer(door: &Door, line: &[u8]) -> Option<Value> {
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => return Some(RpcError::parse(format!("Parse error: {error}")).answer(None)),
    };
    let version = match Version::of_request(envelope::said_version(&value)) {
        Ok(version) => version,
        Err(error) => return Some(error.answer(value.get("id"))),
    };
    let client = Client { headers: HeaderMap::new(), peer: None, has_headers: false };
    door.answer_of(version, value, &client).await.unwrap_or_else(|(_status, refusal)| Some(refusal))
}
