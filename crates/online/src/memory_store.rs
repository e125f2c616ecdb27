//! The store for tests and try-outs.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use arrow::array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat, take};
use async_trait::async_trait;
use larder_core::{
    EntityKey, Field, OnlineColumn, OnlineRead, OnlineRows, OnlineStore, OnlineWrite, Result, RowVersion,
    WriteOutcome, WritePolicy,
};

use crate::OnlineError;
use crate::row::EncodeError;
use crate::surviving_rows::check_even;

/// Rows in memory, gone with the value: the reference that other stores are compared with.
///
/// It keeps every value as an Arrow array of length one, and is as slow as it is plain.
#[derive(Debug, Default)]
pub struct MemoryOnlineStore {
    rows: RwLock<HashMap<(String, String), HashMap<EntityKey, MemoryRow>>>,
    write_policy: WritePolicy,
}

#[derive(Debug)]
struct MemoryRow {
    version: RowVersion,
    features: Vec<Field>,
    values: Vec<ArrayRef>,
}

impl MemoryOnlineStore {
    /// A store without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another rule of which rows stay; the newest where it is not said.
    pub fn with_write_policy(mut self, policy: WritePolicy) -> Self {
        self.write_policy = policy;
        self
    }

    fn read_one(&self, read: &OnlineRead) -> Result<OnlineRows, OnlineError> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.get(&(read.view.project.clone(), read.view.name.clone()));
        let found: Vec<Option<&MemoryRow>> = read.keys.iter().map(|key| rows?.get(key.as_ref()?)).collect();
        let columns = read.features.iter().map(|position| {
            let feature = read.view.features.get(*position).ok_or_else(|| OnlineError::NoSuchFeature {
                view: read.view.name.clone(),
                position: *position,
                features: read.view.features.len(),
            })?;
            Ok(column(feature, &found))
        });
        Ok(OnlineRows {
            columns: columns.collect::<Result<_, OnlineError>>()?,
            event_timestamps: found.iter().map(|row| row.map(|row| row.version.event_timestamp)).collect(),
        })
    }

    fn write_all(&self, write: &OnlineWrite) -> Result<WriteOutcome, OnlineError> {
        let view = &write.view;
        check(write)?;
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.entry((view.project.clone(), view.name.clone())).or_default();
        // Of rows with one key only the winner counts as written.
        let mut won: HashMap<&EntityKey, bool> = HashMap::new();
        for (position, (key, version)) in write.keys.iter().zip(&write.versions).enumerate() {
            let wins =
                rows.get(key).is_none_or(|stored| self.write_policy.replaces(*version, stored.version));
            *won.entry(key).or_default() |= wins;
            if wins {
                let values =
                    write.features.columns().iter().map(|column| one_row(column, position)).collect();
                let row = MemoryRow { version: *version, features: view.features.clone(), values };
                rows.insert(key.clone(), row);
            }
        }
        let written = won.values().filter(|won| **won).count();
        Ok(WriteOutcome { written, older: write.keys.len() - written })
    }
}

#[async_trait]
impl OnlineStore for MemoryOnlineStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn write_policy(&self) -> WritePolicy {
        self.write_policy
    }

    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        Ok(reads.iter().map(|read| self.read_one(read)).collect::<Result<_, _>>()?)
    }

    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        Ok(self.write_all(&write)?)
    }

    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.get(&(project.to_owned(), view.to_owned()));
        Ok(rows.map(|rows| rows.keys().cloned().collect()).unwrap_or_default())
    }

    /// Does nothing: no row survives the process.
    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        rows.remove(&(project.to_owned(), view.to_owned()));
        Ok(())
    }
}

fn check(write: &OnlineWrite) -> Result<(), OnlineError> {
    let view = &write.view;
    check_even(write)?;
    let encode = |source| OnlineError::Encode { view: view.name.clone(), source };
    let (found, expected) = (write.features.num_columns(), view.features.len());
    if found != expected {
        return Err(encode(EncodeError::ColumnCount { found, expected }));
    }
    for (position, (column, feature)) in write.features.columns().iter().zip(&view.features).enumerate() {
        if column.data_type() != &feature.value_type.data_type() {
            let found = column.data_type().to_string();
            return Err(encode(EncodeError::ColumnType {
                position,
                found,
                expected: feature.value_type.clone(),
            }));
        }
    }
    Ok(())
}

/// One row of a column, copied, so that it does not keep the whole batch alive.
fn one_row(column: &ArrayRef, row: usize) -> ArrayRef {
    let row = UInt64Array::from(vec![u64::try_from(row).expect("a row number fits")]);
    take(column, &row, None).expect("the row is in the column")
}

fn column(feature: &Field, rows: &[Option<&MemoryRow>]) -> OnlineColumn {
    let null = new_null_array(&feature.value_type.data_type(), 1);
    let held: Vec<Option<&ArrayRef>> = rows
        .iter()
        .map(|row| {
            let row = row.as_ref()?;
            let mut fields = row.features.iter().zip(&row.values);
            fields
                .find(|(field, _)| field.name == feature.name && field.value_type == feature.value_type)
                .map(|(_, value)| value)
        })
        .collect();
    let values: Vec<&dyn Array> = held.iter().map(|value| value.unwrap_or(&null).as_ref()).collect();
    let values = if values.is_empty() {
        new_null_array(&feature.value_type.data_type(), 0)
    } else {
        concat(&values).expect("all values have the type of the feature")
    };
    OnlineColumn { values, present: held.iter().map(Option::is_some).collect::<BooleanBuffer>() }
}
