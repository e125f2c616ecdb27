//! What auditors see of requests.

use std::sync::{Arc, Mutex};

use larder_core::{PermittedAction, Policy};
use larder_serving::{AuditEvent, AuditLog, ServerOptions};

use crate::authorization::{Roles, permission};
use crate::client::send;
use crate::server::{Running, TestServer};

/// Keeps all events.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) events: Mutex<Vec<AuditEvent>>,
}

impl AuditLog for Kept {
    fn log(&self, event: AuditEvent) {
        self.events.lock().unwrap().push(event);
    }
}

#[tokio::test]
async fn every_request_leaves_who_asked_what_from_where_and_the_outcome() {
    let log = Arc::new(Kept::default());
    let options = ServerOptions {
        audit_log: Some(Arc::clone(&log) as _),
        authenticator: Some(Arc::new(Roles)),
        ..ServerOptions::default()
    };
    let read = permission("r", &[PermittedAction::ReadOnline], Policy::Roles(vec!["reader".into()]));
    let server = TestServer::with_permissions(vec![read]).await;
    let running = Running::start_server(server, options).await;
    let body = br#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001]}}"#;
    let path = "/get-online-features";
    let reader: &[(&str, &str)] = &[("authorization", "Bearer reader"), ("x-request-id", "id-1")];
    let guest: &[(&str, &str)] =
        &[("authorization", "Bearer guest"), ("x-forwarded-for", "10.0.0.9, 10.0.0.1")];
    send(running.address, "POST", path, reader, body).await;
    send(running.address, "POST", path, guest, body).await;
    send(running.address, "POST", path, &[], body).await;
    send(running.address, "GET", "/health", &[], b"").await;
    send(running.address, "GET", "/nowhere", &[], b"").await;

    let events = log.events.lock().unwrap();
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            let user = event.user.as_ref().map(|user| user.roles.join("+"));
            (event.path.as_str(), event.status, user, event.address.as_str(), event.request_id.as_deref())
        })
        .collect();
    assert_eq!(
        seen,
        [
            (path, 200, Some("reader".to_owned()), "127.0.0.1", Some("id-1")),
            (path, 403, Some("guest".to_owned()), "10.0.0.9", None),
            (path, 401, None, "127.0.0.1", None),
            ("/nowhere", 404, None, "127.0.0.1", None),
        ]
    );
    assert!(events[0].is_successful_read() && !events[1].is_successful_read());
    assert!(!events[0].to_json_line("x").contains("1001"), "no entities");
}
