//! The metrics of one feature, and of many together.

use larder_core::{ScalarType, ValueType};
use larder_serving::MetricRow;
use serde_json::{Value, json};

use crate::statistics::Progress;
use crate::statistics::column::Values;
use crate::statistics::moments::as_float;
use crate::statistics::numbers::{NumberColumn, NumberStatistics};
use crate::statistics::words::{WordColumn, WordStatistics};

/// Feast's quantiles, with the columns that hold them.
const QUANTILES: &[f64] = &[0.5, 0.75, 0.9, 0.95, 0.99];
const QUANTILE_COLUMNS: [&str; 5] = ["p50", "p75", "p90", "p95", "p99"];
/// Feast's number of bins of a histogram of numbers.
const BINS: usize = 20;
/// Feast's number of the most frequent words.
const TOP: usize = 10;

/// What kinds of features have metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeatureKind {
    /// Numbers, decimal ones too.
    Numeric,
    /// Texts.
    Text,
    /// Truth values.
    Truth,
}

impl FeatureKind {
    /// The kind of a type; `None` of lists, times, bytes and others, of which Feast knows no metrics.
    pub(super) fn of(value_type: &ValueType) -> Option<Self> {
        let ValueType::Scalar(scalar) = value_type else { return None };
        match scalar {
            ScalarType::Int32
            | ScalarType::Int64
            | ScalarType::Float32
            | ScalarType::Float64
            | ScalarType::Decimal => Some(Self::Numeric),
            ScalarType::String => Some(Self::Text),
            ScalarType::Bool => Some(Self::Truth),
            _ => None,
        }
    }
}

/// A feature whose values are being counted.
#[derive(Debug)]
pub(super) enum CountedFeature {
    Numbers(NumberColumn),
    Words(WordColumn),
}

impl CountedFeature {
    pub(super) fn new(kind: FeatureKind) -> Self {
        match kind {
            FeatureKind::Numeric => Self::Numbers(NumberColumn::new(QUANTILES, BINS)),
            FeatureKind::Text | FeatureKind::Truth => Self::Words(WordColumn::new(TOP)),
        }
    }

    /// Counts the values of a batch; of rows that `is_held` denies the value is null.
    pub(super) fn add(&mut self, values: &Values, is_held: impl Fn(usize) -> bool) {
        use crate::statistics::column::Value;
        for row in 0..values.len() {
            let value = if is_held(row) { values.get(row) } else { Value::Null };
            match (&mut *self, value) {
                (Self::Numbers(numbers), Value::Number(number)) => numbers.add(Some(number)),
                // Decimal numbers are texts.
                (Self::Numbers(numbers), Value::Word(decimal)) => numbers.add(decimal.parse().ok()),
                (Self::Numbers(numbers), _) => numbers.add(None),
                (Self::Words(words), Value::Word(word)) => words.add(Some(word)),
                (Self::Words(words), _) => words.add(None),
            }
        }
    }

    pub(super) fn end_pass(&mut self) -> Progress {
        match self {
            Self::Numbers(numbers) => numbers.end_pass(),
            Self::Words(words) => words.end_pass(),
        }
    }

    pub(super) fn finish(self, name: &str, kind: FeatureKind) -> FeatureMetrics {
        let statistics = match self {
            Self::Numbers(numbers) => Statistics::Numeric(numbers.finish()),
            Self::Words(words) => Statistics::Categorical(words.finish(), kind),
        };
        FeatureMetrics { name: name.to_owned(), statistics }
    }
}

/// The metrics of one feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FeatureMetrics {
    pub(super) name: String,
    statistics: Statistics,
}

#[derive(Clone, Debug, PartialEq)]
enum Statistics {
    Numeric(NumberStatistics),
    Categorical(WordStatistics, FeatureKind),
}

impl FeatureMetrics {
    /// How many rows there were, and how many nulls among them.
    pub(super) fn counts(&self) -> (u64, u64) {
        match &self.statistics {
            Statistics::Numeric(numbers) => (numbers.rows, numbers.nulls),
            Statistics::Categorical(words, _) => (words.rows, words.nulls),
        }
    }

    /// As Feast answers them. What a kind of feature does not have is null.
    pub(super) fn to_row(&self) -> MetricRow {
        let none = NumberStatistics::default();
        let (feature_type, numbers) = match &self.statistics {
            Statistics::Numeric(numbers) => ("numeric", numbers),
            Statistics::Categorical(..) => ("categorical", &none),
        };
        let mut row = MetricRow::new();
        let mut set = |key: &str, value: Value| _ = row.insert(key.to_owned(), value);
        set("feature_name", self.name.as_str().into());
        set("feature_type", feature_type.into());
        let (rows, nulls) = self.counts();
        set("row_count", rows.into());
        set("null_count", nulls.into());
        set("null_rate", share(nulls, rows).into());
        set("mean", numbers.mean.into());
        set("stddev", numbers.deviation.into());
        set("min_val", numbers.min.into());
        set("max_val", numbers.max.into());
        for (at, column) in QUANTILE_COLUMNS.iter().enumerate() {
            set(column, numbers.quantiles.get(at).copied().flatten().into());
        }
        set("histogram", self.histogram());
        row
    }

