//! How definitions change views of every kind, and which versions of them are kept.

use larder_core::{FeatureView, FeatureViewKind, FeatureViewState, Timestamp};

use super::{Apply, Revised, meta};
use crate::proto::{
    DataSourceEncoder, FeatureViewMeta, OnDemandFeatureViewMeta, Views, feature_view_to_proto,
    label_view_to_proto, on_demand_feature_view_to_proto, stream_feature_view_to_proto, time_to_proto,
};
use crate::registry_diff::{Action, ObjectKind};
use crate::registry_file::contents::Contents;
use crate::registry_file::error::RegistryError;
use crate::registry_file::property;
use crate::registry_file::versioning::{Outcome, Records, Versioning, ViewMessage};

impl<'a> Apply<'a> {
    fn versioning(&self) -> Versioning<'a> {
        Versioning { project: self.project_name(), applying: self.applying }
    }

    /// The views whose values are stored, kind by kind.
    pub(super) fn stored_views(
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

    pub(super) fn on_demand_feature_views(
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

    /// The versions of views that are gone.
    pub(super) fn forget_versions(&self, contents: &mut Contents) {
        let of_views = || self.diff.changes.iter().filter(|change| change.kind.is_view());
        for change in of_views().filter(|change| change.action == Action::Delete) {
            // A view that became one of another kind goes on.
            let goes_on = of_views().any(|other| other.name == change.name && other.action == Action::Create);
            if !goes_on {
                contents.forget_versions(self.project_name(), &change.name);
            }
        }
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

pub(super) fn version_number(number: i32) -> u32 {
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
