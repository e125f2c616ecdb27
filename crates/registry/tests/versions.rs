//! Versions of views: which changes make one, what pinning one means, and what Feast finds in the file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{
    Entity, FeatureService, FeatureView, FeatureViewProjection, Field, FixedClock, MaterializationInterval,
    Project, RequestError, Timestamp, ValueType, ViewVersion,
};
use larder_registry::{ApplyOptions, Definitions, RegistryFile, RegistrySnapshot, VersionedView};

fn open(folder: &Path) -> RegistryFile {
    let clock = Arc::new(FixedClock::new(Timestamp::from_micros(1_700_000_000_000_000)));
    RegistryFile::open(folder.join("registry.db"), clock).unwrap().with_online_versioning(true)
}

/// A project with one view of these features.
fn definitions(features: &[&str], change: impl FnOnce(&mut FeatureView)) -> Definitions {
    let mut view = FeatureView {
        entities: vec!["driver".to_owned()],
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        features: features.iter().map(|name| Field::new(*name, ValueType::FLOAT64)).collect(),
        ..FeatureView::new("stats")
    };
    change(&mut view);
    let driver = Entity {
        name: "driver".to_owned(),
        join_key: "driver_id".to_owned(),
        value_type: Some(ValueType::INT64),
        description: String::new(),
        tags: std::collections::BTreeMap::new(),
        owner: String::new(),
    };
    Definitions {
        entities: vec![driver],
        feature_views: vec![view],
        ..Definitions::new(Project::new("demo"))
    }
}

fn pinned(number: u32) -> impl FnOnce(&mut FeatureView) {
    move |view| view.version = ViewVersion::Pinned(number)
}

fn numbers(snapshot: &RegistrySnapshot) -> Vec<u32> {
    snapshot.feature_view_versions("stats").iter().map(|version| version.number).collect()
}

fn features(view: &FeatureView) -> Vec<&str> {
    view.features.iter().map(|feature| feature.name.as_str()).collect()
}

/// The features of the view in use, and the number of its version.
fn in_use(registry: &RegistryFile) -> (Vec<String>, u32) {
    let snapshot = registry.snapshot("demo").unwrap();
    let view = snapshot.feature_view("stats").unwrap();
    (features(&view.object).into_iter().map(str::to_owned).collect(), view.version_number)
}

#[test]
fn a_new_view_is_version_0_and_a_change_of_its_schema_makes_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    assert_eq!(numbers(&registry.snapshot("demo").unwrap()), [0]);
    registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
    let snapshot = registry.snapshot("demo").unwrap();
    assert_eq!(numbers(&snapshot), [0, 1]);
    assert_eq!(in_use(&registry), (vec!["a".to_owned(), "b".to_owned()], 1));
    let VersionedView::Stored(first) = snapshot.versioned_view("stats", 0).unwrap() else { unreachable!() };
    assert_eq!(features(first), ["a"]);
    let version = &snapshot.feature_view_versions("stats")[1];
    assert_eq!(version.view_type, "feature_view");
    assert_eq!(version.version_id.len(), 36);
}

#[test]
fn an_edit_of_what_is_said_about_a_view_makes_no_version() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
    let edit = |view: &mut FeatureView| {
        view.description = "edited".to_owned();
        view.owner = "me".to_owned();
        view.ttl = Duration::from_secs(60);
        view.online = false;
        view.offline = true;
        view.enable_validation = true;
        view.enabled = false;
        view.tags.insert("t".to_owned(), "u".to_owned());
    };
    let diff = registry.apply(&definitions(&["a", "b"], edit)).unwrap();
    assert!(diff.to_string().contains("\tdescription:  -> edited\n"), "{diff}");
    assert_eq!(numbers(&registry.snapshot("demo").unwrap()), [0, 1]);
    assert_eq!(in_use(&registry).1, 1, "it stays the version it was");
}

#[test]
fn pinning_a_version_goes_back_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
    let diff = registry.apply(&definitions(&["a", "b"], pinned(0))).unwrap();
    assert!(diff.to_string().contains("\tversion: latest -> v0\n"), "{diff}");
    assert_eq!(in_use(&registry), (vec!["a".to_owned()], 0));
    assert!(registry.apply(&definitions(&["a", "b"], pinned(0))).unwrap().is_empty(), "it is there already");
    assert_eq!(in_use(&registry), (vec!["a".to_owned()], 0));
    // The definition of that version is no other one.
    assert_eq!(
        registry.apply(&definitions(&["a"], pinned(0))).unwrap().to_string(),
        "No changes to registry"
    );
    assert_eq!(numbers(&registry.snapshot("demo").unwrap()), [0, 1]);
}

#[test]
fn pinning_a_version_and_changing_the_view_is_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
    let error = registry.apply(&definitions(&["c"], pinned(0))).unwrap_err();
    let conflict = RequestError::FeatureViewPinConflict { view: "stats".to_owned(), version: 0 };
    assert_eq!(error.downcast_ref(), Some(&conflict));
    assert_eq!(in_use(&registry).1, 1, "nothing has changed");
}

