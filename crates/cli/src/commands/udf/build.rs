//! `larder udf build`: from the source to a component that was checked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use larder_core::{Error, Field, InspectedComponent, TransformationSignature};
use serde::Deserialize;
use serde_json::json;

use super::project::Project;
use super::toolchain::{self, Build, Missing};
use crate::arguments::BuildUdfArguments;

/// Bytes of a component from which on the wait deserves a remark.
const SLOW_TO_COMPILE: usize = 1 << 20;

pub(super) async fn run(arguments: &BuildUdfArguments, quiet: bool) -> Result<()> {
    let project = Project::open(&arguments.path)?;
    let build = match toolchain::find(&project) {
        Ok(build) => build,
        Err(missing) if arguments.install && missing.installable => install(&project, &missing)?,
        Err(missing) => return Err(Error::from(missing).into()),
    };
    let artifact = make(&project, build, quiet)?;
    let bytes = fs::read(&artifact).with_context(|| format!("`{}` cannot be read", artifact.display()))?;
    if !quiet && bytes.len() > SLOW_TO_COMPILE {
        eprintln!("checking the component, which takes some seconds");
    }
    // Compiled code of earlier builds: tens of megabytes each in some languages.
    drop(fs::remove_dir_all(project.hidden().join("components")));
    let runtime = larder::udf_runtime(Some(project.hidden()))?;
    let component = runtime.inspect(bytes.into()).await?;
    let in_folder = || arguments.path.join(format!("{}.wasm", project.name()));
    let file = arguments.output.clone().unwrap_or_else(in_folder);
    fs::write(&file, &component.bytes).with_context(|| format!("`{}` cannot be written", file.display()))?;
    report(&file, &component, arguments.json);
    Ok(())
}

/// Runs the commands that bring what is missing, and looks again.
fn install(project: &Project, missing: &Missing) -> Result<Build> {
    for command in &missing.commands {
        let [program, arguments @ ..] = command.as_slice() else { continue };
        // A path in the folder is one from there, not from here.
        let program = if program.contains('/') { project.dir.join(program) } else { PathBuf::from(program) };
        let mut install = Command::new(program);
        install.args(arguments).stdout(Stdio::from(io::stderr()));
        run_in(project, &mut install, false)?;
    }
    toolchain::find(project).map_err(|missing| Error::from(missing).into())
}

/// Builds the project; the file that was made.
fn make(project: &Project, build: Build, quiet: bool) -> Result<PathBuf> {
    let Build { mut command, artifact } = build;
    let Some(artifact) = artifact else {
        let messages = run_in(project, command.stdout(Stdio::piped()), quiet)?;
        return artifact_of_cargo(&messages, &project.dir.join("Cargo.toml")).with_context(|| {
            format!("`{}` makes no wasm library; say `crate-type = [\"cdylib\"]`", project.dir.display())
        });
    };
    if let Some(folder) = artifact.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create folder `{}`", folder.display()))?;
    }
    // Should the tool make nothing, then not the last one's file counts.
    drop(fs::remove_file(&artifact));
    run_in(project, command.stdout(Stdio::from(io::stderr())), quiet)?;
    Ok(artifact)
}

/// Runs a command in the project's folder, which must succeed; what it printed where that is piped.
fn run_in(project: &Project, command: &mut Command, quiet: bool) -> Result<String> {
    let shown = shown(command);
    if !quiet {
        eprintln!("running {shown}");
    }
    let child = command.current_dir(&project.dir).stdin(Stdio::null()).spawn();
    let output = child
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("`{shown}` cannot be run"))?;
    if !output.status.success() {
        bail!("the build failed: `{shown}` ended with {}; its own words are above", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A message of cargo, as far as it matters here.
#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The `.wasm` file that cargo says it made of the crate at `manifest`.
fn artifact_of_cargo(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let made = messages.lines().filter_map(|line| serde_json::from_str::<CargoMessage>(line).ok());
    made.filter(|message| message.reason == "compiler-artifact" && message.manifest_path == manifest)
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

fn report(file: &Path, component: &InspectedComponent, as_json: bool) {
    let InspectedComponent { bytes, digest, signatures } = component;
    if as_json {
        let fields = |fields: &[Field]| {
            let fields = fields.iter().map(|f| json!({"name": f.name, "dtype": f.value_type.to_string()}));
            fields.collect::<Vec<_>>()
        };
        let functions = signatures.iter().map(|signature| {
            let TransformationSignature { name, inputs, outputs } = signature;
            json!({"name": name, "inputs": fields(inputs), "outputs": fields(outputs)})
        });
        let report = json!({
            "path": file,
            "bytes": bytes.len(),
            "sha256": digest.to_string(),
            "functions": functions.collect::<Vec<_>>(),
        });
        println!("{report:#}");
        return;
    }
    println!("{}  {} bytes  sha256 {digest}", file.display(), bytes.len());
    for signature in signatures {
        let fields = |fields: &[Field]| {
            let fields = fields.iter().map(|field| format!("{}: {}", field.name, field.value_type));
            fields.collect::<Vec<_>>().join(", ")
        };
        println!("  {}({}) -> {}", signature.name, fields(&signature.inputs), fields(&signature.outputs));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_itself_is_told_from_its_libraries() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/x/vendor/Cargo.toml","filenames":["/t/other.wasm"]}
            {"reason":"compiler-artifact","manifest_path":"/x/Cargo.toml","filenames":["/t/mine.rlib","/t/mine.wasm"]}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(artifact_of_cargo(messages, Path::new("/x/Cargo.toml")), Some("/t/mine.wasm".into()));
        assert_eq!(artifact_of_cargo(messages, Path::new("/y/Cargo.toml")), None);
    }
}
