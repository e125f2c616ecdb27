//! Lists of what is known, as Feast answers them: an object a row, by the names of the columns.

use rusqlite::types::ValueRef;
use rusqlite::{Params, Row};
use serde_json::{Map, Value, json};

use super::schema::{COLUMNS, DATASETS, EDGES, EVENTS, JOBS, SYMLINKS, VERSIONS};
use super::visible::is_visible;
use super::{Lineage, Page, Steps, VisibleNamespaces};

type Listed<T = Vec<Value>> = rusqlite::Result<T>;

impl Lineage<'_> {
    /// Events, newest first, of a namespace and of a job where these are named.
    ///
    /// # Errors
    ///
    /// As the file, as every method here.
    pub fn events(
        &self,
        visible: &VisibleNamespaces,
        (namespace, job): (Option<&str>, Option<&str>),
        page: Page,
    ) -> Listed {
        let condition = format!(
            "{} AND (?2 IS NULL OR job_namespace = ?2) AND (?3 IS NULL OR job_name = ?3)
             ORDER BY event_time DESC LIMIT ?4 OFFSET ?5",
            is_visible("job_namespace")
        );
        let parameters = (visible.parameter(), namespace, job, page.limit, page.offset);
        self.select("events", EVENTS, &condition, parameters)
    }

    /// Jobs, those changed last first.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn jobs(&self, visible: &VisibleNamespaces, page: Option<Page>) -> Listed {
        self.newest("jobs", JOBS, "job_namespace", visible, page)
    }

    /// Datasets, those changed last first.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn datasets(&self, visible: &VisibleNamespaces, page: Option<Page>) -> Listed {
        self.newest("datasets", DATASETS, "dataset_namespace", visible, page)
    }

    /// How many jobs there are.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn count_jobs(&self, visible: &VisibleNamespaces) -> Listed<i64> {
        Ok(self.count("jobs", "job_namespace", "updated_at", visible)?.0)
    }

    /// How many datasets there are.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn count_datasets(&self, visible: &VisibleNamespaces) -> Listed<i64> {
        Ok(self.count("datasets", "dataset_namespace", "updated_at", visible)?.0)
    }

    /// Edges between what is visible.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn edges(&self, visible: &VisibleNamespaces) -> Listed {
        self.edges_of(visible, None)
    }

    /// The same with one end in a namespace, if one is named.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn edges_of(&self, visible: &VisibleNamespaces, namespace: Option<&str>) -> Listed {
        let condition = format!(
            "{} AND {} AND (?2 IS NULL OR source_namespace = ?2 OR target_namespace = ?2)",
            is_visible("source_namespace"),
            is_visible("target_namespace")
        );
        self.select("lineage_edges", EDGES, &condition, (visible.parameter(), namespace))
    }

    /// Pairs of names for one dataset.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn symlinks(&self, visible: &VisibleNamespaces) -> Listed {
        let condition = format!("{} AND {}", is_visible("dataset_namespace"), is_visible("linked_namespace"));
        self.select("dataset_symlinks", SYMLINKS, &condition, (visible.parameter(),))
    }

    /// All namespaces of jobs and datasets, in order.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn namespaces(&self, visible: &VisibleNamespaces) -> Listed<Vec<String>> {
        let statement = format!(
            "SELECT namespace FROM (
                SELECT job_namespace AS namespace FROM openlineage_jobs
                UNION SELECT dataset_namespace FROM openlineage_datasets)
             WHERE namespace <> '' AND {} ORDER BY namespace",
            is_visible("namespace")
        );
        let mut statement = self.state.prepare_cached(&statement)?;
        statement.query_map((visible.parameter(),), |row| row.get(0))?.collect()
    }

    /// The versions of a dataset, newest first, and how many there are.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn dataset_versions(&self, namespace: &str, name: &str, page: Page) -> Listed<(Vec<Value>, i64)> {
        let condition =
            "dataset_namespace = ?1 AND dataset_name = ?2 ORDER BY version DESC LIMIT ?3 OFFSET ?4";
        let parameters = (namespace, name, page.limit, page.offset);
        let mut versions = self.select("dataset_versions", VERSIONS, condition, parameters)?;
        for version in &mut versions {
            parse(version, "schema_json", "schema");
            parse(version, "facets_json", "facets");
        }
        let statement = "SELECT count(*) FROM openlineage_dataset_versions WHERE dataset_namespace = ?1 AND dataset_name = ?2";
        let total = self.state.query_row(statement, [namespace, name], |row| row.get(0))?;
        Ok((versions, total))
    }

    /// Which columns those of a dataset are made of, and which are made of them.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn columns(
        &self,
        visible: &VisibleNamespaces,
        (namespace, name): (&str, &str),
        steps: Steps,
    ) -> Listed {
        let seen = format!("{} AND {}", is_visible("dataset_namespace"), is_visible("input_namespace"));
        let mut columns = Vec::new();
        for (asked, direction, dataset, dataset_name) in [
            (steps.upstream, "upstream", "dataset_namespace", "dataset_name"),
            (steps.downstream, "downstream", "input_namespace", "input_name"),
        ] {
            if !asked {
                continue;
            }
            let condition = format!("{seen} AND {dataset} = ?2 AND {dataset_name} = ?3");
            let parameters = (visible.parameter(), namespace, name);
            for mut column in self.select("column_lineage", COLUMNS, &condition, parameters)? {
                set(&mut column, "direction", direction.into());
                columns.push(column);
            }
        }
        Ok(columns)
    }

    /// How much is kept, and since when.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn stored(&self, visible: &VisibleNamespaces) -> Listed<Value> {
        let mut stored = Map::new();
        for (table, namespace, time) in [
            ("events", "job_namespace", "created_at"),
            ("runs", "job_namespace", "updated_at"),
            ("jobs", "job_namespace", "updated_at"),
            ("datasets", "dataset_namespace", "updated_at"),
        ] {
            let (count, oldest) = self.count(table, namespace, time, visible)?;
            let mut of_table = json!({ "count": count });
            if let Some(oldest) = oldest {
                set(&mut of_table, "oldest_ms", oldest.into());
            }
            stored.insert(table.to_owned(), of_table);
        }
        Ok(Value::Object(stored))
    }

    fn count(
        &self,
        table: &str,
        namespace: &str,
        time: &str,
        visible: &VisibleNamespaces,
    ) -> Listed<(i64, Option<i64>)> {
        let statement =
            format!("SELECT count(*), min({time}) FROM openlineage_{table} WHERE {}", is_visible(namespace));
        let mut statement = self.state.prepare_cached(&statement)?;
        statement.query_row((visible.parameter(),), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn newest(
        &self,
        table: &str,
        columns: &[&str],
        namespace: &str,
        visible: &VisibleNamespaces,
        page: Option<Page>,
    ) -> Listed {
        // SQLite takes a limit of -1 for none.
        let (limit, offset) = page.map_or((-1, 0), |page| (i64::from(page.limit), page.offset));
        let condition = format!("{} ORDER BY updated_at DESC LIMIT ?2 OFFSET ?3", is_visible(namespace));
        self.select(table, columns, &condition, (visible.parameter(), limit, offset))
    }

    /// Rows of a table as objects.
    pub(super) fn select(
        &self,
        table: &str,
        columns: &[&str],
        condition: &str,
        parameters: impl Params,
    ) -> Listed {
        let statement = format!("SELECT {} FROM openlineage_{table} WHERE {condition}", columns.join(", "));
        let mut statement = self.state.prepare_cached(&statement)?;
        statement.query_map(parameters, |row| object(row, columns))?.collect()
    }
}

fn object(row: &Row<'_>, columns: &[&str]) -> rusqlite::Result<Value> {
    let value = |(at, column): (usize, &&str)| {
        let value = match row.get_ref(at)? {
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
            ValueRef::Null | ValueRef::Blob(_) => Value::Null,
        };
        Ok(((*column).to_owned(), value))
    };
    columns.iter().enumerate().map(value).collect::<rusqlite::Result<Map<_, _>>>().map(Value::Object)
}

/// Puts the JSON in a text in its place, under another name; null where there is none, or it is no JSON.
pub(super) fn parse(object: &mut Value, text: &str, name: &str) {
    let Some(fields) = object.as_object_mut() else { return };
    let parsed = fields.shift_remove(text).as_ref().and_then(Value::as_str).and_then(parsed);
    fields.insert(name.to_owned(), parsed.unwrap_or_default());
}

pub(super) fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

pub(super) fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}
