"""Functions that larder keeps as text are no obstacle to Feast, whatever it makes of the text."""
import sys
import warnings

from feast import FeatureStore, RepoConfig

warnings.filterwarnings("ignore")
(repo,) = sys.argv[1:]
fs = FeatureStore(config=RepoConfig(
    project="larder_golden", provider="local", registry=f"{repo}/data/registry.db", online_store={"type": "sqlite"},
    offline_store={"type": "dask"}, entity_key_serialization_version=3, repo_path=repo))

assert "batch_of_lambda" in {view.name for view in fs.list_batch_feature_views()}
assert "driver_hourly_stats" in {view.name for view in fs.list_all_feature_views()}
assert fs.get_on_demand_feature_view("of_module").feature_transformation.udf_string.startswith("@somewhere.else")
# A lambda and a function that needs its module do not run from their text: what stands in for them says so.
for udf in [
    fs.get_feature_view("batch_of_lambda").feature_transformation.udf,
    fs.get_on_demand_feature_view("of_module").feature_transformation.udf,
    fs.get_stream_feature_view("stream_of_function").udf,
]:
    try:
        udf({})
    except NotImplementedError as error:
        assert "larder keeps the text of this function alone" in str(error), error
    else:
        raise AssertionError(f"{udf} ran")
# Feast can write all of them back.
fs.refresh_registry()
for view in [fs.get_feature_view("batch_of_lambda"), fs.get_on_demand_feature_view("of_module")]:
    view.description = "edited"
    fs.registry.apply_feature_view(view, "larder_golden")
assert fs.get_feature_view("batch_of_lambda").description == "edited"
