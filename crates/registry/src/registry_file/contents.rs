//! What a registry file holds, kept so that what is not touched is written back byte for byte.

use larder_core::Timestamp;
use prost::Message;

use super::error::ContentsError;
use crate::proto::descriptor;
use crate::proto::unknown_fields::carry_unknown;
use crate::proto::wire::{self, WireField, WireValue};
use crate::proto::{self, time_from_proto, time_to_proto};

/// An object with the bytes it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored<M> {
    raw: Vec<u8>,
    message: M,
}

impl<M: Message + Default> Stored<M> {
    /// An object made here.
    pub(crate) fn new(message: M) -> Self {
        Self { raw: message.encode_to_vec(), message }
    }

    /// An object from its bytes.
    pub(crate) fn decode(raw: Vec<u8>) -> Result<Self, ContentsError> {
        let message = M::decode(raw.as_slice()).map_err(|error| ContentsError::damaged(&error))?;
        Ok(Self { raw, message })
    }

    pub(crate) fn message(&self) -> &M {
        &self.message
    }

    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }
}

/// A kind of object: where it is named, and to which project it belongs.
pub(crate) trait Object: Message + Default + Clone {
    /// The project and the name.
    fn key(&self) -> (&str, &str);

    /// All fields that Feast's message has.
    fn table() -> &'static descriptor::Message;
}

impl<M: Object> Stored<M> {
    /// An object made here in the place of this one, with what only this one says: what newer versions of
    /// Feast have added to it.
    pub(crate) fn revised(&self, message: &M) -> Result<Self, ContentsError> {
        let raw = carry_unknown(&message.encode_to_vec(), &self.raw, M::table())
            .map_err(|error| ContentsError::damaged(&error))?;
        Self::decode(raw)
    }
}

macro_rules! object {
    ($message:ty, $table:ident, |$object:ident| $key:expr) => {
        impl Object for $message {
            fn key(&self) -> (&str, &str) {
                let $object = self;
                $key
            }

            fn table() -> &'static descriptor::Message {
                &descriptor::$table
            }
        }
    };
    ($message:ty, $table:ident) => {
        object!($message, $table, |object| object
            .spec
            .as_ref()
            .map(|spec| (spec.project.as_str(), spec.name.as_str()))
            .unwrap_or_default());
    };
}

object!(proto::Entity, ENTITY);
object!(proto::FeatureView, FEATURE_VIEW);
object!(proto::OnDemandFeatureView, ON_DEMAND_FEATURE_VIEW);
object!(proto::StreamFeatureView, STREAM_FEATURE_VIEW);
object!(proto::LabelView, LABEL_VIEW);
object!(proto::FeatureService, FEATURE_SERVICE);
object!(proto::SavedDataset, SAVED_DATASET);
object!(proto::Permission, PERMISSION);
object!(proto::DataSource, DATA_SOURCE, |source| (&source.project, proto::source_name(source)));
object!(proto::ValidationReference, VALIDATION_REFERENCE, |reference| (&reference.project, &reference.name));
object!(proto::FeatureViewVersionRecord, VERSION_RECORD, |record| (
    &record.project_id,
    &record.feature_view_name
));
object!(proto::Project, PROJECT, |project| project
    .spec
    .as_ref()
    .map(|spec| (spec.name.as_str(), spec.name.as_str()))
    .unwrap_or_default());

/// `feast.core.Registry`
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents {
    pub(crate) version_id: String,
    pub(crate) last_updated: Option<Timestamp>,
    pub(crate) entities: Vec<Stored<proto::Entity>>,
    pub(crate) data_sources: Vec<Stored<proto::DataSource>>,
    pub(crate) feature_views: Vec<Stored<proto::FeatureView>>,
    pub(crate) on_demand_feature_views: Vec<Stored<proto::OnDemandFeatureView>>,
    pub(crate) feature_services: Vec<Stored<proto::FeatureService>>,
    pub(crate) projects: Vec<Stored<proto::Project>>,
    pub(crate) stream_feature_views: Vec<Stored<proto::StreamFeatureView>>,
    pub(crate) label_views: Vec<Stored<proto::LabelView>>,
    pub(crate) saved_datasets: Vec<Stored<proto::SavedDataset>>,
    pub(crate) validation_references: Vec<Stored<proto::ValidationReference>>,
    pub(crate) permissions: Vec<Stored<proto::Permission>>,
    pub(crate) versions: Vec<Stored<proto::FeatureViewVersionRecord>>,
    /// Every other field of the message: number and bytes with the tag.
    rest: Vec<(u32, Vec<u8>)>,
}

