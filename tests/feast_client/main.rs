//! Feast's own Python package against the `larder` command.
//!
//! A session is a Python script in `sessions/`; its asserts are the promises. It runs under every release of
//! Feast in [`python::RELEASES`], which come from `PyPI` on first use and then lie in the target folder.
//!
//! The comparisons with recorded answers are elsewhere, in `tests/feast_compat`; here both sides run.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the harness of a test fails as tests do")]

mod larder;
mod mlflow;
mod notebooks;
mod python;

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use larder::{Repo, Server};
use larder_testkit::cluster::{Cluster, ClusterState};
use larder_testkit::oidc_provider::{OidcProvider, SigningKey};
use python::Release;
use serde_json::json;

/// Runs a session under every release, each on a fresh server over the golden repo.
fn on_a_fresh_server(session: &str) {
    for release in python::RELEASES {
        let repo = Repo::materialized();
        let server = Server::start(&repo, &[]);
        release.session(session, &[&repo.path().display().to_string(), server.url()]);
    }
}

#[test]
fn a_remote_online_store_reads_writes_and_materializes() {
    on_a_fresh_server("remote_online_store");
}

#[test]
fn a_client_with_a_token_may_do_what_permissions_say_and_gets_feasts_own_error_else() {
    let provider = OidcProvider::start(vec![SigningKey::rsa("first")], json!({}));
    let [reader, guest, stranger] = tokens(&provider);
    let repo = Repo::materialized();
    repo.add("permissions.yaml", PERMISSIONS);
    let url = provider.discovery_url();
    repo.add(
        "feature_store.yaml",
        &format!("auth: {{type: oidc, auth_discovery_url: '{url}', client_id: feast}}\n"),
    );
    repo.larder(&["apply"]);
    let server = Server::start(&repo, &[]);
    for release in python::RELEASES {
        let repo = repo.path().display().to_string();
        release.session("tokens", &[&repo, server.url(), &reader, &guest, &stranger]);
    }
}

/// The token of somebody who may read, of somebody who may not, and of somebody whom nobody knows.
fn tokens(provider: &OidcProvider) -> [String; 3] {
    #[expect(clippy::disallowed_methods, reason = "the server under test uses the machine's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = |role: &str| json!({ "preferred_username": "ada", "roles": [role], "exp": now + 3600 });
    [
        provider.token(&claims("reader")),
        provider.token(&claims("guest")),
        SigningKey::rsa("first").token(&claims("reader")),
    ]
}

#[test]
fn a_remote_offline_store_joins_pulls_writes_and_keeps() {
    for release in python::RELEASES {
        let repo = Repo::of_history();
        let server = Server::of_history(&repo, &[]);
        let path = repo.path().display().to_string();
        let arguments = [&path, server.address(), env!("CARGO_BIN_EXE_larder")];
        release.session("remote_offline_store", &arguments);
    }
}

#[test]
fn history_is_given_over_tls_to_whom_permissions_let_read_it() {
    let provider = OidcProvider::start(vec![SigningKey::rsa("first")], json!({}));
    let [reader, guest, stranger] = tokens(&provider);
    let repo = Repo::of_history();
    repo.add("permissions.yaml", OFFLINE_PERMISSIONS);
    let url = provider.discovery_url();
    repo.add(
        "feature_store.yaml",
        &format!("auth: {{type: oidc, auth_discovery_url: '{url}', client_id: feast}}\n"),
    );
    repo.larder(&["apply"]);
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    repo.add("cert.pem", &signed.cert.pem());
    repo.add("key.pem", &signed.signing_key.serialize_pem());
    let file = |name: &str| repo.path().join(name).display().to_string();
    let server = Server::of_history(&repo, &["--cert", &file("cert.pem"), "-k", &file("key.pem")]);
    assert!(server.url().starts_with("grpc+tls://"), "{}", server.url());
    let address = server.address().replace("127.0.0.1", "localhost");
    for release in python::RELEASES {
        let arguments = [&file(""), &address, &file("cert.pem"), &reader, &guest, &stranger];
        release.session("tokens_offline", &arguments.map(String::as_str));
    }
}

