//! What a text feels like, by the words in it: a model small enough to stand in its own source. It answers the same for
//! the same text, in training and in serving.

use larder_guest::{Array, Float32Array, ListArray, StringArray, on_demand_feature_view};

/// How many numbers an embedding has.
const DIMENSIONS: usize = 384;

/// Words that speak for a good mood.
const GOOD: [&str; 16] = [
    "adore",
    "amazing",
    "best",
    "brilliant",
    "delightful",
    "enjoyed",
    "excellent",
    "friendly",
    "glad",
    "great",
    "happy",
    "love",
    "lovely",
    "perfect",
    "recommend",
    "wonderful",
];
/// Words that speak for a bad one.
const BAD: [&str; 16] = [
    "angry",
    "annoying",
    "awful",
    "bad",
    "broken",
    "disappointed",
    "dreadful",
    "hate",
    "late",
    "lost",
    "never",
    "rude",
    "sad",
    "slow",
    "terrible",
    "worst",
];

/// The mood of a text, how sure that is, the share of each mood, and the text as a vector: texts of similar words have
/// vectors of similar directions. All are null where there is no text. The name of a model is taken for those who
/// send one, and there is only this model.
#[on_demand_feature_view(outputs(
    predicted_sentiment,
    sentiment_confidence,
    positive_prob,
    negative_prob,
    neutral_prob,
    text_embedding
))]
fn sentiment_prediction(
    input_text: StringArray,
    model_name: StringArray,
) -> (StringArray, Float32Array, Float32Array, Float32Array, Float32Array, ListArray<Float32Array>) {
    let _ = model_name;
    let moods: Vec<Option<Mood>> = input_text.iter().map(|text| text.map(Mood::of)).collect();
    let of = |value: fn(&Mood) -> f32| moods.iter().map(|mood| mood.as_ref().map(value)).collect();
    (
        moods.iter().map(|mood| mood.as_ref().map(Mood::name)).collect(),
        of(|mood| mood.positive.max(mood.negative).max(mood.neutral)),
        of(|mood| mood.positive),
        of(|mood| mood.negative),
        of(|mood| mood.neutral),
        input_text.iter().map(|text| text.map(|text| embedding(text).into_iter().map(Some))).collect(),
    )
}

/// The share of each mood.
#[derive(Debug, PartialEq)]
struct Mood {
    positive: f32,
    negative: f32,
    neutral: f32,
}

impl Mood {
    /// Every word counts once, and an exclamation mark doubles what the words say. A text without such words is
    /// neutral.
    fn of(text: &str) -> Self {
        let (mut good, mut bad) = (0_u16, 0_u16);
        for word in words(text) {
            good = good.saturating_add(u16::from(GOOD.contains(&word.as_str())));
            bad = bad.saturating_add(u16::from(BAD.contains(&word.as_str())));
        }
        let weight = if text.contains('!') { 2.0 } else { 1.0 };
        let (good, bad) = (f32::from(good) * weight, f32::from(bad) * weight);
        let all = good + bad + 0.5;
        Self { positive: good / all, negative: bad / all, neutral: 0.5 / all }
    }

    /// The strongest; `neutral` where two are equally strong.
    fn name(&self) -> &'static str {
        if self.positive > self.negative && self.positive > self.neutral {
            "positive"
        } else if self.negative > self.positive && self.negative > self.neutral {
            "negative"
        } else {
            "neutral"
        }
    }
}

/// The words of a text in lower case, without punctuation.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// A vector of length 1: each word adds to one dimension, which its letters choose. A text without words is all zeros.
fn embedding(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    for word in words(text) {
        // Fowler, Noll and Vo's hash.
        let hash = word
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        if let Some(value) = vector.get_mut(hash as usize % DIMENSIONS) {
            *value += 1.0;
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

larder_guest::export!(sentiment_prediction);

#[cfg(test)]
mod tests {
    use super::*;

    fn mood(text: &str) -> (String, f32) {
        let (name, confidence, ..) = sentiment_prediction(vec![Some(text)].into(), vec![None::<&str>].into());
        let name = name.iter().next().flatten().expect("there is a text").to_owned();
        (name, confidence.iter().next().flatten().expect("there is a text"))
    }

    #[test]
    fn words_decide_whatever_their_spelling() {
        assert_eq!(mood("What a LOVELY, friendly place"), ("positive".to_owned(), 0.8));
        assert_eq!(mood("Terrible! Never again."), ("negative".to_owned(), 4.0 / 4.5));
        assert_eq!(mood("It is a chair"), ("neutral".to_owned(), 1.0));
        assert_eq!(mood("the best and the worst").0, "neutral");
    }

    #[test]
    fn a_missing_text_has_no_mood() {
        let (name, _, positive, .., vectors) =
            sentiment_prediction(vec![None::<&str>].into(), vec![Some("m")].into());
        assert_eq!(name, StringArray::from(vec![None::<&str>]));
        assert_eq!(positive, Float32Array::from(vec![None::<f32>]));
        assert!(vectors.iter().next().flatten().is_none());
    }

    #[test]
    fn a_vector_has_length_1_and_texts_of_the_same_words_the_same() {
        let vector = embedding("glad to be here");
        assert!((vector.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(vector, embedding("Here, to be GLAD!"));
        assert!(embedding("?!").iter().all(|value| *value == 0.0));
    }
}
