//! The tools that build a transformation: where they are, what they are told, and how to get them.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use larder_core::{Error, ErrorKind};

use super::project::Project;
use crate::arguments::Language;

const WORLD: &str = "on-demand-feature-view";
const RUST_TARGET: &str = "wasm32-unknown-unknown";
const COMPONENTIZE_JS: &str = "node_modules/@bytecodealliance/componentize-js/src/cli.js";

/// A tool that is not there, and how to get it.
#[derive(Debug)]
pub(super) struct Missing {
    dir: PathBuf,
    what: &'static str,
    /// Commands to be run in the folder, by hand or by `--install`.
    pub(super) commands: Vec<Vec<String>>,
    /// What else there is to say.
    remark: &'static str,
    /// Whether the commands change nothing but the folder and the user's own toolchain.
    pub(super) installable: bool,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing", self.what)?;
        if !self.commands.is_empty() {
            f.write_str("; install it:\n")?;
            if self.installable {
                write!(f, "\n    cd {}", self.dir.display())?;
            }
            for command in &self.commands {
                write!(f, "\n    {}", command.join(" "))?;
            }
            f.write_str("\n")?;
        }
        if self.installable {
            f.write_str("\nor let `larder udf build --install` do it")?;
        }
        f.write_str(self.remark)
    }
}

impl std::error::Error for Missing {}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        Self::new(ErrorKind::Unavailable, missing)
    }
}

/// The command that builds a project, and where it puts what it makes.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) command: Command,
    /// The file that is made, unless the command tells it in cargo's JSON.
    pub(super) artifact: Option<PathBuf>,
}

/// Finds the tools for a project.
pub(super) fn find(project: &Project) -> Result<Build, Missing> {
    match project.language {
        Language::Rust => rust(project),
        Language::Python => python(project),
        Language::Js => js(project),
        Language::C => c(project),
    }
}

fn rust(project: &Project) -> Result<Build, Missing> {
    let (Some(cargo), Some(rustc)) = (on_path("cargo"), on_path("rustc")) else {
        return Err(missing(project, "Rust", &[], "; install it with rustup, from https://rustup.rs"));
    };
    let libraries = answer(Command::new(rustc).current_dir(&project.dir).args([
        "--print",
        "target-libdir",
        "--target",
        RUST_TARGET,
    ]));
    if !libraries.is_some_and(|path| Path::new(&path).is_dir()) {
        let mut target = missing(
            project,
            "the target wasm32-unknown-unknown of Rust",
            &["rustup target add wasm32-unknown-unknown"],
            "",
        );
        target.installable = on_path("rustup").is_some();
        return Err(target);
    }
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--target", RUST_TARGET, "--message-format=json-render-diagnostics"]);
    Ok(Build { command, artifact: None })
}

fn python(project: &Project) -> Result<Build, Missing> {
    let environment = project.hidden().join("python");
    let scripts = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let own = executable(&scripts.join("componentize-py"));
    let Some(tool) = own.clone().or_else(|| on_path("componentize-py")) else {
        let Some(python) = ["python3", "python"].into_iter().find(|name| on_path(name).is_some()) else {
            let remark = "; install Python 3.10 or later with `venv` and `pip`, from https://www.python.org, or on \
                          Debian and Ubuntu with `apt-get install python3-venv`";
            return Err(missing(project, "Python", &[], remark));
        };
        let install = [
            format!("{python} -m venv .larder/python"),
            format!(
                ".larder/python/{} -m pip install -r requirements.txt",
                if cfg!(windows) { "Scripts/python" } else { "bin/python" }
            ),
        ];
        let mut tool = missing(project, "componentize-py", &[&install[0], &install[1]], "");
        tool.installable = true;
        return Err(tool);
    };
    let (artifact, mut command) = (artifact(project), Command::new(tool));
    if own.is_some() {
        // So that the packages of `requirements.txt` are found.
        command.env("VIRTUAL_ENV", &environment);
    }
    command.args(["--wit-path", "wit", "--world", WORLD, "componentize", "udf", "--stub-wasi", "--output"]);
    command.arg(&artifact);
    Ok(Build { command, artifact: Some(artifact) })
}

