/**
 * Write on-demand transformations for larder in JavaScript.
 *
 * A function takes the inputs as arrays by name and returns the outputs as arrays by name. Every array has one
 * value for each row; null is `null`.
 *
 *     const double = onDemandFeatureView(
 *         "double",
 *         { inputs: { price: Float64 }, outputs: { double_price: Float64 } },
 *         ({ price }) => ({ double_price: price.map((x) => x === null ? null : 2 * x) }),
 *     );
 *
 *     export const transformation = component(double);
 *
 * With `singleton: true` the function takes one row, and is called once for each: values in place of arrays.
 *
 * Values in JavaScript, by type:
 *
 *     Bool boolean · Int32, Float32, Float64 number · Int64 BigInt · String string
 *     Bytes, PdfBytes, ImageBytes Uint8Array
 *     UnixTimestamp BigInt, microseconds since 1970 · ZonedTimestamp { at: that, zone: name, "" for UTC }
 *     Array(T), Set(T) array · Struct({ name: T }) object
 *     Json, Map, ScalarMap, Uuid, TimeUuid, Decimal string: their text; see `JSON`
 *
 * An Int64 or UnixTimestamp output may also be a whole number of at most 2 ** 53.
 *
 * An exception is the error of the call; its text reaches whoever asked. The same input must give the same output:
 * there is no clock, no randomness, no file and no network, and what asks for one is an error. What goes to `console`
 * goes nowhere. A promise is never waited for.
 */

/** A value of another kind than was declared, or something that transformations do not have. */
class Wrong extends Error {}

const absent = (what) => () => {
    const without = "a transformation has no clock, randomness, files or network";
    throw new Wrong(`${what}: ${without}; take what it needs as inputs`);
};

// Without this they would give the time of the build and the same numbers in every call, or stop the function without a
// reason.
const BuiltDate = Date;
BuiltDate.now = absent("Date.now");
globalThis.Date = new Proxy(BuiltDate, {
    apply: absent("Date()"),
    construct(target, parts, made) {
        if (parts.length === 0) absent("new Date()")();
        return Reflect.construct(target, parts, made);
    },
});
BuiltDate.prototype.constructor = globalThis.Date;
Math.random = absent("Math.random");
globalThis.performance = { now: absent("performance.now") };
for (const name of ["getRandomValues", "randomUUID"]) {
    Object.defineProperty(Object.getPrototypeOf(crypto), name, { value: absent(`crypto.${name}`) });
}
for (const name of ["fetch", "setTimeout", "setInterval"]) globalThis[name] = absent(name);
for (const name of ["time", "timeEnd", "timeLog"]) console[name] = () => {};

// Types. Each knows its nodes and how its values lie in columns: `read` takes columns from an iterator, depth
// first, and gives an array of values; `write` appends columns for an array of values.

const bit = (data, i) => ((data[i >> 3] >> (i & 7)) & 1) === 1;

/** One bit for each value for which `isSet`. */
function pack(values, isSet) {
    const data = new Uint8Array((values.length + 7) >> 3);
    values.forEach((value, i) => {
        if (isSet(value)) data[i >> 3] |= 1 << (i & 7);
    });
    return data;
}

/** An array of `length` values, which are `value(i)` where there is no null. */
function withNulls(column, length, value) {
    const valid = column.validity ?? null;
    return Array.from({ length }, (_, i) => (valid === null || bit(valid, i) ? value(i) : null));
}

/** The column of `values` that stands for `given`, which says where the nulls are. */
function column(given, values) {
    const validity = given.includes(null) ? pack(given, (value) => value !== null) : undefined;
    return { validity, values };
}

function shown(value) {
    const kind = value === null ? "" : Array.isArray(value) ? "array " : `${typeof value} `;
    const text = typeof value === "object" && value !== null
        ? JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part))
        : String(value);
    return kind + (text.length <= 60 ? text : `${text.slice(0, 60)}…`);
}

class Type {
    constructor(name, node) {
        this.name = name;
        this.node = { tag: node };
    }

    nodes() {
        return [this.node];
    }

    next(columns) {
        return columns.next().value;
    }

    wrong(value) {
        return new Wrong(`expected ${this.name}, got ${shown(value)}`);
    }
}

class BoolType extends Type {
    read(columns, length) {
        const given = this.next(columns);
        return withNulls(given, length, (i) => bit(given.values.val, i));
    }

    write(values, columns) {
        for (const value of values) {
            if (value !== null && typeof value !== "boolean") throw this.wrong(value);
        }
        columns.push(column(values, { tag: "boolean", val: pack(values, (value) => value === true) }));
    }
}

