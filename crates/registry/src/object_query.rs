//! Which objects of a list are asked for, in which order, and which page of them.
//!
//! The rule of Feast's registry servers, whichever way a client reaches them:
//!
//! 1. of the objects of a list stay those that have all the tags ([`ObjectQuery::admits`]);
//! 2. they are sorted, if an attribute is named, by [`SortValue`];
//! 3. of them the page is taken, if page and limit are both given.
//!
//! What a user may not see is taken out between 1 and 2, so that no number tells of it.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a client asks of a list of objects. The default asks for all, in the order of the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectQuery {
    /// Tags that an object must have, all of them.
    pub tags: BTreeMap<String, String>,
    /// The attribute to sort by, by Feast's name: `name`, `created_timestamp`; empty for none.
    pub sort_by: String,
    /// Which end of the order comes first.
    pub order: SortOrder,
    /// Which page, counted from 1; without a page or a limit all objects are on one.
    pub page: u32,
    /// How many objects are on a page.
    pub limit: u32,
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// The least.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

impl SortOrder {
    /// The order of a word: `desc` in any case is descending, and everything else ascending, as in Feast.
    pub fn of_word(word: &str) -> Self {
        if word.eq_ignore_ascii_case("desc") { Self::Descending } else { Self::Ascending }
    }
}

/// Some of the objects of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The objects, in order.
    pub objects: Vec<T>,
    /// Which of all they are.
    pub pagination: Pagination,
}

/// Which page of a list this is. All is zero for a list without objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pagination {
    /// The number of the page, from 1; 0 if no page was asked for.
    pub page: u32,
    /// The most objects of a page; 0 if no page was asked for.
    pub limit: u32,
    /// The objects of all pages.
    pub total_count: usize,
    /// The pages.
    pub total_pages: usize,
    /// Whether there are objects after this page.
    pub has_next: bool,
    /// Whether there are pages before this one.
    pub has_previous: bool,
}

impl ObjectQuery {
    /// The most objects of a page that Feast's REST server gives out.
    pub const MAX_LIMIT: u32 = 100;

    /// Whether an object with these tags is asked for.
    pub fn admits(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags.iter().all(|(key, value)| tags.get(key) == Some(value))
    }

    /// Sorts objects and takes the page. `value` tells the attribute of an object; objects of equal values stay
    /// in their order, whichever end comes first.
    pub fn page<T>(&self, mut objects: Vec<T>, value: impl Fn(&T, &str) -> SortValue) -> Page<T> {
        let attribute = self.sort_by.as_str();
        if !attribute.trim().is_empty() {
            match self.order {
                SortOrder::Ascending => objects.sort_by_cached_key(|object| value(object, attribute)),
                SortOrder::Descending => {
                    objects.sort_by_cached_key(|object| Reverse(value(object, attribute)));
                }
            }
        }
        self.page_of_sorted(objects)
    }

    fn page_of_sorted<T>(&self, mut objects: Vec<T>) -> Page<T> {
        let total_count = objects.len();
        if total_count == 0 {
            return Page { objects, pagination: Pagination::default() };
        }
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let (page, limit) = (size(self.page), size(self.limit));
        if page == 0 || limit == 0 {
            let pagination = Pagination { total_count, total_pages: 1, ..Pagination::default() };
            return Page { objects, pagination };
        }
        let start = (page - 1).saturating_mul(limit).min(total_count);
        objects.drain(..start);
        objects.truncate(limit);
        let total_pages = total_count.div_ceil(limit);
        let pagination = Pagination {
            page: self.page,
            limit: self.limit,
            total_count,
            total_pages,
            has_next: page < total_pages,
            has_previous: page > 1,
        };
        Page { objects, pagination }
    }
}

impl Pagination {
    /// As protobuf's JSON form shows it: zeros and `false` are left out.
    pub fn to_json(self) -> Value {
        let mut json = Map::new();
        let mut number = |key: &str, value: usize| {
            if value > 0 {
                json.insert(key.to_owned(), value.into());
            }
        };
        number("page", usize::try_from(self.page).unwrap_or(usize::MAX));
        number("limit", usize::try_from(self.limit).unwrap_or(usize::MAX));
        number("totalCount", self.total_count);
        number("totalPages", self.total_pages);
        for (key, value) in [("hasNext", self.has_next), ("hasPrevious", self.has_previous)] {
            if value {
                json.insert(key.to_owned(), value.into());
            }
        }
        Value::Object(json)
    }
}

