//! What Feast's gRPC servers answered, beside what larder's answer to the same bytes.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "the helpers of a test fail as tests do")]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array as _, Float64Array, RecordBatch};
use arrow::ipc::reader::FileReader;
use bytes::{Buf as _, Bytes};
use feast_compat::{GoldenRepo, Online, Stage, scenarios};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use larder::{DoorOptions, FeatureStore};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Scenarios in which Feast fails, with what it says, and larder answers: Feast takes no request data over gRPC.
const FAILS_IN_FEAST: &[(&str, &str)] = &[(
    "grpc_get_online_features_service",
    "Value with native type value cannot be converted into Feast value type",
)];

/// Scenarios that write a typed time: seconds, which Feast takes for nanoseconds. The time that it then answers, and
/// the one that larder does: 1970-01-01T00:00:01Z and 2024-01-20T12:00:00Z, encoded.
const SECONDS_AS_NANOSECONDS: ([&str; 2], &str, &str) =
    (["grpc_push_typed", "grpc_write_typed"], "1a020801", "1a0608c0ebaead06");

/// A server of gRPC, and a connection to it.
struct Grpc {
    sender: http2::SendRequest<Full<Bytes>>,
    tasks: [JoinHandle<()>; 2],
}

/// How a call ended.
struct Answer {
    /// The number of the status; 0 is good.
    status: u32,
    /// What the status says.
    message: String,
    /// The encoded message.
    bytes: Bytes,
}

impl Grpc {
    /// Features, as `larder listen` serves them.
    async fn features(store: &Arc<FeatureStore>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let forever = std::future::pending();
        let listen = Arc::clone(store).listen(listener, Duration::ZERO, DoorOptions::default(), forever);
        let server = tokio::spawn(async { listen.await.unwrap() });
        Self::connected(TcpStream::connect(address).await.unwrap(), server).await
    }

    /// Transformations, as `larder serve_transformations` serves them.
    async fn transformations(store: &Arc<FeatureStore>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (store, door, forever) = (Arc::clone(store), DoorOptions::default(), std::future::pending());
        let serve = store.serve_transformations(listener, Duration::ZERO, door, forever);
        let server = tokio::spawn(async { serve.await.unwrap() });
        Self::connected(TcpStream::connect(address).await.unwrap(), server).await
    }

