//! A version of a view that is not in use is materialized into its own place.

use serde_json::{Value, json};

use crate::larder::{AS_OF, Repo, Server};

/// A repo whose view `customer_profile` is in version 1; version 0 also had `vip`. Nothing is materialized.
fn repo() -> Repo {
    let repo = Repo::sample();
    repo.edit(
        "feature_store.yaml",
        "registry: data/registry.db",
        "registry:\n  path: data/registry.db\n  enable_online_feature_view_versioning: true",
    );
    // So long that a first incremental run finds the sample data, however old they are by now.
    repo.edit("features.yaml", "    ttl: 30d\n", "    ttl: 36500d\n");
    repo.run(&["apply"]).success();
    repo.edit("features.yaml", "      - {name: vip, dtype: Bool}\n", "");
    repo.run(&["apply"]).success();
    repo
}

fn customer(repo: &Repo, feature: &str) -> Value {
    let read = ["get-online-features", "-e", "customer_id=c-001", "-f", feature];
    let (_, name) = feature.split_once(':').unwrap();
    repo.run(&read).json()[name][0].clone()
}

const NAMED: [&str; 4] = ["--views", "customer_profile", "--version", "v0"];

#[test]
fn only_the_named_version_gets_rows_and_its_runs_go_on_where_they_ended() {
    let repo = repo();
    let printed = repo.run(&[&["materialize", "2026-01-01", AS_OF][..], &NAMED].concat()).success();
    assert!(printed.stdout.starts_with("Materializing 1 feature views from"), "{}", printed.stdout);
    assert!(customer(&repo, "customer_profile@v0:vip").is_boolean());
    assert_eq!(customer(&repo, "customer_profile:segment"), Value::Null, "version 1 is in use");
    let again = repo.run(&[&["materialize-incremental", AS_OF][..], &NAMED].concat()).success();
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    // Its record is no other's: the version in use still starts from the beginning.
    repo.run(&["materialize-incremental", AS_OF, "--views", "customer_profile"]).success();
    assert!(customer(&repo, "customer_profile:segment").is_string());
}

#[test]
fn the_version_in_use_may_be_named_too() {
    for version in ["v1", "version1", "latest"] {
        let repo = repo();
        let named = ["--views", "customer_profile", "--version", version];
        repo.run(&[&["materialize", "2026-01-01", AS_OF][..], &named].concat()).success();
        assert!(customer(&repo, "customer_profile:segment").is_string(), "{version}");
        assert_eq!(customer(&repo, "customer_profile@v0:vip"), Value::Null, "{version}");
    }
}

#[test]
fn what_feast_refuses_of_a_version_is_refused_in_its_words() {
    let repo = repo();
    let refused = |arguments: &[&str]| {
        repo.run(&[&["materialize", "2026-01-01", AS_OF][..], arguments].concat()).failure(1)
    };
    let one = "--version requires --views with exactly one feature view.";
    assert!(refused(&["--version", "v0"]).contains(one));
    assert!(
        refused(&["-v", "customer_profile", "-v", "driver_hourly_stats", "--version", "v0"]).contains(one)
    );
    let of_one = |version| refused(&["-v", "customer_profile", "--version", version]);
    assert!(of_one("2").contains("Invalid version string '2'. Expected 'latest', 'vN', or 'versionN'"));
    let absent = of_one("v7");
    assert!(
        absent.contains("Version v7 of feature view customer_profile does not exist in project"),
        "{absent}"
    );
    repo.edit("feature_store.yaml", "versioning: true", "versioning: false");
    assert!(of_one("v0").contains("'enable_online_feature_view_versioning: true' under 'registry'"));
}

#[test]
fn a_server_materializes_a_version_by_every_door() {
    let repo = repo();
    let server = Server::start(&repo);
    let body = |version: &str| json!({"start_ts": "2026-01-01", "end_ts": AS_OF, "feature_views": ["customer_profile"], "version": version});
    let (status, answer) = server.post("/materialize", &body("v7")).unwrap();
    assert!(status == 404 && answer.contains("FeatureViewVersionNotFound"), "{status} {answer}");
    let background = server.post("/materialize?async=true", &body("v7")).unwrap();
    assert_eq!(background.0, 404, "before anything is accepted");
    let (status, answer) =
        server.post("/materialize", &json!({"version": "v0", "disable_event_timestamp": true})).unwrap();
    assert!(status == 400 && answer.contains("exactly one feature view"), "{status} {answer}");
    assert_eq!(server.post("/materialize", &body("v0")).unwrap().0, 200);
    assert!(customer(&repo, "customer_profile@v0:vip").is_boolean());
    assert_eq!(customer(&repo, "customer_profile:segment"), Value::Null);
    let incremental = json!({"end_ts": AS_OF, "feature_views": ["customer_profile"], "version": "v1"});
    assert_eq!(server.post("/materialize-incremental", &incremental).unwrap().0, 200);
    assert!(customer(&repo, "customer_profile:segment").is_string());
    // The command line goes through the server.
    let again = repo.run(&[&["materialize-incremental", AS_OF][..], &NAMED].concat()).success();
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
}

#[test]
fn a_version_of_an_on_demand_view_that_is_kept_online_is_computed_from_its_sources() {
    let repo = repo();
    repo.edit("features.yaml", "      - {name: trip_rate, dtype: Float64}\n", "");
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "2026-01-01", AS_OF, "-v", "driver_hourly_stats"]).success();
    let quality = |feature: &str| {
        let read = ["get-online-features", "-e", "driver_id=1001", "-f", feature];
        let (_, name) = feature.split_once(':').unwrap();
        repo.run(&read).json()[name][0].clone()
    };
    assert_eq!(quality("driver_quality@v0:trip_rate"), Value::Null);
    assert!(quality("driver_quality:driver_tier").is_string(), "version 1 follows its source");
    repo.run(&["materialize", "2026-01-01", AS_OF, "-v", "driver_quality", "--version", "v0"]).success();
    assert!(quality("driver_quality@v0:trip_rate").is_number());
    assert_eq!(quality("driver_quality@v0:driver_tier"), quality("driver_quality:driver_tier"));
}
