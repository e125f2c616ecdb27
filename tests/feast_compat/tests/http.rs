//! The HTTP server beside what Feast's Python server answered.

use feast_compat::{Answer, GoldenRepo, Online, Served, Stage, scenarios};
use serde_json::Value;

/// Scenarios in which larder differs on purpose: the recorded folder (`*` is all), the scenario, the number of
/// the difference in the README, and the reason.
const DIFFERENT: &[(&str, &str, u8, &str)] = &[
    ("*", "empty_entity_list", 60, "only the join keys that are needed are named, and the status is 400"),
    ("*", "entityless_no_entities", 61, "no entity column at all is said in words, with status 400"),
    ("*", "err_bad_reference", 55, "a mistake of the request is a 4xx"),
    ("*", "err_missing_entity_key", 60, "as empty_entity_list"),
    ("*", "err_name_collision", 55, "a mistake of the request is a 4xx"),
    ("*", "err_no_features", 55, "a mistake of the request is a 4xx"),
    ("*", "err_unknown_feature", 55, "a mistake of the request is a 4xx"),
    ("*", "odfv_python_full_names", 3, "Feast loses the outputs; larder answers them as view__feature"),
    ("*", "odfv_singleton_two_rows", 4, "Feast answers one value for two rows; larder answers two"),
    ("*", "all_features_null", 43, "nulls are written"),
    ("*", "err_bad_target", 55, "a mistake of the request is a 4xx"),
    ("*", "err_bad_timestamp", 55, "a 422 that names column, row and value"),
    ("*", "err_bad_value", 55, "a 422 that names column, row and value"),
    ("*", "err_missing_feature_column", 55, "a 422 that names column and view"),
    ("*", "err_missing_join_key", 55, "a 422 that names column and view"),
    ("*", "err_missing_timestamp", 55, "a 422 that names column and view"),
    ("*", "err_offline_columns", 55, "a mistake of the request is a 4xx"),
    ("push", "materialize", 41, "an older row never replaces a newer one"),
    ("*", "materialize_err_bad_ts", 55, "a mistake of the request is a 4xx"),
    ("*", "materialize_err_missing_ts", 55, "a mistake of the request is a 4xx"),
    ("*", "missing_created", 44, "the created time is optional"),
    ("push", "older_event_time", 41, "an older row never replaces a newer one"),
    (
        "push",
        "timestamp_micros",
        42,
        "microseconds of the event time are kept, but not in Feast's SQLite file",
    ),
    ("push", "write_null_created", 44, "the created time is optional"),
    ("online/stage2_redis", "all_unknown", 54, "an entity that Redis does not hold is NOT_FOUND"),
    ("online/stage2_redis", "composite_key", 54, "as all_unknown"),
    ("online/stage2_redis", "composite_key_one_missing", 54, "as all_unknown"),
    ("online/stage2_redis", "feature_service", 54, "as all_unknown"),
    ("online/stage2_redis", "full_feature_names", 54, "as all_unknown"),
    ("online/stage2_redis", "odfv_python_nulls", 54, "as all_unknown"),
    ("online/stage2_redis", "string_as_int", 54, "as all_unknown"),
    ("online/stage2_redis", "unknown_entity", 54, "as all_unknown"),
    ("push_redis", "online_update", 54, "as all_unknown"),
    ("push_redis", "to_offline", 54, "as all_unknown"),
];

fn reason(folder: &str, scenario: &str) -> Option<&'static str> {
    let listed = DIFFERENT.iter().find(|(f, name, ..)| ["*", folder].contains(f) && *name == scenario);
    listed.map(|(.., reason)| *reason)
}

/// Sends each step and compares; the first difference, if there is one.
async fn run(served: &Served, steps: &[Value]) -> Result<(), String> {
    for step in steps {
        let actual = served.send(&step["request"]).await.by_name();
        let expected = Answer::recorded(&step["response"]);
        if actual != expected {
            let show = |answer: &Answer| {
                let body = answer.body.as_ref().map_or("no body".to_owned(), Value::to_string);
                format!("{} {:?} {body}", answer.status, answer.content_type)
            };
            return Err(format!(
                "{}\n  larder: {}\n  Feast:  {}",
                step["request"],
                show(&actual),
                show(&expected)
            ));
        }
    }
    Ok(())
}

fn judge(folder: &str, name: &str, outcome: Result<(), String>, mismatches: &mut Vec<String>) {
    match (outcome, reason(folder, name)) {
        (Ok(()), None) | (Err(_), Some(_)) => {}
        (Err(difference), None) => mismatches.push(format!("{name}: {difference}")),
        (Ok(()), Some(reason)) => mismatches.push(format!("{name} is listed ({reason}) but equals Feast")),
    }
}

