//! The registry's REST routes and its page: who may see and change what, and requests of the wrong form.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use larder_core::{Result, SystemClock};
use larder_registry::{
    McpTransport, ObjectKind, RegistryFile, RegistryObjects, RegistrySnapshot, SentObject,
};
use larder_serving::{
    AllowPut, AllowTake, AllowedOrigins, Authorization, Chosen, DoorOptions, McpServerInfo, MetricRow,
    MetricTable, MetricsQuery, MonitoringReport, MonitoringRun, MonitoringServer, Protected, RegistryBackend,
    RegistryMcp, RegistryServer, RootPath, TransientMetrics, page_router, registry_router, serve_router,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::authorization::Roles;
use crate::client::{Reply, send};
use crate::openapi::{assert_fits, recorded};

/// A registry in a temporary folder.
#[derive(Debug)]
pub(crate) struct TestRegistry {
    file: RegistryFile,
    _folder: TempDir,
}

impl TestRegistry {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = RegistryFile::open(folder.path().join("registry.db"), Arc::new(SystemClock)).unwrap();
        Self { file, _folder: folder }
    }

    fn put(self, project: &str, kind: ObjectKind, object: &Value) -> Self {
        let sent = SentObject::of_json(kind, object).unwrap();
        self.file.put_object(project, &sent, |_| Ok(())).unwrap();
        self
    }

    /// Projects `p` and `q`, each with an open and a secret entity and view; in `p` permissions say who may see them.
    pub(crate) fn guarded() -> Self {
        let mut registry = Self::empty();
        for project in ["p", "q"] {
            for name in ["open", "secret"] {
                let entity = json!({"spec": {"name": name, "joinKey": name, "valueType": "INT64"}});
                let source = json!({
                    "name": name, "type": "BATCH_FILE", "timestampField": "ts", "fileOptions": {"uri": name},
                });
                let view = json!({"spec": {
                    "name": format!("{name}_view"), "entities": [name], "online": true,
                    "features": [{"name": "f", "valueType": "INT64"}], "batchSource": source,
                }});
                registry = registry
                    .put(project, ObjectKind::Entity, &entity)
                    .put(project, ObjectKind::DataSource, &source)
                    .put(project, ObjectKind::FeatureView, &view);
            }
        }
        let permission = |name: &str, role: &str, patterns: &[&str], actions: &[&str]| {
            json!({"spec": {
                "name": name, "types": TYPES, "namePatterns": patterns, "actions": actions,
                "policy": {"roleBasedPolicy": {"roles": [role]}},
            }})
        };
        registry
            .put("p", ObjectKind::Permission, &permission("see", "reader", &["open.*", "p"], &["DESCRIBE"]))
            .put(
                "p",
                ObjectKind::Permission,
                &permission("make", "maker", &["new.*"], &["CREATE", "DESCRIBE", "UPDATE", "DELETE"]),
            )
    }
}

const TYPES: [&str; 12] = [
    "FEATURE_VIEW",
    "ON_DEMAND_FEATURE_VIEW",
    "BATCH_FEATURE_VIEW",
    "STREAM_FEATURE_VIEW",
    "ENTITY",
    "FEATURE_SERVICE",
    "DATA_SOURCE",
    "VALIDATION_REFERENCE",
    "SAVED_DATASET",
    "PERMISSION",
    "PROJECT",
    "LABEL_VIEW",
];

#[async_trait]
impl RegistryServer for TestRegistry {
    fn project(&self) -> &'static str {
        "p"
    }

    async fn objects(&self) -> Result<Arc<RegistryObjects>> {
        self.file.objects()
    }

    async fn project_snapshot(&self, project: &str) -> Result<Arc<RegistrySnapshot>> {
        self.file.snapshot_or_nothing(project)
    }

    async fn put_object(&self, project: &str, object: Arc<SentObject>, allow: AllowPut) -> Result<()> {
        self.file.put_object(project, &object, |existing| {
            allow(existing.map(|object| Protected {
                kind: object.permission_type,
                name: object.name,
                tags: object.tags,
            }))
        })
    }

    async fn take_object(&self, project: &str, kind: ObjectKind, name: &str, allow: AllowTake) -> Result<()> {
        self.file.take_object(project, kind, name, |object| {
            allow(Protected { kind: object.permission_type, name: object.name, tags: object.tags })
        })
    }
}

