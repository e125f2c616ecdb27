//! Feast's messages by field number, with the names that protobuf's JSON form gives them.

/// The fields of a message, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) json_name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
}

/// What a field holds.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Bytes,
    Boolean,
    Int32,
    /// A whole number of 64 bits without a sign, which the JSON form shows as text.
    Uint64,
    Float,
    Enum(&'static [&'static str]),
    ValueType,
    Timestamp,
    Duration,
    Message(&'static Message),
    TextMap,
    ValueTypeMap,
    MessageMap(&'static Message),
}

impl Message {
    /// The field of this number.
    pub(crate) fn field(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

const fn one(number: u32, json_name: &'static str, kind: Kind) -> Field {
    Field { number, json_name, kind, repeated: false }
}

const fn many(number: u32, json_name: &'static str, kind: Kind) -> Field {
    Field { number, json_name, kind, repeated: true }
}

use Kind::{
    Boolean, Bytes, Duration, Enum, Float, Int32, MessageMap, Text, TextMap, Timestamp, Uint64, ValueType,
    ValueTypeMap,
};

static META: Message =
    Message { fields: &[one(1, "createdTimestamp", Timestamp), one(2, "lastUpdatedTimestamp", Timestamp)] };

static FEATURE: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "valueType", ValueType),
        one(3, "tags", TextMap),
        one(4, "description", Text),
        one(5, "vectorIndex", Boolean),
        one(6, "vectorSearchMetric", Text),
        one(7, "vectorLength", Int32),
    ],
};

const SOURCE_TYPES: &[&str] = &[
    "INVALID",
    "BATCH_FILE",
    "BATCH_BIGQUERY",
    "STREAM_KAFKA",
    "STREAM_KINESIS",
    "BATCH_REDSHIFT",
    "CUSTOM_SOURCE",
    "REQUEST_SOURCE",
    "BATCH_SNOWFLAKE",
    "PUSH_SOURCE",
    "BATCH_TRINO",
    "BATCH_SPARK",
    "BATCH_ATHENA",
    "BATCH_ICEBERG",
];

/// The number of a type of sources by its name.
pub(crate) fn source_type_number(name: &str) -> Option<i32> {
    SOURCE_TYPES.iter().position(|known| *known == name).and_then(|at| i32::try_from(at).ok())
}

static EMPTY: Message = Message { fields: &[] };

static FILE_FORMAT: Message = Message {
    fields: &[
        one(1, "parquetFormat", Kind::Message(&EMPTY)),
        one(2, "deltaFormat", Kind::Message(&DELTA_FORMAT)),
    ],
};

static DELTA_FORMAT: Message =
    Message { fields: &[one(1, "checkpointLocation", Text), one(2, "properties", TextMap)] };

static FILE_OPTIONS: Message = Message {
    fields: &[
        one(1, "fileFormat", Kind::Message(&FILE_FORMAT)),
        one(2, "uri", Text),
        one(3, "s3EndpointOverride", Text),
    ],
};

static TABLE_OR_QUERY: Message = Message { fields: &[one(1, "table", Text), one(2, "query", Text)] };

static WAREHOUSE_TABLE: Message = Message {
    fields: &[one(1, "table", Text), one(2, "query", Text), one(3, "schema", Text), one(4, "database", Text)],
};

static ATHENA_OPTIONS: Message = Message {
    fields: &[
        one(1, "table", Text),
        one(2, "query", Text),
        one(3, "database", Text),
        one(4, "dataSource", Text),
    ],
};

static SPARK_OPTIONS: Message = Message {
    fields: &[
        one(1, "table", Text),
        one(2, "query", Text),
        one(3, "path", Text),
        one(4, "fileFormat", Text),
        one(5, "datePartitionColumnFormat", Text),
        one(6, "tableFormat", Kind::Message(&TABLE_FORMAT)),
    ],
};

