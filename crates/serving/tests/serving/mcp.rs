//! The routes as tools of the Model Context Protocol.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use larder_core::{PermittedAction, Policy};
use larder_registry::McpTransport;
use larder_serving::{AuditEvent, McpServerInfo, ServerOptions, serve_mcp};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::audit::Kept;
use crate::authorization::{Roles, permission};
use crate::client::{Reply, get, post, send};
use crate::server::{Running, TestServer};

const READ: &str = "get_online_features_get_online_features_post";

fn options() -> ServerOptions {
    options_of(McpTransport::Http)
}

fn options_of(transport: McpTransport) -> ServerOptions {
    let info = McpServerInfo { name: "features".into(), version: "2.1".into(), transport };
    ServerOptions { mcp: Some(info), ..ServerOptions::default() }
}

async fn start() -> Running {
    Running::start_with(options()).await
}

async fn ask(address: SocketAddr, method: &str, params: Value) -> Value {
    let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    let reply = post(address, "/mcp", message.to_string()).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let answer = reply.json();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)), "{answer}");
    answer
}

/// The text of a tool's result, and whether it says that it is an error.
async fn call(address: SocketAddr, tool: &str, arguments: Value) -> (String, bool) {
    let answer = ask(address, "tools/call", json!({"name": tool, "arguments": arguments})).await;
    let result = &answer["result"];
    assert_eq!(result["content"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(result["content"][0]["type"], "text");
    (result["content"][0]["text"].as_str().unwrap().to_owned(), result["isError"].as_bool().unwrap())
}

async fn send_with(address: SocketAddr, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = [&[("content-type", "application/json")], headers].concat();
    send(address, "POST", "/mcp", &headers, body.as_bytes()).await
}

const PING: &str = r#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#;

#[tokio::test]
async fn a_client_agrees_on_a_version_and_calls_a_tool_that_answers_as_its_route() {
    let running = start().await;
    let address = running.address;
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
    let answer = ask(address, "initialize", hello).await;
    let expected = json!({
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": {"name": "features", "version": "2.1"},
    });
    assert_eq!(answer["result"], expected);
    let ready = r#"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#;
    let reply = send_with(address, &[("mcp-protocol-version", "2025-06-18")], ready).await;
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    assert_eq!(ask(address, "ping", json!({})).await["result"], json!({}));

    let request = json!({"entities": {"driver_id": [1001, 9999]}, "features": ["stats:conv_rate"]});
    let (text, is_error) = call(address, READ, request.clone()).await;
    assert!(!is_error);
    let of_route = post(address, "/get-online-features", request.to_string()).await.json();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), of_route);
    assert!(text.starts_with("{\n  \"results\": ["), "{text}");
    assert_eq!(call(address, "health_health_get", json!({})).await, (String::new(), false));
}

#[tokio::test]
async fn tools_are_called_as_feast_calls_them_and_take_what_feasts_take() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded/mcp_tools.json");
    let feast: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let running = start().await;
    let listed = ask(running.address, "tools/list", json!({})).await["result"]["tools"].clone();
    let listed = listed.as_array().unwrap();
    let feast = feast["tools"].as_array().unwrap();
    // Feast's page to chat on is not here.
    let feast: Vec<&Value> =
        feast.iter().filter(|tool| !tool["name"].as_str().unwrap().starts_with("chat_")).collect();
    let names = |tools: &[&Value]| tools.iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&listed.iter().collect::<Vec<_>>()), names(&feast));
    for (tool, feast) in listed.iter().zip(feast) {
        let (schema, of_feast) = (&tool["inputSchema"], &feast["inputSchema"]);
        assert_eq!(schema["type"], "object");
        assert_eq!(schema.get("required"), of_feast.get("required"), "{}", tool["name"]);
        let arguments = |schema: &Value| -> Vec<(String, Option<Value>)> {
            let properties = schema["properties"].as_object().unwrap().iter();
            let mut arguments: Vec<_> =
                properties.map(|(name, schema)| (name.clone(), schema.get("default").cloned())).collect();
            arguments.sort_by(|one, other| one.0.cmp(&other.0));
            arguments
        };
        assert_eq!(arguments(schema), arguments(of_feast), "{}", tool["name"]);
    }
}

