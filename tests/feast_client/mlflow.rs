//! MLflow's own server: its datasets and artifacts as sources, and what it is told.

use crate::larder::{PROGRAM, Repo};
use crate::python;

/// Runs a session with a server of MLflow's, in an empty folder.
fn run(session: &str) {
    let repo = Repo::empty("");
    let folder = repo.path().display().to_string();
    let packages = python::mlflow_packages();
    python::LATEST.session_with(&packages, "mlflow_server", &[session, &folder, PROGRAM], &[]);
}

#[test]
fn records_and_artifacts_are_read_as_feast_reads_them() {
    run("reads");
}

#[test]
fn records_are_taken_over_once_and_what_is_new_of_them_again() {
    run("takes_over");
}

#[test]
fn a_server_that_asks_who_comes_is_shown_the_token_and_no_other_server_is() {
    run("shows_tokens");
}
