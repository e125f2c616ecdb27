//! What newer versions of Feast say of an object, through a change by larder.

use std::collections::HashMap;

use super::descriptor::{Kind, Message};
use super::wire::{self, WireError, WireField, WireValue};

/// `message` with the fields of `before` that its table does not know: at the top, and in each part of it
/// that is one message. What `message` says itself stays.
pub(crate) fn carry_unknown(
    message: &[u8],
    before: &[u8],
    table: &'static Message,
) -> Result<Vec<u8>, WireError> {
    let old = wire::fields(before)?;
    let new = wire::fields(message)?;
    let part = |number: u32| {
        old.iter().rev().find(|field| field.number == number).and_then(|field| match field.value {
            WireValue::Bytes(value) => Some(value),
            _ => None,
        })
    };
    let mut carried = Vec::with_capacity(message.len());
    for field in &new {
        let known = table.field(field.number).filter(|known| !known.repeated);
        match (known.map(|known| &known.kind), field.value, part(field.number)) {
            (Some(Kind::Message(table)), WireValue::Bytes(value), Some(before)) => {
                let value = carry_unknown(value, before, table)?;
                wire::put_bytes(&mut carried, field.number, &value);
            }
            _ => carried.extend_from_slice(field.raw),
        }
    }
    put_unknown(&mut carried, &new, &old, table);
    Ok(carried)
}

/// `message`, which says what larder knows of `original`, with all that larder does not know of it, in parts
/// of every depth.
pub(crate) fn restore_unknown(
    message: &[u8],
    original: &[u8],
    table: &'static Message,
) -> Result<Vec<u8>, WireError> {
    let old = wire::fields(original)?;
    let new = wire::fields(message)?;
    let mut parts: HashMap<u32, std::vec::IntoIter<&[u8]>> = HashMap::new();
    for field in &new {
        if matches!(table.field(field.number).map(|known| &known.kind), Some(Kind::Message(_))) {
            parts
                .entry(field.number)
                .or_insert_with(|| values(&old, field.number).collect::<Vec<_>>().into_iter());
        }
    }
    let mut restored = Vec::with_capacity(original.len());
    for field in &new {
        let kind = table.field(field.number).map(|known| &known.kind);
        let value = match (kind, field.value) {
            // Parts are in the same order in both.
            (Some(Kind::Message(table)), WireValue::Bytes(value)) => {
                let part = parts.get_mut(&field.number).and_then(Iterator::next);
                part.map(|part| restore_unknown(value, part, table)).transpose()?
            }
            (Some(Kind::MessageMap(table)), WireValue::Bytes(entry)) => {
                let key = entry_part(entry, 1)?;
                let same = values(&old, field.number).rfind(|old| entry_part(old, 1) == Ok(key));
                same.map(|same| restore_entry(entry, same, table)).transpose()?
            }
            _ => None,
        };
        match value {
            Some(value) => wire::put_bytes(&mut restored, field.number, &value),
            None => restored.extend_from_slice(field.raw),
        }
    }
    put_unknown(&mut restored, &new, &old, table);
    Ok(restored)
}

/// An entry of a map of messages: key and value are fields 1 and 2.
fn restore_entry(entry: &[u8], original: &[u8], table: &'static Message) -> Result<Vec<u8>, WireError> {
    let value = entry_part(entry, 2)?.unwrap_or_default();
    let value = restore_unknown(value, entry_part(original, 2)?.unwrap_or_default(), table)?;
    wire::replace(entry, 2, &value)
}

fn entry_part(entry: &[u8], number: u32) -> Result<Option<&[u8]>, WireError> {
    let fields = wire::fields(entry)?;
    Ok(values(&fields, number).next_back())
}

fn values<'m>(fields: &[WireField<'m>], number: u32) -> impl DoubleEndedIterator<Item = &'m [u8]> {
    fields.iter().filter(move |field| field.number == number).filter_map(|field| match field.value {
        WireValue::Bytes(value) => Some(value),
        _ => None,
    })
}

/// Adds what only the old fields say, and no table knows.
fn put_unknown(message: &mut Vec<u8>, new: &[WireField<'_>], old: &[WireField<'_>], table: &'static Message) {
    for field in old {
        let is_said = new.iter().any(|said| said.number == field.number);
        if table.field(field.number).is_none() && !is_said {
            message.extend_from_slice(field.raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::descriptor::{ENTITY, FEATURE_VIEW, ON_DEMAND_FEATURE_VIEW};

    fn put(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, value) in fields {
            wire::put_bytes(&mut message, *number, value);
        }
        message
    }

    #[test]
    fn unknown_fields_stay_and_known_ones_are_replaced() {
        let before =
            put(&[(1, &put(&[(1, b"driver"), (3, b"old"), (99, b"new in Feast 9")])), (77, b"kept")]);
        let message = put(&[(1, &put(&[(1, b"driver"), (3, b"new")]))]);
        let expected =
            put(&[(1, &put(&[(1, b"driver"), (3, b"new"), (99, b"new in Feast 9")])), (77, b"kept")]);
        assert_eq!(carry_unknown(&message, &before, &ENTITY).unwrap(), expected);
    }

    #[test]
    fn what_a_message_says_itself_is_not_carried_over() {
        let before = put(&[(77, b"old"), (78, b"kept")]);
        let message = put(&[(77, b"new")]);
        assert_eq!(carry_unknown(&message, &before, &ENTITY).unwrap(), put(&[(77, b"new"), (78, b"kept")]));
    }

    #[test]
    fn all_of_an_original_is_restored_at_every_depth() {
        let feature = |name: &[u8], more: &[(u32, &[u8])]| put(&[&[(1, name)], more].concat());
        let known = put(&[(1, &put(&[(4, &feature(b"a", &[])), (4, &feature(b"b", &[]))]))]);
        let original = put(&[(1, &put(&[(4, &feature(b"a", &[])), (4, &feature(b"b", &[(88, b"of b")]))]))]);
        assert_eq!(restore_unknown(&known, &original, &FEATURE_VIEW).unwrap(), original);

        // Entries of a map come in any order.
        let source = |name: &[u8], more: &[(u32, &[u8])]| put(&[(1, name), (2, &put(more))]);
        let spec = |entries: &[&[u8]]| {
            put(&[(1, &put(&entries.iter().map(|entry| (4, *entry)).collect::<Vec<_>>()))])
        };
        let known = spec(&[&source(b"a", &[]), &source(b"b", &[])]);
        let original = spec(&[&source(b"b", &[(88, b"of b")]), &source(b"a", &[(88, b"of a")])]);
        let expected = spec(&[&source(b"a", &[(88, b"of a")]), &source(b"b", &[(88, b"of b")])]);
        assert_eq!(restore_unknown(&known, &original, &ON_DEMAND_FEATURE_VIEW).unwrap(), expected);
    }
}
