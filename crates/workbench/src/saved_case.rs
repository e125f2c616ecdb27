//! Rows as a document of a test file.

use std::fmt::Write as _;

use larder_core::{TransformationLimits, format_span};
use larder_registry::{Property, Spread, TransformationTests};
use serde_json::{Map, Value};

use crate::rows::Rows;

/// What a written case says must come.
#[derive(Debug)]
pub enum Wanted<'a> {
    /// These rows.
    Rows(&'a Rows),
    /// A property.
    Holds(Property),
}

/// A document with one case of `tests`' function, to be appended to a test file. `remark` becomes a
/// comment at its head.
pub fn saved_case(
    tests: &TransformationTests,
    component: &str,
    function: &str,
    (name, remark): (&str, &str),
    given: &Rows,
    wanted: &Wanted<'_>,
) -> String {
    let mut text = String::from("---\n");
    for line in remark.lines() {
        let _ = writeln!(text, "# {}", line.trim_end());
    }
    let _ = writeln!(text, "component: {}", quoted(component));
    let _ = writeln!(text, "function: {}", quoted(function));
    if tests.limits != TransformationLimits::default() {
        let limits = tests.limits;
        let TransformationLimits {
            memory_bytes,
            output_bytes,
            table_elements,
            stack_bytes,
            message_bytes,
            ..
        } = limits;
        let wall_time = format_span(limits.wall_time);
        let fuel = limits.fuel.map(|fuel| format!(", fuel: {fuel}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "limits: {{wall_time: {wall_time}, memory: {memory_bytes}, output: {output_bytes}, table_elements: \
             {table_elements}, stack: {stack_bytes}, message: {message_bytes}{fuel}}}"
        );
    }
    let spreads = [("nulls", &tests.null_spread), ("nans", &tests.nan_spread)];
    if matches!(wanted, Wanted::Holds(Property::NullSpread | Property::NanSpread)) {
        text.push_str("spread:\n");
        for (key, spread) in spreads {
            if let Some(spread) = spread {
                let _ = writeln!(text, "  {key}: {}", spread_text(spread));
            }
        }
    }
    let _ = write!(text, "properties: false\ncases:\n  - name: {}\n", quoted(name));
    rows(&mut text, "given", given);
    match wanted {
        Wanted::Rows(expected) => rows(&mut text, "expect", expected),
        Wanted::Holds(property) => {
            let _ = writeln!(text, "    holds: {}", property.name());
        }
    }
    text
}

fn spread_text(spread: &Spread) -> String {
    match spread {
        Spread::All => "all".to_owned(),
        Spread::From(outputs) => {
            let outputs: Map<String, Value> = outputs
                .iter()
                .map(|(output, inputs)| {
                    (
                        output.clone(),
                        inputs.value.iter().map(|input| Value::from(input.value.as_str())).collect(),
                    )
                })
                .collect();
            escaped(&Value::Object(outputs).to_string())
        }
    }
}

fn rows(text: &mut String, key: &str, rows: &Rows) {
    if rows.cells.is_empty() {
        let _ = writeln!(text, "    {key}: []");
        return;
    }
    let _ = writeln!(text, "    {key}:");
    for cells in &rows.cells {
        let cells = rows
            .fields
            .iter()
            .zip(cells)
            .map(|(field, value)| format!("{}: {}", quoted(&field.name), escaped(&value.to_string())));
        let _ = writeln!(text, "      - {{{}}}", cells.collect::<Vec<_>>().join(", "));
    }
}

/// A text as YAML, with quotes unless it is a plain word.
fn quoted(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if is_word { text.to_owned() } else { escaped(&Value::from(text).to_string()) }
}

/// JSON is YAML, but for characters that YAML does not take as they are.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        let code = u32::from(c);
        match code {
            0x7f..=0x9f | 0x2028..=0x202f | 0xfeff | 0xfffe | 0xffff => {
                let _ = write!(text, "\\u{code:04x}");
            }
            _ => text.push(c),
        }
    }
    text
}
