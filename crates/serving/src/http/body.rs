//! Bodies: bytes to the request of a verb, or the answer that `FastAPI` gives to a wrong one.

use std::collections::HashSet;
use std::fmt;

use axum::http::StatusCode;
use bytes::Bytes;
use larder_core::{InputColumn, InputTable, PushMode, RequestError, Timestamp};
use larder_plan::Selection;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::HttpError;
use super::fields::{Fields, JsonColumns, invalid_json, missing_body, not_an_object};
use super::python_json::as_json;
use crate::{Filter, Metric, OnlineRequest, PushRequest, SearchQuery, SearchRequest, WriteRequest};

/// A larger body takes long enough to read that other requests would notice.
const LARGE_BODY_BYTES: usize = 256 << 10;

/// A body as it came.
#[derive(Debug)]
pub(crate) struct RequestBody {
    pub(crate) bytes: Bytes,
    /// Whether its content type is JSON, or none was given.
    pub(crate) is_json: bool,
}

/// Does `work` on so many bytes, off the async threads if they are many.
///
/// # Errors
///
/// If the server shuts down meanwhile.
pub(crate) async fn off_thread<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HttpError> {
    if bytes <= LARGE_BODY_BYTES {
        return Ok(work());
    }
    let done = larder_blocking::run(move || Ok(work())).await;
    done.map_err(|_ending| HttpError::detail(StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down"))
}

/// The form of a request body: by serde if it is exactly as it should be, else field by field.
pub(crate) trait BodyForm: DeserializeOwned + Send + 'static {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self>;
}

impl RequestBody {
    /// Reads the body, or tells what is wrong with it. A large one is read off the async threads.
    pub(crate) async fn read<T: BodyForm>(self) -> Result<T, HttpError> {
        off_thread(self.bytes.len(), move || self.read_now()).await?
    }

    fn read_now<T: BodyForm>(&self) -> Result<T, HttpError> {
        // Serde would also take a list of the fields in order.
        let is_object = self.bytes.trim_ascii_start().starts_with(b"{");
        if self.is_json
            && is_object
            && let Ok(read) = serde_json::from_slice(&self.bytes)
        {
            return Ok(read);
        }
        self.read_slowly()
    }

    fn read_slowly<T: BodyForm>(&self) -> Result<T, HttpError> {
        if self.bytes.is_empty() {
            return Err(missing_body());
        }
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            return Err(HttpError::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body"));
        };
        if !self.is_json {
            return Err(not_an_object(&Value::from(text)));
        }
        let value: Value = parse_json(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))?;
        let mut fields = Fields::try_new(&value, self.bytes.len())?;
        let read = T::from_fields(&mut fields);
        fields.finish(read)
    }
}

/// What some programs put before their text; Python reads on after it.
const BYTE_ORDER_MARK: char = '\u{feff}';

fn parse_json(text: &str) -> Result<Value, HttpError> {
    serde_json::from_str(text).or_else(|_| {
        let json = as_json(text).map_err(|mistake| invalid_json(mistake.position, mistake.message))?;
        // Python reads even more, such as halves of surrogate pairs.
        serde_json::from_str(&json).map_err(|error| invalid_json(error.column(), &error.to_string()))
    })
}

/// The body of `/get-online-features`.
#[derive(Debug, Deserialize)]
pub(crate) struct GetOnlineFeatures {
    entities: Columns,
    #[serde(default)]
    features: Option<Vec<String>>,
    #[serde(default)]
    feature_service: Option<String>,
    #[serde(default)]
    full_feature_names: bool,
    #[serde(default)]
    pub(crate) include_feature_view_version_metadata: bool,
}

impl BodyForm for GetOnlineFeatures {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let entities = fields.columns("entities");
        let feature_service = fields.optional_text("feature_service");
        let features = fields.texts("features");
        let full_feature_names = fields.boolean("full_feature_names", false);
        let metadata = fields.boolean("include_feature_view_version_metadata", false);
        Some(Self {
            entities: Columns(entities?),
            features,
            feature_service,
            full_feature_names,
            include_feature_view_version_metadata: metadata,
        })
    }
}

impl GetOnlineFeatures {
    /// The request. A feature service wins over features; an empty name counts as none.
    pub(crate) fn into_request(self) -> OnlineRequest {
        let selection = match self.feature_service.filter(|name| !name.is_empty()) {
            Some(service) => Selection::Service(service),
            None => Selection::References(self.features.unwrap_or_default()),
        };
        let entities = self.entities.0.into_iter();
        OnlineRequest {
            selection,
            entities: entities.map(|(name, values)| (name, InputColumn::Json(values))).collect(),
            full_feature_names: self.full_feature_names,
        }
    }
}

