//! Objects of every kind that Feast wrote: larder reads all they say, writes them as definitions, and the
//! definitions are the registry again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use larder_core::{
    ComponentDigest, DataSourceKind, ExternalSystem, FeatureViewKind, FeatureViewState, FixedClock,
    MessageFormat, Policy, SavedDatasetStorage, StreamSystem, Timestamp, TransformationLimits,
    TransformationReference,
};
use larder_registry::{ListFilter, ObjectKind, RegistryFile};
use serde_json::Value;

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded").join(name)
}

/// A copy of a recorded registry.
fn open(name: &str) -> (tempfile::TempDir, RegistryFile) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let path = folder.path().join("data/registry.db");
    fs::copy(recorded(name), &path).unwrap();
    let clock = Arc::new(FixedClock::new(Timestamp::from_micros(1_800_000_000_000_000)));
    let registry = RegistryFile::open(path, clock).unwrap();
    (folder, registry)
}

/// The names of the objects of one kind in the JSON that Feast made of the same registry.
fn names_in_json(name: &str, kind: &str) -> Vec<String> {
    let json: Value = serde_json::from_slice(&fs::read(recorded(name)).unwrap()).unwrap();
    let objects = json[kind].as_array().cloned().unwrap_or_default();
    let name = |object: &Value| {
        let spec = object.get("spec").unwrap_or(object);
        spec["name"].as_str().unwrap().to_owned()
    };
    let mut names: Vec<String> = objects.iter().map(name).filter(|name| name != "__dummy").collect();
    names.sort();
    names
}

#[test]
fn every_object_that_feast_lists_is_read() {
    for (name, project) in [
        ("registry", "larder_golden"),
        ("registry_materialized", "larder_golden"),
        ("registry_extras", "extras"),
    ] {
        let (_folder, registry) = open(&format!("{name}.db"));
        let snapshot = registry.snapshot(project).unwrap();
        let sorted = |names: Vec<&String>| {
            let mut names: Vec<String> = names.into_iter().cloned().collect();
            names.sort();
            names
        };
        let json = format!("{name}.json");
        let mut views = names_in_json(&json, "feature_views");
        views.extend(names_in_json(&json, "stream_feature_views"));
        views.sort();
        assert_eq!(sorted(snapshot.feature_views().iter().map(|view| &view.object.name).collect()), views);
        let sources = snapshot.data_sources().iter().map(|source| &source.object.name).collect();
        assert_eq!(sorted(sources), names_in_json(&json, "data_sources"));
        let entities = snapshot.entities().iter().map(|entity| &entity.object.name).collect();
        assert_eq!(sorted(entities), names_in_json(&json, "entities"));
        let computed = snapshot.on_demand_feature_views().iter().map(|view| &view.object.name).collect();
        assert_eq!(sorted(computed), names_in_json(&json, "on_demand_feature_views"));
        let datasets = snapshot.saved_datasets().iter().map(|dataset| &dataset.object.name).collect();
        assert_eq!(sorted(datasets), names_in_json(&json, "saved_datasets"));
        let permissions = snapshot.permissions().iter().map(|permission| &permission.object.name).collect();
        assert_eq!(sorted(permissions), names_in_json(&json, "permissions"));
    }
}

