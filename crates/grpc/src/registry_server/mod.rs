//! The registry over gRPC: `feast.registry.RegistryServer`, which Feast's clients with a registry of type `remote`
//! speak.
//!
//! Reads hand out the bytes that lie in the file. A client's change is written when it is answered, one object at a
//! time, whether or not it says that a commit follows; `Commit` and `Refresh` have nothing left to do. So an apply
//! that fails half way leaves the objects before it registered, and whoever reads meanwhile sees some of them: Feast's
//! server, whose one cache all clients change and read, behaves no differently until its process ends.
//!
//! An object is refused if a client could not read it, since clients read all objects of a kind at once. The
//! functions in it are never run; Feast's server runs them when they are applied.

mod datasets;
mod guard;
mod messages;
mod read;
mod reply;
mod write;

use std::fmt::Debug;
use std::sync::Arc;

use axum::Router;
use larder_core::json::python_dumps;
use larder_core::{Error, RequestError, Result};
use larder_registry::{ObjectKind, RegistryFile};
use larder_serving::{Access, DatasetServer};
use prost::Message;
use serde_json::json;
use tonic::Status;

use self::write::Change;
use crate::encoded::Encoded;
use crate::service::{Service, ServiceOptions};
use crate::status::status_of;

/// The name of the service.
pub const REGISTRY_SERVICE: &str = "feast.registry.RegistryServer";

/// The kinds of objects that have the same four methods, and the words in the names of these.
const KINDS: [(ObjectKind, &str, &str); 6] = [
    (ObjectKind::Entity, "Entity", "Entities"),
    (ObjectKind::DataSource, "DataSource", "DataSources"),
    (ObjectKind::SavedDataset, "SavedDataset", "SavedDatasets"),
    (ObjectKind::ValidationReference, "ValidationReference", "ValidationReferences"),
    (ObjectKind::Permission, "Permission", "Permissions"),
    (ObjectKind::FeatureService, "FeatureService", ""),
];

/// The kinds of views, of which each has its reads, and all share the rest.
const VIEWS: [(ObjectKind, &str); 4] = [
    (ObjectKind::FeatureView, "FeatureView"),
    (ObjectKind::StreamFeatureView, "StreamFeatureView"),
    (ObjectKind::OnDemandFeatureView, "OnDemandFeatureView"),
    (ObjectKind::LabelView, "LabelView"),
];

/// The service of a registry, as a router. Without a feature store that makes datasets it has no methods for them.
///
/// `observer` is told what clients have changed.
pub fn registry_server(
    registry: Arc<RegistryFile>,
    datasets: Option<Arc<dyn DatasetServer>>,
    observer: Option<Arc<dyn RegistryObserver>>,
    options: ServiceOptions,
) -> Router {
    let datasets = datasets.map(|datasets| datasets::methods(datasets, options.clone()));
    let shared = Arc::new(Shared { registry, observer });
    let mut service = Service::new(REGISTRY_SERVICE, shared, options);
    for (kind, one, all) in KINDS {
        service = change(service, &format!("Apply{one}"), move |registry, access, request| {
            write::apply(registry, access, kind, request)
        });
        service = call(service, &format!("Get{one}"), move |registry, access, request| {
            read::get(registry, access, kind, request)
        });
        service = change(service, &format!("Delete{one}"), move |registry, access, request| {
            write::delete(registry, access, kind, request)
        });
        if !all.is_empty() {
            service = call(service, &format!("List{all}"), move |registry, access, request| {
                read::list(registry, access, kind, request)
            });
        }
    }
    for (kind, one) in VIEWS {
        service = call(service, &format!("Get{one}"), move |registry, access, request| {
            read::get(registry, access, kind, request)
        });
        service = call(service, &format!("List{one}s"), move |registry, access, request| {
            read::list(registry, access, kind, request)
        });
    }
    service = change(service, "DeleteFeatureView", |registry, access, request| {
        write::delete(registry, access, ObjectKind::FeatureView, request)
    });
    service = change(service, "ApplyFeatureView", write::apply_feature_view);
    service = call(service, "GetAnyFeatureView", read::get_any_feature_view);
    service = call(service, "ListAllFeatureViews", read::list_all_feature_views);
    service = call(service, "ListFeatureServices", read::list_feature_services);
    service = change(service, "ApplyProject", write::apply_project);
    service = call(service, "GetProject", read::get_project);
    service = call(service, "ListProjects", read::list_projects);
    service = call(service, "DeleteProject", write::delete_project);
    service = call(service, "ListProjectMetadata", read::list_project_metadata);
    service = call(service, "ApplyMaterialization", write::apply_materialization);
    service = call(service, "UpdateInfra", write::update_infra);
    service = call(service, "GetInfra", read::get_infra);
    service = call(service, "Commit", write::commit);
    service = call(service, "Refresh", write::refresh);
    service = call(service, "Proto", read::proto);
    service = call(service, "ListFeatures", read::list_features);
    service = call(service, "GetFeature", read::get_feature);
    service = call(service, "GetRegistryLineage", read::get_registry_lineage);
    service = call(service, "GetObjectRelationships", read::get_object_relationships);
    let router = service.into_router();
    match datasets {
        Some(datasets) => router.merge(datasets),
        None => router,
    }
}

