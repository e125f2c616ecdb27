"""A server of MLflow's beside larder: the same tables in both, and in Feast."""
import http.server
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import warnings
from datetime import datetime, timezone
from pathlib import Path

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.data_sources.mlflow.mlflow_dataset_source import MlflowDatasetSource
from feast.mlflow_integration.dataset_sync import flatten_mlflow_dataset_df
from feast.types import Float64, Int64, String
from mlflow.genai.datasets import create_dataset, get_dataset

warnings.filterwarnings("ignore")
session, folder, program = sys.argv[1], Path(sys.argv[2]), sys.argv[3]

RECORDS = [
    {"inputs": {"question": "who?", "n": 1}, "expectations": {"answer": "me", "score": 0.5}, "tags": {"team": "x"}},
    {"inputs": {"question": "what?", "n": 2}, "expectations": {"answer": "this", "score": 1.0},
     "outputs": {"said": {"first": "that"}}, "source": {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}},
    {"inputs": {"question": "ü\"\n", "n": 2**53 + 1}, "expectations": {"score": -1e300}},
]
MAPPING = {"inputs.question": "question", "outputs.said.first": "first", "expectations.answer": "answer"}


def start():
    """A server over a database of its own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    state = folder / "server"
    state.mkdir()
    log = open(state / "log.txt", "w")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{state}/mlflow.db", "--artifacts-destination", str(state / "artifacts")]
    server = subprocess.Popen(command, stdout=log, stderr=log, cwd=state, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1).read()
            return server, address
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, (state / "log.txt").read_text()
            time.sleep(0.2)


def stop(server):
    os.killpg(server.pid, 9)
    server.wait()


def larder(*arguments, fails=None, repo=folder, **variables):
    """What a command prints; with `fails`, its exit code and what it complains of."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment.update(variables)
    ran = subprocess.run([program, "-c", repo, *arguments], capture_output=True, text=True, env=environment)
    if fails is not None:
        assert ran.returncode == fails, (arguments, ran)
        return ran.stderr
    assert ran.returncode == 0, (arguments, ran.stdout, ran.stderr)
    return ran.stdout


def larder_json(*arguments, **variables):
    return json.loads(larder(*arguments, "--json", **variables))


def write_dataset(name="evaluations"):
    dataset = create_dataset(name=name, experiment_id=[mlflow.set_experiment("of-tests").experiment_id])
    dataset.merge_records(RECORDS)
    return get_dataset(name=name)


def records_of(dataset):
    """The records as the server has them."""
    return mlflow.MlflowClient().get_dataset(dataset.dataset_id).records


def write_artifacts():
    """A run with a Parquet file, a CSV file and a folder of Parquet files."""
    frame = pd.DataFrame({
        "driver_id": [1, 2, 1], "rate": [0.5, None, 0.75],
        "event_timestamp": pd.to_datetime(["2024-01-01T00:00:00Z", "2024-01-01T12:00:00Z", "2024-01-02T00:00:00Z"])})
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as files:
        frame.to_parquet(f"{files}/rates.parquet")
        frame.to_csv(f"{files}/rates.csv", index=False)
        (Path(files) / "parts").mkdir()
        for part in range(len(frame)):
            frame.iloc[part:part + 1].to_parquet(f"{files}/parts/{part}.parquet")
        mlflow.log_artifacts(files, "tables")
    return run.info.run_id, frame


def write_repo(address, definitions, **settings):
    config = {"project": "evaluated", "registry": "data/registry.db", "provider": "local",
              "online_store": {"type": "sqlite", "path": "data/online.db"}, "entity_key_serialization_version": 3,
              "mlflow": {"tracking_uri": address, "max_retries": 0, **settings}}
    (folder / "feature_store.yaml").write_text(json.dumps(config))
    (folder / "definitions.yaml").write_text(json.dumps(definitions))
    (folder / "data").mkdir(exist_ok=True)
    columns = {"dataset_record_id": pa.string(), "question": pa.string(), "answer": pa.string(), "score": pa.float64(),
               "n": pa.int64(), "event_timestamp": pa.timestamp("us", "UTC")}
    pq.write_table(pa.table({name: pa.array([], kind) for name, kind in columns.items()}), folder / "data/kept.parquet")


