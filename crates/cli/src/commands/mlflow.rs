//! `larder mlflow`: tables of MLflow as sources of feature views.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use larder::{
    FeatureServer as _, FeatureStore, InputTable, MlflowSyncReport, MlflowSyncRequest, MlflowView,
    WriteRequest,
};
use larder_core::MlflowTable;
use serde_json::{Map, Value, json};

use crate::mlflow_arguments::{
    ListSourcesArguments, MlflowVerb, PreviewDatasetArguments, SyncDatasetArguments, ValidateSourceArguments,
};
use crate::plain_table;
use crate::repo::Repo;
use crate::server_client::ServerClient;
use crate::store_door::StoreDoor;

/// Rows in one request to a server, which bounds the size of its body.
const ROWS_PER_REQUEST: usize = 5_000;

pub(crate) async fn run(repo: &Repo, verb: &MlflowVerb) -> Result<()> {
    let store = repo.open().await?;
    match verb {
        MlflowVerb::SyncDataset(arguments) => sync_dataset(&store, arguments).await,
        MlflowVerb::PreviewDataset(arguments) => preview_dataset(&store, arguments).await,
        MlflowVerb::ValidateSource(arguments) => validate_source(&store, arguments).await,
        MlflowVerb::ListSources(arguments) => list_sources(&store, arguments),
    }
}

async fn sync_dataset(store: &Arc<FeatureStore>, arguments: &SyncDatasetArguments) -> Result<()> {
    let views = match &arguments.feature_view {
        Some(view) => vec![view.clone()],
        None => views_of_datasets(store),
    };
    if views.is_empty() {
        eprintln!("No feature views read datasets of MLflow.");
        return Ok(());
    }
    if arguments.dry_run {
        eprintln!("A dry run: nothing is written.");
    }
    let field_mapping = field_mapping(arguments.field_mapping.as_deref())?;
    // All are looked at in one opening of the store, whoever holds it.
    let door = if arguments.dry_run { None } else { Some(StoreDoor::open(Arc::clone(store)).await?) };
    let mut reports: Vec<(String, MlflowSyncReport)> = Vec::new();
    for view in views {
        let request = MlflowSyncRequest {
            view: view.clone(),
            dataset: arguments.source.clone(),
            field_mapping: field_mapping.clone(),
            full_refresh: arguments.full_refresh,
            batch_size: arguments.batch_size.map(Into::into),
        };
        // With several views, what is wrong with one keeps none of the others.
        let report = match sync_view(store, door.as_ref(), request).await {
            Err(error) if arguments.feature_view.is_none() => {
                MlflowSyncReport { errors: vec![crate::chain(&error)], ..MlflowSyncReport::default() }
            }
            other => other?,
        };
        reports.push((view, report));
    }
    if arguments.json {
        let json: Vec<Value> = reports.iter().map(|(view, report)| report_json(view, report)).collect();
        println!("{}", serde_json::to_string_pretty(&json)?);
    } else {
        for (view, report) in &reports {
            println!("[{view}]");
            println!("  Records fetched:  {}", report.records_fetched);
            println!("  New records:      {}", report.new_records);
            println!("  Records ingested: {}", report.records_ingested);
        }
    }
    let errors: Vec<String> = reports
        .iter()
        .flat_map(|(view, report)| report.errors.iter().map(move |error| format!("`{view}`: {error}")))
        .collect();
    if errors.is_empty() { Ok(()) } else { bail!("not all records were taken over: {}", errors.join("; ")) }
}

/// The views that read datasets of records; says of the others why they are left out.
fn views_of_datasets(store: &FeatureStore) -> Vec<String> {
    let is_dataset = |view: &MlflowView| matches!(view.mlflow().table, MlflowTable::Dataset { .. });
    let (datasets, artifacts): (Vec<MlflowView>, Vec<MlflowView>) =
        store.mlflow_views().into_iter().partition(is_dataset);
    for view in artifacts {
        eprintln!("note: `{}` reads an artifact, which `larder materialize` moves online", view.view.name);
    }
    datasets.into_iter().map(|view| view.view.name.clone()).collect()
}

async fn sync_view(
    store: &Arc<FeatureStore>,
    door: Option<&StoreDoor>,
    request: MlflowSyncRequest,
) -> Result<MlflowSyncReport> {
    let view = request.view.clone();
    let mut sync = store.prepare_mlflow_sync(request).await?;
    let Some(door) = door else { return Ok(sync.report) };
    for batch in 0..sync.batches().len() {
        let rows = sync.batches().get(batch).cloned().unwrap_or_default();
        let written = match door {
            StoreDoor::Here(store) => {
                let rows = InputTable::from_json(rows)?;
                let write = WriteRequest { feature_view: view.clone(), rows, transform_on_write: true };
                store.write_to_online_store(write).await.map_err(|error| error.chain())
            }
            StoreDoor::Server(server) => {
                post(server, &view, &rows).await.map_err(|error| crate::chain(&error))
            }
        };
        sync.written(store, batch, written).await;
    }
    Ok(sync.finish().await?)
}

/// Has the server that holds the online store write rows.
async fn post(server: &ServerClient, view: &str, rows: &[(String, Vec<Value>)]) -> Result<()> {
    let count = rows.first().map_or(0, |(_, values)| values.len());
    for start in (0..count).step_by(ROWS_PER_REQUEST) {
        let end = count.min(start + ROWS_PER_REQUEST);
        let part = |values: &[Value]| Value::from(values.get(start..end).unwrap_or_default());
        let df: Map<String, Value> = rows.iter().map(|(name, values)| (name.clone(), part(values))).collect();
        server.post("/write-to-online-store", &json!({"feature_view_name": view, "df": df})).await?;
    }
    Ok(())
}

