"""Random tables, joined by Feast (DuckDB) and by larder to random entity rows, give the same training sets.

Feast writes the registry, larder reads it. Both get the same files.
"""
import random
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from random_tables import KEYS, applied, time, view

warnings.filterwarnings("ignore")
repo, larder = Path(sys.argv[1]), sys.argv[2]
VIEWS, ENTITY_TABLES = 24, 60
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 20_260_102
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


rng = random.Random(SEED)
views = [view(repo, rng, number) for number in range(VIEWS)]
fs = applied(repo, views)
present = sum(training_sets_agree(rng, fs, views, number) for number in range(ENTITY_TABLES))
assert present > 1_500, f"only {present} values were found: the sample is worth little"
print(f"{present} values are the same in {ENTITY_TABLES} training sets")
