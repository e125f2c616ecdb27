//! Which online rows no longer count after the registry has changed.

use std::collections::{BTreeMap, BTreeSet};

use larder_core::{DataSourceKind, Field, ValueType};
use larder_registry::RegistrySnapshot;

/// What the online rows of a view rest on. Rows written under another one do not count.
#[derive(PartialEq, Eq)]
struct Ground {
    /// Where the history lies and how it is read; not what the source is called.
    source: Option<DataSourceKind>,
    join_keys: BTreeMap<String, ValueType>,
}

/// The views whose online rows, if there are any, must go when the registry changes from `before` to
/// `after`: those no longer kept online, those newly kept online (whose name may have been used before),
/// and those with another source or other join keys.
pub(crate) fn stale_views(before: &RegistrySnapshot, after: &RegistrySnapshot) -> BTreeSet<String> {
    let (before, after) = (grounds(before), grounds(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
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
    fields.iter().map(|field| (field.name.clone(), field.value_type)).collect()
}
