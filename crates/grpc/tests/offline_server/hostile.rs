//! Senders that do not mean well, or do not know better. Each gets an error that says what is wrong, and the server
//! goes on.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int8Array, Int64Array, ListViewArray, NullArray, RecordBatch, RunArray,
    StringArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow_flight::{FlightData, FlightDescriptor};
use bytes::Bytes;
use larder_grpc::OfflineServerOptions;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tonic::Code;

use crate::world::{self, World, entity_rows, exchange, messages, nothing, put, send, training_set};

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_none_are_refused_with_what_is_wrong() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let table = messages(&training_set(), &entity_rows(1)).await;
    let mut with = async |descriptor: Option<FlightDescriptor>| {
        let mut table = table.clone();
        table[0].flight_descriptor = descriptor;
        send(&mut client, table).await.unwrap_err()
    };
    for (descriptor, part) in [
        (None, "the first message has no descriptor"),
        (Some(FlightDescriptor::new_path(vec!["stats".into()])), "no paths"),
        (Some(FlightDescriptor::new_cmd("{\"api\": ")), "no JSON object"),
        (Some(FlightDescriptor::new_cmd("[1]")), "no JSON object"),
        (Some(FlightDescriptor::new_cmd("[".repeat(100_000))), "no JSON object"),
        (Some(FlightDescriptor::new_cmd("{}")), "parameter `api` must be a text"),
        (Some(FlightDescriptor::new_cmd("{\"api\": \"list_secrets\"}")), "there is no api `list_secrets`"),
        (Some(FlightDescriptor::new_cmd("{\"api\": \"get_historical_features\"}")), "`feature_view_names`"),
    ] {
        let refused = with(descriptor).await;
        assert!(refused.code() == Code::InvalidArgument && refused.message().contains(part), "{refused}");
    }
    let none = send(&mut client, Vec::new()).await.unwrap_err();
    assert_eq!(none.code(), Code::InvalidArgument, "{none}");
    let written = json!({ "api": "offline_write_batch", "feature_view_names": ["stats"] });
    let refused = exchange(&mut client, written, &entity_rows(1)).await.unwrap_err();
    assert!(refused.message().contains("send it by DoPut"), "{refused}");
    world.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tables_are_refused_with_what_is_wrong() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let texts = || Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
    let one = |name: &str, column: ArrayRef| RecordBatch::try_from_iter([(name, column)]).unwrap();
    let runs: RunArray<Int32Type> = ["a", "a"].into_iter().collect();
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let numbers = Arc::new(Int64Array::from(vec![1]));
    let views = ListViewArray::new(item, vec![0, 0].into(), vec![1, 1].into(), numbers, None);
    for (rows, part) in [
        (one("id", texts()), "no column `event_timestamp`"),
        (one("event_timestamp", texts()), "FeastEntityDFMissingColumnsError"),
        (one("id", Arc::new(runs)), "which larder does not take"),
        (one("id", Arc::new(views)), "which larder does not take"),
        (
            RecordBatch::try_from_iter([("id", texts()), ("id", texts())]).unwrap(),
            "column `id` is there twice",
        ),
    ] {
        let refused = exchange(&mut client, training_set(), &rows).await.unwrap_err();
        assert!(refused.code() == Code::InvalidArgument && refused.message().contains(part), "{refused}");
    }
    let write =
        json!({ "api": "offline_write_batch", "feature_view_names": ["stats"], "name_aliases": [null] });
    let before = std::fs::read(world.folder.path().join("rates.csv")).unwrap();
    let refused = put(&mut client, messages(&write, &entity_rows(1)).await).await.unwrap_err();
    assert!(refused.message().contains("missing_expected_columns: ['at', 'rate']"), "{refused}");
    assert_eq!(std::fs::read(world.folder.path().join("rates.csv")).unwrap(), before);
    world.answers().await;
}

