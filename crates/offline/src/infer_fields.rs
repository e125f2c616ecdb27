//! What `apply` can tell from the columns of a source.

use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use larder_core::{Field, ValueType};

/// A column whose type larder has no name for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` holds {data_type}, which no feature type fits; declare the features you want")]
pub struct UnknownColumnType {
    /// The column.
    pub column: String,
    /// Its Arrow type.
    pub data_type: String,
}

/// The features of a view that declares none: every column of its source in order, except those in
/// `exclude` (join keys, event and created timestamp) and those that start with `__`.
///
/// Text of any width is `String`. A column without any value, as text files may have, is left out.
///
/// # Errors
///
/// [`UnknownColumnType`] for the first column that no type fits, such as a map.
pub fn infer_fields(schema: &Schema, exclude: &[&str]) -> Result<Vec<Field>, UnknownColumnType> {
    let is_feature = |field: &ArrowField| {
        !exclude.contains(&field.name().as_str())
            && !field.name().starts_with("__")
            && field.data_type() != &DataType::Null
    };
    let columns = schema.fields().iter().filter(|field| is_feature(field));
    columns
        .map(|field| {
            let unknown = || UnknownColumnType {
                column: field.name().clone(),
                data_type: field.data_type().to_string(),
            };
            Ok(Field::new(field.name(), ValueType::infer(field.data_type()).ok_or_else(unknown)?))
        })
        .collect()
}

/// No column, or more than one, can be the event timestamp of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event timestamp column cannot be inferred: {}; set `timestamp_field`",
    match candidates.as_slice() {
        [] => "no column holds timestamps".to_owned(),
        several => format!("{} hold timestamps", several.join(", ")),
    }
)]
pub struct AmbiguousTimestamp {
    /// The columns that could be it.
    pub candidates: Vec<String>,
}

/// The event timestamp column of a source that names none: the only column of a timestamp type, the
/// created timestamp aside.
///
/// # Errors
///
/// [`AmbiguousTimestamp`] if there is none or more than one.
pub fn infer_timestamp_field<'a>(
    schema: &'a Schema,
    created_timestamp_column: Option<&str>,
) -> Result<&'a str, AmbiguousTimestamp> {
    let is_time = |field: &&ArrowField| {
        matches!(field.data_type(), DataType::Timestamp(_, _))
            && created_timestamp_column != Some(field.name().as_str())
    };
    let columns = schema.fields().iter().map(AsRef::as_ref);
    let candidates: Vec<&ArrowField> = columns.filter(is_time).collect();
    match candidates.as_slice() {
        [only] => Ok(only.name()),
        several => {
            Err(AmbiguousTimestamp { candidates: several.iter().map(|field| field.name().clone()).collect() })
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_core::timestamp_data_type;

    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        let fields = columns.iter().map(|(name, data_type)| ArrowField::new(*name, data_type.clone(), true));
        Schema::new(fields.collect::<Vec<_>>())
    }

    #[test]
    fn all_columns_but_keys_times_and_hidden_ones_are_features() {
        let schema = schema(&[
            ("driver_id", DataType::Int64),
            ("event_timestamp", timestamp_data_type()),
            ("conv_rate", DataType::Float32),
            ("city", DataType::LargeUtf8),
            ("__index_level_0__", DataType::Int64),
            ("note", DataType::Null),
        ]);
        let fields = infer_fields(&schema, &["driver_id", "event_timestamp"]).unwrap();
        let expected = [Field::new("conv_rate", ValueType::FLOAT32), Field::new("city", ValueType::STRING)];
        assert_eq!(fields, expected);
    }

    #[test]
    fn the_only_timestamp_beside_the_created_one_is_the_event_timestamp() {
        let one = schema(&[
            ("at", timestamp_data_type()),
            ("made", timestamp_data_type()),
            ("day", DataType::Date32),
        ]);
        assert_eq!(infer_timestamp_field(&one, Some("made")), Ok("at"));
        let error = infer_timestamp_field(&one, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the event timestamp column cannot be inferred: at, made hold timestamps; set `timestamp_field`"
        );
        let none = schema(&[("day", DataType::Date32)]);
        assert!(infer_timestamp_field(&none, None).unwrap_err().candidates.is_empty());
    }
}
