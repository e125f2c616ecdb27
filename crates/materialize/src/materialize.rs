//! The verbs `materialize` and `materialize_incremental`.

use std::sync::Arc;

use larder_core::{Error, MaterializationInterval, RequestError, Result, Timestamp};
use larder_plan::Catalog;

use crate::interval::{Start, incremental_start, on_demand_start, recordable};
use crate::load::Destination;
use crate::observer::{MaterializationEvent, RunHeader, ViewHeader};
use crate::recomputation::{Follower, Recomputation, source_views};
use crate::selection::{Selected, SelectedView};
use crate::write_plan::WritePlan;
use crate::{
    FeatureWriter, MaterializationObserver, MaterializationReport, MaterializeError, Notice, ViewReport,
};

/// Asks for all rows of a span of event time, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Materialize {
    /// The earliest event time.
    pub start: Timestamp,
    /// The latest event time.
    pub end: Timestamp,
    /// The views; `None` for all that are kept online.
    pub views: Option<Vec<String>>,
    /// The version of the only one of `views` whose place in the online store takes the rows: `v2`; `None`
    /// and `latest` for the one in use.
    pub version: Option<String>,
}

/// Asks for all rows since the last materialization of each view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterializeIncremental {
    /// The latest event time.
    pub end: Timestamp,
    /// The views; `None` for all that are kept online.
    pub views: Option<Vec<String>>,
    /// As in [`Materialize`].
    pub version: Option<String>,
}

impl FeatureWriter {
    /// Moves the newest row of every key within the span into the online store, view by view.
    ///
    /// Without names that is every enabled feature view that is kept online and has a batch source, and
    /// every on-demand view with `write_to_online_store` that follows its sources; one that does not is
    /// left out with a [`Notice`]. The rows of an on-demand view are computed from the sources as the
    /// online store has them, for the keys that its sources have within the span.
    ///
    /// A version that is not in use gets the rows of the source it had, into its own place, and has its own
    /// record; no on-demand view follows them.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the span is inverted or a view or version does not exist, is disabled or not kept online;
    /// nothing has then been written. [`MaterializeError::View`] if a view fails: views before it stay
    /// done and recorded, views after it are untouched, and running again is safe.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is like that failure: the view at work is not recorded.
    pub async fn materialize(
        &self,
        catalog: &Arc<Catalog>,
        materialize: &Materialize,
        observer: &dyn MaterializationObserver,
    ) -> Result<MaterializationReport> {
        let Materialize { start, end, views, version } = materialize;
        if start > end {
            return Err(RequestError::other(format!(
                "The given start_date {} is greater than the given end_date {}.",
                start.to_python_seconds(),
                end.to_python_seconds()
            ))
            .into());
        }
        self.run(catalog, (views.as_deref(), version.as_deref()), Some(*start), *end, observer).await
    }

    /// Moves what is new since the last materialization of each view into the online store.
    ///
    /// Each view starts at the latest end that is recorded for it, less what the writer
    /// [looks back](Self::with_lookback); without any, one ttl before now, or 52 weeks if it has no ttl. An on-demand view starts the longest ttl of its sources before the end. A
    /// view that starts at or after the end is passed over with a [`Notice`].
    ///
    /// # Errors
    ///
    /// As [`materialize`](Self::materialize).
    pub async fn materialize_incremental(
        &self,
        catalog: &Arc<Catalog>,
        materialize: &MaterializeIncremental,
        observer: &dyn MaterializationObserver,
    ) -> Result<MaterializationReport> {
        let MaterializeIncremental { end, views, version } = materialize;
        self.run(catalog, (views.as_deref(), version.as_deref()), None, *end, observer).await
    }

    /// Does every selected view, or the version of the only one; with no `start`, each from its own.
    #[tracing::instrument(name = "larder_materialize.run", skip_all, fields(incremental = start.is_none()))]
    async fn run(
        &self,
        catalog: &Arc<Catalog>,
        (names, version): (Option<&[String]>, Option<&str>),
        start: Option<Timestamp>,
        end: Timestamp,
        observer: &dyn MaterializationObserver,
    ) -> Result<MaterializationReport> {
        let plan = self.plan(catalog);
        let selected = Selected::new(&plan, names, version, &self.turns)?;
        observer.observe(MaterializationEvent::RunStarted(RunHeader {
            views: selected.names(),
            start,
            end,
            online_store: self.online.kind(),
        }));
        for notice in selected.notices {
            observer.observe(MaterializationEvent::Notice(notice));
        }
        let run = Run { writer: self, plan: &plan, start, end, observer };
        let mut report = MaterializationReport::default();
        for view in &selected.views {
            report.views.push(run.feature_view(view).await?);
        }
        for view in &selected.on_demand_views {
            report.views.push(run.on_demand_view(view).await?);
        }
        Ok(report)
    }
}

