//! Registries that Feast 0.67 wrote: they open, they are shown as Feast shows them, and what larder does
//! not use of them survives.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::{
    FixedClock, MaterializationInterval, OnDemandSource, Project, Timestamp, ValueType, dummy_join_key,
};
use larder_registry::{Definitions, ListFilter, Listing, ObjectKind, RegistryFile, data_source_from_json};

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded").join(name)
}

/// A copy of a recorded registry.
fn open(name: &str) -> (tempfile::TempDir, RegistryFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    fs::copy(recorded(name), &path).unwrap();
    let clock = Arc::new(FixedClock::new(Timestamp::from_micros(1_800_000_000_000_000)));
    let registry = RegistryFile::open(path, clock).unwrap();
    (folder, registry)
}

#[test]
fn a_registry_that_feast_wrote_opens() {
    let (_folder, registry) = open("registry.db");
    let snapshot = registry.snapshot("larder_golden").unwrap();
    assert_eq!(snapshot.unsupported(), []);
    assert_eq!(snapshot.project.description, "larder golden fixtures");
    let mut entities: Vec<_> = snapshot.entities().iter().map(|entity| entity.object.name.as_str()).collect();
    entities.sort_unstable();
    assert_eq!(entities, ["customer", "driver", "location"]);
    assert_eq!(snapshot.feature_views().len(), 9);
    assert_eq!(snapshot.on_demand_feature_views().len(), 4);
    assert_eq!(snapshot.feature_services().len(), 3);
    assert_eq!(snapshot.data_sources().len(), 10);

    let view = &snapshot.feature_view("customer_driver").unwrap().object;
    let keys: Vec<_> = view.join_keys.iter().map(|key| (key.name.as_str(), key.value_type.clone())).collect();
    assert_eq!(keys, [("customer_id", ValueType::STRING), ("driver_id", ValueType::INT64)]);
    let view = &snapshot.feature_view("global_stats").unwrap().object;
    assert!(view.is_entityless());
    assert_eq!(view.join_keys, [dummy_join_key()]);
    let view = &snapshot.feature_view("driver_fresh_stats").unwrap().object;
    assert_eq!(view.batch_source.as_deref(), Some("driver_stats_source"));
    assert_eq!(view.stream_source.as_deref(), Some("driver_push_source"));
    let source = &snapshot.data_source("driver_scores_source").unwrap().object;
    let file = source.as_file().unwrap();
    assert_eq!((file.path.as_str(), file.timestamp_field.as_str()), ("data/driver_scores.parquet", "ts"));
    assert_eq!(file.field_mapping["scr"], "score");
    assert_eq!(file.created_timestamp_column, None);
}

#[test]
fn an_on_demand_view_of_feast_has_no_component_and_its_python_is_never_run() {
    let (_folder, registry) = open("registry.db");
    let snapshot = registry.snapshot("larder_golden").unwrap();
    let view = &snapshot.on_demand_feature_view("transformed_conv_rate").unwrap().object;
    assert_eq!(view.transformation.component, None);
    let sources: Vec<_> = view
        .sources
        .iter()
        .map(|source| match source {
            OnDemandSource::FeatureView(projection) => projection.view.as_str(),
            OnDemandSource::RequestSource(name) => name,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sources, ["driver_hourly_stats", "vals_to_add"]);
    let service = &snapshot.feature_service("trip_model").unwrap().object;
    let origin = &service.features[3];
    assert_eq!((origin.view.as_str(), origin.alias.as_deref()), ("location_stats", Some("origin")));
    assert_eq!(origin.join_key_map["location_id"], "origin_id");
}

#[test]
fn materialized_intervals_are_read() {
    let (_folder, registry) = open("registry_materialized.db");
    let snapshot = registry.snapshot("larder_golden").unwrap();
    let view = snapshot.feature_view("driver_hourly_stats").unwrap();
    let first = view.materialization_intervals[0];
    assert_eq!(first.start, Timestamp::parse("2024-01-01T00:00:00Z").unwrap());
    assert_eq!(first.end, Timestamp::parse("2024-01-10T12:30:00Z").unwrap());
    assert_eq!(view.materialization_intervals[1].end, Timestamp::parse("2024-01-16T00:00:00Z").unwrap());
}

#[test]
fn recording_an_interval_changes_that_view_alone() {
    let (_folder, registry) = open("registry_materialized.db");
    let before = fs::read(registry.path()).unwrap();
    let at = |micros| Timestamp::from_micros(micros);
    let interval = MaterializationInterval { start: at(1), end: at(2) };
    registry.record_materialization("larder_golden", "driver_scores", interval).unwrap();
    let after = fs::read(registry.path()).unwrap();
    // Every object of the file but the view, and all of the view but its meta, is there byte for byte.
    let (before, after) = (top_level_fields(&before), top_level_fields(&after));
    let changed: Vec<&(u32, Vec<u8>)> = before.iter().filter(|field| !after.contains(field)).collect();
    let numbers: Vec<u32> = changed.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [4, 5, 6], "version id, time, and one feature view");
    assert_eq!(before.len(), after.len());
    let spec = top_level_fields(&changed[2].1)[0].clone();
    let view = after.iter().find(|field| field.0 == 6 && !before.contains(field)).unwrap();
    assert_eq!(top_level_fields(&view.1)[0], spec);
}

