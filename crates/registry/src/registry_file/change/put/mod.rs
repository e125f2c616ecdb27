//! Putting one object, as a client sends it, in the place of the one of its name. All else of the registry stays
//! byte for byte.
//!
//! An object keeps the time when it was first registered, and gets a new one of its last change only if it has
//! changed. What newer versions of Feast say of it stays, whether the client or the registry says it.

use larder_core::{FeatureViewState, Project, RequestError, Timestamp};

use super::views::version_number;
use crate::proto::unknown_fields::{carry_unknown, restore_unknown};
use crate::proto::{
    self, FeatureViewMeta, Meta, OnDemandFeatureViewMeta, SourceMeta, time_to_proto, usual_class,
};
use crate::registry_diff::{ObjectKind, PropertyChange};
use crate::registry_file::contents::{Contents, Object, Stored};
use crate::registry_file::error::{ContentsError, RegistryError};
use crate::registry_file::listed::Listed;
use crate::registry_file::property::{
    self, entity_changes, feature_service_changes, permission_changes, project_changes,
    saved_dataset_changes, source_changes, validation_reference_changes,
};
use crate::registry_file::versioning::{Outcome, Records, Versioning, ViewMessage};
use crate::sent_object::{Sent, SentObject};

/// Puts an object into the versioning's project, which is made if it is not there; whether that changes
/// anything.
pub(in super::super) fn put_object(
    contents: &mut Contents,
    sent: &SentObject,
    versioning: Versioning<'_>,
) -> Result<bool, RegistryError> {
    let project = versioning.project.to_owned();
    let put = Put { versioning };
    let made = !matches!(sent.message, Sent::Project(_)) && put.project(contents);
    let own = |spec_project: &mut String| spec_project.clone_from(&project);
    let changed = match &sent.message {
        Sent::Project(sent) => {
            put.plain(&mut contents.projects, sent, project_changes, |object, times| {
                object.meta = Some(times.meta());
            })?
        }
        Sent::Entity(sent) => put.plain(&mut contents.entities, sent, entity_changes, |object, times| {
            object.spec.iter_mut().for_each(|spec| own(&mut spec.project));
            object.meta = Some(times.meta());
        })?,
        Sent::DataSource(sent) => {
            put.plain(&mut contents.data_sources, sent, source_changes, |object, times| {
                own(&mut object.project);
                if object.data_source_class_type.is_empty() {
                    usual_class(object.source_type).clone_into(&mut object.data_source_class_type);
                }
                let Meta { created_timestamp, last_updated_timestamp } = times.meta();
                object.meta = Some(SourceMeta { created_timestamp, last_updated_timestamp });
            })?
        }
        Sent::FeatureService(sent) => {
            put.plain(&mut contents.feature_services, sent, feature_service_changes, |object, times| {
                object.spec.iter_mut().for_each(|spec| own(&mut spec.project));
                object.meta = Some(times.meta());
            })?
        }
        Sent::Permission(sent) => {
            put.plain(&mut contents.permissions, sent, permission_changes, |object, times| {
                object.spec.iter_mut().for_each(|spec| own(&mut spec.project));
                object.meta = Some(times.meta());
            })?
        }
        Sent::SavedDataset(sent) => {
            put.plain(&mut contents.saved_datasets, sent, saved_dataset_changes, |object, times| {
                object.spec.iter_mut().for_each(|spec| own(&mut spec.project));
                let Meta { created_timestamp, last_updated_timestamp } = times.meta();
                let before = times.before.and_then(|before| before.meta.as_ref());
                let meta = object.meta.get_or_insert_default();
                meta.created_timestamp = created_timestamp;
                meta.last_updated_timestamp = last_updated_timestamp;
                // A client that only changes tags does not say how far the data reach.
                meta.min_event_timestamp =
                    meta.min_event_timestamp.or(before.and_then(|before| before.min_event_timestamp));
                meta.max_event_timestamp =
                    meta.max_event_timestamp.or(before.and_then(|before| before.max_event_timestamp));
            })?
        }
        Sent::ValidationReference(sent) => {
            let changes = validation_reference_changes;
            put.plain(&mut contents.validation_references, sent, changes, |object, _times| {
                own(&mut object.project);
            })?
        }
        Sent::FeatureView(sent) => {
            put.check_view_name(contents, sent)?;
            put.view(&mut contents.feature_views, &mut contents.versions, sent)?
        }
        Sent::OnDemandFeatureView(sent) => {
            put.check_view_name(contents, sent)?;
            put.view(&mut contents.on_demand_feature_views, &mut contents.versions, sent)?
        }
        Sent::StreamFeatureView(sent) => {
            put.check_view_name(contents, sent)?;
            put.view(&mut contents.stream_feature_views, &mut contents.versions, sent)?
        }
        Sent::LabelView(sent) => {
            put.check_view_name(contents, sent)?;
            put.view(&mut contents.label_views, &mut contents.versions, sent)?
        }
    };
    Ok(made || changed)
}

