//! Components: reading them, and the proof that their functions fit the views that name them.

use std::path::Path;
use std::sync::Arc;

use larder_core::{InspectedComponent, UdfRuntime};

use super::{Completion, ComponentFiles, problem_of};
use crate::definitions::ParsedOnDemandFeatureView;
use crate::suggestion::suggest;
use crate::yaml::At;
use crate::{BindingError, RegistrySnapshot, bind_inputs, check_outputs};

impl Completion {
    /// The bytes of a component; none after a problem.
    pub(super) fn component_bytes(
        &mut self,
        component: &At<String>,
        files: &ComponentFiles,
    ) -> Option<Arc<[u8]>> {
        match files.get(Path::new(&component.value))? {
            Ok(bytes) => Some(Arc::clone(bytes)),
            Err(error) => {
                let what = format!("component `{}` cannot be read", component.value);
                let problem = component.place.problem(what).because(error);
                self.report.problem(
                    problem.remedy("build it, or correct the path, which starts at the repo's folder"),
                );
                None
            }
        }
    }

    /// The functions of a component; none after a problem.
    pub(super) async fn inspect(
        &mut self,
        component: &At<String>,
        files: &ComponentFiles,
        udf: &dyn UdfRuntime,
    ) -> Option<InspectedComponent> {
        let bytes = self.component_bytes(component, files)?;
        match udf.inspect(bytes).await {
            Ok(inspected) => Some(inspected),
            Err(error) => {
                let what = format!("component `{}` cannot be used", component.value);
                self.report.problem(problem_of(&component.place, what, &error));
                None
            }
        }
    }

    /// Proves that a function of the component fits the view, and makes it the view's.
    pub(super) fn transformation(
        &mut self,
        parsed: &ParsedOnDemandFeatureView,
        reference: &At<String>,
        defined: usize,
        component: &InspectedComponent,
        snapshot: &RegistrySnapshot,
    ) {
        let Some(view) = self.definitions.on_demand_feature_views.get(defined) else { return };
        let function = &view.transformation.function;
        let Some(signature) = component.signatures.iter().find(|signature| &signature.name == function)
        else {
            let place = parsed.function.as_ref().map_or(&reference.place, |function| &function.place);
            let what = format!("component `{}` has no function `{function}`", reference.value);
            let problem = place.problem(what);
            let problem = match parsed.function {
                Some(_) => problem,
                None => problem.because("the function has the view's name where `function` is left out"),
            };
            let there = component.signatures.iter().map(|signature| signature.name.as_str());
            self.report.problem(problem.maybe_remedy(suggest(function, there)));
            return;
        };
        let Ok(registered) = snapshot.on_demand_feature_view(&view.name) else { return };
        let inputs = bind_inputs(snapshot, &registered.object, signature);
        let outputs = check_outputs(view, signature);
        let mut fits = true;
        if let Err(error) = inputs {
            let place = parsed.function.as_ref().map_or(&reference.place, |function| &function.place);
            self.report.problem(place.problem(error.chain()));
            fits = false;
        }
        if let Err(error) = outputs {
            let feature = match &error {
                BindingError::MissingOutput { feature, .. } | BindingError::OutputType { feature, .. } => {
                    Some(feature)
                }
                _ => None,
            };
            let field = parsed.schema.iter().find(|field| Some(&field.value.name) == feature);
            let place = field.map_or(&reference.place, |field| &field.place);
            self.report.problem(place.problem(error.to_string()));
            fits = false;
        }
        if fits {
            self.definitions.components.insert(component.digest, Arc::clone(&component.bytes));
            if let Some(view) = self.definitions.on_demand_feature_views.get_mut(defined) {
                view.transformation.component = Some(component.digest);
            }
        }
    }
}
