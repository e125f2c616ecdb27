"""larder's lineage server and Feast's answer alike about the same events, sent by the OpenLineage client, and each takes
over the file of the other."""
import atexit
import json
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    Dataset, DatasetEvent, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState, set_producer)
from openlineage.client.facet_v2 import (
    column_lineage_dataset, datasource_dataset, documentation_dataset, job_type_job, lifecycle_state_change_dataset,
    ownership_dataset, parent_run, schema_dataset, symlinks_dataset)

warnings.filterwarnings("ignore")
program, feast_repo, larder_repo = sys.argv[1:]
KEY = "a key"
MAPPING = "{'spark://ml': rides, team: other}"


class Server:
    """A lineage server over a file."""

    def __init__(self, of_larder, file):
        self.folder = Path(mkdtemp())
        (self.folder / "feature_store.yaml").write_text(
            "project: rides\nprovider: local\nregistry: registry.db\nentity_key_serialization_version: 3\n"
            f"openlineage: {{consumer: {{enabled: true, api_key: '{KEY}', connection_string: 'sqlite:///{file}', "
            f"namespace_mapping: {MAPPING}}}}}\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        command = [program] if of_larder else [sys.executable, "-m", "feast.cli.cli"]
        self.process = subprocess.Popen(
            [*command, "serve_lineage", "-h", "127.0.0.1", "-p", port], cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.process.kill)
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                requests.get(self.url + "/nothing")
                break
            except requests.ConnectionError:
                assert self.process.poll() is None, "the server has ended"
                time.sleep(0.1)

    def get(self, path):
        answer = requests.get(f"{self.url}/api/v1/lineage/openlineage/{path}")
        return answer.status_code, answer.json()

    def post(self, path, key=KEY, **body):
        return requests.post(f"{self.url}/api/v1/lineage{path}", headers={"X-API-Key": key}, **body)

    def client(self):
        auth = {"type": "api_key", "apiKey": KEY}
        return OpenLineageClient(config={"transport": {"type": "http", "url": self.url, "auth": auth}})

    def close(self):
        self.process.terminate()
        self.process.wait()


# What a producer like Spark sends: a run that another has started, two names of one place, and columns.
set_producer("https://example.org/producer")
PARENT, CHILD, LATER = (f"0190a000-0000-7000-8000-00000000000{digit}" for digit in "123")


def facets(uri, **more):
    return {"dataSource": datasource_dataset.DatasourceDatasetFacet(name="lake", uri=uri), **more}


def column(name):
    return column_lineage_dataset.InputField(
        namespace="spark://ml", name="trips", field=name,
        transformations=[column_lineage_dataset.Transformation(type="DIRECT", subtype="IDENTITY", description=f"of {name}")])


def of_client():
    trips = InputDataset(namespace="spark://ml", name="trips", facets=facets("s3://user:hidden@Lake/trips"))
    totals = OutputDataset(namespace="spark://ml", name="totals", facets=facets(
        "s3://lake/totals",
        schema=schema_dataset.SchemaDatasetFacet(fields=[
            schema_dataset.SchemaDatasetFacetFields(name="überschuss", type="double", description="ä \"quoted\" 🚕")]),
        ownership=ownership_dataset.OwnershipDatasetFacet(owners=[
            ownership_dataset.Owner(name="ada", type="MAINTAINER"), ownership_dataset.Owner(name="bob")]),
        lifecycleStateChange=lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(
            lifecycleStateChange=lifecycle_state_change_dataset.LifecycleStateChange.OVERWRITE),
        columnLineage=column_lineage_dataset.ColumnLineageDatasetFacet(fields={
            "überschuss": column_lineage_dataset.Fields(inputFields=[column("fare"), column("cost")])}),
        symlinks=symlinks_dataset.SymlinksDatasetFacet(identifiers=[
            symlinks_dataset.Identifier(namespace="hive://metastore", name="db.totals", type="TABLE")])))
    same = InputDataset(namespace="airflow/team", name="raw_trips", facets=facets("s3://lake/trips"))
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(runId=PARENT), job=parent_run.Job(namespace="airflow/team", name="nightly"))
    spark = Job(namespace="spark://ml", name="sum", facets={"jobType": job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="SPARK", jobType="JOB")})
    nightly = Job(namespace="airflow/team", name="nightly", facets={
        "documentation": documentation_dataset.DocumentationDatasetFacet(description="every night")})

    def run(state, run_id, job, inputs=(), outputs=(), **facets):
        return RunEvent(eventTime=f"2026-01-01T00:00:0{RUNS.pop(0)}.5Z", eventType=state, run=Run(runId=run_id, facets=facets),
                        job=job, inputs=list(inputs), outputs=list(outputs))

    RUNS = list(range(9))
    yield run(RunState.START, PARENT, nightly, [same])
    yield run(RunState.START, CHILD, spark, [trips], [totals], parent=parent)
    yield run(RunState.RUNNING, CHILD, spark)
    yield run(RunState.COMPLETE, CHILD, spark, [trips], [totals], parent=parent)
    yield run(RunState.FAIL, PARENT, nightly)
    yield run(RunState.COMPLETE, LATER, spark, [trips], [totals])
    yield DatasetEvent(eventTime="2026-01-01T01:00:00Z", dataset=Dataset(
        namespace="hive://metastore", name="db.totals", facets=facets("s3://lake/totals")))
    yield JobEvent(eventTime="2026-01-01T02:00:00+01:00", job=Job(namespace="team", name="defined"),
                   inputs=[InputDataset(namespace="team", name="online_store_stats")],
                   outputs=[OutputDataset(namespace="team", name="request_source_x")])


