//! Jobs on the command line, in a server, and through a kill.

use std::path::Path;
use std::time::Duration;

use larder_testkit::guests;
use serde_json::{Value, json};

use crate::larder::{AS_OF, Repo, Server, larder, request};

/// The sample repo, applied, with the guests of the tests as files.
fn repo() -> Repo {
    let repo = Repo::sample();
    for (name, guest) in [
        ("keep.wasm", guests::keep_online_current()),
        ("set.wasm", guests::training_set()),
        ("verbs.wasm", guests::job_verbs()),
        ("hostile.wasm", guests::hostile_jobs()),
    ] {
        std::fs::write(repo.dir().join(name), guest).unwrap();
    }
    repo.run(&["apply"]).success();
    repo
}

const EVERYTHING: &str = "offline-read,offline-write,materialize,online-read,push,log,transform";

/// Runs a verb of `job_verbs` with everything allowed; what it logs.
#[track_caller]
fn verb(repo: &Repo, arguments: &[&str]) -> String {
    let component = repo.dir().join("verbs.wasm").display().to_string();
    let run = ["job", "run", component.as_str(), "--allow", EVERYTHING, "--time", AS_OF, "--"];
    repo.run(&[&run[..], arguments].concat()).success().stderr
}

/// All files of a folder and below, without the stores.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("online_store") && !path.ends_with("components") {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

#[test]
fn a_component_runs_with_what_it_is_allowed_and_says_what_it_lacks() {
    // Data that end now: an incremental run looks back as far as the ttl.
    let repo = Repo::empty();
    larder(&["init", &repo.dir().display().to_string()]).success();
    repo.run(&["apply"]).success();
    let component = repo.dir().join("keep.wasm").display().to_string();
    std::fs::write(&component, guests::keep_online_current()).unwrap();
    let run = ["job", "run", component.as_str()];
    let error = repo.run(&run).failure(1);
    assert!(
        error.ends_with(
            "add `materialize` to `allow` in its definition, or run it with `--allow materialize`\n"
        ),
        "{error}"
    );
    let printed = repo
        .run(&[&run[..], &["--allow", "materialize,log", "--", "driver_hourly_stats"]].concat())
        .success();
    assert_eq!(printed.stdout, "", "a job has no data for stdout");
    assert!(
        printed.stderr.starts_with("info: driver_hourly_stats: 50 keys, 50 rows written, up to "),
        "{}",
        printed.stderr
    );
    let read = ["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:avg_daily_trips"];
    assert!(repo.run(&read).json()["avg_daily_trips"][0].is_i64());
    repo.run(&[&run[..], &["--allow", "fly"]].concat()).failure(2);
    repo.run(&["job", "run", "nowhere.wasm"]).failure(3);
}

#[test]
fn a_training_set_is_that_of_the_command_line() {
    let repo = repo();
    let component = repo.dir().join("set.wasm").display().to_string();
    let allow = "offline-read,offline-write,log";
    let run =
        ["job", "run", component.as_str(), "--allow", allow, "--time", AS_OF, "--", "sets/conversions.csv"];
    let log = repo.run(&run).success().stderr;
    assert_eq!(log, "info: 50 rows written to sets/conversions.csv\n");
    let get = ["get-historical-features", "--json", "-f", "driver_hourly_stats:conv_rate", "-f"];
    let end = ["driver_hourly_stats:avg_daily_trips", "--end-date", AS_OF];
    let expected = repo.run(&[&get[..], &end].concat()).json();
    let written = std::fs::read_to_string(repo.dir().join("sets/conversions.csv")).unwrap();
    let written: Vec<Vec<&str>> = written.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(written.len(), expected.as_array().unwrap().len());
    let mut computed = 0;
    for (row, expected) in written.iter().zip(expected.as_array().unwrap()) {
        assert_eq!(row[0], expected["driver_id"].to_string());
        let expected = match (expected["conv_rate"].as_f64(), expected["avg_daily_trips"].as_f64()) {
            #[expect(clippy::cast_possible_truncation, reason = "the feature is a Float32")]
            (Some(rate), Some(trips)) => Some(f64::from(rate as f32) * trips),
            _ => None,
        };
        assert_eq!(row[2].parse::<f64>().ok(), expected, "{row:?}");
        computed += usize::from(expected.is_some());
    }
    assert!(computed > 40, "only {computed} values");
}