/// A router that is being served.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(router: axum::Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = serve_router(listener, router, DoorOptions::default(), std::future::pending());
        let server = tokio::spawn(async { serve.await.unwrap() });
        Self { address, server }
    }

    async fn routes(registry: TestRegistry, closed: bool) -> Self {
        Self::start(registry_router(backend(registry, closed), None, None)).await
    }

    async fn tools(registry: TestRegistry, closed: bool) -> Self {
        let (info, transport) = ("registry".to_owned(), McpTransport::Both);
        let info = McpServerInfo { name: info, version: "1".to_owned(), transport };
        let (_going_on, closing) = watch::channel(false);
        Self::start(registry_router(backend(registry, closed), None, Some(RegistryMcp { info, closing })))
            .await
    }

    async fn page(registry: TestRegistry, closed: bool, root: &str) -> Self {
        Self::page_for(registry, closed, root, "").await
    }

    async fn page_for(registry: TestRegistry, closed: bool, root: &str, origins: &str) -> Self {
        let (root, origins): (RootPath, AllowedOrigins) = (root.parse().unwrap(), origins.parse().unwrap());
        Self::start(page_router(backend(registry, closed), None, &root, &origins)).await
    }

    pub(crate) async fn ask(&self, role: &str, method: &str, path: &str, body: &str) -> Reply {
        let token = format!("Bearer {role}");
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        send(self.address, method, path, &headers, body.as_bytes()).await
    }

    pub(crate) async fn get(&self, role: &str, path: &str) -> Value {
        let reply = self.ask(role, "GET", path, "").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn backend(registry: TestRegistry, closed: bool) -> RegistryBackend {
    backend_of(Arc::new(registry), closed)
}

fn backend_of(server: Arc<dyn RegistryServer>, closed: bool) -> RegistryBackend {
    RegistryBackend { server, authorization: authorization(closed), clock: Arc::new(SystemClock) }
}

fn authorization(closed: bool) -> Option<Arc<Authorization>> {
    closed.then(|| Arc::new(Authorization::new(Arc::new(Roles))))
}

/// The names in a list of objects.
fn names(answer: &Value, key: &str) -> Vec<String> {
    let name =
        |object: &Value| object["spec"]["name"].as_str().or(object["name"].as_str()).unwrap().to_owned();
    answer[key].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn every_route_wants_a_token_where_the_server_asks_who_sends_requests() {
    let served = Served::routes(TestRegistry::guarded(), true).await;
    for (method, path) in [
        ("GET", "/api/v1/entities?project=p"),
        ("GET", "/api/v1/entities/open?project=p"),
        ("GET", "/api/v1/entities/all"),
        ("GET", "/api/v1/projects"),
        ("GET", "/api/v1/features?project=p"),
        ("GET", "/api/v1/lineage/complete?project=p"),
        ("GET", "/api/v1/metrics/resource_counts"),
        ("GET", "/api/v1/metrics/recently_visited"),
        ("GET", "/api/v1/search?query=a"),
        ("GET", "/api/v1/version"),
        ("POST", "/api/v1/registry/refresh"),
        ("POST", "/api/v1/entities"),
        ("DELETE", "/api/v1/entities/open?project=p"),
        ("GET", "/entities?project=p"),
    ] {
        for headers in [&[][..], &[("authorization", "Bearer bad")][..]] {
            let reply = send(served.address, method, path, headers, b"").await;
            assert_eq!(reply.status, 401, "{method} {path}");
            assert_eq!(reply.json()["error_type"], "HTTPException");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(served.ask("away", "GET", "/api/v1/projects", "").await.status, 503);
}

#[tokio::test]
async fn lists_hold_what_the_permissions_of_their_project_let_the_sender_see() {
    let served = Served::routes(TestRegistry::guarded(), true).await;
    for (path, key, seen) in [
        ("entities?project=p", "entities", vec!["open"]),
        ("data_sources?project=p", "dataSources", vec!["open"]),
        ("feature_views?project=p", "featureViews", vec!["open_view"]),
        ("permissions?project=p", "permissions", vec![]),
        ("projects", "projects", vec!["p", "q"]),
        // Without permissions everybody who has a name sees everything.
        ("entities?project=q", "entities", vec!["open", "secret"]),
        ("entities/all", "entities", vec!["open", "open", "secret"]),
        ("features?project=p", "features", vec!["f"]),
    ] {
        let answer = served.get("reader", &format!("/api/v1/{path}")).await;
        assert_eq!(names(&answer, key), seen, "{path}");
        let told = answer["pagination"].get("totalCount").and_then(Value::as_u64).unwrap_or_default();
        assert_eq!(told, seen.len() as u64, "what is hidden is not counted: {path}");
    }
    assert_eq!(names(&served.get("stranger", "/api/v1/entities?project=p").await, "entities"), [""; 0]);
    assert_eq!(names(&served.get("stranger", "/api/v1/projects").await, "projects"), ["q"]);
    assert_eq!(
        names(&served.get("server", "/api/v1/entities?project=p").await, "entities"),
        ["open", "secret"]
    );
    let counts = served.get("reader", "/api/v1/metrics/resource_counts?project=p").await;
    assert_eq!((&counts["counts"]["entities"], &counts["counts"]["features"]), (&json!(1), &json!(1)));
    let text = served.get("reader", "/api/v1/lineage/complete?project=p").await.to_string();
    assert!(text.contains("open_view") && !text.contains("secret"), "{text}");
    let found = served.get("reader", "/api/v1/search?query=secret&projects=p").await;
    assert_eq!(found["results"], json!([]));
    let text = served.get("reader", "/api/v1/lineage/registry/all").await.to_string();
    assert!(
        text.contains(r#""project":"q""#) && !text.contains(r#""name":"secret_view"},"project":"p""#),
        "{text}"
    );
}

#[tokio::test]
async fn an_object_that_the_sender_may_not_see_is_refused_in_feasts_words() {
    let served = Served::routes(TestRegistry::guarded(), true).await;
    for path in ["entities/secret", "data_sources/secret", "feature_views/secret_view", "permissions/see"] {
        let reply = served.ask("reader", "GET", &format!("/api/v1/{path}?project=p"), "").await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.text());
        let body = reply.json();
        assert_eq!(
            (&body["status_code"], &body["error_type"]),
            (&json!(403), &json!("FeastPermissionError"))
        );
        assert!(body["detail"].as_str().unwrap().starts_with("Permission error:"), "{body}");
    }
    assert_eq!(served.ask("reader", "GET", "/api/v1/features/secret_view/f?project=p", "").await.status, 404);
    assert_eq!(served.ask("stranger", "GET", "/api/v1/projects/p", "").await.status, 403);
    assert_eq!(served.ask("stranger", "GET", "/api/v1/lineage/registry?project=p", "").await.status, 403);
    assert_eq!(served.ask("reader", "GET", "/api/v1/entities/open?project=p", "").await.status, 200);
}

#[tokio::test]
async fn an_object_is_made_changed_and_removed_by_whoever_may_and_by_nobody_else() {
    let served = Served::routes(TestRegistry::guarded(), true).await;
    let entity =
        |name: &str, text: &str| json!({"name": name, "project": "p", "description": text}).to_string();
    let post = async |role: &str, name: &str, text: &str| {
        served.ask(role, "POST", "/api/v1/entities", &entity(name, text)).await.status
    };
    assert_eq!(post("reader", "new_one", "a").await, 403);
    assert_eq!(post("maker", "other", "a").await, 403, "another name than the permission is about");
    assert_eq!(post("maker", "new_one", "a").await, 201);
    assert_eq!(post("reader", "new_one", "b").await, 403);
    assert_eq!(post("maker", "new_one", "b").await, 201);
    assert_eq!(post("maker", "secret", "b").await, 403);
    let seen = served.get("maker", "/api/v1/entities/new_one?project=p").await;
    assert_eq!(seen["spec"]["description"], "b");
    let delete = async |role: &str, name: &str| {
        served.ask(role, "DELETE", &format!("/api/v1/entities/{name}?project=p"), "").await.status
    };
    assert_eq!(delete("reader", "new_one").await, 403);
    assert_eq!(delete("maker", "secret").await, 403);
    assert_eq!(delete("maker", "new_one").await, 200);
    assert_eq!(delete("maker", "new_one").await, 404);
    assert_eq!(served.ask("maker", "POST", "/api/v1/registry/refresh", "").await.status, 403);
    assert_eq!(served.ask("server", "POST", "/api/v1/registry/refresh", "").await.status, 200);
    let left = names(&served.get("server", "/api/v1/entities?project=p").await, "entities");
    assert_eq!(left, ["open", "secret"]);
}

#[tokio::test]
async fn a_client_that_is_generated_for_feasts_registry_fits_and_finds_every_route() {
    let served = Served::routes(TestRegistry::guarded(), true).await;
    let document = send(served.address, "GET", "/openapi.json", &[], b"").await;
    assert_eq!(document.status, 200, "for everybody");
    let (feast, larder) = (recorded("registry_rest/openapi.json"), document.json());
    assert_eq!(larder["servers"], feast["servers"]);
    let of_consumer = |path: &str| {
        path.starts_with("/lineage/openlineage/") || ["/lineage", "/lineage/batch"].contains(&path)
    };
    assert_eq!(assert_fits(&feast, &larder, of_consumer), 68);
    assert_eq!(served.get("", "/api/v1/openapi.json").await, larder);
    for (path, operations) in larder["paths"].as_object().unwrap() {
        let path = format!("/api/v1{}", path.replace(['{', '}'], ""));
        for method in operations.as_object().unwrap().keys() {
            // Without a token: what is there says so, and what is not says 404 or 405.
            let reply = send(served.address, &method.to_uppercase(), &path, &[], b"").await;
            assert_eq!(reply.status, 401, "{method} {path}");
        }
    }
    for page in ["/", "/docs", "/api/v1/docs"] {
        let reply = send(served.address, "GET", page, &[], b"").await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{page}"
        );
    }
}

#[tokio::test]
async fn tools_are_for_whoever_may_ask_the_routes_and_there_only_where_they_are_wanted() {
    let call = |method: &str, params: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
    };
    let served = Served::tools(TestRegistry::guarded(), true).await;
    let list = call("tools/list", json!({}));
    for (role, status) in [("bad", 401), ("away", 503), ("reader", 200)] {
        assert_eq!(served.ask(role, "POST", "/mcp", &list).await.status, status, "{role}");
    }
    assert_eq!(served.ask("bad", "GET", "/sse", "").await.status, 401);
    let tools = served.ask("reader", "POST", "/mcp", &list).await.json();
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 68);
    let result = async |role: &str, tool: &str, arguments: Value| {
        let call = call("tools/call", json!({"name": tool, "arguments": arguments}));
        let answer = served.ask(role, "POST", "/mcp", &call).await.json();
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        (text, answer["result"]["isError"].clone())
    };
    let (text, is_error) = result("reader", "list_entities_entities_get", json!({"project": "p"})).await;
    assert_eq!(is_error, false);
    assert_eq!(names(&serde_json::from_str(&text).unwrap(), "entities"), ["open"]);
    // Lists stand behind each other in the query; a tag that nothing has finds nothing.
    let tagged = json!({"project": "p", "tags": ["a:b", "c:d"]});
    let (text, _) = result("reader", "list_data_sources_data_sources_get", tagged).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["dataSources"], json!([]));
    let one = json!({"project": "p", "name": "new_one"});
    let (text, is_error) = result("reader", "apply_entity_entities_post", one.clone()).await;
    assert!(is_error == true && text.contains("Status code: 403"), "{text}");
    assert_eq!(result("maker", "apply_entity_entities_post", one.clone()).await.1, false);
    assert_eq!(result("maker", "delete_entity_entities__name__delete", one.clone()).await.1, false);
    let (text, is_error) = result("maker", "delete_entity_entities__name__delete", one).await;
    assert!(is_error == true && text.contains("Status code: 404"), "{text}");

    let without = Served::routes(TestRegistry::guarded(), true).await;
    assert_eq!(without.ask("reader", "POST", "/mcp", &list).await.status, 404);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_and_no_others() {
    let (ours, theirs) = ("https://app.example.org", "https://evil.example");
    for (allowed, origin, told) in [
        ("", ours, None),
        (ours, ours, Some(ours)),
        (ours, theirs, None),
        ("https://a.example, https://app.example.org", ours, Some(ours)),
        ("*", theirs, Some(theirs)),
    ] {
        let served = Served::page_for(TestRegistry::guarded(), false, "", allowed).await;
        let path = "/api/v1/entities?project=p";
        let reply = send(served.address, "GET", path, &[("origin", origin)], b"").await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("access-control-allow-origin"), told, "{allowed}: {origin}");
        let asked = [("origin", origin), ("access-control-request-method", "GET")];
        let reply = send(served.address, "OPTIONS", path, &asked, b"").await;
        assert_eq!(reply.header("access-control-allow-origin"), told, "{allowed}: {origin}, asked first");
        // It only reads, whoever may.
        assert_eq!(send(served.address, "POST", path, &[("origin", origin)], b"{}").await.status, 405);
    }
}

