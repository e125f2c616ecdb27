use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::Schema;
use larder_core::{Field, OnlineColumn, ValueType};
use larder_testkit::row_generator;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn version(event: i64, created: Option<i64>) -> RowVersion {
    RowVersion {
        event_timestamp: Timestamp::from_micros(event),
        created_timestamp: created.map(Timestamp::from_micros),
    }
}

fn encode(features: &[Field], batch: &RecordBatch, versions: &[RowVersion], order: &[usize]) -> Vec<Vec<u8>> {
    let layout = RowLayout::new(features);
    let encoder = RowEncoder::try_new(&layout, SchemaId::of(features), batch, versions).unwrap();
    let mut buffer = RowBuffer::default();
    // Twice, since a used buffer must not shine through.
    encoder.encode(order, &mut buffer).unwrap();
    encoder.encode(order, &mut buffer).unwrap();
    buffer.rows().map(<[u8]>::to_vec).collect()
}

/// Reads every feature of `wanted` from rows that were stored with the features `stored`.
fn decode<R: AsRef<[u8]>>(
    stored: &[Field],
    wanted: &[Field],
    rows: &[R],
) -> Result<Vec<OnlineColumn>, DecodeError> {
    let mut found = FoundRows::default();
    let reader = found.add_reader(Arc::new(RowReader::new(stored, wanted)));
    for row in rows {
        RowHeader::read(row.as_ref())?;
        found.push(row.as_ref(), reader)?;
    }
    let found = found.finish();
    wanted.iter().enumerate().map(|(position, feature)| found.column(&feature.value_type, position)).collect()
}

fn trips_and_city() -> (Vec<Field>, RecordBatch) {
    let features = vec![Field::new("trips", ValueType::INT64), Field::new("city", ValueType::STRING)];
    let trips: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
    let city: ArrayRef = Arc::new(StringArray::from(vec![Some("Ulm"), None]));
    (features, RecordBatch::try_from_iter([("trips", trips), ("city", city)]).unwrap())
}

