//! The keys of a test file.

use super::Property;
use crate::definitions::LIMITS;
use crate::shape::{Key, Shape, Takes, optional, required};

const BUDGETS_KEY: Key = optional("budgets", Takes::Object(&BUDGETS), "What the call may cost.");

pub(crate) static TESTS: Shape = Shape {
    noun: "test file",
    summary: "The tests of one function of a component.",
    keys: &[
        required("component", Takes::Text, "The component's file, from this file's folder."),
        optional("function", Takes::Name, "The function; the only one where it is left out."),
        optional("limits", Takes::Object(&LIMITS), "What one call may use up, as in a view."),
        optional("inputs", Takes::ObjectsByName(&INPUT), "By input, what generated rows hold."),
        optional("spread", Takes::Object(&SPREAD), "How nulls and NaNs spread from inputs to outputs."),
        optional(
            "properties",
            Takes::BooleanOrObject(&PROPERTIES),
            "What is checked over generated rows; `false` for nothing.",
        ),
        optional("budgets", Takes::Object(&ROW_BUDGETS), "What a call over generated rows may cost."),
        optional("cases", Takes::Objects(&CASE), "Given rows and what must come of them."),
    ],
};

pub(super) static INPUT: Shape = Shape {
    noun: "input",
    summary: "The values that an input has in practice.",
    keys: &[
        optional("range", Takes::List(Some(2)), "The least and the greatest value: `[0, 1]`."),
        optional("values", Takes::List(None), "The only values."),
        optional("nulls", Takes::Boolean, "Whether it may be null; it may where this is left out."),
    ],
};

pub(super) static SPREAD: Shape = Shape {
    noun: "spread",
    summary: "From which inputs nulls and NaNs spread to which outputs.",
    keys: &[
        optional("nulls", Takes::WordOrNamesByName("all"), "`all`, or by output a list of inputs."),
        optional("nans", Takes::WordOrNamesByName("all"), "`all`, or by output a list of inputs."),
    ],
};

pub(super) static PROPERTIES: Shape = Shape {
    noun: "properties",
    summary: "What is checked over generated rows.",
    keys: &[
        optional("batches", Takes::Count, "Generated tables for each property."),
        optional("rows", Takes::Count, "The most rows of a generated table."),
        optional("skip", Takes::LabelsOf(&Property::NAMES), "By property that is not checked, the reason."),
    ],
};

pub(super) static BUDGETS: Shape = Shape {
    noun: "budgets",
    summary: "What a call may cost.",
    keys: &[
        optional("instructions", Takes::Count, "Instructions; the same on every machine."),
        optional("memory", Takes::Size, "The most linear memory."),
        optional("output", Takes::Size, "Bytes of the output."),
        optional("time", Takes::Span, "Wall time, the best of some calls; differs from machine to machine."),
    ],
};

pub(super) static ROW_BUDGETS: Shape = Shape {
    noun: "budgets",
    summary: "What a call over generated rows may cost.",
    keys: &[
        optional("rows", Takes::Count, "The rows of the call; 1000 where it is left out."),
        optional("instructions", Takes::Count, "Instructions; the same on every machine."),
        optional("memory", Takes::Size, "The most linear memory."),
        optional("output", Takes::Size, "Bytes of the output."),
        optional("time", Takes::Span, "Wall time, the best of some calls; differs from machine to machine."),
    ],
};

pub(super) static CASE: Shape = Shape {
    noun: "case",
    summary: "Given rows and what must come of them.",
    keys: &[
        required("name", Takes::Name, "Its name, unique in the document."),
        required("given", Takes::Rows, "The rows, or a file of rows."),
        optional("expect", Takes::Rows, "The rows that must come, or a file of them."),
        optional("error", Takes::Text, "What the text of the error must contain."),
        optional("holds", Takes::SomeOf(&Property::NAMES), "Properties that must hold for the given rows."),
        optional(
            "tolerance",
            Takes::NumberOrObjectAlsoByName(&TOLERANCE),
            "How far numbers may be off, for all or by column.",
        ),
        BUDGETS_KEY,
    ],
};

pub(super) static TOLERANCE: Shape = Shape {
    noun: "tolerance",
    summary: "How far a number may be off.",
    keys: &[
        optional("absolute", Takes::Number(0), "The largest difference."),
        optional("relative", Takes::Number(0), "The largest difference as a share of the expected number."),
    ],
};
