//! From the contents of a registry to the objects of one project.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use larder_core::{
    DUMMY_ENTITY, DataSource, FeatureViewState, Field, MaterializationInterval, OnDemandFeatureView, Project,
    Timestamp,
};
use prost::Message as _;
use prost_types::Timestamp as ProtoTime;
use tracing::warn;

use super::contents::{Contents, Object, Stored};
use crate::proto::{
    self, Unsupported, data_source_from_proto, entity_from_proto, entity_keys, feature_service_from_proto,
    feature_view_from_proto, inherited_names, intervals_from_proto, label_view_from_proto,
    on_demand_feature_view_from_proto, permission_from_proto, saved_dataset_from_proto,
    stream_feature_view_from_proto, time_from_proto, validation_reference_from_proto, view_type,
};
use crate::{
    FeatureViewVersion, ObjectKind, Registered, RegistrySnapshot, SnapshotObjects, UnsupportedObject,
    VersionedView,
};

/// The objects of a project; `None` if the registry knows nothing of it.
pub(super) fn snapshot(
    contents: &Contents,
    name: &str,
    bindings: &BTreeMap<String, BTreeMap<String, String>>,
) -> Option<RegistrySnapshot> {
    let (project, created) = project(contents, name)?;
    let mut unsupported = Vec::new();
    let mut objects = objects(contents, name, &mut unsupported);
    for view in &mut objects.on_demand_feature_views {
        if let Some(tags) = bindings.get(&view.object.name).filter(|_| view.object.needs_component()) {
            let transformation = proto::transformation_of_tags(tags, &view.object.name);
            view.object = Arc::new(OnDemandFeatureView { transformation, ..view.object.as_ref().clone() });
        }
    }
    for object in &unsupported {
        warn!(project = name, %object, "an object of the registry cannot be used");
    }
    let snapshot = RegistrySnapshot::new(contents.version_id.clone(), project, created, objects);
    Some(snapshot.with_unsupported(unsupported))
}

/// The objects of one kind that belong to a project, in the order of the file.
pub(crate) fn of_project<'a, M: Object>(
    objects: &'a [Stored<M>],
    project: &str,
) -> impl Iterator<Item = &'a Stored<M>> {
    objects.iter().filter(move |object| object.message().key().0 == project)
}

/// The project with the time of its first apply. Registries of older versions of Feast have objects of
/// projects that they do not list.
fn project(contents: &Contents, name: &str) -> Option<(Project, Timestamp)> {
    if let Some(project) = of_project(&contents.projects, name).next() {
        let project = project.message();
        let spec = project.spec.as_ref()?;
        let created = project.meta.as_ref().and_then(|meta| meta.created_timestamp.as_ref());
        let project = Project {
            name: spec.name.clone(),
            description: spec.description.clone(),
            tags: spec.tags.clone(),
            owner: spec.owner.clone(),
        };
        return Some((project, time_from_proto(created)));
    }
    let has_objects = of_project(&contents.entities, name).next().is_some()
        || of_project(&contents.data_sources, name).next().is_some()
        || of_project(&contents.feature_views, name).next().is_some()
        || of_project(&contents.on_demand_feature_views, name).next().is_some()
        || of_project(&contents.stream_feature_views, name).next().is_some()
        || of_project(&contents.label_views, name).next().is_some()
        || of_project(&contents.feature_services, name).next().is_some();
    has_objects.then(|| (Project::new(name), Timestamp::EPOCH))
}

