//! Objects that clients send to be registered, in Feast's messages.

use std::collections::{BTreeMap, HashMap};

use larder_core::{DataSourceKind, ExternalSystem, PermissionType, Result, ViewVersion};

use crate::PermissionRule;
use crate::proto::descriptor::Message;
use crate::proto::soundness;
use crate::proto::{
    self, Unsupported, data_source_from_proto, entity_from_proto, feature_service_from_proto,
    feature_view_from_proto, label_view_from_proto, on_demand_feature_view_from_proto, permission_from_proto,
    saved_dataset_from_proto, stream_feature_view_from_proto, validation_reference_from_proto,
};
use crate::registry_diff::ObjectKind;
use crate::registry_file::{Listed, RegistryError, Stored};
use crate::repo_config::is_project_name;

/// An object as a client sends it, known to be one that everybody who reads the registry can read.
///
/// What larder itself cannot use yet, such as a source of another system, is registered all the same. The bodies
/// of Python functions are not looked into.
#[derive(Clone, Debug)]
pub struct SentObject {
    kind: ObjectKind,
    pub(crate) message: Sent,
}

/// The message of each kind, with its bytes.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Project(Stored<proto::Project>),
    DataSource(Stored<proto::DataSource>),
    Entity(Stored<proto::Entity>),
    FeatureView(Stored<proto::FeatureView>),
    OnDemandFeatureView(Stored<proto::OnDemandFeatureView>),
    StreamFeatureView(Stored<proto::StreamFeatureView>),
    LabelView(Stored<proto::LabelView>),
    FeatureService(Stored<proto::FeatureService>),
    Permission(Stored<proto::Permission>),
    SavedDataset(Stored<proto::SavedDataset>),
    ValidationReference(Stored<proto::ValidationReference>),
}

macro_rules! with_message {
    ($sent:expr, $stored:ident => $value:expr) => {
        match $sent {
            Sent::Project($stored) => $value,
            Sent::DataSource($stored) => $value,
            Sent::Entity($stored) => $value,
            Sent::FeatureView($stored) => $value,
            Sent::OnDemandFeatureView($stored) => $value,
            Sent::StreamFeatureView($stored) => $value,
            Sent::LabelView($stored) => $value,
            Sent::FeatureService($stored) => $value,
            Sent::Permission($stored) => $value,
            Sent::SavedDataset($stored) => $value,
            Sent::ValidationReference($stored) => $value,
        }
    };
}

impl SentObject {
    /// Reads Feast's message of a kind of objects.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unregistrable`] if the bytes are no such message; if they lack what makes an object, such
    /// as its name; and if Feast's clients, or larder, could not read a registry that has it.
    pub fn read(kind: ObjectKind, bytes: &[u8]) -> Result<Self> {
        Ok(Self::try_read(kind, bytes)?)
    }

    fn try_read(kind: ObjectKind, bytes: &[u8]) -> Result<Self, RegistryError> {
        let (message, table) = match kind {
            ObjectKind::Project => message(kind, bytes, Sent::Project)?,
            ObjectKind::DataSource => message(kind, bytes, Sent::DataSource)?,
            ObjectKind::Entity => message(kind, bytes, Sent::Entity)?,
            ObjectKind::FeatureView => message(kind, bytes, Sent::FeatureView)?,
            ObjectKind::OnDemandFeatureView => message(kind, bytes, Sent::OnDemandFeatureView)?,
            ObjectKind::StreamFeatureView => message(kind, bytes, Sent::StreamFeatureView)?,
            ObjectKind::LabelView => message(kind, bytes, Sent::LabelView)?,
            ObjectKind::FeatureService => message(kind, bytes, Sent::FeatureService)?,
            ObjectKind::Permission => message(kind, bytes, Sent::Permission)?,
            ObjectKind::SavedDataset => message(kind, bytes, Sent::SavedDataset)?,
            ObjectKind::ValidationReference => message(kind, bytes, Sent::ValidationReference)?,
        };
        let object = Self { kind, message };
        let wrong = |reason: String| {
            let name = object.name();
            let named = if name.is_empty() { String::new() } else { format!(" `{}`", name.escape_debug()) };
            RegistryError::Unregistrable { object: format!("{}{named}", kind.noun()), reason }
        };
        soundness::check(bytes, table).map_err(|error| wrong(error.to_string()))?;
        object.check_name().map_err(|reason| wrong(reason.to_owned()))?;
        object.check_definition().map_err(wrong)?;
        Ok(object)
    }

    /// What it is.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// What it is to permissions.
    pub fn permission_type(&self) -> PermissionType {
        with_message!(&self.message, stored => stored.message().permission_type())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        fn name<M: Listed>(stored: &Stored<M>) -> &str {
            stored.message().key().1
        }
        with_message!(&self.message, stored => name(stored))
    }

