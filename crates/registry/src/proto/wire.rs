//! Protobuf's wire format, for messages whose fields must be kept without being understood.

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WireField<'a> {
    pub(crate) number: u32,
    pub(crate) value: WireValue<'a>,
    /// The bytes of the field with its tag.
    pub(crate) raw: &'a [u8],
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WireValue<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// Bytes that are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no protobuf message from byte {offset} on")]
pub(crate) struct WireError {
    offset: usize,
}

/// The fields of a message, in order.
pub(crate) fn fields(message: &[u8]) -> Result<Vec<WireField<'_>>, WireError> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let error = WireError { offset: message.len() - rest.len() };
        let (field, after) = field(rest).ok_or(error)?;
        fields.push(field);
        rest = after;
    }
    Ok(fields)
}

fn field(bytes: &[u8]) -> Option<(WireField<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
    let (value, rest) = match tag & 7 {
        0 => varint(rest).map(|(value, rest)| (WireValue::Varint(value), rest))?,
        1 => rest.split_first_chunk().map(|(value, rest)| (WireValue::Fixed64(*value), rest))?,
        2 => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (WireValue::Bytes(value), rest)
        }
        5 => rest.split_first_chunk().map(|(value, rest)| (WireValue::Fixed32(*value), rest))?,
        // Groups have been obsolete for longer than Feast exists.
        _ => return None,
    };
    let raw = bytes.get(..bytes.len() - rest.len())?;
    Some((WireField { number, value, raw }, rest))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(7 * at).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

/// The numbers that lie packed in one field.
pub(crate) fn packed(mut bytes: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        let (number, rest) = varint(bytes)?;
        numbers.push(number);
        bytes = rest;
    }
    Some(numbers)
}

/// Adds a field of bytes to a message.
pub(crate) fn put_bytes(message: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_varint(message, u64::from(number) << 3 | 2);
    put_varint(message, u64::try_from(value.len()).expect("a length in memory fits 64 bits"));
    message.extend_from_slice(value);
}

/// Adds a field of a number to a message.
pub(crate) fn put_number(message: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(message, u64::from(number) << 3);
    put_varint(message, value);
}

/// Adds a field of four bytes to a message.
pub(crate) fn put_fixed32(message: &mut Vec<u8>, number: u32, value: [u8; 4]) {
    put_varint(message, u64::from(number) << 3 | 5);
    message.extend_from_slice(&value);
}

fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        let low = u8::try_from(value & 0x7f).expect("seven bits fit a byte");
        message.push(low | 0x80);
        value >>= 7;
    }
    message.push(u8::try_from(value).expect("less than 0x80"));
}

/// The message with its field `number` replaced by `value`, and all else as it is.
pub(crate) fn replace(message: &[u8], number: u32, value: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut replaced = Vec::with_capacity(message.len() + value.len());
    for field in fields(message)? {
        if field.number != number {
            replaced.extend_from_slice(field.raw);
        }
    }
    put_bytes(&mut replaced, number, value);
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_read_back(entries in prop::collection::vec((1_u32..1 << 29, prop::collection::vec(any::<u8>(), 0..300)), 0..8)) {
            let mut message = Vec::new();
            for (number, value) in &entries {
                put_bytes(&mut message, *number, value);
            }
            let read = fields(&message).unwrap();
            let read: Vec<_> = read.iter().map(|field| (field.number, field.value)).collect();
            let expected: Vec<_> = entries.iter().map(|(number, value)| (*number, WireValue::Bytes(value))).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn any_bytes_are_fields_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(fields) = fields(&bytes) {
                let raw: Vec<u8> = fields.iter().flat_map(|field| field.raw).copied().collect();
                prop_assert_eq!(raw, bytes);
            }
        }
    }
}
