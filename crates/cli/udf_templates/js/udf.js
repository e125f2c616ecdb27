// Two sample functions; write your own in their place.

import { Array, Float32, Float64, Int64, String, component, onDemandFeatureView } from "./larder.js";

/** The conversion rate, raised by two values of the request. Null where an input is null. */
const transformedConvRate = onDemandFeatureView(
    "transformed_conv_rate",
    {
        inputs: { conv_rate: Float32, val_to_add: Int64, val_to_add_2: Int64 },
        outputs: { conv_rate_plus_val1: Float64, conv_rate_plus_val2: Float64 },
    },
    ({ conv_rate, val_to_add, val_to_add_2 }) => {
        const plus = (values) =>
            conv_rate.map((rate, i) => (rate === null || values[i] === null ? null : rate + Number(values[i])));
        return { conv_rate_plus_val1: plus(val_to_add), conv_rate_plus_val2: plus(val_to_add_2) };
    },
);

/**
 * The tags without blanks around them, each once, in the order of their first mention; how many there are; and the
 * city with them. Null tags do not count. Without a city there is no summary, without tags nothing.
 */
const tagFeatures = onDemandFeatureView(
    "tag_features",
    {
        inputs: { city: String, tags: Array(String) },
        outputs: { distinct_tags: Array(String), tag_count: Int64, summary: String },
        singleton: true,
    },
    ({ city, tags }) => {
        if (tags === null) return { distinct_tags: null, tag_count: null, summary: null };
        const named = tags.filter((tag) => tag !== null).map((tag) => tag.replace(/^ +| +$/g, ""));
        const distinct = [...new Set(named)];
        const summary = city === null ? null : `${city}: ${distinct.join(", ")}`;
        return { distinct_tags: distinct, tag_count: distinct.length, summary };
    },
);

export const transformation = component(transformedConvRate, tagFeatures);
