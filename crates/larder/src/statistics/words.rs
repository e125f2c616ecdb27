//! A column of words: which there are, and how often.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Progress;
use super::distinct::DistinctEstimate;

/// So many different words are counted.
pub(crate) const MAX_WORDS: usize = 1 << 16;
/// So many bytes they may have.
const MAX_BYTES: usize = 4 << 20;

/// A column of words, as far as it is counted.
///
/// All words are counted while they are few. Once they are too many, those that are met most stay, by the rule of
/// Misra and Gries: a new word in a full table takes one off the count of each, and words without count leave. A
/// word that is met more often than that happened is still there in the end, and a second pass counts it exactly.
#[derive(Debug)]
pub(crate) struct WordColumn {
    top: usize,
    max_words: usize,
    is_first_pass: bool,
    /// Rows of this pass.
    seen: u64,
    rows: u64,
    nulls: u64,
    words: HashMap<Box<str>, Counted>,
    bytes: usize,
    /// Those that came before.
    order: u64,
    /// How often one was taken off all counts.
    taken: u64,
    estimate: Option<DistinctEstimate>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    count: u64,
    /// Of words that are met equally often, those that came first are shown first.
    order: u64,
}

/// What a column of words is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WordStatistics {
    pub(crate) rows: u64,
    pub(crate) nulls: u64,
    /// The most frequent words with their counts, which are exact; equally frequent ones as they came.
    pub(crate) top: Vec<(String, u64)>,
    /// Rows with other words.
    pub(crate) others: u64,
    /// How many different words there are.
    pub(crate) different: u64,
    /// Whether that is an estimate, because they were too many to be counted.
    pub(crate) is_estimate: bool,
    /// Whether a word may be missing among the most frequent.
    pub(crate) may_miss: bool,
}

impl WordColumn {
    /// A column of which so many most frequent words are wanted.
    pub(crate) fn new(top: usize) -> Self {
        Self::with_room(top, MAX_WORDS)
    }

    fn with_room(top: usize, max_words: usize) -> Self {
        Self {
            top,
            max_words,
            is_first_pass: true,
            seen: 0,
            rows: 0,
            nulls: 0,
            words: HashMap::new(),
            bytes: 0,
            order: 0,
            taken: 0,
            estimate: None,
        }
    }

    /// Counts a row.
    pub(crate) fn add(&mut self, word: Option<&str>) {
        self.seen += 1;
        let Some(word) = word else {
            self.nulls += u64::from(self.is_first_pass);
            return;
        };
        if self.is_first_pass
            && let Some(estimate) = &mut self.estimate
        {
            estimate.add(word);
        }
        if let Some(counted) = self.words.get_mut(word) {
            counted.count += 1;
        } else if self.is_first_pass {
            self.add_new(word);
        }
    }

    fn add_new(&mut self, word: &str) {
        if self.words.len() < self.max_words && self.bytes + word.len() <= MAX_BYTES {
            self.bytes += word.len();
            self.words.insert(word.into(), Counted { count: 1, order: self.order });
            self.order += 1;
            return;
        }
        // So far every word was in the table.
        let estimate = self.estimate.get_or_insert_with(|| {
            let mut estimate = DistinctEstimate::new();
            self.words.keys().for_each(|known| estimate.add(known));
            estimate
        });
        estimate.add(word);
        self.taken += 1;
        let bytes = &mut self.bytes;
        self.words.retain(|word, counted| {
            counted.count -= 1;
            let stays = counted.count > 0;
            *bytes -= if stays { 0 } else { word.len() };
            stays
        });
    }

    /// Ends a pass over the rows.
    pub(crate) fn end_pass(&mut self) -> Progress {
        let seen = std::mem::take(&mut self.seen);
        if !self.is_first_pass {
            return if seen == self.rows { Progress::Done } else { Progress::Changed };
        }
        self.rows = seen;
        self.is_first_pass = false;
        if self.taken == 0 {
            return Progress::Done;
        }
        self.words.values_mut().for_each(|counted| counted.count = 0);
        Progress::Again
    }

