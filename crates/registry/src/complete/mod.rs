//! From definitions as they are written to definitions that are complete: names are looked up, types
//! and columns are inferred by Feast's rules, transformations are proved to fit their views.

mod data_sources;
mod entities;
mod feature_services;
mod feature_views;
mod jobs;
mod names;
mod on_demand_feature_views;
mod transformations;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use larder_core::{
    FeatureViewProjection, Field, InspectedComponent, JobRuntime, OfflineStore, Project, PythonFunction,
    Timestamp, UdfRuntime,
};

use self::data_sources::KnownSource;
use crate::definitions::{FeatureRepo, ParsedDefinitions, ParsedFunction, ParsedProjection};
use crate::problem::{Problem, Problems, Report};
use crate::suggestion::suggest;
use crate::yaml::At;
use crate::{Definitions, RepoConfig};

impl FeatureRepo {
    /// Completes and checks the definitions, with the columns that `offline` finds in the sources and
    /// the functions that `udf` finds in the components; `jobs` checks those of jobs.
    ///
    /// What Feast infers is inferred: the event timestamp of a source, the features of a view without
    /// schema, the types of join keys. A source without a file yet is a warning where nothing has to be
    /// read from it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the repo, at once.
    pub async fn complete(
        self,
        offline: &dyn OfflineStore,
        udf: &dyn UdfRuntime,
        jobs: &dyn JobRuntime,
    ) -> Result<Definitions, Problems> {
        let Self { config, parsed, components, functions, report, .. } = self;
        let mut completion = Completion {
            definitions: Definitions::new(Project {
                description: config.project_description.clone(),
                ..Project::new(&config.project)
            }),
            config,
            report,
            broken: parsed.broken.clone(),
            sources: HashMap::new(),
            functions,
        };
        let pending = completion.define(&parsed, offline).await;
        completion.add_transformations(pending, &parsed, &components, udf).await;
        completion.jobs(&parsed, &components, jobs).await;
        let Completion { definitions, report: Report { problems, warnings }, .. } = completion;
        if problems.is_empty() {
            Ok(Definitions { warnings: Problems::new(warnings).into_vec(), ..definitions })
        } else {
            Err(Problems::new(problems))
        }
    }
}

/// The bytes of the components that views and jobs name, by the path as it is written.
pub(crate) type ComponentFiles = BTreeMap<PathBuf, Result<Arc<[u8]>, String>>;

/// The texts of the functions in Python that views name, by the path as it is written.
pub(crate) type FunctionFiles = BTreeMap<PathBuf, Result<String, String>>;

/// The work of completing.
struct Completion {
    config: RepoConfig,
    definitions: Definitions,
    report: Report,
    /// Names of objects that are defined, but wrongly: references to them are not wrong as well.
    broken: HashSet<String>,
    sources: HashMap<String, KnownSource>,
    functions: FunctionFiles,
}

/// An on-demand view that lacks only its transformation.
struct PendingView {
    /// Its position among the parsed views.
    parsed: usize,
    /// Its position among the defined views.
    defined: usize,
}

impl Completion {
    async fn define(&mut self, parsed: &ParsedDefinitions, offline: &dyn OfflineStore) -> Vec<PendingView> {
        self.project(parsed);
        self.check_names(parsed);
        self.entities(parsed);
        self.data_sources(parsed, offline).await;
        self.feature_views(parsed);
        let pending = self.on_demand_feature_views(parsed);
        self.feature_services(parsed);
        self.definitions.saved_datasets = values(&parsed.saved_datasets);
        self.definitions.validation_references = values(&parsed.validation_references);
        self.definitions.permissions = values(&parsed.permissions);
        pending
    }

    /// The text of a function in Python; none after a problem.
    fn function(&mut self, function: &ParsedFunction) -> Option<PythonFunction> {
        match self.functions.get(&PathBuf::from(&function.file.value)) {
            Some(Ok(text)) => Some(PythonFunction { name: function.name.clone(), text: text.clone() }),
            Some(Err(error)) => {
                let what = format!("the function `{}` cannot be read", function.file.value);
                let problem = function.file.place.problem(what).because(error);
                self.report.problem(problem.remedy("correct the path, which starts at the repo's folder"));
                None
            }
            None => None,
        }
    }

