//! On-demand feature views: their sources, and the keys under which they are kept online.

use larder_core::{Field, OnDemandFeatureView, OnDemandSource, TransformationReference, dummy_join_key};

use super::{Completion, PendingView};
use crate::definitions::{ParsedDefinitions, ParsedOnDemandFeatureView, ParsedProjection};

/// Where views are kept online: names of entities and their join keys.
type OnlineKeys = (Vec<String>, Vec<Field>);

impl Completion {
    /// Returns the views that need their transformation.
    pub(super) fn on_demand_feature_views(&mut self, parsed: &ParsedDefinitions) -> Vec<PendingView> {
        let mut pending = Vec::new();
        for (at, view) in parsed.on_demand_feature_views.iter().enumerate() {
            match self.on_demand_feature_view(view, parsed) {
                Some(complete) => {
                    pending.push(PendingView {
                        parsed: at,
                        defined: self.definitions.on_demand_feature_views.len(),
                    });
                    self.definitions.on_demand_feature_views.push(complete);
                }
                None => {
                    self.broken.insert(view.name.value.clone());
                }
            }
        }
        pending
    }

    fn on_demand_feature_view(
        &mut self,
        parsed: &ParsedOnDemandFeatureView,
        all: &ParsedDefinitions,
    ) -> Option<OnDemandFeatureView> {
        let problems_before = self.report.problems.len();
        let mut sources: Vec<OnDemandSource> = Vec::new();
        let mut all_known = true;
        for source in &parsed.sources {
            let Some(resolved) = self.on_demand_source(source, all) else {
                all_known = false;
                continue;
            };
            if sources.iter().any(|known| source_name(known) == source_name(&resolved)) {
                let what = format!(
                    "`{}` is listed twice in the sources of `{}`",
                    source.target.value, parsed.name.value
                );
                self.report.problem(source.target.place.problem(what));
            } else {
                sources.push(resolved);
            }
        }
        if !all_known {
            return None;
        }
        let keys = self.source_join_keys(&sources);
        self.check_request_fields(parsed, &sources, &keys);
        // Fields named as a join key are entity columns, as in a feature view.
        let is_key = |name: &str| keys.iter().any(|key| key.name == name);
        let features: Vec<Field> = parsed
            .schema
            .iter()
            .map(|field| &field.value)
            .filter(|field| !is_key(&field.name))
            .cloned()
            .collect();
        if features.is_empty() {
            let what = format!("on-demand feature view `{}` declares no features", parsed.name.value);
            self.report.problem(parsed.name.place.problem(what).remedy("list them in its `schema`"));
        }
        let online = if parsed.write_to_online_store { self.online_keys(parsed, &sources) } else { None };
        if self.report.problems.len() > problems_before {
            return None;
        }
        let (entities, join_keys) = online.unwrap_or_else(|| (Vec::new(), vec![dummy_join_key()]));
        let function = parsed.function.as_ref().unwrap_or(&parsed.name).value.clone();
        Some(OnDemandFeatureView {
            name: parsed.name.value.clone(),
            sources,
            features,
            entities,
            join_keys,
            transformation: TransformationReference { component: None, function, limits: parsed.limits },
            write_to_online_store: parsed.write_to_online_store,
            enabled: parsed.enabled,
            description: parsed.description.clone(),
            tags: parsed.tags.clone(),
            owner: parsed.owner.clone(),
        })
    }

    fn on_demand_source(
        &mut self,
        source: &ParsedProjection,
        all: &ParsedDefinitions,
    ) -> Option<OnDemandSource> {
        let name = &source.target.value;
        let view = self.definitions.feature_views.iter().find(|view| &view.name == name);
        let view = view.map(|view| (view.features.clone(), view.join_keys.clone(), view.is_entityless()));
        let known = self.sources.get(name).map(|known| known.source.as_request().is_some());
        if let Some((features, join_keys, entityless)) = view {
            if source.bare && known == Some(true) {
                let what = format!("`{name}` is both a feature view and a request source");
                let remedy = format!("write `{{feature_view: {name}}}`, or rename the source");
                self.report.problem(source.target.place.problem(what).remedy(remedy));
                return None;
            }
            let join_keys = if entityless { &[] } else { join_keys.as_slice() };
            return Some(OnDemandSource::FeatureView(self.project_view(source, &features, join_keys)));
        }
        if all.on_demand_feature_views.iter().any(|view| &view.name.value == name) {
            let problem =
                source.target.place.problem(format!("`{name}` is an on-demand feature view itself"));
            let why = "on-demand feature views read feature views and request sources";
            self.report.problem(problem.because(why));
            return None;
        }
        match known {
            Some(true) if source.bare => Some(OnDemandSource::RequestSource(name.clone())),
            Some(true) => {
                let problem =
                    source.target.place.problem(format!("`{name}` is a request source, not a feature view"));
                self.report.problem(problem.remedy("write its name alone; all of its fields are used"));
                None
            }
            Some(false) => {
                let problem = source
                    .target
                    .place
                    .problem(format!("`{name}` cannot be read by an on-demand feature view"));
                let why = "it is a data source of history";
                self.report.problem(problem.because(why).remedy("name the feature view that reads it"));
                None
            }
            None => {
                let views = all.feature_views.iter().map(|view| view.name.value.as_str());
                let requests = all.data_sources.iter().filter(|source| source.is_request());
                let there = views.chain(requests.map(|source| source.name.value.as_str()));
                self.unknown(&source.target, "feature view or request source", "feature_views", there);
                None
            }
        }
    }