/// Is told what clients have changed.
///
/// Called when a change is in the file, and before it is answered, on a thread that may block.
pub trait RegistryObserver: Debug + Send + Sync + 'static {
    /// Takes note that an object was registered.
    fn registered(&self, project: &str, kind: ObjectKind, name: &str);

    /// Takes note that an object was removed; a view of any kind is a feature view here.
    fn removed(&self, project: &str, kind: ObjectKind, name: &str);
}

/// What all methods share.
#[derive(Debug)]
struct Shared {
    registry: Arc<RegistryFile>,
    observer: Option<Arc<dyn RegistryObserver>>,
}

/// Adds a method that works on the registry's file.
fn call<M: Message + Default + 'static>(
    service: Service<Shared>,
    method: &str,
    work: impl Fn(&RegistryFile, &Access, &M) -> Result<Encoded> + Copy + Send + Sync + 'static,
) -> Service<Shared> {
    service.method(method, move |shared: Arc<Shared>, access: Access, request: M| async move {
        let worked = larder_blocking::run(move || work(&shared.registry, &access, &request)).await;
        worked.map_err(|error| feast_status_of(&error))
    })
}

/// Adds a method that changes one object.
fn change<M: Message + Default + 'static>(
    service: Service<Shared>,
    method: &str,
    work: impl Fn(&RegistryFile, &Access, &M) -> Result<Change> + Copy + Send + Sync + 'static,
) -> Service<Shared> {
    service.method(method, move |shared: Arc<Shared>, access: Access, request: M| async move {
        let work = move || {
            let change = work(&shared.registry, &access, &request)?;
            match (&shared.observer, &change) {
                (None, _) => {}
                (Some(observer), Change::Registered { project, kind, name }) => {
                    observer.registered(project, *kind, name);
                }
                (Some(observer), Change::Removed { project, kind, name }) => {
                    observer.removed(project, *kind, name);
                }
            }
            Ok(Encoded::default())
        };
        larder_blocking::run(work).await.map_err(|error| feast_status_of(&error))
    })
}

/// The status of a failed call. Its clients take every text for Feast's envelope, so also mistakes for which Feast has no
/// class come in one, and are raised as its `FeastError`.
fn feast_status_of(error: &Error) -> Status {
    let status = status_of(error);
    if error.downcast_ref::<RequestError>().is_some_and(|mistake| mistake.feast_class().is_some()) {
        return status;
    }
    let envelope = json!({ "module": "feast.errors", "class": "FeastError", "message": status.message() });
    Status::new(status.code(), python_dumps(&envelope))
}