    fn project(&mut self, parsed: &ParsedDefinitions) {
        let Some(project) = &parsed.project else { return };
        if project.value.name != self.config.project {
            let what = format!("the project is called `{}`", project.value.name);
            let why = format!("`feature_store.yaml` calls it `{}`", self.config.project);
            self.report.problem(project.place.problem(what).because(why));
            return;
        }
        self.definitions.project = project.value.clone();
    }

    /// The problem of a name that nothing has; none if it is that of something with a problem of its own.
    /// `key` is where such things are defined, and `there` names those that are.
    fn unknown<'a>(
        &mut self,
        name: &At<String>,
        what: &str,
        key: &str,
        there: impl Iterator<Item = &'a str>,
    ) {
        if self.broken.contains(&name.value) {
            return;
        }
        let there: Vec<&str> = there.collect();
        let remedy = suggest(&name.value, there.iter().copied());
        let remedy = remedy.or_else(|| there.is_empty().then(|| format!("define it under `{key}`")));
        self.report
            .problem(name.place.problem(format!("there is no {what} `{}`", name.value)).maybe_remedy(remedy));
    }

    /// The projection of a view with these features and join keys; problems are told.
    fn project_view(
        &mut self,
        projection: &ParsedProjection,
        features: &[Field],
        join_keys: &[Field],
    ) -> FeatureViewProjection {
        let view = &projection.target.value;
        let chosen = match &projection.features {
            // What another version has, only the registry knows.
            Some(names) if projection.version.is_some() => {
                names.iter().map(|name| name.value.clone()).collect()
            }
            None if projection.version.is_some() => {
                let what = format!("the features of a version of view `{view}` are not known here");
                self.report.problem(projection.target.place.problem(what).remedy("list them as `features`"));
                Vec::new()
            }
            None => features.iter().map(|feature| feature.name.clone()).collect(),
            Some(names) => {
                for name in names {
                    if features.iter().all(|feature| feature.name != name.value) {
                        let problem = name
                            .place
                            .problem(format!("there is no feature `{}` in view `{view}`", name.value));
                        let there = features.iter().map(|feature| feature.name.as_str());
                        self.report.problem(problem.maybe_remedy(suggest(&name.value, there)));
                    }
                }
                names.iter().map(|name| name.value.clone()).collect()
            }
        };
        for (key, _) in &projection.join_key_map {
            if join_keys.iter().all(|known| known.name != key.value) {
                let problem =
                    key.place.problem(format!("`{}` is not a join key of view `{view}`", key.value));
                let there = join_keys.iter().map(|known| known.name.as_str());
                self.report.problem(problem.maybe_remedy(suggest(&key.value, there)));
            }
        }
        FeatureViewProjection {
            view: view.clone(),
            alias: projection.alias.as_ref().map(|alias| alias.value.clone()).filter(|alias| alias != view),
            features: chosen,
            join_key_map: projection
                .join_key_map
                .iter()
                .map(|(key, column)| (key.value.clone(), column.clone()))
                .collect(),
            version: projection.version,
        }
    }

    async fn add_transformations(
        &mut self,
        pending: Vec<PendingView>,
        parsed: &ParsedDefinitions,
        files: &ComponentFiles,
        udf: &dyn UdfRuntime,
    ) {
        let mut inspected: BTreeMap<PathBuf, Option<InspectedComponent>> = BTreeMap::new();
        let snapshot = self.definitions.snapshot(Timestamp::EPOCH);
        for PendingView { parsed: at, defined } in pending {
            let Some(view) = parsed.on_demand_feature_views.get(at) else { continue };
            let Some(reference) = &view.component else { continue };
            let path = PathBuf::from(&reference.value);
            if !inspected.contains_key(&path) {
                let component = self.inspect(reference, files, udf).await;
                inspected.insert(path.clone(), component);
            }
            let Some(Some(component)) = inspected.get(&path) else { continue };
            self.transformation(view, reference, defined, component, &snapshot);
        }
    }
}

fn values<T: Clone>(parsed: &[At<T>]) -> Vec<T> {
    parsed.iter().map(|object| object.value.clone()).collect()
}

/// A problem that an error tells, at the place of what the error is about.
fn problem_of(place: &crate::problem::Place, what: String, error: &larder_core::Error) -> Problem {
    place.problem(what).because(error.chain())
}
