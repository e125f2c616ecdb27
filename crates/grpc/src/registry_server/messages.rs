//! The requests of `feast.registry.RegistryServer`, and what its replies have that is not in a registry.
//!
//! Objects are bytes: what a client says of one is read by the registry alone. Whether a client would take what the
//! server remembers (`allow_cache`), and whether more changes follow (`commit`), makes no difference here.

use std::collections::BTreeMap;

use larder_registry::{ObjectQuery, Pagination, SortOrder};
use prost::Message;
use prost_types::Timestamp;

/// `google.protobuf.Empty`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Nothing {}

/// Every `Apply…Request` but those of views and projects.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Apply {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) object: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
}

/// `ApplyFeatureViewRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ApplyFeatureView {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) feature_view: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) on_demand_feature_view: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(crate) stream_feature_view: Option<Vec<u8>>,
    #[prost(string, tag = "4")]
    pub(crate) project: String,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub(crate) label_view: Option<Vec<u8>>,
}

/// `ApplyProjectRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ApplyProject {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) project: Vec<u8>,
}

/// `ApplyMaterializationRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ApplyMaterialization {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) feature_view: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) start_date: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) end_date: Option<Timestamp>,
}

/// `UpdateInfraRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateInfra {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) infra: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
}

/// Every `Get…Request` and `Delete…Request` of an object in a project.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Named {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
}

/// `GetProjectRequest` and `DeleteProjectRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NamedProject {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

/// `RefreshRequest`, `GetInfraRequest` and `ListProjectMetadataRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OfProject {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
}

/// `PaginationParams`
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct PaginationParams {
    #[prost(int32, tag = "1")]
    pub(crate) page: i32,
    #[prost(int32, tag = "2")]
    pub(crate) limit: i32,
}

/// `SortingParams`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SortingParams {
    #[prost(string, tag = "1")]
    pub(crate) sort_by: String,
    #[prost(string, tag = "2")]
    pub(crate) sort_order: String,
}

/// `PaginationMetadata`
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct PaginationMetadata {
    #[prost(int32, tag = "1")]
    pub(crate) page: i32,
    #[prost(int32, tag = "2")]
    pub(crate) limit: i32,
    #[prost(int32, tag = "3")]
    pub(crate) total_count: i32,
    #[prost(int32, tag = "4")]
    pub(crate) total_pages: i32,
    #[prost(bool, tag = "5")]
    pub(crate) has_next: bool,
    #[prost(bool, tag = "6")]
    pub(crate) has_previous: bool,
}

impl From<Pagination> for PaginationMetadata {
    fn from(pagination: Pagination) -> Self {
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        Self {
            page: number(pagination.page),
            limit: number(pagination.limit),
            total_count: count(pagination.total_count),
            total_pages: count(pagination.total_pages),
            has_next: pagination.has_next,
            has_previous: pagination.has_previous,
        }
    }
}

/// Every `List…Request` that asks for no more than all of them do. `namespace` and `collection` are those of saved
/// datasets.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct List {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) pagination: Option<PaginationParams>,
    #[prost(message, optional, tag = "5")]
    pub(crate) sorting: Option<SortingParams>,
    #[prost(string, tag = "6")]
    pub(crate) namespace: String,
    #[prost(string, tag = "7")]
    pub(crate) collection: String,
}

/// `ListFeatureServicesRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListFeatureServices {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(crate) feature_view: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) pagination: Option<PaginationParams>,
    #[prost(message, optional, tag = "6")]
    pub(crate) sorting: Option<SortingParams>,
}

/// `ListAllFeatureViewsRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListAllFeatureViews {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(crate) entity: String,
    #[prost(string, tag = "5")]
    pub(crate) feature: String,
    #[prost(string, tag = "6")]
    pub(crate) feature_service: String,
    #[prost(string, tag = "7")]
    pub(crate) data_source: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) pagination: Option<PaginationParams>,
    #[prost(message, optional, tag = "9")]
    pub(crate) sorting: Option<SortingParams>,
    #[prost(message, optional, tag = "10")]
    pub(crate) updated_since: Option<Timestamp>,
}

/// `ListProjectsRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListProjects {
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "3")]
    pub(crate) pagination: Option<PaginationParams>,
    #[prost(message, optional, tag = "4")]
    pub(crate) sorting: Option<SortingParams>,
}

/// `ListFeaturesRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListFeatures {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(string, tag = "2")]
    pub(crate) feature_view: String,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) pagination: Option<PaginationParams>,
    #[prost(message, optional, tag = "5")]
    pub(crate) sorting: Option<SortingParams>,
    /// `feature` or `label`; both if it is empty.
    #[prost(string, tag = "7")]
    pub(crate) kind: String,
}

/// `GetFeatureRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetFeature {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(string, tag = "2")]
    pub(crate) feature_view: String,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
}

/// `Feature`. Owner and times are those of no object of Feast's, which leaves them empty too.
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_field_names, reason = "the names are Feast's")]
pub(crate) struct Feature {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) feature_view: String,
    #[prost(string, tag = "3")]
    pub(crate) value_type: String,
    #[prost(string, tag = "4")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "9")]
    pub(crate) kind: String,
}

/// `GetRegistryLineageRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetRegistryLineage {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(string, tag = "3")]
    pub(crate) filter_object_type: String,
    #[prost(string, tag = "4")]
    pub(crate) filter_object_name: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) pagination: Option<PaginationParams>,
    #[prost(message, optional, tag = "6")]
    pub(crate) sorting: Option<SortingParams>,
}

