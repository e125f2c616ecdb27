//! Recorded entity data frames as Arrow tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use larder_core::Timestamp;
use serde_json::Value;

/// Builds the table of a recorded `entity_df`: numbers as numbers, pandas times as timestamps with or
/// without zone, and columns of mixed Python objects as text.
pub fn entity_rows(frame: &Value) -> RecordBatch {
    let rows = frame["rows"].as_array().expect("rows are a list");
    let columns =
        frame["columns"].as_array().expect("columns are a list").iter().enumerate().map(|(at, column)| {
            let values: Vec<&Value> = rows.iter().map(|row| &row[at]).collect();
            let array: ArrayRef = match column["dtype"].as_str().expect("a dtype is text") {
                "int64" | "int32" | "Int32" => {
                    Arc::new(values.iter().map(|value| value.as_i64()).collect::<Int64Array>())
                }
                "float64" => Arc::new(values.iter().map(|value| value.as_f64()).collect::<Float64Array>()),
                "object" => Arc::new(values.iter().map(|value| value.as_str()).collect::<StringArray>()),
                "datetime64[ns]" => Arc::new(times(&values)),
                zoned if zoned.starts_with("datetime64") => {
                    // A zone only says how to print; the instant is the number.
                    Arc::new(times(&values).with_timezone("UTC"))
                }
                other => panic!("no table column for dtype {other}"),
            };
            (
                Field::new(column["name"].as_str().expect("a name is text"), array.data_type().clone(), true),
                array,
            )
        });
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}

fn times(values: &[&Value]) -> TimestampMicrosecondArray {
    let micros = |value: &&Value| value.as_str().map(|text| Timestamp::parse(text).expect("a time").micros());
    values.iter().map(micros).collect()
}
