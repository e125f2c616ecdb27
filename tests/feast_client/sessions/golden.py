"""The golden repo as Feast's client sees it: stores, requests, and how both sides' answers are compared."""
import json
import urllib.error
import urllib.request
from pathlib import Path

from feast import FeatureStore, RepoConfig


def remote_store(repo, url):
    """A client whose registry is the file of `repo` and whose online store is the server at `url`."""
    config = RepoConfig(
        project="larder_golden",
        provider="local",
        registry=str(Path(repo) / "data/registry.db"),
        # Without retries the client shows the first answer.
        online_store={"type": "remote", "path": url, "connection_retries": 0},
        offline_store={"type": "dask"},
        entity_key_serialization_version=3,
        repo_path=repo,
    )
    return FeatureStore(config=config)


def raised(call):
    """Class and text of what `call` raises."""
    try:
        answer = call()
    except Exception as error:  # noqa: BLE001
        return type(error).__name__, str(error)
    raise AssertionError(f"nothing was raised, the answer is {answer!r}")


def close(left, right, tolerance=1e-6):
    """Whether two lists of numbers and nulls are the same up to the width of a float."""
    return len(left) == len(right) and all(
        (a is None) == (b is None) and (a is None or abs(a - b) <= tolerance) for a, b in zip(left, right)
    )


def post(url, path, body):
    """Status and parsed body of a POST."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            text, status = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        text, status = error.read(), error.code
    return status, (json.loads(text) if text else None)


def by_name(body):
    """An answer with features as a mapping and views sorted: Feast does not define their order."""
    if not isinstance(body, dict) or "results" not in body:
        return body
    names = body["metadata"]["feature_names"]
    assert len(names) == len(body["results"]), body
    views = body["metadata"].get("feature_view_metadata")
    return dict(zip(names, body["results"])), views and sorted(views, key=lambda view: view["name"])
