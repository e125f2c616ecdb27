//! What a saved dataset holds, column by column, and how it is kept.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use larder_core::{Result, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::statistics::column::{ColumnKind, Value, Values};
use crate::statistics::moments::Moments;

/// Profiles of another form are measured anew.
const FORM: u64 = 1;
/// Words of a column with more different ones are free text, not categories.
const MAX_CATEGORIES: usize = 50;

/// What a saved dataset holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DatasetProfile {
    columns: BTreeMap<String, ColumnProfile>,
}

/// What a column of it holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ColumnProfile {
    pub(super) kind: ColumnKind,
    pub(super) rows: u64,
    /// How many rows are null or not a number.
    pub(super) nulls: u64,
    /// How many numbers are infinite; they are in none of the moments.
    pub(super) infinite: u64,
    /// Of numbers.
    pub(super) moments: Moments,
    /// The words, where they are categories: few, and each on average more than once.
    pub(super) categories: Option<BTreeSet<String>>,
}

impl DatasetProfile {
    pub(super) fn measure(rows: &RecordBatch) -> Result<Self> {
        let schema = rows.schema();
        let columns = schema.fields().iter().zip(rows.columns());
        let columns = columns
            .map(|(field, column)| Ok((field.name().clone(), ColumnProfile::measure(&Values::of(column)?))))
            .collect::<Result<_>>()?;
        Ok(Self { columns })
    }

    pub(super) fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.get(name)
    }

    /// As text, with the time at which the dataset was saved.
    pub(super) fn to_json(&self, saved: Timestamp) -> String {
        let columns: Map<String, Json> =
            self.columns.iter().map(|(name, column)| (name.clone(), column.to_json())).collect();
        json!({ "form": FORM, "saved": saved.micros(), "columns": columns }).to_string()
    }

    /// What was kept; `None` if that is nothing, or the dataset was saved at another time.
    pub(super) fn from_json(text: &str, saved: Timestamp) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok()?;
        if json.get("form")?.as_u64()? != FORM || json.get("saved")?.as_i64()? != saved.micros() {
            return None;
        }
        let columns = json.get("columns")?.as_object()?.iter();
        let columns = columns.map(|(name, column)| Some((name.clone(), ColumnProfile::from_json(column)?)));
        Some(Self { columns: columns.collect::<Option<_>>()? })
    }
}

impl ColumnProfile {
    fn measure(values: &Values) -> Self {
        let (mut nulls, mut infinite, mut words) = (0, 0, 0);
        let mut moments = Moments::default();
        let mut different = BTreeSet::new();
        for row in 0..values.len() {
            match values.get(row) {
                Value::Null => nulls += 1,
                Value::Number(number) if number.is_finite() => moments.add(number),
                Value::Number(_) => infinite += 1,
                Value::Word(word) => {
                    words += 1;
                    if different.len() <= MAX_CATEGORIES && !different.contains(word) {
                        different.insert(word.to_owned());
                    }
                }
                Value::Other => {}
            }
        }
        let kind = values.kind();
        let few = different.len() <= MAX_CATEGORIES && different.len() * 2 <= words;
        Self {
            kind,
            rows: u64::try_from(values.len()).unwrap_or(u64::MAX),
            nulls,
            infinite,
            moments,
            categories: (kind == ColumnKind::Word && few && words > 0).then_some(different),
        }
    }

    fn to_json(&self) -> Json {
        let mut json = json!({ "kind": self.kind.name(), "rows": self.rows, "nulls": self.nulls });
        if let Some(object) = json.as_object_mut() {
            if self.kind == ColumnKind::Number {
                let moments = &self.moments;
                object.insert("infinite".to_owned(), self.infinite.into());
                object.insert("numbers".to_owned(), moments.count.into());
                object.insert("min".to_owned(), moments.min.into());
                object.insert("max".to_owned(), moments.max.into());
                object.insert("mean".to_owned(), moments.mean.into());
                object.insert("standard_deviation".to_owned(), moments.deviation().into());
            }
            if let Some(categories) = &self.categories {
                object.insert("categories".to_owned(), json!(categories));
            }
        }
        json
    }

