//! Arrow types as `PyArrow` prints them, from which Feast's client tells the types of features.

use arrow::datatypes::{DataType, TimeUnit};

/// The name of a type.
///
/// The item of a list is always called `item`, as Feast's client expects, whatever a file calls it; and that a part
/// cannot be null, which Feast has no word for, is left out.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int8 => "int8".to_owned(),
        DataType::Int16 => "int16".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::UInt8 => "uint8".to_owned(),
        DataType::UInt16 => "uint16".to_owned(),
        DataType::UInt32 => "uint32".to_owned(),
        DataType::UInt64 => "uint64".to_owned(),
        DataType::Float16 => "halffloat".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 => "string".to_owned(),
        DataType::LargeUtf8 => "large_string".to_owned(),
        DataType::Utf8View => "string_view".to_owned(),
        DataType::Binary => "binary".to_owned(),
        DataType::LargeBinary => "large_binary".to_owned(),
        DataType::BinaryView => "binary_view".to_owned(),
        DataType::FixedSizeBinary(size) => format!("fixed_size_binary[{size}]"),
        DataType::Date32 => "date32[day]".to_owned(),
        DataType::Date64 => "date64[ms]".to_owned(),
        DataType::Time32(unit) => format!("time32[{}]", unit_name(*unit)),
        DataType::Time64(unit) => format!("time64[{}]", unit_name(*unit)),
        DataType::Duration(unit) => format!("duration[{}]", unit_name(*unit)),
        DataType::Timestamp(unit, None) => format!("timestamp[{}]", unit_name(*unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("timestamp[{}, tz={zone}]", unit_name(*unit)),
        DataType::Decimal32(precision, scale) => format!("decimal32({precision}, {scale})"),
        DataType::Decimal64(precision, scale) => format!("decimal64({precision}, {scale})"),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("decimal256({precision}, {scale})"),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("list<item: {}>", type_name(item.data_type()))
        }
        DataType::FixedSizeList(item, size) => {
            format!("fixed_size_list<item: {}>[{size}]", type_name(item.data_type()))
        }
        DataType::Struct(fields) => {
            let fields =
                fields.iter().map(|field| format!("{}: {}", field.name(), type_name(field.data_type())));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let parts = fields.iter().map(|field| type_name(field.data_type()));
                format!("map<{}>", parts.collect::<Vec<_>>().join(", "))
            }
            other => format!("map<{}>", type_name(other)),
        },
        // What a dictionary stands for is what a feature is.
        DataType::Dictionary(_, values) => type_name(values),
        other => other.to_string(),
    }
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn types_are_called_as_pyarrow_prints_them() {
        let list = |item| DataType::List(Arc::new(Field::new("element", item, true)));
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let entries = DataType::Struct(
            vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int64, true)].into(),
        );
        let map = DataType::Map(Arc::new(Field::new("entries", entries.clone(), false)), false);
        for (data_type, name) in [
            (zoned, "timestamp[us, tz=UTC]"),
            (DataType::Timestamp(TimeUnit::Nanosecond, None), "timestamp[ns]"),
            (list(DataType::Float32), "list<item: float>"),
            (list(list(DataType::Utf8)), "list<item: list<item: string>>"),
            (map, "map<string, int64>"),
            (entries, "struct<key: string, value: int64>"),
            (DataType::Decimal128(10, 2), "decimal128(10, 2)"),
            (DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)), "string"),
            (DataType::Date32, "date32[day]"),
        ] {
            assert_eq!(type_name(&data_type), name);
        }
    }
}
