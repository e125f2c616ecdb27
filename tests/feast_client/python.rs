//! Releases of Feast from `PyPI`, and Python scripts that run under them.
//!
//! One virtual environment has what Feast needs; each release lies in a folder of its own beside it, and so does
//! the second generation of a client that Feast needs the first of. All are made once per target folder, in about
//! two minutes, and again when the pinned versions change.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A release of Feast, with the release of dill that it wants.
#[derive(Debug)]
pub(crate) struct Release {
    feast: &'static str,
    dill: &'static str,
}

/// The release that larder is measured against.
pub(crate) const LATEST: &Release = &Release { feast: "0.67.0", dill: "0.4.1" };

/// All releases that must work with larder.
pub(crate) const RELEASES: [&Release; 2] = [LATEST, &Release { feast: "0.66.0", dill: "0.3.9" }];

/// Pythons for which the pinned packages have wheels, best first.
const PYTHONS: [&str; 4] = ["python3.11", "python3.12", "python3.13", "python3"];

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// What runs notebooks.
pub(crate) fn notebook_packages() -> PathBuf {
    folder_with("notebooks", &requirements(include_str!("notebook_requirements.txt")))
}

/// MLflow, server and client.
pub(crate) fn mlflow_packages() -> PathBuf {
    folder_with("mlflow", &requirements(include_str!("mlflow_requirements.txt")))
}

impl Release {
    /// Runs a script of `sessions/`, which must succeed.
    #[track_caller]
    pub(crate) fn session(&self, name: &str, arguments: &[&str]) {
        let mut command = self.python();
        command.arg(script(name)).args(arguments);
        run(&mut command, &format!("session `{name}` under Feast {}", self.feast));
    }

    /// The same, with more packages and with variables of the environment.
    #[track_caller]
    pub(crate) fn session_with(
        &self,
        packages: &Path,
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) {
        let mut command = self.python();
        command.env("PYTHONPATH", std::env::join_paths([&self.packages(&[]), packages]).unwrap());
        command.envs(variables.iter().copied()).arg(script(name)).args(arguments);
        run(&mut command, &format!("session `{name}` under Feast {}", self.feast));
    }

    /// Runs the `feast` command in a folder; its standard output.
    #[track_caller]
    pub(crate) fn feast(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut command = self.python();
        command.args(["-m", "feast.cli.cli"]).args(arguments).current_dir(folder);
        run(&mut command, &format!("`feast {}` of Feast {}", arguments.join(" "), self.feast))
    }

    /// As [`session`](Self::session), with the client of OpenLineage.
    #[track_caller]
    pub(crate) fn lineage_session(&self, name: &str, arguments: &[&str]) {
        let mut command = self.python_beside(&OPENLINEAGE);
        command.arg(script(name)).args(arguments);
        run(&mut command, &format!("session `{name}` under Feast {}", self.feast));
    }

    /// The `feast` command with the client of OpenLineage, in a folder.
    pub(crate) fn feast_with_lineage(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.python_beside(&OPENLINEAGE);
        command.args(["-m", "feast.cli.cli"]).args(arguments).current_dir(folder);
        command
    }

    fn python(&self) -> Command {
        self.python_beside(&[])
    }

    fn python_beside(&self, more: &[&str]) -> Command {
        let mut command = python_with(&self.packages(more));
        // Feast's answers depend on it.
        command.env("FEAST_USAGE", "False").env("TZ", "UTC");
        command
    }

    /// The folder that holds this release, and what else is to be beside it.
    fn packages(&self, more: &[&str]) -> PathBuf {
        let mut packages = vec![format!("feast=={}", self.feast), format!("dill=={}", self.dill)];
        packages.extend(more.iter().copied().map(str::to_owned));
        let beside = if more.is_empty() { "" } else { "-lineage" };
        folder_with(&format!("feast-{}{beside}", self.feast), &packages)
    }
}

/// The client of OpenLineage, and what of its needs is not among the requirements.
const OPENLINEAGE: [&str; 4] =
    ["openlineage-python==1.54.0", "httpx2==2.16.2", "httpcore2==2.16.2", "truststore==0.10.5"];

/// The second generation of the Model Context Protocol's own client. The first, which Feast's server needs, is
/// among the requirements.
const LATEST_MCP: [&str; 5] =
    ["mcp==2.3.0", "mcp-types==2.3.0", "httpx2==2.16.2", "httpcore2==2.16.2", "truststore==0.10.5"];

/// Runs a script of `sessions/` with that client, which must succeed.
#[track_caller]
pub(crate) fn session_of_latest_mcp(name: &str, arguments: &[&str]) {
    let mut command = python_with(&folder_with("mcp", &LATEST_MCP.map(str::to_owned)));
    command.arg(script(name)).args(arguments);
    run(&mut command, &format!("session `{name}`"));
}

fn script(session: &str) -> PathBuf {
    let sessions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/sessions");
    sessions.join(format!("{session}.py"))
}

/// Python with the packages of a folder, which come before those of the environment.
fn python_with(folder: &Path) -> Command {
    let mut command = Command::new(environment().join("bin/python"));
    command.env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A folder with packages, filled on first use.
fn folder_with(name: &str, packages: &[String]) -> PathBuf {
    let folder = environment().join(name);
    once(&folder, &packages.join("\n"), |folder| {
        let mut install = pip(&environment());
        run(install.args(["--no-deps", "--target"]).arg(folder).args(packages), INSTALLING);
        // Once here, rather than with every script.
        let mut compile = Command::new(environment().join("bin/python"));
        run(compile.args(["-m", "compileall", "-q"]).arg(folder), "compiling what was installed");
    });
    folder
}

/// The packages that a file of pinned versions names.
fn requirements(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

const INSTALLING: &str = "installing from PyPI what these tests need";

fn pip(environment: &Path) -> Command {
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip
}

/// The virtual environment with what Feast needs, made on first use.
fn environment() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("feast_client");
    once(&folder, REQUIREMENTS, |folder| {
        let mut create = Command::new(suitable_python());
        run(create.args(["-m", "venv"]).arg(folder), "making a virtual environment");
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS).unwrap();
        run(pip(folder).arg("-r").arg(&requirements), INSTALLING);
    });
    folder
}

/// Makes a folder that is not there yet, or was made from other `versions`. Tests of several processes and
/// threads wait for the one that makes it.
fn once(folder: &Path, versions: &str, make: impl FnOnce(&Path)) {
    let parent = folder.parent().unwrap();
    fs::create_dir_all(parent).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let lock = File::create(parent.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let made = folder.join("made-from.txt");
    if fs::read_to_string(&made).is_ok_and(|from| from == versions) {
        return;
    }
    // What is there was made from other versions, or not to its end.
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    make(folder);
    fs::write(&made, versions).unwrap();
}

fn suitable_python() -> &'static str {
    let suits = |python: &&str| {
        let check = "import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))";
        Command::new(python).args(["-c", check]).output().is_ok_and(|output| output.status.success())
    };
    PYTHONS.into_iter().find(|python| suits(python)).unwrap_or_else(|| {
        panic!(
            "no Python from 3.11 to 3.13 with `venv` was found as {}; these tests run Feast's own client, \
             install one (Debian: `apt install python3 python3-venv`)",
            PYTHONS.join(", ")
        )
    })
}

#[track_caller]
fn run(command: &mut Command, what: &str) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {command:?}: {error}"));
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{what} failed ({}):\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}
