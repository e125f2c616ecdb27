//! The objects of a registry as the bytes that lie in it, for those who speak its protobuf.

use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::{PermissionType, RequestError, Timestamp};
use prost::Message as _;

use crate::proto::wire;
use crate::proto::{self, FeatureSpecV2, source_name, time_from_proto, time_to_proto};
use crate::registry_diff::ObjectKind;
use crate::registry_file::{Contents, Listed, SCHEMA_VERSION, Stored, number, of_project};

/// What a registry holds at one time, as Feast's messages. Cheap to clone.
///
/// Bytes are handed out as they lie in the file, with whatever neither larder nor the Feast that it knows has
/// a name for. Objects come in the order of the file.
#[derive(Clone, Debug)]
pub struct RegistryMessages(Arc<Contents>);

/// One object of a registry.
#[derive(Clone, Copy, Debug)]
pub struct ObjectMessage<'a> {
    /// What it is.
    pub kind: ObjectKind,
    /// What it is to permissions, which tell batch feature views from others.
    pub permission_type: PermissionType,
    /// Its project.
    pub project: &'a str,
    /// Its name.
    pub name: &'a str,
    /// All its tags, larder's own among them.
    pub tags: &'a BTreeMap<String, String>,
    /// When it was changed last, if its message says so.
    pub last_updated: Option<Timestamp>,
    /// Feast's message of its kind.
    pub bytes: &'a [u8],
}

impl<'a> ObjectMessage<'a> {
    pub(crate) fn of<M: Listed>(stored: &'a Stored<M>) -> Self {
        let message = stored.message();
        let (project, name) = message.key();
        Self {
            kind: M::KIND,
            permission_type: message.permission_type(),
            project,
            name,
            tags: message.tags(),
            last_updated: message.times().1.map(|time| time_from_proto(Some(&time))),
            bytes: stored.raw(),
        }
    }
}

/// Which views are listed. What is empty or `None` lets all of them through.
#[derive(Clone, Copy, Debug, Default)]
pub struct ViewFilter<'a> {
    /// An entity of the view.
    pub entity: &'a str,
    /// A feature of the view.
    pub feature: &'a str,
    /// A feature service that takes from the view; one that is not there takes from none.
    pub feature_service: &'a str,
    /// A data source that the view reads: its batch or stream source, or its request data.
    pub data_source: &'a str,
    /// The view has changed then or later.
    pub updated_since: Option<Timestamp>,
}

impl RegistryMessages {
    pub(crate) fn new(contents: Arc<Contents>) -> Self {
        Self(contents)
    }

    pub(crate) fn into_contents(self) -> Contents {
        Arc::unwrap_or_clone(self.0)
    }

    /// When the registry was last written; `None` if it has not been.
    pub fn last_updated(&self) -> Option<Timestamp> {
        self.0.last_updated
    }

    /// What tells this state of the registry from others; empty if it has not been written.
    pub fn version_id(&self) -> &str {
        &self.0.version_id
    }