#[test]
fn a_view_that_cannot_be_applied_says_why() {
    let repo = repo();
    let component = repo.dir().join("verbs.wasm").display().to_string();
    let transforms = |view: &str, allow: &str| {
        repo.run(&["job", "run", &component, "--allow", allow, "--time", AS_OF, "--", "transforms", view])
            .failure(1)
    };
    assert!(
        transforms("transformed_conv_rate", "online-read,push,log")
            .contains("may not `transform`; add `transform`"),
    );
    let missing = transforms("driver_quality", EVERYTHING);
    assert!(
        missing.contains(
            "on-demand feature view `driver_quality` takes a column `acc_rate`, which the rows do not have; its \
             inputs are `conv_rate`, `acc_rate`, `avg_daily_trips`"
        ),
        "{missing}"
    );
    for other in ["nope", "driver_hourly_stats"] {
        let unknown = transforms(other, EVERYTHING);
        assert!(unknown.contains(other) && unknown.contains("does not exist"), "{unknown}");
    }
}

#[test]
fn every_verb_is_the_one_of_the_command_line() {
    let repo = repo();
    let before = std::fs::read(repo.dir().join("data/driver_hourly_stats.parquet")).unwrap();
    assert_eq!(verb(&repo, &["joins"]), "info: [\"driver_id\", \"event_timestamp\", \"conv_rate\"] [None]\n");
    assert_eq!(verb(&repo, &["appends", "finishes"]), "info: 2 rows appended\n");
    assert_ne!(std::fs::read(repo.dir().join("data/driver_hourly_stats.parquet")).unwrap(), before);
    // Of equal times the last in source order counts.
    assert_eq!(
        verb(&repo, &["joins"]),
        "info: [\"driver_id\", \"event_timestamp\", \"conv_rate\"] [Some(0.75)]\n"
    );
    assert_eq!(verb(&repo, &["pushes"]), "info: [Some(1.5)]\n");
    let read = ["get-online-features", "-e", "driver_id=7", "-f", "driver_hourly_stats:conv_rate"];
    assert_eq!(repo.run(&read).json()["conv_rate"][0], json!(0.5));
    assert_eq!(
        verb(&repo, &["transforms", "transformed_conv_rate"]),
        "info: [\"conv_rate_plus_val1\", \"conv_rate_plus_val2\"] [Some(1.5), None]\n"
    );
    let log = verb(&repo, &["materializes"]);
    assert!(log.starts_with("info: ") && log.contains(" to "), "{log}");
    // Newest wins: of equal times the later write.
    assert_eq!(repo.run(&read).json()["conv_rate"][0], json!(0.75));
    assert_eq!(verb(&repo, &["all", "driver_hourly_stats:conv_rate"]), "info: 51 entities\n");
    let set = [
        "get-historical-features",
        "-f",
        "driver_hourly_stats:conv_rate",
        "--end-date",
        AS_OF,
        "-o",
        "set.parquet",
    ];
    let set =
        repo.command(&[&set[..], &["--save-as", "kept"]].concat()).current_dir(repo.dir()).output().unwrap();
    assert!(set.status.success(), "{set:?}");
    assert_eq!(verb(&repo, &["reads", "kept"]), "info: 51 rows of event_timestamp driver_id conv_rate\n");
}