static TABLE_FORMAT: Message = Message {
    fields: &[
        one(1, "icebergFormat", Kind::Message(&ICEBERG_FORMAT)),
        one(2, "deltaFormat", Kind::Message(&DELTA_FORMAT)),
        one(3, "hudiFormat", Kind::Message(&HUDI_FORMAT)),
        one(4, "lanceFormat", Kind::Message(&LANCE_FORMAT)),
    ],
};

static ICEBERG_FORMAT: Message =
    Message { fields: &[one(1, "catalog", Text), one(2, "namespace", Text), one(3, "properties", TextMap)] };

static HUDI_FORMAT: Message = Message {
    fields: &[
        one(1, "tableType", Text),
        one(2, "recordKey", Text),
        one(3, "precombineField", Text),
        one(4, "properties", TextMap),
    ],
};

static LANCE_FORMAT: Message = Message {
    fields: &[
        one(1, "catalog", Text),
        one(2, "namespace", Text),
        one(3, "version", Uint64),
        one(4, "tag", Text),
        one(5, "properties", TextMap),
    ],
};

static SCHEMA_JSON: Message = Message { fields: &[one(1, "schemaJson", Text)] };

static CLASS_PATH: Message = Message { fields: &[one(1, "classPath", Text)] };

static STREAM_FORMAT: Message = Message {
    fields: &[
        one(1, "avroFormat", Kind::Message(&SCHEMA_JSON)),
        one(2, "protoFormat", Kind::Message(&CLASS_PATH)),
        one(3, "jsonFormat", Kind::Message(&SCHEMA_JSON)),
    ],
};

static KAFKA_OPTIONS: Message = Message {
    fields: &[
        one(1, "kafkaBootstrapServers", Text),
        one(2, "topic", Text),
        one(3, "messageFormat", Kind::Message(&STREAM_FORMAT)),
        one(4, "watermarkDelayThreshold", Duration),
    ],
};

static KINESIS_OPTIONS: Message = Message {
    fields: &[
        one(1, "region", Text),
        one(2, "streamName", Text),
        one(3, "recordFormat", Kind::Message(&STREAM_FORMAT)),
    ],
};

static CUSTOM_OPTIONS: Message = Message { fields: &[one(1, "configuration", Bytes)] };

static REQUEST_DATA_OPTIONS: Message = Message {
    fields: &[one(2, "deprecatedSchema", ValueTypeMap), many(3, "schema", Kind::Message(&FEATURE))],
};

static SOURCE_META: Message = Message {
    fields: &[
        one(1, "earliestEventTimestamp", Timestamp),
        one(2, "latestEventTimestamp", Timestamp),
        one(3, "createdTimestamp", Timestamp),
        one(4, "lastUpdatedTimestamp", Timestamp),
    ],
};

pub(crate) static DATA_SOURCE: Message = Message {
    fields: &[
        one(1, "type", Enum(SOURCE_TYPES)),
        one(2, "fieldMapping", TextMap),
        one(3, "timestampField", Text),
        one(4, "datePartitionColumn", Text),
        one(5, "createdTimestampColumn", Text),
        one(11, "fileOptions", Kind::Message(&FILE_OPTIONS)),
        one(12, "bigqueryOptions", Kind::Message(&TABLE_OR_QUERY)),
        one(13, "kafkaOptions", Kind::Message(&KAFKA_OPTIONS)),
        one(14, "kinesisOptions", Kind::Message(&KINESIS_OPTIONS)),
        one(15, "redshiftOptions", Kind::Message(&WAREHOUSE_TABLE)),
        one(16, "customOptions", Kind::Message(&CUSTOM_OPTIONS)),
        one(17, "dataSourceClassType", Text),
        one(18, "requestDataOptions", Kind::Message(&REQUEST_DATA_OPTIONS)),
        one(19, "snowflakeOptions", Kind::Message(&WAREHOUSE_TABLE)),
        one(20, "name", Text),
        one(21, "project", Text),
        one(22, "pushOptions", Kind::Message(&EMPTY)),
        one(23, "description", Text),
        one(24, "tags", TextMap),
        one(25, "owner", Text),
        one(26, "batchSource", Kind::Message(&DATA_SOURCE)),
        one(27, "sparkOptions", Kind::Message(&SPARK_OPTIONS)),
        one(28, "timestampFieldType", Text),
        one(30, "trinoOptions", Kind::Message(&TABLE_OR_QUERY)),
        one(35, "athenaOptions", Kind::Message(&ATHENA_OPTIONS)),
        one(50, "meta", Kind::Message(&SOURCE_META)),
    ],
};

