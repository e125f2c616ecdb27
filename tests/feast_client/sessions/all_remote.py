"""Feast's client with nothing of its own: registry, online store and offline store are larder's servers."""
import sys
import warnings
from datetime import datetime, timedelta, timezone

import pandas as pd
from feast import FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.data_source import PushMode
from feast.types import Int64

from golden import close, raised

warnings.filterwarnings("ignore")
folder, registry, online, offline = sys.argv[1:]
host, port = offline.rsplit("/", 1)[1].rsplit(":", 1)
fs = FeatureStore(config=RepoConfig(
    project="larder_golden", provider="local", repo_path=folder, entity_key_serialization_version=3,
    registry={"registry_type": "remote", "path": registry},
    online_store={"type": "remote", "path": online, "connection_retries": 0},
    offline_store={"type": "remote", "host": host, "port": int(port)}))


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


# What is materialized by the one server is read from it, with the transformation run in the sandbox.
fs.materialize(day("2024-01-01"), day("2024-01-16"))
service = fs.get_feature_service("driver_activity_v1")
online_row = fs.get_online_features(service, [{"driver_id": 1001, "val_to_add": 1, "val_to_add_2": 2}]).to_dict()
rate = online_row["conv_rate"][0]
assert close(online_row["conv_rate_plus_val1"], [rate + 1]), online_row

# The training set as of then holds the same values, to the bit.
rows = {"driver_id": [1001], "event_timestamp": [day("2024-01-16")], "val_to_add": [1], "val_to_add_2": [2]}
trained = fs.get_historical_features(pd.DataFrame(rows), service).to_df().iloc[0]
for name in ["conv_rate", "avg_daily_trips", "conv_rate_plus_val1", "conv_rate_plus_val2"]:
    assert trained[name] == online_row[name][0], (name, trained[name], online_row[name])

# A row that is pushed is in both stores.
when = pd.Timestamp("2024-01-20T00:00:00Z")
row = {"driver_id": 1001, "event_timestamp": when, "created": when, "conv_rate": 0.125, "acc_rate": 0.5,
       "avg_daily_trips": 7, "home_zone": "north"}
fs.push("driver_push_source", pd.DataFrame([row]), to=PushMode.ONLINE_AND_OFFLINE)
assert fs.get_online_features(["driver_fresh_stats:conv_rate"], [{"driver_id": 1001}]).to_dict()["conv_rate"] == [0.125]
later = pd.DataFrame({"driver_id": [1001], "event_timestamp": [when + pd.Timedelta(days=1)]})
assert list(fs.get_historical_features(later, ["driver_fresh_stats:conv_rate"]).to_df()["conv_rate"]) == [0.125]

# A view that the client defines is joined from files that only the server has, and served once it is materialized.
source = FileSource(name="trips_source", path="data/driver_stats.parquet", timestamp_field="event_timestamp")
schema = [Field(name="avg_daily_trips", dtype=Int64)]
trips = FeatureView(name="trips", entities=[fs.get_entity("driver")], source=source, schema=schema, ttl=timedelta(days=30))
fs.apply([source, trips])
assert list(fs.get_historical_features(later, ["trips:avg_daily_trips"]).to_df()["avg_daily_trips"]) == [7]
fs.materialize(day("2024-01-01"), day("2024-01-21"), ["trips"])
served = fs.get_online_features(["trips:avg_daily_trips"], [{"driver_id": 1001}]).to_dict()
assert served["avg_daily_trips"] == [7], served

# Every server raises Feast's own class.
for call in [
    lambda: fs.get_feature_view("nope"),
    lambda: fs.get_historical_features(later, ["nope:x"]).to_df(),
    lambda: fs.get_online_features(["nope:x"], [{"driver_id": 1001}]),
]:
    kind, text = raised(call)
    assert kind == "FeatureViewNotFoundException" and "nope" in text, (kind, text)