/// What a table says of itself, made up: the fields of the message with the rows are numbers somewhere in its bytes.
fn with_number(mut messages: Vec<FlightData>, from: i64, to: i64) -> Vec<FlightData> {
    let rows = messages.last_mut().unwrap();
    let mut header = rows.data_header.to_vec();
    let (from, to) = (from.to_le_bytes(), to.to_le_bytes());
    let places: Vec<usize> = (0..header.len() - 7).filter(|at| header[*at..at + 8] == from).collect();
    assert!(!places.is_empty());
    for place in places {
        header[place..place + 8].copy_from_slice(&to);
    }
    rows.data_header = header.into();
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_places_that_are_made_up_are_refused_before_memory_is_taken_for_them() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let rows = entity_rows(77);
    for count in [1_000, -1, 1 << 40, i64::MAX, i64::MIN] {
        let table = with_number(messages(&training_set(), &rows).await, 77, count);
        let refused = send(&mut client, table).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{count}: {refused}");
        assert!(refused.message().starts_with("the table that was sent is broken"), "{refused}");
    }
    // 616 bytes of values.
    for length in [1 << 20, -1, i64::MAX] {
        let table = with_number(messages(&training_set(), &rows).await, 616, length);
        let refused = send(&mut client, table).await.unwrap_err();
        assert!(refused.message().starts_with("the table that was sent is broken"), "{length}: {refused}");
    }
    // Nothing takes up no bytes, however much of it there is.
    let nothing: ArrayRef = Arc::new(NullArray::new(1 << 40));
    let rows = RecordBatch::try_from_iter([("nothing", nothing)]).unwrap();
    let refused = exchange(&mut client, training_set(), &rows).await.unwrap_err();
    assert!(refused.message().contains("more rows than it has bytes"), "{refused}");
    world.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dictionary_is_looked_up_and_does_not_stand_for_more_than_may_be_sent() {
    let options = OfflineServerOptions { max_upload_bytes: 1 << 20, ..OfflineServerOptions::default() };
    let world = World::new(options).await;
    let mut client = world.client().await;
    let rows = entity_rows(2_000);
    let with = |texts: Vec<&str>, keys: Int8Array| {
        let values = Arc::new(StringArray::from(texts));
        let column: ArrayRef = Arc::new(DictionaryArray::try_new(keys, values).unwrap());
        let [id, time] = [rows.column(0), rows.column(1)].map(Arc::clone);
        RecordBatch::try_from_iter([("id", id), ("event_timestamp", time), ("label", column)]).unwrap()
    };
    let keys =
        || (0..2_000).map(|row| (row % 3 > 0).then_some(i8::from(row % 3 == 1))).collect::<Int8Array>();
    let answer = exchange(&mut client, training_set(), &with(vec!["a", "b"], keys())).await.unwrap();
    let labels = answer[0].column_by_name("label").unwrap();
    let labels = labels.as_any().downcast_ref::<StringArray>().unwrap();
    assert_eq!(labels.iter().take(4).collect::<Vec<_>>(), [None, Some("b"), Some("a"), None]);
    let empty = with(Vec::new(), Int8Array::from(vec![None; 2_000]));
    assert!(exchange(&mut client, training_set(), &empty).await.is_ok());
    let parts = world::in_dictionary_parts(&training_set(), &[with(vec!["a", "b"], keys())]);
    assert!(send(&mut client, parts).await.is_ok());
    let more = [with(vec!["a", "b"], keys()), with(vec!["a", "b", "c"], keys())];
    let parts = world::in_dictionary_parts(&training_set(), &more);
    let refused = send(&mut client, parts).await.unwrap_err();
    assert!(refused.message().contains("a dictionary comes in parts; send it whole"), "{refused}");
    let long = "x".repeat(10_000);
    let bomb = exchange(&mut client, training_set(), &with(vec![&long, "b"], keys())).await.unwrap_err();
    assert!(bomb.message().contains("column `label` is too large without its dictionary"), "{bomb}");
    world.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_sends_too_much_is_told_how_much_it_may_send() {
    let options = OfflineServerOptions { max_upload_bytes: 100_000, ..OfflineServerOptions::default() };
    let world = World::new(options).await;
    let mut client = world.client().await;
    // In one message, and in many.
    let at_once = messages(&training_set(), &entity_rows(100_000)).await;
    let mut in_parts = messages(&training_set(), &entity_rows(10)).await;
    let part = in_parts.last().unwrap().clone();
    in_parts.extend(std::iter::repeat_n(part, 1_000));
    // A message with nothing in it is not for nothing.
    let mut empty = messages(&training_set(), &entity_rows(10)).await;
    empty.extend(std::iter::repeat_n(FlightData::default(), 5_000));
    for table in [at_once, in_parts, empty] {
        let refused = send(&mut client, table).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        assert!(refused.message().contains("a call may send 100000 bytes"), "{refused}");
        world.answers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_together_hold_no_more_than_they_may() {
    let options = OfflineServerOptions {
        max_upload_bytes: 100_000,
        max_held_bytes: 150_000,
        ..OfflineServerOptions::default()
    };
    let world = World::new(options).await;
    let mut client = world.client().await;
    put(&mut client, messages(&training_set(), &entity_rows(5_000)).await).await.unwrap();
    let mut other = training_set();
    other["command_id"] = json!("2");
    let refused = put(&mut client, messages(&other, &entity_rows(5_000)).await).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains("try again later"), "{refused}");
    world.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_half_way_is_not_waited_for() {
    let options = OfflineServerOptions {
        message_timeout: std::time::Duration::from_millis(300),
        max_concurrent_calls: 1,
        ..OfflineServerOptions::default()
    };
    let world = World::new(options).await;
    let mut client = world.client().await;
    let first = messages(&training_set(), &entity_rows(1)).await.remove(0);
    let endless =
        futures::StreamExt::chain(futures::stream::iter([first]), futures::stream::pending::<FlightData>());
    let refused = client.do_exchange(endless).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused}");
    world.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_take_its_answer_is_not_waited_for() {
    let options = OfflineServerOptions {
        message_timeout: std::time::Duration::from_millis(300),
        max_concurrent_calls: 1,
        ..OfflineServerOptions::default()
    };
    let world = World::new(options).await;
    let mut client = world.client().await;
    let table = messages(&training_set(), &entity_rows(1_000_000)).await;
    let untaken = client.do_exchange(futures::stream::iter(table)).await.unwrap();
    world.answers().await;
    let taken: Result<Vec<_>, _> = futures::TryStreamExt::try_collect(untaken.into_inner()).await;
    assert_eq!(taken.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_table_reads_all_the_same_and_writes_nothing() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let alone = |mut command: Value, api: &str| {
        command["api"] = json!(api);
        let descriptor = FlightDescriptor::new_cmd(command.to_string());
        vec![FlightData { flight_descriptor: Some(descriptor), ..FlightData::default() }]
    };
    let pull = json!({
        "data_source_name": "rates", "join_key_columns": ["id"], "feature_name_columns": ["rate"],
        "timestamp_field": "at", "start_date": "2024-01-01", "end_date": "2024-01-02",
    });
    let rows = send(&mut client, alone(pull, "pull_latest_from_table_or_query")).await.unwrap();
    assert_eq!(rows[0].num_rows(), 2);
    let write = json!({ "feature_view_names": ["stats"], "name_aliases": [null] });
    let refused = put(&mut client, alone(write, "offline_write_batch")).await.unwrap_err();
    assert!(refused.message().contains("no table was sent"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_of_the_project_are_looked_at() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.parquet"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), world.folder.path().join("link")).unwrap();
    let absolute = outside.path().join("secret.parquet").display().to_string();
    let in_repo = |path: &str| world.folder.path().join(path).display().to_string();
    std::fs::write(in_repo("more.parquet"), "nonsense").unwrap();
    let mut ask = async |api: &str, path: &str| -> Result<_, tonic::Status> {
        let source = json!({
            "type": "BATCH_FILE", "name": "described", "fileOptions": { "uri": path }, "timestampField": "at",
        });
        let command = json!({ "api": api, "data_source_proto": source.to_string() });
        let table = messages(&command, &nothing()).await;
        if api == "validate_data_source" {
            put(&mut client, table).await
        } else {
            send(&mut client, table).await.map(|_| ())
        }
    };
    for api in ["validate_data_source", "get_table_column_names_and_types_from_data_source"] {
        for path in [
            absolute.as_str(),
            "../elsewhere.parquet",
            "link/secret.parquet",
            "link/new.parquet",
            "nowhere/../../elsewhere.parquet",
            "feature_store.yaml",
            "registry.db",
            "*.yaml",
            "/etc/*.parquet",
            "/",
            "",
        ] {
            let refused = ask(api, path).await.unwrap_err();
            assert!(refused.message().contains("cannot be looked at from outside"), "{path}: {refused}");
        }
        for path in ["s3://bucket/secret.parquet", "more.parquet", &in_repo("more.parquet")] {
            let refused = ask(api, path).await.unwrap_err();
            assert!(!refused.message().contains("from outside"), "{path}: {refused}");
        }
    }
    world.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_persisted_where_no_source_lies() {
    let world = World::new(OfflineServerOptions::default()).await;
    let mut client = world.client().await;
    let persist = |source: &str| {
        let mut command = training_set();
        command["api"] = json!("persist");
        command["retrieve_func"] = json!("get_historical_features");
        command["data_source_name"] = json!(source);
        command["allow_overwrite"] = json!(true);
        command
    };
    for source in ["feature_store.yaml", "/tmp/elsewhere.parquet", "nope"] {
        let refused = put(&mut client, messages(&persist(source), &entity_rows(1)).await).await.unwrap_err();
        assert!(refused.message().contains("DataSourceObjectNotFoundException"), "{refused}");
    }
    // A read that fails leaves what was there.
    let before = std::fs::read(world.folder.path().join("rates.csv")).unwrap();
    let mut broken = persist("rates");
    broken["feature_refs"] = json!(["stats:nope"]);
    let refused = put(&mut client, messages(&broken, &entity_rows(1)).await).await.unwrap_err();
    assert!(refused.message().contains("nope"), "{refused}");
    assert_eq!(std::fs::read(world.folder.path().join("rates.csv")).unwrap(), before);
}

/// A change of the bytes of a call.
#[derive(Clone, Debug)]
enum Damage {
    /// A byte of the header or the body becomes another.
    Flip {
        message: usize,
        body: bool,
        at: usize,
        to: u8,
    },
    /// Header or body ends early.
    Cut {
        message: usize,
        body: bool,
        at: usize,
    },
    Swap,
    Repeat {
        message: usize,
    },
    Drop {
        message: usize,
    },
}

fn damage() -> impl Strategy<Value = Damage> {
    let message = || 0..3_usize;
    prop_oneof![
        8 => (message(), any::<bool>(), 0..4096_usize, any::<u8>())
            .prop_map(|(message, body, at, to)| Damage::Flip { message, body, at, to }),
        2 => (message(), any::<bool>(), 0..4096_usize).prop_map(|(message, body, at)| Damage::Cut { message, body, at }),
        1 => Just(Damage::Swap),
        1 => message().prop_map(|message| Damage::Repeat { message }),
        1 => message().prop_map(|message| Damage::Drop { message }),
    ]
}

fn apply(damage: &Damage, messages: &mut Vec<FlightData>) {
    let count = messages.len();
    let bytes = |sent: &FlightData, body: bool| {
        if body { sent.data_body.to_vec() } else { sent.data_header.to_vec() }
    };
    let set = |sent: &mut FlightData, body: bool, bytes: Vec<u8>| {
        if body { sent.data_body = Bytes::from(bytes) } else { sent.data_header = Bytes::from(bytes) }
    };
    match damage {
        Damage::Flip { message, body, at, to } => {
            let sent = &mut messages[message % count];
            let mut changed = bytes(sent, *body);
            if !changed.is_empty() {
                let at = at % changed.len();
                changed[at] = *to;
            }
            set(sent, *body, changed);
        }
        Damage::Cut { message, body, at } => {
            let sent = &mut messages[message % count];
            let mut changed = bytes(sent, *body);
            changed.truncate(at % (changed.len() + 1));
            set(sent, *body, changed);
        }
        Damage::Swap => messages.swap(0, count - 1),
        Damage::Repeat { message } => messages.push(messages[message % count].clone()),
        Damage::Drop { message } => drop(messages.remove(message % count)),
    }
}

#[test]
fn a_table_damaged_in_any_way_is_answered_or_refused() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (world, tables) = runtime.block_on(async {
        let world = World::new(OfflineServerOptions::default()).await;
        let rows = entity_rows(9);
        let keys: Int8Array = (0..9).map(|row| Some(row % 2)).collect();
        let labels = DictionaryArray::try_new(keys, Arc::new(StringArray::from(vec!["a", "b"]))).unwrap();
        let lists = arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>(
            (0..9).map(|row| Some(vec![Some(row); 2])),
        );
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::clone(rows.column(0))),
            ("event_timestamp", Arc::clone(rows.column(1))),
            ("label", Arc::new(labels)),
            ("lists", Arc::new(lists)),
            ("text", Arc::new(StringArray::from_iter_values((0..9).map(|row| "é".repeat(row))))),
        ];
        let rich = RecordBatch::try_from_iter(columns).unwrap();
        let tables = [messages(&training_set(), &rows).await, messages(&training_set(), &rich).await];
        (world, tables)
    });
    let mut client = runtime.block_on(world.client());
    let mut runner = TestRunner::new(Config { cases: 600, failure_persistence: None, ..Config::default() });
    let refused = std::cell::Cell::new(0);
    let client = std::cell::RefCell::new(&mut client);
    runner
        .run(&(any::<bool>(), prop::collection::vec(damage(), 1..4)), |(rich, damages)| {
            let mut table = tables[usize::from(rich)].clone();
            for damage in &damages {
                if !table.is_empty() {
                    apply(damage, &mut table);
                }
            }
            if let Err(status) = runtime.block_on(send(&mut client.borrow_mut(), table)) {
                refused.set(refused.get() + 1);
                let known = [Code::InvalidArgument, Code::NotFound];
                prop_assert!(known.contains(&status.code()), "{damages:?}: {status}");
            }
            Ok(())
        })
        .unwrap();
    assert!(refused.get() > 100, "the damage does no harm: {refused:?}");
    runtime.block_on(world.answers());
}

/// Whatever JSON a command is, it is answered.
#[test]
fn a_command_of_any_values_is_answered_or_refused() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new(OfflineServerOptions::default()));
    let client = std::cell::RefCell::new(runtime.block_on(world.client()));
    let parameters = [
        "api",
        "feature_view_names",
        "name_aliases",
        "feature_refs",
        "project",
        "full_feature_names",
        "start_date",
        "end_date",
        "data_source_name",
        "join_key_columns",
        "feature_name_columns",
        "timestamp_field",
        "created_timestamp_column",
        "data_source_proto",
        "retrieve_func",
    ];
    let apis = [
        "get_historical_features",
        "pull_latest_from_table_or_query",
        "pull_all_from_table_or_query",
        "get_table_column_names_and_types_from_data_source",
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(vec![
            "stats",
            "rates",
            "kept",
            "rate",
            "id",
            "at",
            "p",
            "stats:rate",
            "stats:",
            ":",
            "",
            "2024-01-01",
            "9999999-01-01",
            "-290000-01-01T00:00:00Z",
            "{}",
            "{\"type\": \"BATCH_FILE\"}",
            "{\"type\": 6, \"customOptions\": {\"configuration\": \"!\"}}",
        ])
        .prop_map(Value::from),
        prop::collection::vec(
            prop::sample::select(vec!["stats", "stats:rate", "rate", "id", "at", "x"]),
            0..4
        )
        .prop_map(|texts| json!(texts)),
    ];
    let changes = prop::collection::vec((prop::sample::select(parameters.to_vec()), value), 0..4);
    let base = json!({
        "feature_view_names": ["stats"], "name_aliases": [null], "feature_refs": ["stats:rate"], "project": "p",
        "full_feature_names": false, "data_source_name": "rates", "join_key_columns": ["id"],
        "feature_name_columns": ["rate"], "timestamp_field": "at", "start_date": "2024-01-01",
        "end_date": "2024-01-02", "data_source_proto": "{\"type\": \"BATCH_FILE\", \"fileOptions\": {\"uri\": \"rates.csv\"}, \"tags\": {\"larder.dev/file-format\": \"csv\"}}",
    });
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let answered = std::cell::Cell::new(0);
    runner
        .run(&(prop::sample::select(apis.to_vec()), changes), |(api, changes)| {
            let mut command = base.clone();
            command["api"] = json!(api);
            for (parameter, value) in &changes {
                command[*parameter] = value.clone();
            }
            match runtime.block_on(exchange(&mut client.borrow_mut(), command.clone(), &nothing())) {
                Ok(_) => answered.set(answered.get() + 1),
                Err(status) => {
                    let known = [Code::InvalidArgument, Code::NotFound];
                    prop_assert!(known.contains(&status.code()), "{command}: {status}");
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(answered.get() > 30, "{answered:?}");
    runtime.block_on(world.answers());
}