def answers(source):
    """Definitions of a view that reads records, and of what it needs."""
    return {
        "entities": [{"name": "record", "join_keys": ["dataset_record_id"], "value_type": "String"}],
        "data_sources": [
            {"name": "kept", "path": "data/kept.parquet", "timestamp_field": "event_timestamp"},
            {"name": "records", "type": "mlflow", "batch_source": "kept",
             "field_mapping": {**MAPPING, "inputs.n": "n"}, **source}],
        "feature_views": [
            {"name": "answers", "entities": ["record"], "source": "records", "ttl": 0,
             "schema": [{"name": "question", "dtype": "String"}, {"name": "answer", "dtype": "String"},
                        {"name": "score", "dtype": "Float64"}, {"name": "n", "dtype": "Int64"}]}]}


def plain(value):
    """A value of pandas as JSON has it."""
    return None if value is None or (isinstance(value, float) and pd.isna(value)) else value


def registered(path):
    """Sources of a registry file by name, as bytes without the times at which they were registered."""
    from feast.protos.feast.core.Registry_pb2 import Registry
    registry = Registry()
    registry.ParseFromString(Path(path).read_bytes())
    return {source.name: timeless(source) for source in registry.data_sources}


def timeless(source):
    """The bytes of a source without what registering adds."""
    for message in [source, source.batch_source] if source.HasField("batch_source") else [source]:
        message.ClearField("meta")
        message.ClearField("project")
    return source.SerializeToString(deterministic=True)


