//! The join and the newest row per key equal their naive references, over random tables in all formats.

use crate::support::{Case, KeyShape, case, whole_numbers};
use futures::TryStreamExt;
use larder_core::{
    Field, FileFormat, OfflineStore, PointInTimeJoin, PullAll, PullLatest, Timestamp, ValueType,
};
use larder_offline::FileOfflineStore;
use larder_testkit::naive_join::{naive_join, naive_latest};
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// Parquet and, in turns, a text format: whatever the format, the answer is the same. NDJSON says
/// nothing of the columns of a file without rows, which is then rightly refused.
fn formats(case: &Case) -> [FileFormat; 2] {
    let has_rows = case.rows.len() >= case.files;
    let is_ndjson = has_rows && case.rows.len().is_multiple_of(2);
    [FileFormat::Parquet, if is_ndjson { FileFormat::NdJson } else { FileFormat::Csv }]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_join_equals_the_naive_join_in_every_format(case in case()) {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = FileOfflineStore::new(folder.path().to_owned());
        let filter = case.filter_by_created_timestamp && case.has_created;
        let winners = naive_join(&case.naive_entities(), &case.naive_rows(), case.ttl(), filter);
        let (ids, values) = case.expected(winners);
        for format in formats(&case) {
            let join = PointInTimeJoin {
                frame: case.frame(),
                views: vec![case.view(case.write(folder.path(), format))],
                filter_by_created_timestamp: case.filter_by_created_timestamp,
            };
            let joined = runtime.block_on(store.join(join)).unwrap();
            prop_assert_eq!(whole_numbers(&joined[0][0]), &ids[..], "{:?}", format);
            prop_assert_eq!(whole_numbers(&joined[0][1]), &values[..], "{:?}", format);
        }
    }

    #[test]
    fn the_newest_rows_equal_the_naive_ones_in_every_format(
        case in case(),
        span in (0_i64..12, 0_i64..12),
    ) {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = FileOfflineStore::new(folder.path().to_owned());
        let hour = |hour| Timestamp::from_micros(1_700_000_000_000_000 + hour * 3_600_000_000);
        let (start, end) = (hour(span.0), hour(span.1));
        let rows = case.naive_rows();
        let newest = naive_latest(&rows, start, end);
        let null_keys = rows
            .iter()
            .filter(|row| row.event.is_some_and(|event| event >= start && event <= end))
            .filter(|row| row.keys.iter().any(Option::is_none))
            .count();
        for format in formats(&case) {
            let pull = case.pull(case.write(folder.path(), format), start, end);
            let latest = runtime.block_on(store.pull_latest(pull)).unwrap();
            prop_assert_eq!(latest.summary.keys, newest.len() as u64);
            prop_assert_eq!(latest.summary.null_keys, null_keys as u64);
            prop_assert!(latest.summary.rows_scanned <= rows.len() as u64);
            let parts: Vec<_> = runtime.block_on(latest.parts.try_collect()).unwrap();
            let mut seen = 0;
            for part in parts {
                let keys = KeyShape::read_back(&part.keys);
                let places: Vec<usize> = keys.iter().map(|keys| newest[keys]).collect();
                let (ids, values) = case.expected(places.iter().copied().map(Some));
                prop_assert_eq!(whole_numbers(part.features.column(0)), ids);
                prop_assert_eq!(whole_numbers(part.features.column(1)), values);
                let events: Vec<_> = places.iter().map(|place| rows[*place].event.unwrap()).collect();
                prop_assert_eq!(part.event_timestamps, events);
                let created: Vec<_> = places.iter().map(|place| rows[*place].created).collect();
                prop_assert_eq!(part.created_timestamps, created);
                seen += places.len();
            }
            prop_assert_eq!(seen, newest.len());
        }
    }

    #[test]
    fn all_rows_of_a_span_are_those_of_the_source_in_its_order(
        case in case(),
        span in (prop::option::of(0_i64..12), prop::option::of(0_i64..12)),
    ) {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = FileOfflineStore::new(folder.path().to_owned());
        let hour = |hour| Timestamp::from_micros(1_700_000_000_000_000 + hour * 3_600_000_000);
        let (start, end) = (span.0.map(hour), span.1.map(hour));
        let is_in_span = |event: Timestamp| {
            start.is_none_or(|start| event >= start) && end.is_none_or(|end| event <= end)
        };
        let rows = case.naive_rows();
        let places = rows.iter().enumerate().filter(|(_, row)| row.event.is_some_and(is_in_span));
        let (ids, values) = case.expected(places.map(|(place, _)| Some(place)));
        for format in formats(&case) {
            let source = case.write(folder.path(), format);
            let columns = ["value", "t", "id"].map(|name| {
                let time = name == "t";
                Field::new(name, if time { ValueType::UNIX_TIMESTAMP } else { ValueType::INT64 })
            });
            let pull = PullAll { source, columns: columns.into(), start, end };
            let stream = runtime.block_on(store.pull_all(pull)).unwrap();
            let parts: Vec<_> = runtime.block_on(stream.parts.try_collect()).unwrap();
            let all = arrow::compute::concat_batches(&stream.schema, &parts).unwrap();
            prop_assert_eq!(whole_numbers(all.column(0)), &values[..], "{:?}", format);
            prop_assert_eq!(whole_numbers(all.column(2)), &ids[..], "{:?}", format);
            prop_assert_eq!(all.column(1).null_count(), 0);
        }
    }

    #[test]
    fn keys_are_found_without_any_feature(case in case()) {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = FileOfflineStore::new(folder.path().to_owned());
        let (start, end) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
        let newest = naive_latest(&case.naive_rows(), start, end);
        for format in formats(&case) {
            let pull = case.pull(case.write(folder.path(), format), start, end);
            let latest = runtime.block_on(store.pull_latest(PullLatest { features: Vec::new(), ..pull }));
            let parts: Vec<_> = runtime.block_on(latest.unwrap().parts.try_collect()).unwrap();
            let keys: Vec<_> = parts.iter().flat_map(|part| KeyShape::read_back(&part.keys)).collect();
            prop_assert_eq!(keys.len(), newest.len());
            prop_assert!(keys.iter().all(|keys| newest.contains_key(keys)), "{:?}", format);
        }
    }
}
