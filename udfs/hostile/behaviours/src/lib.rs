//! Functions that misbehave when called. Written against the generated bindings, because the arrays of
//! `larder-guest` would not let them.

use std::hint::black_box;
use std::sync::atomic::{AtomicI64, Ordering};

use larder_guest::bindings;
use larder_guest::bindings::exports::larder::udf::transformation::{Error, Guest, Signature};
use larder_guest::bindings::larder::udf::arrow::{Batch, Column, Field, TypeNode, Values, VarLen};

struct Hostile;

/// Name, type of the one output `out`, and what it does. All take one column, `value: Int64`.
const FUNCTIONS: &[(&str, &[TypeNode], fn(Batch) -> Result<Batch, Error>)] = &[
    ("panics", &[TypeNode::Int64], |_| panic!("a panic")),
    ("loops", &[TypeNode::Int64], |_| {
        loop {
            black_box(());
        }
    }),
    ("eats_memory", &[TypeNode::Int64], |_| {
        let mut eaten = Vec::new();
        loop {
            eaten.push(black_box(vec![1_u8; 1 << 20]));
        }
    }),
    ("recurses", &[TypeNode::Int64], |input| int64(&input, vec![recurse(i64::from(input.row_count))])),
    ("fails", &[TypeNode::Int64], |_| Err(Error { message: "this row is not to my taste".to_owned() })),
    ("fails_at_length", &[TypeNode::Int64], |_| Err(Error { message: "ä".repeat(10 << 20) })),
    ("adds_a_row", &[TypeNode::Int64], |input| {
        let rows = input.row_count + 1;
        Ok(Batch { row_count: rows, columns: vec![column(Values::Int64(vec![0; size(rows)]))] })
    }),
    ("lies_about_rows", &[TypeNode::Int64], |input| int64(&input, vec![0; size(input.row_count) + 1])),
    ("adds_a_column", &[TypeNode::Int64], |input| {
        let zeros = || column(Values::Int64(vec![0; size(input.row_count)]));
        Ok(Batch { row_count: input.row_count, columns: vec![zeros(), zeros()] })
    }),
    ("loses_a_column", &[TypeNode::Int64], |input| Ok(Batch { row_count: input.row_count, columns: vec![] })),
    ("changes_the_type", &[TypeNode::Int64], |input| {
        one(&input, Values::Float64(vec![0.0; size(input.row_count)]))
    }),
    ("shortens_validity", &[TypeNode::Int64], |input| {
        let values = Values::Int64(vec![0; size(input.row_count)]);
        Ok(Batch { row_count: input.row_count, columns: vec![Column { validity: Some(vec![]), values }] })
    }),
    ("shortens_booleans", &[TypeNode::Boolean], |input| one(&input, Values::Boolean(vec![]))),
    ("falling_offsets", &[TypeNode::Utf8], |input| text(&input, |rows, _| rows, b"ab")),
    ("offsets_past_the_end", &[TypeNode::Utf8], |input| text(&input, |_, row| row * 1_000, b"ab")),
    ("offsets_not_from_zero", &[TypeNode::Utf8], |input| text(&input, |_, row| row + 1, b"ab")),
    ("too_few_offsets", &[TypeNode::Utf8], |input| {
        one(&input, Values::Utf8(VarLen { offsets: vec![], data: vec![] }))
    }),
    ("broken_utf8", &[TypeNode::Utf8], |input| {
        let rows = input.row_count as i32;
        text(&input, |_, row| row, &vec![0xff; rows as usize])
    }),
    ("splits_a_character", &[TypeNode::Utf8], |input| {
        let rows = input.row_count as usize;
        text(&input, |_, row| row, "ä".repeat(rows).as_bytes().get(..rows).unwrap_or_default())
    }),
    ("list_of_nothing", &[TypeNode::List, TypeNode::Int64], |input| {
        let offsets = (0..=input.row_count as i32).collect();
        let columns = vec![column(Values::Offsets(offsets)), column(Values::Int64(vec![]))];
        Ok(Batch { row_count: input.row_count, columns })
    }),
    ("list_as_text", &[TypeNode::List, TypeNode::Int64], |input| {
        let zeros = || column(Values::Int64(vec![0; size(input.row_count)]));
        Ok(Batch { row_count: input.row_count, columns: vec![zeros(), zeros()] })
    }),
    ("struct_without_child", &[STRUCT, TypeNode::Int64], |input| one(&input, Values::Parent)),
    ("struct_child_too_short", &[STRUCT, TypeNode::Int64], |input| {
        let columns = vec![column(Values::Parent), column(Values::Int64(vec![1]))];
        Ok(Batch { row_count: input.row_count, columns })
    }),
    ("not_json", &[TypeNode::Json], |input| {
        let length = size(input.row_count) as i32;
        text(&input, |_, row| row, &vec![b'{'; length as usize])
    }),
    ("set_with_repetitions", &[TypeNode::Set, TypeNode::Int64], |input| {
        let rows = input.row_count as i32;
        let items = (0..rows).flat_map(|row| [i64::from(row), 7, i64::from(row), 7]).collect();
        let offsets = (0..=rows).map(|row| row * 4).collect();
        let columns = vec![column(Values::Offsets(offsets)), column(Values::Int64(items))];
        Ok(Batch { row_count: input.row_count, columns })
    }),
    ("offsets_beyond_all_memory", &[TypeNode::Utf8], |input| {
        text(&input, |rows, row| if row == rows { i32::MAX } else { row }, b"ab")
    }),
    ("negative_offsets", &[TypeNode::Utf8], |input| text(&input, |_, row| -row, b"ab")),
    ("fails_in_no_language", &[TypeNode::Int64], |_| {
        // SAFETY: nothing in this guest reads the text; the host is to find out that it is none.
        Err(Error { message: unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe, 0xfd]) } })
    }),
    ("fails_without_a_word", &[TypeNode::Int64], |_| Err(Error { message: String::new() })),
    ("huge_output", &[TypeNode::Binary], |input| {
        let data = vec![7; 40 << 20];
        let mut offsets = vec![0; size(input.row_count)];
        offsets.push(40 << 20);
        one(&input, Values::Binary(VarLen { offsets, data }))
    }),
    ("a_million_columns", &[TypeNode::Int64], |input| {
        let columns = (0..1_000_000).map(|_| column(Values::Boolean(vec![]))).collect();
        Ok(Batch { row_count: input.row_count, columns })
    }),
    ("counts_its_calls", &[TypeNode::Int64], |input| {
        static CALLS: AtomicI64 = AtomicI64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        int64(&input, vec![call; size(input.row_count)])
    }),
];