pub(crate) static ENTITY: Message =
    Message { fields: &[one(1, "spec", Kind::Message(&ENTITY_SPEC)), one(2, "meta", Kind::Message(&META))] };

static ENTITY_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "valueType", ValueType),
        one(3, "description", Text),
        one(4, "joinKey", Text),
        one(8, "tags", TextMap),
        one(9, "project", Text),
        one(10, "owner", Text),
    ],
};

static PROJECTION: Message = Message {
    fields: &[
        one(1, "featureViewName", Text),
        many(2, "featureColumns", Kind::Message(&FEATURE)),
        one(3, "featureViewNameAlias", Text),
        one(4, "joinKeyMap", TextMap),
        one(5, "timestampField", Text),
        one(6, "datePartitionColumn", Text),
        one(7, "createdTimestampColumn", Text),
        one(8, "batchSource", Kind::Message(&DATA_SOURCE)),
        one(9, "streamSource", Kind::Message(&DATA_SOURCE)),
        one(10, "versionTag", Int32),
        one(11, "viewType", Text),
    ],
};

pub(crate) static FEATURE_SERVICE: Message =
    Message { fields: &[one(1, "spec", Kind::Message(&SERVICE_SPEC)), one(2, "meta", Kind::Message(&META))] };

static SERVICE_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        many(3, "features", Kind::Message(&PROJECTION)),
        one(4, "tags", TextMap),
        one(5, "description", Text),
        one(6, "owner", Text),
        one(7, "loggingConfig", Kind::Message(&LOGGING_CONFIG)),
        one(8, "precomputeOnline", Boolean),
    ],
};

static LOGGING_CONFIG: Message = Message {
    fields: &[
        one(1, "sampleRate", Float),
        one(3, "fileDestination", Kind::Message(&FILE_DESTINATION)),
        one(4, "bigqueryDestination", Kind::Message(&TABLE_REFERENCE)),
        one(5, "redshiftDestination", Kind::Message(&TABLE_NAME)),
        one(6, "snowflakeDestination", Kind::Message(&TABLE_NAME)),
        one(7, "customDestination", Kind::Message(&CUSTOM_DESTINATION)),
        one(8, "athenaDestination", Kind::Message(&TABLE_NAME)),
        one(9, "couchbaseColumnarDestination", Kind::Message(&COUCHBASE_DESTINATION)),
    ],
};

static TABLE_REFERENCE: Message = Message { fields: &[one(1, "tableRef", Text)] };

static TABLE_NAME: Message = Message { fields: &[one(1, "tableName", Text)] };

static CUSTOM_DESTINATION: Message = Message { fields: &[one(1, "kind", Text), one(2, "config", TextMap)] };

static COUCHBASE_DESTINATION: Message =
    Message { fields: &[one(1, "database", Text), one(2, "scope", Text), one(3, "collection", Text)] };

static FILE_DESTINATION: Message = Message {
    fields: &[one(1, "path", Text), one(2, "s3EndpointOverride", Text), many(3, "partitionBy", Text)],
};

const STATES: &[&str] = &["STATE_UNSPECIFIED", "CREATED", "GENERATED", "MATERIALIZING", "AVAILABLE_ONLINE"];

/// The name of a view's state.
pub(crate) fn state_name(number: i32) -> &'static str {
    usize::try_from(number).ok().and_then(|at| STATES.get(at)).copied().unwrap_or("STATE_UNSPECIFIED")
}