def reads(address):
    dataset, (run_id, frame) = write_dataset(), write_artifacts()
    definitions = answers({"dataset_name": "evaluations"})
    definitions["entities"].append({"name": "driver", "join_keys": ["driver_id"], "value_type": "Int64"})
    artifact = {"type": "mlflow", "run_id": run_id, "batch_source": "kept"}
    tables = {"from_parquet": {"artifact_path": "tables/rates.parquet"},
              "from_csv": {"artifact_path": "tables/rates.csv", "artifact_format": "csv"},
              "from_folder": {"artifact_path": "tables/parts"},
              "nowhere": {"artifact_path": "tables/none.parquet"}}
    for name, table in tables.items():
        definitions["data_sources"].append({"name": name, **artifact, **table})
        definitions["feature_views"].append({
            "name": f"view_{name}", "entities": ["driver"], "ttl": "1d", "source": name,
            "schema": [{"name": "rate", "dtype": "Float64"}]})
    write_repo(address, definitions)
    larder("apply")

    # The registry holds what Feast's own class writes, byte for byte.
    kept = FileSource(name="kept", path="data/kept.parquet", timestamp_field="event_timestamp")
    of_feast = {"records": MlflowDatasetSource(
        name="records", dataset_name="evaluations", batch_source=kept, field_mapping={**MAPPING, "inputs.n": "n"})}
    for name, table in tables.items():
        of_feast[name] = MlflowDatasetSource(name=name, run_id=run_id, batch_source=kept, **table)
    held = registered(folder / "data/registry.db")
    for name, source in of_feast.items():
        theirs = timeless(source.to_proto())
        assert held[name] == theirs, (name, held[name], theirs)
    fs = FeatureStore(config=RepoConfig(project="evaluated", provider="local", registry=str(folder / "data/registry.db"),
                                        online_store={"type": "sqlite"}, entity_key_serialization_version=3))
    for name, source in of_feast.items():
        assert fs.get_data_source(name) == source, name
    assert "No changes to registry" in larder("plan")

    # What Feast registers is read, too: of an artifact, and of a dataset by its identifier, which Feast itself takes for
    # a name.
    made = folder / "of_feast"
    made.mkdir()
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    by_id = MlflowDatasetSource(name="by_id", dataset_id=dataset.dataset_id, tracking_uri=address, batch_source=kept,
                                field_mapping={"inputs.n": "driver_id"}, timestamp_field="event_timestamp")
    views = [FeatureView(name=f"by_feast_{name}", entities=[driver], source=source, schema=[Field(name=feature, dtype=Float64)])
             for name, source, feature in [("parquet", of_feast["from_parquet"], "rate"), ("id", by_id, "score")]]
    config = {"project": "made", "registry": "registry.db", "provider": "local", "online_store": {"type": "sqlite"},
              "entity_key_serialization_version": 3, "mlflow": {"tracking_uri": address}}
    (made / "feature_store.yaml").write_text(json.dumps(config))
    FeatureStore(str(made)).apply([kept, driver, of_feast["from_parquet"], by_id, *views])
    listed = {view["feature_view"]: view for view in larder_json("mlflow", "list-sources", repo=made)}
    assert listed["by_feast_id"]["dataset_id"] == dataset.dataset_id, listed
    assert listed["by_feast_parquet"]["artifact_path"] == "tables/rates.parquet", listed
    rows = larder_json("get-historical-features", "-f", "by_feast_id:score", repo=made)
    assert {row["driver_id"]: row["score"] for row in rows} == {1: 0.5, 2: 1.0, 2**53 + 1: -1e300}, rows
    assert "not found" in raised(by_id.to_arrow), "Feast reads datasets by their identifier now"

    # Flat rows are those of Feast, but for the time: Feast looks for columns that MLflow does not send, and takes the
    # present instead.
    mapping = folder / "mapping.json"
    mapping.write_text(json.dumps(MAPPING))
    changed = {record.dataset_record_id: record.last_update_time for record in records_of(dataset)}
    for flags, given in [([], None), (["--field-mapping", str(mapping)], MAPPING)]:
        ours = larder_json("mlflow", "preview-dataset", "--source", "evaluations", "--limit", "10", *flags)
        theirs = flatten_mlflow_dataset_df(dataset.to_df(), field_mapping=given)
        assert set(ours[0]) == set(theirs.columns), (ours[0], theirs.columns)
        for row in theirs.to_dict("records"):
            [mine] = [mine for mine in ours if mine["dataset_record_id"] == row["dataset_record_id"]]
            at = datetime.fromisoformat(mine.pop("event_timestamp"))
            assert at.timestamp() * 1000 == changed[row["dataset_record_id"]], mine
            stamp = row.pop("event_timestamp")
            assert abs((pd.Timestamp.now(tz="UTC") - stamp).total_seconds()) < 60 and stamp > at, stamp
            # pandas has no whole numbers beside nulls.
            assert mine == {name: plain(value) for name, value in row.items()}, (mine, row)
    table = larder("mlflow", "preview-dataset", "--source", "evaluations", "--limit", "1").splitlines()
    assert "input_question" in table[0] and len(table) == 2, table

    # So are those of records of all shapes, of which some have keys that are columns anyway.
    random_records(folder)

    # What Feast has registered can be written out as definitions, and is the same then.
    larder("init", "--from-feast", str(made), repo=made)
    assert "No changes to registry" in larder("plan", repo=made)
    shutil.rmtree(made)

    # Training sets.
    rows = {row["question"]: row for row in larder_json("get-historical-features", *(
        flag for name in ["question", "answer", "score", "n"] for flag in ["-f", f"answers:{name}"]))}
    assert rows["who?"]["answer"] == "me" and rows["ü\"\n"]["answer"] is None, rows
    assert rows["ü\"\n"]["n"] == 2**53 + 1 and rows["ü\"\n"]["score"] == -1e300, rows
    for name in ["from_parquet", "from_csv", "from_folder"]:
        theirs = of_feast[name].to_arrow(use_cache=False).to_pandas().sort_values("event_timestamp")
        assert list(map(plain, theirs["rate"])) == list(map(plain, frame.sort_values("event_timestamp")["rate"])), name
        entities = json.dumps({"driver_id": [1, 1, 2, 2], "event_timestamp": [
            "2024-01-01T06:00:00Z", "2024-01-02T06:00:00Z", "2024-01-01T06:00:00Z", "2024-01-01T12:00:00Z"]})
        joined = larder_json("get-historical-features", "-d", entities, "-f", f"view_{name}:rate")
        assert [row["rate"] for row in joined] == [0.5, 0.75, None, None], (name, joined)
        larder("-q", "materialize", "2023-12-31T00:00:00", "2024-01-03T00:00:00", "--views", f"view_{name}")
        served = larder_json("get-online-features", "-e", "driver_id=1", "-f", f"view_{name}:rate")
        assert served["results"][1]["values"] == [0.75], (name, served)

    # What a look at them says.
    assert "Validation PASSED" in larder("mlflow", "validate-source", "view_from_csv")
    checked = larder_json("mlflow", "validate-source", "answers")
    assert checked["valid"] and {"name": "score", "type": "Float64"} in checked["columns"], checked
    missing = larder("mlflow", "validate-source", "view_nowhere", fails=1)
    assert "cannot be read: MLflow" in missing and "404" in missing, missing
    assert "artifact" in larder("mlflow", "list-sources").lower()
    unknown = larder("mlflow", "preview-dataset", "--source", "it's \"none\"", fails=1)
    assert "MLflow has no dataset `it's \"none\"`" in unknown, unknown
    other = larder("mlflow", "validate-source", "nothing", fails=1)
    assert "nothing" in other, other

    # A dataset without records has no rows, and its view no entities.
    create_dataset(name="empty", experiment_id=[mlflow.set_experiment("of-tests").experiment_id])
    write_repo(address, answers({"dataset_name": "empty"}))
    larder("apply")
    assert larder_json("get-historical-features", "-f", "answers:score") == []
    entities = json.dumps({"dataset_record_id": ["x"], "event_timestamp": ["2024-01-01T00:00:00Z"]})
    assert larder_json("get-historical-features", "-d", entities, "-f", "answers:n", "-f", "answers:question")[0]["n"] is None
    larder("-q", "materialize", "2023-12-31T00:00:00", "2024-01-03T00:00:00")
    assert larder_json("mlflow", "sync-dataset")[0]["records_fetched"] == 0
    write_repo(address, definitions)
    larder("apply")

    # Formats can be switched off, and addresses that are no servers are named.
    write_repo(address, definitions, supported_artifact_formats=["csv"])
    off = larder("get-historical-features", "-f", "view_from_parquet:rate", fails=1)
    assert "`supported_artifact_formats`" in off, off
    write_repo("sqlite:///mlflow.db", definitions)
    store = larder("mlflow", "preview-dataset", "--source", "evaluations", fails=1)
    assert "`sqlite:///mlflow.db` is no address of an MLflow server" in store, store
    write_repo("http://127.0.0.1:9", definitions)
    away = larder("mlflow", "preview-dataset", "--source", "evaluations", fails=3)
    assert "MLflow cannot be reached at http://127.0.0.1:9/" in away, away
    # The variable counts where the file says nothing.
    write_repo(None, definitions)
    nowhere = larder("mlflow", "preview-dataset", "--source", "evaluations", fails=1)
    assert "MLFLOW_TRACKING_URI" in nowhere, nowhere
    assert len(larder_json("mlflow", "preview-dataset", "--source", "evaluations", MLFLOW_TRACKING_URI=address)) == 3


