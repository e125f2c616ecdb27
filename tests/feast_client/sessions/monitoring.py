"""Feast and larder compute the metrics of the same sources and logs, and read what the other has kept."""
import json
import logging
import math
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
import warnings
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureStore, RepoConfig
from feast.monitoring.monitoring_service import MonitoringService
from feast.version import get_version

warnings.filterwarnings("ignore")
repo, url = sys.argv[1:]
repo = Path(repo)
project = "larder_golden"
random = np.random.default_rng(67)
# Sources that Feast makes metrics of.
views = ["measurements", "driver_hourly_stats", "driver_lifetime", "customer_profile", "customer_driver", "location_stats",
         "global_stats", "driver_fresh_stats"]
knows_newest = get_version() >= "0.67"


def measurements():
    """Numbers of all sorts, with some missing, every five minutes of forty days and a bit."""
    count = 11_600
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(count) * 5, unit="min")

    def some(values, missing):
        return pd.Series(values).where(random.random(count) > missing)

    table = pa.table({
        "driver_id": pa.array(random.integers(0, 50, count)),
        "event_timestamp": pa.array(times),
        "rate": pa.array(some(random.random(count), 0.1).astype("float32"), from_pandas=True),
        "amount": pa.array(some(random.lognormal(3, 2, count) * random.choice([-1, 1], count), 0.02), from_pandas=True),
        "trips": pa.array(random.poisson(7, count)),
        "rank": pa.array(random.integers(-5, 5, count).astype("int32")),
        "same": pa.array(np.full(count, 3.25)),
        "absent": pa.array([None] * count, pa.float64()),
        "zone": pa.array(random.choice([*"abcdefghijklmnopqrst", "", None], count)),
        "vip": pa.array(random.choice([True, False, False, None], count)),
    })
    (repo / "data").mkdir(exist_ok=True)
    # Row groups, so that a span is read from some of them.
    pq.write_table(table, repo / "data/measurements.parquet", row_group_size=1000)


def store(folder):
    return FeatureStore(config=RepoConfig(
        project=project, provider="local", registry=str(folder / "data/registry.db"), repo_path=folder,
        online_store={"type": "sqlite", "path": str(folder / "data/feast_online.db")},
        offline_store={"type": "dask"}, entity_key_serialization_version=3,
        data_quality_monitoring={"auto_baseline": False}))


