//! The registry's REST routes beside what Feast's server answered on the same file.

use feast_compat::{ServedRegistry, recorded_lines};
use serde_json::{Value, json};

/// Requests that larder answers differently on purpose, with the reason.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "GET /api/v1/entities/all?sort_by=spec",
        "objects that have no order stay as they are, where Feast fails with a 500",
    ),
    ("GET /api/v1/compute_engines?project=labels", "a view that is kept offline alone is said to be online"),
    ("GET /api/v1/compute_engines?project=extras", "as before"),
    ("GET /api/v1/compute_engines?project=extras&allow_cache=false", "as before"),
    ("GET /api/v1/materialization_jobs?project=larder_golden", "without a page Feast answers an empty one"),
    ("GET /api/v1/materialization_jobs?project=larder_golden&limit=3", "as before"),
    ("GET /api/v1/materialization_jobs?project=larder_golden&page=2", "without a limit Feast has one of 0"),
    ("GET /api/v1/materialization_jobs?project=larder_golden&feature_view=driver_scores", "as before"),
    ("GET /api/v1/saved_datasets/data/nope?project=labels", "404, where Feast says 500"),
];

/// Steps with datasets, by their number from 0, that larder answers differently on purpose, with the reason.
const DIFFERENT_DATASET_STEPS: &[(usize, &str)] = &[
    (10, "a source of entities that is none is refused; Feast starts a job that fails"),
    (12, "larder's own words for a truth value that is none"),
    (20, "so there is one job fewer"),
    (22, "as 20"),
    (25, "Feast takes the rows that it shows for all there are"),
    (33, "as 25"),
    (34, "a dataset of a feature service names it"),
];

/// Steps of the writes, by their number from 0, that larder answers differently on purpose, with the reason.
const DIFFERENT_STEPS: &[(usize, &str)] = &[
    (21, "larder's own words for a type that is none"),
    (27, "larder's own words for a source of no type"),
    (31, "a Kafka source gets the format that the request asks for; Feast forgets it and fails"),
    (32, "so does a Kinesis source"),
    (34, "a Trino source needs no Python package"),
    (39, "a request source without a schema is refused"),
    (40, "the sources of 31 to 39"),
    (72, "a saved dataset in Trino needs no Python package"),
    (75, "storages that Feast cannot read are refused with words"),
    (76, "as 75"),
    (77, "as 75"),
    (78, "as 75"),
    (80, "the saved dataset of 72"),
    (110, "as 40"),
    (113, "as 80"),
];

