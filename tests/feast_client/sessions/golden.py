"""The golden repo as Feast's client sees it: stores, requests, and how both sides' answers are compared."""
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import uvicorn
from feast import FeatureStore, RepoConfig
from feast.feature_server import get_app


def store(repo, online_store, offline_store="dask", **settings):
    """A client whose registry is the file of `repo`, with further settings."""
    if isinstance(offline_store, str):
        offline_store = {"type": offline_store}
    config = RepoConfig(
        project="larder_golden",
        provider="local",
        registry=str(Path(repo) / "data/registry.db"),
        online_store=online_store,
        offline_store=offline_store,
        entity_key_serialization_version=3,
        repo_path=repo,
        **settings,
    )
    return FeatureStore(config=config)


def remote_registry(address, repo, cert=None, **settings):
    """A client whose registry is the server at `address`, and whose stores are its own, in the folder `repo`."""
    trusted = {"cert": cert} if cert else {}
    config = RepoConfig(
        project="larder_golden",
        provider="local",
        registry={"registry_type": "remote", "path": address, **trusted},
        online_store={"type": "sqlite", "path": "data/online_of_client.db"},
        offline_store={"type": "dask"},
        entity_key_serialization_version=3,
        repo_path=repo,
        **settings,
    )
    return FeatureStore(config=config)


def remote_store(repo, url, **settings):
    """A client whose registry is the file of `repo` and whose online store is the server at `url`."""
    # Without retries the client shows the first answer.
    return store(repo, {"type": "remote", "path": url, "connection_retries": 0}, **settings)


def remote_history(repo, address, online_file="data/online_store.db", **settings):
    """A client whose registry and online store are files of `repo` and whose offline store is the server at
    `address`."""
    host, port = address.rsplit(":", 1)
    offline = {"type": "remote", "host": host, "port": int(port), **settings.pop("offline", {})}
    return store(repo, {"type": "sqlite", "path": online_file}, offline, **settings)


def sqlite_store(repo):
    """A client whose registry and online store are files of `repo`."""
    return store(repo, {"type": "sqlite", "path": "data/online_store.db"})


def serve_feast(fs):
    """Feast's own server over a store, in a thread; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(get_app(fs, 0), port=port, log_level="critical"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return f"http://127.0.0.1:{port}"


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
