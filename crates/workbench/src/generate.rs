//! Random rows of any signature.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder_core::{Field, FlatType, Layout, ScalarType, Timestamp, ValueType};
use larder_registry::InputDomain;
use serde_json::{Value, json};

use crate::random::Random;
use crate::rows::Rows;

/// What generated values are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// What most data are like, with some nulls.
    Ordinary,
    /// Every second value is null.
    Nulls,
    /// Floats are NaN, infinite, or negative zero.
    Floats,
    /// The least and greatest values, empty and long texts and lists.
    Extremes,
    /// Texts of all kinds of characters.
    Unicode,
}

impl Flavour {
    pub(crate) const ALL: [Self; 5] =
        [Self::Ordinary, Self::Nulls, Self::Floats, Self::Extremes, Self::Unicode];
}

/// Makes rows of `fields`, each value within the domain of its column.
pub(crate) fn generate(
    fields: &[Field],
    domains: &BTreeMap<String, InputDomain>,
    rows: usize,
    flavour: Flavour,
    random: &mut Random,
) -> Rows {
    let row = |random: &mut Random| -> Vec<Value> {
        fields.iter().map(|field| cell(field, domains.get(&field.name), flavour, random)).collect()
    };
    Rows { fields: fields.to_vec(), cells: (0..rows).map(|_| row(random)).collect() }
}

fn cell(field: &Field, domain: Option<&InputDomain>, flavour: Flavour, random: &mut Random) -> Value {
    if domain.is_none_or(|domain| !domain.never_null) && is_null(flavour, random) {
        return Value::Null;
    }
    let Some(domain) = domain else { return value(&field.value_type, flavour, random) };
    if let Some(value) = random.pick(&domain.values) {
        return value.clone();
    }
    if let Some((least, greatest)) = &domain.range {
        return within(&field.value_type, least, greatest, flavour, random).unwrap_or_else(|| least.clone());
    }
    value(&field.value_type, flavour, random)
}

fn is_null(flavour: Flavour, random: &mut Random) -> bool {
    random.one_in(if flavour == Flavour::Nulls { 2 } else { 8 })
}

/// A number or time from `least` to `greatest`; one of the two for extremes. `None` if they are neither.
fn within(
    value_type: &ValueType,
    least: &Value,
    greatest: &Value,
    flavour: Flavour,
    random: &mut Random,
) -> Option<Value> {
    if flavour == Flavour::Extremes {
        return Some(if random.one_in(2) { least.clone() } else { greatest.clone() });
    }
    let between = |least: i64, greatest: i64, random: &mut Random| {
        let span = i128::from(greatest) - i128::from(least) + 1;
        let offset = i128::from(random.next()).checked_rem(span)?;
        i64::try_from(i128::from(least) + offset).ok()
    };
    match value_type.layout() {
        Layout::Flat(FlatType::Int32 | FlatType::Int64) => {
            between(least.as_i64()?, greatest.as_i64()?, random).map(Value::from)
        }
        Layout::Flat(FlatType::Float32 | FlatType::Float64) => {
            let (least, greatest) = (least.as_f64()?, greatest.as_f64()?);
            let number = least + (greatest - least) * random.fraction();
            Some(float(value_type, number.clamp(least, greatest)))
        }
        Layout::Flat(FlatType::TimestampMicros) => {
            let time = |value: &Value| Timestamp::parse(value.as_str()?).ok();
            let micros = between(time(least)?.micros(), time(greatest)?.micros(), random)?;
            Some(Timestamp::from_micros(micros).to_string().into())
        }
        _ => None,
    }
}