const OFFLINE_PERMISSIONS: &str = "permissions:
  - name: readers
    actions: [read_offline]
    name_patterns: [driver_hourly_stats, driver_stats_source]
    policy: {roles: [reader]}
";

#[test]
fn a_grpc_client_with_feasts_stubs_reads_and_writes_as_whom_its_token_names() {
    let provider = OidcProvider::start(vec![SigningKey::rsa("first")], json!({}));
    #[expect(clippy::disallowed_methods, reason = "the server under test uses the machine's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = |role: &str| json!({ "preferred_username": "ada", "roles": [role], "exp": now + 3600 });
    let tokens = [
        provider.token(&claims("reader")),
        provider.token(&claims("writer")),
        SigningKey::rsa("first").token(&claims("reader")),
    ];
    let repo = Repo::materialized();
    repo.add("permissions.yaml", PERMISSIONS);
    repo.add(
        "permissions.yaml",
        "  - name: writers\n    actions: [write_online]\n    policy: {roles: [writer]}\n",
    );
    let url = provider.discovery_url();
    repo.add(
        "feature_store.yaml",
        &format!("auth: {{type: oidc, auth_discovery_url: '{url}', client_id: feast}}\n"),
    );
    repo.larder(&["apply"]);
    let (certificate, key) = larder_testkit::tls::own_certificate_in(repo.path());
    let address = larder::free_address();
    let flags = ["--grpc", &address, "--cert", &certificate, "--key", &key];
    let _server = Server::start(&repo, &flags);
    let [reader, writer, stranger] = &tokens;
    for release in python::RELEASES {
        release.session("grpc_features", &[&address, &certificate, reader, writer, stranger]);
    }
}

#[test]
fn a_client_whose_registry_and_stores_are_all_servers_of_larder_trains_and_serves() {
    for release in python::RELEASES {
        let repo = Repo::of_larder();
        repo.larder(&["apply"]);
        let registry = Server::of_registry(&repo, &[]);
        let (online, offline) = (Server::start(&repo, &[]), Server::of_history(&repo, &[]));
        let folder = repo.path().display().to_string();
        release.session("all_remote", &[&folder, registry.url(), online.url(), offline.url()]);
    }
}

#[test]
fn a_cluster_vouches_for_the_same_users_as_in_feast() {
    let account = SigningKey::curve("cluster").token(&json!({ "sub": "system:serviceaccount:jobs:batch" }));
    let subject = |kind: &str, name: &str, namespace: &str| json!([{ "kind": kind, "name": name, "namespace": namespace }]);
    let binding = |name: &str, namespace: &str, kind: &str, role: &str, subjects: &serde_json::Value| {
        let metadata = json!({ "name": name, "namespace": namespace });
        let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role });
        json!({ "metadata": metadata, "roleRef": role, "subjects": subjects })
    };
    let batch = subject("ServiceAccount", "batch", "jobs");
    let groups = ["system:serviceaccounts", "system:serviceaccounts:jobs"].map(str::to_owned).to_vec();
    let (cluster, certificate) = Cluster::start(ClusterState {
        tokens: vec![
            (account.clone(), "system:serviceaccount:jobs:batch".to_owned(), groups),
            ("of-ada".to_owned(), "ada".to_owned(), vec!["staff".to_owned()]),
        ],
        role_bindings: vec![
            binding("a", Cluster::NAMESPACE, "Role", "reader", &batch),
            binding("b", "science", "ClusterRole", "admin", &subject("User", "ada", "")),
            binding("c", "jobs", "Role", "other", &subject("User", "bob", "")),
        ],
        cluster_role_bindings: vec![binding(
            "d",
            "",
            "ClusterRole",
            "auditor",
            &subject("Group", "staff", ""),
        )],
        forbids: false,
    });
    let repo = Repo::materialized();
    repo.add("permissions.yaml", PERMISSIONS_IN_A_CLUSTER);
    let folder = repo.path().join("service_account");
    std::fs::create_dir(&folder).unwrap();
    Cluster::write_service_account(&folder, &certificate);
    let (url, folder) = (cluster.url(), folder.display().to_string());
    repo.add(
        "feature_store.yaml",
        &format!("auth: {{type: kubernetes, api_server: '{url}', service_account: '{folder}'}}\n"),
    );
    repo.larder(&["apply"]);
    let server = Server::start(&repo, &[]);
    for release in python::RELEASES {
        let repo = repo.path().display().to_string();
        let arguments = [&repo, server.url(), url, &folder, &account, "of-ada", "of-nobody"];
        release.session("cluster_tokens", &arguments);
    }
}

