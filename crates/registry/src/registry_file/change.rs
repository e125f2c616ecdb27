//! How definitions and materializations change the contents of a registry.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use larder_core::{
    DUMMY_ENTITY, FeatureView, FeatureViewKind, FeatureViewState, MaterializationInterval, Timestamp,
};
use prost::Message;

use super::contents::{Contents, Object, Stored};
use super::error::{ContentsError, RegistryError};
use super::property::{
    self, entity_changes, feature_service_changes, permission_changes, project_changes,
    saved_dataset_changes, source_changes, validation_reference_changes,
};
use super::versioning::{Outcome, Records, Versioning, ViewMessage};
use crate::proto::{
    self, DataSourceEncoder, FeatureViewMeta, OnDemandFeatureViewMeta, Views, data_source_from_proto,
    dummy_entity_to_proto, entity_to_proto, feature_service_to_proto, feature_view_to_proto,
    interval_to_proto, label_view_to_proto, on_demand_feature_view_to_proto, permission_to_proto,
    saved_dataset_to_proto, stream_feature_view_to_proto, time_from_proto, time_to_proto,
    validation_reference_to_proto, view_type, wire,
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

/// What an apply did to the contents.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) diff: RegistryDiff,
    /// Whether the contents are to be written: also for changes too small to tell, such as the copy of a
    /// source's description inside a view.
    pub(super) changed: bool,
}

