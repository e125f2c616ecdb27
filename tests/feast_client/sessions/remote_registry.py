"""Feast's client with larder's registry server reads, changes and deletes every kind of object."""
import sys
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
from feast import (
    Entity, FeatureService, FeatureView, Field, FileSource, Project, PushSource, RequestSource, StreamFeatureView,
)
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.on_demand_feature_view import on_demand_feature_view
from feast.permissions.action import AuthzedAction
from feast.permissions.permission import Permission
from feast.permissions.policy import RoleBasedPolicy
from feast.protos.feast.core.Registry_pb2 import Registry as RegistryProto
from feast.protos.feast.registry import RegistryServer_pb2 as wire
from feast.saved_dataset import SavedDataset
from feast.types import Float32, Float64, Int64, String
from feast.value_type import ValueType
from google.protobuf.empty_pb2 import Empty

from golden import post, raised, remote_registry, store

warnings.filterwarnings("ignore")
repo, address, features_server = sys.argv[1:]
PROJECT = "larder_golden"
fs = remote_registry(address, repo)
registry, stub = fs.registry, fs.registry.stub


def in_file():
    """The registry as it lies in the file."""
    return RegistryProto.FromString((Path(repo) / "data/registry.db").read_bytes())


def opened():
    """A client that has opened the file just now."""
    return store(repo, {"type": "sqlite"})


def reads():
    """All objects come as they lie in the file, byte for byte, and as a client that opens the file has them."""
    proto, local = in_file(), opened()
    for kind, objects in [
        ("Entities", proto.entities), ("DataSources", proto.data_sources), ("FeatureViews", proto.feature_views),
        ("StreamFeatureViews", proto.stream_feature_views), ("LabelViews", proto.label_views),
        ("OnDemandFeatureViews", proto.on_demand_feature_views), ("FeatureServices", proto.feature_services),
        ("SavedDatasets", proto.saved_datasets), ("ValidationReferences", proto.validation_references),
        ("Permissions", proto.permissions),
    ]:
        if not hasattr(wire, f"List{kind}Request"):
            assert kind == "LabelViews", kind
            continue
        reply = getattr(stub, f"List{kind}")(getattr(wire, f"List{kind}Request")(project=PROJECT))
        (field, listed), *_ = reply.ListFields() or [(None, [])]
        listed = listed if field and field.name != "pagination" else []
        assert list(listed) == list(objects), (kind, listed, objects)
        pages = 1 if objects else 0
        assert (reply.pagination.total_count, reply.pagination.total_pages) == (len(objects), pages), reply
    whole = stub.Proto(Empty())
    for field in ["entities", "feature_views", "on_demand_feature_views", "projects", "version_id", "last_updated"]:
        assert getattr(whole, field) == getattr(proto, field), field

    assert fs.list_entities() == local.list_entities()
    assert fs.list_feature_views() == local.list_feature_views()
    assert fs.list_feature_services() == local.list_feature_services()
    assert fs.list_data_sources() == local.list_data_sources()
    assert fs.list_on_demand_feature_views() == local.list_on_demand_feature_views()
    assert fs.get_entity("driver") == local.get_entity("driver")
    stats = fs.get_feature_view("driver_hourly_stats")
    assert stats == local.get_feature_view("driver_hourly_stats")
    assert stats.materialization_intervals == local.get_feature_view("driver_hourly_stats").materialization_intervals
    assert fs.get_feature_service("trip_model") == local.get_feature_service("trip_model")
    assert fs.get_data_source("driver_push_source") == local.get_data_source("driver_push_source")
    assert fs.get_project(PROJECT) == local.get_project(PROJECT)
    assert [project.name for project in fs.list_projects()] == [PROJECT]
    on_demand = registry.get_any_feature_view("transformed_conv_rate", PROJECT)
    assert type(on_demand).__name__ == "OnDemandFeatureView", on_demand
    assert registry.get_any_feature_view("driver_scores", PROJECT) == local.get_feature_view("driver_scores")
    names = [view.name for view in registry.list_all_feature_views(PROJECT)]
    assert names == [view.name for view in local.registry.list_all_feature_views(PROJECT)], names
    assert [entity.name for entity in fs.list_entities(tags={"domain": "rides"})] == ["driver"]
    assert fs.list_entities(tags={"domain": "trains"}) == []
    assert fs.list_feature_views(tags={"team": "driver_performance"})[0].name == "driver_hourly_stats"


