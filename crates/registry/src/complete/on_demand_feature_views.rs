//! On-demand feature views: their sources, and the keys under which they are kept online.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use larder_core::{
    DataSource, DataSourceKind, Entity, Field, OnDemandFeatureView, OnDemandSource, PythonTransformation,
    RequestSource, TransformationReference, ValueType, dummy_join_key,
};

use super::data_sources::KnownSource;
use super::{Completion, PendingView};
use crate::INPUT_SCHEMA_SOURCE_PREFIX;
use crate::definitions::{ParsedDefinitions, ParsedOnDemandFeatureView, ParsedProjection};
use crate::on_demand_chain::{InnerFirst, arrows};

/// Where views are kept online: names of entities and their join keys.
type OnlineKeys = (Vec<String>, Vec<Field>);

impl Completion {
    /// Returns the views that need their transformation.
    pub(super) fn on_demand_feature_views(&mut self, parsed: &ParsedDefinitions) -> Vec<PendingView> {
        let mut complete: Vec<(usize, OnDemandFeatureView)> = Vec::new();
        for at in self.inner_views_first(parsed) {
            let Some(view) = parsed.on_demand_feature_views.get(at) else { continue };
            match self.on_demand_feature_view(view, parsed) {
                Some(view) => {
                    // Those that read it come later in this walk.
                    self.definitions.on_demand_feature_views.push(view.clone());
                    complete.push((at, view));
                }
                None => {
                    self.broken.insert(view.name.value.clone());
                }
            }
        }
        complete.sort_by_key(|(at, _)| *at);
        let pending = complete.iter().enumerate();
        let pending = pending.map(|(defined, (at, _))| PendingView { parsed: *at, defined }).collect();
        self.definitions.on_demand_feature_views = complete.into_iter().map(|(_, view)| view).collect();
        pending
    }

    /// The positions of all on-demand views, each after those it reads. A view that reads itself, directly
    /// or through others, is told and counts as broken.
    fn inner_views_first(&mut self, parsed: &ParsedDefinitions) -> Vec<usize> {
        let views = &parsed.on_demand_feature_views;
        let positions: HashMap<&str, usize> =
            views.iter().enumerate().map(|(at, view)| (view.name.value.as_str(), at)).collect();
        let requests: HashSet<&str> = parsed
            .data_sources
            .iter()
            .filter(|source| source.is_request())
            .map(|source| source.name.value.as_str())
            .collect();
        let reads = |view: &ParsedOnDemandFeatureView| -> Vec<usize> {
            let named = view.sources.iter();
            let named = named.map(|source| (source.target.value.as_str(), source.bare));
            // A name that means either is told where the source is looked up.
            let views = named.filter(|(name, bare)| !(*bare && requests.contains(name)));
            views.filter_map(|(name, _)| positions.get(name).copied()).collect()
        };
        let edges: Vec<Vec<usize>> = views.iter().map(reads).collect();
        let InnerFirst { order, cycles } = InnerFirst::of(&edges);
        for cycle in cycles {
            let names: Vec<&str> =
                cycle.iter().filter_map(|at| views.get(*at)).map(|view| view.name.value.as_str()).collect();
            let [.., last, first] = names.as_slice() else { continue };
            let view = positions.get(last).and_then(|at| views.get(*at));
            let closing = view.and_then(|view| {
                let source = view.sources.iter().find(|source| source.target.value == *first)?;
                Some((view, source))
            });
            let Some((view, source)) = closing else { continue };
            let what = if last == first {
                format!("on-demand feature view `{first}` reads itself: `{}`", arrows(names.iter().copied()))
            } else {
                format!("on-demand feature views read each other: `{}`", arrows(names.iter().copied()))
            };
            let remedy = format!("remove `{first}` from the sources of `{last}`");
            self.report.problem(source.target.place.problem(what).remedy(remedy));
            self.broken.insert(view.name.value.clone());
        }
        order
    }

