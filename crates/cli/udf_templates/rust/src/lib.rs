//! Two sample functions; write your own in their place.

use larder_guest::{
    Float32Array, Float64Array, Int64Array, ListArray, StringArray, map_rows, on_demand_feature_view, rows,
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

/// The tags without blanks around them, each once, in the order of their first mention; how many there are; and the
/// city with them. Null tags do not count. Without a city there is no summary, without tags nothing.
#[on_demand_feature_view(outputs(distinct_tags, tag_count, summary))]
fn tag_features(
    city: StringArray,
    tags: ListArray<StringArray>,
) -> (ListArray<StringArray>, Int64Array, StringArray) {
    rows((&city, &tags))
        .map(|(city, tags)| {
            let distinct = tags.map(|tags| {
                let mut distinct = Vec::new();
                for tag in tags.iter().flatten().map(|tag| tag.trim_matches(' ').to_owned()) {
                    if !distinct.contains(&tag) {
                        distinct.push(tag);
                    }
                }
                distinct
            });
            let count = distinct.as_ref().map(|tags| tags.len() as i64);
            let summary = city.zip(distinct.as_ref()).map(|(city, tags)| format!("{city}: {}", tags.join(", ")));
            (distinct, count, summary)
        })
        .collect()
}

larder_guest::export!(transformed_conv_rate, tag_features);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_spread_through_the_sum() {
        let (first, second) = transformed_conv_rate(
            vec![Some(0.5), None].into(),
            vec![Some(1), Some(1)].into(),
            vec![None, Some(2)].into(),
        );
        assert_eq!(first, Float64Array::from(vec![Some(1.5), None]));
        assert_eq!(second, Float64Array::from(vec![None::<f64>, None]));
    }
}
