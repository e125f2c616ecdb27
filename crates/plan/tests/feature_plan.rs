//! What names mean: views, columns, order and refusals of a plan.

#![expect(clippy::unwrap_used, reason = "a test fails where its set-up does")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::kernels::numeric::add;
use arrow::datatypes::{Float64Type, Schema};
use async_trait::async_trait;
use larder_core::{
    DataSource, DataSourceKind, Entity, FeatureService, FeatureView, FeatureViewProjection, Field,
    OnDemandFeatureView, OnDemandSource, Project, RequestError, RequestSource, Result, Timestamp,
    Transformation, TransformationSignature, ValueType,
};
use larder_plan::{CallColumns, Catalog, FeaturePlan, OnDemandInput, OutputSource, Retrieval, Selection};
use larder_registry::{BindingError, Registered, RegistrySnapshot, SnapshotObjects};

/// Adds its two inputs.
#[derive(Debug)]
struct Sum {
    signature: TransformationSignature,
}

#[async_trait]
impl Transformation for Sum {
    fn signature(&self) -> &TransformationSignature {
        &self.signature
    }

    async fn transform(&self, input: RecordBatch) -> Result<RecordBatch> {
        let sum = add(input.column(0), input.column(1)).unwrap();
        let schema = Schema::new(self.signature.outputs.iter().map(Field::to_arrow).collect::<Vec<_>>());
        Ok(RecordBatch::try_new(Arc::new(schema), vec![sum]).unwrap())
    }
}

fn registered<T>(object: T) -> Registered<T> {
    Registered::new(object, Timestamp::EPOCH, Timestamp::EPOCH)
}

fn view(name: &str, entity: Option<&str>, features: &[&str]) -> FeatureView {
    let join_keys = match entity {
        Some(entity) => vec![Field::new(format!("{entity}_id"), ValueType::INT64)],
        None => vec![larder_core::dummy_join_key()],
    };
    FeatureView {
        entities: entity.map(str::to_owned).into_iter().collect(),
        join_keys,
        features: features.iter().map(|feature| Field::new(*feature, ValueType::FLOAT64)).collect(),
        online: name != "history",
        offline: true,
        enabled: name != "off",
        ..FeatureView::new(name)
    }
}

fn projection(view: &str, features: &[&str]) -> FeatureViewProjection {
    FeatureViewProjection::new(view, features.iter().map(ToString::to_string).collect())
}

fn on_demand(name: &str, sources: Vec<OnDemandSource>, written: bool) -> OnDemandFeatureView {
    OnDemandFeatureView {
        sources,
        features: vec![Field::new("sum", ValueType::FLOAT64)],
        entities: vec!["driver".into()],
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        write_to_online_store: written,
        ..OnDemandFeatureView::new(name)
    }
}

