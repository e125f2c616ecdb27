//! `larder udf history`: the components that an on-demand view had.

use anyhow::Result;
use larder::VersionedView;

use super::short;
use crate::arguments::HistoryArguments;
use crate::plain_table;
use crate::repo::Repo;

pub(super) async fn run(repo: &Repo, arguments: &HistoryArguments) -> Result<()> {
    let store = repo.open().await?;
    let catalog = store.catalog();
    let current = catalog.snapshot().on_demand_feature_view(&arguments.view)?;
    let mut rows = Vec::new();
    for version in catalog.snapshot().feature_view_versions(&arguments.view) {
        let Ok(VersionedView::OnDemand(view)) = &version.view else { continue };
        let in_use = if version.number == current.version_number { "*" } else { "" };
        rows.push(vec![
            format!("v{}{in_use}", version.number),
            short(view.transformation.component),
            view.transformation.function.clone(),
            version.created.to_string(),
        ]);
    }
    print!("{}", plain_table::render(&["VERSION", "COMPONENT", "FUNCTION", "CREATED"], &rows));
    Ok(())
}
