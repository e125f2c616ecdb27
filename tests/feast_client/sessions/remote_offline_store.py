"""Feast's client with `offline_store: {type: remote}` reads history from larder, and writes to it."""
import json
import os
import sqlite3
import subprocess
import sys
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureView, Field, FileSource
from feast.data_source import PushMode
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.remote import RemoteOfflineStore, build_arrow_flight_client
from feast.types import Float64, Int64

from golden import raised, remote_history, store

warnings.filterwarnings("ignore")
repo, address, larder = sys.argv[1:]
# DuckDB looks for relative paths here.
os.chdir(repo)
fs = remote_history(repo, address)
local = store(repo, {"type": "sqlite", "path": "data/local_store.db"}, "duckdb")
file_store = store(repo, {"type": "sqlite", "path": "data/local_store.db"}, "dask")
STATS = [f"driver_hourly_stats:{name}" for name in ["conv_rate", "acc_rate", "avg_daily_trips", "home_zone"]]


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def entities(count=40):
    """Rows that hit and miss, of known and unknown drivers."""
    rng = np.random.default_rng(7)
    start = at("2024-01-02")
    return pd.DataFrame({
        "driver_id": rng.choice([1001, 1002, 1003, 1004, 1005, 9999], count),
        "customer_id": rng.choice(["c-1", "c-2", "c-3", "nobody"], count),
        "event_timestamp": [start + timedelta(hours=int(hours)) for hours in rng.integers(0, 24 * 16, count)],
        "row": range(count),
    })


def same(left, right, columns):
    """Whether two tables have the same values, whatever the order of rows and the width of numbers."""
    def values(frame):
        frame = frame.sort_values("row").reset_index(drop=True)
        plain = {}
        for column in columns:
            rows = frame[column]
            if pd.api.types.is_datetime64_any_dtype(rows):
                rows = pd.to_datetime(rows, utc=True).astype("datetime64[us, UTC]").astype(str)
            elif pd.api.types.is_numeric_dtype(rows):
                rows = rows.astype("float64")
            plain[column] = [None if value is None or value is pd.NA or value != value else value for value in rows]
        return pd.DataFrame(plain, dtype="object")

    pd.testing.assert_frame_equal(values(left), values(right), check_exact=True)
    return True


def by_larder(entity_df, features, *flags):
    """What larder's own command makes of entity rows."""
    rows, answer = Path(repo) / "rows.parquet", Path(repo) / "answer.parquet"
    entity_df.to_parquet(rows, index=False)
    features = [word for feature in features for word in ("-f", feature)]
    subprocess.run(
        [larder, "-c", repo, "get-historical-features", "--entities", str(rows), *features, "-o", str(answer), *flags],
        check=True, capture_output=True)
    return pq.read_table(answer).to_pandas()


def joins():
    entity_df = entities()
    features = STATS + ["customer_profile:current_balance", "customer_profile:segment", "customer_profile:vip",
                        "customer_driver:trips_together", "driver_scores:score", "global_stats:surge_index"]
    answer = fs.get_historical_features(entity_df, features).to_df()
    columns = ["driver_id", "customer_id", "event_timestamp", "row"] + [name.split(":")[1] for name in features]
    # Every entity row, in order; columns in the order asked for.
    assert list(answer.columns) == columns, answer.columns
    assert list(answer["row"]) == list(range(len(entity_df))), answer
    assert 5 < answer["conv_rate"].notna().sum() < len(answer), answer
    assert same(answer, by_larder(entity_df, features), columns)
    assert same(answer, local.get_historical_features(entity_df, features).to_df(), columns)

    full = fs.get_historical_features(entity_df, STATS, full_feature_names=True)
    assert [name.replace(":", "__") for name in STATS] == full.to_arrow().column_names[4:], full.to_arrow().schema
    assert same(full.to_df(), by_larder(entity_df, STATS, "--full-feature-names"), full.to_arrow().column_names)

    # Every type of value.
    wide = [f"wide_types:{field.name}" for field in fs.get_feature_view("wide_types").features]
    drivers = entity_df[["driver_id", "event_timestamp", "row"]]
    answer = fs.get_historical_features(drivers, wide).to_arrow()
    expected = pq.read_table(Path(repo) / "data/wide_types.parquet").schema
    for name in answer.column_names[3:]:
        wanted, found = expected.field(name).type, answer.schema.field(name).type
        if pa.types.is_list(wanted):
            wanted, found = wanted.value_type, found.value_type
        assert found == wanted or pa.types.is_timestamp(found), (name, found, wanted)
    assert answer.column("f_int64_list").null_count < len(drivers), answer


