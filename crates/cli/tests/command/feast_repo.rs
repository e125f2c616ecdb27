//! A repo that Feast applied, taken over: definitions for it, and components for its Python.

use std::fs;
use std::path::{Path, PathBuf};

use crate::larder::{Printed, Repo, larder};

const VIEW: &str = "transformed_conv_rate";
const WASM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/driver_features.wasm");

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded").join(name)
}

/// The recorded repo as `feast apply` left it, without any definition that larder reads.
fn applied_by_feast() -> Repo {
    let repo = Repo::empty();
    let data = repo.dir().join("data");
    fs::create_dir_all(&data).unwrap();
    for entry in fs::read_dir(recorded("repo/data")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data.join(entry.file_name())).unwrap();
    }
    fs::copy(recorded("registry.db"), data.join("registry.db")).unwrap();
    let yaml = "project: larder_golden\nprovider: local\nregistry: data/registry.db\nonline_store:\n  type: sled\n  \
                path: data/online_store\nentity_key_serialization_version: 3\n";
    fs::write(repo.dir().join("feature_store.yaml"), yaml).unwrap();
    repo
}

fn computed(repo: &Repo) -> Printed {
    let feature = format!("{VIEW}:conv_rate_plus_val1");
    repo.run(&[
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-e",
        "val_to_add=1",
        "-e",
        "val_to_add_2=2",
        "-f",
        &feature,
    ])
}

#[test]
fn the_definitions_of_a_feast_repo_change_nothing_of_it() {
    let repo = applied_by_feast();
    let dir = repo.dir().display().to_string();
    let feature_store = fs::read(repo.dir().join("feature_store.yaml")).unwrap();
    let printed = larder(&["init", "--from-feast", &dir]).success();
    assert!(
        printed.stdout.starts_with("Wrote definitions of project larder_golden to "),
        "{}",
        printed.stdout
    );
    assert_eq!(fs::read(repo.dir().join("feature_store.yaml")).unwrap(), feature_store);
    assert!(repo.run(&["plan"]).success().stdout.starts_with("No changes to registry\n"));
    assert!(repo.run(&["apply"]).success().stdout.contains("No changes to registry\n"));
    let python = fs::read_to_string(repo.dir().join(format!("python/{VIEW}.py.txt"))).unwrap();
    assert!(python.contains("def transformed_conv_rate(inputs: pd.DataFrame)"), "{python}");
    let yaml = fs::read_to_string(repo.dir().join("definitions.yaml")).unwrap();
    assert!(yaml.contains(&format!("run `larder udf bind {VIEW} FILE`")), "{yaml}");
    let again = larder(&["init", "--from-feast", &dir]).failure(1);
    assert!(again.contains("definitions.yaml` is there already"), "{again}");
}

#[test]
fn a_repo_without_definitions_deletes_nothing() {
    let repo = applied_by_feast();
    let registry = fs::read(repo.dir().join("data/registry.db")).unwrap();
    for verb in ["plan", "apply"] {
        let refused = repo.run(&[verb]).failure(1);
        assert!(
            refused.contains("project `larder_golden` has 13 views, which would all be deleted"),
            "{refused}"
        );
        assert!(refused.contains("`larder init --from-feast` writes what Feast has registered"), "{refused}");
    }
    assert_eq!(fs::read(repo.dir().join("data/registry.db")).unwrap(), registry);
    // A file that defines nothing says so.
    fs::write(repo.dir().join("nothing.yaml"), "# nothing\n").unwrap();
    assert!(repo.run(&["plan"]).success().stdout.contains("Deleted feature view driver_hourly_stats"));
}

#[test]
fn the_definitions_of_a_registry_file_go_to_a_new_repo() {
    let feast = applied_by_feast();
    let registry = feast.dir().join("data/registry.db").display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("taken_over").display().to_string();
    larder(&["init", &dir, "--from-feast", &registry]).success();
    let plan = larder(&["-c", &dir, "plan"]).success();
    assert!(plan.stdout.starts_with("No changes to registry\n"), "{}", plan.stdout);
    let other =
        larder(&["init", &format!("{dir}2"), "--from-feast", &registry, "--project", "nope"]).failure(1);
    assert!(other.contains("there are larder_golden"), "{other}");
}

#[test]
fn a_view_in_python_waits_for_its_component_and_all_else_works() {
    let repo = applied_by_feast();
    repo.run(&["materialize", "2024-01-01T00:00:00", "2024-01-16T00:00:00"]).success();
    let stored =
        repo.run(&["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"]);
    assert!(stored.success().stdout.contains("conv_rate"));
    let waiting = computed(&repo).failure(1);
    assert!(
        waiting.contains(&format!("it needs a component: run `larder udf bind {VIEW} COMPONENT`")),
        "{waiting}"
    );
    let views = repo.run(&["feature-views", "list"]).success().stdout;
    let line = views.lines().find(|line| line.starts_with(VIEW)).unwrap();
    assert!(line.ends_with("NEEDS_COMPONENT"), "{line}");

    let bound = repo.run(&["udf", "bind", VIEW, WASM]).success();
    assert!(
        bound.stdout.starts_with(&format!("Bound on demand feature view {VIEW} to {VIEW} of component "))
    );
    let answer = computed(&repo).json();
    assert!(answer["conv_rate_plus_val1"][0].is_number(), "{answer}");

    // The user's own `feast apply` writes the registry anew, without larder's tags.
    fs::copy(recorded("registry.db"), repo.dir().join("data/registry.db")).unwrap();
    assert_eq!(computed(&repo).json(), answer);
}

#[test]
fn a_component_that_does_not_fit_is_not_bound() {
    let repo = applied_by_feast();
    let error = repo.run(&["udf", "bind", "fare_estimate", WASM]).failure(1);
    assert!(error.contains("the component has no function `fare_estimate`; name one of "), "{error}");
    let error = repo.run(&["udf", "bind", "fare_estimate", WASM, "--function", VIEW]).failure(1);
    assert!(error.contains("fare_estimate"), "{error}");
    let error = repo.run(&["udf", "bind", "nope", WASM]).failure(1);
    assert!(error.contains("On demand feature view nope does not exist in project larder_golden"), "{error}");
}

#[test]
fn a_path_that_says_its_scheme_stays_as_it_is_written() {
    let repo = Repo::sample();
    let uri = format!("file://{}/data/driver_hourly_stats.parquet", repo.dir().display());
    let yaml = format!(
        "data_sources: [{{name: by_scheme, type: file, path: '{uri}', timestamp_field: event_timestamp}}]\n\
         feature_views: [{{name: by_scheme, entities: [driver], source: by_scheme}}]\n"
    );
    fs::write(repo.dir().join("by_scheme.yaml"), yaml).unwrap();
    repo.run(&["apply"]).success();
    let source = repo.run(&["data-sources", "describe", "by_scheme"]).success().stdout;
    assert!(source.contains(&format!("  uri: {uri}\n")), "{source}");
    let features = repo.run(&["features", "list"]).success().stdout;
    assert!(features.contains("home_zone            by_scheme"), "its columns are read: {features}");
}
