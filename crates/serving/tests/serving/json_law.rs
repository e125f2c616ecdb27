//! The hand-written JSON against a plain one, over random answers of every type.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder_core::{
    EntityKeyEncoder, EntityKeyVersion, FlatType, Layout, OnlineStore as _, OnlineView, OnlineWrite, Project,
    RowVersion, ScalarType, Timestamp, ValueType,
};
use larder_online::MemoryOnlineStore;
use larder_plan::{Catalog, Selection};
use larder_registry::{RegistrySnapshot, SnapshotObjects};
use larder_serving::{FeatureStatus, OnlineResponse, OnlineRetrieval, ResponseColumn};
use larder_testkit::row_generator::{batch, features_of_every_type};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::repo;
use crate::server::request;

/// What a body must say, put together without haste.
fn plain(response: &OnlineResponse) -> Value {
    let results: Vec<Value> = response
        .columns()
        .iter()
        .map(|column| {
            let rows = 0..response.row_count();
            let values: Vec<Value> =
                rows.clone().map(|row| value(column.value_type(), column.values(), row, false)).collect();
            let statuses: Vec<&str> = rows.clone().map(|row| column.status(row).name()).collect();
            let times = rows.map(|row| column.event_timestamp(row).unwrap_or(Timestamp::EPOCH).to_string());
            let times: Vec<String> = times.collect();
            json!({ "values": values, "statuses": statuses, "event_timestamps": times })
        })
        .collect();
    let names: Vec<&str> = response.columns().iter().map(ResponseColumn::name).collect();
    json!({ "results": results, "metadata": { "feature_names": names } })
}

fn value(value_type: &ValueType, array: &ArrayRef, row: usize, in_list: bool) -> Value {
    let null = array.is_null(row);
    let nested = !matches!(value_type.layout(), Layout::Flat(flat) if flat != FlatType::TimestampMicros);
    if null && (!in_list || nested) {
        return Value::Null;
    }
    match value_type {
        ValueType::Scalar(ScalarType::Map) if null => return json!({}),
        ValueType::Scalar(ScalarType::Map) => {
            return serde_json::from_str(array.as_string::<i32>().value(row)).unwrap();
        }
        ValueType::Scalar(ScalarType::ScalarMap) => return Value::Null,
        ValueType::Scalar(ScalarType::ZonedTimestamp) => {
            let parts = array.as_struct();
            let (times, zones) = (parts.column(0), parts.column(1).as_string::<i32>());
            if times.is_null(row) {
                return Value::Null;
            }
            let time = Timestamp::from_micros(times.as_primitive::<TimestampMicrosecondType>().value(row));
            let zone = if zones.is_null(row) { "" } else { zones.value(row) };
            return larder_core::zoned_iso_format(time, zone).map_or(Value::Null, Value::from);
        }
        _ => {}
    }
    let float = |number: f64| match number {
        number if number.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        number => json!(number),
    };
    match array.data_type() {
        DataType::Int32 => json!(if null { 0 } else { array.as_primitive::<Int32Type>().value(row) }),
        DataType::Int64 => json!(if null { 0 } else { array.as_primitive::<Int64Type>().value(row) }),
        DataType::Float32 => {
            float(if null { 0.0 } else { f64::from(array.as_primitive::<Float32Type>().value(row)) })
        }
        DataType::Float64 => float(if null { 0.0 } else { array.as_primitive::<Float64Type>().value(row) }),
        DataType::Timestamp(_, _) => {
            let micros = if null { 0 } else { array.as_primitive::<TimestampMicrosecondType>().value(row) };
            json!(micros.div_euclid(1_000_000))
        }
        DataType::Boolean => json!(!null && array.as_boolean().value(row)),
        DataType::Utf8 => json!(if null { "" } else { array.as_string::<i32>().value(row) }),
        DataType::Binary => {
            json!(if null { String::new() } else { BASE64.encode(array.as_binary::<i32>().value(row)) })
        }
        DataType::List(_) => {
            let Layout::List(item_type) = value_type.layout() else { panic!("{value_type} is no list") };
            let items = array.as_list::<i32>().value(row);
            let shown = (0..items.len()).map(|item| match value(item_type, &items, item, true) {
                // An empty list in a list is null in Feast's `RepeatedValue`.
                Value::Array(inner) if inner.is_empty() => Value::Null,
                shown => shown,
            });
            shown.collect()
        }
        DataType::Struct(_) => {
            let Layout::Struct(fields) = value_type.layout() else { panic!("{value_type} is no struct") };
            let columns = array.as_struct().columns();
            let shown = fields.iter().zip(columns);
            let shown = shown
                .map(|(field, column)| (field.name.clone(), value(&field.value_type, column, row, false)));
            Value::Object(shown.collect())
        }
        other => panic!("{other} is not the type of a feature"),
    }
}