#[tokio::test]
async fn every_tool_leads_to_a_route() {
    let running = start().await;
    let listed = ask(running.address, "tools/list", json!({})).await["result"]["tools"].clone();
    for tool in listed.as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let (text, _) = call(running.address, name, json!({"vector_store_id": "none"})).await;
        assert!(!text.contains("\"Not Found\"") && !text.contains("Method Not Allowed"), "{name}: {text}");
    }
}

#[tokio::test]
async fn what_goes_wrong_behind_a_route_is_a_result_and_what_is_no_call_an_error() {
    let running = start().await;
    let address = running.address;
    let unknown = json!({"entities": {"driver_id": [1001]}, "features": ["nope:x"]});
    let (text, is_error) = call(address, READ, unknown).await;
    assert!(is_error);
    assert_eq!(
        text,
        format!(
            "Error calling {READ}. Status code: 404. Response: {}",
            r#""{\"module\": \"feast.errors\", \"class\": \"FeatureViewNotFoundException\", \"message\": \"Feature view nope does not exist in project exp\"}""#
        )
    );
    let (text, is_error) = call(address, READ, json!({})).await;
    assert!(
        is_error && text.contains("Status code: 422. Response: {\"detail\":[{\"type\":\"missing\""),
        "{text}"
    );
    let (text, is_error) = call(address, "materialize_materialize_post", json!({"async": "perhaps"})).await;
    assert!(is_error && text.contains("unable to interpret input"), "{text}");

    for (method, params, code, expected) in [
        ("tools/call", json!({"name": "nope"}), -32_602, "Unknown tool: nope"),
        ("tools/call", json!({}), -32_602, "`name` is the name of a tool"),
        ("tools/call", json!({"name": READ, "arguments": []}), -32_602, "`arguments` is an object"),
        ("tools/list", json!({"cursor": "2"}), -32_602, "all tools come at once"),
        ("initialize", json!({}), -32_602, "`protocolVersion` is a text"),
        ("resources/list", json!({}), -32_601, "Method not found: resources/list"),
    ] {
        let error = ask(address, method, params.clone()).await["error"].clone();
        assert_eq!(error["code"], code, "{method} {params}: {error}");
        assert!(error["message"].as_str().unwrap().starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let running = start().await;
    let deep = "[".repeat(100_000);
    for (body, code) in [
        ("", -32_700),
        ("{", -32_700),
        ("NaN", -32_700),
        (deep.as_str(), -32_700),
        ("7", -32_600),
        ("[]", -32_600),
        (r#"{"id": 1, "method": "ping"}"#, -32_600),
        (r#"{"jsonrpc": "2.0", "id": null, "method": "ping"}"#, -32_600),
    ] {
        let reply = post(running.address, "/mcp", body).await;
        assert_eq!(reply.status, 400, "{body:.40}");
        assert_eq!(reply.json()["error"]["code"], code, "{body:.40}");
        assert_eq!(reply.json().get("id"), None);
    }
    let large = vec![b' '; 17 << 20];
    assert_eq!(post(running.address, "/mcp", large).await.status, 413);
}

/// A stream of events, and the address that it begins with.
struct Events {
    stream: TcpStream,
    seen: String,
    address: String,
}

impl Events {
    async fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut events = Self { stream, seen: String::new(), address: String::new() };
        let head = events.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        events.address = events.data("endpoint").await;
        events
    }

    /// What the next event says, which must have this name.
    async fn data(&mut self, name: &str) -> String {
        self.until(&format!("event: {name}\r\ndata: ")).await;
        self.until("\r\n").await
    }

    /// Reads up to the next `end`; what comes before it.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some((before, after)) = self.seen.split_once(end) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.seen = after;
                return before;
            }
            let mut bytes = [0; 4096];
            let read = self.stream.read(&mut bytes).await.unwrap();
            assert!(read > 0, "the stream ended: {}", self.seen);
            self.seen.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
    }
}

#[tokio::test]
async fn over_the_older_transport_answers_come_as_events_of_the_stream() {
    let running = Running::start_with(options_of(McpTransport::Both)).await;
    let address = running.address;
    let mut events = Events::open(address).await;
    let accepted = post(address, &events.address, PING).await;
    assert_eq!((accepted.status, accepted.text()), (202, "Accepted"));
    let answer: Value = serde_json::from_str(&events.data("message").await).unwrap();
    assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 1, "result": {}}));

    // The same answer as over the newer one.
    let arguments = json!({"features": ["stats:conv_rate"], "entities": {"driver_id": [1001]}});
    let params = json!({"name": READ, "arguments": arguments});
    let message = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
    assert_eq!(post(address, &events.address, message.to_string()).await.status, 202);
    let answer: Value = serde_json::from_str(&events.data("message").await).unwrap();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    assert_eq!(answer, ask(address, "tools/call", params).await);

    // A notification has no answer; what is no message is refused, and the stream goes on.
    let ready = r#"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#;
    assert_eq!(post(address, &events.address, ready).await.status, 202);
    assert_eq!(post(address, &events.address, "{").await.status, 400);
    assert_eq!(post(address, &events.address, PING).await.status, 202);
    let answer: Value = serde_json::from_str(&events.data("message").await).unwrap();
    assert_eq!(answer["id"], 1);

    let messages = "/sse/messages/";
    assert_eq!(post(address, messages, PING).await.status, 400);
    assert_eq!(post(address, &format!("{messages}?session_id=0"), PING).await.status, 404);
    let evil = [("origin", "http://evil.example")];
    assert_eq!(send(address, "GET", "/sse", &evil, b"").await.status, 403);
    let headers = [("content-type", "application/json"), evil[0]];
    assert_eq!(send(address, "POST", &events.address, &headers, PING.as_bytes()).await.status, 403);

    // Each transport is there alone where one is named.
    let only = Running::start_with(options_of(McpTransport::Sse)).await;
    Events::open(only.address).await;
    assert_eq!(post(only.address, "/mcp", PING).await.status, 404);
    assert_eq!(get(start().await.address, "/sse").await.status, 404);
}

