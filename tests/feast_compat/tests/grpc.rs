//! What Feast's gRPC servers answered, beside what larder answers to the same requests.
//!
//! Larder speaks no gRPC; the requests are sent over HTTP, and values, statuses and times are compared.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "the helpers of a test fail as tests do")]

use feast_compat::{GoldenRepo, Online, Served, Stage, scenarios};
use serde_json::{Map, Value, json};

/// Scenarios in which Feast fails, with what it says, and larder answers.
const FAILS_IN_FEAST: &[(&str, &str)] = &[(
    "grpc_get_online_features_service",
    "Value with native type value cannot be converted into Feast value type",
)];

/// Scenarios that write a typed time: seconds, which Feast takes for nanoseconds. What it then answers as the
/// time, and what larder does.
const SECONDS_AS_NANOSECONDS: ([&str; 2], &str, &str) =
    (["grpc_push_typed", "grpc_write_typed"], "1970-01-01T00:00:01Z", "2024-01-20T12:00:00Z");

/// A recorded `feast.types.Value`, in the form that JSON over HTTP has.
fn plain(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), value) {
        ("int64_val" | "unix_timestamp_val", Value::String(digits)) => {
            json!(digits.parse::<i64>().expect("whole numbers are digits"))
        }
        ("float_val", Value::Number(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "the number was printed from such a one")]
            let single = number.as_f64().expect("a number") as f32;
            json!(f64::from(single))
        }
        (_, value) => value.clone(),
    }
}

/// A recorded call as a request over HTTP.
fn request(call: &Value) -> Value {
    let (method, request) = (call["method"].as_str().expect("a method"), &call["request"]);
    let columns = |key: &str| -> Map<String, Value> {
        let typed = request[key].as_object().into_iter().flatten();
        typed.map(|(name, value)| (name.clone(), json!([plain(value)]))).collect()
    };
    let mut rows = columns("typed_features");
    for (name, text) in request["features"].as_object().into_iter().flatten() {
        rows.insert(name.clone(), json!([text]));
    }
    let (path, body) = match method.rsplit('/').next() {
        Some("Push") => (
            "/push",
            json!({"push_source_name": request["stream_feature_view"], "df": rows, "to": request["to"]}),
        ),
        Some("WriteToOnlineStore") => {
            ("/write-to-online-store", json!({"feature_view_name": request["feature_view_name"], "df": rows}))
        }
        Some("GetOnlineFeatures") => {
            let entities = request["entities"].as_object().into_iter().flatten();
            let values = |column: &Value| -> Value {
                column["val"].as_array().into_iter().flatten().map(plain).collect()
            };
            let entities: Map<String, Value> =
                entities.map(|(name, column)| (name.clone(), values(column))).collect();
            let mut body = json!({
                "entities": entities,
                "full_feature_names": request["full_feature_names"].as_bool().unwrap_or_default(),
            });
            match &request["feature_service"] {
                Value::Null => body["features"] = request["features"]["val"].clone(),
                service => body["feature_service"] = service.clone(),
            }
            ("/get-online-features", body)
        }
        other => panic!("{other:?} is no method of the recorded server"),
    };
    json!({"method": "POST", "path": path, "body": body})
}

/// A recorded answer by feature: values, statuses and times.
fn recorded_columns(response: &Value) -> Value {
    let names = response["metadata"]["feature_names"]["val"].as_array().into_iter().flatten();
    let results = response["results"].as_array().into_iter().flatten();
    let column = |(name, result): (&Value, &Value)| {
        let values: Value = result["values"].as_array().into_iter().flatten().map(plain).collect();
        let rest = [&result["statuses"], &result["event_timestamps"]];
        (name.as_str().expect("a name").to_owned(), json!([values, rest]))
    };
    Value::Object(names.zip(results).map(column).collect())
}

/// An answer over HTTP by feature, in the same form.
fn columns(body: &Value) -> Value {
    let names = body["metadata"]["feature_names"].as_array().into_iter().flatten();
    let results = body["results"].as_array().into_iter().flatten();
    let column = |(name, result): (&Value, &Value)| {
        let rest = [&result["statuses"], &result["event_timestamps"]];
        (name.as_str().expect("a name").to_owned(), json!([result["values"], rest]))
    };
    Value::Object(names.zip(results).map(column).collect())
}

#[tokio::test]
async fn requests_over_grpc_have_the_same_values_and_statuses_over_http() {
    let served = Served::start(GoldenRepo::at(Stage::Two, Online::Sqlite).await).await;
    let mut reads = 0;
    for (name, scenario) in scenarios("grpc") {
        if name == "transformation_service" {
            // Its values are those of the sample transformations; see the tests of the sandbox.
            continue;
        }
        for call in scenario["calls"].as_array().expect("a list of calls") {
            let answer = served.send(&request(call)).await;
            let body = answer.body.unwrap_or_default();
            let details = call["details"].as_str().unwrap_or_default();
            let fails_in_feast = FAILS_IN_FEAST.iter().find(|(known, _)| *known == name);
            match (call["code"].as_str(), fails_in_feast) {
                (Some("OK"), _) => {
                    assert_eq!(answer.status, 200, "{name}: {body}");
                    if call["method"].as_str().is_some_and(|method| method.ends_with("GetOnlineFeatures")) {
                        let mut expected = recorded_columns(&call["response"]).to_string();
                        let (scenarios, by_feast, by_larder) = SECONDS_AS_NANOSECONDS;
                        if scenarios.contains(&name.as_str()) {
                            assert_eq!(expected.matches(by_feast).count(), 2, "{name}: {expected}");
                            expected = expected.replace(by_feast, by_larder);
                        }
                        assert_eq!(columns(&body).to_string(), expected, "{name}");
                        reads += 1;
                    }
                }
                (_, Some((_, reason))) => {
                    assert!(details.ends_with(reason), "{name}: {details}");
                    let columns = columns(&body);
                    let columns = columns.as_object().expect("an answer has columns");
                    assert!(columns.len() > 4, "{name}: {body}");
                    assert!(
                        columns.values().all(|column| column[1][0] == json!(["PRESENT"])),
                        "{name}: {body}"
                    );
                }
                _ => {
                    let message = details.strip_prefix("Exception calling application: ").expect("a message");
                    assert!((400..500).contains(&answer.status), "{name}: {}", answer.status);
                    assert!(body.to_string().contains(message), "{name}: {body}");
                }
            }
        }
    }
    assert_eq!(reads, 4);
    served.stop().await;
}
