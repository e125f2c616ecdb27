//! From the tree of one file to definitions.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use larder_core::{DUMMY_JOIN_KEY, Entity, Field, FileFormat, Project, TransformationLimits, ValueType};

use super::parsed::{
    ParsedDataSource, ParsedDefinitions, ParsedFeatureService, ParsedFeatureView, ParsedOnDemandFeatureView,
    ParsedProjection, ParsedSourceKind,
};
use super::shapes::{
    DATA_SOURCE, ENTITY, FEATURE_SERVICE, FEATURE_VIEW, FIELD, FILE, LIMITS, ON_DEMAND_FEATURE_VIEW, PROJECT,
    PROJECTION, SOURCE_TYPES_LATER, TRANSFORMATION,
};
use crate::problem::{Problem, Report};
use crate::proto::RESERVED_TAG_PREFIX;
use crate::shape::Takes;
use crate::suggestion::suggest;
use crate::yaml::{At, Node, NodeKind, ObjectReader};

/// Adds the definitions of one document to `parsed`.
pub(crate) fn read_document(document: &Node, parsed: &mut ParsedDefinitions, report: &mut Report) {
    if document.is_null() {
        return;
    }
    let entries = match document.entries("a file of definitions") {
        Ok(entries) => entries,
        Err(problem) => return report.problem(ignore_hint(problem)),
    };
    // Keys for anchors, as in Compose files.
    let is_extension = |key: &str| key.starts_with("x-");
    let known = |key: &str| FILE.key(key).is_some();
    if let Some(first) = entries.first()
        && entries.iter().all(|entry| !known(&entry.key) && !is_extension(&entry.key))
    {
        // One problem for a file of something else, not one for each key.
        let what = format!("unknown key `{}` in a {}", first.key, FILE.noun);
        let problem = first.key_place.problem(what).maybe_remedy(suggest(&first.key, FILE.names()));
        return report.problem(ignore_hint(problem));
    }
    for entry in entries.iter().filter(|entry| !is_extension(&entry.key)) {
        let (key, value) = (entry.key.as_str(), &entry.value);
        match FILE.key(key).map(|key| &key.takes) {
            None => {
                let problem = entry.key_place.problem(format!("unknown key `{key}` in a {}", FILE.noun));
                report.problem(problem.maybe_remedy(suggest(key, FILE.names())));
                continue;
            }
            Some(_) if value.is_null() => continue,
            Some(Takes::Later) => {
                let problem = entry.key_place.problem(format!("`{key}` are not supported yet"));
                report.problem(problem.remedy("remove the key"));
                continue;
            }
            Some(Takes::Object(_)) => {
                read_project(value, parsed, report);
                continue;
            }
            Some(_) => {}
        }
        let items = match value.list(&format!("`{key}`")) {
            Ok(items) => items,
            Err(problem) => {
                report.problem(problem);
                continue;
            }
        };
        for item in items {
            let read = match key {
                "entities" => add(&mut parsed.entities, read_entity(item, report)),
                "data_sources" => add(&mut parsed.data_sources, read_data_source(item, report)),
                "feature_views" => add(&mut parsed.feature_views, read_feature_view(item, report)),
                "on_demand_feature_views" => {
                    add(&mut parsed.on_demand_feature_views, read_on_demand_feature_view(item, report))
                }
                _ => add(&mut parsed.feature_services, read_feature_service(item, report)),
            };
            if !read {
                parsed.broken.extend(written_name(item));
            }
        }
    }
}

/// Whether there was an object to add.
fn add<T>(objects: &mut Vec<T>, object: Option<T>) -> bool {
    let count = objects.len();
    objects.extend(object);
    objects.len() > count
}

/// The name of an object that could not be read.
fn written_name(item: &Node) -> Option<String> {
    let entries = item.entries("").ok()?;
    let name = entries.iter().find(|entry| entry.key == "name")?;
    name.value.text("").ok().map(str::to_owned)
}

