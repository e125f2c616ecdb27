"""What larder tells of an apply and of materializations is what Feast tells, field by field, but for what Feast gets
wrong."""
import json
import sys

from lineage import by_job, comparable, events

feast_repo, larder_repo = sys.argv[1:]
of_feast, of_larder = by_job(events(feast_repo)), by_job(events(larder_repo))
assert of_feast.keys() == of_larder.keys(), (of_feast.keys(), of_larder.keys())
assert ("materialize_larder_golden", "FAIL") in of_feast
assert ("feature_service_trip_model", "COMPLETE") in of_feast
for job, told in of_feast.items():
    assert len(told) == len(of_larder[job]), (job, len(told), len(of_larder[job]))
    for feast, larder in zip(told, of_larder[job]):
        feast, larder = comparable(feast, False), comparable(larder, True)
        assert feast == larder, (job, json.dumps(feast, indent=1), json.dumps(larder, indent=1))

for events in (of_feast, of_larder):
    runs = [event["run"]["runId"] for told in events.values() for event in told if event["eventType"] != "START"]
    started = [event["run"]["runId"] for event in events["materialize_larder_golden", "START"]]
    assert len(set(runs)) == len(runs) and set(started) <= set(runs), "each run starts and ends once"