/// A value that is not null, though its parts may be.
pub(crate) fn value(value_type: &ValueType, flavour: Flavour, random: &mut Random) -> Value {
    match (value_type, value_type.layout()) {
        (ValueType::Scalar(ScalarType::ZonedTimestamp), _) => {
            const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"];
            let zone = random.pick(&ZONES).copied().unwrap_or("UTC");
            let time = timestamp(flavour, random);
            json!({"unix_timestamp": time.to_string(), "zone": zone})
        }
        (ValueType::Scalar(scalar), Layout::Flat(FlatType::Utf8)) => text(*scalar, flavour, random),
        (_, Layout::Flat(flat)) => flat_value(value_type, flat, flavour, random),
        (_, Layout::List(item)) => {
            let is_flat = matches!(item.layout(), Layout::Flat(_));
            let items = match flavour {
                Flavour::Extremes if random.one_in(2) => {
                    if is_flat {
                        20
                    } else {
                        4
                    }
                }
                Flavour::Extremes => 0,
                _ => random.below(4),
            };
            let item_or_null = |random: &mut Random| {
                if is_null(flavour, random) { Value::Null } else { value(item, flavour, random) }
            };
            (0..items).map(|_| item_or_null(random)).collect()
        }
        (_, Layout::Struct(fields)) => {
            let part = |random: &mut Random, value_type: &ValueType| {
                if is_null(flavour, random) { Value::Null } else { value(value_type, flavour, random) }
            };
            Value::Object(
                fields.iter().map(|field| (field.name.clone(), part(random, &field.value_type))).collect(),
            )
        }
    }
}

fn flat_value(value_type: &ValueType, flat: FlatType, flavour: Flavour, random: &mut Random) -> Value {
    match flat {
        FlatType::Boolean => random.one_in(2).into(),
        FlatType::Int32 | FlatType::Int64 => whole(flat, flavour, random).into(),
        FlatType::Float32 | FlatType::Float64 => {
            let number = match flavour {
                Flavour::Floats if random.one_in(2) => {
                    const SPECIAL: [f64; 4] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0];
                    random.pick(&SPECIAL).copied().unwrap_or_default()
                }
                Flavour::Extremes => {
                    let (greatest, least_positive) = if flat == FlatType::Float32 {
                        (f64::from(f32::MAX), f64::from(f32::MIN_POSITIVE))
                    } else {
                        (f64::MAX, f64::MIN_POSITIVE)
                    };
                    let ends = [greatest, -greatest, least_positive, -least_positive, 0.0];
                    random.pick(&ends).copied().unwrap_or_default()
                }
                _ if random.one_in(4) => f64::from(u32::try_from(random.below(20)).unwrap_or_default()) / 2.0,
                _ => (random.fraction() - 0.25) * if random.one_in(2) { 1.0 } else { 1_000.0 },
            };
            float(value_type, number)
        }
        FlatType::TimestampMicros => timestamp(flavour, random).to_string().into(),
        FlatType::Binary => {
            let length = if flavour == Flavour::Extremes { 300 * random.below(2) } else { random.below(6) };
            let bytes: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
            BASE64.encode(bytes).into()
        }
        FlatType::Utf8 => text(ScalarType::String, flavour, random),
    }
}

/// A float as JSON; what JSON cannot write is text.
fn float(value_type: &ValueType, number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "a column of Float32 holds nothing finer")]
    let number = match value_type.layout() {
        Layout::Flat(FlatType::Float32) => f64::from(number as f32),
        _ => number,
    };
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        number.into()
    }
}

fn whole(flat: FlatType, flavour: Flavour, random: &mut Random) -> i64 {
    let (least, greatest) = if flat == FlatType::Int32 {
        (i64::from(i32::MIN), i64::from(i32::MAX))
    } else {
        (i64::MIN, i64::MAX)
    };
    let small = |end: usize, random: &mut Random| i64::try_from(random.below(end)).unwrap_or_default();
    match flavour {
        Flavour::Extremes => {
            let ends = [least, greatest, least + 1, -1, 0, 1];
            random.pick(&ends).copied().unwrap_or_default()
        }
        _ if random.one_in(2) => small(10, random),
        _ => small(3_000, random) - 1_000,
    }
}

