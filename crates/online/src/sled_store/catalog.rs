//! What the store knows of itself: the schemas of its rows, and which views have any.
//!
//! ```text
//! tree larder/schemas    schema id, 8 bytes → names and types of the features
//! tree larder/views      u32 length of the project, big-endian │ project │ view id → name of the view
//! tree rows/<project>    the rows
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use larder_core::{Field, OnlineView};

use super::row_key::ViewId;
use crate::OnlineError;
use crate::schema::{self, SchemaId};

const SCHEMAS: &str = "larder/schemas";
const VIEWS: &str = "larder/views";

/// Schemas and views of a database.
#[derive(Debug)]
pub(super) struct Catalog {
    schemas: sled::Tree,
    views: sled::Tree,
    gates: Mutex<HashMap<Vec<u8>, Gate>>,
}

/// Guards the rows of one view: writers pass together, a removal passes alone. The flag says whether
/// the view is in the catalog.
pub(super) type Gate = Arc<RwLock<bool>>;

impl Catalog {
    pub(super) fn open(db: &sled::Db) -> Result<Self, OnlineError> {
        Ok(Self {
            schemas: db.open_tree(SCHEMAS).map_err(OnlineError::io(SCHEMAS))?,
            views: db.open_tree(VIEWS).map_err(OnlineError::io(VIEWS))?,
            gates: Mutex::default(),
        })
    }

    /// The gate of a view.
    pub(super) fn gate(&self, project: &str, view: ViewId) -> Gate {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(view_key(project, view)).or_default())
    }

    /// Notes that a view has rows of its present schema. The caller flushes before it writes the first.
    pub(super) fn insert(&self, view: &OnlineView, id: ViewId, schema: SchemaId) -> Result<(), OnlineError> {
        let features = schema::to_bytes(&view.features);
        let known =
            self.schemas.insert(schema.to_bytes(), features.clone()).map_err(OnlineError::io(SCHEMAS))?;
        if known.is_some_and(|known| known != features) {
            return Err(OnlineError::IdCollision { name: view.name.clone(), other: schema.to_string() });
        }
        let key = view_key(&view.project, id);
        let known = self.views.insert(key, view.name.as_bytes()).map_err(OnlineError::io(VIEWS))?;
        match known {
            Some(known) if known != view.name.as_bytes() => {
                let other = String::from_utf8_lossy(&known).into_owned();
                Err(OnlineError::IdCollision { name: view.name.clone(), other })
            }
            _ => Ok(()),
        }
    }

    /// The features of a schema; `None` if the store does not hold it.
    pub(super) fn schema(&self, id: SchemaId) -> Result<Option<Vec<Field>>, OnlineError> {
        match self.schemas.get(id.to_bytes()).map_err(OnlineError::io(SCHEMAS))? {
            None => Ok(None),
            Some(bytes) => match schema::from_bytes(&bytes) {
                Some(features) => Ok(Some(features)),
                None => Err(OnlineError::CorruptSchema { schema: id.to_string() }),
            },
        }
    }

    /// Whether the view may have rows.
    pub(super) fn contains(&self, project: &str, view: ViewId) -> Result<bool, OnlineError> {
        self.views.contains_key(view_key(project, view)).map_err(OnlineError::io(VIEWS))
    }

    /// Forgets a view whose rows are gone.
    pub(super) fn remove(&self, project: &str, view: ViewId) -> Result<(), OnlineError> {
        self.views.remove(view_key(project, view)).map_err(OnlineError::io(VIEWS))?;
        Ok(())
    }
}

/// The tree with the rows of a project.
pub(super) fn open_rows(db: &sled::Db, project: &str) -> Result<sled::Tree, OnlineError> {
    db.open_tree(format!("rows/{project}")).map_err(OnlineError::io(project))
}

fn view_key(project: &str, view: ViewId) -> Vec<u8> {
    let length = u32::try_from(project.len()).expect("a project name is shorter than 4 GiB");
    [&length.to_be_bytes(), project.as_bytes(), view.as_bytes()].concat()
}
