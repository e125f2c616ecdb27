//! Metrics of data quality over real sources, kept in real files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use larder::{
    Chosen, Days, FeatureStore, Granularity, MetricTable, MetricsQuery, MonitoringReport, MonitoringRun,
    MonitoringServer as _, RepoConfig, table,
};
use larder_core::{Date, FixedClock, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

const NOW: &str = "2024-03-01T12:00:00Z";

/// A repo with these definitions, applied.
struct Repo {
    folder: TempDir,
}

impl Repo {
    fn new(definitions: &str) -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        let config = "project: p\nregistry: registry.db\ndata_quality_monitoring: {}\n";
        fs::write(repo.path().join("feature_store.yaml"), config).unwrap();
        fs::write(repo.path().join("features.yaml"), definitions).unwrap();
        repo
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn open(&self) -> FeatureStore {
        let clock = Arc::new(FixedClock::new(Timestamp::parse(NOW).unwrap()));
        let store = FeatureStore::with_config(RepoConfig::load(self.path()).unwrap(), clock).await.unwrap();
        store.apply().await.unwrap();
        store
    }

    fn write(&self, file: &str, columns: Vec<(&str, ArrayRef)>) {
        let rows = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        );
        table::write_table(&self.path().join(file), &rows.unwrap()).unwrap();
    }
}

/// Every minute from the first of January on.
fn minutes(count: u64) -> ArrayRef {
    let first = Timestamp::parse("2024-01-01").unwrap().micros();
    let times = (0..count).map(|minute| first + i64::try_from(minute).unwrap() * 60_000_000);
    Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
}

async fn metrics(store: &FeatureStore, table: MetricTable, query: MetricsQuery) -> Vec<Value> {
    let rows = store.metrics("p", table, query).await.unwrap();
    rows.into_iter().map(Value::Object).collect()
}

async fn run(store: &FeatureStore, run: MonitoringRun) -> MonitoringReport {
    store.monitor("p", run).await.unwrap()
}

fn days(start: &str, end: &str) -> Days {
    Days { start: Date::parse(start).ok(), end: Date::parse(end).ok() }
}

const STATS: &str = "entities: [{name: driver, join_keys: [driver_id], value_type: INT64}]
data_sources: [{name: rows, type: file, path: rows.parquet, timestamp_field: ts}]
feature_views:
  - name: stats
    entities: [driver]
    source: rows
    schema: [{name: number, dtype: Float64}, {name: word, dtype: String}, {name: list, dtype: Array(Int64)}]
feature_services: [{name: service, features: [stats]}]
";

/// More rows than are kept in memory of a column: the answers are those of the formulas all the same.
#[tokio::test(flavor = "multi_thread")]
async fn quantiles_histograms_and_counts_of_long_columns_are_exact() {
    const ROWS: u64 = 700_001;
    let repo = Repo::new(&STATS.replace(", {name: list, dtype: Array(Int64)}", ""));
    // In no order.
    let place = |row: u64| row * 6_151 % ROWS;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let number = (0..ROWS).map(|row| (row % 1_000 != 0).then(|| place(row) as f64 / 8.0));
    let numbers: Vec<Option<f64>> = number.collect();
    let word = |row: u64| if row.is_multiple_of(4) { "often".to_owned() } else { format!("word {row}") };
    let words: StringArray = (0..ROWS).map(|row| Some(word(row))).collect();
    repo.write(
        "rows.parquet",
        vec![
            ("driver_id", Arc::new(Int64Array::from_iter_values((0..9).cycle().take(minutes(ROWS).len())))),
            ("ts", minutes(ROWS)),
            ("number", Arc::new(Float64Array::from(numbers.clone()))),
            ("word", Arc::new(words)),
        ],
    );
    let store = repo.open().await;
    let report = run(&store, MonitoringRun::Baseline { views: Chosen::All, features: Vec::new() }).await;
    assert_eq!((report.features, report.feature_views, report.failures), (2, 1, Vec::new()));
    let found = metrics(&store, MetricTable::Feature, MetricsQuery::default()).await;
    let (number, word) = (&found[0], &found[1]);

    let mut sorted: Vec<f64> = numbers.into_iter().flatten().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    assert_eq!((number["row_count"].as_u64(), number["null_count"].as_u64()), (Some(ROWS), Some(701)));
    for (column, quantile) in [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small numbers"
        )]
        let expected = {
            let place = quantile * (sorted.len() as f64 - 1.0);
            let (low, high) = (sorted[place as usize], sorted[(place as usize + 1).min(sorted.len() - 1)]);
            let share = place - place.floor();
            if share == 0.0 { low } else { share * high + (1.0 - share) * low }
        };
        assert_eq!(number[column].as_f64(), Some(expected), "{column}");
    }
    let counts = number["histogram"]["counts"].as_array().unwrap();
    let edges = number["histogram"]["bins"].as_array().unwrap();
    for (bin, count) in counts.iter().enumerate() {
        let (from, to) = (edges[bin].as_f64().unwrap(), edges[bin + 1].as_f64().unwrap());
        let is_last = bin + 1 == counts.len();
        let expected = sorted.iter().filter(|n| **n >= from && (**n < to || is_last)).count();
        assert_eq!(count.as_u64(), Some(expected as u64), "bin {bin}");
    }

    let histogram = &word["histogram"];
    assert_eq!(histogram["values"][0], json!({"value": "often", "count": ROWS.div_ceil(4)}));
    let different = histogram["unique_count"].as_u64().unwrap();
    let expected = ROWS - ROWS.div_ceil(4) + 1;
    assert!(different.abs_diff(expected) * 100 < expected * 3, "{different} is about {expected}");
    assert_eq!(histogram["unique_count_is_estimate"], true);
    assert_eq!(histogram["values_may_miss_some"], true, "all others are met once");
}