def random_records(folder):
    chosen = random.Random(7)
    names = ["a", "b.c", "trace_id", "dataset_record_id", "event_timestamp", "input_a", "x y", "ü"]

    def value(depth=0):
        kinds = [None, True, 0, -(2**62), 0.25, 1e300, "", "text", "\"\\\n"]
        if depth < 2 and chosen.random() < 0.3:
            return chosen.choice([lambda: [value(2) for _ in range(chosen.randrange(3))],
                                  lambda: {chosen.choice(names): value(depth + 1) for _ in range(chosen.randrange(3))}])()
        return chosen.choice(kinds)

    def fields(most):
        return {name: value() for name in chosen.sample(names, chosen.randrange(most))}

    records = []
    for number in range(60):
        record = {"inputs": {"number": number, **fields(4)}, "expectations": fields(5)}
        if chosen.random() < 0.5:
            record["outputs"] = fields(3)
        if chosen.random() < 0.5:
            record["tags"] = {name: "t" for name in chosen.sample(["a", "b"], chosen.randrange(3))}
        records.append(record)
    dataset = create_dataset(name="random", experiment_id=[mlflow.set_experiment("of-tests").experiment_id])
    dataset.merge_records(records)
    dataset = get_dataset(name="random")
    mapping = {"expectations.a": "label", "inputs.a": "input_z", "outputs.a": "said", "outputs.x y.a": "deep",
               "inputs.none": "nothing", "tags.a": "tag_z", "nowhere.at.all": "gone", "expectations.ü": "ü"}
    file = folder / "random.json"
    for given in [None, mapping]:
        file.write_text(json.dumps(given or {}))
        ours = larder_json("mlflow", "preview-dataset", "--source", "random", "--limit", "1000", "--field-mapping", str(file))
        theirs = flatten_mlflow_dataset_df(dataset.to_df().astype(object), field_mapping=given)
        assert len(ours) == len(theirs) == 60 and set(ours[0]) == set(theirs.columns), (ours[0].keys(), theirs.columns)
        mine = sorted(ours, key=lambda row: row["input_number"])
        rows = sorted(theirs.astype(object).to_dict("records"), key=lambda row: row["input_number"])
        for mine, row in zip(mine, rows):
            for name in set(row) - {"event_timestamp"}:
                assert mine[name] == plain(row[name]), (name, mine, row)