/// What an object is sorted by. What is missing comes first, then numbers, then texts; letters count without
/// their case.
#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    /// The object has no such attribute.
    Missing,
    /// A number; `false` is 0 and `true` is 1.
    Number(f64),
    /// A text in small letters.
    Text(String),
}

impl SortValue {
    /// An attribute of an object in protobuf's JSON form, by the name that it has in Feast's Python classes:
    /// `created_timestamp` is `createdTimestamp` of the object itself, of its `spec` or of its `meta`, and
    /// `source.name` the name of its source. What is no text, number or truth value counts as missing.
    pub fn of_json(object: &Value, attribute: &str) -> Self {
        let mut path = attribute.split('.').map(camel_case);
        let Some(first) = path.next() else { return Self::Missing };
        let homes = [Some(object), object.get("spec"), object.get("meta")];
        let found = homes.into_iter().flatten().find_map(|home| home.get(&first));
        // `spec` and `meta` are protobuf's and not Feast's: its classes do not have them.
        let found = found.filter(|_| !matches!(first.as_str(), "spec" | "meta"));
        match path.try_fold(found, |value, name| Some(value?.get(&name))).flatten() {
            Some(Value::String(text)) => Self::of_text(text),
            Some(Value::Bool(truth)) => Self::Number(f64::from(u8::from(*truth))),
            Some(Value::Number(number)) => number.as_f64().map_or(Self::Missing, Self::Number),
            _ => Self::Missing,
        }
    }

