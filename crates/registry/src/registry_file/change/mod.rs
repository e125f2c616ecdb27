//! How definitions and materializations change the contents of a registry.

mod one_object;
mod put;
mod views;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use larder_core::{DUMMY_ENTITY, Timestamp};
use prost::Message as _;

pub(super) use self::one_object::{
    bind_component, keep_dataset_profile, put_saved_dataset, record_materialization,
    record_materialization_of_version, restore_version, set_enabled, set_state,
};
pub(super) use self::put::{put_object, put_project};
use super::contents::{Contents, Object, Stored};
use super::error::{ContentsError, RegistryError};
use super::property::{
    entity_changes, feature_service_changes, permission_changes, project_changes, saved_dataset_changes,
    source_changes, validation_reference_changes,
};
use crate::proto::{
    self, DataSourceEncoder, Views, data_source_from_proto, dummy_entity_to_proto, entity_to_proto,
    feature_service_to_proto, permission_to_proto, saved_dataset_to_proto, time_from_proto, time_to_proto,
    validation_reference_to_proto, view_type,
};
use crate::registry_diff::{Action, ObjectChange, ObjectKind, PropertyChange, RegistryDiff, TableChange};
use crate::{Definitions, INPUT_SCHEMA_SOURCE_PREFIX};

/// How an apply is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Whether the new version of a view that is there already is only kept: it can be named as
    /// `view@vN`, and the old one stays in use.
    pub no_promote: bool,
}

/// The circumstances of an apply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applying<'a> {
    pub(super) options: ApplyOptions,
    pub(super) now: Timestamp,
    /// Where the contents lie, for errors.
    pub(super) path: &'a Path,
    /// Whether every version of a view has online rows of its own, so that a new one has none yet.
    pub(super) versions_have_rows: bool,
}

/// What an apply did to the contents.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) diff: RegistryDiff,
    /// Whether the contents are to be written: also for changes too small to tell, such as the copy of a
    /// source's description inside a view.
    pub(super) changed: bool,
}

/// Makes `contents` hold exactly the definitions of their project.
pub(super) fn apply(
    contents: &mut Contents,
    definitions: &Definitions,
    applying: Applying<'_>,
) -> Result<Applied, RegistryError> {
    let Applying { now, path, .. } = applying;
    let mut apply = Apply { definitions, applying, now, path, diff: RegistryDiff::default(), changed: false };
    apply.project(contents)?;
    let times = apply.data_sources(contents)?;
    let sources = DataSourceEncoder::new(&definitions.data_sources, times);
    let views = Views::new(&definitions.feature_views, &definitions.on_demand_feature_views)
        .with_versions(versioned_columns(contents, &definitions.project.name));
    let online_before = online_views(contents, &definitions.project.name);
    apply.entities(contents)?;
    apply.stored_views(contents, &views, &sources)?;
    apply.on_demand_feature_views(contents, &views, &sources)?;
    apply.feature_services(contents, &views, &sources)?;
    apply.permissions(contents)?;
    apply.datasets(contents)?;
    apply.forget_versions(contents);
    let online_after = online_views(contents, &definitions.project.name);
    for view in online_before.symmetric_difference(&online_after) {
        let project = definitions.project.name.clone();
        let created = online_after.contains(view);
        apply.diff.tables.push(TableChange { project, view: view.clone(), created });
    }
    apply.diff.changes.sort_by_key(|change| change.kind);
    Ok(Applied { diff: apply.diff, changed: apply.changed })
}

/// The features of every version of every view of a project.
fn versioned_columns(
    contents: &Contents,
    project: &str,
) -> HashMap<(String, u32), Vec<proto::FeatureSpecV2>> {
    let records = contents.versions.iter().map(Stored::message).filter(|record| record.key().0 == project);
    let columns = |record: &proto::FeatureViewVersionRecord| {
        let bytes = record.feature_view_proto.as_slice();
        match record.feature_view_type.as_str() {
            view_type::FEATURE_VIEW => proto::FeatureView::decode(bytes).ok()?.spec.map(|spec| spec.features),
            view_type::STREAM_FEATURE_VIEW => {
                proto::StreamFeatureView::decode(bytes).ok()?.spec.map(|spec| spec.features)
            }
            view_type::LABEL_VIEW => proto::LabelView::decode(bytes).ok()?.spec.map(|spec| spec.features),
            _ => proto::OnDemandFeatureView::decode(bytes).ok()?.spec.map(|spec| spec.features),
        }
    };
    records
        .filter_map(|record| {
            let number = u32::try_from(record.version_number).ok()?;
            Some(((record.feature_view_name.clone(), number), columns(record)?))
        })
        .collect()
}

