//! How long a request for a view takes, alone and beside views that loop, recurse and eat memory: a real
//! server, connections kept open, one client for each hostile view.
//!
//! ```sh
//! cargo run --release -p larder --example hostile_neighbours
//! ```

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "it prints how long real requests take, and stops where anything fails"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use larder::{FeatureStore, ServerOptions};
use larder_testkit::guests;
use larder_testkit::raw_guest::RawGuest;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const REQUESTS: u32 = 2_000;
const HOSTILE: [&str; 4] = ["loops", "recurses", "eats_memory", "huge_output"];

/// One open connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Asks for a view, and returns the status.
    fn ask(&mut self, view: &str) -> u16 {
        let body = format!("{{\"features\": [\"{view}:out\"], \"entities\": {{\"value\": [7]}}}}");
        let head = "POST /get-online-features HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n";
        write!(self.0.get_mut(), "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest.get(..3).unwrap().parse().unwrap();
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        self.0.read_exact(&mut vec![0; length]).unwrap();
        status
    }
}

fn definitions() -> String {
    let mut text = "
data_sources:
  - {name: anything, type: request, schema: [{name: value, dtype: Int64}]}
on_demand_feature_views:
  - name: good
    sources: [anything]
    schema: [{name: out, dtype: Int64}]
    transformation: {component: good.wasm, function: f}
"
    .to_owned();
    for view in HOSTILE {
        let value_type = if view == "huge_output" { "Bytes" } else { "Int64" };
        text.push_str(&format!(
            "  - name: {view}
    sources: [anything]
    schema: [{{name: out, dtype: {value_type}}}]
    transformation: {{component: hostile.wasm}}
"
        ));
    }
    text
}

/// Asks for the good view again and again, and prints how long that took.
fn measure(name: &str, address: SocketAddr) {
    let mut client = Client::connect(address);
    let mut times: Vec<Duration> = (0..REQUESTS)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(client.ask("good"), 200);
            start.elapsed()
        })
        .collect();
    times.sort();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small number"
        )]
        let index = (f64::from(REQUESTS - 1) * share) as usize;
        times.get(index).copied().unwrap_or_default()
    };
    println!("{name:<24} p50 {:>10.1?}  p90 {:>10.1?}  p99 {:>10.1?}", at(0.5), at(0.9), at(0.99));
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("feature_store.yaml", b"project: neighbours\nregistry: registry.db\nprovider: local\n");
    write("definitions.yaml", definitions().as_bytes());
    write("good.wasm", &RawGuest::default().module());
    write("hostile.wasm", guests::hostile_behaviours());
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (address, server) = tokio.block_on(async {
        let store = Arc::new(FeatureStore::open(folder.path()).await.unwrap());
        store.apply().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = async { drop(stopped.await) };
        let serve = store.serve(listener, Duration::ZERO, ServerOptions::default(), shutdown);
        (address, tokio::spawn(serve))
    });
    measure("alone", address);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for view in HOSTILE {
            let done = &done;
            scope.spawn(move || {
                let mut client = Client::connect(address);
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(client.ask(view), 500);
                }
            });
        }
        measure("beside hostile views", address);
        done.store(true, Ordering::Relaxed);
    });
    measure("alone again", address);
    drop(stop);
    tokio.block_on(server).unwrap().unwrap();
}