class NumberType extends Type {
    /** `array` makes the typed array of a length; `number` gives what of a value is kept, or undefined. */
    constructor(name, node, array, number) {
        super(name, node);
        this.array = array;
        this.number = number;
    }

    read(columns, length) {
        const given = this.next(columns);
        return withNulls(given, length, (i) => given.values.val[i]);
    }

    write(values, columns) {
        const numbers = new this.array(values.length);
        values.forEach((value, i) => {
            if (value === null) return;
            const number = this.number(value);
            if (number === undefined) throw this.wrong(value);
            numbers[i] = number;
        });
        columns.push(column(values, { tag: this.node.tag, val: numbers }));
    }
}

const int32 = (value) => (Number.isInteger(value) && value === (value | 0) ? value : undefined);

const float = (value) => (typeof value === "number" ? value : undefined);

function int64(value) {
    if (Number.isSafeInteger(value)) return BigInt(value);
    return typeof value === "bigint" && value === BigInt.asIntN(64, value) ? value : undefined;
}

const utf8 = {
    tag: "utf8",
    encoder: new TextEncoder(),
    decoder: new TextDecoder(),
    decode: (data) => utf8.decoder.decode(data),
    encode: (value) => (typeof value === "string" ? utf8.encoder.encode(value) : undefined),
};

const binary = {
    tag: "binary",
    // What the bindings give is no instance of this `Uint8Array`.
    decode: (data) => new Uint8Array(data),
    encode: (value) => (value instanceof Uint8Array ? value : undefined),
};

class BytesType extends Type {
    constructor(name, node, kind) {
        super(name, node);
        this.kind = kind;
    }

    read(columns, length) {
        const given = this.next(columns);
        const { data, offsets } = given.values.val;
        return withNulls(given, length, (i) => this.kind.decode(data.slice(offsets[i], offsets[i + 1])));
    }

    write(values, columns) {
        const offsets = new Int32Array(values.length + 1);
        const parts = [];
        let end = 0;
        values.forEach((value, i) => {
            if (value !== null) {
                const part = this.kind.encode(value);
                if (part === undefined) throw this.wrong(value);
                parts.push([part, end]);
                end += part.length;
            }
            offsets[i + 1] = end;
        });
        const data = new Uint8Array(end);
        for (const [part, start] of parts) data.set(part, start);
        columns.push(column(values, { tag: this.kind.tag, val: { offsets, data } }));
    }
}

class ListType extends Type {
    constructor(name, node, item) {
        super(`${name}(${item.name})`, node);
        this.item = item;
    }

    nodes() {
        return [this.node, ...this.item.nodes()];
    }

    read(columns, length) {
        const given = this.next(columns);
        const offsets = given.values.val;
        const items = this.item.read(columns, offsets[length]);
        return withNulls(given, length, (i) => items.slice(offsets[i], offsets[i + 1]));
    }

    write(values, columns) {
        const offsets = new Int32Array(values.length + 1);
        const items = [];
        values.forEach((value, i) => {
            if (value !== null) {
                if (!Array.isArray(value) && !(value instanceof Set_)) throw this.wrong(value);
                for (const item of value) items.push(item ?? null);
            }
            offsets[i + 1] = items.length;
        });
        columns.push(column(values, { tag: "offsets", val: offsets }));
        this.item.write(items, columns);
    }
}

class StructType extends Type {
    constructor(fields) {
        const names = Object.entries(fields).map(([name, field]) => `${name}: ${field.name}`);
        super(`Struct({${names.join(", ")}})`);
        this.node = { tag: "struct", val: Object.keys(fields) };
        this.fields = fields;
    }

    nodes() {
        return [this.node, ...Object.values(this.fields).flatMap((field) => field.nodes())];
    }

    read(columns, length) {
        const given = this.next(columns);
        const fields = Object.entries(this.fields).map(([name, field]) => [name, field.read(columns, length)]);
        return withNulls(given, length, (i) => Object.fromEntries(fields.map(([name, values]) => [name, values[i]])));
    }

    write(values, columns) {
        const names = Object.keys(this.fields);
        for (const value of values) {
            if (value === null) continue;
            const fits = typeof value === "object" && Object.keys(value).every((name) => names.includes(name));
            if (!fits) throw this.wrong(value);
        }
        columns.push(column(values, { tag: "parent" }));
        for (const [name, field] of Object.entries(this.fields)) {
            field.write(values.map((value) => value?.[name] ?? null), columns);
        }
    }
}

class ZonedTimestampType extends StructType {
    constructor() {
        super({ at: UnixTimestamp, zone: String_ });
        this.name = "ZonedTimestamp";
        this.node = { tag: "zoned-timestamp" };
    }
}

// `Array`, `Set` and `String` are also JavaScript's own names, which the code above means where it says them.
const Set_ = globalThis.Set;
const String_ = new BytesType("String", "utf8", utf8);