const PERMISSIONS_IN_A_CLUSTER: &str = "permissions:
  - name: by_role
    types: [FeatureView]
    name_patterns: [driver_hourly_stats]
    actions: [read_online]
    policy: {roles: [reader]}
  - name: by_group
    types: [FeatureView]
    name_patterns: [driver_lifetime]
    actions: [read_online]
    policy: {groups: [staff]}
  - name: by_namespace
    types: [FeatureView]
    name_patterns: [customer_driver]
    actions: [read_online]
    policy: {namespaces: [jobs]}
";

#[test]
fn every_command_of_feasts_and_every_flag_of_it_is_one_of_larders() {
    for release in python::RELEASES {
        release.session("commands", &[larder::PROGRAM]);
    }
}

#[test]
fn official_mcp_clients_find_feasts_tools_and_get_feasts_answers() {
    let repo = Repo::of_larder();
    repo.use_store("sqlite", "data/online_store.db");
    let server =
        "feature_server: {type: mcp, mcp_enabled: true, mcp_server_name: golden, mcp_server_version: '7'}\n";
    repo.add("feature_store.yaml", server);
    repo.larder(&["apply"]);
    repo.larder(&FIRST_SPAN);
    let server = Server::start(&repo, &[]);
    let folder = repo.path().display().to_string();
    python::LATEST.session("mcp_tools", &[&folder, server.url(), larder::PROGRAM]);
    python::session_of_latest_mcp("mcp_latest", &[&folder, server.url(), larder::PROGRAM]);
}

#[test]
fn official_mcp_clients_find_the_routes_of_the_registry() {
    let repo = Repo::of_larder();
    let file = repo.path().join("feature_store.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let with_tools = "registry: {path: data/registry.db, mcp: {enabled: true}}";
    assert!(text.contains("registry: data/registry.db"), "{text}");
    fs::write(&file, text.replace("registry: data/registry.db", with_tools)).unwrap();
    repo.larder(&["apply"]);
    repo.larder(&FIRST_SPAN);
    let server = Server::of_registry(&repo, &["--no-grpc", "--rest-api", "--rest-port", "0"]);
    let url = server.url().trim_end_matches("/api/v1");
    python::LATEST.session("mcp_registry", &[url]);
}

#[test]
fn larder_tells_what_feast_tells_of_what_feeds_what_and_keeps_it_as_feast_does() {
    let release = python::LATEST;
    let (of_feast, of_larder) = (Repo::in_python(), Repo::of_larder());
    of_larder.use_store("sqlite", "data/online_store.db");
    // The last of the definitions is the service that is logged.
    of_larder.add("features.yaml", "    logging_config: {file: {path: data/logs}}\n");
    for repo in [&of_feast, &of_larder] {
        repo.add("feature_store.yaml", "openlineage: {enabled: true, transport_type: file}\n");
    }
    let incremental = ["materialize-incremental", "2024-01-16T00:00:00"];
    let one = ["materialize", "2024-01-02T00:00:00", "2024-01-03T00:00:00.250000", "-v", "driver_scores"];
    for arguments in [&["apply"][..], &FIRST_SPAN, &incremental, &one] {
        let feast = release.feast_with_lineage(of_feast.path(), arguments).output().unwrap();
        assert!(feast.status.success(), "{}", String::from_utf8_lossy(&feast.stderr));
        of_larder.larder(arguments);
    }
    // A source that has gone: the run fails in both, and they say so.
    for repo in [&of_feast, &of_larder] {
        fs::remove_file(repo.path().join("data/driver_scores.parquet")).unwrap();
    }
    assert!(!release.feast_with_lineage(of_feast.path(), &one).output().unwrap().status.success());
    of_larder.larder_fails(&one);
    let [of_feast, of_larder] = [&of_feast, &of_larder].map(|repo| repo.path().display().to_string());
    release.lineage_session("lineage_events", &[&of_feast, &of_larder]);
    release.lineage_session("lineage_consumer", &[larder::PROGRAM, &of_feast, &of_larder]);
}

#[test]
fn what_clients_register_is_told_as_feasts_registry_server_tells_it() {
    let clients = [Repo::in_python(), Repo::in_python()];
    let [first, second] = clients.each_ref().map(|client| client.path().display().to_string());
    python::LATEST.lineage_session("lineage_registry", &[larder::PROGRAM, &first, &second]);
}

#[test]
fn the_models_of_a_dbt_project_become_what_feast_makes_of_them() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/dbt/manifest.json");
    let manifest = manifest.display().to_string();
    for kind in ["bigquery", "snowflake"] {
        let repo = Repo::empty("project: rides\nregistry: data/registry.db\nprovider: local\n");
        let import = ["dbt", "import", "-m", &manifest, "-e", "driver_id", "-d", kind, "--tag", "feast"];
        repo.larder(&[&import[..], &["--ttl-days", "2", "--exclude-columns", "internal"]].concat());
        repo.larder(&["apply"]);
        python::LATEST.session("dbt_models", &[&repo.path().display().to_string(), &manifest, kind]);
    }
}

