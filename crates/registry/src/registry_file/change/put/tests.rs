use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::{FeatureViewState, FixedClock, MaterializationInterval, RequestError, Timestamp};
use proptest::prelude::*;
use prost::Message;

use crate::proto::{self, Meta};
use crate::registry_file::{RegistryFile, Stored};
use crate::{ObjectKind, SentObject};

const NOON: i64 = 1_706_702_400_000_000;

fn open(folder: &tempfile::TempDir) -> (RegistryFile, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new(Timestamp::from_micros(NOON)));
    (RegistryFile::open(folder.path().join("registry.db"), Arc::clone(&clock) as _).unwrap(), clock)
}

fn put(registry: &RegistryFile, kind: ObjectKind, message: &impl Message) -> larder_core::Result<()> {
    registry.put_object("p", &SentObject::read(kind, &message.encode_to_vec())?, |_| Ok(()))
}

fn feature(name: &str, value_type: i32) -> proto::FeatureSpecV2 {
    proto::FeatureSpecV2 { name: name.to_owned(), value_type, ..proto::FeatureSpecV2::default() }
}

/// A view as a client sends it: it knows no project yet, and makes up the rest.
fn view(name: &str, features: &[proto::FeatureSpecV2], description: &str) -> proto::FeatureView {
    proto::FeatureView {
        spec: Some(proto::FeatureViewSpec {
            name: name.to_owned(),
            project: "another".to_owned(),
            features: features.to_vec(),
            description: description.to_owned(),
            online: true,
            ..proto::FeatureViewSpec::default()
        }),
        meta: Some(proto::FeatureViewMeta {
            current_version_number: 77,
            ..proto::FeatureViewMeta::default()
        }),
    }
}

fn stored_view(registry: &RegistryFile, name: &str) -> proto::FeatureView {
    let messages = registry.messages().unwrap();
    let object = messages.object("p", ObjectKind::FeatureView, name).unwrap();
    proto::FeatureView::decode(object.bytes).unwrap()
}

#[test]
fn an_object_keeps_the_time_when_it_was_made_and_the_file_if_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, clock) = open(&folder);
    let entity = |description: &str| proto::Entity {
        spec: Some(proto::EntitySpecV2 {
            name: "driver".to_owned(),
            value_type: 4,
            description: description.to_owned(),
            ..proto::EntitySpecV2::default()
        }),
        // What a client that has read the object sends back.
        meta: Some(Meta {
            created_timestamp: Some(prost_types::Timestamp { seconds: 7, nanos: 0 }),
            last_updated_timestamp: Some(prost_types::Timestamp { seconds: 8, nanos: 0 }),
        }),
    };
    let times = |registry: &RegistryFile| {
        let messages = registry.messages().unwrap();
        let object = messages.object("p", ObjectKind::Entity, "driver").unwrap();
        let meta = proto::Entity::decode(object.bytes).unwrap().meta.unwrap();
        (meta.created_timestamp.unwrap().seconds, meta.last_updated_timestamp.unwrap().seconds)
    };
    put(&registry, ObjectKind::Entity, &entity("one")).unwrap();
    assert_eq!(times(&registry), (7, NOON / 1_000_000));
    let file = std::fs::read(registry.path()).unwrap();
    clock.set(Timestamp::from_micros(NOON + 60_000_000));
    put(&registry, ObjectKind::Entity, &entity("one")).unwrap();
    assert_eq!(std::fs::read(registry.path()).unwrap(), file, "nothing is written");
    put(&registry, ObjectKind::Entity, &entity("two")).unwrap();
    assert_eq!(times(&registry), (7, NOON / 1_000_000 + 60));
    let messages = registry.messages().unwrap();
    assert_eq!(
        messages.object("p", ObjectKind::Entity, "driver").unwrap().project,
        "p",
        "whatever the spec says"
    );
    let project = messages.object("p", ObjectKind::Project, "p").unwrap();
    assert_eq!(
        project.last_updated,
        Some(Timestamp::from_micros(NOON)),
        "the project is made with its first object"
    );
}

#[test]
fn what_is_materialized_stays_on_record_until_other_rows_are_meant() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder);
    let record = |registry: &RegistryFile| {
        let meta = stored_view(registry, "stats").meta.unwrap();
        (meta.materialization_intervals.len(), FeatureViewState::from_number(meta.state))
    };
    put(&registry, ObjectKind::FeatureView, &view("stats", &[feature("rate", 5)], "")).unwrap();
    let interval = MaterializationInterval { start: Timestamp::EPOCH, end: Timestamp::from_micros(NOON) };
    registry.record_materialization("p", "stats", interval).unwrap();
    assert_eq!(record(&registry), (1, FeatureViewState::AvailableOnline));
    // A client that knows of no interval changes a description, and one that materializes says how far it is.
    put(&registry, ObjectKind::FeatureView, &view("stats", &[feature("rate", 5)], "changed")).unwrap();
    assert_eq!(record(&registry), (1, FeatureViewState::AvailableOnline));
    let mut materializing = view("stats", &[feature("rate", 5)], "changed");
    materializing.meta.as_mut().unwrap().state = FeatureViewState::Materializing.number();
    put(&registry, ObjectKind::FeatureView, &materializing).unwrap();
    assert_eq!(record(&registry), (1, FeatureViewState::Materializing));
    // Another feature invalidates nothing, another type of a feature does.
    let wider = [feature("rate", 5), feature("trips", 4)];
    put(&registry, ObjectKind::FeatureView, &view("stats", &wider, "changed")).unwrap();
    assert_eq!(record(&registry).0, 1);
    put(&registry, ObjectKind::FeatureView, &view("stats", &[feature("rate", 4)], "changed")).unwrap();
    assert_eq!(record(&registry), (0, FeatureViewState::Unspecified));
}

