//! The second notebook: training sets.

use super::cell::Cell;
use super::markdown::escaped;
use super::project::NotebookProject;
use super::sections::{entity_rows, flags, sections};

pub(crate) fn cells(project: &NotebookProject) -> Vec<Cell> {
    let title = format!(
        "# Training sets of project {}\n\n\
         Features joined to rows of entities as of the time of each row, so that nothing of its future is in it.\n\n\
         Needs pandas and pyarrow.",
        escaped(&project.name)
    );
    let mut cells = vec![Cell::text(title), Cell::text("## 1. Setup")];
    cells.extend(project.setup());
    cells.push(Cell::text(
        "## 2. Rows of entities\n\nA training set begins with rows that say about whom and as of when. Here they are \
         a few entities that the sources know; a project of yours has its own, with labels beside them.",
    ));
    cells.push(Cell::code(include_str!("cells/entity_rows.py")));
    cells.extend(sections(project, 3, |retrieval, inputs| {
        Ok(format!(
            "{}if rows:\n\
             \x20   training = training_set(at_times(rows, [as_of - timedelta(days=1), as_of]), {})\n\
             \x20   print(f\"{{len(training)}} rows, {{training.isna().sum().sum()}} values are null\")\n\
             \x20   display(training)",
            entity_rows(inputs),
            flags(retrieval, inputs),
        ))
    }));
    cells.push(Cell::text(
        "## Next\n\n\
         - `larder get-historical-features --save-as NAME` keeps a training set as a dataset of the registry.\n\
         - `03_online_features_serving.ipynb`: the same features for a model that serves.",
    ));
    cells
}
