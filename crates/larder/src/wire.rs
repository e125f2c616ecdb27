//! The events of a materialization in the words that go over a connection.

use larder_core::Timestamp;
use larder_materialize::{MaterializationEvent, MaterializationReport, ViewReport};
use larder_serving::{MaterializeEvent, MaterializeSummary, MaterializedView};

/// The event as a caller sees it; `None` for one that callers do not know yet.
pub(crate) fn event(event: MaterializationEvent) -> Option<MaterializeEvent> {
    Some(match event {
        MaterializationEvent::RunStarted(header) => MaterializeEvent::RunStarted {
            feature_views: header.views,
            start_micros: header.start.map(Timestamp::micros),
            end_micros: header.end.micros(),
            online_store: header.online_store.to_owned(),
        },
        MaterializationEvent::Notice(notice) => MaterializeEvent::Notice { text: notice.to_string() },
        MaterializationEvent::ViewStarted(header) => MaterializeEvent::ViewStarted {
            feature_view: header.view,
            start_micros: header.interval.start.micros(),
            end_micros: header.interval.end.micros(),
            incremental: header.incremental,
        },
        MaterializationEvent::Scanned { view, summary } => MaterializeEvent::Scanned {
            feature_view: view,
            rows_scanned: summary.rows_scanned,
            null_keys: summary.null_keys,
            keys: summary.keys,
        },
        MaterializationEvent::Wrote { view, rows, total } => {
            MaterializeEvent::Wrote { feature_view: view, rows, total_rows: total }
        }
        MaterializationEvent::ViewDone(report) => MaterializeEvent::ViewDone(view(report)),
        _ => return None,
    })
}

/// What became of a run.
pub(crate) fn summary(report: MaterializationReport) -> MaterializeSummary {
    MaterializeSummary { feature_views: report.views.into_iter().map(view).collect() }
}

fn view(report: ViewReport) -> MaterializedView {
    MaterializedView {
        feature_view: report.view,
        start_micros: report.interval.start.micros(),
        end_micros: report.interval.end.micros(),
        rows_scanned: report.rows_scanned,
        null_keys: report.null_keys,
        keys: report.keys,
        rows_written: u64::try_from(report.outcome.written).unwrap_or(u64::MAX),
        rows_older: u64::try_from(report.outcome.older).unwrap_or(u64::MAX),
    }
}
