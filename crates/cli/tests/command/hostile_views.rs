//! Views whose functions misbehave, beside views that do not, in one real server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use larder_testkit::guests;
use larder_testkit::raw_guest::{RawColumn, RawGuest, node, values};
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

/// A guest that answers one row with these columns, whatever it is asked.
fn fixed(nodes: &[u8], columns: impl FnOnce(&mut RawGuest) -> Vec<RawColumn>) -> Vec<u8> {
    let mut guest = RawGuest::declaring(&[(b"value", &[node::INT64])], &[(b"out", nodes)]);
    let columns = columns(&mut guest);
    guest.returning(1, &columns).module()
}

fn time(guest: &mut RawGuest, micros: i64) -> RawColumn {
    let at = guest.put(&micros.to_le_bytes());
    RawColumn { validity: None, tag: values::TIMESTAMP_MICROS, buffers: [at, 1, 0, 0] }
}

fn text(guest: &mut RawGuest, text: &str) -> RawColumn {
    let length = u32::try_from(text.len()).unwrap();
    let (offsets, data) = (guest.put(&[[0; 4], length.to_le_bytes()].concat()), guest.put(text.as_bytes()));
    RawColumn { validity: None, tag: values::UTF8, buffers: [offsets, 2, data, length] }
}

#[test]
fn values_that_no_calendar_and_no_terminal_knows_go_through_every_door() {
    let parent = RawColumn { validity: None, tag: values::PARENT, buffers: [0; 4] };
    let zoned = [node::ZONED_TIMESTAMP, node::TIMESTAMP_MICROS, node::UTF8];
    let zoned_guest = |micros: i64, zone: &str| {
        fixed(&zoned, |guest| vec![parent.clone(), time(guest, micros), text(guest, zone)])
    };
    let nothing = fixed(&zoned, |guest| {
        let is_null = guest.put(&[0]);
        let null = |column| RawColumn { validity: Some([is_null, 1]), ..column };
        vec![parent.clone(), null(time(guest, 7)), null(text(guest, "UTC"))]
    });
    let views = [
        (
            "first_time",
            "UnixTimestamp",
            fixed(&[node::TIMESTAMP_MICROS], |guest| vec![time(guest, i64::MIN)]),
        ),
        ("last_time", "UnixTimestamp", fixed(&[node::TIMESTAMP_MICROS], |guest| vec![time(guest, i64::MAX)])),
        ("first_zoned", "ZonedTimestamp", zoned_guest(i64::MIN, "Europe/Oslo")),
        ("no_zone", "ZonedTimestamp", zoned_guest(0, "no\u{1b}[2J/zone\0")),
        ("far_zone", "ZonedTimestamp", zoned_guest(0, "UTC+99:99")),
        ("null_parts", "ZonedTimestamp", nothing),
        ("control", "String", fixed(&[node::UTF8], |guest| vec![text(guest, "a\0b\u{1b}[2J\"\u{202e}")])),
        (
            "deep",
            "Json",
            fixed(&[node::JSON], |guest| {
                vec![text(guest, &format!("{}1{}", "[".repeat(100), "]".repeat(100)))]
            }),
        ),
    ];
    let repo = Repo::sample();
    let mut definitions = "data_sources:
  - {name: anything, type: request, schema: [{name: value, dtype: Int64}]}
on_demand_feature_views:
"
    .to_owned();
    for (view, dtype, component) in &views {
        std::fs::write(repo.dir().join(format!("udfs/{view}.wasm")), component).unwrap();
        definitions.push_str(&format!(
            "  - name: {view}\n    sources: [anything]\n    schema: [{{name: out, dtype: {dtype}}}]\n    \
             transformation: {{component: udfs/{view}.wasm, function: f}}\n"
        ));
    }
    std::fs::write(repo.dir().join("strange.yaml"), definitions).unwrap();
    repo.run(&["apply"]).success();
    let entities = repo.dir().join("entities.csv").display().to_string();
    std::fs::write(&entities, "event_timestamp,value\n2026-03-01T00:00:00Z,1\n").unwrap();
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let answers = [
        json!(-9_223_372_036_855_i64),
        json!(9_223_372_036_854_i64),
        // A year that Python does not have, and zones that nobody has.
        json!(null),
        json!("1970-01-01T00:00:00+00:00"),
        json!("1970-01-01T00:00:00+00:00"),
        json!(null),
        json!("a\0b\u{1b}[2J\"\u{202e}"),
        json!(deep),
    ];
    let server = Server::start(&repo);
    for ((view, _, _), expected) in views.iter().zip(&answers) {
        let (status, answer) = ask(&server, view, 1);
        assert_eq!((status, &answer["results"][0]["values"][0]), (200, expected), "{view}: {answer}");
    }
    drop(server);
    let is_printable = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    for ((view, _, _), expected) in views.iter().zip(&answers) {
        let feature = format!("{view}:out");
        let online = repo.run(&["get-online-features", "-e", "value=1", "-f", &feature]);
        assert!(is_printable(&online.stdout), "{:?}", online.stdout);
        assert_eq!(&online.json()["out"][0], expected, "{view}");
        let past = ["get-historical-features", "--entities", &entities, "-f", &feature];
        let table = repo.run(&past).success().stdout;
        assert!(is_printable(&table), "{table:?}");
        for out in ["out.csv", "out.parquet", "out.ndjson"] {
            let file = repo.dir().join(out).display().to_string();
            let written = repo.run(&[&past[..], &["-o", &file]].concat()).success().stderr;
            assert!(written.contains("1 rows written"), "{view} {out}: {written}");
        }
    }
}
