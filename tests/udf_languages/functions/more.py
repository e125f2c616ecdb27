"""What the samples do not show: every type, a row at a time and in columns, and everything that goes wrong."""

import asyncio
import datetime
import io
import logging
import os
import random
import secrets
import socket
import sys
import time
import uuid
import warnings
from random import choice
from time import time as now

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
    of_nothing("draws_the_same_lots", lambda: random.Random(7).random()),
    of_nothing("imports_late", lambda: __import__("csv")),
    of_nothing("exits", lambda: sys.exit(3)),
    of_nothing("recurses", lambda: recursed()),
]


def recursed():
    return recursed()


def logs():
    logging.getLogger("more").error("this goes nowhere")
    warnings.warn("nor does this")
    print("nor this", file=sys.__stderr__, flush=True)
    return len(sys.stdin.read())


# What asks a system for something, by the name of the function that does.
ASKING = {
    "datetime_now": lambda: datetime.datetime.now(),
    "datetime_now_in_utc": lambda: datetime.datetime.now(datetime.timezone.utc),
    "datetime_utcnow": lambda: datetime.datetime.utcnow(),
    "datetime_now_kept": datetime.datetime.now,
    "date_today": lambda: datetime.date.today(),
    "time_time": lambda: time.time(),
    "time_time_imported": lambda: now(),
    "time_monotonic": lambda: time.monotonic(),
    "time_localtime": lambda: time.localtime(),
    "time_strftime": lambda: time.strftime("%Y"),
    "time_sleep": lambda: time.sleep(0),
    "asyncio_run": lambda: asyncio.run(asyncio.sleep(0)),
    "random_random": lambda: random.random(),
    "random_choice_imported": lambda: choice([1.0, 2.0]),
    "random_unseeded": lambda: random.Random(),
    "random_system": lambda: random.SystemRandom().random(),
    "secrets_token": lambda: secrets.token_hex(4),
    "uuid_4": lambda: uuid.uuid4(),
    "os_urandom": lambda: os.urandom(4),
    "open_": lambda: open("/etc/passwd"),
    "io_open": lambda: io.open("/etc/passwd"),
    "os_exists": lambda: os.path.exists("/etc/passwd"),
    "os_listdir": lambda: os.listdir("/"),
    "socket_": lambda: socket.socket(),
    "socket_name": lambda: socket.getaddrinfo("localhost", 80),
    "os_write": lambda: os.write(1, b"x"),
    "os_exit": lambda: os._exit(3),
}
# What has an answer, the same in every call.
ANSWERED = {
    "environment": lambda: len(os.environ),
    "argv": lambda: len(sys.argv),
    "beginning_of_time": lambda: datetime.datetime.fromtimestamp(0).year,
    "time_given": lambda: time.gmtime(0).tm_year,
    "logs": logs,
}
FUNCTIONS += [of_nothing(name, run) for name, run in {**ASKING, **ANSWERED}.items()]
