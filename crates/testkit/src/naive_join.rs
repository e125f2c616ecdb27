//! The point-in-time join and the newest row per key, as slow and as plain as they can be said.
//!
//! Every entity row looks at every source row. Use it to judge a join that is clever.

use std::collections::BTreeMap;
use std::time::Duration;

use larder_core::Timestamp;

/// A value of a join key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NaiveKey {
    /// A whole number.
    Whole(i64),
    /// A text.
    Text(String),
}

/// A row of the entity table.
#[derive(Clone, Debug)]
pub struct NaiveEntity {
    /// The join keys, in the order of the view's.
    pub keys: Vec<Option<NaiveKey>>,
    /// When.
    pub event: Option<Timestamp>,
}

/// A row of the source.
#[derive(Clone, Debug)]
pub struct NaiveRow {
    /// The join keys, in the order of the view's.
    pub keys: Vec<Option<NaiveKey>>,
    /// When its values became true.
    pub event: Option<Timestamp>,
    /// When it was written.
    pub created: Option<Timestamp>,
}

/// The place in `rows`, which are in source order, of the winner of each entity row.
///
/// `filter_by_created_timestamp` is for sources with a created column: a row is then seen from its
/// created time on, and one without never.
pub fn naive_join(
    entities: &[NaiveEntity],
    rows: &[NaiveRow],
    ttl: Duration,
    filter_by_created_timestamp: bool,
) -> Vec<Option<usize>> {
    let can_see = |entity: &NaiveEntity, row: &NaiveRow| {
        let (Some(entity_time), Some(row_time)) = (entity.event, row.event) else { return false };
        let has_key = row.keys.iter().all(Option::is_some) && entity.keys == row.keys;
        let is_past = row_time <= entity_time;
        let is_alive = ttl.is_zero() || row_time >= entity_time.saturating_sub(ttl);
        let is_known =
            !filter_by_created_timestamp || row.created.is_some_and(|created| created <= entity_time);
        has_key && is_past && is_alive && is_known
    };
    let winner = |entity: &NaiveEntity| {
        let seen = rows.iter().enumerate().filter(|(_, row)| can_see(entity, row));
        seen.max_by_key(|(place, row)| (row.event, row.created, *place)).map(|(place, _)| place)
    };
    entities.iter().map(winner).collect()
}

/// The place in `rows` of the newest row of each key from `start` to `end`, both included.
pub fn naive_latest(rows: &[NaiveRow], start: Timestamp, end: Timestamp) -> BTreeMap<Vec<NaiveKey>, usize> {
    let mut newest: BTreeMap<Vec<NaiveKey>, usize> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        let Some(event) = row.event else { continue };
        let Some(keys) = row.keys.iter().cloned().collect::<Option<Vec<_>>>() else { continue };
        if event < start || event > end {
            continue;
        }
        let is_newer = newest.get(&keys).and_then(|known| rows.get(*known)).is_none_or(|known| {
            // Of equals the later in source order wins.
            (row.event, row.created) >= (known.event, known.created)
        });
        if is_newer {
            newest.insert(keys, place);
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: i64, event: i64, created: i64) -> NaiveRow {
        NaiveRow {
            keys: vec![Some(NaiveKey::Whole(key))],
            event: Some(Timestamp::from_micros(event)),
            created: Some(Timestamp::from_micros(created)),
        }
    }

    #[test]
    fn the_references_agree_with_what_one_sees() {
        let rows = [row(1, 10, 30), row(1, 10, 40), row(1, 10, 40), row(1, 20, 0), row(2, 5, 5)];
        let entity = |event| NaiveEntity {
            keys: vec![Some(NaiveKey::Whole(1))],
            event: Some(Timestamp::from_micros(event)),
        };
        let entities = [entity(9), entity(10), entity(19), entity(20)];
        let join = |ttl, filter| naive_join(&entities, &rows, Duration::from_micros(ttl), filter);
        assert_eq!(join(0, false), [None, Some(2), Some(2), Some(3)]);
        assert_eq!(join(8, false), [None, Some(2), None, Some(3)]);
        assert_eq!(join(0, true), [None, None, None, Some(3)]);
        let latest = naive_latest(&rows, Timestamp::from_micros(6), Timestamp::from_micros(10));
        assert_eq!(latest, BTreeMap::from([(vec![NaiveKey::Whole(1)], 2)]));
    }
}
