//! The registry server over the wire: what no client of Feast's would send, and what one would not notice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use larder_core::{FixedClock, Timestamp};
use larder_grpc::{REGISTRY_SERVICE, RegistryObserver, ServiceOptions, complete, registry_server};
use larder_registry::{ObjectKind, RegistryFile};
use larder_serving::{DoorOptions, serve_router};
use proptest::prelude::*;
use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _};
use prost::encoding::{WireType, encode_key, encode_varint};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

/// Passes bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item.as_slice());
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

/// A server of an empty registry, and a client of it.
struct Server {
    folder: TempDir,
    client: Grpc<Channel>,
    noted: Arc<Notes>,
}

/// Remembers what it was told of.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl RegistryObserver for Notes {
    fn registered(&self, project: &str, kind: ObjectKind, name: &str) {
        self.0.lock().unwrap().push(format!("registered {} {project}/{name}", kind.noun()));
    }

    fn removed(&self, project: &str, kind: ObjectKind, name: &str) {
        self.0.lock().unwrap().push(format!("removed {} {project}/{name}", kind.noun()));
    }
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp::from_micros(1_706_702_400_000_000)));
        let registry = Arc::new(RegistryFile::open(folder.path().join("registry.db"), clock).unwrap());
        let noted = Arc::new(Notes::default());
        let router =
            registry_server(registry, None, Some(Arc::clone(&noted) as _), ServiceOptions::default());
        let router = complete(router, &[REGISTRY_SERVICE]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve_router(listener, router, DoorOptions::default(), std::future::pending()));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let client =
            Grpc::new(channel).max_decoding_message_size(64 << 20).max_encoding_message_size(64 << 20);
        Self { folder, client, noted }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("registry.db")
    }

    async fn call(&self, method: &str, request: Vec<u8>) -> Result<Vec<u8>, Status> {
        let mut client = self.client.clone();
        client.ready().await.unwrap();
        let path = format!("/feast.registry.RegistryServer/{method}").parse().unwrap();
        client.unary(Request::new(request), path, Raw).await.map(tonic::Response::into_inner)
    }

    async fn apply_entity(&self, project: &str, entity: &[u8]) -> Result<Vec<u8>, Status> {
        self.call("ApplyEntity", message(&[(1, entity), (2, project.as_bytes())])).await
    }
}

fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, value) in fields {
        encode_key(*number, WireType::LengthDelimited, &mut message);
        encode_varint(value.len() as u64, &mut message);
        message.extend_from_slice(value);
    }
    message
}

fn number(field: u32, value: u64) -> Vec<u8> {
    let mut message = Vec::new();
    encode_key(field, WireType::Varint, &mut message);
    encode_varint(value, &mut message);
    message
}

/// An entity, or any object whose spec begins with its name.
fn named(name: &str) -> Vec<u8> {
    message(&[(1, &message(&[(1, name.as_bytes())]))])
}

/// An on-demand view without sources, of a mode and with the text of a function.
fn on_demand(mode: &str, function: &str) -> Vec<u8> {
    let function = message(&[(1, &message(&[(3, function.as_bytes())]))]);
    message(&[(1, &message(&[(1, b"view"), (10, &function), (11, mode.as_bytes())]))])
}

fn time(seconds: i64) -> Vec<u8> {
    prost_types::Timestamp { seconds, nanos: 0 }.encode_to_vec()
}

