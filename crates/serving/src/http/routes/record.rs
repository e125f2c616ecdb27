//! `POST /v1/record`: rows of an on-demand view as requests bring them, a line of JSON each.
//!
//! ```text
//! {"view": "fares", "rows": 2}
//!
//! {"component": "3ffa…", "function": "fares"}
//! {"given": {"distance": 2.0}, "expect": {"fare": 5.0}}
//! {"given": {"distance": null}, "expect": {"fare": null}}
//! ```

use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use larder_core::column::json_value;
use larder_core::{PermittedAction, RequestError, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::error::{HttpError, error_response, json_response};
use crate::http::guard::App;
use crate::http::{FOREIGN_PAGE, is_unasked};
use crate::{Access, Protected};
use crate::{RecordedCall, Recording};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordBody {
    view: String,
    rows: usize,
}

/// The next rows of a view; the answer goes on until there are so many, the client has enough, or the server
/// is shut down. What requests bring may be private, so only a server that was started for it tells,
/// and only those who may read the view.
pub(crate) async fn record(State(app): State<Arc<App>>, access: Access, request: Request) -> Response {
    match start(&app, &access, request).await {
        Ok((recording, rows)) => {
            json_response(StatusCode::OK, lines(recording, rows, app.closing.subscribe()))
        }
        Err(error) => error_response(&error, app.options.error_status),
    }
}

async fn start(app: &App, access: &Access, request: Request) -> Result<(Recording, usize), HttpError> {
    /// A name and a number.
    const LARGEST_BODY: usize = 16 << 10;
    if !app.options.recording {
        return Err(HttpError::detail(
            StatusCode::FORBIDDEN,
            "this server does not record; start it with `larder serve --recording`",
        ));
    }
    if is_unasked(request.headers()) {
        return Err(HttpError::detail(StatusCode::FORBIDDEN, FOREIGN_PAGE));
    }
    let body = timeout(app.options.body_timeout, to_bytes(request.into_body(), LARGEST_BODY)).await;
    let Ok(Ok(body)) = body else {
        return Err(HttpError::detail(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not arrive, or is too large",
        ));
    };
    let RecordBody { view, rows } = serde_json::from_slice(&body).map_err(|error| {
        RequestError::other(format!("the body must be {{\"view\": NAME, \"rows\": NUMBER}}: {error}"))
    })?;
    access
        .require(&*app.server, &[PermittedAction::ReadOnline], |registry| {
            Ok(vec![Protected::named(registry, &view)?])
        })
        .await?;
    Ok((app.server.record(&view).await?, rows))
}

fn lines(recording: Recording, rows: usize, closing: watch::Receiver<bool>) -> Body {
    let Recording { component, function, calls } = recording;
    let head = line(&json!({"component": component.to_string(), "function": function}));
    let calls = stream::unfold((calls, rows, closing), async |(mut calls, left, mut closing)| {
        if left == 0 {
            return None;
        }
        let call = tokio::select! {
            call = calls.recv() => call,
            _ = closing.wait_for(|closing| *closing) => None,
        };
        let RecordedCall { input, output } = call?;
        let taken = left.min(input.num_rows());
        let text: Vec<u8> = (0..taken)
            .flat_map(|row| line(&json!({"given": object(&input, row), "expect": object(&output, row)})))
            .collect();
        Some((Bytes::from(text), (calls, left - taken, closing)))
    });
    let head = stream::once(async move { Bytes::from(head) });
    Body::from_stream(head.chain(calls).map(Ok::<_, std::convert::Infallible>))
}

fn line(value: &Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

fn object(table: &RecordBatch, row: usize) -> Map<String, Value> {
    let fields = table.schema_ref().fields().iter().zip(table.columns());
    fields.map(|(field, column)| (field.name().clone(), json_value(column, row))).collect()
}
