//! Expectations as JSON, with the keys of a definition. What is the default is left out.

use larder_core::{Expectations, Tolerance, Tolerances};
use serde_json::{Map, Value};

/// One of the tolerances: its key, and where it stands.
pub(crate) struct ToleranceKey {
    pub(crate) name: &'static str,
    /// The least and, where there is one, the greatest number it may be.
    pub(crate) range: (f64, Option<f64>),
    pub(crate) of: fn(&mut Tolerances) -> &mut Tolerance,
}

/// All of them.
pub(crate) const TOLERANCES: [ToleranceKey; 5] = [
    ToleranceKey { name: "null_share", range: (0.0, Some(1.0)), of: |all| &mut all.null_share },
    ToleranceKey { name: "unexpected_share", range: (0.0, Some(1.0)), of: |all| &mut all.unexpected_share },
    ToleranceKey { name: "range_margin", range: (0.0, None), of: |all| &mut all.range_margin },
    ToleranceKey { name: "mean_shift", range: (0.0, None), of: |all| &mut all.mean_shift },
    ToleranceKey { name: "deviation_ratio", range: (1.0, None), of: |all| &mut all.deviation_ratio },
];

impl ToleranceKey {
    /// The tolerance, if the number may be one.
    pub(crate) fn accept(&self, number: f64) -> Option<Tolerance> {
        let (least, greatest) = self.range;
        let fits = number >= least && greatest.is_none_or(|greatest| number <= greatest);
        Tolerance::new(number).filter(|_| fits)
    }
}

/// The expectations as an object, empty of those that are all defaults.
pub(crate) fn expectations_to_json(expectations: &Expectations) -> Value {
    let mut object = Map::new();
    if expectations.min_rows != Expectations::default().min_rows {
        object.insert("min_rows".to_owned(), expectations.min_rows.into());
    }
    put_tolerances(&mut object, &expectations.tolerances, &Tolerances::default());
    let column = |(name, tolerances): (&String, &Option<Tolerances>)| {
        let mut object = Map::new();
        object.insert("name".to_owned(), name.as_str().into());
        match tolerances {
            None => {
                object.insert("ignore".to_owned(), true.into());
            }
            Some(tolerances) => put_tolerances(&mut object, tolerances, &expectations.tolerances),
        }
        Value::Object(object)
    };
    if !expectations.columns.is_empty() {
        object.insert("columns".to_owned(), expectations.columns.iter().map(column).collect());
    }
    Value::Object(object)
}

fn put_tolerances(object: &mut Map<String, Value>, tolerances: &Tolerances, usual: &Tolerances) {
    let (mut tolerances, mut usual) = (*tolerances, *usual);
    for key in &TOLERANCES {
        let number = (key.of)(&mut tolerances).get();
        if number.to_bits() != (key.of)(&mut usual).get().to_bits() {
            object.insert(key.name.to_owned(), number.into());
        }
    }
}

/// The expectations of such an object; `None` if it is none.
pub(crate) fn expectations_from_json(value: &Value) -> Option<Expectations> {
    let object = value.as_object()?;
    let min_rows = match object.get("min_rows") {
        Some(rows) => rows.as_u64()?,
        None => Expectations::default().min_rows,
    };
    let tolerances = tolerances_from_json(object, &Tolerances::default())?;
    let columns = object.get("columns").map_or(Some(Vec::new()), |columns| columns.as_array().cloned())?;
    let column = |column: &Value| {
        let object = column.as_object()?;
        let ignored = object.get("ignore").is_some_and(|ignore| ignore == true);
        let tolerances = if ignored { None } else { Some(tolerances_from_json(object, &tolerances)?) };
        Some((object.get("name")?.as_str()?.to_owned(), tolerances))
    };
    let columns = columns.iter().map(column).collect::<Option<_>>()?;
    Some(Expectations { min_rows, tolerances, columns })
}

fn tolerances_from_json(object: &Map<String, Value>, usual: &Tolerances) -> Option<Tolerances> {
    let mut tolerances = *usual;
    for key in &TOLERANCES {
        if let Some(number) = object.get(key.name) {
            *(key.of)(&mut tolerances) = key.accept(number.as_f64()?)?;
        }
    }
    Some(tolerances)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_defaults_are_not_written() {
        assert_eq!(expectations_to_json(&Expectations::default()), json!({}));
        let tolerance = |number| Tolerance::new(number).unwrap();
        let usual = Tolerances { mean_shift: tolerance(0.25), ..Tolerances::default() };
        let expectations = Expectations {
            min_rows: 0,
            tolerances: usual,
            columns: BTreeMap::from([
                ("v:a".to_owned(), None),
                ("v:b".to_owned(), Some(usual)),
                ("v:c".to_owned(), Some(Tolerances { deviation_ratio: tolerance(1.0), ..usual })),
            ]),
        };
        let written = expectations_to_json(&expectations);
        assert_eq!(
            written,
            json!({
                "min_rows": 0,
                "mean_shift": 0.25,
                "columns": [
                    {"name": "v:a", "ignore": true},
                    {"name": "v:b"},
                    {"name": "v:c", "deviation_ratio": 1.0},
                ]
            })
        );
        assert_eq!(expectations_from_json(&written), Some(expectations));
    }

    #[test]
    fn what_is_out_of_range_is_no_expectation() {
        for wrong in [
            json!({"null_share": 1.5}),
            json!({"deviation_ratio": 0.5}),
            json!({"mean_shift": "much"}),
            json!({"columns": [{"ignore": true}]}),
            json!([]),
        ] {
            assert_eq!(expectations_from_json(&wrong), None, "{wrong}");
        }
    }
}
