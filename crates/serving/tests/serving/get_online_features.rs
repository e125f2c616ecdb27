//! The rules of the read: which columns count, what is missing, what is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use larder_core::{
    EntityKey, EntityKeyVersion, ErrorKind, OnlineRead, OnlineRows, OnlineStore, OnlineWrite, RequestError,
    Result, Timestamp, WriteOutcome,
};
use larder_plan::Selection;
use larder_serving::FeatureStatus::{self, NotFound, Present};
use larder_serving::{FeatureServer as _, OnlineRequest, OnlineResponse, OnlineRetrieval};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::repo;
use crate::server::{TestServer, request};

fn values(response: &OnlineResponse) -> Value {
    serde_json::from_slice(&response.to_json_columns()).unwrap()
}

fn statuses(response: &OnlineResponse, column: &str) -> Vec<FeatureStatus> {
    let column = response.column(column).unwrap();
    (0..response.row_count()).map(|row| column.status(row)).collect()
}

fn mistake<T: std::fmt::Debug>(result: Result<T>) -> RequestError {
    result.unwrap_err().downcast_ref::<RequestError>().expect("it is a mistake in the request").clone()
}

#[tokio::test]
async fn every_row_gets_its_own_answer_in_order_however_often_it_is_asked_for() {
    let server = TestServer::new().await;
    let answer = server
        .get(&["stats:avg_daily_trips"], json!({ "driver_id": [1002, 1001, 9999, 1002] }))
        .await
        .unwrap();
    assert_eq!(
        values(&answer),
        json!({ "driver_id": [1002, 1001, 9999, 1002], "avg_daily_trips": [20, 111, null, 20] })
    );
    assert_eq!(statuses(&answer, "avg_daily_trips"), [Present, Present, NotFound, Present]);
    let column = answer.column("avg_daily_trips").unwrap();
    assert_eq!(column.event_timestamp(0), Some(Timestamp::parse("2025-01-01T10:00:00Z").unwrap()));
    assert_eq!(column.event_timestamp(2), None);
}

#[tokio::test]
async fn a_stored_null_is_present_and_an_unknown_entity_is_not() {
    let server = TestServer::new().await;
    let answer = server.get(&["stats:acc_rate"], json!({ "driver_id": [1002, 9999] })).await.unwrap();
    assert_eq!(values(&answer)["acc_rate"], json!([null, null]));
    assert_eq!(statuses(&answer, "acc_rate"), [FeatureStatus::Present, FeatureStatus::NotFound]);
}

#[tokio::test]
async fn a_null_key_is_a_row_of_nulls_that_are_not_found() {
    let server = TestServer::new().await;
    let answer = server.get(&["stats:conv_rate"], json!({ "driver_id": [null, 1002, null] })).await.unwrap();
    assert_eq!(values(&answer)["driver_id"], json!([null, 1002, null]));
    assert_eq!(statuses(&answer, "conv_rate"), [NotFound, Present, NotFound]);
    assert_eq!(statuses(&answer, "driver_id"), [Present, Present, Present]);
}

#[tokio::test]
async fn a_key_that_is_partly_given_finds_nothing_and_one_that_is_not_given_is_a_mistake() {
    let server = TestServer::new().await;
    let answer = server.get(&["coll:f"], json!({ "a": [1, 12] })).await.unwrap();
    assert_eq!(values(&answer), json!({ "a": [1, 12], "f": [null, null] }));
    assert_eq!(statuses(&answer, "f"), [FeatureStatus::NotFound; 2]);

    let error = mistake(server.get(&["coll:f", "stats:conv_rate"], json!({ "driver_id": [1001] })).await);
    assert_eq!(
        error.to_string(),
        "Missing join key values for keys: ['a', 'b', 'driver_id']. No values provided for keys: ['a', 'b']. \
         Provided join_key_values: ['driver_id']"
    );
    let error = mistake(server.get(&["stats:conv_rate"], json!({ "driver_id": [] })).await);
    assert_eq!(
        error.to_string(),
        "Missing join key values for keys: ['driver_id']. No values provided for keys: ['driver_id']. \
         Provided join_key_values: ['driver_id']"
    );
    let error = mistake(server.get(&["stats:conv_rate"], json!({})).await);
    assert!(error.to_string().ends_with("Provided join_key_values: []"), "{error}");
}

