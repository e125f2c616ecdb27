"""What Feast makes of the models of a dbt project, beside what larder registered for the same manifest."""
import json
import sys
import warnings

from feast import FeatureStore, RepoConfig
from feast.dbt.mapper import DbtToFeastMapper
from feast.dbt.parser import DbtColumn, DbtModel

warnings.filterwarnings("ignore")
repo, manifest, kind = sys.argv[1:]
fs = FeatureStore(config=RepoConfig(
    project="rides", provider="local", registry=f"{repo}/data/registry.db", repo_path=repo,
    online_store={"type": "sqlite", "path": "data/online_store.db"}, offline_store={"type": "dask"},
    entity_key_serialization_version=3))
mapper = DbtToFeastMapper(data_source_type=kind, ttl_days=2)
compared = 0
for unique_id, node in json.load(open(manifest))["nodes"].items():
    columns = node.get("columns", {})
    if not unique_id.startswith("model.") or "event_timestamp" not in columns:
        continue
    model = DbtModel(
        name=node["name"], unique_id=unique_id, database=node["database"], schema=node["schema"],
        alias=node["alias"], description=node["description"], tags=node["tags"], meta={}, depends_on=[],
        columns=[DbtColumn(name=name, description=column.get("description", ""),
                           data_type=column.get("data_type", "STRING"), tags=[], meta={})
                 for name, column in columns.items()])
    entity = mapper.create_entity("driver_id", description="Entity key for dbt models",
                                  value_type=mapper._infer_entity_value_type(model, "driver_id"))
    source = mapper.create_data_source(model)
    view = mapper.create_feature_view(model, source, ["driver_id"], [entity], exclude_columns=["internal"])

    ours = fs.get_feature_view(node["name"])
    assert (ours.description, ours.tags, ours.ttl, ours.entities, ours.online) == (
        view.description, view.tags, view.ttl, view.entities, view.online), (ours, view)
    assert [(field.name, field.dtype, field.description) for field in ours.features] == [
        (field.name, field.dtype, field.description) for field in view.features], (ours.features, view.features)
    assert [(field.name, field.dtype) for field in ours.entity_columns] == [
        (field.name, field.dtype) for field in view.entity_columns], (ours.entity_columns, view.entity_columns)
    theirs = source.to_proto()
    registered = fs.get_data_source(source.name).to_proto()
    for side in (theirs, registered):
        side.ClearField("project"), side.ClearField("meta"), side.ClearField("data_source_class_type")
    assert registered == theirs, (registered, theirs)
    known = fs.get_entity("driver_id")
    assert (known.join_key, known.value_type, known.description) == (
        entity.join_key, entity.value_type, entity.description), (known, entity)
    compared += 1
assert compared == 2
