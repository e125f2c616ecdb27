//! Feast's registry server over HTTP: the objects of a registry as JSON, for people's tools and for pages.
//!
//! | route under `/api/v1` | answers |
//! |---|---|
//! | `GET /entities`, `/data_sources`, `/feature_views`, … | the objects of a kind in a project, a page of them |
//! | `GET /entities/all`, … | those of all projects |
//! | `GET /entities/{name}`, … | one object, with its definition as Python has it |
//! | `POST /entities`, …, `DELETE /entities/{name}`, … | registers or removes an object |
//! | `GET /features`, `/labels`, `/features/{view}/{name}` | what views hold |
//! | `POST /saved_datasets/create`, `GET /saved_datasets/jobs`, `/data/{name}` | makes a dataset, and shows rows of one |
//! | `GET /projects`, `/projects/{name}` | projects |
//! | `GET /lineage/registry`, `/lineage/objects/{kind}/{name}`, `/lineage/complete` | what feeds what |
//! | `GET /metrics/resource_counts`, `/popular_tags`, `/recently_visited` | how much of what |
//! | `GET /compute_engines`, `/materialization_jobs` | what materializes views, and what it has materialized |
//! | `POST /monitoring/compute`, `/auto_compute`, … | computes what the values of features look like |
//! | `GET /monitoring/metrics/features`, …, `/monitoring/jobs/{id}` | what was computed |
//! | `GET /search` | what a text is found in |
//! | `GET /version`, `POST /registry/refresh` | the version; nothing |
//! | `POST /lineage`, `GET /lineage/openlineage/…` | keeps events of OpenLineage, and tells of them ([`openlineage`]) |
//!
//! A request passes [`door`] (who sends it), [`parameters`] (its query, or Feast's 422), a route that asks [`sight`]
//! for what its sender may see, and [`refusal`] if it fails. Every request works on one state of the registry.
//!
//! The routes stand in a module of this crate and not in one of their own, since axum has its home here, and the
//! permissions that they ask are those of the feature server.

mod all_page;
mod apply;
mod body;
mod compute_engines;
mod datasets;
mod definition_text;
mod described;
mod door;
mod features;
mod json_object;
mod lineage;
mod lists;
mod metrics;
mod monitoring;
mod objects;
mod openlineage;
mod page;
mod parameters;
mod refusal;
mod search;
mod sight;
mod visits;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{RequestError, Result};
use larder_registry::{ObjectKind, RegistryObjects, RegistrySnapshot, SentObject};

pub use self::door::{RegistryBackend, RegistryMcp, registry_router};
pub use self::openlineage::{LineageConsumer, lineage_router};
pub use self::page::{AllowedOrigins, InvalidOrigin, InvalidRootPath, RootPath, page_router};
use crate::{DatasetServer, MonitoringServer, Protected};

/// Whether an object may be put in the place of the one that is there.
pub type AllowPut = Box<dyn FnOnce(Option<Protected<'_>>) -> Result<(), RequestError> + Send>;

/// Whether an object may be removed.
pub type AllowTake = Box<dyn FnOnce(Protected<'_>) -> Result<(), RequestError> + Send>;

/// The verbs behind a door to a registry. Methods may run concurrently and never block the caller's thread.
#[async_trait]
pub trait RegistryServer: Debug + Send + Sync + 'static {
    /// The project of the server's own feature repo.
    fn project(&self) -> &str;

    /// All objects of all projects, as the registry holds them now; none, if there is no registry yet.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    async fn objects(&self) -> Result<Arc<RegistryObjects>>;

    /// A project as the registry holds it now, whose permissions are asked; nothing, if it is not there.
    ///
    /// # Errors
    ///
    /// As [`objects`](Self::objects).
    async fn project_snapshot(&self, project: &str) -> Result<Arc<RegistrySnapshot>>;

    /// Registers an object in the place of the one of its kind and name, if `allow` lets it, which is asked while
    /// nobody else changes the registry.
    ///
    /// # Errors
    ///
    /// As `allow`; if the registry would be one that nobody can read; if it cannot be written.
    async fn put_object(&self, project: &str, object: Arc<SentObject>, allow: AllowPut) -> Result<()>;

    /// Removes an object, or a view of any kind where `kind` is that of a view, if `allow` lets it.
    ///
    /// # Errors
    ///
    /// As `allow`; the [`RequestError`] of its kind if it is not there; if the registry cannot be written.
    async fn take_object(&self, project: &str, kind: ObjectKind, name: &str, allow: AllowTake) -> Result<()>;

    /// The making of datasets; `None` where no feature store is behind the registry.
    fn datasets(self: Arc<Self>) -> Option<Arc<dyn DatasetServer>> {
        None
    }

    /// Data quality monitoring; `None` where it is not enabled.
    fn monitoring(&self) -> Option<&dyn MonitoringServer> {
        None
    }
}