#[test]
fn sources_of_every_kind_say_what_they_said_in_feast() {
    let (_folder, registry) = open("registry_extras.db");
    let snapshot = registry.snapshot("extras").unwrap();
    let kind = |name: &str| snapshot.data_source(name).unwrap().object.kind.clone();
    let external = |name: &str| match kind(name) {
        DataSourceKind::External(table) => table,
        other => panic!("{other:?}"),
    };
    for (name, system, option, value) in [
        ("bq", ExternalSystem::BigQuery, "table", "p:d.t"),
        ("rs", ExternalSystem::Redshift, "database", "d"),
        ("sf", ExternalSystem::Snowflake, "schema", "s"),
        ("pg", ExternalSystem::Postgres, "table", "t"),
        ("pg_query", ExternalSystem::Postgres, "query", "select 1"),
        ("spark", ExternalSystem::Spark, "path", "s3://b/x"),
        ("athena", ExternalSystem::Athena, "data_source", "AwsDataCatalog"),
    ] {
        let table = external(name);
        assert_eq!((table.system, table.option(option)), (system, value), "{name}");
        assert_eq!(table.columns.timestamp_field, "ts", "{name}");
    }
    let DataSourceKind::Stream(kafka) = kind("kafka_json") else { panic!("no stream") };
    assert_eq!(kafka.format, MessageFormat::Json("a int, ts timestamp".to_owned()));
    assert_eq!(kafka.batch_source.as_deref(), Some("file_full"));
    let StreamSystem::Kafka { watermark_delay_threshold, .. } = kafka.system else { panic!("no Kafka") };
    assert_eq!(watermark_delay_threshold, Some(Duration::from_secs(300)));
    let DataSourceKind::Stream(kinesis) = kind("kinesis_proto") else { panic!("no stream") };
    assert_eq!(kinesis.format, MessageFormat::Proto("pkg.Msg".to_owned()));
    let DataSourceKind::File(file) = kind("file_full") else { panic!("no file") };
    assert_eq!(file.s3_endpoint_override, "http://minio:9000");
}

#[test]
fn views_permissions_and_datasets_say_what_they_said_in_feast() {
    let (_folder, registry) = open("registry_extras.db");
    let snapshot = registry.snapshot("extras").unwrap();
    let view = &snapshot.feature_view("stream_view").unwrap().object;
    let FeatureViewKind::Stream(stream) = &view.kind else { panic!("no stream view") };
    assert_eq!(view.features.len(), 1, "join keys are no features");
    assert_eq!((view.stream_source.as_deref(), view.mode.as_str()), (Some("kafka_json"), "python"));
    assert_eq!(stream.udf.as_ref().unwrap().text, "def udf(df): return df\n");
    assert_eq!(stream.aggregations[0].output(), "sum_amount_3600s");
    assert_eq!(stream.aggregations[0].slide_interval, Some(Duration::from_secs(300)));
    let view = snapshot.feature_view("all_types").unwrap();
    assert_eq!(view.version_number, 3);
    assert_eq!(view.object.version.to_string(), "v3");
    let vector = view.object.features.last().unwrap();
    assert_eq!(
        (vector.vector.index, vector.vector.length, vector.vector.metric.as_str()),
        (true, 3, "COSINE")
    );
    let stored = &snapshot.on_demand_feature_view("odfv_stored").unwrap().object;
    assert!(stored.needs_component() && stored.track_metrics && stored.python.singleton);
    assert_eq!(stored.tags.len(), 0);
    let aggregated = &snapshot.on_demand_feature_view("odfv_agg").unwrap().object;
    assert_eq!(aggregated.aggregations[0].function, "sum");
    let origin = &snapshot.feature_service("svc").unwrap().object.features[1];
    assert_eq!((origin.alias.as_deref(), origin.version), (Some("alias"), Some(3)));
    assert_eq!(snapshot.permission("roles").unwrap().object.policy, Policy::Roles(vec!["admin".to_owned()]));
    let dataset = &snapshot.saved_dataset("ds").unwrap().object;
    assert!(matches!(&dataset.storage, SavedDatasetStorage::File { path, .. } if path == "data/x.parquet"));
    assert_eq!(snapshot.feature_view_versions("all_types")[0].number, 3);
    assert_eq!(snapshot.project.owner, "o@example.org");
}

