//! Returns what it is given, in every type: `pass` as it came, `rebuild` value by value.

use larder_guest::{
    Array, BinaryArray, BooleanArray, DecimalArray, Float32Array, Float64Array, ImageBytesArray, Int32Array,
    Int64Array, JsonArray, ListArray, MapArray, PdfBytesArray, ScalarMapArray, SetArray, StringArray,
    StructArray, TimeUuidArray, TimestampArray, UuidArray, ZonedTimestampArray, on_demand_feature_view,
};

larder_guest::structure! {
    /// A place and when it was visited.
    Place { city: StringArray, seen: ZonedTimestampArray, floors: ListArray<Int32Array> }
}

larder_guest::structure! {
    /// A struct within a struct.
    Trip { from: StructArray<Place>, r#type: SetArray<StringArray> }
}

/// A function that returns its arguments, which stand in groups of at most twelve.
macro_rules! echo {
    ($name:ident, $array:ident => $echoed:expr; $({ $($column:ident: $type:ty,)+ })+) => {
        #[on_demand_feature_view(outputs($($($column),+),+))]
        fn $name($($($column: $type),+),+) -> ($(($($type,)+),)+) {
            macro_rules! echoed {
                ($given:ident) => {{
                    let $array = $given;
                    $echoed
                }};
            }
            ($(($(echoed!($column),)+),)+)
        }
    };
}

/// A column of every type that a number of Feast's alone says, then nested ones.
macro_rules! echo_all {
    ($name:ident, $array:ident => $echoed:expr) => {
        echo! {
            $name, $array => $echoed;
            {
                bytes: BinaryArray,
                string: StringArray,
                int32: Int32Array,
                int64: Int64Array,
                float64: Float64Array,
                float32: Float32Array,
                bool: BooleanArray,
                timestamp: TimestampArray,
                map: MapArray,
            }
            {
                pdf: PdfBytesArray,
                image: ImageBytesArray,
                json: JsonArray,
                uuid: UuidArray,
                time_uuid: TimeUuidArray,
                decimal: DecimalArray,
                scalar_map: ScalarMapArray,
                zoned: ZonedTimestampArray,
            }
            {
                bytes_list: ListArray<BinaryArray>,
                string_list: ListArray<StringArray>,
                int32_list: ListArray<Int32Array>,
                int64_list: ListArray<Int64Array>,
                float64_list: ListArray<Float64Array>,
                float32_list: ListArray<Float32Array>,
                bool_list: ListArray<BooleanArray>,
                timestamp_list: ListArray<TimestampArray>,
            }
            {
                map_list: ListArray<MapArray>,
                json_list: ListArray<JsonArray>,
                uuid_list: ListArray<UuidArray>,
                time_uuid_list: ListArray<TimeUuidArray>,
                decimal_list: ListArray<DecimalArray>,
            }
            {
                bytes_set: SetArray<BinaryArray>,
                string_set: SetArray<StringArray>,
                int32_set: SetArray<Int32Array>,
                int64_set: SetArray<Int64Array>,
                float64_set: SetArray<Float64Array>,
                float32_set: SetArray<Float32Array>,
                bool_set: SetArray<BooleanArray>,
                timestamp_set: SetArray<TimestampArray>,
                uuid_set: SetArray<UuidArray>,
                time_uuid_set: SetArray<TimeUuidArray>,
                decimal_set: SetArray<DecimalArray>,
            }
            {
                trip: StructArray<Trip>,
                places: ListArray<StructArray<Place>>,
                nested: ListArray<SetArray<Int64Array>>,
            }
        }
    };
}

echo_all!(pass, array => array);
echo_all!(rebuild, array => array.iter().collect());

larder_guest::export!(pass, rebuild);
