//! Whether everybody who reads a registry can read a message that somebody sends.
//!
//! Feast's clients read every object of a kind at once: a single one with a date beyond their calendar, or
//! of a type that has no name, would keep them from all others.

use prost::Message as _;
use prost_types::{Duration, Timestamp};

use super::descriptor::{Field, Kind, Message, value_type_name};
use super::wire::{self, WireError, WireValue};

/// Why a message is not to be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsound {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("its field `{field}` holds something else")]
    Other { field: &'static str },
    #[error("its field `{field}` is there twice")]
    Twice { field: &'static str },
    #[error("its field `{field}` has the number {number}, which stands for nothing")]
    Number { field: &'static str, number: u64 },
    #[error("its field `{field}` is outside the years 1 to 9999")]
    Time { field: &'static str },
    #[error("its field `{field}` is longer than 10,000 years")]
    Span { field: &'static str },
    #[error("its parts are nested too deeply")]
    Nesting,
}

/// Deeper than any message of Feast's.
const DEEPEST: usize = 32;

/// The first second of the year 1, and the first after the year 9999.
const CALENDAR: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// The longest span that protobuf has, in seconds.
const LONGEST_SPAN: u64 = 315_576_000_000;

/// Checks the fields of a message that its table knows; the others may be anything that protobuf is.
pub(crate) fn check(message: &[u8], table: &'static Message) -> Result<(), Unsound> {
    check_message(message, table, 0)
}

fn check_message(message: &[u8], table: &'static Message, depth: usize) -> Result<(), Unsound> {
    if depth > DEEPEST {
        return Err(Unsound::Nesting);
    }
    let mut seen = Vec::new();
    for found in wire::fields(message)? {
        let Some(field) = table.field(found.number) else { continue };
        let is_map = matches!(field.kind, Kind::TextMap | Kind::ValueTypeMap | Kind::MessageMap(_));
        if is_map {
            check_entry(found.value, field, depth)?;
            continue;
        }
        if !field.repeated {
            if seen.contains(&found.number) {
                return Err(Unsound::Twice { field: field.json_name });
            }
            seen.push(found.number);
        }
        match (&field.kind, found.value) {
            // Numbers lie packed behind each other.
            (Kind::Enum(_), WireValue::Bytes(packed)) if field.repeated => {
                for number in wire::packed(packed).ok_or(Unsound::Other { field: field.json_name })? {
                    check_value(WireValue::Varint(number), field, depth)?;
                }
            }
            (_, value) => check_value(value, field, depth)?,
        }
    }
    Ok(())
}

fn check_value(value: WireValue<'_>, field: &Field, depth: usize) -> Result<(), Unsound> {
    let name = field.json_name;
    let other = || Unsound::Other { field: name };
    match (&field.kind, value) {
        (Kind::Text | Kind::TextMap, WireValue::Bytes(bytes)) => {
            std::str::from_utf8(bytes).map(|_| ()).map_err(|_| other())
        }
        (Kind::Bytes, WireValue::Bytes(_))
        | (Kind::Boolean | Kind::Int32 | Kind::Uint64, WireValue::Varint(_))
        | (Kind::Float, WireValue::Fixed32(_)) => Ok(()),
        (Kind::Enum(names), WireValue::Varint(number)) => {
            let known = usize::try_from(number).is_ok_and(|at| at < names.len());
            if known { Ok(()) } else { Err(Unsound::Number { field: name, number }) }
        }
        (Kind::ValueType | Kind::ValueTypeMap, WireValue::Varint(number)) => {
            // Some types of Feast's Python have no name in its protobuf.
            let nameless = |number| {
                i32::try_from(number)
                    .is_ok_and(|number| larder_core::ValueType::from_number(number).is_some())
            };
            let known = value_type_name(number).is_some() || nameless(number);
            if known { Ok(()) } else { Err(Unsound::Number { field: name, number }) }
        }
        (Kind::Timestamp, WireValue::Bytes(bytes)) => {
            let time = Timestamp::decode(bytes).map_err(|_| other())?;
            let is_sound = CALENDAR.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos);
            if is_sound { Ok(()) } else { Err(Unsound::Time { field: name }) }
        }
        (Kind::Duration, WireValue::Bytes(bytes)) => {
            let span = Duration::decode(bytes).map_err(|_| other())?;
            let is_sound =
                span.seconds.unsigned_abs() <= LONGEST_SPAN && span.nanos.unsigned_abs() < 1_000_000_000;
            if is_sound { Ok(()) } else { Err(Unsound::Span { field: name }) }
        }
        (Kind::Message(table) | Kind::MessageMap(table), WireValue::Bytes(bytes)) => {
            check_message(bytes, table, depth + 1)
        }
        _ => Err(other()),
    }
}

/// An entry of a map: key and value are fields 1 and 2 of a message.
fn check_entry(entry: WireValue<'_>, field: &Field, depth: usize) -> Result<(), Unsound> {
    let other = || Unsound::Other { field: field.json_name };
    let WireValue::Bytes(entry) = entry else { return Err(other()) };
    for part in wire::fields(entry)? {
        match (part.number, part.value) {
            (1, WireValue::Bytes(key)) => {
                std::str::from_utf8(key).map_err(|_| other())?;
            }
            (1, _) => return Err(other()),
            (2, value) => check_value(value, field, depth)?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::descriptor::{ENTITY, FEATURE_VIEW, PERMISSION};

    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, value) in fields {
            wire::put_bytes(&mut message, *number, value);
        }
        message
    }

    fn number(field: u32, value: u64) -> Vec<u8> {
        let mut message = Vec::new();
        wire::put_number(&mut message, field, value);
        message
    }

    fn time(seconds: i64, nanos: i32) -> Vec<u8> {
        message(&[(2, &message(&[(1, &Timestamp { seconds, nanos }.encode_to_vec())]))])
    }

    #[test]
    fn what_feast_would_write_passes_and_unknown_fields_are_not_looked_at() {
        let spec = [message(&[(1, b"driver"), (8, &message(&[(1, b"team"), (2, b"rides")]))]), number(2, 4)];
        let entity = message(&[(1, &spec.concat()), (77, b"\xff\xff")]);
        assert_eq!(check(&entity, &ENTITY), Ok(()));
        for seconds in [-62_135_596_800, 0, 253_402_300_799] {
            assert_eq!(check(&time(seconds, 999_999_999), &ENTITY), Ok(()));
        }
        // A type that only Feast's Python has.
        assert_eq!(check(&message(&[(1, &number(2, 30))]), &ENTITY), Ok(()));
    }

    #[test]
    fn what_a_client_could_not_read_is_refused() {
        let twice = Unsound::Twice { field: "spec" };
        assert_eq!(check(&message(&[(1, b""), (1, b"")]), &ENTITY), Err(twice));
        let other = |field| Err(Unsound::Other { field });
        assert_eq!(check(&number(1, 7), &ENTITY), other("spec"));
        assert_eq!(check(&message(&[(1, &message(&[(1, b"\xff")]))]), &ENTITY), other("name"));
        assert_eq!(
            check(&message(&[(1, &message(&[(8, &message(&[(2, b"\xff")]))]))]), &ENTITY),
            other("tags")
        );
        let no_type = Unsound::Number { field: "valueType", number: 999 };
        assert_eq!(check(&message(&[(1, &number(2, 999))]), &ENTITY), Err(no_type));
        for (seconds, nanos) in [(-62_135_596_801, 0), (253_402_300_800, 0), (0, -1), (0, 1_000_000_000)] {
            let unsound = Unsound::Time { field: "createdTimestamp" };
            assert_eq!(check(&time(seconds, nanos), &ENTITY), Err(unsound));
        }
        let ttl = Duration { seconds: i64::MIN, nanos: 0 }.encode_to_vec();
        let view = message(&[(1, &message(&[(6, &ttl)]))]);
        assert_eq!(check(&view, &FEATURE_VIEW), Err(Unsound::Span { field: "ttl" }));
        let actions = message(&[(1, &message(&[(6, &[1, 99])]))]);
        assert_eq!(check(&actions, &PERMISSION), Err(Unsound::Number { field: "actions", number: 99 }));
    }

    #[test]
    fn parts_within_parts_end_somewhere() {
        let mut view = Vec::new();
        for _ in 0..1_000 {
            // The batch source of a batch source.
            view = message(&[(26, &view)]);
        }
        assert_eq!(check(&message(&[(1, &message(&[(7, &view)]))]), &FEATURE_VIEW), Err(Unsound::Nesting));
    }
}
