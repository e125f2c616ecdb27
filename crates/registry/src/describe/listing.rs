//! The tables of `list`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use larder_core::{ConflictPolicy, DUMMY_ENTITY, PROTECTED_PROJECT_TAG, PermissionType, PermittedAction};

use crate::proto::descriptor::{state_name, value_type_name};
use crate::proto::{self, source_type, value_type_of};
use crate::registry_diff::ObjectKind;
use crate::registry_file::{Contents, Stored, of_project};

/// A table of text: the rows of a listing under its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The headers, as Feast prints them.
    pub headers: &'static [&'static str],
    /// The rows, each with one text for every header.
    pub rows: Vec<Vec<String>>,
}

/// The state of an on-demand view that larder cannot compute yet.
const NEEDS_COMPONENT: &str = "NEEDS_COMPONENT";

type Tags = BTreeMap<String, String>;

/// Which objects are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Tags that an object must have, all of them.
    pub tags: Vec<(String, String)>,
    /// Who must answer for it; anybody where it is none. Objects without owners never match.
    pub owner: Option<String>,
}

impl ListFilter {
    /// Whether an object with these tags and this owner is among those.
    pub(super) fn admits(&self, tags: &Tags, owner: &str) -> bool {
        self.admits_tags(tags) && self.owner.as_ref().is_none_or(|wanted| wanted == owner)
    }

    /// As [`admits`](Self::admits), whoever answers for it.
    pub(super) fn admits_tags(&self, tags: &Tags) -> bool {
        self.tags.iter().all(|(key, value)| tags.get(key) == Some(value))
    }
}

/// The objects of one kind that `filter` lets through, in the order of the registry; `bound` are the on-demand
/// views that have a component though their tags do not say so. The table of feature
/// views holds views of all kinds.
pub(crate) fn list(
    contents: &Contents,
    project: &str,
    kind: ObjectKind,
    filter: &ListFilter,
    bound: &BTreeSet<String>,
) -> Listing {
    let wanted = |has: &Tags, owned_by: &str| filter.admits(has, owned_by);
    match kind {
        ObjectKind::Project => {
            let specs = contents.projects.iter().filter_map(|project| project.message().spec.as_ref());
            let specs = specs.filter(|spec| !is_protected(&spec.tags));
            let row = |spec: &proto::ProjectSpec| {
                vec![spec.name.clone(), spec.description.clone(), python_dict(&spec.tags), spec.owner.clone()]
            };
            Listing {
                headers: &["NAME", "DESCRIPTION", "TAGS", "OWNER"],
                rows: specs.filter(|spec| wanted(&spec.tags, &spec.owner)).map(row).collect(),
            }
        }
        ObjectKind::DataSource => {
            let sources = of_project(&contents.data_sources, project).map(Stored::message);
            let row =
                |source: &proto::DataSource| vec![proto::source_name(source).to_owned(), class_text(source)];
            Listing {
                headers: &["NAME", "CLASS"],
                rows: sources.filter(|source| wanted(&source.tags, &source.owner)).map(row).collect(),
            }
        }
        ObjectKind::Entity => {
            let specs =
                of_project(&contents.entities, project).filter_map(|entity| entity.message().spec.as_ref());
            let row = |spec: &proto::EntitySpecV2| {
                let number = u64::try_from(spec.value_type).unwrap_or_default();
                let name = value_type_name(number).filter(|_| number > 0).unwrap_or("UNKNOWN");
                vec![spec.name.clone(), spec.description.clone(), format!("ValueType.{name}")]
            };
            let shown = specs.filter(|spec| spec.name != DUMMY_ENTITY && wanted(&spec.tags, &spec.owner));
            Listing { headers: &["NAME", "DESCRIPTION", "TYPE"], rows: shown.map(row).collect() }
        }
        ObjectKind::StreamFeatureView => {
            let specs = of_project(&contents.stream_feature_views, project);
            let specs = specs.filter_map(|view| view.message().spec.as_ref());
            names(specs.filter(|spec| wanted(&spec.tags, &spec.owner)).map(|spec| &spec.name))
        }
        ObjectKind::LabelView => {
            let specs =
                of_project(&contents.label_views, project).filter_map(|view| view.message().spec.as_ref());
            let row = |spec: &proto::LabelViewSpec| {
                let policy = ConflictPolicy::from_number(spec.conflict_policy).name().to_lowercase();
                vec![spec.name.clone(), joined(&spec.entities), policy]
            };
            Listing {
                headers: &["NAME", "ENTITIES", "CONFLICT_POLICY"],
                rows: specs.filter(|spec| wanted(&spec.tags, &spec.owner)).map(row).collect(),
            }
        }
        ObjectKind::SavedDataset => {
            let specs = of_project(&contents.saved_datasets, project);
            let specs = specs.filter_map(|dataset| dataset.message().spec.as_ref());
            names(specs.filter(|spec| wanted(&spec.tags, "")).map(|spec| &spec.name))
        }
        ObjectKind::ValidationReference => {
            let references = of_project(&contents.validation_references, project).map(Stored::message);
            names(references.filter(|known| wanted(&known.tags, "")).map(|known| &known.name))
        }
        ObjectKind::Permission => {
            let specs = of_project(&contents.permissions, project);
            let specs = specs.filter_map(|permission| permission.message().spec.as_ref());
            Listing {
                headers: &["NAME", "TYPES", "NAME_PATTERNS", "ACTIONS", "ROLES", "REQUIRED_TAGS"],
                rows: specs.filter(|spec| wanted(&spec.tags, "")).map(permission_row).collect(),
            }
        }
        ObjectKind::FeatureView => list_views(contents, project, &wanted, bound),
        ObjectKind::OnDemandFeatureView => {
            let specs = of_project(&contents.on_demand_feature_views, project);
            let specs = specs
                .filter_map(|view| view.message().spec.as_ref())
                .filter(|spec| wanted(&spec.tags, &spec.owner));
            Listing { headers: &["NAME"], rows: specs.map(|spec| vec![spec.name.clone()]).collect() }
        }
        ObjectKind::FeatureService => {
            let specs = of_project(&contents.feature_services, project);
            let specs = specs
                .filter_map(|service| service.message().spec.as_ref())
                .filter(|spec| wanted(&spec.tags, &spec.owner));
            let row = |spec: &proto::FeatureServiceSpec| {
                let features = spec.features.iter().flat_map(|projection| {
                    let view = &projection.feature_view_name;
                    projection.feature_columns.iter().map(move |column| format!("{view}:{}", column.name))
                });
                vec![spec.name.clone(), features.collect::<Vec<_>>().join(", ")]
            };
            Listing { headers: &["NAME", "FEATURES"], rows: specs.map(row).collect() }
        }
    }
}