/// All objects of a project that larder can use; what it cannot use goes to `unsupported`.
pub(super) fn objects(
    contents: &Contents,
    project: &str,
    unsupported: &mut Vec<UnsupportedObject>,
) -> SnapshotObjects {
    let mut objects = SnapshotObjects::default();
    let mut refuse = |kind, name: &str, reason: Unsupported| {
        unsupported.push(UnsupportedObject { kind, name: name.to_owned(), reason: reason.to_string() });
    };
    for entity in of_project(&contents.entities, project) {
        let message = entity.message();
        let name = message.key().1;
        if name == DUMMY_ENTITY {
            continue;
        }
        match entity_from_proto(message) {
            Ok(object) => objects.entities.push(registered(object, times(message.meta.as_ref()))),
            Err(reason) => refuse(ObjectKind::Entity, name, reason),
        }
    }
    for source in of_project(&contents.data_sources, project) {
        let message = source.message();
        match data_source_from_proto(message) {
            Ok(object) => objects.data_sources.push(registered(object, source_times(message))),
            Err(reason) => refuse(ObjectKind::DataSource, message.key().1, reason),
        }
    }
    let keys = entity_keys(objects.entities.iter().map(|entity| entity.object.as_ref()));
    for view in of_project(&contents.feature_views, project) {
        let message = view.message();
        let name = message.key().1;
        let mut features = Vec::new();
        match feature_view_from_proto(message, &keys, &mut features) {
            Ok(object) => objects.feature_views.push(with_meta(object, message.meta.as_ref())),
            Err(reason) => refuse(ObjectKind::FeatureView, name, reason),
        }
        for (feature, reason) in features {
            refuse(ObjectKind::FeatureView, &format!("{name}:{feature}"), reason);
        }
    }
    for view in of_project(&contents.stream_feature_views, project) {
        let message = view.message();
        let name = message.key().1;
        let mut features = Vec::new();
        match stream_feature_view_from_proto(message, &keys, &mut features) {
            Ok(object) => objects.feature_views.push(with_meta(object, message.meta.as_ref())),
            Err(reason) => refuse(ObjectKind::StreamFeatureView, name, reason),
        }
        for (feature, reason) in features {
            refuse(ObjectKind::StreamFeatureView, &format!("{name}:{feature}"), reason);
        }
    }
    for view in of_project(&contents.label_views, project) {
        let message = view.message();
        let name = message.key().1;
        let mut features = Vec::new();
        match label_view_from_proto(message, &keys, &mut features) {
            Ok(object) => objects.feature_views.push(registered(object, times(message.meta.as_ref()))),
            Err(reason) => refuse(ObjectKind::LabelView, name, reason),
        }
        for (feature, reason) in features {
            refuse(ObjectKind::LabelView, &format!("{name}:{feature}"), reason);
        }
    }
    for view in of_project(&contents.on_demand_feature_views, project) {
        let message = view.message();
        let name = message.key().1;
        let mut features = Vec::new();
        match on_demand_feature_view_from_proto(message, &keys, &mut features) {
            Ok(object) => {
                let meta = message.meta.as_ref();
                let created = time_from_proto(meta.and_then(|meta| meta.created_timestamp.as_ref()));
                let last_updated =
                    time_from_proto(meta.and_then(|meta| meta.last_updated_timestamp.as_ref()));
                let mut view = registered(object, (created, last_updated));
                view.state = FeatureViewState::from_number(meta.map(|meta| meta.state).unwrap_or_default());
                view.version_number =
                    meta.and_then(|meta| u32::try_from(meta.current_version_number).ok()).unwrap_or_default();
                objects.on_demand_feature_views.push(view);
            }
            Err(reason) => refuse(ObjectKind::OnDemandFeatureView, name, reason),
        }
        for (feature, reason) in features {
            refuse(ObjectKind::OnDemandFeatureView, &format!("{name}:{feature}"), reason);
        }
    }
    for service in of_project(&contents.feature_services, project) {
        let message = service.message();
        match feature_service_from_proto(message) {
            Ok(object) => objects.feature_services.push(registered(object, times(message.meta.as_ref()))),
            Err(reason) => refuse(ObjectKind::FeatureService, message.key().1, reason),
        }
    }
    for dataset in of_project(&contents.saved_datasets, project) {
        let message = dataset.message();
        let meta = message.meta.as_ref();
        let created = time_from_proto(meta.and_then(|meta| meta.created_timestamp.as_ref()));
        let last_updated = time_from_proto(meta.and_then(|meta| meta.last_updated_timestamp.as_ref()));
        match saved_dataset_from_proto(message) {
            Ok(object) => objects.saved_datasets.push(registered(object, (created, last_updated))),
            Err(reason) => refuse(ObjectKind::SavedDataset, message.key().1, reason),
        }
    }
    for reference in of_project(&contents.validation_references, project) {
        let message = reference.message();
        match validation_reference_from_proto(message) {
            Ok(object) => {
                objects.validation_references.push(registered(object, (Timestamp::EPOCH, Timestamp::EPOCH)));
            }
            Err(reason) => refuse(ObjectKind::ValidationReference, message.key().1, reason),
        }
    }
    for permission in of_project(&contents.permissions, project) {
        let message = permission.message();
        match permission_from_proto(message) {
            Ok(object) => objects.permissions.push(registered(object, times(message.meta.as_ref()))),
            Err(reason) => refuse(ObjectKind::Permission, message.key().1, reason),
        }
    }
    objects.versions = versions(contents, project, &keys);
    add_carried_sources(contents, project, &mut objects);
    objects
}

