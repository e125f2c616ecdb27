//! Changes of single objects, without an apply. All else of the registry stays byte for byte.

use std::collections::BTreeMap;

use larder_core::{FeatureViewState, MaterializationInterval, SavedDataset, Timestamp, ViewVersion};
use prost::Message;

use super::dataset_times;
use crate::proto::unknown_fields::carry_unknown;
use crate::proto::{
    self, FeatureViewMeta, FeatureViewVersionRecord, dataset_profile_tag, interval_to_proto,
    saved_dataset_to_proto, time_to_proto, view_type, wire,
};
use crate::registry_file::contents::{self, Contents, Object, Stored};
use crate::registry_file::error::{ContentsError, RegistryError};
use crate::registry_file::versioning::{Versioning, ViewMessage as _};

/// Adds an interval to a view's record; `None` if there is no such view. All else of the view stays byte
/// for byte.
pub(in super::super) fn record_materialization(
    contents: &mut Contents,
    project: &str,
    view: &str,
    interval: MaterializationInterval,
    now: Timestamp,
) -> Result<Option<()>, ContentsError> {
    change_meta(contents, project, view, |meta| {
        meta.materialization_intervals.push(interval_to_proto(interval));
        meta.last_updated_timestamp = Some(time_to_proto(now));
        meta.state = FeatureViewState::AvailableOnline.number();
    })
}

/// Adds an interval to the record of one version of a view; `None` if there is no such version, or none
/// that is materialized. All else of the view as it was stays byte for byte.
pub(in super::super) fn record_materialization_of_version(
    contents: &mut Contents,
    project: &str,
    view: &str,
    version: u32,
    interval: MaterializationInterval,
) -> Result<Option<()>, ContentsError> {
    let wanted = |record: &FeatureViewVersionRecord| {
        record.key() == (project, view) && u32::try_from(record.version_number) == Ok(version)
    };
    let Some(slot) = contents.versions.iter_mut().find(|stored| wanted(stored.message())) else {
        return Ok(None);
    };
    let mut record = slot.message().clone();
    let bytes = &mut record.feature_view_proto;
    let damaged = |error: prost::DecodeError| ContentsError::damaged(&error);
    let meta = match record.feature_view_type.as_str() {
        view_type::FEATURE_VIEW => proto::FeatureView::decode(bytes.as_slice()).map_err(damaged)?.meta,
        view_type::STREAM_FEATURE_VIEW => {
            proto::StreamFeatureView::decode(bytes.as_slice()).map_err(damaged)?.meta
        }
        _ => return Ok(None),
    };
    let mut meta = meta.unwrap_or_default();
    meta.materialization_intervals.push(interval_to_proto(interval));
    *bytes =
        wire::replace(bytes, META, &meta.encode_to_vec()).map_err(|error| ContentsError::damaged(&error))?;
    *slot = slot.revised(&record)?;
    Ok(Some(()))
}

/// Sets the state of a view; `None` if there is no such view, or none that has a state. All else of the
/// view stays byte for byte.
pub(in super::super) fn set_state(
    contents: &mut Contents,
    project: &str,
    view: &str,
    state: FeatureViewState,
) -> Result<Option<()>, ContentsError> {
    let changed = change_meta(contents, project, view, |meta| meta.state = state.number())?;
    if changed.is_some() {
        return Ok(changed);
    }
    let views = &mut contents.on_demand_feature_views;
    let Some(slot) = views.iter_mut().find(|stored| stored.message().key() == (project, view)) else {
        return Ok(None);
    };
    let mut meta = slot.message().meta.clone().unwrap_or_default();
    meta.state = state.number();
    replace_part(slot, META, &meta)?;
    Ok(Some(()))
}

/// Field 2 of every view.
const META: u32 = 2;
/// Field 1 of every view.
const SPEC: u32 = 1;

fn change_meta(
    contents: &mut Contents,
    project: &str,
    view: &str,
    change: impl FnOnce(&mut FeatureViewMeta),
) -> Result<Option<()>, ContentsError> {
    let wanted = (project, view);
    if let Some(slot) = contents.feature_views.iter_mut().find(|stored| stored.message().key() == wanted) {
        let mut meta = slot.message().meta.clone().unwrap_or_default();
        change(&mut meta);
        return replace_part(slot, META, &meta).map(Some);
    }
    let streams = &mut contents.stream_feature_views;
    if let Some(slot) = streams.iter_mut().find(|stored| stored.message().key() == wanted) {
        let mut meta = slot.message().meta.clone().unwrap_or_default();
        change(&mut meta);
        return replace_part(slot, META, &meta).map(Some);
    }
    Ok(None)
}

/// Switches a view on or off; `None` if there is no such view.
pub(in super::super) fn set_enabled(
    contents: &mut Contents,
    project: &str,
    view: &str,
    enabled: bool,
    now: Timestamp,
) -> Result<Option<()>, ContentsError> {
    let wanted = (project, view);
    let time = Some(time_to_proto(now));
    macro_rules! switch {
        ($views:ident) => {
            if let Some(slot) = contents.$views.iter_mut().find(|stored| stored.message().key() == wanted) {
                let mut message = slot.message().clone();
                if let Some(spec) = &mut message.spec {
                    spec.disabled = !enabled;
                }
                if let Some(meta) = &mut message.meta {
                    meta.last_updated_timestamp = time;
                }
                *slot = slot.revised(&message)?;
                return Ok(Some(()));
            }
        };
    }
    switch!(feature_views);
    switch!(stream_feature_views);
    switch!(on_demand_feature_views);
    Ok(None)
}

