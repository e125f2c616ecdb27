//! Features of shopping baskets: lists, sets and structs.

use larder_guest::{
    Array, Float64Array, Int64Array, ListArray, SetArray, StringArray, StructArray, map_rows,
    on_demand_feature_view,
};

/// The basket's total, its size, and each price as a share of the total. Prices that are null count
/// as items without a price: they have no share. A basket that is null has none of the three.
#[on_demand_feature_view(outputs(basket_total, basket_size, price_shares))]
fn basket_prices(prices: ListArray<Float64Array>) -> (Float64Array, Int64Array, ListArray<Float64Array>) {
    let total: Float64Array = map_rows((&prices,), |(prices,)| prices.iter().flatten().sum::<f64>());
    let size = map_rows((&prices,), |(prices,)| i64::try_from(prices.len()).unwrap_or(i64::MAX));
    let shares = prices
        .iter()
        .zip(total.iter())
        .map(|(prices, total)| {
            let total = total.filter(|total| *total != 0.0);
            prices.map(|prices| prices.iter().map(move |price| Some(price? / total?)))
        })
        .collect();
    (total, size, shares)
}

/// The basket's tags in one spelling, each once, in the order of their first mention.
#[on_demand_feature_view(outputs(distinct_tags))]
fn basket_tags(tags: ListArray<StringArray>) -> ListArray<StringArray> {
    tags.iter()
        .map(|tags| {
            let mut distinct = Vec::new();
            for tag in tags?.iter().flatten().map(|tag| tag.trim().to_lowercase()) {
                if !distinct.contains(&tag) {
                    distinct.push(tag);
                }
            }
            Some(distinct)
        })
        .collect()
}

larder_guest::structure! {
    /// A line of a receipt.
    Line { sku: StringArray, price: Float64Array }
}

/// What was bought, each product once, and the dearest line. Lines without a price are never the
/// dearest; of equal prices the first counts.
#[on_demand_feature_view(outputs(skus, dearest))]
fn basket_lines(lines: ListArray<StructArray<Line>>) -> (SetArray<StringArray>, StructArray<Line>) {
    let skus = lines.iter().map(|lines| Some(lines?.into_iter().flatten().map(|(sku, _)| sku))).collect();
    let dearest = lines
        .iter()
        .map(|lines| {
            let priced = lines?.into_iter().flatten().filter(|(_, price)| price.is_some());
            priced.reduce(|dearest, line| if line.1 > dearest.1 { line } else { dearest })
        })
        .collect();
    (skus, dearest)
}

larder_guest::export!(basket_prices, basket_tags, basket_lines);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_nulls_in_their_place() {
        let prices = ListArray::from_iter([Some(vec![Some(1.0), None, Some(3.0)]), None, Some(vec![])]);
        let (total, size, shares) = basket_prices(prices);
        assert_eq!(total, Float64Array::from(vec![Some(4.0), None, Some(0.0)]));
        assert_eq!(size, Int64Array::from(vec![Some(3), None, Some(0)]));
        assert_eq!(
            shares,
            ListArray::from_iter([Some(vec![Some(0.25), None, Some(0.75)]), None, Some(vec![])])
        );
    }

    #[test]
    fn tags_are_told_apart_without_their_spelling() {
        let tags =
            ListArray::<StringArray>::from_iter([Some(vec![Some(" Fresh"), Some("fresh"), None]), None]);
        assert_eq!(basket_tags(tags), ListArray::from_iter([Some(vec!["fresh".to_owned()]), None]));
    }

    #[test]
    fn the_dearest_line_has_a_price() {
        let lines = ListArray::<StructArray<Line>>::from_iter([
            Some(vec![
                Some((Some("tea"), Some(3.0))),
                None,
                Some((Some("figs"), None)),
                Some((Some("rice"), Some(3.0))),
            ]),
            Some(vec![Some((None, None))]),
            None,
        ]);
        let (skus, dearest) = basket_lines(lines);
        assert_eq!(skus.get(0).map(|skus| skus.len()), Some(3));
        assert_eq!(dearest, StructArray::from_iter([Some((Some("tea"), Some(3.0))), None, None]));
    }
}
