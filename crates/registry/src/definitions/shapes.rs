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
        optional(
            "batch_feature_views",
            Takes::Objects(&BATCH_FEATURE_VIEW),
            "Features that a compute engine makes, read from where it writes them.",
        ),
        optional(
            "stream_feature_views",
            Takes::Objects(&STREAM_FEATURE_VIEW),
            "Features that come in by a stream or by push.",
        ),
        optional("label_views", Takes::Objects(&LABEL_VIEW), "Labels that people and programs give."),
        optional("saved_datasets", Takes::Objects(&SAVED_DATASET), "Training sets kept under a name."),
        optional(
            "validation_references",
            Takes::Objects(&VALIDATION_REFERENCE),
            "What later data are compared with.",
        ),
        optional("jobs", Takes::Objects(&JOB), "Programs that join, materialize, read, push and write."),
        optional("permissions", Takes::Objects(&PERMISSION), "Who may do what with which objects."),
        optional("projects", Takes::Objects(&PROJECT), "The same as `project`, as a list of one."),
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

/// The types of sources.
pub(crate) const SOURCE_TYPES: [&str; 15] = [
    "file",
    "push",
    "request",
    "kafka",
    "kinesis",
    "mlflow",
    "bigquery",
    "redshift",
    "snowflake",
    "athena",
    "trino",
    "spark",
    "iceberg",
    "postgres",
    "custom",
];

/// The types of sources that are tables.
pub(crate) const TABLE_TYPES: [&str; 10] = [
    "file",
    "bigquery",
    "redshift",
    "snowflake",
    "athena",
    "trino",
    "spark",
    "iceberg",
    "postgres",
    "custom",
];

pub(crate) static DATA_SOURCE: Shape = Shape {
    noun: "data source",
    summary: "Where values come from: a table, rows that are pushed, a stream, or the request itself.",
    keys: &[
        optional(
            "name",
            Takes::Name,
            "Unique in the project, ignoring case. A file source may go by its path, a table by its name.",
        ),
        optional(
            "type",
            Takes::OneOf(&SOURCE_TYPES),
            "May be left out for files, push and request sources, where the other keys tell. larder reads files \
             and MLflow; sources of other types are kept for Feast.",
        ),
        optional(
            "path",
            Takes::Text,
            "Of a file source: a file, a folder, or a glob; from the repo's folder. Also of a Spark source.",
        ),
        optional(
            "file_format",
            Takes::Text,
            "Of a file source: parquet, csv, ndjson or delta; from the path's ending where it is left out, else \
             parquet.",
        ),
        optional("s3_endpoint_override", Takes::Text, "Of a file source: the address of a service like S3."),
        optional(
            "timestamp_field",
            Takes::Name,
            "Of a table or stream: the column of the event time; of a file, the only timestamp column where it \
             is left out.",
        ),
        optional(
            "created_timestamp_column",
            Takes::Name,
            "Of a table or stream: when a row was written; breaks ties.",
        ),
        optional("field_mapping", Takes::Labels, "Of a table or stream: column to feature name."),
        optional(
            "date_partition_column",
            Takes::Text,
            "Of a table: the column by which it is cut into days.",
        ),
        optional(
            "timestamp_field_type",
            Takes::Text,
            "Of a table: the type of the event time column, such as `DATE`.",
        ),
        optional(
            "batch_source",
            Takes::Name,
            "Of a push source or stream: the source that holds the history. Of an MLflow source: the source that takes \
             what is written.",
        ),
        optional(
            "schema",
            Takes::TextOrObjects(&FIELD),
            "Of a request source: what a request must bring. Of a Redshift or Snowflake table: its schema.",
        ),
        optional("table", Takes::Text, "Of a table: its name."),
        optional("query", Takes::Text, "Of a table: a query in its place."),
        optional("database", Takes::Text, "Of a table: its database."),
        optional("data_source", Takes::Text, "Of an Athena table: its catalogue."),
        optional("date_partition_column_format", Takes::Text, "Of a Spark source."),
        optional("table_format", Takes::Anything, "Of a Spark source: `{iceberg: {…}}`, `{delta: {…}}`, …."),
        optional("catalog_type", Takes::Text, "Of an Iceberg table."),
        optional("catalog_name", Takes::Text, "Of an Iceberg table."),
        optional("endpoint", Takes::Text, "Of an Iceberg table: the address of its catalogue."),
        optional("warehouse", Takes::Text, "Of an Iceberg table."),
        optional("namespace", Takes::Text, "Of an Iceberg table."),
        optional("token_env_var", Takes::Text, "Of an Iceberg table: the variable with the token."),
        optional("credential_vending", Takes::Anything, "Of an Iceberg table: true or false."),
        optional("catalog_properties", Takes::Anything, "Of an Iceberg table: a mapping."),
        optional(
            "data_source_class_type",
            Takes::Text,
            "Of a custom source: the Python class that reads it.",
        ),
        optional("configuration", Takes::Anything, "Of a custom source: what its class needs to know."),
        optional("dataset_name", Takes::Text, "Of an MLflow source: the name of a dataset of records."),
        optional("dataset_id", Takes::Text, "Of an MLflow source: the identifier of a dataset of records."),
        optional("run_id", Takes::Text, "Of an MLflow source: the run that has left a file."),
        optional(
            "artifact_path",
            Takes::Text,
            "Of an MLflow source: the file's path among the run's artifacts.",
        ),
        optional(
            "artifact_format",
            Takes::Text,
            "Of an MLflow source: parquet or csv; parquet where it is left out.",
        ),
        optional(
            "tracking_uri",
            Takes::Text,
            "Of an MLflow source: the server's address; that of `mlflow` in `feature_store.yaml` where it is left out.",
        ),
        optional("kafka_bootstrap_servers", Takes::Text, "Of a Kafka stream: the servers to ask first."),
        optional("topic", Takes::Text, "Of a Kafka stream."),
        optional("message_format", Takes::Object(&MESSAGE_FORMAT), "Of a Kafka stream."),
        optional("watermark_delay_threshold", Takes::Span, "Of a Kafka stream: how late a message may be."),
        optional("region", Takes::Text, "Of a Kinesis stream."),
        optional("stream_name", Takes::Text, "Of a Kinesis stream."),
        optional("record_format", Takes::Object(&MESSAGE_FORMAT), "Of a Kinesis stream."),
        DESCRIPTION,
        TAGS,
        OWNER,
        later("connection_ref"),
    ],
};

