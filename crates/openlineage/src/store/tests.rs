//! Promises of the store as a whole.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use larder_core::{ErrorKind, FixedClock, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::EventFault;

/// A store at noon.
struct Kept {
    store: LineageStore,
    clock: Arc<FixedClock>,
    folder: TempDir,
}

impl Kept {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp::parse("2026-01-01T12:00:00Z").unwrap()));
        let mapping = BTreeMap::from([("spark://ml".to_owned(), "rides".to_owned())]);
        let store =
            LineageStore::open(folder.path().join("new/x.db"), mapping, Arc::clone(&clock) as _).unwrap();
        Self { store, clock, folder }
    }

    async fn take(&self, event: Value) -> String {
        self.store.receive(event).await.unwrap()
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Lineage<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> T {
        self.store.read(ask).await.unwrap()
    }

    async fn datasets(&self) -> Vec<Value> {
        self.ask(|lineage| lineage.datasets(&VisibleNamespaces::All, None)).await
    }
}

fn run(state: &str, run_id: &str, job: &str, inputs: &[&str], outputs: &[&str]) -> Value {
    let dataset = |name: &&str| json!({"namespace": "n", "name": name});
    json!({
        "eventType": state, "eventTime": "2026-01-01T11:00:00Z", "producer": "p", "run": {"runId": run_id},
        "job": {"namespace": "n", "name": job},
        "inputs": inputs.iter().map(dataset).collect::<Vec<_>>(),
        "outputs": outputs.iter().map(dataset).collect::<Vec<_>>(),
    })
}

const PAGE: Page = Page { limit: 100, offset: 0 };

#[tokio::test]
async fn a_run_is_remembered_from_its_start_to_its_end() {
    let kept = Kept::empty();
    kept.take(run("START", "r", "j", &["a"], &["b"])).await;
    kept.clock.set(Timestamp::parse("2026-01-01T12:00:05Z").unwrap());
    let id = kept.take(run("COMPLETE", "r", "j", &["a"], &["b"])).await;
    let noon = 1_767_268_800_000_i64;
    let run = kept.ask(|lineage| lineage.run(&VisibleNamespaces::All, "r")).await.unwrap();
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!((run["started_at"].as_i64(), run["ended_at"].as_i64()), (Some(noon), Some(noon + 5_000)));
    assert_eq!(run["inputs"], json!([{"namespace": "n", "name": "a", "facets": null}]));
    assert_eq!(run["outputs"], json!([{"namespace": "n", "name": "b", "facets": null}]));
    let events =
        kept.ask(|lineage| lineage.events(&VisibleNamespaces::All, (Some("n"), Some("j")), PAGE)).await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().any(|event| event["event_id"] == id.as_str()));
    assert_eq!(events[0]["event_time"], noon - 3_600_000);
    let jobs = kept.ask(|lineage| lineage.jobs(&VisibleNamespaces::All, None)).await;
    assert_eq!((jobs[0]["latest_run_id"].as_str(), jobs[0]["producer"].as_str()), (Some("r"), Some("p")));
    let (versions, total) = kept.ask(|lineage| lineage.dataset_versions("n", "b", PAGE)).await;
    assert_eq!((total, versions[0]["version"].as_i64()), (1, Some(1)), "one for the end, none for the start");
}

