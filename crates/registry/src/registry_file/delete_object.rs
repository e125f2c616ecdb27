//! Removing one object.

use super::contents::{Contents, Object, Stored};
use crate::registry_diff::ObjectKind;

/// The kinds in the order in which Feast looks for a name.
const ORDER: [ObjectKind; 10] = [
    ObjectKind::Entity,
    ObjectKind::FeatureView,
    ObjectKind::FeatureService,
    ObjectKind::DataSource,
    ObjectKind::SavedDataset,
    ObjectKind::ValidationReference,
    ObjectKind::StreamFeatureView,
    ObjectKind::OnDemandFeatureView,
    ObjectKind::LabelView,
    ObjectKind::Permission,
];

/// The kind of the object of this name that [`delete_object`] would remove.
pub(super) fn find_object(contents: &Contents, project: &str, name: &str) -> Option<ObjectKind> {
    fn has<M: Object>(objects: &[Stored<M>], key: (&str, &str)) -> bool {
        objects.iter().any(|object| object.message().key() == key)
    }
    let key = (project, name);
    ORDER.into_iter().find(|kind| match kind {
        ObjectKind::Entity => name != larder_core::DUMMY_ENTITY && has(&contents.entities, key),
        ObjectKind::FeatureView => has(&contents.feature_views, key),
        ObjectKind::FeatureService => has(&contents.feature_services, key),
        ObjectKind::DataSource => has(&contents.data_sources, key),
        ObjectKind::SavedDataset => has(&contents.saved_datasets, key),
        ObjectKind::ValidationReference => has(&contents.validation_references, key),
        ObjectKind::StreamFeatureView => has(&contents.stream_feature_views, key),
        ObjectKind::OnDemandFeatureView => has(&contents.on_demand_feature_views, key),
        ObjectKind::LabelView => has(&contents.label_views, key),
        ObjectKind::Permission => has(&contents.permissions, key),
        ObjectKind::Project => false,
    })
}

/// Removes an object; whether it was there. A project is not one object, and stays.
pub(super) fn delete_object(contents: &mut Contents, project: &str, kind: ObjectKind, name: &str) -> bool {
    fn remove<M: Object>(objects: &mut Vec<Stored<M>>, key: (&str, &str)) -> bool {
        let before = objects.len();
        objects.retain(|object| object.message().key() != key);
        before != objects.len()
    }
    let key = (project, name);
    match kind {
        ObjectKind::Entity => remove(&mut contents.entities, key),
        ObjectKind::FeatureView => remove(&mut contents.feature_views, key),
        ObjectKind::FeatureService => remove(&mut contents.feature_services, key),
        ObjectKind::DataSource => remove(&mut contents.data_sources, key),
        ObjectKind::SavedDataset => remove(&mut contents.saved_datasets, key),
        ObjectKind::ValidationReference => remove(&mut contents.validation_references, key),
        ObjectKind::StreamFeatureView => remove(&mut contents.stream_feature_views, key),
        ObjectKind::OnDemandFeatureView => remove(&mut contents.on_demand_feature_views, key),
        ObjectKind::LabelView => remove(&mut contents.label_views, key),
        ObjectKind::Permission => remove(&mut contents.permissions, key),
        ObjectKind::Project => false,
    }
}