static FUNCTION: Message = Message {
    fields: &[one(1, "name", Text), one(2, "body", Bytes), one(3, "bodyText", Text), one(4, "mode", Text)],
};

static SUBSTRAIT: Message =
    Message { fields: &[one(1, "substraitPlan", Bytes), one(2, "ibisFunction", Bytes)] };

static TRANSFORMATION: Message = Message {
    fields: &[
        one(1, "userDefinedFunction", Kind::Message(&FUNCTION)),
        one(2, "substraitTransformation", Kind::Message(&SUBSTRAIT)),
    ],
};

static INTERVAL: Message =
    Message { fields: &[one(1, "startTime", Timestamp), one(2, "endTime", Timestamp)] };

pub(crate) static FEATURE_VIEW: Message = Message {
    fields: &[
        one(1, "spec", Kind::Message(&FEATURE_VIEW_SPEC)),
        one(2, "meta", Kind::Message(&FEATURE_VIEW_META)),
    ],
};

static FEATURE_VIEW_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        many(3, "entities", Text),
        many(4, "features", Kind::Message(&FEATURE)),
        one(5, "tags", TextMap),
        one(6, "ttl", Duration),
        one(7, "batchSource", Kind::Message(&DATA_SOURCE)),
        one(8, "online", Boolean),
        one(9, "streamSource", Kind::Message(&DATA_SOURCE)),
        one(10, "description", Text),
        one(11, "owner", Text),
        many(12, "entityColumns", Kind::Message(&FEATURE)),
        one(13, "offline", Boolean),
        many(14, "sourceViews", Kind::Message(&FEATURE_VIEW_SPEC)),
        one(15, "featureTransformation", Kind::Message(&TRANSFORMATION)),
        one(16, "mode", Text),
        one(17, "enableValidation", Boolean),
        one(18, "version", Text),
        one(19, "org", Text),
        one(20, "disabled", Boolean),
    ],
};

static FEATURE_VIEW_META: Message = Message {
    fields: &[
        one(1, "createdTimestamp", Timestamp),
        one(2, "lastUpdatedTimestamp", Timestamp),
        many(3, "materializationIntervals", Kind::Message(&INTERVAL)),
        one(4, "currentVersionNumber", Int32),
        one(5, "versionId", Text),
        one(6, "state", Enum(STATES)),
    ],
};

pub(crate) static ON_DEMAND_FEATURE_VIEW: Message = Message {
    fields: &[one(1, "spec", Kind::Message(&ON_DEMAND_SPEC)), one(2, "meta", Kind::Message(&ON_DEMAND_META))],
};

static ON_DEMAND_META: Message = Message {
    fields: &[
        one(1, "createdTimestamp", Timestamp),
        one(2, "lastUpdatedTimestamp", Timestamp),
        one(3, "currentVersionNumber", Int32),
        one(4, "versionId", Text),
        one(5, "state", Enum(STATES)),
    ],
};

static ON_DEMAND_SOURCE: Message = Message {
    fields: &[
        one(1, "featureView", Kind::Message(&FEATURE_VIEW)),
        one(2, "requestDataSource", Kind::Message(&DATA_SOURCE)),
        one(3, "featureViewProjection", Kind::Message(&PROJECTION)),
    ],
};

static AGGREGATION: Message = Message {
    fields: &[
        one(1, "column", Text),
        one(2, "function", Text),
        one(3, "timeWindow", Duration),
        one(4, "slideInterval", Duration),
        one(5, "name", Text),
    ],
};

