//! Names that must be unique.

use std::collections::HashMap;

use larder_core::{DUMMY_ENTITY, FeatureViewKind};

use super::Completion;
use crate::definitions::ParsedDefinitions;
use crate::yaml::At;

/// What a view is called in messages.
pub(super) fn view_noun(kind: &FeatureViewKind) -> &'static str {
    match kind {
        FeatureViewKind::Batch(_) => "batch feature view",
        FeatureViewKind::Stream(_) => "stream feature view",
        FeatureViewKind::Label(_) => "label view",
        _ => "feature view",
    }
}

impl Completion {
    pub(super) fn check_names(&mut self, parsed: &ParsedDefinitions) {
        let entities = parsed
            .entities
            .iter()
            .map(|entity| ("entity", At::new(entity.value.name.clone(), &entity.place)));
        let sources = parsed.data_sources.iter().map(|source| ("data source", source.name.clone()));
        let views = parsed.feature_views.iter().map(|view| (view_noun(&view.kind), view.name.clone()));
        let on_demand =
            parsed.on_demand_feature_views.iter().map(|view| ("on-demand feature view", view.name.clone()));
        let datasets = parsed
            .saved_datasets
            .iter()
            .map(|set| ("saved dataset", At::new(set.value.name.clone(), &set.place)));
        let references = parsed.validation_references.iter().map(|reference| {
            ("validation reference", At::new(reference.value.name.clone(), &reference.place))
        });
        let permissions = parsed
            .permissions
            .iter()
            .map(|permission| ("permission", At::new(permission.value.name.clone(), &permission.place)));
        let services =
            parsed.feature_services.iter().map(|service| ("feature service", service.name.clone()));
        self.unique(entities, str::to_owned, "");
        self.unique(sources, str::to_lowercase, "names of data sources must differ in more than case");
        self.unique(
            views.chain(on_demand),
            str::to_lowercase,
            "names of views of all kinds must differ in more than case",
        );
        self.unique(services, str::to_owned, "");
        self.unique(datasets, str::to_owned, "");
        self.unique(references, str::to_owned, "");
        self.unique(permissions, str::to_owned, "");
        // A job's history is a file of its name.
        let jobs = parsed.jobs.iter().map(|job| ("job", job.name.clone()));
        self.unique(jobs, str::to_lowercase, "names of jobs must differ in more than case");
        for entity in parsed.entities.iter().filter(|entity| entity.value.name == DUMMY_ENTITY) {
            let problem = entity.place.problem(format!("`{DUMMY_ENTITY}` cannot be the name of an entity"));
            self.report.problem(problem.because("it is that of the hidden entity of views without entities"));
        }
    }

    /// Tells every name that is taken already, as far as `fold` tells names apart.
    fn unique(
        &mut self,
        names: impl Iterator<Item = (&'static str, At<String>)>,
        fold: impl Fn(&str) -> String,
        rule: &str,
    ) {
        let mut taken: HashMap<String, (&str, String)> = HashMap::new();
        for (kind, name) in names {
            let Some((other_kind, other)) = taken.get(&fold(&name.value)) else {
                taken.insert(fold(&name.value), (kind, name.value));
                continue;
            };
            let problem = if *other == name.value && *other_kind == kind {
                name.place.problem(format!("{kind} `{other}` is defined twice"))
            } else {
                let what = format!("{kind} `{}` has the name of {other_kind} `{other}`", name.value);
                let problem = name.place.problem(what);
                if rule.is_empty() { problem } else { problem.because(rule) }
            };
            self.report.problem(problem.remedy("rename or remove one of them"));
        }
    }
}
