//! Pages of lists across projects, and of what is found by searching: Feast pages these by another rule than lists of
//! one project.

use std::cmp::Ordering;

use larder_registry::{ObjectQuery, SortOrder};
use serde_json::{Map, Value};

/// Sorts objects by a field of theirs, takes the page and tells which it is. A field that some objects have as
/// something else than text or number, or as both, sorts nothing.
pub(super) fn page_of_all(mut objects: Vec<Value>, query: &ObjectQuery) -> (Vec<Value>, Value) {
    if !query.sort_by.is_empty() {
        sort(&mut objects, query);
    }
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (page, limit, total) = (size(query.page), size(query.limit).max(1), objects.len());
    let start = page.saturating_sub(1).saturating_mul(limit);
    let end = start.saturating_add(limit);
    let mut pagination = Map::new();
    pagination.insert("page".to_owned(), query.page.into());
    pagination.insert("limit".to_owned(), query.limit.into());
    if total > 0 {
        pagination.insert("totalCount".to_owned(), total.into());
        pagination.insert("totalPages".to_owned(), total.div_ceil(limit).into());
    }
    for (key, value) in [("hasNext", end < total), ("hasPrevious", start > 0)] {
        if value {
            pagination.insert(key.to_owned(), true.into());
        }
    }
    let objects = objects.into_iter().skip(start).take(limit).collect();
    (objects, Value::Object(pagination))
}

fn sort(objects: &mut [Value], query: &ObjectQuery) {
    let empty = Value::from("");
    let field = |object: &Value| object.get(&query.sort_by).unwrap_or(&empty).clone();
    let all_are = |is: fn(&Value) -> bool| objects.iter().all(|object| is(&field(object)));
    if !all_are(Value::is_string) && !all_are(Value::is_number) {
        return;
    }
    let compare = |one: &Value, other: &Value| match (field(one), field(other)) {
        (Value::String(one), Value::String(other)) => one.cmp(&other),
        (one, other) => {
            let number = |value: Value| value.as_f64().unwrap_or_default();
            number(one).total_cmp(&number(other))
        }
    };
    match query.order {
        SortOrder::Ascending => objects.sort_by(compare),
        SortOrder::Descending => objects.sort_by(|one, other| Ordering::reverse(compare(one, other))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn pages_behind_each_other_are_the_whole_list(
            names in vec("[ab]{0,1}", 0..8),
            limit in 1..4_u32,
            descends: bool,
        ) {
            let order = if descends { SortOrder::Descending } else { SortOrder::Ascending };
            let objects: Vec<Value> =
                names.iter().enumerate().map(|(at, name)| json!({"name": name, "at": at})).collect();
            let query = |page| ObjectQuery { page, limit, order, sort_by: "name".into(), ..ObjectQuery::default() };
            let mut gathered = Vec::new();
            for page in 1.. {
                let (part, told) = page_of_all(objects.clone(), &query(page));
                prop_assert!(part.len() <= limit as usize);
                gathered.extend(part);
                prop_assert_eq!(told.get("hasNext").is_some(), gathered.len() < objects.len());
                prop_assert_eq!(told.get("hasPrevious").is_some(), page > 1);
                if told.get("hasNext").is_none() {
                    break;
                }
            }
            let mut expected = objects;
            // Stable, whichever end comes first.
            expected.sort_by_key(|object| object["name"].as_str().unwrap().to_owned());
            if descends {
                expected.sort_by_key(|object| std::cmp::Reverse(object["name"].as_str().unwrap().to_owned()));
            }
            prop_assert_eq!(gathered, expected);
        }
    }

    #[test]
    fn a_field_that_has_no_order_sorts_nothing() {
        let objects = vec![json!({"spec": {"b": 1}}), json!({"spec": "a"}), json!({})];
        let query = ObjectQuery { page: 1, limit: 9, sort_by: "spec".into(), ..ObjectQuery::default() };
        assert_eq!(page_of_all(objects.clone(), &query).0, objects);
    }
}
