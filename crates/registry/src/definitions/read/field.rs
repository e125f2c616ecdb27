//! Fields, their types, and tags.

use std::collections::BTreeMap;
use std::str::FromStr;

use larder_core::{DUMMY_JOIN_KEY, Field, UnknownValueType, ValueType, VectorSearch};

use super::super::shapes::FIELD;
use crate::problem::Report;
use crate::proto::RESERVED_TAG_PREFIX;
use crate::suggestion::suggest;
use crate::yaml::{At, Node, ObjectReader};

/// The user's tags; those of larder's own are refused.
pub(super) fn tags(reader: &ObjectReader<'_>, report: &mut Report) -> BTreeMap<String, String> {
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

pub(super) fn fields(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Vec<At<Field>> {
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
    let length = reader.read("vector_length", report, |node, what| {
        let length = node.count(what)?;
        u32::try_from(length).map_err(|_| node.place.problem(format!("{what} is too large")))
    });
    let vector = VectorSearch {
        index: reader.boolean("vector_index", false, report),
        length: length.map_or(0, |length| length.value),
        metric: reader.text("vector_search_metric", report),
    };
    let field = Field { name: name.value, value_type: value_type?.value, description, tags, vector };
    Some(At { value: field, place: name.place })
}

pub(super) fn value_type(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Option<At<ValueType>> {
    reader.read(key, report, |node, what| {
        let text = node.text(what)?;
        // `ValueType.INT64` is how an entity's type is written in Python.
        let bare = text.trim().strip_prefix("ValueType.").unwrap_or(text.trim());
        let by_number = ValueType::simple().find(|value_type| value_type.proto_name() == bare);
        let unknown = match ValueType::from_str(bare) {
            Ok(value_type) => return Ok(value_type),
            Err(unknown) => unknown,
        };
        by_number.ok_or_else(|| {
            if let UnknownValueType::Unsupported(unsupported) = unknown {
                return node.place.problem(unsupported.to_string());
            }
            let names: Vec<String> = ValueType::simple().map(|value_type| value_type.to_string()).collect();
            let problem = node.place.problem(format!("unknown type `{bare}`"));
            let list = "the types are Bytes, String, Int32, Int64, Float32, Float64, Bool, UnixTimestamp, Map, \
                        PdfBytes, ImageBytes, Json, Uuid, TimeUuid, Decimal, ScalarMap, ZonedTimestamp, \
                        Array(…), Set(…) and Struct({name: …})";
            let remedy = suggest(bare, names.iter().map(String::as_str)).unwrap_or_else(|| list.to_owned());
            problem.remedy(remedy)
        })
    })
}
