//! The audit log: a line for every request, in Feast's shape.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Timestamp, User};
use serde_json::{Value, json};

/// Takes note of requests for auditors. Shared by all requests; never makes one wait.
pub trait AuditLog: Debug + Send + Sync + 'static {
    /// Takes an event, or drops it if too many wait already.
    fn log(&self, event: AuditEvent);
}

/// One request, with all that an auditor asks about it: neither tokens nor entities nor values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When it was answered.
    pub timestamp: Timestamp,
    /// The id that it brought; `None` if it brought none.
    pub request_id: Option<String>,
    /// Who sent it, where that is known.
    pub user: Option<Arc<User>>,
    /// The address that it came from.
    pub address: String,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// The status of its answer.
    pub status: u16,
    /// How long it took.
    pub duration: Duration,
    /// The call of a tool that it was made for, if it was.
    pub tool_call: Option<ToolCall>,
}

/// A call of a tool of the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool.
    pub tool: String,
    /// The id of the JSON-RPC request.
    pub jsonrpc_id: String,
}

/// The kind of object that a path is about, and the actions with it, in Feast's words.
const PATHS: [(&str, &str, &[&str]); 8] = [
    ("/get-online-features", "feature_service", &["READ_ONLINE"]),
    ("/search", "feature_service", &["READ_ONLINE"]),
    ("/retrieve-online-documents", "feature_service", &["READ_ONLINE"]),
    ("/push", "push_source", &["WRITE_ONLINE", "WRITE_OFFLINE"]),
    ("/write-to-online-store", "feature_view", &["WRITE_ONLINE"]),
    ("/materialize", "feature_view", &["WRITE_ONLINE"]),
    ("/materialize-incremental", "feature_view", &["WRITE_ONLINE"]),
    ("/v1/materialize", "feature_view", &["WRITE_ONLINE"]),
];

impl AuditEvent {
    /// Whether it is a read that went well.
    pub fn is_successful_read(&self) -> bool {
        self.outcome() == "success" && self.actions() == ["READ_ONLINE"]
    }

    /// Feast's line of JSON, without its end; `request_id` is for a request that brought none.
    ///
    /// The outcome is `success`, `failure` for a mistake of the client, and `error` for one of the server; of a
    /// tool `success` or `mcp_error`. A call of a tool is one line, which says what the tool did too.
    pub fn to_json_line(&self, request_id: &str) -> String {
        let (name, roles) = match &self.user {
            Some(user) => (user.name.as_str(), user.roles.as_slice()),
            None => ("", [].as_slice()),
        };
        let detail = format!("{} {} -> {}", self.method, self.path, self.status);
        let (event_type, transport, tool) = match &self.tool_call {
            None => ("http.request", "http", ""),
            Some(call) => ("mcp.tools.call", "mcp-http", call.tool.as_str()),
        };
        let mut event = json!({
            "event_type": event_type,
            "timestamp": self.timestamp.to_rfc3339_millis(),
            "request_id": self.request_id.as_deref().unwrap_or(request_id),
            "jsonrpc_id": self.tool_call.as_ref().map(|call| call.jsonrpc_id.as_str()),
            "principal": { "username": name, "roles": roles, "auth_type": "" },
            "source": { "ip": self.address, "transport": transport },
            "action": { "mcp_tool": tool, "path": self.path },
            "resource": { "type": self.resource_type(), "name": "", "actions": self.actions() },
            "outcome": self.outcome(),
            "duration_ms": hundredths(self.duration),
            "detail": detail,
        });
        if let Some(fields) = event.as_object_mut().filter(|_| self.tool_call.is_none()) {
            fields.shift_remove("jsonrpc_id");
        }
        event.to_string()
    }

    fn outcome(&self) -> &'static str {
        match self.status {
            ..400 => "success",
            _ if self.tool_call.is_some() => "mcp_error",
            400..500 => "failure",
            _ => "error",
        }
    }

    fn resource_type(&self) -> &'static str {
        self.known_path().map_or("", |(_, kind, _)| kind)
    }

    fn actions(&self) -> &'static [&'static str] {
        self.known_path().map_or(&[], |(_, _, actions)| actions)
    }

    fn known_path(&self) -> Option<&'static (&'static str, &'static str, &'static [&'static str])> {
        PATHS.iter().find(|(path, ..)| *path == self.path)
    }
}

/// Milliseconds with two digits after the point.
fn hundredths(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 100_000.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_one_that_feast_writes() {
        // Of Feast 0.67, `AuditLogger.log_http_request`.
        let recorded = r#"{"event_type":"http.request","timestamp":"2026-11-28T16:49:49.572Z","request_id":"r1","principal":{"username":"ü","roles":["a"],"auth_type":""},"source":{"ip":"1.2.3.4","transport":"http"},"action":{"mcp_tool":"","path":"/push"},"resource":{"type":"push_source","name":"","actions":["WRITE_ONLINE","WRITE_OFFLINE"]},"outcome":"failure","duration_ms":1.23,"detail":"POST /push -> 403"}"#;
        let user = User { name: "ü".into(), roles: vec!["a".into()], ..User::default() };
        let event = AuditEvent {
            timestamp: Timestamp::parse("2026-11-28T16:49:49.572999Z").unwrap(),
            request_id: Some("r1".into()),
            user: Some(Arc::new(user)),
            address: "1.2.3.4".into(),
            method: "POST".into(),
            path: "/push".into(),
            status: 403,
            duration: Duration::from_micros(1_234),
            tool_call: None,
        };
        assert_eq!(event.to_json_line("unused"), recorded);
        let call = ToolCall { tool: "push_push_post".into(), jsonrpc_id: "7".into() };
        let called = AuditEvent { tool_call: Some(call), ..event.clone() }.to_json_line("unused");
        let begin = r#"{"event_type":"mcp.tools.call","timestamp":"2026-11-28T16:49:49.572Z","request_id":"r1","jsonrpc_id":"7","principal":{"#;
        assert!(called.starts_with(begin), "{called}");
        let action = r#""source":{"ip":"1.2.3.4","transport":"mcp-http"},"action":{"mcp_tool":"push_push_post","path":"/push"}"#;
        assert!(called.contains(action) && called.contains(r#""outcome":"mcp_error""#), "{called}");
        let whole = AuditEvent { duration: Duration::from_millis(10), user: None, request_id: None, ..event };
        let line = whole.to_json_line("r2");
        assert!(line.contains(r#""duration_ms":10.0,"#) && line.contains(r#""request_id":"r2""#), "{line}");
        assert!(line.contains(r#"{"username":"","roles":[],"auth_type":""}"#), "{line}");
    }

    #[test]
    fn only_reads_that_went_well_are_successful_reads() {
        let event = |path: &str, status| AuditEvent {
            timestamp: Timestamp::EPOCH,
            request_id: None,
            user: None,
            address: String::new(),
            method: "POST".into(),
            path: path.into(),
            status,
            duration: Duration::ZERO,
            tool_call: None,
        };
        assert!(event("/get-online-features", 200).is_successful_read());
        assert!(event("/search", 200).is_successful_read());
        assert!(!event("/get-online-features", 403).is_successful_read());
        assert!(!event("/push", 200).is_successful_read());
        assert!(!event("/v1/refresh", 200).is_successful_read());
    }
}
