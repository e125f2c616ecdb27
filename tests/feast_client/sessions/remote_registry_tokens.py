"""Feast's client with tokens against larder's registry server: permissions say what it sees and changes."""
import sys
import time
import warnings

import grpc
from feast import Entity, FeatureView, Field, FileSource
from feast.protos.feast.registry import RegistryServer_pb2 as wire
from feast.types import Float32
from feast.value_type import ValueType

from golden import raised, remote_registry

warnings.filterwarnings("ignore")
repo, address, admin, editor, reader, guest, stranger = sys.argv[1:]
PROJECT = "larder_golden"


def registry(token):
    return remote_registry(address, repo, auth={"type": "oidc", "token": token}).registry


def view(name):
    source = FileSource(name="driver_stats_source", path="data/driver_stats.parquet", timestamp_field="event_timestamp")
    entity = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    return FeatureView(name=name, entities=[entity], schema=[Field(name="conv_rate", dtype=Float32)], source=source)


def denied(call, action):
    kind, text = raised(call)
    assert kind == "FeastPermissionError" and action in text, (kind, text)


def names(objects):
    return sorted(known.name for known in objects)


# Who may do everything.
everything = registry(admin)
assert len(everything.list_feature_views(PROJECT)) == 9
assert names(everything.list_permissions(PROJECT)) == ["admins", "editors", "history", "makers", "readers"]
everything.apply_entity(Entity(name="made", join_keys=["id"], value_type=ValueType.STRING), PROJECT)
everything.delete_entity("made", PROJECT)
everything.commit()
everything.refresh(PROJECT)

# Lists hold what may be described; by name, the rest is refused.
some = registry(reader)
assert names(some.list_feature_views(PROJECT)) == [
    "driver_fresh_stats", "driver_hourly_stats", "driver_lifetime", "driver_scores"], some.list_feature_views(PROJECT)
assert names(some.list_entities(PROJECT)) == ["driver"]
assert some.list_feature_services(PROJECT) == [] and some.list_permissions(PROJECT) == []
assert names(some.list_projects()) == [PROJECT]
assert some.get_feature_view("driver_scores", PROJECT).name == "driver_scores"
denied(lambda: some.get_feature_view("wide_types", PROJECT), "DESCRIBE")
denied(lambda: some.get_feature_service("trip_model", PROJECT), "DESCRIBE")
denied(lambda: some.apply_entity(some.get_entity("driver", PROJECT), PROJECT), "UPDATE")
denied(lambda: some.delete_entity("driver", PROJECT), "DELETE")
denied(lambda: some.apply_feature_view(view("driver_new"), PROJECT), "CREATE")
denied(lambda: some.commit(), "")
denied(lambda: some.refresh(PROJECT), "UPDATE")
proto = some.proto()
assert [known.spec.name for known in proto.entities] == ["driver"] and not proto.permissions, proto

# Who may change some.
changes = registry(editor)
changes.apply_feature_view(view("driver_new"), PROJECT)
changes.apply_feature_view(view("driver_new"), PROJECT)
denied(lambda: changes.apply_feature_view(view("rider_new"), PROJECT), "CREATE")
denied(lambda: changes.delete_feature_view("driver_new", PROJECT), "DELETE")
stored = changes.get_feature_view("driver_new", PROJECT)
denied(lambda: changes.apply_materialization(stored, PROJECT, stored.created_timestamp, stored.created_timestamp),
       "WRITE_ONLINE")
assert changes.list_projects() == []
everything.delete_feature_view("driver_new", PROJECT)

# A dataset shows what its maker may read, to who may read it.
def make(client, name, view="driver_hourly_stats", **request):
    started = client.stub.CreateDatasetFromRetrieval(wire.CreateDatasetFromRetrievalRequest(**{
        "name": name, "project": PROJECT, "features": [f"{view}:conv_rate"], "entity_source_type": "inline",
        "entity_keys": ["driver_id"], "entity_values": "1003", "storage_type": "file",
        "storage_path": f"data/{name}.parquet", **request,
    }))
    job = wire.GetDatasetJobStatusRequest(job_id=started.job_id)
    while client.stub.GetDatasetJobStatus(job).status in ("pending", "running"):
        time.sleep(0.05)
    return job


def data(client, name):
    return client.stub.GetDatasetData(wire.GetDatasetDataRequest(name=name, project=PROJECT))


def jobs(client):
    return [job.dataset_name for job in client.stub.ListDatasetJobs(wire.ListDatasetJobsRequest()).jobs]


job = make(changes, "driver_kept")
assert changes.stub.GetDatasetJobStatus(job).status == "completed", changes.stub.GetDatasetJobStatus(job)
denied(lambda: make(changes, "driver_scored", view="driver_scores"), "READ_OFFLINE")
denied(lambda: make(changes, "rider_kept"), "CREATE")
denied(lambda: make(changes, "driver_of_file", entity_source_type="reference",
                    entity_source_path="data/driver_stats.parquet"), "READ_OFFLINE")
denied(lambda: make(changes, "driver_kept", allow_overwrite=True), "UPDATE")
denied(lambda: data(changes, "driver_kept"), "READ_OFFLINE")
assert len(data(everything, "driver_kept").rows) == 1
denied(lambda: make(some, "driver_more"), "CREATE")
denied(lambda: some.stub.GetDatasetJobStatus(job), "DESCRIBE")
assert (jobs(changes), jobs(everything), jobs(some)) == (["driver_kept"], ["driver_kept"], [])

# A user without any permission sees nothing, and a token that nobody trusts, or none, gets nothing at all.
assert registry(guest).list_entities(PROJECT) == []
denied(lambda: registry(guest).get_entity("driver", PROJECT), "DESCRIBE")
unknown = registry(stranger)
kind, text = raised(lambda: unknown.list_entities(PROJECT))
assert "Invalid or expired access token" in text, (kind, text)
open_client = remote_registry(address, repo)
try:
    open_client.registry.list_entities(PROJECT)
    raise AssertionError("a client without a token was answered")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
