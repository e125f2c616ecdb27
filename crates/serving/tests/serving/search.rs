//! Search by similarity, over a connection and against a naive reference.

use larder_plan::Selection;
use larder_serving::{FeatureServer as _, Metric, SearchQuery, SearchRequest};
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::server::{Running, TestServer};

const DOCUMENTS: &str = r#"{"feature_view_name":"docs","df":{
    "doc_id":[1,2,3,4,5],
    "event_timestamp":["2025-01-01T00:00:00Z","2025-01-02T00:00:00Z","2025-01-03","2025-01-04","2025-01-05"],
    "embedding":[[1,0],[0,1],[3,4],null,[1,0]],
    "other_embedding":[[0],[0],[0],[0],[0]],
    "title":["a","b","c","d","e"],
    "year":[2001,2002,null,2004,2005]}}"#;

async fn with_documents() -> Running {
    let running = Running::start().await;
    assert_eq!(post(running.address, "/write-to-online-store", DOCUMENTS).await.status, 200);
    running
}

async fn search(running: &Running, body: &Value) -> (u16, Value) {
    let reply = post(running.address, "/search", body.to_string()).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn the_nearest_rows_come_first_with_distance_and_join_keys() {
    let running = with_documents().await;
    let body =
        json!({"features": ["docs:title", "docs:year"], "query": [1, 0], "top_k": 3, "api_version": 2});
    for path in ["/search", "/retrieve-online-documents"] {
        let reply = post(running.address, path, body.to_string()).await;
        assert_eq!(
            reply.text(),
            concat!(
                r#"{"results":[{"values":["a","e","b"],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["2025-01-01T00:00:00Z","2025-01-05T00:00:00Z","2025-01-02T00:00:00Z"]},"#,
                r#"{"values":[2001,2005,2002],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["2025-01-01T00:00:00Z","2025-01-05T00:00:00Z","2025-01-02T00:00:00Z"]},"#,
                r#"{"values":[0.0,0.0,1.4142135381698608],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["2025-01-01T00:00:00Z","2025-01-05T00:00:00Z","2025-01-02T00:00:00Z"]},"#,
                r#"{"values":[1,5,2],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}],"#,
                r#""metadata":{"feature_names":["title","year","distance","doc_id"]}}"#
            )
        );
    }
}

#[tokio::test]
async fn a_filter_and_a_metric_count_in_version_two_of_the_api() {
    let running = with_documents().await;
    let mut body = json!({
        "features": ["docs:title"], "query": [1, 0], "top_k": 9, "distance_metric": "cosine",
        "filters": {"type": "and", "filters": [
            {"type": "gt", "key": "doc_id", "value": 1}, {"type": "lt", "key": "year", "value": 2005}]},
    });
    let titles = |answer: &Value| answer["results"][0]["values"].clone();
    assert_eq!(titles(&search(&running, &body).await.1), json!(["a", "e", "b", "c"]));
    body["api_version"] = json!(2);
    let (_, answer) = search(&running, &body).await;
    assert_eq!((titles(&answer), &answer["results"][1]["values"]), (json!(["b"]), &json!([1.0])));
    body["filters"] = json!({"type": "eq", "key": "title", "value": "nobody"});
    let (_, answer) = search(&running, &body).await;
    assert_eq!(answer["metadata"]["feature_names"], json!(["title", "distance"]));
    assert_eq!(titles(&answer), json!([]));
}

#[tokio::test]
async fn words_are_found_in_texts_the_best_row_first() {
    let running = Running::start().await;
    let texts =
        ["a map of roads", "roads, roads and more roads", "shoes", "running on a road", "it's a long way"];
    let rows = json!({"feature_view_name": "docs", "df": {
        "doc_id": [1, 2, 3, 4, 5], "event_timestamp": vec!["2025-01-01"; 5], "embedding": vec![json!(null); 5],
        "other_embedding": vec![json!(null); 5], "title": texts, "year": [2001, 2002, 2003, null, 2005],
    }});
    assert_eq!(post(running.address, "/write-to-online-store", rows.to_string()).await.status, 200);
    let ask = async |change: Value| {
        let mut body =
            json!({"features": ["docs:title"], "query_string": "road", "top_k": 9, "api_version": 2});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, answer) = search(&running, &body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let answer = ask(json!({})).await;
    let column = |name: &str| {
        let names = answer["metadata"]["feature_names"].as_array().unwrap();
        let at = names.iter().position(|other| other == name).unwrap();
        answer["results"][at]["values"].clone()
    };
    assert_eq!(answer["metadata"]["feature_names"], json!(["title", "distance", "text_rank", "doc_id"]));
    assert_eq!(column("doc_id"), json!([2, 1, 4]));
    let numbers = |name: &str| -> Vec<f64> {
        column(name).as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let (distances, ranks) = (numbers("distance"), numbers("text_rank"));
    assert!(distances.is_sorted() && distances.iter().all(|distance| *distance < 0.0), "{distances:?}");
    assert_eq!(ranks, distances.iter().map(|distance| -distance).collect::<Vec<_>>());
    let titles = async |change| ask(change).await["results"][0]["values"].clone();
    assert_eq!(titles(json!({"top_k": 1})).await, json!([texts[1]]));
    let recent = json!({"filters": {"type": "lt", "key": "year", "value": 2002}});
    assert_eq!(titles(recent).await, json!([texts[0]]), "the filter comes before the number of rows");
    assert_eq!(titles(json!({"query_string": "run OR shoe"})).await, json!([texts[2], texts[3]]));
    assert_eq!(titles(json!({"query_string": "it's"})).await, json!([texts[4]]));
    assert_eq!(titles(json!({"query_string": "nothing"})).await, json!([]));
    let nothing = ask(json!({"query_string": "nothing"})).await;
    assert_eq!(nothing["metadata"]["feature_names"], json!(["title", "distance", "text_rank"]));
}

#[tokio::test]
async fn what_cannot_be_searched_is_said() {
    let running = with_documents().await;
    for (change, status, part) in [
        (json!({"features": ["docs:title", "stats:conv_rate"]}), 400, "only supports a single feature view"),
        (json!({"features": ["stats:conv_rate"]}), 400, "has no vectors"),
        (json!({"features": ["glob:global_rate"]}), 400, "has one row for all"),
        (json!({"features": ["nope:x"]}), 404, "FeatureViewNotFoundException"),
        (json!({"features": ["docs:nope"]}), 404, "Feature nope not found"),
        (json!({"features": []}), 400, "No features"),
        (json!({"query": [1, 0, 0]}), 400, "`query` has 3 numbers"),
        (json!({"query": null}), 400, "`query` is missing"),
        (json!({"top_k": null}), 400, "`top_k` is missing"),
        (json!({"query_string": "words"}), 400, "two searches"),
        (json!({"query": null, "query_string": "?"}), 400, "has no words"),
        (json!({"query": null, "query_string": "x".repeat(5_000)}), 400, "at most 4096"),
        (json!({"query": null, "query_string": "x", "features": ["stats:conv_rate"]}), 400, "has no texts"),
        (json!({"query": null, "query_string": "x", "api_version": 1}), 400, "`query` is missing"),
        (json!({"distance_metric": "taxi"}), 400, "`taxi` is unknown"),
        (json!({"filters": {"type": "eq", "key": "nope", "value": 1}}), 404, "Feature nope not found"),
        (json!({"filters": {"type": "like"}}), 422, "filters"),
        (json!({"query": ["x"]}), 422, "valid number"),
    ] {
        let mut body = json!({"features": ["docs:title"], "query": [1, 0], "top_k": 1, "api_version": 2});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (found, answer) = search(&running, &body).await;
        assert_eq!(found, status, "{change}: {answer}");
        assert!(answer.to_string().contains(part), "{change}: {answer}");
    }
}

#[tokio::test]
async fn views_with_an_indexed_vector_are_vector_stores() {
    let running = with_documents().await;
    let listed = get(running.address, "/v1/vector_stores").await.json();
    let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
    let store = json!({
        "id": id, "object": "vector_store", "name": "docs", "status": "completed",
        "created_at": listed["data"][0]["created_at"],
    });
    assert_eq!(listed, json!({"object": "list", "data": [store]}));
    assert_eq!(get(running.address, &format!("/v1/vector_stores/{id}")).await.json(), store);
    let reply = get(running.address, "/v1/vector_stores/vs_0").await;
    let error = r#"{"error":{"message":"No vector store found with id 'vs_0'","type":"not_found_error"}}"#;
    assert_eq!((reply.status, reply.text()), (404, error));
    let reply = post(running.address, &format!("/v1/vector_stores/{id}/search"), r#"{"query":"x"}"#).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (422, &json!("invalid_request_error")));
}

#[tokio::test]
async fn many_rows_give_what_a_sort_of_all_gives() {
    let server = TestServer::new().await;
    // More rows than are looked at together, in an order that has nothing to do with their vectors.
    let ids: Vec<i64> = (0..10_000).collect();
    #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
    let vectors: Vec<[f32; 2]> =
        ids.iter().map(|id| [(id * 7919 % 1009) as f32, (id * 104_729 % 2003) as f32]).collect();
    let rows = json!({
        "doc_id": ids, "event_timestamp": vec!["2025-01-01"; ids.len()], "embedding": vectors,
        "other_embedding": vec![json!(null); ids.len()], "title": vec!["x"; ids.len()],
        "year": vec![2000; ids.len()],
    });
    server.write_json("docs", &rows).await;
    let request = SearchRequest {
        selection: Selection::References(vec!["docs:title".to_owned()]),
        query: SearchQuery::Vector { vector: vec![500.0, 1000.0], metric: Some(Metric::L2) },
        top_k: 100,
        filter: None,
    };
    let answer = server.search(request).await.unwrap();
    let found = answer.to_record_batch();
    let found: Vec<i64> =
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&found["doc_id"])
            .values()
            .to_vec();
    let square = |id: &i64| {
        let vector = vectors[usize::try_from(*id).unwrap()];
        (f64::from(vector[0]) - 500.0).powi(2) + (f64::from(vector[1]) - 1000.0).powi(2)
    };
    let mut expected = ids.clone();
    expected.sort_by(|a, b| square(a).total_cmp(&square(b)));
    let distances = |ids: &[i64]| ids.iter().map(square).collect::<Vec<f64>>();
    assert_eq!(distances(&found), distances(&expected[..100]));
}