def calls_that_no_client_makes():
    """Filters, order and pages, features, and what feeds what."""
    pages = wire.PaginationParams(page=2, limit=2)
    order = wire.SortingParams(sort_by="name", sort_order="desc")
    reply = stub.ListEntities(wire.ListEntitiesRequest(project=PROJECT, pagination=pages, sorting=order))
    assert [entity.spec.name for entity in reply.entities] == ["customer", "__dummy"], reply
    page = reply.pagination
    assert (page.page, page.limit, page.total_count, page.total_pages) == (2, 2, 4, 2), page
    assert page.has_previous and not page.has_next, page

    def views(**wanted):
        reply = stub.ListAllFeatureViews(wire.ListAllFeatureViewsRequest(project=PROJECT, **wanted))
        return {getattr(view, view.WhichOneof("any_feature_view")).spec.name for view in reply.feature_views}

    assert views(entity="location") == {"location_stats"}, views(entity="location")
    assert views(data_source="trip_request") == {"fare_estimate", "affordability_one"}
    assert views(data_source="driver_push_source") == {"driver_fresh_stats"}
    assert views(feature_service="driver_activity_v1") == {"driver_hourly_stats", "transformed_conv_rate"}
    assert views(feature_service="nope") == set()
    assert views(feature="surge_index") == {"global_stats"}
    services = stub.ListFeatureServices(wire.ListFeatureServicesRequest(project=PROJECT, feature_view="location_stats"))
    assert [service.spec.name for service in services.feature_services] == ["trip_model"], services

    features = stub.ListFeatures(wire.ListFeaturesRequest(project=PROJECT, feature_view="wide_types")).features
    local = {field.name: str(field.dtype) for field in opened().get_feature_view("wide_types").features}
    assert {feature.name: feature.type for feature in features} == local, features
    feature = stub.GetFeature(
        wire.GetFeatureRequest(project=PROJECT, feature_view="driver_hourly_stats", name="conv_rate"))
    assert feature.description == "conversion rate" and dict(feature.tags) == {"unit": "ratio"}, feature
    kind, text = raised(lambda: stub.GetFeature(
        wire.GetFeatureRequest(project=PROJECT, feature_view="driver_hourly_stats", name="nope")))
    assert kind == "FeastObjectNotFoundException" and "Feature nope not found in feature view" in text, (kind, text)

    # Feast's own rule, over the same objects.
    request = wire.GetRegistryLineageRequest(project=PROJECT)
    direct, indirect = opened().registry.get_registry_lineage(PROJECT)
    reply = stub.GetRegistryLineage(request)
    for ours, theirs in [(reply.relationships, direct), (reply.indirect_relationships, indirect)]:
        pair = lambda relation: (relation.source.type, relation.source.name, relation.target.type, relation.target.name)  # noqa: E731
        expected = [pair(relation.to_proto()) for relation in theirs]
        assert sorted(map(pair, ours)) == sorted(expected), set(map(pair, ours)) ^ set(expected)
    about = stub.GetObjectRelationships(wire.GetObjectRelationshipsRequest(
        project=PROJECT, object_type="entity", object_name="location", include_indirect=True))
    assert {relation.target.name for relation in about.relationships} == {
        "location_stats", "trip_model", "location_stats_source"}, about


def errors():
    """What is not there raises the exception that a file raises."""
    local = opened().registry
    gets = ["get_entity", "get_data_source", "get_feature_view", "get_on_demand_feature_view",
            "get_stream_feature_view", "get_any_feature_view", "get_feature_service", "get_saved_dataset",
            "get_validation_reference", "get_permission"]
    for get in gets:
        ours, theirs = (raised(lambda: getattr(side, get)("nope", PROJECT)) for side in (registry, local))
        assert ours == theirs, (get, ours, theirs)
    assert raised(lambda: registry.get_project("nope")) == raised(lambda: local.get_project("nope"))
    deletes = {"delete_entity": "EntityNotFoundException", "delete_feature_view": "FeatureViewNotFoundException",
               "delete_data_source": "DataSourceObjectNotFoundException",
               "delete_feature_service": "FeatureServiceNotFoundException",
               "delete_saved_dataset": "SavedDatasetNotFound",
               "delete_validation_reference": "ValidationReferenceNotFound",
               "delete_permission": "PermissionObjectNotFoundException"}
    for delete, expected in deletes.items():
        kind, text = raised(lambda: getattr(registry, delete)("nope", PROJECT))
        assert kind == expected and text.endswith("nope does not exist in project larder_golden"), (delete, kind, text)
    assert raised(lambda: registry.delete_project("nope"))[0] == "ProjectObjectNotFoundException"


