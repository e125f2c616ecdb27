//! The tables of `permissions check` and `permissions list-roles`, and the tree of `permissions list -v`: what the
//! permissions of a project leave open, what each role may do, and which objects each permission is about.

use std::collections::{BTreeMap, BTreeSet};

use larder_core::{Permission, PermissionType, PermittedAction, Policy};

use super::listing::{ListFilter, Listing, class, joined_lines};
use crate::permission_rule::{InvalidPattern, PermissionRule};
use crate::proto::{self, permission_from_proto};
use crate::registry_file::{Contents, Stored, of_project};

/// What the permissions of a project leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionCheck {
    /// The objects that no permission is about.
    pub resources: Listing,
    /// The actions with each object that no permission is about.
    pub actions: Listing,
}

/// Which objects a permission is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermittedObjects {
    /// The permission.
    pub permission: String,
    /// The roles it names, by name; empty where its policy is another.
    pub roles: Vec<String>,
    /// For each of its kinds of objects, in its order, the names of those it is about, by name. Permissions,
    /// projects and label views are not told of, as in Feast.
    pub objects: Vec<(PermissionType, BTreeSet<String>)>,
}

/// An object that permissions may be about.
struct Resource {
    name: String,
    /// The name of its Python class in Feast.
    class: String,
    kind: PermissionType,
    tags: BTreeMap<String, String>,
}

/// The objects and the actions of a project that no permission is about.
pub(crate) fn check(contents: &Contents, project: &str) -> Result<PermissionCheck, InvalidPattern> {
    let rules = rules(contents, project)?;
    let resources = resources(contents, project);
    let about = |resource: &Resource| {
        rules.iter().filter(|rule| rule.is_about(resource.kind, &resource.name, &resource.tags)).collect()
    };
    let mut open = Listing { headers: &["NAME", "TYPE"], rows: Vec::new() };
    let mut open_actions = Listing { headers: &["NAME", "TYPE", "UNSECURED ACTIONS"], rows: Vec::new() };
    for resource in &resources {
        let about: Vec<&PermissionRule> = about(resource);
        if about.is_empty() {
            open.rows.push(vec![resource.name.clone(), resource.class.clone()]);
        }
        let is_open = |action: &PermittedAction| !about.iter().any(|rule| rule.permission().allows(*action));
        let actions: Vec<PermittedAction> =
            PermittedAction::ALL.iter().copied().filter(|action| is_open(action)).collect();
        if !actions.is_empty() {
            open_actions.rows.push(vec![
                resource.name.clone(),
                resource.class.clone(),
                action_lines(&actions),
            ]);
        }
    }
    Ok(PermissionCheck { resources: open, actions: open_actions })
}

/// The roles that permissions name, by name.
pub(crate) fn roles(contents: &Contents, project: &str) -> Listing {
    let rows = role_names(&permissions(contents, project)).into_iter().map(|role| vec![role]);
    Listing { headers: &["ROLE NAME"], rows: rows.collect() }
}

/// What each role may do with each object, were it the only role of a user.
pub(crate) fn roles_with_actions(contents: &Contents, project: &str) -> Result<Listing, InvalidPattern> {
    let rules = rules(contents, project)?;
    let resources = resources(contents, project);
    let mut rows = Vec::new();
    for role in role_names(&permissions(contents, project)) {
        for resource in &resources {
            let granting: Vec<&PermissionRule> = rules
                .iter()
                .filter(|rule| rule.is_about(resource.kind, &resource.name, &resource.tags))
                .filter(|rule| grants_role(&rule.permission().policy, &role))
                .collect();
            let may =
                |action: &PermittedAction| granting.iter().any(|rule| rule.permission().allows(*action));
            let actions: Vec<PermittedAction> =
                PermittedAction::ALL.iter().copied().filter(|action| may(action)).collect();
            rows.push(vec![
                role.clone(),
                resource.name.clone(),
                resource.class.clone(),
                action_lines(&actions),
            ]);
        }
    }
    Ok(Listing { headers: &["ROLE NAME", "RESOURCE NAME", "RESOURCE TYPE", "PERMITTED ACTIONS"], rows })
}

/// The objects that each permission is about. The filter counts for permissions and objects alike.
pub(crate) fn permitted_objects(
    contents: &Contents,
    project: &str,
    filter: &ListFilter,
) -> Result<Vec<PermittedObjects>, InvalidPattern> {
    let mut resources = resources(contents, project);
    resources.retain(|resource| filter.admits_tags(&resource.tags));
    let mut permitted = Vec::new();
    for stored in of_project(&contents.permissions, project) {
        let Some(spec) = &stored.message().spec else { continue };
        let Ok(permission) = permission_from_proto(stored.message()) else { continue };
        if !filter.admits(&permission.tags, "") {
            continue;
        }
        let rule = PermissionRule::new(permission)?;
        // The kinds as they are stored: the rule no longer names them where they are all.
        let kinds = spec.types.iter().filter_map(|number| PermissionType::from_number(*number));
        let objects = kinds.filter(|kind| is_told(*kind)).map(|kind| {
            let listed = resources.iter().filter(|resource| is_listed_as(resource.kind, kind));
            let about =
                listed.filter(|resource| rule.is_about(resource.kind, &resource.name, &resource.tags));
            (kind, about.map(|resource| resource.name.clone()).collect())
        });
        permitted.push(PermittedObjects {
            permission: spec.name.clone(),
            roles: role_names(std::slice::from_ref(rule.permission())).into_iter().collect(),
            objects: objects.collect(),
        });
    }
    Ok(permitted)
}

