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
            if features.iter().any(|other| other.name_to_use() == complete.name_to_use()) {
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
        FeatureService {
            name: parsed.name.value.clone(),
            features,
            description: parsed.description.clone(),
            tags: parsed.tags.clone(),
            owner: parsed.owner.clone(),
        }
    }
}