#[test]
fn the_definitions_of_a_registry_change_nothing_of_it() {
    for (name, project) in [
        ("registry.db", "larder_golden"),
        ("registry_materialized.db", "larder_golden"),
        ("registry_extras.db", "extras"),
        ("registry_of_cli_transcript.db", "exp"),
    ] {
        let (folder, registry) = open(name);
        assert_eq!(registry.snapshot(project).unwrap().unsupported(), []);
        let definitions = support::through_files(folder.path(), &registry.snapshot(project).unwrap());
        let diff = registry.plan(&definitions).unwrap();
        assert_eq!(diff.to_string(), "No changes to registry", "{name}: {diff:?}");
        assert!(diff.is_empty(), "{name}: {diff:?}");
        let before = registry.snapshot(project).unwrap();
        registry.apply(&definitions).unwrap();
        let after = registry.snapshot(project).unwrap();
        assert_eq!(
            before.data_sources().iter().map(|source| source.object.as_ref()).collect::<Vec<_>>(),
            after.data_sources().iter().map(|source| source.object.as_ref()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_component_bound_by_hand_outlives_a_change_by_feast() {
    let (folder, registry) = open("registry.db");
    let view = "transformed_conv_rate";
    let reference = TransformationReference {
        component: Some(ComponentDigest([7; 32])),
        function: "f".to_owned(),
        limits: TransformationLimits::default(),
    };
    registry.bind_component("larder_golden", view, &reference).unwrap();
    let bound = |registry: &RegistryFile| {
        let snapshot = registry.snapshot("larder_golden").unwrap();
        let view = snapshot.on_demand_feature_view(view).unwrap();
        (view.object.transformation.clone(), view.object.python.udf.is_some())
    };
    assert_eq!(bound(&registry), (reference.clone(), true), "the Python function stays for Feast");
    // Feast writes the view anew, without larder's tags.
    fs::copy(recorded("registry.db"), registry.path()).unwrap();
    let registry = RegistryFile::open(
        folder.path().join("data/registry.db"),
        Arc::new(FixedClock::new(Timestamp::from_micros(1_800_000_000_000_000))),
    )
    .unwrap();
    assert_eq!(bound(&registry), (reference, true));
    let listing = registry.list("larder_golden", ObjectKind::FeatureView, &ListFilter::default()).unwrap();
    let state = |name: &str| listing.rows.iter().find(|row| row[0] == name).unwrap()[4].clone();
    assert_eq!(state(view), "STATE_UNSPECIFIED");
    assert_eq!(state("fare_estimate"), "NEEDS_COMPONENT");
}

#[test]
fn states_and_switches_are_set_and_nothing_else_changes() {
    let (_folder, registry) = open("registry.db");
    let before = registry.snapshot("larder_golden").unwrap().feature_view("driver_scores").unwrap().clone();
    registry.set_state("larder_golden", "driver_scores", FeatureViewState::Materializing).unwrap();
    registry.set_enabled("larder_golden", "driver_scores", false).unwrap();
    let after = registry.snapshot("larder_golden").unwrap().feature_view("driver_scores").unwrap().clone();
    assert_eq!(after.state, FeatureViewState::Materializing);
    let expected = larder_core::FeatureView { enabled: false, ..before.object.as_ref().clone() };
    assert_eq!(after.object.as_ref(), &expected);
    assert!(registry.set_state("larder_golden", "nope", FeatureViewState::Created).is_err());
}

#[test]
fn lists_are_filtered_by_tags_and_owner() {
    let (_folder, registry) = open("registry.db");
    let names = |filter: ListFilter| -> Vec<String> {
        let listing = registry.list("larder_golden", ObjectKind::FeatureView, &filter).unwrap();
        listing.rows.iter().map(|row| row[0].clone()).collect()
    };
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let team = ListFilter { tags: vec![tag("team", "driver_performance")], owner: None };
    assert_eq!(names(team), ["driver_hourly_stats"]);
    let both = ListFilter { tags: vec![tag("team", "driver_performance"), tag("a", "b")], owner: None };
    assert!(names(both).is_empty());
    let owner = ListFilter { tags: Vec::new(), owner: Some("rides@example.org".to_owned()) };
    assert_eq!(names(owner), ["driver_hourly_stats"]);
}
