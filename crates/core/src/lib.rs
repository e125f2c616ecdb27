//! The domain of larder: its nouns, its rules, and the traits that stores and runtimes implement.
//!
//! What is here is known to every other crate and knows none of them: no files, no network, no clock
//! of the machine except [`SystemClock`]. Definitions are plain structs ([`FeatureView`],
//! [`OnDemandFeatureView`], …) without serde; the `registry` crate reads and writes them.
//!
//! Three rules are stated here once and kept by every implementation:
//! - the **point-in-time join**: [`ViewJoin`];
//! - **newest wins**: [`RowVersion::replaces`];
//! - **transformations are pure**: [`Transformation`].
//!
//! Values have no enum of their own: they live in Arrow arrays of the types that [`ValueType`] names,
//! and [`column`](mod@column) says how values from outside become such arrays.
//!
//! ```
//! use larder_core::{EntityKeyEncoder, EntityKeyVersion, Field, ValueType, column};
//!
//! let driver_id = Field::new("driver_id", ValueType::INT64);
//! let ids = column::column_from_json("driver_id", &driver_id.value_type, &[1001.into(), "1002".into()])?;
//! let keys = EntityKeyEncoder::try_new(&[driver_id], EntityKeyVersion::V3)?.encode(&[ids], 2)?;
//! assert_eq!(keys.len(), 2);
//! # Ok::<(), larder_core::Error>(())
//! ```

mod aggregation;
pub mod bits;
mod caller;
mod capability;
mod clock;
pub mod column;
mod data_source;
mod date;
mod entity;
mod entity_key;
mod error;
mod expectations;
mod external_table;
mod feature_reference;
mod feature_service;
mod feature_view;
mod feature_view_state;
mod field;
mod input_table;
mod job;
pub mod json;
mod label_rules;
mod logging_config;
mod mlflow_source;
mod offline_store;
mod on_demand_feature_view;
mod online_store;
mod permission;
mod project;
mod push_mode;
mod python_function;
mod request_error;
mod saved_dataset;
mod scalar_type;
mod schedule;
mod selection;
mod stream_source;
mod text_index;
mod timestamp;
mod transformation;
pub mod unique_id;
mod value_type;
mod view_version;
mod zoned_timestamp;

pub use aggregation::Aggregation;
pub use caller::{Authenticator, Caller, User};
pub use capability::{Capabilities, Capability};
pub use clock::{Clock, FixedClock, SystemClock};
pub use data_source::{DataSource, DataSourceKind, FileFormat, FileSource, PushSource, RequestSource};
pub use date::{Date, InvalidDate};
pub use entity::{DUMMY_ENTITY, DUMMY_JOIN_KEY, Entity, dummy_join_key};
pub use entity_key::{EntityKey, EntityKeyEncoder, EntityKeyError, EntityKeyVersion};
pub use error::{Error, ErrorKind, Result};
pub use expectations::{Expectations, Tolerance, Tolerances};
pub use external_table::{ExternalSystem, ExternalTable, SourceColumns};
pub use feature_reference::{FeatureReference, split_version};
pub use feature_service::FeatureService;
pub use feature_view::{
    BatchTransformation, FeatureView, FeatureViewKind, MaterializationInterval, StreamTransformation,
};
pub use feature_view_state::FeatureViewState;
pub use field::{Field, VectorSearch};
pub use input_table::{InputColumn, InputTable};
pub use job::{
    InspectedJob, Job, JobEntities, JobHistoricalRequest, JobHost, JobLimits, JobRun, JobRuntime, LogLevel,
    MaterializedSpan, Table, TableDestination, TableStream, TableWriter,
};
pub use label_rules::{ConflictPolicy, LabelRules};
pub use logging_config::{LoggingConfig, LoggingDestination, SampleRate};
pub use mlflow_source::{ArtifactFormat, MlflowSource, MlflowTable};
pub use offline_store::{
    EntityFrame, JoinedColumns, LatestRows, LatestStream, OfflineStore, PointInTimeJoin, PullAll, PullLatest,
    PullSummary, RowStream, ViewJoin,
};
pub use on_demand_feature_view::{
    ComponentDigest, FeatureViewProjection, OnDemandFeatureView, OnDemandSource, PythonTransformation,
    TransformationReference,
};
pub use online_store::{
    OnlineColumn, OnlineRead, OnlineRows, OnlineStore, OnlineView, OnlineWrite, RowVersion, WriteOutcome,
    WritePolicy,
};
pub use permission::{Permission, PermissionType, PermittedAction, Policy};
pub use project::{PROTECTED_PROJECT_TAG, Project};
pub use push_mode::PushMode;
pub use python_function::PythonFunction;
pub use request_error::RequestError;
pub use saved_dataset::{SavedDataset, SavedDatasetStorage, ValidationReference};
pub use scalar_type::ScalarType;
pub use schedule::{InvalidSchedule, Schedule};
pub use selection::Selection;
pub use stream_source::{MessageFormat, StreamSource, StreamSystem};
pub use text_index::{TextIndex, TextIndexes};
pub use timestamp::{InvalidSpan, InvalidTimestamp, Timestamp, format_span, parse_span};
pub use transformation::{
    InspectedComponent, Transformation, TransformationLimits, TransformationSignature, UdfRuntime,
};
pub use value_type::{
    FlatType, Layout, StructField, UnknownValueType, UnsupportedValueType, ValueType, arrow_fields,
    timestamp_data_type,
};
pub use view_version::{InvalidVersion, ViewVersion};
pub use zoned_timestamp::{ZonedTimestamp, zoned_iso_format};