/// The parts of a cell, a line each; `-` where there are none.
pub(super) fn joined_lines(parts: &[String]) -> String {
    if parts.is_empty() { "-".to_owned() } else { parts.join("\n") }
}

/// A permission, with a line for every part of a cell.
fn permission_row(spec: &proto::PermissionSpec) -> Vec<String> {
    let type_name = |number: &i32| {
        PermissionType::from_number(*number).map_or_else(|| number.to_string(), |kind| kind.name().to_owned())
    };
    let action_name = |number: &i32| {
        PermittedAction::from_number(*number)
            .map_or_else(|| number.to_string(), |action| action.name().to_owned())
    };
    let policy = spec.policy.as_ref().and_then(|policy| policy.role_based_policy.as_ref());
    let roles: BTreeSet<String> =
        policy.into_iter().flat_map(|policy| policy.names.iter().cloned()).collect();
    let required: Vec<String> =
        spec.required_tags.iter().map(|(key, value)| format!("{key} : {value}")).collect();
    vec![
        spec.name.clone(),
        joined_lines(&spec.types.iter().map(type_name).collect::<Vec<_>>()),
        joined_lines(&spec.name_patterns),
        joined_lines(&spec.actions.iter().map(action_name).collect::<Vec<_>>()),
        joined_lines(&roles.into_iter().collect::<Vec<_>>()),
        joined_lines(&required),
    ]
}

fn list_views(
    contents: &Contents,
    project: &str,
    wanted: &dyn Fn(&Tags, &str) -> bool,
    bound: &BTreeSet<String>,
) -> Listing {
    let needs_component = |spec: &proto::OnDemandFeatureViewSpec| {
        proto::transformation_of(spec).component.is_none() && !bound.contains(&spec.name)
    };
    let row = |name: &str, entities: &[String], kind: &str, disabled: bool, state: i32| {
        let enabled = if disabled { "No" } else { "Yes" };
        let cells = [name, &python_set(entities), kind, enabled, state_name(state)];
        cells.map(str::to_owned).to_vec()
    };
    let mut rows = Vec::new();
    let mut entities_of = HashMap::new();
    for view in of_project(&contents.feature_views, project).map(Stored::message) {
        let Some(spec) = &view.spec else { continue };
        entities_of.insert(spec.name.as_str(), spec.entities.as_slice());
        if wanted(&spec.tags, &spec.owner) {
            let state = view.meta.as_ref().map(|meta| meta.state).unwrap_or_default();
            let class = proto::view_class(spec);
            rows.push(row(&spec.name, &spec.entities, class, spec.disabled, state));
        }
    }
    for spec in
        of_project(&contents.stream_feature_views, project).filter_map(|view| view.message().spec.as_ref())
    {
        entities_of.insert(spec.name.as_str(), spec.entities.as_slice());
    }
    for spec in of_project(&contents.label_views, project).filter_map(|view| view.message().spec.as_ref()) {
        entities_of.insert(spec.name.as_str(), spec.entities.as_slice());
    }
    for view in of_project(&contents.on_demand_feature_views, project).map(Stored::message) {
        let Some(spec) = view.spec.as_ref().filter(|spec| wanted(&spec.tags, &spec.owner)) else { continue };
        // An on-demand view has the entities of what it reads.
        let mut entities: Vec<String> = Vec::new();
        for projection in spec.sources.values().filter_map(|source| source.feature_view_projection.as_ref()) {
            let view = projection.feature_view_name.as_str();
            for entity in entities_of.get(view).copied().unwrap_or_default() {
                if !entities.contains(entity) {
                    entities.push(entity.clone());
                }
            }
        }
        let state = view.meta.as_ref().map(|meta| meta.state).unwrap_or_default();
        let mut cells = row(&spec.name, &entities, "OnDemandFeatureView", spec.disabled, state);
        if needs_component(spec)
            && let Some(state) = cells.last_mut()
        {
            NEEDS_COMPONENT.clone_into(state);
        }
        rows.push(cells);
    }
    // Feast does not list these.
    for view in of_project(&contents.stream_feature_views, project).map(Stored::message) {
        let Some(spec) = &view.spec else { continue };
        if wanted(&spec.tags, &spec.owner) {
            let state = view.meta.as_ref().map(|meta| meta.state).unwrap_or_default();
            rows.push(row(&spec.name, &spec.entities, "StreamFeatureView", spec.disabled, state));
        }
    }
    for view in of_project(&contents.label_views, project).map(Stored::message) {
        let Some(spec) = &view.spec else { continue };
        if wanted(&spec.tags, &spec.owner) {
            rows.push(row(&spec.name, &spec.entities, "LabelView", false, 0));
        }
    }
    Listing { headers: &["NAME", "ENTITIES", "TYPE", "ENABLED", "STATE"], rows }
}

