//! Objects that clients send in protobuf's JSON form.

use larder_core::Result;
use serde_json::Value;

use crate::SentObject;
use crate::describe::{UnknownFields, encode};
use crate::proto::descriptor::{self, Message};
use crate::proto::{source_type_number, usual_class};
use crate::registry_diff::ObjectKind;
use crate::registry_file::RegistryError;

impl SentObject {
    /// Reads an object of a kind in the form in which [`RegisteredObject::json`](crate::RegisteredObject::json) shows
    /// it.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unregistrable`] as [`read`](Self::read), and if a field is none of Feast's.
    pub fn of_json(kind: ObjectKind, json: &Value) -> Result<Self> {
        let bytes = bytes_of(kind, json)?;
        Self::read(kind, &bytes)
    }
}

fn bytes_of(kind: ObjectKind, json: &Value) -> Result<Vec<u8>, RegistryError> {
    let wrong = |reason: String| RegistryError::Unregistrable { object: kind.noun().to_owned(), reason };
    let mut json = json.clone();
    // What is not shown of a source where it stands for itself, Feast wants to know where a view carries it.
    if let Some(source) = json.pointer_mut("/spec/batchSource") {
        name_class(source);
    }
    let object = json.as_object().ok_or_else(|| wrong("it is no JSON object".to_owned()))?;
    encode(object, table(kind), UnknownFields::Refused).map_err(|error| wrong(error.to_string()))
}

fn name_class(source: &mut Value) {
    let number = source.get("type").and_then(Value::as_str).and_then(source_type_number);
    let Some(class) = number.map(usual_class).filter(|class| !class.is_empty()) else { return };
    if let Some(source) = source.as_object_mut() {
        source.entry("dataSourceClassType").or_insert_with(|| class.into());
    }
}

fn table(kind: ObjectKind) -> &'static Message {
    match kind {
        ObjectKind::Project => &descriptor::PROJECT,
        ObjectKind::DataSource => &descriptor::DATA_SOURCE,
        ObjectKind::Entity => &descriptor::ENTITY,
        ObjectKind::FeatureView => &descriptor::FEATURE_VIEW,
        ObjectKind::OnDemandFeatureView => &descriptor::ON_DEMAND_FEATURE_VIEW,
        ObjectKind::StreamFeatureView => &descriptor::STREAM_FEATURE_VIEW,
        ObjectKind::LabelView => &descriptor::LABEL_VIEW,
        ObjectKind::FeatureService => &descriptor::FEATURE_SERVICE,
        ObjectKind::Permission => &descriptor::PERMISSION,
        ObjectKind::SavedDataset => &descriptor::SAVED_DATASET,
        ObjectKind::ValidationReference => &descriptor::VALIDATION_REFERENCE,
    }
}
