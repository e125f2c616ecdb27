//! The registry file: what is applied is read back, writers exclude each other, a crash breaks nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use larder_core::{
    Aggregation, BatchTransformation, ComponentDigest, ConflictPolicy, DataSource, DataSourceKind, Entity,
    ErrorKind, Expectations, ExternalSystem, ExternalTable, FeatureService, FeatureView, FeatureViewKind,
    FeatureViewProjection, Field, FileFormat, FileSource, FixedClock, LabelRules, LoggingConfig,
    LoggingDestination, MaterializationInterval, MessageFormat, OnDemandFeatureView, OnDemandSource,
    Permission, PermissionType, PermittedAction, Policy, Project, PushSource, PythonFunction,
    PythonTransformation, RequestSource, SampleRate, SavedDataset, SavedDatasetStorage, SourceColumns,
    StreamSource, StreamSystem, StreamTransformation, SystemClock, Timestamp, Tolerances,
    TransformationLimits, TransformationReference, ValidationReference, ValueType, VectorSearch,
    dummy_join_key,
};
use larder_registry::{
    Action, Definitions, ObjectKind, RegistryDiff, RegistryError, RegistryFile, RegistrySnapshot,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const NOON: i64 = 1_706_702_400_000_000;

fn open(path: &Path) -> (RegistryFile, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new(Timestamp::from_micros(NOON)));
    (RegistryFile::open(path, Arc::clone(&clock) as _).unwrap(), clock)
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn entity(name: &str) -> Entity {
    Entity {
        name: name.to_owned(),
        join_key: format!("{name}_id"),
        value_type: Some(ValueType::INT64),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    }
}

fn source(name: &str, kind: DataSourceKind) -> DataSource {
    let description = format!("where {name} comes from");
    DataSource { name: name.to_owned(), kind, description, tags: BTreeMap::new(), owner: String::new() }
}

fn table(path: &str) -> DataSourceKind {
    DataSourceKind::File(FileSource {
        created_timestamp_column: Some("created".to_owned()),
        field_mapping: labels(&[("scr", "score")]),
        ..FileSource::new(path, "event_timestamp")
    })
}

fn view(name: &str) -> FeatureView {
    FeatureView {
        entities: vec!["driver".to_owned()],
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        features: vec![Field::new("conv_rate", ValueType::FLOAT32), Field::new("score", ValueType::FLOAT64)],
        ttl: Duration::from_secs(86_400),
        batch_source: Some("stats".to_owned()),
        stream_source: Some("pushed".to_owned()),
        description: "hourly".to_owned(),
        tags: labels(&[("team", "rides")]),
        owner: "rides@example.org".to_owned(),
        ..FeatureView::new(name)
    }
}

/// A project with one object of each kind.
fn definitions(project: &str) -> Definitions {
    let component: Arc<[u8]> = Arc::from(*b"a component");
    let digest = ComponentDigest(Sha256::digest(&component).into());
    let projection = |alias: Option<&str>, features: &[&str]| FeatureViewProjection {
        alias: alias.map(str::to_owned),
        join_key_map: alias.map(|alias| labels(&[("driver_id", alias)])).unwrap_or_default(),
        ..FeatureViewProjection::new("driver_stats", features.iter().map(|name| (*name).to_owned()).collect())
    };
    let on_demand = OnDemandFeatureView {
        sources: vec![
            OnDemandSource::RequestSource("vals".to_owned()),
            OnDemandSource::FeatureView(projection(None, &["conv_rate"])),
        ],
        features: vec![Field::new("plus", ValueType::FLOAT64)],
        transformation: TransformationReference {
            component: Some(digest),
            function: "plus".to_owned(),
            limits: TransformationLimits {
                wall_time: Duration::from_millis(250),
                table_elements: 500,
                stack_bytes: 256 << 10,
                message_bytes: 1_000,
                fuel: Some(1_000_000),
                ..TransformationLimits::default()
            },
        },
        tags: labels(&[("mine", "yes")]),
        ..OnDemandFeatureView::new("transformed")
    };
    Definitions {
        entities: vec![entity("driver")],
        data_sources: vec![
            source("pushed", DataSourceKind::Push(PushSource { batch_source: Some("stats".to_owned()) })),
            source("stats", table("data/stats.parquet")),
            source(
                "vals",
                DataSourceKind::Request(RequestSource { schema: vec![Field::new("val", ValueType::INT64)] }),
            ),
        ],
        feature_views: vec![view("driver_stats")],
        on_demand_feature_views: vec![on_demand],
        feature_services: vec![FeatureService {
            description: "the model".to_owned(),
            ..FeatureService::new(
                "model",
                vec![projection(None, &["score", "conv_rate"]), projection(Some("origin"), &["score"])],
            )
        }],
        components: BTreeMap::from([(digest, component)]),
        ..Definitions::new(Project { tags: labels(&[("a", "b")]), ..Project::new(project) })
    }
}

/// What a snapshot holds, to be compared with definitions.
fn objects(snapshot: &RegistrySnapshot) -> Definitions {
    fn all<T: Clone>(registered: &[larder_registry::Registered<T>]) -> Vec<T> {
        registered.iter().map(|registered| registered.object.as_ref().clone()).collect()
    }
    Definitions {
        entities: all(snapshot.entities()),
        data_sources: all(snapshot.data_sources()),
        feature_views: all(snapshot.feature_views()),
        on_demand_feature_views: all(snapshot.on_demand_feature_views()),
        feature_services: all(snapshot.feature_services()),
        saved_datasets: all(snapshot.saved_datasets()),
        validation_references: all(snapshot.validation_references()),
        permissions: all(snapshot.permissions()),
        ..Definitions::new(snapshot.project.clone())
    }
}

fn without_components(definitions: &Definitions) -> Definitions {
    Definitions { components: BTreeMap::new(), ..definitions.clone() }
}

fn interval(start: i64, end: i64) -> MaterializationInterval {
    MaterializationInterval { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) }
}