pub(crate) static MESSAGE_FORMAT: Shape = Shape {
    noun: "message format",
    summary: "How the messages of a stream are to be read; one of these.",
    keys: &[
        optional("json", Takes::Text, "JSON, with its schema."),
        optional("avro", Takes::Text, "Avro, with its schema as JSON."),
        optional("proto", Takes::Text, "Protobuf, by the path of the class."),
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
        optional(
            "vector_index",
            Takes::Boolean,
            "Whether it is indexed for vector search; one field of a view is.",
        ),
        optional("vector_length", Takes::Count, "How many numbers its vectors have."),
        optional("vector_search_metric", Takes::Text, "The measure of distance, in the store's words."),
    ],
};

const VIEW_NAME: Key =
    required("name", Takes::Name, "Unique among all views, ignoring case; without `@` and `:`.");
const ENTITIES: Key =
    optional("entities", Takes::Names, "Names of entities; none for values that hold for all.");
const SCHEMA: Key = optional(
    "schema",
    Takes::Objects(&FIELD),
    "The features; all columns of the source but keys and times where it is left out.",
);
const TTL: Key = optional(
    "ttl",
    Takes::Span,
    "How long a value counts after its event time; `0`, the default, means for ever.",
);
const ONLINE: Key = optional(
    "online",
    Takes::Boolean,
    "Whether its newest values are kept online; true where it is left out.",
);
const OFFLINE: Key = optional("offline", Takes::Boolean, "Whether pushed rows may be kept in its history.");
const ENABLED: Key =
    optional("enabled", Takes::Boolean, "Whether it may be used; true where it is left out.");
const ORG: Key = optional("org", Takes::Text, "The part of the organization it belongs to.");
const ENABLE_VALIDATION: Key = optional(
    "enable_validation",
    Takes::Boolean,
    "Whether rows are checked against the schema when they are materialized.",
);
const VERSION: Key = optional(
    "version",
    Takes::Text,
    "The version in use: `latest`, the default, or `v2` to go back to version 2.",
);
const MODE: Key =
    optional("mode", Takes::Text, "The language of its transformation: python, pandas, sql, spark, ….");