def raised(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001
        return str(error)
    return "nothing"


def takes_over(address):
    write_dataset()
    definitions = answers({"dataset_name": "evaluations"})
    definitions["data_sources"].append({"name": "pushed", "type": "push", "batch_source": "kept"})
    definitions["label_views"] = [{
        "name": "labels", "entities": ["record"], "source": "pushed", "labeler_field": "answer",
        "schema": [{"name": "score", "dtype": "Float64"}, {"name": "answer", "dtype": "String"}]}]
    write_repo(address, definitions, enabled=True, log_operations=True, dataset_sync={"default_batch_size": 2})
    larder("apply")

    def report(*flags):
        [only] = larder_json("mlflow", "sync-dataset", *flags)
        assert only["feature_view"] == "answers" and only["errors"] == [], only
        return only["records_fetched"], only["new_records"], only["records_ingested"]

    def online():
        records = get_dataset(name="evaluations").to_df()
        ids = [flag for name in sorted(records["dataset_record_id"]) for flag in ["-e", f"dataset_record_id={name}"]]
        got = larder_json("get-online-features", *ids, "-f", "answers:question", "-f", "answers:score")
        return sorted(zip(*(result["values"] for result in got["results"][1:])), key=str)

    def watermark():
        return get_dataset(name="evaluations").tags.get("feast_last_sync_time")

    assert report("--dry-run") == (3, 3, 0) and watermark() is None
    assert {question for question, _ in online()} == {None}
    assert report() == (3, 3, 3)
    expected = [("who?", 0.5), ("what?", 1.0), ("ü\"\n", -1e300)]
    assert online() == sorted(expected, key=str), online()
    kept = pq.read_table(folder / "data/kept.parquet").to_pandas()
    assert sorted(kept["question"]) == sorted(question for question, _ in expected), kept

    # The tag says what has been seen, so that what changes meanwhile is new; Feast reads it likewise.
    records = records_of(get_dataset(name="evaluations"))
    newest = max(record.last_update_time for record in records)
    assert datetime.fromisoformat(watermark()).timestamp() * 1000 == newest, (watermark(), newest)
    assert report() == (3, 0, 0)

    # A record that is new, and one that is changed.
    get_dataset(name="evaluations").merge_records([
        {"inputs": {"question": "where?", "n": 4}, "expectations": {"score": 4.0}},
        {"inputs": RECORDS[0]["inputs"], "expectations": {"score": 0.25}}])
    assert report() == (4, 2, 2)
    expected = [("who?", 0.25), ("what?", 1.0), ("ü\"\n", -1e300), ("where?", 4.0)]
    assert online() == sorted(expected, key=str), online()
    assert len(pq.read_table(folder / "data/kept.parquet")) == 5
    assert report("--full-refresh") == (4, 4, 4)

    # A view that MLflow is not the source of names its dataset; its push source keeps the history.
    without = larder("mlflow", "sync-dataset", "--feature-view", "labels", fails=1)
    assert "names no dataset of MLflow" in without and "`--source`" in without, without
    before = len(pq.read_table(folder / "data/kept.parquet"))
    mapping = folder / "mapping.json"
    mapping.write_text(json.dumps({"expectations.answer": "answer"}))
    [labels] = larder_json("mlflow", "sync-dataset", "--feature-view", "labels", "--source", "evaluations",
                           "--full-refresh", "--field-mapping", str(mapping))
    assert labels["records_ingested"] == 4, labels
    assert len(pq.read_table(folder / "data/kept.parquet")) == before + 4

    # What cannot be written leaves the tag where it is.
    definitions["feature_views"][0]["schema"][0]["dtype"] = "Int64"
    (folder / "definitions.yaml").write_text(json.dumps(definitions))
    larder("apply")
    tag = watermark()
    get_dataset(name="evaluations").merge_records([{"inputs": {"question": "why?", "n": 5}}])
    failed = larder("mlflow", "sync-dataset", fails=1)
    assert "question" in failed and watermark() == tag, failed

    # A training set becomes tags of the run that it is made for, as Feast's does.
    ask = ["get-historical-features", "-f", "answers:score", "-f", "answers:n"]
    rows = larder_json(*ask)
    with mlflow.start_run() as run:
        assert len(larder_json(*ask, MLFLOW_RUN_ID=run.info.run_id)) == len(rows) > 0
    ours = mlflow.get_run(run.info.run_id)
    fs = FeatureStore(str(folder))
    with mlflow.start_run() as run:
        assert fs.mlflow.log_feature_retrieval(["answers:score", "answers:n"], len(rows), 0.5), "Feast tells nothing"
    theirs = mlflow.get_run(run.info.run_id)
    assert of_feast(ours.data.tags) == of_feast(theirs.data.tags), (ours.data.tags, theirs.data.tags)
    assert set(ours.data.metrics) == set(theirs.data.metrics), (ours.data.metrics, theirs.data.metrics)

    # What larder has done is told as Feast tells it.
    experiment = mlflow.get_experiment_by_name("evaluated-feast-ops")
    larder("-q", "materialize", "2024-01-01T00:00:00", "2024-01-02T00:00:00", "--views", "answers")
    runs = mlflow.MlflowClient().search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    told = [(run.info.run_name, run.info.status, of_feast(run.data.tags)) for run in runs]
    name, status, tags = told[0]
    assert (name, status) == ("apply_evaluated", "FINISHED"), told
    assert tags == {"feast.operation": "apply", "feast.project": "evaluated",
                    "feast.feature_views_changed": "answers,labels", "feast.feature_views_created": "answers,labels",
                    "feast.entities_changed": "record", "feast.entities_created": "record"}, tags
    assert told[1][2]["feast.feature_views_updated"] == "answers", told
    ours = runs[-1]
    begin, end = (datetime(2024, 1, day, tzinfo=timezone.utc) for day in [1, 2])
    assert fs.mlflow.log_materialize(["answers"], begin, end, 0.5), "Feast tells nothing"
    theirs = mlflow.MlflowClient().search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])[0]
    assert ours.info.run_id != theirs.info.run_id and ours.info.run_name == theirs.info.run_name, (ours, theirs)
    assert of_feast(ours.data.tags) == of_feast(theirs.data.tags), (ours, theirs)
    times = [{key: datetime.fromisoformat(value) for key, value in run.data.params.items()} for run in [ours, theirs]]
    assert times[0] == times[1], times
    assert set(ours.data.metrics) == set(theirs.data.metrics), (ours, theirs)


    # MLflow may be away: what is done is done.
    write_repo("http://127.0.0.1:9", definitions, enabled=True, log_operations=True)
    done = subprocess.run([program, "-c", folder, "apply"], capture_output=True, text=True)
    assert done.returncode == 0, done
    definitions["entities"][0]["description"] = "changed"
    write_repo("http://127.0.0.1:9", definitions, enabled=True, log_operations=True)
    done = subprocess.run([program, "-c", folder, "apply"], capture_output=True, text=True)
    assert done.returncode == 0 and "Updated entity record" in done.stdout, done
    assert "MLflow was not told what was done" in done.stderr, done


