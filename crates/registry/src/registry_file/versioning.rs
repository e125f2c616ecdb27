//! Versions of views: which changes make one, and what pinning one means.
//!
//! A change of a view's schema or function makes a version; so does its first definition, as version 0.
//! All else changes the view in place. The registry keeps every version whole, as the bytes of the view.

use larder_core::{FeatureViewState, RequestError, ViewVersion};

use super::change::Applying;
use super::contents::{Contents, Object, Stored};
use super::durable;
use super::error::{ContentsError, RegistryError};
use super::property;
use crate::proto::{self, FeatureViewVersionRecord, time_to_proto, view_type};
use crate::registry_diff::PropertyChange;

/// A kind of view as the registry keeps it.
pub(super) trait ViewMessage: Object + PartialEq {
    /// Feast's word for the kind in the record of versions.
    const TYPE: &'static str;

    /// The message with the number of its version, and with the version that its definition asks for.
    fn with_version(self, number: u32, asked: ViewVersion) -> Self;

    /// The message without what it says of its materialization.
    fn without_online_rows(self) -> Self;

    /// What the definition asks for.
    fn asked(&self) -> ViewVersion;

    /// What differs, without what the registry adds.
    fn changes(before: &Self, after: &Self) -> Vec<PropertyChange>;

    /// Whether the change makes a version.
    fn makes_version(before: &Self, after: &Self) -> bool;
}

macro_rules! versioned {
    ($message:ty, $type:ident, $changes:path, $makes_version:path) => {
        impl ViewMessage for $message {
            const TYPE: &'static str = view_type::$type;

            fn with_version(mut self, number: u32, asked: ViewVersion) -> Self {
                if let Some(meta) = &mut self.meta {
                    meta.current_version_number = i32::try_from(number).unwrap_or(i32::MAX);
                }
                if let Some(spec) = &mut self.spec {
                    spec.version = asked.to_string();
                }
                self
            }

            fn without_online_rows(mut self) -> Self {
                if let Some(meta) = &mut self.meta {
                    meta.forget_online_rows();
                }
                self
            }

            fn asked(&self) -> ViewVersion {
                let text = self.spec.as_ref().map(|spec| spec.version.as_str());
                text.and_then(|text| text.parse().ok()).unwrap_or_default()
            }

            fn changes(before: &Self, after: &Self) -> Vec<PropertyChange> {
                $changes(before, after)
            }

            fn makes_version(before: &Self, after: &Self) -> bool {
                $makes_version(before, after)
            }
        }
    };
}

versioned!(
    proto::FeatureView,
    FEATURE_VIEW,
    property::feature_view_changes,
    property::feature_view_makes_version
);
versioned!(
    proto::StreamFeatureView,
    STREAM_FEATURE_VIEW,
    property::stream_feature_view_changes,
    property::stream_feature_view_makes_version
);
versioned!(
    proto::OnDemandFeatureView,
    ON_DEMAND_FEATURE_VIEW,
    property::on_demand_feature_view_changes,
    property::on_demand_feature_view_makes_version
);

impl proto::FeatureViewMeta {
    fn forget_online_rows(&mut self) {
        self.materialization_intervals.clear();
        self.state = FeatureViewState::Unspecified.number();
    }
}

impl proto::OnDemandFeatureViewMeta {
    /// No record is kept of what is online of an on-demand view.
    fn forget_online_rows(&mut self) {
        self.state = FeatureViewState::Unspecified.number();
    }
}

impl ViewMessage for proto::LabelView {
    const TYPE: &'static str = view_type::LABEL_VIEW;

    /// A label view has versions, and no place to say which is in use.
    fn with_version(self, _number: u32, _asked: ViewVersion) -> Self {
        self
    }

    /// Labels are pushed, and no record is kept of them.
    fn without_online_rows(self) -> Self {
        self
    }

    fn asked(&self) -> ViewVersion {
        ViewVersion::Latest
    }

    fn changes(before: &Self, after: &Self) -> Vec<PropertyChange> {
        property::label_view_changes(before, after)
    }

    fn makes_version(before: &Self, after: &Self) -> bool {
        property::label_view_makes_version(before, after)
    }
}

/// What an apply needs to know to keep versions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versioning<'a> {
    pub(super) project: &'a str,
    pub(super) applying: Applying<'a>,
}

/// What becomes of a view.
#[derive(Debug)]
pub(super) enum Outcome<M> {
    /// It is replaced.
    Replaced(M),
    /// It stays; its new definition is kept as a version.
    Kept,
}

/// The records of versions that a registry holds.
pub(super) type Records = Vec<Stored<FeatureViewVersionRecord>>;