async fn compare_reads(stage: Stage, online: Online, folder: &str) {
    let served = Served::start(GoldenRepo::at(stage, online).await).await;
    let mut mismatches = Vec::new();
    for (name, scenario) in scenarios(folder) {
        judge(folder, &name, run(&served, std::slice::from_ref(&scenario)).await, &mut mismatches);
    }
    served.stop().await;
    assert!(mismatches.is_empty(), "{folder}:\n{}", mismatches.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_after_a_first_materialization_equal_feasts() {
    compare_reads(Stage::One, Online::Sled, "online/stage1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_after_an_incremental_materialization_equal_feasts() {
    compare_reads(Stage::Two, Online::Sled, "online/stage2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_equal_those_of_feast_on_redis() {
    compare_reads(Stage::Two, Online::Sled, "online/stage2_redis").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_equal_those_of_feast_on_dynamodb() {
    compare_reads(Stage::Two, Online::Sled, "online/stage2_dynamodb").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_from_the_sqlite_file_that_feast_materialized_equal_feasts() {
    compare_reads(Stage::Applied, Online::SqliteOfFeast, "online/stage2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_from_a_sqlite_file_that_larder_materialized_equal_feasts() {
    compare_reads(Stage::Two, Online::Sqlite, "online/stage2").await;
}

async fn compare_writes(online: Online, folder: &str, as_feast: &[&str]) {
    let mut mismatches = Vec::new();
    for (name, scenario) in scenarios(folder) {
        let served = Served::start(GoldenRepo::at(Stage::Two, online).await).await;
        let steps = scenario.get("steps").and_then(Value::as_array).expect("steps are a list");
        let outcome = run(&served, steps).await;
        match outcome {
            outcome if !as_feast.contains(&name.as_str()) => judge(folder, &name, outcome, &mut mismatches),
            Ok(()) => {}
            Err(difference) => mismatches.push(format!("{name}: {difference}")),
        }
        served.stop().await;
    }
    assert!(mismatches.is_empty(), "{folder}:\n{}", mismatches.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_the_reads_after_them_equal_feasts() {
    compare_writes(Online::Sled, "push", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_the_reads_after_them_equal_those_of_feast_on_redis() {
    compare_writes(Online::Sled, "push_redis", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_to_sqlite_and_the_reads_after_them_equal_feasts() {
    compare_writes(Online::Sqlite, "push", &["timestamp_micros"]).await;
}

/// Differences of writes that `compat` takes back: the number, and the switch.
const TAKEN_BACK: [(u8, &str); 2] = [(41, "older_rows_overwrite"), (43, "skip_null_writes")];

#[tokio::test(flavor = "multi_thread")]
async fn writes_equal_feasts_where_a_difference_is_taken_back() {
    let recorded = scenarios("push");
    let mut compared = 0;
    for (number, switch) in TAKEN_BACK {
        for (_, name, ..) in DIFFERENT.iter().filter(|(_, _, known, _)| *known == number) {
            let (_, scenario) = recorded.iter().find(|(known, _)| known == name).expect("it is recorded");
            let steps = scenario.get("steps").and_then(Value::as_array).expect("steps are a list");
            for online in [Online::Sled, Online::Sqlite] {
                let compat = format!("{{{switch}: true}}");
                let served =
                    Served::start(GoldenRepo::at_with_compat(Stage::Two, online, &compat).await).await;
                let outcome = run(&served, steps).await;
                assert_eq!(outcome, Ok(()), "{name} with `{switch}`, {online:?}");
                served.stop().await;
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 6);
}

const FOLDERS: [&str; 6] =
    ["online/stage1", "online/stage2", "online/stage2_redis", "online/stage2_dynamodb", "push", "push_redis"];

#[test]
fn every_listed_scenario_is_recorded_and_every_difference_stands_in_the_readme() {
    let recorded = FOLDERS
        .into_iter()
        .flat_map(|folder| scenarios(folder).into_iter().map(move |(name, _)| (folder, name)));
    let recorded: Vec<(&str, String)> = recorded.collect();
    let readme = include_str!("../../../README.md");
    for (folder, name, number, _) in DIFFERENT {
        let listed = |(f, known): &(&str, String)| ["*", f].contains(folder) && known == name;
        assert!(recorded.iter().any(listed), "{name} is not recorded");
        assert!(readme.contains(&format!("| {number} |")), "difference {number} is not in the README");
    }
}