/// The views of a project whose values are kept online.
fn online_views(contents: &Contents, project: &str) -> BTreeSet<String> {
    let stored = contents.feature_views.iter().filter_map(|view| view.message().spec.as_ref());
    let stored = stored.filter(|spec| spec.project == project && spec.online).map(|spec| spec.name.clone());
    let computed = contents.on_demand_feature_views.iter().filter_map(|view| view.message().spec.as_ref());
    let computed = computed.filter(|spec| spec.project == project && spec.write_to_online_store);
    let streamed = contents.stream_feature_views.iter().filter_map(|view| view.message().spec.as_ref());
    let streamed = streamed.filter(|spec| spec.project == project && spec.online);
    let labels = contents.label_views.iter().filter_map(|view| view.message().spec.as_ref());
    let labels = labels.filter(|spec| spec.project == project && spec.online);
    stored
        .chain(computed.map(|spec| spec.name.clone()))
        .chain(streamed.map(|spec| spec.name.clone()))
        .chain(labels.map(|spec| spec.name.clone()))
        .collect()
}

struct Apply<'a> {
    definitions: &'a Definitions,
    applying: Applying<'a>,
    now: Timestamp,
    path: &'a Path,
    diff: RegistryDiff,
    changed: bool,
}

/// An object as it is to be, compared with how it was.
struct Revised<M> {
    /// The message if it keeps the time of its last change.
    unchanged: M,
    /// The message if it has changed now.
    changed: M,
    /// What has changed of it, as far as it is told.
    properties: Vec<PropertyChange>,
    /// Whether it stays as it is all the same: its change was kept elsewhere.
    keep: bool,
}

impl<M> Revised<M> {
    fn new(unchanged: M, changed: M, properties: Vec<PropertyChange>) -> Self {
        Self { unchanged, changed, properties, keep: false }
    }
}