#[test]
fn what_is_applied_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder.path().join("data/registry.db"));
    let definitions = definitions("demo");
    let diff = registry.apply(&definitions).unwrap();
    assert_eq!(
        diff.to_string(),
        "Created project demo\nCreated entity driver\nCreated feature view driver_stats\n\
         Created on demand feature view transformed\nCreated feature service model\n"
    );
    assert_eq!(diff.infrastructure("sled"), "Created sled table demo_driver_stats\n");
    let snapshot = registry.snapshot("demo").unwrap();
    assert_eq!(objects(&snapshot), without_components(&definitions));
    assert_eq!(snapshot.unsupported(), []);
    assert_eq!(snapshot.created, Timestamp::from_micros(NOON));
    let (digest, bytes) = definitions.components.first_key_value().unwrap();
    assert_eq!(&registry.load_component(*digest).unwrap(), bytes);
}

#[test]
fn applying_again_changes_nothing_not_even_the_files_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, clock) = open(&folder.path().join("registry.db"));
    registry.apply(&definitions("demo")).unwrap();
    let bytes = fs::read(registry.path()).unwrap();
    let snapshot = registry.snapshot("demo").unwrap();
    clock.set(Timestamp::from_micros(NOON + 1));
    assert!(registry.plan(&definitions("demo")).unwrap().is_empty());
    let diff = registry.apply(&definitions("demo")).unwrap();
    assert_eq!(diff.to_string(), "No changes to registry");
    assert_eq!(diff.infrastructure("sled"), "No changes to infrastructure");
    assert_eq!(fs::read(registry.path()).unwrap(), bytes);
    assert!(
        Arc::ptr_eq(&snapshot, &registry.snapshot("demo").unwrap()),
        "an unchanged file is not read again"
    );
}

#[test]
fn a_plan_is_what_apply_does_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder.path().join("registry.db"));
    let planned = registry.plan(&definitions("demo")).unwrap();
    assert!(!registry.path().exists());
    assert_eq!(registry.apply(&definitions("demo")).unwrap(), planned);
}

#[test]
fn a_removed_definition_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder.path().join("registry.db"));
    registry.apply(&definitions("demo")).unwrap();
    let fewer = Definitions {
        feature_services: Vec::new(),
        on_demand_feature_views: Vec::new(),
        feature_views: Vec::new(),
        ..definitions("demo")
    };
    let diff = registry.apply(&fewer).unwrap();
    assert_eq!(
        diff.to_string(),
        "Deleted feature view driver_stats\nDeleted on demand feature view transformed\nDeleted feature service model\n"
    );
    assert_eq!(diff.infrastructure("sled"), "Deleted sled table demo_driver_stats\n");
    assert_eq!(objects(&registry.snapshot("demo").unwrap()), without_components(&fewer));
}

#[test]
fn a_change_is_told_property_by_property() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder.path().join("registry.db"));
    registry.apply(&definitions("demo")).unwrap();
    let mut changed = definitions("demo");
    changed.project.description = "more".to_owned();
    changed.entities[0].owner = "me".to_owned();
    changed.data_sources[1] = source("stats", table("data/stats2.parquet"));
    let view = &mut changed.feature_views[0];
    view.ttl = Duration::from_secs(2 * 86_400);
    view.online = false;
    view.tags.clear();
    view.features.push(Field::new("trips", ValueType::INT64));
    changed.on_demand_feature_views[0].transformation.function = "minus".to_owned();
    changed.feature_services[0].features.pop();
    let text = registry.apply(&changed).unwrap().to_string();
    let digest = changed.components.first_key_value().unwrap().0.to_string();
    let digest = &digest[..16];
    let limits = "(wall_time: 250ms, memory: 67108864, output: 33554432, \
                  table_elements: 500, stack: 262144, message: 1000, fuel: 1000000)";
    assert_eq!(
        text,
        format!(
            "Updated project demo\n\tdescription:  -> more\nUpdated entity driver\n\towner:  -> me\n\
             Updated feature view driver_stats\n\
             \tfeatures: [conv_rate: Float32, score: Float64] -> [conv_rate: Float32, score: Float64, trips: Int64]\n\
             \ttags: {{team: rides}} -> {{}}\n\tttl: 1d -> 2d\n\
             \tbatch_source: stats(path: data/stats.parquet) -> stats(path: data/stats2.parquet)\n\
             \tonline: True -> False\n\
             Updated on demand feature view transformed\n\
             \tfeature_transformation: plus@{digest} {limits} -> minus@{digest} {limits}\n\
             Updated feature service model\n\
             \tfeatures: [driver_stats[score: Float64, conv_rate: Float32], driver_stats[score: Float64] as origin with {{driver_id: origin}}] \
             -> [driver_stats[score: Float64, conv_rate: Float32]]\n"
        )
    );
    assert_eq!(objects(&registry.snapshot("demo").unwrap()), without_components(&changed));
}