#[tokio::test]
async fn columns_are_request_data_then_join_keys_then_entity_names_and_the_rest_is_ignored() {
    let server = TestServer::new().await;
    let entities = json!({
        "zzz": ["ignored"], "b": ["7"], "driver": [1001], "val_to_add": ["2"], "ea": [5],
    });
    let answer = server.get(&["od_pandas:p1"], entities).await.unwrap();
    // Unrelated keys are repeated in their types, names of entities under their join keys.
    assert_eq!(
        values(&answer),
        json!({ "b": [7], "driver_id": [1001], "a": [5], "p1": [2.610_000_014_305_114_7] })
    );
}

#[tokio::test]
async fn a_join_key_counts_more_than_the_name_of_its_entity() {
    let server = TestServer::new().await;
    let entities = json!({ "driver": [9999], "driver_id": [1001] });
    let answer = server.get(&["stats:avg_daily_trips"], entities).await.unwrap();
    assert_eq!(values(&answer), json!({ "driver_id": [1001], "avg_daily_trips": [111] }));
}

#[tokio::test]
async fn values_are_cast_to_the_declared_type_or_refused_with_column_and_row() {
    let server = TestServer::new().await;
    let answer =
        server.get(&["stats:avg_daily_trips"], json!({ "driver_id": ["1001", 1002.7] })).await.unwrap();
    assert_eq!(values(&answer), json!({ "driver_id": [1001, 1002], "avg_daily_trips": [111, 20] }));

    let error = mistake(server.get(&["stats:conv_rate"], json!({ "driver_id": [1, "x"] })).await);
    assert_eq!(
        error.to_string(),
        "column `driver_id`, row 1: \"x\" is not a valid Int64; send a value of that type or null"
    );
    let entities = json!({ "driver_id": [1001], "val_to_add": ["one"] });
    assert!(matches!(
        mistake(server.get(&["od_pandas:p1"], entities).await),
        RequestError::InvalidValue { .. }
    ));
}

#[tokio::test]
async fn columns_of_different_lengths_are_a_mistake_even_if_one_is_not_needed() {
    let server = TestServer::new().await;
    let entities = json!({ "driver_id": [1001, 1002], "zzz": [1] });
    assert_eq!(mistake(server.get(&["stats:conv_rate"], entities).await), RequestError::UnevenEntityRows);
}

#[tokio::test]
async fn views_without_entities_give_every_row_their_one_value() {
    let server = TestServer::new().await;
    let answer = server
        .get(&["glob:global_rate", "stats:avg_daily_trips"], json!({ "driver_id": [1001, 9999] }))
        .await;
    let answer = answer.unwrap();
    assert_eq!(values(&answer)["global_rate"], json!([1.5, 1.5]));
    let hidden = server.get(&["glob:global_rate"], json!({ "__dummy_id": [""] })).await.unwrap();
    assert_eq!(values(&hidden), json!({ "global_rate": [1.5] }));
    let error = mistake(server.get(&["glob:global_rate"], json!({ "zzz": [1] })).await);
    assert_eq!(
        error.to_string(),
        "Missing join key values for keys: ['a', 'b', 'doc_id', 'driver_id']. No values provided for keys: \
         ['a', 'b', 'doc_id', 'driver_id']. Provided join_key_values: []"
    );
}

#[tokio::test]
async fn an_on_demand_view_of_request_data_needs_no_entity() {
    let server = TestServer::new().await;
    let answer = server.get(&["od_reqonly:r1"], json!({ "val_to_add": [1, null, 100] })).await.unwrap();
    assert_eq!(values(&answer), json!({ "r1": [2, null, 200] }));
}

