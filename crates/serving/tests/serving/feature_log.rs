//! Answers of feature services as rows of a log.

use std::sync::{Arc, Mutex};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use larder_core::Timestamp;
use larder_serving::{FeatureLog, LoggedAnswer, ServerOptions};

use crate::client::post;
use crate::server::Running;

/// Keeps the answers of two services.
#[derive(Debug, Default)]
struct Kept {
    answers: Mutex<Vec<LoggedAnswer>>,
}

impl FeatureLog for Kept {
    fn wants(&self, feature_service: &str) -> bool {
        ["svc", "svc_chained"].contains(&feature_service)
    }

    fn log(&self, answer: LoggedAnswer) {
        self.answers.lock().unwrap().push(answer);
    }
}

#[tokio::test]
async fn answers_of_the_services_that_are_wanted_have_feasts_columns() {
    let log = Arc::new(Kept::default());
    let options = ServerOptions { feature_log: Some(Arc::clone(&log) as _), ..ServerOptions::default() };
    let running = Running::start_with(options).await;
    for body in [
        r#"{"feature_service":"svc","entities":{"a":[0,0],"driver_id":[1001,9999],"val_to_add":[2,3]}}"#,
        r#"{"feature_service":"svc_alias","entities":{"other_driver":[1001]}}"#,
        r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001]}}"#,
    ] {
        assert_eq!(post(running.address, "/get-online-features", body).await.status, 200, "{body}");
    }
    // A request that fails leaves nothing.
    post(running.address, "/get-online-features", r#"{"feature_service":"svc","entities":{}}"#).await;
    let answers = log.answers.lock().unwrap();
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((answer.feature_service.as_str(), answer.row_count()), ("svc", 2));
    let rows = answer.to_record_batch("abc-0");
    let schema = rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names,
        [
            "driver_id",
            "stats__conv_rate",
            "stats__conv_rate__timestamp",
            "stats__conv_rate__status",
            "val_to_add",
            "od_pandas__p1",
            "od_pandas__p1__timestamp",
            "od_pandas__p1__status",
            "__log_timestamp",
            "__log_date",
            "__request_id",
        ]
    );
    let numbers =
        |name: &str| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!((numbers("driver_id"), numbers("val_to_add")), (vec![1001, 9999], vec![2, 3]));
    let statuses = rows["stats__conv_rate__status"].as_primitive::<Int32Type>();
    assert_eq!(statuses.values().to_vec(), [1, 3]);
    let times = rows["stats__conv_rate__timestamp"].as_primitive::<TimestampMicrosecondType>();
    let expected = Timestamp::parse("2025-01-01T11:00:00Z").unwrap().micros();
    assert_eq!((times.value(0), times.is_null(1)), (expected, true));
    assert_eq!(rows["od_pandas__p1__status"].as_primitive::<Int32Type>().values().to_vec(), [1, 1]);
    let logged = rows["__log_timestamp"].as_primitive::<TimestampMicrosecondType>().value(0);
    let day = rows["__log_date"].as_primitive::<Date32Type>().value(0);
    assert_eq!(i64::from(day), logged.div_euclid(86_400_000_000));
    assert_eq!(rows["__request_id"].as_string::<i32>().value(1), "abc-0");
}

#[tokio::test]
async fn request_data_that_an_inner_view_takes_are_logged_with_the_view_that_was_asked_for() {
    let log = Arc::new(Kept::default());
    let options = ServerOptions { feature_log: Some(Arc::clone(&log) as _), ..ServerOptions::default() };
    let running = Running::start_with(options).await;
    let body = r#"{"feature_service":"svc_chained","entities":{"driver_id":[1001,1002],"val_to_add":[2,3]}}"#;
    assert_eq!(post(running.address, "/get-online-features", body).await.status, 200);
    let answers = log.answers.lock().unwrap();
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    let rows = answer.to_record_batch("abc-0");
    let numbers =
        |name: &str| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!((numbers("val_to_add"), numbers("od_chained__x1")), (vec![2, 3], vec![5, 7]));
    assert!(rows.column_by_name("od_reqonly__r1").is_none(), "nobody asked for it");
}
