//! Views whose functions misbehave, beside views that do not, in one real server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use larder_testkit::guests;
use larder_testkit::raw_guest::RawGuest;
use serde_json::{Value, json};

use crate::larder::{Repo, Server};

/// Functions of `udfs/hostile/behaviours`, the type of their output, and what a request is told.
const HOSTILE: [(&str, &str, &str); 10] = [
    ("panics", "Int64", "panicked, or reached `unreachable`"),
    ("loops", "Int64", "ran out of time (limit 200ms)"),
    ("eats_memory", "Int64", "ran out of memory (limit 64 MiB)"),
    ("recurses", "Int64", "endless recursion"),
    ("fails", "Int64", "this row is not to my taste"),
    ("fails_at_length", "Int64", "ä…"),
    ("adds_a_row", "Int64", "returned 2 rows for 1 rows of input"),
    ("huge_output", "Bytes", "returned too much (limit 1 MiB)"),
    ("a_million_columns", "Int64", "ran out of memory (limit 64 MiB)"),
    ("broken_utf8", "String", "output `out` holds text that is not utf-8"),
];

fn repo() -> Repo {
    let repo = Repo::sample();
    let udfs = repo.dir().join("udfs");
    std::fs::write(udfs.join("hostile.wasm"), guests::hostile_behaviours()).unwrap();
    std::fs::write(udfs.join("good.wasm"), RawGuest::default().module()).unwrap();
    let mut text = "
data_sources:
  - {name: anything, type: request, schema: [{name: value, dtype: Int64}]}
on_demand_feature_views:
  - name: good
    sources: [anything]
    schema: [{name: out, dtype: Int64}]
    transformation: {component: udfs/good.wasm, function: f}
"
    .to_owned();
    for (function, value_type, _) in HOSTILE {
        let output = if function == "fails_at_length" { "64MiB" } else { "1MiB" };
        let time = if function == "loops" { "200ms" } else { "60s" };
        text.push_str(&format!(
            "  - name: {function}
    sources: [anything]
    schema: [{{name: out, dtype: {value_type}}}]
    transformation:
      component: udfs/hostile.wasm
      limits: {{wall_time: {time}, output: {output}}}
"
        ));
    }
    std::fs::write(repo.dir().join("hostile.yaml"), text).unwrap();
    repo.run(&["apply"]).success();
    repo
}

fn ask(server: &Server, view: &str, value: i64) -> (u16, Value) {
    let body = json!({"features": [format!("{view}:out")], "entities": {"value": [value]}});
    let (status, body) = server.post("/get-online-features", &body).unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn hostile_views_fail_by_name_and_the_server_answers_everyone_else() {
    let repo = repo();
    let server = Server::start(&repo);
    let done = AtomicBool::new(false);
    let failures: [AtomicUsize; HOSTILE.len()] = Default::default();
    std::thread::scope(|scope| {
        for ((view, _, expected), failures) in HOSTILE.iter().zip(&failures) {
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) || failures.load(Ordering::SeqCst) == 0 {
                    let (status, answer) = ask(server, view, 1);
                    let text = answer.to_string();
                    assert_eq!(status, 500, "{view}: {text}");
                    assert!(text.contains(&format!("on-demand feature view `{view}`")), "{text}");
                    assert!(text.contains(expected), "{view}: {text}");
                    failures.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let good: Vec<_> = (0..2)
            .map(|client| {
                let server = &server;
                scope.spawn(move || {
                    for request in 0..150 {
                        let value = client * 1_000 + request;
                        let (status, answer) = ask(server, "good", value);
                        assert_eq!(status, 200, "{answer}");
                        assert_eq!(answer["results"][0]["values"], json!([value]), "{answer}");
                        let body = json!({
                            "features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]},
                        });
                        assert_eq!(server.post("/get-online-features", &body).unwrap().0, 200);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = good.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        assert!(ended.iter().all(Result::is_ok), "a good client failed");
    });
    assert!(failures.iter().all(|failures| failures.load(Ordering::SeqCst) > 0));
    let (status, metrics) = crate::larder::request(server.address(), "GET", "/metrics", "").unwrap();
    assert_eq!(status, 200);
    for line in [
        "larder_udf_failures_total{feature_view=\"loops\",cause=\"time\"}",
        "larder_udf_failures_total{feature_view=\"eats_memory\",cause=\"memory\"}",
        "larder_udf_calls_total{feature_view=\"good\"} 300",
        "larder_udf_call_duration_seconds_count{feature_view=\"good\"} 300",
        "larder_udf_memory_peak_bytes{feature_view=\"good\"} 5242880",
        "larder_udf_slot_wait_seconds_count{feature_view=\"loops\"}",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}