/// `GetObjectRelationshipsRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetObjectRelationships {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(string, tag = "2")]
    pub(crate) object_type: String,
    #[prost(string, tag = "3")]
    pub(crate) object_name: String,
    #[prost(bool, tag = "4")]
    pub(crate) include_indirect: bool,
    #[prost(message, optional, tag = "6")]
    pub(crate) pagination: Option<PaginationParams>,
    #[prost(message, optional, tag = "7")]
    pub(crate) sorting: Option<SortingParams>,
}

/// `EntityReference`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntityReference {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
}

/// `EntityRelation`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntityRelation {
    #[prost(message, optional, tag = "1")]
    pub(crate) source: Option<EntityReference>,
    #[prost(message, optional, tag = "2")]
    pub(crate) target: Option<EntityReference>,
}

/// `GetRegistryLineageResponse`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RegistryLineage {
    #[prost(message, repeated, tag = "1")]
    pub(crate) relationships: Vec<EntityRelation>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) indirect_relationships: Vec<EntityRelation>,
    #[prost(message, optional, tag = "3")]
    pub(crate) relationships_pagination: Option<PaginationMetadata>,
    #[prost(message, optional, tag = "4")]
    pub(crate) indirect_relationships_pagination: Option<PaginationMetadata>,
}

/// `GetObjectRelationshipsResponse`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ObjectRelationships {
    #[prost(message, repeated, tag = "1")]
    pub(crate) relationships: Vec<EntityRelation>,
    #[prost(message, optional, tag = "2")]
    pub(crate) pagination: Option<PaginationMetadata>,
}

/// `CreateDatasetFromRetrievalRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CreateDataset {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, tag = "3")]
    pub(crate) feature_service_name: String,
    #[prost(string, repeated, tag = "4")]
    pub(crate) features: Vec<String>,
    /// `inline` or `reference`.
    #[prost(string, tag = "5")]
    pub(crate) entity_source_type: String,
    #[prost(string, tag = "6")]
    pub(crate) entity_source_path: String,
    #[prost(string, repeated, tag = "8")]
    pub(crate) entity_keys: Vec<String>,
    #[prost(string, tag = "9")]
    pub(crate) entity_values: String,
    #[prost(string, tag = "10")]
    pub(crate) start_date: String,
    #[prost(string, tag = "11")]
    pub(crate) end_date: String,
    #[prost(string, tag = "12")]
    pub(crate) extra_columns: String,
    #[prost(string, tag = "13")]
    pub(crate) storage_type: String,
    #[prost(string, tag = "14")]
    pub(crate) storage_path: String,
    #[prost(btree_map = "string, string", tag = "15")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(bool, tag = "16")]
    pub(crate) allow_overwrite: bool,
}

/// `CreateDatasetFromRetrievalResponse`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StartedDataset {
    #[prost(string, tag = "1")]
    pub(crate) job_id: String,
    #[prost(string, tag = "2")]
    pub(crate) status: String,
}

/// `GetDatasetDataRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetDatasetData {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(int32, tag = "3")]
    pub(crate) limit: i32,
}

/// `GetDatasetDataResponse`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DatasetData {
    #[prost(string, repeated, tag = "1")]
    pub(crate) columns: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) rows: Vec<TabularRow>,
    #[prost(int32, tag = "3")]
    pub(crate) total_rows: i32,
    #[prost(int32, tag = "4")]
    pub(crate) sample_size: i32,
}

/// `TabularRow`: values as JSON.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TabularRow {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

/// `GetDatasetJobStatusRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetDatasetJobStatus {
    #[prost(string, tag = "1")]
    pub(crate) job_id: String,
}

/// `GetDatasetJobStatusResponse`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DatasetJobMessage {
    #[prost(string, tag = "1")]
    pub(crate) job_id: String,
    #[prost(string, tag = "2")]
    pub(crate) dataset_name: String,
    #[prost(string, tag = "3")]
    pub(crate) project: String,
    #[prost(string, tag = "4")]
    pub(crate) status: String,
    #[prost(string, tag = "5")]
    pub(crate) created_at: String,
    #[prost(string, tag = "6")]
    pub(crate) completed_at: String,
    #[prost(string, tag = "7")]
    pub(crate) error: String,
}

/// `ListDatasetJobsRequest`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListDatasetJobs {
    #[prost(string, tag = "1")]
    pub(crate) project: String,
    #[prost(string, tag = "2")]
    pub(crate) status_filter: String,
}

/// `ListDatasetJobsResponse`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DatasetJobsMessage {
    #[prost(message, repeated, tag = "1")]
    pub(crate) jobs: Vec<DatasetJobMessage>,
}

/// What a request asks of a list. Numbers below zero ask for nothing, as in Feast.
pub(crate) fn query(
    tags: &BTreeMap<String, String>,
    pagination: Option<PaginationParams>,
    sorting: Option<&SortingParams>,
) -> ObjectQuery {
    let PaginationParams { page, limit } = pagination.unwrap_or_default();
    let SortingParams { sort_by, sort_order } = sorting.cloned().unwrap_or_default();
    ObjectQuery {
        tags: tags.clone(),
        sort_by,
        order: SortOrder::of_word(&sort_order),
        page: u32::try_from(page).unwrap_or_default(),
        limit: u32::try_from(limit).unwrap_or_default(),
    }
}
