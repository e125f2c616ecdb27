//! A server and the command line beside it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::larder::{AS_OF, Repo, Server, post, request};

/// Tells other threads to stop, also when a check fails.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn conv_rates(server: &Server, ids: &[i64]) -> Value {
    let body = json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": ids}});
    let (status, body) = server.post("/get-online-features", &body).unwrap();
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    answer["results"][1]["values"].clone()
}

fn pushed_row(driver: i64, rate: f64, time: &str) -> Value {
    json!({
        "push_source_name": "driver_push_source",
        "df": {
            "driver_id": [driver], "event_timestamp": [time], "created": [time], "conv_rate": [rate],
            "acc_rate": [null], "avg_daily_trips": [1], "home_zone": ["north"],
        },
    })
}

#[test]
fn commands_go_through_the_server_that_holds_the_store() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    let server = Server::start(&repo);

    let materialized = repo.run(&["materialize", "2026-01-01", AS_OF]).success();
    assert!(materialized.stdout.contains("driver_hourly_stats:"), "{}", materialized.stdout);
    assert!(materialized.stdout.contains("50 keys, 50 written"), "{}", materialized.stdout);

    let rows = repo.path().join("rows.ndjson");
    let row = r#"{"driver_id": 7, "event_timestamp": "2026-03-01T13:00:00Z", "created": "2026-03-01T13:00:00Z", "conv_rate": 0.25, "acc_rate": 0.5, "avg_daily_trips": 3, "home_zone": "west"}"#;
    std::fs::write(&rows, row).unwrap();
    repo.run(&["push", "driver_push_source", "--file", &rows.display().to_string()]).success();

    let read = ["get-online-features", "-e", "driver_id=7", "-f", "driver_hourly_stats:conv_rate"];
    let through_server = repo.run(&read).json();
    assert_eq!(through_server, json!({"driver_id": [7], "conv_rate": [0.25]}));
    assert_eq!(server.terminate(), 0);
    assert_eq!(repo.run(&read).json(), through_server, "without the server the answer is the same");
}

#[test]
fn a_second_server_on_the_same_folder_is_told_who_has_it() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    let server = Server::start(&repo);
    let stderr = repo.run(&["serve", "-p", "0"]).failure(3);
    assert!(stderr.contains(server.address()), "{stderr}");
}

#[test]
fn a_running_server_sees_an_apply_at_once_and_loses_no_request_over_it() {
    let repo = Repo::materialized();
    let server = Server::start(&repo);
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _done = SetWhenDropped(&done);
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                assert!(conv_rates(&server, &[1001]).is_array());
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        repo.edit("features.yaml", "      - {name: home_zone, dtype: String}\n", "");
        let applied = repo.run(&["apply"]).success();
        assert!(applied.stdout.contains("Updated feature view driver_hourly_stats"), "{}", applied.stdout);
        let body = json!({"features": ["driver_hourly_stats:home_zone"], "entities": {"driver_id": [1001]}});
        let (status, answer) = server.post("/get-online-features", &body).unwrap();
        assert_eq!(status, 404, "{answer}");
    });
    assert!(answered.load(Ordering::SeqCst) > 0);
}

#[test]
fn servers_that_share_a_file_see_an_apply_at_once() {
    let repo = Repo::sample();
    repo.edit(
        "feature_store.yaml",
        "type: sled\n  path: data/online_store",
        "type: sqlite\n  path: data/online.db",
    );
    repo.run(&["apply"]).success();
    // They look at the registry only when they are told to.
    let servers = [(); 2].map(|()| Server::start_with(&repo, &["-r", "0"]));
    let endpoint = repo.run(&["endpoint"]).success().stdout;
    assert!(servers.iter().any(|server| endpoint.contains(server.address())), "{endpoint}");
    repo.edit("features.yaml", "      - {name: home_zone, dtype: String}\n", "");
    repo.run(&["apply"]).success();
    let body = json!({"features": ["driver_hourly_stats:home_zone"], "entities": {"driver_id": [1001]}});
    for server in &servers {
        let (status, answer) = server.post("/get-online-features", &body).unwrap();
        assert_eq!(status, 404, "{answer}");
    }
    drop(servers);
    repo.run(&["apply"]).success();
}

#[test]
fn a_teardown_goes_through_the_server_and_leaves_no_rows() {
    let repo = Repo::materialized();
    let server = Server::start(&repo);
    let torn = repo.run(&["teardown"]).success();
    assert!(torn.stdout.contains("Deleted sled table repo_driver_hourly_stats"), "{}", torn.stdout);
    let body = json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}});
    assert_eq!(server.post("/get-online-features", &body).unwrap().0, 404);
    repo.run(&["apply"]).success();
    assert_eq!(conv_rates(&server, &[1001]), json!([null]));
}

#[test]
fn requests_are_answered_while_materializing() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    let server = Server::start(&repo);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _done = SetWhenDropped(&done);
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    assert!(conv_rates(&server, &[1001, 1002, 1003]).is_array());
                }
            });
        }
        for _ in 0..3 {
            repo.run(&["materialize", "2026-01-01", AS_OF]).success();
        }
    });
    assert!(conv_rates(&server, &[1001]).is_array());
}

