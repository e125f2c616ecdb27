"""Feast's client with `auth: {type: oidc}` against an offline server that speaks TLS and enforces permissions."""
import sys
import warnings
from datetime import datetime, timezone

import pandas as pd
import pyarrow.flight as fl
from feast import FileSource
from feast.data_source import PushMode
from feast.infra.offline_stores.remote import RemoteOfflineStore

from golden import raised, remote_history

warnings.filterwarnings("ignore")
repo, address, certificate, reader, guest, stranger = sys.argv[1:]


def client(**auth):
    offline = {"scheme": "https", "cert": certificate}
    auth = {"auth": {"type": "oidc", **auth}} if auth else {}
    return remote_history(repo, address, offline=offline, **auth)


def read(view="driver_hourly_stats", **auth):
    entity_df = pd.DataFrame({"driver_id": [1001], "event_timestamp": [datetime(2024, 1, 5, tzinfo=timezone.utc)]})
    return client(**auth).get_historical_features(entity_df, [f"{view}:conv_rate"]).to_df()


def pull(source, **auth):
    fs = client(**auth)
    start, end = datetime(2024, 1, 1, tzinfo=timezone.utc), datetime(2024, 1, 9, tzinfo=timezone.utc)
    return RemoteOfflineStore.pull_latest_from_table_or_query(
        config=fs.config, data_source=fs.get_data_source(source), join_key_columns=["driver_id"],
        feature_name_columns=["conv_rate"], timestamp_field="event_timestamp", created_timestamp_column="created",
        start_date=start, end_date=end).to_arrow()


def push(**auth):
    now = datetime(2024, 1, 17, tzinfo=timezone.utc)
    row = pd.DataFrame({
        "driver_id": [1001], "event_timestamp": [now], "created": [now], "conv_rate": [0.5], "acc_rate": [0.5],
        "avg_daily_trips": [1], "home_zone": ["north"]})
    client(**auth).push("driver_push_source", row, to=PushMode.OFFLINE)


assert read(token=reader)["conv_rate"].notna().all()
assert len(pull("driver_stats_source", token=reader)) > 1

# Feast's client raises its own class, with its own text.
for call, part in [
    (lambda: read(token=guest),
     "Permission readers denied execution of ['READ_OFFLINE'] to FeatureView:driver_hourly_stats"),
    (lambda: read(view="driver_lifetime", token=reader),
     "No permissions defined to manage [<AuthzedAction.READ_OFFLINE: 'read_offline'>]"),
    (lambda: pull("driver_stats_source", token=guest), "denied execution of ['READ_OFFLINE']"),
]:
    kind, text = raised(call)
    assert kind == "FeastPermissionError" and part in text, (kind, text)
# What an on-demand view reads must be readable.
fs = client(token=guest)
kind, text = raised(lambda: fs.get_historical_features(
    pd.DataFrame({"driver_id": [1001], "event_timestamp": [datetime(2024, 1, 5)]}),
    ["driver_python_derived:trip_bucket"]).to_df())
assert kind == "FeastPermissionError" and "driver_hourly_stats" in text, (kind, text)
kind, text = raised(lambda: push(token=reader))
# To write, the client looks at the source first.
assert kind == "FeastPermissionError" and "<AuthzedAction.WRITE_OFFLINE: 'write_offline'>" in text, (kind, text)

# Whoever may look at one source sees no other one by its name.
def look(name, path, **auth):
    fs = client(**auth)
    source = FileSource(name=name, path=path, timestamp_field="event_timestamp")
    return list(fs._get_provider().get_table_column_names_and_types_from_data_source(fs.config, source))


assert ("conv_rate", "float") in look("driver_stats_source", "data/driver_stats.parquet", token=reader)
for name, path, token in [
    ("driver_stats_source", "data/customer_profile.parquet", reader),
    ("driver_stats_source", "./data/../data/customer_profile.parquet", reader),
    ("driver_stats_source", "data/*.parquet", reader),
    ("customer_profile_source", "data/driver_stats.parquet", reader),
    ("new_source", "data/driver_stats.parquet", reader),
    ("driver_stats_source", "data/driver_stats.parquet", guest),
]:
    kind, text = raised(lambda: look(name, path, token=token))
    assert kind == "FeastPermissionError", (name, path, kind, text)

# A token that nobody trusts, and none.
for call in [lambda: read(token=stranger), lambda: read()]:
    try:
        raise AssertionError(f"answered: {call()}")
    except fl.FlightUnauthenticatedError as error:
        assert "Invalid or expired access token" in str(error), error