#[tokio::test]
async fn visits_are_told_to_who_made_them_newest_first() {
    let served = Served::routes(TestRegistry::guarded(), true).await;
    for (role, path) in [
        ("reader", "entities/open?project=p"),
        ("reader", "feature_views/secret_view?project=q"),
        ("reader", "entities/secret?project=p"),
        ("reader", "entities?project=p"),
    ] {
        served.ask(role, "GET", &format!("/api/v1/{path}"), "").await;
    }
    let told = served.get("reader", "/api/v1/metrics/recently_visited").await;
    let seen: Vec<_> = told["visits"].as_array().unwrap().iter().map(|visit| visit["path"].clone()).collect();
    assert_eq!(seen, ["/api/v1/feature_views/secret_view", "/api/v1/entities/open"]);
    let first = &told["visits"][1];
    assert_eq!(
        (&first["user"], &first["object"], &first["project"]),
        (&json!("ada"), &json!("entities"), &json!("p"))
    );
    let of_kind =
        served.get("reader", "/api/v1/metrics/recently_visited?object=entities&page=1&limit=1").await;
    assert_eq!(of_kind["pagination"]["totalCount"], 1);
    let of_others = served.get("server", "/api/v1/metrics/recently_visited?project=p").await;
    assert_eq!(of_others, json!({"visits": [], "pagination": {"totalCount": 0}}));
}