/// Stores `rows` under the keys 0, 1, … of a view of every type, and asks for `keys`.
async fn ask(rows: RecordBatch, times: &[i64], keys: &[i64]) -> OnlineResponse {
    let store = Arc::new(MemoryOnlineStore::new());
    let features = features_of_every_type();
    let view = repo::view("wide", &[("driver", "driver_id")], &features);
    let encoder = EntityKeyEncoder::try_new(&view.join_keys, EntityKeyVersion::V3).unwrap();
    let count = i64::try_from(rows.num_rows()).unwrap();
    let ids: ArrayRef = Arc::new(arrow::array::Int64Array::from_iter_values(0..count));
    let versions = times
        .iter()
        .take(rows.num_rows())
        .map(|time| RowVersion { event_timestamp: Timestamp::from_micros(*time), created_timestamp: None });
    let write = OnlineWrite {
        view: Arc::new(OnlineView {
            project: repo::PROJECT.into(),
            name: "wide".into(),
            features: features.clone(),
        }),
        keys: encoder.encode(&[ids], rows.num_rows()).unwrap().into_iter().flatten().collect(),
        versions: versions.collect(),
        features: rows,
    };
    store.write(write).await.unwrap();
    let objects = SnapshotObjects {
        entities: vec![repo::registered(repo::entity("driver", "driver_id"))],
        feature_views: vec![repo::registered(view)],
        ..SnapshotObjects::default()
    };
    let snapshot = RegistrySnapshot::new("1".into(), Project::new(repo::PROJECT), Timestamp::EPOCH, objects);
    let catalog = Arc::new(Catalog::load(Arc::new(snapshot), repo::no_on_demand_view).await);
    let references = features.iter().map(|feature| format!("wide:{}", feature.name)).collect();
    let request = request(Selection::References(references), &json!({ "driver_id": keys }));
    let retrieval = OnlineRetrieval::new(store, EntityKeyVersion::V3);
    retrieval.get_online_features(&catalog, request).await.unwrap()
}

fn rows_and_keys() -> impl Strategy<Value = (RecordBatch, Vec<i64>, Vec<i64>)> {
    (1..6_usize).prop_flat_map(|rows| {
        let times = prop::collection::vec(-4_000_000_000_000_000_i64..4_000_000_000_000_000, rows);
        let times = prop_oneof![times, Just(vec![1_735_729_200_000_000; rows])];
        let keys = prop::collection::vec(0..8_i64, 1..9);
        (batch(&features_of_every_type(), rows), times, keys)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_body_says_what_the_plain_way_of_writing_it_says((rows, times, keys) in rows_and_keys()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(ask(rows, &times, &keys));
        let body: Value = serde_json::from_slice(&response.to_json(false)).unwrap();
        let plain = plain(&response);
        // Compared as text: numbers that differ in form differ.
        prop_assert_eq!(body.to_string(), plain.to_string());
        let with_views: Value = serde_json::from_slice(&response.to_json(true)).unwrap();
        prop_assert_eq!(&with_views["metadata"]["feature_view_metadata"], &json!([{ "name": "wide" }]));
        for (row, key) in keys.iter().enumerate() {
            let known = usize::try_from(*key).unwrap() < times.len();
            let status = response.feature_columns()[0].status(row);
            prop_assert_eq!(status == FeatureStatus::Present, known);
        }
    }
}
