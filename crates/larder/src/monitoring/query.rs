//! Metrics that are kept.

use larder_core::Result;
use larder_serving::{MetricRow, MetricTable, MetricsQuery};

use super::keep::{is_baseline, text};
use super::metric_files::{MetricFile, MetricFiles};
use super::snapshot_of;
use crate::FeatureStore;

/// The rows that are asked for, by day; of a service's views in the service's order.
pub(super) async fn run(
    store: &FeatureStore,
    project: &str,
    table: MetricTable,
    query: MetricsQuery,
) -> Result<Vec<MetricRow>> {
    let file = match table {
        MetricTable::Feature => MetricFile::Feature,
        MetricTable::FeatureView => MetricFile::FeatureView,
        MetricTable::FeatureService => MetricFile::FeatureService,
    };
    let views = match &query.feature_service {
        Some(service) if table != MetricTable::FeatureService => {
            let snapshot = snapshot_of(store, project).await?;
            let service = &snapshot.feature_service(service)?.object;
            Some(service.features.iter().map(|projection| projection.view.clone()).collect::<Vec<_>>())
        }
        _ => None,
    };
    let files = MetricFiles::of(store.repo());
    let mut rows = larder_blocking::run(move || files.read(file)).await?;
    rows.retain(|row| is_asked_for(row, project, &query));
    // Days are as ordered as their texts.
    rows.sort_by(|one, other| text(one, "metric_date").cmp(text(other, "metric_date")));
    if let Some(mut views) = views {
        if let Some(view) = &query.feature_view {
            views.retain(|known| known == view);
        }
        let place = |row: &MetricRow| views.iter().position(|view| view == text(row, "feature_view_name"));
        rows.retain(|row| place(row).is_some());
        rows.sort_by_key(place);
    }
    Ok(rows)
}

fn is_asked_for(row: &MetricRow, project: &str, query: &MetricsQuery) -> bool {
    let is = |column: &str, wanted: &Option<String>| {
        // A column that a table does not have asks nothing of it.
        wanted.as_ref().is_none_or(|wanted| row.get(column).is_none_or(|found| found == wanted.as_str()))
    };
    let day = text(row, "metric_date");
    text(row, "project_id") == project
        && is("feature_view_name", &query.feature_view)
        && is("feature_name", &query.feature)
        && is("feature_service_name", &query.feature_service)
        && is("granularity", &query.granularity)
        && is("data_source_type", &query.data_source_type)
        && (!query.baselines_only || is_baseline(row))
        && query.start.is_none_or(|start| day >= start.to_string().as_str())
        && query.end.is_none_or(|end| day <= end.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use larder_core::Date;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_asked_for_by_all_that_is_named() {
        let row = json!({
            "project_id": "p", "feature_view_name": "v", "feature_name": "f", "metric_date": "2024-01-02",
            "granularity": "daily", "data_source_type": "batch", "is_baseline": false,
        });
        let row = row.as_object().unwrap();
        let day = |text| Date::parse(text).ok();
        let some = |text: &str| Some(text.to_owned());
        let all = MetricsQuery::default;
        for (query, expected) in [
            (all(), true),
            (MetricsQuery { feature_view: some("v"), feature: some("f"), ..all() }, true),
            (MetricsQuery { feature: some("g"), ..all() }, false),
            (MetricsQuery { granularity: some("weekly"), ..all() }, false),
            (MetricsQuery { data_source_type: some("log"), ..all() }, false),
            (MetricsQuery { baselines_only: true, ..all() }, false),
            (MetricsQuery { start: day("2024-01-02"), end: day("2024-01-02"), ..all() }, true),
            (MetricsQuery { start: day("2024-01-03"), ..all() }, false),
            (MetricsQuery { end: day("2024-01-01"), ..all() }, false),
        ] {
            assert_eq!(is_asked_for(row, "p", &query), expected, "{query:?}");
        }
        assert!(!is_asked_for(row, "q", &all()));
    }
}