/// The versions of all views of a project, by name and number.
fn versions(
    contents: &Contents,
    project: &str,
    keys: &HashMap<String, Field>,
) -> BTreeMap<String, Vec<FeatureViewVersion>> {
    let mut versions: BTreeMap<String, Vec<FeatureViewVersion>> = BTreeMap::new();
    for record in of_project(&contents.versions, project).map(Stored::message) {
        let Ok(number) = u32::try_from(record.version_number) else { continue };
        let known = versions.entry(record.feature_view_name.clone()).or_default();
        known.push(FeatureViewVersion {
            number,
            view_type: record.feature_view_type.clone(),
            created: time_from_proto(record.created_timestamp.as_ref()),
            version_id: record.version_id.clone(),
            materialization_intervals: version_intervals(record),
            view: versioned_view(record, keys),
        });
    }
    for known in versions.values_mut() {
        known.sort_by_key(|version| version.number);
    }
    versions
}

/// What a version says of its own materialization; nothing where it cannot be read.
fn version_intervals(record: &proto::FeatureViewVersionRecord) -> Vec<MaterializationInterval> {
    let bytes = record.feature_view_proto.as_slice();
    let meta = match record.feature_view_type.as_str() {
        view_type::FEATURE_VIEW => proto::FeatureView::decode(bytes).ok().and_then(|view| view.meta),
        view_type::STREAM_FEATURE_VIEW => {
            proto::StreamFeatureView::decode(bytes).ok().and_then(|view| view.meta)
        }
        _ => None,
    };
    intervals_from_proto(meta.as_ref())
}

fn versioned_view(
    record: &proto::FeatureViewVersionRecord,
    keys: &HashMap<String, Field>,
) -> Result<VersionedView, String> {
    let bytes = record.feature_view_proto.as_slice();
    let damaged = |error: prost::DecodeError| error.to_string();
    let mut unsupported = Vec::new();
    let view = match record.feature_view_type.as_str() {
        view_type::FEATURE_VIEW => {
            let view = proto::FeatureView::decode(bytes).map_err(damaged)?;
            feature_view_from_proto(&view, keys, &mut unsupported)
        }
        view_type::STREAM_FEATURE_VIEW => {
            let view = proto::StreamFeatureView::decode(bytes).map_err(damaged)?;
            stream_feature_view_from_proto(&view, keys, &mut unsupported)
        }
        view_type::LABEL_VIEW => {
            let view = proto::LabelView::decode(bytes).map_err(damaged)?;
            label_view_from_proto(&view, keys, &mut unsupported)
        }
        view_type::ON_DEMAND_FEATURE_VIEW => {
            let view = proto::OnDemandFeatureView::decode(bytes).map_err(damaged)?;
            let view = on_demand_feature_view_from_proto(&view, keys, &mut unsupported);
            let view = view.map_err(|error| error.to_string())?;
            return Ok(VersionedView::OnDemand(Arc::new(view)));
        }
        other => return Err(format!("larder has no views of type `{other}`")),
    };
    Ok(VersionedView::Stored(Arc::new(view.map_err(|error| error.to_string())?)))
}

