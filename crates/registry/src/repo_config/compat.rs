//! The section `compat`: single differences from Feast, taken back.

use super::read::Reader;

/// Which differences from Feast are taken back. All are kept by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct CompatConfig {
    /// A training set loses the entity rows that Feast's file store loses: those whose key is in a source,
    /// but with no row in the window, and all but the last of one key and time.
    pub dask_drop_rows: bool,
    /// A training set also holds the source features of its on-demand views.
    pub on_demand_inputs_in_training_sets: bool,
    /// A null entity value is an error of the request.
    pub null_entities_are_errors: bool,
    /// Rows pushed or written to a view whose features are all null are not written online.
    pub skip_null_writes: bool,
    /// A row written online replaces the stored one of its key also where it is older.
    pub older_rows_overwrite: bool,
    /// A column of large text, such as Polars writes, is inferred as JSON.
    pub large_text_is_json: bool,
    /// What becomes of values older than their view's ttl when they are served; `None` means that they are
    /// served as any other.
    pub online_ttl: Option<OnlineTtl>,
}

/// What becomes of values older than their view's ttl when they are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnlineTtl {
    /// They are served with the status `OUTSIDE_MAX_AGE`.
    Status,
    /// Null is served in their place, with that status.
    Null,
}

const SWITCHES: [&str; 7] = [
    "dask_drop_rows",
    "on_demand_inputs_in_training_sets",
    "null_entities_are_errors",
    "skip_null_writes",
    "older_rows_overwrite",
    "large_text_is_json",
    "online_ttl",
];

impl Reader<'_> {
    pub(super) fn compat(&mut self) -> CompatConfig {
        let Some(node) = self.node("compat") else { return CompatConfig::default() };
        let block = self.block("compat", node, &SWITCHES, &[]);
        let online_ttl = block.entries.iter().find(|entry| entry.key == "online_ttl");
        let online_ttl = online_ttl.map(|entry| &entry.value).and_then(|node| {
            // Here the word says something, also where YAML takes it for nothing.
            let text = if node.is_null() { "null" } else { self.ok(node.text("`online_ttl`"))? };
            match text {
                "status" => Some(OnlineTtl::Status),
                "null" => Some(OnlineTtl::Null),
                other => {
                    let problem = node.place.problem(format!("`online_ttl` cannot be `{other}`"));
                    self.report.problem(problem.remedy("write `status` or `null`"));
                    None
                }
            }
        });
        CompatConfig {
            dask_drop_rows: self.switch(&block, "dask_drop_rows", false),
            on_demand_inputs_in_training_sets: self.switch(
                &block,
                "on_demand_inputs_in_training_sets",
                false,
            ),
            null_entities_are_errors: self.switch(&block, "null_entities_are_errors", false),
            skip_null_writes: self.switch(&block, "skip_null_writes", false),
            older_rows_overwrite: self.switch(&block, "older_rows_overwrite", false),
            large_text_is_json: self.switch(&block, "large_text_is_json", false),
            online_ttl,
        }
    }
}
