//! `get_historical_features` beside what Feast answered on three engines.

use feast_compat::{GoldenRepo, Online, Stage, actual_rows, entity_rows, expected_rows, scenarios};
use larder::{EntitySpan, HistoricalRequest, Selection, TrainingEntities};
use larder_core::{RequestError, Timestamp};
use serde_json::Value;

/// Scenarios in which larder differs on purpose: engine (`*` is all), scenario, the number of the
/// difference in the README, and the reason.
const DIFFERENT: &[(&str, &str, u8, &str)] = &[
    ("dask", "ttl_edges", 21, "dask drops entity rows whose candidates are all outside the window"),
    ("dask", "ttl_edges_with_company", 21, "as ttl_edges"),
    ("dask", "before_any_data", 21, "as ttl_edges"),
    ("dask", "gap_inside_ttl", 21, "as ttl_edges"),
    ("dask", "multi_entity", 21, "as ttl_edges"),
    ("dask", "duplicate_rows", 22, "dask collapses rows of one key and time"),
    ("dask", "ties_by_created", 28, "dask does not always take the greatest created time"),
    ("*", "feature_service_odfv_pandas", 30, "Feast adds inputs of on-demand views that nobody asked for"),
    ("*", "odfv_pandas_full_names", 30, "as feature_service_odfv_pandas"),
    ("*", "odfv_python", 30, "as feature_service_odfv_pandas"),
    ("*", "odfv_python_nulls", 30, "as feature_service_odfv_pandas"),
    ("*", "err_missing_join_key", 34, "a missing join key has Feast's own error instead of the engine's"),
    ("postgres", "other_timestamp_column", 29, "a column with a reserved SQL name breaks Feast's query"),
    ("postgres", "no_entity_df", 33, "one row for every row of the source, not for every entity"),
    ("duckdb", "no_entity_df", 33, "refused"),
];

fn reason(engine: &str, scenario: &str) -> Option<&'static str> {
    let listed = DIFFERENT.iter().find(|(e, s, ..)| (*e == "*" || *e == engine) && *s == scenario);
    listed.map(|(.., reason)| *reason)
}

async fn compare(repo: &GoldenRepo, engine: &str) {
    let mut mismatches = Vec::new();
    for (name, scenario) in scenarios(&format!("historical/{engine}")) {
        let outcome = run(repo, &scenario).await;
        match (outcome, reason(engine, &name)) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(difference), None) => mismatches.push(format!("{name}: {difference}")),
            (Ok(()), Some(reason)) => {
                mismatches.push(format!("{name} is listed ({reason}) but equals Feast"));
            }
        }
    }
    assert!(mismatches.is_empty(), "{engine}:\n{}", mismatches.join("\n"));
}

/// `Err` with the difference where larder's answer is not the recorded one.
async fn run(repo: &GoldenRepo, scenario: &Value) -> Result<(), String> {
    let request = &scenario["request"];
    let entities = if scenario["entity_df"].is_null() {
        let time = |name: &str| {
            let text = request[name].as_str().expect("a time");
            Some(Timestamp::parse(text).expect("a time Feast took"))
        };
        TrainingEntities::All(EntitySpan { start_date: time("start_date"), end_date: time("end_date") })
    } else {
        TrainingEntities::Rows(entity_rows(&scenario["entity_df"]))
    };
    let selection = if let Some(service) = request["feature_service"].as_str() {
        Selection::Service(service.to_owned())
    } else {
        let features = request["features"].as_array().expect("features are a list").iter();
        Selection::References(features.map(|name| name.as_str().expect("a reference").to_owned()).collect())
    };
    let answer = repo
        .store
        .get_historical_features(HistoricalRequest {
            entities,
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
    let repo = GoldenRepo::at(Stage::Applied, Online::Sled).await;
    for engine in ["duckdb", "postgres", "dask"] {
        compare(&repo, engine).await;
    }
}

/// Differences of the file store that remain with `dask_drop_rows` and `on_demand_inputs_in_training_sets`.
const STILL_DIFFERENT: &[&str] = &["ties_by_created", "err_missing_join_key"];

#[tokio::test(flavor = "multi_thread")]
async fn switched_back_training_sets_equal_those_of_feasts_file_store() {
    let switches = "{dask_drop_rows: true, on_demand_inputs_in_training_sets: true}";
    let repo = GoldenRepo::with_compat(switches).await;
    let mut mismatches = Vec::new();
    for (name, scenario) in scenarios("historical/dask") {
        let outcome = run(&repo, &scenario).await;
        if outcome.is_err() != STILL_DIFFERENT.contains(&name.as_str()) {
            mismatches.push(format!("{name}: {outcome:?}"));
        }
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

#[test]
fn every_difference_stands_in_the_readme() {
    let readme = include_str!("../../../README.md");
    for (_, name, number, _) in DIFFERENT {
        assert!(
            readme.contains(&format!("| {number} |")),
            "{name}: difference {number} is not in the README"
        );
    }
}
