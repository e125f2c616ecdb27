//! What permissions leave open and what roles may do, as Feast's command says it of the same registry.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::larder::Repo;

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded/permissions").join(name)
}

/// What Feast printed, without its colours.
fn printed_by_feast(name: &str) -> String {
    let text = fs::read_to_string(recorded(name)).unwrap();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain + rest
}

/// A repo with a registry that Feast wrote.
fn applied_by_feast(registry: &str) -> Repo {
    let repo = Repo::empty();
    fs::create_dir_all(repo.dir().join("data")).unwrap();
    fs::copy(recorded(registry), repo.dir().join("data/registry.db")).unwrap();
    let yaml =
        "project: perm\nregistry: data/registry.db\nonline_store: {type: sqlite, path: data/online.db}\n";
    fs::write(repo.dir().join("feature_store.yaml"), yaml).unwrap();
    repo
}

#[test]
fn permissions_are_told_as_feast_tells_them() {
    let repo = applied_by_feast("registry.db");
    for (verb, file) in [
        (&["list"][..], "list.txt"),
        (&["check"], "check.txt"),
        (&["list-roles"], "list_roles.txt"),
        (&["list-roles", "-v"], "list_roles_verbose.txt"),
    ] {
        let printed = repo.run(&[&["permissions"], verb].concat()).success();
        assert_eq!(printed.stdout, printed_by_feast(file), "{verb:?}");
    }
}

#[test]
fn the_objects_that_permissions_are_about_stand_under_them_as_feasts_do() {
    let repo = applied_by_feast("registry_verbose.db");
    for (flags, file) in
        [(&["-v"][..], "list_verbose.txt"), (&["--verbose", "--tags", "team:a"], "list_verbose_tags.txt")]
    {
        let printed = repo.run(&[&["permissions", "list"], flags].concat()).success();
        assert_eq!(printed.stdout, printed_by_feast(file), "{flags:?}");
    }
    let listed = repo.run(&["permissions", "list", "-v", "--tags", "team:a", "--json"]).json();
    assert_eq!(
        listed[2],
        json!({"name": "people_of_a", "roles": [], "objects": {
            "SavedDataset": ["trips_of_may"], "Entity": ["rider"], "ValidationReference": [],
        }})
    );
    let empty = Repo::sample();
    empty.run(&["apply"]).success();
    let printed = empty.run(&["permissions", "list", "-v"]).success().stdout;
    assert!(printed.ends_with("Permissions:\n\npermissions\n"), "{printed}");
}

#[test]
fn permissions_are_told_to_machines() {
    let repo = applied_by_feast("registry.db");
    let check = repo.run(&["permissions", "check", "--json"]).json();
    let first = json!({"name": "other_stats", "type": "FeatureView"});
    assert_eq!(check["resources"][0], first);
    let open = &check["actions"][0];
    assert_eq!(open["name"], "driver_stats");
    assert_eq!(
        open["unsecured_actions"],
        json!(["CREATE", "DESCRIBE", "UPDATE", "WRITE_ONLINE", "WRITE_OFFLINE"])
    );
    let roles = repo.run(&["permissions", "list-roles", "-v", "--json"]).json();
    let of = |role: &str, resource: &str| {
        let rows = roles.as_array().unwrap();
        let row = rows.iter().find(|row| row["role_name"] == role && row["resource_name"] == resource);
        row.unwrap()["permitted_actions"].clone()
    };
    assert_eq!(of("reader", "driver_stats"), json!(["READ_ONLINE", "READ_OFFLINE"]));
    assert_eq!(of("reader", "other_stats"), json!([]));
}

#[test]
fn a_permission_says_nothing_of_objects_without_its_required_tags() {
    let repo = Repo::sample();
    let permission = "permissions:\n  - name: tagged\n    types: [Entity]\n    required_tags: {team: a}\n";
    fs::write(repo.dir().join("permissions.yaml"), permission).unwrap();
    repo.run(&["apply"]).success();
    let open = |repo: &Repo| repo.run(&["permissions", "check"]).success().stdout;
    let driver =
        |text: &str| text.lines().any(|line| line.starts_with("driver ") && line.ends_with("Entity"));
    assert!(driver(&open(&repo)), "{}", open(&repo));
    repo.edit("permissions.yaml", "team: a", "");
    repo.run(&["apply"]).success();
    assert!(!driver(&open(&repo)), "{}", open(&repo));
}

#[test]
fn a_pattern_that_is_no_expression_is_refused_with_its_place() {
    let repo = Repo::sample();
    let permission = "permissions:\n  - name: broken\n    name_patterns: ['driver_(']\n";
    fs::write(repo.dir().join("permissions.yaml"), permission).unwrap();
    let error = repo.run(&["plan"]).failure(1);
    assert!(error.contains("permissions.yaml:3"), "{error}");
    assert!(error.contains("the pattern `driver_(` is no regular expression"), "{error}");
    assert!(error.contains("unclosed group"), "{error}");
}
