// What the samples do not show: every type, a row at a time and in columns, and everything that goes wrong.

import * as larder from "./larder.js";
import { Array, Float64, Int64, Set, String, Struct, onDemandFeatureView } from "./larder.js";

const scalars = ["Bool", "Int32", "Int64", "Float32", "Float64", "UnixTimestamp", "String", "Bytes", "PdfBytes",
    "ImageBytes", "Json", "Map", "ScalarMap", "Uuid", "TimeUuid", "Decimal", "ZonedTimestamp"];
const inLists = ["Bool", "Int32", "Int64", "Float32", "Float64", "UnixTimestamp", "String", "Bytes", "Json", "Map",
    "Uuid", "TimeUuid", "Decimal"];
const inSets = inLists.filter((name) => name !== "Json" && name !== "Map");
const place = Struct({ city: String, seen: larder.ZonedTimestamp, floors: Array(larder.Int32) });

const types = Object.fromEntries([
    ...scalars.map((name) => [name.toLowerCase(), larder[name]]),
    ...inLists.map((name) => [`${name.toLowerCase()}_list`, Array(larder[name])]),
    ...inSets.map((name) => [`${name.toLowerCase()}_set`, Set(larder[name])]),
    ["trip", Struct({ from: place, type: Set(String) })],
    ["places", Array(place)],
    ["nested", Array(Set(Int64))],
]);

const price = { price: Float64 };

// What asks a system for something, by the name of the function that does.
const asking = {
    date_now: () => Date.now(),
    new_date: () => new Date(),
    date_call: () => Date(),
    date_of_instance: () => new (new Date(0).constructor)(),
    math_random: () => Math.random(),
    performance_now: () => performance.now(),
    crypto_values: () => crypto.getRandomValues(new Uint8Array(2)),
    crypto_uuid: () => crypto.randomUUID(),
    fetch_: () => fetch("http://localhost"),
    set_timeout: () => setTimeout(() => {}, 0),
    import_: () => import("./other.js"),
    date_behind: () => Object.getPrototypeOf(Date).now(),
    process_: () => process.env,
    require_: () => require("fs"),
};
// What has an answer, the same in every call.
const answered = {
    date_given: () => new Date("2026-03-01T12:00:00Z").getUTCHours(),
    date_parts: () => new Date(2026, 2, 1).getTimezoneOffset(),
    date_extended: () => new (class Day extends Date {})(86_400_000) - new Date(0),
    logs: () => [console.log("this goes nowhere"), console.time("nor does this"), console.timeEnd("nor does this")].length,
};
const ofNothing = ([name, run]) =>
    onDemandFeatureView(name, { inputs: price, outputs: { y: Float64 } }, ({ price }) => ({ y: price.map(run) }));

const all = { inputs: types, outputs: types };

export const functions = [
    ...Object.entries({ ...asking, ...answered }).map(ofNothing),
    onDemandFeatureView("echo", all, (inputs) => inputs),
    onDemandFeatureView("echo_rows", { ...all, singleton: true }, (row) => row),
    onDemandFeatureView("refuses", { inputs: price, outputs: { root: Float64 } }, ({ price }) => {
        if (price.some((one) => one !== null && one < 0)) throw new RangeError("a price is negative");
        return { root: price };
    }),
    onDemandFeatureView("mistypes", { inputs: price, outputs: { price_text: String } }, ({ price }) => ({
        price_text: price,
    })),
    onDemandFeatureView("forgets", { inputs: price, outputs: { first: Float64 } }, ({ price }) => ({
        first: price.slice(0, 1),
    })),
    onDemandFeatureView("dates", { inputs: price, outputs: { date: String } }, ({ price }) => ({
        date: price.map((one) => (one === null ? null : new Date(one).toISOString())),
    })),
    onDemandFeatureView("misnames", { inputs: price, outputs: { first: Float64 } }, ({ price }) => ({ second: price })),
];