static ON_DEMAND_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        many(3, "features", Kind::Message(&FEATURE)),
        one(4, "sources", MessageMap(&ON_DEMAND_SOURCE)),
        one(5, "userDefinedFunction", Kind::Message(&FUNCTION)),
        one(6, "description", Text),
        one(7, "tags", TextMap),
        one(8, "owner", Text),
        one(10, "featureTransformation", Kind::Message(&TRANSFORMATION)),
        one(11, "mode", Text),
        one(12, "writeToOnlineStore", Boolean),
        many(13, "entities", Text),
        many(14, "entityColumns", Kind::Message(&FEATURE)),
        one(15, "singleton", Boolean),
        many(16, "aggregations", Kind::Message(&AGGREGATION)),
        one(17, "version", Text),
        one(18, "org", Text),
        one(19, "disabled", Boolean),
    ],
};

pub(crate) static STREAM_FEATURE_VIEW: Message = Message {
    fields: &[one(1, "spec", Kind::Message(&STREAM_SPEC)), one(2, "meta", Kind::Message(&FEATURE_VIEW_META))],
};

static STREAM_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        many(3, "entities", Text),
        many(4, "features", Kind::Message(&FEATURE)),
        many(5, "entityColumns", Kind::Message(&FEATURE)),
        one(6, "description", Text),
        one(7, "tags", TextMap),
        one(8, "owner", Text),
        one(9, "ttl", Duration),
        one(10, "batchSource", Kind::Message(&DATA_SOURCE)),
        one(11, "streamSource", Kind::Message(&DATA_SOURCE)),
        one(12, "online", Boolean),
        one(13, "userDefinedFunction", Kind::Message(&FUNCTION)),
        one(14, "mode", Text),
        many(15, "aggregations", Kind::Message(&AGGREGATION)),
        one(16, "timestampField", Text),
        one(17, "featureTransformation", Kind::Message(&TRANSFORMATION)),
        one(18, "enableTiling", Boolean),
        one(19, "tilingHopSize", Duration),
        one(20, "enableValidation", Boolean),
        one(21, "version", Text),
        one(22, "org", Text),
        one(23, "disabled", Boolean),
    ],
};

pub(crate) static LABEL_VIEW: Message =
    Message { fields: &[one(1, "spec", Kind::Message(&LABEL_SPEC)), one(2, "meta", Kind::Message(&META))] };

const CONFLICT_POLICIES: &[&str] = &["LAST_WRITE_WINS", "LABELER_PRIORITY", "MAJORITY_VOTE"];

static LABEL_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        many(3, "entities", Text),
        many(4, "features", Kind::Message(&FEATURE)),
        one(5, "tags", TextMap),
        one(6, "ttl", Duration),
        one(7, "source", Kind::Message(&DATA_SOURCE)),
        one(8, "online", Boolean),
        one(9, "description", Text),
        one(10, "owner", Text),
        many(11, "entityColumns", Kind::Message(&FEATURE)),
        one(12, "labelerField", Text),
        one(13, "conflictPolicy", Enum(CONFLICT_POLICIES)),
        one(14, "retainHistory", Boolean),
        one(15, "referenceFeatureView", Text),
    ],
};

pub(crate) static SAVED_DATASET: Message = Message {
    fields: &[one(1, "spec", Kind::Message(&DATASET_SPEC)), one(2, "meta", Kind::Message(&DATASET_META))],
};

static DATASET_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        many(3, "features", Text),
        many(4, "joinKeys", Text),
        one(5, "fullFeatureNames", Boolean),
        one(6, "storage", Kind::Message(&DATASET_STORAGE)),
        one(7, "tags", TextMap),
        one(8, "featureServiceName", Text),
        one(9, "namespace", Text),
        one(10, "collection", Text),
        one(11, "description", Text),
        many(12, "columns", Kind::Message(&DATASET_COLUMN)),
    ],
};

static DATASET_COLUMN: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "type", Text),
        one(3, "description", Text),
        one(4, "nullable", Boolean),
    ],
};