    /// The objects of one kind in a project; of projects all, whatever `project` says.
    pub fn list(&self, project: &str, kind: ObjectKind) -> Vec<ObjectMessage<'_>> {
        fn all<'a, M: Listed>(objects: &'a [Stored<M>], project: &str) -> Vec<ObjectMessage<'a>> {
            objects.iter().map(ObjectMessage::of).filter(|object| object.project == project).collect()
        }
        let contents = &self.0;
        match kind {
            ObjectKind::Project => contents.projects.iter().map(ObjectMessage::of).collect(),
            ObjectKind::DataSource => all(&contents.data_sources, project),
            ObjectKind::Entity => all(&contents.entities, project),
            ObjectKind::FeatureView => all(&contents.feature_views, project),
            ObjectKind::OnDemandFeatureView => all(&contents.on_demand_feature_views, project),
            ObjectKind::StreamFeatureView => all(&contents.stream_feature_views, project),
            ObjectKind::LabelView => all(&contents.label_views, project),
            ObjectKind::FeatureService => all(&contents.feature_services, project),
            ObjectKind::Permission => all(&contents.permissions, project),
            ObjectKind::SavedDataset => all(&contents.saved_datasets, project),
            ObjectKind::ValidationReference => all(&contents.validation_references, project),
        }
    }

    /// One object.
    ///
    /// # Errors
    ///
    /// The [`RequestError`] of its kind if there is none of this name.
    pub fn object(
        &self,
        project: &str,
        kind: ObjectKind,
        name: &str,
    ) -> Result<ObjectMessage<'_>, RequestError> {
        let mut objects = self.list(project, kind).into_iter();
        objects.find(|object| object.name == name).ok_or_else(|| not_found(project, kind, name))
    }

    /// The views of all kinds in a project: those that are stored, streams, those on demand, and labels.
    pub fn views(&self, project: &str) -> Vec<ObjectMessage<'_>> {
        VIEWS.into_iter().flat_map(|kind| self.list(project, kind)).collect()
    }

    /// A view of whatever kind.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureViewNotFound`].
    pub fn view(&self, project: &str, name: &str) -> Result<ObjectMessage<'_>, RequestError> {
        let found = VIEWS.into_iter().find_map(|kind| self.object(project, kind, name).ok());
        found.ok_or_else(|| not_found(project, ObjectKind::FeatureView, name))
    }

    /// The views of all kinds that a filter lets through.
    pub fn filtered_views(&self, project: &str, filter: &ViewFilter<'_>) -> Vec<ObjectMessage<'_>> {
        let service = of_project(&self.0.feature_services, project)
            .filter_map(|service| service.message().spec.as_ref())
            .find(|service| service.name == filter.feature_service);
        let admits = |facts: &ViewFacts<'_>| {
            let is_taken = || service.is_some_and(|service| takes_from(service, facts.object.name));
            let is_new = |since| facts.object.last_updated.is_some_and(|updated| updated >= since);
            (filter.entity.is_empty() || facts.entities.iter().any(|entity| entity == filter.entity))
                && (filter.feature.is_empty()
                    || facts.features.iter().any(|feature| feature.name == filter.feature))
                && (filter.feature_service.is_empty() || is_taken())
                && (filter.data_source.is_empty() || facts.sources.contains(&filter.data_source))
                && filter.updated_since.is_none_or(is_new)
        };
        self.view_facts(project).into_iter().filter(admits).map(|facts| facts.object).collect()
    }

    /// The feature services of a project that take from a view.
    pub fn services_of_view(&self, project: &str, view: &str) -> Vec<ObjectMessage<'_>> {
        let takes = |service: &&Stored<proto::FeatureService>| {
            service.message().spec.as_ref().is_some_and(|spec| takes_from(spec, view))
        };
        of_project(&self.0.feature_services, project).filter(takes).map(ObjectMessage::of).collect()
    }

    /// The saved datasets of a project in a namespace and a collection; an empty text lets all through.
    pub fn saved_datasets_in(
        &self,
        project: &str,
        namespace: &str,
        collection: &str,
    ) -> Vec<ObjectMessage<'_>> {
        let lies_there = |dataset: &&Stored<proto::SavedDataset>| {
            let spec = dataset.message().spec.as_ref();
            spec.is_some_and(|spec| {
                (namespace.is_empty() || spec.namespace == namespace)
                    && (collection.is_empty() || spec.collection == collection)
            })
        };
        of_project(&self.0.saved_datasets, project).filter(lies_there).map(ObjectMessage::of).collect()
    }

    /// What Feast's clients have made for their online stores: a `feast.core.Infra`, which is one for all
    /// projects; empty where there is none.
    pub fn infra(&self) -> &[u8] {
        self.0.infra()
    }

    /// The messages `feast.core.ProjectMetadata` of a project, which older versions of Feast wrote.
    pub fn project_metadata(&self, project: &str) -> Vec<&[u8]> {
        self.0.project_metadata(project)
    }

    /// A `feast.core.Registry` with the objects of all projects that `admits` lets through; without versions.
    pub fn registry(&self, mut admits: impl FnMut(&ObjectMessage<'_>) -> bool) -> Vec<u8> {
        fn put<M: Listed>(
            bytes: &mut Vec<u8>,
            number: u32,
            objects: &[Stored<M>],
            admits: &mut dyn FnMut(&ObjectMessage<'_>) -> bool,
        ) {
            for object in objects.iter().map(ObjectMessage::of).filter(|object| admits(object)) {
                wire::put_bytes(bytes, number, object.bytes);
            }
        }
        let contents = &self.0;
        let mut bytes = Vec::new();
        let admits: &mut dyn FnMut(&ObjectMessage<'_>) -> bool = &mut admits;
        put(&mut bytes, number::ENTITIES, &contents.entities, admits);
        wire::put_bytes(&mut bytes, number::SCHEMA_VERSION, SCHEMA_VERSION.as_bytes());
        wire::put_bytes(&mut bytes, number::VERSION_ID, contents.version_id.as_bytes());
        if let Some(time) = contents.last_updated {
            wire::put_bytes(&mut bytes, number::LAST_UPDATED, &time_to_proto(time).encode_to_vec());
        }
        put(&mut bytes, number::FEATURE_VIEWS, &contents.feature_views, admits);
        put(&mut bytes, number::FEATURE_SERVICES, &contents.feature_services, admits);
        put(&mut bytes, number::ON_DEMAND_FEATURE_VIEWS, &contents.on_demand_feature_views, admits);
        put(&mut bytes, number::DATA_SOURCES, &contents.data_sources, admits);
        put(&mut bytes, number::SAVED_DATASETS, &contents.saved_datasets, admits);
        put(&mut bytes, number::VALIDATION_REFERENCES, &contents.validation_references, admits);
        put(&mut bytes, number::STREAM_FEATURE_VIEWS, &contents.stream_feature_views, admits);
        put(&mut bytes, number::PERMISSIONS, &contents.permissions, admits);
        put(&mut bytes, number::PROJECTS, &contents.projects, admits);
        put(&mut bytes, number::LABEL_VIEWS, &contents.label_views, admits);
        bytes
    }

    fn view_facts(&self, project: &str) -> Vec<ViewFacts<'_>> {
        let contents = &self.0;
        let mut all = Vec::new();
        // Both kinds have these fields, and no type in common.
        macro_rules! stored_views {
            ($views:expr) => {
                for stored in of_project($views, project) {
                    let Some(spec) = &stored.message().spec else { continue };
                    let sources = spec.batch_source.iter().chain(&spec.stream_source).map(source_name);
                    all.push(ViewFacts {
                        object: ObjectMessage::of(stored),
                        entities: &spec.entities,
                        features: &spec.features,
                        sources: sources.collect(),
                    });
                }
            };
        }
        stored_views!(&contents.feature_views);
        stored_views!(&contents.stream_feature_views);
        for stored in of_project(&contents.on_demand_feature_views, project) {
            let Some(spec) = &stored.message().spec else { continue };
            let requests = spec.sources.values().filter_map(|source| source.request_data_source.as_ref());
            all.push(ViewFacts {
                object: ObjectMessage::of(stored),
                entities: &spec.entities,
                features: &spec.features,
                sources: requests.map(source_name).collect(),
            });
        }
        for stored in of_project(&contents.label_views, project) {
            let Some(spec) = &stored.message().spec else { continue };
            let batch = spec.source.iter().filter_map(|source| source.batch_source.as_deref());
            all.push(ViewFacts {
                object: ObjectMessage::of(stored),
                entities: &spec.entities,
                features: &spec.features,
                sources: spec.source.iter().chain(batch).map(source_name).collect(),
            });
        }
        all
    }
}

/// The kinds of views in the order in which Feast looks for a name.
const VIEWS: [ObjectKind; 4] = [
    ObjectKind::FeatureView,
    ObjectKind::StreamFeatureView,
    ObjectKind::OnDemandFeatureView,
    ObjectKind::LabelView,
];

/// What a filter asks of a view.
struct ViewFacts<'a> {
    object: ObjectMessage<'a>,
    entities: &'a [String],
    features: &'a [FeatureSpecV2],
    sources: Vec<&'a str>,
}