/// One call of either verb.
struct Run<'a> {
    writer: &'a FeatureWriter,
    plan: &'a WritePlan,
    /// `None` if each view has its own.
    start: Option<Timestamp>,
    end: Timestamp,
    observer: &'a dyn MaterializationObserver,
}

impl Run<'_> {
    async fn feature_view(&self, view: &SelectedView) -> Result<ViewReport> {
        let definition = &view.target.definition;
        let name = &definition.name;
        // Before the source is read: rows that arrive later may have any time from here on.
        let now = self.writer.clock.now();
        let start = match self.start {
            Some(start) => start,
            None => match incremental_start(&view.recorded, self.writer.lookback, definition.ttl, now) {
                Start::At(start) => start,
                Start::NoTtl(start) => {
                    self.notice(Notice::NoTtl { view: name.clone() });
                    start
                }
            },
        };
        let Some(mut report) = self.begin(name, start) else {
            return Ok(self.nothing_to_do(name, start));
        };
        let interval = report.interval;
        if let Err(source) = self.load_view(view, &mut report, now).await {
            return Err(failed(name, interval, source));
        }
        Ok(self.done(report))
    }

    async fn load_view(&self, view: &SelectedView, report: &mut ViewReport, now: Timestamp) -> Result<()> {
        let target = &view.target;
        self.writer.load(target, Destination::View, report, self.observer).await?;
        self.writer.online.flush().await?;
        let recorded = recordable(report.interval, now);
        if let Some(interval) = recorded {
            self.writer.log.record(&target.online.project, &report.view, view.version, interval).await?;
        }
        if report.interval.end > now {
            let (view, end) = (report.view.clone(), report.interval.end);
            self.notice(Notice::EndInFuture { view, end, recorded: now });
        }
        report.recorded = recorded;
        Ok(())
    }

    async fn on_demand_view(&self, recomputation: &Arc<Recomputation>) -> Result<ViewReport> {
        let target = recomputation.target();
        let name = target.name();
        let sources = source_views(self.plan.catalog.snapshot(), target)?;
        let start = match self.start {
            Some(start) => start,
            None => on_demand_start(sources.iter().map(|(_, source)| source.ttl), self.end),
        };
        let Some(mut report) = self.begin(name, start) else {
            return Ok(self.nothing_to_do(name, start));
        };
        let interval = report.interval;
        if let Err(source) = self.load_on_demand_view(recomputation, &mut report).await {
            return Err(failed(name, interval, source));
        }
        Ok(self.done(report))
    }

    /// Computes the rows of an on-demand view for the keys of every source that has all its join keys.
    async fn load_on_demand_view(
        &self,
        recomputation: &Arc<Recomputation>,
        report: &mut ViewReport,
    ) -> Result<()> {
        let snapshot = self.plan.catalog.snapshot();
        let mut seen: Vec<String> = Vec::new();
        for (projection, source) in source_views(snapshot, recomputation.target())? {
            // A source that is only pushed to has no history to take keys from.
            if source.batch_source.is_none() || seen.contains(&projection.view) {
                continue;
            }
            seen.push(projection.view.clone());
            let target = self.plan.view(&source.name)?;
            for follower in Follower::of_view(snapshot, recomputation, &source)? {
                self.writer.load(&target, Destination::OnDemand(&follower), report, self.observer).await?;
            }
        }
        self.writer.online.flush().await
    }

    /// Announces a view, unless its span is empty.
    fn begin(&self, view: &str, start: Timestamp) -> Option<ViewReport> {
        if self.start.is_none() && start >= self.end {
            return None;
        }
        let interval = MaterializationInterval { start, end: self.end };
        let header = ViewHeader { view: view.to_owned(), interval, incremental: self.start.is_none() };
        self.observer.observe(MaterializationEvent::ViewStarted(header));
        Some(ViewReport::new(view, interval))
    }

    fn nothing_to_do(&self, view: &str, start: Timestamp) -> ViewReport {
        let end = self.end;
        self.notice(Notice::NothingToDo { view: view.to_owned(), start, end });
        ViewReport::new(view, MaterializationInterval { start, end })
    }

    fn done(&self, report: ViewReport) -> ViewReport {
        if report.null_keys > 0 {
            self.notice(Notice::NullJoinKeys { view: report.view.clone(), rows: report.null_keys });
        }
        tracing::info!(
            view = %report.view,
            scanned = report.rows_scanned,
            keys = report.keys,
            written = report.outcome.written,
            older = report.outcome.older,
            "materialized a view"
        );
        self.observer.observe(MaterializationEvent::ViewDone(report.clone()));
        report
    }

    fn notice(&self, notice: Notice) {
        tracing::info!(%notice, "notice");
        self.observer.observe(MaterializationEvent::Notice(notice));
    }
}

fn failed(view: &str, interval: MaterializationInterval, source: Error) -> Error {
    let MaterializationInterval { start, end } = interval;
    MaterializeError::View { view: view.to_owned(), start, end, source }.into()
}
