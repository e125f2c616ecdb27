//! From the rows of one source to one view in the online store, batch by batch.

use std::sync::Arc;

use futures::future::join;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use larder_core::{
    Field, LatestStream, MaterializationInterval, OnlineStore, PullLatest, Result, WriteOutcome,
};

use crate::observer::MaterializationEvent;
use crate::recomputation::Follower;
use crate::view_rows::ViewRows;
use crate::view_target::ViewTarget;
use crate::{FeatureWriter, MaterializationObserver, ViewReport, off_thread};

/// What is done with the newest row of each key.
#[derive(Clone, Copy)]
pub(crate) enum Destination<'a> {
    /// The rows go into the view they belong to.
    View,
    /// Only the keys count: the rows of an on-demand view are computed for them.
    OnDemand(&'a Follower),
}

impl FeatureWriter {
    /// Takes the newest row of each key of `target` within the interval of `report` to its destination,
    /// and counts in `report`. One batch is being written while the next is read and encoded.
    pub(crate) async fn load(
        &self,
        target: &Arc<ViewTarget>,
        destination: Destination<'_>,
        report: &mut ViewReport,
        observer: &dyn MaterializationObserver,
    ) -> Result<()> {
        let features = match destination {
            Destination::View => target.definition.features.clone(),
            Destination::OnDemand(_) => Vec::new(),
        };
        let LatestStream { summary, parts } = self.pull(target, features, report.interval).await?;
        report.rows_scanned += summary.rows_scanned;
        report.null_keys += summary.null_keys;
        let mut done = report.keys;
        report.keys += summary.keys;
        observer.observe(MaterializationEvent::Scanned { view: report.view.clone(), summary });

        let mut batches = std::pin::pin!(self.batches(target, parts));
        let mut next = batches.next().await;
        while let Some(batch) = next {
            let batch = batch?;
            done += u64::try_from(batch.len()).unwrap_or(u64::MAX);
            let (outcome, following) =
                join(write(&self.online, target, destination, batch), batches.next()).await;
            report.outcome += outcome?;
            let (view, total) = (report.view.clone(), report.keys);
            observer.observe(MaterializationEvent::Wrote { view, rows: done, total });
            next = following;
        }
        Ok(())
    }

    async fn pull(
        &self,
        target: &ViewTarget,
        features: Vec<Field>,
        interval: MaterializationInterval,
    ) -> Result<LatestStream> {
        let source = Arc::clone(target.history()?);
        let view = target.definition.name.clone();
        let join_keys = target.key_fields().to_vec();
        let MaterializationInterval { start, end } = interval;
        self.offline.pull_latest(PullLatest { view, source, join_keys, features, start, end }).await
    }

    /// The rows of `parts` with their keys, in batches of bounded size.
    fn batches(
        &self,
        target: &Arc<ViewTarget>,
        parts: BoxStream<'static, Result<larder_core::LatestRows>>,
    ) -> impl Stream<Item = Result<ViewRows>> + Send + use<> {
        let target = Arc::clone(target);
        let batch_rows = self.batch_rows.get();
        parts
            .and_then(move |latest| {
                let target = Arc::clone(&target);
                let rows = latest.event_timestamps.len();
                off_thread::run(rows, move || {
                    Ok(ViewRows::from_latest(&target, latest)?.into_parts(batch_rows))
                })
            })
            .map_ok(|parts| stream::iter(parts.into_iter().map(Ok)))
            .try_flatten()
    }
}

async fn write(
    online: &Arc<dyn OnlineStore>,
    target: &Arc<ViewTarget>,
    destination: Destination<'_>,
    rows: ViewRows,
) -> Result<WriteOutcome> {
    match destination {
        Destination::View => target.write(online, rows).await,
        Destination::OnDemand(follower) => {
            follower.recompute(&**online, &rows.key_columns, rows.keys.len()).await
        }
    }
}
