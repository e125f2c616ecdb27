//! Random tables, laid out in files, and what the naive reference makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, Schema};
use larder_core::{
    DataSource, DataSourceKind, EntityFrame, Field, FileFormat, FileSource, PullLatest, Timestamp, ValueType,
    ViewJoin, timestamp_data_type,
};
use larder_testkit::naive_join::{NaiveEntity, NaiveKey, NaiveRow};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

/// The join keys of a random table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyShape {
    None,
    Int64,
    FarInt64,
    Int32,
    Time,
    Text,
    Composite,
}

/// A row of a random source; its place in the table is its identity.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) key: Option<u8>,
    pub(crate) second_key: Option<u8>,
    pub(crate) event: Option<i64>,
    pub(crate) created: Option<i64>,
    pub(crate) value: Option<i64>,
}

/// A random source and entity table.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) keys: KeyShape,
    pub(crate) rows: Vec<Row>,
    pub(crate) entities: Vec<Row>,
    pub(crate) ttl: i64,
    pub(crate) has_created: bool,
    pub(crate) filter_by_created_timestamp: bool,
    pub(crate) files: usize,
    pub(crate) rows_per_group: usize,
}

const HOUR: i64 = 3_600_000_000;

/// Times meet often, exactly and by a microsecond.
fn time() -> impl Strategy<Value = i64> {
    (0_i64..12, -1_i64..=1).prop_map(|(hour, offset)| 1_700_000_000_000_000 + hour * HOUR + offset)
}

fn mostly<T: std::fmt::Debug + Clone>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.9, strategy)
}

fn row() -> impl Strategy<Value = Row> {
    (mostly(0_u8..4), mostly(0_u8..2), mostly(time()), mostly(time()), mostly(0_i64..100))
        .prop_map(|(key, second_key, event, created, value)| Row { key, second_key, event, created, value })
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let keys = prop_oneof![
        Just(KeyShape::None),
        Just(KeyShape::Int64),
        Just(KeyShape::FarInt64),
        Just(KeyShape::Int32),
        Just(KeyShape::Time),
        Just(KeyShape::Text),
        Just(KeyShape::Composite),
    ];
    let ttl = prop_oneof![Just(0), Just(HOUR), Just(3 * HOUR), Just(1)];
    let rows = proptest::collection::vec(row(), 0..40);
    let entities = proptest::collection::vec(row(), 0..25);
    (keys, rows, entities, ttl, any::<bool>(), any::<bool>(), 1_usize..4, 1_usize..7).prop_map(
        |(keys, rows, entities, ttl, has_created, filter_by_created_timestamp, files, rows_per_group)| Case {
            keys,
            rows,
            entities,
            ttl,
            has_created,
            filter_by_created_timestamp,
            files,
            rows_per_group,
        },
    )
}

impl KeyShape {
    pub(crate) fn fields(self) -> Vec<Field> {
        match self {
            Self::None => vec![],
            Self::Int64 | Self::FarInt64 => vec![Field::new("k", ValueType::INT64)],
            Self::Int32 => vec![Field::new("k", ValueType::INT32)],
            Self::Time => vec![Field::new("k", ValueType::UNIX_TIMESTAMP)],
            Self::Text => vec![Field::new("k", ValueType::STRING)],
            Self::Composite => vec![Field::new("k", ValueType::STRING), Field::new("l", ValueType::INT64)],
        }
    }

    fn whole(self, key: u8) -> i64 {
        match self {
            // Farther apart than any table of values may be long.
            Self::FarInt64 => i64::from(key) * (i64::MAX / 5) - 7,
            Self::Time => i64::from(key) * 1_000_000,
            _ => i64::from(key),
        }
    }

    /// Leading zeros and a prefix of another key, to catch keys that went through numbers or text.
    fn text(key: u8) -> &'static str {
        ["1", "01", "12", "é,\"\n"][usize::from(key)]
    }

    pub(crate) fn columns(self, rows: &[Row]) -> Vec<(&'static str, ArrayRef)> {
        let whole = || rows.iter().map(|row| row.key.map(|key| self.whole(key)));
        let text = || rows.iter().map(|row| row.key.map(Self::text)).collect::<StringArray>();
        match self {
            Self::None => vec![],
            Self::Int64 | Self::FarInt64 => vec![("k", Arc::new(whole().collect::<Int64Array>()))],
            Self::Int32 => {
                let narrow = whole().map(|key| key.map(|key| i32::try_from(key).unwrap()));
                vec![("k", Arc::new(narrow.collect::<Int32Array>()))]
            }
            Self::Time => vec![("k", times(whole()))],
            Self::Text => vec![("k", Arc::new(text()))],
            Self::Composite => {
                let second = rows.iter().map(|row| row.second_key.map(i64::from)).collect::<Int64Array>();
                vec![("k", Arc::new(text())), ("l", Arc::new(second))]
            }
        }
    }

    fn naive(self, row: &Row) -> Vec<Option<NaiveKey>> {
        let whole = row.key.map(|key| NaiveKey::Whole(self.whole(key)));
        let text = row.key.map(|key| NaiveKey::Text(Self::text(key).to_owned()));
        match self {
            Self::None => vec![],
            Self::Int64 | Self::FarInt64 | Self::Int32 | Self::Time => vec![whole],
            Self::Text => vec![text],
            Self::Composite => vec![text, row.second_key.map(|key| NaiveKey::Whole(i64::from(key)))],
        }
    }

    /// The keys of the rows of a batch, as the naive reference writes them.
    pub(crate) fn read_back(keys: &RecordBatch) -> Vec<Vec<NaiveKey>> {
        let value = |column: &ArrayRef, row: usize| {
            if let Some(text) = column.as_string_opt::<i32>() {
                return NaiveKey::Text(text.value(row).to_owned());
            }
            let whole = arrow::compute::cast(column, &arrow::datatypes::DataType::Int64).unwrap();
            NaiveKey::Whole(whole.as_primitive::<Int64Type>().value(row))
        };
        (0..keys.num_rows())
            .map(|row| keys.columns().iter().map(|column| value(column, row)).collect())
            .collect()
    }
}

