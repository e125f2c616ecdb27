//! The on-demand functions of the repositories from which Feast's answers were recorded.
//!
//! They do what the Python does. Where the Python raises for a null (a sum with `None`), the value is
//! null here.

use larder_guest::{
    Array, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray, map_rows,
    on_demand_feature_view, rows,
};

/// `conv_rate + val_to_add` in pandas: a float32 and an int64 column make a float64 one.
#[on_demand_feature_view(outputs(conv_rate_plus_val1, conv_rate_plus_val2))]
fn transformed_conv_rate(
    conv_rate: Float32Array,
    val_to_add: Int64Array,
    val_to_add_2: Int64Array,
) -> (Float64Array, Float64Array) {
    let plus =
        |values: &Int64Array| map_rows((&conv_rate, values), |(rate, value)| f64::from(rate) + value as f64);
    (plus(&val_to_add), plus(&val_to_add_2))
}

#[on_demand_feature_view(outputs(conv_times_acc, trip_bucket))]
fn driver_python_derived(
    conv_rate: Float32Array,
    acc_rate: Float32Array,
    avg_daily_trips: Int64Array,
) -> (Float64Array, StringArray) {
    let bucket = |trips| match trips {
        None => "none",
        Some(..300) => "low",
        Some(..700) => "mid",
        Some(_) => "high",
    };
    (
        map_rows((&conv_rate, &acc_rate), |(conv, acc)| f64::from(conv) * f64::from(acc)),
        avg_daily_trips.iter().map(bucket).collect(),
    )
}

#[on_demand_feature_view(outputs(fare_estimate, has_promo))]
fn fare_estimate(distance_km: Float64Array, promo_code: StringArray) -> (Float64Array, BooleanArray) {
    (
        map_rows((&distance_km,), |(distance,)| cost(distance)),
        // In Python `None != ""` holds.
        promo_code.iter().map(|code| code != Some("")).collect(),
    )
}

#[on_demand_feature_view(outputs(affordable, score))]
fn affordability_one(
    current_balance: Float64Array,
    conv_rate: Float32Array,
    distance_km: Float64Array,
) -> (BooleanArray, Float64Array) {
    rows((&current_balance, &conv_rate, &distance_km))
        .map(|(balance, conv, distance)| {
            let cost = distance.map(cost);
            let affordable = cost.map(|cost| balance.is_some_and(|balance| balance >= cost));
            let score = cost.map(|cost| conv.map_or(-1.0, |conv| f64::from(conv) * cost));
            (affordable, score)
        })
        .collect()
}

fn cost(distance_km: f64) -> f64 {
    2.5 + 1.25 * distance_km
}

#[on_demand_feature_view(outputs(p1, p2))]
fn od_pandas(conv_rate: Float32Array, val_to_add: Int64Array) -> (Float64Array, Float64Array) {
    (
        map_rows((&conv_rate, &val_to_add), |(rate, value)| f64::from(rate) + value as f64),
        map_rows((&conv_rate,), |(rate,)| f64::from(rate * 2.0)),
    )
}

#[on_demand_feature_view(outputs(y1))]
fn od_python(conv_rate: Float32Array, val_to_add: Int64Array) -> Float64Array {
    map_rows((&conv_rate, &val_to_add), |(rate, value)| f64::from(rate) + value as f64)
}

#[on_demand_feature_view(outputs(s1))]
fn od_single(conv_rate: Float32Array, val_to_add: Int64Array) -> Float64Array {
    rows((&conv_rate, &val_to_add))
        .map(|(rate, value)| Some(rate.map_or(0.0, f64::from) + value? as f64))
        .collect()
}

/// Python's whole numbers have no end; a product that does not fit its `Int64` output is an error.
#[on_demand_feature_view(outputs(r1))]
fn od_reqonly(val_to_add: Int64Array) -> Result<Int64Array, String> {
    let doubled =
        |value: i64| value.checked_mul(2).ok_or_else(|| format!("twice {value} does not fit in Int64"));
    val_to_add.iter().map(|value| value.map(doubled).transpose()).collect()
}

larder_guest::export!(
    transformed_conv_rate,
    driver_python_derived,
    fare_estimate,
    affordability_one,
    od_pandas,
    od_python,
    od_single,
    od_reqonly,
);
