//! A server that speaks TLS, with a certificate that is made here.

use std::path::PathBuf;

use larder_serving::{ServerCertificate, ServerOptions, connect_to_certificate};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::Running;

struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
    der: Vec<u8>,
}

fn files() -> Files {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    Files { _folder: folder, certificate, key, der: signed.cert.der().to_vec() }
}

async fn start(files: &Files) -> Running {
    let certificate = ServerCertificate::load(&files.certificate, &files.key).unwrap();
    assert_eq!(certificate.der(), files.der);
    Running::start_with(ServerOptions { certificate: Some(certificate), ..ServerOptions::default() }).await
}

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_client_that_knows_the_certificate_is_answered() {
    let files = files();
    let running = start(&files).await;
    for request in [HEALTH, b"GET /metrics/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"] {
        let stream = TcpStream::connect(running.address).await.unwrap();
        let mut stream = connect_to_certificate(stream, &files.der).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let expected =
            if request == HEALTH { "HTTP/1.1 200 OK" } else { "location: https://localhost/metrics" };
        assert!(answer.contains(expected), "{answer}");
    }
}

#[tokio::test]
async fn another_certificate_and_plain_http_are_refused() {
    let files = files();
    let running = start(&files).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let error = connect_to_certificate(stream, &self::files().der).await.unwrap_err();
    assert!(error.to_string().contains("another certificate"), "{error}");
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(HEALTH).await.unwrap();
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1"), "{answer:?}");
}

#[tokio::test]
async fn files_that_hold_something_else_are_named() {
    let files = files();
    let load = |certificate: &PathBuf, key: &PathBuf| {
        ServerCertificate::load(certificate, key).unwrap_err().to_string()
    };
    assert!(load(&files.key, &files.key).starts_with("a certificate cannot be read from"));
    assert!(load(&files.certificate, &files.certificate).starts_with("a key cannot be read from"));
    assert!(load(&PathBuf::from("nowhere.pem"), &files.key).contains("nowhere.pem"));
    let others = self::files();
    assert!(load(&files.certificate, &others.key).contains("cannot be used together"));
}
