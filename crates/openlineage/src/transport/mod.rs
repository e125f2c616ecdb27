//! Ways out for events.

mod console;
mod file;
mod http;

use std::fmt::Debug;
use std::sync::Arc;

use larder_core::Clock;
use larder_registry::{LineageTransport, Secret};
use serde_json::Value;
use tracing::warn;

use self::console::Console;
use self::file::Files;
use self::http::{Http, HttpOptions};
use crate::{LineageStore, TransportError};

/// Sends events, one after the other. May block the thread.
pub(crate) trait Transport: Debug + Send {
    /// Sends one event; when it returns, whoever is to have it has it.
    fn send(&mut self, event: &Value) -> Result<(), TransportError>;
}

/// The way that the settings name; `None` if it leads nowhere. `variable` knows the environment.
///
/// # Errors
///
/// If a server cannot be asked as the settings say.
pub(crate) fn transport(
    settings: &LineageTransport,
    clock: &Arc<dyn Clock>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Box<dyn Transport>>, TransportError> {
    let variable =
        |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if variable("OPENLINEAGE_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    Ok(Some(match settings {
        LineageTransport::Environment => {
            if variable("OPENLINEAGE_CONFIG").is_some() {
                warn!(
                    "OPENLINEAGE_CONFIG is not read; `openlineage` of feature_store.yaml says where events go"
                );
            }
            let Some(url) = variable("OPENLINEAGE_URL") else {
                warn!(
                    "`openlineage` names no `transport_type`, and OPENLINEAGE_URL is not set, so events are written to \
                     the standard error"
                );
                return Ok(Some(Box::new(Console)));
            };
            let endpoint = variable("OPENLINEAGE_ENDPOINT").unwrap_or_else(|| "api/v1/lineage".to_owned());
            let api_key = variable("OPENLINEAGE_API_KEY");
            Box::new(Http::try_new(HttpOptions { api_key, ..HttpOptions::new(&url, &endpoint) })?)
        }
        LineageTransport::Http { url, endpoint, api_key, timeout, verify, custom_headers } => {
            let expose = |secret: &Secret| secret.expose().to_owned();
            let headers = custom_headers.iter().map(|(name, value)| (name.clone(), expose(value)));
            Box::new(Http::try_new(HttpOptions {
                api_key: api_key.as_ref().map(expose),
                timeout: *timeout,
                verify_certificates: *verify,
                headers: headers.collect(),
                ..HttpOptions::new(url, endpoint)
            })?)
        }
        LineageTransport::Console => Box::new(Console),
        LineageTransport::File { path, append } => {
            Box::new(Files { path: path.clone(), append: *append, clock: Arc::clone(clock) })
        }
        _ => return Ok(None),
    }))
}

/// The store of this process.
impl Transport for Arc<LineageStore> {
    fn send(&mut self, event: &Value) -> Result<(), TransportError> {
        self.receive_blocking(event.clone())?;
        Ok(())
    }
}
