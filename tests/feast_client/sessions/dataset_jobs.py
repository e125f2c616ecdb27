"""Datasets that a client of the registry server has made, beside those that Feast's own server makes."""
import json
import sys
import time
import warnings
from pathlib import Path

import grpc
import pandas as pd
from feast import FeatureStore
from feast.protos.feast.registry import RegistryServer_pb2 as wire
from feast.registry_server import RegistryServer

from golden import remote_registry

warnings.filterwarnings("ignore")
of_feast, of_larder, address = sys.argv[1:]
PROJECT = "larder_golden"
feast_store = FeatureStore(of_feast)
handler = RegistryServer(feast_store.registry, store=feast_store)
fs = remote_registry(address, of_larder)
stub = fs.registry.stub


class Feast:
    """Feast's server, called as its REST routes call it."""
    repo = Path(of_feast)

    def call(self, method, request):
        return getattr(handler, method)(request, None)


class Larder:
    repo = Path(of_larder)

    def call(self, method, request):
        return getattr(stub, method)(request)


SIDES = [Feast(), Larder()]


def make(side, name, **request):
    """Has a dataset made, and waits; its job in the end."""
    request = {
        "features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate"],
        "entity_source_type": "inline",
        "entity_keys": ["driver_id"],
        "entity_values": "1003,1005",
        "end_date": "2024-01-02T12:30:00",
        "storage_type": "file",
        "storage_path": str(side.repo / "data" / f"{name}.parquet"),
        **request,
    }
    started = side.call(
        "CreateDatasetFromRetrieval", wire.CreateDatasetFromRetrievalRequest(name=name, project=PROJECT, **request)
    )
    assert started.job_id, started
    for _ in range(600):
        job = side.call("GetDatasetJobStatus", wire.GetDatasetJobStatusRequest(job_id=started.job_id))
        if job.status in ("completed", "failed"):
            break
        time.sleep(0.1)
    assert (job.job_id, job.dataset_name, job.project) == (started.job_id, name, PROJECT), job
    assert pd.to_datetime(job.completed_at) >= pd.to_datetime(job.created_at), job
    return job


def table(side, name):
    """What lies in the file, in an order that is told."""
    rows = pd.read_parquet(side.repo / "data" / f"{name}.parquet")
    rows["event_timestamp"] = pd.to_datetime(rows["event_timestamp"], utc=True).astype("datetime64[us, UTC]")
    columns = sorted(rows.columns)
    return rows[columns].sort_values(["driver_id", "event_timestamp"]).reset_index(drop=True)


def same(name, **request):
    """Both make the dataset, and the same one."""
    for side in SIDES:
        job = make(side, name, **{key: value(side) if callable(value) else value for key, value in request.items()})
        assert (job.status, job.error) == ("completed", ""), (type(side), job)
    theirs, ours = (table(side, name) for side in SIDES)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    shown = [side.call("GetDatasetData", wire.GetDatasetDataRequest(name=name, project=PROJECT)) for side in SIDES]
    # Feast shows no columns but features, keys and time.
    columns = set(shown[0].columns)
    assert set(shown[1].columns) == set(ours.columns) >= columns, shown
    by_row = [
        sorted(json.dumps([cell for cell in sorted(zip(one.columns, row.values)) if cell[0] in columns])
               for row in one.rows)
        for one in shown
    ]
    assert by_row[0] == by_row[1], by_row
    assert [(one.total_rows, one.sample_size) for one in shown] == [(len(ours), len(ours))] * 2, shown
    dataset = [
        side.call("GetSavedDataset", wire.GetSavedDatasetRequest(name=name, project=PROJECT)).spec for side in SIDES
    ]
    for field in ["name", "full_feature_names", "tags"]:
        assert getattr(dataset[0], field) == getattr(dataset[1], field), (field, dataset)
    for field in ["features", "join_keys"]:
        assert sorted(getattr(dataset[0], field)) == sorted(getattr(dataset[1], field)), (field, dataset)
    return shown