#[test]
fn an_older_push_never_replaces_a_newer_one() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    let server = Server::start(&repo);
    for (rate, time) in [(0.75, "2026-03-02T00:00:00Z"), (0.25, "2026-03-01T00:00:00Z")] {
        let (status, body) = server.post("/push", &pushed_row(1, rate, time)).unwrap();
        assert_eq!((status, body.as_str()), (200, ""));
    }
    assert_eq!(conv_rates(&server, &[1]), json!([0.75]));
}

#[test]
fn a_terminated_server_finishes_what_has_begun_and_takes_nothing_new() {
    let repo = Repo::materialized();
    let server = Server::start(&repo);
    let address = server.address().to_owned();
    assert!(conv_rates(&server, &[1001]).is_array());
    assert_eq!(server.terminate(), 0);
    std::thread::sleep(Duration::from_millis(50));
    assert!(post(&address, "/get-online-features", &json!({})).is_err(), "nobody listens any more");
}

#[test]
fn mistakes_in_requests_are_answered_and_not_died_of() {
    let repo = Repo::materialized();
    let server = Server::start(&repo);
    let features = json!(["driver_hourly_stats:conv_rate"]);
    for (body, status) in [
        (json!({"features": ["nope:x"], "entities": {"driver_id": [1]}}), 404),
        (json!({"features": ["driver_hourly_stats:nope"], "entities": {"driver_id": [1]}}), 404),
        (json!({"features": features, "entities": {"driver_id": ["x"]}}), 422),
        (json!({"features": features, "entities": {"driver_id": [1], "other": [1, 2]}}), 422),
        (json!({"features": features, "entities": {}}), 422),
        (json!({"features": features}), 422),
        (json!([1, 2]), 422),
    ] {
        let (actual, answer) = server.post("/get-online-features", &body).unwrap();
        assert!((400..500).contains(&actual), "{body}: {actual} {answer}");
        assert!(actual == status || actual == 400, "{body}: {actual} {answer}");
    }
    assert!(conv_rates(&server, &[1001]).is_array(), "and then a good one");
}

#[test]
fn the_flags_of_feasts_server_are_taken_and_metrics_have_a_port() {
    let repo = Repo::materialized();
    let mut child = repo
        .command(&[
            "serve",
            "-h",
            "127.0.0.1",
            "-p",
            "0",
            "-t",
            "http",
            "--no-access-log",
            "-w",
            "-1",
            "-r",
            "5",
            "--worker-connections",
            "1000",
            "--max-requests",
            "1000",
            "--max-requests-jitter",
            "50",
            "--keep-alive-timeout",
            "30",
            "-m",
            "--metrics-port",
            "0",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = Vec::new();
    let mut address = |part: &str| loop {
        let line = lines.next().unwrap_or_else(|| panic!("the server ended: {seen:?}")).unwrap();
        seen.push(line.clone());
        if let Some((_, rest)) = line.split_once(part) {
            break rest.trim_end_matches("/metrics").to_owned();
        }
    };
    let metrics = address("Metrics are at http://");
    let server = address(" on http://");
    let body = json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}});
    assert_eq!(post(&server, "/get-online-features", &body).unwrap().0, 200);
    let (status, text) = request(&metrics, "GET", "/metrics", "").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("feast_feature_freshness_seconds{feature_view=\"driver_hourly_stats\""), "{text}");
    assert!(seen.iter().any(|line| line.contains("`--workers` has no effect")), "{seen:?}");
    let refused = repo.run(&["serve", "--cert", "c.pem", "--key", "k.pem"]).failure(1);
    assert!(refused.contains("a certificate cannot be read from c.pem"), "{refused}");
    assert!(repo.run(&["serve", "--cert", "c.pem"]).failure(2).contains("--key"));
}

#[test]
fn a_server_with_a_certificate_speaks_tls_and_the_commands_go_through_it_all_the_same() {
    let repo = Repo::materialized();
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = repo.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let cert = file("cert.pem", signed.cert.pem());
    let key = file("key.pem", signed.signing_key.serialize_pem());
    let server = Server::start_with(&repo, &["--cert", &cert, "-k", &key]);
    let read = ["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"];
    assert!(repo.run(&read).json()["conv_rate"][0].is_number());
    let endpoint = repo.run(&["endpoint"]).success().stdout;
    assert_eq!(endpoint, format!("Feature server endpoint: https://{}\n", server.address()));
    repo.run(&["apply"]).success();
    assert!(server.post("/get-online-features", &json!({})).is_err(), "it does not speak plain HTTP");
    assert_eq!(server.terminate(), 0);
}

#[test]
fn the_offline_server_runs_beside_the_one_that_holds_the_store() {
    let repo = Repo::materialized();
    let online = Server::start(&repo);
    let offline = Server::start_as(&repo, "serve_offline", &[]);
    let port = offline.address().rsplit_once(':').unwrap().1;
    let taken = repo.run(&["serve_offline", "-p", port]).failure(3);
    assert!(taken.contains("choose another port with `--port`, 0 for a free one"), "{taken}");
    assert_eq!(offline.terminate(), 0);
    assert_eq!(online.terminate(), 0);

    let refused = repo.run(&["serve_offline", "--cert", "c.pem", "--key", "k.pem"]).failure(1);
    assert!(refused.contains("a certificate cannot be read from c.pem"), "{refused}");
    assert!(repo.run(&["serve_offline", "--cert", "c.pem"]).failure(2).contains("--key"));
    let short = repo.run(&["serve_offline", "-k", "k.pem", "-c", "c.pem"]).failure(2);
    assert!(short.contains("give the certificate by `--cert FILE`"), "{short}");
}