    /// A text. Of a time the sign of its zone does not count, which would come after the fractions of a second.
    pub fn of_text(text: &str) -> Self {
        let is_time = text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T');
        let text = if is_time { text.strip_suffix('Z').unwrap_or(text) } else { text };
        if text.is_empty() { Self::Missing } else { Self::Text(text.to_lowercase()) }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

impl Eq for SortValue {}

impl PartialOrd for SortValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SortValue {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// `created_timestamp` as `createdTimestamp`.
fn camel_case(snake: &str) -> String {
    let mut camel = String::new();
    for (at, word) in snake.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if at > 0 => camel.extend(first.to_uppercase()),
            Some(first) => camel.push(first),
            None => {}
        }
        camel.extend(letters);
    }
    camel
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;

    fn object() -> impl Strategy<Value = (Option<&'static str>, usize)> {
        (prop_oneof![Just(None), select(vec!["", "a", "B", "b", "c"]).prop_map(Some)], 0..1_000_usize)
    }

    fn tags() -> impl Strategy<Value = BTreeMap<String, String>> {
        let word = |words: &[&str]| select(words.iter().map(ToString::to_string).collect::<Vec<_>>());
        btree_map(word(&["team", "stage", ""]), word(&["a", "b", ""]), 0..3)
    }

    fn order() -> impl Strategy<Value = SortOrder> {
        select(vec![SortOrder::Ascending, SortOrder::Descending])
    }

    /// The rule told plainly: again and again the first of the least, then the objects of a page one by one.
    fn naive(
        mut objects: Vec<(Option<&'static str>, usize)>,
        query: &ObjectQuery,
    ) -> Vec<(Option<&'static str>, usize)> {
        let mut sorted = Vec::new();
        while !objects.is_empty() {
            let key = |at: usize| objects[at].0.unwrap_or_default().to_lowercase();
            let mut least = 0;
            for at in 0..objects.len() {
                let before = match query.order {
                    SortOrder::Ascending => key(at) < key(least),
                    SortOrder::Descending => key(at) > key(least),
                };
                if before && query.sort_by == "name" {
                    least = at;
                }
            }
            sorted.push(objects.remove(least));
        }
        if query.page == 0 || query.limit == 0 {
            return sorted;
        }
        let on_page = |at: usize| at / query.limit as usize + 1 == query.page as usize;
        sorted.into_iter().enumerate().filter(|(at, _)| on_page(*at)).map(|(_, object)| object).collect()
    }

    fn value(object: &(Option<&'static str>, usize), attribute: &str) -> SortValue {
        assert_eq!(attribute, "name");
        object.0.map_or(SortValue::Missing, SortValue::of_text)
    }

    proptest! {
        #[test]
        fn a_page_is_what_the_rule_told_plainly_gives(
            objects in vec(object(), 0..12),
            sort_by in select(vec!["", " ", "name"]),
            order in order(),
            (page, limit) in (0..6_u32, 0..5_u32),
        ) {
            let query = ObjectQuery { sort_by: sort_by.to_owned(), order, page, limit, ..ObjectQuery::default() };
            prop_assert_eq!(query.page(objects.clone(), value).objects, naive(objects, &query));
        }

        #[test]
        fn pages_behind_each_other_are_the_whole_list(
            objects in vec(object(), 0..12),
            order in order(),
            limit in 1..5_u32,
        ) {
            let all = ObjectQuery { sort_by: "name".to_owned(), order, ..ObjectQuery::default() };
            let whole = all.page(objects.clone(), value);
            let mut gathered = Vec::new();
            for page in 1.. {
                let part = ObjectQuery { page, limit, ..all.clone() }.page(objects.clone(), value);
                prop_assert_eq!(part.pagination.total_count, objects.len());
                prop_assert_eq!(part.pagination.has_previous, page > 1 && !objects.is_empty());
                prop_assert!(part.objects.len() <= limit as usize);
                gathered.extend(part.objects);
                prop_assert_eq!(part.pagination.has_next, gathered.len() < objects.len());
                if !part.pagination.has_next {
                    prop_assert_eq!(part.pagination.total_pages, if objects.is_empty() { 0 } else { page as usize });
                    break;
                }
            }
            prop_assert_eq!(gathered, whole.objects);
        }

        #[test]
        fn an_object_must_have_every_tag(wanted in tags(), has in tags()) {
            let query = ObjectQuery { tags: wanted.clone(), ..ObjectQuery::default() };
            let lacks = wanted.iter().find(|(key, value)| !has.iter().any(|(k, v)| k == *key && v == *value));
            prop_assert_eq!(query.admits(&has), lacks.is_none());
        }

        #[test]
        fn values_are_in_one_order(values in vec(prop_oneof![
            Just(SortValue::Missing),
            any::<f64>().prop_map(SortValue::Number),
            "[a-cA-C]{0,2}".prop_map(|text| SortValue::of_text(&text)),
        ], 3)) {
            let [a, b, c] = [&values[0], &values[1], &values[2]];
            prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
            prop_assert!(!(a <= b && b <= c) || a <= c);
        }

        #[test]
        fn no_page_is_out_of_bounds(count in 0..5_usize, page: u32, limit: u32) {
            let query = ObjectQuery { page, limit, ..ObjectQuery::default() };
            let got = query.page(vec![(); count], |(), _| SortValue::Missing);
            prop_assert!(got.objects.len() <= count);
        }
    }

    #[test]
    fn an_attribute_is_of_the_object_its_spec_or_its_meta() {
        let view = json!({
            "spec": {"name": "View", "online": true, "source": {"name": "s"}, "tags": {"a": "b"}},
            "meta": {"createdTimestamp": "2024-01-01T00:00:00Z", "currentVersionNumber": 3},
        });
        let value = |attribute| SortValue::of_json(&view, attribute);
        assert_eq!(value("name"), SortValue::Text("view".to_owned()));
        assert_eq!(value("online"), SortValue::Number(1.0));
        assert_eq!(value("current_version_number"), SortValue::Number(3.0));
        assert_eq!(value("source.name"), SortValue::Text("s".to_owned()));
        for missing in ["", ".", "nothing", "name.more", "tags", "spec.name", "spec", "_", "source."] {
            assert_eq!(value(missing), SortValue::Missing, "{missing}");
        }
        let source = json!({"name": "Source", "description": ""});
        assert_eq!(SortValue::of_json(&source, "name"), SortValue::Text("source".to_owned()));
        assert_eq!(SortValue::of_json(&source, "description"), SortValue::Missing);
    }

    #[test]
    fn a_whole_second_comes_before_its_fractions() {
        let time = |text: &str| SortValue::of_text(text);
        assert!(time("2024-01-01T00:00:00Z") < time("2024-01-01T00:00:00.500Z"));
        assert!(time("2024-01-01T00:00:00.500Z") < time("2024-01-01T00:00:00.500001Z"));
    }

    #[test]
    fn zeros_and_false_are_left_out_of_the_json() {
        let query = ObjectQuery { page: 1, limit: 2, ..ObjectQuery::default() };
        let page = |count| query.page(vec![(); count], |(), _| SortValue::Missing).pagination.to_json();
        assert_eq!(
            page(3),
            json!({"page": 1, "limit": 2, "totalCount": 3, "totalPages": 2, "hasNext": true})
        );
        assert_eq!(page(0), json!({}));
        assert_eq!(SortOrder::of_word("DESC"), SortOrder::Descending);
        assert_eq!(SortOrder::of_word("up"), SortOrder::Ascending);
    }
}