    /// Its tags.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        with_message!(&self.message, stored => stored.message().tags())
    }

    fn check_name(&self) -> Result<(), &'static str> {
        let name = self.name();
        if name.is_empty() {
            return Err("it has no name");
        }
        // They would be shown in tables and logs, and be parts of paths.
        if name.contains(char::is_control) {
            return Err("its name holds control characters");
        }
        match self.kind {
            ObjectKind::Project if !is_project_name(name) => {
                Err("a name holds letters, digits, `_` and `-`, and starts with a letter or a digit")
            }
            ObjectKind::FeatureView
            | ObjectKind::OnDemandFeatureView
            | ObjectKind::StreamFeatureView
            | ObjectKind::LabelView
                if name.contains(['@', ':']) =>
            {
                Err("`@` and `:` stand for versions and features in references to views")
            }
            _ => Ok(()),
        }
    }

    /// What the tables of fields do not say.
    fn check_definition(&self) -> Result<(), String> {
        let asked = match &self.message {
            Sent::FeatureView(view) => view.message().spec.as_ref().map(|spec| &spec.version),
            Sent::OnDemandFeatureView(view) => view.message().spec.as_ref().map(|spec| &spec.version),
            Sent::StreamFeatureView(view) => view.message().spec.as_ref().map(|spec| &spec.version),
            _ => None,
        };
        asked.map_or(Ok(ViewVersion::Latest), |asked| asked.parse()).map_err(|error| error.to_string())?;
        // Which entities there are is not known here, nor does it matter to what is checked.
        let (keys, mut unsupported) = (HashMap::new(), Vec::new());
        let read = match &self.message {
            Sent::Project(_) => Ok(()),
            Sent::DataSource(source) => {
                return check_source(source.message());
            }
            Sent::Entity(entity) => entity_from_proto(entity.message()).map(|_| ()),
            Sent::FeatureView(view) => {
                feature_view_from_proto(view.message(), &keys, &mut unsupported).map(|_| ())
            }
            Sent::OnDemandFeatureView(view) => {
                check_function(view.message())?;
                on_demand_feature_view_from_proto(view.message(), &keys, &mut unsupported).map(|_| ())
            }
            Sent::StreamFeatureView(view) => {
                stream_feature_view_from_proto(view.message(), &keys, &mut unsupported).map(|_| ())
            }
            Sent::LabelView(view) => {
                label_view_from_proto(view.message(), &keys, &mut unsupported).map(|_| ())
            }
            Sent::FeatureService(service) => feature_service_from_proto(service.message()).map(|_| ()),
            Sent::Permission(permission) => {
                let permission =
                    permission_from_proto(permission.message()).map_err(|error| error.to_string())?;
                return PermissionRule::new(permission).map(|_| ()).map_err(|error| error.to_string());
            }
            Sent::SavedDataset(dataset) => saved_dataset_from_proto(dataset.message()).map(|_| ()),
            Sent::ValidationReference(reference) => {
                validation_reference_from_proto(reference.message()).map(|_| ())
            }
        };
        refuse_damage(read)
    }
}

/// Decodes a message of any kind.
fn message<M: Listed>(
    kind: ObjectKind,
    bytes: &[u8],
    sent: fn(Stored<M>) -> Sent,
) -> Result<(Sent, &'static Message), RegistryError> {
    let stored = Stored::decode(bytes.to_vec()).map_err(|_| RegistryError::Unregistrable {
        object: kind.noun().to_owned(),
        reason: "its bytes are no message of Feast's".to_owned(),
    })?;
    Ok((sent(stored), M::table()))
}

/// What larder has no type for is kept and shown, as it is in any registry.
fn refuse_damage(read: Result<(), Unsupported>) -> Result<(), String> {
    match read {
        Err(error @ (Unsupported::Incomplete { .. } | Unsupported::Damaged { .. })) => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn check_source(source: &proto::DataSource) -> Result<(), String> {
    match data_source_from_proto(source) {
        // Only its class tells Feast how to read it.
        Ok(read)
            if matches!(&read.kind, DataSourceKind::External(table) if table.system == ExternalSystem::Custom)
                && !source.data_source_class_type.contains('.') =>
        {
            Err("it lacks its `data_source_class_type`".to_owned())
        }
        Err(Unsupported::SourceType { number }) => {
            Err(format!("larder does not know data sources of type {number}"))
        }
        read => refuse_damage(read.map(|_| ())),
    }
}

/// Checks that Feast's clients find a function: they read all on-demand views at once, and one without keeps
/// them from the others.
fn check_function(view: &proto::OnDemandFeatureView) -> Result<(), String> {
    let Some(spec) = &view.spec else { return Ok(()) };
    let transformation = spec.feature_transformation.as_ref();
    let function = transformation.and_then(|known| known.user_defined_function.as_ref());
    let has_text = function.is_some_and(|function| !function.body_text.is_empty());
    let has_plan = transformation.is_some_and(|known| known.substrait_transformation.is_some());
    let has_old = spec
        .user_defined_function
        .as_ref()
        .is_some_and(|old| !old.body.is_empty() || !old.body_text.is_empty());
    let mode = spec.mode.as_str();
    if has_text {
        if !matches!(mode, "pandas" | "python") {
            return Err(format!("a function has the mode `pandas` or `python`, and not `{mode}`"));
        }
    } else if has_plan {
        if mode != "substrait" {
            return Err(format!("a Substrait plan has the mode `substrait`, and not `{mode}`"));
        }
    } else if !has_old && spec.aggregations.is_empty() {
        return Err("it has neither the text of a function nor aggregations".to_owned());
    }
    if spec.singleton && mode != "python" {
        return Err(format!("a singleton has the mode `python`, and not `{mode}`"));
    }
    Ok(())
}
