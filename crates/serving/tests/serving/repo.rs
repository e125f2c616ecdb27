//! A small project: views with one, two and no entities, on-demand views, services.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{Float32Type, Int64Type, Schema};
use async_trait::async_trait;
use larder_core::{
    DataSource, DataSourceKind, Entity, Error, ErrorKind, FeatureService, FeatureView, FeatureViewProjection,
    Field, OnDemandFeatureView, OnDemandSource, Permission, Project, PushSource, RequestSource, Result,
    Timestamp, Transformation, TransformationSignature, ValueType, VectorSearch, dummy_join_key,
};
use larder_plan::Catalog;
use larder_registry::{Registered, RegistrySnapshot, SnapshotObjects};

pub(crate) const PROJECT: &str = "exp";

/// A value that the on-demand view `od_pandas` panics at.
pub(crate) const PANIC: i64 = -1;

/// A value that the on-demand view `od_pandas` refuses.
pub(crate) const REFUSE: i64 = -2;

pub(crate) async fn catalog(permissions: Vec<Permission>) -> Arc<Catalog> {
    let snapshot = Arc::new(snapshot(permissions));
    Arc::new(Catalog::load(snapshot, |view| ready(Ok(Native::of(&view.name)))).await)
}

/// Loads the transformations of a project that has no on-demand view.
pub(crate) async fn no_on_demand_view(view: Arc<OnDemandFeatureView>) -> Result<Arc<dyn Transformation>> {
    panic!("`{}` is not in this project", view.name)
}

fn document_features() -> Vec<Field> {
    let vector = VectorSearch { index: true, length: 2, metric: String::new() };
    vec![
        Field { vector, ..Field::new("embedding", ValueType::array(ValueType::FLOAT32).unwrap()) },
        Field::new("other_embedding", ValueType::array(ValueType::FLOAT64).unwrap()),
        Field::new("title", ValueType::STRING),
        Field::new("year", ValueType::INT64),
    ]
}

fn snapshot(permissions: Vec<Permission>) -> RegistrySnapshot {
    let objects = SnapshotObjects {
        entities: [("driver", "driver_id"), ("ea", "a"), ("eb", "b"), ("doc", "doc_id")]
            .map(|(name, join_key)| registered(entity(name, join_key)))
            .into(),
        data_sources: vec![
            registered(source("stats_push", DataSourceKind::Push(PushSource { batch_source: None }))),
            registered(source(
                "vals",
                DataSourceKind::Request(RequestSource {
                    schema: vec![Field::new("val_to_add", ValueType::INT64)],
                }),
            )),
        ],
        feature_views: vec![
            registered(view("stats", &[("driver", "driver_id")], &stats_features())),
            registered(view("stats_p", &[("driver", "driver_id")], &stats_features())),
            registered(view("glob", &[], &[Field::new("global_rate", ValueType::FLOAT64)])),
            registered(view("coll", &[("ea", "a"), ("eb", "b")], &[Field::new("f", ValueType::STRING)])),
            registered(view("docs", &[("doc", "doc_id")], &document_features())),
            registered(FeatureView { online: false, ..view("hidden", &[], &stats_features()) }),
        ],
        on_demand_feature_views: vec![
            registered(on_demand(
                "od_pandas",
                &[stats_source(), OnDemandSource::RequestSource("vals".into())],
                &[("p1", ValueType::FLOAT64), ("p2", ValueType::FLOAT64)],
            )),
            registered(on_demand(
                "od_reqonly",
                &[OnDemandSource::RequestSource("vals".into())],
                &[("r1", ValueType::INT64)],
            )),
            registered(on_demand("od_key", &[stats_source()], &[("k1", ValueType::INT64)])),
            registered(on_demand(
                "od_chained",
                &[OnDemandSource::OnDemandFeatureView(projection("od_reqonly", &["r1"]))],
                &[("x1", ValueType::INT64)],
            )),
            registered(on_demand("od_coll", &[coll_source()], &[("c1", ValueType::INT64)])),
        ],
        feature_services: vec![
            registered(service(
                "svc",
                vec![projection("stats", &["conv_rate"]), projection("od_pandas", &["p1"])],
            )),
            registered(service(
                "svc_chained",
                vec![projection("stats", &["conv_rate"]), projection("od_chained", &["x1"])],
            )),
            registered(service(
                "svc_alias",
                vec![FeatureViewProjection {
                    alias: Some("renamed".into()),
                    join_key_map: BTreeMap::from([("driver_id".into(), "other_driver".into())]),
                    ..projection("stats", &["acc_rate", "avg_daily_trips", "conv_rate"])
                }],
            )),
            registered(service(
                "svc_twice",
                vec![
                    projection("stats", &["conv_rate"]),
                    FeatureViewProjection {
                        alias: Some("rival".into()),
                        join_key_map: BTreeMap::from([("driver_id".into(), "rival_id".into())]),
                        ..projection("stats", &["conv_rate"])
                    },
                ],
            )),
        ],
        permissions: permissions.into_iter().map(registered).collect(),
        ..SnapshotObjects::default()
    };
    RegistrySnapshot::new("1".into(), Project::new(PROJECT), Timestamp::EPOCH, objects)
}

fn stats_features() -> Vec<Field> {
    vec![
        Field::new("conv_rate", ValueType::FLOAT32),
        Field::new("acc_rate", ValueType::FLOAT32),
        Field::new("avg_daily_trips", ValueType::INT64),
    ]
}

fn stats_source() -> OnDemandSource {
    OnDemandSource::FeatureView(projection("stats", &["conv_rate", "acc_rate", "avg_daily_trips"]))
}

