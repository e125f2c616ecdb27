//! Larder's messages beside Feast's own: the descriptors of every protobuf file in its package.
//!
//! The numbers of a message stand in attributes, which nothing can ask at run time; so its source text is
//! read. What a message says must be in Feast's under the same number, name and type.

use std::collections::{BTreeMap, BTreeSet};

use larder_core::{ExternalSystem, ScalarType, ValueType};
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use regex::Regex;

use super::descriptor::{self, Kind, Message};
use super::external_table;

const SOURCES: [&str; 7] = [
    include_str!("messages/dataset.rs"),
    include_str!("messages/mod.rs"),
    include_str!("messages/on_demand.rs"),
    include_str!("messages/permission.rs"),
    include_str!("messages/service.rs"),
    include_str!("messages/source.rs"),
    include_str!("messages/view.rs"),
];

/// Messages of Feast's that are one here, since they are alike.
const ALIKE: [(&str, &[&str]); 4] = [
    ("Meta", &["EntityMeta", "FeatureServiceMeta", "ProjectMeta", "PermissionMeta", "LabelViewMeta"]),
    ("NamesPolicy", &["RoleBasedPolicy", "GroupBasedPolicy", "NamespaceBasedPolicy"]),
    (
        "TableDestination",
        &[
            "LoggingConfig.BigQueryDestination",
            "LoggingConfig.RedshiftDestination",
            "LoggingConfig.AthenaDestination",
            "LoggingConfig.SnowflakeDestination",
        ],
    ),
    ("FormatText", &["StreamFormat.AvroFormat", "StreamFormat.ProtoFormat", "StreamFormat.JsonFormat"]),
];

/// A message of Feast's and the one that took its place, which has all its fields.
const REPLACED: (&str, &str) = ("feast.core.UserDefinedFunction", "feast.core.UserDefinedFunctionV2");

/// Names that are other here: message and field of larder, and Feast's name for it.
const RENAMED: [(&str, &str, &[&str]); 4] = [
    ("DataSource", "source_type", &["type"]),
    ("NamesPolicy", "names", &["roles", "groups", "namespaces"]),
    ("TableDestination", "table", &["table_ref", "table_name"]),
    ("FormatText", "text", &["schema_json", "class_path"]),
];

/// Feast's messages and enums by full name.
struct Feast {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, EnumDescriptorProto>,
}