impl<'a> Apply<'a> {
    fn project_name(&self) -> &'a str {
        &self.definitions.project.name
    }

    fn project(&mut self, contents: &mut Contents) -> Result<(), RegistryError> {
        let now = self.now;
        let defined = [self.definitions.project.clone()];
        let encode = |project: &larder_core::Project, meta| proto::Project {
            spec: Some(proto::ProjectSpec {
                name: project.name.clone(),
                description: project.description.clone(),
                tags: project.tags.clone(),
                owner: project.owner.clone(),
            }),
            meta: Some(meta),
        };
        self.reconcile(
            ObjectKind::Project,
            &mut contents.projects,
            &defined,
            |project| &project.name,
            |_| true,
            |project, before| {
                let times = before.and_then(|before| before.meta.as_ref());
                let changed = encode(project, meta(times, now));
                let unchanged = encode(project, times.cloned().unwrap_or_else(|| meta(None, now)));
                let properties = before.map(|before| project_changes(before, &changed)).unwrap_or_default();
                Ok(Revised::new(unchanged, changed, properties))
            },
        )
    }

    /// Returns when each source was first and last changed.
    fn data_sources(
        &mut self,
        contents: &mut Contents,
    ) -> Result<HashMap<String, (Timestamp, Timestamp)>, RegistryError> {
        let now = self.now;
        let project = self.project_name().to_owned();
        let mut times = HashMap::new();
        for source in
            contents.data_sources.iter().map(Stored::message).filter(|source| source.project == project)
        {
            times.insert(proto::source_name(source).to_owned(), source_times(source, now));
        }
        // A push source carries its batch source: what changes there changes here, so encode with the
        // old times first, to see what has changed at all.
        let unchanged = DataSourceEncoder::new(&self.definitions.data_sources, times.clone());
        for source in &self.definitions.data_sources {
            let encoded = unchanged.object(source, &project);
            let before = contents.data_sources.iter().map(Stored::message);
            let before = before
                .filter(|before| before.project == project)
                .find(|b| proto::source_name(b) == source.name);
            match before {
                Some(before) if source_changes(before, &encoded).is_empty() => {}
                _ => {
                    let created = times.get(&source.name).map_or(now, |(created, _)| *created);
                    times.insert(source.name.clone(), (created, now));
                }
            }
        }
        let revised = DataSourceEncoder::new(&self.definitions.data_sources, times.clone());
        let listed = self.definitions.data_sources.iter();
        let listed: Vec<_> =
            listed.filter(|source| !source.name.starts_with(INPUT_SCHEMA_SOURCE_PREFIX)).collect();
        self.reconcile(
            ObjectKind::DataSource,
            &mut contents.data_sources,
            &listed,
            |source| &source.name,
            // A source of a kind that larder does not have is nothing that a definition could keep.
            |source| data_source_from_proto(source).is_err(),
            |source, before| {
                let changed = revised.object(source, &project);
                let properties = before.map(|before| source_changes(before, &changed)).unwrap_or_default();
                Ok(Revised::new(changed.clone(), changed, properties))
            },
        )?;
        Ok(times)
    }

    fn entities(&mut self, contents: &mut Contents) -> Result<(), RegistryError> {
        let now = self.now;
        let project = self.project_name().to_owned();
        let has_dummy =
            contents.entities.iter().any(|entity| entity.message().key() == (&project, DUMMY_ENTITY));
        if !has_dummy {
            contents.entities.push(Stored::new(dummy_entity_to_proto(&project, now)));
            self.changed = true;
        }
        self.reconcile(
            ObjectKind::Entity,
            &mut contents.entities,
            &self.definitions.entities,
            |entity| &entity.name,
            |entity| entity.key().1 == DUMMY_ENTITY,
            |entity, before| {
                let (created, last_updated) = times(before.and_then(|before| before.meta.as_ref()), now);
                let changed = entity_to_proto(entity, &project, created, now);
                let unchanged = entity_to_proto(entity, &project, created, last_updated);
                let properties = before.map(|before| entity_changes(before, &changed)).unwrap_or_default();
                Ok(Revised::new(unchanged, changed, properties))
            },
        )
    }

    fn permissions(&mut self, contents: &mut Contents) -> Result<(), RegistryError> {
        let (now, project) = (self.now, self.project_name());
        self.reconcile(
            ObjectKind::Permission,
            &mut contents.permissions,
            &self.definitions.permissions,
            |permission| &permission.name,
            |_| false,
            |permission, before| {
                let (created, last_updated) = times(before.and_then(|before| before.meta.as_ref()), now);
                let encode = |time| permission_to_proto(permission, project, (created, time));
                let (unchanged, changed) = (encode(last_updated), encode(now));
                let properties =
                    before.map(|before| permission_changes(before, &changed)).unwrap_or_default();
                Ok(Revised::new(unchanged, changed, properties))
            },
        )
    }

    /// Saved datasets and validation references. Those that nobody defines were made by running: they stay.
    fn datasets(&mut self, contents: &mut Contents) -> Result<(), RegistryError> {
        let (now, project) = (self.now, self.project_name());
        self.reconcile(
            ObjectKind::SavedDataset,
            &mut contents.saved_datasets,
            &self.definitions.saved_datasets,
            |dataset| &dataset.name,
            |_| true,
            |dataset, before| {
                let (created, last_updated) = dataset_times(before, now);
                let encode = |time| {
                    let mut message = saved_dataset_to_proto(dataset, project, (created, time), before);
                    // A definition does not say how far the data reach.
                    if let (Some(meta), Some(old)) =
                        (&mut message.meta, before.and_then(|before| before.meta.as_ref()))
                    {
                        meta.min_event_timestamp = meta.min_event_timestamp.or(old.min_event_timestamp);
                        meta.max_event_timestamp = meta.max_event_timestamp.or(old.max_event_timestamp);
                    }
                    message
                };
                let (unchanged, changed) = (encode(last_updated), encode(now));
                let properties =
                    before.map(|before| saved_dataset_changes(before, &changed)).unwrap_or_default();
                Ok(Revised::new(unchanged, changed, properties))
            },
        )?;
        self.reconcile(
            ObjectKind::ValidationReference,
            &mut contents.validation_references,
            &self.definitions.validation_references,
            |reference| &reference.name,
            |_| true,
            |reference, before| {
                let changed = validation_reference_to_proto(reference, project, before);
                let properties =
                    before.map(|before| validation_reference_changes(before, &changed)).unwrap_or_default();
                Ok(Revised::new(changed.clone(), changed, properties))
            },
        )
    }

    fn feature_services(
        &mut self,
        contents: &mut Contents,
        views: &Views<'_>,
        sources: &DataSourceEncoder<'_>,
    ) -> Result<(), RegistryError> {
        let now = self.now;
        let project = self.project_name().to_owned();
        self.reconcile(
            ObjectKind::FeatureService,
            &mut contents.feature_services,
            &self.definitions.feature_services,
            |service| &service.name,
            |_| false,
            |service, before| {
                let (created, last_updated) = times(before.and_then(|before| before.meta.as_ref()), now);
                let encode =
                    |time| feature_service_to_proto(service, &project, views, sources, (created, time));
                let (unchanged, changed) = (encode(last_updated), encode(now));
                let properties =
                    before.map(|before| feature_service_changes(before, &changed)).unwrap_or_default();
                Ok(Revised::new(unchanged, changed, properties))
            },
        )
    }

    /// Creates, updates and deletes the objects of one kind, by name. `keep` names objects that are never
    /// deleted.
    fn reconcile<M: Object + PartialEq, T>(
        &mut self,
        kind: ObjectKind,
        stored: &mut Vec<Stored<M>>,
        defined: &[T],
        name: impl Fn(&T) -> &str,
        keep: impl Fn(&M) -> bool,
        mut revise: impl FnMut(&T, Option<&M>) -> Result<Revised<M>, RegistryError>,
    ) -> Result<(), RegistryError> {
        let project = self.definitions.project.name.as_str();
        let defined: BTreeMap<&str, &T> = defined.iter().map(|object| (name(object), object)).collect();
        let mut positions = BTreeMap::new();
        for (at, object) in stored.iter().enumerate() {
            let (owner, name) = object.message().key();
            if owner == project {
                positions.insert(name.to_owned(), at);
            }
        }
        let names: BTreeSet<String> =
            positions.keys().cloned().chain(defined.keys().map(|name| (*name).to_owned())).collect();
        let mut deleted = BTreeSet::new();
        let mut created = Vec::new();
        for name in names {
            let position = positions.get(&name).copied();
            let before = position.and_then(|at| stored.get_mut(at));
            let action = match (defined.get(name.as_str()), before) {
                (Some(object), None) => {
                    created.push(Stored::new(revise(object, None)?.changed));
                    Action::Create
                }
                (Some(object), Some(slot)) => {
                    let Revised { unchanged, changed, properties, keep } =
                        revise(object, Some(slot.message()))?;
                    let damaged = |error: ContentsError| error.at(self.path);
                    if properties.is_empty() {
                        if *slot.message() != unchanged {
                            *slot = slot.revised(&unchanged).map_err(damaged)?;
                            self.changed = true;
                        }
                        continue;
                    }
                    if !keep {
                        *slot = slot.revised(&changed).map_err(damaged)?;
                    }
                    Action::Update(properties)
                }
                (None, Some(slot)) => {
                    if keep(slot.message()) {
                        continue;
                    }
                    deleted.extend(position);
                    Action::Delete
                }
                (None, None) => continue,
            };
            self.changed = true;
            self.diff.changes.push(ObjectChange { kind, name, action });
        }
        let mut at = 0;
        stored.retain(|_| {
            at += 1;
            !deleted.contains(&(at - 1))
        });
        stored.extend(created);
        Ok(())
    }
}

