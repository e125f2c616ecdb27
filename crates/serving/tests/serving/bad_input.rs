//! What is no request: refused with a place and a reason, and never with a 5xx.

use larder_serving::ServerOptions;
use serde_json::{Value, json};

use crate::client::{Reply, post, send};
use crate::server::Running;

const PATHS: [&str; 6] = [
    "/get-online-features",
    "/push",
    "/write-to-online-store",
    "/materialize",
    "/materialize-incremental",
    "/v1/materialize",
];

#[tokio::test]
async fn recorded_422s_are_the_same_to_the_byte() {
    let running = Running::start().await;
    for (path, request, body) in [
        (
            "/get-online-features",
            r#"{"features":"#,
            r#"{"detail":[{"type":"json_invalid","loc":["body",12],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}}]}"#,
        ),
        (
            "/get-online-features",
            r#"{"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}"#,
            r#"{"detail":[{"type":"json_invalid","loc":["body",81],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting ',' delimiter"}}]}"#,
        ),
        (
            "/get-online-features",
            r#"{"features":["stats:conv_rate"]}"#,
            r#"{"detail":[{"type":"missing","loc":["body","entities"],"msg":"Field required","input":{"features":["stats:conv_rate"]}}]}"#,
        ),
        (
            "/get-online-features",
            r#"{"features":["stats:conv_rate"],"entities":{"driver_id":1001}}"#,
            r#"{"detail":[{"type":"list_type","loc":["body","entities","driver_id"],"msg":"Input should be a valid list","input":1001}]}"#,
        ),
        (
            "/get-online-features",
            r#"{"features":"stats:conv_rate","entities":{"driver_id":[1001]}}"#,
            r#"{"detail":[{"type":"list_type","loc":["body","features"],"msg":"Input should be a valid list","input":"stats:conv_rate"}]}"#,
        ),
        (
            "/get-online-features",
            "[1,2]",
            r#"{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[1,2]}]}"#,
        ),
        (
            "/get-online-features",
            "null",
            r#"{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":null}]}"#,
        ),
        (
            "/get-online-features",
            "",
            r#"{"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]}"#,
        ),
        (
            "/push",
            r#"{"push_source_name":"driver_push_source"}"#,
            r#"{"detail":[{"type":"missing","loc":["body","df"],"msg":"Field required","input":{"push_source_name":"driver_push_source"}}]}"#,
        ),
        (
            "/write-to-online-store",
            r#"{"df":{}}"#,
            r#"{"detail":[{"type":"missing","loc":["body","feature_view_name"],"msg":"Field required","input":{"df":{}}}]}"#,
        ),
        (
            "/materialize-incremental",
            "{}",
            r#"{"detail":[{"type":"missing","loc":["body","end_ts"],"msg":"Field required","input":{}}]}"#,
        ),
    ] {
        let reply = post(running.address, path, request).await;
        assert_eq!((reply.status, reply.text()), (422, body), "{path} {request}");
    }
    let text = [("content-type", "text/plain")];
    let reply = send(running.address, "POST", "/get-online-features", &text, br#"{"a":1}"#).await;
    let body = r#"{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":"{\"a\":1}"}]}"#;
    assert_eq!((reply.status, reply.text()), (422, body));
}

#[tokio::test]
async fn all_wrong_fields_are_told_at_once() {
    let running = Running::start().await;
    let request = r#"{"entities":[],"features":["a:b",1,null],"feature_service":7,"full_feature_names":"maybe","include_feature_view_version_metadata":[]}"#;
    let reply = post(running.address, "/get-online-features", request).await;
    let detail = reply.json()["detail"].clone();
    let places: Vec<&Value> = detail.as_array().unwrap().iter().map(|mistake| &mistake["loc"]).collect();
    assert_eq!(
        json!(places),
        json!([
            ["body", "entities"],
            ["body", "feature_service"],
            ["body", "features", 1],
            ["body", "features", 2],
            ["body", "full_feature_names"],
            ["body", "include_feature_view_version_metadata"],
        ])
    );
    let kinds: Vec<&Value> = detail.as_array().unwrap().iter().map(|mistake| &mistake["type"]).collect();
    let expected = ["dict_type", "string_type", "string_type", "string_type", "bool_parsing", "bool_type"];
    assert_eq!(json!(kinds), json!(expected));
}

/// A refusal of the request, and not a failure of the server.
fn assert_refused(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {} {}", reply.status, reply.text());
    assert!(serde_json::from_slice::<Value>(&reply.body).is_ok(), "{what}: {}", reply.text());
}

#[tokio::test]
async fn nothing_that_is_sent_brings_a_route_down() {
    let running = Running::start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_value = format!(r#"{{"entities":{{"driver_id":[{deep}]}}}}"#);
    let nested_values = r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[[1],{"a":2}]}}"#;
    let many_mistakes = format!(r#"{{"entities":{{}},"features":[{}1]}}"#, "1,".repeat(10_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"".into(),
        b"null".into(),
        b"true".into(),
        b"\"text\"".into(),
        b"[{\"driver_id\":[1]}]".into(),
        b"{\"entities\":{\"driver_id\":[1]}} trailing".into(),
        b"\xff\xfe{}".into(),
        b"{\"a\": \"\xc3\"}".into(),
        b"{\"a\": NaN}".into(),
        b"{\"a\": \"\\ud800\"}".into(),
        b"{\"entities\":{\"driver_id\":[1e999]},\"features\":[\"stats:conv_rate\"]}".into(),
        b"{\"entities\":{\"driver_id\":[9223372036854775808]},\"features\":[\"stats:conv_rate\"]}".into(),
        deep.into_bytes(),
        deep_value.into_bytes(),
        nested_values.into(),
        many_mistakes.into_bytes(),
        vec![0; 1000],
    ];
    for path in PATHS {
        for body in &bodies {
            let reply = post(running.address, path, body).await;
            assert_refused(
                &reply,
                &format!("{path} {}", String::from_utf8_lossy(&body[..body.len().min(80)])),
            );
            assert!(reply.body.len() < 100_000, "{path}: the refusal is short");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_its_length_is_told_or_not() {
    let running =
        Running::start_with(ServerOptions { max_body_bytes: 1000, ..ServerOptions::default() }).await;
    let large = format!(r#"{{"features":["{}"]}}"#, "x".repeat(2000));
    let reply = post(running.address, "/get-online-features", &large).await;
    let body = r#"{"detail":"The body is larger than 1000 bytes; send fewer rows at a time"}"#;
    assert_eq!((reply.status, reply.text()), (413, body));

    let mut chunked = Vec::new();
    for _ in 0..3 {
        chunked.extend_from_slice(b"3e8\r\n");
        chunked.extend_from_slice(&[b' '; 1000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let head = "POST /push HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let _may_be_refused_early = tokio::io::AsyncWriteExt::write_all(&mut stream, &chunked).await;
    assert_eq!(crate::client::read_reply(&mut stream).await.status, 413);
}

#[tokio::test]
async fn a_large_good_body_is_answered() {
    let running = Running::start().await;
    let ids: Vec<u32> = (0..60_000).collect();
    let request =
        json!({ "features": ["stats:avg_daily_trips"], "entities": { "driver_id": ids } }).to_string();
    assert!(request.len() > 256 << 10, "it takes the way of large bodies");
    let reply = post(running.address, "/get-online-features", request).await;
    let values = reply.json()["results"][1]["values"].clone();
    assert_eq!((reply.status, &values[1001], &values[1003]), (200, &json!(111), &Value::Null));
}

#[tokio::test]
async fn of_two_equal_names_the_last_counts() {
    let running = Running::start().await;
    let request = r#"{"features":["stats:avg_daily_trips"],"features":["stats:conv_rate"],"entities":{"driver_id":[1,2,3],"a":[1],"driver_id":[1002]}}"#;
    let reply = post(running.address, "/get-online-features", request).await;
    assert_eq!(reply.json()["metadata"]["feature_names"], json!(["driver_id", "a", "conv_rate"]));
    assert_eq!(reply.json()["results"][0]["values"], json!([1002]));
}

#[tokio::test]
async fn the_query_of_a_materialization_is_checked() {
    let running = Running::start().await;
    let body = r#"{"start_ts":"2025-01-01","end_ts":"2025-01-02"}"#;
    let reply = post(running.address, "/materialize?async=maybe", body).await;
    let expected = r#"{"detail":[{"type":"bool_parsing","loc":["query","async"],"msg":"Input should be a valid boolean, unable to interpret input","input":"maybe"}]}"#;
    assert_eq!((reply.status, reply.text()), (422, expected));
}
