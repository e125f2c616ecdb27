//! Asking in one call, and in three.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_flight::{Criteria, Empty, Ticket};
use futures::TryStreamExt as _;
use larder_grpc::OfflineServerOptions;
use serde_json::json;
use tonic::Code;

use crate::world::{
    World, entity_rows, exchange, get, messages, nothing, put, rates_of, ticket, training_set,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_call_and_three_give_the_same_rows() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let rows = entity_rows(5);
    let at_once = exchange(&mut client, training_set(), &rows).await.unwrap();
    put(&mut client, messages(&training_set(), &rows).await).await.unwrap();
    let ticket = ticket(&mut client, &training_set()).await.unwrap();
    assert_eq!(get(&mut client, ticket.clone()).await.unwrap(), at_once);
    // It was there once.
    let again = get(&mut client, ticket).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound, "{again}");
    assert!(again.message().contains("send the command again"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flight_is_found_by_nothing_but_its_own_command_and_ticket() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    put(&mut client, messages(&training_set(), &entity_rows(2)).await).await.unwrap();
    let mut other = training_set();
    other["command_id"] = json!("2");
    assert_eq!(ticket(&mut client, &other).await.unwrap_err().code(), Code::NotFound);
    // As Feast's server makes tickets.
    for guess in
        ["", "(2, b'{}', ())", &format!("(2, {:?}, ())", training_set().to_string()), &"0".repeat(32)]
    {
        let refused = get(&mut client, Ticket::new(guess.to_owned())).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{guess}");
    }
    let listed = client.list_flights(Criteria::default()).await.unwrap().into_inner();
    assert!(listed.try_collect::<Vec<_>>().await.unwrap().is_empty());
    let own = ticket(&mut client, &training_set()).await.unwrap();
    assert_eq!(get(&mut client, own).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn flights_that_wait_are_few_and_not_for_long() {
    let options = OfflineServerOptions {
        max_waiting_flights: 2,
        flight_lifetime: Duration::from_millis(1500),
        ..OfflineServerOptions::default()
    };
    let world = World::new(options).await;
    let mut client = world.client().await;
    let command = |id: i32| {
        let mut command = training_set();
        command["command_id"] = json!(id.to_string());
        command
    };
    for id in 0..2 {
        put(&mut client, messages(&command(id), &entity_rows(1)).await).await.unwrap();
    }
    let full = put(&mut client, messages(&command(2), &entity_rows(1)).await).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted, "{full}");
    world.answers().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ticket(&mut client, &command(0)).await.unwrap_err().code(), Code::NotFound);
    put(&mut client, messages(&command(2), &entity_rows(1)).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_pieces_whatever_their_size() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let rows = exchange(&mut client, training_set(), &entity_rows(300_000)).await.unwrap();
    assert!(rows.len() > 4, "{}", rows.len());
    let rates: Vec<_> = rows.iter().flat_map(rates_of).collect();
    assert_eq!((rates.len(), rates.iter().flatten().count()), (300_000, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let write =
        json!({ "api": "offline_write_batch", "feature_view_names": ["stats"], "name_aliases": [null] });
    let two = || Arc::new(Int64Array::from(vec![2])) as ArrayRef;
    let times: ArrayRef = Arc::new(StringArray::from(vec!["2024-01-01T06:00:00Z"]));
    let row = RecordBatch::try_from_iter([("rate", two()), ("id", two()), ("at", times)]);
    put(&mut client, messages(&write, &row.unwrap()).await).await.unwrap();
    let rows = exchange(&mut client, training_set(), &entity_rows(3)).await.unwrap();
    assert_eq!(rates_of(&rows[0]), [Some(10), Some(11), Some(2)]);

    let mut persist = training_set();
    persist["api"] = json!("persist");
    persist["retrieve_func"] = json!("get_historical_features");
    persist["data_source_name"] = json!("kept");
    persist["allow_overwrite"] = json!(false);
    put(&mut client, messages(&persist, &entity_rows(3)).await).await.unwrap();
    let kept = larder::table::read_table(&world.folder.path().join("kept.parquet")).unwrap();
    assert_eq!(rates_of(&kept), [Some(10), Some(11), Some(2)]);
    let taken = put(&mut client, messages(&persist, &entity_rows(1)).await).await.unwrap_err();
    assert!(taken.message().contains("\"class\": \"SavedDatasetLocationAlreadyExists\""), "{taken}");
    assert_eq!(larder::table::read_table(&world.folder.path().join("kept.parquet")).unwrap(), kept);

    // Without names of features a pull has every column, and without keys that of a view without entities.
    let pull = json!({
        "api": "pull_all_from_table_or_query", "data_source_name": "rates", "join_key_columns": [],
        "feature_name_columns": [], "timestamp_field": "at", "created_timestamp_column": null,
        "start_date": null, "end_date": "2024-01-01T05:00:00",
    });
    let rows = exchange(&mut client, pull, &nothing()).await.unwrap();
    let names: Vec<_> = rows[0].schema_ref().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "rate", "at", "__dummy_id"]);
    assert_eq!(rates_of(&rows[0]), [Some(10), Some(11)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_are_listed_and_what_is_not_there_says_what_is() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let actions = client.list_actions(Empty {}).await.unwrap().into_inner();
    let actions: Vec<_> = actions.map_ok(|action| action.r#type).try_collect().await.unwrap();
    assert_eq!(actions, ["offline_write_batch", "write_logged_features", "persist"]);
    let action = arrow_flight::Action::new("persist", "");
    let refused = client.do_action(action).await.unwrap_err();
    assert_eq!((refused.code(), refused.message().contains("by DoPut")), (Code::Unimplemented, true));
}
