//! The keys of each kind of definition. Names are Feast's.

use crate::shape::{Key, Shape, Takes, later, optional, required};

const DESCRIPTION: Key = optional("description", Takes::Text, "What it is, for people.");
const TAGS: Key = optional("tags", Takes::Labels, "Free labels.");
const OWNER: Key = optional("owner", Takes::Text, "Who answers for it.");

/// What a file of definitions may hold.
pub(crate) static FILE: Shape = Shape {
    noun: "file of definitions",
    summary: "Definitions of a larder feature repo.",
    keys: &[
        optional(
            "project",
            Takes::Object(&PROJECT),
            "What the project of `feature_store.yaml` is; once in a repo.",
        ),
        optional("entities", Takes::Objects(&ENTITY), "The things that features describe."),
        optional("data_sources", Takes::Objects(&DATA_SOURCE), "Where values come from."),
        optional("feature_views", Takes::Objects(&FEATURE_VIEW), "Features of entities, read from a source."),
        optional(
            "on_demand_feature_views",
            Takes::Objects(&ON_DEMAND_FEATURE_VIEW),
            "Features computed by a WebAssembly component at the moment they are needed.",
        ),
        optional("feature_services", Takes::Objects(&FEATURE_SERVICE), "The features of one model."),
        later("stream_feature_views"),
        later("batch_feature_views"),
        later("label_views"),
        later("saved_datasets"),
        later("validation_references"),
        later("permissions"),
    ],
};