def of_files(repo):
    return [json.loads(file.read_text()) for file in sorted(Path(repo).glob("openlineage_events.json-*.json"))]


PLAIN = [
    {"job": {"namespace": "n", "name": "j"}, "run": {"runId": "r", "facets": {"parentRun": {
        "run": {"runId": "p"}, "job": {"namespace": "n", "name": "j"}, "root": {"run": {"runId": "top"}}}}},
     "inputs": [{"name": "without namespace"}], "outputs": []},
    {"eventType": "ABORT", "job": {"name": "without namespace"}, "run": {}},
    {"dataset": {"namespace": "n", "name": "password=x", "facets": {"feast_dataSource": {"path": "host=h password=x"}}}},
    {"strange": 1},
]


def fill(server):
    client = server.client()
    for event in of_client():
        client.emit(event)
    client.close()
    for event in [*of_files(feast_repo), *of_files(larder_repo)]:
        assert server.post("", json=event).status_code == 201
    answer = server.post("", json=PLAIN[:2])
    assert (answer.status_code, answer.json()) == (
        200, {"status": "success", "summary": {"received": 2, "successful": 2, "failed": 0}}), answer.text
    answer = server.post("", json=[*PLAIN[2:], 7])
    assert (answer.status_code, answer.json()) == (
        207, {"status": "partial_success", "summary": {"received": 3, "successful": 2, "failed": 1}}), answer.text
    answer = server.post("/batch", json=[{"job": 7}])
    assert (answer.status_code, answer.json()["summary"]["failed"]) == (200, 1), answer.text


NAMESPACES = ["larder_golden", "airflow/team", "spark://ml", "hive://metastore", "team", "n", "", "none"]
GRAPHS = [(kind, namespace, name, more) for kind, namespace, name in [
    ("job", "larder_golden", "materialize_larder_golden"), ("dataset", "larder_golden", "driver_hourly_stats"),
    ("dataset", "larder_golden", "driver"), ("dataset", "team", "online_store_stats"), ("job", "n", "nothing")]
    for more in ("", "?direction=upstream", "?direction=downstream&depth=1", "?depth=2")]


def questions():
    yield from ["events?limit=1000", "jobs", "datasets", "namespaces", "graph", "runs?limit=500", "retention"]
    yield from ["events?limit=0", "events?limit=x&offset=-1", "graph?limit=10001", "runs?limit=501", "graph/x/n/n",
                "graph/job/n/j?depth=0&direction=up", "graph/job/n/j?depth=51", "runs/nothing", "runs/nothing/tree"]
    for namespace in NAMESPACES:
        yield f"events?limit=1000&namespace={quote(namespace, safe='')}"
        yield f"runs?limit=500&job_namespace={quote(namespace, safe='')}"
        yield f"graph?namespace={quote(namespace, safe='')}"
    yield "events?job_name=materialize_larder_golden"
    for kind, namespace, name, more in GRAPHS:
        yield f"graph/{kind}/{namespace}/{name}{more}"
    for name in ("driver_hourly_stats", "online_store_driver_hourly_stats", "nothing"):
        yield from [f"datasets/larder_golden/{name}/versions", f"datasets/larder_golden/{name}/columns"]
    yield "datasets/larder_golden/online_store_driver_hourly_stats/versions?limit=1&offset=1"
    for run in (PARENT, CHILD, LATER, "r", "top"):
        yield from [f"runs/{run}", f"runs/{run}/tree"]