fn coll_source() -> OnDemandSource {
    OnDemandSource::FeatureView(projection("coll", &["f"]))
}

pub(crate) fn registered<T>(object: T) -> Registered<T> {
    Registered::new(object, Timestamp::EPOCH, Timestamp::EPOCH)
}

pub(crate) fn entity(name: &str, join_key: &str) -> Entity {
    Entity {
        name: name.into(),
        join_key: join_key.into(),
        value_type: Some(ValueType::INT64),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    }
}

fn source(name: &str, kind: DataSourceKind) -> DataSource {
    DataSource {
        name: name.into(),
        kind,
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    }
}

pub(crate) fn view(name: &str, entities: &[(&str, &str)], features: &[Field]) -> FeatureView {
    let keys = entities.iter().map(|(_, join_key)| Field::new(*join_key, ValueType::INT64));
    FeatureView {
        entities: entities.iter().map(|(entity, _)| (*entity).to_owned()).collect(),
        join_keys: if entities.is_empty() { vec![dummy_join_key()] } else { keys.collect() },
        features: features.to_vec(),
        stream_source: (name == "stats_p").then(|| "stats_push".to_owned()),
        ..FeatureView::new(name)
    }
}

fn on_demand(name: &str, sources: &[OnDemandSource], features: &[(&str, ValueType)]) -> OnDemandFeatureView {
    OnDemandFeatureView {
        sources: sources.to_vec(),
        features: features.iter().map(|(name, value_type)| Field::new(*name, value_type.clone())).collect(),
        join_keys: Vec::new(),
        ..OnDemandFeatureView::new(name)
    }
}

fn projection(view: &str, features: &[&str]) -> FeatureViewProjection {
    FeatureViewProjection::new(view, features.iter().map(|feature| (*feature).to_owned()).collect())
}

fn service(name: &str, features: Vec<FeatureViewProjection>) -> FeatureService {
    FeatureService::new(name, features)
}

type Function = fn(&RecordBatch) -> Result<Vec<ArrayRef>>;

/// A transformation in Rust.
#[derive(Debug)]
struct Native {
    signature: TransformationSignature,
    function: Function,
}

impl Native {
    fn of(view: &str) -> Arc<dyn Transformation> {
        let (inputs, outputs, function): (Vec<Field>, Vec<Field>, Function) = match view {
            "od_pandas" => (
                vec![
                    Field::new("val_to_add", ValueType::INT64),
                    Field::new("stats__conv_rate", ValueType::FLOAT32),
                ],
                // Not in the view's order: the plan finds them by name.
                vec![Field::new("p2", ValueType::FLOAT64), Field::new("p1", ValueType::FLOAT64)],
                add,
            ),
            "od_reqonly" => (
                vec![Field::new("val_to_add", ValueType::INT64)],
                vec![Field::new("r1", ValueType::INT64)],
                |batch| {
                    let doubled: Int64Array = batch.column(0).as_primitive::<Int64Type>().unary(|v| v * 2);
                    Ok(vec![Arc::new(doubled)])
                },
            ),
            "od_chained" => (
                vec![Field::new("r1", ValueType::INT64)],
                vec![Field::new("x1", ValueType::INT64)],
                |batch| {
                    let raised: Int64Array = batch.column(0).as_primitive::<Int64Type>().unary(|v| v + 1);
                    Ok(vec![Arc::new(raised)])
                },
            ),
            "od_key" => (
                vec![Field::new("driver_id", ValueType::INT64)],
                vec![Field::new("k1", ValueType::INT64)],
                |batch| Ok(vec![Arc::clone(batch.column(0))]),
            ),
            "od_coll" => (
                vec![Field::new("b", ValueType::INT64), Field::new("f", ValueType::STRING)],
                vec![Field::new("c1", ValueType::INT64)],
                |batch| Ok(vec![Arc::clone(batch.column(0))]),
            ),
            other => panic!("`{other}` is no view of this project"),
        };
        let signature = TransformationSignature { name: view.into(), inputs, outputs };
        Arc::new(Self { signature, function })
    }
}

fn add(batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let added = batch.column(0).as_primitive::<Int64Type>();
    let rates = batch.column(1).as_primitive::<Float32Type>();
    assert!(!added.iter().flatten().any(|value| value == PANIC), "told to");
    if added.iter().flatten().any(|value| value == REFUSE) {
        let text = "on-demand feature view `od_pandas`: value -2 is not taken";
        return Err(Error::new(ErrorKind::Transformation, text));
    }
    let rate = |row: usize| rates.is_valid(row).then(|| f64::from(rates.value(row)));
    #[expect(clippy::cast_precision_loss, reason = "the test's numbers are small")]
    let added = |row: usize| added.is_valid(row).then(|| added.value(row) as f64);
    let sums: Float64Array = (0..batch.num_rows()).map(|row| Some(rate(row)? + added(row)?)).collect();
    let doubles: Float64Array = (0..batch.num_rows()).map(|row| Some(rate(row)? * 2.0)).collect();
    Ok(vec![Arc::new(doubles), Arc::new(sums)])
}

#[async_trait]
impl Transformation for Native {
    fn signature(&self) -> &TransformationSignature {
        &self.signature
    }

    async fn transform(&self, input: RecordBatch) -> Result<RecordBatch> {
        let columns = (self.function)(&input)?;
        let fields: Vec<_> = self.signature.outputs.iter().map(Field::to_arrow).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|source| Error::new(ErrorKind::Transformation, source))
    }
}
