//! Features of drivers: arithmetic over stored and request values, with nulls.

use larder_guest::{
    Float32Array, Float64Array, Int64Array, StringArray, map_rows, on_demand_feature_view, rows,
};

/// The conversion rate, raised by two values of the request. Null where an input is null.
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

/// How good a driver is: the share of requests that became trips, and a tier for people. A driver
/// whose acceptance is not known counts with the conversion rate alone.
#[on_demand_feature_view(outputs(trip_rate, driver_tier))]
fn driver_quality(
    conv_rate: Float32Array,
    acc_rate: Float32Array,
    avg_daily_trips: Int64Array,
) -> (Float64Array, StringArray) {
    rows((&conv_rate, &acc_rate, &avg_daily_trips))
        .map(|(conv_rate, acc_rate, trips)| {
            let trip_rate = conv_rate.map(|rate| f64::from(rate) * f64::from(acc_rate.unwrap_or(1.0)));
            let tier = match (trip_rate, trips) {
                (Some(rate), Some(500..)) if rate >= 0.5 => "gold",
                (Some(rate), _) if rate >= 0.25 => "silver",
                (Some(_), _) => "bronze",
                (None, _) => "new",
            };
            (trip_rate, Some(tier))
        })
        .collect()
}

larder_guest::export!(transformed_conv_rate, driver_quality);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_spread_through_the_sum() {
        let (first, second) = transformed_conv_rate(
            vec![Some(0.5), None, Some(0.25)].into(),
            vec![Some(1), Some(1), None].into(),
            vec![Some(2), Some(2), Some(2)].into(),
        );
        assert_eq!(first, Float64Array::from(vec![Some(1.5), None, None]));
        assert_eq!(second, Float64Array::from(vec![Some(2.5), None, Some(2.25)]));
    }

    #[test]
    fn a_driver_without_history_is_new() {
        let (rate, tier) = driver_quality(
            vec![Some(0.75), None].into(),
            vec![None, Some(1.0)].into(),
            vec![Some(900), Some(900)].into(),
        );
        assert_eq!(rate, Float64Array::from(vec![Some(0.75), None]));
        assert_eq!(tier, StringArray::from(vec!["gold", "new"]));
    }
}