/// Makes a project that is not there yet; whether it was not.
pub(in super::super) fn put_project(contents: &mut Contents, versioning: Versioning<'_>) -> bool {
    Put { versioning }.project(contents)
}

struct Put<'a> {
    versioning: Versioning<'a>,
}

/// When an object was first and last changed, and what it was before.
struct Revision<'a, M> {
    before: Option<&'a M>,
    sent: &'a M,
    /// Now, if it has changed or is new.
    changed: Option<Timestamp>,
    now: Timestamp,
}

impl<M: Listed> Revision<'_, M> {
    fn meta(&self) -> Meta {
        let (known_created, known_updated) = self.before.map_or((None, None), Listed::times);
        let (sent_created, _) = self.sent.times();
        let now = time_to_proto(self.now);
        let created = if self.before.is_some() { known_created.or(sent_created) } else { sent_created };
        let updated = match self.changed {
            Some(changed) => Some(time_to_proto(changed)),
            None => known_updated,
        };
        Meta {
            created_timestamp: Some(created.unwrap_or(now)),
            last_updated_timestamp: Some(updated.unwrap_or(now)),
        }
    }
}

/// A kind of views that clients send.
trait SentView: ViewMessage + Listed {
    /// Feast's class of it.
    fn class(&self) -> &'static str;

    fn set_project(&mut self, project: &str);

    /// The number of the version that is in use.
    fn current(&self) -> u32;

    /// Says when the view was changed. Of its materialization stays what the registry knows, unless `before`
    /// had other rows; a state is what the client says, if it says one.
    fn set_meta(&mut self, times: Meta, before: Option<&Self>);
}

macro_rules! stored_view {
    ($message:ty, |$spec:ident| $class:expr, $invalidates:path) => {
        impl SentView for $message {
            fn class(&self) -> &'static str {
                self.spec.as_ref().map_or("FeatureView", |$spec| $class)
            }

            fn set_project(&mut self, project: &str) {
                self.spec.iter_mut().for_each(|spec| project.clone_into(&mut spec.project));
            }

            fn current(&self) -> u32 {
                version_number(self.meta.as_ref().map_or(0, |meta| meta.current_version_number))
            }

            fn set_meta(&mut self, times: Meta, before: Option<&Self>) {
                let said = self.meta.clone().unwrap_or_default();
                let known = before.and_then(|before| before.meta.clone());
                let mut meta =
                    known.unwrap_or_else(|| FeatureViewMeta { current_version_number: 0, ..said.clone() });
                if said.state != 0 {
                    meta.state = said.state;
                }
                if before.is_some_and(|before| $invalidates(before, self)) {
                    meta.materialization_intervals.clear();
                    meta.state = FeatureViewState::Unspecified.number();
                }
                meta.created_timestamp = times.created_timestamp;
                meta.last_updated_timestamp = times.last_updated_timestamp;
                self.meta = Some(meta);
            }
        }
    };
}

