//! What a project says of itself. The tests with Feast's client hold it against Feast's own events.

use std::collections::BTreeMap;
use std::time::Duration;

use larder_core::{
    DataSource, DataSourceKind, Entity, ExternalSystem, ExternalTable, FeatureService, FeatureView,
    FeatureViewKind, FeatureViewProjection, Field, FileFormat, FileSource, FixedClock, LabelRules,
    OnDemandFeatureView, Project, SavedDataset, SavedDatasetStorage, SourceColumns, Timestamp, ValueType,
};
use larder_registry::{ObjectKind, Registered, RegistrySnapshot, SnapshotObjects};

use super::*;

fn author(namespace: &str) -> LineageAuthor {
    let clock = FixedClock::new(Timestamp::parse("2026-01-01T12:00:00Z").unwrap());
    LineageAuthor::new("rides", namespace, "me", Arc::new(clock))
}

fn source(name: &str, kind: DataSourceKind) -> DataSource {
    let tags = BTreeMap::new();
    DataSource { name: name.to_owned(), kind, description: String::new(), tags, owner: String::new() }
}

fn table(options: &[(&str, &str)]) -> DataSourceKind {
    DataSourceKind::External(ExternalTable {
        system: ExternalSystem::Spark,
        options: options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        columns: SourceColumns::default(),
    })
}

fn feature(name: &str) -> Field {
    let mut field = Field::new(name, ValueType::INT64);
    field.tags = BTreeMap::from([("unit".to_owned(), "s".to_owned())]);
    field
}

fn registry() -> RegistrySnapshot {
    fn registered<T>(object: T) -> Registered<T> {
        Registered::new(object, Timestamp::EPOCH, Timestamp::EPOCH)
    }
    let file = DataSourceKind::File(FileSource::new("s3://key:hidden@b/x.parquet", "ts"));
    let view = FeatureView {
        entities: vec!["driver".to_owned()],
        features: vec![feature("trips"), feature("hours")],
        ttl: Duration::from_secs(90),
        batch_source: Some("file".to_owned()),
        offline: true,
        ..FeatureView::new("view")
    };
    let label = FeatureView {
        kind: FeatureViewKind::Label(LabelRules::default()),
        features: vec![feature("label")],
        ..FeatureView::new("label")
    };
    let service = FeatureService::new(
        "service",
        vec![
            FeatureViewProjection::new("view", vec!["hours".to_owned()]),
            FeatureViewProjection::new("computed", Vec::new()),
            FeatureViewProjection::new("gone", vec!["x".to_owned()]),
        ],
    );
    let dataset = SavedDataset {
        name: "saved".to_owned(),
        features: vec!["view:trips".to_owned(), "view@v2:hours".to_owned(), "odd".to_owned()],
        join_keys: vec!["driver_id".to_owned()],
        full_feature_names: true,
        storage: SavedDatasetStorage::File {
            path: "s3://key:hidden@b/x.parquet".to_owned(),
            format: FileFormat::Parquet,
            s3_endpoint_override: String::new(),
        },
        feature_service: "service".to_owned(),
        namespace: String::new(),
        collection: String::new(),
        description: String::new(),
        tags: BTreeMap::new(),
        event_timestamp_column: "ts".to_owned(),
        min_event_timestamp: None,
        max_event_timestamp: None,
    };
    let computed =
        OnDemandFeatureView { features: vec![feature("sum")], ..OnDemandFeatureView::new("computed") };
    let entity = Entity {
        name: "driver".to_owned(),
        join_key: "driver_id".to_owned(),
        value_type: Some(ValueType::INT64),
        description: "who drives".to_owned(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    let sources = [
        source("file", file),
        source("path", table(&[("path", "s3://b/y"), ("table", "t"), ("query", "q")])),
        source("table", table(&[("table", "t"), ("query", "q")])),
        source("query", table(&[("query", "SELECT 1")])),
    ];
    let objects = SnapshotObjects {
        entities: vec![registered(entity)],
        data_sources: sources.into_iter().map(registered).collect(),
        feature_views: vec![registered(view), registered(label)],
        on_demand_feature_views: vec![registered(computed)],
        feature_services: vec![registered(service)],
        saved_datasets: vec![registered(dataset)],
        ..SnapshotObjects::default()
    };
    RegistrySnapshot::new("1".to_owned(), Project::new("rides"), Timestamp::EPOCH, objects)
}

fn names(event: &Value, list: &str) -> Vec<String> {
    let datasets = event[list].as_array().unwrap().iter();
    datasets.map(|dataset| dataset["name"].as_str().unwrap().to_owned()).collect()
}

fn facets<'a>(event: &'a Value, list: &str, name: &str) -> &'a Value {
    let mut datasets = event[list].as_array().unwrap().iter();
    &datasets.find(|dataset| dataset["name"] == name).unwrap()["facets"]
}

