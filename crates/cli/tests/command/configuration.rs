//! Where the configuration comes from, and what is said of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use serde_json::json;

use crate::larder::{AS_OF, Printed, Repo, Server, larder};

#[test]
fn the_configuration_is_printed_in_feasts_order_with_its_defaults() {
    let repo = Repo::sample();
    let text =
        "online_store: {type: sled, path: data/online_store}\nproject: repo\nregistry: data/registry.db\n";
    std::fs::write(repo.dir().join("feature_store.yaml"), text).unwrap();
    assert_eq!(
        repo.run(&["configuration"]).success().stdout,
        "project: repo\nregistry: data/registry.db\nonline_store:\n  type: sled\n  path: data/online_store\n\
         auth:\n  type: no_auth\noffline_store: dask\nbatch_engine: local\n\n"
    );
}

#[test]
fn the_environment_may_hold_the_whole_configuration() {
    let repo = Repo::sample();
    let text =
        "project: of_the_environment\nregistry: elsewhere/registry.db\nbatch_engine: {backend: polars}\n";
    let run = |value: &str, arguments: &[&str]| {
        let mut command = repo.command(arguments);
        Printed::from(command.env("FEATURE_STORE_YAML_BASE64", value).output().unwrap())
    };
    let printed = run(&BASE64.encode(text), &["apply"]).success();
    assert!(printed.stdout.starts_with("Applying changes for project of_the_environment\n"));
    assert!(
        printed.stderr.contains("warning: FEATURE_STORE_YAML_BASE64:3:16: `backend` has no effect: "),
        "{}",
        printed.stderr
    );
    assert!(repo.dir().join("elsewhere/registry.db").exists(), "paths start at the repo");
    let error = run("%", &["apply"]).failure(1);
    assert!(error.contains("`FEATURE_STORE_YAML_BASE64` is not base64"), "{error}");
}

#[test]
fn without_a_configuration_the_whole_path_is_named() {
    let repo = Repo::empty();
    let dir = repo.path().display().to_string();
    for verb in [&["apply"][..], &["entities", "list"], &["configuration"], &["registry-dump"]] {
        let error = larder(&[&["-c", dir.as_str()], verb].concat()).failure(1);
        let expected = format!(
            "Can't find feature repo configuration file at {dir}/feature_store.yaml. Make sure you're running "
        );
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn the_endpoint_is_that_of_the_server() {
    let repo = Repo::sample();
    let nobody = repo.run(&["endpoint"]).success();
    assert_eq!(
        (nobody.stdout.as_str(), nobody.stderr.as_str()),
        ("", "There is no active feature server.\n")
    );
    repo.run(&["apply"]).success();
    let server = Server::start(&repo);
    let expected = format!("Feature server endpoint: http://{}\n", server.address());
    assert_eq!(repo.run(&["endpoint"]).success().stdout, expected);
}

#[test]
fn the_version_names_the_feast_that_is_spoken() {
    let version = larder(&["version"]).success().stdout;
    assert!(version.ends_with("Feast SDK Version: \"0.67.0\"\n"), "{version}");
}

#[test]
fn feasts_flags_of_apply_and_plan_are_taken_and_explained() {
    let repo = Repo::sample();
    for verb in ["plan", "apply"] {
        let printed =
            repo.run(&[verb, "--skip-source-validation", "--skip-feature-view-validation"]).success();
        for flag in
            ["`--skip-source-validation` has no effect", "`--skip-feature-view-validation` has no effect"]
        {
            assert!(printed.stderr.contains(flag), "{}", printed.stderr);
        }
    }
    repo.run(&["apply", "--no-progress"]).success();
}

#[test]
fn a_log_level_has_feasts_name_or_is_refused() {
    let repo = Repo::sample();
    repo.run(&["--log-level", "CRITICAL", "plan"]).success();
    let error = repo.run(&["--log-level", "loud", "plan"]).failure(2);
    assert!(error.contains("write error, warning, info, debug or trace"), "{error}");
}

#[test]
fn everything_is_materialized_without_times() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "--disable-event-timestamp", "2026-01-01", "2026-02-01"]).failure(2);
    repo.run(&["materialize"]).failure(2);
    repo.run(&["materialize", "2026-01-01"]).failure(2);
    repo.run(&["materialize", "--disable-event-timestamp"]).success();
    let printed = repo
        .run(&["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:avg_daily_trips"])
        .success()
        .stdout;
    assert!(printed.starts_with("{\n    \"driver_id\": [\n        1001\n    ],\n"), "{printed}");
    assert!(!printed.contains("null"), "{printed}");
}

