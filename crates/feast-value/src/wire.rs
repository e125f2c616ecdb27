//! Protobuf's wire format, as far as `feast.types.Value` needs it.

use super::ValueFault;

/// The payload of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

impl<'a> Payload<'a> {
    pub(super) fn varint(self) -> Result<u64, ValueFault> {
        if let Self::Varint(value) = self { Ok(value) } else { Err(ValueFault::WireType) }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], ValueFault> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(ValueFault::WireType) }
    }
}

/// The fields of a message, in order: their numbers and payloads. Ends after the first error.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    message: &'a [u8],
    rest: &'a [u8],
}

pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { message, rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Payload<'a>), ValueFault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.message.len() - self.rest.len();
        let Some((number, payload, rest)) = field(self.rest) else {
            self.rest = &[];
            return Some(Err(ValueFault::NotProtobuf { offset }));
        };
        self.rest = rest;
        Some(Ok((number, payload)))
    }
}

#[inline]
fn field(bytes: &[u8]) -> Option<(u32, Payload<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
    let (payload, rest) = match tag & 7 {
        0 => varint(rest).map(|(value, rest)| (Payload::Varint(value), rest))?,
        1 => rest.split_first_chunk().map(|(value, rest)| (Payload::Fixed64(*value), rest))?,
        2 => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Payload::Bytes(value), rest)
        }
        5 => rest.split_first_chunk().map(|(value, rest)| (Payload::Fixed32(*value), rest))?,
        // Groups have been obsolete for longer than Feast exists.
        _ => return None,
    };
    Some((number, payload, rest))
}

/// `null_val`, which Feast itself never writes.
const NULL_FIELD: u32 = 19;

/// The field of a `Value` that is set, if one is; of several the last, as protobuf has it.
#[inline]
pub(super) fn set_field(value: &[u8]) -> Result<Option<(u32, Payload<'_>)>, ValueFault> {
    let mut set = None;
    for field in fields(value) {
        let (number, payload) = field?;
        match number {
            NULL_FIELD => set = None,
            1..=48 => set = Some((number, payload)),
            // What a later Feast may add beside the value.
            _ => {}
        }
    }
    Ok(set)
}

/// The two fields of an entry of a protobuf map: what is missing is empty.
pub(super) fn map_entry(entry: &[u8]) -> Result<(&str, &[u8]), ValueFault> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in fields(entry) {
        match field? {
            (1, payload) => key = payload.bytes()?,
            (2, payload) => value = payload.bytes()?,
            _ => {}
        }
    }
    Ok((std::str::from_utf8(key).map_err(|_| ValueFault::Utf8)?, value))
}

/// The varint at the start of the bytes, and what follows it.
#[inline]
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    if let [byte, rest @ ..] = bytes
        && *byte < 0x80
    {
        return Some((u64::from(*byte), rest));
    }
    let mut value = 0_u64;
    let mut shift = 0_u32;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
        shift += 7;
    }
    None
}

/// The numbers of a packed field of values with this number.
pub(super) fn packed_numbers(
    number: u32,
    mut packed: &[u8],
) -> impl Iterator<Item = Result<Payload<'_>, ValueFault>> {
    std::iter::from_fn(move || {
        if packed.is_empty() {
            return None;
        }
        let first = match number {
            5 => packed.split_first_chunk().map(|(value, rest)| (Payload::Fixed64(*value), rest)),
            6 => packed.split_first_chunk().map(|(value, rest)| (Payload::Fixed32(*value), rest)),
            _ => varint(packed).map(|(value, rest)| (Payload::Varint(value), rest)),
        };
        let Some((payload, rest)) = first else {
            packed = &[];
            return Some(Err(ValueFault::Packed));
        };
        packed = rest;
        Some(Ok(payload))
    })
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// How the payload of a field is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

pub(super) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: WireType) {
    put_varint(out, u64::from(number) << 3 | wire_type as u64);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_tag(out, number, WireType::Bytes);
    put_length(out, value.len());
    out.extend_from_slice(value);
}

pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    put_varint(out, u64::try_from(length).expect("a length in memory fits 64 bits"));
}

/// Adds a field that holds what `write` adds. The length comes before the content and is known after
/// it, so the content moves by the length's bytes.
pub(super) fn put_message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    put_tag(out, number, WireType::Bytes);
    let start = out.len();
    write(out);
    let mut length = Vec::with_capacity(5);
    put_length(&mut length, out.len() - start);
    out.splice(start..start, length);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_read_back(value in any::<u64>(), shift in 0_u32..64, tail in prop::collection::vec(any::<u8>(), 0..3)) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            prop_assert_eq!(bytes.len(), usize::try_from((64 - value.leading_zeros()).max(1).div_ceil(7)).unwrap());
            bytes.extend(&tail);
            prop_assert_eq!(varint(&bytes), Some((value, tail.as_slice())));
        }

        #[test]
        fn a_message_reads_back(contents in prop::collection::vec((1_u32..1 << 29, prop::collection::vec(any::<u8>(), 0..300)), 0..4)) {
            let mut bytes = Vec::new();
            for (number, content) in &contents {
                put_message(&mut bytes, *number, |out| out.extend(content));
            }
            let read: Vec<_> = fields(&bytes).map(Result::unwrap).collect();
            let expected: Vec<_> = contents.iter().map(|(number, content)| (*number, Payload::Bytes(content))).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn any_bytes_are_fields_or_one_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let read: Vec<_> = fields(&bytes).collect();
            let errors = read.iter().filter(|field| field.is_err()).count();
            prop_assert!(errors == 0 || errors == 1 && read.last().is_some_and(Result::is_err));
        }
    }
}