#[test]
fn an_apply_is_told_by_one_event_for_all_views_and_one_for_each_service() {
    let events = author("org").definitions(&registry()).unwrap();
    let jobs: Vec<_> = events.iter().map(|event| event["job"]["name"].as_str().unwrap()).collect();
    assert_eq!(jobs, ["feast_feature_views_rides", "feature_service_service"]);
    let views = &events[0];
    assert_eq!(names(views, "inputs"), ["file", "path", "table", "query", "driver"]);
    assert_eq!(names(views, "outputs"), ["view", "label", "computed"]);
    assert!(!views.to_string().contains("hidden"), "{views}");
    for (source, uri) in [
        ("file", "s3://b/x.parquet"),
        ("path", "s3://b/y"),
        ("table", "table://t"),
        ("query", "query://e004ebd5b5532a4b"),
    ] {
        assert_eq!(facets(views, "inputs", source)["dataSource"]["uri"], uri, "{source}");
    }
    let view = &facets(views, "outputs", "view")["feast_featureView"];
    assert_eq!((&view["ttl_seconds"], &view["offline_enabled"]), (&json!(90), &json!(true)));
    assert_eq!(facets(views, "outputs", "view")["schema"]["fields"][0]["description"], "[Tags: unit=s]");
    assert_eq!(facets(views, "outputs", "label")["feast_featureView"]["entities"], json!(["__dummy"]));
    let service = &events[1];
    assert_eq!(names(service, "inputs"), ["view", "computed", "gone"]);
    let facet = &facets(service, "outputs", "service")["feast_featureService"];
    assert_eq!((&facet["feature_count"], &facet["logging_enabled"]), (&json!(2), &json!(false)));
    for event in &events {
        assert_eq!((&event["producer"], &event["job"]["namespace"]), (&json!("me"), &json!("org/rides")));
        assert_eq!(event["eventTime"], "2026-01-01T12:00:00+00:00");
        let keys: Vec<_> = event.as_object().unwrap().keys().collect();
        assert!(keys.is_sorted(), "{keys:?}");
    }
    assert_ne!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
}

#[test]
fn an_object_alone_is_told_with_what_it_rests_on() {
    let (author, registry) = (author("feast"), registry());
    let event = |kind, name: &str| author.object(&registry, kind, name).unwrap();
    let view = event(ObjectKind::FeatureView, "view").unwrap();
    assert_eq!((names(&view, "inputs"), names(&view, "outputs")), (vec!["file".into()], vec!["view".into()]));
    assert_eq!(view["job"]["namespace"], "rides");
    let service = event(ObjectKind::FeatureService, "service").unwrap();
    assert_eq!(facets(&service, "outputs", "service")["feast_featureService"]["feature_count"], 2);
    let saved = event(ObjectKind::SavedDataset, "saved").unwrap();
    assert_eq!(names(&saved, "inputs"), ["service", "view", "file"]);
    assert_eq!(facets(&saved, "outputs", "saved")["schema"]["fields"][1]["type"], "UNKNOWN");
    for (kind, name) in [
        (ObjectKind::Entity, "driver"),
        (ObjectKind::DataSource, "file"),
        (ObjectKind::FeatureView, "gone"),
        (ObjectKind::FeatureService, "gone"),
    ] {
        assert_eq!(event(kind, name), None, "{kind:?} {name}");
    }
}

#[test]
fn the_events_of_a_materialization_are_of_one_run() {
    let registry = registry();
    let views = vec!["view".to_owned(), "computed".to_owned(), "gone".to_owned()];
    let end = Timestamp::parse("2026-01-01T00:00:00.5Z").unwrap();
    let run = MaterializationRun::new(author(""), views, (None, end), "sled").unwrap();
    let (started, completed, failed) =
        (run.started(&registry), run.completed(&registry, 7), run.failed("why"));
    let ids = [&started, &completed, &failed].map(|event| event["run"]["runId"].clone());
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(names(&started, "inputs"), ["view", "file", "driver", "computed"]);
    assert_eq!(names(&completed, "inputs"), ["view", "computed"]);
    let sinks = ["online_store_view", "online_store_computed", "online_store_gone"];
    assert_eq!(
        (names(&started, "outputs"), names(&completed, "outputs")),
        (sinks.map(str::to_owned).to_vec(), sinks.map(str::to_owned).to_vec())
    );
    let facet = &completed["run"]["facets"]["feast_materialization"];
    assert_eq!((&facet["rows_written"], &facet["start_date"]), (&json!(7), &Value::Null));
    assert_eq!(facet["end_date"], "2026-01-01T00:00:00.500000+00:00");
    assert_eq!(failed["run"]["facets"]["errorMessage"]["message"], "why");
    assert_eq!(failed["eventType"], "FAIL");
}