    fn on_demand_feature_view(
        &mut self,
        parsed: &ParsedOnDemandFeatureView,
        all: &ParsedDefinitions,
    ) -> Option<OnDemandFeatureView> {
        if self.broken.contains(&parsed.name.value) {
            return None;
        }
        let problems_before = self.report.problems.len();
        let mut sources: Vec<OnDemandSource> = Vec::new();
        let mut all_known = true;
        if !parsed.input_schema.is_empty() {
            sources.push(OnDemandSource::RequestSource(self.input_source(parsed)));
        }
        for source in &parsed.sources {
            let Some(resolved) = self.on_demand_source(source, all) else {
                all_known = false;
                continue;
            };
            if sources.iter().any(|known| known.name() == resolved.name()) {
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
        let ends = self.ends_of_chains(&sources);
        let keys = self.source_join_keys(&ends);
        self.check_request_fields(parsed, &ends, &keys);
        // Fields named as a join key are entity columns, as in a feature view.
        let declared: Vec<String> = parsed.entities.iter().map(|name| name.value.clone()).collect();
        let declared: Vec<String> = self
            .definitions
            .entities
            .iter()
            .filter(|entity| declared.contains(&entity.name))
            .map(|entity| entity.join_key.clone())
            .collect();
        let is_key =
            |name: &str| keys.iter().any(|key| key.name == name) || declared.iter().any(|key| key == name);
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
        let udf = parsed.udf.as_ref().and_then(|function| self.function(function));
        if parsed.component.is_none() {
            let what = format!(
                "on-demand feature view `{}` needs a component before larder can compute it",
                parsed.name.value
            );
            let remedy =
                format!("add `transformation`, or run `larder udf bind {} COMPONENT`", parsed.name.value);
            self.report.warning(parsed.name.place.problem(what).remedy(remedy));
        }
        let online = if parsed.write_to_online_store { self.online_keys(parsed, &ends) } else { None };
        if self.report.problems.len() > problems_before {
            return None;
        }
        let (entities, join_keys) = match online {
            Some(online) => online,
            // Feast keeps what is said, though it means nothing.
            None => self.idle_keys(parsed)?,
        };
        let function = parsed.function.as_ref().unwrap_or(&parsed.name).value.clone();
        Some(OnDemandFeatureView {
            name: parsed.name.value.clone(),
            sources,
            features,
            entities,
            join_keys,
            transformation: TransformationReference { component: None, function, limits: parsed.limits },
            python: PythonTransformation { mode: parsed.mode.clone(), singleton: parsed.singleton, udf },
            aggregations: parsed.aggregations.clone(),
            track_metrics: parsed.track_metrics,
            write_to_online_store: parsed.write_to_online_store,
            version: parsed.version,
            enabled: parsed.enabled,
            description: parsed.description.clone(),
            tags: parsed.tags.clone(),
            owner: parsed.owner.clone(),
            org: parsed.org.clone(),
        })
    }

    /// The entities of a view that is not kept online.
    fn idle_keys(&mut self, parsed: &ParsedOnDemandFeatureView) -> Option<OnlineKeys> {
        if parsed.entities.is_empty() {
            return Some((Vec::new(), vec![dummy_join_key()]));
        }
        let entities = self.view_entities(&parsed.entities)?;
        let key = |entity: &Entity| {
            let declared = parsed.schema.iter().find(|field| field.value.name == entity.join_key);
            let value_type = entity.value_type.clone().unwrap_or(ValueType::STRING);
            declared.map_or_else(|| Field::new(&entity.join_key, value_type), |field| field.value.clone())
        };
        let keys = entities.iter().map(key).collect();
        Some((entities.into_iter().map(|entity| entity.name).collect(), keys))
    }

    /// The request source that a view's `input_schema` is short for.
    fn input_source(&mut self, parsed: &ParsedOnDemandFeatureView) -> String {
        let name = format!("{INPUT_SCHEMA_SOURCE_PREFIX}{}", parsed.name.value);
        let schema = parsed.input_schema.iter().map(|field| field.value.clone()).collect();
        let source = DataSource {
            name: name.clone(),
            kind: DataSourceKind::Request(RequestSource { schema }),
            description: String::new(),
            tags: BTreeMap::new(),
            owner: String::new(),
        };
        self.definitions.data_sources.push(source.clone());
        self.sources.insert(name.clone(), KnownSource { source, columns: None });
        name
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
        let is_on_demand = || all.on_demand_feature_views.iter().any(|view| &view.name.value == name);
        if source.bare && known == Some(true) && is_on_demand() {
            let what = format!("`{name}` is both an on-demand feature view and a request source");
            let remedy = format!("write `{{feature_view: {name}}}`, or rename the source");
            self.report.problem(source.target.place.problem(what).remedy(remedy));
            return None;
        }
        let inner = self.definitions.on_demand_feature_views.iter().find(|view| &view.name == name);
        if let Some(features) = inner.map(|view| view.features.clone()) {
            if let Some((key, _)) = source.join_key_map.first() {
                let problem =
                    key.place.problem(format!("the join keys of on-demand view `{name}` cannot be renamed"));
                let why = "they are those of the feature views that it reads";
                self.report.problem(problem.because(why).remedy("remove `join_key_map`"));
                return None;
            }
            return Some(OnDemandSource::OnDemandFeatureView(self.project_view(source, &features, &[])));
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
                let stored = all.feature_views.iter().map(|view| view.name.value.as_str());
                let on_demand = all.on_demand_feature_views.iter().map(|view| view.name.value.as_str());
                let requests = all.data_sources.iter().filter(|source| source.is_request());
                let there = stored.chain(on_demand).chain(requests.map(|source| source.name.value.as_str()));
                self.unknown(&source.target, "feature view or request source", "feature_views", there);
                None
            }
        }
    }

    /// The sources that are no on-demand views: those given, then those of the on-demand views among them,
    /// and so on; each once.
    fn ends_of_chains(&self, sources: &[OnDemandSource]) -> Vec<OnDemandSource> {
        let mut ends: Vec<OnDemandSource> = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open: VecDeque<&OnDemandSource> = sources.iter().collect();
        while let Some(source) = open.pop_front() {
            let Some(inner) = source.as_on_demand() else {
                if !ends.contains(source) {
                    ends.push(source.clone());
                }
                continue;
            };
            let view = self.definitions.on_demand_feature_views.iter().find(|view| view.name == inner.view);
            if let Some(view) = view.filter(|view| seen.insert(&view.name)) {
                open.extend(&view.sources);
            }
        }
        ends
    }

    /// The join keys of all feature views among `sources`, as a request names them.
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

    /// A request field must not hide a join key, nor mean two things, also in views that the view reads.
    fn check_request_fields(
        &mut self,
        parsed: &ParsedOnDemandFeatureView,
        sources: &[OnDemandSource],
        keys: &[Field],
    ) {
        let mut known: Vec<(Field, String)> = Vec::new();
        for source in sources {
            let OnDemandSource::RequestSource(name) = source else { continue };
            let place = parsed.sources.iter().find(|parsed| &parsed.target.value == name);
            let place = place.map_or(&parsed.name.place, |place| &place.target.place);
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

    /// The entities under which the view's values are kept: those declared, or those of its sources, also of
    /// the sources of on-demand views that it reads.
    fn online_keys(
        &mut self,
        parsed: &ParsedOnDemandFeatureView,
        sources: &[OnDemandSource],
    ) -> Option<OnlineKeys> {
        let name = &parsed.name.value;
        let mut entities: Vec<String> = Vec::new();
        let mut keys: Vec<Field> = Vec::new();
        let mut views = 0;
        for source in sources {
            let OnDemandSource::FeatureView(projection) = source else { continue };
            let place = parsed.sources.iter().find(|parsed| parsed.target.value == projection.view);
            let place = place.map_or(&parsed.name.place, |place| &place.target.place);
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
                let problem = place.problem(what).remedy("set `online: true` in that view");
                // A view that cannot be computed anyway is only kept.
                if parsed.component.is_none() {
                    self.report.warning(problem);
                } else {
                    self.report.problem(problem);
                }
            }
            if !projection.join_key_map.is_empty() {
                let what =
                    format!("`{name}` is to be written online and renames join keys of `{}`", view.name);
                let problem =
                    place.problem(what).remedy("remove `join_key_map`, or compute the view when asked for");
                if parsed.component.is_none() {
                    self.report.warning(problem);
                } else {
                    self.report.problem(problem);
                }
            }
            for (entity, key) in view.entities.iter().zip(&view.join_keys) {
                if !entities.contains(entity) {
                    entities.push(entity.clone());
                    keys.push(key.clone());
                }
            }
        }
        if views == 0 && parsed.component.is_none() {
            // Feast keeps such a view; here it is only kept too.
            return self.idle_keys(parsed);
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
