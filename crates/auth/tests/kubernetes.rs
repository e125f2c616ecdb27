//! Tokens that a cluster on this machine vouches for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use larder_auth::{AuthError, ClusterAuthenticator, ClusterOptions, IntraServerSecret};
use larder_core::{Authenticator as _, Caller, ErrorKind, FixedClock, Timestamp, User};
use larder_testkit::cluster::{Cluster, ClusterState};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Fixture {
    cluster: Cluster,
    clock: Arc<FixedClock>,
    authenticator: ClusterAuthenticator,
    folder: TempDir,
}

fn fixture(state: ClusterState, secret: Option<IntraServerSecret>) -> Fixture {
    let (cluster, certificate) = Cluster::start(state);
    let folder = tempfile::tempdir().unwrap();
    Cluster::write_service_account(folder.path(), &certificate);
    let options =
        ClusterOptions { api_server: cluster.url().to_owned(), service_account: folder.path().to_owned() };
    let clock = Arc::new(FixedClock::new(at(0)));
    let authenticator = ClusterAuthenticator::try_new(&options, secret, Arc::clone(&clock) as _).unwrap();
    Fixture { cluster, clock, authenticator, folder }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn binding(namespace: &str, name: &str, (kind, role): (&str, &str), subjects: &Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": namespace, "labels": { "opendatahub.io/dashboard": "true" } },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
        "subjects": subjects,
    })
}

fn account(name: &str, namespace: &str) -> Value {
    json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace })
}