#[test]
fn an_update_keeps_what_is_recorded_of_the_view() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, clock) = open(&folder.path().join("registry.db"));
    registry.apply(&definitions("demo")).unwrap();
    registry.record_materialization("demo", "driver_stats", interval(1, 2)).unwrap();
    registry.record_materialization("demo", "driver_stats", interval(0, 9)).unwrap();
    clock.set(Timestamp::from_micros(NOON + 5));
    let mut changed = definitions("demo");
    changed.feature_views[0].ttl = Duration::ZERO;
    changed.feature_views[0].features.push(Field::new("trips", ValueType::INT64));
    changed.data_sources[1].description = "said differently".to_owned();
    assert_eq!(registry.apply(&changed).unwrap().reset_views, [""; 0]);
    let snapshot = registry.snapshot("demo").unwrap();
    let view = snapshot.feature_view("driver_stats").unwrap();
    assert_eq!(view.created, Timestamp::from_micros(NOON));
    assert_eq!(view.last_updated, Timestamp::from_micros(NOON + 5));
    assert_eq!(view.materialization_intervals, [interval(1, 2), interval(0, 9)]);
}

#[test]
fn another_source_key_or_type_starts_the_record_anew() {
    type Change = fn(&mut Definitions);
    let changes: [(&str, Change); 4] = [
        ("source", |d| d.data_sources[1] = source("stats", table("data/other.parquet"))),
        ("source name", |d| {
            d.data_sources.push(source("other", table("data/stats.parquet")));
            d.feature_views[0].batch_source = Some("other".to_owned());
        }),
        ("join key type", |d| {
            d.entities[0].value_type = Some(ValueType::STRING);
            d.feature_views[0].join_keys[0].value_type = ValueType::STRING;
        }),
        ("feature type", |d| d.feature_views[0].features[0].value_type = ValueType::FLOAT64),
    ];
    for (name, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let (registry, _) = open(&folder.path().join("registry.db"));
        registry.apply(&definitions("demo")).unwrap();
        registry.record_materialization("demo", "driver_stats", interval(1, 2)).unwrap();
        let mut changed = definitions("demo");
        change(&mut changed);
        assert_eq!(registry.apply(&changed).unwrap().reset_views, ["driver_stats"], "{name}");
        let snapshot = registry.snapshot("demo").unwrap();
        assert_eq!(snapshot.feature_view("driver_stats").unwrap().materialization_intervals, [], "{name}");
    }
}

#[test]
fn a_changed_file_is_seen_by_another_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let ((writer, _), (reader, _)) = (open(&path), open(&path));
    writer.apply(&definitions("demo")).unwrap();
    let before = reader.snapshot("demo").unwrap();
    writer.record_materialization("demo", "driver_stats", interval(1, 2)).unwrap();
    let after = reader.snapshot("demo").unwrap();
    assert_ne!(before.version_id, after.version_id);
    assert_eq!(after.feature_view("driver_stats").unwrap().materialization_intervals, [interval(1, 2)]);
}

#[test]
fn a_project_goes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder.path().join("registry.db"));
    registry.apply(&definitions("one")).unwrap();
    registry.apply(&definitions("two")).unwrap();
    let two = objects(&registry.snapshot("two").unwrap());
    assert!(registry.remove_project("one").unwrap());
    assert!(!registry.remove_project("one").unwrap());
    assert_eq!(registry.snapshot("one").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(objects(&registry.snapshot("two").unwrap()), two);
}

#[test]
fn errors_name_the_path_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (registry, _) = open(&path);
    let error = registry.snapshot("demo").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.chain().contains("run `larder apply`"), "{}", error.chain());

    registry.apply(&definitions("demo")).unwrap();
    let error = registry.snapshot("nope").unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RegistryError::ProjectNotFound { .. })), "{error:?}");
    let error = registry.record_materialization("demo", "nope", interval(0, 1)).unwrap_err();
    assert_eq!(error.chain(), "Feature view nope does not exist in project demo");

    fs::write(&path, "entities:\n  - name: driver\n").unwrap();
    let error = registry.snapshot("demo").unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RegistryError::Foreign { .. })), "{error:?}");
    fs::write(&path, "").unwrap();
    let error = registry.snapshot("demo").unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RegistryError::Corrupt { .. })), "{error:?}");
    assert!(registry.apply(&definitions("demo")).is_err(), "a damaged registry is not written over");
    assert_eq!(fs::read(&path).unwrap(), b"");

    let error = RegistryFile::open(folder.path(), Arc::new(SystemClock)).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RegistryError::IsFolder { .. })), "{error:?}");
}