/// Field numbers of `feast.core.Registry`.
pub(crate) mod number {
    pub(crate) const ENTITIES: u32 = 1;
    pub(crate) const SCHEMA_VERSION: u32 = 3;
    pub(crate) const VERSION_ID: u32 = 4;
    pub(crate) const LAST_UPDATED: u32 = 5;
    pub(crate) const FEATURE_VIEWS: u32 = 6;
    pub(crate) const FEATURE_SERVICES: u32 = 7;
    pub(crate) const ON_DEMAND_FEATURE_VIEWS: u32 = 8;
    pub(crate) const INFRA: u32 = 10;
    pub(crate) const SAVED_DATASETS: u32 = 11;
    pub(crate) const DATA_SOURCES: u32 = 12;
    pub(crate) const VALIDATION_REFERENCES: u32 = 13;
    pub(crate) const STREAM_FEATURE_VIEWS: u32 = 14;
    pub(crate) const PROJECT_METADATA: u32 = 15;
    pub(crate) const PERMISSIONS: u32 = 16;
    pub(crate) const PROJECTS: u32 = 17;
    pub(crate) const VERSION_HISTORY: u32 = 18;
    pub(crate) const LABEL_VIEWS: u32 = 19;
}

/// The one field of `feast.core.FeatureViewVersionHistory`.
const RECORDS: u32 = 1;

/// The schema version that Feast writes.
pub(crate) const SCHEMA_VERSION: &str = "1";

impl Contents {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ContentsError> {
        if bytes.is_empty() {
            return Err(ContentsError::Damaged("it is empty".to_owned()));
        }
        let mut contents = Self::default();
        let mut schema_version = None;
        // A registry starts with an object or the schema version: what does not parse at all is no registry.
        let looks_like_one = bytes.first().is_some_and(|tag| matches!(tag, 0x0a | 0x1a));
        let fields = wire::fields(bytes).map_err(|error| {
            if looks_like_one { ContentsError::damaged(&error) } else { ContentsError::Foreign }
        })?;
        for WireField { number, value, raw } in fields {
            let WireValue::Bytes(value) = value else {
                contents.rest.push((number, raw.to_vec()));
                continue;
            };
            let owned = || value.to_vec();
            match number {
                number::ENTITIES => contents.entities.push(Stored::decode(owned())?),
                number::FEATURE_VIEWS => contents.feature_views.push(Stored::decode(owned())?),
                number::FEATURE_SERVICES => contents.feature_services.push(Stored::decode(owned())?),
                number::ON_DEMAND_FEATURE_VIEWS => {
                    contents.on_demand_feature_views.push(Stored::decode(owned())?);
                }
                number::DATA_SOURCES => contents.data_sources.push(Stored::decode(owned())?),
                number::PROJECTS => contents.projects.push(Stored::decode(owned())?),
                number::STREAM_FEATURE_VIEWS => contents.stream_feature_views.push(Stored::decode(owned())?),
                number::LABEL_VIEWS => contents.label_views.push(Stored::decode(owned())?),
                number::SAVED_DATASETS => contents.saved_datasets.push(Stored::decode(owned())?),
                number::VALIDATION_REFERENCES => {
                    contents.validation_references.push(Stored::decode(owned())?);
                }
                number::PERMISSIONS => contents.permissions.push(Stored::decode(owned())?),
                number::VERSION_HISTORY => contents.read_versions(value)?,
                number::SCHEMA_VERSION => schema_version = Some(String::from_utf8_lossy(value).into_owned()),
                number::VERSION_ID => contents.version_id = String::from_utf8_lossy(value).into_owned(),
                number::LAST_UPDATED => {
                    let time =
                        prost_types::Timestamp::decode(value).map_err(|e| ContentsError::damaged(&e))?;
                    contents.last_updated = Some(time_from_proto(Some(&time)));
                }
                _ => contents.rest.push((number, raw.to_vec())),
            }
        }
        match schema_version.as_deref() {
            Some(SCHEMA_VERSION) => Ok(contents),
            Some(other) if !looks_like_one || other.chars().any(char::is_control) => {
                Err(ContentsError::Foreign)
            }
            Some(other) => Err(ContentsError::NewerSchema(other.to_owned())),
            // Cut between two objects: the version comes after the entities.
            None if looks_like_one => Err(ContentsError::Damaged("its end is missing".to_owned())),
            None => Err(ContentsError::Foreign),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_all(&mut bytes, number::ENTITIES, &self.entities);
        wire::put_bytes(&mut bytes, number::SCHEMA_VERSION, SCHEMA_VERSION.as_bytes());
        wire::put_bytes(&mut bytes, number::VERSION_ID, self.version_id.as_bytes());
        if let Some(time) = self.last_updated {
            wire::put_bytes(&mut bytes, number::LAST_UPDATED, &time_to_proto(time).encode_to_vec());
        }
        put_all(&mut bytes, number::FEATURE_VIEWS, &self.feature_views);
        put_all(&mut bytes, number::FEATURE_SERVICES, &self.feature_services);
        put_all(&mut bytes, number::ON_DEMAND_FEATURE_VIEWS, &self.on_demand_feature_views);
        put_all(&mut bytes, number::DATA_SOURCES, &self.data_sources);
        put_all(&mut bytes, number::SAVED_DATASETS, &self.saved_datasets);
        put_all(&mut bytes, number::VALIDATION_REFERENCES, &self.validation_references);
        put_all(&mut bytes, number::STREAM_FEATURE_VIEWS, &self.stream_feature_views);
        put_all(&mut bytes, number::PERMISSIONS, &self.permissions);
        put_all(&mut bytes, number::PROJECTS, &self.projects);
        if !self.versions.is_empty() {
            let mut history = Vec::new();
            put_all(&mut history, RECORDS, &self.versions);
            wire::put_bytes(&mut bytes, number::VERSION_HISTORY, &history);
        }
        put_all(&mut bytes, number::LABEL_VIEWS, &self.label_views);
        for (_, raw) in &self.rest {
            bytes.extend_from_slice(raw);
        }
        bytes
    }

