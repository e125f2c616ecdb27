"""What larder's registry server tells of objects that Feast's client applies through it is what Feast's server tells,
but that it knows the features of a service."""
import atexit
import socket
import subprocess
import sys
import time
from pathlib import Path

from lineage import by_job, comparable, events

program, *clients = sys.argv[1:]


def apply_through(command, client):
    """Serves a registry, lets the client in this folder apply through it, and returns what the server has told."""
    folder = Path(client) / "server"
    (folder / "data").mkdir(parents=True)
    (folder / "feature_store.yaml").write_text(
        "project: larder_golden\nprovider: local\nregistry: data/registry.db\nentity_key_serialization_version: 3\n"
        "openlineage: {enabled: true, transport_type: file}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([*command, "serve_registry", "-p", str(port)], cwd=folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(server.kill)
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert server.poll() is None, "the server has ended"
        time.sleep(0.1)
    file = Path(client) / "feature_store.yaml"
    remote = f"registry: {{registry_type: remote, path: 'localhost:{port}'}}"
    file.write_text(file.read_text().replace("registry: data/registry.db", remote))
    feast = [sys.executable, "-m", "feast.cli.cli", "apply"]
    subprocess.run(feast, cwd=client, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    server.terminate()
    server.wait()
    return by_job(events(folder))


def without_features(event):
    """Feast's server looks for the views of a service in the service alone, and finds none."""
    (service,) = event["outputs"]
    for dataset in event["inputs"]:
        assert dataset["facets"].pop("schema")
    event["inputs"].sort(key=lambda dataset: dataset["name"])
    fields = service["facets"].pop("schema")["fields"]
    facet, documentation = service["facets"]["feast_featureService"], service["facets"]["documentation"]
    assert facet["feature_count"] == len(fields) > 0, facet
    facet["feature_count"] = 0
    documentation["description"] = documentation["description"].replace(f": {len(fields)}.", ": 0.")
    return event


of_feast = apply_through([sys.executable, "-m", "feast.cli.cli"], clients[0])
of_larder = apply_through([program], clients[1])
assert of_feast.keys() == of_larder.keys(), (of_feast.keys(), of_larder.keys())
for (job, state), told in of_feast.items():
    feast = [comparable(event, False) for event in told]
    larder = [comparable(event, True) for event in of_larder[job, state]]
    if job.startswith("feature_service_"):
        larder = [without_features(event) for event in larder]
    # One view after the other, in the order of a set.
    for events in (feast, larder):
        events.sort(key=lambda event: event["outputs"][0]["name"])
    assert feast == larder, (job, feast, larder)
assert len(of_feast["feast_feature_views_larder_golden", "COMPLETE"]) == 13
