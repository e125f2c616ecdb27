//! Runs the command in a temporary feature repo.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The time at which the sample data of all tests end.
pub(crate) const AS_OF: &str = "2026-03-01T12:00:00Z";

/// A feature repo in a temporary folder.
#[derive(Debug)]
pub(crate) struct Repo {
    folder: TempDir,
}

/// What a command printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Repo {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The sample repo, not yet applied.
    pub(crate) fn sample() -> Self {
        let repo = Self::empty();
        larder(&["init", &repo.path().join("repo").display().to_string(), "--as-of", AS_OF]).success();
        repo
    }

    /// The sample repo, applied and materialized up to the end of its data.
    pub(crate) fn materialized() -> Self {
        let repo = Self::sample();
        repo.run(&["apply"]).success();
        repo.run(&["materialize", "2026-01-01", AS_OF]).success();
        repo
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the feature repo.
    pub(crate) fn dir(&self) -> PathBuf {
        self.path().join("repo")
    }

    /// Runs a command on the repo.
    pub(crate) fn run(&self, arguments: &[&str]) -> Printed {
        let dir = self.dir().display().to_string();
        larder(&[&["-c", dir.as_str()], arguments].concat())
    }

    /// A command on the repo, to be started as the caller likes.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("-c").arg(self.dir()).args(arguments);
        command
    }

    /// Replaces text in a file of the repo.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.dir().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not contain {from:?}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
}

/// The program, which keeps compiled components within the target folder.
fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_larder"));
    program.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    program
}

/// Runs a command outside any repo.
pub(crate) fn larder(arguments: &[&str]) -> Printed {
    let output = program().args(arguments).output().unwrap();
    Printed::from(output)
}

impl From<Output> for Printed {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Printed {
    /// The same, after making sure that the command succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard error, after making sure that the command failed with `code`.
    #[track_caller]
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self.stderr
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let printed = self.success();
        serde_json::from_str(&printed.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", printed.stdout))
    }
}

/// A running `larder serve`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts a server on a free port and waits until it listens.
    pub(crate) fn start(repo: &Repo) -> Self {
        Self::start_with(repo, &[])
    }

    /// The same with further flags.
    pub(crate) fn start_with(repo: &Repo, flags: &[&str]) -> Self {
        Self::start_as(repo, "serve", flags)
    }

    /// Starts the server that a verb names.
    pub(crate) fn start_as(repo: &Repo, verb: &str, flags: &[&str]) -> Self {
        let arguments = [&[verb, "-p", "0"], flags].concat();
        let mut child = repo.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "the server ended: {seen}");
            seen.push_str(&line);
            if line.starts_with("Serving")
                && let Some((_, address)) = line.split_once("://")
            {
                break address.trim().to_owned();
            }
        };
        // Goes on reading, so that the server never waits for somebody to read its log.
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = stderr.read_to_end(&mut rest);
        });
        Self { child, address }
    }

    /// Posts JSON; status and body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> std::io::Result<(u16, String)> {
        post(&self.address, path, body)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Ends the server as the kernel would, with no chance to write anything, while others still talk
    /// to it.
    pub(crate) fn interrupt_hard(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    /// Asks the server to stop, and waits for its end.
    pub(crate) fn terminate(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts JSON over a connection of its own.
pub(crate) fn post(address: &str, path: &str, body: &Value) -> std::io::Result<(u16, String)> {
    request(address, "POST", path, &body.to_string())
}

/// Sends a request over a connection of its own.
pub(crate) fn request(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || std::io::Error::other(format!("not an HTTP answer: {answer:?}"));
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    Ok((status, body.to_owned()))
}