    /// What is known after the last pass.
    pub(crate) fn finish(self) -> WordStatistics {
        let known = u64::try_from(self.words.len()).unwrap_or(u64::MAX);
        let mut top: Vec<(Box<str>, Counted)> = self.words.into_iter().collect();
        top.sort_unstable_by_key(|(_, counted)| (Reverse(counted.count), counted.order));
        top.truncate(self.top);
        let shown: u64 = top.iter().map(|(_, counted)| counted.count).sum();
        let last = top.last().filter(|_| top.len() == self.top).map_or(0, |(_, counted)| counted.count);
        WordStatistics {
            rows: self.rows,
            nulls: self.nulls,
            others: (self.rows - self.nulls).saturating_sub(shown),
            different: self.estimate.as_ref().map_or(known, DistinctEstimate::count),
            is_estimate: self.estimate.is_some(),
            may_miss: self.taken > 0 && last <= self.taken,
            top: top.into_iter().map(|(word, counted)| (word.into_string(), counted.count)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(rows: &[Option<String>], top: usize, room: usize) -> WordStatistics {
        let mut column = WordColumn::with_room(top, room);
        for passes in 1.. {
            for row in rows {
                column.add(row.as_deref());
            }
            if column.end_pass() == Progress::Done {
                break;
            }
            assert!(passes < 2, "there is an end");
        }
        column.finish()
    }

    /// All words with their counts, the most frequent first, those that came first before others.
    fn naive(rows: &[Option<String>]) -> Vec<(String, u64)> {
        let mut counts: Vec<(String, u64)> = Vec::new();
        for word in rows.iter().flatten() {
            match counts.iter_mut().find(|(known, _)| known == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((word.clone(), 1)),
            }
        }
        counts.sort_by_key(|(_, count)| Reverse(*count));
        counts
    }

    proptest! {
        #[test]
        fn few_words_are_all_counted_and_of_many_the_counts_are_right_and_what_may_miss_is_said(
            rows in prop::collection::vec(prop::option::weighted(0.9, "[a-d]{1,2}"), 0..150),
            top in 1_usize..6,
            room in 1_usize..25,
        ) {
            let found = measured(&rows, top, room);
            let expected = naive(&rows);
            let words: u64 = expected.iter().map(|(_, count)| count).sum();
            prop_assert_eq!((found.rows, found.nulls), (rows.len() as u64, rows.len() as u64 - words));
            let shown: u64 = found.top.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(found.others, words - shown);
            for (word, count) in &found.top {
                prop_assert!(expected.contains(&(word.clone(), *count)), "{word}: {count}");
            }
            let counts = |words: &[(String, u64)]| words.iter().take(top).map(|(_, count)| *count).collect::<Vec<_>>();
            if expected.len() <= room {
                prop_assert_eq!(&found.top, &expected[..expected.len().min(top)]);
                prop_assert_eq!((found.different, found.is_estimate), (expected.len() as u64, false));
                prop_assert!(!found.may_miss);
            } else {
                prop_assert!(found.is_estimate);
                if !found.may_miss {
                    prop_assert_eq!(counts(&found.top), counts(&expected));
                }
            }
        }
    }

    #[test]
    fn a_frequent_word_among_many_is_found_and_no_text_is_too_long() {
        let mut rows: Vec<Option<String>> = (0..5_000).map(|n| Some(format!("word {n}"))).collect();
        for row in rows.iter_mut().step_by(3) {
            *row = Some("often".to_owned());
        }
        rows.push(Some("x".repeat(MAX_BYTES + 1)));
        let found = measured(&rows, 1, 100);
        assert_eq!(found.top, [("often".to_owned(), 1_667)]);
        assert!(!found.may_miss && found.is_estimate);
        assert!(found.different.abs_diff(3_335) < 70, "{}", found.different);
    }
}