def frames():
    """Entity rows in whatever form pandas has them."""
    plain = entities().drop(columns="customer_id")
    expected = fs.get_historical_features(plain, STATS).to_df()
    columns = list(expected.columns)

    def answered(frame):
        return fs.get_historical_features(frame, STATS).to_df()

    naive = plain.assign(event_timestamp=plain["event_timestamp"].dt.tz_localize(None))
    assert same(answered(naive), expected, columns)
    assert same(answered(plain.assign(event_timestamp=naive["event_timestamp"].astype("datetime64[ns]"))), expected, columns)
    assert same(answered(plain.assign(event_timestamp=plain["event_timestamp"].dt.tz_convert("Asia/Kolkata"))), expected, columns)
    # An index without a name is none of the columns; its order is that of the answer.
    shuffled = plain.sample(frac=1, random_state=1)
    answer = answered(shuffled)
    assert list(answer.columns) == columns and list(answer["row"]) == list(shuffled["row"]), answer
    labels = [["north", "south", None][at % 3] for at in range(len(plain))]
    typed = plain.assign(
        driver_id=plain["driver_id"].astype("category"),
        label=pd.Categorical(labels),
        text=pd.array(labels, dtype=pd.ArrowDtype(pa.large_string())),
        nothing=None,
    )
    answer = answered(typed)
    assert same(answer, expected, columns[1:])
    # Nothing of what passes through is lost.
    assert [None if label != label else label for label in answer["label"]] == labels, answer
    assert answer["text"].tolist() == labels and answer["nothing"].isna().all(), answer
    # The time under another name, no rows at all, more rows than go in one message.
    renamed = plain.rename(columns={"event_timestamp": "moment"})
    assert list(answered(renamed)["row"]) == list(plain["row"])
    assert answered(plain.head(0)).empty
    many = pd.concat([plain] * 5000, ignore_index=True)
    many["row"] = range(len(many))
    answer = answered(many)
    assert len(answer) == len(many) and list(answer["row"]) == list(many["row"])
    assert answer["conv_rate"].notna().sum() == 5000 * expected["conv_rate"].notna().sum()


def on_demand():
    entity_df = entities().assign(val_to_add=range(40), val_to_add_2=1)
    service = fs.get_feature_service("driver_activity_v1")
    answer = fs.get_historical_features(entity_df, service).to_df()
    sums = (answer["conv_rate"].astype("float64") + answer["val_to_add"]).round(5)
    assert sums.equals(answer["conv_rate_plus_val1"].round(5)), answer
    expected = by_larder(entity_df, ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips",
                                     "transformed_conv_rate:conv_rate_plus_val1", "transformed_conv_rate:conv_rate_plus_val2"])
    assert same(answer, expected, list(expected.columns))
    # An input that the client asks for on its own account gives way to a feature of the same name.
    features = ["driver_lifetime:conv_rate", "driver_python_derived:conv_times_acc", "driver_python_derived:trip_bucket"]
    answer = fs.get_historical_features(entity_df, features).to_df()
    expected = by_larder(entity_df, features)
    assert same(answer, expected, list(expected.columns))
    # Full names of on-demand features.
    answer = fs.get_historical_features(entity_df, features[1:], full_feature_names=True).to_df()
    assert "driver_python_derived__trip_bucket" in answer.columns, answer.columns

    # One view under two names, by join key maps.
    service = fs.get_feature_service("trip_model")
    trips = entity_df.assign(origin_id=1, destination_id=2)
    answer = fs.get_historical_features(trips, service, full_feature_names=True).to_df()
    expected = local.get_historical_features(trips, service, full_feature_names=True).to_df()
    assert {"origin__temperature", "destination__temperature"} <= set(answer.columns), answer.columns
    assert same(answer, expected, list(answer.columns))
    assert not answer["origin__temperature"].equals(answer["destination__temperature"])


