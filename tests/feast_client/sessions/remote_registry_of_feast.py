"""What `feast apply` and `feast materialize` make through larder's registry server is what they make in a file."""
import sys
import warnings
from pathlib import Path

from feast import FeatureStore
from feast.protos.feast.core.Registry_pb2 import Registry

warnings.filterwarnings("ignore")
of_file, shared, folder, address = sys.argv[1:]


def registry(repo):
    return Registry.FromString((Path(repo) / "data/registry.db").read_bytes())


def without_what_differs(message):
    """Without times, and without pickles, which hold the path of the repo."""
    for field, value in message.ListFields():
        if field.name in ("created_timestamp", "last_updated_timestamp", "body"):
            message.ClearField(field.name)
        elif field.message_type and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type:
                for part in value.values():
                    without_what_differs(part)
        elif field.message_type:
            for part in value if hasattr(value, "append") else [value]:
                without_what_differs(part)
    return message


def same_objects():
    ours, theirs = registry(shared), registry(of_file)
    for kind in ["entities", "data_sources", "feature_views", "on_demand_feature_views", "feature_services",
                 "stream_feature_views", "label_views", "permissions", "projects"]:
        if not hasattr(ours, kind):
            continue
        name = lambda known: getattr(known, "name", "") or known.spec.name  # noqa: E731
        sides = [{name(known): without_what_differs(known) for known in getattr(side, kind)}
                 for side in (ours, theirs)]
        assert sides[0] == sides[1], (kind, sides)
        assert sides[0] or kind in ("stream_feature_views", "label_views", "permissions"), kind
    assert ours.registry_schema_version == theirs.registry_schema_version
    versions = [sorted((record.feature_view_name, record.version_number)
                       for record in side.feature_view_version_history.records) for side in (ours, theirs)]
    assert versions[0] == versions[1] and versions[0], versions


def materialized():
    view = next(view for view in registry(shared).feature_views if view.spec.name == "driver_hourly_stats")
    [interval] = view.meta.materialization_intervals
    assert interval.start_time.ToJsonString() == "2024-01-01T00:00:00Z", interval
    fs = FeatureStore(repo_path=folder)
    service = fs.get_feature_service("driver_activity_v1")
    row = {"driver_id": 1001, "val_to_add": 1, "val_to_add_2": 2}
    answer = fs.get_online_features(service, [row]).to_dict()
    assert answer["conv_rate"][0] is not None and answer["conv_rate_plus_val2"][0] is not None, answer
    local = FeatureStore(repo_path=of_file)
    assert local.get_online_features(local.get_feature_service("driver_activity_v1"), [row]).to_dict() == answer


same_objects()
materialized()
