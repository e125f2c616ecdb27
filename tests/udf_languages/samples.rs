//! What the sample functions of a new transformation give, in every language.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, Int64Array, ListArray, ListBuilder, StringArray, StringBuilder,
};

/// A function's columns, in and out.
pub(crate) struct Sample {
    pub(crate) function: &'static str,
    pub(crate) input: Vec<ArrayRef>,
    pub(crate) output: Vec<ArrayRef>,
}

pub(crate) fn all() -> [Sample; 2] {
    [transformed_conv_rate(), tag_features()]
}

/// A rate, two values, and the rate with each.
type Rates = (Option<f32>, Option<i64>, Option<i64>, Option<f64>, Option<f64>);

fn transformed_conv_rate() -> Sample {
    // Whole numbers beyond 2 ** 53 are rounded when they become floats.
    let rows: [Rates; 7] = [
        (Some(0.5), Some(1), Some(2), Some(1.5), Some(2.5)),
        (Some(0.1), Some(-1), Some(0), Some(f64::from(0.1_f32) - 1.0), Some(f64::from(0.1_f32))),
        (None, Some(1), Some(2), None, None),
        (Some(0.25), None, Some(2), None, Some(2.25)),
        (Some(-0.0), Some(0), Some(i64::MAX), Some(0.0), Some(9_223_372_036_854_775_807.0)),
        (
            Some(1.0),
            Some(9_007_199_254_740_993),
            Some(i64::MIN),
            Some(9_007_199_254_740_992.0),
            Some(-9_223_372_036_854_775_807.0),
        ),
        (Some(f32::INFINITY), Some(1), None, Some(f64::INFINITY), None),
    ];
    Sample {
        function: "transformed_conv_rate",
        input: vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Float32Array>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>()),
        ],
        output: vec![
            Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
        ],
    }
}

/// A list of texts, `~` where one is null.
type Tags = Option<&'static [&'static str]>;

/// A city and tags; the distinct tags, how many there are, and the summary.
type Visit = (Option<&'static str>, Tags, Tags, Option<i64>, Option<&'static str>);

fn tag_features() -> Sample {
    let rows: [Visit; 7] = [
        (Some("Oslo"), Some(&[" a", "b", "a ", "~"]), Some(&["a", "b"]), Some(2), Some("Oslo: a, b")),
        (Some("Łódź"), Some(&["ł", "🦀", "ł"]), Some(&["ł", "🦀"]), Some(2), Some("Łódź: ł, 🦀")),
        (None, Some(&["x"]), Some(&["x"]), Some(1), None),
        (Some("Bergen"), None, None, None, None),
        (Some(""), Some(&[]), Some(&[]), Some(0), Some(": ")),
        (Some("Bodø"), Some(&["~", "~"]), Some(&[]), Some(0), Some("Bodø: ")),
        (Some("Voss"), Some(&["", " ", "\t"]), Some(&["", "\t"]), Some(2), Some("Voss: , \t")),
    ];
    Sample {
        function: "tag_features",
        input: vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<StringArray>()),
            Arc::new(lists(rows.iter().map(|row| row.1))),
        ],
        output: vec![
            Arc::new(lists(rows.iter().map(|row| row.2))),
            Arc::new(rows.iter().map(|row| row.3).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.4).collect::<StringArray>()),
        ],
    }
}

fn lists(rows: impl Iterator<Item = Tags>) -> ListArray {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for tags in rows {
        lists.append_option(tags.map(|tags| tags.iter().map(|tag| (*tag != "~").then_some(*tag))));
    }
    lists.finish()
}