def recorded():
    """What Feast's local store has answered, row by row; larder's differences show through no client."""
    folder = Path(__file__).parents[2] / "feast_compat/recorded/historical/duckdb"
    scenarios = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    compared = 0
    for scenario in scenarios:
        if scenario["entity_df"] is None or "result" not in scenario:
            continue
        columns = scenario["entity_df"]["columns"]
        entity_df = pd.DataFrame(scenario["entity_df"]["rows"], columns=[column["name"] for column in columns])
        for column in columns:
            if column["dtype"].startswith("datetime64"):
                times = pd.to_datetime(entity_df[column["name"]], format="ISO8601", utc=True)
                is_naive = "UTC" not in column["dtype"]
                entity_df[column["name"]] = times.dt.tz_localize(None) if is_naive else times
            elif column["dtype"] != "object":
                entity_df[column["name"]] = entity_df[column["name"]].astype(column["dtype"])
        request = scenario["request"]
        asked = request["features"]
        if request["feature_service"]:
            asked = fs.get_feature_service(request["feature_service"])
        answer = fs.get_historical_features(
            entity_df, asked, full_feature_names=request["full_feature_names"]).to_arrow()
        names = [column["name"] for column in scenario["result"]["columns"]]
        assert sorted(answer.column_names) == sorted(names), (scenario["name"], answer.column_names, names)

        def plain(value):
            if isinstance(value, datetime):
                utc = value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
                return utc.isoformat(timespec="microseconds")
            if isinstance(value, bytes):
                return {"$bytes": value.hex()}
            if isinstance(value, list):
                return [plain(item) for item in value]
            if value in (float("inf"), float("-inf")):
                return {"$float": "Infinity" if value > 0 else "-Infinity"}
            return None if value is None or value != value else value

        rows = [[plain(value) for value in row.values()] for row in answer.select(names).to_pylist()]
        expected = scenario["result"]["rows"]
        assert sorted(map(repr, rows)) == sorted(map(repr, expected)), (scenario["name"], rows, expected)
        compared += 1
    assert compared > 20, compared


def without_entities():
    start, end = at("2024-01-01"), at("2024-01-10T12:30:00")
    job = fs.get_historical_features(features=STATS, start_date=start, end_date=end)
    answer = job.to_df()
    assert sorted(answer["driver_id"]) == sorted(set(answer["driver_id"])) and len(answer) > 3, answer
    assert set(answer["event_timestamp"]) == {pd.Timestamp(end)}, answer
    rows = answer[["driver_id"]].assign(event_timestamp=end, row=range(len(answer)))
    expected = fs.get_historical_features(rows, STATS).to_df()
    assert same(answer.assign(row=range(len(answer))), expected, list(expected.columns))


def pulls():
    source = fs.get_data_source("driver_stats_source")
    rows = pq.read_table(Path(repo) / "data/driver_stats.parquet").to_pandas()
    start, end = at("2024-01-03"), at("2024-01-09")
    keys = dict(join_key_columns=["driver_id"], feature_name_columns=["avg_daily_trips", "conv_rate"],
                timestamp_field="event_timestamp", created_timestamp_column="created")
    wanted = ["driver_id", "avg_daily_trips", "conv_rate", "event_timestamp", "created"]
    in_span = rows[(rows["event_timestamp"] >= start) & (rows["event_timestamp"] <= end)]

    answer = RemoteOfflineStore.pull_all_from_table_or_query(
        config=fs.config, data_source=source, start_date=start, end_date=end, **keys).to_arrow()
    assert answer.column_names == wanted, answer.schema
    key = ["event_timestamp", "created", "driver_id", "avg_daily_trips"]
    ordered = [frame.sort_values(key)[wanted].reset_index(drop=True) for frame in [answer.to_pandas(), in_span]]
    pd.testing.assert_frame_equal(*ordered, check_dtype=False)

    answer = RemoteOfflineStore.pull_latest_from_table_or_query(
        config=fs.config, data_source=source, start_date=start, end_date=end, **keys).to_arrow()
    assert answer.column_names == wanted, answer.schema
    newest = in_span.sort_values(["event_timestamp", "created"]).groupby("driver_id").tail(1)
    ordered = [frame.sort_values("driver_id")[wanted].reset_index(drop=True) for frame in [answer.to_pandas(), newest]]
    pd.testing.assert_frame_equal(*ordered, check_dtype=False)