    fn read_versions(&mut self, history: &[u8]) -> Result<(), ContentsError> {
        for field in wire::fields(history).map_err(|error| ContentsError::damaged(&error))? {
            if let (RECORDS, WireValue::Bytes(record)) = (field.number, field.value) {
                self.versions.push(Stored::decode(record.to_vec())?);
            }
        }
        Ok(())
    }

    /// What Feast's clients have made for their online stores: a message that larder does not use.
    pub(crate) fn infra(&self) -> &[u8] {
        let infra = self.rest.iter().rev().find(|(number, _)| *number == number::INFRA);
        infra.and_then(|(_, raw)| payload(raw)).unwrap_or_default()
    }

    pub(crate) fn set_infra(&mut self, message: &[u8]) {
        self.rest.retain(|(number, _)| *number != number::INFRA);
        if !message.is_empty() {
            let mut raw = Vec::new();
            wire::put_bytes(&mut raw, number::INFRA, message);
            self.rest.push((number::INFRA, raw));
        }
    }

    /// The messages in which Feast kept what it knew of a project before there were projects.
    pub(crate) fn project_metadata(&self, project: &str) -> Vec<&[u8]> {
        let all = self.rest.iter().filter(|(number, _)| *number == number::PROJECT_METADATA);
        let owned =
            |message: &&[u8]| matches!(text(message, &[1]), Ok(Some(owner)) if owner == project.as_bytes());
        all.filter_map(|(_, raw)| payload(raw)).filter(owned).collect()
    }

    /// Removes everything that belongs to a project, of every kind; whether there was anything.
    pub(crate) fn remove_project(&mut self, project: &str) -> Result<bool, ContentsError> {
        fn remove<M: Object>(objects: &mut Vec<Stored<M>>, project: &str) -> bool {
            let before = objects.len();
            objects.retain(|object| object.message().key().0 != project);
            before != objects.len()
        }
        let mut removed = remove(&mut self.entities, project);
        removed |= remove(&mut self.data_sources, project);
        removed |= remove(&mut self.feature_views, project);
        removed |= remove(&mut self.on_demand_feature_views, project);
        removed |= remove(&mut self.feature_services, project);
        removed |= remove(&mut self.projects, project);
        removed |= remove(&mut self.stream_feature_views, project);
        removed |= remove(&mut self.label_views, project);
        removed |= remove(&mut self.saved_datasets, project);
        removed |= remove(&mut self.validation_references, project);
        removed |= remove(&mut self.permissions, project);
        removed |= remove(&mut self.versions, project);
        let mut rest = Vec::with_capacity(self.rest.len());
        for (number, raw) in std::mem::take(&mut self.rest) {
            match without_project(number, &raw, project)? {
                Some(kept) => {
                    removed |= kept != raw;
                    rest.push((number, kept));
                }
                None => removed = true,
            }
        }
        self.rest = rest;
        Ok(removed)
    }
}

fn put_all<M: Message + Default>(bytes: &mut Vec<u8>, number: u32, objects: &[Stored<M>]) {
    for object in objects {
        wire::put_bytes(bytes, number, object.raw());
    }
}

/// The value of a field of bytes given with its tag.
fn payload(raw: &[u8]) -> Option<&[u8]> {
    match wire::fields(raw).ok()?.first()?.value {
        WireValue::Bytes(value) => Some(value),
        _ => None,
    }
}

/// A field of a kind that larder does not use, without what belongs to `project`; `None` if nothing is
/// left of it.
fn without_project(kind: u32, raw: &[u8], project: &str) -> Result<Option<Vec<u8>>, ContentsError> {
    let Some(value) = payload(raw) else { return Ok(Some(raw.to_vec())) };
    let damaged = |error: wire::WireError| ContentsError::damaged(&error);
    let owner = match kind {
        number::PROJECT_METADATA => text(value, &[1]).map_err(damaged)?,
        _ => None,
    };
    Ok((owner != Some(project.as_bytes())).then(|| raw.to_vec()))
}

/// The bytes at a path of field numbers; the last of several, as protobuf reads them.
pub(crate) fn text<'a>(message: &'a [u8], path: &[u32]) -> Result<Option<&'a [u8]>, wire::WireError> {
    let Some((number, path)) = path.split_first() else { return Ok(Some(message)) };
    let fields = wire::fields(message)?;
    let found = fields.iter().rev().find(|field| field.number == *number);
    match found.map(|field| field.value) {
        Some(WireValue::Bytes(value)) => text(value, path),
        _ => Ok(None),
    }
}
