//! Runs the cases of `cases/*.md`: each a sentence, tables, and what must come out, in every format.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{file_source, whole_numbers, with_mapping, write_parquet};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use larder_core::{
    Field, FileFormat, OfflineStore, PointInTimeJoin, Timestamp, ValueType, ViewJoin, parse_span,
};
use larder_offline::{FileOfflineStore, entity_frame, table};

#[tokio::test]
async fn the_point_in_time_join_keeps_every_rule_in_every_format() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/point_in_time_join.md");
    let cases = parse(&fs::read_to_string(path).unwrap());
    assert!(cases.len() > 20, "only {} cases were read", cases.len());
    for case in &cases {
        for format in [FileFormat::Parquet, FileFormat::Csv, FileFormat::NdJson] {
            run(case, format).await;
        }
    }
}

/// A heading with what follows it up to the next.
struct Case {
    title: String,
    options: HashMap<String, String>,
    /// Entities, source and expected, in order.
    tables: Vec<Table>,
}

struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut in_table = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            cases.push(Case { title: title.to_owned(), options: HashMap::new(), tables: Vec::new() });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        if let Some(cells) = line.strip_prefix('|') {
            let cells: Vec<&str> = cells.trim_end_matches('|').split('|').map(str::trim).collect();
            if !in_table {
                let header = cells.iter().map(|cell| (*cell).to_owned()).collect();
                case.tables.push(Table { header, rows: Vec::new() });
            } else if !cells[0].starts_with("--") {
                let row = cells.iter().map(|cell| (*cell != "-").then(|| (*cell).to_owned())).collect();
                case.tables.last_mut().unwrap().rows.push(row);
            }
        } else if let Some((option, value)) = line.split_once(": ") {
            case.options.insert(option.to_owned(), value.to_owned());
        }
        in_table = line.starts_with('|');
    }
    cases
}

impl Case {
    fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.option(name).map(|value| if value == "none" { vec![] } else { value.split(", ").collect() })
    }

    fn pairs(&self, name: &str) -> Vec<(&str, &str)> {
        let pairs = self.list(name).unwrap_or_default();
        pairs.into_iter().map(|pair| pair.split_once(' ').unwrap()).collect()
    }

    fn value_type(&self, column: &str) -> ValueType {
        let pairs = self.pairs("types");
        let named = pairs.iter().find(|(name, _)| *name == column);
        named.map_or(ValueType::INT64, |(_, value_type)| value_type.parse().unwrap())
    }

    fn field(&self, column: &str) -> Field {
        Field::new(column, self.value_type(column))
    }

    /// The table as Arrow columns: times as text with zone, the others as declared.
    fn batch(&self, table: &Table) -> RecordBatch {
        let columns = table.header.iter().enumerate().map(|(place, name)| {
            let cells = table.rows.iter().map(|row| row[place].clone());
            let column: ArrayRef = if is_time(name) {
                Arc::new(cells.map(|cell| cell.map(time)).collect::<StringArray>())
            } else if self.value_type(name) == ValueType::STRING {
                Arc::new(cells.collect::<StringArray>())
            } else {
                Arc::new(
                    cells.map(|cell| cell.map(|cell| cell.parse::<i64>().unwrap())).collect::<Int64Array>(),
                )
            };
            (name.clone(), column, true)
        });
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }
}

fn is_time(column: &str) -> bool {
    ["event_timestamp", "created", "at"].contains(&column)
}

fn time(cell: String) -> String {
    if cell.contains('-') { cell } else { format!("2024-01-01 {cell}") }
}

async fn run(case: &Case, format: FileFormat) {
    let at = format!("{} ({})", case.title, format.name());
    let [entities, rows, expected] = case.tables.as_slice() else { panic!("{at}: not three tables") };
    let folder = tempfile::tempdir().unwrap();
    let name = format!("source.{}", format.name());
    let path = folder.path().join(&name);
    match format {
        FileFormat::Parquet => write_parquet(&path, &with_times(&case.batch(rows)), 2),
        _ => table::write_table(&path, &case.batch(rows)).unwrap(),
    }
    let has_created = rows.header.iter().any(|column| column == "created");
    let timestamp_field = rows.header.iter().find(|column| is_time(column) && *column != "created").unwrap();
    let source = file_source(&name, format, timestamp_field, has_created.then_some("created"));
    let source = Arc::new(with_mapping(source, &case.pairs("field mapping")));

    let join_keys = case.list("join keys").unwrap_or_else(|| vec!["driver_id"]);
    let frame_columns = case.list("frame columns").unwrap_or_else(|| join_keys.clone());
    let view = ViewJoin {
        view: at.clone(),
        source,
        join_keys: join_keys.iter().map(|key| case.field(key)).collect(),
        frame_columns: frame_columns.into_iter().map(str::to_owned).collect(),
        ttl: case.option("ttl").map_or(Duration::ZERO, |ttl| parse_span(ttl).unwrap()),
        features: expected.header.iter().map(|feature| case.field(feature)).collect(),
    };
    let join = PointInTimeJoin {
        frame: entity_frame::from_batch(case.batch(entities)).unwrap().frame,
        views: vec![view],
        filter_by_created_timestamp: case.option("filter by created timestamp") == Some("yes"),
    };
    let joined = FileOfflineStore::new(folder.path().to_owned()).join(join).await;
    let joined = joined.unwrap_or_else(|error| panic!("{at}: {}", error.chain()));
    for (place, feature) in expected.header.iter().enumerate() {
        let values: Vec<Option<i64>> =
            expected.rows.iter().map(|row| row[place].as_ref().map(|cell| cell.parse().unwrap())).collect();
        assert_eq!(whole_numbers(&joined[0][place]), values, "{at}: {feature}");
    }
}

/// The columns of times as Arrow timestamps, which is how Parquet mostly has them.
fn with_times(rows: &RecordBatch) -> RecordBatch {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, array)| {
        let column = if is_time(field.name()) {
            let text = array.as_any().downcast_ref::<StringArray>().unwrap();
            let micros = text.iter().map(|cell| cell.map(|cell| Timestamp::parse(cell).unwrap().micros()));
            crate::support::times(micros)
        } else {
            Arc::clone(array)
        };
        (field.name().clone(), column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}
