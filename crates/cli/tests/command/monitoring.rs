//! What the values of features look like: `monitor run`, and the baselines of `apply`.

use std::fs;

use serde_json::{Value, json};

use crate::larder::{AS_OF, Printed, Repo, Server, request};

/// The sample repo, applied, with data quality monitoring.
fn repo() -> Repo {
    let repo = Repo::sample();
    let file = repo.dir().join("feature_store.yaml");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(file, settings + "data_quality_monitoring: {auto_baseline: true}\n").unwrap();
    repo
}

/// Feast's lines, without how long it took.
fn lines(printed: &Printed) -> Vec<&str> {
    printed.stdout.lines().filter(|line| !line.starts_with("Duration: ")).collect()
}

#[test]
fn apply_computes_baselines_of_new_features_once_and_says_so_beside_its_output() {
    let repo = repo();
    let applied = repo.run(&["apply"]).success();
    assert!(applied.stderr.contains("  → Computing baseline metrics (2 job(s))...\n"), "{}", applied.stderr);
    assert!(applied.stderr.contains("  ✓ Baseline computed (job: "), "{}", applied.stderr);
    assert!(!applied.stdout.contains("aseline"), "{}", applied.stdout);
    assert!(!repo.run(&["apply"]).success().stderr.contains("aseline"));
    let again = repo.run(&["monitor", "run", "--set-baseline"]).success();
    let expected = [
        "Computing baseline from all available source data...",
        "Status: completed",
        "Features computed: 0",
        "Feature views computed: 0",
        "Baseline: SET",
    ];
    assert_eq!(lines(&again), expected);
}

#[test]
fn metrics_are_computed_of_every_granularity_or_of_the_days_that_are_given() {
    let repo = repo();
    repo.run(&["apply"]).success();
    let auto = repo.run(&["monitor", "run"]).success();
    let expected = [
        "Auto-computing batch metrics for all granularities...",
        "Status: completed",
        "Feature views computed: 2",
        "Features computed: 45",
        "Granularities: biweekly, daily, monthly, quarterly, weekly",
    ];
    assert_eq!(lines(&auto), expected);
    let days = ["--start-date", "2026-02-01", "--end-date", "2026-02-07", "-g", "weekly"];
    let given = ["monitor", "run", "-v", "driver_hourly_stats", "-f", "conv_rate", "-f", "home_zone"];
    let printed = repo.run(&[&given[..], &days].concat()).success();
    let expected = [
        "Status: completed",
        "Granularity: weekly",
        "Features computed: 2",
        "Feature views computed: 1",
        "Feature services computed: 1",
        "Metric dates: 2026-02-01",
    ];
    assert_eq!(lines(&printed), expected);
    let mut report = repo.run(&[&given[..], &days, &["--json"]].concat()).json();
    report["batch"].as_object_mut().unwrap().remove("duration_ms");
    let expected = json!({"batch": {
        "status": "completed", "granularity": "weekly", "computed_features": 2, "computed_feature_views": 1,
        "computed_feature_services": 1, "metric_dates": ["2026-02-01"],
    }});
    assert_eq!(report, expected);
}