    fn histogram(&self) -> Value {
        match &self.statistics {
            Statistics::Numeric(numbers) => numbers.histogram.as_ref().map_or(Value::Null, |histogram| {
                json!({ "bins": histogram.edges, "counts": histogram.counts, "bin_width": histogram.width() })
            }),
            Statistics::Categorical(words, _) if words.top.is_empty() => Value::Null,
            Statistics::Categorical(words, kind) => {
                let value = |word: &str| match kind {
                    FeatureKind::Truth => Value::from(word == "true"),
                    _ => Value::from(word),
                };
                let top: Vec<Value> = words
                    .top
                    .iter()
                    .map(|(word, count)| json!({ "value": value(word), "count": count }))
                    .collect();
                let mut histogram = json!({
                    "values": top,
                    "other_count": words.others,
                    "unique_count": words.different,
                });
                // Said only where it is so: Feast reads such columns to the end, whatever memory that takes.
                if let Some(told) = histogram.as_object_mut() {
                    if words.is_estimate {
                        told.insert("unique_count_is_estimate".to_owned(), true.into());
                    }
                    if words.may_miss {
                        told.insert("values_may_miss_some".to_owned(), true.into());
                    }
                }
                histogram
            }
        }
    }
}

/// The metrics of several features together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Together {
    pub(super) rows: u64,
    pub(super) features: usize,
    pub(super) with_nulls: usize,
    pub(super) average_null_rate: f64,
    pub(super) greatest_null_rate: f64,
}

impl Together {
    /// Of features with so many rows, and so many nulls among them.
    pub(super) fn of(counts: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut together = Self::default();
        let mut rates = Vec::new();
        for (rows, nulls) in counts {
            together.rows = together.rows.max(rows);
            together.features += 1;
            together.with_nulls += usize::from(nulls > 0);
            rates.push(share(nulls, rows));
        }
        (together.average_null_rate, together.greatest_null_rate) = average_and_greatest(&rates);
        together
    }
}

/// A part of all; of nothing, nothing.
fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { as_float(part) / as_float(all) }
}

/// The average and the greatest of rates; zeros of none.
pub(super) fn average_and_greatest(rates: &[f64]) -> (f64, f64) {
    let sum: f64 = rates.iter().sum();
    let average =
        if rates.is_empty() { 0.0 } else { sum / as_float(u64::try_from(rates.len()).unwrap_or(u64::MAX)) };
    (average, rates.iter().copied().fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray};

    use super::*;

    fn metrics(kind: FeatureKind, column: impl Array + 'static) -> FeatureMetrics {
        let column: ArrayRef = Arc::new(column);
        let mut counted = CountedFeature::new(kind);
        counted.add(&Values::of(&column).unwrap(), |_| true);
        assert_eq!(counted.end_pass(), Progress::Done);
        counted.finish("f", kind)
    }

    #[test]
    fn a_row_has_feasts_columns_and_null_where_a_kind_has_none() {
        let numbers = metrics(FeatureKind::Numeric, Int64Array::from(vec![Some(1), None, Some(2)]));
        let row = Value::Object(numbers.to_row());
        assert_eq!(row["feature_type"], "numeric");
        assert_eq!((row["row_count"].as_u64(), row["null_count"].as_u64()), (Some(3), Some(1)));
        assert_eq!((row["p50"].as_f64(), row["p99"].as_f64()), (Some(1.5), Some(1.99)));
        assert_eq!(row["histogram"]["counts"].as_array().map(Vec::len), Some(20));
        let truths = metrics(FeatureKind::Truth, BooleanArray::from(vec![true, false, true]));
        let row = Value::Object(truths.to_row());
        let expected = json!({"values": [{"value": true, "count": 2}, {"value": false, "count": 1}], "other_count": 0, "unique_count": 2});
        assert_eq!((&row["histogram"], &row["mean"]), (&expected, &Value::Null));
        let nothing = metrics(FeatureKind::Text, StringArray::from(vec![None::<&str>]));
        assert_eq!(nothing.to_row()["histogram"], Value::Null);
    }

    #[test]
    fn decimal_numbers_are_numbers() {
        let decimals = StringArray::from(vec![Some("1.25"), Some("-3"), None]);
        let row = metrics(FeatureKind::Numeric, decimals).to_row();
        assert_eq!((row["min_val"].as_f64(), row["max_val"].as_f64()), (Some(-3.0), Some(1.25)));
        assert_eq!(row["null_count"], 1);
    }

    #[test]
    fn together_the_rows_are_those_of_the_longest_and_rates_are_averaged() {
        let together = Together::of([(2, 1), (4, 0)]);
        let expected = Together {
            rows: 4,
            features: 2,
            with_nulls: 1,
            average_null_rate: 0.25,
            greatest_null_rate: 0.5,
        };
        assert_eq!(together, expected);
        assert_eq!(Together::of([]), Together::default());
    }
}