#[test]
fn rows_are_written_in_batches_of_the_size_asked_for() {
    let writes = |settings: &str| {
        let repo = Repo::sample();
        repo.edit("feature_store.yaml", "provider: local\n", &format!("provider: local\n{settings}"));
        repo.run(&["apply"]).success();
        let server = Server::start(&repo);
        let span = json!({"start": "2026-01-01", "end": AS_OF, "feature_views": ["driver_hourly_stats"]});
        let (status, steps) = server.post("/v1/materialize", &span).unwrap();
        assert_eq!(status, 200, "{steps}");
        steps.lines().filter(|line| line.contains("\"wrote\"")).count()
    };
    assert_eq!(writes(""), 1);
    assert_eq!(writes("materialization: {online_write_batch_size: 20}\n"), 3, "of 50 drivers");
}

#[test]
fn a_server_offers_its_routes_as_tools_by_the_transports_that_are_asked_for() {
    let served = |transport: &str| {
        let repo = Repo::materialized();
        let block = format!("feature_server: {{type: mcp, mcp_enabled: true{transport}}}\n");
        repo.edit("feature_store.yaml", "provider: local\n", &format!("provider: local\n{block}"));
        repo
    };
    let repo = served("");
    let server = Server::start(&repo);
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get_online_features_get_online_features_post",
        "arguments": {"entities": {"driver_id": [1001]}, "features": ["driver_hourly_stats:conv_rate"]},
    }});
    let (status, answer) = server.post("/mcp", &read).unwrap();
    assert!(status == 200 && answer.contains(r#"\"PRESENT\""#), "{status} {answer}");
    let (status, _) = server.post("/sse/messages/?session_id=0", &read).unwrap();
    assert_eq!(status, 404, "there is no such session, but there is the door");

    let repo = served(", mcp_transport: sse");
    let server = Server::start(&repo);
    assert_eq!(server.post("/mcp", &read).unwrap().0, 404);
    assert_eq!(server.post("/sse/messages/", &read).unwrap().0, 400);

    let repo = served(", mcp_transport: websocket");
    let error = repo.run(&["serve", "-p", "0"]).failure(1);
    assert!(error.contains("transport `websocket` is unknown; use `http` or `sse`"), "{error}");
}

#[test]
fn a_row_is_made_of_the_nth_value_of_every_key() {
    let repo = Repo::materialized();
    let read = ["get-online-features", "-f", "driver_hourly_stats:conv_rate", "-f", "customer_profile:vip"];
    let entities = ["-e", "driver_id=1001", "-e", "driver_id=1002", "-e", "customer_id=c-001"];
    let printed = repo.run(&[&read[..], &entities].concat());
    assert!(printed.stderr.contains("`driver_id` has 2 values; only the first 1"), "{}", printed.stderr);
    let answer = printed.json();
    assert_eq!(answer["driver_id"].as_array().unwrap().len(), 1, "{answer}");
}

#[test]
fn a_reader_who_has_seen_enough_ends_a_command_well() {
    use std::process::{Command, Stdio};
    let mut schema = Command::new(env!("CARGO_BIN_EXE_larder"));
    schema.arg("definitions-schema").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = schema.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
}
