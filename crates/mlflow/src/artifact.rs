//! Artifacts of runs, as files.

use std::fs::File;
use std::path::{Path, PathBuf};

use larder_core::ArtifactFormat;
use serde_json::Value;

use crate::MlflowError;
use crate::server::{Ask, MlflowServer};

/// By way of the server, which knows where its artifacts lie and may read them there.
const DOWNLOAD: &str = "/get-artifact";
const LIST: &str = "/api/2.0/mlflow/artifacts/list";

/// Fetches an artifact into a folder, a file or the files of its format in a folder: where to read it. Blocks.
pub(crate) fn fetch(
    server: &MlflowServer,
    run_id: &str,
    path: &str,
    format: ArtifactFormat,
    folder: &Path,
) -> Result<PathBuf, MlflowError> {
    let answer = server.json(LIST, Ask::Get(&[("run_id", run_id), ("path", path)]))?;
    let listed = answer.get("files").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if listed.is_empty() {
        let file = folder.join(format!("artifact.{}", format.name()));
        download(server, run_id, path, &file)?;
        return Ok(file);
    }
    let ending = format!(".{}", format.name());
    let paths = listed.iter().filter_map(|file| file.get("path")?.as_str());
    let mut count = 0_usize;
    for path in paths.filter(|path| path.ends_with(&ending)) {
        // Numbered, since a name from elsewhere is no name of a file here.
        download(server, run_id, path, &folder.join(format!("part-{count:06}{ending}")))?;
        count += 1;
    }
    if count == 0 {
        return Err(MlflowError::EmptyFolder { path: path.to_owned(), format: format.name() });
    }
    Ok(folder.to_owned())
}

fn download(server: &MlflowServer, run_id: &str, path: &str, file: &Path) -> Result<(), MlflowError> {
    let mut file = File::create_new(file).map_err(MlflowError::TemporaryFile)?;
    server.download(DOWNLOAD, &[("run_id", run_id), ("path", path)], &mut file)
}
