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

mod clock;
pub mod column;
mod data_source;
mod entity;
mod entity_key;
mod error;
mod feature_reference;
mod feature_service;
mod feature_view;
mod field;
mod input_table;
pub mod json;
mod offline_store;
mod on_demand_feature_view;
mod online_store;
mod project;
mod push_mode;
mod request_error;
mod scalar_type;
mod timestamp;
mod transformation;
mod value_type;
mod zoned_timestamp;

pub use clock::{Clock, FixedClock, SystemClock};
pub use data_source::{DataSource, DataSourceKind, FileFormat, FileSource, PushSource, RequestSource};
pub use entity::{DUMMY_ENTITY, DUMMY_JOIN_KEY, Entity, dummy_join_key};
pub use entity_key::{EntityKey, EntityKeyEncoder, EntityKeyError, EntityKeyVersion};
pub use error::{Error, ErrorKind, Result};
pub use feature_reference::FeatureReference;
pub use feature_service::FeatureService;
pub use feature_view::{FeatureView, MaterializationInterval};
pub use field::Field;
pub use input_table::InputTable;
pub use offline_store::{
    EntityFrame, JoinedColumns, LatestRows, LatestStream, OfflineStore, PointInTimeJoin, PullLatest,
    PullSummary, ViewJoin,
};
pub use on_demand_feature_view::{
    ComponentDigest, FeatureViewProjection, OnDemandFeatureView, OnDemandSource, TransformationReference,
};
pub use online_store::{
    OnlineColumn, OnlineRead, OnlineRows, OnlineStore, OnlineView, OnlineWrite, RowVersion, WriteOutcome,
};
pub use project::Project;
pub use push_mode::PushMode;
pub use request_error::RequestError;
pub use scalar_type::ScalarType;
pub use timestamp::{InvalidSpan, InvalidTimestamp, Timestamp, format_span, parse_span};
pub use transformation::{
    InspectedComponent, Transformation, TransformationLimits, TransformationSignature, UdfRuntime,
};
pub use value_type::{
    FlatType, Layout, StructField, UnknownValueType, UnsupportedValueType, ValueType, arrow_fields,
    timestamp_data_type,
};
pub use zoned_timestamp::{ZonedTimestamp, zoned_iso_format};
