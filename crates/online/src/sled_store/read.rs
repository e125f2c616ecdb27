//! Reading rows, synchronously.

use std::sync::Arc;

use larder_core::{EntityKey, OnlineRead, OnlineRows};
use sled::IVec;

use super::catalog::Catalog;
use super::row_key::{ViewId, row_key};
use super::stored_view::StoredView;
use crate::OnlineError;
use crate::row::{FoundRows, RowHeader};
use crate::schema::SchemaId;

/// From so many views of one entity on, one scan is cheaper than as many descents. Measured with 25
/// views of 100-byte rows: the first get costs 2.5 µs and its neighbours 1 µs each; starting a scan
/// costs 11 µs, since sled copies the page's index, and its rows 0.1 µs each.
const SCAN_FROM_VIEWS: usize = 12;

/// A scan gives up when it has passed this many rows per row wanted: the entity has many other views.
const SCAN_PATIENCE: usize = 4;

/// Answers all reads.
pub(super) fn read(
    catalog: &Catalog,
    views: &[Arc<StoredView>],
    reads: &[OnlineRead],
) -> Result<Vec<OnlineRows>, OnlineError> {
    let rows = fetch(views, reads)?;
    let parts = views.iter().zip(reads).zip(&rows);
    parts.map(|((view, read), rows)| decode(catalog, view, read, rows)).collect()
}

/// The stored bytes for every key of every read.
fn fetch(views: &[Arc<StoredView>], reads: &[OnlineRead]) -> Result<Vec<Vec<Option<IVec>>>, OnlineError> {
    let mut rows: Vec<Vec<Option<IVec>>> = reads.iter().map(|read| vec![None; read.keys.len()]).collect();
    let mut fetched = vec![false; reads.len()];
    for first in 0..reads.len() {
        let Some((keys, project)) = reads.get(first).map(|read| (&read.keys, &read.view.project)) else {
            break;
        };
        if fetched.get(first) == Some(&true) {
            continue;
        }
        // Reads of the same keys go together, entity by entity: their rows are neighbours.
        let together: Vec<(usize, &StoredView)> = (first..reads.len())
            .zip(reads.iter().zip(views).skip(first))
            .filter(|(position, (read, _))| {
                fetched.get(*position) == Some(&false)
                    && Arc::ptr_eq(&read.keys, keys)
                    && read.view.project == *project
            })
            .map(|(position, (_, view))| (position, &**view))
            .collect();
        for (position, _) in &together {
            if let Some(fetched) = fetched.get_mut(*position) {
                *fetched = true;
            }
        }
        let mut neighbours = Neighbours { views: &together, key: Vec::new() };
        for (row, entity) in keys.iter().enumerate() {
            let Some(entity) = entity else { continue };
            neighbours.fetch(entity, |position, value| {
                if let Some(place) = rows.get_mut(position).and_then(|rows| rows.get_mut(row)) {
                    *place = Some(value);
                }
            })?;
        }
    }
    Ok(rows)
}

/// The views to read of each entity, with the positions of their reads.
struct Neighbours<'a> {
    views: &'a [(usize, &'a StoredView)],
    key: Vec<u8>,
}

impl Neighbours<'_> {
    fn fetch(&mut self, entity: &EntityKey, mut found: impl FnMut(usize, IVec)) -> Result<(), OnlineError> {
        if self.views.len() >= SCAN_FROM_VIEWS && self.scan(entity, &mut found)? {
            return Ok(());
        }
        for (position, view) in self.views {
            let value = view.rows.get(row_key(&mut self.key, entity, view.id));
            if let Some(value) = value.map_err(OnlineError::io(&view.view.name))? {
                found(*position, value);
            }
        }
        Ok(())
    }

    /// Reads the rows of the entity in the order of their keys. Returns false if it gave up.
    fn scan(&self, entity: &EntityKey, found: &mut impl FnMut(usize, IVec)) -> Result<bool, OnlineError> {
        let Some((_, view)) = self.views.first() else { return Ok(true) };
        let entity = entity.as_bytes();
        for (passed, item) in view.rows.scan_prefix(entity).enumerate() {
            if passed >= self.views.len() * SCAN_PATIENCE {
                return Ok(false);
            }
            let (key, value) = item.map_err(OnlineError::io(&view.view.name))?;
            // A longer entity key may begin with this one; its rows are not wanted.
            let Some((_, id)) = ViewId::split(&key).filter(|(found, _)| *found == entity) else { continue };
            for (position, view) in self.views {
                if view.id == id {
                    found(*position, value.clone());
                }
            }
        }
        Ok(true)
    }
}

fn decode(
    catalog: &Catalog,
    view: &StoredView,
    read: &OnlineRead,
    values: &[Option<IVec>],
) -> Result<OnlineRows, OnlineError> {
    let name = &view.view.name;
    let corrupt = |source| OnlineError::CorruptRow { view: name.clone(), source };
    let mut schemas: Vec<SchemaId> = Vec::new();
    let mut event_timestamps = Vec::with_capacity(values.len());
    let mut rows = FoundRows::with_capacity(values.len());
    for value in values {
        let Some(value) = value else {
            event_timestamps.push(None);
            rows.push_missing();
            continue;
        };
        let header = RowHeader::read(value).map_err(corrupt)?;
        event_timestamps.push(Some(header.version.event_timestamp));
        let known = schemas.iter().position(|schema| *schema == header.schema);
        if known.is_none() {
            schemas.push(header.schema);
            rows.add_reader(view.reader(catalog, header.schema)?);
        }
        let reader = known.unwrap_or(schemas.len() - 1);
        rows.push(value, reader).map_err(corrupt)?;
    }
    let rows = rows.finish();
    let features = &view.view.features;
    let columns = read.features.iter().map(|position| {
        let feature = features.get(*position).ok_or_else(|| OnlineError::NoSuchFeature {
            view: name.clone(),
            position: *position,
            features: features.len(),
        })?;
        rows.column(&feature.value_type, *position).map_err(|error| OnlineError::decode(name, error))
    });
    Ok(OnlineRows { columns: columns.collect::<Result<_, _>>()?, event_timestamps })
}
