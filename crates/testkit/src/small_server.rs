//! A server of JSON over HTTP/1.1, one request a connection, for what larder asks other systems.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// A server that listens on this machine until it is dropped.
#[derive(Debug)]
pub(crate) struct SmallServer {
    address: SocketAddr,
    url: String,
    is_over: Arc<AtomicBool>,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmallRequest {
    /// Method, path and query: `GET /keys?all=1`.
    pub(crate) target: String,
    /// The token of `Authorization: Bearer`.
    pub(crate) token: Option<String>,
    pub(crate) body: String,
    /// Where the server is.
    pub(crate) base: String,
}

impl SmallServer {
    /// Answers every request with a status and JSON, over TLS where there is a configuration for it.
    pub(crate) fn start(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&SmallRequest) -> (u16, Value) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it listens");
        let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, base) = (Arc::clone(&is_over), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                // A client that goes away is its own matter.
                let _answered = stream.and_then(|stream| match &tls {
                    None => serve(stream, &base, &answer),
                    Some(tls) => {
                        let connection =
                            ServerConnection::new(Arc::clone(tls)).map_err(std::io::Error::other)?;
                        serve(StreamOwned::new(connection, stream), &base, &answer)
                    }
                });
            }
        });
        Self { address, url, is_over }
    }

    /// Where it is, without a path.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for SmallServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread, which then sees that it is over.
        let _woken = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: impl Read + Write,
    base: &str,
    answer: &impl Fn(&SmallRequest) -> (u16, Value),
) -> std::io::Result<()> {
    let request = SmallRequest { base: base.to_owned(), ..read_request(&mut stream)? };
    let (status, answer) = answer(&request);
    let answer = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )?;
    stream.flush()
}

fn read_request(stream: impl Read) -> std::io::Result<SmallRequest> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut length, mut token) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or_default(),
            "authorization" => {
                let scheme_and_token = value.trim().split_once(' ');
                let bearer = scheme_and_token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
                token = bearer.map(|(_, token)| token.to_owned());
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let target = first.rsplit_once(' ').map(|(target, _version)| target.to_owned()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(SmallRequest { target, token, body, base: String::new() })
}
