//! How definitions and materializations change the contents of a registry.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use larder_core::{DUMMY_ENTITY, MaterializationInterval, Timestamp};
use prost::Message;

use super::contents::{Contents, Object, Stored};
use super::error::ContentsError;
use super::property::{
    self, entity_changes, feature_service_changes, feature_view_changes, on_demand_feature_view_changes,
    project_changes, source_changes,
};
use crate::Definitions;
use crate::proto::{
    self, DataSourceEncoder, FeatureViewMeta, OnDemandFeatureViewMeta, Views, data_source_from_proto,
    dummy_entity_to_proto, entity_to_proto, feature_service_to_proto, feature_view_to_proto,
    interval_to_proto, on_demand_feature_view_to_proto, state, time_from_proto, time_to_proto, wire,
};
use crate::registry_diff::{Action, ObjectChange, ObjectKind, PropertyChange, RegistryDiff, TableChange};

/// What an apply did to the contents.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) diff: RegistryDiff,
    /// Whether the contents are to be written: also for changes too small to tell, such as the copy of a
    /// source's description inside a view.
    pub(super) changed: bool,
}

/// Makes `contents` hold exactly the definitions of their project.
pub(super) fn apply(contents: &mut Contents, definitions: &Definitions, now: Timestamp) -> Applied {
    let mut apply = Apply { definitions, now, diff: RegistryDiff::default(), changed: false };
    apply.project(contents);
    let times = apply.data_sources(contents);
    let sources = DataSourceEncoder::new(&definitions.data_sources, times);
    let views = Views::new(&definitions.feature_views, &definitions.on_demand_feature_views);
    let online_before = online_views(contents, &definitions.project.name);
    apply.entities(contents);
    apply.feature_views(contents, &sources);
    apply.on_demand_feature_views(contents, &views, &sources);
    apply.feature_services(contents, &views, &sources);
    let online_after = online_views(contents, &definitions.project.name);
    for view in online_before.symmetric_difference(&online_after) {
        let project = definitions.project.name.clone();
        let created = online_after.contains(view);
        apply.diff.tables.push(TableChange { project, view: view.clone(), created });
    }
    Applied { diff: apply.diff, changed: apply.changed }
}

/// The views of a project whose values are kept online.
fn online_views(contents: &Contents, project: &str) -> BTreeSet<String> {
    let stored = contents.feature_views.iter().filter_map(|view| view.message().spec.as_ref());
    let stored = stored.filter(|spec| spec.project == project && spec.online).map(|spec| spec.name.clone());
    let computed = contents.on_demand_feature_views.iter().filter_map(|view| view.message().spec.as_ref());
    let computed = computed.filter(|spec| spec.project == project && spec.write_to_online_store);
    stored.chain(computed.map(|spec| spec.name.clone())).collect()
}

struct Apply<'a> {
    definitions: &'a Definitions,
    now: Timestamp,
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
}

