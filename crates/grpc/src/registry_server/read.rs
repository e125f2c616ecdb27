//! Calls that change nothing. Lists hold what the caller may describe.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use larder_core::{ErrorKind, PROTECTED_PROJECT_TAG, PermittedAction, RequestError, Result, Timestamp};
use larder_registry::{
    Lineage, ObjectKind, ObjectMessage, ObjectQuery, Page, RegisteredFeature, RegisteredObject, RegistryFile,
    RegistryObjects, Relation, SortValue, ViewFilter,
};
use larder_serving::{Access, Protected};
use prost::Message as _;

use super::guard::Guard;
use super::messages::{
    EntityReference, EntityRelation, Feature, GetFeature, GetObjectRelationships, GetRegistryLineage, List,
    ListAllFeatureViews, ListFeatureServices, ListFeatures, ListProjects, Named, NamedProject, Nothing,
    ObjectRelationships, OfProject, RegistryLineage, query,
};
use super::reply;
use crate::encoded::Encoded;

const DESCRIBE: [PermittedAction; 1] = [PermittedAction::Describe];

pub(crate) fn get(
    registry: &RegistryFile,
    access: &Access,
    kind: ObjectKind,
    named: &Named,
) -> Result<Encoded> {
    let messages = registry.messages()?;
    let object = messages.object(&named.project, kind, &named.name)?;
    Guard::of(registry, access, &named.project)?.check(&object, &DESCRIBE)?;
    Ok(reply::object(&object))
}

pub(crate) fn get_any_feature_view(
    registry: &RegistryFile,
    access: &Access,
    named: &Named,
) -> Result<Encoded> {
    let messages = registry.messages()?;
    let view = messages.view(&named.project, &named.name)?;
    Guard::of(registry, access, &named.project)?.check(&view, &DESCRIBE)?;
    Ok(reply::any_view(&view))
}

pub(crate) fn get_project(registry: &RegistryFile, access: &Access, named: &NamedProject) -> Result<Encoded> {
    let messages = registry.messages()?;
    let project = messages.object(&named.name, ObjectKind::Project, &named.name)?;
    Guard::of(registry, access, &named.name)?.check(&project, &DESCRIBE)?;
    Ok(reply::object(&project))
}

pub(crate) fn list(
    registry: &RegistryFile,
    access: &Access,
    kind: ObjectKind,
    request: &List,
) -> Result<Encoded> {
    let List { project, tags, pagination, sorting, namespace, collection } = request;
    let messages = registry.messages()?;
    let objects = match kind {
        ObjectKind::SavedDataset => messages.saved_datasets_in(project, namespace, collection),
        kind => messages.list(project, kind),
    };
    let query = query(tags, *pagination, sorting.as_ref());
    let shown = shown(registry, access, project, &query, objects)?;
    reply::page_of_objects(registry, &query, shown, |object| object.bytes.to_vec())
}

pub(crate) fn list_feature_services(
    registry: &RegistryFile,
    access: &Access,
    request: &ListFeatureServices,
) -> Result<Encoded> {
    let ListFeatureServices { project, tags, feature_view, pagination, sorting } = request;
    let messages = registry.messages()?;
    let services = if feature_view.is_empty() {
        messages.list(project, ObjectKind::FeatureService)
    } else {
        messages.services_of_view(project, feature_view)
    };
    let query = query(tags, *pagination, sorting.as_ref());
    let shown = shown(registry, access, project, &query, services)?;
    reply::page_of_objects(registry, &query, shown, |object| object.bytes.to_vec())
}

/// Label views are no feature views to Feast: they have a list of their own.
pub(crate) fn list_all_feature_views(
    registry: &RegistryFile,
    access: &Access,
    request: &ListAllFeatureViews,
) -> Result<Encoded> {
    let messages = registry.messages()?;
    let project = &request.project;
    // A service that the caller may not know of takes from no view.
    let guard = Guard::of(registry, access, project)?;
    let service = messages.object(project, ObjectKind::FeatureService, &request.feature_service);
    let takes_from_none =
        !request.feature_service.is_empty() && !service.is_ok_and(|service| guard.shows(&service));
    let updated_since = request.updated_since.map(|time| {
        let micros = i64::from(time.nanos) / 1_000;
        Timestamp::from_micros(time.seconds.saturating_mul(1_000_000).saturating_add(micros))
    });
    let filter = ViewFilter {
        entity: &request.entity,
        feature: &request.feature,
        feature_service: &request.feature_service,
        data_source: &request.data_source,
        updated_since,
    };
    let mut views = messages.filtered_views(project, &filter);
    views.retain(|view| view.kind != ObjectKind::LabelView && !takes_from_none);
    let query = query(&request.tags, request.pagination, request.sorting.as_ref());
    let shown = shown(registry, access, project, &query, views)?;
    reply::page_of_objects(registry, &query, shown, reply::in_any_view)
}

