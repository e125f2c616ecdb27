//! `larder materialize` and `larder materialize-incremental`.

use anyhow::{Context as _, Result, bail};
use std::sync::Arc;

use larder::{
    FeatureServer as _, MaterializeEvent, MaterializeRange, MaterializeRequest, MaterializeSummary,
};
use larder_core::{Clock as _, SystemClock, Timestamp};
use serde_json::json;

use crate::arguments::{MaterializeArguments, MaterializeIncrementalArguments, ViewsArgument};
use crate::materialize_progress::MaterializeProgress;
use crate::repo::Repo;
use crate::server_client::ServerClient;
use crate::store_door::StoreDoor;

/// From START to END.
pub(crate) async fn between(repo: &Repo, arguments: &MaterializeArguments, quiet: bool) -> Result<()> {
    // The parser lets both be absent only where neither counts.
    let (start, end) = match (&arguments.start, &arguments.end) {
        (Some(start), Some(end)) => (Timestamp::parse(start)?, Timestamp::parse(end)?),
        _ => (Timestamp::EPOCH, SystemClock.now()),
    };
    run(repo, Some(start), end, &arguments.views, quiet).await
}

/// From where each view's last materialization ended.
pub(crate) async fn incremental(
    repo: &Repo,
    arguments: &MaterializeIncrementalArguments,
    quiet: bool,
) -> Result<()> {
    run(repo, None, Timestamp::parse(&arguments.end)?, &arguments.views, quiet).await
}

async fn run(
    repo: &Repo,
    start: Option<Timestamp>,
    end: Timestamp,
    arguments: &ViewsArgument,
    quiet: bool,
) -> Result<()> {
    let views = (!arguments.views.is_empty()).then(|| arguments.views.clone());
    let progress = Arc::new(MaterializeProgress::new(!arguments.json, quiet));
    let summary = match StoreDoor::open(repo.open().await?).await? {
        StoreDoor::Here(store) => {
            let range = match start {
                Some(start) => MaterializeRange::Between { start, end },
                None => MaterializeRange::Incremental { end },
            };
            let progress = Arc::clone(&progress);
            let observer = Arc::new(move |event: MaterializeEvent| progress.show(&event));
            let version = arguments.version.clone();
            store.materialize(MaterializeRequest { range, feature_views: views, version }, observer).await?
        }
        StoreDoor::Server(server) => {
            through_server(server, (start, end), views, arguments.version.as_deref(), &progress).await?
        }
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    }
    Ok(())
}

async fn through_server(
    server: ServerClient,
    (start, end): (Option<Timestamp>, Timestamp),
    views: Option<Vec<String>>,
    version: Option<&str>,
    progress: &MaterializeProgress,
) -> Result<MaterializeSummary> {
    let body = json!({
        "start": start.map(|start| start.to_string()),
        "end": end.to_string(),
        "feature_views": views,
        "incremental": start.is_none(),
        "version": version,
    });
    let mut summary = None;
    let done: &mut Option<MaterializeSummary> = &mut summary;
    server
        .post_for_lines("/v1/materialize", &body, |line| {
            let value: serde_json::Value =
                serde_json::from_slice(line).context("the server's answer is not JSON")?;
            if let Some(error) = value.get("error") {
                bail!("{}", error.as_str().map_or_else(|| error.to_string(), str::to_owned));
            }
            if let Some(value) = value.get("done") {
                *done = Some(serde_json::from_value(value.clone())?);
                return Ok(());
            }
            progress.show(&serde_json::from_value::<MaterializeEvent>(value)?);
            Ok(())
        })
        .await?;
    summary.context("the server ended its answer before it was done; run the command again")
}