const UDF: Key = optional(
    "udf",
    Takes::Object(&PYTHON_FUNCTION),
    "The function in Python that an engine runs; larder keeps its text.",
);
const AGGREGATIONS: Key =
    optional("aggregations", Takes::Objects(&AGGREGATION), "What an engine aggregates.");
const SOURCE_VIEWS: Key = optional(
    "source_views",
    Takes::Names,
    "The views it is derived from; `sink_source` holds what is derived.",
);
const SINK_SOURCE: Key =
    optional("sink_source", Takes::Name, "The source that holds what is derived from `source_views`.");

pub(crate) static FEATURE_VIEW: Shape = Shape {
    noun: "feature view",
    summary: "Features of one or more entities, read from one source.",
    keys: &[
        VIEW_NAME,
        ENTITIES,
        optional(
            "source",
            Takes::Name,
            "The source: a table, or a push source or stream; none for a view that is written to by name.",
        ),
        SCHEMA,
        TTL,
        ONLINE,
        OFFLINE,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
        MODE,
        ENABLE_VALIDATION,
        VERSION,
        SOURCE_VIEWS,
        SINK_SOURCE,
    ],
};

pub(crate) static BATCH_FEATURE_VIEW: Shape = Shape {
    noun: "batch feature view",
    summary: "Features that a compute engine makes. larder reads what the engine wrote into the source.",
    keys: &[
        VIEW_NAME,
        ENTITIES,
        optional("source", Takes::Name, "The table."),
        SCHEMA,
        TTL,
        optional(
            "online",
            Takes::Boolean,
            "Whether its newest values are kept online; false where it is left out.",
        ),
        OFFLINE,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
        MODE,
        ENABLE_VALIDATION,
        VERSION,
        SOURCE_VIEWS,
        SINK_SOURCE,
        UDF,
        AGGREGATIONS,
        optional("batch_engine", Takes::Anything, "Settings of the engine in place of the repo's."),
        later("feature_transformation"),
        later("udf_string"),
    ],
};

pub(crate) static STREAM_FEATURE_VIEW: Shape = Shape {
    noun: "stream feature view",
    summary: "Features that come in by a stream or by push. larder takes rows that are pushed.",
    keys: &[
        VIEW_NAME,
        ENTITIES,
        required("source", Takes::Name, "The Kafka or push source."),
        required("schema", Takes::Objects(&FIELD), "The features."),
        TTL,
        ONLINE,
        OFFLINE,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
        MODE,
        ENABLE_VALIDATION,
        VERSION,
        UDF,
        AGGREGATIONS,
        optional("timestamp_field", Takes::Name, "The column that windows are cut by; aggregations need it."),
        optional("enable_tiling", Takes::Boolean, "Whether windows are put together from tiles."),
        optional("tiling_hop_size", Takes::Span, "The length of a tile; `5m` where it is left out."),
        later("feature_transformation"),
        later("udf_string"),
        later("stream_engine"),
        later("sink_source"),
    ],
};

pub(crate) static LABEL_VIEW: Shape = Shape {
    noun: "label view",
    summary: "Labels that people and programs give to entities. They come in by push.",
    keys: &[
        VIEW_NAME,
        required("entities", Takes::Names, "Names of the entities that are labelled."),
        optional("source", Takes::Name, "The push source or table."),
        optional("schema", Takes::Objects(&FIELD), "The labels, and the field of who gave them."),
        TTL,
        ONLINE,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        optional(
            "labeler_field",
            Takes::Name,
            "The field of who gave a label; `labeler` where it is left out.",
        ),
        optional(
            "conflict_policy",
            Takes::OneOf(&["LAST_WRITE_WINS", "LABELER_PRIORITY", "MAJORITY_VOTE"]),
            "Which of several labels counts; online it is always the last one.",
        ),
        optional("reference_feature_view", Takes::Name, "The feature view whose entities are labelled."),
    ],
};

