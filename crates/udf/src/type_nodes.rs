//! Types as the contract spells them: nodes, depth first.

use larder_core::{Layout, ScalarType, ValueType};

use crate::bindings::larder::udf::arrow::TypeNode;

/// Bytes of a name of a function, a column or a field of a struct. Names go into every message about them.
pub(crate) const LONGEST_NAME: usize = 1_024;

/// Whether a column or a field of a struct can be called so: with something, without control characters.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

/// Levels of nested types. Feast's own client walks types by recursion and gives up not far beyond.
const DEEPEST: usize = 32;

/// The type that `nodes` spell.
///
/// # Errors
///
/// Why they spell none, to be put behind the nodes.
pub(crate) fn value_type(nodes: &[TypeNode]) -> Result<ValueType, String> {
    let mut rest = nodes.iter();
    let value_type = next(&mut rest, 1)?;
    match rest.len() {
        0 => Ok(value_type),
        left => Err(format!("the last {left} are one type too many")),
    }
}

/// The columns that a column of the type takes in a batch of the contract: one for each of its nodes.
pub(crate) fn node_count(value_type: &ValueType) -> usize {
    match value_type.layout() {
        Layout::Flat(_) => 1,
        Layout::List(item) => 1 + node_count(item),
        Layout::Struct(fields) => 1 + fields.iter().map(|field| node_count(&field.value_type)).sum::<usize>(),
    }
}

/// The nodes of a type, as a component spells it; `None` for a type that the contract does not have.
pub(crate) fn spelled(value_type: &ValueType) -> Option<Vec<TypeNode>> {
    let own = match value_type {
        ValueType::Array(_) => TypeNode::List,
        ValueType::Set(_) => TypeNode::Set,
        ValueType::Struct(fields) => {
            TypeNode::Struct(fields.iter().map(|field| field.name.clone()).collect())
        }
        ValueType::Scalar(scalar) => match scalar {
            ScalarType::Bool => TypeNode::Boolean,
            ScalarType::Int32 => TypeNode::Int32,
            ScalarType::Int64 => TypeNode::Int64,
            ScalarType::Float32 => TypeNode::Float32,
            ScalarType::Float64 => TypeNode::Float64,
            ScalarType::UnixTimestamp => TypeNode::TimestampMicros,
            ScalarType::String => TypeNode::Utf8,
            ScalarType::Bytes => TypeNode::Binary,
            ScalarType::PdfBytes => TypeNode::PdfBytes,
            ScalarType::ImageBytes => TypeNode::ImageBytes,
            ScalarType::Json => TypeNode::Json,
            ScalarType::Map => TypeNode::JsonMap,
            ScalarType::ScalarMap => TypeNode::JsonPairs,
            ScalarType::Uuid => TypeNode::Uuid,
            ScalarType::TimeUuid => TypeNode::TimeUuid,
            ScalarType::Decimal => TypeNode::Decimal,
            ScalarType::ZonedTimestamp => TypeNode::ZonedTimestamp,
            _ => return None,
        },
        _ => return None,
    };
    let mut nodes = vec![own];
    match value_type.layout() {
        Layout::Flat(_) => {}
        Layout::List(item) => nodes.extend(spelled(item)?),
        Layout::Struct(fields) => {
            for field in fields {
                nodes.extend(spelled(&field.value_type)?);
            }
        }
    }
    Some(nodes)
}

fn next(nodes: &mut std::slice::Iter<'_, TypeNode>, depth: usize) -> Result<ValueType, String> {
    if depth > DEEPEST {
        return Err(format!("it is nested more than {DEEPEST} levels deep"));
    }
    let node = nodes.next().ok_or("it ends where a type should follow")?;
    let unsupported = |error: larder_core::UnsupportedValueType| error.to_string();
    match node {
        TypeNode::List => ValueType::array(next(nodes, depth + 1)?).map_err(unsupported),
        TypeNode::Set => ValueType::set(next(nodes, depth + 1)?).map_err(unsupported),
        TypeNode::Struct(names) => {
            let mut fields = Vec::with_capacity(names.len());
            for (index, name) in names.iter().enumerate() {
                if name.len() > LONGEST_NAME {
                    let bytes = name.len();
                    return Err(format!(
                        "the name of field {index} has {bytes} bytes, more than {LONGEST_NAME}"
                    ));
                }
                if !is_name(name) {
                    return Err(format!("field {index} has the name {name:?}, which is none"));
                }
                fields.push((name.clone(), next(nodes, depth + 1)?));
            }
            ValueType::structure(fields).map_err(unsupported)
        }
        TypeNode::ZonedTimestamp => match (nodes.next(), nodes.next()) {
            (Some(TypeNode::TimestampMicros), Some(TypeNode::Utf8)) => Ok(ScalarType::ZonedTimestamp.into()),
            _ => Err("`zoned-timestamp` is followed by `timestamp-micros` and `utf8`".to_owned()),
        },
        TypeNode::Boolean => Ok(ScalarType::Bool.into()),
        TypeNode::Int32 => Ok(ScalarType::Int32.into()),
        TypeNode::Int64 => Ok(ScalarType::Int64.into()),
        TypeNode::Float32 => Ok(ScalarType::Float32.into()),
        TypeNode::Float64 => Ok(ScalarType::Float64.into()),
        TypeNode::TimestampMicros => Ok(ScalarType::UnixTimestamp.into()),
        TypeNode::Utf8 => Ok(ScalarType::String.into()),
        TypeNode::Binary => Ok(ScalarType::Bytes.into()),
        TypeNode::PdfBytes => Ok(ScalarType::PdfBytes.into()),
        TypeNode::ImageBytes => Ok(ScalarType::ImageBytes.into()),
        TypeNode::Json => Ok(ScalarType::Json.into()),
        TypeNode::JsonMap => Ok(ScalarType::Map.into()),
        TypeNode::JsonPairs => Ok(ScalarType::ScalarMap.into()),
        TypeNode::Uuid => Ok(ScalarType::Uuid.into()),
        TypeNode::TimeUuid => Ok(ScalarType::TimeUuid.into()),
        TypeNode::Decimal => Ok(ScalarType::Decimal.into()),
    }
}