/// The body of `/search`.
#[derive(Debug, Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    features: Option<Vec<String>>,
    #[serde(default)]
    feature_service: Option<String>,
    #[serde(default)]
    top_k: Option<u64>,
    #[serde(default)]
    query: Option<Vec<f64>>,
    #[serde(default)]
    query_string: Option<String>,
    #[serde(default)]
    distance_metric: Option<String>,
    #[serde(default)]
    api_version: Option<u64>,
    #[serde(default)]
    filters: Option<Filter>,
    #[serde(default)]
    pub(crate) include_feature_view_version_metadata: bool,
}

impl BodyForm for Search {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            feature_service: fields.optional_text("feature_service"),
            features: fields.texts("features"),
            include_feature_view_version_metadata: fields
                .boolean("include_feature_view_version_metadata", false),
            top_k: fields.optional_count("top_k"),
            query: fields.floats("query"),
            query_string: fields.optional_text("query_string"),
            distance_metric: fields.optional_text("distance_metric"),
            api_version: fields.optional_count("api_version"),
            filters: fields.optional("filters"),
        })
    }
}

impl Search {
    /// The request. As in Feast only version 2 of the API has a metric, a filter and a text.
    pub(crate) fn into_request(self) -> Result<SearchRequest, RequestError> {
        let second = self.api_version == Some(2);
        let selection = match self.feature_service.filter(|name| !name.is_empty()) {
            Some(service) => Selection::Service(service),
            None => Selection::References(self.features.unwrap_or_default()),
        };
        let text = self.query_string.filter(|_| second);
        let top_k = self
            .top_k
            .ok_or_else(|| RequestError::other("`top_k` is missing; send how many rows to find"))?;
        let metric = self.distance_metric.filter(|_| second);
        let metric = metric.map(|name| Metric::parse(&name)).transpose()?;
        #[expect(clippy::cast_possible_truncation, reason = "stored vectors are no wider")]
        let vector = self.query.map(|query| query.into_iter().map(|number| number as f32).collect());
        let query = match (vector, text) {
            (Some(vector), None) => SearchQuery::Vector { vector, metric },
            (None, Some(text)) => SearchQuery::Text(text),
            (Some(_), Some(_)) => {
                let what = "`query` and `query_string` are two searches; send a vector or a text";
                return Err(RequestError::other(what));
            }
            (None, None) => {
                let what =
                    "`query` is missing; send a vector, or with `api_version` 2 a text as `query_string`";
                return Err(RequestError::other(what));
            }
        };
        Ok(SearchRequest {
            selection,
            query,
            top_k: usize::try_from(top_k).unwrap_or(usize::MAX),
            filter: self.filters.filter(|_| second),
        })
    }
}

/// The body of `/push`. `allow_registry_cache` means nothing here, since there is one snapshot; nor does
/// `transform_on_write`, in Feast neither, since no view that a push source feeds is transformed.
#[derive(Debug, Deserialize)]
pub(crate) struct Push {
    #[serde(rename = "push_source_name")]
    source: String,
    df: Columns,
    #[serde(default = "online")]
    to: String,
    #[serde(default = "yes", rename = "transform_on_write")]
    _transform_on_write: bool,
}

impl BodyForm for Push {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let push_source_name = fields.text("push_source_name");
        let df = fields.columns("df");
        let _ignored = fields.boolean("allow_registry_cache", true);
        let to = fields.text_or("to", online());
        let transform_on_write = fields.boolean("transform_on_write", true);
        Some(Self {
            source: push_source_name?,
            df: Columns(df?),
            to,
            _transform_on_write: transform_on_write,
        })
    }
}

impl Push {
    pub(crate) fn into_request(self) -> Result<PushRequest, RequestError> {
        let rows = InputTable::from_json(self.df.0)?;
        let to = PushMode::parse(&self.to)?;
        Ok(PushRequest { push_source: self.source, rows, to })
    }
}

/// The body of `/write-to-online-store`.
#[derive(Debug, Deserialize)]
pub(crate) struct WriteToOnlineStore {
    feature_view_name: String,
    df: Columns,
    #[serde(default = "yes")]
    transform_on_write: bool,
}

