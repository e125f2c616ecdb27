//! What the values of a column are like: how many, how large, which ones, how often.
//!
//! Rows go by in batches and are not kept, so that a source may be larger than memory. What cannot be known after
//! one pass is counted in further passes over the same rows:
//!
//! | of a column | passes | memory | exact |
//! |---|---|---|---|
//! | rows, nulls, least, greatest, mean, deviation | 1 | some bytes | yes; means and deviations up to rounding |
//! | quantiles and histogram of up to [`numbers::KEPT`] numbers | 1 | 8 bytes a number | yes |
//! | of more | 2 to 5 | at most 4 MiB | yes |
//! | counts of up to [`words::MAX_WORDS`] different words in 4 MiB | 1 | the words | yes |
//! | of more | 2 | at most 4 MiB | counts yes; how many there are up to some 1 %; which are the most frequent unless said |

pub(crate) mod column;
mod distinct;
pub(crate) mod histogram;
pub(crate) mod moments;
pub(crate) mod numbers;
mod selection;
mod sum;
pub(crate) mod words;

/// Whether a column must see its rows once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Everything is known.
    Done,
    /// The same rows are wanted again.
    Again,
    /// The rows of this pass are others than those of the first, so nothing is known.
    Changed,
}
