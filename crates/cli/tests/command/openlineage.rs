//! Telling what feeds what, and keeping it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::larder::{AS_OF, Repo, Server, request};

const PROJECT: &str = "repo";

/// The sample repo with a section `openlineage`.
fn repo(section: &str) -> Repo {
    let repo = Repo::sample();
    set_section(&repo, section);
    repo
}

fn set_section(repo: &Repo, section: &str) {
    let path = repo.dir().join("feature_store.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.split("openlineage:").next().unwrap().trim_end().to_owned();
    std::fs::write(&path, format!("{text}\nopenlineage: {{{section}}}\n")).unwrap();
}

fn consumer(server: &Server, path: &str) -> Value {
    let address = server.address().split('/').next().unwrap();
    let path = format!("/api/v1/lineage/openlineage/{path}");
    let (status, body) = request(address, "GET", &path, "").unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Job and state of all events, oldest first.
fn told(server: &Server) -> Vec<(String, String)> {
    let events = consumer(server, "events?limit=1000");
    let text = |event: &Value, part: &str| event[part].as_str().unwrap().to_owned();
    let told = events["events"].as_array().unwrap().iter();
    told.rev().map(|event| (text(event, "job_name"), text(event, "event_type"))).collect()
}

fn nodes(server: &Server) -> Vec<String> {
    let graph = consumer(server, "graph");
    graph["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_lineage_server_hears_of_applies_and_of_materializations_and_their_failures() {
    let keeper = repo("consumer: {enabled: true, api_key: key-of-producers}");
    let server = Server::start_as(&keeper, "serve_lineage", &[]);
    let teller = repo(&format!(
        "enabled: true, namespace: org, transport_type: http, transport_url: 'http://{}', api_key: key-of-producers",
        server.address()
    ));
    teller.run(&["apply"]).success();
    teller.run(&["materialize", "2026-01-01", AS_OF]).success();
    std::fs::remove_file(teller.dir().join("data/driver_hourly_stats.parquet")).unwrap();
    let failed = teller.run(&["materialize-incremental", "2026-03-02T00:00:00Z"]).failure(1);
    let events = told(&server);
    let count = |job: &str, state: &str| {
        events.iter().filter(|(known, known_state)| known == job && known_state == state).count()
    };
    let job = format!("materialize_{PROJECT}");
    assert_eq!((count(&job, "START"), count(&job, "COMPLETE"), count(&job, "FAIL")), (2, 1, 1), "{events:?}");
    assert_eq!(count(&format!("feast_feature_views_{PROJECT}"), "COMPLETE"), 1);
    let runs = consumer(&server, &format!("runs?job_name={job}"));
    let run = runs["runs"].as_array().unwrap().iter().find(|run| run["state"] == "FAIL").unwrap();
    let detail = consumer(&server, &format!("runs/{}", run["run_id"].as_str().unwrap()));
    let message = detail["facets"]["errorMessage"]["message"].as_str().unwrap();
    assert!(failed.contains(message), "{message}\n---\n{failed}");
    let graph = consumer(&server, &format!("graph/dataset/org%2F{PROJECT}/driver_hourly_stats"));
    assert!(graph.to_string().contains("online_store_driver_hourly_stats"), "{graph}");
    // Where the settings name no way out, the environment does, as for every producer.
    let other = repo("enabled: true");
    let applied = other
        .command(&["apply"])
        .env("OPENLINEAGE_URL", format!("http://{}", server.address()))
        .env("OPENLINEAGE_API_KEY", "key-of-producers")
        .output()
        .unwrap();
    assert!(
        applied.status.success() && applied.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );
    assert_eq!(consumer(&server, "namespaces")["namespaces"], json!([format!("org/{PROJECT}"), PROJECT]));
    assert_eq!(server.terminate(), 0);
}

#[test]
fn a_run_through_a_server_is_told_by_it() {
    let keeper = repo("consumer: {enabled: true}");
    let lineage = Server::start_as(&keeper, "serve_lineage", &[]);
    let url = format!("http://{}", lineage.address());
    let teller =
        repo(&format!("enabled: true, transport_type: http, transport_url: '{url}', emit_on_apply: false"));
    teller.run(&["apply"]).success();
    let server = Server::start(&teller);
    let body = json!({"start_ts": "2026-01-01T00:00:00", "end_ts": "2026-03-01T12:00:00"});
    let (status, body) = server.post("/materialize", &body).unwrap();
    assert_eq!(status, 200, "{body}");
    // It sends what waits before it ends.
    assert_eq!(server.terminate(), 0);
    let job = format!("materialize_{PROJECT}");
    assert_eq!(told(&lineage), [(job.clone(), "START".to_owned()), (job, "COMPLETE".to_owned())]);
}

#[test]
fn nobody_to_tell_fails_no_command_and_shows_no_key() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let repo = repo(&format!(
        "enabled: true, transport_type: http, transport_url: 'http://user:hidden@{nobody}', api_key: hidden"
    ));
    let applied = repo.run(&["--log-level", "trace", "apply", "--json"]).success();
    assert!(serde_json::from_str::<Value>(&applied.stdout).is_ok(), "{}", applied.stdout);
    assert!(applied.stderr.contains("a lineage event could not be sent"), "{}", applied.stderr);
    assert!(!applied.stderr.contains("hidden"), "{}", applied.stderr);
    set_section(
        &repo,
        "enabled: true, transport_type: http, transport_url: 'http://x', api_key: \"hid\\nden\"",
    );
    let applied = repo.run(&["apply"]).success();
    assert!(applied.stderr.contains("holds characters that no header may hold"), "{}", applied.stderr);
    assert!(!applied.stderr.contains("hid"), "{}", applied.stderr);
}

#[test]
fn a_server_that_never_answers_holds_up_no_command_for_long() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let repo = repo(&format!("enabled: true, transport_type: http, transport_url: 'http://{address}'"));
    let (sent, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut connections = Vec::new();
        for connection in silent.incoming() {
            let mut connection = connection.unwrap();
            let mut head = [0; 16];
            connection.read_exact(&mut head).unwrap();
            sent.send(head).unwrap();
            connections.push(connection);
        }
    });
    let applied = std::thread::scope(|scope| {
        let command = scope.spawn(|| repo.run(&["apply"]));
        let head = heard.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(&head, b"POST /api/v1/lin");
        command.join().unwrap()
    });
    let applied = applied.success();
    assert!(applied.stderr.contains("could not be sent within 5 s of the end"), "{}", applied.stderr);
}

