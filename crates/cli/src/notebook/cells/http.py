import urllib.error
import urllib.request

# The server is on this machine, whatever proxy leads to others.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(path, body):
    """Posts JSON to the server: its answer."""
    headers = {"content-type": "application/json", **AUTHORIZATION}
    request = urllib.request.Request(ADDRESS + path, json.dumps(body).encode(), headers)
    try:
        with opener.open(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.code}: {error.read().decode()}") from None


def columns(rows):
    """Rows as the server takes them."""
    rows = online_rows(rows)
    return {name: [row[name] for row in rows] for name in rows[0]}


def values_of(answer):
    """The values of an answer by name."""
    names = answer["metadata"]["feature_names"]
    return {name: result["values"] for name, result in zip(names, answer["results"])}


def compare(answer, rows, features):
    """Says how many of the served values are those of the training set as of AS_OF."""
    trained = training_set_json(at_times(rows, [as_of]), features)
    served = {name: values for name, values in values_of(answer).items() if name != "__dummy_id"}
    pairs = [(row[name], value) for name, values in served.items() for row, value in zip(trained, values)]
    same = sum(before == now for before, now in pairs)
    print(f"{same} of {len(pairs)} served values are those of the training set as of {as_of}")


def training_set_json(rows, features):
    return larder_json("get-historical-features", "--dataframe=" + json.dumps(rows), *features)