    /// The join keys of all source views, as a request names them.
    fn source_join_keys(&self, sources: &[OnDemandSource]) -> Vec<Field> {
        let mut keys: Vec<Field> = Vec::new();
        for source in sources {
            let OnDemandSource::FeatureView(projection) = source else { continue };
            let view = self.definitions.feature_views.iter().find(|view| view.name == projection.view);
            let Some(view) = view.filter(|view| !view.is_entityless()) else { continue };
            for key in &view.join_keys {
                let name = projection.join_key_map.get(&key.name).unwrap_or(&key.name);
                if !keys.iter().any(|known| &known.name == name) {
                    keys.push(Field { name: name.clone(), ..key.clone() });
                }
            }
        }
        keys
    }

    /// A request field must not hide a join key, nor mean two things.
    fn check_request_fields(
        &mut self,
        parsed: &ParsedOnDemandFeatureView,
        sources: &[OnDemandSource],
        keys: &[Field],
    ) {
        let mut known: Vec<(Field, String)> = Vec::new();
        for source in sources {
            let OnDemandSource::RequestSource(name) = source else { continue };
            let Some(place) = parsed.sources.iter().find(|parsed| &parsed.target.value == name) else {
                continue;
            };
            let place = &place.target.place;
            let request = self.sources.get(name).and_then(|known| known.source.as_request());
            for field in request.map(|request| request.schema.clone()).unwrap_or_default() {
                if keys.iter().any(|key| key.name == field.name) {
                    let what = format!(
                        "field `{}` of request source `{name}` has the name of a join key of `{}`",
                        field.name, parsed.name.value
                    );
                    self.report.problem(place.problem(what).remedy("rename the field"));
                }
                let other = known.iter().find(|(other, _)| other.name == field.name);
                if let Some((other, source)) = other
                    && other.value_type != field.value_type
                {
                    let what = format!(
                        "request field `{}` is {} in `{source}` and {} in `{name}`",
                        field.name, other.value_type, field.value_type
                    );
                    self.report.problem(place.problem(what).remedy("give both the same type"));
                }
                known.push((field, name.clone()));
            }
        }
    }

    /// The entities under which the view's values are kept: those declared, or those of its sources.
    fn online_keys(
        &mut self,
        parsed: &ParsedOnDemandFeatureView,
        sources: &[OnDemandSource],
    ) -> Option<OnlineKeys> {
        let name = &parsed.name.value;
        let mut entities: Vec<String> = Vec::new();
        let mut keys: Vec<Field> = Vec::new();
        let mut views = 0;
        for (source, place) in sources.iter().zip(&parsed.sources) {
            let OnDemandSource::FeatureView(projection) = source else { continue };
            let place = &place.target.place;
            let Some(view) = self.definitions.feature_views.iter().find(|view| view.name == projection.view)
            else {
                continue;
            };
            views += 1;
            if !view.online {
                let what = format!(
                    "feature view `{}` is not kept online, but `{name}` is to be written online",
                    view.name
                );
                self.report.problem(place.problem(what).remedy("set `online: true` in that view"));
                continue;
            }
            if !projection.join_key_map.is_empty() {
                let what =
                    format!("`{name}` is to be written online and renames join keys of `{}`", view.name);
                self.report.problem(
                    place.problem(what).remedy("remove `join_key_map`, or compute the view when asked for"),
                );
            }
            for (entity, key) in view.entities.iter().zip(&view.join_keys) {
                if !entities.contains(entity) {
                    entities.push(entity.clone());
                    keys.push(key.clone());
                }
            }
        }
        if views == 0 {
            let what = format!("`{name}` is to be written online, but has no feature view among its sources");
            let problem =
                parsed.name.place.problem(what).because("there is no entity under which to write it");
            self.report.problem(problem.remedy("remove `write_to_online_store`"));
            return None;
        }
        if parsed.entities.is_empty() {
            return Some(if entities.is_empty() {
                (entities, vec![dummy_join_key()])
            } else {
                (entities, keys)
            });
        }
        let declared = self.view_entities(&parsed.entities)?;
        let mut online = (Vec::new(), Vec::new());
        for (entity, reference) in declared.iter().zip(&parsed.entities) {
            let Some(key) = keys.iter().find(|key| key.name == entity.join_key) else {
                let what = format!("no source of `{name}` has the join key `{}`", entity.join_key);
                let why = format!("it is the join key of entity `{}`", entity.name);
                self.report.problem(reference.place.problem(what).because(why));
                continue;
            };
            online.0.push(entity.name.clone());
            online.1.push(key.clone());
        }
        Some(online)
    }
}

fn source_name(source: &OnDemandSource) -> Option<&str> {
    match source {
        OnDemandSource::FeatureView(projection) => Some(&projection.view),
        OnDemandSource::RequestSource(name) => Some(name),
        _ => None,
    }
}