#[test]
fn a_server_that_answers_after_a_while_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let repo = repo(&format!(
        "enabled: true, transport_type: http, transport_url: 'http://{address}/base/', transport_endpoint: take, \
         api_key: key, additional_config: {{custom_headers: {{X-Team: rides}}}}"
    ));
    let server = std::thread::spawn(move || {
        let mut bodies = Vec::new();
        for status in ["503 Busy", "201 Created"] {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut part = [0; 8_192];
            let body = loop {
                let read = connection.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let head = head.to_ascii_lowercase();
                assert!(head.starts_with("post /base/take http/1.1"), "{head}");
                assert!(
                    head.contains("authorization: bearer key") && head.contains("x-team: rides"),
                    "{head}"
                );
                let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
                if body.len() >= length.parse::<usize>().unwrap() {
                    break body.to_owned();
                }
            };
            bodies.push(body);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            connection.write_all(answer.as_bytes()).unwrap();
        }
        bodies
    });
    repo.run(&["apply"]).success();
    let bodies = server.join().unwrap();
    assert_eq!(bodies[0], bodies[1], "the same event");
    assert!(bodies[0].contains("\"eventType\":\"COMPLETE\""), "{}", bodies[0]);
}

#[test]
fn events_on_the_console_leave_the_output_alone() {
    let repo = repo("enabled: true, transport_type: console");
    let applied = repo.run(&["apply", "--json"]).success();
    assert!(serde_json::from_str::<Value>(&applied.stdout).is_ok());
    let lines: Vec<Value> =
        applied.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.iter().all(|event| event["schemaURL"].as_str().unwrap().contains("openlineage.io")));
    assert!(!lines.is_empty());
    let quiet = repo.command(&["apply", "--json"]).env("OPENLINEAGE_DISABLED", "true").output().unwrap();
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{}", String::from_utf8_lossy(&quiet.stderr));
}

#[test]
fn what_clients_register_over_rest_is_kept_and_forgotten_with_them() {
    let repo = repo("enabled: true, transport_type: noop, consumer: {enabled: true}");
    repo.run(&["apply"]).success();
    set_section(&repo, "enabled: true, transport_type: file, consumer: {enabled: true}");
    let server = Server::start_as(&repo, "serve_registry", &["--rest-api", "--rest-port", "0"]);
    let address = server.address().split('/').next().unwrap();
    let service = json!({
        "name": "made", "project": PROJECT,
        "features": [{"feature_view_name": "driver_hourly_stats", "feature_names": ["conv_rate"]}],
    });
    let (status, body) = request(address, "POST", "/api/v1/feature_services", &service.to_string()).unwrap();
    assert_eq!(status, 201, "{body}");
    let deadline = 200;
    for attempt in 0..=deadline {
        if nodes(&server).iter().any(|node| node == "feature_service_made") {
            break;
        }
        assert!(attempt < deadline, "what this process tells goes into its store too");
        std::thread::sleep(Duration::from_millis(50));
    }
    let path = format!("/api/v1/feature_services/made?project={PROJECT}");
    assert_eq!(request(address, "DELETE", &path, "").unwrap().0, 200);
    assert!(nodes(&server).iter().all(|node| node != "made" && node != "feature_service_made"));
    assert!(nodes(&server).iter().any(|node| node == "driver_hourly_stats"));
    repo.run(&["teardown"]).success();
    assert_eq!(nodes(&server), [""; 0], "and the project with it");
    let files = std::fs::read_dir(repo.dir()).unwrap();
    let files =
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("openlineage_"));
    assert_eq!(files.count(), 1, "and it went where it was to go");
}

#[test]
fn a_lineage_server_without_a_consumer_says_what_is_missing() {
    let repo = repo("enabled: true, transport_type: noop");
    let error = repo.run(&["serve_lineage"]).failure(1);
    assert!(error.contains("set `openlineage: {consumer: {enabled: true}}`"), "{error}");
    set_section(&repo, "consumer: {enabled: true, connection_string: 'sqlite:///feature_store.yaml'}");
    let error = repo.run(&["serve_lineage", "-p", "0"]).failure(1);
    assert!(error.contains("feature_store.yaml") && error.contains("not a database"), "{error}");
    set_section(&repo, "enabled: true, transport_type: kafka");
    let error = repo.run(&["apply"]).failure(1);
    assert!(error.contains("`transport_type: kafka` of `openlineage` is not supported yet; use"), "{error}");
}
