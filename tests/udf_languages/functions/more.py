"""What the samples do not show: every type, a row at a time and in columns, and everything that goes wrong."""

import random
import sys
import time

import larder
from larder import Array, Float64, Int64, Set, String, Struct, on_demand_feature_view

SCALARS = ["Bool", "Int32", "Int64", "Float32", "Float64", "UnixTimestamp", "String", "Bytes", "PdfBytes", "ImageBytes"]
SCALARS += ["Json", "Map", "ScalarMap", "Uuid", "TimeUuid", "Decimal", "ZonedTimestamp"]
IN_LISTS = ["Bool", "Int32", "Int64", "Float32", "Float64", "UnixTimestamp", "String", "Bytes", "Json", "Map"]
IN_LISTS += ["Uuid", "TimeUuid", "Decimal"]
IN_SETS = [name for name in IN_LISTS if name not in ("Json", "Map")]
PLACE = Struct({"city": String, "seen": larder.ZonedTimestamp, "floors": Array(larder.Int32)})

TYPES = {name.lower(): getattr(larder, name) for name in SCALARS}
TYPES |= {f"{name.lower()}_list": Array(getattr(larder, name)) for name in IN_LISTS}
TYPES |= {f"{name.lower()}_set": Set(getattr(larder, name)) for name in IN_SETS}
TYPES |= {"trip": Struct({"from": PLACE, "type": Set(String)}), "places": Array(PLACE), "nested": Array(Set(Int64))}


@on_demand_feature_view(inputs=TYPES, outputs=TYPES)
def echo(inputs):
    return inputs


@on_demand_feature_view(inputs=TYPES, outputs=TYPES, singleton=True)
def echo_rows(row):
    print("this goes nowhere", row)
    return row


@on_demand_feature_view(inputs={"price": Float64}, outputs={"root": Float64})
def refuses(inputs):
    for price in inputs["price"]:
        if price is not None and price < 0:
            raise ValueError("a price is negative")
    return {"root": inputs["price"]}


@on_demand_feature_view(inputs={"price": Float64}, outputs={"price_text": String})
def mistypes(inputs):
    return {"price_text": inputs["price"]}


@on_demand_feature_view(inputs={"price": Float64}, outputs={"first": Float64})
def forgets(inputs):
    return {"first": inputs["price"][:1]}


@on_demand_feature_view(inputs={"price": Float64}, outputs={"first": Float64})
def misnames(inputs):
    return {"second": inputs["price"]}


def of_nothing(name, run):
    """A function that gives what `run` gives, in every row."""

    def function(inputs):
        return {"y": [run() for _ in inputs["price"]]}

    function.__name__ = name
    return on_demand_feature_view(inputs={"price": Float64}, outputs={"y": Float64})(function)


FUNCTIONS = [echo, echo_rows, refuses, mistypes, forgets, misnames]
FUNCTIONS += [
    of_nothing("reads_a_clock", lambda: time.time()),
    of_nothing("draws_lots", lambda: random.random()),
    of_nothing("draws_the_same_lots", lambda: random.Random(7).random()),
    of_nothing("opens_a_file", lambda: open("/etc/passwd").read()),
    of_nothing("imports_late", lambda: __import__("csv")),
    of_nothing("exits", lambda: sys.exit(3)),
    of_nothing("recurses", lambda: recursed()),
]


def recursed():
    return recursed()