#[tokio::test]
async fn on_demand_views_see_stored_values_request_data_and_keys_row_by_row() {
    let server = TestServer::new().await;
    let entities = json!({ "driver_id": [1001, 9999, 1001], "val_to_add": [1, 2, 3] });
    let answer = server.get(&["od_key:k1", "od_pandas:p2", "od_pandas:p1", "od_reqonly:r1"], entities).await;
    assert_eq!(
        values(&answer.unwrap()),
        json!({
            "driver_id": [1001, 9999, 1001],
            "k1": [1001, 9999, 1001],
            "p2": [1.220_000_028_610_229_5, null, 1.220_000_028_610_229_5],
            "p1": [1.610_000_014_305_114_7, null, 3.610_000_014_305_114_7],
            "r1": [2, 4, 6],
        })
    );
}

#[tokio::test]
async fn a_key_column_that_the_request_lacks_is_null_to_an_on_demand_view() {
    let server = TestServer::new().await;
    let answer = server.get(&["od_coll:c1"], json!({ "a": [1] })).await.unwrap();
    assert_eq!(values(&answer), json!({ "a": [1], "c1": [null] }));
}

#[tokio::test]
async fn missing_request_data_is_named_before_anything_is_read() {
    let server = TestServer::new().await;
    let error = mistake(server.get(&["od_pandas:p1"], json!({ "driver_id": [1001] })).await);
    assert_eq!(
        error.to_string(),
        "Required request data source features ['val_to_add'] not found in the entity rows, but required by \
         feature views"
    );
}

#[tokio::test]
async fn one_view_under_two_keys_is_read_under_each() {
    let server = TestServer::new().await;
    let entities = json!({ "driver_id": [1001], "rival_id": [1002] });
    let request = request(Selection::Service("svc_twice".into()), &entities).with_full_feature_names(true);
    let answer = server.get_online_features(request).await.unwrap();
    assert_eq!(
        values(&answer),
        json!({
            "driver_id": [1001], "rival_id": [1002],
            "stats__conv_rate": [0.610_000_014_305_114_7], "rival__conv_rate": [0.699_999_988_079_071],
        })
    );
}

#[tokio::test]
async fn arrow_columns_are_answered_as_json_columns_are() {
    let server = TestServer::new().await;
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1001, 9999]));
    let batch = RecordBatch::try_from_iter([("driver_id", ids)]).unwrap();
    let selection = Selection::References(vec!["stats:conv_rate".into()]);
    let arrow = server.get_online_features(OnlineRequest::from_arrow(selection, &batch)).await.unwrap();
    let json = server.get(&["stats:conv_rate"], json!({ "driver_id": [1001, 9999] })).await.unwrap();
    assert_eq!(arrow.to_json(false), json.to_json(false));
    assert_eq!(arrow.to_record_batch(), json.to_record_batch());
    assert_eq!(arrow.to_record_batch().num_columns(), 2);
}

/// Counts the calls of a store.
#[derive(Debug)]
struct Counted<S> {
    inner: S,
    reads: AtomicUsize,
    keys: AtomicUsize,
}

#[async_trait]
impl<S: OnlineStore> OnlineStore for Counted<Arc<S>> {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.keys.fetch_add(reads.iter().map(|read| read.keys.len()).sum(), Ordering::SeqCst);
        self.inner.read(reads).await
    }

    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        self.inner.write(write).await
    }

    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        self.inner.keys(project, view).await
    }

    async fn flush(&self) -> Result<()> {
        self.inner.flush().await
    }

    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        self.inner.remove_view(project, view).await
    }
}

