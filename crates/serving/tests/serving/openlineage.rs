//! The routes of an OpenLineage consumer: who may send events, and who sees what of them.

use std::sync::Arc;

use larder_core::{Clock, SystemClock};
use larder_openlineage::LineageStore;
use larder_serving::{LineageConsumer, lineage_router, registry_router};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Reply, send};
use crate::openapi::{assert_fits, recorded};
use crate::registry_http::{Served, TestRegistry, backend};

/// A server with a consumer; the folder of its store goes with it.
struct Consumer {
    served: Served,
    _folder: TempDir,
}

/// Where the routes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Registry,
    Alone,
}

impl Consumer {
    async fn start(door: Door, closed: bool, api_key: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mapping: std::collections::BTreeMap<_, _> =
            [("spark://ml", "p"), ("airflow", "q"), ("left over", "gone")]
                .map(|(namespace, project)| (namespace.to_owned(), project.to_owned()))
                .into();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store =
            LineageStore::open(folder.path().join("x.db"), mapping.clone(), Arc::clone(&clock)).unwrap();
        let consumer = LineageConsumer {
            store: Arc::new(store),
            api_key: api_key.map(str::to_owned),
            namespace: "org".to_owned(),
            namespace_mapping: mapping,
            retention_days: 30,
            retention_check_interval_hours: 6,
        };
        let backend = backend(TestRegistry::guarded(), closed);
        let router = match door {
            Door::Registry => registry_router(backend, Some(consumer), None),
            Door::Alone => lineage_router(backend, consumer),
        };
        Self { served: Served::start(router).await, _folder: folder }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        send(self.served.address, method, &format!("/api/v1{path}"), headers, body).await
    }

    async fn take(&self, event: &Value) {
        let reply = self.served.ask("server", "POST", "/api/v1/lineage", &event.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
    }

    async fn get(&self, role: &str, path: &str) -> Value {
        self.served.get(role, &format!("/api/v1/lineage/openlineage/{path}")).await
    }
}

/// Runs in five namespaces: one of each project, one of another producer mapped to each, and one of nobody. All read
/// one dataset, which is in none of the projects' namespaces but in that of nobody.
fn events() -> Vec<Value> {
    ["org/p", "org/q", "spark://ml", "airflow", "nobody"]
        .iter()
        .map(|namespace| {
            let column = json!({"namespace": "nobody", "name": "shared", "field": "x"});
            let facets = json!({
                "columnLineage": {"fields": {"y": {"inputFields": [column]}}},
                "symlinks": {"identifiers": [{"namespace": "nobody", "name": "alias", "type": "TABLE"}]},
            });
            json!({
                "eventType": "COMPLETE", "run": {"runId": format!("run of {namespace}")},
                "job": {"namespace": namespace, "name": "job"},
                "inputs": [{"namespace": "nobody", "name": "shared"}, {"namespace": namespace, "name": "in"}],
                "outputs": [{"namespace": namespace, "name": "out", "facets": facets}],
            })
        })
        .collect()
}

#[tokio::test]
async fn a_client_that_is_generated_for_feasts_registry_with_a_consumer_fits() {
    let consumer = Consumer::start(Door::Registry, true, None).await;
    let (feast, larder) =
        (recorded("registry_rest/openapi.json"), consumer.ask("GET", "/openapi.json", &[], b"").await.json());
    assert_eq!(assert_fits(&feast, &larder, |_| false), 84);
    for (path, operations) in larder["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        for method in operations.as_object().unwrap().keys() {
            let reply = consumer.ask(&method.to_uppercase(), &path, &[], b"").await;
            assert_eq!(reply.status, 401, "{method} {path}");
        }
    }
}

fn namespaces(answer: &Value, list: &str, column: &str) -> Vec<String> {
    let objects = answer[list].as_array().unwrap().iter();
    let mut found: Vec<String> = objects.map(|object| object[column].as_str().unwrap().to_owned()).collect();
    found.sort();
    found.dedup();
    found
}

