//! A transformation over every type gives one answer in training, in serving and on write.

use std::fmt::Write as _;
use std::fs;

use larder_testkit::guests;
use serde_json::{Value, json};

use crate::larder::Repo;

/// Name, type and a value of each input of the guest `echo`.
fn columns() -> Vec<(String, String, Value)> {
    let scalars = [
        ("bytes", "Bytes", json!("AAH/")),
        ("string", "String", json!("Łódź")),
        ("int32", "Int32", json!(-7)),
        ("int64", "Int64", json!(9_007_199_254_740_993_i64)),
        ("float64", "Float64", json!(0.1)),
        ("float32", "Float32", json!(0.5)),
        ("bool", "Bool", json!(true)),
        ("timestamp", "UnixTimestamp", json!("2024-01-31T12:00:00Z")),
        ("map", "Map", json!({"b": 1, "a": [null]})),
        ("json", "Json", json!({"z": 1, "y": "\u{1f980}"})),
        ("uuid", "Uuid", json!("123e4567-e89b-12d3-a456-426614174000")),
        ("time_uuid", "TimeUuid", json!("123e4567-e89b-11d3-a456-426614174000")),
        ("decimal", "Decimal", json!("1.50")),
    ];
    let mut columns = vec![
        ("pdf".to_owned(), "PdfBytes".to_owned(), json!("JVBERg==")),
        ("image".to_owned(), "ImageBytes".to_owned(), json!("/9g=")),
        ("scalar_map".to_owned(), "ScalarMap".to_owned(), json!([[1, "a"], [true, null]])),
        ("zoned".to_owned(), "ZonedTimestamp".to_owned(), json!("2024-01-31T12:00:00+01:00[Europe/Oslo]")),
        ("nested".to_owned(), "Array(Set(Int64))".to_owned(), json!([[1, 2], [], [2]])),
    ];
    for (name, dtype, value) in scalars {
        columns.push((format!("{name}_list"), format!("Array({dtype})"), json!([value, value])));
        if !matches!(dtype, "Map" | "Json") {
            columns.push((format!("{name}_set"), format!("Set({dtype})"), json!([value])));
        }
        columns.push((name.to_owned(), dtype.to_owned(), value));
    }
    let place = "Struct({city: String, seen: ZonedTimestamp, floors: Array(Int32)})";
    let home = json!({"city": "Oslo", "seen": "2024-01-31T12:00:00Z", "floors": [1, 4]});
    columns.push(("places".to_owned(), format!("Array({place})"), json!([home, null, {"city": null}])));
    let trip = json!({"from": home, "type": ["there", "back"]});
    columns.push(("trip".to_owned(), format!("Struct({{from: {place}, type: Set(String)}})"), trip));
    columns
}

/// A view over a file of two rows, one of values and one of nulls, and three views that echo it: one
/// computed when it is read, one when it is written, and one from what the request brings.
fn repo() -> Repo {
    let repo = Repo::sample();
    let columns = columns();
    let dir = repo.dir();
    fs::write(dir.join("echo.wasm"), guests::echo()).unwrap();
    let times = |id: i64| json!({"id": id, "event_timestamp": "2024-02-01T00:00:00Z"});
    let (mut full, mut empty) = (times(1), times(2));
    for (name, _, value) in &columns {
        full[name] = value.clone();
        empty[name] = Value::Null;
    }
    fs::write(dir.join("data/wide.ndjson"), format!("{full}\n{empty}\n")).unwrap();
    let schema = columns.iter().fold(String::new(), |mut schema, (name, dtype, _)| {
        writeln!(schema, "      - {{name: {name}, dtype: '{dtype}'}}").unwrap();
        schema
    });
    let definitions = format!(
        "
entities: [{{name: thing, join_keys: [id], value_type: INT64}}]
data_sources:
  - {{name: wide_file, type: file, path: data/wide.ndjson, timestamp_field: event_timestamp}}
  - name: wide_request
    type: request
    schema:
{schema}
feature_views:
  - name: wide
    entities: [thing]
    source: wide_file
    schema:
{schema}
on_demand_feature_views:
  - name: read
    sources: [wide]
    schema:
{schema}
    transformation: {{component: echo.wasm, function: rebuild}}
  - name: written
    sources: [wide]
    write_to_online_store: true
    schema:
{schema}
    transformation: {{component: echo.wasm, function: rebuild}}
  - name: requested
    sources: [wide_request]
    schema:
{schema}
    transformation: {{component: echo.wasm, function: rebuild}}
"
    );
    fs::write(dir.join("wide.yaml"), definitions).unwrap();
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "2024-01-01", "2024-03-01"]).success();
    repo
}

#[test]
fn every_type_goes_through_a_transformation_the_same_way_everywhere() {
    let repo = repo();
    let features: Vec<String> = ["wide", "read", "written"]
        .into_iter()
        .flat_map(|view| columns().into_iter().map(move |(name, _, _)| format!("{view}:{name}")))
        .collect();
    let flags: Vec<&str> = features.iter().flat_map(|feature| ["-f", feature]).collect();
    let verb = |verb: &[&str]| repo.run(&[verb, &flags[..], &["--full-feature-names"]].concat());
    let online = verb(&["get-online-features", "-e", "id=1", "-e", "id=2"]).json();
    let rows = r#"[{"id": 1, "event_timestamp": "2024-02-02"}, {"id": 2, "event_timestamp": "2024-02-02"}]"#;
    let training = verb(&["get-historical-features", "--json", "-d", rows]).json();
    for (name, dtype, _) in columns() {
        let stored = &online[format!("wide__{name}")];
        // Feast answers null for a scalar map, whatever it holds; the training set shows it.
        assert!(!stored[0].is_null() || dtype == "ScalarMap", "{name}: {stored}");
        assert!(stored[1].is_null(), "{name}: {stored}");
        assert_eq!(&online[format!("read__{name}")], stored, "{dtype}, computed for a request");
        assert_eq!(&online[format!("written__{name}")], stored, "{dtype}, computed on write");
        for row in training.as_array().unwrap() {
            let stored = &row[format!("wide__{name}")];
            assert_eq!(stored.is_null(), row["id"] == 2, "{name}: {stored}");
            assert_eq!(&row[format!("read__{name}")], stored, "{dtype}, in a training set");
            assert_eq!(&row[format!("written__{name}")], stored, "{dtype}, in a training set");
        }
    }
}

#[test]
fn a_request_may_bring_every_type() {
    let repo = repo();
    let server = crate::larder::Server::start(&repo);
    let mut entities = json!({"id": [1, 2]});
    for (name, _, value) in columns() {
        entities[name] = json!([value, null]);
    }
    let read = |view: &str| {
        let features: Vec<_> = columns().into_iter().map(|(name, _, _)| format!("{view}:{name}")).collect();
        let request = json!({"entities": entities, "features": features});
        let (status, body) = server.post("/get-online-features", &request).unwrap();
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let values = answer["results"].as_array().unwrap().iter().map(|column| column["values"].clone());
        values.collect::<Vec<_>>()
    };
    assert_eq!(read("requested"), read("wide"));
}
