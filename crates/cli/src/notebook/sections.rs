//! A section of a notebook for each thing that can be asked for.

use larder::RetrievalInputs;

use super::cell::Cell;
use super::project::{NotebookProject, NotebookRetrieval, RetrievalKind};
use super::{markdown, python};

/// How many sections a notebook has at most: it is read by people.
const MOST_SECTIONS: usize = 20;

/// A section for each thing that can be asked for: its heading, and the code that `code` makes; where it gives
/// none, or the thing cannot be asked for, a sentence that says why. Headings are numbered from `first` on.
pub(crate) fn sections(
    project: &NotebookProject,
    first: usize,
    code: impl Fn(&NotebookRetrieval, &RetrievalInputs) -> Result<String, String>,
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (position, retrieval) in project.retrievals.iter().take(MOST_SECTIONS).enumerate() {
        let kind = match retrieval.kind {
            RetrievalKind::Service => "Feature service",
            RetrievalKind::View(_) => "Feature view",
        };
        let mut text = format!("## {}. {kind} {}\n", first + position, markdown::escaped(&retrieval.name));
        if !retrieval.description.trim().is_empty() {
            text.push_str(&format!("\n{}\n", markdown::escaped(&retrieval.description)));
        }
        let made = retrieval.inputs.as_ref().map_err(Clone::clone).and_then(|inputs| {
            if !inputs.request_fields.is_empty() {
                let fields = inputs.request_fields.iter().map(|field| markdown::escaped(&field.name));
                text.push_str(&format!(
                    "\nOnly the caller knows {}: put in values that mean something.\n",
                    fields.collect::<Vec<_>>().join(", ")
                ));
            }
            code(retrieval, inputs)
        });
        match made {
            Ok(code) => cells.extend([Cell::text(text), Cell::code(code)]),
            Err(reason) => {
                text.push_str(&format!("\nNot shown: {}.\n", markdown::escaped(&reason)));
                cells.push(Cell::text(text));
            }
        }
    }
    let others = project.retrievals.len().saturating_sub(MOST_SECTIONS);
    if others > 0 {
        cells.push(Cell::text(format!("{others} more services and views can be asked for in the same way.")));
    }
    if project.retrievals.is_empty() {
        cells.push(Cell::text("The project has no feature views to ask for yet."));
    }
    cells
}

/// Python that sets `rows` to rows of a few entities with what the caller must bring.
pub(crate) fn entity_rows(inputs: &RetrievalInputs) -> String {
    // Views with most keys first: what they know of keys together holds for views with fewer.
    let mut views: Vec<_> = inputs.views.iter().filter(|view| !view.keys.is_empty()).collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.keys.len()));
    let views: Vec<String> = views
        .into_iter()
        .map(|view| {
            let keys = view.keys.iter().map(|(key, column)| (key.as_str(), python::text(column)));
            format!("    ({}, {}),\n", python::text(&view.reference), python::dictionary(keys))
        })
        .collect();
    let request =
        inputs.request_fields.iter().map(|field| (field.name.as_str(), python::sample_value(field)));
    format!("rows = entity_rows([\n{}], {})\n", views.concat(), python::dictionary(request))
}

/// The flags of larder's verbs that ask for it, as a list of Python.
pub(crate) fn flags(retrieval: &NotebookRetrieval, inputs: &RetrievalInputs) -> String {
    let mut flags = match &retrieval.kind {
        RetrievalKind::Service => vec![format!("--feature-service={}", retrieval.name)],
        RetrievalKind::View(references) => {
            references.iter().map(|reference| format!("--features={reference}")).collect()
        }
    };
    if inputs.full_feature_names {
        flags.push("--full-feature-names".to_owned());
    }
    python::texts(flags.iter().map(String::as_str))
}