fn named(kind: &str, name: &str) -> Value {
    json!({ "kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name })
}

/// A cluster with a service account and a user, and bindings of both and of others.
fn state() -> ClusterState {
    let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let token =
        |token: &str, name: &str, groups: &[&str]| (token.to_owned(), name.to_owned(), strings(groups));
    let accounts = ["system:serviceaccounts", "system:serviceaccounts:jobs", "system:authenticated"];
    let role = ("Role", "reader");
    ClusterState {
        tokens: vec![
            token("of-batch", "system:serviceaccount:jobs:batch", &accounts),
            token("of-ada", "ada@example.com", &["staff", "system:authenticated"]),
        ],
        role_bindings: vec![
            binding("feast", "a", role, &json!([account("other", "jobs"), account("batch", "jobs")])),
            binding("feast", "b", ("Role", "of-another"), &json!([account("batch", "elsewhere")])),
            binding("elsewhere", "c", ("Role", "out-of-sight"), &json!([account("batch", "jobs")])),
            binding("feast", "d", ("Role", "for-staff"), &json!([named("Group", "staff")])),
            binding("feast", "e", ("Role", "for-strangers"), &json!([named("Group", "strangers")])),
            binding("notebooks", "f", ("ClusterRole", "admin"), &json!([named("User", "ada@example.com")])),
            binding(
                "science",
                "dashboard-permissions-1",
                ("Role", "edit"),
                &json!([named("User", "ada@example.com")]),
            ),
            binding("nobodys", "g", ("ClusterRole", "view"), &Value::Null),
        ],
        cluster_role_bindings: vec![
            binding("", "h", ("ClusterRole", "auditor"), &json!([named("User", "ada@example.com")])),
            binding("", "i", ("ClusterRole", "root"), &json!([named("User", "root")])),
        ],
        forbids: false,
    }
}

impl Fixture {
    async fn user(&self, token: &str) -> User {
        match self.authenticator.authenticate(token).await.unwrap() {
            Caller::User(user) => (*user).clone(),
            Caller::Server => panic!("a user was expected"),
        }
    }

    async fn error(&self, token: &str) -> ErrorKind {
        let error = self.authenticator.authenticate(token).await.unwrap_err();
        assert!(!error.chain().contains(token) || token.is_empty(), "an error shows no token");
        error.kind()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_has_the_roles_that_are_bound_to_it_in_the_namespace_of_the_pod() {
    let user = fixture(state(), None).user("of-batch").await;
    assert_eq!((user.name.as_str(), user.roles), ("jobs:batch", vec!["reader".to_owned()]));
    assert_eq!(user.namespaces, ["jobs"]);
    assert_eq!(
        user.groups,
        ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:jobs"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_the_roles_that_are_bound_to_them_or_their_groups_anywhere() {
    let user = fixture(state(), None).user("of-ada").await;
    assert_eq!((user.name.as_str(), user.groups.len()), ("ada@example.com", 2));
    assert_eq!(user.roles, ["admin", "auditor", "edit", "for-staff"]);
    assert_eq!(user.namespaces, ["notebooks", "science"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_are_read_to_the_last_page() {
    let mut state = state();
    let others = (0..1_100).map(|at| {
        binding(
            "feast",
            &format!("other-{at}"),
            ("Role", "none"),
            &json!([named("User", &format!("user-{at}"))]),
        )
    });
    state.role_bindings.splice(0..0, others);
    let fixture = fixture(state, None);
    assert_eq!(fixture.user("of-ada").await.roles, ["admin", "auditor", "edit", "for-staff"]);
    assert_eq!(fixture.user("of-batch").await.roles, ["reader"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_cluster_does_not_vouch_for_is_refused_whatever_it_says() {
    let fixture = fixture(state(), None);
    // {"sub": "system:serviceaccount:jobs:batch"}, which nobody signed.
    let forged =
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiAic3lzdGVtOnNlcnZpY2VhY2NvdW50OmpvYnM6YmF0Y2gifQ.";
    for token in ["nobodys", forged, "", &"x".repeat(100_000)] {
        assert_eq!(fixture.error(token).await, ErrorKind::Invalid, "{token:.20}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_says_of_a_token_counts_for_a_minute_and_a_refusal_for_ten_seconds() {
    let fixture = fixture(state(), None);
    fixture.user("of-ada").await;
    assert_eq!(fixture.error("of-eve").await, ErrorKind::Invalid);
    let mut changed = state();
    changed.tokens.push(("of-eve".to_owned(), "eve".to_owned(), vec![]));
    changed.tokens.retain(|(token, ..)| token != "of-ada");
    fixture.cluster.set(changed);
    fixture.clock.set(at(9));
    fixture.user("of-ada").await;
    assert_eq!(fixture.error("of-eve").await, ErrorKind::Invalid);
    assert_eq!(fixture.cluster.reviews(), 2);
    fixture.clock.set(at(11));
    assert_eq!(fixture.user("of-eve").await.name, "eve");
    fixture.clock.set(at(61));
    assert_eq!(fixture.error("of-ada").await, ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_asked_about_is_not_refused_but_told_to_come_again() {
    let fixture = fixture(ClusterState { forbids: true, ..state() }, None);
    assert_eq!(fixture.error("of-ada").await, ErrorKind::Unavailable);
    fixture.cluster.set(state());
    assert_eq!(fixture.user("of-ada").await.name, "ada@example.com");

    // A token that the cluster has renewed is read anew; without one nobody can be asked.
    std::fs::write(fixture.folder.path().join("token"), "an old one").unwrap();
    assert_eq!(fixture.error("of-batch").await, ErrorKind::Unavailable);
    std::fs::write(fixture.folder.path().join("token"), format!("{}\n", Cluster::OWN_TOKEN)).unwrap();
    assert_eq!(fixture.user("of-batch").await.name, "jobs:batch");
    std::fs::remove_file(fixture.folder.path().join("token")).unwrap();
    assert_eq!(fixture.error("of-eve").await, ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_the_installation_lets_servers_in_without_asking() {
    let secret = IntraServerSecret::from_environment(&|_| Some("c2VjcmV0".into())).unwrap();
    let with = fixture(state(), Some(secret.clone()));
    assert_eq!(with.authenticator.authenticate(&secret.token_for_cluster()).await.unwrap(), Caller::Server);
    assert_eq!(with.cluster.reviews(), 0);
    assert_eq!(fixture(state(), None).error(&secret.token_for_cluster()).await, ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_than_the_one_of_the_certificate_is_told_nothing() {
    let fixture = fixture(state(), None);
    let (other, _certificate) = Cluster::start(state());
    let options = ClusterOptions {
        api_server: other.url().to_owned(),
        service_account: fixture.folder.path().to_owned(),
    };
    let clock = Arc::clone(&fixture.clock) as _;
    let authenticator = ClusterAuthenticator::try_new(&options, None, clock).unwrap();
    let error = authenticator.authenticate("of-ada").await.unwrap_err();
    assert!(matches!(error.downcast_ref::<AuthError>(), Some(AuthError::Unreachable { .. })), "{error:?}");
    assert_eq!(other.reviews(), 0);
}