#[test]
fn a_client_with_the_registry_server_reads_changes_and_deletes_every_kind_of_object() {
    for release in python::RELEASES {
        let repo = Repo::materialized();
        let (server, features) = (Server::of_registry(&repo, &[]), Server::start(&repo, &[]));
        let folder = repo.path().display().to_string();
        release.session("remote_registry", &[&folder, server.url(), features.url()]);
        // What is left of it: one description.
        let plan = repo.larder(&["plan"]);
        assert!(
            plan.contains("Updated on demand feature view transformed_conv_rate\n\tdescription: "),
            "{plan}"
        );
        assert!(!plan.contains("rider"), "{plan}");
    }
}

#[test]
fn feast_apply_through_the_registry_server_makes_the_registry_that_it_makes_in_a_file() {
    for release in python::RELEASES {
        let of_file = Repo::of_feast(release);
        let served = Repo::of_larder();
        let server = Server::of_registry(&served, &[]);
        let client = Repo::of_registry_client(server.url());
        let applied = release.feast(client.path(), &["apply"]);
        assert!(applied.contains("Created feature view driver_hourly_stats"), "{applied}");
        let again = release.feast(client.path(), &["apply"]);
        assert!(again.contains("No changes to registry"), "{again}");
        for repo in [&of_file, &client] {
            release.feast(repo.path(), &FIRST_SPAN);
        }
        let [of_file, shared, folder] =
            [&of_file, &served, &client].map(|repo| repo.path().display().to_string());
        release.session("remote_registry_of_feast", &[&of_file, &shared, &folder, server.url()]);

        // The commands of both print the same, the one by way of the server, the other from the file.
        for kind in ["entities", "data-sources", "feature-services", "features", "projects"] {
            let listed = release.feast(client.path(), &[kind, "list"]);
            assert_eq!(listed, served.larder(&[kind, "list"]), "{kind}");
        }
        let described = ["feature-views", "describe", "driver_hourly_stats"];
        assert_eq!(release.feast(client.path(), &described), served.larder(&described));

        // What the repo no longer defines goes.
        let file = client.path().join("feature_repo.py");
        let text = fs::read_to_string(&file).unwrap();
        let (kept, _) = text.split_once("driver_logged = ").unwrap();
        fs::write(&file, kept).unwrap();
        let applied = release.feast(client.path(), &["apply"]);
        assert!(applied.contains("Deleted feature service driver_logged"), "{applied}");
        assert!(!served.larder(&["feature-services", "list"]).contains("driver_logged"));
    }
}