pub(crate) fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_data_type(timestamp_data_type()))
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>, rows: usize) -> RecordBatch {
    let fields = columns
        .iter()
        .map(|(name, array)| arrow::datatypes::Field::new(*name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new_with_options(schema, arrays, &options).unwrap()
}

impl Case {
    /// The source's rows with their identities.
    pub(crate) fn source_rows(&self) -> RecordBatch {
        let mut columns = self.keys.columns(&self.rows);
        columns.push(("t", times(self.rows.iter().map(|row| row.event))));
        if self.has_created {
            columns.push(("c", times(self.rows.iter().map(|row| row.created))));
        }
        columns.push(("id", Arc::new((0..).take(self.rows.len()).collect::<Int64Array>())));
        columns.push(("value", Arc::new(self.rows.iter().map(|row| row.value).collect::<Int64Array>())));
        batch(columns, self.rows.len())
    }

    /// Splits the rows over the files, in order. Text files keep enough rows to show their columns.
    pub(crate) fn write(&self, folder: &Path, format: FileFormat) -> Arc<DataSource> {
        let rows = self.source_rows();
        let table = folder.join(format.name());
        fs::create_dir(&table).unwrap();
        let per_file = rows.num_rows().div_ceil(self.files).max(1);
        for file in 0..self.files {
            let start = (file * per_file).min(rows.num_rows());
            let part = rows.slice(start, per_file.min(rows.num_rows() - start));
            let path = table.join(format!("part-{file}.{}", format.name()));
            match format {
                FileFormat::Parquet => write_parquet(&path, &part, self.rows_per_group),
                _ if format == FileFormat::NdJson && part.num_rows() == 0 => {}
                _ => larder_offline::table::write_table(&path, &part).unwrap(),
            }
        }
        let created = self.has_created.then_some("c");
        Arc::new(file_source(&table.to_string_lossy(), format, "t", created))
    }

    pub(crate) fn frame(&self) -> EntityFrame {
        let columns = self.keys.columns(&self.entities);
        let event_timestamps =
            self.entities.iter().map(|row| row.event.map(Timestamp::from_micros)).collect();
        EntityFrame { rows: batch(columns, self.entities.len()), event_timestamps }
    }

    pub(crate) fn view(&self, source: Arc<DataSource>) -> ViewJoin {
        let join_keys = self.keys.fields();
        ViewJoin {
            view: "stats".to_owned(),
            source,
            frame_columns: join_keys.iter().map(|key| key.name.clone()).collect(),
            join_keys,
            ttl: self.ttl(),
            features: features(),
        }
    }

    pub(crate) fn pull(&self, source: Arc<DataSource>, start: Timestamp, end: Timestamp) -> PullLatest {
        PullLatest {
            view: "stats".to_owned(),
            source,
            join_keys: self.keys.fields(),
            features: features(),
            start,
            end,
        }
    }

    pub(crate) fn ttl(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.ttl).unwrap())
    }

    pub(crate) fn naive_rows(&self) -> Vec<NaiveRow> {
        self.rows
            .iter()
            .map(|row| NaiveRow {
                keys: self.keys.naive(row),
                event: row.event.map(Timestamp::from_micros),
                created: row.created.filter(|_| self.has_created).map(Timestamp::from_micros),
            })
            .collect()
    }

    pub(crate) fn naive_entities(&self) -> Vec<NaiveEntity> {
        let entity = |row: &Row| NaiveEntity {
            keys: self.keys.naive(row),
            event: row.event.map(Timestamp::from_micros),
        };
        self.entities.iter().map(entity).collect()
    }

    /// The columns `id` and `value` of rows, as a join gives them.
    pub(crate) fn expected(
        &self,
        winners: impl IntoIterator<Item = Option<usize>>,
    ) -> (Vec<Option<i64>>, Vec<Option<i64>>) {
        let row = |winner: Option<usize>| {
            (
                winner.map(|place| i64::try_from(place).unwrap()),
                winner.and_then(|place| self.rows[place].value),
            )
        };
        winners.into_iter().map(row).unzip()
    }
}

pub(crate) fn features() -> Vec<Field> {
    vec![Field::new("id", ValueType::INT64), Field::new("value", ValueType::INT64)]
}

pub(crate) fn whole_numbers(column: &ArrayRef) -> Vec<Option<i64>> {
    column.as_primitive::<Int64Type>().iter().collect()
}

pub(crate) fn write_parquet(path: &Path, rows: &RecordBatch, rows_per_group: usize) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_per_group))
        .set_data_page_row_count_limit(2)
        .set_write_batch_size(1)
        .build();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

pub(crate) fn file_source(
    path: &str,
    format: FileFormat,
    timestamp_field: &str,
    created: Option<&str>,
) -> DataSource {
    DataSource {
        name: "stats_source".to_owned(),
        kind: DataSourceKind::File(FileSource {
            format,
            created_timestamp_column: created.map(str::to_owned),
            ..FileSource::new(path, timestamp_field)
        }),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    }
}

pub(crate) fn with_mapping(mut source: DataSource, mapping: &[(&str, &str)]) -> DataSource {
    if let DataSourceKind::File(file) = &mut source.kind {
        file.field_mapping =
            mapping.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    }
    source
}
