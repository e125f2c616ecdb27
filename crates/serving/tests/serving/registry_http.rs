//! The registry's REST routes and its page: who may see and change what, and requests of the wrong form.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{Result, SystemClock};
use larder_registry::{ObjectKind, RegistryFile, RegistryObjects, RegistrySnapshot, SentObject};
use larder_serving::{
    AllowPut, AllowTake, Authorization, DoorOptions, Protected, RegistryServer, RootPath, page_router,
    registry_router, serve_router,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::authorization::Roles;
use crate::client::{Reply, send};

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
        self.file.snapshot(project)
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
        Self::start(registry_router(Arc::new(registry), authorization(closed), Arc::new(SystemClock))).await
    }

    async fn page(registry: TestRegistry, closed: bool, root: &str) -> Self {
        let root: RootPath = root.parse().unwrap();
        Self::start(page_router(Arc::new(registry), authorization(closed), Arc::new(SystemClock), &root))
            .await
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

pub(crate) fn authorization(closed: bool) -> Option<Arc<Authorization>> {
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
        ("GET", "monitoring/metrics", "", 404, "Not Found"),
        ("GET", "compute_engines", "", 404, "Not Found"),
        ("GET", "saved_datasets/jobs/x", "", 404, "Not Found"),
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