/// Names the component of an on-demand view in its tags; `None` if there is no such view. Another component
/// than before is another version of the view; all else of it stays as it is, so that Feast sees no change.
pub(in super::super) fn bind_component(
    contents: &mut Contents,
    versioning: Versioning<'_>,
    view: &str,
    tags: &BTreeMap<String, String>,
) -> Result<Option<()>, RegistryError> {
    let at = |error: ContentsError| error.at(versioning.applying.path);
    let views = &mut contents.on_demand_feature_views;
    let wanted = (versioning.project, view);
    let Some(slot) = views.iter_mut().find(|stored| stored.message().key() == wanted) else {
        return Ok(None);
    };
    let before = slot.message().clone();
    let mut message = before.clone();
    let Some(spec) = &mut message.spec else { return Ok(Some(())) };
    spec.tags.extend(tags.clone());
    let spec = carry_spec(slot, spec).map_err(at)?;
    let raw = wire::replace(slot.raw(), SPEC, &spec).map_err(|error| at(ContentsError::damaged(&error)))?;
    *slot = Stored::decode(raw).map_err(at)?;
    if proto::OnDemandFeatureView::makes_version(&before, slot.message()) {
        let after = slot.message().clone();
        let versioned = versioning.add(&mut contents.versions, view, &before, after)?;
        replace_part(slot, META, &versioned.meta.unwrap_or_default()).map_err(at)?;
    }
    Ok(Some(()))
}

/// Puts an on-demand view back to one of its versions, whole; `None` if there is no such view or version.
pub(in super::super) fn restore_version(
    contents: &mut Contents,
    versioning: Versioning<'_>,
    view: &str,
    number: u32,
) -> Result<Option<()>, RegistryError> {
    let views = &mut contents.on_demand_feature_views;
    let wanted = (versioning.project, view);
    let Some(slot) = views.iter_mut().find(|stored| stored.message().key() == wanted) else {
        return Ok(None);
    };
    let recorded = versioning.recorded::<proto::OnDemandFeatureView>(&contents.versions, view, number)?;
    let Some(recorded) = recorded else { return Ok(None) };
    let before = slot.message();
    let asked = match before.asked() {
        ViewVersion::Pinned(_) => ViewVersion::Pinned(number),
        ViewVersion::Latest => ViewVersion::Latest,
    };
    let mut restored = proto::OnDemandFeatureView { meta: before.meta.clone(), ..recorded };
    restored.meta.get_or_insert_default().last_updated_timestamp =
        Some(time_to_proto(versioning.applying.now));
    *slot = slot
        .revised(&restored.with_version(number, asked))
        .map_err(|error| error.at(versioning.applying.path))?;
    Ok(Some(()))
}

/// The bytes of a changed spec with all that the old one says and larder does not know.
fn carry_spec<M: Object>(slot: &Stored<M>, spec: &impl Message) -> Result<Vec<u8>, ContentsError> {
    let mut message = Vec::new();
    wire::put_bytes(&mut message, SPEC, &spec.encode_to_vec());
    let carried =
        carry_unknown(&message, slot.raw(), M::table()).map_err(|error| ContentsError::damaged(&error))?;
    let spec = contents::text(&carried, &[SPEC]).map_err(|error| ContentsError::damaged(&error))?;
    Ok(spec.unwrap_or_default().to_vec())
}

fn replace_part<M: Object>(
    slot: &mut Stored<M>,
    part: u32,
    value: &impl Message,
) -> Result<(), ContentsError> {
    let raw = wire::replace(slot.raw(), part, &value.encode_to_vec())
        .map_err(|error| ContentsError::damaged(&error))?;
    *slot = Stored::decode(raw)?;
    Ok(())
}

/// Adds a saved dataset, or replaces the one of its name.
pub(in super::super) fn put_saved_dataset(
    contents: &mut Contents,
    project: &str,
    dataset: &SavedDataset,
    now: Timestamp,
) -> Result<(), ContentsError> {
    put(&mut contents.saved_datasets, (project, &dataset.name), |before| {
        let (created, _) = dataset_times(before, now);
        saved_dataset_to_proto(dataset, project, (created, now), before)
    })
}

/// Keeps what was measured of the dataset of a validation reference; `None` if there is no such reference
/// of this dataset. All else stays as it is.
pub(in super::super) fn keep_dataset_profile(
    contents: &mut Contents,
    project: &str,
    (reference, dataset): (&str, &str),
    profile: &str,
) -> Result<Option<()>, ContentsError> {
    let mut references = contents.validation_references.iter_mut();
    let Some(slot) = references.find(|stored| {
        stored.message().key() == (project, reference) && stored.message().reference_dataset_name == dataset
    }) else {
        return Ok(None);
    };
    let mut message = slot.message().clone();
    message.tags.insert(dataset_profile_tag(), profile.to_owned());
    *slot = slot.revised(&message)?;
    Ok(Some(()))
}

fn put<M: Object>(
    stored: &mut Vec<Stored<M>>,
    key: (&str, &str),
    encode: impl FnOnce(Option<&M>) -> M,
) -> Result<(), ContentsError> {
    match stored.iter_mut().find(|stored| stored.message().key() == key) {
        Some(slot) => *slot = slot.revised(&encode(Some(slot.message())))?,
        None => stored.push(Stored::new(encode(None))),
    }
    Ok(())
}
