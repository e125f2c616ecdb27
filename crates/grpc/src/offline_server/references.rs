//! From the references of a client to views.
//!
//! Feast's client sends the names of feature views, those that references use instead, and references. To those that
//! its user asked for it adds, at the end, one for every feature that an on-demand view among them reads. Nobody can
//! tell the two kinds apart; where one that may be an addition would collide with another column, it gives way.

use std::collections::{HashMap, HashSet};

use larder_core::{FeatureReference, FeatureViewProjection, OnDemandSource, RequestError, Result};
use larder_registry::RegistrySnapshot;

use super::command::TrainingSetCommand;

/// The views that are asked for, each with its features in the order asked for. `is_column` says whether the entity
/// rows have a column of a name.
///
/// # Errors
///
/// [`RequestError`] for a reference that is none, and a view or alias that is not there.
pub(crate) fn projections(
    snapshot: &RegistrySnapshot,
    command: &TrainingSetCommand,
    is_column: impl Fn(&str) -> bool,
) -> Result<Vec<FeatureViewProjection>> {
    let mut views: HashMap<&str, FeatureViewProjection> = HashMap::new();
    let mut asked = Vec::with_capacity(command.references.len());
    for text in &command.references {
        let name = text.split_once(':').map_or(text.as_str(), |(view, _)| view);
        let reference = FeatureReference::parse(text)?;
        let view = match views.get(name) {
            Some(view) => view.clone(),
            None => views.entry(name).or_insert(named(snapshot, command, &reference)?).clone(),
        };
        asked.push((view, reference.feature));
    }
    let additions = inputs(snapshot, views.values())?;
    let mut columns: HashSet<String> = HashSet::new();
    let mut projections: Vec<FeatureViewProjection> = Vec::new();
    for (view, feature) in asked {
        let column = if command.full_feature_names {
            format!("{}__{feature}", view.name_to_use())
        } else {
            feature.clone()
        };
        let is_taken = columns.contains(&column) || is_column(&column);
        if is_taken && additions.contains(&(view.name_to_use().to_owned(), feature.clone())) {
            continue;
        }
        columns.insert(column);
        let same = |known: &&mut FeatureViewProjection| {
            known.alias == view.alias && known.view == view.view && known.version == view.version
        };
        match projections.iter_mut().find(same) {
            Some(known) => known.features.push(feature),
            None => projections.push(FeatureViewProjection { features: vec![feature], ..view }),
        }
    }
    Ok(projections)
}

/// A view by the name that a reference has for it, without features.
fn named(
    snapshot: &RegistrySnapshot,
    command: &TrainingSetCommand,
    reference: &FeatureReference,
) -> Result<FeatureViewProjection, RequestError> {
    let name = reference.view.as_str();
    let under_alias = |view: Option<&str>| {
        let services = snapshot.feature_services().iter();
        let projections = services.flat_map(|service| &service.object.features);
        // The last one, as in Feast.
        let found = projections
            .rev()
            .find(|known| known.alias.as_deref() == Some(name) && view.is_none_or(|view| known.view == view));
        found.map(|known| FeatureViewProjection { features: Vec::new(), ..known.clone() })
    };
    if let Some((view, _)) = command.views.iter().find(|(_, alias)| alias.as_deref() == Some(name)) {
        return under_alias(Some(view)).ok_or_else(|| {
            RequestError::other(format!(
                "no feature service asks for feature view `{view}` as `{name}`; the server finds the join keys of an \
                 alias in a registered service, so apply one that has it"
            ))
        });
    }
    let own = || FeatureViewProjection {
        version: reference.version,
        ..FeatureViewProjection::new(name, Vec::new())
    };
    if snapshot.on_demand_feature_view(name).is_ok() {
        return Ok(own());
    }
    match snapshot.feature_view(name) {
        Ok(_) => Ok(own()),
        Err(unknown) => under_alias(None).ok_or(unknown),
    }
}

/// What the on-demand views among `views` read in the end: view, as references have it, and feature.
fn inputs<'a>(
    snapshot: &RegistrySnapshot,
    views: impl Iterator<Item = &'a FeatureViewProjection>,
) -> Result<HashSet<(String, String)>> {
    let mut inputs = HashSet::new();
    for view in views {
        let Ok(on_demand) = snapshot.on_demand_feature_view(&view.view) else { continue };
        for inner in snapshot.on_demand_chain(&on_demand.object, |_| true)? {
            for source in &inner.sources {
                if let OnDemandSource::FeatureView(read) = source {
                    let name = read.name_to_use();
                    inputs.extend(read.features.iter().map(|feature| (name.to_owned(), feature.clone())));
                }
            }
        }
    }
    Ok(inputs)
}
