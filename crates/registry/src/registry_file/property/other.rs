//! The objects that are neither sources nor views.

use larder_core::{PermissionType, PermittedAction, ValueType};

use super::{Comparison, projection_text};
use crate::expectations_json::expectations_to_json;
use crate::proto::{self, saved_dataset_from_proto, validation_reference_from_proto};
use crate::registry_diff::PropertyChange;

pub(in super::super) fn project_changes(
    before: &proto::Project,
    after: &proto::Project,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.text("description", &before.description, &after.description);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("owner", &before.owner, &after.owner);
    }
    changes.0
}

pub(in super::super) fn entity_changes(before: &proto::Entity, after: &proto::Entity) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        let type_name = |number: i32| {
            ValueType::from_number(number).map_or("UNKNOWN".to_owned(), |known| known.proto_name())
        };
        changes.text("value_type", &type_name(before.value_type), &type_name(after.value_type));
        changes.text("description", &before.description, &after.description);
        changes.text("join_key", &before.join_key, &after.join_key);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("owner", &before.owner, &after.owner);
    }
    changes.0
}

pub(in super::super) fn permission_changes(
    before: &proto::Permission,
    after: &proto::Permission,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        // Sorted, since Feast writes them in an order of its own.
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        let types = |numbers: &[i32]| -> Vec<String> {
            let name = |number: &i32| PermissionType::from_number(*number).map_or("?", |kind| kind.name());
            sorted(numbers.iter().map(|number| name(number).to_owned()).collect())
        };
        let actions = |numbers: &[i32]| -> Vec<String> {
            let name =
                |number: &i32| PermittedAction::from_number(*number).map_or("?", |action| action.name());
            sorted(numbers.iter().map(|number| name(number).to_owned()).collect())
        };
        changes.names("types", &types(&before.types), &types(&after.types));
        changes.names("name_patterns", &before.name_patterns, &after.name_patterns);
        changes.labels("required_tags", &before.required_tags, &after.required_tags);
        changes.names("actions", &actions(&before.actions), &actions(&after.actions));
        let policy =
            |spec: &proto::PermissionSpec| format!("{:?}", proto::policy_from_proto(spec.policy.as_ref()));
        changes.text("policy", &policy(before), &policy(after));
        changes.labels("tags", &before.tags, &after.tags);
    }
    changes.0
}

pub(in super::super) fn saved_dataset_changes(
    before: &proto::SavedDataset,
    after: &proto::SavedDataset,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    let storage = |dataset: &proto::SavedDataset| {
        saved_dataset_from_proto(dataset)
            .map_or_else(|_| "?".to_owned(), |dataset| format!("{:?}", dataset.storage))
    };
    changes.text("storage", &storage(before), &storage(after));
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.names("features", &before.features, &after.features);
        changes.names("join_keys", &before.join_keys, &after.join_keys);
        changes.boolean("full_feature_names", before.full_feature_names, after.full_feature_names);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("feature_service_name", &before.feature_service_name, &after.feature_service_name);
        changes.text("namespace", &before.namespace, &after.namespace);
        changes.text("collection", &before.collection, &after.collection);
        changes.text("description", &before.description, &after.description);
    }
    changes.0
}

pub(in super::super) fn validation_reference_changes(
    before: &proto::ValidationReference,
    after: &proto::ValidationReference,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    changes.text("reference_dataset_name", &before.reference_dataset_name, &after.reference_dataset_name);
    changes.text("description", &before.description, &after.description);
    changes.labels("tags", &proto::visible_tags(&before.tags), &proto::visible_tags(&after.tags));
    let expectations = |reference: &proto::ValidationReference| {
        validation_reference_from_proto(reference).map_or_else(
            |_| "?".to_owned(),
            |reference| expectations_to_json(&reference.expectations).to_string(),
        )
    };
    changes.text("expectations", &expectations(before), &expectations(after));
    let profile = |reference: &proto::ValidationReference| {
        let bytes = reference.ge_profile.as_ref().map(|profile| profile.expectation_suite.clone());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    changes.text("profile", &profile(before), &profile(after));
    changes.0
}

pub(in super::super) fn feature_service_changes(
    before: &proto::FeatureService,
    after: &proto::FeatureService,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        let features = |spec: &proto::FeatureServiceSpec| {
            let texts: Vec<String> = spec.features.iter().map(projection_text).collect();
            format!("[{}]", texts.join(", "))
        };
        let logging = |spec: &proto::FeatureServiceSpec| {
            spec.logging_config.as_ref().map_or_else(|| "None".to_owned(), |config| format!("{config:?}"))
        };
        changes.text("logging_config", &logging(before), &logging(after));
        changes.boolean("precompute_online", before.precompute_online, after.precompute_online);
        changes.text("features", &features(before), &features(after));
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("description", &before.description, &after.description);
        changes.text("owner", &before.owner, &after.owner);
    }
    changes.0
}
