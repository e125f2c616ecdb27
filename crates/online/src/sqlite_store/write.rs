//! Writing rows, synchronously.

use std::collections::HashSet;

use larder_core::{EntityKey, OnlineView, OnlineWrite, RowVersion, Timestamp, WriteOutcome, WritePolicy};
use rusqlite::{CachedStatement, OptionalExtension as _, Transaction, params};

use super::cell;
use super::connections::TransactionError;
use super::read::corrupt_cell;
use super::table::Table;
use crate::OnlineError;
use crate::row::EncodeError;
use crate::surviving_rows::{check_even, surviving_rows};
use larder_feast_value::{UnfitColumn, ValueEncoder};

/// Writes the rows in the order of their keys, so that neighbours go to one page together.
pub(super) fn write(
    transaction: &Transaction<'_>,
    write: &OnlineWrite,
    policy: WritePolicy,
) -> Result<WriteOutcome, TransactionError> {
    check_even(write)?;
    let columns = encoders(write)?;
    let table = Table::of(&write.view.project, &write.view.name);
    table.create(transaction)?;
    let surviving = surviving_rows(&write.keys, &write.versions, policy);
    let fractions = write.versions.iter().any(|version| cut(*version) != *version);
    if fractions {
        table.create_micros(transaction)?;
    }
    let fractions = if fractions || table.has_micros(transaction)? {
        Some(Fractions::prepare(transaction, &table)?)
    } else {
        None
    };
    let mut writer = RowWriter {
        statements: Statements::prepare(transaction, &table)?,
        fractions,
        names: write.view.features.iter().map(|feature| feature.name.as_str()).collect(),
        view: &write.view,
        table: &table,
        policy,
        value: Vec::new(),
        text: String::new(),
    };
    let mut outcome = WriteOutcome { written: 0, older: write.keys.len() - surviving.len() };
    for position in surviving {
        let key = write.keys.get(position).expect("positions come from the keys");
        let version = *write.versions.get(position).expect("there is a version for every key");
        if writer.write(key, version, &columns, position)? {
            outcome.written += 1;
        } else {
            outcome.older += 1;
        }
    }
    Ok(outcome)
}

fn encoders(write: &OnlineWrite) -> Result<Vec<ValueEncoder<'_>>, OnlineError> {
    let features = &write.view.features;
    let refused = |source| OnlineError::Encode { view: write.view.name.clone(), source };
    let (found, expected) = (write.features.num_columns(), features.len());
    if found != expected {
        return Err(refused(EncodeError::ColumnCount { found, expected }));
    }
    let columns = features.iter().zip(write.features.columns()).enumerate();
    columns
        .map(|(position, (feature, array))| {
            ValueEncoder::try_new(&feature.value_type, array).map_err(|unfit| match unfit {
                UnfitColumn::Type => {
                    let (found, expected) = (array.data_type().to_string(), feature.value_type.clone());
                    refused(EncodeError::ColumnType { position, found, expected })
                }
                UnfitColumn::Text { .. } => {
                    let (view, feature) = (write.view.name.clone(), feature.name.clone());
                    OnlineError::UnfitText { view, feature, source: unfit }
                }
            })
        })
        .collect()
}

/// What Feast's columns say of a version.
fn cut(version: RowVersion) -> RowVersion {
    let cut = |time: Timestamp| Timestamp::from_micros(time.seconds().saturating_mul(1_000_000));
    RowVersion {
        event_timestamp: cut(version.event_timestamp),
        created_timestamp: version.created_timestamp.map(cut),
    }
}

struct RowWriter<'a> {
    statements: Statements<'a>,
    /// `None` while no row of the view has a fraction of a second.
    fractions: Option<Fractions<'a>>,
    names: HashSet<&'a str>,
    view: &'a OnlineView,
    table: &'a Table,
    policy: WritePolicy,
    value: Vec<u8>,
    text: String,
}

/// What is stored of an entity.
struct Stored {
    version: RowVersion,
    /// Whether there are features that the view does not have.
    others: bool,
}