/// Views `stats` (a, b), `other` (a), `global`, `history`, `off`; `total` adds `first` and `second`.
async fn catalog(first: &str, second: &str, written: bool) -> Catalog {
    let request = DataSource {
        name: "asked".into(),
        kind: DataSourceKind::Request(RequestSource {
            schema: vec![Field::new("extra", ValueType::FLOAT64)],
        }),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    let sources = vec![
        OnDemandSource::FeatureView(projection("stats", &["a", "b"])),
        OnDemandSource::FeatureView(projection("other", &["a"])),
        OnDemandSource::RequestSource("asked".into()),
    ];
    let mut origin = projection("stats", &["a"]);
    origin.alias = Some("origin".into());
    origin.join_key_map.insert("driver_id".into(), "origin_id".into());
    let features = vec![projection("total", &["sum"]), projection("stats", &["b", "a"]), origin];
    let service = FeatureService::new("service", features);
    let entity = Entity {
        name: "driver".into(),
        join_key: "driver_id".into(),
        value_type: Some(ValueType::INT64),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    let views = [
        view("stats", Some("driver"), &["a", "b"]),
        view("other", Some("driver"), &["a"]),
        view("global", None, &["g"]),
        view("history", Some("driver"), &["h"]),
        view("off", Some("driver"), &["o"]),
    ];
    let objects = SnapshotObjects {
        entities: vec![registered(entity)],
        data_sources: vec![registered(request)],
        feature_views: views.map(registered).into(),
        on_demand_feature_views: vec![registered(on_demand("total", sources, written))],
        feature_services: vec![registered(service)],
        ..SnapshotObjects::default()
    };
    let snapshot = RegistrySnapshot::new("v".into(), Project::new("p"), Timestamp::EPOCH, objects);
    let input = |name: &str| {
        Field::new(name, if name == "driver_id" { ValueType::INT64 } else { ValueType::FLOAT64 })
    };
    let signature = TransformationSignature {
        name: "total".into(),
        inputs: vec![input(first), input(second)],
        outputs: vec![Field::new("sum", ValueType::FLOAT64)],
    };
    let transformation: Arc<dyn Transformation> = Arc::new(Sum { signature });
    Catalog::load(Arc::new(snapshot), |_| std::future::ready(Ok(Arc::clone(&transformation)))).await
}

fn references(names: &[&str]) -> Selection {
    Selection::References(names.iter().map(ToString::to_string).collect())
}

fn names(plan: &FeaturePlan) -> Vec<&str> {
    plan.outputs.iter().map(|output| output.name.as_str()).collect()
}

async fn refusal(names: &[&str], retrieval: Retrieval) -> String {
    let catalog = catalog("b", "extra", false).await;
    FeaturePlan::resolve(&catalog, &references(names), false, retrieval).unwrap_err().to_string()
}

#[tokio::test]
async fn features_come_view_by_view_in_the_order_asked_for_and_on_demand_views_last() {
    let catalog = catalog("b", "extra", false).await;
    let selection = references(&["total:sum", "stats:b", "global:g", "stats:a"]);
    let plan = FeaturePlan::resolve(&catalog, &selection, false, Retrieval::Online).unwrap();
    assert_eq!(names(&plan), ["b", "a", "g", "sum"]);
    assert!(matches!(plan.outputs[3].source, OutputSource::OnDemand { call: 0, feature: 0 }));
}

#[tokio::test]
async fn one_read_serves_the_caller_and_the_on_demand_view() {
    let catalog = catalog("b", "extra", false).await;
    let plan =
        FeaturePlan::resolve(&catalog, &references(&["total:sum", "stats:b"]), false, Retrieval::Online)
            .unwrap();
    assert_eq!(plan.views.len(), 1);
    assert_eq!(plan.views[0].features, [1]);
    assert_eq!(
        plan.calls[0].inputs,
        [OnDemandInput::Stored { view: 0, feature: 0 }, OnDemandInput::Request(0)]
    );
    assert_eq!(plan.request_fields[0].needed_by, "total");
}

#[tokio::test]
async fn helper_features_of_an_on_demand_view_are_read_but_not_answered() {
    let catalog = catalog("b", "other__a", false).await;
    let plan = FeaturePlan::resolve(&catalog, &references(&["total:sum"]), true, Retrieval::Online).unwrap();
    assert_eq!(names(&plan), ["total__sum"]);
    let read: Vec<&str> = plan.views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(read, ["stats", "other"]);
}

#[tokio::test]
async fn a_join_key_can_be_an_input() {
    let catalog = catalog("driver_id", "driver_id", false).await;
    let plan = FeaturePlan::resolve(&catalog, &references(&["total:sum"]), false, Retrieval::Online).unwrap();
    let driver_id = OnDemandInput::EntityColumn(Field::new("driver_id", ValueType::INT64));
    assert_eq!(plan.calls[0].inputs, [driver_id.clone(), driver_id]);
    assert!(plan.views.is_empty(), "no feature is needed");
}

#[tokio::test]
async fn a_service_reads_a_view_again_under_other_join_keys() {
    let catalog = catalog("b", "extra", false).await;
    let plan = FeaturePlan::resolve(&catalog, &Selection::Service("service".into()), true, Retrieval::Online)
        .unwrap();
    assert_eq!(names(&plan), ["stats__b", "stats__a", "origin__a", "total__sum"]);
    let columns: Vec<&str> = plan.join_key_columns().iter().map(|key| key.column.as_str()).collect();
    assert_eq!(columns, ["driver_id", "origin_id"]);
}

#[tokio::test]
async fn views_asked_for_as_by_a_service_are_planned_as_that_service_is() {
    let catalog = catalog("b", "extra", false).await;
    let service = Selection::Service("service".into());
    let of_service = FeaturePlan::resolve(&catalog, &service, true, Retrieval::Historical).unwrap();
    let wanted = &catalog.snapshot().feature_service("service").unwrap().object.features;
    let plan = FeaturePlan::of_projections(&catalog, wanted, true, Retrieval::Historical).unwrap();
    assert_eq!((plan.outputs.clone(), names(&plan)), (of_service.outputs.clone(), names(&of_service)));
    let nothing = FeaturePlan::of_projections(&catalog, &[], true, Retrieval::Historical).unwrap_err();
    assert_eq!(nothing.to_string(), "No features specified for retrieval");
}

#[tokio::test]
async fn a_written_on_demand_view_is_read_online_and_computed_for_the_past() {
    let catalog = catalog("b", "other__a", true).await;
    let online =
        FeaturePlan::resolve(&catalog, &references(&["total:sum"]), false, Retrieval::Online).unwrap();
    assert!(online.calls.is_empty());
    assert!(online.views[0].definition.is_none());
    let past =
        FeaturePlan::resolve(&catalog, &references(&["total:sum"]), false, Retrieval::Historical).unwrap();
    assert_eq!(past.calls.len(), 1);
}

#[tokio::test]
async fn mistakes_are_refused_by_name() {
    let online = Retrieval::Online;
    assert_eq!(refusal(&[], online).await, "No features specified for retrieval");
    assert_eq!(refusal(&["nope:a"], online).await, "Feature view nope does not exist in project p");
    assert_eq!(refusal(&["stats:nope"], online).await, "'Feature nope not found in projection stats'");
    assert_eq!(refusal(&["total:nope"], online).await, "'Feature nope not found in projection total'");
    assert_eq!(
        refusal(&["history:h"], online).await,
        "FeatureView history is not configured to be served online."
    );
    assert!(refusal(&["off:o"], Retrieval::Historical).await.starts_with("Feature view 'off' is disabled"));
    assert!(refusal(&["stats"], online).await.starts_with("Invalid feature reference 'stats'."));
    assert!(
        refusal(&["stats@v2:a"], online).await.starts_with("Version-qualified ref 'stats@v2' not supported")
    );
    assert!(refusal(&["stats:a", "other:a"], online).await.starts_with("Duplicate features named a found."));
    assert!(refusal(&["stats:a", "stats:a"], online).await.starts_with("Duplicate features named a found."));
}

#[tokio::test]
async fn an_ambiguous_input_says_which_names_are_clear() {
    let catalog = catalog("a", "extra", false).await;
    let error =
        FeaturePlan::resolve(&catalog, &references(&["total:sum"]), false, Retrieval::Online).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(BindingError::AmbiguousInput { .. })));
    assert!(error.to_string().ends_with("take `stats__a` or `other__a` instead"), "{error}");
}

