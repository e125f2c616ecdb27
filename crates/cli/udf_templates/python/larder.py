"""Write on-demand transformations for larder in Python.

A function takes the inputs as lists by name and returns the outputs as lists by name, as Feast's
functions in Python mode do. Every list has one value for each row; null is None.

    @on_demand_feature_view(inputs={"price": Float64}, outputs={"double_price": Float64})
    def double(inputs):
        return {"double_price": [None if x is None else 2 * x for x in inputs["price"]]}

    Transformation = export(double)

With `singleton=True` the function takes one row, and is called once for each: values in place of lists.

Values in Python, by type:

    Bool bool · Int32, Int64 int · Float32, Float64 float · String str · Bytes, PdfBytes, ImageBytes bytes
    UnixTimestamp datetime in UTC · ZonedTimestamp tuple of that and the zone's name ("" for UTC)
    Array(T), Set(T) list · Struct({"name": T}) dict
    Json, Map, ScalarMap, Uuid, TimeUuid, Decimal str: their text; see `json`, `uuid` and `decimal`

What a function prints goes nowhere. An exception is the error of the call; its text reaches whoever asked.
The same input must give the same output: there is no clock, no randomness, no file and no network, and what asks for one
is an error. The environment is empty, and what is logged or warned of goes nowhere. What is at the top of a file runs
once, when the component is built, and may read files; import there.
"""

import builtins
import gc
import io
import os
import random
import sys
import time
from datetime import date, datetime, timedelta, timezone

from componentize_py_types import Err
from wit_world.exports.transformation import Error, Signature
from wit_world.imports import arrow

# Where the components of Python print there is nothing to print to, and nothing to read from.
sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = io.StringIO()
sys.stdin = sys.__stdin__ = io.StringIO()


class Wrong(Exception):
    """A value of another kind than was declared, or something that transformations do not have."""


def _absent(what):
    def fail(*_, **__):
        raise Wrong(
            f"{what}: a transformation has no clock, randomness, files or network; take what it needs as inputs"
        )

    return fail


def _absent_without(what, function, at):
    """`function`, which asks the system where it is given no argument `at`."""

    def call(*arguments, **named):
        if not named and (len(arguments) <= at or arguments[at] is None):
            _absent(what)()
        return function(*arguments, **named)

    return call


class _NoModules:
    @staticmethod
    def find_spec(name, *_):
        raise Wrong(f"import `{name}` at the top of a file: when a function runs there are no files to import from")


