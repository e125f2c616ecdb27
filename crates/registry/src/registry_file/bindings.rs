//! Which components were bound to views by hand.
//!
//! A binding stands in the tags of its view. A user's own `feast apply` of a changed definition replaces all
//! tags, so it stands in a file beside the components as well, and is taken from there where the tags have
//! none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use larder_core::TransformationReference;
use serde_json::{Map, Value};

use super::durable;
use super::error::RegistryError;
use crate::proto;

/// The file of bindings: `{"project": {"view": {"larder.dev/wasm-component": …}}}`.
#[derive(Debug)]
pub(super) struct Bindings {
    path: PathBuf,
}

type Tags = BTreeMap<String, String>;

impl Bindings {
    /// The file in the folder `components` beside a registry file.
    pub(super) fn beside(registry: &Path) -> Self {
        Self { path: registry.with_file_name("components").join("bindings.json") }
    }

    /// The bindings of a project, as tags by view. A file that cannot be understood binds nothing; that a
    /// view needs a component is told when it is used.
    pub(super) fn of_project(&self, project: &str) -> BTreeMap<String, Tags> {
        let file = self.read();
        let Some(Value::Object(views)) = file.get(project) else { return BTreeMap::new() };
        let tags = |tags: &Value| -> Tags {
            let pairs = tags.as_object().into_iter().flatten();
            pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        };
        views.iter().map(|(view, bound)| (view.clone(), tags(bound))).collect()
    }

    /// Remembers a binding in place of the view's last one.
    pub(super) fn put(
        &self,
        project: &str,
        view: &str,
        transformation: &TransformationReference,
    ) -> Result<(), RegistryError> {
        let mut file = self.read();
        let tags = proto::component_tags(transformation);
        let tags: Map<String, Value> = tags.into_iter().map(|(key, value)| (key, value.into())).collect();
        let views = file.entry(project.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(views) = views {
            views.insert(view.to_owned(), Value::Object(tags));
        }
        self.write(file)
    }

    /// Forgets the bindings of a project.
    pub(super) fn remove_project(&self, project: &str) -> Result<(), RegistryError> {
        let mut file = self.read();
        if file.remove(project).is_none() {
            return Ok(());
        }
        self.write(file)
    }

    fn read(&self) -> Map<String, Value> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(Value::Object(file)) => file,
            _ => Map::new(),
        }
    }

    fn write(&self, file: Map<String, Value>) -> Result<(), RegistryError> {
        durable::replace(&self.path, Value::Object(file).to_string().as_bytes())
    }
}
