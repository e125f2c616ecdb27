//! The verbs on objects of the registry, with Feast's texts.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::larder::{Printed, Repo, Server};

fn applied() -> Repo {
    let repo = Repo::sample();
    repo.run(&["apply"]).success();
    repo
}

fn stdout(repo: &Repo, arguments: &[&str]) -> String {
    repo.run(arguments).success().stdout
}

#[test]
fn every_kind_of_object_has_feasts_headers() {
    let repo = applied();
    for (kind, expected) in [
        ("saved-datasets", "NAME\n"),
        ("validation-references", "NAME\n"),
        ("stream-feature-views", "NAME\n"),
        ("label-views", "NAME    ENTITIES    CONFLICT_POLICY\n"),
        ("permissions", "NAME    TYPES    NAME_PATTERNS    ACTIONS    ROLES    REQUIRED_TAGS\n"),
    ] {
        assert_eq!(stdout(&repo, &[kind, "list"]), expected, "{kind}");
        assert_eq!(stdout(&repo, &[kind, "list", "--tags", "a:b"]), expected, "{kind}");
    }
    for (kind, expected) in [
        ("saved-datasets", "Saved dataset nope does not exist in project repo"),
        ("validation-references", "Validation reference nope does not exist in project repo"),
        ("stream-feature-views", "Feature view nope does not exist in project repo"),
        ("label-views", "Feature view nope does not exist in project repo"),
        ("projects", "Project nope does not exist"),
        ("features", "Feature 'nope' not found in any feature view."),
    ] {
        let error = repo.run(&[kind, "describe", "nope"]).failure(1);
        assert!(error.contains(expected), "{kind}: {error}");
    }
}

#[test]
fn permissions_are_listed_with_a_line_for_every_part() {
    let repo = Repo::sample();
    let permission = "permissions:\n  - name: readers\n    types: [FeatureView, Entity]\n    actions: [describe]\n    \
                      policy: {roles: [b, a]}\n";
    fs::write(repo.dir().join("permissions.yaml"), permission).unwrap();
    repo.run(&["apply"]).success();
    let line = |cells: [&str; 6]| {
        let [name, types, patterns, actions, roles, tags] = cells;
        let line = format!("{name:<7}  {types:<11}  {patterns:<15}  {actions:<9}  {roles:<7}  {tags}");
        format!("{}\n", line.trim_end())
    };
    let lines = [
        line(["NAME", "TYPES", "NAME_PATTERNS", "ACTIONS", "ROLES", "REQUIRED_TAGS"]),
        line(["readers", "FeatureView", "-", "DESCRIBE", "a", "-"]),
        line(["", "Entity", "", "", "b", ""]),
    ];
    assert_eq!(stdout(&repo, &["permissions", "list"]), lines.concat());
}

