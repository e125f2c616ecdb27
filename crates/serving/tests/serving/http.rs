//! Bodies and statuses over a connection, as they were recorded from Feast 0.67 for the same project.
//!
//! Features are asked for in the order in which Feast happened to answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder_registry::{ErrorStatus, MetricsConfig};
use larder_serving::ServerOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{get, post, read_reply, send};
use crate::repo;
use crate::server::Running;

/// Recorded requests to `/get-online-features` and their answers.
const RECORDED: &[(&str, &str)] = &[
    (
        r#"{"features":["stats:acc_rate","stats:avg_daily_trips","stats:conv_rate"],"entities":{"driver_id":[1001,1002,9999,1001]}}"#,
        r#"{"results":[{"values":[1001,1002,9999,1001],"statuses":["PRESENT","PRESENT","PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[0.20999999344348907,null,null,0.20999999344348907],"statuses":["PRESENT","PRESENT","NOT_FOUND","PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z","2025-01-01T10:00:00Z","1970-01-01T00:00:00Z","2025-01-01T11:00:00Z"]},{"values":[111,20,null,111],"statuses":["PRESENT","PRESENT","NOT_FOUND","PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z","2025-01-01T10:00:00Z","1970-01-01T00:00:00Z","2025-01-01T11:00:00Z"]},{"values":[0.6100000143051147,0.699999988079071,null,0.6100000143051147],"statuses":["PRESENT","PRESENT","NOT_FOUND","PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z","2025-01-01T10:00:00Z","1970-01-01T00:00:00Z","2025-01-01T11:00:00Z"]}],"metadata":{"feature_names":["driver_id","acc_rate","avg_daily_trips","conv_rate"]}}"#,
    ),
    (
        r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001]},"full_feature_names":true}"#,
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]}],"metadata":{"feature_names":["driver_id","stats__conv_rate"]}}"#,
    ),
    (
        r#"{"features":["stats:conv_rate","od_pandas:p1","od_reqonly:r1"],"entities":{"driver_id":[1001,9999],"val_to_add":[1,2]}}"#,
        r#"{"results":[{"values":[1001,9999],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[0.6100000143051147,null],"statuses":["PRESENT","NOT_FOUND"],"event_timestamps":["2025-01-01T11:00:00Z","1970-01-01T00:00:00Z"]},{"values":[1.6100000143051147,null],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[2,4],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}],"metadata":{"feature_names":["driver_id","conv_rate","p1","r1"]}}"#,
    ),
    (
        r#"{"features":["od_reqonly:r1"],"entities":{"val_to_add":[1,100]}}"#,
        r#"{"results":[{"values":[2,200],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}],"metadata":{"feature_names":["r1"]}}"#,
    ),
    (
        r#"{"features":["stats:conv_rate"],"entities":{"driver":[1001]}}"#,
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]}],"metadata":{"feature_names":["driver_id","conv_rate"]}}"#,
    ),
    (
        r#"{"feature_service":"svc","entities":{"driver_id":[1001],"val_to_add":[2]}}"#,
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]},{"values":[2.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]}],"metadata":{"feature_names":["driver_id","conv_rate","p1"]}}"#,
    ),
    (
        r#"{"feature_service":"svc_alias","entities":{"other_driver":[1001]},"full_feature_names":true}"#,
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.20999999344348907],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]},{"values":[111],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]},{"values":[0.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]}],"metadata":{"feature_names":["other_driver","renamed__acc_rate","renamed__avg_daily_trips","renamed__conv_rate"]}}"#,
    ),
    (
        r#"{"features":["glob:global_rate","stats:conv_rate"],"entities":{"driver_id":[1001,1002]}}"#,
        r#"{"results":[{"values":[1001,1002],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[1.5,1.5],"statuses":["PRESENT","PRESENT"],"event_timestamps":["2025-01-01T00:00:00Z","2025-01-01T00:00:00Z"]},{"values":[0.6100000143051147,0.699999988079071],"statuses":["PRESENT","PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z","2025-01-01T10:00:00Z"]}],"metadata":{"feature_names":["driver_id","global_rate","conv_rate"]}}"#,
    ),
    (
        r#"{"features":["coll:f","stats:conv_rate"],"entities":{"a":[1,12],"b":[23,3],"driver_id":[1001,1002]}}"#,
        r#"{"results":[{"values":[1,12],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[23,3],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[1001,1002],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":["one_23","twelve_3"],"statuses":["PRESENT","PRESENT"],"event_timestamps":["2025-01-01T00:00:00Z","2025-01-01T00:00:00Z"]},{"values":[0.6100000143051147,0.699999988079071],"statuses":["PRESENT","PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z","2025-01-01T10:00:00Z"]}],"metadata":{"feature_names":["a","b","driver_id","f","conv_rate"]}}"#,
    ),
    (
        r#"{"features":["coll:f"],"entities":{"a":[1]}}"#,
        r#"{"results":[{"values":[1],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[null],"statuses":["NOT_FOUND"],"event_timestamps":["1970-01-01T00:00:00Z"]}],"metadata":{"feature_names":["a","f"]}}"#,
    ),
    (
        r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001],"a":[1],"zzz":[5]}}"#,
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[1],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]}],"metadata":{"feature_names":["driver_id","a","conv_rate"]}}"#,
    ),
    (
        r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001]},"include_feature_view_version_metadata":true}"#,
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]}],"metadata":{"feature_names":["driver_id","conv_rate"],"feature_view_metadata":[{"name":"stats"}]}}"#,
    ),
    (
        r#"{"features":["stats:conv_rate"],"feature_service":"","entities":{"driver_id":["1001"]},"zzz":1}"#,
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.6100000143051147],"statuses":["PRESENT"],"event_timestamps":["2025-01-01T11:00:00Z"]}],"metadata":{"feature_names":["driver_id","conv_rate"]}}"#,
    ),
];

