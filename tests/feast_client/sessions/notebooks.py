"""Notebooks that larder has written, run cell by cell in a folder of their own."""
import json
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

session, folder = sys.argv[1:]
OVERVIEW, TRAINING, SERVING, CLIENT = (
    "01_feature_store_overview", "02_historical_features_training", "03_online_features_serving", "04_feast_client")


class Ran:
    """What a notebook says and prints, once it has run to its end."""

    def __init__(self, path, work):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert all(not cell.get("outputs") for cell in notebook.cells), "written with outputs"
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": work}}).execute()
        self.cells = notebook.cells
        self.text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        self.printed = "\n".join(map(printed, notebook.cells))

    def after(self, heading):
        """What is printed by the cell below a heading, whatever its number."""
        position = next(i for i, cell in enumerate(self.cells) if re.match(rf"## (\d+\. )?{heading}", cell.source))
        return printed(self.cells[position + 1])


def printed(cell):
    """What the cell has printed and shown. Nothing of it may be a complaint."""
    text = ""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            assert output.name == "stdout" or "Warning" in output.text, output
            text += output.text if output.name == "stdout" else ""
        else:
            text += output["data"]["text/plain"] + "\n"
    return text


def run(project):
    paths = sorted((Path(folder) / project).iterdir())
    assert [path.stem for path in paths] == [OVERVIEW, TRAINING, SERVING, CLIENT], paths
    with tempfile.TemporaryDirectory() as work:
        ran = {path.stem: Ran(path, work) for path in paths}
        assert list(Path(work).iterdir()) == [], "a notebook leaves files where it runs"
    for name in [SERVING, CLIENT]:
        assert ran[name].printed.rstrip().endswith("stopped"), name
    return ran


def agreement(text):
    """How many values were served, all of which the training set has too."""
    same, all_of_them = map(int, re.search(r"(\d+) of (\d+) served values are those", text).groups())
    assert same == all_of_them, text
    return same


def of_template():
    ran = run("rides")
    overview = ran[OVERVIEW]
    assert "No changes to registry" in overview.after("What apply would change"), overview.printed
    assert "| driver | driver_id | Int64 | A driver |" in overview.text, overview.text
    assert "| conv_rate | Float32 | Share of requests that became trips |" in overview.text, overview.text
    for name in ["driver_hourly_stats", "transformed_conv_rate", "driver_activity", "vals_to_add"]:
        assert name in overview.text and name in overview.printed, name

    training = ran[TRAINING]
    service = training.after("Feature service driver_activity")
    assert service.startswith("6 rows, 0 values are null"), service
    assert "conv_rate_plus_val1" in service and "1024" in service, service
    assert training.after("Feature view customer_profile").startswith("6 rows, 0 values are null")

    serving = ran[SERVING]
    views = {view["feature_view"]: view for view in json.loads(serving.after("Materialize"))["feature_views"]}
    assert views["driver_hourly_stats"]["rows_written"] == 50, views
    assert views["customer_profile"]["rows_written"] == 200, views
    # Three drivers: the key, and four features. Three customers: the key, and five.
    assert agreement(serving.after("Feature service driver_activity")) == 15, serving.printed
    assert agreement(serving.after("Feature view customer_profile")) == 18, serving.printed

    client = ran[CLIENT]
    assert "transformed_conv_rate ['conv_rate_plus_val1', 'conv_rate_plus_val2']" in client.after("The client"), client.printed
    served, _, table = client.after("Feature service").partition("\n}\n")
    served = json.loads(served + "\n}")
    assert [rate + 1 for rate in served["conv_rate"]] == served["conv_rate_plus_val1"], served
    assert "conv_rate_plus_val1" in table and str(served["driver_id"][0]) in table, table


def of_stranger():
    with tempfile.TemporaryDirectory() as work:
        for name in [SERVING, CLIENT]:
            try:
                Ran(Path(folder) / "rides" / f"{name}.ipynb", work)
            except CellExecutionError as error:
                assert "Invalid or expired access token" in str(error), error
            else:
                raise AssertionError("a stranger is served")


def of_chains():
    ran = run("larder_golden")
    for name in [TRAINING, SERVING, CLIENT]:
        reason = re.search(r"Feature view far_away\n\n(.*)", ran[name].text).group(1)
        assert reason.startswith("Not shown: feature view &#96;far_away&#96; reads the source"), reason
    assert "the values of &#96;offline_only&#96; are not kept online" in ran[SERVING].text
    headings = re.findall(r"## \d+\. (Feature .*)", ran[TRAINING].text)
    shown = [heading for heading in headings if heading != "Feature view far_away"]
    assert len(shown) == len(headings) - 1 > 5, headings
    for heading in shown:
        assert re.match(r"\d+ rows, \d+ values are null", ran[TRAINING].after(heading)), heading
    # Two of its views have features of one name.
    assert "origin__demand" in ran[TRAINING].after("Feature service trip_model"), ran[TRAINING].printed
    # Its columns have empty lists.
    [refused] = re.findall("does not take the answer: (.*)", ran[CLIENT].printed)
    assert "empty value" in refused and refused in ran[CLIENT].after("Feature view wide_types"), refused
    agreed = re.findall(r"(\d+) of (\d+) served", ran[SERVING].printed)
    assert len(agreed) >= 5 and all(int(same) > 0 for same, _ in agreed), ran[SERVING].printed


def of_documents():
    ran = run("docs")
    found = ran[SERVING].after("The nearest rows of docs").splitlines()
    assert "title" in found[0] and "east" in found[1] and "north-east" in found[2], found
    assert agreement(ran[SERVING].after("Feature service titles")) == 9, ran[SERVING].printed


def of_hostile_texts():
    ran = run("hostile")
    for notebook in ran.values():
        for mark in ["<script", "$x$", "](", "`code`", "\n# not", "\n!", "\u202e"]:
            assert mark not in notebook.text.replace("\n# The", ""), (mark, notebook.text)
        for cell in notebook.cells:
            lines = cell.source.splitlines() if cell.cell_type == "code" else []
            assert not any(line.lstrip().startswith(("!", "%")) for line in lines), cell.source
    assert "1 of 1" not in ran[SERVING].printed
    assert agreement(ran[SERVING].after("Feature service")) == 2, ran[SERVING].printed
    assert "0.5" in ran[TRAINING].after("Feature service"), ran[TRAINING].printed
    assert "0.5" in ran[CLIENT].after("Feature service"), ran[CLIENT].printed


globals()[session]()