def materializes():
    """Feast's own materialization, which reads through the server and writes to its own store."""
    views = ["driver_hourly_stats", "driver_scores", "customer_driver", "global_stats", "wide_types"]
    for client in [fs, file_store]:
        tables = [client.get_feature_view(view) for view in views]
        client._get_provider().update_infra("larder_golden", [], tables, [], [], partial=True)
        client.materialize(at("2024-01-01"), at("2024-01-16"), feature_views=views)
    features = ["driver_hourly_stats:conv_rate", "driver_hourly_stats:home_zone", "driver_scores:score",
                "customer_driver:last_fare", "global_stats:surge_index"]
    features += [f"wide_types:{field.name}" for field in fs.get_feature_view("wide_types").features]
    rows = [{"driver_id": driver, "customer_id": customer}
            for driver in [1001, 1002, 1003, 4242] for customer in ["c-1", "c-2"]]
    answers = [client.get_online_features(features, rows).to_dict() for client in [fs, file_store]]
    assert answers[0] == answers[1], answers
    assert answers[0]["conv_rate"][0] is not None and answers[0]["surge_index"][0] is not None, answers


def pushes():
    now = at("2024-01-20T12:00:00")
    features = [name.replace("driver_hourly_stats", "driver_fresh_stats") for name in STATS]

    def row(conv_rate, **columns):
        return pd.DataFrame({
            "driver_id": [7001], "event_timestamp": [now], "created": [now], "conv_rate": np.float32([conv_rate]),
            "acc_rate": np.float32([0.5]), "avg_daily_trips": [7], "home_zone": ["zone"], **columns})

    before = len(pq.read_table(Path(repo) / "data/driver_stats.parquet"))
    fs.push("driver_push_source", row(0.25), to=PushMode.OFFLINE)
    assert len(pq.read_table(Path(repo) / "data/driver_stats.parquet")) == before + 1
    asked = pd.DataFrame({"driver_id": [7001], "event_timestamp": [now + timedelta(hours=1)]})
    answer = fs.get_historical_features(asked, features).to_df()
    assert answer["conv_rate"].tolist() == [0.25] and answer["home_zone"].tolist() == ["zone"], answer
    fs.write_to_offline_store("driver_hourly_stats", row(0.75).assign(event_timestamp=now + timedelta(minutes=1)))
    answer = fs.get_historical_features(asked, STATS).to_df()
    assert answer["conv_rate"].tolist() == [0.75], answer

    # The index of a frame is no column of the source.
    two = pd.concat([row(0.5), row(0.625).assign(event_timestamp=now + timedelta(minutes=2))])
    two.index = [7, 3]
    hourly = fs.get_feature_view("driver_hourly_stats")
    RemoteOfflineStore.offline_write_batch(fs.config, hourly, pa.Table.from_pandas(two), None)
    answer = fs.get_historical_features(asked, STATS).to_df()
    assert answer["conv_rate"].tolist() == [0.625], answer

    # What the server does not take, sent past the client's own check.
    view = fs.get_feature_view("driver_fresh_stats")
    for table, part in [
        (pa.Table.from_pandas(row(0.5).drop(columns="created")), "missing_expected_columns: ['created']"),
        (pa.Table.from_pandas(row(0.5, extra=[1])), "extra_unexpected_columns: ['extra']"),
        (pa.Table.from_pandas(row(0.5).assign(avg_daily_trips=["many"])), "avg_daily_trips"),
    ]:
        _, text = raised(lambda: RemoteOfflineStore.offline_write_batch(fs.config, view, table, None))
        assert part in text, text