source = FileSource(name="rider_source", path="data/driver_stats.parquet", timestamp_field="event_timestamp",
                    created_timestamp_column="created", tags={"of": "rides"})
rider = Entity(name="rider", join_keys=["driver_id"], value_type=ValueType.INT64, description="Somebody")


def rider_stats(**changes):
    fields = [Field(name="driver_id", dtype=Int64), Field(name="conv_rate", dtype=Float32)]
    return FeatureView(**{"name": "rider_stats", "entities": [rider], "ttl": timedelta(days=3), "schema": fields,
                          "online": True, "source": source, "tags": {"team": "riders"}, **changes})


def versions(view):
    """The numbers of a view's versions in the file, and the number that is in use."""
    proto = in_file()
    numbers = [record.version_number for record in proto.feature_view_version_history.records
               if record.feature_view_name == view]
    used = [found.meta.current_version_number for found in proto.feature_views if found.spec.name == view]
    return numbers, used


def served(features, expected):
    """Whether a server of features beside the registry server comes to answer a request with a status."""
    body = {"features": features, "entities": {"driver_id": [1001]}}
    for _ in range(100):
        status, answer = post(features_server, "/get-online-features", body)
        if status == expected:
            return True
        time.sleep(0.1)
    raise AssertionError((status, answer))


def applies_and_changes():
    fs.apply([source, rider, rider_stats()])
    assert served(["rider_stats:conv_rate"], 200)
    first = fs.get_feature_view("rider_stats")
    local = opened()
    assert local.get_feature_view("rider_stats") == first
    assert first.created_timestamp and first.tags == {"team": "riders"}, first
    assert local.get_entity("rider").description == "Somebody"
    assert local.get_data_source("rider_source").tags == {"of": "rides"}
    assert versions("rider_stats") == ([0], [0]), versions("rider_stats")

    # The same once more is no change.
    before = (Path(repo) / "data/registry.db").read_bytes()
    fs.apply([source, rider, rider_stats()])
    assert (Path(repo) / "data/registry.db").read_bytes() == before

    # What is said of a view changes in place; its schema makes a version. Both keep when it was made.
    fs.apply([rider_stats(tags={"team": "others"}, ttl=timedelta(days=4))])
    changed = fs.get_feature_view("rider_stats")
    assert changed.tags == {"team": "others"} and changed.ttl == timedelta(days=4), changed
    assert changed.created_timestamp == first.created_timestamp
    assert changed.last_updated_timestamp > first.last_updated_timestamp
    assert versions("rider_stats") == ([0], [0])
    fields = [Field(name="driver_id", dtype=Int64), Field(name="conv_rate", dtype=Float32),
              Field(name="acc_rate", dtype=Float32)]
    fs.apply([rider_stats(schema=fields)])
    assert versions("rider_stats") == ([0, 1], [1]), versions("rider_stats")
    assert [field.name for field in fs.get_feature_view("rider_stats").features] == ["conv_rate", "acc_rate"]
    assert fs.get_feature_view("rider_stats").created_timestamp == first.created_timestamp

    # A version that is pinned comes back as it was, unless the definition says something else as well.
    registry.apply_feature_view(rider_stats(schema=fields, version="v0"), PROJECT)
    assert versions("rider_stats") == ([0, 1], [0]), versions("rider_stats")
    assert [field.name for field in fs.get_feature_view("rider_stats").features] == ["conv_rate"]
    other = fields + [Field(name="avg_daily_trips", dtype=Int64)]
    kind, text = raised(lambda: registry.apply_feature_view(rider_stats(schema=other, version="v1"), PROJECT))
    assert kind == "FeatureViewPinConflict" and "v1" in text, (kind, text)
    registry.apply_feature_view(rider_stats(schema=other), PROJECT)
    assert versions("rider_stats") == ([0, 1, 2], [2]), versions("rider_stats")

    # A name is that of one view.
    kind, text = raised(lambda: registry.apply_feature_view(rider_stats(name="Rider_Stats"), PROJECT))
    assert kind == "ConflictingFeatureViewNames" and "case-insensitively unique" in text, (kind, text)

    @on_demand_feature_view(sources=[rider_stats()], schema=[Field(name="twice", dtype=Float64)], mode="python",
                            name="driver_scores")
    def twice(inputs):
        return {"twice": [2 * rate for rate in inputs["conv_rate"]]}

    kind, text = raised(lambda: registry.apply_feature_view(twice, PROJECT))
    assert kind == "ConflictingFeatureViewNames" and "already used by a FeatureView" in text, (kind, text)


