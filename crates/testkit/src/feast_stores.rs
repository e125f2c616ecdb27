//! What Feast left in Redis, `DynamoDB` and Postgres, recorded: keys and values as the bytes that lie there.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "the library of a test fails as tests do")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use larder_core::ValueType;
use serde_json::Value as Json;

const PROJECT: &str = "larder_golden";

/// A value of a feature in a store.
#[derive(Clone, Debug)]
pub struct StoredValue {
    /// The file it was recorded in.
    pub recorded_in: &'static str,
    /// The view.
    pub view: String,
    /// The feature.
    pub feature: String,
    /// The type that the registry says it has.
    pub value_type: ValueType,
    /// What lies in the store.
    pub bytes: Vec<u8>,
    /// The value as Feast read it, where that was recorded: JSON as requests have it.
    pub decoded: Option<Json>,
    /// The text beside it, of a store that has one; `Some(None)` where it is null.
    pub text: Option<Option<String>>,
}

/// A key of a Redis hash.
#[derive(Clone, Debug)]
pub struct RedisKey {
    /// The join keys, with their values as JSON.
    pub entity: Vec<(String, ValueType, Json)>,
    /// The bytes of the key before the name of the project, which ends every key.
    pub entity_key: Vec<u8>,
}

/// Every recorded value of every store.
pub fn stored_values() -> Vec<StoredValue> {
    let types = feature_types();
    let mut values = Vec::new();
    let mut add = |recorded_in, view: &str, feature: &str, bytes, decoded, text| {
        let value_type = types.get(&(view.to_owned(), feature.to_owned()));
        let value_type =
            value_type.unwrap_or_else(|| panic!("{recorded_in}: {view}:{feature} is no feature"));
        values.push(StoredValue {
            recorded_in,
            view: view.to_owned(),
            feature: feature.to_owned(),
            value_type: value_type.clone(),
            bytes,
            decoded,
            text,
        });
    };
    for file in REDIS_DUMPS {
        for field in redis_fields(file) {
            if let Some((view, feature)) = hashed_name(&field) {
                let bytes = unhex(text(&field, "value_hex"));
                add(file, &view, &feature, bytes, Some(plain(&field["decoded"])), None);
            }
        }
    }
    let names = hashed_names();
    for command in redis_commands().iter().filter(|command| command[0] == b"HSET") {
        // HSET key (field value)…, of which the one of the time is first.
        for pair in command[4..].chunks(2) {
            let (view, feature) = &names[&pair[0]];
            add("redis_commands.txt", view, feature, pair[1].clone(), None, None);
        }
    }
    for (view, item) in dynamodb_items() {
        for (feature, value) in object(&item["values"]["M"]) {
            add("dynamodb_items.json", &view, feature, unhex(text(value, "B_hex")), None, None);
        }
    }
    for (view, item) in dynamodb_requests() {
        for (feature, value) in object(&item["values"]["M"]) {
            add("dynamodb_requests.json", &view, feature, unbase64(text(value, "B")), None, None);
        }
    }
    for (view, row) in postgres_rows() {
        let shown = row[3].as_str().map(str::to_owned);
        let bytes = unhex(row[2].as_str().expect("values are hexadecimal"));
        add("online/postgres_rows.json", &view, row[1].as_str().expect("a name"), bytes, None, Some(shown));
    }
    values
}

/// The key of every recorded Redis hash, and of every recorded command.
pub fn redis_keys() -> Vec<RedisKey> {
    let mut keys = Vec::new();
    for file in REDIS_DUMPS {
        for hash in list(&json(file)) {
            let part = |part: &Json| {
                let (kind, value) = object(&part["value"]).next().expect("an entity has a value");
                let value_type = match kind.as_str() {
                    "int64_val" => ValueType::INT64,
                    "int32_val" => ValueType::INT32,
                    "string_val" => ValueType::STRING,
                    other => panic!("{file}: a key of kind {other}"),
                };
                (text(part, "join_key").to_owned(), value_type, value.clone())
            };
            keys.push(RedisKey {
                entity: list(&hash["entity"]).iter().map(part).collect(),
                entity_key: without_project(&unhex(text(hash, "key_hex"))),
            });
        }
    }
    keys
}

/// The entity keys in recorded Redis commands.
pub fn redis_command_keys() -> Vec<Vec<u8>> {
    let keyed = redis_commands().into_iter().filter(|command| command[0] != b"SELECT");
    keyed.map(|command| without_project(&command[1])).collect()
}