fn timestamp(flavour: Flavour, random: &mut Random) -> Timestamp {
    /// 0001-01-01T00:00:00Z, before and after 1970, 2038, 9999-12-31T23:59:59.999999Z.
    const ENDS: [i64; 5] = [-62_135_596_800_000_000, -1, 0, 2_147_483_648_000_000, 253_402_300_799_999_999];
    const FROM_2020: i64 = 1_577_836_800_000_000;
    const TEN_YEARS_OF_SECONDS: usize = 315_360_000;
    if flavour == Flavour::Extremes {
        return Timestamp::from_micros(random.pick(&ENDS).copied().unwrap_or_default());
    }
    let seconds = i64::try_from(random.below(TEN_YEARS_OF_SECONDS)).unwrap_or_default();
    Timestamp::from_micros(FROM_2020 + seconds * 1_000_000)
}

fn text(scalar: ScalarType, flavour: Flavour, random: &mut Random) -> Value {
    let number = i64::try_from(random.below(10_000)).unwrap_or_default();
    match scalar {
        ScalarType::Json => match random.below(4) {
            0 => "null".into(),
            1 => format!("[{number}, {}.5]", number / 7).into(),
            2 => json!({"b": string(flavour, random), "a": number}).to_string().into(),
            _ => Value::String(json!(string(flavour, random)).to_string()),
        },
        ScalarType::Map if flavour == Flavour::Extremes => json!({}),
        ScalarType::Map => json!({"a": number, string(flavour, random): [null, true]}),
        ScalarType::ScalarMap if flavour == Flavour::Extremes => json!([]),
        ScalarType::ScalarMap => json!([[number, string(flavour, random)], [true, null]]),
        ScalarType::Uuid | ScalarType::TimeUuid => {
            let digits = format!("{:016x}{:016x}", random.next(), random.next());
            let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().to_owned();
            [
                part(0..8),
                part(8..12),
                format!("1{}", part(13..16)),
                format!("8{}", part(17..20)),
                part(20..32),
            ]
            .join("-")
            .into()
        }
        ScalarType::Decimal => match flavour {
            Flavour::Extremes => {
                const ENDS: [&str; 4] =
                    ["0", "-0.00", "99999999999999999999999999999.999999", "-0.0000000000000000001"];
                random.pick(&ENDS).copied().unwrap_or("0").into()
            }
            _ => format!("{}.{:02}", number - 5_000, random.below(100)).into(),
        },
        _ => string(flavour, random).into(),
    }
}

fn string(flavour: Flavour, random: &mut Random) -> String {
    const UNICODE: [&str; 14] = [
        "ä",
        "e\u{301}",
        "日本語",
        "🦀",
        "👩‍👩‍👧",
        "\u{202e}abc",
        "\u{feff}",
        "a\0b",
        "line\nbreak",
        "İstanbul",
        "Straße",
        "\u{1F1E9}\u{1F1EA}",
        "\u{10ffff}",
        " \u{a0}\u{3000} ",
    ];
    match flavour {
        Flavour::Unicode => random.pick(&UNICODE).copied().unwrap_or_default().to_owned(),
        Flavour::Extremes if random.one_in(2) => "x".repeat(1_000),
        Flavour::Extremes => String::new(),
        _ => {
            const LETTERS: &[u8] = b"aaabcdeefghiijklmnooprstuuvwyz ,.";
            let length = random.below(9);
            (0..length).filter_map(|_| random.pick(LETTERS).map(|letter| char::from(*letter))).collect()
        }
    }
}

/// Whether a type holds floats, or text, in any of its parts.
pub(crate) fn holds(value_type: &ValueType, wanted: fn(FlatType) -> bool) -> bool {
    match value_type.layout() {
        Layout::Flat(flat) => wanted(flat),
        Layout::List(item) => holds(item, wanted),
        Layout::Struct(fields) => fields.iter().any(|field| holds(&field.value_type, wanted)),
    }
}