#[test]
fn the_bytes_are_those_of_the_drawing() {
    let (features, batch) = trips_and_city();
    let rows = encode(&features, &batch, &[version(1_000_000, None), version(-1, Some(2))], &[0, 1]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let schema = SchemaId::of(&features).to_string();
    assert_eq!(
        hex(&rows[0]),
        format!("0100{schema}40420f0000000000000000000000000003070000000000000003000000556c6d")
    );
    assert_eq!(
        hex(&rows[1]),
        format!("0101{schema}ffffffffffffffff020000000000000000000000000000000000000000")
    );
    assert_eq!(schema, "6779cd466fb7b0aa", "a stored schema id must never change its meaning");
}

#[test]
fn a_header_reads_back() {
    let (features, batch) = trips_and_city();
    let versions = [version(i64::MIN, Some(0)), version(i64::MAX, None)];
    let rows = encode(&features, &batch, &versions, &[1, 0]);
    let schema = SchemaId::of(&features);
    assert_eq!(RowHeader::read(&rows[0]), Ok(RowHeader { schema, version: versions[1] }));
    assert_eq!(RowHeader::read(&rows[1]), Ok(RowHeader { schema, version: versions[0] }));
}

#[test]
fn unknown_formats_and_flags_are_told_from_damage() {
    let (features, batch) = trips_and_city();
    let row = encode(&features, &batch, &[version(1, None); 2], &[0]).remove(0);
    let with = |at: usize, byte: u8| {
        let mut row = row.clone();
        row[at] = byte;
        RowHeader::read(&row)
    };
    assert_eq!(with(0, 2), Err(CorruptRow { offset: 0, fault: RowFault::Format(2) }));
    assert_eq!(with(1, 4), Err(CorruptRow { offset: 1, fault: RowFault::Flags(4) }));
    assert_eq!(RowHeader::read(&row[..25]), Err(CorruptRow { offset: 25, fault: RowFault::Length }));
    assert_eq!(
        CorruptRow { offset: 0, fault: RowFault::Format(2) }.to_string(),
        "the row has format 2, which this larder does not read at byte 0"
    );
}

#[test]
fn damaged_values_are_named_with_their_place() {
    let features = vec![Field::new("flag", ValueType::BOOL), Field::new("city", ValueType::STRING)];
    let flag: ArrayRef = Arc::new(arrow::array::BooleanArray::from(vec![true]));
    let city: ArrayRef = Arc::new(StringArray::from(vec!["Ulm"]));
    let batch = RecordBatch::try_from_iter([("flag", flag), ("city", city)]).unwrap();
    let row = encode(&features, &batch, &[version(1, None)], &[0]).remove(0);
    let with = |at: usize, byte: u8| {
        let mut row = row.clone();
        row[at] = byte;
        decode(&features, &features, &[row]).unwrap_err()
    };
    let corrupt = |offset, fault| DecodeError::Corrupt(CorruptRow { offset, fault });
    assert_eq!(with(27, 2), corrupt(27, RowFault::Boolean(2)));
    assert_eq!(with(28, 9), corrupt(35, RowFault::Length), "the end of the last value is the end of the row");
    assert_eq!(with(33, 0xff), corrupt(33, RowFault::Utf8));
}

#[test]
fn columns_of_other_types_or_numbers_are_refused() {
    let (features, batch) = trips_and_city();
    let versions = [version(1, None); 2];
    let refused = |features: &[Field]| {
        let layout = RowLayout::new(features);
        RowEncoder::try_new(&layout, SchemaId::of(features), &batch, &versions).map(|_| ()).unwrap_err()
    };
    assert_eq!(refused(&features[..1]), EncodeError::ColumnCount { found: 2, expected: 1 });
    let retyped = [Field::new("trips", ValueType::INT32), features[1].clone()];
    assert_eq!(
        refused(&retyped).to_string(),
        "column 0 holds Int64, and the view wants Int32 there; cast it first"
    );
}

/// Features, a batch of them, and an order of its rows.
fn rows() -> impl Strategy<Value = (Vec<Field>, RecordBatch, Vec<usize>)> {
    (row_generator::features(12), 1..6_usize).prop_flat_map(|(features, rows)| {
        let batch = row_generator::batch(&features, rows);
        (Just(features), batch, vec(0..rows, 0..8))
    })
}

fn take(batch: &RecordBatch, column: usize, order: &[usize]) -> ArrayRef {
    let order: arrow::array::UInt64Array = order.iter().map(|row| *row as u64).collect();
    arrow::compute::take(batch.column(column), &order, None).unwrap()
}

proptest! {
    #[test]
    fn rows_of_any_types_round_trip((features, batch, order) in rows(), event: i64, created: Option<i64>) {
        let version = version(event, created);
        let rows = encode(&features, &batch, &vec![version; batch.num_rows()], &order);
        for row in &rows {
            prop_assert_eq!(RowHeader::read(row).unwrap().version, version);
        }
        let columns = decode(&features, &features, &rows).unwrap();
        for (position, column) in columns.iter().enumerate() {
            prop_assert_eq!(column.values.data_type(), &features[position].value_type.data_type());
            prop_assert_eq!(&column.values, &take(&batch, position, &order));
            prop_assert_eq!(column.present.count_set_bits(), order.len());
        }
    }

    /// A slice of a batch has offsets into its buffers.
    #[test]
    fn rows_of_a_slice_are_rows_of_the_slice((features, batch, _) in rows(), skipped in 0..6_usize) {
        let skipped = skipped.min(batch.num_rows() - 1);
        let slice = batch.slice(skipped, batch.num_rows() - skipped);
        let whole = encode(&features, &batch, &vec![version(1, None); batch.num_rows()],
            &(skipped..batch.num_rows()).collect::<Vec<_>>());
        let sliced = encode(&features, &slice, &vec![version(1, None); slice.num_rows()],
            &(0..slice.num_rows()).collect::<Vec<_>>());
        prop_assert_eq!(whole, sliced);
    }

    #[test]
    fn any_features_can_be_read_from_rows_of_any_others(
        (features, batch, order) in rows(),
        picks in vec((any::<prop::sample::Index>(), any::<bool>()), 0..8),
    ) {
        // Some of the stored features in any order, some retyped, and one that never was.
        let mut wanted = vec![Field::new("never stored", ValueType::INT64)];
        let mut sources = vec![None];
        if !features.is_empty() {
            for (pick, retype) in picks {
                let position = pick.index(features.len());
                let feature = &features[position];
                let other = if feature.value_type == ValueType::BOOL { ValueType::INT64 } else { ValueType::BOOL };
                let value_type = if retype { other } else { feature.value_type.clone() };
                wanted.push(Field::new(feature.name.clone(), value_type));
                sources.push((!retype).then_some(position));
            }
        }
        let rows = encode(&features, &batch, &vec![version(1, None); batch.num_rows()], &order);
        let columns = decode(&features, &wanted, &rows).unwrap();
        for ((column, source), wanted) in columns.iter().zip(sources).zip(&wanted) {
            prop_assert_eq!(column.values.data_type(), &wanted.value_type.data_type());
            if let Some(position) = source {
                prop_assert_eq!(&column.values, &take(&batch, position, &order));
            } else {
                prop_assert_eq!(column.present.count_set_bits(), 0);
                prop_assert_eq!(column.values.null_count(), order.len());
            }
        }
    }

    #[test]
    fn a_cut_or_longer_row_is_always_an_error((features, batch, _) in rows(), cut in any::<prop::sample::Index>()) {
        let row = encode(&features, &batch, &vec![version(1, None); batch.num_rows()], &[0]).remove(0);
        let cut = &row[..cut.index(row.len())];
        prop_assert!(matches!(decode(&features, &features, &[cut]), Err(DecodeError::Corrupt(_))));
        let longer = [row.as_slice(), &[0]].concat();
        prop_assert!(matches!(decode(&features, &features, &[longer]), Err(DecodeError::Corrupt(_))));
    }

    #[test]
    fn damaged_rows_give_values_or_an_error_inside_the_row_and_never_panic(
        (features, batch, _) in rows(),
        damages in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut row = encode(&features, &batch, &vec![version(1, None); batch.num_rows()], &[0]).remove(0);
        for (place, byte) in damages {
            let place = place.index(row.len());
            row[place] = byte;
        }
        match decode(&features, &features, &[&row]) {
            Ok(columns) => prop_assert!(columns.iter().all(|column| column.values.len() == 1)),
            Err(DecodeError::Corrupt(error)) => prop_assert!(error.offset <= row.len(), "{error}"),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn random_bytes_give_values_or_an_error_and_never_panic(
        features in row_generator::features(6),
        mut bytes in vec(any::<u8>(), 0..200),
        like_a_row: bool,
    ) {
        if let (true, [format, flags, ..]) = (like_a_row, bytes.as_mut_slice()) {
            (*format, *flags) = (FORMAT, *flags & 1);
        }
        let mut rows = FoundRows::default();
        let reader = rows.add_reader(Arc::new(RowReader::new(&features, &features)));
        // Without the check of the length the decoder must hold on its own.
        rows.push_unchecked(&bytes, reader);
        let rows = rows.finish();
        for (position, feature) in features.iter().enumerate() {
            if let Ok(column) = rows.column(&feature.value_type, position) {
                prop_assert_eq!(column.values.data_type(), &feature.value_type.data_type());
            }
        }
        if let Ok(columns) = decode(&features, &features, &[&bytes]) {
            prop_assert_eq!(columns.len(), features.len());
        }
    }
}

#[test]
fn rows_without_features_are_headers() {
    let batch = RecordBatch::try_new_with_options(
        Arc::new(Schema::empty()),
        Vec::new(),
        &RecordBatchOptions::new().with_row_count(Some(1)),
    );
    let rows = encode(&[], &batch.unwrap(), &[version(1, None)], &[0]);
    assert_eq!(rows[0].len(), HEADER_LEN);
    assert_eq!(decode(&[], &[], &rows).unwrap().len(), 0);
}
