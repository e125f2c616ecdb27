//! The table of one view.

use rusqlite::{OptionalExtension as _, Transaction};

use super::connections::TransactionError;

/// The names of a view's tables, quoted for SQL.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Feast's name, without quotes.
    pub(super) name: String,
    /// Feast's table.
    pub(super) rows: String,
    /// Feast's index.
    index: String,
    /// What Feast's times do not say.
    pub(super) micros: String,
}

impl Table {
    pub(super) fn of(project: &str, view: &str) -> Self {
        let name = format!("{project}_{view}");
        Self {
            rows: quoted(&name),
            index: quoted(&format!("{name}_ek")),
            micros: quoted(&micros_name(&name)),
            name,
        }
    }

    /// Makes the table as Feast does, and gives one that an old Feast has made the column it lacks. Rows
    /// that are there stay.
    pub(super) fn create(&self, transaction: &Transaction<'_>) -> Result<(), TransactionError> {
        let Self { name, rows, index, .. } = self;
        transaction.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {rows} (entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, \
             vector_value BLOB, event_ts timestamp, created_ts timestamp, PRIMARY KEY(entity_key, feature_name)); \
             CREATE INDEX IF NOT EXISTS {index} ON {rows} (entity_key);"
        ))?;
        let has_text = "SELECT 1 FROM pragma_table_info(?1) WHERE name = 'value_text'";
        if !transaction.prepare_cached(has_text)?.exists([name])? {
            transaction.execute_batch(&format!("ALTER TABLE {rows} ADD COLUMN value_text TEXT"))?;
        }
        Ok(())
    }

    /// Makes the table of microseconds.
    pub(super) fn create_micros(&self, transaction: &Transaction<'_>) -> Result<(), TransactionError> {
        Ok(transaction.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {} (entity_key BLOB PRIMARY KEY, event_micros INTEGER NOT NULL, \
             created_micros INTEGER) WITHOUT ROWID",
            self.micros
        ))?)
    }

    /// Whether there is a table of microseconds.
    pub(super) fn has_micros(&self, transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        exists(transaction, &micros_name(&self.name))
    }

    /// Whether Feast's table is there.
    pub(super) fn exists(&self, transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        exists(transaction, &self.name)
    }

    /// Removes the tables with all rows.
    pub(super) fn remove(&self, transaction: &Transaction<'_>) -> Result<(), TransactionError> {
        let Self { rows, micros, .. } = self;
        Ok(transaction
            .execute_batch(&format!("DROP TABLE IF EXISTS {rows}; DROP TABLE IF EXISTS {micros};"))?)
    }
}

fn micros_name(name: &str) -> String {
    format!("_{name}_micros")
}

fn exists(transaction: &Transaction<'_>, table: &str) -> rusqlite::Result<bool> {
    // SQLite compares the names of tables without case, and so must this.
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    let found = transaction.prepare_cached(sql)?.query_row([table], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        let table = Table::of("demo", "a\"b; DROP TABLE c");
        assert_eq!(table.rows, "\"demo_a\"\"b; DROP TABLE c\"");
        assert_eq!(table.micros, "\"_demo_a\"\"b; DROP TABLE c_micros\"");
    }
}
