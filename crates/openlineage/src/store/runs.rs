//! Runs of jobs: what they read and wrote, and which started which.

use rusqlite::OptionalExtension as _;
use serde_json::{Value, json};

use super::lists::{parse, parsed, set};
use super::schema::RUNS;
use super::visible::is_visible;
use super::{Lineage, Page, VisibleNamespaces};

impl Lineage<'_> {
    /// Runs, those changed last first, of a namespace and of a job where these are named.
    ///
    /// # Errors
    ///
    /// As the file, as every method here.
    pub fn runs(
        &self,
        visible: &VisibleNamespaces,
        (namespace, job): (Option<&str>, Option<&str>),
        page: Page,
    ) -> rusqlite::Result<Vec<Value>> {
        let condition = format!(
            "{} AND (?2 IS NULL OR job_namespace = ?2) AND (?3 IS NULL OR job_name = ?3)
             ORDER BY updated_at DESC LIMIT ?4 OFFSET ?5",
            is_visible("job_namespace")
        );
        self.select("runs", RUNS, &condition, (visible.parameter(), namespace, job, page.limit, page.offset))
    }

    /// A run with what it read and wrote, as far as that is visible; `None` if it is not there or not visible itself.
    ///
    /// # Errors
    ///
    /// As [`runs`](Self::runs).
    pub fn run(&self, visible: &VisibleNamespaces, run_id: &str) -> rusqlite::Result<Option<Value>> {
        let condition = format!("{} AND run_id = ?2", is_visible("job_namespace"));
        let found = self.select("runs", RUNS, &condition, (visible.parameter(), run_id))?;
        let Some(mut run) = found.into_iter().next() else { return Ok(None) };
        let statement = format!(
            "SELECT dataset_namespace, dataset_name, io_type, facets_json FROM openlineage_run_io
             WHERE {} AND run_id = ?2 ORDER BY rowid",
            is_visible("dataset_namespace")
        );
        let mut statement = self.state.prepare_cached(&statement)?;
        let mut rows = statement.query((visible.parameter(), run_id))?;
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let facets: Option<String> = row.get(3)?;
            let dataset = json!({
                "namespace": row.get::<_, String>(0)?,
                "name": row.get::<_, String>(1)?,
                "facets": facets.as_deref().and_then(parsed),
            });
            let is_input = row.get::<_, String>(2)? == "INPUT";
            if is_input { inputs.push(dataset) } else { outputs.push(dataset) }
        }
        set(&mut run, "inputs", inputs.into());
        set(&mut run, "outputs", outputs.into());
        parse(&mut run, "facets_json", "facets");
        Ok(Some(run))
    }

    /// All visible runs that have the root of this one, and the root, those started first first.
    ///
    /// # Errors
    ///
    /// As [`runs`](Self::runs).
    pub fn run_tree(&self, visible: &VisibleNamespaces, run_id: &str) -> rusqlite::Result<Vec<Value>> {
        let statement = "SELECT root_run_id FROM openlineage_runs WHERE run_id = ?1";
        let mut statement = self.state.prepare_cached(statement)?;
        let root: Option<Option<String>> = statement.query_row([run_id], |row| row.get(0)).optional()?;
        let root = root.flatten().filter(|root| !root.is_empty());
        let condition = format!(
            "{} AND (root_run_id = ?2 OR run_id = ?2) ORDER BY started_at ASC NULLS LAST",
            is_visible("job_namespace")
        );
        let root = root.as_deref().unwrap_or(run_id);
        self.select("runs", RUNS, &condition, (visible.parameter(), root))
    }
}
