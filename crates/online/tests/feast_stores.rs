//! Keys in the stores that Feast's servers share: those that larder makes of the same entities.

#![expect(clippy::indexing_slicing, reason = "a test may fail by it")]

use std::collections::{BTreeMap, BTreeSet};

use larder_core::column::column_from_json;
use larder_core::{EntityKeyEncoder, EntityKeyVersion, Field};
use larder_testkit::feast_stores::{
    RedisKey, dynamodb_id, dynamodb_ids, postgres_keys, redis_command_keys, redis_keys,
};

/// The bytes that larder makes of an entity.
fn encoded(key: &RedisKey) -> Vec<u8> {
    let fields: Vec<Field> =
        key.entity.iter().map(|(name, value_type, _)| Field::new(name, value_type.clone())).collect();
    let columns = key.entity.iter().map(|(name, value_type, value)| {
        column_from_json(name, value_type, std::slice::from_ref(value)).expect("the value has its type")
    });
    let encoder = EntityKeyEncoder::try_new(&fields, EntityKeyVersion::V3).expect("the types can be keys");
    let keys = encoder.encode(&columns.collect::<Vec<_>>(), 1).expect("the columns have the types");
    keys[0].as_ref().expect("no value is null").as_bytes().to_vec()
}

/// The keys that larder makes of all entities that Feast put into Redis.
fn known_keys() -> BTreeSet<Vec<u8>> {
    redis_keys().iter().map(encoded).collect()
}

#[test]
fn the_key_of_every_redis_hash_is_larders() {
    let keys = redis_keys();
    assert_eq!(keys.len(), 23 + 38);
    for key in &keys {
        assert_eq!(encoded(key), key.entity_key, "{:?}", key.entity);
    }
    let kinds: BTreeSet<Vec<&str>> =
        keys.iter().map(|key| key.entity.iter().map(|(name, ..)| name.as_str()).collect()).collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

#[test]
fn the_keys_of_redis_commands_are_those_of_the_hashes() {
    let known = known_keys();
    let keys = redis_command_keys();
    assert!(keys.len() > 20, "{}", keys.len());
    // One was pushed to another database, which was not dumped.
    let alone =
        redis_keys().into_iter().find(|key| key.entity[0].0 == "driver_id").expect("there are drivers");
    let (name, value_type, _) = alone.entity[0].clone();
    let pushed = encoded(&RedisKey { entity: vec![(name, value_type, 1.into())], entity_key: Vec::new() });
    let others: BTreeSet<&Vec<u8>> = keys.iter().filter(|key| !known.contains(*key)).collect();
    assert_eq!(others, BTreeSet::from([&pushed]));
}

#[test]
fn the_id_of_every_dynamodb_item_is_the_hash_of_larders_key() {
    let known: BTreeMap<String, Vec<u8>> =
        known_keys().into_iter().map(|key| (dynamodb_id(&key), key)).collect();
    let ids: BTreeSet<String> = dynamodb_ids().into_iter().collect();
    let (stored, strange): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| known.contains_key(*id));
    assert!(stored.len() >= 23, "{stored:?}");
    // Asked for, but in no store.
    let asked: BTreeSet<String> = [9999, 9998].map(|driver: i64| driver_id(driver)).into();
    assert_eq!(strange.into_iter().cloned().collect::<BTreeSet<_>>(), asked);
}

fn driver_id(driver: i64) -> String {
    let entity = vec![("driver_id".to_owned(), larder_core::ValueType::INT64, driver.into())];
    dynamodb_id(&encoded(&RedisKey { entity, entity_key: Vec::new() }))
}

#[test]
fn the_key_of_every_postgres_row_is_larders() {
    let known = known_keys();
    let keys: BTreeSet<Vec<u8>> = postgres_keys().into_iter().collect();
    assert!(keys.len() >= 20, "{}", keys.len());
    for key in keys {
        assert!(known.contains(&key), "{key:02x?}");
    }
}