stored_view!(proto::FeatureView, |spec| proto::view_class(spec), property::invalidates_online_values);
stored_view!(
    proto::StreamFeatureView,
    |_spec| "StreamFeatureView",
    property::stream_invalidates_online_values
);

impl SentView for proto::OnDemandFeatureView {
    fn class(&self) -> &'static str {
        "OnDemandFeatureView"
    }

    fn set_project(&mut self, project: &str) {
        self.spec.iter_mut().for_each(|spec| project.clone_into(&mut spec.project));
    }

    fn current(&self) -> u32 {
        version_number(self.meta.as_ref().map_or(0, |meta| meta.current_version_number))
    }

    fn set_meta(&mut self, times: Meta, before: Option<&Self>) {
        let said = self.meta.clone().unwrap_or_default();
        let known = before.and_then(|before| before.meta.clone());
        let known =
            known.unwrap_or_else(|| OnDemandFeatureViewMeta { current_version_number: 0, ..said.clone() });
        self.meta = Some(OnDemandFeatureViewMeta {
            created_timestamp: times.created_timestamp,
            last_updated_timestamp: times.last_updated_timestamp,
            state: if said.state == 0 { known.state } else { said.state },
            ..known
        });
    }
}

impl SentView for proto::LabelView {
    fn class(&self) -> &'static str {
        "LabelView"
    }

    fn set_project(&mut self, project: &str) {
        self.spec.iter_mut().for_each(|spec| project.clone_into(&mut spec.project));
    }

    fn current(&self) -> u32 {
        0
    }

    fn set_meta(&mut self, times: Meta, _before: Option<&Self>) {
        self.meta = Some(times);
    }
}