static DATASET_STORAGE: Message = Message {
    fields: &[
        one(4, "fileStorage", Kind::Message(&FILE_OPTIONS)),
        one(5, "bigqueryStorage", Kind::Message(&TABLE_OR_QUERY)),
        one(6, "redshiftStorage", Kind::Message(&WAREHOUSE_TABLE)),
        one(7, "snowflakeStorage", Kind::Message(&WAREHOUSE_TABLE)),
        one(8, "trinoStorage", Kind::Message(&TABLE_OR_QUERY)),
        one(9, "sparkStorage", Kind::Message(&SPARK_OPTIONS)),
        one(10, "customStorage", Kind::Message(&CUSTOM_OPTIONS)),
        one(11, "athenaStorage", Kind::Message(&ATHENA_OPTIONS)),
    ],
};

static DATASET_META: Message = Message {
    fields: &[
        one(1, "createdTimestamp", Timestamp),
        one(2, "lastUpdatedTimestamp", Timestamp),
        one(3, "minEventTimestamp", Timestamp),
        one(4, "maxEventTimestamp", Timestamp),
    ],
};

pub(crate) static VALIDATION_REFERENCE: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "referenceDatasetName", Text),
        one(3, "project", Text),
        one(4, "description", Text),
        one(5, "tags", TextMap),
        one(6, "geProfiler", Kind::Message(&VALIDATION_PROFILER)),
        one(7, "geProfile", Kind::Message(&VALIDATION_PROFILE)),
    ],
};

static VALIDATION_PROFILER: Message =
    Message { fields: &[one(1, "profiler", Kind::Message(&PICKLED_PROFILER))] };

static PICKLED_PROFILER: Message = Message { fields: &[one(1, "body", Bytes)] };

static VALIDATION_PROFILE: Message = Message { fields: &[one(1, "expectationSuite", Bytes)] };

pub(crate) static PERMISSION: Message = Message {
    fields: &[one(1, "spec", Kind::Message(&PERMISSION_SPEC)), one(2, "meta", Kind::Message(&META))],
};

/// The names of kinds of objects that permissions may be about.
pub const PERMISSION_TYPES: &[&str] = &[
    "FEATURE_VIEW",
    "ON_DEMAND_FEATURE_VIEW",
    "BATCH_FEATURE_VIEW",
    "STREAM_FEATURE_VIEW",
    "ENTITY",
    "FEATURE_SERVICE",
    "DATA_SOURCE",
    "VALIDATION_REFERENCE",
    "SAVED_DATASET",
    "PERMISSION",
    "PROJECT",
    "LABEL_VIEW",
];

/// The names of what permissions may grant.
pub const PERMITTED_ACTIONS: &[&str] = &[
    "CREATE",
    "DESCRIBE",
    "UPDATE",
    "DELETE",
    "READ_ONLINE",
    "READ_OFFLINE",
    "WRITE_ONLINE",
    "WRITE_OFFLINE",
];

static PERMISSION_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        many(3, "types", Enum(PERMISSION_TYPES)),
        many(4, "namePatterns", Text),
        one(5, "requiredTags", TextMap),
        many(6, "actions", Enum(PERMITTED_ACTIONS)),
        one(7, "policy", Kind::Message(&POLICY)),
        one(8, "tags", TextMap),
    ],
};

static POLICY: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "project", Text),
        one(3, "roleBasedPolicy", Kind::Message(&ROLES)),
        one(4, "groupBasedPolicy", Kind::Message(&GROUPS)),
        one(5, "namespaceBasedPolicy", Kind::Message(&NAMESPACES)),
        one(6, "combinedGroupNamespacePolicy", Kind::Message(&GROUPS_AND_NAMESPACES)),
    ],
};

static ROLES: Message = Message { fields: &[many(1, "roles", Text)] };

static GROUPS: Message = Message { fields: &[many(1, "groups", Text)] };

static NAMESPACES: Message = Message { fields: &[many(1, "namespaces", Text)] };

static GROUPS_AND_NAMESPACES: Message =
    Message { fields: &[many(1, "groups", Text), many(2, "namespaces", Text)] };