def saves():
    entity_df = entities()
    job = fs.get_historical_features(entity_df, STATS)
    storage = SavedDatasetFileStorage("data/saved.parquet")
    dataset = fs.create_saved_dataset(from_=job, name="saved", storage=storage)
    columns = ["driver_id", "event_timestamp"] + [name.split(":")[1] for name in STATS]
    expected = job.to_df()[columns]

    def sorted_rows(frame):
        frame = frame[columns].sort_values(["event_timestamp", "driver_id", "avg_daily_trips"])
        return frame.reset_index(drop=True)

    pd.testing.assert_frame_equal(sorted_rows(dataset.to_df()), sorted_rows(expected))
    pd.testing.assert_frame_equal(sorted_rows(fs.get_saved_dataset("saved").to_df()), sorted_rows(expected))
    kept = pq.read_table(Path(repo) / "data/saved.parquet").to_pandas()
    assert list(kept["row"]) == list(entity_df["row"]), kept

    name, text = raised(lambda: fs.create_saved_dataset(from_=job, name="saved", storage=storage))
    assert name == "SavedDatasetLocationAlreadyExists" and "data/saved.parquet" in text, (name, text)
    fs.create_saved_dataset(from_=job, name="saved", storage=storage, allow_overwrite=True)
    elsewhere = SavedDatasetFileStorage("data/elsewhere.parquet")
    name, text = raised(lambda: fs.create_saved_dataset(from_=job, name="elsewhere", storage=elsewhere))
    assert name == "DataSourceObjectNotFoundException" and "data/elsewhere.parquet" in text, (name, text)
    assert not (Path(repo) / "data/elsewhere.parquet").exists()

    # A dataset that larder has made is read by its path.
    features = [word for feature in STATS for word in ("-f", feature)]
    rows = str(Path(repo) / "rows.parquet")
    entity_df.to_parquet(rows, index=False)
    subprocess.run(
        [larder, "-c", repo, "get-historical-features", "--entities", rows, *features, "--save-as", "of_larder",
         "-o", "data/of_larder.parquet"], check=True, capture_output=True)
    fs.refresh_registry()
    pd.testing.assert_frame_equal(sorted_rows(fs.get_saved_dataset("of_larder").to_df()), sorted_rows(expected))


def logs():
    service = fs.get_feature_service("driver_log")
    now = at("2024-01-20T12:00:00")
    columns = {"driver_id": [1001, 1002]}
    for feature in ["conv_rate", "acc_rate"]:
        name = f"driver_hourly_stats__{feature}"
        columns |= {name: np.float32([0.5, 0.25]), f"{name}__timestamp": [now] * 2, f"{name}__status": np.int32([1, 1])}
    columns |= {"__log_timestamp": [now] * 2, "__log_date": [now.date()] * 2, "__request_id": ["a", "b"]}
    table = pa.Table.from_pydict(columns)
    before = len(list((Path(repo) / "data/logs").glob("*.parquet")))
    fs.write_logged_features(table, service)
    files = list((Path(repo) / "data/logs").glob("*.parquet"))
    assert len(files) == before + 1, files
    assert any(pq.read_table(file).equals(table) for file in files), [pq.read_table(file) for file in files]
    name, text = raised(lambda: fs.write_logged_features(table.drop_columns(["__log_timestamp"]), service))
    assert "__log_timestamp" in text and "driver_log" in text, (name, text)
    service.name = "nope"
    name, text = raised(lambda: fs.write_logged_features(table, service))
    assert name == "FeatureServiceNotFoundException", (name, text)


def applies():
    """Definitions without types, which the client gets from the server."""
    provider = fs._get_provider()
    source = fs.get_data_source("wide_types_source")
    columns = dict(provider.get_table_column_names_and_types_from_data_source(fs.config, source))
    assert columns["f_float32"] == "float" and columns["event_timestamp"].startswith("timestamp["), columns
    assert columns["f_int64_list"] == "list<item: int64>", columns
    # Names as the file has them.
    scores = fs.get_data_source("driver_scores_source")
    columns = dict(provider.get_table_column_names_and_types_from_data_source(fs.config, scores))
    assert set(columns) == {"driver_id", "ts", "scr"}, columns
    for name in ["driver_stats_source", "driver_scores_source", "driver_push_source", "trip_request"]:
        provider.validate_data_source(fs.config, fs.get_data_source(name))
    # No file yet, as with Feast's own server.
    provider.validate_data_source(fs.config, FileSource(name="later", path="data/later.parquet", timestamp_field="at"))
    wrong = FileSource(name="wrong", path="data/driver_stats.parquet", timestamp_field="moment")
    name, text = raised(lambda: provider.validate_data_source(fs.config, wrong))
    assert "moment" in text and "event_timestamp" in text, (name, text)
    for path in ["/etc/passwd", "../outside.parquet", "feature_store.yaml", "/tmp/elsewhere.parquet"]:
        secret = FileSource(name="secret", path=path, timestamp_field="at")
        name, text = raised(lambda: provider.validate_data_source(fs.config, secret))
        assert "cannot be looked at from outside" in text, (path, name, text)
        name, text = raised(lambda: list(
            provider.get_table_column_names_and_types_from_data_source(fs.config, secret)))
        assert "cannot be looked at from outside" in text, (path, name, text)

    view = FeatureView(name="scores_again", entities=[fs.get_entity("driver")], ttl=timedelta(days=30), source=scores)
    fs.apply([view])
    inferred = fs.get_feature_view("scores_again")
    assert [(field.name, field.dtype) for field in inferred.features] == [("score", Float64)], inferred
    fs.delete_feature_view("scores_again")