#[test]
fn a_cut_file_is_damaged_or_holds_whole_objects() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (registry, _) = open(&path);
    registry.apply(&definitions("demo")).unwrap();
    let bytes = fs::read(&path).unwrap();
    let mut damaged = 0;
    for length in 0..bytes.len() {
        let cut = folder.path().join("cut.db");
        fs::write(&cut, &bytes[..length]).unwrap();
        match open(&cut).0.snapshot("demo") {
            Ok(snapshot) => assert!(snapshot.entities().len() <= 1),
            Err(error) => {
                damaged += 1;
                assert!(
                    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound),
                    "{length}: {error:?}"
                );
            }
        }
    }
    assert!(damaged > bytes.len() * 9 / 10, "{damaged} of {}", bytes.len());
}

#[test]
fn a_component_is_checked_against_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder.path().join("registry.db"));
    let digest = registry.store_component(b"wasm").unwrap();
    assert_eq!(registry.store_component(b"wasm").unwrap(), digest);
    let file = folder.path().join(format!("components/{digest}.wasm"));
    fs::write(&file, b"other").unwrap();
    let error = registry.load_component(digest).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RegistryError::ComponentCorrupt { .. })), "{error:?}");
    registry.store_component(b"wasm").unwrap();
    assert_eq!(registry.load_component(digest).unwrap().as_ref(), b"wasm");
    let error = registry.load_component(ComponentDigest([0; 32])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn writers_of_one_process_lose_nothing() {
    const WRITERS: i64 = 8;
    const WRITES: i64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    open(&path).0.apply(&definitions("demo")).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let path = &path;
            scope.spawn(move || {
                let (registry, _) = open(path);
                for write in 0..WRITES {
                    let at = writer * WRITES + write;
                    registry.record_materialization("demo", "driver_stats", interval(at, at)).unwrap();
                    if write == WRITES / 2 {
                        registry.apply(&definitions(&format!("project_{writer}"))).unwrap();
                    }
                }
            });
        }
    });
    let (registry, _) = open(&path);
    let snapshot = registry.snapshot("demo").unwrap();
    let mut recorded: Vec<i64> = snapshot
        .feature_view("driver_stats")
        .unwrap()
        .materialization_intervals
        .iter()
        .map(|i| i.start.micros())
        .collect();
    recorded.sort_unstable();
    assert_eq!(recorded, (0..WRITERS * WRITES).collect::<Vec<_>>());
    for writer in 0..WRITERS {
        assert!(registry.snapshot(&format!("project_{writer}")).is_ok(), "{writer}");
    }
}

/// Which part of [`in_a_process_of_its_own`] runs, and on which registry.
const ROLE: &str = "LARDER_REGISTRY_TEST_ROLE";

fn spawn(role: &str, path: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "in_a_process_of_its_own", "--nocapture"])
        .env(ROLE, format!("{role}:{}", path.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Does nothing, unless one of the tests below starts it as a process.
#[test]
fn in_a_process_of_its_own() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (role, path) = role.split_once(':').unwrap();
    let registry = RegistryFile::open(path, Arc::new(SystemClock)).unwrap();
    match role {
        "flip" => loop {
            registry.apply(&flipped(true)).unwrap();
            registry.apply(&flipped(false)).unwrap();
        },
        writer => {
            for write in 0..10 {
                let at = writer.parse::<i64>().unwrap() * 10 + write;
                registry.record_materialization("demo", "driver_stats", interval(at, at)).unwrap();
            }
        }
    }
}

/// One of two states of a project that have nothing but their shape in common.
fn flipped(on: bool) -> Definitions {
    let mut definitions = definitions("demo");
    for at in 0..20 {
        let mut view = view(&format!("view_{at}"));
        view.description = if on { "on" } else { "off" }.repeat(50);
        definitions.feature_views.push(view);
    }
    definitions
}

#[test]
fn writers_of_several_processes_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    open(&path).0.apply(&definitions("demo")).unwrap();
    let children: Vec<_> = (0..4).map(|writer| spawn(&writer.to_string(), &path)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let (registry, _) = open(&path);
    let snapshot = registry.snapshot("demo").unwrap();
    let mut recorded: Vec<i64> = snapshot
        .feature_view("driver_stats")
        .unwrap()
        .materialization_intervals
        .iter()
        .map(|i| i.start.micros())
        .collect();
    recorded.sort_unstable();
    assert_eq!(recorded, (0..40).collect::<Vec<_>>());
}

#[test]
fn a_writer_killed_at_any_time_leaves_the_old_state_or_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("registry.db");
    open(&path).0.apply(&flipped(false)).unwrap();
    let mut seen = [0, 0];
    for round in 0..12_u64 {
        let mut child = spawn("flip", &path);
        std::thread::sleep(Duration::from_millis(15 + round * 7));
        child.kill().unwrap();
        child.wait().unwrap();
        let (registry, _) = open(&path);
        let snapshot = objects(&registry.snapshot("demo").unwrap());
        let mut states: Vec<bool> = Vec::new();
        for on in [false, true] {
            let mut expected = without_components(&flipped(on));
            expected.feature_views.sort_by(|one, other| one.name.cmp(&other.name));
            if snapshot == expected {
                states.push(on);
            }
        }
        assert_eq!(states.len(), 1, "round {round}: neither the old state nor the new");
        seen[usize::from(states[0])] += 1;
        // The lock of the dead is free, and what it left does not matter.
        registry.apply(&flipped(round % 2 == 0)).unwrap();
        registry.apply(&flipped(false)).unwrap();
    }
    assert_eq!(seen[0] + seen[1], 12);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zA-Z0-9 _:@'\"\u{e9}\u{1f600}\n-]{1,12}"]
}