/// Calls that must be refused: what is wrong, method, request, and a word of the answer.
fn hostile() -> Vec<(&'static str, &'static str, Vec<u8>, &'static str)> {
    let in_project = |object: &[u8]| message(&[(1, object), (2, b"p")]);
    let view = |number: u32, view: &[u8]| message(&[(number, view), (4, b"p")]);
    let mut deep = Vec::new();
    for _ in 0..90 {
        deep = message(&[(26, &deep)]);
    }
    let spec = |fields: &[(u32, &[u8])]| message(&[(1, &message(&[&[(1, &b"name"[..])], fields].concat()))]);
    let ttl = prost_types::Duration { seconds: i64::MAX, nanos: 0 }.encode_to_vec();
    let retyped = message(&[(1, b"feature")]).into_iter().chain(number(2, 9_999)).collect::<Vec<u8>>();
    let source = |kind: u64| [message(&[(20, b"source")]), number(1, kind)].concat();
    let permission = spec(&[(4, b"(")]);
    let meta = message(&[(1, &time(253_402_300_800))]);
    let dated = [named("name"), message(&[(2, &meta)])].concat();
    vec![
        ("no message at all", "ApplyEntity", vec![0xff; 9], "no message of its method"),
        ("no object", "ApplyEntity", message(&[(2, b"p")]), "it has no name"),
        ("an object of noise", "ApplyEntity", in_project(b"\xff\xff\xff"), "no message of Feast's"),
        ("no name", "ApplyEntity", in_project(&named("")), "it has no name"),
        ("a name of two lines", "ApplyEntity", in_project(&named("a\nb")), "control characters"),
        ("a reference as a name", "ApplyFeatureView", view(1, &named("a@v2")), "`@` and `:` stand for"),
        (
            "a project up the folder",
            "ApplyEntity",
            message(&[(1, &named("e")), (2, b"../p")]),
            "a name holds letters",
        ),
        ("no project", "ApplyEntity", message(&[(1, &named("e"))]), "a name holds letters"),
        ("a project of spaces", "ApplyProject", message(&[(1, &named("a b"))]), "a name holds letters"),
        ("no view", "ApplyFeatureView", message(&[(4, b"p")]), "no view, or more than one"),
        (
            "two views",
            "ApplyFeatureView",
            message(&[(1, &named("a")), (3, &named("b")), (4, b"p")]),
            "no view, or more than one",
        ),
        (
            "a version of no number",
            "ApplyFeatureView",
            view(1, &spec(&[(18, b"newest")])),
            "Invalid version string",
        ),
        ("an endless ttl", "ApplyFeatureView", view(1, &spec(&[(6, &ttl)])), "longer than 10,000 years"),
        ("a type of no number", "ApplyFeatureView", view(1, &spec(&[(4, &retyped)])), "stands for nothing"),
        ("a date beyond the calendar", "ApplyEntity", in_project(&dated), "outside the years 1 to 9999"),
        ("sources within sources", "ApplyFeatureView", view(1, &spec(&[(7, &deep)])), "nested too deeply"),
        ("two specs", "ApplyEntity", in_project(&[named("a"), named("b")].concat()), "is there twice"),
        ("a source of no type", "ApplyDataSource", in_project(&source(99)), "stands for nothing"),
        ("a file without options", "ApplyDataSource", in_project(&source(1)), "`file_options`"),
        ("a source of no class", "ApplyDataSource", in_project(&source(6)), "`data_source_class_type`"),
        (
            "a mode of larder's own",
            "ApplyFeatureView",
            view(2, &on_demand("wasm", "def f(): 1")),
            "and not `wasm`",
        ),
        (
            "no function",
            "ApplyFeatureView",
            view(2, &on_demand("python", "")),
            "neither the text of a function",
        ),
        ("no expression", "ApplyPermission", in_project(&permission), "not a regular expression"),
        ("a dataset nowhere", "ApplySavedDataset", in_project(&named("set")), "`storage`"),
        (
            "an interval that ends before it begins",
            "ApplyMaterialization",
            message(&[(1, &named("v")), (2, b"p"), (3, &time(7)), (4, &time(6))]),
            "before `start_date`",
        ),
        (
            "an interval in the year 10000",
            "ApplyMaterialization",
            message(&[(1, &named("v")), (2, b"p"), (4, &time(253_402_300_800))]),
            "outside the years 1 to 9999",
        ),
        ("infra of noise", "UpdateInfra", in_project(b"\xff"), "no protobuf message"),
        (
            "an object of infra of noise",
            "UpdateInfra",
            in_project(&message(&[(1, b"\xff")])),
            "no protobuf message",
        ),
        (
            "lineage of a kind that there is none of",
            "GetObjectRelationships",
            message(&[(1, b"p"), (2, b"nothing")]),
            "not a valid FeastObjectType",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_could_read_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    server.apply_entity("p", &named("driver")).await.unwrap();
    let before = fs::read(server.file()).unwrap();
    for (what, method, request, word) in hostile() {
        let status = server.call(method, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status}");
        assert!(status.message().contains(word), "{what}: {status}");
        assert_eq!(fs::read(server.file()).unwrap(), before, "{what}");
    }
    let status = server.call("ApplyEntity", message(&[(1, &vec![0; 17 << 20])])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let listed = server.call("ListEntities", message(&[(1, b"p")])).await.unwrap();
    assert!(listed.windows(6).any(|word| word == b"driver"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_come_in_the_envelope_that_clients_raise_exceptions_from() {
    let server = Server::start().await;
    let class = async |method: &str, request: Vec<u8>| {
        let status = server.call(method, request).await.unwrap_err();
        let envelope: serde_json::Value = serde_json::from_str(status.message()).unwrap();
        assert_eq!(envelope["module"], "feast.errors");
        (status.code(), envelope["class"].as_str().unwrap().to_owned())
    };
    let of_name = || message(&[(1, b"nope"), (2, b"p")]);
    let missing = |class: &str| (Code::NotFound, class.to_owned());
    assert_eq!(class("GetEntity", of_name()).await, missing("EntityNotFoundException"));
    assert_eq!(class("GetProject", of_name()).await, missing("ProjectObjectNotFoundException"));
    assert_eq!(class("DeleteFeatureView", of_name()).await, missing("FeatureViewNotFoundException"));
    let unreadable = class("ApplyEntity", message(&[(1, b"\xff"), (2, b"p")])).await;
    assert_eq!(unreadable, (Code::InvalidArgument, "FeastError".to_owned()));
    let status = server.call("ListDatasetJobs", Vec::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(server.call("Nonsense", Vec::new()).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_not_there_yet_is_empty() {
    let server = Server::start().await;
    // Nothing of the first field, and a page of nothing.
    let nothing = message(&[(2, b"")]);
    for method in
        ["ListEntities", "ListFeatureViews", "ListFeatures", "ListAllFeatureViews", "ListPermissions"]
    {
        assert_eq!(server.call(method, message(&[(1, b"p")])).await.unwrap(), nothing, "{method}");
    }
    assert_eq!(server.call("ListProjects", Vec::new()).await.unwrap(), nothing);
    assert_eq!(server.call("GetInfra", message(&[(1, b"p")])).await.unwrap(), b"");
    server.call("Commit", Vec::new()).await.unwrap();
    assert!(!server.file().exists(), "reading writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_feast_says_stays_through_a_change_by_an_older_one() {
    let server = Server::start().await;
    let of_newer = |name: &[u8]| {
        let feature = message(&[(1, name), (70, b"of the feature")]);
        let spec = message(&[(1, b"view"), (4, &feature), (71, b"of the spec")]);
        message(&[(1, &spec), (72, b"of the view")])
    };
    let apply = async |view: &[u8]| {
        server.call("ApplyFeatureView", message(&[(1, view), (4, b"p")])).await.unwrap();
        let stored = server.call("GetFeatureView", message(&[(1, b"view"), (2, b"p")])).await.unwrap();
        ["of the feature", "of the spec", "of the view"]
            .map(|word| stored.windows(word.len()).filter(|found| *found == word.as_bytes()).count())
    };
    assert_eq!(apply(&of_newer(b"rate")).await, [1, 1, 1]);
    // The older one says it of no feature; which of its features it was about, nobody knows.
    let older = message(&[(1, &message(&[(1, b"view"), (4, &message(&[(1, b"rate")])), (10, b"changed")]))]);
    assert_eq!(apply(&older).await, [0, 1, 1]);
    assert_eq!(apply(&of_newer(b"rate")).await, [1, 1, 1]);
}

#[tokio::test]
async fn an_observer_is_told_of_each_change_that_was_made_and_of_no_other() {
    let server = Server::start().await;
    server.apply_entity("p", &named("driver")).await.unwrap();
    server.apply_entity("p", &named("")).await.unwrap_err();
    let named_driver = message(&[(1, b"driver"), (2, b"p")]);
    server.call("GetEntity", named_driver.clone()).await.unwrap();
    server.call("DeleteEntity", named_driver.clone()).await.unwrap();
    server.call("DeleteEntity", named_driver).await.unwrap_err();
    let noted = server.noted.0.lock().unwrap().clone();
    assert_eq!(noted, ["registered entity p/driver", "removed entity p/driver"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_write_at_the_same_time_lose_nothing() {
    let server = Server::start().await;
    let names: Vec<String> = (0..24).map(|number| format!("entity_{number}")).collect();
    let calls = names.iter().map(|name| {
        let entity = named(name);
        let server = &server;
        async move { server.apply_entity("p", &entity).await }
    });
    for applied in futures::future::join_all(calls).await {
        applied.unwrap();
    }
    let listed = server.call("ListEntities", message(&[(1, b"p")])).await.unwrap();
    let listed = String::from_utf8_lossy(&listed);
    assert!(names.iter().all(|name| listed.contains(name.as_str())), "{listed}");
}

const METHODS: [&str; 16] = [
    "ApplyEntity",
    "ApplyDataSource",
    "ApplyFeatureView",
    "ApplyFeatureService",
    "ApplyPermission",
    "ApplySavedDataset",
    "ApplyValidationReference",
    "ApplyProject",
    "ApplyMaterialization",
    "UpdateInfra",
    "ListAllFeatureViews",
    "ListFeatures",
    "ListProjects",
    "GetRegistryLineage",
    "GetObjectRelationships",
    "DeleteProject",
];

/// Protobuf of no particular message, which gets further than noise does.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        "[a-z]{0,5}".prop_map(String::into_bytes),
        (0..5_u32, any::<u64>()).prop_map(|(field, value)| number(field.max(1), value)),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop::collection::vec((1..30_u32, inner), 0..5).prop_map(|fields| {
            let fields: Vec<(u32, &[u8])> =
                fields.iter().map(|(number, value)| (*number, value.as_slice())).collect();
            message(&fields)
        })
    })
}

#[test]
fn whatever_is_sent_there_is_an_answer_and_the_registry_stays_readable() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let config = ProptestConfig { cases: 400, ..ProptestConfig::default() };
    proptest!(config, |(method in prop::sample::select(METHODS.to_vec()), object in any_message(), whole in any::<bool>())| {
        let request = if whole { object } else { message(&[(1, &object), (2, b"p"), (4, b"p")]) };
        let answer = runtime.block_on(server.call(method, request));
        if let Err(status) = answer {
            let code = status.code();
            prop_assert!(matches!(code, Code::InvalidArgument | Code::NotFound), "{method}: {status}");
        }
        // Each of them reads all that is registered.
        for read in ["Proto", "ListFeatures", "GetRegistryLineage"] {
            let all = runtime.block_on(server.call(read, message(&[(1, b"p")])));
            prop_assert!(all.is_ok(), "{method}, {read}: {all:?}");
        }
        let snapshot = RegistryFile::open(server.file(), Arc::new(FixedClock::new(Timestamp::EPOCH))).unwrap();
        prop_assert!(snapshot.messages().is_ok());
    });
}

#[tokio::test]
async fn every_method_of_feasts_service_is_there_but_those_that_want_a_feature_store() {
    let server = Server::start().await;
    let list = include_str!("../../../tests/feast_compat/recorded/protos/feast_protos.txt");
    let (_, service) = list.split_once("service feast.registry.RegistryServer\n").unwrap();
    let methods = service.lines().map_while(|line| line.strip_prefix("  rpc ")?.split_once(':'));
    let (mut answered, mut told) = (0, Vec::new());
    for (method, _) in methods {
        match server.call(method, Vec::new()).await {
            Err(status) if status.code() == Code::Unimplemented => told.push(method),
            _ => answered += 1,
        }
    }
    assert!(answered > 50, "{answered}");
    assert_eq!(
        told,
        ["CreateDatasetFromRetrieval", "GetDatasetData", "GetDatasetJobStatus", "ListDatasetJobs"],
    );
}
