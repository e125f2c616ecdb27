//! The third notebook: materializing and serving.

use larder::RetrievalInputs;

use super::cell::Cell;
use super::markdown::escaped;
use super::project::{NotebookProject, NotebookRetrieval, RetrievalKind};
use super::python;
use super::sections::{entity_rows, flags, sections};

pub(crate) fn cells(project: &NotebookProject) -> Vec<Cell> {
    let title = format!(
        "# Serving the features of project {}\n\n\
         The newest values in the online store, asked for over HTTP.\n\n\
         Needs pandas and pyarrow.",
        escaped(&project.name)
    );
    let mut cells = vec![Cell::text(title), Cell::text("## 1. Setup")];
    cells.extend(project.setup());
    cells.push(Cell::code(include_str!("cells/entity_rows.py")));
    cells.extend(materialize(project));
    cells.extend([
        Cell::text(
            "## 3. A server\n\nThe one that serves the project already, or else one of this notebook's own.",
        ),
        Cell::code(include_str!("cells/server.py")),
        Cell::code(format!(
            "{}ADDRESS = running_server() or serve(\"serve\")\nprint(ADDRESS)",
            authorization(project)
        )),
        Cell::code(include_str!("cells/http.py")),
    ]);
    cells.extend(sections(project, 4, |retrieval, inputs| {
        if let Some(view) = inputs.views.iter().find(|view| !view.online) {
            return Err(format!("the values of `{}` are not kept online", view.name));
        }
        Ok(request(retrieval, inputs))
    }));
    cells.extend(search(project));
    cells.extend([
        Cell::text("## The end\n\nStops the server that this notebook has started."),
        Cell::code("for server in SERVERS:\n    server.terminate()\n    server.wait()\nprint(\"stopped\")"),
    ]);
    cells
}

/// Loads what is kept online and can be read; nothing, where there is none.
fn materialize(project: &NotebookProject) -> Vec<Cell> {
    let mut views: Vec<&str> = project
        .retrievals
        .iter()
        .filter_map(|retrieval| retrieval.inputs.as_ref().ok())
        .flat_map(|inputs| &inputs.views)
        .filter(|view| view.online)
        .map(|view| view.name.as_str())
        .collect();
    views.sort_unstable();
    views.dedup();
    if views.is_empty() {
        return Vec::new();
    }
    vec![
        Cell::text(
            "## 2. Materialize\n\nMoves what is new since the last time into the online store; with AS_OF set, the \
             year before it.",
        ),
        Cell::code(format!(
            "views = {}\n\
             if AS_OF:\n\
             \x20   span = [\"materialize\", (as_of - timedelta(days=365)).isoformat(), as_of.isoformat()]\n\
             else:\n\
             \x20   span = [\"materialize-incremental\", as_of.isoformat()]\n\
             report = larder_json(*span, *(\"--views=\" + view for view in views))\n\
             print(json.dumps(report, indent=1))",
            python::texts(views)
        )),
    ]
}

fn authorization(project: &NotebookProject) -> &'static str {
    if project.auth.is_some() {
        "# The server asks who comes: the token of somebody who may read.\n\
         AUTHORIZATION = {\"authorization\": \"Bearer \" + os.environ[\"LARDER_TOKEN\"]}\n"
    } else {
        "AUTHORIZATION = {}\n"
    }
}

fn request(retrieval: &NotebookRetrieval, inputs: &RetrievalInputs) -> String {
    let selection = match &retrieval.kind {
        RetrievalKind::Service => format!("\"feature_service\": {}", python::text(&retrieval.name)),
        RetrievalKind::View(references) => {
            format!("\"features\": {}", python::texts(references.iter().map(String::as_str)))
        }
    };
    let names = if inputs.full_feature_names { ", \"full_feature_names\": True" } else { "" };
    format!(
        "{}if rows:\n\
         \x20   answer = ask(\"/get-online-features\", {{{selection}, \"entities\": columns(rows){names}}})\n\
         \x20   compare(answer, rows, {})\n\
         \x20   display(pd.DataFrame(values_of(answer)))",
        entity_rows(inputs),
        flags(retrieval, inputs),
    )
}

/// The rows nearest to a vector that is there, for each view that has vectors.
fn search(project: &NotebookProject) -> Vec<Cell> {
    let mut cells = Vec::new();
    for view in &project.feature_views {
        let Some(vector) = view.features.iter().find(|field| field.vector.index) else { continue };
        if !view.online || !project.is_readable(&view.name) {
            continue;
        }
        let references: Vec<String> =
            view.features.iter().map(|field| format!("{}:{}", view.name, field.name)).collect();
        let of_vector = python::text(&format!("{}:{}", view.name, vector.name));
        let (name, references) =
            (python::text(&vector.name), python::texts(references.iter().map(String::as_str)));
        cells.push(Cell::text(format!(
            "## The nearest rows of {}\n\nThe vector that is looked for is that of a known entity; put in one of \
             your model's.",
            escaped(&view.name)
        )));
        cells.push(Cell::code(format!(
            "for row in known_entities({of_vector}, [{name}])[:1]:\n\
             \x20   body = {{\"features\": {references}, \"query\": row[{name}], \"top_k\": ENTITIES}}\n\
             \x20   display(pd.DataFrame(values_of(ask(\"/search\", body))))"
        )));
    }
    cells
}