fn tags() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-z]{1,6}", text(), 0..3)
}

fn value_type() -> impl Strategy<Value = ValueType> {
    prop::sample::select(ValueType::simple().collect::<Vec<_>>())
}

fn key_type() -> impl Strategy<Value = ValueType> {
    prop::sample::select(ValueType::simple().filter(ValueType::is_key_type).collect::<Vec<_>>())
}

fn fields(prefix: &'static str) -> impl Strategy<Value = Vec<Field>> {
    prop::collection::vec((value_type(), text(), tags()), 1..5).prop_map(move |fields| {
        let field = |(at, (value_type, description, tags))| Field {
            name: format!("{prefix}{at}"),
            value_type,
            description,
            tags,
            vector: VectorSearch {
                index: at == 2,
                length: if at == 2 { 3 } else { 0 },
                metric: if at == 2 { "COSINE".to_owned() } else { String::new() },
            },
        };
        fields.into_iter().enumerate().map(field).collect()
    })
}

fn file() -> impl Strategy<Value = DataSourceKind> {
    let format = prop::sample::select(vec![
        FileFormat::Parquet,
        FileFormat::Csv,
        FileFormat::NdJson,
        FileFormat::Delta,
    ]);
    (
        "[a-z/.]{1,20}",
        format,
        "[a-z]{1,8}",
        prop::option::of("[a-z]{1,8}"),
        prop::collection::btree_map("[a-z]{1,4}", "[a-z]{1,4}", 0..3),
    )
        .prop_map(|(path, format, timestamp_field, created_timestamp_column, field_mapping)| {
            // Each to a name of its own.
            let field_mapping =
                field_mapping.into_iter().map(|(from, to)| (from.clone(), format!("{to}_{from}")));
            DataSourceKind::File(FileSource {
                path,
                format,
                timestamp_field,
                created_timestamp_column: created_timestamp_column.map(|column| format!("{column}_made")),
                field_mapping: field_mapping.collect(),
                s3_endpoint_override: if format == FileFormat::Delta { "http://minio:9000" } else { "" }
                    .to_owned(),
            })
        })
}

fn python(name: &str) -> PythonFunction {
    PythonFunction { name: name.to_owned(), text: format!("def {name}(df):\n    return df\n") }
}

