//! Features of drivers that build on each other: each function is that of a view, which reads the views
//! before it.
//!
//! ```text
//! driver_hourly_stats ─▶ driver_rates ─┬▶ driver_load ────────┬▶ driver_score
//!                                      └▶ driver_reliability ─┘
//! ```
//!
//! The order of the operations is part of what they mean: floating-point numbers tell one from another.

use larder_guest::{
    Float32Array, Float64Array, Int64Array, StringArray, map_rows, on_demand_feature_view, rows,
};

/// The share of requests that became trips, and how far conversion and acceptance lie apart.
#[on_demand_feature_view(outputs(trip_rate, rate_gap))]
fn driver_rates(conv_rate: Float32Array, acc_rate: Float32Array) -> (Float64Array, Float64Array) {
    (
        map_rows((&conv_rate, &acc_rate), |(conv, acc)| f64::from(conv) * f64::from(acc)),
        map_rows((&conv_rate, &acc_rate), |(conv, acc)| (f64::from(conv) - f64::from(acc)).abs()),
    )
}

/// How many requests a day stand behind the trips.
#[on_demand_feature_view(outputs(daily_requests))]
fn driver_load(trip_rate: Float64Array, avg_daily_trips: Int64Array) -> Float64Array {
    map_rows((&trip_rate, &avg_daily_trips), |(rate, trips)| trips as f64 / (rate + 0.1))
}

/// The share of trips, less for a driver whose rates lie apart.
#[on_demand_feature_view(outputs(reliability))]
fn driver_reliability(driver_rates__trip_rate: Float64Array, rate_gap: Float64Array) -> Float64Array {
    map_rows((&driver_rates__trip_rate, &rate_gap), |(rate, gap)| rate / (1.0 + gap / 3.0))
}

/// One number and one word for a driver. A driver of whom one part is not known counts with the other.
#[on_demand_feature_view(outputs(score, label))]
fn driver_score(
    daily_requests: Float64Array,
    reliability: Float64Array,
    driver_id: Int64Array,
) -> (Float64Array, StringArray) {
    rows((&daily_requests, &reliability, &driver_id))
        .map(|(requests, reliability, driver)| {
            let score = match (requests, reliability) {
                (Some(requests), Some(reliability)) => Some(requests * reliability / 7.0),
                (requests, reliability) => requests.or(reliability),
            };
            (score, driver.map(|driver| format!("driver {driver}")))
        })
        .collect()
}

larder_guest::export!(driver_rates, driver_load, driver_reliability, driver_score);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_of_whom_one_part_is_unknown_counts_with_the_other() {
        let (score, label) = driver_score(
            vec![Some(14.0), Some(14.0), None].into(),
            vec![Some(0.5), None, None].into(),
            vec![Some(1), Some(2), None].into(),
        );
        assert_eq!(score, Float64Array::from(vec![Some(1.0), Some(14.0), None]));
        assert_eq!(label, StringArray::from(vec![Some("driver 1"), Some("driver 2"), None]));
    }
}