def every_kind():
    """The other kinds of objects, there and back."""
    push = PushSource(name="rider_push", batch_source=source)
    request = RequestSource(name="rider_request", schema=[Field(name="bonus", dtype=Float64)])

    @on_demand_feature_view(sources=[rider_stats(), request], schema=[Field(name="more", dtype=Float64)], mode="python")
    def rider_bonus(inputs):
        return {"more": [rate + bonus for rate, bonus in zip(inputs["conv_rate"], inputs["bonus"])]}

    service = FeatureService(name="rider_service", features=[rider_stats()[["conv_rate"]], rider_bonus],
                             tags={"release": "v1"})
    stream = StreamFeatureView(
        name="rider_stream", entities=[rider], ttl=timedelta(days=1), source=push, timestamp_field="event_timestamp",
        schema=[Field(name="driver_id", dtype=Int64), Field(name="conv_rate", dtype=Float32)])
    fs.apply([push, request, rider_bonus, service, stream])
    local = opened()
    assert fs.get_on_demand_feature_view("rider_bonus").features == rider_bonus.features
    function = fs.get_on_demand_feature_view("rider_bonus").feature_transformation.udf
    assert function({"conv_rate": [1.0], "bonus": [2.0]}) == {"more": [3.0]}
    assert fs.get_feature_service("rider_service") == local.get_feature_service("rider_service")
    assert [p.name for p in fs.get_feature_service("rider_service").feature_view_projections] == [
        "rider_stats", "rider_bonus"]
    assert [view.name for view in registry.list_stream_feature_views(PROJECT)] == ["rider_stream"]
    assert type(registry.get_any_feature_view("rider_stream", PROJECT)).__name__ == "StreamFeatureView"
    assert type(fs.get_data_source("rider_push")).__name__ == "PushSource"

    permission = Permission(name="rider_readers", types=[FeatureView], name_patterns=["rider_.*"],
                            policy=RoleBasedPolicy(roles=["reader"]), actions=[AuthzedAction.READ_ONLINE])
    registry.apply_permission(permission, PROJECT)
    assert registry.get_permission("rider_readers", PROJECT).name_patterns == ["rider_.*"]
    assert [known.name for known in local.registry.list_permissions(PROJECT)] == ["rider_readers"]
    broken = Permission(name="rider_broken", types=[FeatureView], name_patterns=["("], actions=[AuthzedAction.CREATE],
                        policy=RoleBasedPolicy(roles=["reader"]))
    kind, text = raised(lambda: registry.apply_permission(broken, PROJECT))
    assert "is not a regular expression" in text, (kind, text)

    dataset = SavedDataset(name="rider_dataset", features=["rider_stats:conv_rate"], join_keys=["driver_id"],
                           storage=SavedDatasetFileStorage(path="data/riders.parquet"), tags={"a": "b"})
    dataset.min_event_timestamp = datetime(2024, 1, 1, tzinfo=timezone.utc)
    registry.apply_saved_dataset(dataset, PROJECT)
    known = registry.get_saved_dataset("rider_dataset", PROJECT)
    assert known.tags == {"a": "b"} and known.storage.file_options.uri == "data/riders.parquet", known
    assert known.min_event_timestamp.replace(tzinfo=timezone.utc) == dataset.min_event_timestamp, known
    assert [known.name for known in local.registry.list_saved_datasets(PROJECT)] == ["rider_dataset"]
    reference = wire.ApplyValidationReferenceRequest(project=PROJECT)
    reference.validation_reference.name = "rider_reference"
    reference.validation_reference.reference_dataset_name = "rider_dataset"
    reference.validation_reference.ge_profiler.profiler.body = b"not looked into"
    stub.ApplyValidationReference(reference)
    [stored] = [found for found in in_file().validation_references if found.name == "rider_reference"]
    assert stored.ge_profiler.profiler.body == b"not looked into" and stored.project == PROJECT, stored

    registry.apply_project(Project(name=PROJECT, description="changed", tags={"x": "y"}))
    project = fs.get_project(PROJECT)
    assert project.description == "changed" and project.tags == {"x": "y"}, project
    # Another project is made by its first object.
    registry.apply_entity(Entity(name="other", join_keys=["id"], value_type=ValueType.STRING), "other_project")
    assert {project.name for project in fs.list_projects()} == {PROJECT, "other_project"}
    assert [entity.name for entity in registry.list_entities("other_project")] == ["other"]
    registry.delete_project("other_project")
    assert [project.name for project in fs.list_projects()] == [PROJECT]
    assert registry.list_entities("other_project") == []