shown = same("of_words", tags={"team": "a"})
assert shown[1].rows[0].values[list(shown[1].columns).index("event_timestamp")] == '"2024-01-02 12:30:00+00:00"', shown[1]
same("spread", entity_values="1003\n1004\n1005", start_date="2024-01-01", end_date="2024-01-03 12:30:00")
same("of_service", features=[], feature_service_name="driver_logged")
pd.DataFrame({
    "driver_id": [1004, 1003], "event_timestamp": pd.to_datetime(["2024-01-01T09:30:00Z", "2024-01-02T00:00:00Z"]),
}).to_parquet(Feast.repo / "data/asked.parquet")
(Larder.repo / "data/asked.parquet").write_bytes((Feast.repo / "data/asked.parquet").read_bytes())
same(
    "of_table", entity_source_type="reference", entity_keys=[], entity_values="", end_date="",
    entity_source_path=lambda side: str(side.repo / "data/asked.parquet"), extra_columns="note=7",
)

# Again: only if it may be replaced.
for side in SIDES:
    job = make(side, "of_words")
    assert job.status == "failed" and "already exists" in job.error, job
    assert make(side, "of_words", allow_overwrite=True).status == "completed"
    failed = make(side, "wrong", features=["driver_hourly_stats:nothing"])
    assert failed.status == "failed" and failed.error, failed

for side in SIDES:
    listed = side.call("ListDatasetJobs", wire.ListDatasetJobsRequest(project=PROJECT, status_filter="failed")).jobs
    assert [job.dataset_name for job in listed] == ["wrong", "of_words"], listed
    assert len(side.call("ListDatasetJobs", wire.ListDatasetJobsRequest()).jobs) == 7
    assert not side.call("ListDatasetJobs", wire.ListDatasetJobsRequest(project="other")).jobs


def refused(method, request):
    try:
        getattr(stub, method)(request)
    except Exception as error:
        return error
    raise AssertionError(f"{method} is not refused")


unknown = refused("GetDatasetJobStatus", wire.GetDatasetJobStatusRequest(job_id="none"))
assert str(unknown) == "Dataset job 'none' not found", unknown
unknown = refused("GetDatasetData", wire.GetDatasetDataRequest(name="none", project=PROJECT))
assert "none does not exist in project larder_golden" in str(unknown), unknown

# Where a client may write and read.
good = {
    "name": "x", "project": PROJECT, "features": ["driver_hourly_stats:conv_rate"], "entity_source_type": "inline",
    "entity_keys": ["driver_id"], "entity_values": "1001", "storage_type": "file", "storage_path": "data/x.parquet",
}
for change, told in [
    ({"storage_path": "/tmp/x.parquet"}, "neither in the feature repo"),
    ({"storage_path": "../x.parquet"}, "neither in the feature repo"),
    ({"storage_path": "feature_store.yaml"}, "must end in"),
    ({"storage_path": "data/registry.db"}, "must end in"),
    ({"storage_path": "s3://bucket/x.parquet"}, "no file on this machine"),
    ({"storage_path": "data/driver_stats.parquet", "allow_overwrite": True}, "the file of data source"),
    ({"storage_path": "data/of_words.parquet", "allow_overwrite": True}, "the file of saved dataset `of_words`"),
    ({"storage_path": ""}, "Storage path"),
    ({"storage_type": "bigquery"}, "none in `bigquery`"),
    ({"name": " "}, "name is required"),
    ({"entity_values": "1001," * 300_000}, "name a file of entity rows"),
    ({"entity_source_type": "reference", "entity_source_path": "/etc/passwd"}, "must end in"),
    ({"entity_source_type": "reference", "entity_source_path": "/tmp/x.parquet"}, "neither in the feature repo"),
    ({"features": ["nowhere:x"]}, "nowhere does not exist"),
    ({"project": "elsewhere"}, "does not exist in project elsewhere"),
]:
    error = refused("CreateDatasetFromRetrieval", wire.CreateDatasetFromRetrievalRequest(**{**good, **change}))
    assert told in str(error), (change, error)
assert not (Larder.repo / "data/x.parquet").exists()
