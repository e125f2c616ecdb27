//! Features of trips: text and timestamps.

use larder_guest::{
    Array, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampArray, map_rows,
    on_demand_feature_view, rows,
};

/// What the written address says: the city in one spelling, the length of the text in characters, and
/// whether it asks for the airport.
#[on_demand_feature_view(outputs(city, address_length, to_airport))]
fn address_features(address: StringArray) -> (StringArray, Int64Array, BooleanArray) {
    rows((&address,))
        .map(|(address,)| {
            let city =
                address.and_then(|text| text.rsplit(',').next()).map(|city| city.trim().to_lowercase());
            let length = address.map(|text| i64::try_from(text.chars().count()).unwrap_or(i64::MAX));
            let airport = address.map(|text| text.to_lowercase().contains("airport"));
            (city.filter(|city| !city.is_empty()), length, airport)
        })
        .collect()
}

/// When the trip is: hour and weekday (1 is Monday) of its start in UTC, whether it is rush hour, and
/// the minutes since the driver was last seen. `requested_at` comes with the request: a transformation
/// has no clock.
#[on_demand_feature_view(outputs(hour_of_day, weekday, rush_hour, minutes_since_seen, requested_at_hour))]
fn trip_time(
    requested_at: TimestampArray,
    last_seen: TimestampArray,
) -> (Int32Array, Int32Array, BooleanArray, Float64Array, TimestampArray) {
    (
        map_rows((&requested_at,), |(at,)| at.hour()),
        map_rows((&requested_at,), |(at,)| at.weekday()),
        map_rows((&requested_at,), |(at,)| at.weekday() <= 5 && matches!(at.hour(), 7..=9 | 16..=18)),
        map_rows((&requested_at, &last_seen), |(at, seen)| at.seconds_since(seen) / 60.0),
        requested_at
            .iter()
            .map(|at| at.map(|at| larder_guest::Timestamp::from_seconds(at.seconds() / 3600 * 3600)))
            .collect(),
    )
}

/// A greeting. Fails for names that nobody has, and says which.
#[on_demand_feature_view]
fn greeting(name: StringArray) -> Result<StringArray, String> {
    name.iter()
        .map(|name| match name {
            Some("") => Err("a name is empty; leave it out instead".to_owned()),
            Some(name) => Ok(Some(format!("hello, {name}"))),
            None => Ok(None),
        })
        .collect()
}

larder_guest::export!(address_features, trip_time, greeting);

#[cfg(test)]
mod tests {
    use super::*;
    use larder_guest::Timestamp;

    #[test]
    fn the_city_is_what_follows_the_last_comma() {
        let (city, length, airport) =
            address_features(vec![Some("Gate 3, Airport, Łódź "), Some("Main St 1,"), None].into());
        assert_eq!(city, StringArray::from(vec![Some("łódź"), None, None]));
        assert_eq!(length, Int64Array::from(vec![Some(22), Some(10), None]));
        assert_eq!(airport, BooleanArray::from(vec![Some(true), Some(false), None]));
    }

    #[test]
    fn rush_hour_is_on_working_days() {
        let wednesday_noon = Timestamp::from_seconds(1_706_702_400);
        let wednesday_17 = Timestamp::from_seconds(1_706_702_400 + 5 * 3_600 + 59);
        let (hour, weekday, rush, minutes, floor) = trip_time(
            vec![Some(wednesday_noon), Some(wednesday_17), None].into(),
            vec![None, Some(wednesday_noon), Some(wednesday_noon)].into(),
        );
        assert_eq!(hour, Int32Array::from(vec![Some(12), Some(17), None]));
        assert_eq!(weekday, Int32Array::from(vec![Some(3), Some(3), None]));
        assert_eq!(rush, BooleanArray::from(vec![Some(false), Some(true), None]));
        assert_eq!(minutes, Float64Array::from(vec![None, Some(300.0 + 59.0 / 60.0), None]));
        assert_eq!(floor.get(1), Some(Timestamp::from_seconds(1_706_702_400 + 5 * 3_600)));
    }

    #[test]
    fn an_empty_name_is_an_error() {
        assert_eq!(greeting(vec![Some("Ada"), None].into()), Ok(vec![Some("hello, Ada"), None].into()));
        assert!(greeting(vec![""].into()).is_err());
    }
}