#[tokio::test]
async fn lineage_is_seen_of_projects_that_may_be_described_and_leads_nowhere_else() {
    for door in [Door::Registry, Door::Alone] {
        let consumer = Consumer::start(door, true, None).await;
        for event in events() {
            consumer.take(&event).await;
        }
        for (role, seen) in [
            ("reader", vec!["airflow", "org/p", "org/q", "spark://ml"]),
            ("stranger", vec!["airflow", "org/q"]),
            ("server", vec!["airflow", "nobody", "org/p", "org/q", "spark://ml"]),
        ] {
            for (path, list, column) in [
                ("events", "events", "job_namespace"),
                ("jobs", "jobs", "job_namespace"),
                ("datasets", "datasets", "dataset_namespace"),
                ("runs", "runs", "job_namespace"),
                ("graph", "nodes", "namespace"),
                ("graph", "edges", "source_namespace"),
                ("graph", "edges", "target_namespace"),
            ] {
                let answer = consumer.get(role, path).await;
                assert_eq!(namespaces(&answer, list, column), seen, "{role} {path} {column}");
            }
            assert_eq!(consumer.get(role, "namespaces").await["namespaces"], json!(seen));
            let stored = consumer.get(role, "retention").await["storage"]["runs"]["count"].clone();
            assert_eq!(stored, json!(seen.len()), "what is hidden is not counted");
        }
        let symlinks =
            async |role: &str| consumer.get(role, "graph").await["symlinks"].as_array().unwrap().len();
        assert_eq!((symlinks("server").await, symlinks("reader").await), (5, 0));
        for path in [
            "events?namespace=org%2Fp",
            "runs?job_namespace=org%2Fp",
            "graph?namespace=org%2Fp",
            "datasets/org%2Fp/out/versions",
            "datasets/org%2Fp/out/columns",
            "runs/run%20of%20org%2Fp/tree",
        ] {
            let told = consumer.get("stranger", path).await;
            assert!(!told.to_string().contains("org/p"), "{path}: {told}");
            let told = consumer.get("server", path).await;
            assert!(told.to_string().contains("org/p"), "{path}: {told}");
        }
        let graph = consumer.get("stranger", "graph/dataset/nobody/shared").await;
        assert_eq!(
            graph,
            json!({"nodes": [{"type": "dataset", "namespace": "nobody", "name": "shared"}], "edges": []})
        );
        let run = consumer.get("reader", "runs/run%20of%20org%2Fp").await;
        assert_eq!(run["inputs"], json!([{"namespace": "org/p", "name": "in", "facets": null}]));
        let hidden = "/api/v1/lineage/openlineage/runs/run%20of%20org%2Fp";
        assert_eq!(consumer.served.ask("stranger", "GET", hidden, "").await.status, 404);
    }
}

#[tokio::test]
async fn every_route_wants_a_token_where_the_server_asks_who_sends_requests() {
    let consumer = Consumer::start(Door::Alone, true, Some("key")).await;
    for (method, path) in [
        ("POST", ""),
        ("POST", "/batch"),
        ("GET", "/openlineage/events"),
        ("GET", "/openlineage/jobs"),
        ("GET", "/openlineage/datasets"),
        ("GET", "/openlineage/namespaces"),
        ("GET", "/openlineage/graph"),
        ("GET", "/openlineage/graph/job/n/j"),
        ("GET", "/openlineage/datasets/n/d/versions"),
        ("GET", "/openlineage/datasets/n/d/columns"),
        ("GET", "/openlineage/runs"),
        ("GET", "/openlineage/runs/r"),
        ("GET", "/openlineage/runs/r/tree"),
        ("GET", "/openlineage/retention"),
        ("POST", "/openlineage/retention/prune"),
        ("DELETE", "/openlineage/reset"),
    ] {
        for headers in [&[("x-api-key", "key")][..], &[("authorization", "Bearer bad"), ("x-api-key", "key")]]
        {
            let reply = consumer.ask(method, &format!("/lineage{path}"), headers, b"").await;
            assert_eq!(reply.status, 401, "{method} {path}");
            assert_eq!(reply.json(), json!({"detail": "Invalid or expired access token"}));
        }
    }
}

#[tokio::test]
async fn who_sends_or_removes_events_shows_the_key() {
    let consumer = Consumer::start(Door::Registry, false, Some("key")).await;
    let shown: [(&[(&str, &str)], bool); 8] = [
        (&[], false),
        (&[("x-api-key", "")], false),
        (&[("x-api-key", "kex")], false),
        (&[("authorization", "key")], false),
        (&[("authorization", "Basic key")], false),
        (&[("authorization", "bEARER key")], true),
        (&[("x-api-key", "key")], true),
        (&[("x-api-key", "other"), ("authorization", "Bearer key")], true),
    ];
    for (method, path, body, good) in [
        ("POST", "/lineage", "{}", 201),
        ("POST", "/lineage/batch", "[]", 204),
        ("POST", "/lineage/openlineage/retention/prune", "", 200),
        ("DELETE", "/lineage/openlineage/reset", "", 200),
    ] {
        for (headers, may) in shown {
            let reply = consumer.ask(method, path, headers, body.as_bytes()).await;
            assert_eq!(reply.status, if may { good } else { 401 }, "{method} {path} {headers:?}");
            if !may {
                let expected =
                    json!({"status_code": 401, "detail": "Invalid API key", "error_type": "HTTPException"});
                assert_eq!(reply.json(), expected);
            }
        }
    }
    let open = Consumer::start(Door::Registry, false, None).await;
    assert_eq!(open.ask("POST", "/lineage", &[], b"{}").await.status, 201);
}

