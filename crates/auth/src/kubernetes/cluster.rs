//! What a cluster is asked for. It blocks; call it off the async threads.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::web::{Web, WebOptions};
use crate::{AuthError, TokenError};

/// Where a pod finds what its service account needs.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Bindings that are asked for at once, and how often.
const BINDINGS_A_PAGE: usize = 500;
const MAX_PAGES: usize = 200;

/// Where the cluster is, and as whom to come to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterOptions {
    /// The URL of the API server, without a path.
    pub api_server: String,
    /// The folder of a service account: its `token`, which the cluster renews, the `namespace` of the pod, and the
    /// certificates `ca.crt` of the cluster.
    pub service_account: PathBuf,
}

impl ClusterOptions {
    /// The cluster of the pod that this program runs in. What is given counts before what the pod has.
    ///
    /// # Errors
    ///
    /// [`AuthError::NotInCluster`] if there is neither.
    pub fn in_cluster(
        api_server: Option<String>,
        service_account: Option<PathBuf>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, AuthError> {
        let api_server = api_server.or_else(|| {
            let host = variable("KUBERNETES_SERVICE_HOST").filter(|host| !host.is_empty())?;
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let port = variable("KUBERNETES_SERVICE_PORT").filter(|port| !port.is_empty())?;
            Some(format!("https://{host}:{port}"))
        });
        let service_account = service_account.unwrap_or_else(|| PathBuf::from(SERVICE_ACCOUNT));
        match api_server {
            Some(url) => Ok(Self { api_server: url.trim_end_matches('/').to_owned(), service_account }),
            None => Err(AuthError::NotInCluster),
        }
    }
}

/// The API server of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    web: Web,
    api_server: String,
    service_account: PathBuf,
    namespace: String,
}

/// Whose a token is, as the cluster says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Reviewed {
    #[serde(default)]
    pub(super) username: String,
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

/// A `RoleBinding` or a `ClusterRoleBinding`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Binding {
    pub(super) metadata: Metadata,
    pub(super) role_ref: RoleRef,
    pub(super) subjects: Option<Vec<Subject>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) name: String,
    /// `None` for a `ClusterRoleBinding`.
    pub(super) namespace: Option<String>,
    pub(super) labels: Option<std::collections::BTreeMap<String, String>>,
}

/// The role that is bound.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct RoleRef {
    #[serde(default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name: String,
}

/// Whom it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Subject {
    #[serde(default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

impl Cluster {
    pub(super) fn try_new(options: &ClusterOptions) -> Result<Self, AuthError> {
        let web = Web::try_new(WebOptions {
            who: "the Kubernetes cluster",
            request_timeout: REQUEST_TIMEOUT,
            verify_certificates: true,
            ca_certificates: Some(options.service_account.join("ca.crt")),
            // A token is shown to the cluster alone.
            max_redirects: 0,
            max_answer_bytes: 16 << 20,
        })?;
        let namespace = read(&options.service_account, "namespace")?;
        Ok(Self {
            web,
            api_server: options.api_server.clone(),
            service_account: options.service_account.clone(),
            namespace,
        })
    }

