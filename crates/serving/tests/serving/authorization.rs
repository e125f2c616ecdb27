//! Who may do what over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{
    Authenticator, Caller, Error, ErrorKind, Permission, PermissionType, PermittedAction, Policy,
    RequestError, Result, User,
};
use larder_serving::ServerOptions;
use serde_json::{Value, json};

use crate::client::{Reply, send};
use crate::server::{Running, TestServer};

/// Takes a token for the names of a user's roles, joined by `+`.
#[derive(Debug)]
pub(crate) struct Roles;

#[async_trait]
impl Authenticator for Roles {
    async fn authenticate(&self, token: &str) -> Result<Caller> {
        match token {
            "bad" => Err(RequestError::other("no such token").into()),
            "away" => Err(Error::new(ErrorKind::Unavailable, "nobody answers")),
            "server" => Ok(Caller::Server),
            "nameless" => Ok(Caller::User(Arc::default())),
            roles => {
                let roles = roles.split('+').map(str::to_owned).collect();
                let user = User { name: "ada".into(), roles, ..User::default() };
                Ok(Caller::User(Arc::new(user)))
            }
        }
    }
}

pub(crate) async fn start(permissions: Vec<Permission>) -> Running {
    let options = ServerOptions { authenticator: Some(Arc::new(Roles)), ..ServerOptions::default() };
    Running::start_server(TestServer::with_permissions(permissions).await, options).await
}

pub(crate) fn permission(name: &str, actions: &[PermittedAction], policy: Policy) -> Permission {
    Permission {
        name: name.into(),
        types: Vec::new(),
        name_patterns: Vec::new(),
        required_tags: BTreeMap::new(),
        actions: actions.to_vec(),
        policy,
        tags: BTreeMap::new(),
    }
}

fn roles(names: &[&str]) -> Policy {
    Policy::Roles(names.iter().map(|name| (*name).to_owned()).collect())
}

async fn ask(address: SocketAddr, token: &str, method: &str, path: &str, body: &str) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    send(address, method, path, &headers, body.as_bytes()).await
}

const READ: &str = r#"{"features":["stats:conv_rate"],"entities":{"driver_id":[1001]}}"#;
const READ_SERVICE: &str = r#"{"feature_service":"svc","entities":{"driver_id":[1001],"val_to_add":[1]}}"#;
const READ_ON_DEMAND: &str =
    r#"{"features":["od_pandas:p1"],"entities":{"driver_id":[1001],"val_to_add":[1]}}"#;
const SEARCH: &str = r#"{"features":["docs:title","docs:embedding"],"query":[0.5,0.5],"top_k":1}"#;
const WRITE: &str =
    r#"{"feature_view_name":"glob","df":{"event_timestamp":["2025-01-02"],"global_rate":[2.5]}}"#;
const SPAN: &str = r#"{"start_ts":"2025-01-01","end_ts":"2025-01-02","feature_views":["stats"]}"#;
const INCREMENTAL: &str = r#"{"end_ts":"2025-01-02","feature_views":["stats"]}"#;
const PROGRESS: &str = r#"{"end":"2025-01-02","incremental":true,"feature_views":["stats"]}"#;

fn push(to: &str) -> String {
    let df = json!({
        "driver_id": [7], "event_timestamp": ["2025-01-02"], "conv_rate": [0.5], "acc_rate": [0.5],
        "avg_daily_trips": [1],
    });
    json!({ "push_source_name": "stats_push", "df": df, "to": to }).to_string()
}