/// Projects that are protected are listed nowhere, as in Feast.
pub(crate) fn list_projects(
    registry: &RegistryFile,
    access: &Access,
    request: &ListProjects,
) -> Result<Encoded> {
    let messages = registry.messages()?;
    let query = query(&request.tags, request.pagination, request.sorting.as_ref());
    let mut shown = Vec::new();
    for project in messages.list("", ObjectKind::Project) {
        let is_protected = project.tags.get(PROTECTED_PROJECT_TAG).is_some_and(|value| value == "true");
        if !is_protected
            && query.admits(project.tags)
            && Guard::of(registry, access, project.name)?.shows(&project)
        {
            shown.push(project);
        }
    }
    reply::page_of_objects(registry, &query, shown, |object| object.bytes.to_vec())
}

pub(crate) fn list_project_metadata(
    registry: &RegistryFile,
    access: &Access,
    request: &OfProject,
) -> Result<Encoded> {
    let messages = registry.messages()?;
    check_project(registry, access, &request.project, &[])?;
    Ok(reply::repeated(messages.project_metadata(&request.project)))
}

pub(crate) fn get_infra(registry: &RegistryFile, access: &Access, request: &OfProject) -> Result<Encoded> {
    check_project(registry, access, &request.project, &[PermittedAction::Create])?;
    Ok(Encoded(registry.messages()?.infra().to_vec().into()))
}

/// All that the caller may describe, as one registry.
pub(crate) fn proto(registry: &RegistryFile, access: &Access, _request: &Nothing) -> Result<Encoded> {
    let messages = registry.messages()?;
    let (mut guards, mut failed) = (HashMap::new(), None);
    let bytes = messages.registry(|object| {
        let guard = guards.entry(object.project.to_owned()).or_insert_with(|| {
            Guard::of(registry, access, object.project).map_err(|error| failed = Some(error)).ok()
        });
        guard.as_ref().is_some_and(|guard| guard.shows(object))
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(Encoded(bytes.into())),
    }
}

pub(crate) fn list_features(
    registry: &RegistryFile,
    access: &Access,
    request: &ListFeatures,
) -> Result<Encoded> {
    let wants = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
    let features = features(registry, access, &request.project)?;
    let features = features.into_iter().filter(|feature| {
        wants(&request.feature_view, &feature.view)
            && wants(&request.name, &feature.name)
            && wants(&request.kind, feature_kind(feature))
    });
    let query = query(&BTreeMap::new(), request.pagination, request.sorting.as_ref());
    let value = |feature: &RegisteredFeature, attribute: &str| match attribute {
        "name" => SortValue::of_text(&feature.name),
        "feature_view" => SortValue::of_text(&feature.view),
        "type" => SortValue::of_text(&feature.value_type),
        "description" => SortValue::of_text(&feature.description),
        "kind" => SortValue::of_text(feature_kind(feature)),
        _ => SortValue::Missing,
    };
    let page = query.page(features.collect(), value);
    Ok(reply::list(&page, |feature| feature_message(feature).encode_to_vec()))
}

pub(crate) fn get_feature(registry: &RegistryFile, access: &Access, request: &GetFeature) -> Result<Encoded> {
    let mut features = features(registry, access, &request.project)?.into_iter();
    let found = features.find(|feature| feature.view == request.feature_view && feature.name == request.name);
    match found {
        Some(feature) => Ok(Encoded::of(&feature_message(&feature))),
        None => Err(RequestError::RegisteredFeatureNotFound {
            feature: request.name.clone(),
            view: request.feature_view.clone(),
            project: request.project.clone(),
        }
        .into()),
    }
}

/// The features of the views that the caller may describe.
fn features(registry: &RegistryFile, access: &Access, project: &str) -> Result<Vec<RegisteredFeature>> {
    let guard = Guard::of(registry, access, project)?;
    let objects = objects(registry)?;
    let views = objects.views(project).filter(|view| {
        guard.shows_protected(&Protected { kind: view.permission_type, name: &view.name, tags: &view.tags })
    });
    Ok(views.flat_map(RegisteredObject::features).collect())
}

fn feature_kind(feature: &RegisteredFeature) -> &'static str {
    if feature.is_label { "label" } else { "feature" }
}