/// The names of nodes, as the contract writes them; the first few of many.
pub(crate) fn names(nodes: &[TypeNode]) -> String {
    const SHOWN: usize = 16;
    let mut names: Vec<&str> = nodes.iter().take(SHOWN).map(name).collect();
    if nodes.len() > SHOWN {
        names.push("…");
    }
    names.join(", ")
}

fn name(node: &TypeNode) -> &'static str {
    match node {
        TypeNode::Boolean => "boolean",
        TypeNode::Int32 => "int32",
        TypeNode::Int64 => "int64",
        TypeNode::Float32 => "float32",
        TypeNode::Float64 => "float64",
        TypeNode::TimestampMicros => "timestamp-micros",
        TypeNode::Utf8 => "utf8",
        TypeNode::Binary => "binary",
        TypeNode::PdfBytes => "pdf-bytes",
        TypeNode::ImageBytes => "image-bytes",
        TypeNode::Json => "json",
        TypeNode::JsonMap => "json-map",
        TypeNode::JsonPairs => "json-pairs",
        TypeNode::Uuid => "uuid",
        TypeNode::TimeUuid => "time-uuid",
        TypeNode::Decimal => "decimal",
        TypeNode::ZonedTimestamp => "zoned-timestamp",
        TypeNode::List => "list",
        TypeNode::Set => "set",
        TypeNode::Struct(_) => "struct",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn types() -> impl Strategy<Value = ValueType> {
        let scalars = prop::sample::select(ScalarType::ALL.to_vec()).prop_map(ValueType::Scalar);
        scalars.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                inner.clone().prop_filter_map("Feast has no such list", |item| ValueType::array(item).ok()),
                inner.clone().prop_filter_map("Feast has no such set", |item| ValueType::set(item).ok()),
                prop::collection::vec(inner, 1..4).prop_map(|types| {
                    let named = types.into_iter().enumerate().map(|(at, part)| (format!("f{at}"), part));
                    ValueType::structure(named).unwrap()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_type_reads_back_from_its_nodes(wanted in types()) {
            let nodes = spelled(&wanted).unwrap();
            prop_assert_eq!(node_count(&wanted), nodes.len());
            prop_assert_eq!(value_type(&nodes), Ok(wanted));
        }
    }

    #[test]
    fn nodes_that_spell_no_type_say_why() {
        let names = |names: &[&str]| TypeNode::Struct(names.iter().map(ToString::to_string).collect());
        for (nodes, reason) in [
            (vec![], "it ends where a type should follow"),
            (vec![TypeNode::List], "it ends where a type should follow"),
            (vec![names(&["a", "b"]), TypeNode::Utf8], "it ends where a type should follow"),
            (vec![TypeNode::Utf8, TypeNode::Utf8], "the last 1 are one type too many"),
            (vec![TypeNode::Set, TypeNode::JsonMap], "Feast has no sets of it"),
            (vec![names(&[])], "a struct has at least one field"),
            (vec![names(&["a", "a"]), TypeNode::Utf8, TypeNode::Utf8], "are different"),
            (vec![TypeNode::ZonedTimestamp, TypeNode::Utf8, TypeNode::Utf8], "is followed by"),
            (vec![TypeNode::List; 40], "more than 32 levels"),
        ] {
            let found = value_type(&nodes).unwrap_err();
            assert!(found.contains(reason), "{nodes:?}: {found}");
        }
    }
}
