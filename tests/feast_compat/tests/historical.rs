//! `get_historical_features` beside what Feast answered on three engines.

use feast_compat::{GoldenRepo, Stage, actual_rows, entity_rows, expected_rows, scenarios};
use larder::{HistoricalRequest, Selection};
use larder_core::RequestError;
use serde_json::Value;

/// Scenarios in which larder differs from an engine on purpose.
const DIFFERENT: [(&str, &str, &str); 13] = [
    (
        "dask",
        "ttl_edges",
        "dask drops entity rows whose candidates are all outside the window; larder keeps them",
    ),
    ("dask", "ttl_edges_with_company", "as ttl_edges"),
    ("dask", "before_any_data", "as ttl_edges"),
    ("dask", "gap_inside_ttl", "as ttl_edges"),
    ("dask", "multi_entity", "as ttl_edges"),
    ("dask", "duplicate_rows", "dask collapses equal (key, time) rows; larder keeps every entity row"),
    ("dask", "ties_by_created", "dask does not always pick the greatest created time; larder does"),
    (
        "*",
        "feature_service_odfv_pandas",
        "Feast adds unrequested inputs of on-demand views; larder answers what was asked",
    ),
    ("*", "odfv_pandas_full_names", "as feature_service_odfv_pandas"),
    ("*", "odfv_python", "as feature_service_odfv_pandas"),
    ("*", "odfv_python_nulls", "as feature_service_odfv_pandas"),
    (
        "*",
        "err_missing_join_key",
        "a missing join key is FeastEntityDFMissingColumnsError, not a KeyError of the engine",
    ),
    ("*", "no_entity_df", "retrieval without entity rows is not there yet"),
];

fn reason(engine: &str, scenario: &str) -> Option<&'static str> {
    let listed = DIFFERENT.iter().find(|(e, s, _)| (*e == "*" || *e == engine) && *s == scenario);
    listed.map(|(_, _, reason)| *reason)
}

async fn compare(repo: &GoldenRepo, engine: &str) {
    let mut mismatches = Vec::new();
    for (name, scenario) in scenarios(&format!("historical/{engine}")) {
        let outcome = run(repo, &scenario).await;
        match (outcome, reason(engine, &name)) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(difference), None) => mismatches.push(format!("{name}: {difference}")),
            (Ok(()), Some(reason)) => {
                mismatches.push(format!("{name} is listed ({reason}) but equals Feast"))
            }
        }
    }
    assert!(mismatches.is_empty(), "{engine}:\n{}", mismatches.join("\n"));
}

/// `Err` with the difference where larder's answer is not the recorded one.
async fn run(repo: &GoldenRepo, scenario: &Value) -> Result<(), String> {
    let request = &scenario["request"];
    if scenario["entity_df"].is_null() {
        return Err("there are no entity rows".to_owned());
    }
    let selection = match request["feature_service"].as_str() {
        Some(service) => Selection::Service(service.to_owned()),
        None => {
            let features = request["features"].as_array().expect("features are a list").iter();
            Selection::References(
                features.map(|name| name.as_str().expect("a reference").to_owned()).collect(),
            )
        }
    };
    let answer = repo
        .store
        .get_historical_features(HistoricalRequest {
            entity_rows: entity_rows(&scenario["entity_df"]),
            selection,
            full_feature_names: request["full_feature_names"].as_bool().expect("a flag"),
            filter_by_created_timestamp: request["filter_by_created_timestamp"].as_bool().unwrap_or(false),
        })
        .await;
    match (answer, scenario.get("error")) {
        (Err(error), Some(recorded)) => {
            let class = error.downcast_ref::<RequestError>().and_then(RequestError::feast_class);
            // Feast raises plain Python errors where it has no class of its own.
            let recorded_class = recorded["type"].as_str().expect("an error has a type");
            let class_agrees = class == Some(recorded_class)
                || (class.is_none() && ["KeyError", "ValueError"].contains(&recorded_class));
            if class_agrees && Some(error.to_string().as_str()) == recorded["message"].as_str() {
                Ok(())
            } else {
                Err(format!("larder: {class:?} {error}\n  Feast: {recorded}"))
            }
        }
        (Ok(answer), None) => {
            let (actual, expected) = (actual_rows(&answer.rows), expected_rows(&scenario["result"]));
            if actual == expected {
                Ok(())
            } else {
                Err(format!("larder: {actual:?}\n  Feast: {expected:?}"))
            }
        }
        (Err(error), None) => Err(format!("larder refuses: {}", error.chain())),
        (Ok(_), Some(recorded)) => Err(format!("larder answers, Feast refuses: {recorded}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn training_sets_equal_those_of_every_engine_of_feast() {
    let repo = GoldenRepo::at(Stage::Applied).await;
    for engine in ["duckdb", "postgres", "dask"] {
        compare(&repo, engine).await;
    }
}