/// Makes `contents` hold exactly the definitions of their project. `path` is where they lie, for errors.
pub(super) fn apply(
    contents: &mut Contents,
    definitions: &Definitions,
    options: ApplyOptions,
    now: Timestamp,
    path: &Path,
) -> Result<Applied, RegistryError> {
    let mut apply = Apply { definitions, options, now, path, diff: RegistryDiff::default(), changed: false };
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
    options: ApplyOptions,
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

    fn versioning(&self) -> Versioning<'a> {
        let no_promote = self.options.no_promote;
        Versioning { project: self.project_name(), path: self.path, now: self.now, no_promote }
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

    /// The views whose values are stored, kind by kind.
    fn stored_views(
        &mut self,
        contents: &mut Contents,
        views: &Views<'_>,
        sources: &DataSourceEncoder<'_>,
    ) -> Result<(), RegistryError> {
        let (now, project, versioning) = (self.now, self.project_name(), self.versioning());
        let defined = &self.definitions.feature_views;
        let of_kind = |wanted: fn(&FeatureViewKind) -> bool| -> Vec<&FeatureView> {
            defined.iter().filter(|view| wanted(&view.kind)).collect()
        };
        let mut reset_views = Vec::new();
        let plain = of_kind(|kind| matches!(kind, FeatureViewKind::Plain | FeatureViewKind::Batch(_)));
        let records = &mut contents.versions;
        self.reconcile(
            ObjectKind::FeatureView,
            &mut contents.feature_views,
            &plain,
            |view| &view.name,
            |_| false,
            |view, before| {
                let spec = before.and_then(|before| before.spec.as_ref());
                let meta = before.and_then(|before| before.meta.clone()).unwrap_or_else(|| new_meta(now));
                let current = version_number(meta.current_version_number);
                let unchanged = feature_view_to_proto(view, project, views, sources, meta, spec)
                    .with_version(current, view.version);
                let invalid = before.is_some_and(|old| property::invalidates_online_values(old, &unchanged));
                let mut changed = unchanged.clone();
                changed.meta =
                    changed.meta.map(|meta| touched(meta, now, invalid, &view.name, &mut reset_views));
                version(versioning, records, &view.name, before, current, unchanged, changed)
            },
        )?;
        let streams = of_kind(|kind| matches!(kind, FeatureViewKind::Stream(_)));
        self.reconcile(
            ObjectKind::StreamFeatureView,
            &mut contents.stream_feature_views,
            &streams,
            |view| &view.name,
            |_| false,
            |view, before| {
                let spec = before.and_then(|before| before.spec.as_ref());
                let meta = before.and_then(|before| before.meta.clone()).unwrap_or_else(|| new_meta(now));
                let current = version_number(meta.current_version_number);
                let unchanged = stream_feature_view_to_proto(view, project, sources, meta, spec)
                    .with_version(current, view.version);
                let invalid =
                    before.is_some_and(|old| property::stream_invalidates_online_values(old, &unchanged));
                let mut changed = unchanged.clone();
                changed.meta =
                    changed.meta.map(|meta| touched(meta, now, invalid, &view.name, &mut reset_views));
                version(versioning, records, &view.name, before, current, unchanged, changed)
            },
        )?;
        let labels = of_kind(|kind| matches!(kind, FeatureViewKind::Label(_)));
        self.reconcile(
            ObjectKind::LabelView,
            &mut contents.label_views,
            &labels,
            |view| &view.name,
            |_| false,
            |view, before| {
                let spec = before.and_then(|before| before.spec.as_ref());
                let old_meta = before.and_then(|before| before.meta.as_ref());
                let unchanged = old_meta.cloned().unwrap_or_else(|| meta(None, now));
                let unchanged = label_view_to_proto(view, project, sources, unchanged, spec);
                let changed = label_view_to_proto(view, project, sources, meta(old_meta, now), spec);
                version(versioning, records, &view.name, before, 0, unchanged, changed)
            },
        )?;
        reset_views.sort();
        self.diff.reset_views = reset_views;
        Ok(())
    }

    fn on_demand_feature_views(
        &mut self,
        contents: &mut Contents,
        views: &Views<'_>,
        sources: &DataSourceEncoder<'_>,
    ) -> Result<(), RegistryError> {
        let (now, project, versioning) = (self.now, self.project_name(), self.versioning());
        let records = &mut contents.versions;
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
                let current = version_number(meta.current_version_number);
                let unchanged =
                    on_demand_feature_view_to_proto(view, project, views, sources, meta.clone(), spec)
                        .with_version(current, view.version);
                let mut changed = unchanged.clone();
                changed.meta = Some(OnDemandFeatureViewMeta {
                    last_updated_timestamp: Some(time_to_proto(now)),
                    ..meta
                });
                version(versioning, records, &view.name, before, current, unchanged, changed)
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

    /// The versions of views that are gone.
    fn forget_versions(&self, contents: &mut Contents) {
        let is_view = |kind| {
            matches!(
                kind,
                ObjectKind::FeatureView
                    | ObjectKind::OnDemandFeatureView
                    | ObjectKind::StreamFeatureView
                    | ObjectKind::LabelView
            )
        };
        let of_views = || self.diff.changes.iter().filter(|change| is_view(change.kind));
        for change in of_views().filter(|change| change.action == Action::Delete) {
            // A view that became one of another kind goes on.
            let goes_on = of_views().any(|other| other.name == change.name && other.action == Action::Create);
            if !goes_on {
                contents.forget_versions(self.project_name(), &change.name);
            }
        }
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

/// A view with its version.
fn version<M: ViewMessage>(
    versioning: Versioning<'_>,
    records: &mut Records,
    name: &str,
    before: Option<&M>,
    current: u32,
    unchanged: M,
    changed: M,
) -> Result<Revised<M>, RegistryError> {
    let properties = before.map(|before| M::changes(before, &changed)).unwrap_or_default();
    if before.is_some() && properties.is_empty() {
        return Ok(Revised::new(unchanged, changed, properties));
    }
    Ok(match versioning.apply(records, name, before, current, changed.clone())? {
        Outcome::Replaced(applied) => {
            // Going back to what is in use already changes nothing.
            let told = before.is_none_or(|before| !M::changes(before, &applied).is_empty());
            if told {
                Revised::new(unchanged, applied, properties)
            } else {
                Revised::new(applied.clone(), applied, Vec::new())
            }
        }
        Outcome::Kept => Revised { unchanged, changed, properties, keep: true },
    })
}

fn version_number(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

fn new_meta(now: Timestamp) -> FeatureViewMeta {
    FeatureViewMeta {
        created_timestamp: Some(time_to_proto(now)),
        last_updated_timestamp: Some(time_to_proto(now)),
        ..FeatureViewMeta::default()
    }
}

/// What the registry knows of a view after a change; nothing of its values, where they do not count any
/// more.
fn touched(
    meta: FeatureViewMeta,
    now: Timestamp,
    invalid: bool,
    view: &str,
    reset_views: &mut Vec<String>,
) -> FeatureViewMeta {
    let unspecified = FeatureViewState::Unspecified.number();
    let mut meta = FeatureViewMeta { last_updated_timestamp: Some(time_to_proto(now)), ..meta };
    if invalid && (!meta.materialization_intervals.is_empty() || meta.state != unspecified) {
        meta.materialization_intervals.clear();
        meta.state = unspecified;
        reset_views.push(view.to_owned());
    }
    meta
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

/// Adds an interval to a view's record; `None` if there is no such view. All else of the view stays byte
/// for byte.
pub(super) fn record_materialization(
    contents: &mut Contents,
    project: &str,
    view: &str,
    interval: MaterializationInterval,
    now: Timestamp,
) -> Result<Option<()>, ContentsError> {
    change_meta(contents, project, view, |meta| {
        meta.materialization_intervals.push(interval_to_proto(interval));
        meta.last_updated_timestamp = Some(time_to_proto(now));
        meta.state = FeatureViewState::AvailableOnline.number();
    })
}

/// Sets the state of a view; `None` if there is no such view, or none that has a state. All else of the
/// view stays byte for byte.
pub(super) fn set_state(
    contents: &mut Contents,
    project: &str,
    view: &str,
    state: FeatureViewState,
) -> Result<Option<()>, ContentsError> {
    let changed = change_meta(contents, project, view, |meta| meta.state = state.number())?;
    if changed.is_some() {
        return Ok(changed);
    }
    let views = &mut contents.on_demand_feature_views;
    let Some(slot) = views.iter_mut().find(|stored| stored.message().key() == (project, view)) else {
        return Ok(None);
    };
    let mut meta = slot.message().meta.clone().unwrap_or_default();
    meta.state = state.number();
    replace_part(slot, META, &meta)?;
    Ok(Some(()))
}

/// Field 2 of every view.
const META: u32 = 2;
/// Field 1 of every view.
const SPEC: u32 = 1;

fn change_meta(
    contents: &mut Contents,
    project: &str,
    view: &str,
    change: impl FnOnce(&mut FeatureViewMeta),
) -> Result<Option<()>, ContentsError> {
    let wanted = (project, view);
    if let Some(slot) = contents.feature_views.iter_mut().find(|stored| stored.message().key() == wanted) {
        let mut meta = slot.message().meta.clone().unwrap_or_default();
        change(&mut meta);
        return replace_part(slot, META, &meta).map(Some);
    }
    let streams = &mut contents.stream_feature_views;
    if let Some(slot) = streams.iter_mut().find(|stored| stored.message().key() == wanted) {
        let mut meta = slot.message().meta.clone().unwrap_or_default();
        change(&mut meta);
        return replace_part(slot, META, &meta).map(Some);
    }
    Ok(None)
}

/// Switches a view on or off; `None` if there is no such view.
pub(super) fn set_enabled(
    contents: &mut Contents,
    project: &str,
    view: &str,
    enabled: bool,
    now: Timestamp,
) -> Result<Option<()>, ContentsError> {
    let wanted = (project, view);
    let time = Some(time_to_proto(now));
    macro_rules! switch {
        ($views:ident) => {
            if let Some(slot) = contents.$views.iter_mut().find(|stored| stored.message().key() == wanted) {
                let mut message = slot.message().clone();
                if let Some(spec) = &mut message.spec {
                    spec.disabled = !enabled;
                }
                if let Some(meta) = &mut message.meta {
                    meta.last_updated_timestamp = time;
                }
                *slot = slot.revised(&message)?;
                return Ok(Some(()));
            }
        };
    }
    switch!(feature_views);
    switch!(stream_feature_views);
    switch!(on_demand_feature_views);
    Ok(None)
}

/// Names the component of an on-demand view in its tags; `None` if there is no such view. All else of the
/// view stays as it is, so that Feast sees no change.
pub(super) fn bind_component(
    contents: &mut Contents,
    project: &str,
    view: &str,
    tags: &BTreeMap<String, String>,
) -> Result<Option<()>, ContentsError> {
    let views = &mut contents.on_demand_feature_views;
    let Some(slot) = views.iter_mut().find(|stored| stored.message().key() == (project, view)) else {
        return Ok(None);
    };
    let mut message = slot.message().clone();
    if let Some(spec) = &mut message.spec {
        spec.tags.extend(tags.clone());
        let spec = carry_spec(slot, spec)?;
        let raw = wire::replace(slot.raw(), SPEC, &spec).map_err(|error| ContentsError::damaged(&error))?;
        *slot = Stored::decode(raw)?;
    }
    Ok(Some(()))
}

/// The bytes of a changed spec with all that the old one says and larder does not know.
fn carry_spec<M: Object>(slot: &Stored<M>, spec: &impl Message) -> Result<Vec<u8>, ContentsError> {
    let mut message = Vec::new();
    wire::put_bytes(&mut message, SPEC, &spec.encode_to_vec());
    let carried = crate::proto::unknown_fields::carry_unknown(&message, slot.raw(), M::table())
        .map_err(|error| ContentsError::damaged(&error))?;
    let spec = super::contents::text(&carried, &[SPEC]).map_err(|error| ContentsError::damaged(&error))?;
    Ok(spec.unwrap_or_default().to_vec())
}

fn replace_part<M: Object>(
    slot: &mut Stored<M>,
    part: u32,
    value: &impl Message,
) -> Result<(), ContentsError> {
    let raw = wire::replace(slot.raw(), part, &value.encode_to_vec())
        .map_err(|error| ContentsError::damaged(&error))?;
    *slot = Stored::decode(raw)?;
    Ok(())
}

/// Adds a saved dataset, or replaces the one of its name.
pub(super) fn put_saved_dataset(
    contents: &mut Contents,
    project: &str,
    dataset: &larder_core::SavedDataset,
    now: Timestamp,
) -> Result<(), ContentsError> {
    put(&mut contents.saved_datasets, (project, &dataset.name), |before| {
        let (created, _) = dataset_times(before, now);
        saved_dataset_to_proto(dataset, project, (created, now), before)
    })
}

/// Adds a validation reference, or replaces the one of its name.
pub(super) fn put_validation_reference(
    contents: &mut Contents,
    project: &str,
    reference: &larder_core::ValidationReference,
) -> Result<(), ContentsError> {
    put(&mut contents.validation_references, (project, &reference.name), |before| {
        validation_reference_to_proto(reference, project, before)
    })
}

fn put<M: Object>(
    stored: &mut Vec<Stored<M>>,
    key: (&str, &str),
    encode: impl FnOnce(Option<&M>) -> M,
) -> Result<(), ContentsError> {
    match stored.iter_mut().find(|stored| stored.message().key() == key) {
        Some(slot) => *slot = slot.revised(&encode(Some(slot.message())))?,
        None => stored.push(Stored::new(encode(None))),
    }
    Ok(())
}
