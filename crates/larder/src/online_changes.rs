//! What a change of the registry means for the online rows.

use std::collections::{BTreeMap, BTreeSet};

use larder_core::{DataSourceKind, FeatureView, Field, OnDemandFeatureView, ValueType};
use larder_registry::{RegistrySnapshot, VersionedView};

/// The views that begin or cease to be kept online, or whose rows no longer count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnlineChanges {
    /// Newly kept online; the name may have been used before.
    pub(crate) created: BTreeSet<String>,
    /// Kept online before and after, with another source or other join keys.
    pub(crate) grounded_anew: BTreeSet<String>,
    /// No longer kept online.
    pub(crate) removed: BTreeSet<String>,
}

impl OnlineChanges {
    /// What changes when the registry changes from `before` to `after`.
    pub(crate) fn between(before: &RegistrySnapshot, after: &RegistrySnapshot) -> Self {
        let (before, after) = (grounds(before), grounds(after));
        let mut changes = Self::default();
        for (view, ground) in &after {
            match before.get(view) {
                None => changes.created.insert(view.clone()),
                Some(before) if before != ground => changes.grounded_anew.insert(view.clone()),
                Some(_) => false,
            };
        }
        changes.removed = before.into_keys().filter(|view| !after.contains_key(view)).collect();
        changes
    }

    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the online rows of a view rest on. Rows written under another one do not count.
#[derive(PartialEq, Eq)]
struct Ground {
    /// Where the history lies and how it is read; not what the source is called.
    source: Option<DataSourceKind>,
    join_keys: BTreeMap<String, ValueType>,
}

fn grounds(snapshot: &RegistrySnapshot) -> BTreeMap<String, Ground> {
    let mut grounds = BTreeMap::new();
    let views = snapshot.feature_views().iter().map(|view| &view.object);
    let on_demand = snapshot.on_demand_feature_views().iter().map(|view| &view.object);
    if snapshot.has_online_versioning() {
        // The rows of other versions stay: they can be asked for by name.
        for name in views.clone().map(|view| &view.name).chain(on_demand.clone().map(|view| &view.name)) {
            for version in snapshot.feature_view_versions(name) {
                let ground = match &version.view {
                    Ok(VersionedView::Stored(view)) => stored(snapshot, view),
                    Ok(VersionedView::OnDemand(view)) => written(view),
                    Err(_) => None,
                };
                grounds
                    .extend(ground.map(|ground| (snapshot.online_name(name, Some(version.number)), ground)));
            }
        }
    }
    let in_use = views
        .map(|view| (&view.name, stored(snapshot, view)))
        .chain(on_demand.map(|view| (&view.name, written(view))));
    for (name, ground) in in_use {
        let name = snapshot.online_name(name, None);
        match ground {
            Some(ground) => grounds.insert(name, ground),
            None => grounds.remove(&name),
        };
    }
    grounds
}

/// What the rows of a stored view rest on; nothing for one that has no rows.
fn stored(snapshot: &RegistrySnapshot, view: &FeatureView) -> Option<Ground> {
    let source = view.batch_source.as_ref().and_then(|name| snapshot.data_source(name).ok());
    let source = source.map(|source| source.object.kind.clone());
    view.online.then(|| Ground { source, join_keys: types(&view.join_keys) })
}

/// What the rows of an on-demand view rest on; nothing for one that has no rows.
fn written(view: &OnDemandFeatureView) -> Option<Ground> {
    view.write_to_online_store.then(|| Ground { source: None, join_keys: types(&view.join_keys) })
}

fn types(fields: &[Field]) -> BTreeMap<String, ValueType> {
    fields.iter().map(|field| (field.name.clone(), field.value_type.clone())).collect()
}