/// Views of every kind come in turn.
fn kind_of(at: usize, flags: &[bool]) -> FeatureViewKind {
    let aggregation = Aggregation {
        column: "amount".to_owned(),
        function: "sum".to_owned(),
        time_window: Some(Duration::from_secs(3_600)),
        slide_interval: flags[1].then_some(Duration::from_secs(300)),
        name: if flags[2] { "total".to_owned() } else { String::new() },
    };
    match at {
        1 => FeatureViewKind::Batch(BatchTransformation {
            udf: flags[0].then(|| python("batch")),
            aggregations: if flags[1] { vec![aggregation] } else { Vec::new() },
            batch_engine: if flags[2] { r#"{"a":1}"#.to_owned() } else { String::new() },
        }),
        2 => FeatureViewKind::Stream(StreamTransformation {
            udf: flags[0].then(|| python("stream")),
            aggregations: vec![aggregation],
            timestamp_field: "ts".to_owned(),
            enable_tiling: flags[1],
            tiling_hop_size: flags[2].then_some(Duration::from_secs(60)),
        }),
        3 => FeatureViewKind::Label(LabelRules {
            labeler_field: "who".to_owned(),
            conflict_policy: if flags[0] {
                ConflictPolicy::MajorityVote
            } else {
                ConflictPolicy::LastWriteWins
            },
            reference_feature_view: if flags[1] { "view_0".to_owned() } else { String::new() },
        }),
        _ => FeatureViewKind::Plain,
    }
}

fn logging(case: usize) -> Option<LoggingConfig> {
    let destination = match case {
        1 => return None,
        2 => LoggingDestination::File {
            path: "data/logs".to_owned(),
            s3_endpoint_override: String::new(),
            partition_by: vec!["day".to_owned()],
        },
        3 => LoggingDestination::Snowflake("logs".to_owned()),
        _ => LoggingDestination::Custom { kind: "mine".to_owned(), config: labels(&[("a", "b")]) },
    };
    Some(LoggingConfig { sample_rate: SampleRate::new(0.1).unwrap(), destination })
}

/// Sources that larder does not read, and objects beside the views: one of every kind.
fn add_external_objects(definitions: &mut Definitions) {
    let columns = SourceColumns {
        timestamp_field: "ts".to_owned(),
        created_timestamp_column: Some("made".to_owned()),
        field_mapping: labels(&[("a", "b")]),
        date_partition_column: "day".to_owned(),
        timestamp_field_type: "DATE".to_owned(),
    };
    for system in ExternalSystem::ALL {
        // Of a table, a query and a path Feast takes one.
        let several = ["query", "path", "file_format"];
        let keys = system.options().iter().filter(|key| !several.contains(key));
        let options = keys.map(|key| {
            let value = match *key {
                "table_format" => r#"{"iceberg":{"catalog":"c","properties":{"p":"q"}}}"#,
                "credential_vending" => "false",
                "catalog_properties" => r#"{"a":"b"}"#,
                "configuration" => r#"{"k": [1, "two"]}"#,
                key => key,
            };
            ((*key).to_owned(), value.to_owned())
        });
        let table = ExternalTable { system, options: options.collect(), columns: columns.clone() };
        let name = format!("e_{}", system.name());
        definitions.data_sources.push(source(&name, DataSourceKind::External(table)));
    }
    let kafka = StreamSystem::Kafka {
        kafka_bootstrap_servers: "k1:9092,k2:9092".to_owned(),
        topic: "t".to_owned(),
        watermark_delay_threshold: Some(Duration::from_secs(300)),
    };
    let kinesis = StreamSystem::Kinesis { region: "us".to_owned(), stream_name: "s".to_owned() };
    for (system, format) in [
        (kafka, MessageFormat::Json("a int".to_owned())),
        (kinesis, MessageFormat::Proto("pkg.Message".to_owned())),
    ] {
        let name = format!("f_{}", system.name());
        let batch_source = Some("b_file_0".to_owned());
        let stream = StreamSource { system, format, batch_source, columns: columns.clone() };
        definitions.data_sources.push(source(&name, DataSourceKind::Stream(stream)));
    }
    definitions.data_sources.sort_by(|one, other| one.name.cmp(&other.name));
    definitions.saved_datasets.push(SavedDataset {
        name: "kept".to_owned(),
        features: vec!["view_0:feature_0".to_owned()],
        join_keys: vec!["key_0".to_owned()],
        full_feature_names: true,
        storage: SavedDatasetStorage::File {
            path: "data/kept.csv".to_owned(),
            format: FileFormat::Csv,
            s3_endpoint_override: String::new(),
        },
        feature_service: "service".to_owned(),
        namespace: "n".to_owned(),
        collection: "c".to_owned(),
        description: "d".to_owned(),
        tags: labels(&[("t", "u")]),
        event_timestamp_column: "at".to_owned(),
        min_event_timestamp: None,
        max_event_timestamp: None,
    });
    definitions.saved_datasets.push(SavedDataset {
        name: "queried".to_owned(),
        storage: SavedDatasetStorage::External {
            system: ExternalSystem::BigQuery,
            options: labels(&[("table", "p.d.t")]),
        },
        event_timestamp_column: "event_timestamp".to_owned(),
        ..definitions.saved_datasets[0].clone()
    });
    definitions.validation_references.push(ValidationReference {
        name: "expected".to_owned(),
        dataset: "kept".to_owned(),
        description: "d".to_owned(),
        tags: labels(&[("t", "u")]),
        profile: r#"{"expectations": []}"#.to_owned(),
        has_python_profiler: false,
        expectations: Expectations {
            min_rows: 7,
            columns: BTreeMap::from([
                ("v:f".to_owned(), None),
                ("x".to_owned(), Some(Tolerances::default())),
            ]),
            ..Expectations::default()
        },
        dataset_profile: String::new(),
    });
    let policies = [
        Policy::AllowAll,
        Policy::Groups(vec!["g".to_owned()]),
        Policy::GroupsAndNamespaces { groups: vec!["g".to_owned()], namespaces: vec!["n".to_owned()] },
        Policy::Namespaces(vec!["n".to_owned()]),
        Policy::Roles(vec!["r".to_owned(), "s".to_owned()]),
    ];
    for (at, policy) in policies.into_iter().enumerate() {
        definitions.permissions.push(Permission {
            name: format!("permission_{at}"),
            types: if at == 0 { Vec::new() } else { vec![PermissionType::Entity, PermissionType::LabelView] },
            name_patterns: vec!["driver_.*".to_owned()],
            required_tags: labels(&[("a", "b")]),
            actions: if at == 1 {
                Vec::new()
            } else {
                vec![PermittedAction::Create, PermittedAction::ReadOnline]
            },
            policy,
            tags: labels(&[("t", "u")]),
        });
    }
}

/// Projects of any shape, sorted by name as a first apply stores them.
fn any_definitions() -> impl Strategy<Value = Definitions> {
    let entities = prop::collection::vec((prop::option::of(key_type()), text(), tags(), text()), 1..4);
    let sources = prop::collection::vec((file(), text(), tags(), text()), 1..3);
    let requests = prop::collection::vec(fields("field_"), 1..3);
    let views = prop::collection::vec(
        (
            fields("feature_"),
            prop::collection::vec(any::<bool>(), 3),
            any::<prop::sample::Index>(),
            any::<bool>(),
            0_u64..10_000_000_000,
            prop::collection::vec(any::<bool>(), 3),
            (text(), tags(), text()),
        ),
        1..5,
    );
    let on_demand = prop::collection::vec(
        (
            fields("output_"),
            any::<prop::sample::Index>(),
            any::<[u8; 32]>(),
            1_usize..1 << 40,
            any::<bool>(),
            (text(), tags(), text()),
        ),
        0..3,
    );
    let head = (text(), tags(), text());
    (head, entities, sources, requests, views, on_demand).prop_map(
        |((description, tags, owner), entities, sources, requests, views, on_demand)| {
            let mut definitions =
                Definitions::new(Project { name: "any".to_owned(), description, tags, owner });
            for (at, (value_type, description, tags, owner)) in entities.into_iter().enumerate() {
                let (name, join_key) = (format!("entity_{at}"), format!("key_{at}"));
                definitions.entities.push(Entity { name, join_key, value_type, description, tags, owner });
            }
            for (at, fields) in requests.iter().enumerate() {
                // Two sources of a view never mean two things by one name.
                let schema = fields
                    .iter()
                    .map(|field| Field { name: format!("{}_{at}", field.name), ..field.clone() });
                let kind = DataSourceKind::Request(RequestSource { schema: schema.collect() });
                definitions.data_sources.push(source(&format!("a_request_{at}"), kind));
            }
            let files = sources.len();
            for (at, (kind, description, tags, owner)) in sources.into_iter().enumerate() {
                definitions.data_sources.push(DataSource {
                    name: format!("b_file_{at}"),
                    kind,
                    description,
                    tags,
                    owner,
                });
            }
            definitions.data_sources.push(source(
                "c_push",
                DataSourceKind::Push(PushSource { batch_source: Some("b_file_0".to_owned()) }),
            ));
            definitions
                .data_sources
                .push(source("d_live", DataSourceKind::Push(PushSource { batch_source: None })));
            for (at, (features, of, batch, pushed, ttl, flags, (description, tags, owner))) in
                views.into_iter().enumerate()
            {
                let chosen: Vec<&Entity> = definitions
                    .entities
                    .iter()
                    .zip(of)
                    .filter(|(_, of)| *of)
                    .map(|(entity, _)| entity)
                    .collect();
                let join_keys = chosen
                    .iter()
                    .map(|entity| {
                        Field::new(&entity.join_key, entity.value_type.clone().unwrap_or(ValueType::BYTES))
                    })
                    .collect();
                let kind = kind_of(at, &flags);
                let pushed = match kind {
                    FeatureViewKind::Batch(_) => false,
                    FeatureViewKind::Stream(_) => true,
                    _ => pushed,
                };
                let labels = matches!(kind, FeatureViewKind::Label(_));
                definitions.feature_views.push(FeatureView {
                    mode: match kind {
                        FeatureViewKind::Batch(_) | FeatureViewKind::Stream(_) => "python".to_owned(),
                        _ => String::new(),
                    },
                    org: if labels { String::new() } else { description.clone() },
                    enable_validation: !labels && flags[0],
                    kind,
                    join_keys: if chosen.is_empty() { vec![dummy_join_key()] } else { join_keys },
                    entities: chosen.iter().map(|entity| entity.name.clone()).collect(),
                    features,
                    ttl: Duration::from_micros(ttl),
                    batch_source: if pushed {
                        Some("b_file_0".to_owned())
                    } else {
                        Some(format!("b_file_{}", batch.index(files)))
                    },
                    stream_source: pushed.then(|| "c_push".to_owned()),
                    online: flags[0],
                    offline: labels || flags[1],
                    enabled: flags[2],
                    description,
                    tags,
                    owner,
                    ..FeatureView::new(format!("view_{at}"))
                });
            }
            let project = |view: &FeatureView, alias: Option<&str>| FeatureViewProjection {
                alias: alias.map(str::to_owned),
                join_key_map: alias
                    .map(|alias| {
                        view.join_keys
                            .iter()
                            .filter(|_| !view.is_entityless())
                            .map(|key| (key.name.clone(), format!("{alias}_{}", key.name)))
                            .collect()
                    })
                    .unwrap_or_default(),
                ..FeatureViewProjection::new(
                    &view.name,
                    view.features.iter().rev().map(|feature| feature.name.clone()).collect(),
                )
            };
            for (
                at,
                (features, of, digest, memory_bytes, write_to_online_store, (description, tags, owner)),
            ) in on_demand.into_iter().enumerate()
            {
                let view = &definitions.feature_views[of.index(definitions.feature_views.len())];
                let mut sources =
                    vec![OnDemandSource::FeatureView(project(view, (at == 1).then_some("alias")))];
                sources.extend(
                    (0..requests.len())
                        .rev()
                        .map(|at| OnDemandSource::RequestSource(format!("a_request_{at}"))),
                );
                definitions.on_demand_feature_views.push(OnDemandFeatureView {
                    sources,
                    features,
                    entities: view.entities.clone(),
                    join_keys: view.join_keys.clone(),
                    transformation: TransformationReference {
                        component: Some(ComponentDigest(digest)),
                        function: format!("function_{at}"),
                        limits: TransformationLimits { memory_bytes, ..TransformationLimits::default() },
                    },
                    python: match at {
                        0 => PythonTransformation::default(),
                        _ => PythonTransformation {
                            mode: "python".to_owned(),
                            singleton: write_to_online_store,
                            udf: Some(python("f")),
                        },
                    },
                    track_metrics: write_to_online_store,
                    org: owner.clone(),
                    write_to_online_store,
                    enabled: !write_to_online_store,
                    description,
                    tags,
                    owner,
                    ..OnDemandFeatureView::new(format!("on-demand {at}"))
                });
            }
            let features = definitions
                .feature_views
                .iter()
                .map(|view| project(view, Some(&format!("model_{}", view.name))))
                .collect();
            definitions.feature_services.push(FeatureService {
                logging_config: logging(definitions.feature_views.len()),
                precompute_online: definitions.feature_views.len() == 1,
                ..FeatureService::new("service", features)
            });
            add_external_objects(&mut definitions);
            definitions
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_definitions_are_read_back_and_applied_once(definitions in any_definitions()) {
        let folder = tempfile::tempdir().unwrap();
        let (registry, clock) = open(&folder.path().join("registry.db"));
        registry.apply(&definitions).unwrap();
        prop_assert_eq!(objects(&registry.snapshot("any").unwrap()), definitions.clone());
        let bytes = fs::read(registry.path()).unwrap();
        clock.set(Timestamp::from_micros(NOON + 1));
        prop_assert!(registry.apply(&definitions).unwrap().is_empty());
        prop_assert_eq!(fs::read(registry.path()).unwrap(), bytes);
    }

    #[test]
    fn any_registry_becomes_definitions_that_are_the_registry_again(definitions in any_definitions()) {
        let folder = tempfile::tempdir().unwrap();
        let (registry, _) = open(&folder.path().join("registry.db"));
        // Components that nobody has compiled cannot be inspected.
        let mut definitions = definitions;
        for view in &mut definitions.on_demand_feature_views {
            let name = &view.python.udf.as_ref().map_or(&view.name, |udf| &udf.name);
            view.transformation = TransformationReference { component: None, function: (*name).clone(), limits: TransformationLimits::default() };
        }
        registry.apply(&definitions).unwrap();
        let read = support::through_files(folder.path(), &registry.snapshot("any").unwrap());
        prop_assert_eq!(registry.plan(&read).unwrap(), RegistryDiff::default());
        registry.apply(&read).unwrap();
        let expected = objects(&registry.snapshot("any").unwrap());
        prop_assert_eq!(expected, definitions);
    }

    #[test]
    fn any_definitions_follow_any_others(before in any_definitions(), after in any_definitions()) {
        let folder = tempfile::tempdir().unwrap();
        let (registry, clock) = open(&folder.path().join("registry.db"));
        registry.apply(&before).unwrap();
        clock.set(Timestamp::from_micros(NOON + 1));
        let diff = registry.apply(&after).unwrap();
        prop_assert_eq!(sorted(objects(&registry.snapshot("any").unwrap())), sorted(after.clone()));
        prop_assert!(registry.apply(&after).unwrap().is_empty());
        for change in &diff.changes {
            if let Action::Update(properties) = &change.action {
                prop_assert!(properties.iter().all(|property| property.before != property.after), "{:?}", change);
            }
        }
        for kind in [ObjectKind::DataSource, ObjectKind::FeatureView, ObjectKind::OnDemandFeatureView] {
            let names: Vec<&String> = diff.changes.iter().filter(|c| c.kind == kind).map(|c| &c.name).collect();
            prop_assert!(names.is_sorted());
        }
    }

    #[test]
    fn any_bytes_are_a_registry_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), prefix in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        let mut content = if prefix { b"\x1a\x011".to_vec() } else { Vec::new() };
        content.extend(bytes);
        fs::write(&path, content).unwrap();
        let (registry, _) = open(&path);
        if let Err(error) = registry.snapshot("demo") {
            prop_assert!(!error.chain().is_empty());
        }
        let _ = registry.describe("demo", ObjectKind::FeatureView, "x");
    }
}

/// An update keeps an object's place, so the order after several applies is that of the first.
fn sorted(mut definitions: Definitions) -> Definitions {
    definitions.entities.sort_by(|one, other| one.name.cmp(&other.name));
    definitions.data_sources.sort_by(|one, other| one.name.cmp(&other.name));
    definitions.feature_views.sort_by(|one, other| one.name.cmp(&other.name));
    definitions.on_demand_feature_views.sort_by(|one, other| one.name.cmp(&other.name));
    definitions
}
