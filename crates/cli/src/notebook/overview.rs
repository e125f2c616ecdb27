//! The first notebook: what the project is made of.

use larder_core::{DataSourceKind, FeatureViewProjection, Field, OnDemandSource};

use super::cell::Cell;
use super::markdown::{escaped, table};
use super::project::NotebookProject;

pub(crate) fn cells(project: &NotebookProject) -> Vec<Cell> {
    let mut title = format!("# The feature store of project {}\n", escaped(&project.name));
    if !project.description.trim().is_empty() {
        title.push_str(&format!("\n{}\n", escaped(&project.description)));
    }
    title.push_str("\nWritten by `larder demo-notebooks`. The texts say what was registered then; the cells ask anew.\n\n");
    title.push_str(&table(["Setting", "Value"], project.settings.clone()));
    let mut cells = vec![Cell::text(title), Cell::text("## 1. Setup")];
    cells.extend(project.setup());
    cells.push(Cell::text(
        "## 2. What apply would change\n\nThe definitions of the feature repo against the registry.",
    ));
    cells.push(Cell::code(
        "try:\n    print(larder(\"plan\"))\nexcept RuntimeError as reason:\n    print(reason)",
    ));
    cells.extend(entities(project));
    cells.extend(feature_views(project));
    cells.extend(on_demand_feature_views(project));
    cells.extend(feature_services(project));
    cells.extend(data_sources(project));
    cells.push(Cell::text(
        "## Next\n\n\
         - `02_historical_features_training.ipynb`: training sets\n\
         - `03_online_features_serving.ipynb`: materializing and serving\n\
         - `04_feast_client.ipynb`: the same from Feast's Python client",
    ));
    cells
}

fn entities(project: &NotebookProject) -> [Cell; 2] {
    let rows = project.entities.iter().map(|entity| {
        let value_type = entity.value_type.as_ref().map(ToString::to_string).unwrap_or_default();
        [entity.name.clone(), entity.join_key.clone(), value_type, entity.description.clone()]
    });
    let text = format!("## 3. Entities\n\n{}", table(["Entity", "Join key", "Type", "Description"], rows));
    [Cell::text(text), Cell::code("print(larder(\"entities\", \"list\"))")]
}

fn feature_views(project: &NotebookProject) -> [Cell; 2] {
    let mut text = "## 4. Feature views\n".to_owned();
    for view in &project.feature_views {
        let source = view.stream_source.as_ref().or(view.batch_source.as_ref());
        text.push_str(&heading(&view.name, &view.description));
        text.push_str(&format!(
            "Entities: {}. Source: {}. Rows count for {}. {}.\n\n",
            list(&view.entities),
            escaped(source.map_or("none", String::as_str)),
            if view.ttl.is_zero() {
                "ever".to_owned()
            } else {
                format!("{} hours", view.ttl.as_secs_f64() / 3600.0)
            },
            if view.online { "Kept online" } else { "Not kept online" },
        ));
        text.push_str(&features(&view.features));
    }
    [
        Cell::text(text),
        Cell::code("print(larder(\"feature-views\", \"list\"))\nprint(larder(\"features\", \"list\"))"),
    ]
}

fn on_demand_feature_views(project: &NotebookProject) -> Vec<Cell> {
    if project.on_demand_feature_views.is_empty() {
        return Vec::new();
    }
    let mut text =
        "## 5. On-demand feature views\n\nComputed in a sandbox when they are asked for.\n".to_owned();
    for view in &project.on_demand_feature_views {
        let sources: Vec<String> = view.sources.iter().map(OnDemandSource::name).map(str::to_owned).collect();
        text.push_str(&heading(&view.name, &view.description));
        text.push_str(&format!(
            "Reads: {}. {}.\n\n",
            list(&sources),
            if view.write_to_online_store {
                "Computed when its inputs are written, and kept online"
            } else {
                "Computed when it is asked for"
            },
        ));
        text.push_str(&features(&view.features));
    }
    vec![Cell::text(text), Cell::code("print(larder(\"on-demand-feature-views\", \"list\"))")]
}

fn feature_services(project: &NotebookProject) -> [Cell; 2] {
    let rows = project.feature_services.iter().map(|service| {
        let views: Vec<&str> = service.features.iter().map(FeatureViewProjection::name_to_use).collect();
        [service.name.clone(), views.join(", "), service.description.clone()]
    });
    let text = format!("## 6. Feature services\n\n{}", table(["Service", "Views", "Description"], rows));
    [Cell::text(text), Cell::code("print(larder(\"feature-services\", \"list\"))")]
}

fn data_sources(project: &NotebookProject) -> [Cell; 2] {
    let rows = project.data_sources.iter().map(|source| {
        let place = match &source.kind {
            DataSourceKind::File(file) => file.path.clone(),
            DataSourceKind::Request(request) => {
                let fields = request.schema.iter().map(|field| field.name.as_str());
                fields.collect::<Vec<_>>().join(", ")
            }
            _ => source.batch_source().unwrap_or_default().to_owned(),
        };
        [source.name.clone(), source.type_name().to_owned(), place, source.description.clone()]
    });
    let headers = ["Source", "Type", "Path, fields or batch source", "Description"];
    let text = format!("## 7. Data sources\n\n{}", table(headers, rows));
    [Cell::text(text), Cell::code("print(larder(\"data-sources\", \"list\"))")]
}

fn heading(name: &str, description: &str) -> String {
    let mut text = format!("\n### {}\n\n", escaped(name));
    if !description.trim().is_empty() {
        text.push_str(&format!("{}\n\n", escaped(description)));
    }
    text
}

fn features(features: &[Field]) -> String {
    let row = |field: &Field| [field.name.clone(), field.value_type.to_string(), field.description.clone()];
    table(["Feature", "Type", "Description"], features.iter().map(row))
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join(", ")
}
