//! Returns what it is given, in every type: `pass` as it came, `rebuild` value by value.

use larder_guest::{
    Array, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringArray, TimestampArray, on_demand_feature_view,
};

macro_rules! echo {
    ($name:ident, $array:ident => $echoed:expr) => {
        #[on_demand_feature_view(outputs(
            bytes,
            string,
            int32,
            int64,
            float64,
            float32,
            bool,
            timestamp,
            bytes_list,
            string_list,
            int32_list,
            int64_list,
            float64_list,
            float32_list,
            bool_list,
            timestamp_list
        ))]
        fn $name(
            bytes: BinaryArray,
            string: StringArray,
            int32: Int32Array,
            int64: Int64Array,
            float64: Float64Array,
            float32: Float32Array,
            bool: BooleanArray,
            timestamp: TimestampArray,
            bytes_list: ListArray<BinaryArray>,
            string_list: ListArray<StringArray>,
            int32_list: ListArray<Int32Array>,
            int64_list: ListArray<Int64Array>,
            float64_list: ListArray<Float64Array>,
            float32_list: ListArray<Float32Array>,
            bool_list: ListArray<BooleanArray>,
            timestamp_list: ListArray<TimestampArray>,
        ) -> (Scalars, Lists) {
            macro_rules! echoed {
                ($column:ident) => {{
                    let $array = $column;
                    $echoed
                }};
            }
            (
                (
                    echoed!(bytes),
                    echoed!(string),
                    echoed!(int32),
                    echoed!(int64),
                    echoed!(float64),
                    echoed!(float32),
                    echoed!(bool),
                    echoed!(timestamp),
                ),
                (
                    echoed!(bytes_list),
                    echoed!(string_list),
                    echoed!(int32_list),
                    echoed!(int64_list),
                    echoed!(float64_list),
                    echoed!(float32_list),
                    echoed!(bool_list),
                    echoed!(timestamp_list),
                ),
            )
        }
    };
}

type Scalars = (
    BinaryArray,
    StringArray,
    Int32Array,
    Int64Array,
    Float64Array,
    Float32Array,
    BooleanArray,
    TimestampArray,
);

type Lists = (
    ListArray<BinaryArray>,
    ListArray<StringArray>,
    ListArray<Int32Array>,
    ListArray<Int64Array>,
    ListArray<Float64Array>,
    ListArray<Float32Array>,
    ListArray<BooleanArray>,
    ListArray<TimestampArray>,
);

echo!(pass, array => array);
echo!(rebuild, array => array.iter().collect());

larder_guest::export!(pass, rebuild);
