//! The demo and the sample repo.

use crate::larder::{AS_OF, Repo, larder};

#[test]
fn the_demo_goes_from_nothing_to_a_served_feature_that_equals_training() {
    let repo = Repo::empty();
    let dir = repo.path().join("repo").display().to_string();
    let printed = larder(&["demo", "--dir", &dir, "--port", "0", "--as-of", AS_OF]).success();
    for expected in [
        "Created feature view driver_hourly_stats",
        "Created on demand feature view transformed_conv_rate",
        "Materializing 3 feature views",
        "curl -s http://127.0.0.1:",
        "\"feature_names\":[\"driver_id\",\"conv_rate_plus_val1\",\"conv_rate_plus_val2\"]",
        "Try next:",
    ] {
        assert!(printed.stdout.contains(expected), "{expected:?} is not in:\n{}", printed.stdout);
    }
    assert_eq!(printed.stdout.matches('✓').count(), 3, "{}", printed.stdout);
    let next = printed.stdout.lines().map(str::trim).find(|line| line.contains("get-online-features -e"));
    let words: Vec<&str> = next.unwrap().split_whitespace().skip(1).collect();
    let answer = larder(&words).success();
    assert!(answer.stdout.contains("conv_rate_plus_val1"), "{}", answer.stdout);
}

#[test]
fn the_demo_asks_before_it_touches_what_is_there() {
    let repo = Repo::sample();
    let dir = repo.dir().display().to_string();
    std::fs::write(repo.dir().join("notes.txt"), "mine").unwrap();
    let stderr = larder(&["demo", "--dir", &dir, "--port", "0"]).failure(1);
    assert!(stderr.contains("is not empty"), "{stderr}");
    larder(&["demo", "--dir", &dir, "--port", "0", "--yes", "--as-of", AS_OF]).success();
    assert_eq!(std::fs::read_to_string(repo.dir().join("notes.txt")).unwrap(), "mine");
}

#[test]
fn sample_data_are_the_same_bytes_each_time() {
    let (one, other) = (Repo::sample(), Repo::sample());
    for file in ["data/driver_hourly_stats.parquet", "data/customer_profile.parquet"] {
        assert_eq!(
            std::fs::read(one.dir().join(file)).unwrap(),
            std::fs::read(other.dir().join(file)).unwrap()
        );
    }
}

#[test]
fn the_repo_of_texts_goes_from_data_to_a_served_mood_that_equals_training() {
    let repo = Repo::empty();
    let dir = repo.dir().display().to_string();
    larder(&["init", &dir, "-t", "pytorch_nlp", "--as-of", AS_OF]).success();
    let tests = repo.run(&["udf", "test"]).success();
    assert!(tests.stdout.ends_with("11 passed, 0 failed\n"), "{}", tests.stdout);
    let applied = repo.run(&["apply"]).success().stdout;
    for expected in [
        "Created entity text\n",
        "Created feature view user_stats\n",
        "Created on demand feature view sentiment_prediction\n",
        "Created feature service sentiment_analysis_v2\n",
    ] {
        assert!(applied.contains(expected), "{expected} is not in:\n{applied}");
    }
    let report = repo.run(&["materialize", "2026-01-01", AS_OF, "--json"]).json();
    let written = |view: usize| report["feature_views"][view]["rows_written"].as_u64().unwrap();
    assert_eq!((written(0), written(1)), (1_000, 100), "{report}");

    // Whoever writes cheerfully is cheerful, and the same in training.
    let asked = [
        "text_id=text_0000",
        "user_id=user_001",
        "input_text=I love this wonderful place!",
        "model_name=words",
    ];
    let entities: Vec<&str> = asked.iter().flat_map(|entity| ["-e", *entity]).collect();
    let service = ["--feature-service", "sentiment_analysis_v2", "--json"];
    let served = repo.run(&[&["get-online-features"], &entities[..], &service].concat()).json();
    let rows = serde_json::json!([{
        "text_id": "text_0000", "user_id": "user_001", "input_text": "I love this wonderful place!",
        "model_name": "words", "event_timestamp": AS_OF,
    }])
    .to_string();
    let trained = repo.run(&[&["get-historical-features", "-d", &rows], &service[..]].concat()).json();
    let names = served["metadata"]["feature_names"].as_array().unwrap();
    assert_eq!(names.len(), 2 + 8 + 2 + 6, "{names:?}");
    for (name, result) in names.iter().zip(served["results"].as_array().unwrap()) {
        let name = name.as_str().unwrap();
        assert_eq!(result["values"][0], trained[0][name], "{name}");
        assert!(!result["values"][0].is_null(), "{name}");
    }
    assert_eq!(trained[0]["predicted_sentiment"], "positive");
    assert_eq!(trained[0]["text_embedding"].as_array().unwrap().len(), 384);
    let length = trained[0]["text_content"].as_str().unwrap().chars().count();
    assert_eq!(trained[0]["text_length"], length);

    // What models are trained on: texts of the last week of whom the averages are known.
    let all = ["--feature-service", "sentiment_training_features", "--json", "--end-date", AS_OF];
    let training = repo.run(&[&["get-historical-features"], &all[..]].concat()).json();
    let labels = |row: &serde_json::Value| row["sentiment_label"].as_str().map(str::to_owned);
    let moods: std::collections::BTreeSet<String> =
        training.as_array().unwrap().iter().filter_map(labels).collect();
    assert_eq!(moods.into_iter().collect::<Vec<_>>(), ["negative", "neutral", "positive"]);

    // The same bytes each time.
    let other = Repo::empty();
    larder(&["init", &other.dir().display().to_string(), "-t", "PYTORCH_NLP", "--as-of", AS_OF]).success();
    let data = "data/sentiment_data.parquet";
    assert_eq!(std::fs::read(repo.dir().join(data)).unwrap(), std::fs::read(other.dir().join(data)).unwrap());
}

#[test]
fn a_training_set_can_be_read_in_every_format() {
    let repo = Repo::materialized();
    let entities = repo.path().join("entities.csv");
    std::fs::write(&entities, "driver_id,event_timestamp\n1001,2026-02-20T10:30:00Z\n9999,2026-02-20\n")
        .unwrap();
    let entities = entities.display().to_string();
    let features = ["-f", "driver_hourly_stats:conv_rate", "-f", "driver_hourly_stats:home_zone"];
    let get = |extra: &[&str]| {
        repo.run(&[&["get-historical-features", "--entities", &entities], &features[..], extra].concat())
    };
    let shown = get(&["--json"]).json();
    assert_eq!(shown.as_array().unwrap().len(), 2);
    assert!(shown[0]["conv_rate"].is_number(), "{shown}");
    assert!(shown[1]["conv_rate"].is_null(), "{shown}");
    for ending in ["parquet", "csv", "ndjson"] {
        let output = repo.path().join(format!("training.{ending}")).display().to_string();
        get(&["-o", &output]).success();
        // What was written is a table of entity rows again.
        let again = repo.run(&[
            "get-historical-features",
            "--entities",
            &output,
            "-f",
            "driver_hourly_stats:acc_rate",
            "--json",
        ]);
        assert_eq!(again.json()[0]["home_zone"], shown[0]["home_zone"], "{ending}");
    }
}