#[test]
fn a_change_that_is_not_allowed_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, _) = open(&folder);
    let denied = || RequestError::PermissionDenied { details: "no".to_owned() };
    let message = view("stats", &[feature("rate", 5)], "").encode_to_vec();
    let sent = SentObject::read(ObjectKind::FeatureView, &message).unwrap();
    let refused = registry.put_object("p", &sent, |existing| {
        assert!(existing.is_none());
        Err(denied())
    });
    assert!(refused.is_err() && !registry.path().exists());
    registry.put_object("p", &sent, |_| Ok(())).unwrap();
    let file = std::fs::read(registry.path()).unwrap();
    let refused = registry.put_object("p", &sent, |existing| {
        assert_eq!(existing.unwrap().name, "stats");
        Err(denied())
    });
    assert!(refused.is_err());
    let refused = registry.take_object("p", ObjectKind::FeatureView, "stats", |object| {
        assert_eq!((object.project, object.name), ("p", "stats"));
        Err(denied())
    });
    assert!(refused.is_err());
    assert_eq!(std::fs::read(registry.path()).unwrap(), file);
}

/// What a client does.
#[derive(Clone, Debug)]
enum Step {
    Put { name: &'static str, schema: i32, description: bool, label: bool },
    Take { name: &'static str },
}

fn step() -> impl Strategy<Value = Step> {
    let name = || prop::sample::select(vec!["a", "A", "b"]);
    prop_oneof![
        4 => (name(), 4..7_i32, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(name, schema, description, label)| Step::Put { name, schema, description, label }),
        1 => name().prop_map(|name| Step::Take { name }),
    ]
}

/// What a registry is to know of a view, told plainly.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    schema: i32,
    description: bool,
    label: bool,
    /// The schema of every version.
    versions: Vec<i32>,
}

proptest! {
    #[test]
    fn views_follow_the_rule_of_names_and_versions(steps in prop::collection::vec(step(), 1..20)) {
        let folder = tempfile::tempdir().unwrap();
        let (registry, _) = open(&folder);
        let mut known: BTreeMap<&str, Known> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put { name, schema, description, label } => {
                    let text = if description { "described" } else { "" };
                    let features = [feature("f", schema)];
                    let answer = if label {
                        put(&registry, ObjectKind::LabelView, &proto::LabelView {
                            spec: Some(proto::LabelViewSpec {
                                name: name.to_owned(),
                                features: features.to_vec(),
                                description: text.to_owned(),
                                ..proto::LabelViewSpec::default()
                            }),
                            meta: None,
                        })
                    } else {
                        put(&registry, ObjectKind::FeatureView, &view(name, &features, text))
                    };
                    let taken = known.iter().any(|(other, known)| {
                        other.eq_ignore_ascii_case(name) && (*other != name || known.label != label)
                    });
                    prop_assert_eq!(answer.is_err(), taken, "{:?} {:?}", name, answer);
                    if taken {
                        continue;
                    }
                    let view = known.entry(name).or_insert_with(|| Known {
                        schema, description, label, versions: vec![schema],
                    });
                    if view.schema != schema {
                        view.versions.push(schema);
                    }
                    (view.schema, view.description) = (schema, description);
                }
                Step::Take { name } => {
                    let answer = registry.take_object("p", ObjectKind::FeatureView, name, |_| Ok(()));
                    prop_assert_eq!(answer.is_ok(), known.remove(name).is_some());
                }
            }
            let messages = registry.messages().unwrap();
            let mut found: BTreeMap<String, Known> = BTreeMap::new();
            for object in messages.views("p") {
                let (spec, number) = if object.kind == ObjectKind::LabelView {
                    let spec = proto::LabelView::decode(object.bytes).unwrap().spec.unwrap();
                    ((spec.features, spec.description), None)
                } else {
                    let view = proto::FeatureView::decode(object.bytes).unwrap();
                    let spec = view.spec.unwrap();
                    ((spec.features, spec.description), Some(view.meta.unwrap().current_version_number))
                };
                let contents = messages.clone().into_contents();
                let records = contents.versions.iter().map(Stored::message);
                let records: Vec<_> = records.filter(|record| record.feature_view_name == object.name).collect();
                let versions = records.iter().map(|record| {
                    let bytes = record.feature_view_proto.as_slice();
                    if object.kind == ObjectKind::LabelView {
                        proto::LabelView::decode(bytes).unwrap().spec.unwrap().features[0].value_type
                    } else {
                        proto::FeatureView::decode(bytes).unwrap().spec.unwrap().features[0].value_type
                    }
                });
                let versions: Vec<i32> = versions.collect();
                let numbers: Vec<i32> = records.iter().map(|record| record.version_number).collect();
                let counted = i32::try_from(numbers.len()).unwrap();
                prop_assert_eq!(numbers, (0..counted).collect::<Vec<_>>());
                prop_assert!(number.is_none_or(|number| number == counted - 1));
                found.insert(object.name.to_owned(), Known {
                    schema: spec.0[0].value_type,
                    description: !spec.1.is_empty(),
                    label: object.kind == ObjectKind::LabelView,
                    versions,
                });
            }
            let expected: BTreeMap<String, Known> =
                known.iter().map(|(name, known)| ((*name).to_owned(), known.clone())).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