export const Bool = new BoolType("Bool", "boolean");
export const Int32 = new NumberType("Int32", "int32", Int32Array, int32);
export const Int64 = new NumberType("Int64", "int64", BigInt64Array, int64);
export const Float32 = new NumberType("Float32", "float32", Float32Array, float);
export const Float64 = new NumberType("Float64", "float64", Float64Array, float);
export const UnixTimestamp = new NumberType("UnixTimestamp", "timestamp-micros", BigInt64Array, int64);
export const ZonedTimestamp = new ZonedTimestampType();
export const Bytes = new BytesType("Bytes", "binary", binary);
export const PdfBytes = new BytesType("PdfBytes", "pdf-bytes", binary);
export const ImageBytes = new BytesType("ImageBytes", "image-bytes", binary);
export const Json = new BytesType("Json", "json", utf8);
export const Map = new BytesType("Map", "json-map", utf8);
export const ScalarMap = new BytesType("ScalarMap", "json-pairs", utf8);
export const Uuid = new BytesType("Uuid", "uuid", utf8);
export const TimeUuid = new BytesType("TimeUuid", "time-uuid", utf8);
export const Decimal = new BytesType("Decimal", "decimal", utf8);

/** Lists of values of another type. */
const ArrayOf = (item) => new ListType("Array", "list", item);
/** Lists without repetitions; an output may be a JavaScript `Set` too. */
const SetOf = (item) => new ListType("Set", "set", item);
/** Objects with these fields: types by name. */
export const Struct = (fields) => new StructType(fields);

export { ArrayOf as Array, SetOf as Set, String_ as String };

// Functions.

/** Declares a function with its inputs and outputs: objects of types by name. */
export function onDemandFeatureView(name, { inputs, outputs, singleton = false }, run) {
    const fields = (types) => Object.entries(types).map(([name, type]) => ({ name, nodes: type.nodes() }));
    const declared = Object.keys(outputs);

    function checkNames(found) {
        if (typeof found !== "object" || found === null) {
            throw new Wrong(`expected an object of outputs, got ${shown(found)}`);
        }
        const names = Object.keys(found);
        if (names.length !== declared.length || !declared.every((name) => names.includes(name))) {
            const list = (names) => names.map((name) => `\`${name}\``).join(", ") || "none";
            throw new Wrong(`returned the outputs ${list(names)} where ${list(declared)} are declared`);
        }
    }

    function byRow(columns, rows) {
        const results = Object.fromEntries(declared.map((name) => [name, []]));
        for (let row = 0; row < rows; row += 1) {
            const entries = Object.entries(columns).map(([name, values]) => [name, values[row]]);
            const result = run(Object.fromEntries(entries));
            checkNames(result);
            for (const name of declared) results[name].push(result[name]);
        }
        return results;
    }

    return {
        /** The function as it was written, for tests. */
        run,
        signature: () => ({ name, inputs: fields(inputs), outputs: fields(outputs) }),
        transform({ rowCount, columns }) {
            const given = columns[globalThis.Symbol.iterator]();
            const read = Object.entries(inputs).map(([name, type]) => [name, type.read(given, rowCount)]);
            const values = Object.fromEntries(read);
            const results = singleton ? byRow(values, rowCount) : run(values);
            checkNames(results);
            const written = [];
            for (const [name, type] of Object.entries(outputs)) {
                let values = results[name];
                if (ArrayBuffer.isView(values)) values = [...values];
                if (!Array.isArray(values)) throw new Wrong(`output \`${name}\`: expected an array, got ${shown(values)}`);
                if (values.length !== rowCount) {
                    throw new Wrong(`output \`${name}\` has ${values.length} values for ${rowCount} rows`);
                }
                try {
                    type.write(values.map((value) => value ?? null), written);
                } catch (error) {
                    throw error instanceof Wrong ? new Wrong(`output \`${name}\`: ${error.message}`) : error;
                }
            }
            return { rowCount, columns: written };
        },
    };
}

function message(error) {
    if (!(error instanceof Error)) return shown(error);
    const frames = (error.stack ?? "").split("\n").filter((frame) => !frame.includes("larder.js"));
    const place = /([^/@\s]+\.js:\d+)/.exec(frames.join("\n"));
    const text = error instanceof Wrong ? error.message : `${error.name}: ${error.message}`;
    return `${text}${place ? ` (${place[1]})` : ""}`;
}

/** What the component offers; export it under the name `transformation`. */
export function component(...functions) {
    return {
        signatures: () => functions.map((one) => one.signature()),
        transform(index, input) {
            try {
                return functions[index].transform(input);
            } catch (error) {
                throw { message: message(error) };
            }
        },
    };
}