/// The ids of all recorded `DynamoDB` items and of the items asked for.
pub fn dynamodb_ids() -> Vec<String> {
    let items = dynamodb_items().into_iter().chain(dynamodb_requests());
    items.map(|(_, item)| text(&item["entity_id"], "S").to_owned()).collect()
}

/// The entity keys of all recorded Postgres rows.
pub fn postgres_keys() -> Vec<Vec<u8>> {
    postgres_rows().iter().map(|(_, row)| unhex(row[0].as_str().expect("keys are hexadecimal"))).collect()
}

/// The id that Feast gives an item of `DynamoDB`: `MurmurHash3` (x64, 128 bits, seed 0) of the entity key, in
/// hexadecimal digits.
pub fn dynamodb_id(entity_key: &[u8]) -> String {
    const FIRST: u64 = 0x87c3_7b91_1142_53d5;
    const SECOND: u64 = 0x4cf5_ad43_2745_937f;
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let mix_first = |k: u64| k.wrapping_mul(FIRST).rotate_left(31).wrapping_mul(SECOND);
    let mix_second = |k: u64| k.wrapping_mul(SECOND).rotate_left(33).wrapping_mul(FIRST);
    let finish = |mut h: u64| {
        h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        h ^ (h >> 33)
    };
    let (mut a, mut b) = (0_u64, 0_u64);
    let blocks = entity_key.chunks_exact(16);
    let rest = blocks.remainder();
    for block in blocks {
        a = (a ^ mix_first(word(&block[..8]))).rotate_left(27).wrapping_add(b);
        a = a.wrapping_mul(5).wrapping_add(0x52dc_e729);
        b = (b ^ mix_second(word(&block[8..]))).rotate_left(31).wrapping_add(a);
        b = b.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (low, high) = rest.split_at(rest.len().min(8));
    b ^= mix_second(word(high));
    a ^= mix_first(word(low));
    let length = u64::try_from(entity_key.len()).expect("a length fits");
    (a, b) = (a ^ length, b ^ length);
    a = a.wrapping_add(b);
    b = b.wrapping_add(a);
    (a, b) = (finish(a), finish(b));
    a = a.wrapping_add(b);
    b = b.wrapping_add(a);
    let bytes = a.to_le_bytes().into_iter().chain(b.to_le_bytes());
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

const REDIS_DUMPS: [&str; 2] = ["redis_dump.json", "redis_dump_after_push.json"];

fn redis_fields(file: &str) -> Vec<Json> {
    list(&json(file)).iter().flat_map(|hash| list(&hash["fields"]).clone()).collect()
}

/// `mmh3(view:feature)` of a field; `None` of the one that holds a view's time.
fn hashed_name(field: &Json) -> Option<(String, String)> {
    let name = text(field, "field").strip_prefix("mmh3(")?.strip_suffix(')')?;
    let (view, feature) = name.split_once(':').expect("a field is of a view");
    Some((view.to_owned(), feature.to_owned()))
}

/// View and feature by the hash that is the name of their field.
fn hashed_names() -> HashMap<Vec<u8>, (String, String)> {
    let fields = REDIS_DUMPS.into_iter().flat_map(redis_fields);
    fields.filter_map(|field| Some((unhex(text(&field, "field_hex")), hashed_name(&field)?))).collect()
}

/// The commands that a Redis server was sent, as `MONITOR` prints them.
fn redis_commands() -> Vec<Vec<Vec<u8>>> {
    let recorded = fs::read_to_string(path("redis_commands.txt")).expect("the commands are recorded");
    let lines = recorded.lines().filter_map(|line| line.split_once("] \"").map(|(_, arguments)| arguments));
    lines.map(|arguments| unquote(&format!("\"{arguments}"))).collect()
}

/// `"a" "\x01\n"` as the bytes of each argument.
fn unquote(line: &str) -> Vec<Vec<u8>> {
    let mut arguments = Vec::new();
    let mut rest = line.as_bytes().iter().copied();
    while rest.find(|byte| *byte == b'"').is_some() {
        let mut argument = Vec::new();
        loop {
            match rest.next().expect("an argument ends with a quote") {
                b'"' => break,
                b'\\' => argument.push(match rest.next().expect("something is escaped") {
                    b'x' => {
                        let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                        let digits = std::str::from_utf8(&digits).expect("digits are ASCII").to_owned();
                        u8::from_str_radix(&digits, 16).expect("digits are hexadecimal")
                    }
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 0x07,
                    b'b' => 0x08,
                    same => same,
                }),
                byte => argument.push(byte),
            }
        }
        arguments.push(argument);
    }
    arguments
}

/// Every item of every table, with its view.
fn dynamodb_items() -> Vec<(String, Json)> {
    let mut items = Vec::new();
    for (table, content) in object(&json("dynamodb_items.json")) {
        let view = view_of(table, '.');
        items.extend(list(&content["items"]).iter().map(|item| (view.clone(), item.clone())));
    }
    items
}

/// Every item in a recorded request or answer, with its view; of one that is only asked for, the key alone.
fn dynamodb_requests() -> Vec<(String, Json)> {
    let mut items = Vec::new();
    for exchange in list(&json("dynamodb_requests.json")) {
        for (table, wanted) in exchange["request"]["RequestItems"].as_object().into_iter().flatten() {
            let puts = wanted.as_array().into_iter().flatten().map(|put| &put["PutRequest"]["Item"]);
            let gets = wanted["Keys"].as_array().into_iter().flatten();
            items.extend(puts.chain(gets).map(|item| (view_of(table, '.'), item.clone())));
        }
        for (table, found) in exchange["response"]["Responses"].as_object().into_iter().flatten() {
            items.extend(list(found).iter().map(|item| (view_of(table, '.'), item.clone())));
        }
    }
    items
}

/// Every row of every table, with its view.
fn postgres_rows() -> Vec<(String, Json)> {
    let mut rows = Vec::new();
    for (table, content) in object(&json("online/postgres_rows.json")) {
        rows.extend(list(&content["rows"]).iter().map(|row| (view_of(table, '_'), row.clone())));
    }
    rows
}

fn view_of(table: &str, separator: char) -> String {
    let view = table.strip_prefix(PROJECT).and_then(|rest| rest.strip_prefix(separator));
    view.unwrap_or_else(|| panic!("table {table} is not the project's")).to_owned()
}

fn without_project(key: &[u8]) -> Vec<u8> {
    key.strip_suffix(PROJECT.as_bytes()).expect("the project ends the key").to_vec()
}

/// The type of every feature, by view and name, as the recorded registry has it.
fn feature_types() -> HashMap<(String, String), ValueType> {
    let registry = json("registry.json");
    let mut types = HashMap::new();
    for view in list(&registry["feature_views"]) {
        for feature in list(&view["spec"]["features"]) {
            let name = text(feature, "value_type");
            let value_type = ValueType::simple().find(|value_type| value_type.proto_name() == name);
            let value_type = value_type.unwrap_or_else(|| panic!("there is no type {name}"));
            let key = (text(&view["spec"], "name").to_owned(), text(feature, "name").to_owned());
            types.insert(key, value_type);
        }
    }
    types
}

/// Protobuf's JSON of a `Value` as requests have it: without the name of its kind, with times as numbers.
fn plain(decoded: &Json) -> Json {
    let Some((kind, value)) = object(decoded).next() else { return Json::Null };
    let no_items = Json::Array(Vec::new());
    let value = match value.get("val") {
        Some(items) => items,
        // An empty list is left out.
        None if kind.ends_with("_list_val") => &no_items,
        None => value,
    };
    let seconds = |value: &Json| match value.as_str().and_then(|text| text.parse::<i64>().ok()) {
        Some(seconds) => Json::from(seconds),
        None => value.clone(),
    };
    match (kind.starts_with("unix_timestamp"), value) {
        (true, Json::Array(items)) => items.iter().map(seconds).collect(),
        (true, value) => seconds(value),
        (false, value) => value.clone(),
    }
}

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded").join(file)
}

fn json(file: &str) -> Json {
    let bytes = fs::read(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn list(json: &Json) -> &Vec<Json> {
    json.as_array().unwrap_or_else(|| panic!("{json} is no list"))
}

fn object(json: &Json) -> impl Iterator<Item = (&String, &Json)> {
    json.as_object().into_iter().flatten()
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text in {json}"))
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits are ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("digits are hexadecimal")).collect()
}

fn unbase64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| -> u32 {
        u32::from(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        })
    };
    let mut bytes = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = group.iter().fold(0, |bits, byte| bits << 6 | digit(*byte)) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}