    fn from_json(json: &Json) -> Option<Self> {
        let count = |name: &str| json.get(name)?.as_u64();
        let number = |name: &str| json.get(name)?.as_f64();
        let kind = ColumnKind::from_name(json.get("kind")?.as_str()?)?;
        let (infinite, moments) = if kind == ColumnKind::Number {
            let range = (number("min")?, number("max")?);
            // Numbers near the largest have no mean or spread that JSON could write: measured anew.
            let moments =
                Moments::new(count("numbers")?, range, number("mean")?, number("standard_deviation")?);
            (count("infinite")?, moments)
        } else {
            (0, Moments::default())
        };
        let categories = match json.get("categories") {
            Some(words) => {
                let words = words.as_array()?.iter().map(|word| word.as_str().map(str::to_owned));
                Some(words.collect::<Option<BTreeSet<_>>>()?)
            }
            None => None,
        };
        Some(Self { kind, rows: count("rows")?, nulls: count("nulls")?, infinite, moments, categories })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn profile(column: ArrayRef) -> ColumnProfile {
        let rows = RecordBatch::try_from_iter([("c", column)]).unwrap();
        DatasetProfile::measure(&rows).unwrap().column("c").unwrap().clone()
    }

    #[test]
    fn a_number_that_is_none_is_null_and_an_infinite_one_is_in_no_mean() {
        let column =
            Float32Array::from(vec![Some(1.0), Some(f32::NAN), None, Some(f32::INFINITY), Some(3.0)]);
        let profile = profile(Arc::new(column));
        assert_eq!((profile.rows, profile.nulls, profile.infinite), (5, 2, 1));
        assert_eq!((profile.moments.count, profile.moments.mean), (2, 2.0));
        assert_eq!((profile.moments.min, profile.moments.max), (1.0, 3.0));
    }

    #[test]
    fn words_are_categories_while_they_are_few_and_come_again() {
        let words = |words: Vec<String>| profile(Arc::new(StringArray::from(words))).categories;
        let some = |range: std::ops::Range<usize>| range.map(|n| n.to_string()).collect::<Vec<_>>();
        let twice = |n: usize| [some(0..n), some(0..n)].concat();
        assert_eq!(words(twice(50)).map(|words| words.len()), Some(50));
        assert_eq!(words(twice(51)), None, "too many");
        assert_eq!(words(some(0..10)), None, "each is one of its own");
        assert_eq!(words(Vec::new()), None);
        let flags = profile(Arc::new(BooleanArray::from(vec![true, false, true, true])));
        assert_eq!(flags.categories, Some(["false".to_owned(), "true".to_owned()].into()));
    }

    #[test]
    fn what_is_kept_is_read_again_until_the_dataset_is_saved_anew() {
        let lists =
            ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None, None, None]);
        let rows = RecordBatch::try_from_iter([
            ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(8)])) as ArrayRef),
            ("w", Arc::new(StringArray::from(vec!["a", "b", "a", "b"])) as ArrayRef),
            ("l", Arc::new(lists) as ArrayRef),
        ])
        .unwrap();
        let profile = DatasetProfile::measure(&rows).unwrap();
        let saved = Timestamp::from_micros(7);
        let text = profile.to_json(saved);
        let read = DatasetProfile::from_json(&text, saved).unwrap();
        assert_eq!(read.column("w"), profile.column("w"));
        assert_eq!(read.column("l"), profile.column("l"));
        let (kept, measured) = (read.column("n").unwrap(), profile.column("n").unwrap());
        assert!((kept.moments.deviation() - measured.moments.deviation()).abs() < 1e-12);
        assert_eq!((kept.nulls, kept.moments.max), (1, 8.0));
        assert_eq!(DatasetProfile::from_json(&text, Timestamp::from_micros(8)), None);
        assert_eq!(DatasetProfile::from_json(&text.replace("\"form\":1", "\"form\":2"), saved), None);
        assert_eq!(DatasetProfile::from_json("", saved), None);
    }
}
