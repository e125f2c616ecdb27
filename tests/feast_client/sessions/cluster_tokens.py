"""Feast's own reading of a cluster's tokens, by Kubernetes' own client, beside the decisions of larder's server."""
import asyncio
import os
import sys
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import feast.permissions.auth.kubernetes_token_parser as parser
from kubernetes.config import incluster_config

from golden import raised, remote_store

warnings.filterwarnings("ignore")
repo, url, cluster, folder, account, user, stranger = sys.argv[1:]

# What a pod has, for Feast.
os.environ["KUBERNETES_SERVICE_HOST"] = urlsplit(cluster).hostname
os.environ["KUBERNETES_SERVICE_PORT"] = str(urlsplit(cluster).port)
incluster_config.SERVICE_TOKEN_FILENAME = str(Path(folder) / "token")
incluster_config.SERVICE_CERT_FILENAME = str(Path(folder) / "ca.crt")
parser._namespace_file_path = str(Path(folder) / "namespace")
feasts = parser.KubernetesTokenParser()

VIEWS = {
    "by_role": ("driver_hourly_stats:conv_rate", {"driver_id": 1001}),
    "by_group": ("driver_lifetime:avg_daily_trips", {"driver_id": 1001}),
    "by_namespace": ("customer_driver:trips_together", {"customer_id": "c-1", "driver_id": 1001}),
}


def reads(token, view):
    """Whether larder's server lets the sender of a token read a view."""
    fs = remote_store(repo, url, auth={"type": "kubernetes", "user_token": token})
    feature, entity = VIEWS[view]
    try:
        fs.get_online_features(features=[feature], entity_rows=[entity])
        return True
    except Exception as error:  # noqa: BLE001
        assert type(error).__name__ == "FeastPermissionError", error
        return False


policies = {permission.name: permission.policy for permission in remote_store(repo, url).list_permissions()}
assert set(policies) == set(VIEWS), policies
for token, name in [(account, "jobs:batch"), (user, "ada")]:
    seen = asyncio.run(feasts.user_details_from_access_token(token))
    assert seen.username == name, seen
    decisions = {view: policies[view].validate_user(seen)[0] for view in VIEWS}
    assert set(decisions.values()) == {True, False}, decisions
    assert {view: reads(token, view) for view in VIEWS} == decisions, (name, seen, decisions)

# Who is nobody's is let in by neither.
assert raised(lambda: asyncio.run(feasts.user_details_from_access_token(stranger)))[0] == "AuthenticationError"
try:
    urllib.request.urlopen(urllib.request.Request(
        url + "/get-online-features", b"{}",
        {"content-type": "application/json", "authorization": f"Bearer {stranger}"}))
    raise AssertionError("a stranger was let in")
except urllib.error.HTTPError as error:
    assert error.code == 401, error