/// A view with what its meta message says of it.
fn with_meta<T>(object: T, meta: Option<&proto::FeatureViewMeta>) -> Registered<T> {
    let time = |pick: fn(&proto::FeatureViewMeta) -> Option<&ProtoTime>| time_from_proto(meta.and_then(pick));
    let created = time(|meta| meta.created_timestamp.as_ref());
    let last_updated = time(|meta| meta.last_updated_timestamp.as_ref());
    let mut view = registered(object, (created, last_updated));
    view.materialization_intervals = intervals_from_proto(meta);
    view.state = FeatureViewState::from_number(meta.map(|meta| meta.state).unwrap_or_default());
    view.version_number =
        meta.and_then(|meta| u32::try_from(meta.current_version_number).ok()).unwrap_or_default();
    view
}

/// Adds the sources that only views carry: the list of an older Feast lacks them.
fn add_carried_sources(contents: &Contents, project: &str, objects: &mut SnapshotObjects) {
    let mut known: HashSet<String> = of_project(&contents.data_sources, project)
        .map(|source| source.message().key().1.to_owned())
        .collect();
    let mut carried: Vec<&proto::DataSource> = Vec::new();
    for view in of_project(&contents.feature_views, project) {
        if let Some(spec) = &view.message().spec {
            carried.extend(&spec.batch_source);
            carried.extend(&spec.stream_source);
            carried.extend(spec.stream_source.iter().filter_map(|source| source.batch_source.as_deref()));
        }
    }
    for view in of_project(&contents.stream_feature_views, project) {
        if let Some(spec) = &view.message().spec {
            carried.extend(&spec.batch_source);
            carried.extend(&spec.stream_source);
            carried.extend(spec.stream_source.iter().filter_map(|source| source.batch_source.as_deref()));
        }
    }
    for view in of_project(&contents.label_views, project) {
        if let Some(source) = view.message().spec.as_ref().and_then(|spec| spec.source.as_ref()) {
            carried.push(source);
            carried.extend(source.batch_source.as_deref());
        }
    }
    for view in of_project(&contents.on_demand_feature_views, project) {
        let Some(spec) = &view.message().spec else { continue };
        // What it has of other on-demand views, those carry themselves.
        let inherited = inherited_names(&spec.tags).unwrap_or_default();
        let own = spec.sources.iter().filter(|(name, _)| !inherited.contains(name.as_str()));
        carried.extend(own.filter_map(|(_, source)| source.request_data_source.as_ref()));
    }
    for source in carried {
        if known.insert(proto::source_name(source).to_owned())
            && let Ok(object) = data_source_from_proto(source)
        {
            objects.data_sources.push(registered::<DataSource>(object, source_times(source)));
        }
    }
}

fn registered<T>(object: T, (created, last_updated): (Timestamp, Timestamp)) -> Registered<T> {
    Registered::new(object, created, last_updated)
}

fn times(meta: Option<&proto::Meta>) -> (Timestamp, Timestamp) {
    let time = |pick: fn(&proto::Meta) -> Option<&ProtoTime>| time_from_proto(meta.and_then(pick));
    (time(|meta| meta.created_timestamp.as_ref()), time(|meta| meta.last_updated_timestamp.as_ref()))
}

fn source_times(source: &proto::DataSource) -> (Timestamp, Timestamp) {
    let meta = source.meta.as_ref();
    let created = meta.and_then(|meta| meta.created_timestamp.as_ref());
    let last_updated = meta.and_then(|meta| meta.last_updated_timestamp.as_ref());
    (time_from_proto(created), time_from_proto(last_updated))
}