fn feature_message(feature: &RegisteredFeature) -> Feature {
    Feature {
        name: feature.name.clone(),
        feature_view: feature.view.clone(),
        value_type: feature.value_type.clone(),
        description: feature.description.clone(),
        tags: feature.tags.clone(),
        kind: feature_kind(feature).to_owned(),
    }
}

pub(crate) fn get_registry_lineage(
    registry: &RegistryFile,
    access: &Access,
    request: &GetRegistryLineage,
) -> Result<Encoded> {
    check_project(registry, access, &request.project, &[])?;
    let lineage = Lineage::of_project(&*objects(registry)?, &request.project)
        .touching(&request.filter_object_type, &request.filter_object_name);
    let query = query(&BTreeMap::new(), request.pagination, request.sorting.as_ref());
    let page = |relations| query.page(relations, Relation::sort_value);
    let (direct, indirect) = (page(lineage.direct), page(lineage.indirect));
    Ok(Encoded::of(&RegistryLineage {
        relationships_pagination: Some(direct.pagination.into()),
        indirect_relationships_pagination: Some(indirect.pagination.into()),
        relationships: relations(&direct),
        indirect_relationships: relations(&indirect),
    }))
}

pub(crate) fn get_object_relationships(
    registry: &RegistryFile,
    access: &Access,
    request: &GetObjectRelationships,
) -> Result<Encoded> {
    check_project(registry, access, &request.project, &[])?;
    if larder_registry::LineageKind::of_name(&request.object_type).is_none() {
        return Err(
            RequestError::other(format!("'{}' is not a valid FeastObjectType", request.object_type)).into()
        );
    }
    let Lineage { direct: mut all, indirect } = Lineage::of_project(&*objects(registry)?, &request.project);
    if request.include_indirect {
        all.extend(indirect);
    }
    all.retain(|relation| relation.touches(&request.object_type, &request.object_name));
    let query = query(&BTreeMap::new(), request.pagination, request.sorting.as_ref());
    let page = query.page(all, Relation::sort_value);
    let pagination = Some(page.pagination.into());
    Ok(Encoded::of(&ObjectRelationships { relationships: relations(&page), pagination }))
}

fn relations(page: &Page<Relation>) -> Vec<EntityRelation> {
    let reference = |node: &larder_registry::LineageNode| {
        Some(EntityReference { kind: node.kind.name().to_owned(), name: node.name.clone() })
    };
    let relation = |relation: &Relation| EntityRelation {
        source: reference(&relation.source),
        target: reference(&relation.target),
    };
    page.objects.iter().map(relation).collect()
}

/// A registry that is not there yet has no objects.
fn objects(registry: &RegistryFile) -> Result<Arc<RegistryObjects>> {
    match registry.objects() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Arc::default()),
        objects => objects,
    }
}

/// The objects that a query asks for and the caller may describe.
fn shown<'m>(
    registry: &RegistryFile,
    access: &Access,
    project: &str,
    query: &ObjectQuery,
    objects: Vec<ObjectMessage<'m>>,
) -> Result<Vec<ObjectMessage<'m>>> {
    let guard = Guard::of(registry, access, project)?;
    Ok(objects.into_iter().filter(|object| query.admits(object.tags) && guard.shows(object)).collect())
}

/// Refuses to tell of a project that the caller may not describe, and of one that is not there unless it may do
/// `on_missing` with it.
fn check_project(
    registry: &RegistryFile,
    access: &Access,
    name: &str,
    on_missing: &[PermittedAction],
) -> Result<()> {
    let messages = registry.messages()?;
    let guard = Guard::of(registry, access, name)?;
    match messages.object(name, ObjectKind::Project, name) {
        Ok(project) => Ok(guard.check(&project, &DESCRIBE)?),
        Err(_) if on_missing.is_empty() => Ok(()),
        Err(_) => Ok(guard.check_new_project(name, on_missing)?),
    }
}
