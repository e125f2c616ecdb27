//! The type of a column in a warehouse as a type of Feast's.

use std::sync::Arc;

use larder_core::ValueType;

/// Feast's table. What it does not know is text. Of numbers with digits after the point Feast makes whole numbers,
/// unless they are called `NUMBER`; here they are all floats.
///
/// ```text
/// VARCHAR(255) String    BIGINT Int64    NUMBER(9,0) Int32    DECIMAL(10,2) Float64    ARRAY<INT64> Array(Int64)
/// ```
pub(super) fn column_type(name: &str) -> ValueType {
    let name = name.trim().to_uppercase();
    if let Some(item) = name.strip_prefix("ARRAY<").and_then(|rest| rest.strip_suffix('>')) {
        return match column_type(item) {
            item @ ValueType::Scalar(_) => ValueType::Array(Arc::new(item)),
            _ => ValueType::Array(Arc::new(ValueType::STRING)),
        };
    }
    let (base, parameters) = match name.split_once('(') {
        Some((base, rest)) => (base.trim(), Some(rest.trim_end_matches(')'))),
        None => (name.as_str(), None),
    };
    match base {
        "NUMBER" | "NUMERIC" | "DECIMAL" => number(parameters),
        "INT" | "INT64" | "INTEGER" | "BIGINT" => ValueType::INT64,
        "INT32" | "SMALLINT" | "TINYINT" | "BYTEINT" => ValueType::INT32,
        "FLOAT" | "FLOAT32" | "REAL" => ValueType::FLOAT32,
        "FLOAT64" | "DOUBLE" | "DOUBLE PRECISION" => ValueType::FLOAT64,
        "BOOL" | "BOOLEAN" => ValueType::BOOL,
        "TIMESTAMP" | "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" | "DATETIME" | "DATE" | "TIME" => {
            ValueType::UNIX_TIMESTAMP
        }
        "BYTES" | "BINARY" | "VARBINARY" | "BLOB" => ValueType::BYTES,
        _ => ValueType::STRING,
    }
}

/// A number of so many digits, and so many of them after the point.
fn number(parameters: Option<&str>) -> ValueType {
    let mut digits =
        parameters.into_iter().flat_map(|all| all.split(',')).map(|digits| digits.trim().parse::<u32>());
    match (digits.next(), digits.next()) {
        (Some(Ok(_)), Some(Ok(1..))) | (Some(Ok(19..)), _) => ValueType::FLOAT64,
        (Some(Ok(..=9)), _) => ValueType::INT32,
        _ => ValueType::INT64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_warehouses_become_feasts() {
        for (name, expected) in [
            ("", "String"),
            ("varchar(255)", "String"),
            ("character varying", "String"),
            ("geography", "String"),
            (" bigint ", "Int64"),
            ("smallint", "Int32"),
            ("number", "Int64"),
            ("NUMBER(9, 0)", "Int32"),
            ("NUMBER(18)", "Int64"),
            ("NUMBER(38,0)", "Float64"),
            ("NUMBER(10,2)", "Float64"),
            ("NUMBER(x)", "Int64"),
            ("decimal(10,2)", "Float64"),
            ("numeric", "Int64"),
            ("real", "Float32"),
            ("double precision", "Float64"),
            ("boolean", "Bool"),
            ("timestamp_ntz(9)", "UnixTimestamp"),
            ("date", "UnixTimestamp"),
            ("blob", "Bytes"),
            ("ARRAY<int64>", "Array(Int64)"),
            ("array<array<int64>>", "Array(String)"),
            ("ARRAY<STRUCT<a INT64>>", "Array(String)"),
        ] {
            assert_eq!(column_type(name).to_string(), expected, "{name}");
        }
    }
}