pub(crate) static VERSION_RECORD: Message = Message {
    fields: &[
        one(1, "featureViewName", Text),
        one(2, "projectId", Text),
        one(3, "versionNumber", Int32),
        one(4, "featureViewType", Text),
        one(5, "featureViewProto", Bytes),
        one(6, "createdTimestamp", Timestamp),
        one(7, "description", Text),
        one(8, "versionId", Text),
    ],
};

pub(crate) static PROJECT: Message =
    Message { fields: &[one(1, "spec", Kind::Message(&PROJECT_SPEC)), one(2, "meta", Kind::Message(&META))] };

static PROJECT_SPEC: Message = Message {
    fields: &[
        one(1, "name", Text),
        one(2, "description", Text),
        one(3, "tags", TextMap),
        one(4, "owner", Text),
    ],
};

/// What Feast's clients have made for their online stores.
pub(crate) static INFRA: Message =
    Message { fields: &[many(1, "infraObjects", Kind::Message(&INFRA_OBJECT))] };

static INFRA_OBJECT: Message = Message {
    fields: &[
        one(1, "infraObjectClassType", Text),
        one(3, "datastoreTable", Kind::Message(&DATASTORE_TABLE)),
        one(4, "sqliteTable", Kind::Message(&SQLITE_TABLE)),
        one(100, "customInfra", Kind::Message(&CUSTOM_INFRA)),
    ],
};

static DATASTORE_TABLE: Message = Message {
    fields: &[
        one(1, "project", Text),
        one(2, "name", Text),
        one(3, "projectId", Kind::Message(&TEXT_VALUE)),
        one(4, "namespace", Kind::Message(&TEXT_VALUE)),
        one(5, "database", Kind::Message(&TEXT_VALUE)),
    ],
};

static TEXT_VALUE: Message = Message { fields: &[one(1, "value", Text)] };

static SQLITE_TABLE: Message = Message { fields: &[one(1, "path", Text), one(2, "name", Text)] };

static CUSTOM_INFRA: Message = Message { fields: &[one(1, "field", Bytes)] };

/// The name of a value type, also of those that larder cannot use.
pub(crate) fn value_type_name(number: u64) -> Option<&'static str> {
    VALUE_TYPES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// The number of a value type.
pub(crate) fn value_type_number(name: &str) -> Option<u64> {
    VALUE_TYPES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

const VALUE_TYPES: [(u64, &str); 45] = [
    (0, "INVALID"),
    (1, "BYTES"),
    (2, "STRING"),
    (3, "INT32"),
    (4, "INT64"),
    (5, "DOUBLE"),
    (6, "FLOAT"),
    (7, "BOOL"),
    (8, "UNIX_TIMESTAMP"),
    (11, "BYTES_LIST"),
    (12, "STRING_LIST"),
    (13, "INT32_LIST"),
    (14, "INT64_LIST"),
    (15, "DOUBLE_LIST"),
    (16, "FLOAT_LIST"),
    (17, "BOOL_LIST"),
    (18, "UNIX_TIMESTAMP_LIST"),
    (19, "NULL"),
    (20, "MAP"),
    (21, "MAP_LIST"),
    (22, "BYTES_SET"),
    (23, "STRING_SET"),
    (24, "INT32_SET"),
    (25, "INT64_SET"),
    (26, "DOUBLE_SET"),
    (27, "FLOAT_SET"),
    (28, "BOOL_SET"),
    (29, "UNIX_TIMESTAMP_SET"),
    (32, "JSON"),
    (33, "JSON_LIST"),
    (34, "STRUCT"),
    (35, "STRUCT_LIST"),
    (36, "UUID"),
    (37, "TIME_UUID"),
    (38, "UUID_LIST"),
    (39, "TIME_UUID_LIST"),
    (40, "UUID_SET"),
    (41, "TIME_UUID_SET"),
    (42, "VALUE_LIST"),
    (43, "VALUE_SET"),
    (44, "DECIMAL"),
    (45, "DECIMAL_LIST"),
    (46, "DECIMAL_SET"),
    (47, "SCALAR_MAP"),
    (48, "ZONED_TIMESTAMP"),
];
