//! The verb `write_to_offline_store`.

use std::sync::Arc;

use larder_core::{InputTable, OfflineStore, RequestError, Result};
use larder_plan::Catalog;

use crate::push::batch_sources;
use crate::source_rows::{declared_types, rows_of_source};

/// Adds rows to the batch source of a feature view. They are durable when this returns.
///
/// The columns must be exactly those of the batch source, in any order. A time without zone is UTC. A table
/// without rows, even without columns, writes nothing. No online store is needed.
///
/// # Errors
///
/// [`RequestError`] for an unknown or disabled view, one without batch source, other columns than the source has,
/// and a value that does not fit; otherwise the errors of the offline store.
#[tracing::instrument(name = "larder_materialize.write_to_offline_store", skip_all, fields(view, rows = table.len()))]
pub async fn write_to_offline_store(
    offline: &dyn OfflineStore,
    catalog: &Catalog,
    view: &str,
    table: InputTable,
) -> Result<()> {
    let view = Arc::clone(&catalog.snapshot().feature_view(view)?.object);
    if !view.enabled {
        return Err(RequestError::FeatureViewDisabled { view: view.name.clone() }.into());
    }
    let views = [view];
    let table = Arc::new(table);
    for (read, source) in batch_sources(catalog, &views)? {
        if !table.is_empty() {
            let declared = declared_types(&views, &read);
            let rows = rows_of_source(offline, &source, declared, &table).await?;
            offline.append(&source, rows).await?;
        }
    }
    Ok(())
}
