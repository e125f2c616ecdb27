"""Random tables, joined by Feast (DuckDB) and by larder to random entity rows, give the same training sets.

Feast writes the registry, larder reads it. Both get the same files. What Feast leaves to chance is kept out: rows
of one key that are equal in event time and created time, and null join keys.
"""
import json
import random
import subprocess
import sys
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

warnings.filterwarnings("ignore")
repo, larder = Path(sys.argv[1]), sys.argv[2]
VIEWS, ENTITY_TABLES = 24, 60
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 20_260_102
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


def time(rng, precise):
    """A time of few values, so that ends of windows are met exactly."""
    step = timedelta(microseconds=rng.choice([-1, 0, 0, 0, 1])) if precise else timedelta()
    return BASE + timedelta(minutes=10 * rng.randint(0, 30)) + step


def view(rng, number):
    """A source file and a view over it."""
    keys = rng.sample(sorted(KEYS), rng.choice([1, 1, 1, 2, 3]))
    has_created, precise, mapped = rng.random() < 0.6, rng.random() < 0.4, rng.random() < 0.3
    zone = rng.choice(["UTC", None, "Europe/Oslo"])
    unit = rng.choice(["us", "ms", "ns"]) if not precise else "us"
    features = [(f"f{at}", *rng.choice(TYPES)) for at in range(rng.randint(1, 4))]
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


def comparable(value):
    """A value as both sides can say it."""
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, (list, tuple)) or type(value).__name__ == "ndarray":
        return [comparable(item) for item in value]
    if isinstance(value, datetime):
        return pd.Timestamp(value).tz_convert("UTC").isoformat()
    return repr(value) if isinstance(value, float) else value


def training_sets_agree(rng, fs, views, number):
    keys = sorted(KEYS)
    rows = [
        {key: KEYS[key][2](rng) for key in keys} | {"event_timestamp": time(rng, True), "row": at}
        for at in range(rng.choice([1, 3, 30, 100]))
    ]
    table = pa.table({
        **{key: pa.array([row[key] for row in rows], KEYS[key][1]) for key in keys},
        "event_timestamp": pa.array([row["event_timestamp"] for row in rows], pa.timestamp("us", tz="UTC")),
        "row": pa.array([row["row"] for row in rows], pa.int64()),
    })
    chosen = rng.sample(views, rng.randint(1, 4))
    features = [
        f"{view.name}:{feature.name}"
        for view in chosen for feature in rng.sample(view.features, rng.randint(1, len(view.features)))
    ]
    cutoff = rng.random() < 0.25 and all(view.batch_source.created_timestamp_column for view in chosen)
    extra = {"filter_by_created_timestamp": True} if cutoff else {}
    # Through Arrow, as whole numbers with nulls would become floats in pandas.
    job = fs.get_historical_features(table.to_pandas(), features, full_feature_names=True, **extra)
    theirs = {row["row"]: row for row in job.to_arrow().to_pylist()}
    entities, output = repo / "entities.parquet", repo / "training.parquet"
    pq.write_table(table, entities)
    flags = [part for feature in features for part in ("-f", feature)]
    flags += ["--filter-by-created-timestamp"] if cutoff else []
    command = [larder, "-c", repo, "get-historical-features", "--full-feature-names", "--entities", entities]
    done = subprocess.run([*command, *flags, "-o", output], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (number, done.stderr)
    ours = pq.read_table(output).to_pylist()
    assert [row["row"] for row in ours] == [row["row"] for row in rows], "the order of the entity rows"
    present = 0
    for row in ours:
        for feature in features:
            name = feature.replace(":", "__")
            mine, other = comparable(row[name]), comparable(theirs[row["row"]][name])
            assert mine == other, f"table {number}, {feature}, {row}: larder {mine!r}, Feast {other!r}"
            present += mine is not None
    return present


ENTITIES = {key: Entity(name=f"e_{key}", join_keys=[key], value_type=kind) for key, (kind, _, _) in KEYS.items()}
(repo / "feature_store.yaml").write_text(json.dumps({
    "project": "random_tables", "provider": "local", "registry": "registry.db",
    "online_store": {"type": "sqlite", "path": "online.db"}, "offline_store": {"type": "duckdb"},
    "entity_key_serialization_version": 3,
}))
rng = random.Random(SEED)
views = [view(rng, number) for number in range(VIEWS)]
fs = FeatureStore(repo_path=str(repo))
fs.apply([*ENTITIES.values(), *views])
present = sum(training_sets_agree(rng, fs, views, number) for number in range(ENTITY_TABLES))
assert present > 1_500, f"only {present} values were found: the sample is worth little"
print(f"{present} values are the same in {ENTITY_TABLES} training sets")
