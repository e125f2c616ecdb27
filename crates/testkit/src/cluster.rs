//! The API server of a Kubernetes cluster, as far as tokens and roles go: small, but with the paths, objects, pages and
//! refusals of the real one. What Kubernetes' own client makes of it is held by the sessions in `tests/feast_client`.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::small_server::{SmallRequest, SmallServer};
use crate::tls::own_certificate;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/";

/// A cluster that listens on this machine until it is dropped.
#[derive(Debug)]
pub struct Cluster {
    server: SmallServer,
    shared: Arc<Shared>,
}

/// What a cluster knows.
#[derive(Clone, Debug, Default)]
pub struct ClusterState {
    /// Tokens that it vouches for, each with the name and the groups of its user.
    pub tokens: Vec<(String, String, Vec<String>)>,
    /// Role bindings: objects with `metadata`, `roleRef` and `subjects`.
    pub role_bindings: Vec<Value>,
    /// The same, for the whole cluster.
    pub cluster_role_bindings: Vec<Value>,
    /// Whether the service account of the server may ask for tokens and bindings.
    pub forbids: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<ClusterState>,
    /// Of the pod that asks.
    own_token: String,
    reviews: AtomicUsize,
}

impl Cluster {
    /// The token of the pod that asks.
    pub const OWN_TOKEN: &str = "token-of-the-pod";

    /// The namespace of the pod that asks.
    pub const NAMESPACE: &str = "feast";

    /// A cluster that knows `state`, and the certificate that it shows, in PEM.
    pub fn start(state: ClusterState) -> (Self, String) {
        let (tls, certificate) = own_certificate();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            own_token: Self::OWN_TOKEN.to_owned(),
            reviews: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        let server = SmallServer::start(Some(tls), move |request| serving.answer(request));
        (Self { server, shared }, certificate)
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Knows this from now on.
    pub fn set(&self, state: ClusterState) {
        *self.shared.state.lock().expect("nobody panics here") = state;
    }

    /// How often it was asked about a token.
    pub fn reviews(&self) -> usize {
        self.shared.reviews.load(Ordering::SeqCst)
    }

    /// Writes the files of the pod's service account; `authority` is the certificate of the cluster, in PEM.
    pub fn write_service_account(folder: &Path, authority: &str) {
        for (name, text) in
            [("token", Self::OWN_TOKEN), ("namespace", Self::NAMESPACE), ("ca.crt", authority)]
        {
            fs::write(folder.join(name), text).expect("the folder can be written");
        }
    }
}

impl Shared {
    fn answer(&self, request: &SmallRequest) -> (u16, Value) {
        let state = self.state.lock().expect("nobody panics here").clone();
        if request.token.as_ref() != Some(&self.own_token) {
            return refusal(401, "Unauthorized");
        }
        if state.forbids {
            return refusal(403, "Forbidden");
        }
        let (method, path) = request.target.split_once(' ').unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match (method, path) {
            ("POST", "/apis/authentication.k8s.io/v1/tokenreviews") => self.review(&state, &request.body),
            ("GET", _) => match path.strip_prefix(RBAC) {
                Some("rolebindings") => page("RoleBindingList", &state.role_bindings, query),
                Some("clusterrolebindings") => {
                    page("ClusterRoleBindingList", &state.cluster_role_bindings, query)
                }
                Some(rest) => {
                    let namespace =
                        rest.strip_prefix("namespaces/").and_then(|rest| rest.strip_suffix("/rolebindings"));
                    let Some(namespace) = namespace else { return refusal(404, "NotFound") };
                    let mut bindings = state.role_bindings;
                    bindings.retain(|binding| {
                        binding.pointer("/metadata/namespace").and_then(Value::as_str) == Some(namespace)
                    });
                    page("RoleBindingList", &bindings, query)
                }
                None => refusal(404, "NotFound"),
            },
            _ => refusal(404, "NotFound"),
        }
    }

    fn review(&self, state: &ClusterState, body: &str) -> (u16, Value) {
        self.reviews.fetch_add(1, Ordering::SeqCst);
        let review: Value = serde_json::from_str(body).unwrap_or_default();
        let kind = review.get("kind").and_then(Value::as_str);
        let Some(token) = review.pointer("/spec/token").and_then(Value::as_str) else {
            return refusal(422, "Invalid");
        };
        if kind.is_some_and(|kind| kind != "TokenReview") {
            return refusal(400, "BadRequest");
        }
        let status = match state.tokens.iter().find(|(known, ..)| known == token) {
            Some((_, name, groups)) => json!({
                "authenticated": true, "user": { "username": name, "uid": "1", "groups": groups },
                "audiences": ["https://kubernetes.default.svc.cluster.local"],
            }),
            None => json!({
                "user": {}, "error": "[invalid bearer token, token lookup failed]",
            }),
        };
        let answer = json!({
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
            "metadata": { "creationTimestamp": null }, "spec": { "token": token }, "status": status,
        });
        (201, answer)
    }
}

/// A page of a list, as `limit` and `continue` ask for it. Where no limit is asked for, everything comes at once.
fn page(kind: &str, items: &[Value], query: &str) -> (u16, Value) {
    let asked = |name: &str| {
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == name))
            .map(|pair| pair.1)
    };
    let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let begin = asked("continue").and_then(|at| at.strip_prefix("at%2F")?.parse().ok()).unwrap_or(0);
    let items: Vec<&Value> = items.iter().skip(begin).collect();
    let metadata = match items.len().checked_sub(limit) {
        None | Some(0) => json!({ "resourceVersion": "7" }),
        Some(left) => {
            let next = format!("at/{}", begin + limit);
            json!({ "resourceVersion": "7", "continue": next, "remainingItemCount": left })
        }
    };
    let items: Vec<&Value> = items.into_iter().take(limit).collect();
    let list = json!({
        "kind": kind, "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata, "items": items,
    });
    (200, list)
}

/// `metav1.Status`
fn refusal(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": reason,
        "reason": reason, "code": code,
    });
    (code, status)
}
