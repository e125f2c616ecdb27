//! A server that asks who sends requests, and the commands that go through it.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use larder_testkit::cluster::{Cluster, ClusterState};
use larder_testkit::oidc_provider::{CLIENT, OidcProvider, SigningKey};
use serde_json::{Value, json};

use crate::larder::{Printed, Repo, Server};

const PERMISSIONS: &str = "permissions:
  - name: readers
    actions: [read_online]
    policy: {roles: [reader]}
  - name: writers
    types: [FeatureView]
    name_patterns: [driver_hourly_stats.*]
    actions: [read_online, write_online]
    policy: {roles: [writer]}
";

fn in_an_hour() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the server under test uses the machine's clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600
}

fn claims(roles: &[&str]) -> Value {
    json!({ "preferred_username": "ada", "roles": roles, "exp": in_an_hour() })
}

/// Adds lines to the configuration of a repo.
fn configure(repo: &Repo, lines: &str) {
    let file = repo.dir().join("feature_store.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, format!("{text}\n{lines}\n")).unwrap();
}

fn with_token(repo: &Repo, token: &str, arguments: &[&str]) -> Printed {
    Printed::from(repo.command(arguments).env("MY_TOKEN", token).output().unwrap())
}

const READ: [&str; 5] =
    ["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"];

#[test]
fn commands_go_through_a_server_as_whom_their_token_names() {
    let provider = OidcProvider::start(vec![SigningKey::rsa("first")], claims(&["reader"]));
    let repo = Repo::sample();
    let url = provider.discovery_url();
    configure(&repo, &format!("auth: {{type: oidc, auth_discovery_url: '{url}', token_env_var: MY_TOKEN}}"));
    configure(&repo, "feature_server: {audit_logging: {enabled: true, sink: file, file_path: audit.log}}");
    fs::write(repo.dir().join("permissions.yaml"), PERMISSIONS).unwrap();
    repo.run(&["apply"]).success();
    let server = Server::start(&repo);
    let token = |roles: &[&str]| provider.token(&claims(roles));

    let materialize = ["materialize", "2026-01-01", crate::larder::AS_OF, "--views", "driver_hourly_stats"];
    let refused = with_token(&repo, &token(&["reader"]), &materialize).failure(1);
    assert!(refused.contains("Permission writers denied execution of ['WRITE_ONLINE']"), "{refused}");
    with_token(&repo, &token(&["writer"]), &materialize).success();
    assert!(with_token(&repo, &token(&["reader"]), &READ).json()["conv_rate"][0].is_number());
    let refused = with_token(&repo, &token(&["guest"]), &READ).failure(1);
    assert!(refused.contains("Requires roles ['reader']"), "{refused}");

    let stranger = SigningKey::rsa("first").token(&claims(&["reader"]));
    assert!(with_token(&repo, &stranger, &READ).failure(1).contains("Invalid or expired access token"));
    let nothing = repo.run(&READ).failure(1);
    assert!(nothing.contains("`token_env_var` names `MY_TOKEN`"), "{nothing}");
    let (status, _) = server.post("/get-online-features", &json!({})).unwrap();
    assert_eq!(status, 401);
    // What was applied is applied, whether or not the server could be told.
    assert!(repo.run(&["apply"]).success().stderr.contains("will see the change by itself"));

    assert_eq!(server.terminate(), 0);
    let audit = fs::read_to_string(repo.dir().join("audit.log")).unwrap();
    let events: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> = events
        .iter()
        .map(|event| (event["detail"].as_str().unwrap(), event["principal"]["username"].as_str().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("POST /v1/materialize -> 403", "ada"),
            ("POST /v1/materialize -> 200", "ada"),
            ("POST /get-online-features -> 200", "ada"),
            ("POST /get-online-features -> 403", "ada"),
            ("POST /get-online-features -> 401", ""),
            ("POST /get-online-features -> 401", ""),
        ]
    );
    assert!(!audit.contains("1001") && !audit.contains(&stranger), "neither entities nor tokens");
}

#[test]
fn a_client_with_a_secret_gets_its_token_from_the_provider() {
    let provider = OidcProvider::start(vec![SigningKey::curve("first")], claims(&["batch"]));
    let repo = Repo::materialized();
    let (url, (client, secret)) = (provider.discovery_url(), CLIENT);
    configure(
        &repo,
        &format!(
            "auth: {{type: oidc, auth_discovery_url: '{url}', client_id: {client}, client_secret: {secret}}}"
        ),
    );
    let server = Server::start(&repo);
    assert!(repo.run(&READ).json()["conv_rate"][0].is_number());
    assert_eq!(server.terminate(), 0);
}

#[test]
fn a_cluster_tells_who_comes_and_a_command_in_a_pod_comes_as_its_service_account() {
    let name = "system:serviceaccount:feast:larder".to_owned();
    let subjects = json!([{ "kind": "ServiceAccount", "name": "larder", "namespace": "feast" }]);
    let metadata = json!({ "name": "readers", "namespace": Cluster::NAMESPACE });
    let role = json!({ "kind": "Role", "name": "reader" });
    let (cluster, certificate) = Cluster::start(ClusterState {
        tokens: vec![(Cluster::OWN_TOKEN.to_owned(), name, Vec::new())],
        role_bindings: vec![json!({ "metadata": metadata, "roleRef": role, "subjects": subjects })],
        ..ClusterState::default()
    });
    let repo = Repo::materialized();
    let folder = repo.dir().join("service_account");
    fs::create_dir(&folder).unwrap();
    Cluster::write_service_account(&folder, &certificate);
    let url = cluster.url();
    configure(
        &repo,
        &format!("auth: {{type: kubernetes, api_server: '{url}', service_account: service_account}}"),
    );
    fs::write(repo.dir().join("permissions.yaml"), PERMISSIONS).unwrap();
    repo.run(&["apply"]).success();
    let server = Server::start(&repo);
    assert!(repo.run(&READ).json()["conv_rate"][0].is_number());
    let materialize = ["materialize", "2026-01-01", crate::larder::AS_OF, "--views", "driver_hourly_stats"];
    let refused = repo.run(&materialize).failure(1);
    assert!(refused.contains("Permission writers denied execution of ['WRITE_ONLINE']"), "{refused}");
    let (status, _) = server.post("/get-online-features", &json!({})).unwrap();
    assert_eq!(status, 401);
    assert_eq!(server.terminate(), 0);
}

#[test]
fn what_cannot_be_enforced_is_not_served_and_everything_else_works() {
    let repo = Repo::sample();
    configure(&repo, "auth: {type: kubernetes}");
    repo.run(&["apply"]).success();
    let stderr = repo.run(&["serve", "-p", "0"]).failure(1);
    assert!(stderr.contains("there is no Kubernetes cluster to ask: KUBERNETES_SERVICE_HOST"), "{stderr}");
    assert!(!stderr.contains("Serving"), "{stderr}");

    let repo = Repo::sample();
    configure(&repo, "auth: {type: oidc, auth_discovery_url: 'http://127.0.0.1:9/'}");
    let stderr = warnings_of_a_server(&repo);
    assert!(stderr.contains("the project has no permissions"), "{stderr}");

    configure(&repo, "http: {}");
    let file = repo.dir().join("feature_store.yaml");
    let text = fs::read_to_string(&file).unwrap().replace("auth_discovery_url", "client_id");
    fs::write(&file, text).unwrap();
    let stderr = repo.run(&["serve", "-p", "0"]).failure(1);
    assert!(stderr.contains("has no `auth_discovery_url`"), "{stderr}");
}

/// What a server says before it serves.
fn warnings_of_a_server(repo: &Repo) -> String {
    use std::io::{BufRead as _, BufReader};
    let mut child = repo.command(&["serve", "-p", "0"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("Serving") {
            break;
        }
        said.push_str(&line);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    said
}
