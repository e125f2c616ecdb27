"""Feast's client searches vectors through larder, and reads the feature log that larder writes."""
import sys
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pyarrow.dataset
from feast import FeatureStore, RepoConfig
from feast.feature_logging import FeatureServiceLoggingSource
from feast.version import get_version

warnings.filterwarnings("ignore")
repo, url = sys.argv[1:]
fs = FeatureStore(config=RepoConfig(
    project="docs", provider="local", registry=str(Path(repo) / "data/registry.db"),
    online_store={"type": "remote", "path": url, "connection_retries": 0}, offline_store={"type": "dask"},
    entity_key_serialization_version=3, repo_path=Path(repo)))


def searches():
    # Identifiers ascend with the distance: Feast's client sorts rows by entity, but not their join keys.
    options = {"features": ["docs:title", "docs:year"], "query": [1.0, 0.1], "top_k": 3}
    answer = fs.retrieve_online_documents_v2(**options).to_dict()
    assert answer["title"] == ["east", "north-east", "north"], answer
    assert answer["year"] == [2001, 2002, 2003] and answer["doc_id"] == [1, 2, 3], answer
    assert answer["distance"] == sorted(answer["distance"]), answer
    if "filters" in fs.retrieve_online_documents_v2.__code__.co_varnames:
        from feast.filter_models import ComparisonFilter
        found = fs.retrieve_online_documents_v2(
            **options, filters=ComparisonFilter(type="gte", key="year", value=2003)).to_dict()
        assert found["title"] == ["north", "west"], found


def by_text():
    """Words find the same rows as in Feast's SQLite store, in the same order."""
    own = FeatureStore(config=RepoConfig(
        project="docs", provider="local", registry=str(Path(repo) / "data/registry.db"),
        online_store={"type": "sqlite", "path": "data/of_feast.db", "text_search_enabled": True},
        offline_store={"type": "dask"}, entity_key_serialization_version=3, repo_path=Path(repo)))
    view = own.get_feature_view("docs")
    own._get_provider().update_infra("docs", [], [view], [], own.list_entities(), True)
    rows = pd.read_json(Path(repo) / "data/docs.ndjson", lines=True)
    rows["event_timestamp"] = pd.to_datetime(rows["event_timestamp"], utc=True)
    own.write_to_online_store("docs", rows)
    for text in ["east", "north", "east OR west", "north NOT east", "nor*", "nothing"]:
        options = {"features": ["docs:title"], "query_string": text, "top_k": 9}
        theirs, ours = (client.retrieve_online_documents_v2(**options).to_dict() for client in [own, fs])
        by_rank = [sorted(zip(one["distance"], one["title"])) for one in [theirs, ours]]
        assert [title for _, title in by_rank[0]] == [title for _, title in by_rank[1]], (text, theirs, ours)


def log():
    for doc in [1, 2, 99]:
        fs.get_online_features(fs.get_feature_service("titles"), [{"doc_id": doc}, {"doc_id": 1}])
    for _ in range(10):
        fs.get_online_features(fs.get_feature_service("half_logged"), [{"doc_id": 1}])
    deadline = time.monotonic() + 60
    service = fs.get_feature_service("titles")
    while True:
        rows = rows_of(service)
        half = rows_of(fs.get_feature_service("half_logged"))
        if (rows is not None and rows.num_rows >= 6 and half is not None and half.num_rows >= 5):
            break
        assert time.monotonic() < deadline, "nothing was logged"
        time.sleep(0.2)
    # The columns are those that Feast expects of this service, in its order.
    expected = FeatureServiceLoggingSource(service, "docs").get_schema(fs.registry)
    assert rows.schema.names == expected.names, (rows.schema, expected)
    rows = rows.sort_by([("__log_timestamp", "ascending")]).to_pylist()
    assert [row["doc_id"] for row in rows] == [1, 1, 2, 1, 99, 1], rows
    assert [row["docs__title"] for row in rows] == ["east", "east", "north-east", "east", None, "east"], rows
    assert [row["docs__title__status"] for row in rows] == [1, 1, 1, 1, 3, 1], rows
    assert rows[0]["docs__year__timestamp"] == datetime(2025, 1, 1, tzinfo=timezone.utc), rows[0]
    assert len({row["__request_id"] for row in rows}) == 3, rows
    assert half.num_rows == 5, half
    # Feast's own way to read a log.
    now = datetime.now(tz=timezone.utc)
    job = fs._get_provider().retrieve_feature_service_logs(
        feature_service=service, start_date=now - timedelta(hours=1), end_date=now + timedelta(hours=1),
        config=fs.config, registry=fs.registry)
    assert len(job.to_df()) == 6, job.to_df()


def rows_of(service):
    folder = Path(repo) / service.logging_config.destination.path
    return pyarrow.dataset.dataset(folder, format="parquet").to_table() if folder.exists() else None


searches()
by_text()
log()
