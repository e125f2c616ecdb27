//! New components in a running server, and the way back.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use larder_testkit::raw_guest::{RawGuest, echo_with};
use serde_json::{Value, json};

use crate::larder::{Repo, Server};

const DEFINITIONS: &str = "
data_sources:
  - {name: anything, type: request, schema: [{name: value, dtype: Int64}]}
on_demand_feature_views:
  - name: first
    sources: [anything]
    schema: [{name: out, dtype: Int64}]
    transformation: {component: udfs/swapped.wasm, function: f}
  - name: second
    sources: [anything]
    schema: [{name: out, dtype: Int64}]
    transformation: {component: udfs/swapped.wasm, function: f}
";

/// Puts a component into the repo that answers `version`, whatever it is asked.
fn write_component(repo: &Repo, version: i64) {
    let guest = RawGuest::default().transform(&echo_with(&format!("(i64.const {version})")));
    std::fs::write(repo.dir().join("udfs/swapped.wasm"), guest.module()).unwrap();
}

fn repo() -> Repo {
    let repo = Repo::sample();
    std::fs::write(repo.dir().join("swapped.yaml"), DEFINITIONS).unwrap();
    write_component(&repo, 1);
    repo.run(&["apply"]).success();
    repo
}

/// The versions that answered for both views in one request.
fn versions(server: &Server) -> (i64, i64) {
    let body = json!({
        "features": ["first:out", "second:out"], "entities": {"value": [7]}, "full_feature_names": true,
    });
    let (status, body) = server.post("/get-online-features", &body).unwrap();
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let value = |at: usize| answer["results"][at]["values"][0].as_i64().unwrap();
    (value(0), value(1))
}

#[test]
fn every_request_is_answered_by_exactly_one_version() {
    const VERSIONS: i64 = 6;
    let repo = repo();
    let server = Server::start(&repo);
    let (done, answered, applied) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicI64::new(1));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = 1;
                    while !done.load(Ordering::SeqCst) {
                        let at_least = applied.load(Ordering::SeqCst);
                        let (first, second) = versions(&server);
                        assert_eq!(first, second, "one request, two versions");
                        assert!(
                            first >= last.max(at_least) && first <= VERSIONS,
                            "{first} after {last}, {at_least}"
                        );
                        last = first;
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for version in 2..=VERSIONS {
            write_component(&repo, version);
            let printed = repo.run(&["apply"]);
            let before = answered.load(Ordering::SeqCst);
            applied.store(version, Ordering::SeqCst);
            if printed.code != 0 {
                done.store(true, Ordering::SeqCst);
            }
            printed.success();
            // Each version serves some requests before the next comes.
            while answered.load(Ordering::SeqCst) < before + 6
                && clients.iter().all(|client| !client.is_finished())
            {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(versions(&server), (VERSIONS, VERSIONS));
}

#[test]
fn a_rollback_restores_the_component_before_and_an_apply_goes_forward_again() {
    let repo = repo();
    let server = Server::start(&repo);
    let digests: Vec<String> = (1..=3)
        .map(|version| {
            write_component(&repo, version);
            repo.run(&["apply"]).success();
            let described = repo.run(&["on-demand-feature-views", "describe", "first"]).success().stdout;
            let (_, digest) = described.split_once("larder.dev/wasm-component: ").unwrap();
            digest.split_whitespace().next().unwrap().trim_matches('\'').to_owned()
        })
        .collect();
    assert_eq!(versions(&server), (3, 3));

    let rolled = repo.run(&["udf", "rollback", "first"]).success();
    let expected = format!(
        "Restored on demand feature view first to version v1: f of component {}\n",
        &digests[1][..16]
    );
    assert_eq!(rolled.stdout, expected);
    assert_eq!(versions(&server), (2, 3), "the other view stays");
    repo.run(&["udf", "rollback", "first"]).success();
    assert_eq!(versions(&server), (1, 3));
    let error = repo.run(&["udf", "rollback", "first"]).failure(1);
    assert!(error.contains("`first` has no earlier version with another component"), "{error}");

    let history = repo.run(&["udf", "history", "first"]).success().stdout;
    let shown: Vec<Vec<&str>> =
        history.lines().skip(1).map(|line| line.split_whitespace().take(3).collect()).collect();
    let expected: Vec<Vec<&str>> = ["v0*", "v1", "v2"]
        .into_iter()
        .zip(&digests)
        .map(|(version, digest)| vec![version, &digest[..16], "f"])
        .collect();
    assert_eq!(shown, expected, "{history}");

    repo.run(&["udf", "rollback", "first", "--to", "v1"]).success();
    assert_eq!(versions(&server), (2, 3));
    repo.run(&["apply"]).success();
    assert_eq!(versions(&server), (3, 3), "the definitions have the last word");
    let error = repo.run(&["udf", "rollback", "first", "--to", "v9"]).failure(1);
    assert!(error.contains("v9") || error.contains('9'), "{error}");
    repo.run(&["udf", "rollback", "nothing"]).failure(1);
    repo.run(&["udf", "rollback", "first", "--to", "nine"]).failure(2);
}

#[test]
fn components_that_were_bound_by_hand_are_versions_too() {
    let repo = repo();
    let server = Server::start(&repo);
    write_component(&repo, 5);
    let file = repo.dir().join("udfs/swapped.wasm").display().to_string();
    repo.run(&["udf", "bind", "second", &file]).success();
    assert_eq!(versions(&server), (1, 5));
    repo.run(&["udf", "rollback", "second"]).success();
    assert_eq!(versions(&server), (1, 1));
}
