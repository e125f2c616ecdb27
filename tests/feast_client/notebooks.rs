//! The notebooks of `larder demo-notebooks`, run cell by cell by a kernel of Jupyter's.

use std::time::{SystemTime, UNIX_EPOCH};

use larder_testkit::oidc_provider::{OidcProvider, SigningKey};
use serde_json::json;

use crate::larder::Repo;
use crate::python::{self, Release};

/// Writes the notebooks of a repo, and has a session run them and look at what the cells print.
fn run(repo: &Repo, release: &Release, session: &str, flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().join("notebooks").display().to_string();
    let written = repo.larder(&[&["demo-notebooks", "-o", &shown], flags].concat());
    assert_eq!(written.lines().count(), 4, "{written}");
    session_of(release, session, &shown, "");
}

/// Runs the notebooks in a folder, which show servers this token, and looks at what they print.
fn session_of(release: &Release, session: &str, folder: &str, token: &str) {
    // Nothing of the user's own.
    let home = tempfile::tempdir().unwrap();
    let home = home.path().display().to_string();
    let variables = [("LARDER_TOKEN", token), ("IPYTHONDIR", &home), ("JUPYTER_CONFIG_DIR", &home)];
    release.session_with(&python::notebook_packages(), "notebooks", &[session, folder], &variables);
}

#[test]
fn the_notebooks_of_a_new_repo_show_that_training_and_serving_agree() {
    for release in python::RELEASES {
        run(&Repo::of_template(), release, "of_template", &[]);
    }
}

#[test]
fn notebooks_ask_for_all_that_a_project_has_at_the_time_that_is_named() {
    let repo = Repo::of_chains();
    repo.add("out_of_reach.yaml", OUT_OF_REACH);
    repo.larder(&["apply"]);
    run(&repo, python::LATEST, "of_chains", &["--as-of", "2024-01-16T00:00:00Z"]);
}

/// Views of which a notebook can say only why it does not show them, and one that is not kept online.
const OUT_OF_REACH: &str = "data_sources:
  - {name: warehouse, type: bigquery, table: p.d.t, timestamp_field: ts}
feature_views:
  - {name: far_away, entities: [driver], source: warehouse, schema: [{name: far, dtype: Int64}]}
  - {name: offline_only, entities: [driver], ttl: 1d, online: false, source: driver_stats_source,
     schema: [{name: acc_rate, dtype: Float32}]}
";

#[test]
fn notebooks_of_a_project_that_asks_who_comes_say_so() {
    let provider = OidcProvider::start(vec![SigningKey::rsa("first")], json!({}));
    #[expect(clippy::disallowed_methods, reason = "the server under test uses the machine's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "preferred_username": "ada", "roles": ["reader"], "exp": now + 3600 });
    let repo = Repo::of_template();
    let url = provider.discovery_url();
    repo.add(
        "feature_store.yaml",
        &format!("auth: {{type: oidc, auth_discovery_url: '{url}', client_id: feast}}\n"),
    );
    repo.add(
        "permissions.yaml",
        "permissions:\n  - {name: readers, actions: [describe, read], policy: {roles: [reader]}}\n",
    );
    repo.larder(&["apply"]);
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display().to_string();
    repo.larder(&["demo-notebooks", "-o", &shown]);
    session_of(python::LATEST, "of_template", &shown, &provider.token(&claims));
    let stranger = SigningKey::rsa("second").token(&claims);
    session_of(python::LATEST, "of_stranger", &shown, &stranger);
}

#[test]
fn notebooks_search_where_there_are_vectors() {
    run(&Repo::of_documents(), python::LATEST, "of_documents", &["--as-of", "2025-01-10T00:00:00Z"]);
}

#[test]
fn texts_of_the_registry_are_neither_code_nor_markup_in_a_notebook() {
    let repo = Repo::empty("project: hostile\nregistry: data/registry.db\nprovider: local\n");
    let row = "{\"driver\\\"id\": 1, \"event_timestamp\": \"2024-01-01T00:00:00Z\", \"rate'\": 0.5}\n";
    repo.add("rows.ndjson", row);
    repo.add("hostile.yaml", HOSTILE);
    repo.larder(&["apply"]);
    run(&repo, python::LATEST, "of_hostile_texts", &["--as-of", "2024-01-01T12:00:00Z"]);
}

const HOSTILE: &str = r#"entities:
  - {name: "dri\"ver", join_keys: ["driver\"id"], value_type: Int64,
     description: "</td><script>alert(1)</script> | $x$\n\n# not a heading"}
data_sources:
  - {name: "so\"urce", path: rows.ndjson, timestamp_field: event_timestamp,
     description: "\"\"\"\nimport pathlib; pathlib.Path('hacked').touch()\n\"\"\""}
feature_views:
  - {name: "vi\"ew\\", entities: ["dri\"ver"], ttl: 1d, source: "so\"urce",
     description: "![](http://example.org/x) [a](javascript:b)", schema: [{name: "rate'", dtype: Float64}]}
feature_services:
  - {name: "ser\"vice\n!touch hacked\n%%bash\u202e'''", features: ["vi\"ew\\"], description: "`code`\n```\n!touch hacked"}
"#;