pub(crate) static PYTHON_FUNCTION: Shape = Shape {
    noun: "function in Python",
    summary: "A function in Python that larder keeps and never runs.",
    keys: &[
        required("name", Takes::Name, "The function's name."),
        required("file", Takes::Text, "The file with its text, from the repo's folder."),
    ],
};

pub(crate) static AGGREGATION: Shape = Shape {
    noun: "aggregation",
    summary: "An aggregate of one column, perhaps over a window of time.",
    keys: &[
        required("column", Takes::Name, "The column."),
        required(
            "function",
            Takes::Name,
            "sum, max, min, count, mean, count_distinct, or one of the engine's own.",
        ),
        optional("time_window", Takes::Span, "The length of the window."),
        optional("slide_interval", Takes::Span, "How far the window moves; the window where it is left out."),
        optional("name", Takes::Name, "What the result is called; `function_column` where it is left out."),
    ],
};

pub(crate) static ON_DEMAND_FEATURE_VIEW: Shape = Shape {
    noun: "on-demand feature view",
    summary: "Features computed from other features and from request data, at the moment they are needed.",
    keys: &[
        VIEW_NAME,
        optional(
            "sources",
            Takes::NamesOrObjects(&PROJECTION),
            "What it computes from: feature views and other on-demand views, whole or in part, and request sources.",
        ),
        optional(
            "input_schema",
            Takes::Objects(&FIELD),
            "What a request must bring; short for a request source of its own.",
        ),
        required("schema", Takes::Objects(&FIELD), "The features it computes."),
        optional(
            "transformation",
            Takes::NameOrObject(&TRANSFORMATION),
            "The component that computes it; the path alone where nothing else is to be said. A view without one \
             cannot be read until `larder udf bind` gives it one.",
        ),
        optional(
            "mode",
            Takes::OneOf(&["python", "pandas", "substrait"]),
            "How Feast calls its function in Python.",
        ),
        optional(
            "udf",
            Takes::Object(&PYTHON_FUNCTION),
            "Its function in Python, which Feast runs and larder keeps.",
        ),
        optional("singleton", Takes::Boolean, "Whether Feast calls its function in Python row by row."),
        optional("track_metrics", Takes::Boolean, "Whether Feast measures its calls."),
        AGGREGATIONS,
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
        VERSION,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
        later("udf_string"),
        later("feature_transformation"),
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
        optional(
            "table_elements",
            Takes::Count,
            "Entries of one table of an instance, for functions called indirectly; 100000 where it is left out.",
        ),
        optional(
            "stack",
            Takes::Size,
            "Stack of the WebAssembly frames of a call, in steps of 64KiB; `512KiB` where it is left out.",
        ),
        optional(
            "message",
            Takes::Size,
            "Bytes of an error message that are kept; `4KiB` where it is left out.",
        ),
        optional(
            "fuel",
            Takes::Count,
            "Steps of one call, counted alike on every machine; not counted, which is faster, where it is left out.",
        ),
    ],
};

pub(crate) static JOB: Shape = Shape {
    noun: "job",
    summary: "A WebAssembly component that asks for the verbs of the feature store, by a schedule or by hand.",
    keys: &[
        required("name", Takes::Name, "Its name, unique in the project."),
        required("component", Takes::Text, "The component's file, from the repo's folder."),
        optional("arguments", Takes::Names, "What it is told."),
        optional(
            "allow",
            Takes::Names,
            "What it may do: offline-read, offline-write, materialize, online-read, push, log, transform.",
        ),
        optional(
            "schedule",
            Takes::Text,
            "When a server runs it: a cron text in UTC like `0 2 * * *`. By hand alone where it is left out.",
        ),
        optional("limits", Takes::Object(&JOB_LIMITS), "What a run may use up."),
        DESCRIPTION,
        TAGS,
    ],
};

