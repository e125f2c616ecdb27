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

#[cfg(test)]
mod tests {
    use larder_core::{
        FeatureService, FeatureView, Field, OnDemandFeatureView, Project, Timestamp, ValueType,
    };
    use larder_registry::{Registered, SnapshotObjects};

    use super::*;

    fn registered<T>(object: T) -> Registered<T> {
        Registered::new(object, Timestamp::EPOCH, Timestamp::EPOCH)
    }

    fn projection(view: &str, alias: Option<&str>, features: &[&str]) -> FeatureViewProjection {
        let features = features.iter().map(ToString::to_string).collect();
        FeatureViewProjection {
            alias: alias.map(str::to_owned),
            ..FeatureViewProjection::new(view, features)
        }
    }

    /// Views `stats` and `other` (a, b); `total` computes `sum` of `stats:a`, `twice` of `total`; services that call
    /// `stats` and `other` by `origin`, with another column for the key each.
    fn snapshot() -> RegistrySnapshot {
        let view = |name: &str| FeatureView {
            features: ["a", "b"].map(|feature| Field::new(feature, ValueType::INT64)).into(),
            ..FeatureView::new(name)
        };
        let on_demand = |name: &str, source| OnDemandFeatureView {
            sources: vec![source],
            features: vec![Field::new("sum", ValueType::INT64)],
            ..OnDemandFeatureView::new(name)
        };
        let service = |name: &str, view: &str, column: &str| {
            let mut origin = projection(view, Some("origin"), &["a"]);
            origin.join_key_map.insert("id".into(), column.into());
            registered(FeatureService::new(name, vec![origin]))
        };
        let total = on_demand("total", OnDemandSource::FeatureView(projection("stats", None, &["a"])));
        let twice =
            on_demand("twice", OnDemandSource::OnDemandFeatureView(projection("total", None, &["sum"])));
        let objects = SnapshotObjects {
            feature_views: vec![registered(view("stats")), registered(view("other"))],
            on_demand_feature_views: vec![registered(total), registered(twice)],
            feature_services: vec![
                service("first", "stats", "from_id"),
                service("second", "stats", "to_id"),
                service("third", "other", "other_id"),
            ],
            ..SnapshotObjects::default()
        };
        RegistrySnapshot::new("1".into(), Project::new("p"), Timestamp::EPOCH, objects)
    }

    /// What references mean, as `view[features]`, with the alias and its key in front.
    fn read(views: &[(&str, Option<&str>)], references: &[&str], columns: &[&str]) -> Result<Vec<String>> {
        let command = TrainingSetCommand {
            views: views.iter().map(|(view, alias)| ((*view).to_owned(), alias.map(str::to_owned))).collect(),
            references: references.iter().map(ToString::to_string).collect(),
            project: "p".into(),
            full_feature_names: false,
            start: None,
            end: None,
            asks_by_sql: false,
        };
        let found = projections(&snapshot(), &command, |name| columns.contains(&name))?;
        let shown = |view: &FeatureViewProjection| {
            let key = view.join_key_map.get("id").map(|column| format!("{column}=")).unwrap_or_default();
            format!("{key}{}[{}]", view.view, view.features.join(","))
        };
        Ok(found.iter().map(shown).collect())
    }

    #[test]
    fn references_are_gathered_by_view_in_the_order_asked_for() {
        let views = [("stats", None), ("other", None)];
        let found = read(&views, &["stats:b", "other:a", "total:sum", "stats:c"], &[]).unwrap();
        assert_eq!(found, ["stats[b,c]", "other[a]", "total[sum]"]);
    }

    #[test]
    fn an_alias_is_that_of_the_view_it_is_sent_for_as_the_last_service_has_it() {
        let found = |view| read(&[(view, Some("origin"))], &["origin:a"], &[]).unwrap();
        assert_eq!(found("stats"), ["to_id=stats[a]"]);
        assert_eq!(found("other"), ["other_id=other[a]"]);
        // Of what is not sent the name alone is known.
        assert_eq!(read(&[], &["origin:a"], &[]).unwrap(), ["other_id=other[a]"]);
        let unknown = read(&[("stats", Some("nowhere"))], &["nowhere:a"], &[]).unwrap_err();
        assert!(
            unknown.to_string().contains("no feature service asks for feature view `stats` as `nowhere`")
        );
        let unknown = read(&[], &["nowhere:a"], &[]).unwrap_err();
        assert_eq!(unknown.to_string(), "Feature view nowhere does not exist in project p");
    }

    #[test]
    fn an_input_that_the_client_adds_gives_way_to_what_is_asked_for_and_to_nothing_else() {
        let views = [("stats", None), ("other", None)];
        // As it comes.
        assert_eq!(read(&views, &["total:sum", "stats:a"], &[]).unwrap(), ["total[sum]", "stats[a]"]);
        for on_demand in ["total:sum", "twice:sum"] {
            let view = on_demand.split(':').next().unwrap();
            let found = read(&views, &["other:a", on_demand, "stats:a"], &[]).unwrap();
            assert_eq!(found, ["other[a]", &format!("{view}[sum]")]);
            let found = read(&views, &[on_demand, "stats:a"], &["a"]).unwrap();
            assert_eq!(found, [format!("{view}[sum]")]);
        }
        // Without an on-demand view nothing is added, so the collision is the user's own.
        assert_eq!(read(&views, &["other:a", "stats:a"], &[]).unwrap(), ["other[a]", "stats[a]"]);
        let found = read(&views, &["other:b", "total:sum", "stats:b"], &[]).unwrap();
        assert_eq!(found, ["other[b]", "total[sum]", "stats[b]"]);
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for reference in ["", "stats", ":a", "stats:", ":"] {
            assert!(read(&[("stats", None)], &[reference], &[]).is_err(), "{reference}");
        }
    }
}