fn takes_from(service: &proto::FeatureServiceSpec, view: &str) -> bool {
    service.features.iter().any(|projection| projection.feature_view_name == view)
}

/// What to say of an object that is not there.
pub(crate) fn not_found(project: &str, kind: ObjectKind, name: &str) -> RequestError {
    let (name, project) = (name.to_owned(), project.to_owned());
    match kind {
        ObjectKind::Project => RequestError::ProjectNotFound { project: name },
        ObjectKind::DataSource => RequestError::DataSourceNotFound { data_source: name, project },
        ObjectKind::Entity => RequestError::EntityNotFound { entity: name, project },
        ObjectKind::FeatureService => RequestError::FeatureServiceNotFound { service: name, project },
        ObjectKind::Permission => RequestError::PermissionNotFound { permission: name, project },
        ObjectKind::SavedDataset => RequestError::SavedDatasetNotFound { dataset: name, project },
        ObjectKind::ValidationReference => {
            RequestError::ValidationReferenceNotFound { reference: name, project }
        }
        // Feast does not say which kind of view was looked for.
        ObjectKind::FeatureView
        | ObjectKind::OnDemandFeatureView
        | ObjectKind::StreamFeatureView
        | ObjectKind::LabelView => RequestError::FeatureViewNotFound { view: name, project },
    }
}
