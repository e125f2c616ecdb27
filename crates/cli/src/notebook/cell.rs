//! A cell of a notebook.

use serde_json::{Value, json};

/// A cell: Markdown to read, or Python to run.
#[derive(Debug)]
pub(crate) struct Cell {
    kind: CellKind,
    source: String,
}

#[derive(Debug)]
enum CellKind {
    Text,
    Code,
    /// Code that only sets variables, which tools that run notebooks may set otherwise.
    Parameters,
}

impl Cell {
    /// Markdown.
    pub(crate) fn text(source: impl Into<String>) -> Self {
        Self { kind: CellKind::Text, source: source.into() }
    }

    /// Python.
    pub(crate) fn code(source: impl Into<String>) -> Self {
        Self { kind: CellKind::Code, source: source.into() }
    }

    /// Python that sets the variables of the notebook.
    pub(crate) fn parameters(source: impl Into<String>) -> Self {
        Self { kind: CellKind::Parameters, source: source.into() }
    }

    /// The cell as it stands in a file, at this position of the notebook.
    pub(crate) fn to_json(&self, position: usize) -> Value {
        let id = format!("cell-{}", position + 1);
        let source: Vec<&str> = self.source.trim_end().split_inclusive('\n').collect();
        let metadata = match self.kind {
            CellKind::Parameters => json!({"tags": ["parameters"]}),
            CellKind::Text | CellKind::Code => json!({}),
        };
        match self.kind {
            CellKind::Text => {
                json!({"cell_type": "markdown", "id": id, "metadata": metadata, "source": source})
            }
            CellKind::Code | CellKind::Parameters => json!({
                "cell_type": "code",
                "execution_count": null,
                "id": id,
                "metadata": metadata,
                "outputs": [],
                "source": source,
            }),
        }
    }
}