#[test]
fn a_job_that_ends_in_the_middle_of_a_table_leaves_nothing_of_it() {
    let repo = repo();
    let history = repo.dir().join("data/driver_hourly_stats.parquet");
    let (before, rows) = (files(&repo.dir()), std::fs::read(&history).unwrap());
    for (component, arguments) in [
        ("hostile.wasm", &["writes", "3", "panics"][..]),
        ("hostile.wasm", &["writes", "3", "forgets"]),
        ("verbs.wasm", &["appends", "panics"]),
    ] {
        let component = repo.dir().join(component).display().to_string();
        let run = ["job", "run", component.as_str(), "--allow", EVERYTHING, "--"];
        repo.run(&[&run[..], arguments].concat());
    }
    assert_eq!(files(&repo.dir()), before);
    assert_eq!(std::fs::read(&history).unwrap(), rows);
}

#[test]
fn a_job_writes_only_where_it_has_business() {
    let repo = repo();
    let component = repo.dir().join("verbs.wasm").display().to_string();
    for (path, reason) in [
        ("data/driver_hourly_stats.parquet", "data source `driver_hourly_stats_source` reads it"),
        ("../out.csv", "without `..`"),
        ("feature_store.yaml", "names no format"),
    ] {
        let error =
            repo.run(&["job", "run", &component, "--allow", EVERYTHING, "--", "writes", path]).failure(1);
        assert!(error.contains(reason), "{error}");
    }
}

const JOBS: &str = "
jobs:
  - {name: keep, component: keep.wasm, allow: [materialize, log], schedule: 0 2 * * *}
  - {name: tells, component: hostile.wasm, arguments: [tells], allow: [log]}
  - {name: loops, component: hostile.wasm, arguments: [loops], limits: {compute_time: 10m}}
";

/// The repo with registered jobs.
fn repo_with_jobs() -> Repo {
    let repo = repo();
    std::fs::write(repo.dir().join("jobs.yaml"), JOBS).unwrap();
    let applied = repo.run(&["apply"]).success().stdout;
    assert!(
        applied.contains("Created job keep\nCreated job loops\nCreated job tells\nNo changes to registry\n"),
        "{applied}"
    );
    repo
}

fn history(repo: &Repo, job: &str) -> Vec<Value> {
    repo.run(&["job", "history", job, "--json"]).json().as_array().unwrap().clone()
}

#[test]
fn a_registered_job_runs_by_its_name_and_is_remembered() {
    let repo = repo_with_jobs();
    let again = repo.run(&["apply"]).success().stdout;
    assert!(!again.contains(" job "), "{again}");
    let log = repo.run(&["job", "run", "tells", "--time", AS_OF, "--", "tells", "more"]).success().stderr;
    assert!(log.starts_with("info: [\"tells\", \"more\"] at 2026-"), "{log}");
    let error = repo.run(&["job", "run", "tells", "--", "fails"]).failure(1);
    assert_eq!(error, "error: job `tells` failed: this day is not to my taste\n");
    let runs = history(&repo, "tells");
    let outcomes: Vec<&Value> = runs.iter().map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "succeeded"]);
    let jobs = repo.run(&["job", "list", "--json"]).json();
    let names: Vec<&Value> = jobs.as_array().unwrap().iter().map(|job| &job["name"]).collect();
    assert_eq!(names, ["keep", "loops", "tells"]);
    assert!(jobs[0]["next_time"].as_str().unwrap().ends_with("T02:00:00Z"), "{jobs}");
    let error = repo.run(&["job", "run", "tell"]).failure(1);
    assert!(
        error.contains("job `tell` does not exist in project repo; there are `keep`, `loops`, `tells`"),
        "{error}"
    );
    let error = repo.run(&["job", "run", "tells", "--allow", "push"]).failure(1);
    assert!(error.contains("leave out `--allow`"), "{error}");
    repo.edit("jobs.yaml", "0 2 * * *", "0 3 * * *");
    let planned = repo.run(&["plan"]).success().stdout;
    assert!(planned.starts_with("Updated job keep\n"), "{planned}");
}

