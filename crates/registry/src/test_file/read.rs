//! From the tree of one document to its tests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::shapes::{BUDGETS, CASE, INPUT, PROPERTIES, ROW_BUDGETS, SPREAD, TESTS, TOLERANCE};
use super::{
    Budgets, Cell, InputDomain, Property, Spread, TestCase, TestTable, Then, Tolerance, TransformationTests,
};
use crate::definitions::read_limits;
use crate::problem::{Place, Problem, Report};
use crate::shape::Shape;
use crate::suggestion::suggest;
use crate::yaml::{At, Node, NodeKind, ObjectReader};

/// Reads one document; `None` if it is no mapping.
pub(super) fn read_tests(document: &Node, report: &mut Report) -> Option<TransformationTests> {
    let reader = ObjectReader::open(document, &TESTS, report)?;
    reader.require("component", report);
    let mut tests = TransformationTests {
        component: reader.read("component", report, |node, what| node.text(what).map(str::to_owned)),
        function: reader.name("function", report),
        ..TransformationTests::default()
    };
    if let Some(node) = reader.get("limits") {
        tests.limits = read_limits(node, report);
    }
    if let Some(inputs) = reader.read("inputs", report, Node::entries) {
        for entry in inputs.value {
            if let Some(domain) = domain(&entry.value, report) {
                tests.inputs.insert(entry.key.clone(), At::new(domain, &entry.key_place));
            }
        }
    }
    if let Some(node) = reader.get("spread")
        && let Some(reader) = ObjectReader::open(node, &SPREAD, report)
    {
        tests.null_spread = spread(&reader, "nulls", report);
        tests.nan_spread = spread(&reader, "nans", report);
    }
    if let Some(node) = reader.get("properties") {
        properties(node, &mut tests, report);
    }
    if let Some(node) = reader.get("budgets") {
        tests.budget_rows = read_budgets(node, &ROW_BUDGETS, &mut tests.budgets, report);
    }
    let mut names = BTreeSet::new();
    for node in reader.items("cases", report) {
        let Some(case) = case(node, report) else { continue };
        if !names.insert(case.name.value.clone()) {
            let what = format!("two cases are called `{}`", case.name.value);
            report.problem(case.name.place.problem(what).remedy("give each a name of its own"));
        }
        tests.cases.push(case);
    }
    Some(tests)
}

fn domain(node: &Node, report: &mut Report) -> Option<InputDomain> {
    let reader = ObjectReader::open(node, &INPUT, report)?;
    let range = reader.read("range", report, |node, what| match node.list(what)? {
        [least, greatest] => Ok((value_of(least), value_of(greatest))),
        _ => Err(node.place.problem(format!("{what} must be the least and the greatest value"))),
    });
    let values = reader.items("values", report).iter().map(value_of).collect();
    let never_null = !reader.boolean("nulls", true, report);
    Some(InputDomain { range: range.map(|range| range.value), values, never_null })
}

