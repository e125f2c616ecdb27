//! Files of definitions as documents: `valid/*.yaml` with what becomes of them, `invalid/*.yaml` with
//! what is said about them. `LARDER_BLESS=1 cargo test -p larder-registry` writes the answers anew.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::{FixedClock, Timestamp};
use larder_registry::{ListFilter, ObjectKind, RegistryFile, definitions_json_schema, test_file_json_schema};
use proptest::prelude::*;
use support::{check_golden, complete, write_repo};

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions").join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    cases.sort();
    cases
}

fn fail_on(failures: &[String]) {
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_invalid_file_is_refused_with_all_its_problems() {
    let cases = cases("invalid");
    assert!(cases.len() >= 25, "only {} cases", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        write_repo(folder.path(), &std::fs::read(&case).unwrap());
        let told = match complete(folder.path()) {
            Ok(_) => format!("{} is accepted", case.display()),
            Err(problems) => format!("{problems}\n"),
        };
        failures.extend(check_golden(&case.with_extension("err"), &told).err());
    }
    fail_on(&failures);
}

#[test]
fn every_valid_file_becomes_a_registry() {
    let mut failures = Vec::new();
    for case in cases("valid") {
        let folder = tempfile::tempdir().unwrap();
        write_repo(folder.path(), &std::fs::read(&case).unwrap());
        let text = match complete(folder.path()) {
            Err(problems) => format!("{} is refused:\n{problems}\n", case.display()),
            Ok(definitions) => registry_text(folder.path(), &definitions),
        };
        failures.extend(check_golden(&case.with_extension("out"), &text).err());
    }
    fail_on(&failures);
}

/// The texts of apply, list and describe.
fn registry_text(folder: &Path, definitions: &larder_registry::Definitions) -> String {
    let clock = Arc::new(FixedClock::new(Timestamp::parse("2024-01-31T12:00:00.123456Z").unwrap()));
    let registry = RegistryFile::open(folder.join("data/registry.db"), clock).unwrap();
    let diff = registry.apply(definitions).unwrap();
    let mut text = String::new();
    for warning in &definitions.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push_str(&format!("{diff}\n{}\n", diff.infrastructure("sled")));
    for kind in [
        ObjectKind::Project,
        ObjectKind::DataSource,
        ObjectKind::Entity,
        ObjectKind::FeatureView,
        ObjectKind::OnDemandFeatureView,
        ObjectKind::FeatureService,
    ] {
        let listing = registry.list("demo", kind, &ListFilter::default()).unwrap();
        text.push_str(&format!("# {}\n{}\n", kind.noun(), listing.headers.join(" | ")));
        for row in &listing.rows {
            text.push_str(&format!("{}\n", row.join(" | ")));
        }
        for row in &listing.rows {
            if let Some(description) = registry.describe("demo", kind, &row[0]).unwrap() {
                text.push_str(&format!("\n{description}"));
            }
        }
        text.push('\n');
    }
    let features = registry.list_features("demo").unwrap();
    text.push_str(&format!("# features\n{}\n", features.headers.join(" | ")));
    for row in &features.rows {
        text.push_str(&format!("{}\n", row.join(" | ")));
    }
    text
}

#[test]
fn the_json_schemas_are_the_published_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    for (file, schema) in [
        ("definitions.schema.json", definitions_json_schema()),
        ("test_file.schema.json", test_file_json_schema()),
    ] {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        check_golden(&folder.join(file), &text).unwrap();
    }
}

#[test]
fn a_file_that_is_no_text_is_located() {
    let folder = tempfile::tempdir().unwrap();
    write_repo(folder.path(), b"entities:\n  - name: caf\xe9\n");
    let problems = complete(folder.path()).unwrap_err().to_string();
    assert_eq!(problems, "features.yaml: line 2 is not UTF-8 text; save the file as UTF-8");
}

#[test]
fn a_huge_file_is_refused_without_reading_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    write_repo(folder.path(), &vec![b'#'; (4 << 20) + 1]);
    let problems = complete(folder.path()).unwrap_err().to_string();
    assert!(problems.starts_with("features.yaml: the file is larger than 4 MiB"), "{problems}");
}

#[test]
fn all_files_of_the_repo_count_but_those_that_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    write_repo(folder.path(), b"entities: [{name: driver, value_type: Int64}]\n");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("team/customers.yml", "entities: [{name: customer, value_type: String}]\n");
    write("compose.yaml", "services: {}\n");
    write("ci/build.yaml", "jobs: {}\n");
    write(".github/x.yaml", "jobs: {}\n");
    write("data/x.yaml", "jobs: {}\n");
    write(".feastignore", "compose.yaml\nci\n");
    let definitions = complete(folder.path()).unwrap();
    let names: Vec<_> = definitions.entities.iter().map(|entity| entity.name.as_str()).collect();
    assert_eq!(names, ["driver", "customer"]);
}

#[test]
fn problems_of_all_files_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    write_repo(folder.path(), b"entities: [{nam: driver}]\n");
    std::fs::write(folder.path().join("more.yaml"), "entities: [{name: driver, colour: red}]\n").unwrap();
    let problems = complete(folder.path()).unwrap_err();
    let places: Vec<_> = problems.iter().map(|p| (p.file.display().to_string(), p.line, p.column)).collect();
    let features = |column| ("features.yaml".to_owned(), 1, column);
    assert_eq!(places, [features(13), features(13), ("more.yaml".to_owned(), 1, 27)]);
}

/// A valid file to be damaged.
const SAMPLE: &str = include_str!("definitions/valid/driver.yaml");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_definitions_or_problems(text in "[ -~\\n\\t\u{e9}\u{2028}]{0,200}") {
        let folder = tempfile::tempdir().unwrap();
        write_repo(folder.path(), text.as_bytes());
        if let Err(problems) = complete(folder.path()) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    #[test]
    fn any_damage_is_definitions_or_problems(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "[a-z:{}\\[\\]&*!|>'\"%@`#,? \\n-]{0,4}"), 1..6),
    ) {
        let mut chars: Vec<char> = SAMPLE.chars().collect();
        for (at, length, put) in cuts {
            let start = at.index(chars.len());
            let end = (start + length).min(chars.len());
            chars.splice(start..end, put.chars());
        }
        let text: String = chars.into_iter().collect();
        let folder = tempfile::tempdir().unwrap();
        write_repo(folder.path(), text.as_bytes());
        if let Err(problems) = complete(folder.path()) {
            for problem in problems.iter() {
                prop_assert!(!problem.what.is_empty());
            }
        }
    }

    #[test]
    fn any_damaged_configuration_is_read_or_refused(text in "(project|registry|online_store|http|: |\\n|  |- |\\{|\\}|\\$A|\\$\\{B|[a-z]|'){0,40}") {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("feature_store.yaml");
        std::fs::write(&file, &text).unwrap();
        let variable = |name: &str| (name == "A").then(|| "{a:\n b".to_owned());
        if let Err(problems) = larder_registry::RepoConfig::load_with(folder.path(), &file, &variable) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }
}
