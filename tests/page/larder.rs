//! A registry in a temporary folder, and `larder` serving it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running `larder`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Larder {
    child: Child,
    pub(crate) address: String,
}

impl Larder {
    /// Starts a command of the repo in `folder` that says on which address it listens.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.arg("-c").arg(folder).args(arguments).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "{arguments:?} ended");
            if let Some((_, rest)) = line.split_once("://") {
                break rest.trim().trim_end_matches("/api/v1").to_owned();
            }
        };
        // Goes on reading, so that the server never waits for somebody to read its log.
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = stderr.read_to_end(&mut rest);
        });
        Self { child, address }
    }

    /// Posts an object to the registry, which must take it.
    #[track_caller]
    pub(crate) fn post(&self, kind: &str, object: &Value) {
        let body = object.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "POST /api/v1/{kind} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 20"), "{kind} {object}: {reply}");
    }
}

impl Drop for Larder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the `feature_store.yaml` of a project.
pub(crate) fn configure(folder: &Path, project: &str) {
    let config = format!("project: {project}\nprovider: local\nregistry: registry.db\n");
    fs::write(folder.join("feature_store.yaml"), config).unwrap();
}