    async fn connected(stream: TcpStream, server: JoinHandle<()>) -> Self {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async {
            let _ = connection.await;
        });
        Self { sender, tasks: [server, connection] }
    }

    async fn call(&mut self, method: &str, message: &[u8]) -> Answer {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let body = [&[0], &length[..], message].concat();
        let request = Request::post(format!("http://server{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        // A call that fails at once has its status in the head.
        let told = |name: &str| {
            let value = trailers.get(name).or_else(|| head.headers.get(name));
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let status = told("grpc-status").unwrap().parse().unwrap();
        let message = told("grpc-message").unwrap_or_default().replace("%20", " ");
        let mut bytes = body.to_bytes();
        if bytes.len() >= 5 {
            bytes.advance(5);
        }
        Answer { status, message, bytes }
    }

    fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn calls_for_features_are_answered_byte_for_byte() {
    let repo = GoldenRepo::at(Stage::Two, Online::Sqlite).await;
    let mut grpc = Grpc::features(&repo.store).await;
    let mut equal = 0;
    for (name, scenario) in scenarios("grpc") {
        if name == "transformation_service" {
            continue;
        }
        for call in scenario["calls"].as_array().unwrap() {
            let method = call["method"].as_str().unwrap();
            let answer = grpc.call(method, &bytes(&call["request_hex"])).await;
            let details = call["details"].as_str().unwrap_or_default();
            match FAILS_IN_FEAST.iter().find(|(known, _)| *known == name) {
                Some((_, reason)) => {
                    assert!(details.ends_with(reason), "{name}: {details}");
                    assert_eq!((answer.status, &*answer.message), (0, ""), "{name}");
                    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
                    assert!(text.contains("transformed_conv_rate__conv_rate_plus_val1"), "{name}: {text}");
                }
                None if call["code"] == "OK" => {
                    assert_eq!((answer.status, &*answer.message), (0, ""), "{name}");
                    let mut expected = call["response_hex"].as_str().unwrap().to_owned();
                    let (scenarios, by_feast, by_larder) = SECONDS_AS_NANOSECONDS;
                    if scenarios.contains(&name.as_str()) && method.ends_with("GetOnlineFeatures") {
                        assert_eq!(expected.matches(by_feast).count(), 2, "{name}: {expected}");
                        expected = with_longer_times(&expected, by_feast, by_larder);
                    }
                    assert_eq!(hex(&answer.bytes), expected, "{name} {method}");
                    equal += 1;
                }
                None => {
                    let message = details.strip_prefix("Exception calling application: ").unwrap();
                    // Feast says UNKNOWN, and larder NOT_FOUND.
                    assert_eq!((answer.status, &*answer.message), (5, message), "{name}");
                }
            }
        }
    }
    assert_eq!(equal, 7);
    grpc.stop();
}

/// A recorded answer with other times, which are longer, and so are the results that they are in.
fn with_longer_times(answer: &str, times: &str, others: &str) -> String {
    let more = (others.len() - times.len()) / 2;
    let result = |result: &str| {
        let length = usize::from_str_radix(&result[..2], 16).unwrap();
        if !result.ends_with(times) {
            return format!("12{result}");
        }
        format!("12{:02x}{}{others}", length + more, &result[2..result.len() - times.len()])
    };
    let metadata = 2 * (2 + usize::from_str_radix(&answer[2..4], 16).unwrap());
    let (mut out, mut rest) = (answer[..metadata].to_owned(), &answer[metadata..]);
    while !rest.is_empty() {
        let end = 2 * (2 + usize::from_str_radix(&rest[2..4], 16).unwrap());
        out.push_str(&result(&rest[2..end]));
        rest = &rest[end..];
    }
    out
}

#[tokio::test]
async fn on_demand_views_are_applied_for_other_servers() {
    let repo = GoldenRepo::at(Stage::Applied, Online::Sqlite).await;
    let mut grpc = Grpc::transformations(&repo.store).await;
    let scenario =
        scenarios("grpc").into_iter().find(|(name, _)| name == "transformation_service").unwrap().1;
    let mut transformed = 0;
    for call in scenario["calls"].as_array().unwrap() {
        let method = call["method"].as_str().unwrap();
        let request = bytes(&call["request_hex"]);
        let answer = grpc.call(method, &request).await;
        if method.ends_with("GetTransformationServiceInfo") {
            // A kind of its own, where Feast's is Python.
            let custom = b"\x10\x64\x1a$larder ";
            assert_eq!(answer.status, 0);
            assert!(answer.bytes.windows(custom.len()).any(|part| part == custom), "{:?}", answer.bytes);
        } else if call["code"] == "OK" {
            assert_eq!((answer.status, &*answer.message), (0, ""));
            let (theirs, ours) = (output(&bytes(&call["response_hex"])), output(&answer.bytes));
            assert_eq!(theirs.num_columns(), ours.num_columns());
            for (field, column) in theirs.schema().fields().iter().zip(theirs.columns()) {
                let our_column = ours.column_by_name(field.name()).unwrap();
                assert_eq!(our_column.data_type(), field.data_type());
                let doubles = |column: &dyn arrow::array::Array| -> Vec<_> {
                    column.as_any().downcast_ref::<Float64Array>().unwrap().iter().collect()
                };
                assert_eq!(doubles(our_column), doubles(column), "{}", field.name());
            }
            transformed += 1;
        } else {
            let details = call["details"].as_str().unwrap();
            match details.strip_prefix("Exception calling application: ") {
                Some(message) if message.contains("does not exist") => {
                    let name = message.split_whitespace().nth(2).unwrap();
                    assert_eq!(answer.status, 5, "{}", answer.message);
                    assert!(answer.message.contains(name), "{message}; {}", answer.message);
                }
                // Feast's server takes pandas alone; what runs here runs whatever it was written in.
                _ => {
                    assert!(details.contains("not supported by TransformationServer"), "{details}");
                    assert!(!answer.message.contains("not supported"), "{}", answer.message);
                }
            }
        }
    }
    assert_eq!(transformed, 1);

    let strange = grpc.call("/feast.serving.TransformationService/TransformFeatures", b"\x0a\x01x").await;
    assert_eq!(strange.status, 5, "{}", strange.message);
    grpc.stop();
}

/// The table in a `TransformFeaturesResponse`: field 3, and in it field 1.
fn output(message: &[u8]) -> RecordBatch {
    let inside = |message: &[u8]| -> Vec<u8> {
        let (mut length, mut at) = (0_usize, 1);
        for shift in (0..).step_by(7) {
            length |= usize::from(message[at] & 0x7f) << shift;
            at += 1;
            if message[at - 1] < 0x80 {
                break;
            }
        }
        message[at..at + length].to_vec()
    };
    assert_eq!(message[0], 0x1a);
    let file = inside(&inside(message));
    FileReader::try_new(Cursor::new(file), None).unwrap().next().unwrap().unwrap()
}