NUMBERS = {"created_at", "updated_at", "started_at", "ended_at", "oldest_ms"}


def comparable(value, numbers):
    """Without ids and times of the server, and lists in one order. Of text that holds JSON the JSON."""
    if isinstance(value, dict):
        if numbers:
            value = {key: bool(part) if key in NUMBERS else part for key, part in value.items() if key != "event_id"}
        # Who has not said when gets the server's time.
        if numbers and value.get("event_type") and "eventTime" not in value["event_json"]:
            value.pop("event_time")
        return {key: comparable(part, numbers) for key, part in value.items()}
    if isinstance(value, list):
        return sorted((comparable(part, numbers) for part in value), key=lambda part: json.dumps(part, sort_keys=True))
    return value


def answers(server):
    return {question: server.get(question) for question in questions()}


def compare(some, others, numbers):
    for question, (status, answer) in some.items():
        other_status, other = others[question]
        assert status == other_status, (question, answer, other)
        answer, other = comparable(answer, numbers), comparable(other, numbers)
        assert answer == other, (question, json.dumps(answer, indent=1), json.dumps(other, indent=1))
        assert "hidden" not in json.dumps(answer), question


files = Path(mkdtemp())
feast, larder = Server(False, files / "feast.db"), Server(True, files / "larder.db")
for server in (feast, larder):
    fill(server)
compare(answers(feast), answers(larder), numbers=True)
status, run = larder.get(f"runs/{CHILD}")
assert status == 200 and run["state"] == "COMPLETE" and run["root_run_id"] == PARENT, run
# A namespace with slashes: Feast takes them for parts of the path.
path = f"graph/dataset/{quote('spark://ml', safe='')}/totals"
assert feast.get(path)[0] == 404
assert {node["name"] for node in larder.get(path)[1]["nodes"]} >= {"trips", "totals", "sum", "db.totals"}
path = f"datasets/{quote('spark://ml', safe='')}/totals/columns"
assert [column["input_field"] for column in larder.get(path)[1]["column_lineage"]] == ["fare", "cost"]

# What is refused, and how.
for server, wrong in ((feast, 500), (larder, 422)):
    for body, status in [(b"no json", 400), (b'{"job": 1}', wrong), (b"7", wrong)]:
        answer = server.post("", data=body)
        assert (answer.status_code, list(answer.json())) == (status, ["detail"]), answer.text
    answer = server.post("/batch", json={})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Expected array of events"})
    for key in ("", "another"):
        for path in ("", "/batch", "/openlineage/retention/prune"):
            answer = server.post(path, key=key, json=[])
            assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API key"}), (path, answer.text)
        assert requests.delete(f"{server.url}/api/v1/lineage/openlineage/reset").status_code == 401
answer = larder.post("/batch", json=[PLAIN[3]])
assert (answer.status_code, answer.text) == (204, "")
feast.post("", json=PLAIN[3])

# Each opens the file of the other, sees what that saw, and goes on with it.
seen = [answers(feast), answers(larder)]
for server in (feast, larder):
    server.close()
feast, larder = Server(False, files / "larder.db"), Server(True, files / "feast.db")
compare(seen[0], answers(larder), numbers=False)
compare(seen[1], answers(feast), numbers=False)
for server in (feast, larder):
    fill(server)
    answer = server.post("/openlineage/retention/prune")
    assert answer.json()["deleted"] == {"run_io": 0, "runs": 0, "events": 0, "dataset_versions": 0}, answer.text
compare(answers(feast), answers(larder), numbers=True)
for namespace in ("?namespace=larder_golden", ""):
    for server in (feast, larder):
        url = f"{server.url}/api/v1/lineage/openlineage/reset{namespace}"
        answer = requests.delete(url, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200 and answer.json()["status"] == "success", answer.text
    compare(answers(feast), answers(larder), numbers=True)

# And both have one open at the same time.
larder.close()
larder = Server(True, files / "larder.db")
for event in PLAIN[:2]:
    assert feast.post("", json=event).status_code == larder.post("", json=event).status_code == 201
compare(answers(feast), answers(larder), numbers=False)
assert len(larder.get("events")[1]["events"]) == 4
feast.close(), larder.close()
