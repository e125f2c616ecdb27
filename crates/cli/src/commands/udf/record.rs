//! `larder udf record`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use larder_core::{Clock as _, SystemClock, TransformationLimits};
use larder_workbench::{CaseOptions, Meter, MeteredFunction, RecordedRows, TEST_FILE_ENDING, recorded_case};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{blocking, function};
use crate::repo::Repo;
use crate::server_client::ServerClient;
use crate::udf_arguments::RecordArguments;

/// The first line of the server's answer.
#[derive(Deserialize)]
struct Head {
    component: String,
    function: String,
}

/// Every further line.
#[derive(Deserialize)]
struct Row {
    given: Map<String, Value>,
    expect: Map<String, Value>,
}

pub(super) async fn run(repo: &Repo, arguments: &RecordArguments, quiet: bool) -> Result<()> {
    let name = arguments.output.file_name().unwrap_or_default().to_string_lossy();
    if !name.ends_with(TEST_FILE_ENDING) {
        bail!("`{}` is no test file; call it `NAME{TEST_FILE_ENDING}`", arguments.output.display());
    }
    let store = repo.open().await?;
    let server = match arguments.server {
        Some(server) => server,
        None => store.server_address().await.context(
            "no server serves this project; start one with `larder serve --recording`, or name it with `--server`",
        )?,
    };
    let server = ServerClient::of(&store, server).await?;
    let (head, recorded) = receive(server, arguments, quiet).await?;
    let (folder, view) = (store.repo().to_owned(), arguments.view.clone());
    let (output, redacted) = (arguments.output.clone(), arguments.redact.clone());
    let given_component = arguments.component.clone();
    let registered = store.config().registry.path.with_file_name("components");
    let rows = recorded.given.len();
    let case = blocking(move || {
        let meter = function::meter()?;
        let file = match given_component {
            Some(file) => file,
            None => find(&folder, &registered, &head.component, &meter)?,
        };
        let function = open(&file, &head, &meter)?;
        let now = SystemClock.now();
        let component = relative(&file, output.parent().unwrap_or(Path::new("")))?;
        let options = CaseOptions {
            component: &component,
            name: &format!("recorded {now}"),
            remark: &format!("{rows} rows of on-demand feature view {view}, as served."),
            redacted: &redacted,
        };
        Ok(recorded_case(&function, &recorded, &options)?)
    })
    .await?;
    let cannot = || format!("`{}` cannot be written", arguments.output.display());
    let mut file =
        OpenOptions::new().create(true).append(true).open(&arguments.output).with_context(cannot)?;
    file.write_all(case.as_bytes()).with_context(cannot)?;
    eprintln!("{rows} rows recorded in {}; test them with `larder udf test {0}`", arguments.output.display());
    Ok(())
}

/// Waits for the rows.
async fn receive(
    server: ServerClient,
    arguments: &RecordArguments,
    quiet: bool,
) -> Result<(Head, RecordedRows)> {
    let wanted = usize::try_from(arguments.rows)?;
    let mut head = None;
    let mut recorded = RecordedRows { given: Vec::new(), expect: Vec::new() };
    let body = json!({"view": arguments.view, "rows": wanted});
    let each = |line: &[u8]| {
        if head.is_none() {
            head = Some(serde_json::from_slice::<Head>(line).context("the server's answer is no recording")?);
            if !quiet {
                eprintln!("waiting for {wanted} rows of `{}`", arguments.view);
            }
            return Ok(());
        }
        let Row { given, expect } = serde_json::from_slice(line).context("the server's answer is no row")?;
        recorded.given.push(given);
        recorded.expect.push(expect);
        Ok(())
    };
    server.post_for_lines("/v1/record", &body, each).await?;
    let head = head.context("the server ended its answer at once")?;
    if recorded.given.len() < wanted {
        bail!("the server ended its answer after {} of {wanted} rows", recorded.given.len());
    }
    Ok((head, recorded))
}

fn open(file: &Path, head: &Head, meter: &Meter) -> Result<MeteredFunction> {
    let component = meter.load(function::read(file)?).with_context(|| format!("`{}`", file.display()))?;
    if component.inspected().digest.to_string() != head.component {
        bail!("`{}` is not the component that is served; its sha256 is another", file.display());
    }
    let function = component.function(&head.function, TransformationLimits::default());
    function.with_context(|| format!("`{}` has no function `{}`", file.display(), head.function))
}

/// The file of the repo that is the component, or else the registry's copy.
fn find(folder: &Path, registered: &Path, digest: &str, meter: &Meter) -> Result<PathBuf> {
    /// Deeper than any repo; also the end of any loop of links.
    const DEEPEST: usize = 8;
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) =
            std::fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder })
        else {
            continue;
        };
        for path in entries.flatten().map(|entry| folder.join(entry.file_name())) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || matches!(name.as_str(), "data" | "target" | "node_modules") {
                continue;
            }
            if path.is_dir() {
                if depth < DEEPEST {
                    folders.push((path, depth + 1));
                }
            } else if path.extension().is_some_and(|ending| ending == "wasm")
                && let Ok(bytes) = std::fs::read(&path)
                && meter.digest(bytes.into()).is_ok_and(|found| found.to_string() == digest)
            {
                return Ok(path);
            }
        }
    }
    let copy = registered.join(format!("{digest}.wasm"));
    if copy.is_file() {
        return Ok(copy);
    }
    bail!("no file of the repo is the component that is served (sha256 {digest}); name it with `--component`")
}

/// The path of a file from a folder.
fn relative(file: &Path, folder: &Path) -> Result<String> {
    let (file, folder) = (std::path::absolute(file)?, std::path::absolute(folder)?);
    let normal = |path: &Path| -> Vec<String> {
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                Component::ParentDir => drop(parts.pop()),
                Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
                _ => {}
            }
        }
        parts
    };
    let (file, folder) = (normal(&file), normal(&folder));
    let shared = file.iter().zip(&folder).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..".to_owned(), folder.len() - shared);
    Ok(up.chain(file.into_iter().skip(shared)).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_named_from_the_folder_of_the_tests() {
        for (file, folder, path) in [
            ("/repo/udfs/a.wasm", "/repo/udfs", "a.wasm"),
            ("/repo/udfs/a.wasm", "/repo/tests/more", "../../udfs/a.wasm"),
            ("/repo/x/../a.wasm", "/repo", "a.wasm"),
        ] {
            assert_eq!(relative(Path::new(file), Path::new(folder)).unwrap(), path);
        }
    }
}
