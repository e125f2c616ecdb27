//! Cases made of what a running server computes.

use serde_json::json;

use crate::larder::{Repo, Server, larder};

/// A server that has said where it is.
fn serving(repo: &Repo, flags: &[&str]) -> Server {
    let server = Server::start_with(repo, flags);
    // It listens before it has written its address down, and answers after.
    let (status, answer) = server.post("/v1/refresh", &json!({})).unwrap();
    assert_eq!(status, 200, "{answer}");
    server
}

/// Waits for two rows of the sample's on-demand view while requests come, and returns the test file.
fn record(redact: &[&str]) -> (Repo, String) {
    let repo = Repo::materialized();
    let server = serving(&repo, &["--recording"]);
    let file = repo.dir().join("udfs/recorded.test.yaml").display().to_string();
    let mut arguments = vec!["udf", "record", "transformed_conv_rate", "--rows", "2", "-o", &file];
    arguments.extend(redact);
    let mut recording = repo.command(&arguments).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let body = json!({
        "features": ["transformed_conv_rate:conv_rate_plus_val1"],
        "entities": {"driver_id": [1001], "val_to_add": [1_234_567], "val_to_add_2": [5]},
    });
    // The recording begins at some moment; requests go on until it is over.
    let ended = loop {
        let (status, answer) = server.post("/get-online-features", &body).unwrap();
        assert_eq!(status, 200, "{answer}");
        if let Some(ended) = recording.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let errors = std::io::read_to_string(recording.stderr.take().unwrap()).unwrap();
    assert!(ended.success(), "{errors}");
    let text = std::fs::read_to_string(&file).unwrap();
    (repo, text)
}

#[test]
fn recorded_rows_are_a_case_that_passes() {
    let (repo, text) = record(&[]);
    assert!(text.contains("component: driver_features.wasm\n"), "{text}");
    assert_eq!(text.matches("val_to_add: 1234567, val_to_add_2: 5}").count(), 2, "{text}");
    let tested = repo.run(&["udf", "test", "--filter", "case recorded"]).success();
    assert!(tested.stdout.contains("  ok    case recorded "), "{}", tested.stdout);
    assert!(tested.stdout.ends_with("1 passed, 0 failed\n"), "{}", tested.stdout);
}

#[test]
fn redacted_columns_are_made_up_and_the_case_passes_all_the_same() {
    let (repo, text) = record(&["--redact", "val_to_add,conv_rate_plus_val2"]);
    assert!(!text.contains("1234567") && !text.contains("conv_rate_plus_val2"), "{text}");
    assert!(text.contains("val_to_add_2: 5}"), "{text}");
    repo.run(&["udf", "test"]).success();
}

#[test]
fn a_server_records_only_when_it_was_started_for_it() {
    let repo = Repo::materialized();
    let nobody = repo.run(&["udf", "record", "transformed_conv_rate", "-o", "a.test.yaml"]).failure(1);
    assert!(nobody.contains("no server serves this project"), "{nobody}");
    let _server = serving(&repo, &[]);
    let refused = repo.run(&["udf", "record", "transformed_conv_rate", "-o", "a.test.yaml"]).failure(1);
    assert!(refused.contains("start it with `larder serve --recording`"), "{refused}");
    let name =
        larder(&["-c", &repo.dir().display().to_string(), "udf", "record", "x", "-o", "a.yaml"]).failure(1);
    assert!(name.contains("`a.yaml` is no test file"), "{name}");
}

#[test]
fn recording_what_is_not_there_is_an_error() {
    let repo = Repo::materialized();
    let _server = serving(&repo, &["--recording"]);
    let error = repo.run(&["udf", "record", "nonsense", "-o", "a.test.yaml"]).failure(1);
    assert!(error.contains("nonsense"), "{error}");
}

#[test]
fn a_server_that_is_recorded_still_stops_at_once() {
    let repo = Repo::materialized();
    let server = serving(&repo, &["--recording"]);
    let mut recording = repo
        .command(&["udf", "record", "transformed_conv_rate", "-o", "a.test.yaml"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = std::io::BufReader::new(recording.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut errors, &mut line).unwrap();
    assert_eq!(line, "waiting for 10 rows of `transformed_conv_rate`\n");
    #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
    let begun = std::time::Instant::now();
    assert_eq!(server.terminate(), 0);
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(recording.wait().unwrap().code(), Some(1));
    let rest = std::io::read_to_string(errors).unwrap();
    assert!(rest.contains("the server ended its answer after 0 of 10 rows"), "{rest}");
}
