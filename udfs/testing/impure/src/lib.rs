//! Functions that are not pure functions of each row, each in its own way: what `larder udf test` must find.
//!
//! Written against the generated bindings, because the arrays of `larder-guest` would hide what lies under
//! nulls.

use std::sync::atomic::{AtomicI64, Ordering};

use larder_guest::bindings;
use larder_guest::bindings::exports::larder::udf::transformation::{Error, Guest, Signature};
use larder_guest::bindings::larder::udf::arrow::{Batch, Column, Field, TypeNode, Values};

struct Impure;

/// The rows of the one input: values with what lies under nulls, and which are there.
enum Input {
    Whole(Vec<i64>, Vec<bool>),
    Float(Vec<f64>, Vec<bool>),
    Text(Vec<String>, Vec<bool>),
}

type Function = fn(&Input) -> Vec<Option<i64>>;

/// Name, type of the one input `value`, and what it does. All give one column, `out: Int64`.
const FUNCTIONS: &[(&str, TypeNode, Function)] = &[
    ("remembers", TypeNode::Int64, |input| {
        static CALLS: AtomicI64 = AtomicI64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        whole(input).iter().map(|_| Some(call)).collect()
    }),
    ("numbers_rows", TypeNode::Int64, |input| (0..).zip(whole(input)).map(|(row, _)| Some(row)).collect()),
    ("looks_at_its_neighbour", TypeNode::Int64, |input| {
        let values = whole(input);
        (0..values.len()).map(|row| values[row.saturating_sub(1)]).collect()
    }),
    ("sums_the_batch", TypeNode::Int64, |input| {
        let sum = whole(input).iter().flatten().fold(0_i64, |sum, value| sum.wrapping_add(*value));
        whole(input).iter().map(|_| Some(sum)).collect()
    }),
    ("panics_without_rows", TypeNode::Int64, |input| {
        let first = whole(input)[0];
        whole(input).iter().map(|value| value.or(first)).map(|_| Some(0)).collect()
    }),
    ("panics_at_seven", TypeNode::Int64, |input| {
        whole(input).into_iter().inspect(|value| assert!(*value != Some(7))).collect()
    }),
    ("overflows", TypeNode::Int64, |input| {
        whole(input).into_iter().map(|value| Some(value?.checked_mul(1_000).expect("small"))).collect()
    }),
    ("fills_nulls", TypeNode::Int64, |input| {
        whole(input).into_iter().map(|value| Some(value.unwrap_or(-1))).collect()
    }),
    ("reads_under_nulls", TypeNode::Int64, |input| match input {
        Input::Whole(values, _) => values.iter().copied().map(Some).collect(),
        _ => Vec::new(),
    }),
    ("panics_at_infinity", TypeNode::Float64, |input| {
        float(input)
            .into_iter()
            .map(|value| {
                let value = value?;
                assert!(!value.is_infinite());
                Some(value as i64)
            })
            .collect()
    }),
    ("loses_nan", TypeNode::Float64, |input| {
        // Rust turns NaN into 0.
        float(input).into_iter().map(|value| Some(value? as i64)).collect()
    }),
    ("cuts_characters", TypeNode::Utf8, |input| match input {
        Input::Text(texts, valid) => texts
            .iter()
            .zip(valid)
            .map(|(text, valid)| valid.then(|| if text.is_empty() { 0 } else { text[..1].len() as i64 }))
            .collect(),
        _ => Vec::new(),
    }),
];

fn whole(input: &Input) -> Vec<Option<i64>> {
    match input {
        Input::Whole(values, valid) => {
            values.iter().zip(valid).map(|(value, valid)| valid.then_some(*value)).collect()
        }
        _ => Vec::new(),
    }
}

fn float(input: &Input) -> Vec<Option<f64>> {
    match input {
        Input::Float(values, valid) => {
            values.iter().zip(valid).map(|(value, valid)| valid.then_some(*value)).collect()
        }
        _ => Vec::new(),
    }
}

impl Guest for Impure {
    fn signatures() -> Result<Vec<Signature>, Error> {
        let field = |name: &str, node: &TypeNode| Field { name: name.to_owned(), nodes: vec![node.clone()] };
        let signature = |(name, input, _): &(&str, TypeNode, Function)| Signature {
            name: (*name).to_owned(),
            inputs: vec![field("value", input), field("unused", &TypeNode::Utf8)],
            outputs: vec![field("out", &TypeNode::Int64)],
        };
        Ok(FUNCTIONS.iter().map(signature).collect())
    }

    fn transform(index: u32, input: Batch) -> Result<Batch, Error> {
        let rows = input.row_count as usize;
        let mut columns = input.columns.into_iter();
        let Some(Column { validity, values }) = columns.next() else {
            return Err(Error { message: "there is no column".to_owned() });
        };
        let bit = |row: usize| validity.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
        let valid: Vec<bool> = (0..rows).map(bit).collect();
        let given = match values {
            Values::Int64(values) => Input::Whole(values, valid),
            Values::Float64(values) => Input::Float(values, valid),
            Values::Utf8(texts) => {
                let text = |ends: &[i32]| {
                    String::from_utf8_lossy(&texts.data[ends[0] as usize..ends[1] as usize]).into_owned()
                };
                Input::Text(texts.offsets.windows(2).map(text).collect(), valid)
            }
            _ => return Err(Error { message: "another type was promised".to_owned() }),
        };
        let out = FUNCTIONS[index as usize].2(&given);
        let mut bits = vec![0_u8; rows.div_ceil(8)];
        for (row, value) in out.iter().enumerate() {
            bits[row / 8] |= u8::from(value.is_some()) << (row % 8);
        }
        let values = Values::Int64(out.into_iter().map(Option::unwrap_or_default).collect());
        Ok(Batch { row_count: input.row_count, columns: vec![Column { validity: Some(bits), values }] })
    }
}

bindings::export!(Impure with_types_in bindings);
