//! Feature services.

use larder_core::{FeatureService, FeatureViewProjection};

use super::Completion;
use crate::definitions::{ParsedDefinitions, ParsedFeatureService};

impl Completion {
    pub(super) fn feature_services(&mut self, parsed: &ParsedDefinitions) {
        for service in &parsed.feature_services {
            let service = self.feature_service(service, parsed);
            self.definitions.feature_services.push(service);
        }
    }

    fn feature_service(&mut self, parsed: &ParsedFeatureService, all: &ParsedDefinitions) -> FeatureService {
        let mut features: Vec<FeatureViewProjection> = Vec::with_capacity(parsed.features.len());
        for projection in &parsed.features {
            let name = &projection.target.value;
            let stored = self.definitions.feature_views.iter().find(|view| &view.name == name);
            let stored = stored.map(|view| {
                let keys = if view.is_entityless() { Vec::new() } else { view.join_keys.clone() };
                (view.features.clone(), keys)
            });
            let on_demand = self.definitions.on_demand_feature_views.iter().find(|view| &view.name == name);
            let found = stored.or_else(|| on_demand.map(|view| (view.features.clone(), Vec::new())));
            let Some((known, join_keys)) = found else {
                let stored = all.feature_views.iter().map(|view| view.name.value.as_str());
                let on_demand = all.on_demand_feature_views.iter().map(|view| view.name.value.as_str());
                self.unknown(&projection.target, "view", "feature_views", stored.chain(on_demand));
                continue;
            };
            let complete = self.project_view(projection, &known, &join_keys);
            let same = |other: &FeatureViewProjection| {
                other.name_to_use() == complete.name_to_use() && other.version == complete.version
            };
            if features.iter().any(same) {
                let what = format!(
                    "`{}` is listed twice in feature service `{}`",
                    complete.name_to_use(),
                    parsed.name.value
                );
                self.report
                    .problem(projection.target.place.problem(what).remedy("give one of them a `name_alias`"));
            }
            features.push(complete);
        }
        if parsed.precompute_online {
            // Feast keeps vectors of stored values only.
            let computed = |projection: &&FeatureViewProjection| {
                self.definitions
                    .on_demand_feature_views
                    .iter()
                    .any(|view| view.name == projection.view && !view.write_to_online_store)
            };
            if let Some(projection) = features.iter().find(computed) {
                let what = format!(
                    "feature service `{}` is to be precomputed, but `{}` is computed when asked for",
                    parsed.name.value, projection.view
                );
                let remedy = "remove `precompute_online`, or set `write_to_online_store: true` in that view";
                self.report.problem(parsed.name.place.problem(what).remedy(remedy));
            }
        }
        FeatureService {
            name: parsed.name.value.clone(),
            features,
            logging_config: parsed.logging_config.clone(),
            precompute_online: parsed.precompute_online,
            description: parsed.description.clone(),
            tags: parsed.tags.clone(),
            owner: parsed.owner.clone(),
        }
    }
}