/// What is not compared: the times at which the recording itself wrote the registry, and orders that Feast does not
/// define.
fn comparable(mut answer: Value) -> Value {
    mask(&mut answer);
    answer
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("registryLastUpdated");
            if let Some(Value::String(text)) = fields.get_mut("featureDefinition") {
                *text = without_order(text);
            }
            // Feast puts the pages of its views among them.
            if let Some(Value::Array(views)) = fields.get_mut("featureViews") {
                let is_page = |view: &Value| view.get("totalCount").is_some() || *view == json!({});
                views.retain(|view| !is_page(view));
            }
            // Projects are searched in any order, so what is found in several is found in any order too.
            if let Some(Value::Array(projects)) = fields.get_mut("projects_searched") {
                projects.sort_by_key(Value::to_string);
                if projects.len() > 1
                    && let Some(Value::Array(results)) = fields.get_mut("results")
                {
                    results.sort_by_key(Value::to_string);
                }
            }
            // Where Feast reads one object it runs its function and pickles it anew, and makes the sources of its
            // request data anew.
            if let Some(function) = fields.get_mut("userDefinedFunction") {
                function["body"] = Value::Null;
            }
            if let Some(source) = fields.get_mut("requestDataSource") {
                source["meta"] = Value::Null;
            }
            fields.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// The words of each line in order: Python's sets and protobuf's maps have none.
fn without_order(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let mut words: Vec<&str> = line.split([' ', ',', '{', '}']).filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Answers whose times are left out: those of what was just registered. Feast forgets when a saved dataset was last
/// changed, and takes the created column for the event time of a projection.
fn without_times(mut answer: Value) -> Value {
    fn forget(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| {
                    !matches!(
                        key.as_str(),
                        "createdTimestamp"
                            | "lastUpdatedTimestamp"
                            | "minEventTimestamp"
                            | "maxEventTimestamp"
                    )
                });
                if fields.contains_key("featureViewName") {
                    fields.remove("timestampField");
                }
                fields.values_mut().for_each(forget);
            }
            Value::Array(items) => items.iter_mut().for_each(forget),
            _ => {}
        }
    }
    forget(&mut answer);
    comparable(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_register_and_remove_is_answered_as_feast_answers_it() {
    let served = ServedRegistry::start("registry_rest/registry.db", "labels").await;
    let mut wrong = Vec::new();
    for (at, recorded) in recorded_lines("registry_rest/writes.jsonl").into_iter().enumerate() {
        let request = recorded["request"].as_str().unwrap();
        let answer = served.send(&recorded).await;
        let expected = (recorded["status"].clone(), without_times(recorded["answer"].clone()));
        let actual = (json!(answer.status), without_times(answer.body.unwrap_or_default()));
        let listed = DIFFERENT_STEPS.iter().any(|(step, _)| *step == at);
        if (actual == expected) == listed {
            let sent = recorded.get("send").cloned().unwrap_or_default();
            wrong.push(format!(
                "{request} #{at} {sent}\n  Feast:  {} {}\n  larder: {} {}",
                expected.0, expected.1, actual.0, actual.1
            ));
        }
    }
    served.stop().await;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Answers about datasets without what is new with each run: ids, times and the order of rows and columns.
fn comparable_datasets(answer: Value) -> Value {
    let mut answer = without_times(answer);
    if let Some(fields) = answer.as_object_mut() {
        let jobs = fields.get_mut("jobs").and_then(Value::as_array_mut).into_iter().flatten();
        for job in jobs.filter_map(Value::as_object_mut) {
            job.retain(|key, _| key != "job_id" && !key.ends_with("_at"));
        }
        fields.retain(|key, _| key != "job_id" && !key.ends_with("_at"));
        for row in fields.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
            row.as_object_mut().expect("a row is an object").sort_keys();
        }
        for unordered in ["columns", "rows"] {
            if let Some(items) = fields.get_mut(unordered).and_then(Value::as_array_mut) {
                items.sort_by_key(Value::to_string);
            }
        }
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn datasets_are_made_and_shown_as_feast_makes_and_shows_them() {
    let served = ServedRegistry::start_with_data("registry.db", "larder_golden").await;
    let (mut wrong, mut job) = (Vec::new(), String::from("none"));
    for (at, recorded) in recorded_lines("registry_rest/datasets.jsonl").into_iter().enumerate() {
        let request = recorded["request"].as_str().unwrap().replace("{job}", &job);
        let mut sent = recorded.clone();
        sent["request"] = request.clone().into();
        let answer = served.send(&sent).await;
        let body = answer.body.unwrap_or_default();
        if let (true, Some(started)) = (request.starts_with("POST"), body["job_id"].as_str()) {
            started.clone_into(&mut job);
            let status = json!({ "request": format!("GET /api/v1/saved_datasets/jobs/{job}") });
            loop {
                let told = served.send(&status).await.body.unwrap();
                if told["status"] != "pending" && told["status"] != "running" {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        let expected = (recorded["status"].clone(), comparable_datasets(recorded["answer"].clone()));
        let actual = (json!(answer.status), comparable_datasets(body));
        let listed = DIFFERENT_DATASET_STEPS.iter().any(|(step, _)| *step == at);
        if (actual == expected) == listed {
            wrong.push(format!(
                "{request} #{at}\n  Feast:  {} {}\n  larder: {} {}",
                expected.0, expected.1, actual.0, actual.1
            ));
        }
    }
    served.stop().await;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_is_answered_as_feast_answers_it() {
    let served = ServedRegistry::start("registry_rest/registry.db", "labels").await;
    let mut wrong = Vec::new();
    for recorded in recorded_lines("registry_rest/reads.jsonl") {
        let request = recorded["request"].as_str().unwrap();
        let answer = served.send(&recorded).await;
        let expected = (recorded["status"].clone(), comparable(recorded["answer"].clone()));
        let body = answer.body.unwrap_or_else(|| json!({"$text": ""}));
        let actual = (json!(answer.status), comparable(body));
        let listed = DIFFERENT.iter().any(|(different, _)| *different == request);
        if (actual == expected) == listed {
            wrong.push(format!(
                "{request}\n  Feast:  {} {}\n  larder: {} {}",
                expected.0, expected.1, actual.0, actual.1
            ));
        }
    }
    served.stop().await;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
