//! What the command prints beside what Feast's printed on the same repo, and how it registers a component beside
//! the ways that were tried with Feast's client.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::larder::Repo;

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded").join(name)
}

/// The lines that Feast printed, without colours, and without what Python warned of.
fn lines_of_feast(name: &str) -> Vec<String> {
    let text = fs::read_to_string(recorded(name)).unwrap();
    let text =
        ["\u{1b}[1m", "\u{1b}[32m", "\u{1b}[0m"].iter().fold(text, |text, code| text.replace(code, ""));
    let said = |line: &&str| !line.is_empty() && !line.contains("warn") && !line.contains("Warning");
    text.lines().filter(said).map(str::to_owned).collect()
}

/// The repo of the recorded conversations, on SQLite as Feast had it.
fn repo() -> Repo {
    let repo = Repo::empty();
    copy(&recorded("transcripts/repo"), &repo.dir());
    fs::create_dir(repo.dir().join("udfs")).unwrap();
    fs::write(repo.dir().join("udfs/feast_golden.wasm"), larder_testkit::guests::feast_golden()).unwrap();
    repo.edit(
        "feature_store.yaml",
        "type: sled\n  path: data/online_store",
        "type: sqlite\n  path: data/online.db",
    );
    repo
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn apply_plan_and_materialize_print_what_feasts_command_prints() {
    let repo = repo();
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    // Feast guesses the project, and larder takes it from the settings.
    let of_feast = |name: &str| -> BTreeSet<String> {
        lines_of_feast(name).into_iter().filter(|line| !line.starts_with("No project found")).collect()
    };
    let applied = lines(&repo.run(&["apply"]).success().stdout);
    assert_eq!(applied.iter().cloned().collect::<BTreeSet<_>>(), of_feast("commands/apply.txt"));
    assert_eq!(applied.len(), of_feast("commands/apply.txt").len(), "no line comes twice: {applied:?}");
    let planned = lines(&repo.run(&["plan"]).success().stdout);
    assert_eq!(planned.into_iter().collect::<BTreeSet<_>>(), of_feast("commands/plan_again.txt"));
    let span = ["2024-12-01T00:00:00", "2025-01-10T00:00:00"];
    let materialized = lines(&repo.run(&[&["materialize"], &span[..]].concat()).success().stdout);
    let feast = lines_of_feast("commands/materialize.txt");
    assert_eq!(materialized[0], feast[0]);
    let views = |lines: &[String]| -> BTreeSet<String> {
        lines[1..].iter().filter(|line| line.ends_with(':')).cloned().collect()
    };
    assert_eq!(views(&materialized), views(&feast));
    assert_eq!(views(&feast).len(), 4);
}

#[test]
fn a_component_is_registered_in_the_one_way_that_feasts_client_bears_and_keeps() {
    let tried: Value =
        serde_json::from_slice(&fs::read(recorded("wasm_carrier_experiment.json")).unwrap()).unwrap();
    let tried = tried.as_object().unwrap();
    let fails = |way: &Value| way["client"]["list_odfvs"].is_string();
    let rewritten = |way: &Value, sign: &str| way["registry_after_schema_change"][sign] == true;
    // Larder's way: mode `python`, a text that Python can run, its name, and the component in a tag.
    let repo = repo();
    repo.run(&["apply"]).success();
    let view = repo.run(&["on-demand-feature-views", "describe", "od_pandas", "--json"]).json();
    let spec = &view["spec"];
    let function = &spec["featureTransformation"]["userDefinedFunction"];
    let (name, text) = (function["name"].as_str().unwrap(), function["bodyText"].as_str().unwrap());
    assert!(text.contains(&format!("def {name}(")), "{text}");
    assert!(spec["tags"]["larder.dev/wasm-component"].is_string(), "{spec}");
    let ours = |way: &Value, property: &str| {
        let mode = if property == "spec.mode" { &spec["mode"] } else { &function["mode"] };
        way["registry_before"][property] == *mode
    };
    let alike: Vec<&Value> = tried
        .values()
        .filter(|way| {
            ours(way, "spec.mode") && ours(way, "udf.mode") && way["registry_before"]["tag"] == true
        })
        .collect();
    assert_eq!(alike.len(), 2);
    for way in alike {
        assert!(!fails(way) && rewritten(way, "tag"), "{way}");
    }
    // The other ways: those that break the client, and what it does not keep.
    let broken: Vec<&str> =
        tried.iter().filter(|(_, way)| fails(way)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(broken, ["spec_mode_wasm", "spec_mode_wasm_no_source", "empty_source_stub_dill"]);
    assert!(!rewritten(&tried["unknown_fields"], "unknown_field_1000"));
    let renamed = &tried["udf_name_is_reference"];
    assert_ne!(
        renamed["registry_after_schema_change"]["udf.name"], renamed["registry_before"]["udf.name"],
        "a name is not kept"
    );
}