fn is_protected(tags: &Tags) -> bool {
    tags.get(PROTECTED_PROJECT_TAG).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A table of names alone.
fn names<'a>(names: impl Iterator<Item = &'a String>) -> Listing {
    Listing { headers: &["NAME"], rows: names.map(|name| vec![name.clone()]).collect() }
}

/// Every feature of every view: first those of the kinds that Feast lists, in its order.
pub(crate) fn list_features(contents: &Contents, project: &str) -> Listing {
    let stored = of_project(&contents.feature_views, project).filter_map(|view| view.message().spec.as_ref());
    let stored = stored.map(|spec| (&spec.name, &spec.features));
    let on_demand = of_project(&contents.on_demand_feature_views, project);
    let on_demand =
        on_demand.filter_map(|view| view.message().spec.as_ref()).map(|spec| (&spec.name, &spec.features));
    let streamed = of_project(&contents.stream_feature_views, project);
    let streamed =
        streamed.filter_map(|view| view.message().spec.as_ref()).map(|spec| (&spec.name, &spec.features));
    let labels = of_project(&contents.label_views, project).filter_map(|view| view.message().spec.as_ref());
    let labels = labels.map(|spec| (&spec.name, &spec.features));
    let rows = stored.chain(on_demand).chain(streamed).chain(labels).flat_map(|(view, features)| {
        features.iter().map(move |feature| {
            let value_type =
                value_type_of(feature.value_type, &feature.tags).map(|value_type| value_type.to_string());
            let number = u64::try_from(feature.value_type).unwrap_or_default();
            let value_type =
                value_type.unwrap_or_else(|| value_type_name(number).unwrap_or("UNKNOWN").to_owned());
            vec![feature.name.clone(), view.clone(), value_type]
        })
    });
    Listing { headers: &["Feature", "Feature View", "Data Type"], rows: rows.collect() }
}

/// The Python class that Feast shows for a source.
fn class_text(source: &proto::DataSource) -> String {
    format!("<class '{}'>", class(source))
}

/// The path of that class.
pub(super) fn class(source: &proto::DataSource) -> String {
    let class = match (source.data_source_class_type.as_str(), source.source_type) {
        ("", source_type::BATCH_FILE) => "feast.infra.offline_stores.file_source.FileSource",
        ("", source_type::REQUEST_SOURCE) => "feast.data_source.RequestSource",
        ("", source_type::PUSH_SOURCE) => "feast.data_source.PushSource",
        ("", _) => "feast.data_source.DataSource",
        (class, _) => class,
    };
    class.to_owned()
}

fn python_set(entities: &[String]) -> String {
    let names: Vec<String> =
        entities.iter().filter(|name| *name != DUMMY_ENTITY).map(|name| format!("'{name}'")).collect();
    if names.is_empty() { "n/a".to_owned() } else { format!("{{{}}}", names.join(", ")) }
}

/// Names, separated by commas.
fn joined(entities: &[String]) -> String {
    let names: Vec<&str> = entities.iter().map(String::as_str).filter(|name| *name != DUMMY_ENTITY).collect();
    if names.is_empty() { "n/a".to_owned() } else { names.join(", ") }
}

fn python_dict(tags: &Tags) -> String {
    let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("'{key}': '{value}'")).collect();
    format!("{{{}}}", pairs.join(", "))
}