def loaded_changed_and_put_back():
    """A client that writes back what it has read loses nothing of larder's own."""
    stored = {view.spec.name: view for view in in_file().on_demand_feature_views}["transformed_conv_rate"]
    own = {key: value for key, value in stored.spec.tags.items() if key.startswith("larder.dev/")}
    assert "larder.dev/wasm-component" in own, own
    view = fs.get_on_demand_feature_view("transformed_conv_rate")
    view.description = "changed by Feast"
    registry.apply_feature_view(view, PROJECT)
    changed = {view.spec.name: view for view in in_file().on_demand_feature_views}["transformed_conv_rate"]
    assert changed.spec.description == "changed by Feast"
    assert own.items() <= dict(changed.spec.tags).items(), changed.spec.tags
    intervals = fs.get_feature_view("driver_hourly_stats").materialization_intervals
    view = fs.get_feature_view("driver_hourly_stats")
    view.tags["seen"] = "by Feast"
    registry.apply_feature_view(view, PROJECT)
    view = fs.get_feature_view("driver_hourly_stats")
    assert view.tags["seen"] == "by Feast" and view.materialization_intervals == intervals != [], view


def materialization_is_recorded():
    start, end = datetime(2024, 2, 1, tzinfo=timezone.utc), datetime(2024, 2, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
    view = fs.get_feature_view("rider_stats")
    registry.apply_materialization(view, PROJECT, start, end)
    assert fs.get_feature_view("rider_stats").materialization_intervals == [(start, end)]
    kind, text = raised(lambda: registry.apply_materialization(view, PROJECT, end, start))
    assert "`end_date` is before `start_date`" in text, (kind, text)
    # Another source starts anew.
    other = FileSource(name="other_source", path="data/driver_scores.parquet", timestamp_field="ts")
    fs.apply([other, rider_stats(source=other)])
    assert fs.get_feature_view("rider_stats").materialization_intervals == []


def deletes():
    for delete, name in [
        ("delete_feature_service", "rider_service"), ("delete_feature_view", "rider_bonus"),
        ("delete_feature_view", "rider_stream"), ("delete_feature_view", "rider_stats"),
        ("delete_data_source", "rider_push"), ("delete_data_source", "rider_request"),
        ("delete_data_source", "rider_source"), ("delete_data_source", "other_source"),
        ("delete_entity", "rider"), ("delete_permission", "rider_readers"),
        ("delete_validation_reference", "rider_reference"), ("delete_saved_dataset", "rider_dataset"),
    ]:
        getattr(registry, delete)(name, PROJECT)
        assert raised(lambda: getattr(registry, delete)(name, PROJECT))[0] != "RpcError", (delete, name)
    assert versions("rider_stats") == ([], [])
    assert served(["rider_stats:conv_rate"], 404)
    names = [name for objects in (fs.list_entities(), fs.list_data_sources(), fs.list_feature_views(),
                                  fs.list_feature_services()) for name in (known.name for known in objects)]
    assert not [name for name in names if name.startswith(("rider", "other"))], names


reads()
calls_that_no_client_makes()
errors()
applies_and_changes()
every_kind()
loaded_changed_and_put_back()
materialization_is_recorded()
deletes()