/// A struct of one field; its name is added where the type is declared.
const STRUCT: TypeNode = TypeNode::Struct(Vec::new());

impl Guest for Hostile {
    fn signatures() -> Result<Vec<Signature>, Error> {
        let named = |node: &TypeNode| match node {
            TypeNode::Struct(_) => TypeNode::Struct(vec!["part".to_owned()]),
            other => other.clone(),
        };
        let field = |name: &str, nodes: &[TypeNode]| Field {
            name: name.to_owned(),
            nodes: nodes.iter().map(named).collect(),
        };
        let signature = |(name, output, _): &(&str, &[TypeNode], _)| Signature {
            name: (*name).to_owned(),
            inputs: vec![field("value", &[TypeNode::Int64])],
            outputs: vec![field("out", output)],
        };
        Ok(FUNCTIONS.iter().map(signature).collect())
    }

    fn transform(index: u32, input: Batch) -> Result<Batch, Error> {
        FUNCTIONS[index as usize].2(input)
    }
}

bindings::export!(Hostile with_types_in bindings);

fn size(rows: u32) -> usize {
    rows as usize
}

fn column(values: Values) -> Column {
    Column { validity: None, values }
}

fn one(input: &Batch, values: Values) -> Result<Batch, Error> {
    Ok(Batch { row_count: input.row_count, columns: vec![column(values)] })
}

fn int64(input: &Batch, values: Vec<i64>) -> Result<Batch, Error> {
    one(input, Values::Int64(values))
}

/// Text whose offsets are computed from the number of rows and the place of the offset.
fn text(input: &Batch, offset: fn(i32, i32) -> i32, data: &[u8]) -> Result<Batch, Error> {
    let rows = input.row_count as i32;
    let mut offsets: Vec<i32> = (0..=rows).map(|row| offset(rows, row)).collect();
    if let (Some(first), true) = (offsets.first_mut(), offset(rows, 0) == offset(rows, 1)) {
        // Falls after a good beginning.
        *first = 0;
        if let Some(last) = offsets.last_mut() {
            *last = 0;
        }
    }
    one(input, Values::Utf8(VarLen { offsets, data: data.to_vec() }))
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
#[inline(never)]
fn recurse(depth: i64) -> i64 {
    let frame = black_box([depth; 16]);
    1 + recurse(black_box(depth + 1)) + frame[0]
}