/// When a saved dataset was first and last changed; now, if it is new.
fn dataset_times(before: Option<&proto::SavedDataset>, now: Timestamp) -> (Timestamp, Timestamp) {
    let Some(meta) = before.and_then(|before| before.meta.as_ref()) else { return (now, now) };
    let time =
        |time: &Option<prost_types::Timestamp>| time.as_ref().map_or(now, |time| time_from_proto(Some(time)));
    (time(&meta.created_timestamp), time(&meta.last_updated_timestamp))
}

fn meta(before: Option<&proto::Meta>, now: Timestamp) -> proto::Meta {
    let (created, _) = times(before, now);
    proto::Meta {
        created_timestamp: Some(time_to_proto(created)),
        last_updated_timestamp: Some(time_to_proto(now)),
    }
}

/// When an object was first and last changed; now, if it is new.
fn times(before: Option<&proto::Meta>, now: Timestamp) -> (Timestamp, Timestamp) {
    let Some(meta) = before else { return (now, now) };
    let time =
        |time: &Option<prost_types::Timestamp>| time.as_ref().map_or(now, |time| time_from_proto(Some(time)));
    (time(&meta.created_timestamp), time(&meta.last_updated_timestamp))
}

fn source_times(source: &proto::DataSource, now: Timestamp) -> (Timestamp, Timestamp) {
    let Some(meta) = &source.meta else { return (now, now) };
    let time =
        |time: &Option<prost_types::Timestamp>| time.as_ref().map_or(now, |time| time_from_proto(Some(time)));
    (time(&meta.created_timestamp), time(&meta.last_updated_timestamp))
}