fn report_json(view: &str, report: &MlflowSyncReport) -> Value {
    json!({
        "feature_view": view,
        "records_fetched": report.records_fetched,
        "new_records": report.new_records,
        "records_ingested": report.records_ingested,
        "errors": report.errors,
    })
}

async fn preview_dataset(store: &FeatureStore, arguments: &PreviewDatasetArguments) -> Result<()> {
    let mapping = field_mapping(arguments.field_mapping.as_deref())?;
    let rows = store.preview_mlflow_dataset(arguments.source.clone(), mapping).await?;
    let count = rows.len().min(arguments.limit);
    if arguments.json {
        let shown: Vec<Value> = (0..count).map(|row| Value::Object(rows.row(row))).collect();
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    eprintln!("Dataset `{}` has {} records; the first {count} are shown.", arguments.source, rows.len());
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let headers: Vec<&str> = rows.columns.iter().map(|(name, _)| name.as_str()).collect();
    let shown: Vec<Vec<String>> = (0..count).map(|row| rows.row(row).values().map(text).collect()).collect();
    print!("{}", plain_table::render(&headers, &shown));
    Ok(())
}

async fn validate_source(store: &FeatureStore, arguments: &ValidateSourceArguments) -> Result<()> {
    let view = store.mlflow_view(&arguments.feature_view)?;
    let check = store.check_mlflow_source(&view).await;
    let passed = check.columns.is_ok() && check.missing.is_empty();
    if arguments.json {
        let columns = check.columns.as_ref().map(|columns| {
            columns.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect::<Vec<Value>>()
        });
        let mut said = source_json(&view);
        if let Some(said) = said.as_object_mut() {
            said.insert("valid".to_owned(), passed.into());
            said.insert("columns".to_owned(), columns.as_ref().ok().cloned().into());
            said.insert("missing".to_owned(), check.missing.clone().into());
        }
        println!("{}", serde_json::to_string_pretty(&said)?);
    } else {
        println!("Validating the source of feature view {}", arguments.feature_view);
        println!("  Mode: {}", mode(&view.mlflow().table));
        println!("  Tracking URI: {}", view.address.as_deref().unwrap_or("none"));
        if let Ok(columns) = &check.columns {
            println!("  Schema introspection: PASS ({} columns)", columns.len());
            for (name, kind) in columns {
                println!("    {name}: {kind}");
            }
            if check.missing.is_empty() {
                println!("  Schema match: PASS\n\nValidation PASSED.");
            } else {
                println!("  Schema match: FAIL - missing columns: {}", check.missing.join(", "));
            }
        } else {
            println!("  Schema introspection: FAIL");
        }
    }
    match check.columns {
        Err(reason) => {
            bail!("the source of feature view `{}` cannot be read: {reason}", arguments.feature_view)
        }
        Ok(_) if !passed => bail!(
            "the source of feature view `{}` lacks what the view needs: {}; map or rename columns by its `field_mapping`",
            arguments.feature_view,
            check.missing.join(", ")
        ),
        Ok(_) => Ok(()),
    }
}

fn list_sources(store: &FeatureStore, arguments: &ListSourcesArguments) -> Result<()> {
    let views = store.mlflow_views();
    if arguments.json {
        let json: Vec<Value> = views.iter().map(source_json).collect();
        println!("{}", serde_json::to_string_pretty(&json)?);
        return Ok(());
    }
    if views.is_empty() {
        eprintln!("No feature views read tables of MLflow.");
    }
    for view in &views {
        println!("{}:", view.view.name);
        println!("  Mode: {}", mode(&view.mlflow().table));
        if let Some(address) = &view.address {
            println!("  Tracking URI: {address}");
        }
        println!("  Batch source: {}", view.mlflow().batch_source);
    }
    Ok(())
}

fn mode(table: &MlflowTable) -> String {
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "None".to_owned());
    match table {
        MlflowTable::Dataset { name, id } => format!("GenAI Dataset (name={}, id={})", said(name), said(id)),
        MlflowTable::Artifact { run_id, path, format } => {
            format!("Artifact (run_id={run_id}, path={path}, format={})", format.name())
        }
        other => other.described(),
    }
}

fn source_json(view: &MlflowView) -> Value {
    let mlflow = view.mlflow();
    let mut said = json!({
        "feature_view": view.view.name,
        "source": view.source.name,
        "tracking_uri": view.address,
        "batch_source": mlflow.batch_source,
    });
    let of_table = match &mlflow.table {
        MlflowTable::Dataset { name, id } => json!({"dataset_name": name, "dataset_id": id}),
        MlflowTable::Artifact { run_id, path, format } => {
            json!({"run_id": run_id, "artifact_path": path, "artifact_format": format.name()})
        }
        _ => json!({}),
    };
    if let (Some(said), Value::Object(of_table)) = (said.as_object_mut(), of_table) {
        said.extend(of_table);
    }
    said
}

/// A file that names columns.
fn field_mapping(file: Option<&Path>) -> Result<BTreeMap<String, String>> {
    let Some(file) = file else { return Ok(BTreeMap::new()) };
    let text = fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "`{}` is no JSON object of texts, such as {{\"expectations.score\": \"label\"}}",
            file.display()
        )
    })
}