#[test]
fn datasets_that_clients_of_the_registry_have_made_are_those_that_feasts_server_makes() {
    for release in python::RELEASES {
        let (of_feast, of_larder) = (Repo::of_feast(release), Repo::of_larder());
        of_larder.larder(&["apply"]);
        let server = Server::of_registry(&of_larder, &[]);
        let [of_feast, folder] = [&of_feast, &of_larder].map(|repo| repo.path().display().to_string());
        release.session("dataset_jobs", &[&of_feast, &folder, server.url()]);
    }
}

#[test]
fn a_client_that_puts_back_what_it_has_read_changes_nothing() {
    for release in python::RELEASES {
        let repo = Repo::of_chains();
        repo.add("python_functions.yaml", PYTHON_FUNCTIONS);
        repo.add("lambda.py.txt", "lambda frame: frame");
        repo.add("module.py.txt", "def of_module(inputs):\n    return inputs\n");
        repo.add("more_kinds.yaml", MORE_KINDS);
        repo.larder(&["apply"]);
        let file = repo.path().join("data/kept.parquet").display().to_string();
        let dataset = ["-f", "driver_hourly_stats:conv_rate", "-o", &file, "--save-as", "kept"];
        let span = ["--start-date", "2024-01-01", "--end-date", "2024-01-10"];
        repo.larder(&[&["get-historical-features"], &dataset[..], &span].concat());
        assert!(repo.larder(&["plan"]).contains("No changes to registry"));
        let server = Server::of_registry(&repo, &[]);
        release.session("remote_registry_put_back", &[&repo.path().display().to_string(), server.url()]);
        let plan = repo.larder(&["plan"]);
        assert!(plan.contains("No changes to registry"), "{plan}");
    }
}

const MORE_KINDS: &str = "data_sources:
  - {name: label_push, type: push}
  - name: clicks
    type: kafka
    kafka_bootstrap_servers: k:9092
    topic: clicks
    message_format: {json: 'driver_id int'}
    timestamp_field: event_timestamp
    batch_source: driver_stats_source
  - {name: warehouse, type: bigquery, table: p.d.t, timestamp_field: ts}
  - {name: lines, path: data/kept.ndjson, timestamp_field: event_timestamp}
stream_feature_views:
  - name: of_kafka
    entities: [driver]
    source: clicks
    schema: [{name: conv_rate, dtype: Float32}]
label_views:
  - name: labels
    entities: [driver]
    source: label_push
    schema: [{name: is_fraud, dtype: Bool}, {name: labeler, dtype: String}]
feature_views:
  - name: of_warehouse
    entities: [driver]
    source: warehouse
    online: false
    schema:
      - {name: x, dtype: Int64, description: counted, tags: {a: b}}
      - {name: nested, dtype: Array(Array(String))}
      - {name: shape, dtype: 'Struct({a: Int64, b: String})'}
permissions:
  - {name: readers, types: [FeatureView], name_patterns: ['driver.*'], actions: [describe], policy: {roles: [reader]}}
";

#[test]
fn a_client_that_trusts_its_certificate_reaches_the_registry_server_by_tls() {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    for release in python::RELEASES {
        let repo = Repo::of_larder();
        repo.larder(&["apply"]);
        repo.add("cert.pem", &signed.cert.pem());
        repo.add("key.pem", &signed.signing_key.serialize_pem());
        let [cert, key] = ["cert.pem", "key.pem"].map(|file| repo.path().join(file).display().to_string());
        let server = Server::of_registry(&repo, &["-k", &key, "--cert", &cert]);
        let (_, port) = server.url().rsplit_once(':').unwrap();
        let address = format!("localhost:{port}");
        release.session("remote_registry_tls", &[&repo.path().display().to_string(), &address, &cert]);
    }
}