#[tokio::test]
async fn a_view_whose_transformation_cannot_load_fails_alone() {
    let snapshot = Arc::clone(catalog("b", "extra", false).await.snapshot());
    let broken =
        Catalog::load(snapshot, |_| std::future::ready(Err(RequestError::other("no component").into())))
            .await;
    let stored = references(&["stats:a"]);
    assert!(FeaturePlan::resolve(&broken, &stored, false, Retrieval::Online).is_ok());
    let computed = references(&["total:sum"]);
    let error = FeaturePlan::resolve(&broken, &computed, false, Retrieval::Online).unwrap_err();
    assert_eq!(error.to_string(), "on-demand feature view `total` cannot run: no component");
}

struct TwoRows;

impl CallColumns for TwoRows {
    fn column(&self, _call: usize, _input: usize, source: &OnDemandInput) -> Result<ArrayRef> {
        Ok(match source {
            OnDemandInput::Stored { .. } => Arc::new(Float64Array::from(vec![Some(1.5), None])) as ArrayRef,
            OnDemandInput::Request(_) => Arc::new(Float64Array::from(vec![1.0, 2.0])),
            _ => Arc::new(Int64Array::from(vec![1, 2])),
        })
    }
}

#[tokio::test]
async fn a_call_turns_columns_into_columns() {
    let catalog = catalog("b", "extra", false).await;
    let plan = FeaturePlan::resolve(&catalog, &references(&["total:sum"]), false, Retrieval::Online).unwrap();
    let columns = plan.compute(2, &TwoRows).await.unwrap();
    assert_eq!(columns[0][0].as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(2.5), None]);
}
