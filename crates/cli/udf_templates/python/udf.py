"""Two sample functions; write your own in their place."""

from larder import Array, Float32, Float64, Int64, String, export, on_demand_feature_view


@on_demand_feature_view(
    inputs={"conv_rate": Float32, "val_to_add": Int64, "val_to_add_2": Int64},
    outputs={"conv_rate_plus_val1": Float64, "conv_rate_plus_val2": Float64},
)
def transformed_conv_rate(inputs):
    """The conversion rate, raised by two values of the request. Null where an input is null."""

    def plus(values):
        return [
            None if rate is None or value is None else rate + value
            for rate, value in zip(inputs["conv_rate"], values)
        ]

    return {
        "conv_rate_plus_val1": plus(inputs["val_to_add"]),
        "conv_rate_plus_val2": plus(inputs["val_to_add_2"]),
    }


@on_demand_feature_view(
    inputs={"city": String, "tags": Array(String)},
    outputs={"distinct_tags": Array(String), "tag_count": Int64, "summary": String},
    singleton=True,
)
def tag_features(row):
    """The tags without blanks around them, each once, in the order of their first mention; how many there are; and
    the city with them. Null tags do not count. Without a city there is no summary, without tags nothing."""
    city, tags = row["city"], row["tags"]
    if tags is None:
        return {"distinct_tags": None, "tag_count": None, "summary": None}
    distinct = list(dict.fromkeys(tag.strip(" ") for tag in tags if tag is not None))
    summary = None if city is None else f"{city}: {', '.join(distinct)}"
    return {"distinct_tags": distinct, "tag_count": len(distinct), "summary": summary}


Transformation = export(transformed_conv_rate, tag_features)