#[test]
fn permissions_say_what_a_client_of_the_registry_server_may_see_and_change() {
    let provider = OidcProvider::start(vec![SigningKey::rsa("first")], json!({}));
    #[expect(clippy::disallowed_methods, reason = "the server under test uses the machine's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = |role: &str| json!({ "preferred_username": "ada", "roles": [role], "exp": now + 3600 });
    let tokens = ["admin", "editor", "reader", "guest"].map(|role| provider.token(&claims(role)));
    let stranger = SigningKey::rsa("first").token(&claims("admin"));
    for release in python::RELEASES {
        let repo = Repo::of_larder();
        repo.add("permissions.yaml", REGISTRY_PERMISSIONS);
        let url = provider.discovery_url();
        let auth = format!("auth: {{type: oidc, auth_discovery_url: '{url}', client_id: feast}}\n");
        repo.add("feature_store.yaml", &auth);
        repo.larder(&["apply"]);
        let server = Server::of_registry(&repo, &[]);
        let [admin, editor, reader, guest] = &tokens;
        let repo = repo.path().display().to_string();
        let arguments = [&repo, server.url(), admin, editor, reader, guest, &stranger];
        release.session("remote_registry_tokens", &arguments);
    }
}

/// Admins may do everything, editors change what is the drivers' and make datasets of their hourly stats, readers see
/// views and entities of theirs.
const REGISTRY_PERMISSIONS: &str = "permissions:
  - name: admins
    actions: [create, describe, update, delete, read_online, read_offline, write_online, write_offline]
    policy: {roles: [admin]}
  - name: editors
    types: [FeatureView, Entity]
    name_patterns: ['driver.*']
    actions: [create, describe, update]
    policy: {roles: [editor]}
  - {name: makers, types: [SavedDataset], name_patterns: ['driver.*'], actions: [create, describe], policy: {roles: [editor]}}
  - name: history
    types: [FeatureView]
    name_patterns: [driver_hourly_stats]
    actions: [read_offline]
    policy: {roles: [editor]}
  - name: readers
    types: [FeatureView, Entity, Project]
    name_patterns: ['driver.*', larder_golden]
    actions: [describe]
    policy: {roles: [reader]}
";

const PERMISSIONS: &str = "permissions:
  - name: readers
    actions: [read_online]
    policy: {roles: [reader]}
";

#[test]
fn a_registry_made_by_larder_opens_in_feast() {
    let repo = Repo::materialized();
    for release in python::RELEASES {
        release.session("registry_of_larder", &[&repo.path().display().to_string()]);
    }
}

#[test]
fn functions_in_python_that_larder_keeps_as_text_do_not_hinder_feast() {
    for release in python::RELEASES {
        let repo = Repo::of_larder();
        repo.add("python_functions.yaml", PYTHON_FUNCTIONS);
        repo.add("lambda.py.txt", "lambda frame: frame");
        repo.add(
            "module.py.txt",
            "@somewhere.else\ndef of_module(inputs, scale=elsewhere.SCALE):\n    return inputs\n",
        );
        repo.larder(&["apply"]);
        release.session("python_functions", &[&repo.path().display().to_string()]);
    }
}

const PYTHON_FUNCTIONS: &str = "batch_feature_views:
  - name: batch_of_lambda
    entities: [driver]
    source: driver_stats_source
    schema: [{name: conv_rate, dtype: Float32}]
    online: true
    mode: python
    udf: {name: <lambda>, file: lambda.py.txt}

stream_feature_views:
  - name: stream_of_function
    entities: [driver]
    source: driver_push_source
    schema: [{name: conv_rate, dtype: Float32}]
    timestamp_field: event_timestamp
    udf: {name: of_module, file: module.py.txt}

on_demand_feature_views:
  - name: of_module
    sources: [driver_hourly_stats]
    schema: [{name: seen, dtype: Float64}]
    mode: python
    udf: {name: of_module, file: module.py.txt}
";