pub(crate) static JOB_LIMITS: Shape = Shape {
    noun: "limits",
    summary: "What a run of a job may use up.",
    keys: &[
        optional("wall_time", Takes::Span, "From the start to the end; `1h` where it is left out."),
        optional("compute_time", Takes::Span, "In its own code; `1m` where it is left out."),
        optional("memory", Takes::Size, "Memory of its code; `256MiB` where it is left out."),
        optional("batch", Takes::Size, "One batch that crosses; `16MiB` where it is left out."),
        optional("table", Takes::Size, "Rows that larder holds for it; `512MiB` where it is left out."),
        optional("written", Takes::Size, "Rows written to files; `16GiB` where it is left out."),
        optional("log", Takes::Size, "The log that is kept; `256KiB` where it is left out."),
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
        optional(
            "version",
            Takes::Text,
            "A version of the view, such as `v2`; the one in use where it is left out.",
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
        optional("logging_config", Takes::Object(&LOGGING_CONFIG), "Where its answers are logged."),
        optional(
            "precompute_online",
            Takes::Boolean,
            "Whether one vector of all its features is kept for each entity.",
        ),
    ],
};

pub(crate) static LOGGING_CONFIG: Shape = Shape {
    noun: "logging config",
    summary: "Where a service's answers are logged: one of the places.",
    keys: &[
        optional(
            "sample_rate",
            Takes::Fraction,
            "The part of the requests that is logged; all where it is left out.",
        ),
        optional("file", Takes::Object(&FILE_DESTINATION), "Files."),
        optional("bigquery", Takes::Text, "A table of BigQuery."),
        optional("redshift", Takes::Text, "A table of Redshift."),
        optional("athena", Takes::Text, "A table of Athena."),
        optional("snowflake", Takes::Text, "A table of Snowflake."),
        optional("couchbase_columnar", Takes::Object(&COUCHBASE_DESTINATION), "A collection of Couchbase."),
        optional("custom", Takes::Object(&CUSTOM_DESTINATION), "Something of the user's own."),
    ],
};

pub(crate) static FILE_DESTINATION: Shape = Shape {
    noun: "file destination",
    summary: "Files of logged answers.",
    keys: &[
        required("path", Takes::Text, "The folder, from the repo's."),
        optional("s3_endpoint_override", Takes::Text, "The address of a service like S3."),
        optional("partition_by", Takes::Names, "Columns that name folders of the log."),
    ],
};

pub(crate) static COUCHBASE_DESTINATION: Shape = Shape {
    noun: "Couchbase destination",
    summary: "A collection of Couchbase.",
    keys: &[
        required("database", Takes::Text, "The database."),
        required("scope", Takes::Text, "The scope."),
        required("collection", Takes::Text, "The collection."),
    ],
};

pub(crate) static CUSTOM_DESTINATION: Shape = Shape {
    noun: "custom destination",
    summary: "A place of the user's own.",
    keys: &[required("kind", Takes::Text, "What it is."), optional("config", Takes::Labels, "Its settings.")],
};

pub(crate) static SAVED_DATASET: Shape = Shape {
    noun: "saved dataset",
    summary: "A training set that was kept under a name.",
    keys: &[
        required("name", Takes::Name, "Unique in the project."),
        optional("features", Takes::Names, "The features, as references `view:feature`."),
        optional("join_keys", Takes::Names, "The columns that identify a row."),
        optional("full_feature_names", Takes::Boolean, "Whether feature columns are called `view__feature`."),
        required("storage", Takes::Object(&STORAGE), "Where the rows are."),
        optional("feature_service", Takes::Name, "The feature service it was retrieved through."),
        optional("namespace", Takes::Text, "A name above `collection`, for people."),
        optional("collection", Takes::Text, "What it is grouped under, for people."),
        optional(
            "event_timestamp_column",
            Takes::Name,
            "The column of the event time; `event_timestamp` where it is left out.",
        ),
        DESCRIPTION,
        TAGS,
    ],
};

pub(crate) static STORAGE: Shape = Shape {
    noun: "storage",
    summary: "Where the rows of a saved dataset are.",
    keys: &[
        optional("type", Takes::OneOf(&TABLE_TYPES), "`file` where it is left out."),
        optional("path", Takes::Text, "Of a file or of Spark: where it is; from the repo's folder."),
        optional("file_format", Takes::Text, "Of a file: parquet, csv, ndjson or delta. Also of Spark."),
        optional("s3_endpoint_override", Takes::Text, "Of a file: the address of a service like S3."),
        optional("table", Takes::Text, "Of a table: its name."),
        optional("query", Takes::Text, "Of a table: a query in its place."),
        optional("schema", Takes::Text, "Of a Redshift or Snowflake table: its schema."),
        optional("database", Takes::Text, "Of a table: its database."),
        optional("data_source", Takes::Text, "Of an Athena table: its catalogue."),
        optional("date_partition_column_format", Takes::Text, "Of Spark."),
        optional("table_format", Takes::Anything, "Of Spark."),
        optional("data_source_class_type", Takes::Text, "Of a custom place: its Python class."),
        optional("configuration", Takes::Anything, "Of a custom place: what its class needs to know."),
    ],
};

pub(crate) static VALIDATION_REFERENCE: Shape = Shape {
    noun: "validation reference",
    summary: "A saved dataset, and what is expected of later data.",
    keys: &[
        required("name", Takes::Name, "Unique in the project."),
        required("dataset", Takes::Name, "The saved dataset."),
        optional("expectations", Takes::Object(&EXPECTATIONS), "How far later data may differ."),
        optional("profile", Takes::Text, "What Feast's own profiler expects, as JSON; larder only keeps it."),
        DESCRIPTION,
        TAGS,
    ],
};

const NULL_SHARE: Key =
    optional("null_share", Takes::Fraction, "How much greater the share of nulls may be; 0.1.");
const UNEXPECTED_SHARE: Key = optional(
    "unexpected_share",
    Takes::Fraction,
    "The share of values that may lie outside the range, or be of no known category; 0.01.",
);
const RANGE_MARGIN: Key = optional(
    "range_margin",
    Takes::Number(0),
    "How far the range reaches beyond the least and the greatest value, as a part of its width; 0.1.",
);
const MEAN_SHIFT: Key =
    optional("mean_shift", Takes::Number(0), "How far the mean may be away, in standard deviations; 0.5.");
const DEVIATION_RATIO: Key = optional(
    "deviation_ratio",
    Takes::Number(1),
    "How many times greater or smaller the standard deviation may be; 2.",
);

pub(crate) static EXPECTATIONS: Shape = Shape {
    noun: "set of expectations",
    summary: "How far data may differ from the saved dataset.",
    keys: &[
        optional("min_rows", Takes::Count, "So many rows there must be; 1."),
        NULL_SHARE,
        UNEXPECTED_SHARE,
        RANGE_MARGIN,
        MEAN_SHIFT,
        DEVIATION_RATIO,
        optional("columns", Takes::Objects(&COLUMN_EXPECTATIONS), "What is different for single columns."),
    ],
};

pub(crate) static COLUMN_EXPECTATIONS: Shape = Shape {
    noun: "column to compare",
    summary: "What is expected of one column.",
    keys: &[
        required("name", Takes::Name, "A feature as `view:feature`, or the name of another column."),
        optional("ignore", Takes::Boolean, "Do not compare it."),
        NULL_SHARE,
        UNEXPECTED_SHARE,
        RANGE_MARGIN,
        MEAN_SHIFT,
        DEVIATION_RATIO,
    ],
};

pub(crate) static PERMISSION: Shape = Shape {
    noun: "permission",
    summary: "Lets some users do some actions with some objects.",
    keys: &[
        required("name", Takes::Name, "Unique in the project."),
        optional(
            "types",
            Takes::NameOrNames,
            "The kinds of objects, such as `FeatureView`; all where it is left out.",
        ),
        optional(
            "name_patterns",
            Takes::NameOrNames,
            "Regular expressions; the whole name of an object must match one of them.",
        ),
        optional("required_tags", Takes::Labels, "Tags that an object must have."),
        optional(
            "actions",
            Takes::NameOrNames,
            "What is allowed: CREATE, DESCRIBE, UPDATE, DELETE, READ_ONLINE, READ_OFFLINE, WRITE_ONLINE, \
             WRITE_OFFLINE; or READ, WRITE, CRUD, ALL. All where it is left out.",
        ),
        optional("policy", Takes::Object(&POLICY), "To whom; everybody where it is left out."),
        TAGS,
    ],
};

pub(crate) static POLICY: Shape = Shape {
    noun: "policy",
    summary: "To whom a permission is given: users with one of the roles, or of one of the groups or namespaces.",
    keys: &[
        optional("roles", Takes::Names, "Roles."),
        optional("groups", Takes::Names, "Groups."),
        optional("namespaces", Takes::Names, "Namespaces."),
    ],
};
