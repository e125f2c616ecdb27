"""Random tables, materialized by Feast and by larder, are served as the same JSON for every entity."""
import random
import subprocess
import sys
import warnings
from itertools import product
from pathlib import Path

from feast.types import Set, UnixTimestamp

from golden import by_name, post, serve_feast
from random_tables import BASE, WIDE_TYPES, applied, view

warnings.filterwarnings("ignore")
repo, larder = Path(sys.argv[1]), sys.argv[2]
VIEWS = 24
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 20_260_103
KEYS = {"a": [1, 2, 3, 99], "b": ["x", "x_1", "1", "ä", "nobody"], "c": [-1, 0, 1]}


def served_by_larder():
    """larder on a copy of the registry, with its own store; its process and address."""
    settings = repo / "feature_store.yaml"
    settings.write_text(settings.read_text().replace(
        '{"type": "sqlite", "path": "online.db"}', '{"type": "sled", "path": "online"}'))
    subprocess.run([larder, "-q", "-c", repo, "materialize", *SPAN], check=True, capture_output=True)
    server = subprocess.Popen([larder, "-c", repo, "serve", "-p", "0"], stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if "on http://" in line:
            return server, "http://" + line.split("on http://")[1].strip()
    raise AssertionError("larder did not start")


def comparable(column, feature):
    """A column without what Feast leaves to chance or loses: the order of a set, fractions of a second, and that a
    time is null (difference 99)."""
    values, times = column["values"], [time.split(".")[0].rstrip("Z") for time in column["event_timestamps"]]
    if isinstance(feature.dtype, Set):
        values = [value and sorted(value) for value in values]
    if feature.dtype == UnixTimestamp:
        values = [None if value == -(2**63) else value for value in values]
    return list(zip(values, column["statuses"], times))


def rows_agree(view, feast, larder):
    """Every entity of a view in one request, known and unknown ones."""
    keys = [column.name for column in view.entity_columns]
    rows = list(product(*(KEYS[key] for key in keys)))
    request = {
        "features": [f"{view.name}:{feature.name}" for feature in view.features],
        "entities": {key: [row[at] for row in rows] for at, key in enumerate(keys)},
    }
    theirs, mine = (post(server, "/get-online-features", request) for server in (feast, larder))
    assert theirs[0] == mine[0] == 200, (request, theirs, mine)
    (theirs, _), (mine, _) = by_name(theirs[1]), by_name(mine[1])
    for feature in view.features:
        pairs = zip(comparable(mine[feature.name], feature), comparable(theirs[feature.name], feature))
        for row, (ours, other) in zip(rows, pairs):
            assert ours == other, f"{view.name}:{feature.name} ({feature.dtype}), {row}: larder {ours}, Feast {other}"
    return sum(value is not None for name in mine for value in mine[name]["values"])


rng = random.Random(SEED)
views = [view(repo, rng, number, WIDE_TYPES) for number in range(VIEWS)]
fs = applied(repo, views)
middle = BASE.replace(hour=2, minute=30)
SPAN = ["2024-02-29T00:00:00", middle.strftime("%Y-%m-%dT%H:%M:%S")]
fs.materialize(BASE.replace(month=2, day=29), middle)
server, ours = served_by_larder()
try:
    feast = serve_feast(fs)
    present = sum(rows_agree(view, feast, ours) for view in fs.list_feature_views())
finally:
    server.terminate()
assert present > 500, f"only {present} values were found: the sample is worth little"
print(f"{present} values are the same")