fn ignore_hint(problem: Problem) -> Problem {
    let hint = "list the file in `.feastignore` if it holds no definitions";
    let remedy =
        problem.remedy.as_ref().map_or_else(|| hint.to_owned(), |remedy| format!("{remedy}; or {hint}"));
    problem.remedy(remedy)
}

fn read_project(node: &Node, parsed: &mut ParsedDefinitions, report: &mut Report) {
    let Some(reader) = ObjectReader::open(node, &PROJECT, report) else { return };
    let Some(name) = reader.required_name("name", report) else { return };
    let tags = tags(&reader, report);
    let project = Project {
        name: name.value,
        description: reader.text("description", report),
        tags,
        owner: reader.text("owner", report),
    };
    if parsed.project.is_some() {
        let problem = name.place.problem("the project is described twice");
        return report.problem(problem.remedy("keep one `project` in the repo"));
    }
    parsed.project = Some(At { value: project, place: name.place });
}

fn read_entity(node: &Node, report: &mut Report) -> Option<At<Entity>> {
    let reader = ObjectReader::open(node, &ENTITY, report)?;
    let name = reader.required_name("name", report);
    let join_key = reader.name("join_key", report);
    let join_keys = reader.names("join_keys", report);
    if let (Some(_), Some(place)) = (&join_key, reader.key_place("join_keys")) {
        report.problem(place.problem(format!("{} has both `join_key` and `join_keys`", reader.subject)));
    }
    if let Some(second) = join_keys.get(1) {
        let problem = second.place.problem(format!("{} has more than one join key", reader.subject));
        report
            .problem(problem.remedy("define one entity for each join key and list all of them in the view"));
    }
    let value_type = value_type(&reader, "value_type", report);
    if let Some(value_type) = &value_type
        && !value_type.value.is_key_type()
    {
        report.problem(not_a_key_type(value_type, &reader.subject));
    }
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    let name = name?;
    let join_key = join_key.or_else(|| join_keys.into_iter().next());
    let entity = Entity {
        join_key: join_key.map_or_else(|| name.value.clone(), |key| key.value),
        name: name.value,
        value_type: value_type.map(|value_type| value_type.value),
        description,
        tags,
        owner,
    };
    Some(At { value: entity, place: name.place })
}

/// A type of a join key that entity keys cannot hold.
pub(crate) fn not_a_key_type(value_type: &At<ValueType>, subject: &str) -> Problem {
    let problem = value_type
        .place
        .problem(format!("{} cannot be the type of the join key of {subject}", value_type.value));
    problem.remedy("use Int64, Int32, String, Bytes or UnixTimestamp")
}

fn read_data_source(node: &Node, report: &mut Report) -> Option<ParsedDataSource> {
    let reader = ObjectReader::open(node, &DATA_SOURCE, report)?;
    let kind = source_type(&reader, report);
    let kind = match kind? {
        "file" => {
            only_keys(
                &reader,
                "file",
                &["path", "file_format", "timestamp_field", "created_timestamp_column", "field_mapping"],
                report,
            );
            read_file_source(&reader, report)
        }
        "push" => {
            only_keys(&reader, "push", &["batch_source"], report);
            Some(ParsedSourceKind::Push { batch_source: reader.name("batch_source", report) })
        }
        _ => {
            only_keys(&reader, "request", &["schema"], report);
            let schema = fields(&reader, "schema", report);
            if schema.is_empty()
                && reader.get("schema").is_none_or(|node| node.list("").is_ok_and(<[_]>::is_empty))
            {
                report.problem(
                    reader.place.problem(format!("{} has no fields in its `schema`", reader.subject)),
                );
            }
            Some(ParsedSourceKind::Request { schema })
        }
    };
    let name = match (&kind, reader.get("name")) {
        // As in Feast, a table may go by where it is.
        (Some(ParsedSourceKind::File { path, .. }), None) => Some(path.clone()),
        _ => reader.required_name("name", report),
    };
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedDataSource { name: name?, kind: kind?, description, tags, owner })
}

