//! What a change of the registry means for the online rows.

use std::collections::{BTreeMap, BTreeSet};

use larder_core::{DataSourceKind, Field, ValueType};
use larder_registry::RegistrySnapshot;

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
    let views = snapshot.feature_views().iter().filter(|view| view.object.online).map(|view| {
        let view = &view.object;
        let source = view.batch_source.as_ref().and_then(|name| snapshot.data_source(name).ok());
        let source = source.map(|source| source.object.kind.clone());
        (view.name.clone(), Ground { source, join_keys: types(&view.join_keys) })
    });
    let written = snapshot.on_demand_feature_views().iter().filter(|view| view.object.write_to_online_store);
    let written = written.map(|view| {
        let view = &view.object;
        (view.name.clone(), Ground { source: None, join_keys: types(&view.join_keys) })
    });
    views.chain(written).collect()
}

fn types(fields: &[Field]) -> BTreeMap<String, ValueType> {
    fields.iter().map(|field| (field.name.clone(), field.value_type.clone())).collect()
}
