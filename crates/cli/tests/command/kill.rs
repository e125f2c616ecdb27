//! A kill at any moment loses nothing that was acknowledged.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::larder::{AS_OF, Repo, Server};

/// How often the process dies.
const KILLS: u64 = 12;

fn push(server: &Server, driver: i64, sequence: i64) -> bool {
    let time = format!("2026-04-01T{:02}:{:02}:{:02}Z", sequence / 3600, sequence / 60 % 60, sequence % 60);
    let body = json!({
        "push_source_name": "driver_push_source",
        "df": {
            "driver_id": [driver], "event_timestamp": [time], "conv_rate": [0.5], "acc_rate": [0.5],
            "avg_daily_trips": [sequence], "home_zone": ["north"],
        },
    });
    matches!(server.post("/push", &body), Ok((200, _)))
}

fn trips(repo: &Repo, drivers: &[i64]) -> Value {
    let entities: Vec<String> = drivers.iter().map(|driver| format!("driver_id={driver}")).collect();
    let mut arguments = vec!["get-online-features", "-f", "driver_hourly_stats:avg_daily_trips"];
    for entity in &entities {
        arguments.extend(["-e", entity]);
    }
    repo.run(&arguments).json()["avg_daily_trips"].clone()
}

#[test]
fn acknowledged_pushes_survive_kills_at_random_moments() {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    let sequence = AtomicI64::new(0);
    // The last acknowledged number of each of three drivers that have no history.
    let acknowledged = [const { AtomicI64::new(0) }; 3];
    for round in 0..KILLS {
        let server = Server::start(&repo);
        std::thread::scope(|scope| {
            for (driver, last) in (1_i64..).zip(&acknowledged) {
                let (server, sequence) = (&server, &sequence);
                scope.spawn(move || {
                    loop {
                        let number = sequence.fetch_add(1, Ordering::SeqCst) + 1;
                        if !push(server, driver, number) {
                            return;
                        }
                        last.fetch_max(number, Ordering::SeqCst);
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(30 + round * 37 % 150));
            server.interrupt_hard();
        });
        drop(server);
        let stored = trips(&repo, &[1, 2, 3]);
        for (driver, last) in acknowledged.iter().enumerate() {
            let last = last.load(Ordering::SeqCst);
            let held = stored[driver].as_i64().unwrap_or(0);
            assert!(
                held >= last,
                "round {round}, driver {}: {last} was acknowledged, {held} is held",
                driver + 1
            );
        }
    }
    assert!(sequence.load(Ordering::SeqCst) > 30, "pushes were made at all");
}

#[test]
fn a_materialization_that_is_killed_and_repeated_ends_as_if_nothing_had_happened() {
    let undisturbed = Repo::materialized();
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    for round in 0..KILLS {
        let mut child = repo
            .command(&["-q", "materialize", "2026-01-01", AS_OF])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 + round * 23 % 200));
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever is recorded is durable: an interval in the registry means all its rows are there.
        let view = repo.run(&["feature-views", "describe", "driver_hourly_stats", "--json"]).json();
        if view["meta"]["materializationIntervals"].is_array() {
            assert_eq!(trips(&repo, &[1001, 1050]), trips(&undisturbed, &[1001, 1050]));
        }
    }
    repo.run(&["materialize", "2026-01-01", AS_OF]).success();
    let drivers: Vec<i64> = (1001..1051).collect();
    assert_eq!(trips(&repo, &drivers), trips(&undisturbed, &drivers));
}