#[tokio::test]
async fn requests_of_the_wrong_form_are_answered_with_what_is_wrong() {
    let served = Served::routes(TestRegistry::guarded(), false).await;
    for (method, path, body, status, told) in [
        ("GET", "entities?project=p&page=99999999999999999999", "", 422, "int_parsing"),
        ("GET", "entities?project=p&page=4294967296&limit=100", "", 200, ""),
        ("GET", "entities/all?page=4294967295&limit=100", "", 200, ""),
        ("GET", "search?query=a&page=4294967296", "", 400, "less than or equal"),
        ("GET", "metrics/popular_tags?limit=-9223372036854775808", "", 200, ""),
        ("GET", "metrics/popular_tags?limit=9223372036854775807", "", 200, ""),
        ("GET", "entities?project=%ff%00&sort_by=..", "", 200, ""),
        ("GET", "entities/%3Cscript%3E?project=p", "", 404, "Entity <script> does not exist"),
        ("GET", "entities/a%2Fb?project=p", "", 404, "Entity a/b does not exist"),
        ("GET", "lineage/objects/nope/x?project=p", "", 422, "Must be one of"),
        ("POST", "entities", "", 422, "Field required"),
        ("POST", "entities", "{", 422, "no JSON"),
        ("POST", "entities", r#"{"name": "a", "project": "../q"}"#, 422, "cannot be registered"),
        ("POST", "entities", r#"{"name": "a\u0000", "project": "p"}"#, 422, "control characters"),
        ("POST", "entities", r#"{"name": "a", "project": "p", "value_type": 1e300}"#, 422, "int_from_float"),
        ("POST", "entities", r#"{"name": "a", "project": "p", "value_type": 4294967300}"#, 422, "valueType"),
        ("POST", "feature_views", r#"{"name": "a:b", "project": "p", "entities": ["open"]}"#, 422, "`:`"),
        (
            "POST",
            "feature_views",
            r#"{"name": "OPEN_view", "project": "p", "entities": ["open"]}"#,
            422,
            "OPEN_view",
        ),
        (
            "POST",
            "saved_datasets",
            r#"{"name": "a", "project": "p", "storage_path": "x", "storage_type": "custom"}"#,
            422,
            "custom",
        ),
        (
            "POST",
            "permissions",
            r#"{"name": "a", "project": "p", "policy": {"role_based_policy": {"roles": ["r"]}}, "name_patterns": ["("]}"#,
            422,
            "regular expression",
        ),
        ("PATCH", "entities", "", 405, "Method Not Allowed"),
        ("GET", "monitoring/metrics/baseline?project=p", "", 503, "Monitoring is not enabled"),
        ("GET", "compute_engine", "", 404, "Not Found"),
        ("GET", "saved_datasets/jobs/x", "", 404, "makes no datasets"),
    ] {
        let reply = served.ask("", method, &format!("/api/v1/{path}"), body).await;
        assert_eq!(reply.status, status, "{method} {path} {body}: {}", reply.text());
        assert!(reply.text().contains(told), "{method} {path} {body}: {}", reply.text());
    }
    let huge = format!(r#"{{"name": "a", "project": "p", "description": "{}"}}"#, "x".repeat(2 << 20));
    assert_eq!(served.ask("", "POST", "/api/v1/entities", &huge).await.status, 413);
    assert_eq!(names(&served.get("", "/api/v1/entities?project=p").await, "entities"), ["open", "secret"]);
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_empty_and_its_first_object_makes_it() {
    let served = Served::routes(TestRegistry::empty(), false).await;
    assert_eq!(served.get("", "/api/v1/projects").await, json!({"projects": [], "pagination": {}}));
    assert_eq!(served.get("", "/api/v1/search?query=a").await["errors"], json!(["No projects found"]));
    let reply = served.ask("", "POST", "/api/v1/entities", r#"{"name": "a", "project": "p"}"#).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(names(&served.get("", "/api/v1/projects").await, "projects"), ["p"]);
}

#[tokio::test]
async fn the_page_is_served_with_its_policy_at_every_address_of_it() {
    let served = Served::page(TestRegistry::guarded(), false, "/behind/proxy/").await;
    for path in ["/", "/search?q=a", "/p/p", "/p/p/feature-view/open_view", "/p/%3Cscript%3E/x"] {
        let reply = send(served.address, "GET", path, &[], b"").await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
        assert!(reply.text().contains(r#"src="/behind/proxy/assets/app.js""#), "{path}");
        assert!(!reply.text().contains("{root}"), "{path}");
    }
    for path in ["/", "/assets/app.js", "/assets/style.css", "/api/v1/projects", "/nowhere", "/health"] {
        let reply = send(served.address, "GET", path, &[], b"").await;
        let policy = reply.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    let projects = send(served.address, "GET", "/projects-list.json", &[], b"").await.json();
    assert_eq!(
        projects["projects"][0],
        json!({"name": "P", "description": "Project: p", "id": "p", "registryPath": "/behind/proxy/api/v1"})
    );
}

#[tokio::test]
async fn a_page_changes_nothing_in_the_registry() {
    let served = Served::page(TestRegistry::guarded(), false, "").await;
    for (method, path, body) in [
        ("POST", "/api/v1/entities", r#"{"name": "a", "project": "p"}"#),
        ("DELETE", "/api/v1/entities/open?project=p", ""),
        ("POST", "/api/v1/registry/refresh", ""),
        ("PUT", "/api/v1/entities/open", ""),
    ] {
        assert_eq!(served.ask("", method, path, body).await.status, 405, "{method} {path}");
    }
    assert_eq!(names(&served.get("", "/api/v1/entities?project=p").await, "entities"), ["open", "secret"]);
}

#[tokio::test]
async fn the_page_itself_wants_no_token_and_what_it_shows_does() {
    let served = Served::page(TestRegistry::guarded(), true, "").await;
    for (path, status) in [
        ("/", 200),
        ("/assets/app.js", 200),
        ("/health", 200),
        ("/projects-list.json", 401),
        ("/api/v1/projects", 401),
    ] {
        assert_eq!(send(served.address, "GET", path, &[], b"").await.status, status, "{path}");
    }
    assert_eq!(names(&served.get("reader", "/api/v1/entities?project=p").await, "entities"), ["open"]);
}

#[tokio::test]
async fn a_page_of_another_origin_registers_and_removes_nothing() {
    let served = Served::routes(TestRegistry::empty(), false).await;
    let body = json!({"name": "evil", "project": "p", "join_key": "x", "value_type": 2}).to_string();
    let evil = ("origin", "http://evil.example");
    for headers in [&[evil][..], &[evil, ("content-type", "text/plain")]] {
        let reply = send(served.address, "POST", "/api/v1/entities", headers, body.as_bytes()).await;
        assert_eq!(reply.status, 403, "{headers:?}: {}", reply.text());
    }
    let reply = send(served.address, "GET", "/api/v1/entities?project=p", &[], b"").await;
    assert!(!reply.text().contains("evil"), "{}", reply.text());
    // Of this a browser asks first, and gets no leave.
    let asked = send(served.address, "OPTIONS", "/api/v1/entities/evil", &[evil], b"").await;
    assert!(asked.status == 405 && asked.header("access-control-allow-origin").is_none(), "{}", asked.status);
}

/// What was asked of data quality monitoring.
#[derive(Debug, Default)]
struct Monitored {
    registry: Option<TestRegistry>,
    runs: Mutex<Vec<(String, MonitoringRun)>>,
}

#[async_trait]
impl RegistryServer for Monitored {
    fn project(&self) -> &'static str {
        "p"
    }

    async fn objects(&self) -> Result<Arc<RegistryObjects>> {
        self.registry.as_ref().unwrap().objects().await
    }

    async fn project_snapshot(&self, project: &str) -> Result<Arc<RegistrySnapshot>> {
        self.registry.as_ref().unwrap().project_snapshot(project).await
    }

    async fn put_object(&self, project: &str, object: Arc<SentObject>, allow: AllowPut) -> Result<()> {
        self.registry.as_ref().unwrap().put_object(project, object, allow).await
    }

    async fn take_object(&self, project: &str, kind: ObjectKind, name: &str, allow: AllowTake) -> Result<()> {
        self.registry.as_ref().unwrap().take_object(project, kind, name, allow).await
    }

    fn monitoring(&self) -> Option<&dyn MonitoringServer> {
        Some(self)
    }
}

/// Computes nothing, and keeps a row for each of the views.
#[async_trait]
impl MonitoringServer for Monitored {
    async fn monitor(&self, project: &str, run: MonitoringRun) -> Result<MonitoringReport> {
        self.runs.lock().unwrap().push((project.to_owned(), run));
        Ok(MonitoringReport::default())
    }

    async fn monitor_as_job(&self, project: &str, run: MonitoringRun) -> Result<(String, MonitoringReport)> {
        Ok(("job".to_owned(), self.monitor(project, run).await?))
    }

    async fn transient_metrics(&self, _project: &str, asked: TransientMetrics) -> Result<Map<String, Value>> {
        Ok(Map::from_iter([("feature_view_name".to_owned(), asked.view.into())]))
    }

    async fn metrics(&self, _: &str, _: MetricTable, _: MetricsQuery) -> Result<Vec<MetricRow>> {
        let row = |view: &str| Map::from_iter([("feature_view_name".to_owned(), Value::from(view))]);
        Ok(["open_view", "secret_view", "gone_view"].map(row).into())
    }

    async fn monitoring_job(&self, _project: &str, job: &str) -> Result<Option<Map<String, Value>>> {
        let job = match job {
            "of_secret" => json!({"feature_view_name": "secret_view"}),
            "of_all" => json!({
                "feature_view_name": null, "parameters": {"allowed_feature_view_names": ["open_view", "secret_view"]},
                "result_summary": {"failures": {"secret_view": "no file", "open_view": "no file"}},
            }),
            _ => return Ok(None),
        };
        Ok(job.as_object().cloned())
    }
}

async fn monitored() -> (Served, Arc<Monitored>) {
    let update = json!({"spec": {
        "name": "compute", "types": TYPES, "namePatterns": ["open.*"], "actions": ["UPDATE", "DESCRIBE"],
        "policy": {"roleBasedPolicy": {"roles": ["analyst"]}},
    }});
    let registry = TestRegistry::guarded().put("p", ObjectKind::Permission, &update);
    let monitored = Arc::new(Monitored { registry: Some(registry), ..Monitored::default() });
    let router = registry_router(backend_of(Arc::clone(&monitored) as _, true), None, None);
    (Served::start(router).await, monitored)
}

#[tokio::test]
async fn metrics_are_shown_of_views_that_may_be_described_alone() {
    let (served, _) = monitored().await;
    for path in ["features", "feature_views", "baseline", "timeseries"] {
        let path = format!("/api/v1/monitoring/metrics/{path}?project=p");
        let rows = served.get("reader", &path).await;
        assert_eq!(rows, json!([{"feature_view_name": "open_view"}]), "{path}");
        let refused = served.ask("guest", "GET", &path, "").await;
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.text().contains("Not authorized to read monitoring metrics for any feature view"));
        let secret = format!("{path}&feature_view_name=secret_view");
        assert_eq!(served.ask("reader", "GET", &secret, "").await.status, 403, "{path}");
    }
    let job = |name: &str| format!("/api/v1/monitoring/jobs/{name}?project=p");
    assert_eq!(served.ask("reader", "GET", &job("of_secret"), "").await.status, 403);
    assert_eq!(
        served.ask("guest", "GET", &job("nope"), "").await.status,
        403,
        "before it is said what is there"
    );
    assert_eq!(served.ask("reader", "GET", &job("nope"), "").await.status, 404);
    let expected = json!({
        "feature_view_name": null, "parameters": {"allowed_feature_view_names": ["open_view"]},
        "result_summary": {"failures": {"open_view": "no file"}},
    });
    assert_eq!(served.get("reader", &job("of_all")).await, expected);
}

#[tokio::test]
async fn metrics_are_computed_of_views_that_may_be_updated_alone() {
    let (served, monitored) = monitored().await;
    let post = async |role: &str, path: &str, body: &str| {
        served.ask(role, "POST", &format!("/api/v1/monitoring/{path}"), body).await
    };
    assert_eq!(post("reader", "auto_compute", r#"{"project": "p"}"#).await.status, 403);
    let named = r#"{"project": "p", "feature_view_name": "secret_view"}"#;
    for path in ["compute", "auto_compute", "compute/transient"] {
        assert_eq!(post("analyst", path, named).await.status, 403, "{path}");
    }
    assert!(monitored.runs.lock().unwrap().is_empty());
    let reply = post("analyst", "auto_compute", r#"{"project": "p"}"#).await;
    assert_eq!((reply.status, reply.json()["job_id"].as_str()), (200, Some("job")));
    let baseline = r#"{"project": "p", "feature_view_name": "open_view", "set_baseline": true}"#;
    assert!(post("analyst", "compute", baseline).await.json().get("job_id").is_none(), "it is no job");
    let views = Chosen::Among(vec!["open_view".to_owned()]);
    let of_all = MonitoringRun::Auto { views, features: Vec::new() };
    let of_one = MonitoringRun::Baseline { views: Chosen::One("open_view".to_owned()), features: Vec::new() };
    assert_eq!(*monitored.runs.lock().unwrap(), [("p".to_owned(), of_all), ("p".to_owned(), of_one)]);
    // To look at what is not kept, it is enough to see the view.
    let transient = r#"{"project": "p", "feature_view_name": "open_view"}"#;
    assert_eq!(post("reader", "compute/transient", transient).await.status, 200);
}

#[tokio::test]
async fn requests_for_metrics_of_the_wrong_form_are_told_what_is_wrong() {
    let (served, monitored) = monitored().await;
    for (path, body, status, told) in [
        ("compute", "{}", 422, "('body', 'project')"),
        ("compute", r#"{"project": ""}"#, 422, "'project' is required"),
        ("compute?project=q", r#"{"project": "p"}"#, 400, "Conflicting 'project' value"),
        (
            "compute",
            r#"{"project": "p", "granularity": "hourly"}"#,
            400,
            "Must be one of ('daily', 'weekly',",
        ),
        ("compute", r#"{"project": "p", "start_date": "soon"}"#, 422, "Invalid isoformat string: 'soon'"),
        ("compute", r#"{"project": "p", "feature_names": "f"}"#, 422, "Input should be a valid list"),
        (
            "compute",
            r#"{"project": "p", "feature_view_name": "nope"}"#,
            404,
            "Feature view nope does not exist",
        ),
        ("compute/log", r#"{"project": "p"}"#, 422, "('body', 'feature_service_name')"),
        ("compute/log", r#"{"project": "p", "feature_service_name": "nope"}"#, 404, "Feature service nope"),
        ("compute/transient", r#"{"project": "p"}"#, 422, "('body', 'feature_view_name')"),
        ("auto_compute/log", r#"{"project": "p"}"#, 403, "any feature service in project 'p'"),
    ] {
        let reply = served.ask("analyst", "POST", &format!("/api/v1/monitoring/{path}"), body).await;
        assert_eq!(reply.status, status, "{path} {body}: {}", reply.text());
        assert!(reply.text().contains(told), "{path} {body}: {}", reply.text());
    }
    assert!(monitored.runs.lock().unwrap().is_empty());
    let reply = served.ask("reader", "GET", "/api/v1/monitoring/metrics/features", "").await;
    assert_eq!(reply.status, 422);
}