def ask(path, body=None, status=200):
    request = urllib.request.Request(
        f"{url}/monitoring/{path}", None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            got, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        got, text = error.code, error.read()
    assert got == status, (path, body, got, text)
    return json.loads(text)


def near(one, other):
    """Whether two answers are the same, up to the rounding of means and deviations."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(near, one, other))
    return type(one) is type(other) and one == other


def without(answer, *keys):
    return {key: value for key, value in answer.items() if key not in keys}


KEY = ["feature_view_name", "feature_service_name", "feature_name", "metric_date", "granularity", "data_source_type"]


def same_rows(feast, larder, newest=True):
    """Every row of Feast's in larder's answer, field by field, and none beside."""
    def keyed(rows):
        rows = [json.loads(json.dumps(row, default=str)) for row in rows]
        found = {tuple(row.get(part) for part in KEY): row for row in rows}
        assert len(found) == len(rows), "a key comes twice"
        return found

    feast, larder = keyed(feast), keyed(larder)
    assert feast.keys() == larder.keys(), (feast.keys() ^ larder.keys())
    left_out = ["computed_at"] if knows_newest and newest else ["computed_at", "max_event_timestamp"]
    for key, row in feast.items():
        one, other = without(row, *left_out), without(larder[key], *left_out)
        assert near(one, other), (key, [(part, one[part], other[part]) for part in one if not near(one[part], other[part])])
        for time in ("computed_at", "max_event_timestamp"):
            told = larder[key][time]
            assert told is None or datetime.fromisoformat(told).tzinfo, told
    return len(feast)


measurements()
feasts = Path(tempfile.mkdtemp()) / "feast"
shutil.copytree(repo, feasts)
fs = store(feasts)
service = MonitoringService(fs)


def auto():
    for view in views:
        ours = ask("auto_compute", {"project": project, "feature_view_name": view})
        theirs = service.auto_compute(project, view)
        assert near(without(ours, "duration_ms", "job_id"), without(theirs, "duration_ms")), (view, ours, theirs)
        assert theirs["computed_features"] > 0, (view, theirs)
    ours = ask(f"metrics/features?project={project}")
    assert same_rows(service.get_feature_metrics(project), ours) > 100
    for part, theirs in [
            ("feature_views", service.get_feature_view_metrics(project)),
            ("feature_services", service.get_feature_service_metrics(project)),
            ("baseline", service.get_baseline(project)),
    ]:
        assert same_rows(theirs, ask(f"metrics/{part}?project={project}")) > 5, part
    for asked in ({"feature_view_name": "measurements", "feature_name": "amount", "granularity": "monthly"},
                  {"feature_service_name": "measured", "granularity": "weekly"}, {"start_date": date(2024, 1, 20)},
                  {"end_date": date(2024, 1, 3)}, {"data_source_type": "log"}):
        query = "".join(f"&{key}={value}" for key, value in asked.items())
        same_rows(service.get_timeseries(project, **asked), ask(f"metrics/timeseries?project={project}{query}"))


def days():
    for granularity, start, end in [("weekly", "2024-01-04", "2024-01-10"), ("daily", "2024-01-31", "2024-01-31"),
                                    ("monthly", "2023-12-01", "2024-01-31"), ("daily", "2020-01-01", "2020-01-02")]:
        asked = {"start_date": start, "end_date": end, "feature_names": ["rate", "zone", "vip"]}
        theirs = service.compute_metrics(
            project, "measurements", asked["feature_names"], date.fromisoformat(start), date.fromisoformat(end), granularity)
        body = {"project": project, "feature_view_name": "measurements", "granularity": granularity, **asked}
        ours = ask("compute", body)
        assert near(without(ours, "duration_ms", "job_id"), without(theirs, "duration_ms")), (ours, theirs)
        spans = f"&granularity={granularity}&start_date={start}&end_date={start}"
        when = {"granularity": granularity, "start_date": date.fromisoformat(start), "end_date": date.fromisoformat(start)}
        # The newest row of the span; Feast has the end of the span, where later rows are in the source.
        same_rows(service.get_feature_metrics(project, **when), ask(f"metrics/features?project={project}{spans}"), newest=False)
        same_rows(service.get_feature_service_metrics(project, **when),
                  ask(f"metrics/feature_services?project={project}{spans}"), newest=False)
        ours = ask("compute/transient", {"project": project, "feature_view_name": "measurements", **asked})
        theirs = service.compute_transient(
            project, "measurements", asked["feature_names"], date.fromisoformat(start), date.fromisoformat(end))
        by_name = lambda answer: sorted(answer["metrics"], key=lambda row: row["feature_name"])
        assert near(by_name(ours), by_name(theirs)), (ours, theirs)
        assert near(without(ours, "duration_ms", "metrics"), without(theirs, "duration_ms", "metrics"))
    newest = ask(f"metrics/features?project={project}&granularity=weekly&start_date=2024-01-04&end_date=2024-01-04")
    assert {row["max_event_timestamp"] for row in newest} == {"2024-01-10T23:55:00+00:00"}, newest


def logs():
    feature_service = fs.get_feature_service("driver_log")
    count, now = 40, datetime(2024, 2, 1, tzinfo=timezone.utc)
    columns = {"driver_id": pa.array(range(count))}
    for name in ("conv_rate", "acc_rate"):
        column = f"driver_hourly_stats__{name}"
        values = random.random(count).astype("float32")
        columns[column] = pa.array([None if row % 7 == 0 else value for row, value in enumerate(values)], pa.float32())
        columns[f"{column}__timestamp"] = pa.array([now] * count, pa.timestamp("us", "UTC"))
        columns[f"{column}__status"] = pa.array([3 if row % 7 == 0 else 1 for row in range(count)], pa.int32())
    columns["__log_timestamp"] = pa.array([now + timedelta(hours=row) for row in range(count)], pa.timestamp("us", "UTC"))
    columns["__log_date"] = pa.array([now.date()] * count)
    columns["__request_id"] = pa.array([str(row) for row in range(count)])
    for folder in (repo, feasts):
        (folder / "data/logs").mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), folder / "data/logs/one.parquet")
    ours = ask("auto_compute/log", {"project": project, "feature_service_name": "driver_log"})
    theirs = service.auto_compute_log_metrics(project, "driver_log")
    assert theirs["computed_features"] == 10, theirs
    assert near(without(ours, "duration_ms"), without(theirs, "duration_ms")), (ours, theirs)
    asked = {"project": project, "feature_service_name": "driver_log", "start_date": "2024-02-01", "end_date": "2024-02-01"}
    ours = ask("compute/log", {**asked, "granularity": "monthly"})
    theirs = service.compute_log_metrics(project, "driver_log", date(2024, 2, 1), date(2024, 2, 1), "monthly")
    assert near(without(ours, "duration_ms"), without(theirs, "duration_ms")), (ours, theirs)
    of_logs = {"data_source_type": "log", "granularity": "daily"}
    query = "&data_source_type=log&granularity=daily"
    assert same_rows(service.get_feature_metrics(project, **of_logs), ask(f"metrics/features?project={project}{query}")) == 2
    same_rows(service.get_feature_view_metrics(project, **of_logs), ask(f"metrics/feature_views?project={project}{query}"))
    same_rows(service.get_feature_service_metrics(project, **of_logs), ask(f"metrics/feature_services?project={project}{query}"))


def each_others_files():
    """Feast opens larder's repo, and the other way round."""
    shared = MonitoringService(store(repo))
    before = ask(f"metrics/features?project={project}")
    assert same_rows(shared.get_feature_metrics(project), before) == len(before)
    result = shared.compute_metrics(project, "measurements", None, date(2024, 1, 11), date(2024, 1, 12), "biweekly")
    assert result["computed_features"] == 8, result
    after = ask(f"metrics/features?project={project}")
    assert len(after) == len(before) + 8, (len(before), len(after))
    assert same_rows(shared.get_feature_metrics(project), after) == len(after)
    ask("compute", {"project": project, "feature_view_name": "measurements", "start_date": "2024-01-11",
                    "end_date": "2024-01-12", "granularity": "biweekly"})
    again = ask(f"metrics/features?project={project}")
    assert len(again) == len(after), "a row replaces the one of its key"
    same_rows(after, again, newest=False)
    # Jobs too, of either.
    job = ask("auto_compute", {"project": project, "feature_view_name": "global_stats"})["job_id"]
    theirs, ours = shared.get_job(job), ask(f"jobs/{job}?project={project}")
    read = lambda row: {key: str(value) for key, value in row.items() if not key.endswith("_at")}
    assert read(theirs) == read(ours), (theirs, ours)
    assert pd.Timestamp(ours["completed_at"]) == theirs["completed_at"], (theirs, ours)
    job = shared.submit_job(project, "baseline", "global_stats", {"feature_names": ["surge_index"]})
    assert ask(f"jobs/{job}?project={project}")["status"] == "pending"
    shared.execute_job(job)
    ours = ask(f"jobs/{job}?project={project}")
    assert ours["status"] == "completed" and ours["parameters"] == {"feature_names": ["surge_index"]}, ours
    assert ours["result_summary"]["computed_features"] == 0 and ours["started_at"] <= ours["completed_at"], ours


def differences():
    """What Feast makes no metrics of, without a word to the caller."""
    # Renamed columns, times without zone; a view with lists, and with whole numbers beyond those that floats hold.
    logging.getLogger("feast.monitoring.monitoring_service").setLevel(logging.CRITICAL)
    for view in ("driver_scores", "wide_types"):
        theirs = service.auto_compute(project, view)
        assert theirs["computed_features"] == 0 and theirs["status"] == "completed", (view, theirs)
        assert ask("auto_compute", {"project": project, "feature_view_name": view})["computed_features"] > 0, view
    # A baseline of one feature takes those of the others away.
    row = fs.get_feature_view("location_stats").features[0].name
    kept = {found["feature_name"] for found in service.get_baseline(project, "location_stats")}
    assert len(kept) == 2, kept
    service.compute_metrics(project, "location_stats", [row], date(2024, 1, 1), date(2024, 1, 31), "daily", True)
    assert {found["feature_name"] for found in service.get_baseline(project, "location_stats")} == {row}
    ask("compute", {"project": project, "feature_view_name": "location_stats", "feature_names": [row],
                    "start_date": "2024-01-01", "end_date": "2024-01-31", "set_baseline": True})
    left = ask(f"metrics/baseline?project={project}&feature_view_name=location_stats")
    assert {found["feature_name"] for found in left} == kept, left


def routes():
    """Answers of Feast's own routes, where they can be had without its gRPC server."""
    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from feast.api.registry.rest.monitoring import get_monitoring_router

    app = FastAPI()
    app.include_router(get_monitoring_router(None, store=fs))
    client = TestClient(app)
    measured = {"project": project, "feature_view_name": "measurements"}
    for path, body in [
            ("compute", {**measured, "start_date": "2024-01-05", "end_date": "2024-01-06"}),
            ("compute", {**measured, "set_baseline": True}),
            ("auto_compute", measured),
            ("compute/transient", {**measured, "start_date": "2024-01-05", "end_date": "2024-01-06", "feature_names": ["zone"]}),
            ("compute/log", {"project": project, "feature_service_name": "measured"}),
            (f"metrics/features?project={project}&feature_view_name=measurements&granularity=quarterly", None),
            (f"metrics/feature_views?project={project}&feature_service_name=measured&granularity=quarterly", None),
            (f"jobs/nope?project={project}", None),
            ("compute", {**measured, "granularity": "hourly"}),
            ("compute/log", {"project": project, "feature_service_name": "measured", "granularity": "hourly"}),
            ("compute", {**measured, "project": ""}),
            ("compute?project=other", measured),
            ("compute", {}),
    ]:
        theirs = client.get(f"/monitoring/{path}") if body is None else client.post(f"/monitoring/{path}", json=body)
        ours = ask(path, body, theirs.status_code)
        theirs = theirs.json()
        if isinstance(theirs, list):
            assert same_rows(theirs, ours) > 0, path
        elif isinstance(theirs.get("detail"), str):
            assert ours["detail"] == theirs["detail"], (ours, theirs)
        elif "detail" not in theirs:
            left_out = ("duration_ms", "job_id")
            assert ours.keys() == theirs.keys(), (path, ours, theirs)
            assert near(without(ours, *left_out), without(theirs, *left_out)), (path, ours, theirs)


auto()
days()
logs()
each_others_files()
differences()
if knows_newest:
    routes()