#[tokio::test]
async fn nobody_removes_what_permissions_do_not_speak_of() {
    let consumer = Consumer::start(Door::Alone, true, None).await;
    for (method, path) in
        [("DELETE", "reset"), ("DELETE", "reset?namespace=org%2Fq"), ("POST", "retention/prune")]
    {
        let path = format!("/api/v1/lineage/openlineage/{path}");
        let reply = consumer.served.ask("reader", method, &path, "").await;
        assert_eq!(reply.status, 403, "{method} {path}");
        assert!(reply.text().contains("set `api_key` of `openlineage.consumer`"), "{}", reply.text());
        assert_eq!(consumer.served.ask("server", method, &path, "").await.status, 200);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_neither_adds_nor_removes_lineage() {
    let consumer = Consumer::start(Door::Alone, false, None).await;
    let page = [("origin", "http://evil.example"), ("content-type", "text/plain")];
    for (method, path) in [
        ("POST", "/lineage"),
        ("POST", "/lineage/openlineage/retention/prune"),
        ("DELETE", "/lineage/openlineage/reset"),
    ] {
        assert_eq!(consumer.ask(method, path, &page, b"{}").await.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_is_bounded_and_whole_or_refused() {
    let consumer = Consumer::start(Door::Alone, false, None).await;
    for (body, status, detail) in [
        (b"{\"a\":".to_vec(), 400, "Invalid JSON body"),
        (Vec::new(), 400, "Invalid JSON body"),
        (vec![b' '; (16 << 20) + 1], 413, "The body is larger than 16777216 bytes, or broke off"),
        (b"7".to_vec(), 422, "the event cannot be taken: `the event` must be a JSON object"),
        ("[".repeat(10_000).into_bytes(), 400, "Invalid JSON body"),
    ] {
        let reply = consumer.ask("POST", "/lineage", &[], &body).await;
        assert_eq!((reply.status, reply.json()), (status, json!({ "detail": detail })));
    }
    let reply = consumer.ask("POST", "/lineage", &[("content-encoding", "gzip")], b"x").await;
    assert_eq!(reply.status, 415);
    assert_eq!(consumer.get("server", "events").await["total"], 0);
}

#[tokio::test]
async fn wrong_parameters_are_told_as_the_door_tells_them() {
    let path = "/lineage/openlineage/graph/job/n/j?depth=0&direction=up";
    let alone = Consumer::start(Door::Alone, false, None).await;
    // Of Feast 0.67's lineage server.
    let recorded = json!({"detail": [
        {"type": "greater_than_equal", "loc": ["query", "depth"], "msg": "Input should be greater than or equal to 1",
         "input": "0", "ctx": {"ge": 1}},
        {"type": "string_pattern_mismatch", "loc": ["query", "direction"],
         "msg": "String should match pattern '^(both|upstream|downstream)$'", "input": "up",
         "ctx": {"pattern": "^(both|upstream|downstream)$"}},
    ]});
    let reply = alone.ask("GET", path, &[], b"").await;
    assert_eq!((reply.status, reply.json()), (422, recorded));
    let registry = Consumer::start(Door::Registry, false, None).await;
    let reply = registry.ask("GET", path, &[], b"").await.json();
    assert_eq!(
        (&reply["status_code"], &reply["error_type"]),
        (&json!(422), &json!("RequestValidationError"))
    );
    let told = reply["detail"].as_str().unwrap();
    assert!(told.starts_with("[{'type': 'greater_than_equal', 'loc': ('query', 'depth'), "), "{told}");
    assert!(told.ends_with("'ctx': {'pattern': '^(both|upstream|downstream)$'}}]"), "{told}");
    for (door, status) in [(&alone, 404), (&registry, 200)] {
        let reply = send(door.served.address, "GET", "/lineage/openlineage/jobs", &[], b"").await;
        assert_eq!(reply.status, status, "without the prefix, as in Feast");
    }
    assert_eq!(
        alone.ask("GET", "/entities?project=p", &[], b"").await.json(),
        json!({"detail": "Not Found"})
    );
    for door in [&alone, &registry] {
        for (method, path, said) in
            [("PUT", "/lineage", "Method Not Allowed"), ("GET", "/nothing", "Not Found")]
        {
            assert_eq!(door.ask(method, path, &[], b"").await.json(), json!({ "detail": said }));
        }
    }
    assert_eq!(
        registry.ask("GET", "/entities?project=p", &[], b"").await.status,
        200,
        "beside its own routes"
    );
}

#[tokio::test]
async fn pages_of_the_whole_graph_hold_every_node_once() {
    let consumer = Consumer::start(Door::Alone, false, None).await;
    for event in events() {
        consumer.take(&event).await;
    }
    let whole = consumer.get("server", "graph").await;
    let total = whole["total_nodes"].as_u64().unwrap();
    assert_eq!(whole["nodes"].as_array().unwrap().len() as u64, total);
    for limit in [1, 3, 7, 100] {
        let mut seen = Vec::new();
        for offset in (0..total).step_by(limit) {
            let page = consumer.get("server", &format!("graph?limit={limit}&offset={offset}")).await;
            seen.extend(page["nodes"].as_array().unwrap().iter().map(Value::to_string));
        }
        seen.sort();
        let mut expected: Vec<_> = whole["nodes"].as_array().unwrap().iter().map(Value::to_string).collect();
        expected.sort();
        assert_eq!(seen, expected, "{limit} at a time");
    }
}