/// The envelope inside an answer's JSON string.
fn envelope(reply: &Reply) -> Value {
    serde_json::from_str(reply.json().as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn every_route_but_health_wants_a_token() {
    let running = start(Vec::new()).await;
    for (method, path) in [
        ("POST", "/get-online-features"),
        ("POST", "/push"),
        ("POST", "/write-to-online-store"),
        ("POST", "/search"),
        ("POST", "/retrieve-online-documents"),
        ("POST", "/materialize"),
        ("POST", "/materialize-incremental"),
        ("POST", "/v1/materialize"),
        ("POST", "/v1/refresh"),
        ("GET", "/v1/vector_stores"),
        ("GET", "/v1/vector_stores/x"),
        ("POST", "/v1/vector_stores/x/search"),
        ("GET", "/metrics"),
    ] {
        let reply = send(running.address, method, path, &[], b"").await;
        assert_eq!(reply.status, 401, "{path}");
        // Of Feast 0.67, which says so of no token too.
        assert_eq!(reply.text(), r#"{"detail":"Invalid or expired access token"}"#, "{path}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(send(running.address, "GET", "/health", &[], b"").await.status, 200);
    assert_eq!(send(running.address, "GET", "/nowhere", &[], b"").await.status, 404);
}

#[tokio::test]
async fn a_token_that_is_not_trusted_is_refused_before_the_body_is_read() {
    let running = start(Vec::new()).await;
    for header in ["", "Bearer", "Bearer bad", "Basic reader", "Bearer a b", "reader"] {
        let headers = [("authorization", header)];
        let reply = send(running.address, "POST", "/get-online-features", &headers, b"not json").await;
        assert_eq!(reply.status, 401, "{header}");
    }
    let reply = ask(running.address, "away", "POST", "/get-online-features", READ).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_eq!(ask(running.address, "reader", "POST", "/get-online-features", READ).await.status, 200);
}

#[tokio::test]
async fn each_request_needs_its_own_actions_and_no_others() {
    use PermittedAction::{Describe, ReadOnline, WriteOffline, WriteOnline};
    let (online, offline, both) = (push("online"), push("offline"), push("online_and_offline"));
    let vector_store = "/v1/vector_stores";
    let requests: &[(&str, &str, &str, &[PermittedAction])] = &[
        ("POST", "/get-online-features", READ, &[ReadOnline]),
        ("POST", "/get-online-features", READ_SERVICE, &[ReadOnline]),
        ("POST", "/get-online-features", READ_ON_DEMAND, &[ReadOnline]),
        ("POST", "/search", SEARCH, &[ReadOnline]),
        ("POST", "/retrieve-online-documents", SEARCH, &[ReadOnline]),
        ("POST", "/push", &online, &[WriteOnline]),
        ("POST", "/push", &offline, &[WriteOffline]),
        ("POST", "/push", &both, &[WriteOffline, WriteOnline]),
        ("POST", "/write-to-online-store", WRITE, &[WriteOnline]),
        ("POST", "/materialize", SPAN, &[WriteOnline]),
        ("POST", "/materialize-incremental", INCREMENTAL, &[WriteOnline]),
        ("POST", "/v1/materialize", PROGRESS, &[WriteOnline]),
        ("GET", &store_path(vector_store).await, "", &[Describe]),
        ("POST", &format!("{}/search", store_path(vector_store).await), "{}", &[ReadOnline]),
    ];
    for (method, path, body, needed) in requests {
        let allowed = start(vec![permission("p", needed, roles(&["reader"]))]).await;
        let good = ask(allowed.address, "reader", method, path, body).await;
        assert!(
            good.status == 200 || path.ends_with("/search") && good.status == 422,
            "{path}: {}",
            good.text()
        );
        let stranger = ask(allowed.address, "stranger+guest", method, path, body).await;
        assert_eq!(stranger.status, 403, "{path}: {}", stranger.text());
        assert_eq!(envelope(&stranger)["class"], "FeastPermissionError");
        let server = ask(allowed.address, "server", method, path, body).await;
        assert_eq!(server.status, good.status, "{path}: {}", server.text());

        // All the other actions together are not enough; and where two are needed, one is not.
        for missing in *needed {
            let others: Vec<_> =
                PermittedAction::ALL.iter().copied().filter(|action| action != missing).collect();
            let refusing = start(vec![permission("p", &others, roles(&["reader"]))]).await;
            let bad = ask(refusing.address, "reader", method, path, body).await;
            assert_eq!(bad.status, 403, "{path}: {}", bad.text());
        }
    }
}

/// The path of the test project's only vector store.
async fn store_path(list: &str) -> String {
    let running = start(Vec::new()).await;
    let stores = ask(running.address, "reader", "GET", list, "").await.json();
    format!("{list}/{}", stores["data"][0]["id"].as_str().unwrap())
}

#[tokio::test]
async fn refusals_are_feasts_word_for_word() {
    let write = [PermittedAction::WriteOffline, PermittedAction::WriteOnline];
    let running = start(vec![
        permission("w1", &write, roles(&["admin", "editor"])),
        permission("w2", &write, Policy::Groups(vec!["g".into()])),
    ])
    .await;
    // Of Feast 0.67, `enforce_policy`.
    let reply = ask(running.address, "reader", "POST", "/get-online-features", READ).await;
    assert_eq!(
        reply.text(),
        r#""{\"module\": \"feast.errors\", \"class\": \"FeastPermissionError\", \"message\": \"Permission error:\\nNo permissions defined to manage [<AuthzedAction.READ_ONLINE: 'read_online'>] on <class 'feast.feature_view.FeatureView'>/stats.\"}""#
    );
    let reply = ask(running.address, "reader", "POST", "/push", &push("online_and_offline")).await;
    assert_eq!(
        envelope(&reply)["message"],
        "Permission error:\nPermission w1 denied execution of ['WRITE_OFFLINE', 'WRITE_ONLINE'] to \
         FeatureView:stats_p: Requires roles ['admin', 'editor'],Permission w2 denied execution of \
         ['WRITE_OFFLINE', 'WRITE_ONLINE'] to FeatureView:stats_p: User is not added into the permitted groups"
    );
}

#[tokio::test]
async fn without_permissions_whoever_has_a_name_may_do_everything() {
    let running = start(Vec::new()).await;
    for (path, body) in
        [("/get-online-features", READ), ("/write-to-online-store", WRITE), ("/materialize", SPAN)]
    {
        assert_eq!(ask(running.address, "any", "POST", path, body).await.status, 200, "{path}");
        let nameless = ask(running.address, "nameless", "POST", path, body).await;
        assert_eq!(nameless.status, 403, "{path}");
        let message =
            "Permission error:\nNo permissions defined and no authenticated user context. Access denied.";
        assert_eq!(envelope(&nameless)["message"], message);
    }
}

#[tokio::test]
async fn a_service_needs_only_itself_and_views_each_their_own() {
    let only = |kind, pattern: &str| Permission {
        types: vec![kind],
        name_patterns: vec![pattern.into()],
        ..permission(pattern, &[PermittedAction::ReadOnline], Policy::AllowAll)
    };
    let status = async |permissions: Vec<Permission>, body: &str| {
        let running = start(permissions).await;
        ask(running.address, "reader", "POST", "/get-online-features", body).await.status
    };
    let service = only(PermissionType::FeatureService, "svc");
    assert_eq!(status(vec![service.clone()], READ_SERVICE).await, 200);
    assert_eq!(status(vec![service], READ).await, 403);
    let view = only(PermissionType::FeatureView, "stats");
    assert_eq!(status(vec![view.clone()], READ).await, 200);
    assert_eq!(status(vec![view.clone()], READ_SERVICE).await, 403);
    assert_eq!(status(vec![view.clone()], READ_ON_DEMAND).await, 403, "the on-demand view has none");
    let on_demand = only(PermissionType::OnDemandFeatureView, "od_pandas");
    assert_eq!(status(vec![on_demand.clone()], READ_ON_DEMAND).await, 403, "what it computes from has none");
    assert_eq!(status(vec![on_demand, view.clone()], READ_ON_DEMAND).await, 200);
    let two = r#"{"features":["stats:conv_rate","glob:global_rate","stats:acc_rate"],"entities":{"driver_id":[1001]}}"#;
    assert_eq!(status(vec![view.clone()], two).await, 403);
    assert_eq!(status(vec![view, only(PermissionType::FeatureView, "gl.b")], two).await, 200);
}

#[tokio::test]
async fn what_does_not_exist_is_said_not_to_and_versions_hide_nothing() {
    let running = start(vec![permission("w", &[PermittedAction::WriteOnline], Policy::AllowAll)]).await;
    let read = async |features: &str| {
        let body = format!(r#"{{"features":[{features}],"entities":{{"driver_id":[1001]}}}}"#);
        ask(running.address, "reader", "POST", "/get-online-features", &body).await.status
    };
    assert_eq!(read(r#""nope:x""#).await, 404);
    assert_eq!(read(r#""stats@v2:conv_rate""#).await, 403);
    assert_eq!(read(r#""stats@latest:conv_rate""#).await, 403);
    assert_eq!(read(r#""stats""#).await, 400);
    assert_eq!(read("").await, 400);
    let body = r#"{"push_source_name":"nope","df":{"a":[1]}}"#;
    assert_eq!(ask(running.address, "reader", "POST", "/push", body).await.status, 422);
    let body = r#"{"feature_view_name":"nope","df":{"a":[1]}}"#;
    assert_eq!(ask(running.address, "reader", "POST", "/write-to-online-store", body).await.status, 404);
}

#[tokio::test]
async fn a_materialization_of_all_views_needs_them_all_and_names_them() {
    let some = Permission {
        name_patterns: vec!["stats.*".into()],
        ..permission("some", &[PermittedAction::WriteOnline], Policy::AllowAll)
    };
    let all = r#"{"start_ts":"2025-01-01","end_ts":"2025-01-02"}"#;
    let running = start(vec![some]).await;
    assert_eq!(ask(running.address, "reader", "POST", "/materialize", all).await.status, 403);
    assert_eq!(ask(running.address, "reader", "POST", "/materialize?async=true", all).await.status, 403);
    assert_eq!(running.server.started.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn vector_stores_whose_definition_may_not_be_read_are_not_listed() {
    let list = "/v1/vector_stores";
    let described = start(vec![permission("d", &[PermittedAction::Describe], Policy::AllowAll)]).await;
    let stores = ask(described.address, "reader", "GET", list, "").await.json();
    assert_eq!(stores["data"].as_array().unwrap().len(), 1);
    let hidden = start(vec![permission("r", &[PermittedAction::ReadOnline], Policy::AllowAll)]).await;
    let stores = ask(hidden.address, "reader", "GET", list, "").await;
    assert_eq!((stores.status, stores.json()["data"].clone()), (200, json!([])));
}

#[tokio::test]
async fn what_an_apply_closes_while_it_is_read_is_not_answered() {
    let describe = permission("d", &[PermittedAction::Describe], Policy::AllowAll);
    let closed = Arc::clone(TestServer::with_permissions(vec![describe]).await.catalog.snapshot());
    for (path, body) in [("/get-online-features", READ), ("/search", SEARCH)] {
        let running = start(vec![permission("r", &[PermittedAction::ReadOnline], Policy::AllowAll)]).await;
        assert_eq!(ask(running.address, "reader", "POST", path, body).await.status, 200, "{path}");
        *running.server.applied_while_reading.lock().unwrap() = Some(Arc::clone(&closed));
        assert_eq!(ask(running.address, "reader", "POST", path, body).await.status, 403, "{path}");
    }
}