impl Feast {
    fn recorded() -> Self {
        let bytes = include_bytes!("../../../../tests/feast_compat/recorded/protos/feast_descriptors.fds");
        let set = FileDescriptorSet::decode(&bytes[..]).unwrap();
        let mut feast = Self { messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in set.file {
            for message in file.message_type.clone() {
                feast.add(file.package(), message);
            }
            for known in file.enum_type.clone() {
                feast.enums.insert(format!("{}.{}", file.package(), known.name()), known);
            }
        }
        feast
    }

    fn add(&mut self, within: &str, message: DescriptorProto) {
        let name = format!("{within}.{}", message.name());
        for nested in message.nested_type.clone() {
            self.add(&name, nested);
        }
        for known in &message.enum_type {
            self.enums.insert(format!("{name}.{}", known.name()), known.clone());
        }
        self.messages.insert(name, message);
    }

    fn message(&self, name: &str) -> &DescriptorProto {
        self.messages.get(name).unwrap_or_else(|| panic!("Feast has no message {name}"))
    }

    fn field(&self, message: &str, number: i32) -> Option<&FieldDescriptorProto> {
        self.message(message).field.iter().find(|field| field.number() == number)
    }

    /// The types of key and value of a map field; `None` if it is none.
    fn map_types(&self, field: &FieldDescriptorProto) -> Option<(Type, &FieldDescriptorProto)> {
        if field.r#type() != Type::Message {
            return None;
        }
        let entry = self.messages.get(field.type_name().trim_start_matches('.'))?;
        if !entry.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry) {
            return None;
        }
        Some((entry.field[0].r#type(), &entry.field[1]))
    }
}

/// A message of larder, read from its source.
struct Ours {
    name: String,
    /// The full names of those of Feast's that it stands for.
    of_feast: Vec<String>,
    fields: Vec<OurField>,
}

struct OurField {
    name: String,
    number: i32,
    /// `string`, `message`, `btree_map = "string, string"` and the like.
    kind: String,
    repeated: bool,
    rust_type: String,
}

fn ours() -> Vec<Ours> {
    let message =
        Regex::new(r"(?s)((?:///[^\n]*\n)+)(?:#\[[^\n]*\n)*pub\(crate\) struct (\w+) \{\n(.*?)\n\}").unwrap();
    let field =
        Regex::new(r#"(?s)#\[prost\(([^)]*?), tag = "(\d+)"\)\]\s*pub\(crate\) (\w+): ([^\n]+),"#).unwrap();
    let quoted = Regex::new("`(feast[.][A-Za-z0-9.]+)`").unwrap();
    let mut messages = Vec::new();
    for source in SOURCES {
        for found in message.captures_iter(source) {
            let (doc, name, body) = (&found[1], &found[2], &found[3]);
            let alike = ALIKE.iter().find(|(known, _)| *known == name);
            let of_feast = match alike {
                Some((_, names)) => names.iter().map(|name| format!("feast.core.{name}")).collect(),
                None => vec![quoted.captures(doc).unwrap_or_else(|| panic!("{name}: {doc}"))[1].to_owned()],
            };
            let fields = field.captures_iter(body).map(|found| OurField {
                name: found[3].to_owned(),
                number: found[2].parse().unwrap(),
                kind: found[1].split(", ").next().unwrap().to_owned()
                    + if found[1].starts_with("btree_map") {
                        &found[1]["btree_map = \"string".len()..]
                    } else {
                        ""
                    },
                repeated: found[1].contains("repeated"),
                rust_type: found[4].to_owned(),
            });
            let fields: Vec<OurField> = fields.collect();
            assert_eq!(fields.len(), body.matches("#[prost(").count(), "every field of {name} is read");
            messages.push(Ours { name: name.to_owned(), of_feast, fields });
        }
        assert_eq!(
            source.matches("pub(crate) struct ").count(),
            message.captures_iter(source).count(),
            "every message is read"
        );
    }
    messages
}

/// The type of a field in the source without `Option`, `Vec` and `Box`.
fn inner_type(rust_type: &str) -> &str {
    let inner = rust_type.rsplit('<').next().unwrap_or(rust_type);
    inner.trim_end_matches('>').rsplit("::").next().unwrap_or(inner)
}

#[test]
fn every_field_of_larders_messages_has_feasts_number_name_and_type() {
    let feast = Feast::recorded();
    let messages = ours();
    assert!(messages.len() > 40, "{}", messages.len());
    let names: BTreeMap<&str, &[String]> =
        messages.iter().map(|message| (message.name.as_str(), message.of_feast.as_slice())).collect();
    let mut compared = 0;
    for message in &messages {
        for full_name in &message.of_feast {
            for field in &message.fields {
                let context = format!("{}.{} of {full_name}", message.name, field.name);
                let theirs = feast.field(full_name, field.number);
                let theirs = theirs.unwrap_or_else(|| panic!("{context}: Feast has no {}", field.number));
                check_name(message, field, theirs, &context);
                check_type(&feast, &names, field, theirs, &context);
                compared += 1;
            }
        }
    }
    assert!(compared > 250, "{compared}");
}

fn check_name(message: &Ours, field: &OurField, theirs: &FieldDescriptorProto, context: &str) {
    let renamed = RENAMED.iter().find(|(known, name, _)| *known == message.name && *name == field.name);
    match renamed {
        Some((.., names)) => assert!(names.contains(&theirs.name()), "{context}: {}", theirs.name()),
        None => assert_eq!(field.name, theirs.name(), "{context}"),
    }
}

fn check_type(
    feast: &Feast,
    names: &BTreeMap<&str, &[String]>,
    field: &OurField,
    theirs: &FieldDescriptorProto,
    context: &str,
) {
    if let Some(value) = field.kind.strip_prefix("btree_map = \"string, ") {
        let (key, found) = feast.map_types(theirs).unwrap_or_else(|| panic!("{context}: Feast has no map"));
        assert_eq!(key, Type::String, "{context}");
        let fits = match value.trim_end_matches('"') {
            "string" => found.r#type() == Type::String,
            "int32" => matches!(found.r#type(), Type::Int32 | Type::Enum),
            _ => found.r#type() == Type::Message,
        };
        assert!(fits, "{context}: a map to {value} is one to {:?}", found.r#type());
        return;
    }
    assert_eq!(field.repeated, theirs.label() == Label::Repeated, "{context}: repeated");
    let fits = match field.kind.as_str() {
        "string" => theirs.r#type() == Type::String,
        "bool" => theirs.r#type() == Type::Bool,
        "float" => theirs.r#type() == Type::Float,
        // An enum is its number; a message that is not looked into is its bytes. On the wire it is the same.
        "int32" => matches!(theirs.r#type(), Type::Int32 | Type::Enum),
        "bytes = \"vec\"" => matches!(theirs.r#type(), Type::Bytes | Type::Message),
        "message" => {
            let wanted = match theirs.type_name().trim_start_matches('.') {
                old if old == REPLACED.0 => REPLACED.1,
                wanted => wanted,
            };
            let fits = match inner_type(&field.rust_type) {
                "Timestamp" => wanted == "google.protobuf.Timestamp",
                "Duration" => wanted == "google.protobuf.Duration",
                "()" => feast.message(wanted).field.is_empty(),
                ours => names.get(ours).is_some_and(|names| names.iter().any(|name| name == wanted)),
            };
            assert!(fits, "{context}: {} is {wanted}", field.rust_type);
            theirs.r#type() == Type::Message
        }
        other => panic!("{context}: {other}"),
    };
    assert!(fits, "{context}: {} is {:?}", field.kind, theirs.r#type());
}

#[test]
fn the_message_that_took_anothers_place_has_its_fields() {
    let feast = Feast::recorded();
    let [old, new] = [REPLACED.0, REPLACED.1].map(|name| &feast.message(name).field);
    assert_eq!(old.len(), 3);
    for field in old {
        let found = new.iter().find(|found| found.number() == field.number());
        let same = found.map(|found| (found.name(), found.r#type()));
        assert_eq!(same, Some((field.name(), field.r#type())));
    }
}

#[test]
fn the_registry_keeps_its_lists_under_feasts_numbers() {
    let feast = Feast::recorded();
    let source = include_str!("../registry_file/contents.rs");
    let numbers = Regex::new(r"pub\(crate\) const (\w+): u32 = (\d+);").unwrap();
    let mut compared = 0;
    for found in numbers.captures_iter(source) {
        let name = match &found[1] {
            "SCHEMA_VERSION" => "registry_schema_version".to_owned(),
            "VERSION_HISTORY" => "feature_view_version_history".to_owned(),
            other => other.to_lowercase(),
        };
        let field = feast.field("feast.core.Registry", found[2].parse().unwrap());
        assert_eq!(field.map(FieldDescriptorProto::name), Some(name.as_str()));
        compared += 1;
    }
    assert_eq!(compared, 17);
}

/// The name of a field in protobuf's JSON.
fn json_name(name: &str) -> String {
    let mut parts = name.split('_');
    let mut json_name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(part.len().min(1));
        json_name.push_str(&first.to_uppercase());
        json_name.push_str(rest);
    }
    json_name
}

/// Compares a table of names with Feast's message, and those it refers to.
fn check_table(feast: &Feast, name: &str, table: &'static Message, seen: &mut BTreeSet<String>) {
    if !seen.insert(name.to_owned()) {
        return;
    }
    for field in table.fields {
        let context = format!("{name}.{}", field.json_name);
        let theirs = feast.field(name, i32::try_from(field.number).unwrap());
        let theirs = theirs.unwrap_or_else(|| panic!("{context}: Feast has no {}", field.number));
        assert_eq!(field.json_name, json_name(theirs.name()), "{context}");
        let type_name = theirs.type_name().trim_start_matches('.');
        let map = feast.map_types(theirs);
        assert_eq!(field.repeated || map.is_some(), theirs.label() == Label::Repeated, "{context}: repeated");
        let value_of = |map: Option<(Type, &FieldDescriptorProto)>| {
            let (key, value) = map.unwrap_or_else(|| panic!("{context}: Feast has no map"));
            assert_eq!(key, Type::String, "{context}");
            (value.r#type(), value.type_name().trim_start_matches('.').to_owned())
        };
        let fits = match &field.kind {
            Kind::Text => theirs.r#type() == Type::String,
            Kind::Bytes => theirs.r#type() == Type::Bytes,
            Kind::Boolean => theirs.r#type() == Type::Bool,
            Kind::Int32 => theirs.r#type() == Type::Int32,
            Kind::Uint64 => theirs.r#type() == Type::Uint64,
            Kind::Float => theirs.r#type() == Type::Float,
            Kind::ValueType => type_name == "feast.types.ValueType.Enum",
            Kind::Timestamp => type_name == "google.protobuf.Timestamp",
            Kind::Duration => type_name == "google.protobuf.Duration",
            Kind::Enum(words) => {
                let values = &feast.enums[type_name].value;
                let theirs: BTreeMap<i32, &str> =
                    values.iter().map(|value| (value.number(), value.name())).collect();
                let ours: BTreeMap<i32, &str> = (0..).zip(words.iter().copied()).collect();
                assert_eq!(ours, theirs, "{context}");
                true
            }
            Kind::Message(part) => {
                let type_name = if type_name == REPLACED.0 { REPLACED.1 } else { type_name };
                check_table(feast, type_name, part, seen);
                theirs.r#type() == Type::Message
            }
            Kind::TextMap => value_of(map).0 == Type::String,
            Kind::ValueTypeMap => value_of(map).1 == "feast.types.ValueType.Enum",
            Kind::MessageMap(part) => {
                let (kind, value) = value_of(map);
                check_table(feast, &value, part, seen);
                kind == Type::Message
            }
        };
        assert!(fits, "{context}: {:?} is {:?} {type_name}", field.kind, theirs.r#type());
    }
}

#[test]
fn what_is_shown_of_objects_has_feasts_names_numbers_and_types() {
    let feast = Feast::recorded();
    let mut seen = BTreeSet::new();
    for (name, table) in [
        ("DataSource", &descriptor::DATA_SOURCE),
        ("Entity", &descriptor::ENTITY),
        ("FeatureService", &descriptor::FEATURE_SERVICE),
        ("FeatureView", &descriptor::FEATURE_VIEW),
        ("FeatureViewVersionRecord", &descriptor::VERSION_RECORD),
        ("Infra", &descriptor::INFRA),
        ("LabelView", &descriptor::LABEL_VIEW),
        ("OnDemandFeatureView", &descriptor::ON_DEMAND_FEATURE_VIEW),
        ("Permission", &descriptor::PERMISSION),
        ("Project", &descriptor::PROJECT),
        ("SavedDataset", &descriptor::SAVED_DATASET),
        ("StreamFeatureView", &descriptor::STREAM_FEATURE_VIEW),
        ("ValidationReference", &descriptor::VALIDATION_REFERENCE),
    ] {
        check_table(&feast, &format!("feast.core.{name}"), table, &mut seen);
    }
    assert!(seen.len() > 50, "{seen:?}");
}

#[test]
fn tables_of_other_systems_keep_their_options_under_feasts_numbers() {
    let feast = Feast::recorded();
    let mut compared = 0;
    for system in ExternalSystem::ALL {
        for (number, key) in external_table::numbers(system) {
            let message = format!("feast.core.DataSource.{system:?}Options");
            let field = feast.field(&message, i32::try_from(*number).unwrap());
            assert_eq!(field.map(FieldDescriptorProto::name), Some(*key), "{message}");
            compared += 1;
        }
    }
    assert_eq!(compared, 2 + 2 + 4 + 4 + 4 + 6);
}

#[test]
fn types_have_feasts_numbers_and_fields() {
    let feast = Feast::recorded();
    let numbers: BTreeMap<&str, i32> = feast.enums["feast.types.ValueType.Enum"]
        .value
        .iter()
        .map(|value| (value.name(), value.number()))
        .collect();
    let mut compared = 0;
    for value_type in ValueType::simple() {
        let name = value_type.proto_name();
        let number = numbers.get(name.as_str()).copied();
        let field = feast.field("feast.types.Value", value_type.number()).map(FieldDescriptorProto::name);
        // Feast's Python has these two, its protobuf has not.
        if matches!(value_type, ValueType::Scalar(ScalarType::PdfBytes | ScalarType::ImageBytes)) {
            assert_eq!((number, field), (None, None), "{value_type}");
        } else {
            let known = format!("{}_val", name.to_lowercase());
            assert_eq!((number, field), (Some(value_type.number()), Some(known.as_str())), "{value_type}");
        }
        compared += 1;
    }
    assert!(compared > 35, "{compared}");
}

#[test]
fn the_list_of_feasts_messages_says_the_same_as_their_descriptors() {
    let feast = Feast::recorded();
    let list = include_str!("../../../../tests/feast_compat/recorded/protos/feast_protos.txt");
    let (mut message, mut of_enum, mut seen) = (None, None, 0);
    for line in list.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("message"), Some(name)) => (message, of_enum) = (feast.messages.get(name), None),
            (Some("enum"), Some(name)) => (message, of_enum) = (None, feast.enums.get(name)),
            (Some("service" | "##"), _) => (message, of_enum) = (None, None),
            (Some(number), Some(name)) if line.starts_with("    ") => {
                let Ok(number) = number.parse::<i32>() else { continue };
                let name = name.trim_end_matches(':');
                if let Some(message) = message {
                    let field = message.field.iter().find(|field| field.number() == number);
                    assert_eq!(field.map(FieldDescriptorProto::name), Some(name), "{line}");
                    seen += 1;
                } else if let Some(known) = of_enum {
                    let value = known.value.iter().find(|value| value.number() == number);
                    assert_eq!(value.map(prost_types::EnumValueDescriptorProto::name), Some(name), "{line}");
                    seen += 1;
                }
            }
            _ => {}
        }
    }
    assert!(seen > 700, "{seen}");
}
