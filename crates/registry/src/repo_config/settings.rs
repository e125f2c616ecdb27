//! The settings as people read them.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::describe::{Letters, to_yaml};
use crate::yaml::Entry;

/// What `feature_store.yaml` says, with its variables filled in. Displays as the YAML that Feast's
/// `configuration` prints: keys in Feast's order, unknown ones last, and the stores that are used where none
/// is named.
#[derive(Clone, PartialEq)]
pub struct Settings(Value);

/// Feast's keys in the order in which it prints them.
const ORDER: [&str; 17] = [
    "project",
    "project_description",
    "provider",
    "registry",
    "online_store",
    "auth",
    "offline_store",
    "batch_engine",
    "feature_server",
    "embedding_model",
    "flags",
    "entity_key_serialization_version",
    "coerce_tz_aware",
    "materialization",
    "openlineage",
    "mlflow",
    "data_quality_monitoring",
];

impl Settings {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let find = |key: &str| entries.iter().find(|entry| entry.key == key);
        let mut settings = Map::new();
        for key in ORDER {
            let default = match key {
                "online_store" => Some(json!("sqlite")),
                "auth" if find("auth_config").is_none() => Some(json!({"type": "no_auth"})),
                "offline_store" => Some(json!("dask")),
                "batch_engine" => Some(json!("local")),
                _ => None,
            };
            if let Some(value) = find(key).map(|entry| entry.value.json()).or(default) {
                settings.insert(key.to_owned(), value);
            }
        }
        // The repo's folder is no setting of the file.
        for entry in
            entries.iter().filter(|entry| !ORDER.contains(&entry.key.as_str()) && entry.key != "repo_path")
        {
            settings.insert(entry.key.clone(), entry.value.json());
        }
        Self(Value::Object(settings))
    }

    /// The settings as JSON.
    pub fn json(&self) -> &Value {
        &self.0
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_yaml(&self.0, Letters::Escaped))
    }
}

// Settings may hold passwords, which a log must not show.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}