#[test]
fn lists_are_filtered_by_all_tags_and_by_owner() {
    let repo = Repo::sample();
    let entity =
        |name: &str, tags: &str| format!("  - {{name: {name}, value_type: INT64, tags: {{{tags}}}}}\n");
    let owned = "  - {name: three, value_type: INT64, owner: rides@example.org}\n";
    let entities = format!("entities:\n{}{}{owned}", entity("one", "a: b, c: d"), entity("two", "a: b"));
    fs::write(repo.dir().join("more.yaml"), entities).unwrap();
    repo.run(&["apply"]).success();
    let names = |tags: &[&str]| {
        let table = stdout(&repo, &[&["entities", "list"], tags].concat());
        table.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--tags", "a:b"]), ["one", "two"]);
    assert_eq!(names(&["--tags", "a:b", "--tags", "c:d"]), ["one"]);
    assert_eq!(names(&["--tags", "a:b, c:d"]), ["one"]);
    assert_eq!(names(&["--owner", "rides@example.org"]), ["three"]);
    assert_eq!(names(&["--owner", "rides@example.org", "--tags", "a:b"]), [""; 0]);
    let error = repo.run(&["entities", "list", "--tags", "a"]).failure(1);
    assert!(error.contains("`a` is not `key:value`"), "{error}");
}

#[test]
fn a_feature_is_described_as_each_view_has_it() {
    let repo = applied();
    let printed = stdout(&repo, &["features", "describe", "conv_rate"]);
    assert!(printed.starts_with("[\n    {\n        \"Feature Name\": \"conv_rate\",\n"), "{printed}");
    let features: Value = serde_json::from_str(&printed).unwrap();
    let feature = &features[0];
    assert_eq!(feature["Feature View"], "driver_hourly_stats");
    assert_eq!((&feature["Data Type"], &feature["Online Store"]), (&json!("Float32"), &json!(true)));
    assert_eq!(feature["Source"]["type"], "BATCH_FILE");
    let computed: Value =
        serde_json::from_str(&stdout(&repo, &["features", "describe", "conv_rate_plus_val1"])).unwrap();
    assert_eq!((&computed[0]["Online Store"], &computed[0]["Source"]), (&json!("N/A"), &json!("N/A")));
}

#[test]
fn features_are_listed_as_json_under_their_own_names() {
    let repo = applied();
    let printed = stdout(&repo, &["features", "list", "--output", "json"]);
    assert!(printed.starts_with("[\n    {\n        \"feature_name\": "), "{printed}");
    let features: Value = serde_json::from_str(&printed).unwrap();
    let expected =
        json!({"feature_name": "conv_rate", "feature_view": "driver_hourly_stats", "dtype": "Float32"});
    assert!(features.as_array().unwrap().contains(&expected), "{printed}");
}

#[test]
fn a_view_that_is_off_answers_nothing_until_it_is_on_again() {
    let repo = Repo::materialized();
    let read = ["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"];
    let switch = |verb: &str| stdout(&repo, &["feature-views", verb, "driver_hourly_stats"]);
    assert_eq!(switch("disable"), "Feature view 'driver_hourly_stats' has been disabled.\n");
    assert_eq!(switch("disable"), "Feature view 'driver_hourly_stats' is already disabled.\n");
    repo.run(&read).failure(1);
    let listed = stdout(&repo, &["feature-views", "list"]);
    assert!(
        listed.lines().any(|line| line.starts_with("driver_hourly_stats") && line.contains(" No ")),
        "{listed}"
    );
    assert_eq!(switch("enable"), "Feature view 'driver_hourly_stats' has been enabled.\n");
    assert!(repo.run(&read).json()["conv_rate"][0].is_number());
    let error = repo.run(&["feature-views", "enable", "nope"]).failure(1);
    assert!(error.contains("Feature view nope does not exist in project repo"), "{error}");
}

#[test]
fn the_state_of_a_view_is_set_by_its_name() {
    let repo = applied();
    let set = |state: &str| repo.run(&["feature-views", "set-state", "driver_hourly_stats", state]);
    assert_eq!(set("created").success().stdout, "Feature view 'driver_hourly_stats' state set to CREATED.\n");
    assert_eq!(
        set("CREATED").success().stdout,
        "Feature view 'driver_hourly_stats' is already in state CREATED.\n"
    );
    let error = set("AVAILABLE_ONLINE").failure(1);
    assert!(
        error.contains(
            "Invalid state transition: CREATED -> AVAILABLE_ONLINE. Allowed transitions from CREATED: \
             GENERATED."
        ),
        "{error}"
    );
    set("gone").failure(2);
}

#[test]
fn versions_are_listed_with_feasts_headers() {
    let repo = applied();
    let table = stdout(&repo, &["feature-views", "list-versions", "driver_hourly_stats"]);
    let mut lines = table.lines();
    let headers: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(headers, ["VERSION", "TYPE", "CREATED", "VERSION_ID"]);
    assert!(lines.next().unwrap().starts_with("v0         feature_view  20"), "{table}");
    assert_eq!(
        stdout(&repo, &["feature-views", "list-versions", "nope"]),
        "No version history found for feature view 'nope'.\n"
    );
}

#[test]
fn an_object_is_deleted_only_when_nothing_uses_it() {
    let repo = Repo::materialized();
    assert_eq!(stdout(&repo, &["delete", "nope"]), "Object not found. Deletion skipped.\n");
    let error = repo.run(&["delete", "customer"]).failure(1);
    assert!(
        error.contains("entity `customer` cannot be deleted while feature view `customer_profile` uses it"),
        "{error}"
    );
    assert_eq!(
        stdout(&repo, &["delete", "customer_profile"]),
        "Deleted FeatureView customer_profile from repo.\n"
    );
    assert_eq!(stdout(&repo, &["delete", "customer"]), "Deleted Entity customer from repo.\n");
    repo.run(&["apply"]).success();
    let read = repo.run(&["get-online-features", "-e", "customer_id=c-001", "-f", "customer_profile:vip"]);
    assert_eq!(read.json()["vip"], json!([null]), "its rows went with it");
}

#[test]
fn a_serving_process_sees_a_deletion_at_once() {
    let repo = Repo::materialized();
    let server = Server::start(&repo);
    let request = json!({"features": ["customer_profile:vip"], "entities": {"customer_id": ["c-001"]}});
    assert_eq!(server.post("/get-online-features", &request).unwrap().0, 200);
    stdout(&repo, &["delete", "customer_profile"]);
    assert_ne!(server.post("/get-online-features", &request).unwrap().0, 200);
}

#[test]
fn the_registry_is_dumped_sorted() {
    let repo = applied();
    let printed = stdout(&repo, &["registry-dump"]);
    assert!(printed.starts_with("{\n  \"dataSources\": [\n    {\n"), "{printed}");
    let dump: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(dump["project"], "repo");
    let keys: Vec<&String> = dump.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["dataSources", "entities", "featureServices", "featureViews", "onDemandFeatureViews", "project"]
    );
    let names: Vec<&str> = dump["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["spec"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["customer", "driver"]);
    assert!(dump["entities"][0]["spec"].get("project").is_none());
}

fn answered(repo: &Repo, arguments: &[&str], answer: &str) -> Printed {
    let mut command = repo.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    Printed::from(child.wait_with_output().unwrap())
}

#[test]
fn a_project_is_shown_and_deleted_after_a_yes() {
    let repo = applied();
    let current = stdout(&repo, &["projects", "current_project"]);
    assert!(current.starts_with("spec:\n  name: repo\n") && current.ends_with("\n\n"), "{current}");
    assert_eq!(stdout(&repo, &["projects", "describe", "repo"]), current);
    answered(&repo, &["projects", "delete", "repo"], "n\n").failure(1);
    stdout(&repo, &["projects", "describe", "repo"]);
    let printed = answered(&repo, &["projects", "delete", "repo"], "y\n").success().stdout;
    assert!(printed.starts_with("Are you sure you want to delete project 'repo'? "), "{printed}");
    assert!(printed.ends_with("Project 'repo' deleted successfully.\n"), "{printed}");
    let error = repo.run(&["projects", "delete", "repo", "--yes"]).failure(1);
    assert!(error.contains("Project repo does not exist"), "{error}");
}
