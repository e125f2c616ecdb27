"""A registry file made by `larder apply` and `larder materialize` is a registry to Feast's client."""
import sys
import tempfile
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
from click.testing import CliRunner
from feast import FeatureStore, RepoConfig
from feast.cli.cli import cli

warnings.filterwarnings("ignore")
(repo,) = sys.argv[1:]
registry = Path(repo) / "data/registry.db"
fs = FeatureStore(config=RepoConfig(
    project="larder_golden", provider="local", registry=str(registry), online_store={"type": "sqlite"},
    offline_store={"type": "dask"}, entity_key_serialization_version=3, repo_path=repo))


def objects():
    assert {entity.name: entity.join_key for entity in fs.list_entities()} == {
        "driver": "driver_id", "customer": "customer_id", "location": "location_id"}
    assert fs.get_entity("driver").tags == {"domain": "rides"}
    assert fs.get_entity("driver").description == "A driver"

    sources = {source.name: type(source).__name__ for source in fs.list_data_sources()}
    assert sources["driver_stats_source"] == "FileSource", sources
    assert sources["driver_push_source"] == "PushSource", sources
    assert sources["vals_to_add"] == "RequestSource", sources
    source = fs.get_data_source("driver_scores_source")
    assert source.timestamp_field == "ts" and source.field_mapping == {"scr": "score"}, source

    views = {view.name: view for view in fs.list_feature_views()}
    assert len(views) == 9, views.keys()
    stats = fs.get_feature_view("driver_hourly_stats")
    assert stats.ttl == timedelta(days=1) and stats.online and stats.owner == "rides@example.org"
    assert stats.tags == {"team": "driver_performance"} and stats.join_keys == ["driver_id"]
    assert [(field.name, str(field.dtype)) for field in stats.features] == [
        ("conv_rate", "Float32"), ("acc_rate", "Float32"), ("avg_daily_trips", "Int64"), ("home_zone", "String")]
    assert stats.features[0].description == "conversion rate" and stats.features[0].tags == {"unit": "ratio"}
    start, end = stats.materialization_intervals[0]
    assert (start, end) == (datetime(2024, 1, 1, tzinfo=timezone.utc),
                            datetime(2024, 1, 10, 12, 30, tzinfo=timezone.utc)), (start, end)
    assert fs.get_feature_view("driver_fresh_stats").stream_source.name == "driver_push_source"
    assert fs.get_feature_view("global_stats").entities == []

    on_demand = {view.name: view for view in fs.list_on_demand_feature_views()}
    assert set(on_demand) == {
        "transformed_conv_rate", "driver_python_derived", "fare_estimate", "affordability_one"}, on_demand
    view = fs.get_on_demand_feature_view("transformed_conv_rate")
    assert [field.name for field in view.features] == ["conv_rate_plus_val1", "conv_rate_plus_val2"]
    assert list(view.source_feature_view_projections) == ["driver_hourly_stats"], view
    assert list(view.source_request_sources) == ["vals_to_add"], view

    services = {service.name for service in fs.list_feature_services()}
    assert services == {"driver_activity_v1", "trip_model", "driver_logged"}, services
    service = fs.get_feature_service("trip_model")
    aliases = {p.name_to_use(): p.join_key_map for p in service.feature_view_projections if p.join_key_map}
    assert aliases == {
        "origin": {"location_id": "origin_id"}, "destination": {"location_id": "destination_id"}}, aliases
    assert fs.get_project("larder_golden").name == "larder_golden"


def training_set():
    """A client without larder joins by what the registry says."""
    entities = pd.DataFrame({
        "driver_id": [1001], "event_timestamp": [pd.Timestamp("2024-01-10 12:00", tz="UTC")]})
    features = ["driver_hourly_stats:conv_rate", "driver_lifetime:avg_daily_trips"]
    rows = fs.get_historical_features(entity_df=entities, features=features).to_df()
    assert len(rows) == 1 and rows["conv_rate"].notna().all() and rows["avg_daily_trips"].notna().all(), rows


def command_line():
    """`feast … list` and `describe` print every kind of object."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "feature_store.yaml").write_text(
            f"project: larder_golden\nprovider: local\nregistry: {registry}\nentity_key_serialization_version: 3\n")
        for kind, name in [
            ("entities", "driver"), ("data-sources", "driver_stats_source"), ("feature-views", "wide_types"),
            ("on-demand-feature-views", "fare_estimate"), ("feature-services", "trip_model"),
            ("projects", "larder_golden"),
        ]:
            for arguments in [[kind, "list"], [kind, "describe", name]]:
                result = CliRunner().invoke(cli, ["-c", folder, *arguments], catch_exceptions=False)
                assert result.exit_code == 0 and name in result.output, (arguments, result.output)
        result = CliRunner().invoke(cli, ["-c", folder, "features", "list"], catch_exceptions=False)
        assert result.exit_code == 0 and "conv_rate_plus_val1" in result.output, result.output


objects()
training_set()
command_line()
