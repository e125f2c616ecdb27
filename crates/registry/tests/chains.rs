//! Chains of on-demand views in the registry file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;

use larder_core::{FixedClock, OnDemandFeatureView, Timestamp};
use larder_registry::{Action, ChainLink, ObjectKind, RegistryDiff, RegistryFile, RegistrySnapshot};
use support::{complete, through_files, write_repo};
use tempfile::TempDir;

const CASE: &str = include_str!("definitions/valid/chains.yaml");

struct Repo {
    folder: TempDir,
    registry: RegistryFile,
}

impl Repo {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp::EPOCH));
        let registry = RegistryFile::open(folder.path().join("data/registry.db"), clock).unwrap();
        Self { folder, registry }
    }

    fn apply(&self, definitions: &str) -> RegistryDiff {
        write_repo(self.folder.path(), definitions.as_bytes());
        self.registry.apply(&complete(self.folder.path()).unwrap()).unwrap()
    }

    fn snapshot(&self) -> Arc<RegistrySnapshot> {
        self.registry.snapshot("demo").unwrap()
    }
}

fn views(snapshot: &RegistrySnapshot) -> Vec<OnDemandFeatureView> {
    snapshot.on_demand_feature_views().iter().map(|view| view.object.as_ref().clone()).collect()
}

fn changed_properties(diff: &RegistryDiff, view: &str) -> Vec<&'static str> {
    let changes = diff.changes.iter().filter(|change| change.name == view);
    let updates = changes.filter(|change| change.kind == ObjectKind::OnDemandFeatureView);
    updates
        .flat_map(|change| match &change.action {
            Action::Update(properties) => properties.iter().map(|property| property.property).collect(),
            _ => vec!["action"],
        })
        .collect()
}

#[test]
fn a_chain_is_read_back_as_it_was_defined_and_applying_it_again_changes_nothing() {
    let repo = Repo::new();
    repo.apply(CASE);
    let mut defined = views(&complete(repo.folder.path()).unwrap().snapshot(Timestamp::EPOCH));
    let mut found = views(&repo.snapshot());
    for views in [&mut defined, &mut found] {
        views.sort_by(|a, b| a.name.cmp(&b.name));
    }
    assert_eq!(found, defined);
    assert!(repo.apply(CASE).is_empty());
}

#[test]
fn a_chain_written_out_as_definitions_is_the_same_chain() {
    let repo = Repo::new();
    // Components are files of their own; here only what is said of sources counts.
    let without: String = CASE
        .lines()
        .filter(|line| !line.contains("transformation:"))
        .map(|line| format!("{line}\n"))
        .collect();
    repo.apply(&without);
    let folder = tempfile::tempdir().unwrap();
    let definitions = through_files(folder.path(), &repo.snapshot());
    assert!(repo.registry.plan(&definitions).unwrap().is_empty());
}

#[test]
fn views_of_a_chain_are_listed_after_those_they_read() {
    let repo = Repo::new();
    repo.apply(CASE);
    let link = |view: &str, sources: &[&str], feeds: &[&str]| ChainLink {
        view: view.to_owned(),
        sources: sources.iter().map(ToString::to_string).collect(),
        feeds: feeds.iter().map(ToString::to_string).collect(),
    };
    let mut chains = repo.snapshot().on_demand_chains();
    assert_eq!(chains[0], link("rates", &["driver_stats"], &["offer", "trust"]));
    assert_eq!(chains[3], link("score", &["trust", "offer"], &[]));
    chains.sort_by(|a, b| a.view.cmp(&b.view));
    assert_eq!(chains[0], link("offer", &["input_schema", "rates"], &["score"]));
}

#[test]
fn a_new_type_of_what_a_view_reads_is_a_change_of_the_view_and_a_new_function_is_not() {
    let without: String = CASE
        .lines()
        .filter(|line| !line.contains("transformation:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let repo = Repo::new();
    repo.apply(&without);
    let typed = without.replace("{name: gap, dtype: Float64}", "{name: gap, dtype: Float32}");
    let diff = repo.apply(&typed);
    assert_eq!(changed_properties(&diff, "rates"), ["features"]);
    assert_eq!(changed_properties(&diff, "trust"), ["sources"]);
    assert!(changed_properties(&diff, "offer").is_empty(), "it takes `product` alone");
    assert!(changed_properties(&diff, "score").is_empty(), "it reads `trust`, which gives what it gave");
    assert_eq!(repo.snapshot().feature_view_versions("trust").len(), 2);
    assert_eq!(repo.snapshot().feature_view_versions("score").len(), 1);

    let repo = Repo::new();
    repo.apply(CASE);
    let rates = "sources: [driver_stats]\n    schema: [{name: product, dtype: Float64}, {name: gap, dtype: Float64}]\n    transformation: ";
    let limited = format!("{rates}{{component: udfs/chain.wasm, limits: {{wall_time: 2s}}}} # ");
    assert!(CASE.contains(rates));
    let diff = repo.apply(&CASE.replace(rates, &limited));
    assert_eq!(changed_properties(&diff, "rates"), ["feature_transformation"]);
    assert!(changed_properties(&diff, "trust").is_empty());
}

#[test]
fn a_damaged_tag_makes_its_view_unusable_and_no_other() {
    let repo = Repo::new();
    repo.apply(CASE);
    let path = repo.folder.path().join("data/registry.db");
    let bytes = std::fs::read(&path).unwrap();
    // The same number of bytes, in the newest copy of the view and in its version.
    let (good, bad) = (
        br#"[{"view":"rates","features":[{"name":"product""#,
        br#"{[{view":"rates","features":[{"name":"product""#,
    );
    assert_eq!(good.len(), bad.len());
    let mut damaged = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some(at) = rest.windows(good.len()).position(|window| window == good) {
        damaged.extend_from_slice(&rest[..at]);
        damaged.extend_from_slice(bad);
        rest = &rest[at + good.len()..];
    }
    damaged.extend_from_slice(rest);
    assert_ne!(damaged, bytes);
    std::fs::write(&path, damaged).unwrap();
    let registry = open(&path);
    let snapshot = registry.snapshot("demo").unwrap();
    let told: Vec<String> = snapshot.unsupported().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["on demand feature view `offer`: its tag `larder.dev/on-demand-sources` cannot be read"]
    );
    let left: Vec<String> = views(&snapshot).into_iter().map(|view| view.name).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

fn open(path: &Path) -> RegistryFile {
    RegistryFile::open(path, Arc::new(FixedClock::new(Timestamp::EPOCH))).unwrap()
}
