//! Replies, put together from the bytes of a registry.

use larder_registry::{ObjectKind, ObjectMessage, ObjectQuery, Page, RegistryFile, SortValue};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::messages::PaginationMetadata;
use crate::encoded::Encoded;

/// The field of every list reply that says which page it is.
const PAGINATION: u32 = 2;
/// The field of every list reply that holds the objects.
const OBJECTS: u32 = 1;

/// One object.
pub(crate) fn object(object: &ObjectMessage<'_>) -> Encoded {
    Encoded(object.bytes.to_vec().into())
}

/// `GetAnyFeatureViewResponse`
pub(crate) fn any_view(view: &ObjectMessage<'_>) -> Encoded {
    let mut reply = Vec::new();
    put(&mut reply, OBJECTS, &in_any_view(view));
    Encoded(reply.into())
}

/// A page of objects, as bytes already.
pub(crate) fn list<T>(page: &Page<T>, bytes: impl Fn(&T) -> Vec<u8>) -> Encoded {
    let mut reply = Vec::new();
    for object in &page.objects {
        put(&mut reply, OBJECTS, &bytes(object));
    }
    put(&mut reply, PAGINATION, &PaginationMetadata::from(page.pagination).encode_to_vec());
    Encoded(reply.into())
}

/// The page of objects that a query asks for.
pub(crate) fn page_of_objects(
    registry: &RegistryFile,
    query: &ObjectQuery,
    objects: Vec<ObjectMessage<'_>>,
    bytes: fn(&ObjectMessage<'_>) -> Vec<u8>,
) -> larder_core::Result<Encoded> {
    if query.sort_by.trim().is_empty() {
        return Ok(list(&query.page(objects, |_, _| SortValue::Missing), bytes));
    }
    let readable = registry.objects()?;
    let value = |object: &ObjectMessage<'_>, attribute: &str| {
        let found = readable.find(object.project, object.kind, object.name);
        found.map_or(SortValue::Missing, |found| SortValue::of_json(&found.json, attribute))
    };
    Ok(list(&query.page(objects, value), bytes))
}

/// `AnyFeatureView`
pub(crate) fn in_any_view(view: &ObjectMessage<'_>) -> Vec<u8> {
    let number = match view.kind {
        ObjectKind::OnDemandFeatureView => 2,
        ObjectKind::StreamFeatureView => 3,
        ObjectKind::LabelView => 4,
        _ => 1,
    };
    let mut any = Vec::new();
    put(&mut any, number, view.bytes);
    any
}

/// The messages of a repeated field.
pub(crate) fn repeated<'m>(messages: impl IntoIterator<Item = &'m [u8]>) -> Encoded {
    let mut reply = Vec::new();
    for message in messages {
        put(&mut reply, OBJECTS, message);
    }
    Encoded(reply.into())
}

fn put(message: &mut Vec<u8>, number: u32, value: &[u8]) {
    encode_key(number, WireType::LengthDelimited, message);
    encode_varint(u64::try_from(value.len()).unwrap_or(u64::MAX), message);
    message.extend_from_slice(value);
}
