"""Events of lineage, as two programs are compared by them."""
import json
from pathlib import Path


def events(repo):
    """In the order in which they were written."""
    files = sorted(Path(repo).glob("openlineage_events.json-*.json"))
    return [json.loads(file.read_text()) for file in files]


def by_job(events):
    found = {}
    for event in events:
        found.setdefault((event["job"]["name"], event["eventType"]), []).append(event)
    return found


FACETS = "https://feast.dev/spec/facets/1-0-0"
ENTITIES = {"driver": ("driver_id", "INT64"), "customer": ("customer_id", "STRING"), "location": ("location_id", "INT32")}


def comparable(event, of_larder):
    event = json.loads(json.dumps(event))
    run = event["run"]
    for gone in (event.pop("eventTime"), run.pop("runId"), run["facets"].pop("tags")):
        assert gone
    starts, ends = event["eventType"] == "START", event["job"]["name"].startswith("materialize_")
    for key in ("inputs", "outputs"):
        for dataset in event[key]:
            facets = dataset["facets"]
            if source := facets.get("feast_dataSource"):
                named = source.pop("_producer"), source.pop("_schemaURL")
                # Feast forgets both.
                assert named == (("feast", f"{FACETS}/FeastDataSourceFacet.json") if of_larder else (
                    "", "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/BaseFacet")), named
            if service := facets.get("feast_featureService"):
                # Feast looks for it under a name that it does not have.
                assert service.pop("logging_enabled") == (of_larder and service["name"] == "driver_logged"), service
            if starts and (entity := facets.get("feast_entity")):
                # Feast says nothing of an entity here but its name, and so makes who listens forget the rest.
                join_key, value_type = ENTITIES[entity["name"]]
                expected = ([join_key], f"ValueType.{value_type}") if of_larder else ([], "STRING")
                assert (entity.pop("join_keys"), entity.pop("value_type")) == expected, entity
                for more in ("description", "tags"):
                    entity.pop(more)
                assert ("schema" in facets) == of_larder
                facets.pop("schema", None), facets.pop("documentation", None)
        # They come in the order of a set.
        event[key].sort(key=lambda dataset: json.dumps(dataset, sort_keys=True))
    if facet := run["facets"].get("feast_materialization"):
        facet["feature_views"].sort()
        if not starts:
            # Feast has no numbers, and forgets the span.
            rows, end = facet.pop("rows_written", None), facet.pop("end_date", None)
            facet.pop("start_date", None)
            assert (rows is not None and end is not None) == of_larder, facet
    if error := run["facets"].get("errorMessage"):
        assert error.pop("programmingLanguage") == ("rust" if of_larder else "python")
        assert error.pop("message")
    assert ends or event["eventType"] == "COMPLETE"
    return event
