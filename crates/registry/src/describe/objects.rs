//! Everything that a registry holds, object by object, in protobuf's JSON form.

use std::collections::{BTreeMap, HashMap};

use larder_core::{PermissionType, Timestamp};
use serde_json::Value;

use super::{decode, hide_usual_class, show_ttl};
use crate::SortValue;
use crate::proto::descriptor::{value_type_name, value_type_number};
use crate::proto::{self, author_tags, value_type_of};
use crate::registry_diff::ObjectKind;
use crate::registry_file::{Contents, ContentsError, Object, Stored};

/// The objects of all projects as a registry held them at one moment, in the order of its file.
///
/// They are made from the stored bytes, so that what larder does not use of an object, and objects that it cannot
/// use at all, are among them, and also the hidden entity of views without entities, as in Feast.
#[derive(Clone, Debug, Default)]
pub struct RegistryObjects {
    last_updated: Option<Timestamp>,
    projects: Vec<RegisteredObject>,
    of_project: HashMap<String, BTreeMap<ObjectKind, Vec<RegisteredObject>>>,
}

/// An object as a registry holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisteredObject {
    /// What it is.
    pub kind: ObjectKind,
    /// What it is to permissions, which tell batch views from feature views.
    pub permission_type: PermissionType,
    /// Its name, unique in its kind and project.
    pub name: String,
    /// All its tags, larder's own among them.
    pub tags: BTreeMap<String, String>,
    /// `{"spec": {…}, "meta": {…}}`, a data source without these two levels; without the name of the project.
    pub json: Value,
}

/// A feature or a label of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredFeature {
    /// Its name.
    pub name: String,
    /// The view.
    pub view: String,
    /// Its type, by Feast's name: `Array(Float32)`.
    pub value_type: String,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Whether its view is a label view.
    pub is_label: bool,
}

impl RegistryObjects {
    pub(crate) fn of(contents: &Contents) -> Result<Self, ContentsError> {
        let mut all = Self { last_updated: contents.last_updated, ..Self::default() };
        all.projects = decode_all(&contents.projects, ObjectKind::Project, |_| PermissionType::Project)?
            .into_iter()
            .map(|(_, object)| object)
            .collect();
        all.add(&contents.entities, ObjectKind::Entity, |_| PermissionType::Entity)?;
        all.add(&contents.data_sources, ObjectKind::DataSource, |_| PermissionType::DataSource)?;
        all.add(&contents.feature_views, ObjectKind::FeatureView, |view| {
            match view.spec.as_ref().map(proto::view_class) {
                Some("BatchFeatureView") => PermissionType::BatchFeatureView,
                _ => PermissionType::FeatureView,
            }
        })?;
        all.add(&contents.stream_feature_views, ObjectKind::StreamFeatureView, |_| {
            PermissionType::StreamFeatureView
        })?;
        all.add(&contents.on_demand_feature_views, ObjectKind::OnDemandFeatureView, |_| {
            PermissionType::OnDemandFeatureView
        })?;
        all.add(&contents.label_views, ObjectKind::LabelView, |_| PermissionType::LabelView)?;
        all.add(&contents.feature_services, ObjectKind::FeatureService, |_| PermissionType::FeatureService)?;
        all.add(&contents.saved_datasets, ObjectKind::SavedDataset, |_| PermissionType::SavedDataset)?;
        all.add(&contents.validation_references, ObjectKind::ValidationReference, |_| {
            PermissionType::ValidationReference
        })?;
        all.add(&contents.permissions, ObjectKind::Permission, |_| PermissionType::Permission)?;
        Ok(all)
    }

    fn add<M: Object>(
        &mut self,
        stored: &[Stored<M>],
        kind: ObjectKind,
        permission_type: impl Fn(&M) -> PermissionType,
    ) -> Result<(), ContentsError> {
        for (project, object) in decode_all(stored, kind, permission_type)? {
            self.of_project.entry(project).or_default().entry(kind).or_default().push(object);
        }
        Ok(())
    }

    /// When the registry was last written.
    pub fn last_updated(&self) -> Option<Timestamp> {
        self.last_updated
    }

    /// The projects that the registry lists, protected ones among them.
    pub fn projects(&self) -> &[RegisteredObject] {
        &self.projects
    }

    /// The objects of one kind of a project; none of a project that is not there.
    pub fn of_kind(&self, project: &str, kind: ObjectKind) -> &[RegisteredObject] {
        if kind == ObjectKind::Project {
            return self.projects();
        }
        let objects = self.of_project.get(project).and_then(|kinds| kinds.get(&kind));
        objects.map(Vec::as_slice).unwrap_or_default()
    }