/// What `serve_mcp` answers to lines, in the order of their ids; those without an id come last.
async fn answers_to(lines: &str, options: ServerOptions) -> Vec<Value> {
    let info = McpServerInfo { name: "n".into(), version: "1".into(), transport: McpTransport::Both };
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let server = TestServer::new().await;
    let serve = serve_mcp(server, info, options, lines.as_bytes(), ours);
    let mut text = String::new();
    let (served, read) = tokio::join!(serve, theirs.read_to_string(&mut text));
    served.unwrap();
    read.unwrap();
    let mut answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers.sort_by_key(|answer| answer["id"].as_u64().unwrap_or(u64::MAX));
    answers
}

#[tokio::test]
async fn over_the_streams_of_a_process_a_message_is_a_line_and_so_is_its_answer() {
    let arguments = json!({"features": ["stats:conv_rate"], "entities": {"driver_id": [1001]}});
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": READ, "arguments": arguments}});
    let later = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2099-01-01"}}});
    let ready = r#"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#;
    let lines = format!("{PING}\r\n\n{ready}\n{{\n{call}\n{later}\n[1]\nnull");
    let answers = answers_to(&lines, ServerOptions::default()).await;
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert_eq!(answers[0], json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    assert_eq!(answers[1]["result"]["isError"], false, "{}", answers[1]);
    assert_eq!(answers[2]["error"]["code"], -32_022, "{}", answers[2]);
    let codes: Vec<_> = answers[3..].iter().flat_map(codes).collect();
    assert_eq!(codes.iter().filter(|code| **code == -32_700).count(), 1, "{answers:?}");
    assert_eq!(codes.iter().filter(|code| **code == -32_600).count(), 2, "{answers:?}");
}

/// The codes of an answer, or of a batch of them.
fn codes(answer: &Value) -> Vec<i64> {
    let one = |answer: &Value| answer["error"]["code"].as_i64();
    answer
        .as_array()
        .map_or_else(|| one(answer).into_iter().collect(), |all| all.iter().filter_map(one).collect())
}

#[tokio::test]
async fn a_line_that_is_too_long_is_passed_over_and_the_next_is_answered() {
    let options = ServerOptions { max_body_bytes: 200, ..ServerOptions::default() };
    let long = format!(r#"{{"jsonrpc": "2.0", "id": 9, "method": "{}"}}"#, "x".repeat(100_000));
    let answers = answers_to(&format!("{long}\n{PING}\n{long}"), options).await;
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!(answers[0]["id"], 1);
    assert!(answers[1]["error"]["message"].as_str().unwrap().contains("at most 200 bytes"), "{}", answers[1]);
}

#[tokio::test]
async fn a_head_that_the_protocol_does_not_allow_is_refused() {
    let running = start().await;
    let address = running.address;
    for (headers, status) in [
        (&[("origin", "http://evil.example")][..], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "http://localhost:3000")], 200),
        (&[("accept", "text/event-stream")], 406),
        (&[("accept", "application/json, text/event-stream")], 200),
        (&[("mcp-protocol-version", "1999-01-01")], 400),
        (&[("mcp-protocol-version", "2025-11-25")], 200),
    ] {
        assert_eq!(send_with(address, headers, PING).await.status, status, "{headers:?}");
    }
    let text = send(address, "POST", "/mcp", &[("content-type", "text/plain")], PING.as_bytes()).await;
    assert_eq!(text.status, 415);
    for method in ["GET", "DELETE", "PUT"] {
        let reply = send(address, method, "/mcp", &[], b"").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method}");
    }
    assert_eq!(post(address, "/mcp/", PING).await.status, 307);
    let without = Running::start().await;
    assert_eq!(post(without.address, "/mcp", PING).await.status, 404);
    assert_eq!(get(without.address, "/mcp/").await.status, 404);
}