#[test]
fn a_server_starts_jobs_and_tells_of_them() {
    let repo = repo_with_jobs();
    let server = Server::start(&repo);
    let ask = |method: &str, path: &str, body: &str| {
        let (status, text) = request(server.address(), method, path, body).unwrap();
        (status, serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    };
    let (status, run) = ask("POST", "/v1/jobs/keep/runs", "");
    assert_eq!((status, &run["job"], &run["trigger"]), (202, &json!("keep"), &json!("hand")), "{run}");
    let path = format!("/v1/jobs/keep/runs/{}", run["id"].as_str().unwrap());
    let ended = loop {
        let (status, run) = ask("GET", &path, "");
        assert_eq!(status, 200, "{run}");
        if run["outcome"] != "running" {
            break run;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended["outcome"], "succeeded", "{ended}");
    assert!(ended["log"][0]["line"].as_str().unwrap().contains("rows written"), "{ended}");
    let (_, jobs) = ask("GET", "/v1/jobs", "");
    assert_eq!(
        (&jobs[0]["name"], &jobs[0]["last_run"]["outcome"]),
        (&json!("keep"), &json!("succeeded")),
        "{jobs}"
    );
    for (method, path, body, expected) in [
        ("POST", "/v1/jobs/nope/runs", "", 404),
        ("GET", "/v1/jobs/nope/runs", "", 404),
        ("GET", "/v1/jobs/keep/runs/nope", "", 404),
        ("POST", "/v1/jobs/keep/runs", "[1]", 422),
        ("POST", "/v1/jobs/keep/runs", r#"{"time": "soon"}"#, 422),
        ("POST", "/v1/jobs/keep/runs", r#"{"args": []}"#, 422),
        ("DELETE", "/v1/jobs", "", 405),
    ] {
        let (status, answer) = ask(method, path, body);
        assert_eq!(status, expected, "{method} {path} {body}: {answer}");
    }
    // The command line goes through the server, which holds the store.
    let log = repo.run(&["job", "run", "keep", "--", "driver_hourly_stats"]).success().stderr;
    assert!(log.starts_with("info: driver_hourly_stats: "), "{log}");
    assert_eq!(ask("POST", "/v1/jobs/loops/runs", "").0, 202);
    assert_eq!(ask("POST", "/v1/jobs/loops/runs", "").0, 409);
    assert_eq!(server.terminate(), 0, "a job does not keep the server from ending");
    let runs = history(&repo, "loops");
    assert_eq!((&runs[0]["outcome"], runs.len()), (&json!("failed"), 1));
    assert_eq!(runs[0]["error"], "job `loops` was stopped with the process");
}

#[test]
fn a_kill_keeps_the_history_and_interrupts_what_ran() {
    let repo = repo_with_jobs();
    repo.run(&["job", "run", "tells"]).success();
    let server = Server::start(&repo);
    for job in ["tells", "loops"] {
        let (status, answer) =
            request(server.address(), "POST", &format!("/v1/jobs/{job}/runs"), "").unwrap();
        assert_eq!(status, 202, "{answer}");
    }
    assert_eq!(history(&repo, "loops")[0]["outcome"], "running", "as another process sees it");
    while history(&repo, "tells")[0]["outcome"] == "running" {
        std::thread::sleep(Duration::from_millis(20));
    }
    server.interrupt_hard();
    drop(server);
    assert_eq!(history(&repo, "loops")[0]["outcome"], "interrupted");
    let tells = history(&repo, "tells");
    assert_eq!(
        (tells.len(), &tells[0]["outcome"], &tells[1]["outcome"]),
        (2, &json!("succeeded"), &json!("succeeded"))
    );
    // And the job can run again.
    let server = Server::start(&repo);
    assert_eq!(request(server.address(), "POST", "/v1/jobs/loops/runs", "").unwrap().0, 202);
}
