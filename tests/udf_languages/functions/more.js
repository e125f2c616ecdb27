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

const all = { inputs: types, outputs: types };
const price = { price: Float64 };

export const functions = [
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
    onDemandFeatureView("reads_a_clock", { inputs: price, outputs: { now: Float64 } }, () => ({ now: Date.now() })),
    onDemandFeatureView("draws_lots", { inputs: price, outputs: { lot: Float64 } }, () => ({ lot: Math.random() })),
    onDemandFeatureView("misnames", { inputs: price, outputs: { first: Float64 } }, ({ price }) => ({ second: price })),
];