    /// The object of this name, if there is one.
    pub fn find(&self, project: &str, kind: ObjectKind, name: &str) -> Option<&RegisteredObject> {
        self.of_kind(project, kind).iter().find(|object| object.name == name)
    }

    /// The views of a project in the order in which Feast lists them: feature, stream, on-demand and label views.
    pub fn views(&self, project: &str) -> impl Iterator<Item = &RegisteredObject> {
        VIEW_KINDS.into_iter().flat_map(|kind| self.of_kind(project, kind))
    }
}

/// The kinds of views, in the order in which Feast lists them.
const VIEW_KINDS: [ObjectKind; 4] = [
    ObjectKind::FeatureView,
    ObjectKind::StreamFeatureView,
    ObjectKind::OnDemandFeatureView,
    ObjectKind::LabelView,
];

impl RegisteredObject {
    /// Part of what it says: of its `spec`, of a data source itself.
    pub fn spec(&self, key: &str) -> Option<&Value> {
        self.json.get("spec").unwrap_or(&self.json).get(key)
    }

    /// What it is sorted by, where Feast's class of it has such an attribute: by its span of time a view is sorted
    /// as by a number.
    pub fn sort_value(&self, attribute: &str) -> SortValue {
        match attribute {
            "type" | "project" => SortValue::Missing,
            "ttl" => {
                let seconds = self.spec("ttl").and_then(|ttl| ttl.as_str()?.strip_suffix('s')?.parse().ok());
                seconds.map_or(SortValue::Missing, SortValue::Number)
            }
            // What Feast's Python calls a type that is not told.
            "value_type" if self.kind == ObjectKind::Entity && self.spec("valueType").is_none() => {
                SortValue::of_text("UNKNOWN")
            }
            attribute => SortValue::of_json(&self.json, attribute),
        }
    }

    /// The features or labels of a view; of any other object none.
    pub fn features(&self) -> Vec<RegisteredFeature> {
        let is_view = VIEW_KINDS.contains(&self.kind);
        let features = self.spec("features").filter(|_| is_view).and_then(Value::as_array);
        features.into_iter().flatten().map(|feature| self.feature(feature)).collect()
    }

    fn feature(&self, feature: &Value) -> RegisteredFeature {
        let text = |key: &str| feature.get(key).and_then(Value::as_str).unwrap_or_default();
        let tags = tags_of(feature);
        RegisteredFeature {
            name: text("name").to_owned(),
            view: self.name.clone(),
            value_type: value_type_text(text("valueType"), &tags),
            description: text("description").to_owned(),
            tags: author_tags(&tags),
            is_label: self.kind == ObjectKind::LabelView,
        }
    }
}

/// What people call a type: `Array(Float32)` is `FLOAT_LIST` in a registry. `tags` are those of the field, which tell
/// what some types hold. A type that larder does not have is called as in the registry.
pub fn value_type_text(registered: &str, tags: &BTreeMap<String, String>) -> String {
    let number = value_type_number(registered).and_then(|number| i32::try_from(number).ok());
    match number.and_then(|number| value_type_of(number, tags)) {
        Some(value_type) => value_type.to_string(),
        None if registered.is_empty() => value_type_name(0).unwrap_or_default().to_owned(),
        None => registered.to_owned(),
    }
}

fn decode_all<M: Object>(
    stored: &[Stored<M>],
    kind: ObjectKind,
    permission_type: impl Fn(&M) -> PermissionType,
) -> Result<Vec<(String, RegisteredObject)>, ContentsError> {
    let decode_one = |stored: &Stored<M>| {
        let (project, name) = stored.message().key();
        let mut object = decode(stored.raw(), M::table())?;
        match kind {
            ObjectKind::DataSource => hide_usual_class(&mut object),
            ObjectKind::FeatureView => show_ttl(&mut object),
            _ => {}
        }
        let json = Value::Object(object);
        let tags = tags_of(json.get("spec").unwrap_or(&json));
        let permission_type = permission_type(stored.message());
        Ok((
            project.to_owned(),
            RegisteredObject { kind, permission_type, name: name.to_owned(), tags, json },
        ))
    };
    stored.iter().map(decode_one).collect()
}

fn tags_of(part: &Value) -> BTreeMap<String, String> {
    let tags = part.get("tags").and_then(Value::as_object).into_iter().flatten();
    tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