    /// The namespace of the pod.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whose a token is.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotOfCluster`] if it is nobody's; else if the cluster cannot be asked.
    pub(super) fn review(&self, token: &str) -> Result<Reviewed, AuthError> {
        let url = format!("{}/apis/authentication.k8s.io/v1/tokenreviews", self.api_server);
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": { "token": token },
        });
        let answer = self.web.post_as(&self.own_token()?, &url, &review)?;
        let status = answer.get("status").ok_or_else(|| self.web.invalid(&url, "it has no `status`"))?;
        if status.get("authenticated").and_then(Value::as_bool) != Some(true) {
            return Err(TokenError::NotOfCluster.into());
        }
        let user = status.get("user").cloned().unwrap_or_default();
        let reviewed: Reviewed = serde_json::from_value(user)
            .map_err(|error| self.web.invalid(&url, &format!("`status.user`: {error}")))?;
        if reviewed.username.is_empty() {
            return Err(self.web.invalid(&url, "it names no user"));
        }
        Ok(reviewed)
    }

    /// The role bindings of one namespace.
    pub(super) fn role_bindings_in(&self, namespace: &str) -> Result<Vec<Binding>, AuthError> {
        self.list(&format!("namespaces/{namespace}/rolebindings"))
    }

    /// The role bindings of all namespaces.
    pub(super) fn role_bindings(&self) -> Result<Vec<Binding>, AuthError> {
        self.list("rolebindings")
    }

    pub(super) fn cluster_role_bindings(&self) -> Result<Vec<Binding>, AuthError> {
        self.list("clusterrolebindings")
    }

    fn list(&self, what: &str) -> Result<Vec<Binding>, AuthError> {
        let base =
            format!("{}/apis/rbac.authorization.k8s.io/v1/{what}?limit={BINDINGS_A_PAGE}", self.api_server);
        let token = self.own_token()?;
        let mut bindings = Vec::new();
        let mut url = base.clone();
        for _page in 0..MAX_PAGES {
            let mut answer = self.web.get_as(&token, &url)?;
            let items = answer.get_mut("items").map(Value::take).unwrap_or_default();
            let page: Option<Vec<Binding>> = serde_json::from_value(items)
                .map_err(|error| self.web.invalid(&url, &format!("`items`: {error}")))?;
            bindings.extend(page.unwrap_or_default());
            let more = answer.pointer("/metadata/continue").and_then(Value::as_str);
            match more.filter(|more| !more.is_empty()) {
                Some(more) => url = format!("{base}&continue={}", percent_encoded(more)),
                None => return Ok(bindings),
            }
        }
        Err(self.web.invalid(&base, "it does not come to an end"))
    }

    /// Read every time: the cluster renews it.
    fn own_token(&self) -> Result<String, AuthError> {
        read(&self.service_account, "token")
    }
}

/// The token of a service account, whose folder is that of the pod if none is given.
pub(crate) fn service_account_token(folder: Option<&Path>) -> Result<String, AuthError> {
    read(folder.unwrap_or(Path::new(SERVICE_ACCOUNT)), "token")
}

/// The text of a file of the service account.
fn read(folder: &Path, name: &str) -> Result<String, AuthError> {
    let path = folder.join(name);
    match fs::read_to_string(&path).map(|text| text.trim().to_owned()) {
        Ok(text) if !text.is_empty() => Ok(text),
        Ok(_) => Err(AuthError::ServiceAccount { path, source: std::io::Error::other("it is empty") }),
        Err(source) => Err(AuthError::ServiceAccount { path, source }),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_that_of_the_pod_unless_another_is_named() {
        let of = |pairs: &'static [(&'static str, &'static str)]| {
            move |name: &str| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            }
        };
        let pod = of(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("KUBERNETES_SERVICE_PORT", "443")]);
        let options = ClusterOptions::in_cluster(None, None, &pod).unwrap();
        assert_eq!(options.api_server, "https://10.0.0.1:443");
        assert_eq!(options.service_account, Path::new(SERVICE_ACCOUNT));
        let six = of(&[("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "443")]);
        assert_eq!(ClusterOptions::in_cluster(None, None, &six).unwrap().api_server, "https://[fd00::1]:443");
        let named = ClusterOptions::in_cluster(Some("https://k8s/".to_owned()), Some("/sa".into()), &pod);
        let named = named.unwrap();
        assert_eq!(
            (named.api_server.as_str(), named.service_account.as_path()),
            ("https://k8s", Path::new("/sa"))
        );
        let nowhere = ClusterOptions::in_cluster(None, None, &of(&[]));
        assert!(matches!(nowhere, Err(AuthError::NotInCluster)));
    }

    #[test]
    fn a_continuation_goes_into_a_url_as_one_word() {
        assert_eq!(percent_encoded("eyJ2+/=&x ü"), "eyJ2%2B%2F%3D%26x%20%C3%BC");
    }
}
