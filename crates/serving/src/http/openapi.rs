//! `GET /openapi.json`: the routes as `OpenAPI` describes them, for generators of clients.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::http::described_routes::{Argument, DescribedRoute, Place, described_routes, object_schema};
use crate::http::error::json_response;
use crate::http::guard::App;

/// Where the document is, as in `FastAPI`.
pub(crate) const PATH: &str = "/openapi.json";

pub(crate) async fn openapi(State(app): State<Arc<App>>) -> Response {
    let routes = described_routes(app.options.jobs.is_some());
    json_response(StatusCode::OK, document("larder", None, routes).to_string())
}

/// The document of a server whose routes lie under `base`.
pub(crate) fn document<'r>(
    title: &str,
    base: Option<&str>,
    routes: impl IntoIterator<Item = &'r DescribedRoute>,
) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.as_str().to_lowercase(), operation(route));
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
    });
    if let (Some(fields), Some(base)) = (document.as_object_mut(), base) {
        fields.insert("servers".to_owned(), json!([{ "url": base }]));
    }
    document
}

fn operation(route: &DescribedRoute) -> Value {
    let at = |place: Place| route.arguments.iter().filter(move |argument| route.place(argument) == place);
    let outside: Vec<Value> = at(Place::Path)
        .map(|argument| parameter(argument, "path"))
        .chain(at(Place::Query).map(|argument| parameter(argument, "query")))
        .collect();
    let mut operation = Map::from_iter([
        ("description".to_owned(), route.description.into()),
        ("operationId".to_owned(), route.name.into()),
    ]);
    if !outside.is_empty() {
        operation.insert("parameters".to_owned(), outside.into());
    }
    if at(Place::Body).next().is_some() {
        let schema = object_schema(at(Place::Body));
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        operation.insert("requestBody".to_owned(), body);
    }
    let responses = json!({
        "200": { "description": "Successful Response", "content": { "application/json": { "schema": {} } } },
        "422": { "description": "Validation Error" },
    });
    operation.insert("responses".to_owned(), responses);
    operation.into()
}

fn parameter(argument: &Argument, place: &str) -> Value {
    json!({
        "name": argument.name,
        "in": place,
        "required": place == "path" || argument.is_required(),
        "description": argument.description,
        "schema": argument.schema(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_in_one_place() {
        let document = document("larder", None, described_routes(true));
        let post = &document["paths"]["/materialize"]["post"];
        let names: Vec<&Value> =
            post["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["async", "force"]);
        let body = &post["requestBody"]["content"]["application/json"]["schema"];
        assert!(body["properties"]["start_ts"].is_object() && body["properties"]["async"].is_null());
        let run = &document["paths"]["/v1/jobs/{name}/runs/{id}"]["get"];
        assert!(run["requestBody"].is_null());
        assert!(
            run["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one["in"] == "path" && one["required"] == true)
        );
        let runs = document["paths"]["/v1/jobs/{name}/runs"].as_object().unwrap();
        assert_eq!(runs.keys().collect::<Vec<_>>(), ["get", "post"]);
    }
}