fn js(project: &Project) -> Result<Build, Missing> {
    let (Some(node), Some(_)) = (on_path("node"), on_path("npm")) else {
        let remark = "; install it with npm, version 20 or later, from https://nodejs.org";
        return Err(missing(project, "Node.js", &[], remark));
    };
    let Some(tool) = project.dir.ancestors().map(|dir| dir.join(COMPONENTIZE_JS)).find(|tool| tool.is_file())
    else {
        let mut tool = missing(project, "componentize-js", &["npm install"], "");
        tool.installable = true;
        return Err(tool);
    };
    let (artifact, mut command) = (artifact(project), Command::new(node));
    command.arg(tool).args(["udf.js", "--wit", "wit", "--world-name", WORLD, "--out"]).arg(&artifact);
    // The world has none of them.
    command.args(["--disable", "stdio", "random", "clocks", "http", "fetch-event"]);
    Ok(Build { command, artifact: Some(artifact) })
}

fn c(project: &Project) -> Result<Build, Missing> {
    let kit = env::var_os("WASI_SDK_PATH").filter(|kit| !kit.is_empty()).map(PathBuf::from);
    let clang = match &kit {
        Some(kit) => executable(&kit.join("bin/clang")),
        None => on_path("clang"),
    };
    let lacking = |what| {
        let packages = "sudo apt-get install clang lld libclang-rt-dev-wasm32 wasi-libc";
        let remark = "\n(Debian and Ubuntu; on other systems unpack https://github.com/WebAssembly/wasi-sdk and name \
                      its folder in the variable WASI_SDK_PATH)";
        missing(project, what, &[packages], remark)
    };
    let Some(clang) = clang else { return Err(lacking("clang")) };
    let ask = |question: &str| {
        answer(Command::new(&clang).args(["--target=wasm32-wasi", question])).map(PathBuf::from)
    };
    // What clang does not find it answers as a bare name.
    let linker = ask("--print-prog-name=wasm-ld");
    if !linker.is_some_and(|path| path.is_absolute() || on_path("wasm-ld").is_some()) {
        return Err(lacking("wasm-ld, the linker of lld"));
    }
    if !ask("--print-file-name=libc.a").is_some_and(|path| path.is_absolute()) {
        return Err(lacking("wasi-libc, the C library for wasm"));
    }
    if !ask("--print-libgcc-file-name").is_some_and(|path| path.is_file()) {
        return Err(lacking("compiler-rt for wasm32"));
    }
    let (artifact, mut command) = (artifact(project), Command::new(clang));
    command.args(["--target=wasm32-wasi", "-mexec-model=reactor", "-std=c11", "-O2", "-Wall", "-s", "udf.c"]);
    command.args(["bindings/on_demand_feature_view.c", "bindings/on_demand_feature_view_component_type.o"]);
    command.arg("-o").arg(&artifact);
    Ok(Build { command, artifact: Some(artifact) })
}

fn missing(project: &Project, what: &'static str, commands: &[&str], remark: &'static str) -> Missing {
    let commands = commands.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect();
    Missing { dir: project.dir.clone(), what, commands, remark, installable: false }
}

/// Where a build in other languages than Rust leaves its file.
fn artifact(project: &Project) -> PathBuf {
    project.hidden().join("build/udf.wasm")
}

/// What a command prints, if it can be run and succeeds.
fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The program of this name on the user's path.
fn on_path(name: &str) -> Option<PathBuf> {
    let path: OsString = env::var_os("PATH")?;
    env::split_paths(&path).find_map(|folder| executable(&folder.join(name)))
}

/// The file of a program that is called so.
fn executable(path: &Path) -> Option<PathBuf> {
    let endings: &[&str] = if cfg!(windows) { &["exe", "cmd", "bat"] } else { &[""] };
    endings.iter().map(|ending| path.with_extension(ending)).find(|file| file.is_file())
}