#[test]
fn kinds_that_larder_does_not_use_survive_an_apply() {
    let (_folder, registry) = open("registry_extras.db");
    let before = top_level_fields(&fs::read(registry.path()).unwrap());
    registry.apply(&Definitions::new(Project::new("another"))).unwrap();
    let after = top_level_fields(&fs::read(registry.path()).unwrap());
    for field in before.iter().filter(|(number, _)| ![4, 5].contains(number)) {
        assert!(after.contains(field), "field {} is lost", field.0);
    }
    assert!(registry.remove_project("another").unwrap());
    let restored = top_level_fields(&fs::read(registry.path()).unwrap());
    assert_eq!(restored.len(), before.len());
}

#[test]
fn sources_that_nobody_defines_any_more_go() {
    let (_folder, registry) = open("registry_extras.db");
    let count = |kind| registry.list("extras", kind, &ListFilter::default()).unwrap().rows.len();
    assert!(count(ObjectKind::DataSource) > 5);
    assert_eq!(count(ObjectKind::SavedDataset), 1);
    let project = registry.snapshot("extras").unwrap().project.clone();
    registry.apply(&Definitions::new(project)).unwrap();
    assert_eq!(count(ObjectKind::DataSource), 0);
    assert_eq!(count(ObjectKind::StreamFeatureView), 0);
    assert_eq!(count(ObjectKind::Permission), 0);
    // Made by running, not by definitions.
    assert_eq!(count(ObjectKind::SavedDataset), 1);
}

#[test]
fn teardown_of_a_project_of_feast_leaves_nothing_of_it() {
    let (_folder, registry) = open("registry_materialized.db");
    assert!(registry.remove_project("larder_golden").unwrap());
    let rest = top_level_fields(&fs::read(registry.path()).unwrap());
    let numbers: Vec<u32> = rest.iter().map(|(number, _)| *number).collect();
    // Schema version, version id and time; the infrastructure of Feast's own stores belongs to no project.
    assert!(numbers.iter().all(|number| [3, 4, 5, 10].contains(number)), "{numbers:?}");
}

/// The number and the value of each field of a message, for fields of bytes.
fn top_level_fields(mut message: &[u8]) -> Vec<(u32, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        assert_eq!(tag & 7, 2, "a field of bytes");
        let length = usize::try_from(varint(&mut message)).unwrap();
        fields.push((u32::try_from(tag >> 3).unwrap(), message[..length].to_vec()));
        message = &message[length..];
    }
    fields
}

/// The output of a command in the transcript of Feast's command line.
fn transcript(command: &str) -> String {
    let text = fs::read_to_string(recorded("cli_transcript.txt")).unwrap();
    let start = text.find(&format!("$ feast {command}\n")).unwrap_or_else(|| panic!("no `{command}`"));
    let after = text[start..].split_once('\n').unwrap().1;
    after[..after.find("[exit ").unwrap()].to_owned()
}

/// Aligned columns with two spaces between them, as Feast's tables are.
fn aligned(listing: &Listing) -> String {
    let headers: Vec<String> = listing.headers.iter().map(|header| (*header).to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&headers).chain(&listing.rows).collect();
    // A header is never narrower than its text and two spaces.
    let header = |column: usize| headers[column].len() + 2;
    let width =
        |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0).max(header(column));
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().enumerate().map(|(at, cell)| format!("{cell:<width$}", width = width(at)));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Python prints a set in any order.
fn with_sorted_sets(text: &str) -> String {
    text.replace("{'eb', 'ea'}", "{'ea', 'eb'}")
}