#[tokio::test]
async fn several_messages_come_at_once_where_the_version_has_that() {
    let running = start().await;
    let address = running.address;
    let batch = format!(
        r#"[{PING}, {{"jsonrpc": "2.0", "method": "notifications/x"}}, 5,
            {{"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {{"protocolVersion": "2025-03-26"}}}}]"#
    );
    let answers = send_with(address, &[], &batch).await.json();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!(answers[0], json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    assert_eq!(answers[1]["error"]["code"], -32_600);
    assert_eq!((&answers[2]["id"], &answers[2]["error"]["code"]), (&json!("a"), &json!(-32_600)));
    let silent = r#"[{"jsonrpc": "2.0", "method": "notifications/x"}]"#;
    assert_eq!(send_with(address, &[("mcp-protocol-version", "2025-03-26")], silent).await.status, 202);
    let later = send_with(address, &[("mcp-protocol-version", "2025-06-18")], &batch).await;
    assert_eq!((later.status, &later.json()["error"]["code"]), (400, &json!(-32_600)));
    let many = format!("[{}]", vec![PING; 51].join(","));
    assert_eq!(send_with(address, &[], &many).await.status, 400);
}

/// A request of the version that has no handshake, with the headers it needs.
async fn ask_alone(address: SocketAddr, method: &str, mut params: Value) -> (u16, Value) {
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    if !name.is_empty() {
        headers.push(("mcp-name", &name));
    }
    let reply = send_with(address, &headers, &message).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn a_request_may_stand_for_itself_without_a_handshake() {
    let running = start().await;
    let address = running.address;
    let (status, discovered) = ask_alone(address, "server/discover", json!({})).await;
    let discovered = &discovered["result"];
    assert_eq!((status, &discovered["resultType"]), (200, &json!("complete")));
    assert_eq!(discovered["supportedVersions"][0], "2026-07-28");
    assert_eq!(discovered["capabilities"], json!({"tools": {"listChanged": false}}));
    let server = &discovered["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(server, &json!({"name": "features", "version": "2.1"}));
    let (status, listed) = ask_alone(address, "tools/list", json!({})).await;
    assert_eq!((status, &listed["result"]["cacheScope"]), (200, &json!("private")));
    assert_eq!(listed["result"]["tools"], ask(address, "tools/list", json!({})).await["result"]["tools"]);
    let read = json!({"name": READ, "arguments": {"entities": {"driver_id": [1001]}, "features": ["stats:conv_rate"]}});
    let (status, answer) = ask_alone(address, "tools/call", read.clone()).await;
    assert_eq!((status, &answer["result"]["resultType"]), (200, &json!("complete")));
    assert_eq!(answer["result"]["content"], ask(address, "tools/call", read).await["result"]["content"]);

    // Errors have a status of their own.
    for (method, params, status, code) in [
        ("ping", json!({}), 404, -32_601),
        ("initialize", json!({"protocolVersion": "2025-11-25"}), 404, -32_601),
        ("tools/call", json!({"name": "nope"}), 400, -32_602),
    ] {
        let (found, answer) = ask_alone(address, method, params).await;
        assert_eq!(
            (found, &answer["error"]["code"], &answer["id"]),
            (status, &json!(code), &json!(7)),
            "{method}"
        );
    }
    let alone = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    for (body, status) in [
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}"#, 400),
        (r#"{"jsonrpc": "2.0", "id": 1, "result": {}}"#, 400),
        (r#"[{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}]"#, 400),
        (r#"{"jsonrpc": "2.0", "method": "notifications/cancelled"}"#, 202),
    ] {
        assert_eq!(send_with(address, &alone, body).await.status, status, "{body}");
    }
    let later = send_with(address, &[("mcp-protocol-version", "2027-01-01")], PING).await.json();
    assert_eq!(later["error"]["code"], -32_022);
    assert_eq!(later["error"]["data"]["requested"], "2027-01-01");
    assert_eq!(later["error"]["data"]["supported"][0], "2026-07-28");
}

#[tokio::test]
async fn a_tool_may_do_what_its_caller_may_and_auditors_see_who_called() {
    let log = Arc::new(Kept::default());
    let options = ServerOptions {
        audit_log: Some(Arc::clone(&log) as _),
        authenticator: Some(Arc::new(Roles)),
        ..options()
    };
    let read = permission("r", &[PermittedAction::ReadOnline], Policy::Roles(vec!["reader".into()]));
    let server = TestServer::with_permissions(vec![read]).await;
    let running = Running::start_server(server, options).await;
    let call = json!({"jsonrpc": "2.0", "id": "c1", "method": "tools/call", "params": {
        "name": READ, "arguments": {"entities": {"driver_id": [1001]}, "features": ["stats:conv_rate"]},
    }})
    .to_string();
    let as_user = async |headers: &[(&str, &str)]| send_with(running.address, headers, &call).await;
    let reader = as_user(&[("authorization", "Bearer reader"), ("x-request-id", "id-1")]).await.json();
    assert_eq!(reader["result"]["isError"], false, "{reader}");
    let guest = as_user(&[("authorization", "Bearer guest"), ("x-forwarded-for", "10.0.0.9")]).await.json();
    let text = guest["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("Status code: 403") && text.contains("FeastPermissionError"), "{text}");
    let nobody = as_user(&[]).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));

    let events = log.events.lock().unwrap();
    let seen: Vec<_> = events.iter().map(shown).collect();
    assert_eq!(
        seen,
        [
            "/get-online-features 200 reader 127.0.0.1 id-1 c1",
            "/get-online-features 403 guest 10.0.0.9 - c1",
            "/mcp 401 - 127.0.0.1 - -",
        ]
    );
    assert!(events[0].is_successful_read() && !events[1].is_successful_read());
    assert_eq!(events[0].tool_call.as_ref().unwrap().tool, READ);
}

fn shown(event: &AuditEvent) -> String {
    let user = event.user.as_ref().map_or("-".to_owned(), |user| user.roles.join("+"));
    let id = event.request_id.as_deref().unwrap_or("-");
    let call = event.tool_call.as_ref().map_or("-", |call| call.jsonrpc_id.as_str());
    format!("{} {} {user} {} {id} {call}", event.path, event.status, event.address)
}

/// JSON that looks much like messages.
fn message_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "2.0",
            "ping",
            "tools/call",
            "tools/list",
            "initialize",
            READ,
            "2025-06-18"
        ])
        .prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "jsonrpc",
        "id",
        "method",
        "params",
        "name",
        "arguments",
        "result",
        "entities",
        "cursor",
    ]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..7).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

#[test]
fn whatever_comes_is_answered_and_never_by_a_failure_of_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let running = runtime.block_on(start());
    let with_version = message_like().prop_map(|mut value| {
        if let Some(fields) = value.as_object_mut() {
            fields.insert("jsonrpc".to_owned(), "2.0".into());
        }
        value
    });
    let body = prop_oneof![
        3 => with_version.prop_map(|value| value.to_string().into_bytes()),
        1 => message_like().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    proptest!(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }, |(body in body)| {
        let reply = runtime.block_on(post(running.address, "/mcp", &body));
        match reply.status {
            202 => prop_assert!(reply.body.is_empty()),
            200 | 400 => {
                let answer = reply.json();
                let answers = answer.as_array().cloned().unwrap_or_else(|| vec![answer.clone()]);
                for answer in answers {
                    prop_assert_eq!(&answer["jsonrpc"], "2.0");
                    let has = |key: &str| answer.get(key).is_some();
                    prop_assert!(has("result") != has("error"), "{}", answer);
                }
            }
            status => prop_assert!(false, "{status}"),
        }
    });
}