/// The plainest value of a type, for what does not matter in a failing row.
pub(crate) fn plainest(value_type: &ValueType) -> Value {
    match (value_type, value_type.layout()) {
        (ValueType::Scalar(ScalarType::ZonedTimestamp), _) => "2024-01-01T00:00:00Z".into(),
        (ValueType::Scalar(scalar), Layout::Flat(FlatType::Utf8)) => match scalar {
            ScalarType::Json => "null".into(),
            ScalarType::Map => json!({}),
            ScalarType::ScalarMap => json!([]),
            ScalarType::Uuid | ScalarType::TimeUuid => "00000000-0000-1000-8000-000000000000".into(),
            ScalarType::Decimal => "0".into(),
            _ => "".into(),
        },
        (_, Layout::Flat(flat)) => match flat {
            FlatType::Boolean => false.into(),
            FlatType::Int32 | FlatType::Int64 => 0.into(),
            FlatType::Float32 | FlatType::Float64 => 0.0.into(),
            FlatType::TimestampMicros => "2024-01-01T00:00:00Z".into(),
            FlatType::Binary | FlatType::Utf8 => "".into(),
        },
        (_, Layout::List(_)) => json!([]),
        (_, Layout::Struct(fields)) => Value::Object(
            fields.iter().map(|field| (field.name.clone(), plainest(&field.value_type))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::*;

    /// A field of every type, alone and within others.
    fn fields() -> Vec<Field> {
        let scalars: Vec<ValueType> = ValueType::simple().collect();
        let structure = |item: &ValueType| {
            ValueType::structure([("a".to_owned(), item.clone()), ("b".to_owned(), ValueType::INT64)])
                .unwrap()
        };
        let lists = scalars.iter().filter_map(|item| ValueType::array(item.clone()).ok());
        let sets = scalars.iter().filter_map(|item| ValueType::set(item.clone()).ok());
        let structs = scalars.iter().map(structure);
        let types: Vec<ValueType> = lists.chain(sets).chain(structs).chain(scalars.iter().cloned()).collect();
        types
            .into_iter()
            .enumerate()
            .map(|(at, value_type)| Field::new(format!("c{at}"), value_type))
            .collect()
    }

    #[test]
    fn generated_values_are_of_their_types() {
        let fields = fields();
        assert!(fields.len() > 40);
        for flavour in Flavour::ALL {
            let rows = generate(&fields, &BTreeMap::new(), 80, flavour, &mut Random::new(3));
            let table = rows.to_table().unwrap();
            // And read back as they are, so that what is shrunk and saved is what failed.
            assert_eq!(Rows::of(&fields, &table).to_table().unwrap(), table, "{flavour:?}");
            let nulls = |column: &arrow::array::ArrayRef| column.null_count();
            assert!(table.columns().iter().all(|column| (1..80).contains(&nulls(column))), "{flavour:?}");
        }
    }

    #[test]
    fn plainest_values_are_of_their_types() {
        let fields = fields();
        let cells = vec![fields.iter().map(|field| plainest(&field.value_type)).collect()];
        Rows { fields, cells }.to_table().unwrap();
    }

    #[test]
    fn values_stay_in_their_domain() {
        let fields = [
            Field::new("x", ValueType::FLOAT64),
            Field::new("n", ValueType::INT64),
            Field::new("t", ValueType::STRING),
        ];
        let range = |least: Value, greatest: Value| InputDomain {
            range: Some((least, greatest)),
            never_null: true,
            ..InputDomain::default()
        };
        let words = InputDomain { values: vec![json!("a"), json!("b")], ..InputDomain::default() };
        let domains = BTreeMap::from([
            ("x".to_owned(), range(json!(0.5), json!(0.75))),
            ("n".to_owned(), range(json!(-3), json!(3))),
            ("t".to_owned(), words),
        ]);
        for flavour in Flavour::ALL {
            let rows = generate(&fields, &domains, 300, flavour, &mut Random::new(9));
            let column = |at: usize| rows.cells.iter().map(move |row| row[at].clone());
            assert!(column(0).all(|x| (0.5..=0.75).contains(&x.as_f64().unwrap())), "{flavour:?}");
            assert!(column(1).all(|n| (-3..=3).contains(&n.as_i64().unwrap())), "{flavour:?}");
            assert!(column(2).all(|t| [json!("a"), json!("b"), json!(null)].contains(&t)), "{flavour:?}");
            let ends = column(1).filter(|n| n.as_i64() == Some(3)).count();
            assert!(ends > 0, "the ends belong to the range");
        }
    }
}
