//! The fourth notebook: Feast's Python client with larder's servers.

use super::cell::Cell;
use super::markdown::escaped;
use super::project::{NotebookProject, RetrievalKind};
use super::python;
use super::sections::{entity_rows, sections};

pub(crate) fn cells(project: &NotebookProject) -> Vec<Cell> {
    let title = format!(
        "# Project {} from Feast's Python client\n\n\
         Registry, online store and offline store are servers of larder's; the client has nothing of its own.\n\n\
         Needs `feast` 0.66 or 0.67.",
        escaped(&project.name)
    );
    let mut cells = vec![Cell::text(title), Cell::text("## 1. Setup")];
    cells.extend(project.setup());
    cells.extend([
        Cell::code(include_str!("cells/entity_rows.py")),
        Cell::text("## 2. Servers\n\nThey listen to this machine alone, and end with this notebook."),
        Cell::code(include_str!("cells/server.py")),
        Cell::code(
            "registry = serve(\"serve_registry\")\n\
             online = running_server() or serve(\"serve\")\n\
             offline = serve(\"serve_offline\")\n\
             print(registry, online, offline)",
        ),
        Cell::text("## 3. The client"),
        Cell::code(client(project)),
        Cell::code(include_str!("cells/client.py")),
    ]);
    cells.extend(sections(project, 4, |retrieval, inputs| {
        let features = match &retrieval.kind {
            RetrievalKind::Service => format!("store.get_feature_service({})", python::text(&retrieval.name)),
            RetrievalKind::View(references) => python::texts(references.iter().map(String::as_str)),
        };
        let mut code = format!("{}if rows:\n    features = {features}\n", entity_rows(inputs));
        let names = if inputs.full_feature_names { ", full_feature_names=True" } else { "" };
        if inputs.views.iter().all(|view| view.online) {
            code.push_str(&format!("    show_online(features, rows{names})\n"));
        }
        code.push_str(&format!(
            "    entities = pd.DataFrame(at_times(rows, [as_of]))\n    \
             entities[\"event_timestamp\"] = pd.to_datetime(entities[\"event_timestamp\"])\n    \
             display(store.get_historical_features(entity_df=entities, features=features{names}).to_df())",
        ));
        Ok(code)
    }));
    cells.extend([
        Cell::text("## The end\n\nStops the servers that this notebook has started."),
        Cell::code("for server in SERVERS:\n    server.terminate()\n    server.wait()\nprint(\"stopped\")"),
    ]);
    cells
}

fn client(project: &NotebookProject) -> String {
    let auth = match project.auth {
        None => String::new(),
        Some("oidc") => {
            "    auth={\"type\": \"oidc\", \"token\": os.environ[\"LARDER_TOKEN\"]},\n".to_owned()
        }
        Some(kind) => format!(
            "    auth={{\"type\": {}, \"user_token\": os.environ[\"LARDER_TOKEN\"]}},\n",
            python::text(kind)
        ),
    };
    format!(
        "from feast import FeatureStore, RepoConfig\n\n\
         host, port = offline.rsplit(\"/\", 1)[1].rsplit(\":\", 1)\n\
         store = FeatureStore(config=RepoConfig(\n\
         \x20   project={},\n\
         \x20   provider=\"local\",\n\
         \x20   registry={{\"registry_type\": \"remote\", \"path\": registry}},\n\
         \x20   online_store={{\"type\": \"remote\", \"path\": online}},\n\
         \x20   offline_store={{\"type\": \"remote\", \"host\": host, \"port\": int(port)}},\n\
         {auth}\
         \x20   entity_key_serialization_version={},\n\
         ))\n\
         for view in store.list_all_feature_views():\n\
         \x20   print(view.name, [feature.name for feature in view.features])",
        python::text(&project.name),
        project.entity_key_version,
    )
}
