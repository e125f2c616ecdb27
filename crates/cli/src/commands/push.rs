//! `larder push` and `larder write-to-online-store`.

use std::path::Path;

use anyhow::Result;
use arrow::array::RecordBatch;
use larder::table::read_table;
use larder::{FeatureServer as _, InputTable, PushMode, PushRequest, WriteRequest};
use serde_json::json;

use crate::arguments::{PushArguments, PushTarget, WriteToOnlineStoreArguments};
use crate::json_columns::json_columns;
use crate::repo::Repo;
use crate::store_door::StoreDoor;

/// Rows in one request to a server, which bounds the size of its body.
const ROWS_PER_REQUEST: usize = 5_000;

pub(crate) async fn push(repo: &Repo, arguments: &PushArguments) -> Result<()> {
    let rows = read_table(&arguments.file)?;
    let to = match arguments.to {
        PushTarget::Online => PushMode::Online,
        PushTarget::Offline => PushMode::Offline,
        PushTarget::OnlineAndOffline => PushMode::OnlineAndOffline,
    };
    match StoreDoor::open(repo.open().await?).await? {
        StoreDoor::Here(store) => {
            let request = PushRequest {
                push_source: arguments.source.clone(),
                rows: InputTable::from_arrow(&rows),
                to,
            };
            store.push(request).await?;
        }
        StoreDoor::Server(server) => {
            for part in parts(&rows) {
                let df = json_columns(&part)?;
                let body = json!({"push_source_name": arguments.source, "df": df, "to": to.name()});
                server.post("/push", &body).await?;
            }
        }
    }
    report(&rows, &arguments.file);
    Ok(())
}

pub(crate) async fn write_to_online_store(
    repo: &Repo,
    arguments: &WriteToOnlineStoreArguments,
) -> Result<()> {
    let rows = read_table(&arguments.file)?;
    match StoreDoor::open(repo.open().await?).await? {
        StoreDoor::Here(store) => {
            let request = WriteRequest {
                feature_view: arguments.view.clone(),
                rows: InputTable::from_arrow(&rows),
                transform_on_write: true,
            };
            store.write_to_online_store(request).await?;
        }
        StoreDoor::Server(server) => {
            for part in parts(&rows) {
                let body = json!({"feature_view_name": arguments.view, "df": json_columns(&part)?});
                server.post("/write-to-online-store", &body).await?;
            }
        }
    }
    report(&rows, &arguments.file);
    Ok(())
}

fn parts(rows: &RecordBatch) -> impl Iterator<Item = RecordBatch> + '_ {
    (0..rows.num_rows())
        .step_by(ROWS_PER_REQUEST)
        .map(|start| rows.slice(start, ROWS_PER_REQUEST.min(rows.num_rows() - start)))
}

fn report(rows: &RecordBatch, file: &Path) {
    eprintln!("{} rows taken from {}", rows.num_rows(), file.display());
}