fn is_told(kind: PermissionType) -> bool {
    use PermissionType::{LabelView, Permission, Project};
    !matches!(kind, LabelView | Permission | Project)
}

/// Whether an object stands under a kind: under feature views stand views of every kind, and under batch views
/// all that are neither streamed nor computed.
fn is_listed_as(object: PermissionType, kind: PermissionType) -> bool {
    use PermissionType as Kind;
    match kind {
        Kind::FeatureView => matches!(
            object,
            Kind::FeatureView
                | Kind::BatchFeatureView
                | Kind::StreamFeatureView
                | Kind::OnDemandFeatureView
                | Kind::LabelView
        ),
        Kind::BatchFeatureView => matches!(object, Kind::FeatureView | Kind::BatchFeatureView),
        kind => object == kind,
    }
}

/// Whether a policy lets in a user who has this role and is in no group and no namespace.
fn grants_role(policy: &Policy, role: &str) -> bool {
    match policy {
        Policy::AllowAll => true,
        Policy::Roles(roles) => roles.iter().any(|known| known == role),
        _ => false,
    }
}

fn role_names(permissions: &[Permission]) -> BTreeSet<String> {
    let roles = permissions.iter().filter_map(|permission| match &permission.policy {
        Policy::Roles(roles) => Some(roles),
        _ => None,
    });
    roles.flatten().cloned().collect()
}

fn action_lines(actions: &[PermittedAction]) -> String {
    joined_lines(&actions.iter().map(|action| action.name().to_owned()).collect::<Vec<_>>())
}

/// The permissions that larder understands; any other grants nothing.
fn permissions(contents: &Contents, project: &str) -> Vec<Permission> {
    let stored = of_project(&contents.permissions, project);
    stored.filter_map(|permission| permission_from_proto(permission.message()).ok()).collect()
}

fn rules(contents: &Contents, project: &str) -> Result<Vec<PermissionRule>, InvalidPattern> {
    permissions(contents, project).into_iter().map(PermissionRule::new).collect()
}

/// Every object of a project, in the order in which Feast lists them.
fn resources(contents: &Contents, project: &str) -> Vec<Resource> {
    use PermissionType as Kind;
    let mut resources = Vec::new();
    let mut add = |name: &str, class: &str, kind: PermissionType, tags: &BTreeMap<String, String>| {
        resources.push(Resource {
            name: name.to_owned(),
            class: class.to_owned(),
            kind,
            tags: proto::visible_tags(tags),
        });
    };
    for entity in of_project(&contents.entities, project).filter_map(|entity| entity.message().spec.as_ref())
    {
        if entity.name != larder_core::DUMMY_ENTITY {
            add(&entity.name, "Entity", Kind::Entity, &entity.tags);
        }
    }
    for view in of_project(&contents.feature_views, project).filter_map(|view| view.message().spec.as_ref()) {
        match proto::view_class(view) {
            class @ "BatchFeatureView" => add(&view.name, class, Kind::BatchFeatureView, &view.tags),
            class => add(&view.name, class, Kind::FeatureView, &view.tags),
        }
    }
    let streams = of_project(&contents.stream_feature_views, project);
    for view in streams.filter_map(|view| view.message().spec.as_ref()) {
        add(&view.name, "StreamFeatureView", Kind::StreamFeatureView, &view.tags);
    }
    let computed = of_project(&contents.on_demand_feature_views, project);
    for view in computed.filter_map(|view| view.message().spec.as_ref()) {
        add(&view.name, "OnDemandFeatureView", Kind::OnDemandFeatureView, &view.tags);
    }
    for view in of_project(&contents.label_views, project).filter_map(|view| view.message().spec.as_ref()) {
        add(&view.name, "LabelView", Kind::LabelView, &view.tags);
    }
    let services = of_project(&contents.feature_services, project);
    for service in services.filter_map(|service| service.message().spec.as_ref()) {
        add(&service.name, "FeatureService", Kind::FeatureService, &service.tags);
    }
    for source in of_project(&contents.data_sources, project).map(Stored::message) {
        let path = class(source);
        let class = path.rsplit('.').next().unwrap_or(&path);
        add(proto::source_name(source), class, Kind::DataSource, &source.tags);
    }
    for reference in of_project(&contents.validation_references, project).map(Stored::message) {
        add(&reference.name, "ValidationReference", Kind::ValidationReference, &reference.tags);
    }
    let datasets = of_project(&contents.saved_datasets, project);
    for dataset in datasets.filter_map(|dataset| dataset.message().spec.as_ref()) {
        add(&dataset.name, "SavedDataset", Kind::SavedDataset, &dataset.tags);
    }
    let permissions = of_project(&contents.permissions, project);
    for permission in permissions.filter_map(|permission| permission.message().spec.as_ref()) {
        add(&permission.name, "Permission", Kind::Permission, &permission.tags);
    }
    resources
}