impl BodyForm for WriteToOnlineStore {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let feature_view_name = fields.text("feature_view_name");
        let df = fields.columns("df");
        let _ignored = fields.boolean("allow_registry_cache", true);
        let transform_on_write = fields.boolean("transform_on_write", true);
        Some(Self { feature_view_name: feature_view_name?, df: Columns(df?), transform_on_write })
    }
}

impl WriteToOnlineStore {
    pub(crate) fn into_request(self) -> Result<WriteRequest, RequestError> {
        Ok(WriteRequest {
            feature_view: self.feature_view_name,
            rows: InputTable::from_json(self.df.0)?,
            transform_on_write: self.transform_on_write,
        })
    }
}

/// The body of `/materialize`.
#[derive(Debug, Deserialize)]
pub(crate) struct Materialize {
    #[serde(default)]
    pub(crate) start_ts: Option<String>,
    #[serde(default)]
    pub(crate) end_ts: Option<String>,
    #[serde(default)]
    pub(crate) feature_views: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) disable_event_timestamp: bool,
    #[serde(default)]
    pub(crate) version: Option<String>,
}

impl BodyForm for Materialize {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            start_ts: fields.optional_text("start_ts"),
            end_ts: fields.optional_text("end_ts"),
            feature_views: fields.texts("feature_views"),
            disable_event_timestamp: fields.boolean("disable_event_timestamp", false),
            version: fields.optional_text("version"),
        })
    }
}

/// The body of `/materialize-incremental`.
#[derive(Debug, Deserialize)]
pub(crate) struct MaterializeIncremental {
    pub(crate) end_ts: String,
    #[serde(default)]
    pub(crate) feature_views: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) version: Option<String>,
}

impl BodyForm for MaterializeIncremental {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let end_ts = fields.text("end_ts");
        let feature_views = fields.texts("feature_views");
        let version = fields.optional_text("version");
        Some(Self { end_ts: end_ts?, feature_views, version })
    }
}

/// The body of `/v1/materialize`: RFC 3339 times; `start` is left out for an incremental run.
#[derive(Debug, Deserialize)]
pub(crate) struct MaterializeWithProgress {
    #[serde(default)]
    pub(crate) start: Option<String>,
    pub(crate) end: String,
    #[serde(default)]
    pub(crate) feature_views: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) incremental: bool,
    #[serde(default)]
    pub(crate) version: Option<String>,
}

impl BodyForm for MaterializeWithProgress {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let start = fields.optional_text("start");
        let end = fields.text("end");
        let feature_views = fields.texts("feature_views");
        let incremental = fields.boolean("incremental", false);
        let version = fields.optional_text("version");
        Some(Self { start, end: end?, feature_views, incremental, version })
    }
}

/// A time in a request.
pub(crate) fn read_time(text: &str) -> Result<Timestamp, RequestError> {
    Timestamp::parse(text)
        .map_err(|_| RequestError::other(format!("Invalid timestamp format: Unknown string format: {text}")))
}

/// The end of an incremental run, of which Feast only says that it is no time.
pub(crate) fn read_end(text: &str) -> Result<Timestamp, RequestError> {
    let says = || match text {
        "" => "String does not contain a date: ".to_owned(),
        _ => format!("Unknown string format: {text}"),
    };
    Timestamp::parse(text).map_err(|_| RequestError::other(says()))
}

fn online() -> String {
    PushMode::Online.name().to_owned()
}

fn yes() -> bool {
    true
}

/// Columns by name, in order. Of two with one name the later counts, as in any JSON object.
#[derive(Debug)]
struct Columns(JsonColumns);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnsVisitor;

        impl<'de> Visitor<'de> for ColumnsVisitor {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("columns by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some(column) = map.next_entry::<String, Vec<Value>>()? {
                    columns.push(column);
                }
                let mut names = HashSet::with_capacity(columns.len());
                if columns.iter().all(|(name, _)| names.insert(name.as_str())) {
                    return Ok(Columns(columns));
                }
                // Rare: let the map that resolves it do so.
                let object: serde_json::Map<String, Value> =
                    columns.into_iter().map(|(name, values)| (name, Value::Array(values))).collect();
                let columns = object.into_iter().filter_map(|(name, values)| match values {
                    Value::Array(values) => Some((name, values)),
                    _ => None,
                });
                Ok(Columns(columns.collect()))
            }
        }

        deserializer.deserialize_map(ColumnsVisitor)
    }
}