/// The type that is written, or that the other keys tell.
fn source_type(reader: &ObjectReader<'_>, report: &mut Report) -> Option<&'static str> {
    const TYPES: [&str; 3] = ["file", "push", "request"];
    if reader.get("type").is_some() {
        let written = reader.name("type", report)?;
        let known = TYPES.into_iter().find(|known| *known == written.value);
        if known.is_none() {
            let later = SOURCE_TYPES_LATER.contains(&written.value.as_str());
            let state = if later { "are not supported yet" } else { "are unknown" };
            let problem = written.place.problem(format!("data sources of type `{}` {state}", written.value));
            report.problem(problem.maybe_remedy(suggest(&written.value, TYPES)));
        }
        return known;
    }
    let told: Vec<&str> = [("path", "file"), ("batch_source", "push"), ("schema", "request")]
        .into_iter()
        .filter(|(key, _)| reader.get(key).is_some())
        .map(|(_, kind)| kind)
        .collect();
    let [kind] = told.as_slice() else {
        let problem = reader.place.problem(format!("{} has no `type`", reader.subject));
        report.problem(problem.remedy("add `type: file`, `type: push` or `type: request`"));
        return None;
    };
    TYPES.into_iter().find(|known| known == kind)
}

/// Refuses keys that belong to other kinds of sources.
fn only_keys(reader: &ObjectReader<'_>, kind: &str, own: &[&str], report: &mut Report) {
    const BY_KIND: [&str; 7] = [
        "path",
        "file_format",
        "timestamp_field",
        "created_timestamp_column",
        "field_mapping",
        "batch_source",
        "schema",
    ];
    for key in BY_KIND.into_iter().filter(|key| !own.contains(key)) {
        if let (Some(_), Some(place)) = (reader.get(key), reader.key_place(key)) {
            let problem =
                place.problem(format!("{} is a {kind} source, which has no `{key}`", reader.subject));
            report.problem(problem.remedy("remove the key, or correct the `type`"));
        }
    }
}

fn read_file_source(reader: &ObjectReader<'_>, report: &mut Report) -> Option<ParsedSourceKind> {
    reader.require("path", report);
    let path = reader.read("path", report, |node, what| {
        let path = node.text(what)?.trim();
        let local = path.strip_prefix("file://").unwrap_or(path);
        match local.split_once("://") {
            Some((scheme, _)) => {
                let problem = node.place.problem(format!("sources on `{scheme}://` are not supported yet"));
                Err(problem.remedy("use a path on this machine"))
            }
            None if local.is_empty() => Err(node.place.problem(format!("{what} is empty"))),
            None => Ok(local.to_owned()),
        }
    });
    let format = reader.read("file_format", report, |node, what| {
        let text = node.text(what)?;
        let known = [FileFormat::Parquet, FileFormat::Csv, FileFormat::NdJson];
        let found = known.into_iter().find(|format| format.name() == text.to_ascii_lowercase());
        found.ok_or_else(|| {
            let problem = node.place.problem(format!("file format `{text}` is not supported"));
            problem.maybe_remedy(suggest(text, known.map(FileFormat::name)))
        })
    });
    let timestamp_field = reader.name("timestamp_field", report);
    let created_timestamp_column = reader.name("created_timestamp_column", report);
    if let (Some(event), Some(created)) = (&timestamp_field, &created_timestamp_column)
        && event.value == created.value
    {
        let problem = created.place.problem(format!("{} has one column for both timestamps", reader.subject));
        report.problem(problem.because("the created timestamp breaks ties of the event timestamp"));
    }
    let field_mapping = reader.labels("field_mapping", report);
    let mut targets = BTreeMap::new();
    for (column, name) in &field_mapping {
        if let Some(other) = targets.insert(name, column)
            && let Some(place) = reader.key_place("field_mapping")
        {
            let what = format!("{} maps both `{other}` and `{column}` to `{name}`", reader.subject);
            report.problem(place.problem(what));
        }
    }
    let path = path?;
    let format = format
        .map(|format| format.value)
        .or_else(|| FileFormat::from_path(&path.value))
        .unwrap_or(FileFormat::Parquet);
    Some(ParsedSourceKind::File { path, format, timestamp_field, created_timestamp_column, field_mapping })
}

fn read_feature_view(node: &Node, report: &mut Report) -> Option<ParsedFeatureView> {
    let reader = ObjectReader::open(node, &FEATURE_VIEW, report)?;
    let name = view_name(&reader, report);
    let source = reader.required_name("source", report);
    let entities = unique(reader.names("entities", report), "entity", &reader.subject, report);
    let schema = fields(&reader, "schema", report);
    let ttl = reader.span("ttl", report).map_or(Duration::ZERO, |span| span.value);
    let online = reader.boolean("online", true, report);
    let offline = reader.boolean("offline", false, report);
    let enabled = reader.boolean("enabled", true, report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedFeatureView {
        name: name?,
        entities,
        source: source?,
        schema,
        ttl,
        online,
        offline,
        enabled,
        description,
        tags,
        owner,
    })
}

fn read_on_demand_feature_view(node: &Node, report: &mut Report) -> Option<ParsedOnDemandFeatureView> {
    let reader = ObjectReader::open(node, &ON_DEMAND_FEATURE_VIEW, report)?;
    let name = view_name(&reader, report);
    reader.require("sources", report);
    let sources = projections(&reader, "sources", report);
    reader.require("schema", report);
    let schema = fields(&reader, "schema", report);
    let transformation =
        reader.require("transformation", report).and_then(|node| transformation(node, &reader, report));
    let write_to_online_store = reader.boolean("write_to_online_store", false, report);
    let entities = unique(reader.names("entities", report), "entity", &reader.subject, report);
    if let (Some(first), false) = (entities.first(), write_to_online_store) {
        let problem = first
            .place
            .problem(format!("{} has entities but is not written to the online store", reader.subject));
        report.problem(problem.remedy("remove `entities`, or set `write_to_online_store: true`"));
    }
    let enabled = reader.boolean("enabled", true, report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    let (component, function, limits) = transformation?;
    Some(ParsedOnDemandFeatureView {
        name: name?,
        sources,
        schema,
        component,
        function,
        limits,
        write_to_online_store,
        entities,
        enabled,
        description,
        tags,
        owner,
    })
}

type Transformation = (At<String>, Option<At<String>>, TransformationLimits);

fn transformation(node: &Node, view: &ObjectReader<'_>, report: &mut Report) -> Option<Transformation> {
    if let NodeKind::Scalar(_) = node.kind {
        let component =
            view.read("transformation", report, |node, what| node.text(what).map(str::to_owned))?;
        return Some((component, None, TransformationLimits::default()));
    }
    let reader = ObjectReader::open(node, &TRANSFORMATION, report)?;
    reader.require("component", report);
    let component = reader.read("component", report, |node, what| node.text(what).map(str::to_owned));
    let function = reader.name("function", report);
    let mut limits = TransformationLimits::default();
    if let Some(node) = reader.get("limits")
        && let Some(reader) = ObjectReader::open(node, &LIMITS, report)
    {
        if let Some(wall_time) = reader.span("wall_time", report) {
            limits.wall_time = wall_time.value;
        }
        if let Some(memory) = reader.size("memory", report) {
            limits.memory_bytes = memory.value;
        }
        if let Some(output) = reader.size("output", report) {
            limits.output_bytes = output.value;
        }
        for key in ["wall_time", "memory", "output"] {
            let none = match key {
                "wall_time" => limits.wall_time.is_zero(),
                "memory" => limits.memory_bytes == 0,
                _ => limits.output_bytes == 0,
            };
            if let (true, Some(place)) = (none, reader.key_place(key)) {
                report.problem(place.problem(format!("a `{key}` of zero lets no call succeed")));
            }
        }
    }
    Some((component?, function, limits))
}

fn read_feature_service(node: &Node, report: &mut Report) -> Option<ParsedFeatureService> {
    let reader = ObjectReader::open(node, &FEATURE_SERVICE, report)?;
    let name = reader.required_name("name", report);
    reader.require("features", report);
    let features = projections(&reader, "features", report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedFeatureService { name: name?, features, description, tags, owner })
}

/// Views, whole or in part.
fn projections(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Vec<ParsedProjection> {
    let items = reader.items(key, report);
    if let (Some(node), true) = (reader.get(key), items.is_empty())
        && node.list("").is_ok()
    {
        report.problem(node.place.problem(format!("{} is empty", reader.what(key))));
    }
    items.iter().filter_map(|item| projection(item, reader, key, report)).collect()
}

fn projection(
    node: &Node,
    outer: &ObjectReader<'_>,
    key: &str,
    report: &mut Report,
) -> Option<ParsedProjection> {
    if let NodeKind::Scalar(_) = node.kind {
        let name = match node.name(&format!("an item of {}", outer.what(key))) {
            Ok(name) => name.to_owned(),
            Err(problem) => {
                report.problem(problem);
                return None;
            }
        };
        if let Some((view, feature)) = name.split_once(':') {
            let problem =
                node.place.problem(format!("`{name}` is a feature, but {} takes views", outer.what(key)));
            report
                .problem(problem.remedy(format!("write `{{feature_view: {view}, features: [{feature}]}}`")));
            return None;
        }
        let target = At::new(name, &node.place);
        return Some(ParsedProjection {
            target,
            bare: true,
            features: None,
            alias: None,
            join_key_map: Vec::new(),
        });
    }
    let reader = ObjectReader::open(node, &PROJECTION, report)?;
    let target = reader.required_name("feature_view", report);
    let features = reader.get("features").map(|_| {
        let names = reader.names("features", report);
        unique(names, "feature", &outer.subject, report)
    });
    if features.as_ref().is_some_and(Vec::is_empty)
        && let Some(node) = reader.get("features")
        && node.list("").is_ok()
    {
        let problem = node.place.problem("no feature is chosen");
        report.problem(problem.remedy("leave `features` out to take all of them"));
    }
    let alias = reader.name("name_alias", report).or_else(|| reader.name("with_name", report));
    if let (Some(_), Some(_), Some(place)) =
        (reader.get("name_alias"), reader.get("with_name"), reader.key_place("with_name"))
    {
        report.problem(place.problem("`with_name` and `name_alias` mean the same; keep one of them"));
    }
    if let Some(alias) = &alias {
        check_view_name(alias, report);
    }
    let join_key_map = join_key_map(&reader, report);
    Some(ParsedProjection { target: target?, bare: false, features, alias, join_key_map })
}

fn join_key_map(reader: &ObjectReader<'_>, report: &mut Report) -> Vec<(At<String>, String)> {
    let Some(node) = reader.get("join_key_map") else { return Vec::new() };
    let entries = match node.entries(&reader.what("join_key_map")) {
        Ok(entries) => entries,
        Err(problem) => {
            report.problem(problem);
            return Vec::new();
        }
    };
    let mut map = Vec::new();
    for entry in entries {
        match entry.value.name(&format!("the column for join key `{}`", entry.key)) {
            Ok(column) => map.push((At::new(entry.key.clone(), &entry.key_place), column.to_owned())),
            Err(problem) => report.problem(problem),
        }
    }
    map
}

/// The name of a view, by Feast's rules.
fn view_name(reader: &ObjectReader<'_>, report: &mut Report) -> Option<At<String>> {
    let name = reader.required_name("name", report)?;
    check_view_name(&name, report);
    Some(name)
}

fn check_view_name(name: &At<String>, report: &mut Report) {
    if let Some(sign) = name.value.chars().find(|c| matches!(c, '@' | ':')) {
        let problem = name.place.problem(format!("a view's name must not hold `{sign}`"));
        report.problem(problem.because("references are written `view@version:feature`"));
    }
}

/// Takes the first of equal names; the others are problems.
fn unique(names: Vec<At<String>>, what: &str, subject: &str, report: &mut Report) -> Vec<At<String>> {
    let mut unique: Vec<At<String>> = Vec::with_capacity(names.len());
    for name in names {
        if unique.iter().any(|known| known.value == name.value) {
            report
                .problem(name.place.problem(format!("{what} `{}` is listed twice in {subject}", name.value)));
        } else {
            unique.push(name);
        }
    }
    unique
}

/// The user's tags; those of larder's own are refused.
fn tags(reader: &ObjectReader<'_>, report: &mut Report) -> BTreeMap<String, String> {
    let tags = reader.labels("tags", report);
    if let (Some(key), Some(place)) =
        (tags.keys().find(|key| key.starts_with(RESERVED_TAG_PREFIX)), reader.key_place("tags"))
    {
        let problem =
            place.problem(format!("tag `{key}` begins with `{RESERVED_TAG_PREFIX}`, which is larder's own"));
        report.problem(problem.remedy("choose another name"));
    }
    tags
}

fn fields(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Vec<At<Field>> {
    let mut fields: Vec<At<Field>> = Vec::new();
    for item in reader.items(key, report) {
        let Some(field) = field(item, report) else { continue };
        if fields.iter().any(|known| known.value.name == field.value.name) {
            let what = format!("field `{}` is given twice in {}", field.value.name, reader.subject);
            report.problem(field.place.problem(what));
        } else {
            fields.push(field);
        }
    }
    fields
}

fn field(node: &Node, report: &mut Report) -> Option<At<Field>> {
    let reader = ObjectReader::open(node, &FIELD, report)?;
    let name = reader.required_name("name", report);
    reader.require("dtype", report);
    let value_type = value_type(&reader, "dtype", report);
    let description = reader.text("description", report);
    let tags = tags(&reader, report);
    let name = name?;
    if name.value == DUMMY_JOIN_KEY {
        let problem = name.place.problem(format!("`{DUMMY_JOIN_KEY}` cannot be the name of a field"));
        report.problem(problem.because("it is the join key of views without entities"));
    }
    let field = Field { name: name.value, value_type: value_type?.value, description, tags };
    Some(At { value: field, place: name.place })
}

fn value_type(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Option<At<ValueType>> {
    /// Feast's names of types that larder does not have yet.
    const LATER: [&str; 10] = [
        "Map",
        "Json",
        "Struct",
        "Set",
        "Uuid",
        "TimeUuid",
        "Decimal",
        "ScalarMap",
        "ZonedTimestamp",
        "PdfBytes",
    ];
    reader.read(key, report, |node, what| {
        let text = node.text(what)?;
        // `ValueType.INT64` is how an entity's type is written in Python.
        let bare = text.trim().strip_prefix("ValueType.").unwrap_or(text.trim());
        let by_number = ValueType::all().find(|value_type| value_type.proto_name() == bare);
        ValueType::from_str(bare).ok().or(by_number).ok_or_else(|| {
            let outer = bare.split('(').next().unwrap_or(bare);
            let inner = bare.trim_start_matches("Array(").split(['(', ')']).next().unwrap_or(bare);
            if LATER.contains(&outer) || (outer == "Array" && (LATER.contains(&inner) || inner == "Array")) {
                return node.place.problem(format!("type `{bare}` is not supported yet"));
            }
            let names: Vec<String> = ValueType::all().map(|value_type| value_type.to_string()).collect();
            let problem = node.place.problem(format!("unknown type `{bare}`"));
            let list = "the types are Bytes, String, Int32, Int64, Float32, Float64, Bool, UnixTimestamp and \
                        Array(…) of each";
            let remedy = suggest(bare, names.iter().map(String::as_str)).unwrap_or_else(|| list.to_owned());
            problem.remedy(remedy)
        })
    })
}