impl Apply<'_> {
    fn project_name(&self) -> &str {
        &self.definitions.project.name
    }

    fn project(&mut self, contents: &mut Contents) {
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
                Revised { unchanged, changed, properties }
            },
        );
    }

    /// Returns when each source was first and last changed.
    fn data_sources(&mut self, contents: &mut Contents) -> HashMap<String, (Timestamp, Timestamp)> {
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
        self.reconcile(
            ObjectKind::DataSource,
            &mut contents.data_sources,
            &self.definitions.data_sources,
            |source| &source.name,
            // A source of a kind that larder does not have is nothing that a definition could keep.
            |source| data_source_from_proto(source).is_err(),
            |source, before| {
                let changed = revised.object(source, &project);
                let properties = before.map(|before| source_changes(before, &changed)).unwrap_or_default();
                Revised { unchanged: changed.clone(), changed, properties }
            },
        );
        times
    }

    fn entities(&mut self, contents: &mut Contents) {
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
                Revised { unchanged, changed, properties }
            },
        );
    }

    fn feature_views(&mut self, contents: &mut Contents, sources: &DataSourceEncoder<'_>) {
        let now = self.now;
        let project = self.project_name().to_owned();
        let mut reset_views = Vec::new();
        self.reconcile(
            ObjectKind::FeatureView,
            &mut contents.feature_views,
            &self.definitions.feature_views,
            |view| &view.name,
            |_| false,
            |view, before| {
                let old_meta = before.and_then(|before| before.meta.clone());
                let spec = before.and_then(|before| before.spec.as_ref());
                let created = FeatureViewMeta {
                    created_timestamp: Some(time_to_proto(now)),
                    last_updated_timestamp: Some(time_to_proto(now)),
                    ..FeatureViewMeta::default()
                };
                let meta = old_meta.unwrap_or(created);
                let unchanged = feature_view_to_proto(view, &project, sources, meta.clone(), spec);
                let mut changed = unchanged.clone();
                let properties =
                    before.map(|before| feature_view_changes(before, &changed)).unwrap_or_default();
                let mut meta = FeatureViewMeta { last_updated_timestamp: Some(time_to_proto(now)), ..meta };
                if before.is_some_and(|before| property::invalidates_online_values(before, &changed))
                    && (!meta.materialization_intervals.is_empty() || meta.state != state::UNSPECIFIED)
                {
                    meta.materialization_intervals.clear();
                    meta.state = state::UNSPECIFIED;
                    reset_views.push(view.name.clone());
                }
                changed.meta = Some(meta);
                Revised { unchanged, changed, properties }
            },
        );
        reset_views.sort();
        self.diff.reset_views = reset_views;
    }

    fn on_demand_feature_views(
        &mut self,
        contents: &mut Contents,
        views: &Views<'_>,
        sources: &DataSourceEncoder<'_>,
    ) {
        let now = self.now;
        let project = self.project_name().to_owned();
        self.reconcile(
            ObjectKind::OnDemandFeatureView,
            &mut contents.on_demand_feature_views,
            &self.definitions.on_demand_feature_views,
            |view| &view.name,
            |_| false,
            |view, before| {
                let old_meta = before.and_then(|before| before.meta.clone());
                let spec = before.and_then(|before| before.spec.as_ref());
                let created = OnDemandFeatureViewMeta {
                    created_timestamp: Some(time_to_proto(now)),
                    last_updated_timestamp: Some(time_to_proto(now)),
                    ..OnDemandFeatureViewMeta::default()
                };
                let meta = old_meta.unwrap_or(created);
                let unchanged =
                    on_demand_feature_view_to_proto(view, &project, views, sources, meta.clone(), spec);
                let mut changed = unchanged.clone();
                changed.meta = Some(OnDemandFeatureViewMeta {
                    last_updated_timestamp: Some(time_to_proto(now)),
                    ..meta
                });
                let properties =
                    before.map(|before| on_demand_feature_view_changes(before, &changed)).unwrap_or_default();
                Revised { unchanged, changed, properties }
            },
        );
    }

    fn feature_services(
        &mut self,
        contents: &mut Contents,
        views: &Views<'_>,
        sources: &DataSourceEncoder<'_>,
    ) {
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
                let spec = before.and_then(|before| before.spec.as_ref());
                let encode =
                    |time| feature_service_to_proto(service, &project, views, sources, (created, time), spec);
                let (unchanged, changed) = (encode(last_updated), encode(now));
                let properties =
                    before.map(|before| feature_service_changes(before, &changed)).unwrap_or_default();
                Revised { unchanged, changed, properties }
            },
        );
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
        mut revise: impl FnMut(&T, Option<&M>) -> Revised<M>,
    ) {
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
                    created.push(Stored::new(revise(object, None).changed));
                    Action::Create
                }
                (Some(object), Some(slot)) => {
                    let Revised { unchanged, changed, properties } = revise(object, Some(slot.message()));
                    if properties.is_empty() {
                        if *slot.message() != unchanged {
                            *slot = Stored::new(unchanged);
                            self.changed = true;
                        }
                        continue;
                    }
                    *slot = Stored::new(changed);
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
    }
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

/// Adds an interval to a view's record; `None` if there is no such view. All else of the view stays byte
/// for byte.
pub(super) fn record_materialization(
    contents: &mut Contents,
    project: &str,
    view: &str,
    interval: MaterializationInterval,
    now: Timestamp,
) -> Result<Option<()>, ContentsError> {
    const META: u32 = 2;
    let Some(slot) =
        contents.feature_views.iter_mut().find(|stored| stored.message().key() == (project, view))
    else {
        return Ok(None);
    };
    let mut meta = slot.message().meta.clone().unwrap_or_default();
    meta.materialization_intervals.push(interval_to_proto(interval));
    meta.last_updated_timestamp = Some(time_to_proto(now));
    meta.state = state::AVAILABLE_ONLINE;
    let raw =
        wire::replace(slot.raw(), META, &meta.encode_to_vec()).map_err(|e| ContentsError::damaged(&e))?;
    *slot = Stored::decode(raw)?;
    Ok(Some(()))
}