def of_feast(tags):
    return {key: value for key, value in tags.items() if key.startswith("feast.")}


def shows_tokens(address):
    write_dataset()
    with gateway(address, "Bearer of-the-test") as (own, asked), gateway(address, None) as (other, asked_other):
        definitions = answers({"dataset_name": "evaluations"})
        elsewhere = {**definitions["data_sources"][1], "name": "elsewhere", "tracking_uri": other}
        definitions["data_sources"].append(elsewhere)
        definitions["feature_views"].append({**definitions["feature_views"][0], "name": "others", "source": "elsewhere"})
        write_repo(own, definitions)
        larder("apply")
        ask = ["get-historical-features", "-f", "answers:score"]
        refused = larder(*ask, fails=1)
        assert "answers 401; set MLFLOW_TRACKING_TOKEN" in refused, refused
        wrong = larder(*ask, fails=1, MLFLOW_TRACKING_TOKEN="a-wrong-token")
        assert "401" in wrong and "a-wrong-token" not in wrong, wrong
        assert len(larder_json(*ask, MLFLOW_TRACKING_TOKEN="of-the-test")) == 3
        assert asked[-1] == "Bearer of-the-test", asked
        # Whoever may register a source may name any server; that one learns nothing.
        assert len(larder_json("get-historical-features", "-f", "others:score", MLFLOW_TRACKING_TOKEN="of-the-test")) == 3
        assert asked_other and set(asked_other) == {None}, asked_other
        logged = larder("--log-level", "trace", *ask, "--json", MLFLOW_TRACKING_TOKEN="of-the-test")
        assert "of-the-test" not in logged
        noisy = subprocess.run([program, "-c", folder, "--log-level", "trace", *ask], capture_output=True, text=True,
                               env={**os.environ, "MLFLOW_TRACKING_TOKEN": "of-the-test"})
        assert noisy.returncode == 0 and "of-the-test" not in noisy.stderr, noisy.stderr
        # A user in the address is one who asks, and is shown nowhere.
        with_user = own.replace("http://", "http://ada:secret-word@")
        write_repo(with_user, definitions)
        denied = larder(*ask, fails=1)
        assert asked[-1].startswith("Basic ") and "secret-word" not in denied, (asked, denied)
        assert "secret-word" not in larder("mlflow", "list-sources")


class gateway:
    """A server before MLflow's that lets through who shows `wanted`, or everybody; what it was shown."""

    def __init__(self, target, wanted):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do(self):
                shown = self.headers.get("authorization")
                asked.append(shown)
                if wanted not in (None, shown):
                    self.send_response(401)
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {"content-type": "application/json"} if body else {}
                request = urllib.request.Request(target + self.path, body or None, headers, method=self.command)
                with urllib.request.urlopen(request) as answer:
                    text = answer.read()
                self.send_response(200)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.asked = asked

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}", self.asked

    def __exit__(self, *_):
        self.server.shutdown()


server, address = start()
try:
    mlflow.set_tracking_uri(address)
    globals()[session](address)
finally:
    stop(server)