def applies_a_repo():
    """`feast apply` of the golden repo in Python: the server looks at every source."""
    definitions = Path(__file__).parents[1] / "repo/feature_repo.py"
    folder = Path(repo) / "feast"
    folder.mkdir()
    (folder / "feature_repo.py").write_text(definitions.read_text())
    host, port = address.rsplit(":", 1)
    (folder / "feature_store.yaml").write_text(
        "project: larder_golden\nprovider: local\n"
        f"registry: {repo}/data/registry.db\nonline_store: {{type: sqlite, path: online_store.db}}\n"
        f"offline_store: {{type: remote, host: {host}, port: {port}}}\nentity_key_serialization_version: 3\n")

    def feast(*words):
        command = [sys.executable, "-m", "feast.cli.cli", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    applied = feast("apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    done = feast("materialize", "2024-01-01T00:00:00", "2024-01-16T00:00:00", "--views", "driver_hourly_stats")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = sqlite3.connect(folder / "online_store.db").execute(
        "SELECT count(*) FROM larder_golden_driver_hourly_stats WHERE feature_name = 'conv_rate'").fetchone()
    assert rows[0] > 3, rows
    source = (folder / "feature_repo.py").read_text()
    broken = source.replace('timestamp_field="ts"', 'timestamp_field="moment"')
    (folder / "feature_repo.py").write_text(broken)
    applied = feast("apply")
    assert applied.returncode != 0 and "column `moment` is missing" in applied.stdout + applied.stderr, applied


def errors():
    """The class that larder's envelope names is the one that the client raises."""
    entity_df = entities()

    def asking(**changed):
        job = fs.get_historical_features(entity_df, STATS)
        job.api_parameters.update(changed)
        return job.to_arrow()

    for call, expected, part in [
        (lambda: asking(feature_refs=["nope:x"]), "FeatureViewNotFoundException",
         "Feature view nope does not exist in project larder_golden"),
        (lambda: asking(feature_refs=["driver_hourly_stats:conv_rate", "driver_lifetime:conv_rate"]),
         "FeatureNameCollisionError", "Duplicate features named conv_rate found."),
        (lambda: asking(feature_refs=["transformed_conv_rate:conv_rate_plus_val1"]),
         "RequestDataNotFoundInEntityDfException", "val_to_add"),
        (lambda: fs.get_historical_features(entity_df.drop(columns="driver_id"), STATS).to_df(),
         "FeastEntityDFMissingColumnsError", "driver_id"),
        (lambda: fs.get_historical_features("SELECT 1", STATS).to_df(), None, "larder runs no SQL"),
        (lambda: asking(feature_refs=["driver_hourly_stats:nope"]), None, "nope"),
        (lambda: asking(feature_refs=[]), None, "No features specified"),
        (lambda: asking(project="other"), None, "this server has project `larder_golden` and not `other`"),
        (lambda: asking(name_aliases=["unknown"], feature_refs=["unknown:conv_rate"]), None,
         "no feature service asks for feature view `driver_hourly_stats` as `unknown`"),
        (lambda: fs.get_historical_features(entity_df.assign(driver_id="x"), STATS).to_df(), None, "driver_id"),
        (lambda: asking(start_date="2024-01-01"), None, "not both"),
    ]:
        name, text = raised(call)
        assert part in text and (expected is None or name == expected), (expected, part, name, text)

    client = build_arrow_flight_client("http", *address.rsplit(":", 1), fs.config.auth_config)
    actions = [getattr(action, "type", None) or action[0] for action in client.list_actions()]
    assert actions == ["offline_write_batch", "write_logged_features", "persist"], actions
    assert list(client.list_flights()) == []


joins()
frames()
on_demand()
recorded()
without_entities()
pulls()
materializes()
saves()
logs()
applies()
errors()
pushes()
applies_a_repo()