#[tokio::test]
async fn a_request_is_one_call_of_the_store_and_a_key_is_read_once() {
    let server = TestServer::new().await;
    let store = Arc::new(Counted {
        inner: Arc::clone(&server.store),
        reads: AtomicUsize::new(0),
        keys: AtomicUsize::new(0),
    });
    let retrieval = OnlineRetrieval::new(Arc::clone(&store) as _, EntityKeyVersion::V3);
    let features = ["stats:conv_rate", "stats_p:acc_rate", "glob:global_rate", "coll:f"].map(str::to_owned);
    let entities = json!({ "driver_id": [1, 2, 1, 1], "a": [1, 1, 1, 1], "b": [2, 2, 2, null] });
    let request = request(Selection::References(features.into()), &entities);
    retrieval.get_online_features(&server.catalog, request).await.unwrap();
    assert_eq!(store.reads.load(Ordering::SeqCst), 1);
    // Two drivers for each of two views, one global row, one pair and one that has no key.
    assert_eq!(store.keys.load(Ordering::SeqCst), 2 + 2 + 1 + 2);
    // Nothing stored is asked for: no call at all.
    let only_computed =
        self::request(Selection::References(vec!["od_reqonly:r1".into()]), &json!({ "val_to_add": [1] }));
    retrieval.get_online_features(&server.catalog, only_computed).await.unwrap();
    assert_eq!(store.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_plan_follows_its_catalog() {
    let server = TestServer::new().await;
    let ask = |catalog| {
        let entities = json!({ "driver_id": [1001] });
        let request = request(Selection::References(vec!["stats:conv_rate".into()]), &entities);
        let retrieval = &server.retrieval;
        async move { retrieval.get_online_features(&catalog, request).await }
    };
    ask(Arc::clone(&server.catalog)).await.unwrap();
    let empty = larder_registry::RegistrySnapshot::new(
        "2".into(),
        larder_core::Project::new(repo::PROJECT),
        Timestamp::EPOCH,
        larder_registry::SnapshotObjects::default(),
    );
    let empty = Arc::new(larder_plan::Catalog::load(Arc::new(empty), repo::no_on_demand_view).await);
    assert!(matches!(mistake(ask(empty).await), RequestError::FeatureViewNotFound { .. }));
    ask(Arc::clone(&server.catalog)).await.unwrap();
}

#[tokio::test]
async fn a_failing_transformation_fails_the_request_with_its_own_words() {
    let server = TestServer::new().await;
    let entities = json!({ "driver_id": [1001], "val_to_add": [repo::REFUSE] });
    let error = server.get(&["od_pandas:p1"], entities).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transformation);
    assert!(error.to_string().contains("od_pandas"), "{error}");
}

/// Any order and repetition of known, unknown and null keys, of one key and of two.
fn rows() -> impl Strategy<Value = Vec<(Option<i64>, Option<i64>, Option<i64>)>> {
    let driver = prop::option::of(prop::sample::select(vec![1001, 1002, 1005, 9999, -1]));
    let a = prop::option::of(prop::sample::select(vec![1, 12, 5]));
    let b = prop::option::of(prop::sample::select(vec![23, 3, 5]));
    prop::collection::vec((driver, a, b), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_rows_at_once_are_answered_as_one_by_one(rows in rows()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let server = TestServer::new().await;
            let features = ["stats:conv_rate", "coll:f", "glob:global_rate", "od_key:k1"];
            let table = |rows: &[(Option<i64>, Option<i64>, Option<i64>)]| json!({
                "driver_id": rows.iter().map(|row| row.0).collect::<Vec<_>>(),
                "a": rows.iter().map(|row| row.1).collect::<Vec<_>>(),
                "b": rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            });
            let all = server.get(&features, table(&rows)).await.unwrap();
            for (at, row) in rows.iter().enumerate() {
                let one = server.get(&features, table(&[*row])).await.unwrap();
                for (many, single) in all.columns().iter().zip(one.columns()) {
                    prop_assert_eq!(many.name(), single.name());
                    prop_assert_eq!(&many.values().slice(at, 1), single.values());
                    prop_assert_eq!(many.status(at), single.status(0));
                    prop_assert_eq!(many.event_timestamp(at), single.event_timestamp(0));
                }
            }
            Ok(())
        })?;
    }
}
