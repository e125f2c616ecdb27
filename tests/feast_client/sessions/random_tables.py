"""Random sources and views for the sessions that compare both sides.

What Feast leaves to chance is kept out: rows of one key that are equal in event time and created time, and null
join keys.
"""
import json
from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import (
    Array, Bool, Bytes, Decimal, Float32, Float64, Int32, Int64, Json, Map, Set, String, Struct, UnixTimestamp,
)

BASE = datetime(2024, 3, 1, tzinfo=timezone.utc)
KEYS = {
    "a": (ValueType.INT64, pa.int64(), lambda rng: rng.randint(1, 3)),
    "b": (ValueType.STRING, pa.string(), lambda rng: rng.choice(["x", "x_1", "1", "ä"])),
    "c": (ValueType.INT32, pa.int32(), lambda rng: rng.randint(-1, 1)),
}
TYPES = [
    (Int64, pa.int64(), lambda rng: rng.choice([0, -1, 2**53 + 1, 2**63 - 1, -(2**63)])),
    (Int32, pa.int32(), lambda rng: rng.randint(-(2**31), 2**31 - 1)),
    (Float64, pa.float64(), lambda rng: rng.choice([0.1, -0.0, 1e308, 5e-324, rng.random()])),
    (Float32, pa.float32(), lambda rng: rng.choice([0.5, 1.1, -3.25])),
    (String, pa.string(), lambda rng: rng.choice(["", "ä🦀", "null", "None", "a\"b"])),
    (Bool, pa.bool_(), lambda rng: rng.random() < 0.5),
    (Bytes, pa.binary(), lambda rng: rng.choice([b"", b"\x00\xff", b"abc"])),
    (UnixTimestamp, pa.timestamp("us", tz="UTC"), lambda rng: BASE + timedelta(seconds=rng.randint(0, 99))),
    (Array(Int64), pa.list_(pa.int64()), lambda rng: [rng.randint(0, 9) for _ in range(rng.randint(0, 3))]),
    (Array(String), pa.list_(pa.string()), lambda rng: rng.choice([[], ["a"], ["b", ""]])),
]
# What Feast's materialization carries: it takes whole numbers with nulls through floats, makes no bytes of a
# lone row null, and knows more types than its join of files.
WIDE_TYPES = [
    *(kind for kind in TYPES if kind[0] not in (Int64, Bytes)),
    (Int64, pa.int64(), lambda rng: rng.choice([0, -1, 2**53, -(2**53)])),
    (Bytes, pa.binary(), lambda rng: rng.choice([b"\x00\xff", b"abc"])),
    (Array(Float64), pa.list_(pa.float64()), lambda rng: [rng.random() for _ in range(rng.randint(0, 3))]),
    (Array(Bool), pa.list_(pa.bool_()), lambda rng: rng.choice([[], [True], [False, True]])),
    (Array(Array(Int64)), pa.list_(pa.list_(pa.int64())), lambda rng: rng.choice([[[1], [2, 3]], [[4]]])),
    (Set(Int64), pa.list_(pa.int64()), lambda rng: rng.sample(range(9), rng.randint(0, 3))),
    (Set(String), pa.list_(pa.string()), lambda rng: rng.choice([[], ["a"], ["b", ""]])),
    (Json, pa.string(), lambda rng: rng.choice(['{"a": 1}', "[1, 2.50]", '"x"'])),
    (Map, pa.string(), lambda rng: rng.choice(['{"k": "v"}', '{"k": 1, "l": [2.5]}'])),
    (Struct({"lat": Float64, "name": String}), pa.struct([("lat", pa.float64()), ("name", pa.string())]),
     lambda rng: {"lat": rng.choice([1.5, -0.25]), "name": rng.choice(["a", ""])}),
    (Decimal, pa.string(), lambda rng: rng.choice(["1.50", "-0", "1e3"])),
]


def time(rng, precise):
    """A time of few values, so that ends of windows are met exactly."""
    step = timedelta(microseconds=rng.choice([-1, 0, 0, 0, 1])) if precise else timedelta()
    return BASE + timedelta(minutes=10 * rng.randint(0, 30)) + step


def view(repo, rng, number, types=TYPES):
    """A source file in `repo` and a view over it."""
    keys = rng.sample(sorted(KEYS), rng.choice([1, 1, 1, 2, 3]))
    has_created, precise, mapped = rng.random() < 0.6, rng.random() < 0.4, rng.random() < 0.3
    zone = rng.choice(["UTC", None, "Europe/Oslo"])
    unit = rng.choice(["us", "ms", "ns"]) if not precise else "us"
    features = [(f"f{at}", *rng.choice(types)) for at in range(rng.randint(1, 4))]
    rows, seen = [], set()
    for _ in range(rng.choice([0, 1, 20, 120, 300])):
        row = {key: KEYS[key][2](rng) for key in keys} | {"event_time": time(rng, precise)}
        row["made"] = row["event_time"] + timedelta(minutes=rng.randint(0, 40))
        identity = tuple(row[key] for key in [*keys, "event_time"]) + ((row["made"],) if has_created else ())
        if identity in seen:
            continue
        seen.add(identity)
        for name, _, _, value in features:
            row[name] = None if rng.random() < 0.2 else value(rng)
        rows.append(row)
    rng.shuffle(rows)
    stored = {name: f"s_{name}" if mapped else name for name, *_ in features}
    schema = [pa.field(key, KEYS[key][1]) for key in keys] + [pa.field("event_time", pa.timestamp(unit, tz=zone))]
    schema += [pa.field("made", pa.timestamp("us", tz="UTC"))] if has_created else []
    schema += [pa.field(stored[name], arrow) for name, _, arrow, _ in features]
    columns = []
    for field in schema:
        name = next((name for name, column in stored.items() if column == field.name), field.name)
        values = [row[name] for row in rows]
        if name == "event_time" and zone is None:
            values = [value.replace(tzinfo=None) for value in values]
        columns.append(pa.array(values, field.type))
    path = repo / f"v{number}.parquet"
    pq.write_table(pa.table(columns, schema=pa.schema(schema)), path, row_group_size=rng.choice([7, 1000]))
    source = FileSource(
        name=f"s{number}", path=str(path), timestamp_field="event_time",
        created_timestamp_column="made" if has_created else "",
        field_mapping={column: name for name, column in stored.items()} if mapped else {},
    )
    return FeatureView(
        name=f"v{number}", entities=[ENTITIES[key] for key in keys], source=source,
        ttl=rng.choice([timedelta(0), timedelta(minutes=10), timedelta(minutes=45), timedelta(days=1)]),
        schema=[Field(name=key, dtype={"a": Int64, "b": String, "c": Int32}[key]) for key in keys]
        + [Field(name=name, dtype=dtype) for name, dtype, _, _ in features],
    )


ENTITIES = {key: Entity(name=f"e_{key}", join_keys=[key], value_type=kind) for key, (kind, _, _) in KEYS.items()}


def applied(repo, views):
    """A Feast store over `repo` with these views. Its `feature_store.yaml` is one that larder reads too."""
    (repo / "feature_store.yaml").write_text(json.dumps({
        "project": "random_tables", "provider": "local", "registry": "registry.db",
        "online_store": {"type": "sqlite", "path": "online.db"}, "offline_store": {"type": "duckdb"},
        "entity_key_serialization_version": 3,
    }))
    fs = FeatureStore(repo_path=str(repo))
    fs.apply([*ENTITIES.values(), *views])
    return fs