/// Recorded refusals: request, status by default, status as Feast has it, body.
const REFUSED: &[(&str, &str, u16, u16, &str)] = &[
    (
        "/get-online-features",
        r#"{"features":["od_pandas:p1"],"entities":{"driver_id":[1001]}}"#,
        404,
        404,
        r#""{\"module\": \"feast.errors\", \"class\": \"RequestDataNotFoundInEntityRowsException\", \"message\": \"Required request data source features ['val_to_add'] not found in the entity rows, but required by feature views\"}""#,
    ),
    (
        "/get-online-features",
        r#"{"features":["nope:conv_rate"],"entities":{"driver_id":[1001]}}"#,
        404,
        404,
        r#""{\"module\": \"feast.errors\", \"class\": \"FeatureViewNotFoundException\", \"message\": \"Feature view nope does not exist in project exp\"}""#,
    ),
    (
        "/get-online-features",
        r#"{"feature_service":"nope","entities":{"driver_id":[1001]}}"#,
        404,
        404,
        r#""{\"module\": \"feast.errors\", \"class\": \"FeatureServiceNotFoundException\", \"message\": \"Feature service nope does not exist in project exp\"}""#,
    ),
    (
        "/get-online-features",
        r#"{"features":["stats:nope"],"entities":{"driver_id":[1001]}}"#,
        404,
        500,
        r#""'Feature nope not found in projection stats'""#,
    ),
    (
        "/get-online-features",
        r#"{"features":["stats:conv_rate","stats_p:conv_rate"],"entities":{"driver_id":[1001]}}"#,
        400,
        500,
        r#""{\"module\": \"feast.errors\", \"class\": \"FeatureNameCollisionError\", \"message\": \"Duplicate features named conv_rate found.\\nTo resolve this collision, either use the full feature name by setting 'full_feature_names=True', or ensure that the features in question have different names.\"}""#,
    ),
    (
        "/get-online-features",
        r#"{"features":["stats"],"entities":{"driver_id":[1001]}}"#,
        400,
        500,
        r#""Invalid feature reference 'stats'. Expected format: '<feature_view>:<feature>' or '<feature_view>@<version>:<feature>'""#,
    ),
    (
        "/get-online-features",
        r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001,1002],"val_to_add":[1]}}"#,
        400,
        500,
        r#""All entity rows must have the same columns.""#,
    ),
    (
        "/get-online-features",
        r#"{"entities":{"driver_id":[1001]}}"#,
        400,
        500,
        r#""No features specified for retrieval""#,
    ),
    // Feast lists every join key of the project here.
    (
        "/get-online-features",
        r#"{"features":["stats:conv_rate"],"entities":{"foo":[1001]}}"#,
        400,
        500,
        r#""\"Missing join key values for keys: ['driver_id']. No values provided for keys: ['driver_id']. Provided join_key_values: []\"""#,
    ),
    (
        "/push",
        r#"{"push_source_name":"nope","df":{"driver_id":[1001]},"to":"online"}"#,
        422,
        422,
        r#""{\"module\": \"feast.errors\", \"class\": \"PushSourceNotFoundException\", \"message\": \"Unable to find push source 'nope'.\"}""#,
    ),
    (
        "/push",
        r#"{"push_source_name":"stats_push","df":{"driver_id":[1001]},"to":"sideways"}"#,
        400,
        500,
        r#""sideways is not a supported push format. Please specify one of these ['online', 'offline', 'online_and_offline'].""#,
    ),
    (
        "/push",
        r#"{"push_source_name":"stats_push","df":{"driver_id":[1,2],"conv_rate":[1]}}"#,
        422,
        500,
        r#""All arrays must be of the same length""#,
    ),
    (
        "/write-to-online-store",
        r#"{"feature_view_name":"nope","df":{"driver_id":[777]}}"#,
        404,
        404,
        r#""{\"module\": \"feast.errors\", \"class\": \"FeastObjectNotFoundException\", \"message\": \"Can't recognize feast object with a name nope\"}""#,
    ),
    (
        "/materialize",
        r#"{"feature_views":["stats"]}"#,
        400,
        500,
        r#""start_ts and end_ts are required when disable_event_timestamp is False""#,
    ),
    (
        "/materialize",
        r#"{"start_ts":"2025-01-03T00:00:00","end_ts":"2025-01-02T00:00:00","feature_views":["stats"]}"#,
        400,
        500,
        r#""start_ts (2025-01-03 00:00:00+00:00) must be before end_ts (2025-01-02 00:00:00+00:00)""#,
    ),
    (
        "/materialize",
        r#"{"start_ts":"","end_ts":"","feature_views":["stats"]}"#,
        400,
        500,
        r#""start_ts and end_ts are required when disable_event_timestamp is False""#,
    ),
    ("/materialize-incremental", r#"{"end_ts":"soon"}"#, 400, 500, r#""Unknown string format: soon""#),
    ("/materialize-incremental", r#"{"end_ts":""}"#, 400, 500, r#""String does not contain a date: ""#),
    (
        "/materialize",
        r#"{"start_ts":"x","end_ts":"2024-01-05T00:00:00"}"#,
        400,
        500,
        r#""Invalid timestamp format: Unknown string format: x""#,
    ),
    (
        "/materialize",
        r#"{"start_ts":"2025-01-01T00:00:00","end_ts":"2025-01-02T00:00:00","feature_views":["nope"]}"#,
        404,
        404,
        r#""{\"module\": \"feast.errors\", \"class\": \"FeatureViewNotFoundException\", \"message\": \"Feature view nope does not exist in project exp\"}""#,
    ),
];

#[tokio::test]
async fn recorded_requests_get_the_recorded_bodies() {
    let running = Running::start().await;
    for (request, body) in RECORDED {
        let reply = post(running.address, "/get-online-features", request).await;
        assert_eq!((reply.status, reply.text()), (200, *body), "{request}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn recorded_mistakes_get_the_recorded_bodies_and_a_4xx_or_feasts_status() {
    for error_status in [ErrorStatus::Standard, ErrorStatus::Feast] {
        let running = Running::start_with(ServerOptions { error_status, ..ServerOptions::default() }).await;
        for (path, request, precise, feast, body) in REFUSED {
            let status = if error_status == ErrorStatus::Feast { *feast } else { *precise };
            let reply = post(running.address, path, request).await;
            assert_eq!((reply.status, reply.text()), (status, *body), "{path} {request}");
        }
    }
}

#[tokio::test]
async fn a_push_is_empty_and_readable_and_a_write_is_null() {
    let running = Running::start().await;
    let rows = r#"{"driver_id":["1001"],"event_timestamp":["2025-02-01 00:00:00"],"conv_rate":["1.5"],"acc_rate":[null],"avg_daily_trips":[7],"zzz":[1]}"#;
    let reply =
        post(running.address, "/push", format!(r#"{{"push_source_name":"stats_push","df":{rows}}}"#)).await;
    assert_eq!((reply.status, reply.text(), reply.header("content-type")), (200, "", None));
    let read = r#"{"features":["stats_p:acc_rate","stats_p:avg_daily_trips","stats_p:conv_rate"],"entities":{"driver_id":[1001]}}"#;
    let reply = post(running.address, "/get-online-features", read).await;
    assert_eq!(
        reply.text(),
        r#"{"results":[{"values":[1001],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[null],"statuses":["PRESENT"],"event_timestamps":["2025-02-01T00:00:00Z"]},{"values":[7],"statuses":["PRESENT"],"event_timestamps":["2025-02-01T00:00:00Z"]},{"values":[1.5],"statuses":["PRESENT"],"event_timestamps":["2025-02-01T00:00:00Z"]}],"metadata":{"feature_names":["driver_id","acc_rate","avg_daily_trips","conv_rate"]}}"#
    );
    let write = format!(r#"{{"feature_view_name":"stats","df":{rows}}}"#);
    let reply = post(running.address, "/write-to-online-store", write).await;
    assert_eq!((reply.status, reply.text()), (200, "null"));
}

#[tokio::test]
async fn the_numbers_of_python_that_json_lacks_are_read() {
    let running = Running::start().await;
    let body = concat!(
        "\u{feff}",
        r#"{"push_source_name":"stats_push","df":{"driver_id":[1001],"event_timestamp":["2025-02-01"],"#,
        r#""conv_rate":[NaN],"acc_rate":[-Infinity],"avg_daily_trips":[NaN]}}"#
    );
    let reply = post(running.address, "/push", body).await;
    assert_eq!((reply.status, reply.text()), (200, ""));
    let read = r#"{"features":["stats_p:acc_rate","stats_p:avg_daily_trips","stats_p:conv_rate"],"entities":{"driver_id":[1001]}}"#;
    let read = post(running.address, "/get-online-features", read).await.json();
    let values: Vec<&Value> = (1..4).map(|at| &read["results"][at]["values"][0]).collect();
    assert_eq!(values, [&json!("-Infinity"), &json!(null), &json!(null)]);
}

#[tokio::test]
async fn other_paths_methods_and_slashes_are_answered_as_fastapi_does() {
    let running = Running::start().await;
    let reply = post(running.address, "/no-such-route", "{}").await;
    assert_eq!((reply.status, reply.text()), (404, r#"{"detail":"Not Found"}"#));
    let reply = get(running.address, "/get-online-features").await;
    assert_eq!((reply.status, reply.text()), (405, r#"{"detail":"Method Not Allowed"}"#));
    assert_eq!(reply.header("allow"), Some("POST"));
    let reply = post(running.address, "/get-online-features/?a=b", "{}").await;
    let location = format!("http://{}/get-online-features?a=b", running.address);
    assert_eq!((reply.status, reply.text()), (307, ""));
    assert_eq!(reply.header("location"), Some(location.as_str()));
    let reply = post(running.address, "/no-such-route/", "{}").await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn health_is_empty_and_follows_the_server() {
    let running = Running::start().await;
    let reply = get(running.address, "/health").await;
    assert_eq!((reply.status, reply.text(), reply.header("content-length")), (200, "", Some("0")));
    running.server.healthy.store(false, Ordering::SeqCst);
    assert_eq!(get(running.address, "/health").await.status, 503);
}

#[tokio::test]
async fn metrics_have_feasts_names() {
    let running = Running::start().await;
    for (request, _) in &RECORDED[..2] {
        post(running.address, "/get-online-features", request).await;
    }
    post(running.address, "/get-online-features", "{").await;
    let reply = get(running.address, "/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = reply.text();
    for line in [
        r#"feast_feature_server_request_total{endpoint="/get-online-features",status="success"}"#,
        r#"feast_feature_server_request_total{endpoint="/get-online-features",status="error"}"#,
        r#"feast_feature_server_request_latency_seconds_bucket{endpoint="/get-online-features",feature_count="",feature_view_count="",le="0.005"}"#,
        r#"feast_feature_server_request_latency_seconds_bucket{endpoint="/get-online-features",feature_count="1-10",feature_view_count="1",le="10"}"#,
        "feast_online_features_request_total",
        r#"feast_online_features_entity_count_bucket{le="1"}"#,
        r#"feast_online_features_status_total{feature_view="stats",status="present"}"#,
        r#"feast_online_features_status_total{feature_view="stats",status="not_found"}"#,
        #[cfg(target_os = "linux")]
        "feast_feature_server_cpu_usage",
        #[cfg(target_os = "linux")]
        "feast_feature_server_memory_usage",
    ] {
        let value = text.lines().find_map(|known| known.strip_prefix(line)).unwrap_or_else(|| {
            panic!("`{line}` is not in:\n{text}");
        });
        assert!(value.trim().parse::<f64>().is_ok(), "{line}{value}");
    }
}

#[tokio::test]
async fn every_route_is_counted_under_its_path() {
    let running = Running::start().await;
    // The recorder is that of the process, so only what is added counts.
    let counted = async |path: &str, status: &str| {
        let line = format!("feast_feature_server_request_total{{endpoint=\"{path}\",status=\"{status}\"}} ");
        let reply = get(running.address, "/metrics").await;
        let value = reply.text().lines().find_map(|known| known.strip_prefix(&line)?.parse::<u64>().ok());
        value.unwrap_or_else(|| panic!("`{line}` is not in:\n{}", reply.text()))
    };
    for (method, path, endpoint, status) in [
        ("POST", "/v1/refresh", "/v1/refresh", "success"),
        ("POST", "/v1/record", "/v1/record", "error"),
        ("GET", "/v1/jobs", "/v1/jobs", "error"),
        ("GET", "/v1/jobs/a/runs", "/v1/jobs/{name}/runs", "error"),
        ("POST", "/v1/jobs/a/runs", "/v1/jobs/{name}/runs", "error"),
        ("GET", "/v1/jobs/a/runs/1", "/v1/jobs/{name}/runs/{id}", "error"),
        ("GET", "/v1/vector_stores", "/v1/vector_stores", "success"),
        ("GET", "/v1/vector_stores/a", "/v1/vector_stores/{id}", "error"),
        ("POST", "/v1/vector_stores/a/search", "/v1/vector_stores/{id}/search", "error"),
    ] {
        let before = counted(endpoint, status).await;
        match method {
            "POST" => post(running.address, path, "").await,
            _ => get(running.address, path).await,
        };
        assert!(counted(endpoint, status).await > before, "{method} {path}");
    }
}

#[tokio::test]
async fn metrics_have_a_port_of_their_own_and_leave_out_categories_that_are_off() {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let metrics = listener.local_addr().unwrap();
    let off = MetricsConfig { request: false, ..MetricsConfig::default() };
    let options =
        ServerOptions { metrics: off, metrics_listener: Some(listener), ..ServerOptions::default() };
    let running = Running::start_with(options).await;
    post(running.address, "/get-online-features", RECORDED[0].0).await;
    for path in ["/metrics", "/"] {
        let reply = get(metrics, path).await;
        assert_eq!(reply.status, 200);
        assert!(reply.text().contains("feast_online_features_request_total"));
        assert!(!reply.text().contains("feast_feature_server_request_"), "{}", reply.text());
    }
    let reply = post(metrics, "/get-online-features", RECORDED[0].0).await;
    assert_eq!((reply.status, reply.text()), (404, r#"{"detail":"Not Found"}"#));
}

#[tokio::test]
async fn many_requests_at_once_get_their_own_answers() {
    let running = Running::start().await;
    let address = running.address;
    let tasks: Vec<_> = (0..32_u32)
        .map(|client| {
            tokio::spawn(async move {
                for round in 0..8_u32 {
                    let added = 10_000 + client * 100 + round;
                    let request = json!({
                        "features": ["stats:avg_daily_trips", "od_reqonly:r1"],
                        "entities": { "driver_id": [1001, added], "val_to_add": [added, 1] },
                    });
                    let reply = post(address, "/get-online-features", request.to_string()).await;
                    let results = &reply.json()["results"];
                    assert_eq!(results[0]["values"], json!([1001, added]));
                    assert_eq!(results[1]["values"], json!([111, null]));
                    assert_eq!(results[2]["values"], json!([added * 2, 2]));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_panic_fails_its_request_alone_and_shows_nothing() {
    let running = Running::start().await;
    let request = json!({
        "features": ["od_pandas:p1"], "entities": { "driver_id": [1001], "val_to_add": [repo::PANIC] },
    });
    let reply = post(running.address, "/get-online-features", request.to_string()).await;
    assert_eq!((reply.status, reply.text()), (500, r#""internal error; the server's log has the details""#));
    assert_eq!(post(running.address, "/get-online-features", RECORDED[0].0).await.status, 200);
}

#[tokio::test]
async fn a_transformation_that_fails_is_a_500_with_its_own_words() {
    let running = Running::start().await;
    let request = json!({
        "features": ["od_pandas:p1"], "entities": { "driver_id": [1001], "val_to_add": [repo::REFUSE] },
    });
    let reply = post(running.address, "/get-online-features", request.to_string()).await;
    let text = r#""on-demand feature view `od_pandas`: value -2 is not taken""#;
    assert_eq!((reply.status, reply.text()), (500, text));
}

#[tokio::test]
async fn one_connection_serves_requests_one_after_another() {
    let running = Running::start().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let (request, body) = RECORDED[3];
    let head =
        format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", request.len());
    for _ in 0..3 {
        stream.write_all(format!("{head}\r\n{request}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(body.as_bytes()) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "the connection stays open");
        }
    }
    stream.write_all(format!("{head}connection: close\r\n\r\n{request}").as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.text(), body);
}

/// A materialization of one view.
const LATEST: &str = r#"{"end":"2025-01-02","incremental":true,"feature_views":["stats"]}"#;

#[tokio::test]
async fn a_shutdown_finishes_what_has_begun_and_takes_nothing_new() {
    let mut running = Running::start().await;
    let address = running.address;
    let idle = TcpStream::connect(address).await.unwrap();
    let permits = &running.server.materializations;
    permits.forget_permits(permits.available_permits());
    let body = r#"{"start_ts":"2025-01-01","end_ts":"2025-01-02","feature_views":["stats"]}"#;
    let slow = tokio::spawn(async move { post(address, "/v1/materialize", LATEST).await });
    wait_until(async || post(address, "/materialize?async=true", body).await.status == 409).await;
    let server = Arc::clone(&running.server);
    running.begin_stop();
    wait_until(async || TcpStream::connect(address).await.is_err()).await;
    assert!(!slow.is_finished());
    server.materializations.add_permits(1);
    assert!(slow.await.unwrap().text().contains("{\"done\":"), "the answer is complete");
    running.stopped().await;
    drop(idle);
}

#[tokio::test]
async fn a_shutdown_drops_what_does_not_finish_in_time() {
    let options = ServerOptions { shutdown_timeout: Duration::from_millis(50), ..ServerOptions::default() };
    let mut running = Running::start_with(options).await;
    let address = running.address;
    let all = running.server.materializations.available_permits();
    running.server.materializations.forget_permits(all);
    let body = r#"{"start_ts":"2025-01-01","end_ts":"2025-01-02","feature_views":["stats"]}"#;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("POST /materialize HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    wait_until(async || get(address, "/health").await.status == 200).await;
    running.begin_stop();
    running.stopped().await;
    let mut rest = Vec::new();
    let _reset_or_closed = stream.read_to_end(&mut rest).await;
    assert!(!rest.windows(4).any(|window| window == b"null"), "it was not answered as if it were done");
}

#[tokio::test]
async fn a_request_that_finds_no_turn_is_refused_and_health_is_not() {
    let options = ServerOptions {
        max_concurrent_requests: 1,
        queue_timeout: Duration::from_millis(20),
        ..ServerOptions::default()
    };
    let running = Running::start_with(options).await;
    // A body that does not come holds the only permit.
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await.unwrap();
    wait_until(async || post(running.address, "/get-online-features", RECORDED[3].0).await.status == 503)
        .await;
    assert_eq!(get(running.address, "/health").await.status, 200);
    slow.write_all(b"{        ").await.unwrap();
    wait_until(async || post(running.address, "/get-online-features", RECORDED[3].0).await.status == 200)
        .await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let options = ServerOptions { body_timeout: Duration::from_millis(30), ..ServerOptions::default() };
    let running = Running::start_with(options).await;
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"POST /push HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read_reply(&mut slow).await.status, 408);
}

#[tokio::test]
async fn a_null_key_is_served_as_a_row_that_is_not_found() {
    let running = Running::start().await;
    let request = r#"{"features":["stats:avg_daily_trips"],"entities":{"driver_id":[null,1001]}}"#;
    let reply = post(running.address, "/get-online-features", request).await;
    assert_eq!(reply.json()["results"][1]["statuses"], json!(["NOT_FOUND", "PRESENT"]));
    assert_eq!(reply.json()["results"][0]["values"], json!([null, 1001]));
}

#[tokio::test]
async fn lenient_booleans_are_taken_as_pydantic_takes_them() {
    let running = Running::start().await;
    let request =
        r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001]},"full_feature_names":"Yes"}"#;
    let reply = post(running.address, "/get-online-features", request).await;
    assert_eq!(reply.json()["metadata"]["feature_names"][1], Value::from("stats__conv_rate"));
}

#[tokio::test]
async fn a_form_is_not_json_and_no_content_type_is() {
    let running = Running::start().await;
    let (request, body) = RECORDED[3];
    let reply = send(running.address, "POST", "/get-online-features", &[], request.as_bytes()).await;
    assert_eq!(reply.text(), body);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = send(running.address, "POST", "/get-online-features", &form, request.as_bytes()).await;
    assert_eq!(reply.status, 422);
}

#[tokio::test]
async fn a_page_of_another_origin_that_its_browser_has_not_asked_about_reads_and_writes_nothing() {
    let running = Running::start_with(ServerOptions { recording: true, ..ServerOptions::default() }).await;
    let (request, body) = RECORDED[3];
    let evil = [("origin", "http://evil.example")];
    for kind in [&[][..], &[("content-type", "text/plain")]] {
        let headers = [&evil[..], kind].concat();
        for path in ["/get-online-features", "/push", "/write-to-online-store", "/materialize"] {
            let reply = send(running.address, "POST", path, &headers, request.as_bytes()).await;
            assert_eq!(reply.status, 422, "{path} {headers:?}");
        }
        for path in ["/v1/record", "/v1/jobs/nightly/runs"] {
            let reply = send(running.address, "POST", path, &headers, b"{}").await;
            assert_eq!(reply.status, 403, "{path} {headers:?}");
        }
    }
    // Of JSON a browser asks first, and gets no leave.
    let asked = send(running.address, "OPTIONS", "/push", &evil, b"").await;
    assert!(asked.status == 405 && asked.header("access-control-allow-origin").is_none());
    // Its own page may.
    let own = format!("http://{}", running.address);
    let reply =
        send(running.address, "POST", "/get-online-features", &[("origin", &own)], request.as_bytes()).await;
    assert_eq!(reply.text(), body);
}

pub(crate) async fn wait_until(condition: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come to that");
}
