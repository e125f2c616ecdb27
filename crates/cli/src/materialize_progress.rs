//! Shows a materialization: Feast's lines on stdout, a bar a view on stderr.

use std::io::IsTerminal as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use larder::{MaterializeEvent, MaterializedView};
use larder_core::Timestamp;

/// Renders the events of one run, whether it runs in this process or in a server.
#[derive(Debug)]
pub(crate) struct MaterializeProgress {
    /// Whether the lines of the run go to stdout; off when a report as JSON follows.
    lines: bool,
    bars: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl MaterializeProgress {
    pub(crate) fn new(lines: bool, quiet: bool) -> Self {
        Self { lines, bars: !quiet && std::io::stderr().is_terminal(), bar: Mutex::new(None) }
    }

    pub(crate) fn show(&self, event: &MaterializeEvent) {
        match event {
            MaterializeEvent::RunStarted { feature_views, start_micros, end_micros, online_store } => {
                let from = start_micros.map(|start| format!(" from {}", python(start))).unwrap_or_default();
                self.line(&format!(
                    "Materializing {} feature views{from} to {} into the {online_store} online store.\n",
                    feature_views.len(),
                    python(*end_micros)
                ));
            }
            MaterializeEvent::Notice { text } => eprintln!("note: {text}"),
            MaterializeEvent::ViewStarted { feature_view, start_micros, end_micros, incremental } => {
                let span = format!(" from {} to {}", python(*start_micros), python(*end_micros));
                self.line(&format!("{feature_view}{}:", if *incremental { &span } else { "" }));
                self.start_bar(feature_view);
            }
            MaterializeEvent::Scanned { keys, .. } => self.with_bar(|bar| bar.set_length(*keys)),
            MaterializeEvent::Wrote { rows, total_rows, .. } => self.with_bar(|bar| {
                bar.set_length(*total_rows);
                bar.set_position(*rows);
            }),
            MaterializeEvent::ViewDone(view) => {
                if let Some(bar) = self.bar().take() {
                    bar.finish_and_clear();
                }
                self.line(&summary(view));
            }
            _ => {}
        }
    }

    fn start_bar(&self, view: &str) {
        if !self.bars {
            return;
        }
        let style = ProgressStyle::with_template("  {prefix} {bar:30} {pos}/{len} rows, {per_sec}")
            .expect("the template is well-formed");
        let bar = ProgressBar::new(0).with_style(style).with_prefix(view.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        *self.bar() = Some(bar);
    }

    fn with_bar(&self, change: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.bar().as_ref() {
            change(bar);
        }
    }

    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, text: &str) {
        if self.lines {
            println!("{text}");
        }
    }
}

/// What became of a view, in one line.
fn summary(view: &MaterializedView) -> String {
    let mut text = format!(
        "  {} rows scanned, {} keys, {} written",
        grouped(view.rows_scanned),
        grouped(view.keys),
        grouped(view.rows_written)
    );
    if view.rows_older > 0 {
        text.push_str(&format!(", {} older than what was stored", grouped(view.rows_older)));
    }
    if view.null_keys > 0 {
        text.push_str(&format!(", {} without a join key", grouped(view.null_keys)));
    }
    text
}

/// Digits in groups of three: `16,800`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn python(micros: i64) -> String {
    Timestamp::from_micros(micros).to_python_seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups_of_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