#[test]
fn views_that_read_views_are_none_of_feasts_trouble_and_survive_its_changes() {
    for release in python::RELEASES {
        let repo = Repo::of_chains();
        let score = || {
            let entities = ["-e", "driver_id=1001", "-e", "avg_daily_trips=12", "-f", "driver_score:score"];
            repo.larder(&[&["get-online-features"], &entities[..]].concat())
        };
        let before = score();
        assert!(before.contains("score"), "{before}");
        release.session("registry_of_chains", &[&repo.path().display().to_string()]);
        assert_eq!(score(), before);
        let described = repo.larder(&["on-demand-feature-views", "describe", "driver_score"]);
        let chain = "chain:\n  sources:\n  - driver_load\n  - driver_reliability\n";
        assert!(described.contains(chain), "{described}");
        // What Feast has changed goes back to what is defined, and only that.
        let plan = repo.larder(&["plan"]);
        assert!(plan.contains("Updated on demand feature view driver_score\n\tfeatures: "), "{plan}");
        assert_eq!(plan.matches('\t').count(), 1, "{plan}");
    }
}

#[test]
fn a_registry_made_by_feast_is_served_by_larder() {
    for release in python::RELEASES {
        let repo = Repo::of_feast(release);
        repo.use_store("sled", "data/online_store");
        repo.larder(&["materialize", "2024-01-01T00:00:00", "2024-01-10T12:30:00"]);
        repo.larder(&["materialize-incremental", "2024-01-16T00:00:00"]);
        let server = Server::start(&repo, &[]);
        release.session("registry_of_feast", &[&repo.path().display().to_string(), server.url()]);
    }
}

#[test]
fn documents_are_searched_and_answers_are_logged() {
    for release in python::RELEASES {
        let repo = Repo::of_documents();
        let server = Server::start(&repo, &[]);
        release.session("documents_and_logs", &[&repo.path().display().to_string(), server.url()]);
    }
}

#[test]
fn metrics_of_sources_and_logs_are_feasts_and_each_reads_what_the_other_keeps() {
    for release in python::RELEASES {
        let repo = Repo::of_measurements();
        let server = Server::of_registry(&repo, &["--rest-api", "--rest-port", "0", "--no-grpc"]);
        release.session("monitoring", &[&repo.path().display().to_string(), server.url()]);
    }
}

#[test]
fn random_requests_get_the_same_answers_as_from_feasts_server() {
    let release: &Release = python::LATEST;
    let repo = Repo::materialized();
    let server = Server::start(&repo, &[]);
    let feast = Repo::of_feast(release);
    release.session("side_by_side", &[&feast.path().display().to_string(), server.url()]);
}

#[test]
fn random_tables_give_the_training_sets_that_feast_gives() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [folder.path().to_str().unwrap(), env!("CARGO_BIN_EXE_larder")];
    python::LATEST.session("training_sets", &arguments);
}

#[test]
fn random_tables_are_served_as_feast_serves_them() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [folder.path().to_str().unwrap(), env!("CARGO_BIN_EXE_larder")];
    python::LATEST.session("online_rows", &arguments);
}

/// The span that the `SQLite` file is first filled with.
const FIRST_SPAN: [&str; 3] = ["materialize", "2024-01-01T00:00:00", "2024-01-15T12:00:00"];

#[test]
fn a_sqlite_file_of_feasts_is_served_and_written_by_larder() {
    for release in python::RELEASES {
        let repo = Repo::of_feast(release);
        release.feast(repo.path(), &FIRST_SPAN);
        let server = Server::start(&repo, &[]);
        release.session("sqlite_file", &[&repo.path().display().to_string(), server.url()]);
    }
}

#[test]
fn a_sqlite_file_of_larders_is_served_and_written_by_feast() {
    for release in python::RELEASES {
        let repo = Repo::of_larder();
        repo.use_store("sqlite", "data/online_store.db");
        let applied = repo.larder(&["apply"]);
        assert!(applied.contains("Created sqlite table larder_golden_driver_hourly_stats"), "{applied}");
        repo.larder(&FIRST_SPAN);
        let server = Server::start(&repo, &[]);
        release.session("sqlite_file", &[&repo.path().display().to_string(), server.url()]);
        drop(server);
        let torn = repo.larder(&["teardown"]);
        assert!(torn.contains("Deleted sqlite table larder_golden_driver_hourly_stats"), "{torn}");
    }
}
