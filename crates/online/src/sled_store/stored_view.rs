//! A view prepared for reading and writing, once and not per request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use larder_core::OnlineView;

use super::catalog::{self, Catalog, Gate};
use super::newest_wins::newest_wins;
use super::row_key::ViewId;
use crate::OnlineError;
use crate::row::{RowFault, RowLayout, RowReader};
use crate::schema::SchemaId;

/// A view, its place in sled and the layouts of its rows.
#[derive(Debug)]
pub(super) struct StoredView {
    pub(super) view: Arc<OnlineView>,
    pub(super) id: ViewId,
    pub(super) rows: sled::Tree,
    pub(super) schema: SchemaId,
    pub(super) layout: RowLayout,
    /// Readers by the schema of the row; more than one after the view's features changed.
    readers: RwLock<HashMap<SchemaId, Arc<RowReader>>>,
    gate: Gate,
    schema_is_stored: AtomicBool,
}

impl StoredView {
    fn open(db: &sled::Db, catalog: &Catalog, view: Arc<OnlineView>) -> Result<Self, OnlineError> {
        let rows = catalog::open_rows(db, &view.project)?;
        rows.set_merge_operator(newest_wins);
        let id = ViewId::of(&view.name);
        let schema = SchemaId::of(&view.features);
        let reader = RowReader::new(&view.features, &view.features);
        Ok(Self {
            id,
            rows,
            schema,
            layout: RowLayout::new(&view.features),
            readers: RwLock::new(HashMap::from([(schema, Arc::new(reader))])),
            gate: catalog.gate(&view.project, id),
            schema_is_stored: AtomicBool::new(false),
            view,
        })
    }

    /// Lets a writer in, for as long as it keeps the guard; `flush` makes the catalog durable before
    /// the first row that depends on it.
    pub(super) fn enter(
        &self,
        catalog: &Catalog,
        flush: impl Fn() -> Result<(), OnlineError>,
    ) -> Result<RwLockReadGuard<'_, bool>, OnlineError> {
        loop {
            let entered = self.gate.read().unwrap_or_else(PoisonError::into_inner);
            if *entered && self.schema_is_stored.load(Ordering::Acquire) {
                return Ok(entered);
            }
            drop(entered);
            let mut known = self.gate.write().unwrap_or_else(PoisonError::into_inner);
            catalog.insert(&self.view, self.id, self.schema)?;
            flush()?;
            *known = true;
            self.schema_is_stored.store(true, Ordering::Release);
        }
    }

    /// The reader for rows of a schema.
    pub(super) fn reader(&self, catalog: &Catalog, schema: SchemaId) -> Result<Arc<RowReader>, OnlineError> {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = readers.get(&schema) {
            return Ok(Arc::clone(reader));
        }
        drop(readers);
        let stored = catalog.schema(schema)?.ok_or_else(|| OnlineError::CorruptRow {
            view: self.view.name.clone(),
            source: RowFault::unknown_schema(schema),
        })?;
        let reader = Arc::new(RowReader::new(&stored, &self.view.features));
        let mut readers = self.readers.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(readers.entry(schema).or_insert(reader)))
    }
}

/// The views in use.
#[derive(Debug, Default)]
pub(super) struct StoredViews {
    /// By the address of the `OnlineView`, which the entry keeps alive and so unique: requests share
    /// one value per registry snapshot, and comparing names and features would cost more than reading.
    by_address: RwLock<HashMap<usize, Arc<StoredView>>>,
}

/// More than any registry has views; reached only when views are made anew again and again.
const MAX_VIEWS: usize = 4096;

impl StoredViews {
    pub(super) fn get(
        &self,
        db: &sled::Db,
        catalog: &Catalog,
        view: &Arc<OnlineView>,
    ) -> Result<Arc<StoredView>, OnlineError> {
        let address = Arc::as_ptr(view).addr();
        let views = self.by_address.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(stored) = views.get(&address) {
            return Ok(Arc::clone(stored));
        }
        drop(views);
        let stored = Arc::new(StoredView::open(db, catalog, Arc::clone(view))?);
        let mut views = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        if views.len() >= MAX_VIEWS {
            views.clear();
        }
        Ok(Arc::clone(views.entry(address).or_insert(stored)))
    }
}
