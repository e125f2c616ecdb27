"""Views that read views are views of feature views to Feast's client, which keeps what it does not see."""
import sys
import tempfile
import warnings
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
from click.testing import CliRunner
from feast import FeatureStore, RepoConfig
from feast.cli.cli import cli

warnings.filterwarnings("ignore")
(repo,) = sys.argv[1:]
fs = FeatureStore(config=RepoConfig(
    project="larder_golden", provider="local", registry=f"{repo}/data/registry.db", online_store={"type": "sqlite"},
    offline_store={"type": "dask"}, entity_key_serialization_version=3, repo_path=repo))

# Each has what its chain reads in the end; an inner view's request data are request data of the outer one.
reads = {
    view.name: (sorted(view.source_feature_view_projections), sorted(view.source_request_sources))
    for view in fs.list_on_demand_feature_views()}
assert reads["driver_score"] == (["driver_hourly_stats"], ["driver_load__input_schema"]), reads
assert reads["driver_reliability"] == (["driver_hourly_stats"], []), reads
score = fs.get_on_demand_feature_view("driver_score")
assert score.input_schema is None, "it has none of its own"
projection = score.source_feature_view_projections["driver_hourly_stats"]
assert {"conv_rate", "acc_rate"} <= {feature.name for feature in projection.features}, projection

# Nothing else suffers: neither lists nor reads of other views look for a feature view that is none.
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text(
        f"project: larder_golden\nprovider: local\nregistry: {repo}/data/registry.db\n"
        "online_store: {type: sqlite, path: online.db}\nentity_key_serialization_version: 3\n")
    listed = CliRunner().invoke(cli, ["-c", folder, "feature-views", "list"], catch_exceptions=False)
    assert listed.exit_code == 0 and "driver_score" in listed.output, listed.output
rows = pd.DataFrame({"driver_id": [1001], "event_timestamp": [datetime(2024, 1, 10, tzinfo=timezone.utc)]})
assert len(fs.get_historical_features(rows, ["driver_hourly_stats:conv_rate"]).to_df()) == 1
try:
    fs.get_online_features(
        ["driver_score:score"], [{"driver_id": 1001, "avg_daily_trips": 1}]).to_dict()
    raise SystemExit("Feast cannot compute it")
except Exception as error:
    print(type(error).__name__)

# A change that makes Feast write the view anew.
score.features = [feature for feature in score.features if feature.name != "label"]
fs.registry.apply_feature_view(score, "larder_golden")
fs.registry.commit()
assert [f.name for f in fs.get_on_demand_feature_view("driver_score").features] == ["score"]