fn spread(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Option<Spread> {
    let node = reader.get(key)?;
    let what = reader.what(key);
    if let NodeKind::Scalar(_) = node.kind {
        let text = node.text(&what).ok()?;
        if text == "all" {
            return Some(Spread::All);
        }
        let problem = node
            .place
            .problem(format!("{what} is `{text}`, but must be `all`, or by output a list of inputs"));
        report.problem(problem);
        return None;
    }
    let mut from = BTreeMap::new();
    for entry in reader.read(key, report, Node::entries)?.value {
        match names(&entry.value, &format!("the inputs of `{}`", entry.key)) {
            Ok(inputs) => drop(from.insert(entry.key.clone(), At::new(inputs, &entry.key_place))),
            Err(problem) => report.problem(problem),
        }
    }
    Some(Spread::From(from))
}

fn names(node: &Node, what: &str) -> Result<Vec<At<String>>, Problem> {
    let name = |item: &Node| Ok(At::new(item.name(what)?.to_owned(), &item.place));
    match node.kind {
        NodeKind::Scalar(_) => Ok(vec![name(node)?]),
        _ => node.list(what)?.iter().map(name).collect(),
    }
}

fn properties(node: &Node, tests: &mut TransformationTests, report: &mut Report) {
    if let NodeKind::Scalar(_) = node.kind {
        match node.boolean("`properties`") {
            Ok(wanted) => tests.without_properties = !wanted,
            Err(problem) => report.problem(problem.remedy("write `properties: false` to check none")),
        }
        return;
    }
    let Some(reader) = ObjectReader::open(node, &PROPERTIES, report) else { return };
    tests.batches = positive(&reader, "batches", report);
    tests.rows = positive(&reader, "rows", report);
    let Some(skipped) = reader.read("skip", report, Node::entries) else { return };
    for entry in skipped.value {
        let property = property(&entry.key, &entry.key_place, report);
        let reason = entry.value.text(&format!("the reason why `{}` is not checked", entry.key));
        match (property, reason) {
            (Some(property), Ok(reason)) => drop(tests.skipped.insert(property, reason.to_owned())),
            (_, Err(problem)) => report.problem(problem),
            (None, Ok(_)) => {}
        }
    }
}

fn positive(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Option<usize> {
    /// More would not fit into one call, or take hours.
    const MOST: u64 = 65_536;
    let count = reader.read(key, report, Node::count)?;
    match usize::try_from(count.value) {
        Ok(value) if (1..=MOST).contains(&count.value) => Some(value),
        _ => {
            let what = format!("{} is {}, but must be from 1 to {MOST}", reader.what(key), count.value);
            report.problem(count.place.problem(what));
            None
        }
    }
}

fn property(name: &str, place: &Place, report: &mut Report) -> Option<Property> {
    let property = Property::from_name(name);
    if property.is_none() {
        let known = Property::ALL.into_iter().map(Property::name);
        report
            .problem(place.problem(format!("unknown property `{name}`")).maybe_remedy(suggest(name, known)));
    }
    property
}

/// Reads budgets, and the rows where the shape has them.
fn read_budgets(
    node: &Node,
    shape: &'static Shape,
    budgets: &mut Budgets,
    report: &mut Report,
) -> Option<usize> {
    let reader = ObjectReader::open(node, shape, report)?;
    budgets.instructions = reader.read("instructions", report, Node::count);
    budgets.memory_bytes = reader.size("memory", report);
    budgets.output_bytes = reader.size("output", report);
    budgets.time = reader.span("time", report);
    if reader.may_have("rows") { positive(&reader, "rows", report) } else { None }
}

fn case(node: &Node, report: &mut Report) -> Option<TestCase> {
    let reader = ObjectReader::open(node, &CASE, report)?;
    let name = reader.required_name("name", report);
    let given = reader.require("given", report).and_then(|node| table(node, &reader.what("given"), report));
    let then = then(&reader, report);
    let (mut tolerance, mut default_tolerance) = (BTreeMap::new(), Tolerance::default());
    if let Some(node) = reader.get("tolerance") {
        let what = reader.what("tolerance");
        match &node.kind {
            NodeKind::Map(entries) => {
                for entry in entries {
                    if let Some(read) =
                        read_tolerance(&entry.value, &format!("the tolerance of `{}`", entry.key), report)
                    {
                        tolerance.insert(entry.key.clone(), At::new(read, &entry.key_place));
                    }
                }
            }
            _ => default_tolerance = read_tolerance(node, &what, report).unwrap_or_default(),
        }
    }
    let mut budgets = Budgets::default();
    if let Some(node) = reader.get("budgets") {
        read_budgets(node, &BUDGETS, &mut budgets, report);
    }
    Some(TestCase { name: name?, given: given?, then: then?, tolerance, default_tolerance, budgets })
}

fn then(reader: &ObjectReader<'_>, report: &mut Report) -> Option<Then> {
    let given: Vec<&str> =
        ["expect", "error", "holds"].into_iter().filter(|key| reader.get(key).is_some()).collect();
    match given.as_slice() {
        ["expect"] => table(reader.get("expect")?, &reader.what("expect"), report).map(Then::Expect),
        ["error"] => {
            reader.read("error", report, |node, what| node.text(what).map(str::to_owned)).map(Then::Error)
        }
        ["holds"] => {
            let names = reader.name_or_names("holds", report);
            let known = names.into_iter().filter_map(|name| property(&name.value, &name.place, report));
            Some(Then::Holds(known.collect()))
        }
        [] => {
            let what = format!("{} has neither `expect` nor `error` nor `holds`", reader.subject);
            report.problem(reader.place.problem(what).remedy("say what must come of the given rows"));
            None
        }
        _ => {
            let what = format!("{} has several of `expect`, `error` and `holds`", reader.subject);
            report.problem(reader.place.problem(what).remedy("make a case of each"));
            None
        }
    }
}

fn read_tolerance(node: &Node, what: &str, report: &mut Report) -> Option<Tolerance> {
    if let NodeKind::Scalar(_) = node.kind {
        let absolute = report_problem(number(node, what), report)?;
        return Some(Tolerance { absolute, relative: 0.0 });
    }
    let reader = ObjectReader::open(node, &TOLERANCE, report)?;
    let absolute = reader.read("absolute", report, number).map_or(0.0, |number| number.value);
    let relative = reader.read("relative", report, number).map_or(0.0, |number| number.value);
    Some(Tolerance { absolute, relative })
}

fn report_problem<T>(read: Result<T, Problem>, report: &mut Report) -> Option<T> {
    read.map_err(|problem| report.problem(problem)).ok()
}

/// A number, zero or more.
fn number(node: &Node, what: &str) -> Result<f64, Problem> {
    let text = node.scalar(what, "a number, zero or more")?;
    let number = text.parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
    number
        .ok_or_else(|| node.place.problem(format!("{what} is `{text}`, but must be a number, zero or more")))
}

fn table(node: &Node, what: &str, report: &mut Report) -> Option<TestTable> {
    if let NodeKind::Scalar(_) = node.kind {
        let file = report_problem(node.text(what), report)?;
        return Some(TestTable::File(At::new(file.to_owned(), &node.place)));
    }
    let NodeKind::List(items) = &node.kind else {
        let problem = node.place.problem(format!(
            "{what} is {}, but must be a list of rows or the name of a file",
            node.describe()
        ));
        report.problem(problem.remedy("write each row as `- {column: value}`"));
        return None;
    };
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let entries = report_problem(item.entries(&format!("a row of {what}")), report)?;
        let cells = entries.iter().map(|entry| Cell {
            column: At::new(entry.key.clone(), &entry.key_place),
            value: At::new(value_of(&entry.value), &entry.value.place),
        });
        rows.push(At::new(cells.collect(), &item.place));
    }
    Some(TestTable::Rows { place: node.place.clone(), rows })
}

/// The node as JSON. The floats that JSON cannot write are the texts that columns of floats take.
fn value_of(node: &Node) -> Value {
    match &node.kind {
        NodeKind::List(items) => items.iter().map(value_of).collect(),
        NodeKind::Map(entries) => Value::Object(
            entries.iter().map(|entry| (entry.key.clone(), value_of(&entry.value))).collect::<Map<_, _>>(),
        ),
        NodeKind::Scalar(scalar) if scalar.plain => match scalar.text.to_ascii_lowercase().as_str() {
            ".nan" => "NaN".into(),
            ".inf" | "+.inf" => "Infinity".into(),
            "-.inf" => "-Infinity".into(),
            _ => node.json(),
        },
        NodeKind::Scalar(_) => node.json(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::read_test_file;

    fn read(text: &str) -> Result<Vec<TransformationTests>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.test.yaml");
        std::fs::write(&file, text).unwrap();
        read_test_file(&file, Path::new("a.test.yaml")).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_document_is_the_tests_of_one_function() {
        let text = "\
component: a.wasm
spread: {nulls: all, nans: {out: [x]}}
inputs: {x: {range: [0, .inf], nulls: false}}
properties: {rows: 8, skip: {extremes: sums overflow}}
budgets: {instructions: 9000, time: 5ms, rows: 10}
cases:
  - name: one
    given: [{x: .nan, y: \".nan\"}, {x: -.inf}]
    expect: rows.csv
    tolerance: {out: {absolute: 0.5, relative: 1e-6}, other: 1}
---
component: b.wasm
cases: [{name: two, given: [], error: no}]
";
        let tests = read(text).unwrap();
        let [first, second] = tests.as_slice() else { panic!("two documents") };
        assert_eq!(first.skipped[&Property::Extremes], "sums overflow");
        assert_eq!(first.budgets.instructions.as_ref().map(|budget| budget.value), Some(9_000));
        assert_eq!((first.rows, first.budget_rows), (Some(8), Some(10)));
        assert_eq!(first.inputs["x"].value.range, Some((0.into(), "Infinity".into())));
        let [case] = first.cases.as_slice() else { panic!("one case") };
        let TestTable::Rows { rows, .. } = &case.given else { panic!("rows") };
        let values: Vec<&Value> =
            rows.iter().flat_map(|row| &row.value).map(|cell| &cell.value.value).collect();
        assert_eq!(values, [&Value::from("NaN"), &".nan".into(), &"-Infinity".into()]);
        assert_eq!(case.tolerance["other"].value, Tolerance { absolute: 1.0, relative: 0.0 });
        assert_eq!(case.tolerance["out"].value, Tolerance { absolute: 0.5, relative: 1e-6 });
        assert!(matches!(&second.cases[0].then, Then::Error(text) if text.value == "no"));
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        for (text, problem) in [
            ("cases: []\n", "a.test.yaml:1:1: test file has no `component`"),
            (
                "component: a\ncase: []\n",
                "a.test.yaml:2:1: unknown key `case` in test file; did you mean `cases`?",
            ),
            (
                "component: a\nproperties: {skip: {permutes: x}}\n",
                "a.test.yaml:2:21: unknown property `permutes`; did you mean `permute`?",
            ),
            ("component: a\nproperties: {skip: {permute: }}\n", "a.test.yaml:2:"),
            ("component: a\ncases:\n- name: b\n  given: []\n", "a.test.yaml:3:3: case `b` has neither"),
            ("component: a\ncases:\n- {name: b, given: 3}\n", "a.test.yaml:3:4: case `b` has neither"),
            (
                "component: a\ncases: [{name: b, given: {x: 1}, error: x}]\n",
                "a.test.yaml:2:26: `given` of case `b` is a mapping, but must be a list of rows",
            ),
            (
                "component: a\ncases:\n- {name: b, given: [], error: x}\n- {name: b, given: [], error: x}\n",
                "a.test.yaml:4:10: two cases are called `b`",
            ),
            ("component: a\nproperties: {rows: 0}\n", "a.test.yaml:2:20: `rows` of properties is 0"),
            ("component: a\nspread: {nulls: some}\n", "a.test.yaml:2:17: `nulls` of spread is `some`"),
            (
                "component: a\ncases: [{name: b, given: [], expect: [], tolerance: -1}]\n",
                "a.test.yaml:2:53: `tolerance` of case `b` is `-1`",
            ),
            ("", "a.test.yaml: the file holds no tests"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(problem), "{text}\n{told}");
        }
    }
}
