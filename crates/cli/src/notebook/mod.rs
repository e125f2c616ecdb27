//! Jupyter notebooks that show a project at work: files in the format of nbformat 4.5, whose cells ask larder by its
//! command line, its servers and Feast's client.
//!
//! Python that is the same for every project lies in `cells/`. What is a project's own stands in the cells as
//! literals ([`python`]) and as text that stays text ([`markdown`]), since names and descriptions come from whoever
//! may write to a registry.

mod cell;
mod client;
mod markdown;
mod overview;
mod project;
mod python;
mod sections;
mod serving;
mod training;

pub(crate) use project::NotebookProject;

use serde_json::{Value, json};

use cell::Cell;

/// A notebook of Python: its file's name, and its cells in order.
#[derive(Debug)]
pub(crate) struct Notebook {
    /// The file's name.
    pub(crate) file: &'static str,
    cells: Vec<Cell>,
}

/// The notebooks of a project, in the order in which they are read.
pub(crate) fn notebooks(project: &NotebookProject) -> Vec<Notebook> {
    vec![
        Notebook { file: "01_feature_store_overview.ipynb", cells: overview::cells(project) },
        Notebook { file: "02_historical_features_training.ipynb", cells: training::cells(project) },
        Notebook { file: "03_online_features_serving.ipynb", cells: serving::cells(project) },
        Notebook { file: "04_feast_client.ipynb", cells: client::cells(project) },
    ]
}

impl Notebook {
    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let cells: Vec<Value> =
            self.cells.iter().enumerate().map(|(position, cell)| cell.to_json(position)).collect();
        let document = json!({
            "cells": cells,
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        });
        format!("{document:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notebook_is_a_document_of_nbformat_4_5() {
        let cells = vec![Cell::text("# A\n\nb"), Cell::parameters("A = 1\n"), Cell::code("print(A)")];
        let text = Notebook { file: "a.ipynb", cells }.text();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&document["nbformat"], &document["nbformat_minor"]), (&json!(4), &json!(5)));
        assert_eq!(
            document["cells"],
            json!([
                {"cell_type": "markdown", "id": "cell-1", "metadata": {}, "source": ["# A\n", "\n", "b"]},
                {"cell_type": "code", "execution_count": null, "id": "cell-2", "metadata": {"tags": ["parameters"]},
                 "outputs": [], "source": ["A = 1"]},
                {"cell_type": "code", "execution_count": null, "id": "cell-3", "metadata": {}, "outputs": [],
                 "source": ["print(A)"]},
            ])
        );
    }
}