impl RowWriter<'_> {
    /// Writes one row iff it replaces what is stored.
    fn write(
        &mut self,
        key: &EntityKey,
        version: RowVersion,
        columns: &[ValueEncoder<'_>],
        position: usize,
    ) -> Result<bool, TransactionError> {
        let stored = self.stored(key)?;
        if let Some(stored) = &stored
            && !self.policy.replaces(version, stored.version)
        {
            return Ok(false);
        }
        if stored.is_some_and(|stored| stored.others) {
            self.statements.delete.execute([key.as_bytes()])?;
        }
        let event = version.event_timestamp.seconds();
        let created = version.created_timestamp.map(Timestamp::seconds);
        for (feature, column) in self.view.features.iter().zip(columns) {
            self.value.clear();
            column.encode(position, &mut self.value);
            let text = column.python_text(position, &mut self.text).then_some(self.text.as_str());
            let upsert = &mut self.statements.upsert;
            upsert.execute(params![key.as_bytes(), feature.name, self.value, text, event, created])?;
        }
        if let Some(fractions) = &mut self.fractions {
            fractions.write(key, version)?;
        }
        Ok(true)
    }

    fn stored(&mut self, key: &EntityKey) -> Result<Option<Stored>, TransactionError> {
        let mut stored: Option<Stored> = None;
        let mut rows = self.statements.select.query([key.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?;
            let corrupt = |fault| corrupt_cell(self.table, key, name.as_str().unwrap_or("?"), fault);
            let version = RowVersion {
                event_timestamp: cell::event_time(row.get_ref(1)?).map_err(corrupt)?,
                created_timestamp: cell::time(row.get_ref(2)?, "created_ts").map_err(corrupt)?,
            };
            let other = !name.as_str().is_ok_and(|name| self.names.contains(name));
            stored = Some(match stored {
                None => Stored { version, others: other },
                Some(stored) => {
                    Stored { version: stored.version.max(version), others: stored.others || other }
                }
            });
        }
        drop(rows);
        if let (Some(stored), Some(fractions)) = (&mut stored, &mut self.fractions)
            && let Some(exact) = fractions.read(key)?
            && cut(exact) == stored.version
        {
            stored.version = exact;
        }
        Ok(stored)
    }
}

/// The statements on Feast's table.
struct Statements<'a> {
    select: CachedStatement<'a>,
    upsert: CachedStatement<'a>,
    delete: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn prepare(transaction: &'a Transaction<'_>, Table { rows, .. }: &Table) -> rusqlite::Result<Self> {
        let prepare = |sql: String| transaction.prepare_cached(&sql);
        Ok(Self {
            select: prepare(format!(
                "SELECT feature_name, event_ts, created_ts FROM {rows} WHERE entity_key = ?1"
            ))?,
            upsert: prepare(format!(
                "INSERT INTO {rows} (entity_key, feature_name, value, value_text, event_ts, created_ts) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(entity_key, feature_name) DO UPDATE SET \
                 value = excluded.value, value_text = excluded.value_text, event_ts = excluded.event_ts, \
                 created_ts = excluded.created_ts"
            ))?,
            delete: prepare(format!("DELETE FROM {rows} WHERE entity_key = ?1"))?,
        })
    }
}

/// The statements on the table of microseconds.
struct Fractions<'a> {
    select: CachedStatement<'a>,
    upsert: CachedStatement<'a>,
    delete: CachedStatement<'a>,
}

impl<'a> Fractions<'a> {
    fn prepare(transaction: &'a Transaction<'_>, Table { micros, .. }: &Table) -> rusqlite::Result<Self> {
        let prepare = |sql: String| transaction.prepare_cached(&sql);
        Ok(Self {
            select: prepare(format!(
                "SELECT event_micros, created_micros FROM {micros} WHERE entity_key = ?1"
            ))?,
            upsert: prepare(format!("INSERT OR REPLACE INTO {micros} VALUES (?1, ?2, ?3)"))?,
            delete: prepare(format!("DELETE FROM {micros} WHERE entity_key = ?1"))?,
        })
    }

    fn read(&mut self, key: &EntityKey) -> rusqlite::Result<Option<RowVersion>> {
        let version = self.select.query_row([key.as_bytes()], |row| {
            Ok(RowVersion {
                event_timestamp: Timestamp::from_micros(row.get(0)?),
                created_timestamp: row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros),
            })
        });
        version.optional()
    }

    /// Keeps what Feast's columns do not say, and nothing where they say all.
    fn write(&mut self, key: &EntityKey, version: RowVersion) -> rusqlite::Result<()> {
        if cut(version) == version {
            self.delete.execute([key.as_bytes()])?;
        } else {
            let created = version.created_timestamp.map(Timestamp::micros);
            self.upsert.execute(params![key.as_bytes(), version.event_timestamp.micros(), created])?;
        }
        Ok(())
    }
}
