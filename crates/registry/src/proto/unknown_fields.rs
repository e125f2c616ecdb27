//! What newer versions of Feast say of an object, through a change by larder.

use super::descriptor::{Kind, Message};
use super::wire::{self, WireError, WireValue};

/// `message` with the fields of `before` that its table does not know: at the top, and in each part of it
/// that is one message.
pub(crate) fn carry_unknown(
    message: &[u8],
    before: &[u8],
    table: &'static Message,
) -> Result<Vec<u8>, WireError> {
    let old = wire::fields(before)?;
    let part = |number: u32| {
        old.iter().rev().find(|field| field.number == number).and_then(|field| match field.value {
            WireValue::Bytes(value) => Some(value),
            _ => None,
        })
    };
    let mut carried = Vec::with_capacity(message.len());
    for field in wire::fields(message)? {
        let known = table.field(field.number).filter(|known| !known.repeated);
        match (known.map(|known| &known.kind), field.value, part(field.number)) {
            (Some(Kind::Message(table)), WireValue::Bytes(value), Some(before)) => {
                let value = carry_unknown(value, before, table)?;
                wire::put_bytes(&mut carried, field.number, &value);
            }
            _ => carried.extend_from_slice(field.raw),
        }
    }
    for field in old {
        if table.field(field.number).is_none() {
            carried.extend_from_slice(field.raw);
        }
    }
    Ok(carried)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::descriptor::ENTITY;

    #[test]
    fn unknown_fields_stay_and_known_ones_are_replaced() {
        let put = |fields: &[(u32, &[u8])]| {
            let mut message = Vec::new();
            for (number, value) in fields {
                wire::put_bytes(&mut message, *number, value);
            }
            message
        };
        let before =
            put(&[(1, &put(&[(1, b"driver"), (3, b"old"), (99, b"new in Feast 9")])), (77, b"kept")]);
        let message = put(&[(1, &put(&[(1, b"driver"), (3, b"new")]))]);
        let expected =
            put(&[(1, &put(&[(1, b"driver"), (3, b"new"), (99, b"new in Feast 9")])), (77, b"kept")]);
        assert_eq!(carry_unknown(&message, &before, &ENTITY).unwrap(), expected);
    }
}