impl Put<'_> {
    fn now(&self) -> Timestamp {
        self.versioning.applying.now
    }

    fn damaged(&self, error: &dyn std::error::Error) -> RegistryError {
        ContentsError::damaged(error).at(self.versioning.applying.path)
    }

    fn project(&self, contents: &mut Contents) -> bool {
        let name = self.versioning.project;
        if contents.projects.iter().any(|project| project.message().key().1 == name) {
            return false;
        }
        let Project { name, description, tags, owner } = Project::new(name);
        let now = Some(time_to_proto(self.now()));
        contents.projects.push(Stored::new(proto::Project {
            spec: Some(proto::ProjectSpec { name, description, tags, owner }),
            meta: Some(Meta { created_timestamp: now, last_updated_timestamp: now }),
        }));
        true
    }

    /// Puts an object that has no versions; `complete` says what the registry adds.
    fn plain<M: Listed + PartialEq>(
        &self,
        stored: &mut Vec<Stored<M>>,
        sent: &Stored<M>,
        changes: fn(&M, &M) -> Vec<PropertyChange>,
        complete: impl Fn(&mut M, &Revision<'_, M>),
    ) -> Result<bool, RegistryError> {
        let complete = |before: Option<&M>, changed| {
            let mut object = sent.message().clone();
            complete(&mut object, &Revision { before, sent: sent.message(), changed, now: self.now() });
            object
        };
        let name = sent.message().key().1;
        let slot = stored.iter_mut().find(|slot| slot.message().key() == self.key::<M>(name));
        let Some(slot) = slot else {
            let object = complete(None, Some(self.now()));
            stored.push(self.with_unknown(&object, sent, None)?);
            return Ok(true);
        };
        let before = slot.message();
        let same = complete(Some(before), None);
        let object =
            if changes(before, &same).is_empty() { same } else { complete(Some(before), Some(self.now())) };
        let object = self.with_unknown(&object, sent, Some(slot))?;
        let changed = object != *slot;
        *slot = object;
        Ok(changed)
    }

    /// The key of an object in this project; of a project its name.
    fn key<'n, M: Listed>(&'n self, name: &'n str) -> (&'n str, &'n str) {
        if M::KIND == crate::ObjectKind::Project { (name, name) } else { (self.versioning.project, name) }
    }

    /// Puts a view, and records its version if it has a new one.
    fn view<M: SentView>(
        &self,
        stored: &mut Vec<Stored<M>>,
        records: &mut Records,
        sent: &Stored<M>,
    ) -> Result<bool, RegistryError> {
        let complete = |before: Option<&M>, changed| {
            let mut view = sent.message().clone();
            view.set_project(self.versioning.project);
            let revision = Revision { before, sent: sent.message(), changed, now: self.now() };
            view.set_meta(revision.meta(), before);
            // What asks for no version asks for the newest.
            let asked = view.asked();
            view.with_version(before.map_or(0, M::current), asked)
        };
        let name = sent.message().key().1.to_owned();
        let slot =
            stored.iter_mut().find(|slot| slot.message().key() == (self.versioning.project, name.as_str()));
        let Some(slot) = slot else {
            let view = complete(None, Some(self.now()));
            let Outcome::Replaced(view) = self.versioning.apply(records, &name, None, 0, view)? else {
                return Ok(false);
            };
            stored.push(self.with_unknown(&view, sent, None)?);
            return Ok(true);
        };
        let before = slot.message();
        let same = complete(Some(before), None);
        let view = if M::changes(before, &same).is_empty() {
            same
        } else {
            let changed = complete(Some(before), Some(self.now()));
            match self.versioning.apply(records, &name, Some(before), before.current(), changed)? {
                Outcome::Replaced(view) => view,
                Outcome::Kept => return Ok(true),
            }
        };
        let view = self.with_unknown(&view, sent, Some(slot))?;
        let changed = view != *slot;
        *slot = view;
        Ok(changed)
    }

    /// An object as it is to be, with all that the client and the registry say of it in fields that larder does not
    /// know.
    fn with_unknown<M: Object>(
        &self,
        object: &M,
        sent: &Stored<M>,
        before: Option<&Stored<M>>,
    ) -> Result<Stored<M>, RegistryError> {
        let mut raw = restore_unknown(&object.encode_to_vec(), sent.raw(), M::table())
            .map_err(|error| self.damaged(&error))?;
        if let Some(before) = before {
            raw = carry_unknown(&raw, before.raw(), M::table()).map_err(|error| self.damaged(&error))?;
        }
        Stored::decode(raw).map_err(|error| error.at(self.versioning.applying.path))
    }

    /// Refuses a view that has the name of another one, of another kind or but for upper and lower case.
    fn check_view_name<M: SentView>(
        &self,
        contents: &Contents,
        sent: &Stored<M>,
    ) -> Result<(), RegistryError> {
        fn first<M: SentView>(
            views: &[Stored<M>],
            is_kind: bool,
            conflicts: &dyn Fn(bool, (&str, &str)) -> bool,
        ) -> Option<&'static str> {
            let mut views = views.iter().map(Stored::message);
            views.find(|view| conflicts(is_kind, view.key())).map(SentView::class)
        }
        let (view, new) = (sent.message().key().1, sent.message().class());
        let (folded, project) = (view.to_lowercase(), self.versioning.project);
        let conflicts = |is_kind: bool, (owner, name): (&str, &str)| {
            owner == project && name.to_lowercase() == folded && !(is_kind && name == view)
        };
        let existing = first(&contents.feature_views, M::KIND == ObjectKind::FeatureView, &conflicts)
            .or_else(|| {
                first(&contents.stream_feature_views, M::KIND == ObjectKind::StreamFeatureView, &conflicts)
            })
            .or_else(|| {
                first(
                    &contents.on_demand_feature_views,
                    M::KIND == ObjectKind::OnDemandFeatureView,
                    &conflicts,
                )
            })
            .or_else(|| first(&contents.label_views, M::KIND == ObjectKind::LabelView, &conflicts));
        match existing {
            Some(existing) => {
                Err(RequestError::ConflictingFeatureViewNames { view: view.to_owned(), existing, new }.into())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