fn without_line_ends(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn lists_are_those_that_feast_prints() {
    let (_folder, registry) = open("registry_of_cli_transcript.db");
    for (command, kind) in [
        ("entities list", ObjectKind::Entity),
        ("on-demand-feature-views list", ObjectKind::OnDemandFeatureView),
        ("feature-services list", ObjectKind::FeatureService),
        ("data-sources list", ObjectKind::DataSource),
        ("projects list", ObjectKind::Project),
        ("feature-views list", ObjectKind::FeatureView),
    ] {
        let listing = registry.list("exp", kind, &ListFilter::default()).unwrap();
        let expected = without_line_ends(&transcript(command));
        // Feast knows no such state.
        let listing = Listing {
            rows: listing
                .rows
                .iter()
                .map(|row| {
                    row.iter().map(|cell| cell.replace("NEEDS_COMPONENT", "STATE_UNSPECIFIED")).collect()
                })
                .collect(),
            ..listing
        };
        assert_eq!(with_sorted_sets(&aligned(&listing)), with_sorted_sets(&expected), "{command}");
    }
    let features = registry.list_features("exp").unwrap();
    assert_eq!(aligned(&features), without_line_ends(&transcript("features list")));
}

#[test]
fn descriptions_are_those_that_feast_prints() {
    let (_folder, registry) = open("registry_of_cli_transcript.db");
    for (command, kind, name) in [
        ("entities describe driver", ObjectKind::Entity, "driver"),
        ("feature-services describe svc", ObjectKind::FeatureService, "svc"),
        ("feature-views describe stats", ObjectKind::FeatureView, "stats"),
    ] {
        let described = registry.describe("exp", kind, name).unwrap().unwrap().to_string() + "\n";
        // The registry was copied after one more materialization than the transcript shows.
        let described =
            described.replace("2026-11-22T10:29:17.666902Z", "2026-11-22T10:21:15.711592Z").replace(
                "  - startTime: '2026-11-22T10:21:12.142548Z'\n    endTime: '2025-01-20T00:00:00Z'\n",
                "",
            );
        assert_eq!(described, transcript(command), "{command}");
    }
    assert_eq!(registry.describe("exp", ObjectKind::FeatureView, "nope").unwrap(), None);
}

#[test]
fn what_larder_wrote_survives_an_edit_by_feasts_client() {
    // `definitions/valid/driver.yaml` applied by larder; then Feast's client added an entity and edited
    // the description of a view.
    let (_folder, registry) = open("registry_of_larder_edited_by_feast.db");
    let folder = tempfile::tempdir().unwrap();
    support::write_repo(folder.path(), include_bytes!("definitions/valid/driver.yaml"));
    let definitions = support::complete(folder.path()).unwrap();

    let snapshot = registry.snapshot("demo").unwrap();
    assert_eq!(snapshot.unsupported(), []);
    let view = &snapshot.on_demand_feature_view("transformed_conv_rate").unwrap().object;
    let expected = &definitions.on_demand_feature_views[0];
    assert_eq!(view.as_ref(), expected);
    let edited = snapshot.feature_view("customer_profile").unwrap();
    assert_eq!(edited.object.description, "edited by Feast");
    let stats = snapshot.feature_view("driver_hourly_stats").unwrap();
    assert_eq!(stats.materialization_intervals.len(), 1);
    assert_eq!(stats.object.as_ref(), &definitions.feature_views[0]);

    assert_eq!(
        registry.apply(&definitions).unwrap().to_string(),
        "Deleted entity added\nUpdated feature view customer_profile\n\tdescription: edited by Feast -> \n"
    );
    let snapshot = registry.snapshot("demo").unwrap();
    assert_eq!(snapshot.feature_view("driver_hourly_stats").unwrap().materialization_intervals.len(), 1);
}

#[test]
fn a_data_source_is_the_same_in_protobufs_json_form() {
    let mut read = 0;
    for (file, project) in [("registry.db", "larder_golden"), ("registry_extras.db", "extras")] {
        let (_folder, registry) = open(file);
        let snapshot = registry.snapshot(project).unwrap();
        for source in snapshot.data_sources() {
            let source = &source.object;
            let described =
                registry.describe(project, ObjectKind::DataSource, &source.name).unwrap().unwrap();
            let json = described.json().to_string();
            assert_eq!(data_source_from_json(&json).as_ref(), Ok(source.as_ref()), "{json}");
            read += 1;
        }
    }
    assert!(read > 15, "{read}");
}

#[test]
fn json_that_is_no_data_source_names_the_field() {
    for (json, part) in [
        ("", "EOF"),
        ("[]", "expected a map"),
        ("{\"type\": \"BATCH_STONE\"}", "`type` is not as it should be"),
        ("{\"type\": -1}", "data sources of type -1 are not supported"),
        ("{\"type\": \"BATCH_FILE\"}", "it lacks its `file_options`"),
        ("{\"type\": \"BATCH_FILE\", \"fileOptions\": 1}", "`fileOptions` is not as it should be"),
        ("{\"fieldMapping\": {\"a\": 1}}", "`fieldMapping` is not as it should be"),
        ("{\"meta\": {\"createdTimestamp\": \"soon\"}}", "`meta.createdTimestamp` is not as it should be"),
        (
            "{\"customOptions\": {\"configuration\": \"!\"}}",
            "`customOptions.configuration` is not as it should be",
        ),
        (
            "{\"requestDataOptions\": {\"schema\": [{\"valueType\": \"STONE\"}]}}",
            "`requestDataOptions.schema.valueType` is not",
        ),
        (
            "{\"kafkaOptions\": {\"watermarkDelayThreshold\": \"1.5.s\"}}",
            "`kafkaOptions.watermarkDelayThreshold` is not as it should be",
        ),
        (&format!("{}{}", "{\"batchSource\": ".repeat(60), "{}"), "EOF"),
        (&format!("{}{{}}{}", "{\"batchSource\": ".repeat(200), "}".repeat(200)), "recursion limit"),
    ] {
        let refused = data_source_from_json(json).unwrap_err().to_string();
        assert!(refused.contains(part), "{json}: {refused}");
    }
}