#[test]
fn pinning_a_version_that_is_not_there_declares_it() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], pinned(3))).unwrap();
    assert_eq!(numbers(&registry.snapshot("demo").unwrap()), [3]);
    assert_eq!(in_use(&registry).1, 3);
    registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
    assert_eq!(numbers(&registry.snapshot("demo").unwrap()), [3, 4]);
}

#[test]
fn a_version_that_is_not_promoted_is_kept_and_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    let options = ApplyOptions { no_promote: true };
    let diff = registry.apply_with(&definitions(&["a", "b"], |_| {}), options).unwrap();
    assert!(diff.to_string().starts_with("Updated feature view stats\n"), "{diff}");
    assert_eq!(in_use(&registry), (vec!["a".to_owned()], 0));
    assert_eq!(numbers(&registry.snapshot("demo").unwrap()), [0, 1]);
}

#[test]
fn a_service_keeps_the_features_of_the_version_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    let projection = FeatureViewProjection {
        version: Some(0),
        ..FeatureViewProjection::new("stats", vec!["a".to_owned()])
    };
    let with_service = Definitions {
        feature_services: vec![FeatureService::new("model", vec![projection.clone()])],
        ..definitions(&["b"], |_| {})
    };
    registry.apply(&with_service).unwrap();
    let snapshot = registry.snapshot("demo").unwrap();
    assert_eq!(snapshot.feature_service("model").unwrap().object.features, [projection]);
}

#[test]
fn a_view_that_is_gone_leaves_no_versions() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    registry.apply(&Definitions { feature_views: Vec::new(), ..definitions(&["a"], |_| {}) }).unwrap();
    assert!(numbers(&registry.snapshot("demo").unwrap()).is_empty());
}

#[test]
fn versions_above_0_have_online_rows_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
    let snapshot = registry.snapshot("demo").unwrap();
    assert_eq!(snapshot.online_name("stats", None), "stats_v1");
    assert_eq!(snapshot.online_name("stats", Some(0)), "stats");
    assert_eq!(snapshot.online_name("stats", Some(2)), "stats_v2");
    let plain = snapshot.as_ref().clone().with_online_versioning(false);
    assert_eq!(plain.online_name("stats", None), "stats");
}

#[test]
fn a_version_that_is_not_there_is_feasts_error() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    let error = registry.snapshot("demo").unwrap().versioned_view("stats", 7).unwrap_err();
    assert_eq!(error.to_string(), "Version v7 of feature view stats does not exist in project demo");
    assert_eq!(error.feast_class(), Some("FeatureViewVersionNotFound"));
}

fn interval(start: i64, end: i64) -> MaterializationInterval {
    MaterializationInterval { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) }
}

fn recorded(registry: &RegistryFile) -> Vec<MaterializationInterval> {
    let snapshot = registry.snapshot("demo").unwrap();
    snapshot.feature_view("stats").unwrap().materialization_intervals.clone()
}

#[test]
fn a_version_with_rows_of_its_own_keeps_its_own_record_of_materialization() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    registry.apply(&definitions(&["a"], |_| {})).unwrap();
    registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
    registry.record_materialization("demo", "stats", interval(5, 6)).unwrap();
    registry.record_materialization_of_version("demo", "stats", 0, interval(1, 2)).unwrap();
    registry.record_materialization_of_version("demo", "stats", 0, interval(2, 4)).unwrap();
    assert_eq!(recorded(&registry), [interval(5, 6)], "the version in use has its own");
    let snapshot = registry.snapshot("demo").unwrap();
    let version = snapshot.feature_view_version("stats", 0).unwrap();
    assert_eq!(version.materialization_intervals, [interval(1, 2), interval(2, 4)]);
    // Going back to it, its record goes on.
    registry.apply(&definitions(&["a", "b"], pinned(0))).unwrap();
    assert_eq!(recorded(&registry), [interval(1, 2), interval(2, 4)]);
    let error = registry.record_materialization_of_version("demo", "stats", 7, interval(1, 2)).unwrap_err();
    assert_eq!(error.to_string(), "Version v7 of feature view stats does not exist in project demo");
}

#[test]
fn a_new_version_counts_as_not_materialized_only_where_it_has_rows_of_its_own() {
    for (own_rows, expected) in [(true, vec![]), (false, vec![interval(1, 2)])] {
        let folder = tempfile::tempdir().unwrap();
        let registry = open(folder.path()).with_online_versioning(own_rows);
        registry.apply(&definitions(&["a"], |_| {})).unwrap();
        registry.record_materialization("demo", "stats", interval(1, 2)).unwrap();
        registry.apply(&definitions(&["a", "b"], |_| {})).unwrap();
        assert_eq!(recorded(&registry), expected, "rows of its own: {own_rows}");
    }
}