/// Feast clears the baselines of all features of a view when one gets its first.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_feature_gets_a_baseline_and_the_others_keep_theirs() {
    let repo = Repo::new(&STATS.replace("{name: word, dtype: String}, ", ""));
    let number: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    let columns = |lists: ArrayRef| {
        vec![
            ("driver_id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
            ("ts", minutes(3)),
            ("number", Arc::clone(&number)),
            ("word", Arc::new(StringArray::from(vec!["a", "b", "a"])) as ArrayRef),
            ("list", lists),
        ]
    };
    let lists = arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>([
        Some(vec![Some(1)]),
        None,
        None,
    ]);
    repo.write("rows.parquet", columns(Arc::new(lists)));
    let store = repo.open().await;
    let mut begun = 0;
    let jobs = store.compute_new_baselines(|count| begun = count).await.unwrap();
    assert_eq!((begun, jobs.len(), jobs[0].view.as_str()), (1, 1, "stats"));
    let job = jobs[0].job.clone().unwrap();
    let told = Value::Object(store.monitoring_job("p", &job).await.unwrap().unwrap());
    assert_eq!((&told["status"], &told["job_type"]), (&json!("completed"), &json!("baseline")));
    assert_eq!(told["parameters"], json!({"feature_names": ["number"]}), "a list has no metrics");
    assert_eq!(told["result_summary"]["computed_features"], 1);
    assert_eq!(store.monitoring_job("q", &job).await.unwrap(), None, "it is of another project");

    fs::write(repo.path().join("features.yaml"), STATS).unwrap();
    store.apply().await.unwrap();
    let jobs = store.compute_new_baselines(|_| {}).await.unwrap();
    assert_eq!(jobs.len(), 1);
    let baselines = MetricsQuery { baselines_only: true, ..MetricsQuery::default() };
    let found = metrics(&store, MetricTable::Feature, baselines.clone()).await;
    let names: Vec<_> = found.iter().map(|row| row["feature_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["number", "word"]);
    assert!(store.compute_new_baselines(|_| {}).await.unwrap().is_empty(), "nothing is new");
    let views = metrics(&store, MetricTable::FeatureView, MetricsQuery::default()).await;
    assert_eq!(views[0]["total_features"], 2, "of all features, though one was new: {views:?}");

    // Those that are asked for with dates take the place of the first ones.
    let days = days("2024-01-01", "2024-01-01");
    let (views, features) = (Chosen::One("stats".into()), vec!["number".to_owned()]);
    let (granularity, set_baseline) = (Granularity::Daily, true);
    run(&store, MonitoringRun::Compute { views, features, days, granularity, set_baseline }).await;
    let report = run(&store, MonitoringRun::Baseline { views: Chosen::All, features: Vec::new() }).await;
    assert_eq!(report.without_metrics.into_iter().collect::<Vec<_>>(), ["stats:list"]);
    let found = metrics(&store, MetricTable::Feature, baselines).await;
    let kept: Vec<_> =
        found.iter().map(|row| (row["feature_name"].as_str(), row["granularity"].as_str())).collect();
    assert_eq!(kept, [(Some("number"), Some("daily")), (Some("word"), Some("baseline"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_hold_their_last_microsecond_and_services_what_their_views_have() {
    let repo = Repo::new(&STATS.replace(", {name: list, dtype: Array(Int64)}", ""));
    let at = |text: &str| Timestamp::parse(text).unwrap().micros();
    let times = [
        at("2023-12-31T23:59:59.999999Z"),
        at("2024-01-01"),
        at("2024-01-02T23:59:59.999999Z"),
        at("2024-01-03"),
    ];
    repo.write(
        "rows.parquet",
        vec![
            ("driver_id", Arc::new(Int64Array::from(vec![1, 1, 1, 1]))),
            ("ts", Arc::new(TimestampMicrosecondArray::from_iter_values(times))),
            ("number", Arc::new(Float64Array::from(vec![Some(0.0), Some(1.0), None, Some(9.0)]))),
            ("word", Arc::new(StringArray::from(vec!["x", "y", "y", "z"]))),
        ],
    );
    let store = repo.open().await;
    let compute = |days| MonitoringRun::Compute {
        views: Chosen::All,
        features: Vec::new(),
        days,
        granularity: Granularity::Weekly,
        set_baseline: false,
    };
    let report = run(&store, compute(days("2024-01-01", "2024-01-02"))).await;
    assert_eq!((report.feature_views, report.features, report.feature_services), (1, 2, 1));
    let query = MetricsQuery { granularity: Some("weekly".into()), ..MetricsQuery::default() };
    let services = metrics(&store, MetricTable::FeatureService, query.clone()).await;
    assert_eq!(services.len(), 1);
    let service = &services[0];
    assert_eq!((&service["total_features"], &service["avg_null_rate"]), (&json!(2), &json!(0.25)));
    assert_eq!(service["max_event_timestamp"], "2024-01-02T23:59:59.999999+00:00");
    assert_eq!(service["computed_at"], "2024-03-01T12:00:00+00:00");
    let views = metrics(&store, MetricTable::FeatureView, query).await;
    assert_eq!((&views[0]["total_row_count"], &views[0]["max_null_rate"]), (&json!(2), &json!(0.5)));

    let refused = store.monitor("p", compute(days("2024-01-03", "2024-01-02"))).await.unwrap_err();
    assert!(refused.to_string().contains("must not be after end_date"), "{refused}");
    // Without days, yesterday and today: no rows, and metrics that say so.
    let report = run(&store, compute(Days::default())).await;
    assert_eq!(report.metric_dates.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2024-02-29"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_cannot_be_read_is_told_and_keeps_nobody_else_from_its_metrics() {
    let more = "  - name: gone
    entities: [driver]
    source: elsewhere
    schema: [{name: number, dtype: Float64}]
feature_services";
    let definitions = STATS
        .replace(
            "timestamp_field: ts}]",
            "timestamp_field: ts}, {name: elsewhere, type: file, path: gone.parquet, timestamp_field: ts}]",
        )
        .replace(", {name: list, dtype: Array(Int64)}", "")
        .replace("feature_services", more);
    let repo = Repo::new(&definitions);
    repo.write(
        "rows.parquet",
        vec![
            ("driver_id", Arc::new(Int64Array::from(vec![1, 1]))),
            ("ts", minutes(2)),
            ("number", Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY]))),
            ("word", Arc::new(StringArray::from(vec![None::<&str>, None]))),
        ],
    );
    let store = repo.open().await;
    let auto = |views| MonitoringRun::Auto { views, features: Vec::new() };
    let report = run(&store, auto(Chosen::All)).await;
    assert_eq!((report.feature_views, report.features, report.baseline_features), (1, 10, 2));
    assert_eq!(report.failures.len(), 1);
    assert!(report.failures[0].0 == "gone" && report.failures[0].1.contains("gone.parquet"), "{report:?}");
    let named = store.monitor("p", auto(Chosen::One("gone".into()))).await.unwrap_err();
    assert!(named.chain().contains("gone.parquet"), "{}", named.chain());
    let (job, _) = store.monitor_as_job("p", auto(Chosen::All)).await.unwrap();
    let told = Value::Object(store.monitoring_job("p", &job).await.unwrap().unwrap());
    assert!(told["result_summary"]["failures"]["gone"].is_string(), "{told}");

    let query = MetricsQuery {
        granularity: Some("daily".into()),
        feature: Some("number".into()),
        ..MetricsQuery::default()
    };
    let found = metrics(&store, MetricTable::Feature, query).await;
    assert_eq!((&found[0]["row_count"], &found[0]["null_count"]), (&json!(2), &json!(1)), "NaN is null");
    assert_eq!(
        (&found[0]["mean"], &found[0]["histogram"]),
        (&Value::Null, &Value::Null),
        "infinity is no mean"
    );
}
