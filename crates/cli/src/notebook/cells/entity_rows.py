import itertools
import os.path
import tempfile

import pandas as pd

# How many entities are shown.
ENTITIES = 3
FOLDER = tempfile.mkdtemp()


def known_entities(reference, keys):
    """A few entities of which the source of a feature has rows before AS_OF: those whose rows still count, or else
    any."""
    for start in [[], ["--start-date=1970-01-01"]]:
        rows = larder_json(
            "get-historical-features", "--features=" + reference, "--end-date=" + as_of.isoformat(), *start)
        rows = [row for row in rows if all(row[key] is not None for key in keys)]
        if rows:
            return rows[:ENTITIES]
    print(f"The source of {reference} has no rows before {as_of}; set AS_OF above.")
    return []


def entity_rows(views, request):
    """A row for each of a few entities; none, where a source has none. `views` are a feature of each view and what
    its join keys are called in the rows, `request` are the fields that only the caller knows."""
    columns = {}
    for reference, keys in views:
        known = known_entities(reference, keys)
        for key, column in keys.items():
            columns.setdefault(column, [row[key] for row in known])
    if not columns:
        return [dict(request)]
    if not all(columns.values()):
        return []
    count = max(map(len, columns.values()))
    rows = zip(*(itertools.islice(itertools.cycle(values), count) for values in columns.values()))
    return [{**dict(zip(columns, row)), **request} for row in rows]


def online_rows(rows):
    """The rows for a request online, where what has no entities has one row under a key of this name."""
    return [row or {"__dummy_id": ""} for row in rows]


def at_times(rows, times):
    """The rows once for each time."""
    return [{**row, "event_timestamp": time.isoformat()} for time in times for row in rows]


def training_set(rows, features):
    """The features of each row as of its time."""
    entities, training = (os.path.join(FOLDER, name) for name in ["entities.ndjson", "training.parquet"])
    with open(entities, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    larder("get-historical-features", "--entities=" + entities, "--output=" + training, *features)
    # Whole numbers stay whole beside nulls.
    return pd.read_parquet(training, dtype_backend="numpy_nullable")