# What asks the system, by module; and what does so without an argument in this place.
_ASKS = {
    "builtins": "open input",
    "io": "open open_code FileIO",
    "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns"
    " clock_gettime clock_gettime_ns get_clock_info sleep",
    "os": "urandom open stat lstat access chdir listdir scandir mkdir rmdir remove unlink rename replace link symlink"
    " readlink utime truncate",
    # `random.Random(seed)` is as good as any other computation.
    "random": "betavariate binomialvariate choice choices expovariate gammavariate gauss getrandbits lognormvariate"
    " normalvariate paretovariate randbytes randint random randrange sample seed shuffle triangular uniform"
    " vonmisesvariate weibullvariate _urandom",
    "socket": "socket create_connection getaddrinfo gethostbyname",
}
_ASKS_WITHOUT = {"time": {"localtime": 0, "gmtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}}


def _close_the_world():
    """Puts errors with a reason in the place of what would stop the function without one."""
    instead = []
    for module, names in _ASKS.items():
        module = sys.modules.get(module)
        for name in names.split():
            if hasattr(module, name):
                what = name if module is builtins else f"{module.__name__}.{name}"
                instead.append((getattr(module, name), _absent(what)))
                setattr(module, name, instead[-1][1])
    for module, names in _ASKS_WITHOUT.items():
        module = sys.modules[module]
        for name, at in names.items():
            function = getattr(module, name)
            instead.append((function, _absent_without(f"{module.__name__}.{name}", function, at)))
            setattr(module, name, instead[-1][1])
    # `from time import time` has put the function itself among the author's names.
    instead = {id(function): other for function, other in instead}
    for module in [module for name, module in sys.modules.items() if name.split(".")[0] not in sys.stdlib_module_names]:
        for name, value in vars(module).copy().items():
            if id(value) in instead:
                setattr(module, name, instead[id(value)])
    seeded = random.Random
    seeded.__new__ = staticmethod(_absent_without("random.Random()", super(seeded, seeded).__new__, 1))
    seeded.seed = _absent_without("random.Random.seed", seeded.seed, 1)
    for kind, names in [(datetime, "now utcnow today"), (date, "today")]:
        # Classes made in C refuse new attributes; beneath the proxy lies the dict that they are looked up in.
        inside = gc.get_referents(kind.__dict__)[0]
        for name in names.split():
            inside[name] = staticmethod(_absent(f"{kind.__name__}.{name}"))
    sys._clear_internal_caches() if hasattr(sys, "_clear_internal_caches") else sys._clear_type_cache()
    # What is logged or warned of goes nowhere, as what is printed, and asks for no time.
    if "logging" in sys.modules:
        sys.modules["logging"].disable(sys.maxsize)
    if "warnings" in sys.modules:
        sys.modules["warnings"].showwarning = lambda *_, **__: None


def _close_the_library():
    """Does the same for imports, in a call: until then the build may need them."""
    if sys.meta_path[-1] is not _NoModules:
        sys.meta_path = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder"]
        sys.meta_path.append(_NoModules)


# Types. Each knows its nodes and how its values lie in columns: `read` takes columns from an iterator, depth
# first, and gives a list of values; `write` appends columns for a list of values.


def _are_valid(column, length):
    """One bool for each value, or None where there are no nulls."""
    return None if column.validity is None else _bits(column.validity, length)


def _bits(data, length):
    return [data[i >> 3] >> (i & 7) & 1 == 1 for i in range(length)]


def _pack(bools):
    data = bytearray((len(bools) + 7) // 8)
    for i, is_set in enumerate(bools):
        if is_set:
            data[i >> 3] |= 1 << (i & 7)
    return bytes(data)


def _with_nulls(values, valid):
    if valid is None:
        return values
    return [value if is_valid else None for value, is_valid in zip(values, valid)]


def _column(given, values):
    """The column of `values` that stands for `given`, which says where the nulls are."""
    if None not in given:
        return arrow.Column(None, values)
    return arrow.Column(_pack([value is not None for value in given]), values)


class _Type:
    def __init__(self, name, node):
        self.name, self.node = name, node

    def __repr__(self):
        return self.name

    def nodes(self):
        return [self.node]

    def wrong(self, value):
        return Wrong(f"expected {self.name}, got {_shown(value)}")


def _shown(value):
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:60] + '…'}"


class _Bool(_Type):
    def read(self, columns, length):
        column = next(columns)
        return _with_nulls(_bits(column.values.value, length), _are_valid(column, length))

    def write(self, values, columns):
        for value in values:
            if value is not None and value is not True and value is not False:
                raise self.wrong(value)
        columns.append(_column(values, arrow.Values_Boolean(_pack(values))))


class _Number(_Type):
    def __init__(self, name, node, case, zero, check):
        super().__init__(name, node)
        self.case, self.zero, self.check = case, zero, check

    def read(self, columns, length):
        column = next(columns)
        return _with_nulls(column.values.value, _are_valid(column, length))

    def write(self, values, columns):
        zero, check = self.zero, self.check
        numbers = []
        for value in values:
            if value is None:
                numbers.append(zero)
            elif check(value):
                numbers.append(value)
            else:
                raise self.wrong(value)
        columns.append(_column(values, self.case(numbers)))


def _is_integer(bits):
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return lambda value: type(value) is int and low <= value <= high


def _is_number(value):
    return type(value) is float or type(value) is int and abs(value) <= sys.float_info.max


class _Text(_Type):
    case, kind = arrow.Values_Utf8, str

    def encode(self, value):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise self.wrong(value) from None

    def decode(self, data):
        return data.decode()

    def read(self, columns, length):
        column = next(columns)
        valid = _are_valid(column, length)
        data, offsets = column.values.value.data, column.values.value.offsets
        decode = self.decode
        return [
            decode(data[offsets[i] : offsets[i + 1]]) if valid is None or valid[i] else None for i in range(length)
        ]

    def write(self, values, columns):
        parts, offsets, end = [], [0], 0
        for value in values:
            if value is not None:
                if not isinstance(value, self.kind):
                    raise self.wrong(value)
                part = self.encode(value)
                parts.append(part)
                end += len(part)
            offsets.append(end)
        columns.append(_column(values, self.case(arrow.VarLen(offsets, b"".join(parts)))))


class _Bytes(_Text):
    case, kind = arrow.Values_Binary, (bytes, bytearray)

    def encode(self, value):
        return value

    def decode(self, data):
        return data


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


class _Timestamp(_Type):
    def read(self, columns, length):
        column = next(columns)
        valid = _are_valid(column, length)
        micros = column.values.value
        return [self.time(micros[i]) if valid is None or valid[i] else None for i in range(length)]

    def time(self, micros):
        try:
            return _EPOCH + timedelta(microseconds=micros)
        except OverflowError:
            raise Wrong(f"{micros} microseconds since 1970 are outside the years 1 to 9999 of Python") from None

    def write(self, values, columns):
        micros = []
        for value in values:
            if value is None:
                micros.append(0)
            elif isinstance(value, datetime):
                # As in Feast, a time without a zone is in UTC.
                aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
                micros.append((aware - _EPOCH) // _MICROSECOND)
            else:
                raise self.wrong(value)
        columns.append(_column(values, arrow.Values_TimestampMicros(micros)))


class _List(_Type):
    def __init__(self, name, node, item):
        super().__init__(f"{name}({item.name})", node)
        self.item = item

    def nodes(self):
        return [self.node, *self.item.nodes()]

    def read(self, columns, length):
        column = next(columns)
        valid = _are_valid(column, length)
        offsets = column.values.value
        items = self.item.read(columns, offsets[length])
        return [items[offsets[i] : offsets[i + 1]] if valid is None or valid[i] else None for i in range(length)]

    def write(self, values, columns):
        items, offsets = [], [0]
        for value in values:
            if value is not None:
                if not isinstance(value, (list, tuple, set, frozenset)):
                    raise self.wrong(value)
                items.extend(value)
            offsets.append(len(items))
        columns.append(_column(values, arrow.Values_Offsets(offsets)))
        self.item.write(items, columns)


class _Struct(_Type):
    def __init__(self, fields):
        names = ", ".join(f"{name}: {field.name}" for name, field in fields.items())
        super().__init__(f"Struct({{{names}}})", arrow.TypeNode_Struct(list(fields)))
        self.fields = fields

    def nodes(self):
        return [self.node, *(node for field in self.fields.values() for node in field.nodes())]

    def read(self, columns, length):
        valid = _are_valid(next(columns), length)
        fields = [field.read(columns, length) for field in self.fields.values()]
        rows = [dict(zip(self.fields, row)) for row in zip(*fields)]
        return _with_nulls(rows, valid)

    def write(self, values, columns):
        for value in values:
            if value is not None and (not isinstance(value, dict) or value.keys() != self.fields.keys()):
                raise self.wrong(value)
        columns.append(_column(values, arrow.Values_Parent()))
        for name, field in self.fields.items():
            field.write([None if value is None else value[name] for value in values], columns)


class _ZonedTimestamp(_Type):
    def nodes(self):
        return [self.node, arrow.TypeNode_TimestampMicros(), arrow.TypeNode_Utf8()]

    def read(self, columns, length):
        valid = _are_valid(next(columns), length)
        times, zones = UnixTimestamp.read(columns, length), String.read(columns, length)
        return _with_nulls(list(zip(times, zones)), valid)

    def write(self, values, columns):
        for value in values:
            if value is not None and (not isinstance(value, tuple) or len(value) != 2):
                raise self.wrong(value)
        columns.append(_column(values, arrow.Values_Parent()))
        for part, field in enumerate([UnixTimestamp, String]):
            field.write([None if value is None else value[part] for value in values], columns)


Bool = _Bool("Bool", arrow.TypeNode_Boolean())
Int32 = _Number("Int32", arrow.TypeNode_Int32(), arrow.Values_Int32, 0, _is_integer(32))
Int64 = _Number("Int64", arrow.TypeNode_Int64(), arrow.Values_Int64, 0, _is_integer(64))
Float32 = _Number("Float32", arrow.TypeNode_Float32(), arrow.Values_Float32, 0.0, _is_number)
Float64 = _Number("Float64", arrow.TypeNode_Float64(), arrow.Values_Float64, 0.0, _is_number)
UnixTimestamp = _Timestamp("UnixTimestamp", arrow.TypeNode_TimestampMicros())
String = _Text("String", arrow.TypeNode_Utf8())
Bytes = _Bytes("Bytes", arrow.TypeNode_Binary())
PdfBytes = _Bytes("PdfBytes", arrow.TypeNode_PdfBytes())
ImageBytes = _Bytes("ImageBytes", arrow.TypeNode_ImageBytes())
Json = _Text("Json", arrow.TypeNode_Json())
Map = _Text("Map", arrow.TypeNode_JsonMap())
ScalarMap = _Text("ScalarMap", arrow.TypeNode_JsonPairs())
Uuid = _Text("Uuid", arrow.TypeNode_Uuid())
TimeUuid = _Text("TimeUuid", arrow.TypeNode_TimeUuid())
Decimal = _Text("Decimal", arrow.TypeNode_Decimal())
ZonedTimestamp = _ZonedTimestamp("ZonedTimestamp", arrow.TypeNode_ZonedTimestamp())


def Array(item):
    """Lists of values of another type."""
    return _List("Array", arrow.TypeNode_List(), item)


def Set(item):
    """Lists without repetitions."""
    return _List("Set", arrow.TypeNode_Set(), item)


def Struct(fields):
    """Dicts with these fields: a dict of types by name."""
    return _Struct(fields)


# Functions.


class _Function:
    def __init__(self, function, inputs, outputs, singleton):
        self.function, self.inputs, self.outputs, self.singleton = function, inputs, outputs, singleton
        self.name = function.__name__

    def __call__(self, inputs):
        """The function as it was written, for tests."""
        return self.function(inputs)

    def signature(self):
        def fields(types):
            return [arrow.Field(name, field.nodes()) for name, field in types.items()]

        return Signature(self.name, fields(self.inputs), fields(self.outputs))

    def transform(self, batch):
        rows = batch.row_count
        columns = iter(batch.columns)
        inputs = {name: field.read(columns, rows) for name, field in self.inputs.items()}
        outputs = self.by_row(inputs, rows) if self.singleton else self.function(inputs)
        self.check_names(outputs)
        written = []
        for name, field in self.outputs.items():
            values = outputs[name]
            if not isinstance(values, (list, tuple)):
                raise Wrong(f"output `{name}`: expected a list, got {_shown(values)}")
            if len(values) != rows:
                raise Wrong(f"output `{name}` has {len(values)} values for {rows} rows")
            try:
                field.write(values, written)
            except Wrong as wrong:
                raise Wrong(f"output `{name}`: {wrong}") from None
        return arrow.Batch(rows, written)

    def by_row(self, inputs, rows):
        outputs = {name: [] for name in self.outputs}
        for row in range(rows):
            output = self.function({name: values[row] for name, values in inputs.items()})
            self.check_names(output)
            for name, values in outputs.items():
                values.append(output[name])
        return outputs

    def check_names(self, outputs):
        if not isinstance(outputs, dict):
            raise Wrong(f"expected a dict of outputs, got {_shown(outputs)}")
        if outputs.keys() != self.outputs.keys():
            found, declared = (", ".join(f"`{name}`" for name in names) for names in (outputs, self.outputs))
            raise Wrong(f"returned the outputs {found or 'none'} where {declared} are declared")


def on_demand_feature_view(*, inputs, outputs, singleton=False):
    """Declares the inputs and outputs of a function: dicts of types by name."""
    return lambda function: _Function(function, inputs, outputs, singleton)


def _message(error):
    """What went wrong, and where in the author's code."""
    text = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error}"
    place, trace = None, error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        module = frame.f_globals.get("__name__", "").split(".")[0]
        if module != __name__ and module not in sys.stdlib_module_names:
            place = f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{text} ({place})" if place else text


def export(*functions):
    """The class that the component offers; give it the name `Transformation`. The last line of `udf.py`: from here on
    there is no clock, randomness, file or network."""

    class Transformation:
        def signatures(self):
            return [function.signature() for function in functions]

        def transform(self, index, input):
            try:
                _close_the_library()
                return functions[index].transform(input)
            except BaseException as error:
                raise Err(Error(_message(error))) from None

    # When the component is built, so that no call spends time on it.
    _close_the_world()
    return Transformation