impl Versioning<'_> {
    /// A new or changed view with its version, which is recorded. `after` is what the definition says, with
    /// the meta message that the view is to have.
    pub(super) fn apply<M: ViewMessage>(
        &self,
        records: &mut Records,
        name: &str,
        before: Option<&M>,
        current: u32,
        after: M,
    ) -> Result<Outcome<M>, RegistryError> {
        let asked = after.asked();
        if let ViewVersion::Pinned(number) = asked {
            return self.pin(records, name, before, after, number).map(Outcome::Replaced);
        }
        let Some(before) = before else {
            // A view that is defined again after it was removed goes on counting.
            let number = self.next(records, name);
            let after = after.with_version(number, asked);
            self.record(records, name, number, &after)?;
            return Ok(Outcome::Replaced(after));
        };
        if !M::makes_version(before, &after) {
            return Ok(Outcome::Replaced(after.with_version(current, asked)));
        }
        let after = self.add(records, name, before, after)?;
        Ok(if self.applying.options.no_promote { Outcome::Kept } else { Outcome::Replaced(after) })
    }

    /// Records a changed view as its newest version, and gives it its number.
    pub(super) fn add<M: ViewMessage>(
        &self,
        records: &mut Records,
        name: &str,
        before: &M,
        after: M,
    ) -> Result<M, RegistryError> {
        let asked = after.asked();
        if self.next(records, name) == 0 {
            // A registry of before there were versions.
            self.record(records, name, 0, before)?;
        }
        let number = self.next(records, name);
        let mut after = after.with_version(number, asked);
        if self.applying.versions_have_rows {
            after = after.without_online_rows();
        }
        self.record(records, name, number, &after)?;
        Ok(after)
    }

    /// A view as it was in a version; `None` if the registry does not remember that version.
    pub(super) fn recorded<M: ViewMessage>(
        &self,
        records: &Records,
        name: &str,
        number: u32,
    ) -> Result<Option<M>, RegistryError> {
        self.find(records, name, number).map(|record| self.decode(record)).transpose()
    }

    /// Goes back to a version, or declares one that is not there yet.
    fn pin<M: ViewMessage>(
        &self,
        records: &mut Records,
        name: &str,
        before: Option<&M>,
        after: M,
        number: u32,
    ) -> Result<M, RegistryError> {
        let asked = ViewVersion::Pinned(number);
        let Some(record) = self.find(records, name, number) else {
            let mut after = after.with_version(number, asked);
            if self.applying.versions_have_rows {
                after = after.without_online_rows();
            }
            self.record(records, name, number, &after)?;
            return Ok(after);
        };
        let pinned = self.decode::<M>(record)?;
        let same = |other: &M| {
            M::changes(
                &other.clone().with_version(0, ViewVersion::Latest),
                &after.clone().with_version(0, ViewVersion::Latest),
            )
            .is_empty()
        };
        if let Some(before) = before
            && !same(before)
            && !same(&pinned)
            && !self.newest::<M>(records, name)?.is_some_and(|newest| same(&newest))
        {
            return Err(
                RequestError::FeatureViewPinConflict { view: name.to_owned(), version: number }.into()
            );
        }
        Ok(pinned.with_version(number, asked))
    }

    /// The newest version that is recorded: what the repo defines while an older one is pinned.
    fn newest<M: ViewMessage>(&self, records: &Records, name: &str) -> Result<Option<M>, RegistryError> {
        let Some(number) = self.next(records, name).checked_sub(1) else { return Ok(None) };
        self.find(records, name, number).map(|record| self.decode(record)).transpose()
    }

    /// The number of the next version.
    fn next(&self, records: &Records, name: &str) -> u32 {
        let known = records.iter().map(Stored::message);
        let known = known.filter(|record| record.key() == (self.project, name));
        let newest = known.filter_map(|record| u32::try_from(record.version_number).ok()).max();
        newest.map_or(0, |newest| newest.saturating_add(1))
    }

    fn find<'r>(
        &self,
        records: &'r Records,
        name: &str,
        number: u32,
    ) -> Option<&'r FeatureViewVersionRecord> {
        let wanted = |record: &&FeatureViewVersionRecord| {
            record.key() == (self.project, name) && u32::try_from(record.version_number) == Ok(number)
        };
        records.iter().map(Stored::message).find(wanted)
    }

    fn decode<M: ViewMessage>(&self, record: &FeatureViewVersionRecord) -> Result<M, RegistryError> {
        if record.feature_view_type != M::TYPE {
            return Err(RequestError::other(format!(
                "version v{} of feature view {} is a {}, and it is defined as a {} now; give one of them another name",
                record.version_number,
                record.feature_view_name,
                record.feature_view_type,
                M::TYPE
            ))
            .into());
        }
        M::decode(record.feature_view_proto.as_slice())
            .map_err(|error| ContentsError::damaged(&error).at(self.applying.path))
    }

    fn record<M: ViewMessage>(
        &self,
        records: &mut Records,
        name: &str,
        number: u32,
        view: &M,
    ) -> Result<(), RegistryError> {
        records.push(Stored::new(FeatureViewVersionRecord {
            feature_view_name: name.to_owned(),
            project_id: self.project.to_owned(),
            version_number: i32::try_from(number).unwrap_or(i32::MAX),
            feature_view_type: M::TYPE.to_owned(),
            feature_view_proto: view.encode_to_vec(),
            created_timestamp: Some(time_to_proto(self.applying.now)),
            description: String::new(),
            version_id: durable::random_uuid(self.applying.path)?,
        }));
        Ok(())
    }
}

impl Contents {
    /// Forgets the versions of a view that is no longer defined, as Feast does.
    pub(super) fn forget_versions(&mut self, project: &str, view: &str) {
        self.versions.retain(|record| record.message().key() != (project, view));
    }
}
