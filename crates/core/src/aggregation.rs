//! Aggregations that engines compute for batch and stream views.

use std::time::Duration;

/// An aggregate of one column, perhaps over a window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// The column.
    pub column: String,
    /// `sum`, `max`, `min`, `count`, `mean`, `count_distinct`, or a function of the engine's own.
    pub function: String,
    /// The length of the window; `None` aggregates everything.
    pub time_window: Option<Duration>,
    /// How far the window moves; the window where it is left out.
    pub slide_interval: Option<Duration>,
    /// The name of the result; empty for the one that [`output`](Self::output) makes.
    pub name: String,
}

impl Aggregation {
    /// The name of the result: its own, or else `function_column`, with the seconds of its window.
    pub fn output(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        match self.time_window.filter(|window| !window.is_zero()) {
            Some(window) => format!("{}_{}_{}s", self.function, self.column, window.as_secs()),
            None => format!("{}_{}", self.function, self.column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_called_as_in_feast() {
        let mut aggregation = Aggregation {
            column: "amount".to_owned(),
            function: "sum".to_owned(),
            time_window: None,
            slide_interval: None,
            name: String::new(),
        };
        assert_eq!(aggregation.output(), "sum_amount");
        aggregation.time_window = Some(Duration::from_secs(3_600));
        assert_eq!(aggregation.output(), "sum_amount_3600s");
        "total".clone_into(&mut aggregation.name);
        assert_eq!(aggregation.output(), "total");
    }
}