#[tokio::test]
async fn a_dataset_keeps_what_was_said_of_it_when_a_later_event_says_nothing() {
    let kept = Kept::empty();
    let facets = json!({
        "documentation": {"description": "d"}, "schema": {"fields": [{"name": "é"}]},
        "ownership": {"owners": [{"name": "ada", "type": "TEAM"}, {"name": "bob"}]},
        "lifecycleStateChange": {"lifecycleStateChange": "CREATE"}, "feast_featureView": {"name": "view"},
        "dataSource": {"name": "s", "uri": "s3://b/x"},
    });
    kept.take(json!({"dataset": {"namespace": "org/rides", "name": "v", "facets": facets}, "producer": "p"}))
        .await;
    kept.take(json!({"dataset": {"namespace": "org/rides", "name": "v"}})).await;
    let dataset = kept.datasets().await.remove(0);
    for (column, expected) in [
        ("description", "d"),
        ("schema_json", r#"{"fields": [{"name": "\u00e9"}]}"#),
        ("owner_name", "ada"),
        ("owner_type", "TEAM"),
        ("lifecycle_state", "CREATE"),
        ("feast_object_type", "featureView"),
        ("feast_object_name", "view"),
        ("feast_project", "rides"),
        ("source_type", "s"),
        ("producer", "p"),
    ] {
        assert_eq!(dataset[column], expected, "{column}");
    }
}

#[tokio::test]
async fn names_of_one_place_are_tied_to_each_other() {
    let kept = Kept::empty();
    let dataset = |namespace: &str, uri: &str| json!({"dataset": {"namespace": namespace, "name": "d", "facets": {"dataSource": {"uri": uri}}}});
    kept.take(dataset("a", "s3://b/x")).await;
    kept.take(dataset("spark://ml", "s3://key:hidden@b/x")).await;
    kept.take(dataset("c", "s3://b/y")).await;
    let symlinks = kept.ask(|lineage| lineage.symlinks(&VisibleNamespaces::All)).await;
    let ends: Vec<_> =
        symlinks.iter().map(|link| (&link["dataset_namespace"], &link["linked_namespace"])).collect();
    assert_eq!(ends, [(&json!("spark://ml"), &json!("a"))]);
    assert_eq!(symlinks[0]["link_type"], "dataSource_uri");
    let edges = kept.ask(|lineage| lineage.edges(&VisibleNamespaces::All)).await;
    assert_eq!(edges.len(), 2, "both ways: {edges:?}");
    let events = kept.ask(|lineage| lineage.events(&VisibleNamespaces::All, (None, None), PAGE)).await;
    assert!(!format!("{events:?} {:?}", kept.datasets().await).contains("hidden"));
}

#[tokio::test]
async fn parents_and_columns_are_remembered() {
    let kept = Kept::empty();
    let mut child = run("START", "child", "spark", &[], &["b"]);
    child["run"]["facets"] = json!({"parent": {
        "run": {"runId": "parent"}, "job": {"namespace": "n", "name": "airflow"}, "root": {"run": {"runId": "root"}},
    }});
    child["outputs"][0]["facets"] = json!({"columnLineage": {"fields": {"total": {"inputFields": [
        {"namespace": "m", "name": "a", "field": "x", "transformations": [{"type": "DIRECT", "description": "sum"}]},
        {"name": "", "field": "left out"}, 7,
    ]}, "odd": 7}}});
    kept.take(child).await;
    kept.take(run("START", "root", "dag", &[], &[])).await;
    let tree = kept.ask(|lineage| lineage.run_tree(&VisibleNamespaces::All, "child")).await;
    let ids: HashSet<_> = tree.iter().map(|run| run["run_id"].as_str().unwrap()).collect();
    assert_eq!(ids, HashSet::from(["child", "root"]));
    let both = Steps { upstream: true, downstream: true };
    let columns = kept.ask(move |lineage| lineage.columns(&VisibleNamespaces::All, ("n", "b"), both)).await;
    assert_eq!(columns.len(), 1);
    assert_eq!(
        (&columns[0]["transformation_type"], &columns[0]["direction"]),
        (&json!("DIRECT"), &json!("upstream"))
    );
    let edges = kept.ask(|lineage| lineage.edges(&VisibleNamespaces::All)).await;
    assert!(
        edges.iter().any(|edge| edge["edge_type"] == "parent" && edge["source_name"] == "airflow"),
        "{edges:?}"
    );
}

#[tokio::test]
async fn an_event_that_would_tie_everything_to_everything_is_refused_and_leaves_nothing() {
    let kept = Kept::empty();
    let many = |count: usize| (0..count).map(|n| json!({"name": n.to_string()})).collect::<Vec<_>>();
    let event =
        json!({"run": {"runId": "r"}, "job": {"name": "j"}, "inputs": many(400), "outputs": many(400)});
    let error = kept.store.receive(event.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let told = error.downcast_ref::<LineageError>().unwrap();
    assert!(matches!(told, LineageError::Event(EventFault::TooManyEdges { .. })), "{told:?}");
    let small =
        || json!({"run": {"runId": "r"}, "job": {"name": "j"}, "inputs": many(200), "outputs": many(200)});
    let sent = vec![small(), event, json!(7), small(), small(), json!({})];
    let batch = kept.store.receive_all(sent).await.unwrap();
    assert_eq!(batch, Batch { received: 6, successful: 3, failed: 3 }, "all share what a request may add");
    let events = kept.ask(|lineage| lineage.events(&VisibleNamespaces::All, (None, None), PAGE)).await;
    assert_eq!(events.len(), 3);
}

#[tokio::test]
async fn what_is_old_goes_and_what_is_known_by_now_stays() {
    let kept = Kept::empty();
    kept.take(run("COMPLETE", "old", "j", &["a"], &["b"])).await;
    kept.clock.set(Timestamp::parse("2026-01-20T12:00:00Z").unwrap());
    kept.take(run("START", "new", "j", &["a"], &[])).await;
    let deleted = kept.store.prune(10).await.unwrap();
    assert_eq!(Value::from(deleted), json!({"run_io": 2, "runs": 1, "events": 1, "dataset_versions": 1}));
    let runs = kept.ask(|lineage| lineage.runs(&VisibleNamespaces::All, (None, None), PAGE)).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(kept.ask(|lineage| lineage.edges(&VisibleNamespaces::All)).await.len(), 3);
    assert!(kept.datasets().await.iter().all(|dataset| dataset["current_version"].is_null()));
    let again = kept.store.prune(10).await.unwrap();
    assert!(again.values().all(|count| *count == 0), "{again:?}");
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_belongs_to_it_and_no_other() {
    let kept = Kept::empty();
    kept.take(run("COMPLETE", "r", "j", &["a"], &["b"])).await;
    let other =
        json!({"run": {"runId": "s"}, "job": {"namespace": "m", "name": "j"}, "inputs": [{"name": "x"}]});
    kept.take(other).await;
    kept.store.purge_namespace("n").await.unwrap();
    let stored = kept.ask(|lineage| lineage.stored(&VisibleNamespaces::All)).await;
    let counts = ["events", "runs", "jobs", "datasets"].map(|table| stored[table]["count"].as_i64().unwrap());
    assert_eq!(counts, [1, 1, 1, 1]);
    kept.store.remove_objects("m", "x", &["j".to_owned()]).unwrap();
    let stored = kept.ask(|lineage| lineage.stored(&VisibleNamespaces::All)).await;
    assert!(stored.as_object().unwrap().values().all(|table| table["count"] == 0), "{stored}");
    kept.take(run("COMPLETE", "r", "j", &["a"], &["b"])).await;
    kept.store.purge_all().await.unwrap();
    assert_eq!(kept.ask(|lineage| lineage.edges(&VisibleNamespaces::All)).await.len(), 0);
}

#[tokio::test]
async fn a_file_of_an_older_release_gets_the_columns_it_lacks_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let old =
        "CREATE TABLE openlineage_runs (run_id VARCHAR(255) PRIMARY KEY, job_namespace TEXT, job_name TEXT,
               state TEXT, started_at BIGINT, ended_at BIGINT, facets_json TEXT, updated_at BIGINT);
               INSERT INTO openlineage_runs VALUES ('r', 'n', 'j', 'START', 1, NULL, NULL, 1)";
    connection.execute_batch(old).unwrap();
    drop(connection);
    let store = LineageStore::open(&path, BTreeMap::new(), Arc::new(larder_core::SystemClock)).unwrap();
    store.receive(run("COMPLETE", "r", "j", &[], &[])).await.unwrap();
    let run = store.read(|lineage| lineage.run(&VisibleNamespaces::All, "r")).await.unwrap().unwrap();
    assert_eq!((&run["state"], &run["parent_run_id"]), (&json!("COMPLETE"), &Value::Null));
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let kept = Kept::empty();
    let path = kept.folder.path().join("text.db");
    std::fs::write(&path, "no database, and long enough to be taken for one ".repeat(100)).unwrap();
    let error = LineageStore::open(&path, BTreeMap::new(), Arc::new(larder_core::SystemClock)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("text.db"), "{error}");
}

/// Job or dataset, by a namespace and a name out of few.
type Node = (bool, u8, u8);

fn named((is_job, namespace, name): Node) -> (NodeKind, String, String) {
    let kind = if is_job { NodeKind::Job } else { NodeKind::Dataset };
    (kind, format!("n{namespace}"), format!("d{name}"))
}

fn told(node: &Value, end: &str) -> (String, String, String) {
    let part = |part: &str| node[format!("{end}_{part}")].as_str().unwrap().to_owned();
    (part("type"), part("namespace"), part("name"))
}

proptest! {
    /// What is reached is what a walk over the list of all edges reaches, step by step.
    #[test]
    fn a_graph_is_what_the_edges_lead_to_through_what_is_visible(
        runs in proptest::collection::vec(
            ((0..3_u8, 0..3_u8), proptest::collection::vec((0..3_u8, 0..4_u8), 0..3),
             proptest::collection::vec((0..3_u8, 0..4_u8), 0..3)), 0..8),
        start in (any::<bool>(), 0..3_u8, 0..4_u8),
        seen in proptest::collection::btree_set(0..3_u8, 0..=3),
        (upstream, downstream) in any::<(bool, bool)>(),
        depth in 1..4_u32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let kept = Kept::empty();
        let dataset = |(namespace, name): &(u8, u8)| json!({"namespace": format!("n{namespace}"), "name": format!("d{name}")});
        for (at, ((namespace, job), inputs, outputs)) in runs.iter().enumerate() {
            let event = json!({
                "run": {"runId": at.to_string()}, "job": {"namespace": format!("n{namespace}"), "name": format!("d{job}")},
                "inputs": inputs.iter().map(dataset).collect::<Vec<_>>(),
                "outputs": outputs.iter().map(dataset).collect::<Vec<_>>(),
            });
            runtime.block_on(kept.take(event));
        }
        let visible = VisibleNamespaces::Only(seen.iter().map(|namespace| format!("n{namespace}")).collect());
        let all = runtime.block_on(kept.ask(|lineage| lineage.edges(&VisibleNamespaces::All)));
        let (kind, namespace, name) = named(start);
        let root = (kind.name().to_owned(), namespace.clone(), name.clone());
        let mut expected: BTreeSet<_> = BTreeSet::new();
        for (asked, near, far) in [(downstream, "source", "target"), (upstream, "target", "source")] {
            let mut reached = HashSet::from([root.clone()]);
            for _step in 0..=depth {
                if !asked { break }
                let mut next = reached.clone();
                for edge in &all {
                    let (near, far) = (told(edge, near), told(edge, far));
                    if reached.contains(&near) && visible.contains(&near.1) && visible.contains(&far.1) {
                        expected.insert((told(edge, "source"), told(edge, "target")));
                        next.insert(far);
                    }
                }
                reached = next;
            }
        }
        let steps = Steps { upstream, downstream };
        let (asked, of) = (visible.clone(), (namespace.clone(), name.clone()));
        let graph = runtime.block_on(kept.ask(move |lineage| {
            lineage.graph(&asked, (kind, &of.0, &of.1), (steps, depth))
        }));
        let edges = graph["edges"].as_array().unwrap();
        let found: BTreeSet<_> = edges.iter().map(|edge| (told(edge, "source"), told(edge, "target"))).collect();
        prop_assert_eq!(edges.len(), found.len(), "each once");
        prop_assert_eq!(found, expected);
        let nodes = graph["nodes"].as_array().unwrap();
        let shown = |node: &Value| visible.contains(node["namespace"].as_str().unwrap()) || node["name"] == name.as_str();
        prop_assert!(nodes.iter().all(shown));

        // Nothing that is listed tells of what is not visible.
        let listed = visible.clone();
        let told = runtime.block_on(kept.ask(move |lineage| {
            let mut told = lineage.edges(&listed)?;
            told.extend(lineage.jobs(&listed, None)?);
            told.extend(lineage.datasets(&listed, None)?);
            told.extend(lineage.events(&listed, (None, None), PAGE)?);
            told.extend(lineage.runs(&listed, (None, None), PAGE)?);
            told.extend(lineage.namespaces(&listed)?.into_iter().map(|namespace| json!({"namespace": namespace})));
            Ok(told)
        }));
        for object in &told {
            for (column, value) in object.as_object().unwrap() {
                if column.ends_with("namespace") {
                    prop_assert!(visible.contains(value.as_str().unwrap()), "{object}");
                }
            }
        }
    }
}
