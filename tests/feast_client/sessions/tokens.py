"""Feast's client with `auth: {type: oidc}` against a server that enforces permissions."""
import os
import sys
import warnings

from golden import raised, remote_store

warnings.filterwarnings("ignore")
repo, url, reader, guest, stranger = sys.argv[1:]


def read(**auth):
    fs = remote_store(repo, url, auth={"type": "oidc", **auth})
    features = ["driver_hourly_stats:conv_rate"]
    return fs.get_online_features(features=features, entity_rows=[{"driver_id": 1001}]).to_dict()


def write(**auth):
    fs = remote_store(repo, url, auth={"type": "oidc", **auth})
    row = {"driver_id": [1001], "event_timestamp": ["2024-01-17"], "created": ["2024-01-17"]}
    features = {"conv_rate": [0.5], "acc_rate": [0.5], "avg_daily_trips": [1], "home_zone": ["north"]}
    fs.write_to_online_store("driver_hourly_stats", inputs={**row, **features})


# The token of somebody who may read, given and from the environment.
assert read(token=reader)["driver_id"] == [1001]
os.environ["TOKEN_OF_THE_TEST"] = reader
assert read(token_env_var="TOKEN_OF_THE_TEST")["driver_id"] == [1001]

# Feast's client raises its own class, with its own text.
kind, text = raised(lambda: read(token=guest))
assert kind == "FeastPermissionError", (kind, text)
assert "Permission readers denied execution of ['READ_ONLINE'] to FeatureView:driver_hourly_stats" in text, text
kind, text = raised(lambda: write(token=reader))
assert kind == "FeastPermissionError", (kind, text)
assert "No permissions defined to manage [<AuthzedAction.WRITE_ONLINE: 'write_online'>]" in text, text

# A token that nobody trusts.
kind, text = raised(lambda: read(token=stranger))
assert "Invalid or expired access token" in text, (kind, text)