#[test]
fn what_is_served_has_metrics_under_the_views_it_came_from() {
    let repo = repo();
    let features = "  - name: driver_activity\n";
    let logged = format!("{features}    logging_config: {{file: {{path: data/log}}}}\n");
    repo.edit("features.yaml", features, &logged);
    let file = repo.dir().join("feature_store.yaml");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(file, settings + "feature_server: {feature_logging: {enabled: true}}\n").unwrap();
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "2026-01-01", AS_OF]).success();

    let nothing = repo.run(&["monitor", "run", "--source-type", "log"]).success();
    assert_eq!(
        lines(&nothing)[2..],
        ["Feature services computed: 0", "Features computed: 0", "Granularities: "]
    );
    let server = Server::start(&repo);
    let entities = json!({"driver_id": [1001, 1002, 7], "val_to_add": [1, 2, 3], "val_to_add_2": [4, 5, 6]});
    let body = json!({"feature_service": "driver_activity", "entities": entities});
    assert_eq!(server.post("/get-online-features", &body).unwrap().0, 200);
    assert_eq!(server.terminate(), 0);

    let printed = repo.run(&["monitor", "run", "--source-type", "log", "-s", "driver_activity"]).success();
    assert_eq!(lines(&printed)[2], "Feature services computed: 1");
    let registry =
        Server::start_as(&repo, "serve_registry", &["--rest-api", "--rest-port", "0", "--no-grpc"]);
    let address = registry.address().trim_end_matches("/api/v1").to_owned();
    let get = |path: &str| -> Vec<Value> {
        let path = format!("/api/v1/monitoring/{path}&granularity=daily&data_source_type=log");
        let (status, answer) = request(&address, "GET", &path, "").unwrap();
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    };
    let project = repo.run(&["configuration"]).success().stdout;
    let project = project.lines().find_map(|line| line.strip_prefix("project: ")).unwrap().to_owned();
    let found = get(&format!("metrics/features?project={project}"));
    let one = |view: &str, feature: &str| {
        let is = |row: &&Value| row["feature_view_name"] == view && row["feature_name"] == feature;
        found.iter().find(is).unwrap_or_else(|| panic!("{view}:{feature} in {found:?}")).clone()
    };
    let stored = one("driver_hourly_stats", "conv_rate");
    assert_eq!(
        (&stored["row_count"], &stored["null_count"]),
        (&json!(3), &json!(1)),
        "driver 7 is not there"
    );
    let computed = one("transformed_conv_rate", "conv_rate_plus_val1");
    assert_eq!(computed["row_count"], 3);
    let asked = one("driver_activity", "val_to_add");
    assert_eq!(
        (&asked["mean"], &asked["max_val"]),
        (&json!(2.0), &json!(3.0)),
        "request data is of the service"
    );
    let services = get(&format!("metrics/feature_services?project={project}"));
    assert_eq!(services[0]["feature_service_name"], "driver_activity");
    assert_eq!(services[0]["total_feature_views"], 3);

    // Of a day without answers there is nothing, and of a service without a log nothing either.
    let day = ["--start-date", "2020-01-01", "--end-date", "2020-01-01"];
    let log = ["monitor", "run", "--source-type", "log"];
    let printed = repo.run(&[&log[..], &["-s", "driver_activity"], &day].concat()).success();
    assert_eq!(lines(&printed)[..2], ["Status: completed", "Source: log"]);
    let refused = repo.run(&[&log[..], &day].concat()).failure(1);
    assert!(
        refused.contains("`--feature-service` is required for log source with explicit dates"),
        "{refused}"
    );
}

#[test]
fn mistakes_end_with_one_and_those_of_the_command_line_with_two() {
    let repo = repo();
    let nothing = repo.run(&["monitor", "run"]).success().stderr;
    assert!(nothing.contains("has `larder apply` been run?"), "{nothing}");
    repo.run(&["apply"]).success();
    for (line, code, told) in [
        (&["-v", "nope"][..], 1, "Feature view nope does not exist in project"),
        (&["-v", "driver_hourly_stats", "-f", "nope"], 1, "`driver_hourly_stats` has no feature `nope`"),
        (&["-f", "nope"], 1, "none of the feature views has a feature `nope`"),
        (&["-p", "nope"], 1, "`nope`"),
        (&["--start-date", "2026-02-02", "--end-date", "2026-02-01"], 1, "must not be after end_date"),
        (&["--source-type", "log", "-s", "nope"], 1, "Feature service nope does not exist"),
        (&["--start-date", "02/01/2026"], 2, "write a date as in `2024-01-31`"),
        (&["-g", "hourly"], 2, "daily, weekly, biweekly, monthly, quarterly"),
        (&["--source-type", "stream"], 2, "batch, log, all"),
    ] {
        let said = repo.run(&[&["monitor", "run"][..], line].concat()).failure(code);
        assert!(said.contains(told), "{line:?}: {said}");
    }
    let noted = repo.run(&["monitor", "run", "-s", "driver_activity"]).success().stderr;
    assert!(noted.contains("`--feature-service` has no effect without `--source-type log`"), "{noted}");
}
