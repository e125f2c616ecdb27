//! The verb `push`.

use std::sync::Arc;

use larder_core::{DataSource, FeatureView, InputTable, PushMode, RequestError, Result};
use larder_plan::Catalog;

use crate::source_rows::{declared_types, rows_of_source};
use crate::{FeatureWriter, PushReport, WrittenView};

/// Asks for rows to be pushed to every view that a push source feeds.
#[derive(Clone, Debug)]
pub struct Push {
    /// The push source's name.
    pub push_source: String,
    /// The rows.
    pub table: Arc<InputTable>,
    /// Which stores take them.
    pub to: PushMode,
}

impl FeatureWriter {
    /// Writes rows to the views that a push source feeds. They are durable when this returns.
    ///
    /// Everything is checked before anything is written. Then the views that are kept online are written
    /// in name order, the on-demand views that follow them are computed again, and the online store is
    /// flushed; then the rows are added to each batch source once. A store that fails half-way leaves what
    /// was written before; pushing again is safe online, and adds the rows once more offline.
    ///
    /// Online, a row needs the join keys, all features and the event time, under the names of the batch
    /// source or those after its field mapping; the created time may be missing and other columns are
    /// ignored. Offline, the columns must be exactly those of the batch source. A time without zone is
    /// UTC. A table without rows, even without columns, writes nothing.
    ///
    /// # Errors
    ///
    /// [`RequestError::PushSourceNotFound`] if no view is fed by the source; [`RequestError`] for a
    /// disabled view, a view without batch source where rows go offline, a missing column, and a value
    /// that does not fit; otherwise the errors of the stores and of transformations.
    #[tracing::instrument(name = "larder_materialize.push", skip_all,
        fields(push_source = %push.push_source, rows = push.table.len(), to = ?push.to))]
    pub async fn push(&self, catalog: &Arc<Catalog>, push: &Push) -> Result<PushReport> {
        let views = fed_views(catalog, &push.push_source)?;
        let online = if push.to.is_online() { kept_online(&views)? } else { Vec::new() };
        let sources = if push.to.is_offline() { batch_sources(catalog, &views)? } else { Vec::new() };
        if push.table.is_empty() {
            return Ok(PushReport::default());
        }
        let plan = self.plan(catalog);
        let mut online_rows = Vec::with_capacity(online.len());
        for view in online {
            let target = plan.view(&view.name)?;
            let parts = self.table_parts(&target, &push.table).await?;
            online_rows.push((target, parts));
        }
        let mut offline_rows = Vec::with_capacity(sources.len());
        for (read, source) in sources {
            let declared = declared_types(&views, &read);
            let rows = rows_of_source(self.offline.as_ref(), &source, declared, &push.table).await?;
            offline_rows.push((source, rows));
        }

        let mut report = PushReport::default();
        for (target, parts) in online_rows {
            let outcome = self.write_parts(&target, parts).await?;
            report.online.push(WrittenView { view: target.definition.name.clone(), outcome });
        }
        if push.to.is_online() {
            self.online.flush().await?;
        }
        for (source, rows) in offline_rows {
            self.offline.append(&source, rows).await?;
            report.offline.push(source.name.clone());
        }
        Ok(report)
    }
}

/// The views that a push source feeds, in name order.
fn fed_views(catalog: &Catalog, push_source: &str) -> Result<Vec<Arc<FeatureView>>, RequestError> {
    let views = catalog.snapshot().feature_views().iter().map(|registered| &registered.object);
    let mut fed: Vec<Arc<FeatureView>> =
        views.filter(|view| view.stream_source.as_deref() == Some(push_source)).map(Arc::clone).collect();
    if fed.is_empty() {
        return Err(RequestError::PushSourceNotFound { push_source: push_source.to_owned() });
    }
    fed.sort_by(|a, b| a.name.cmp(&b.name));
    match fed.iter().find(|view| !view.enabled) {
        Some(view) => Err(RequestError::FeatureViewDisabled { view: view.name.clone() }),
        None => Ok(fed),
    }
}

/// Those of the views that are kept online, of which there must be one.
fn kept_online(views: &[Arc<FeatureView>]) -> Result<Vec<&Arc<FeatureView>>, RequestError> {
    let kept: Vec<_> = views.iter().filter(|view| view.online).collect();
    match views.first() {
        Some(first) if kept.is_empty() => Err(RequestError::NotServedOnline { view: first.name.clone() }),
        _ => Ok(kept),
    }
}

/// The sources that take the rows of the views, each once, in the order of the views, after the name of the source that
/// the views read. They differ where that one lies in MLflow.
pub(crate) fn batch_sources(
    catalog: &Catalog,
    views: &[Arc<FeatureView>],
) -> Result<Vec<(String, Arc<DataSource>)>, RequestError> {
    let find = |name: &str| Ok(Arc::clone(&catalog.snapshot().data_source(name)?.object));
    let mut sources: Vec<(String, Arc<DataSource>)> = Vec::new();
    for view in views {
        let name = view.batch_source.as_deref().ok_or_else(|| {
            RequestError::other(format!(
                "feature view `{}` has no batch source, so nothing can be pushed offline; push to `online`",
                view.name
            ))
        })?;
        if !sources.iter().any(|(known, _)| known == name) {
            let mut source: Arc<DataSource> = find(name)?;
            if let Some(mlflow) = source.as_mlflow() {
                source = find(&mlflow.batch_source)?;
            }
            sources.push((name.to_owned(), source));
        }
    }
    Ok(sources)
}
