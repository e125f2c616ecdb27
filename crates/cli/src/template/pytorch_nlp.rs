//! The repo of Feast's template `pytorch_nlp`: moods of texts. Its model is a component of words instead of a network.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use larder::table::write_table;
use larder_core::Timestamp;

use super::sample_data::{SplitMix64, batch, times};
use super::{file, write_minimal};

const DEFINITIONS: &str = include_str!("files/pytorch_nlp.yaml");
/// The model, compiled from `udfs/rust/text_sentiment`.
const COMPONENT: &[u8] = include_bytes!("../../demo/text_sentiment.wasm");
const TESTS: &str = include_str!("../../demo/text_sentiment.test.yaml");

const TEXTS: i64 = 1_000;
const USERS: u32 = 100;
const MINUTE: i64 = 60_000_000;
const DAYS: u32 = 30;

/// What people write, and the mood that others see in it.
const WRITTEN: [(&str, &str); 24] = [
    ("Spent the whole afternoon in the garden, perfect weather", "positive"),
    ("The tram is late again and nobody says why", "negative"),
    ("Bought bread, milk and a newspaper", "neutral"),
    ("My new bicycle is amazing, best gift ever", "positive"),
    ("The screen arrived broken and the shop is rude about it", "negative"),
    ("Meeting moved to Thursday at ten", "neutral"),
    ("Great concert last night, wonderful crowd", "positive"),
    ("Lost my keys for the third time this week", "negative"),
    ("The library opens at nine on Saturdays", "neutral"),
    ("So happy that the project is done", "positive"),
    ("Slow replies, terrible support, never again", "negative"),
    ("This is the blue one, the other is green", "neutral"),
    ("We love the little place on the corner", "positive"),
    ("The neighbours drill at six, how annoying", "negative"),
    ("Reading about rivers today", "neutral"),
    ("Excellent soup, friendly people, would recommend", "positive"),
    ("Disappointed by the ending of the series", "negative"),
    ("The train has eight carriages", "neutral"),
    ("Glad to have seen the sea again", "positive"),
    ("An awful day with dreadful news", "negative"),
    ("Two tickets for the early show", "neutral"),
    ("What a delightful walk through the old town", "positive"),
    ("Sad that the bakery has closed", "negative"),
    ("The update takes about ten minutes", "neutral"),
];

/// Writes the repo into `dir`, with data up to `as_of`. Files of the same names are replaced.
pub(crate) fn write(dir: &Path, project: &str, as_of: Timestamp) -> Result<()> {
    write_minimal(dir, project)?;
    file(dir, "features.yaml", DEFINITIONS.as_bytes())?;
    file(dir, "udfs/text_sentiment.wasm", COMPONENT)?;
    file(dir, "udfs/text_sentiment.test.yaml", TESTS.as_bytes())?;
    fs::create_dir_all(dir.join("data"))?;
    write_table(&dir.join("data/sentiment_data.parquet"), &sentiment_data(as_of))?;
    Ok(())
}

/// A text with what is counted of it.
struct Text {
    user: String,
    content: String,
    label: &'static str,
    score: f64,
    event: i64,
}

/// A thousand texts of a hundred people over the month before `end`, each with the averages of who wrote it. The same end
/// time gives the same bytes on every machine.
fn sentiment_data(end: Timestamp) -> RecordBatch {
    let mut random = SplitMix64::new(0x7465_7874);
    let mut texts: Vec<Text> = (0..TEXTS).map(|_| Text::random(&mut random, end)).collect();
    // The newest first, so that the first identifiers have rows that still count.
    texts.sort_by_key(|text| std::cmp::Reverse(text.event));
    let mut of_user: BTreeMap<&str, Vec<&Text>> = BTreeMap::new();
    for text in &texts {
        of_user.entry(&text.user).or_default().push(text);
    }
    let mean = |text: &Text, value: fn(&Text) -> f64| {
        let written = of_user.get(text.user.as_str()).map(Vec::as_slice).unwrap_or_default();
        thousandths(written.iter().map(|text| value(text)).sum::<f64>() / count(written.len()))
    };
    let numbers = |value: &dyn Fn(&Text) -> usize| {
        Int64Array::from_iter_values(
            texts.iter().map(|text| i64::try_from(value(text)).expect("a sample is short")),
        )
    };
    let floats = |value: &dyn Fn(&Text) -> f64| Float64Array::from_iter_values(texts.iter().map(value));
    let words = |value: &dyn Fn(&Text) -> String| StringArray::from_iter_values(texts.iter().map(value));
    batch(vec![
        ("text_id", Arc::new(StringArray::from_iter_values((0..TEXTS).map(|id| format!("text_{id:04}"))))),
        ("user_id", Arc::new(words(&|text| text.user.clone()))),
        ("text_content", Arc::new(words(&|text| text.content.clone()))),
        ("sentiment_label", Arc::new(words(&|text| text.label.to_owned()))),
        ("sentiment_score", Arc::new(floats(&|text| text.score))),
        ("text_length", Arc::new(numbers(&|text| text.content.chars().count()))),
        ("word_count", Arc::new(numbers(&|text| text.content.split_whitespace().count()))),
        ("exclamation_count", Arc::new(numbers(&|text| text.content.matches('!').count()))),
        ("caps_ratio", Arc::new(floats(&Text::caps_ratio))),
        ("emoji_count", Arc::new(numbers(&|text| text.content.chars().filter(|c| !c.is_ascii()).count()))),
        ("event_timestamp", times(texts.iter().map(|text| text.event).collect())),
        ("created", times(vec![end.micros(); texts.len()])),
        ("user_avg_sentiment", Arc::new(floats(&|text| mean(text, |text| text.score)))),
        ("user_text_count", Arc::new(numbers(&|text| of_user.get(text.user.as_str()).map_or(0, Vec::len)))),
        (
            "user_avg_text_length",
            Arc::new(floats(&|text| mean(text, |text| count(text.content.chars().count())))),
        ),
    ])
}

impl Text {
    fn random(random: &mut SplitMix64, end: Timestamp) -> Self {
        let most = u32::try_from(WRITTEN.len()).expect("they are few");
        let (written, label) = WRITTEN.get(random.below(most)).copied().unwrap_or_default();
        let ending = match (random.below(100), label) {
            (0..=14, _) => "!",
            (15..=24, _) => "...",
            (25..=32, "positive") => " 😊",
            (25..=32, "negative") => " 😞",
            _ => "",
        };
        let (least, span) = if label == "neutral" { (0.5, 0.2) } else { (0.6, 0.3) };
        let ago = i64::from(random.below_i32(DAYS * 24 * 60));
        Self {
            user: format!("user_{:03}", random.below(USERS) + 1),
            content: format!("{written}{ending}"),
            label,
            score: thousandths(least + random.unit() * span),
            event: end.micros() - ago * MINUTE,
        }
    }

    fn caps_ratio(&self) -> f64 {
        let capitals = self.content.chars().filter(|c| c.is_uppercase()).count();
        thousandths(count(capitals) / count(self.content.chars().count()))
    }
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn count(count: usize) -> f64 {
    u32::try_from(count).map(f64::from).expect("a sample is short")
}
