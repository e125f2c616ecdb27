//! The golden repo in a temporary folder, and `larder` on it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::python::Release;

/// The command under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_larder");

/// A feature repo in a temporary folder.
#[derive(Debug)]
pub(crate) struct Repo {
    folder: TempDir,
}

impl Repo {
    /// The golden repo as larder's definitions, applied, and materialized in two steps.
    pub(crate) fn materialized() -> Self {
        let repo = Self::of_larder();
        repo.larder(&["apply"]);
        repo.larder(&["materialize", "2024-01-01T00:00:00", "2024-01-10T12:30:00"]);
        repo.larder(&["materialize-incremental", "2024-01-16T00:00:00"]);
        repo
    }

    /// The golden repo as larder's definitions.
    pub(crate) fn of_larder() -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        copy_folder(&recorded_repo(), repo.path());
        fs::create_dir(repo.path().join("udfs")).unwrap();
        fs::write(repo.path().join("udfs/feast_golden.wasm"), larder_testkit::guests::feast_golden())
            .unwrap();
        repo
    }

    /// The repo that `larder init` makes, in a folder `repo` of its own, applied.
    pub(crate) fn of_template() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().display().to_string();
        let output = Command::new(PROGRAM).args(["init", "--repo-path", &dir, "rides"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let repo = Self { folder };
        repo.larder(&["apply"]);
        repo
    }

    /// A repo with this `feature_store.yaml` and nothing else.
    pub(crate) fn empty(config: &str) -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        repo.add("feature_store.yaml", config);
        repo
    }

    /// The golden repo with on-demand views that read each other, applied and materialized.
    pub(crate) fn of_chains() -> Self {
        let repo = Self::of_larder();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/chains");
        copy_folder(&sources, repo.path());
        fs::write(repo.path().join("udfs/driver_chain.wasm"), larder_testkit::guests::driver_chain())
            .unwrap();
        repo.larder(&["apply"]);
        repo.larder(&["materialize", "2024-01-01T00:00:00", "2024-01-10T12:30:00"]);
        repo
    }

    /// The golden repo, where clients may keep training sets and log answers, applied.
    pub(crate) fn of_history() -> Self {
        let repo = Self::of_larder();
        copy_folder(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/history"),
            repo.path(),
        );
        repo.larder(&["apply"]);
        repo
    }

    /// The golden repo with data quality monitoring and a view of many numbers, whose source is not there yet, applied.
    pub(crate) fn of_measurements() -> Self {
        let repo = Self::of_history();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/monitoring");
        copy_folder(&sources, repo.path());
        repo.add("feature_store.yaml", "data_quality_monitoring: {auto_baseline: false}\n");
        repo.larder(&["apply"]);
        repo
    }

    /// A repo of documents with vectors and of services that are logged, applied and materialized.
    pub(crate) fn of_documents() -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/documents");
        copy_folder(&sources, repo.path());
        repo.larder(&["apply"]);
        repo.larder(&["materialize", "2025-01-01T00:00:00", "2025-02-01T00:00:00"]);
        repo
    }

    /// The golden repo as Python definitions, applied by Feast, with a `SQLite` online store.
    pub(crate) fn of_feast(release: &Release) -> Self {
        let repo = Self::in_python();
        release.feast(repo.path(), &["apply"]);
        repo
    }

    /// The same, not applied, with the registry server at `address`.
    pub(crate) fn of_registry_client(address: &str) -> Self {
        let repo = Self::in_python();
        let file = repo.path().join("feature_store.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let remote = format!("registry: {{registry_type: remote, path: '{address}'}}");
        assert!(text.contains("registry: data/registry.db"), "{text}");
        fs::write(&file, text.replace("registry: data/registry.db", &remote)).unwrap();
        repo
    }

    /// The golden repo as Python definitions, not applied.
    pub(crate) fn in_python() -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        copy_folder(&recorded_repo().join("data"), &repo.path().join("data"));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_client/repo");
        fs::copy(sources.join("feature_repo.py"), repo.path().join("feature_repo.py")).unwrap();
        fs::copy(sources.join("feature_store.yaml"), repo.path().join("feature_store.yaml")).unwrap();
        repo
    }

    /// Where the repo lies.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the command on the repo; its standard output.
    #[track_caller]
    pub(crate) fn larder(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "larder {arguments:?}:\n{stdout}\n{stderr}");
        stdout
    }

    /// Runs the command on the repo, which must fail.
    #[track_caller]
    pub(crate) fn larder_fails(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        assert!(!output.status.success(), "larder {arguments:?} went well");
    }

    /// Names another online store in `feature_store.yaml`.
    pub(crate) fn use_store(&self, kind: &str, path: &str) {
        let file = self.path().join("feature_store.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let start = text.find("online_store:").unwrap();
        let length = text[start..].find("offline_store:").unwrap();
        let block = format!("online_store:\n  type: {kind}\n  path: {path}\n");
        fs::write(&file, [&text[..start], &block, &text[start + length..]].concat()).unwrap();
    }

    /// Adds text at the end of a file, which need not be there.
    pub(crate) fn add(&self, file: &str, text: &str) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.path().join(file)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(self.path()).args(arguments);
        command
    }
}

/// An address on this machine where nobody listens.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A running server of larder's; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Serves the features of a repo over HTTP on a free port.
    pub(crate) fn start(repo: &Repo, flags: &[&str]) -> Self {
        Self::of_command(repo, "serve", flags)
    }

    /// Serves the registry of a repo over gRPC on a free port. Its URL is its address alone.
    pub(crate) fn of_registry(repo: &Repo, flags: &[&str]) -> Self {
        Self::of_command(repo, "serve_registry", flags)
    }

    /// Serves the history of a repo on a free port.
    pub(crate) fn of_history(repo: &Repo, flags: &[&str]) -> Self {
        Self::of_command(repo, "serve_offline", flags)
    }

    fn of_command(repo: &Repo, command: &str, flags: &[&str]) -> Self {
        let arguments = [&[command, "-p", "0"], flags].concat();
        let mut child = repo.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let url = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "the server ended: {seen}");
            seen.push_str(&line);
            if let Some((_, url)) = line.split_once(" on ").filter(|_| line.starts_with("Serving ")) {
                break url.trim().to_owned();
            }
        };
        // Goes on reading, so that the server never waits for somebody to read its log.
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = stderr.read_to_end(&mut rest);
        });
        Self { child, url }
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same without what is spoken there.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").map_or(&self.url, |(_, address)| address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn recorded_repo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded/repo")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
