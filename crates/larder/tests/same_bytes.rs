//! One function over generated values gives the same bytes online, in a training set and on write.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use larder::{
    FeatureServer as _, FeatureStore, HistoricalRequest, MaterializeEvent, MaterializeRange,
    MaterializeRequest, OnlineRequest, Selection, TrainingEntities,
};
use larder_core::{Field, ScalarType, Timestamp, ValueType};
use larder_testkit::{guests, row_generator};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

const TABLES: i64 = 24;
const ROWS: usize = 12;

/// The inputs of `rebuild`, which makes every value of every type anew, and of `driver_quality`, which computes.
struct Functions {
    rebuild: Vec<Field>,
    quality: Vec<Field>,
}

impl Functions {
    async fn inspect() -> Self {
        let runtime = larder::udf_runtime(None).unwrap();
        let inputs = async |component: &[u8], function: &str| {
            let inspected = runtime.inspect(component.into()).await.unwrap();
            let mut signatures = inspected.signatures.into_iter();
            signatures.find(|signature| signature.name == function).unwrap().inputs
        };
        Self {
            rebuild: inputs(guests::echo(), "rebuild").await,
            quality: inputs(guests::driver_features(), "driver_quality").await,
        }
    }

    fn features(&self) -> Vec<Field> {
        self.rebuild.iter().chain(&self.quality).cloned().collect()
    }

    /// A view over a file, and each function twice: computed when it is read, and when it is written.
    fn define(&self, repo: &Path) {
        let schema = |fields: &[Field]| {
            fields.iter().fold(String::new(), |mut schema, field| {
                write!(schema, "{{name: {}, dtype: '{}'}}, ", field.name, field.value_type).unwrap();
                schema
            })
        };
        let view = |name: &str, written: bool, fields: &[Field], transformation: &str| {
            format!(
                "  - {{name: {name}, sources: [wide], write_to_online_store: {written}, schema: [{}], \
                 transformation: {{{transformation}}}}}\n",
                schema(fields)
            )
        };
        let (rebuild, quality) =
            ("component: echo.wasm, function: rebuild", "component: drivers.wasm, function: driver_quality");
        let output = |name: &str, value_type: ScalarType| Field::new(name, value_type.into());
        let outputs = [output("trip_rate", ScalarType::Float64), output("driver_tier", ScalarType::String)];
        let definitions = format!(
            "entities: [{{name: thing, join_keys: [id], value_type: INT64}}]\n\
             data_sources: [{{name: file, type: file, path: data/wide.parquet, timestamp_field: event_timestamp}}]\n\
             feature_views: [{{name: wide, entities: [thing], source: file, schema: [{}]}}]\n\
             on_demand_feature_views:\n{}{}{}{}",
            schema(&self.features()),
            view("rebuilt_read", false, &self.rebuild, rebuild),
            view("rebuilt_written", true, &self.rebuild, rebuild),
            view("quality_read", false, &outputs, quality),
            view("quality_written", true, &outputs, quality),
        );
        let config =
            "project: p\nregistry: data/registry.db\nonline_store: {type: sled, path: data/online}\n";
        std::fs::create_dir(repo.join("data")).unwrap();
        std::fs::write(repo.join("feature_store.yaml"), config).unwrap();
        std::fs::write(repo.join("definitions.yaml"), definitions).unwrap();
        std::fs::write(repo.join("echo.wasm"), guests::echo()).unwrap();
        std::fs::write(repo.join("drivers.wasm"), guests::driver_features()).unwrap();
    }
}

/// Whether a generated value is what a view answers. Of zoned timestamps that lack a part nothing is left, and a
/// scalar map is answered as null, as Feast does.
fn is_kept_as_it_is(value_type: &ValueType) -> bool {
    matches!(value_type, ValueType::Scalar(scalar)
        if !matches!(scalar, ScalarType::ScalarMap | ScalarType::ZonedTimestamp))
}

/// The table with who its rows are about and when they were so.
fn identified(values: &RecordBatch, first_id: i64, time: Timestamp) -> RecordBatch {
    let rows = i64::try_from(values.num_rows()).unwrap();
    let ids: Int64Array = (first_id..first_id + rows).collect();
    let times = TimestampMicrosecondArray::from_value(time.micros(), values.num_rows());
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("id".to_owned(), Arc::new(ids)),
        ("event_timestamp".to_owned(), Arc::new(times.with_timezone("UTC"))),
    ];
    let named = values.schema_ref().fields().iter().map(|field| field.name().clone());
    columns.extend(named.zip(values.columns().iter().cloned()));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_gives_the_same_bytes_online_in_training_and_on_write() {
    let functions = Functions::inspect().await;
    let repo = tempfile::tempdir().unwrap();
    functions.define(repo.path());
    let store = FeatureStore::open(repo.path()).await.unwrap();
    store.apply().await.unwrap();
    let names = |views: [&str; 2]| {
        let rebuilt = functions.rebuild.iter().map(|field| format!("{}:{}", views[0], field.name));
        rebuilt
            .chain(["trip_rate", "driver_tier"].map(|name| format!("{}:{name}", views[1])))
            .collect::<Vec<_>>()
    };
    let (read, written) =
        (names(["rebuilt_read", "quality_read"]), names(["rebuilt_written", "quality_written"]));
    let time = Timestamp::parse("2024-01-31T12:00:00Z").unwrap();
    let tables = row_generator::batch(&functions.features(), ROWS);
    let mut runner = TestRunner::deterministic();
    for table in 0..TABLES {
        let values = tables.new_tree(&mut runner).unwrap().current();
        let rows = identified(&values, table * 100, time);
        larder::table::write_table(&repo.path().join("data/wide.parquet"), &rows).unwrap();
        let range = MaterializeRange::Between { start: time, end: time };
        let request = MaterializeRequest { range, feature_views: None, version: None };
        store.materialize(request, Arc::new(|_: MaterializeEvent| {})).await.unwrap();

        let ids = rows.project(&[0]).unwrap();
        let online = async |features: &[String]| {
            let request = OnlineRequest::from_arrow(Selection::References(features.to_vec()), &ids);
            store.get_online_features(request).await.unwrap().to_record_batch()
        };
        let request = HistoricalRequest {
            entities: TrainingEntities::Rows(rows.project(&[0, 1]).unwrap()),
            selection: Selection::References(read.clone()),
            full_feature_names: false,
            filter_by_created_timestamp: false,
        };
        let training = store.get_historical_features(request).await.unwrap().rows;
        let (read, written) = (online(&read).await, online(&written).await);
        for field in read.schema().fields() {
            let column = |batch: &RecordBatch| batch.column_by_name(field.name()).unwrap().to_data();
            // Arrow compares numbers by their bits: a NaN is itself, and −0 is not 0.
            assert_eq!(column(&written), column(&read), "{}, on write, table {table}", field.name());
            assert_eq!(
                column(&training),
                column(&read),
                "{}, in a training set, table {table}",
                field.name()
            );
        }
        // What was rebuilt is what was in the file, so the answers are not equal for being empty.
        for field in functions.rebuild.iter().filter(|field| is_kept_as_it_is(&field.value_type)) {
            let column = |batch: &RecordBatch| batch.column_by_name(&field.name).unwrap().to_data();
            assert_eq!(column(&read), column(&values), "{}, table {table}", field.name);
        }
    }
}