pub(crate) static PROJECT: Shape = Shape {
    noun: "project",
    summary: "The namespace of all objects of the repo.",
    keys: &[
        required("name", Takes::Name, "The name that `feature_store.yaml` gives."),
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

pub(crate) static ENTITY: Shape = Shape {
    noun: "entity",
    summary: "A kind of thing that features describe, and the column that tells one from another.",
    keys: &[
        required("name", Takes::Name, "Unique in the project."),
        optional("join_key", Takes::Name, "The column that identifies one; the name where there is none."),
        optional("join_keys", Takes::Names, "The same as a list of one, as in Feast."),
        optional(
            "value_type",
            Takes::ValueType,
            "The type of the join key: Int64, Int32, String, Bytes or UnixTimestamp. Without it, views tell.",
        ),
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

/// Types of sources that Feast has and larder does not yet.
pub(crate) const SOURCE_TYPES_LATER: [&str; 17] = [
    "bigquery",
    "redshift",
    "snowflake",
    "kafka",
    "kinesis",
    "spark",
    "trino",
    "athena",
    "postgres",
    "mssql",
    "clickhouse",
    "mongodb",
    "oracle",
    "couchbase",
    "iceberg",
    "ray",
    "custom",
];

pub(crate) static DATA_SOURCE: Shape = Shape {
    noun: "data source",
    summary: "Where values come from: a table in files, rows that are pushed, or the request itself.",
    keys: &[
        optional(
            "name",
            Takes::Name,
            "Unique in the project, ignoring case. A file source may go by its path.",
        ),
        optional(
            "type",
            Takes::OneOf(&["file", "push", "request"]),
            "May be left out where the other keys tell.",
        ),
        optional(
            "path",
            Takes::Text,
            "Of a file source: a file, a folder, or a glob; from the repo's folder.",
        ),
        optional(
            "file_format",
            Takes::OneOf(&["parquet", "csv", "ndjson"]),
            "Of a file source; from the path's ending where it is left out, else parquet.",
        ),
        optional(
            "timestamp_field",
            Takes::Name,
            "Of a file source: the column of the event time; the only timestamp column where it is left out.",
        ),
        optional(
            "created_timestamp_column",
            Takes::Name,
            "Of a file source: when a row was written; breaks ties.",
        ),
        optional("field_mapping", Takes::Labels, "Of a file source: column in the file to feature name."),
        optional("batch_source", Takes::Name, "Of a push source: the source that holds the history."),
        optional("schema", Takes::Objects(&FIELD), "Of a request source: what a request must bring."),
        DESCRIPTION,
        TAGS,
        OWNER,
        later("date_partition_column"),
        later("timestamp_field_type"),
        later("s3_endpoint_override"),
        later("connection_ref"),
        later("table"),
        later("query"),
    ],
};

pub(crate) static FIELD: Shape = Shape {
    noun: "field",
    summary: "A named, typed column.",
    keys: &[
        required("name", Takes::Name, "The column's name."),
        required("dtype", Takes::ValueType, "The type of its values."),
        DESCRIPTION,
        TAGS,
        later("vector_index"),
        later("vector_length"),
        later("vector_search_metric"),
    ],
};

pub(crate) static FEATURE_VIEW: Shape = Shape {
    noun: "feature view",
    summary: "Features of one or more entities, read from one source.",
    keys: &[
        required("name", Takes::Name, "Unique among all views, ignoring case; without `@` and `:`."),
        optional("entities", Takes::Names, "Names of entities; none for values that hold for all."),
        required(
            "source",
            Takes::Name,
            "The source: a file source, or a push source with or without history.",
        ),
        optional(
            "schema",
            Takes::Objects(&FIELD),
            "The features; all columns of the source but keys and times where it is left out.",
        ),
        optional(
            "ttl",
            Takes::Span,
            "How long a value counts after its event time; `0`, the default, means for ever.",
        ),
        optional(
            "online",
            Takes::Boolean,
            "Whether its newest values are kept online; true where it is left out.",
        ),
        optional("offline", Takes::Boolean, "Whether pushed rows may be kept in its history."),
        optional("enabled", Takes::Boolean, "Whether it may be used; true where it is left out."),
        DESCRIPTION,
        TAGS,
        OWNER,
        later("sink_source"),
        later("mode"),
        later("enable_validation"),
        later("version"),
        later("org"),
        later("aggregations"),
        later("batch_engine"),
        later("udf"),
        later("feature_transformation"),
    ],
};

pub(crate) static ON_DEMAND_FEATURE_VIEW: Shape = Shape {
    noun: "on-demand feature view",
    summary: "Features computed from other features and from request data, at the moment they are needed.",
    keys: &[
        required("name", Takes::Name, "Unique among all views, ignoring case; without `@` and `:`."),
        required(
            "sources",
            Takes::NamesOrObjects(&PROJECTION),
            "What it computes from: feature views, whole or in part, and request sources.",
        ),
        required("schema", Takes::Objects(&FIELD), "The features it computes."),
        required(
            "transformation",
            Takes::NameOrObject(&TRANSFORMATION),
            "The component that computes it; the path alone where nothing else is to be said.",
        ),
        optional(
            "write_to_online_store",
            Takes::Boolean,
            "Whether its values are computed when its inputs are written, and then read like stored ones.",
        ),
        optional(
            "entities",
            Takes::Names,
            "With `write_to_online_store`: its entities; those of its sources else.",
        ),
        optional("enabled", Takes::Boolean, "Whether it may be used; true where it is left out."),
        DESCRIPTION,
        TAGS,
        OWNER,
        later("input_schema"),
        later("mode"),
        later("singleton"),
        later("aggregations"),
        later("track_metrics"),
        later("udf"),
        later("udf_string"),
        later("feature_transformation"),
        later("version"),
        later("org"),
    ],
};

pub(crate) static TRANSFORMATION: Shape = Shape {
    noun: "transformation",
    summary: "A function of a WebAssembly component.",
    keys: &[
        required("component", Takes::Text, "The component's file, from the repo's folder."),
        optional("function", Takes::Name, "The function; the view's name where it is left out."),
        optional("limits", Takes::Object(&LIMITS), "What one call may use up."),
    ],
};

pub(crate) static LIMITS: Shape = Shape {
    noun: "limits",
    summary: "What one call of a transformation may use up.",
    keys: &[
        optional("wall_time", Takes::Span, "Wall time; `1s` where it is left out."),
        optional("memory", Takes::Size, "Memory of one instance; `64MiB` where it is left out."),
        optional("output", Takes::Size, "Bytes that a call may return; `32MiB` where it is left out."),
    ],
};

pub(crate) static PROJECTION: Shape = Shape {
    noun: "projection",
    summary: "Chosen features of a view, perhaps under other names.",
    keys: &[
        required("feature_view", Takes::Name, "The view."),
        optional("features", Takes::Names, "The chosen features, in order; all where it is left out."),
        optional("name_alias", Takes::Name, "The name used instead of the view's."),
        optional("with_name", Takes::Name, "The same."),
        optional(
            "join_key_map",
            Takes::Labels,
            "Renamed join keys: the view's join key to the column of the request or the entity table.",
        ),
    ],
};

pub(crate) static FEATURE_SERVICE: Shape = Shape {
    noun: "feature service",
    summary: "The features that one model uses, under one name.",
    keys: &[
        required("name", Takes::Name, "Unique in the project."),
        required("features", Takes::NamesOrObjects(&PROJECTION), "Views, whole or in part."),
        DESCRIPTION,
        TAGS,
        OWNER,
        later("logging_config"),
        later("precompute_online"),
    ],
};
