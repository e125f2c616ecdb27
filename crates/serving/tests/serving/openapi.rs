//! `GET /openapi.json` beside the document of Feast's server.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::client::get;
use crate::server::Running;

pub(crate) fn recorded(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded").join(file);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What an operation takes: name and place of each argument, and whether the body can do without it.
fn takes(document: &Value, operation: &Value) -> BTreeSet<(String, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    // The token and the key, which stand beside all operations.
    let parameters = parameters.filter(|parameter| parameter["in"] != "header");
    let parameters = parameters.map(|parameter| (text(&parameter["name"]), text(&parameter["in"]), false));
    let mut schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(reference) = schema["$ref"].as_str() {
        schema = document.pointer(reference.trim_start_matches('#')).unwrap();
    }
    let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
    let properties = schema["properties"].as_object().into_iter().flat_map(Map::keys).map(|name| {
        let is_optional = !required.iter().any(|other| *other == name);
        (name.clone(), "body".to_owned(), is_optional)
    });
    parameters.chain(properties).collect()
}

/// Every operation of Feast's document is in larder's, and takes the same, but for paths that are left out. Returns
/// how many there are.
#[track_caller]
pub(crate) fn assert_fits(feast: &Value, larder: &Value, is_left_out: impl Fn(&str) -> bool) -> usize {
    assert_eq!(larder["openapi"], feast["openapi"]);
    let mut compared = 0;
    for (path, operations) in
        feast["paths"].as_object().unwrap().iter().filter(|(path, _)| !is_left_out(path))
    {
        for (method, operation) in operations.as_object().unwrap() {
            let ours = &larder["paths"][path][method];
            assert_eq!(ours["operationId"], operation["operationId"], "{method} {path}");
            assert_eq!(takes(larder, ours), takes(feast, operation), "{method} {path}");
            compared += 1;
        }
    }
    compared
}

#[tokio::test]
async fn a_client_that_is_generated_for_feast_fits() {
    let running = Running::start().await;
    let reply = get(running.address, "/openapi.json").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let (feast, larder) = (recorded("openapi.json"), reply.json());
    // A page for people, and what answers it.
    assert_eq!(assert_fits(&feast, &larder, |path| path == "/chat"), 10);
    // What only a server with jobs has is not promised.
    assert!(larder["paths"]["/v1/jobs"].is_null());
}

#[tokio::test]
async fn the_page_of_routes_comes_from_this_server_alone_and_makes_no_markup_of_texts() {
    let running = Running::start().await;
    let page = get(running.address, "/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let parts = ["page.css", "page.js"].map(|file| format!("docs/{file}"));
    for part in &parts {
        assert!(page.text().contains(&format!("\"{part}\"")), "{part}");
        let reply = get(running.address, &format!("/{part}")).await;
        assert_eq!((reply.status, reply.header("x-content-type-options")), (200, Some("nosniff")), "{part}");
        for foreign in ["//cdn", "http:", "https:", "innerHTML", "eval("] {
            assert!(!reply.text().contains(foreign), "{part}: {foreign}");
        }
    }
    assert!(!page.text().contains("://"), "nothing is asked of another host");
}
