//! The HTTP server beside what Feast's Python server answered.

use feast_compat::{Answer, GoldenRepo, Served, Stage, scenarios};
use serde_json::Value;

/// Scenarios in which larder differs on purpose.
const DIFFERENT: &[(&str, &str)] = &[];

fn reason(scenario: &str) -> Option<&'static str> {
    DIFFERENT.iter().find(|(name, _)| *name == scenario).map(|(_, reason)| *reason)
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

fn judge(name: &str, outcome: Result<(), String>, mismatches: &mut Vec<String>) {
    match (outcome, reason(name)) {
        (Ok(()), None) | (Err(_), Some(_)) => {}
        (Err(difference), None) => mismatches.push(format!("{name}: {difference}")),
        (Ok(()), Some(reason)) => mismatches.push(format!("{name} is listed ({reason}) but equals Feast")),
    }
}

async fn compare_reads(stage: Stage, folder: &str) {
    let served = Served::start(GoldenRepo::at(stage).await).await;
    let mut mismatches = Vec::new();
    for (name, scenario) in scenarios(folder) {
        judge(&name, run(&served, std::slice::from_ref(&scenario)).await, &mut mismatches);
    }
    served.stop().await;
    assert!(mismatches.is_empty(), "{folder}:\n{}", mismatches.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_after_a_first_materialization_equal_feasts() {
    compare_reads(Stage::One, "online/stage1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_after_an_incremental_materialization_equal_feasts() {
    compare_reads(Stage::Two, "online/stage2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_the_reads_after_them_equal_feasts() {
    let mut mismatches = Vec::new();
    for (name, scenario) in scenarios("push") {
        let served = Served::start(GoldenRepo::at(Stage::Two).await).await;
        let steps = scenario["steps"].as_array().expect("steps are a list");
        judge(&name, run(&served, steps).await, &mut mismatches);
        served.stop().await;
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}
