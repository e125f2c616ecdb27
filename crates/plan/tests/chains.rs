//! On-demand views that read on-demand views: what a plan computes, once and in order.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where its set-up does"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, Schema};
use async_trait::async_trait;
use larder_core::{
    DataSource, DataSourceKind, FeatureView, FeatureViewProjection, Field, OnDemandFeatureView,
    OnDemandSource, Project, RequestError, RequestSource, Result, Timestamp, Transformation,
    TransformationSignature, ValueType,
};
use larder_plan::{CallColumns, Catalog, FeaturePlan, OnDemandInput, OutputSource, Retrieval, Selection};
use larder_registry::{
    FeatureViewVersion, OnDemandCycle, Registered, RegistrySnapshot, SnapshotObjects, VersionedView,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

const ROWS: i64 = 3;

/// Where a function takes one input from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Input {
    /// Feature `s0` to `s3` of the feature view `stats`.
    Stats(usize),
    /// Field `r0` or `r1` of a request.
    Request(usize),
    DriverId,
    /// Output 0 or 1 of another view, by its position.
    View(usize, usize),
}

/// An on-demand view `v0`, `v1`, …, with two outputs.
#[derive(Clone, Debug)]
struct View {
    inputs: Vec<Input>,
    /// Whether it is kept online.
    written: bool,
    /// Whether it calls the views it reads by other names.
    aliases: bool,
    /// Whether its function names features in full.
    full_names: bool,
}

/// What every function computes of a row: it tells inputs, their order, and nulls.
fn mix(view: usize, output: usize, inputs: &[Option<i64>]) -> Option<i64> {
    let start = i64::try_from(view * 2 + output + 1).unwrap();
    let mixed = inputs
        .iter()
        .fold(start, |sum, value| sum.wrapping_mul(31).wrapping_add(value.map_or(17, |value| value * 3 + 1)));
    (mixed % 5 != 0).then_some(mixed % 1_000_003)
}

/// A value that a caller has, for a name and a row.
fn given(name: &str, row: i64) -> Option<i64> {
    let sum = name.bytes().fold(row * 7, |sum, byte| sum * 13 + i64::from(byte));
    (sum % 4 != 0).then_some(sum % 1_009)
}

fn output_name(view: usize, output: usize) -> String {
    format!("v{view}_{output}")
}

fn alias(view: &View, inner: usize) -> Option<String> {
    view.aliases.then(|| format!("other{inner}"))
}

#[derive(Debug)]
struct Mix {
    view: usize,
    signature: TransformationSignature,
    calls: Arc<Vec<AtomicUsize>>,
}

#[async_trait]
impl Transformation for Mix {
    fn signature(&self) -> &TransformationSignature {
        &self.signature
    }

    async fn transform(&self, input: RecordBatch) -> Result<RecordBatch> {
        self.calls[self.view].fetch_add(1, Ordering::SeqCst);
        // Calls end in another order than they begin.
        for _ in 0..(7 * self.view) % 5 {
            tokio::task::yield_now().await;
        }
        let columns: Vec<&Int64Array> = input.columns().iter().map(AsArray::as_primitive).collect();
        let row = |row: usize| -> Vec<Option<i64>> {
            columns.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect()
        };
        let outputs = (0..2).map(|output| {
            let values = (0..input.num_rows()).map(|at| mix(self.view, output, &row(at)));
            Arc::new(values.collect::<Int64Array>()) as ArrayRef
        });
        let schema = Schema::new(self.signature.outputs.iter().map(Field::to_arrow).collect::<Vec<_>>());
        Ok(RecordBatch::try_new(Arc::new(schema), outputs.collect()).unwrap())
    }
}

fn int(name: impl Into<String>) -> Field {
    Field::new(name, ValueType::INT64)
}

fn registered<T>(object: T) -> Registered<T> {
    Registered::new(object, Timestamp::EPOCH, Timestamp::EPOCH)
}

fn definition(at: usize, view: &View) -> OnDemandFeatureView {
    let mut stats = BTreeSet::new();
    let mut inner: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for input in &view.inputs {
        match input {
            Input::Stats(feature) => {
                stats.insert(format!("s{feature}"));
            }
            Input::View(view, output) => {
                inner.entry(*view).or_default().insert(output_name(*view, *output));
            }
            _ => {}
        }
    }
    let stats = FeatureViewProjection::new("stats", stats.into_iter().collect());
    let mut sources = vec![OnDemandSource::FeatureView(stats)];
    if view.inputs.iter().any(|input| matches!(input, Input::Request(_))) {
        sources.push(OnDemandSource::RequestSource("asked".into()));
    }
    sources.extend(inner.into_iter().map(|(inner, features)| {
        OnDemandSource::OnDemandFeatureView(FeatureViewProjection {
            alias: alias(view, inner),
            ..FeatureViewProjection::new(format!("v{inner}"), features.into_iter().collect())
        })
    }));
    OnDemandFeatureView {
        sources,
        features: (0..2).map(|output| int(output_name(at, output))).collect(),
        entities: vec!["driver".into()],
        join_keys: vec![int("driver_id")],
        write_to_online_store: view.written,
        ..OnDemandFeatureView::new(format!("v{at}"))
    }
}

fn signature(at: usize, view: &View) -> TransformationSignature {
    let name = |input: &Input| match input {
        Input::Stats(feature) if view.full_names => format!("stats__s{feature}"),
        Input::Stats(feature) => format!("s{feature}"),
        Input::Request(field) => format!("r{field}"),
        Input::DriverId => "driver_id".to_owned(),
        Input::View(inner, output) if view.full_names => {
            let view = alias(view, *inner).unwrap_or_else(|| format!("v{inner}"));
            format!("{view}__{}", output_name(*inner, *output))
        }
        Input::View(inner, output) => output_name(*inner, *output),
    };
    TransformationSignature {
        name: format!("v{at}"),
        inputs: view.inputs.iter().map(|input| int(name(input))).collect(),
        outputs: (0..2).map(|output| int(output_name(at, output))).collect(),
    }
}

/// Registered in an order that is not that of the chain.
async fn catalog(views: &[View], broken: Option<usize>) -> (Catalog, Arc<Vec<AtomicUsize>>) {
    let stats = FeatureView {
        entities: vec!["driver".into()],
        join_keys: vec![int("driver_id")],
        features: (0..4).map(|feature| int(format!("s{feature}"))).collect(),
        ..FeatureView::new("stats")
    };
    let asked = DataSource {
        name: "asked".into(),
        kind: DataSourceKind::Request(RequestSource { schema: vec![int("r0"), int("r1")] }),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    let objects = SnapshotObjects {
        data_sources: vec![registered(asked)],
        feature_views: vec![registered(stats)],
        on_demand_feature_views: views
            .iter()
            .enumerate()
            .rev()
            .map(|(at, view)| registered(definition(at, view)))
            .collect(),
        ..SnapshotObjects::default()
    };
    let snapshot = RegistrySnapshot::new("v".into(), Project::new("p"), Timestamp::EPOCH, objects);
    let calls: Arc<Vec<AtomicUsize>> = Arc::new(views.iter().map(|_| AtomicUsize::new(0)).collect());
    let load = |view: Arc<OnDemandFeatureView>| {
        let at: usize = view.name[1..].parse().unwrap();
        let mix = Mix { view: at, signature: signature(at, &views[at]), calls: Arc::clone(&calls) };
        std::future::ready(if broken == Some(at) {
            Err(RequestError::other("it needs a component").into())
        } else {
            Ok(Arc::new(mix) as Arc<dyn Transformation>)
        })
    };
    let catalog = Catalog::load(Arc::new(snapshot), load).await;
    (catalog, calls)
}

/// The plain way: every value by itself, and whatever it needs by itself again.
fn naive(views: &[View], retrieval: Retrieval, (view, output): (usize, usize), row: i64) -> Option<i64> {
    if views[view].written && retrieval == Retrieval::Online {
        return given(&format!("v{view}:{}", output_name(view, output)), row);
    }
    let inputs: Vec<Option<i64>> = views[view]
        .inputs
        .iter()
        .map(|input| match input {
            Input::Stats(feature) => given(&format!("stats:s{feature}"), row),
            Input::Request(field) => given(&format!("r{field}"), row),
            Input::DriverId => given("driver_id", row),
            Input::View(inner, output) => naive(views, retrieval, (*inner, *output), row),
        })
        .collect();
    mix(view, output, &inputs)
}

/// The views that have to be computed for `wanted`.
fn naive_calls(views: &[View], retrieval: Retrieval, wanted: usize, calls: &mut BTreeSet<usize>) {
    if views[wanted].written && retrieval == Retrieval::Online {
        return;
    }
    calls.insert(wanted);
    for input in &views[wanted].inputs {
        if let Input::View(inner, _) = input {
            naive_calls(views, retrieval, *inner, calls);
        }
    }
}

/// Hands out [`given`] columns.
struct Given<'a>(&'a FeaturePlan);

impl Given<'_> {
    fn stored(&self, view: usize, feature: usize) -> ArrayRef {
        let planned = &self.0.views[view];
        let feature = &planned.stored_features[planned.features[feature]];
        column(&format!("{}:{}", planned.name, feature.name))
    }
}

fn column(name: &str) -> ArrayRef {
    Arc::new((0..ROWS).map(|row| given(name, row)).collect::<Int64Array>())
}

impl CallColumns for Given<'_> {
    fn column(&self, _call: usize, _input: usize, source: &OnDemandInput) -> Result<ArrayRef> {
        Ok(match source {
            OnDemandInput::Stored { view, feature } => self.stored(*view, *feature),
            OnDemandInput::Request(at) => column(&self.0.request_fields[*at].field.name),
            OnDemandInput::EntityColumn(field) => column(&field.name),
            OnDemandInput::Computed { .. } => panic!("the plan has what it computes"),
        })
    }
}

async fn answers(plan: &FeaturePlan) -> HashMap<String, Vec<Option<i64>>> {
    let computed = plan.compute(usize::try_from(ROWS).unwrap(), &Given(plan)).await.unwrap();
    let answer = |source: OutputSource| match source {
        OutputSource::Stored { view, feature } => Given(plan).stored(view, feature),
        OutputSource::OnDemand { call, feature } => Arc::clone(&computed[call][feature]),
    };
    let values = |column: ArrayRef| column.as_primitive::<Int64Type>().iter().collect();
    plan.outputs.iter().map(|output| (output.name.clone(), values(answer(output.source)))).collect()
}

fn references(wanted: &BTreeSet<(usize, usize)>) -> Selection {
    let reference = |(view, output): &(usize, usize)| format!("v{view}:{}", output_name(*view, *output));
    Selection::References(wanted.iter().map(reference).collect())
}

fn plain(inputs: &[Input]) -> View {
    View { inputs: inputs.to_vec(), written: false, aliases: false, full_names: false }
}

/// `v0 -> v1, v2 -> v3`
fn diamond() -> Vec<View> {
    vec![
        plain(&[Input::Stats(0), Input::Stats(1)]),
        plain(&[Input::View(0, 0), Input::Stats(1)]),
        View { aliases: true, ..plain(&[Input::View(0, 1), Input::View(0, 0), Input::Request(0)]) },
        plain(&[Input::View(1, 0), Input::View(2, 1), Input::DriverId]),
    ]
}

fn view_at(view: usize) -> impl Strategy<Value = View> {
    let input = prop_oneof![
        2 => (0..4_usize).prop_map(Input::Stats),
        1 => (0..2_usize).prop_map(Input::Request),
        1 => Just(Input::DriverId),
        // The first view has none before it.
        4 => (0..view.max(1), 0..2_usize).prop_map(move |(inner, output)| {
            if view == 0 { Input::Stats(output) } else { Input::View(inner, output) }
        }),
    ];
    let inputs = prop::collection::vec(input, 1..5).prop_map(|inputs| {
        let mut distinct: Vec<Input> = Vec::new();
        for input in inputs {
            if !distinct.contains(&input) {
                distinct.push(input);
            }
        }
        distinct
    });
    (inputs, prop::bool::weighted(0.25), any::<bool>(), any::<bool>())
        .prop_map(|(inputs, written, aliases, full_names)| View { inputs, written, aliases, full_names })
}

fn views() -> impl Strategy<Value = Vec<View>> {
    (1..9_usize).prop_flat_map(|count| (0..count).map(view_at).collect::<Vec<_>>())
}

static TOKIO: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().unwrap());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_chain_gives_what_the_plain_way_gives_and_computes_each_view_once(
        views in views(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0..2_usize), 1..4),
        online in any::<bool>(),
    ) {
        let retrieval = if online { Retrieval::Online } else { Retrieval::Historical };
        let wanted: BTreeSet<(usize, usize)> =
            picks.iter().map(|(view, output)| (view.index(views.len()), *output)).collect();
        let (answers, calls, plan) = TOKIO.block_on(async {
            let (catalog, calls) = catalog(&views, None).await;
            let plan = FeaturePlan::resolve(&catalog, &references(&wanted), false, retrieval).unwrap();
            (answers(&plan).await, calls, plan)
        });
        // Nothing is answered but what was asked for.
        prop_assert_eq!(answers.len(), wanted.len());
        for (view, output) in &wanted {
            let expected: Vec<_> =
                (0..ROWS).map(|row| naive(&views, retrieval, (*view, *output), row)).collect();
            prop_assert_eq!(&answers[&output_name(*view, *output)], &expected);
        }
        let mut computed = BTreeSet::new();
        for (view, _) in &wanted {
            naive_calls(&views, retrieval, *view, &mut computed);
        }
        for (view, count) in calls.iter().enumerate() {
            prop_assert_eq!(count.load(Ordering::SeqCst), usize::from(computed.contains(&view)));
        }
        // Nothing is read twice.
        let read: BTreeSet<&str> = plan.views.iter().map(|view| view.name.as_str()).collect();
        prop_assert_eq!(read.len(), plan.views.len());
    }
}

#[tokio::test]
async fn an_inner_view_is_answered_only_where_it_is_asked_for_and_shared_with_who_reads_it() {
    let (catalog, calls) = catalog(&diamond(), None).await;
    let top =
        FeaturePlan::resolve(&catalog, &references(&BTreeSet::from([(3, 0)])), false, Retrieval::Historical)
            .unwrap();
    let order: Vec<&str> = top.calls.iter().map(|call| call.view.name.as_str()).collect();
    assert_eq!(order, ["v0", "v1", "v2", "v3"]);
    assert_eq!(answers(&top).await.into_keys().collect::<Vec<_>>(), ["v3_0"]);
    let both = references(&BTreeSet::from([(0, 1), (3, 0)]));
    let both = FeaturePlan::resolve(&catalog, &both, true, Retrieval::Historical).unwrap();
    assert_eq!(both.calls.len(), 4);
    let names: Vec<&str> = both.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["v0__v0_1", "v3__v3_0"]);
    assert_eq!(calls[0].load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_an_inner_view_needs_of_a_request_the_request_must_bring() {
    let (catalog, _) = catalog(&diamond(), None).await;
    let plan =
        FeaturePlan::resolve(&catalog, &references(&BTreeSet::from([(3, 0)])), false, Retrieval::Online)
            .unwrap();
    let fields: Vec<(&str, &str)> = plan
        .request_fields
        .iter()
        .map(|field| (field.field.name.as_str(), field.needed_by.as_str()))
        .collect();
    assert_eq!(fields, [("r0", "v2"), ("r1", "v2")]);
    let keys: Vec<&str> = plan.join_key_columns().iter().map(|key| key.column.as_str()).collect();
    assert_eq!(keys, ["driver_id"]);
}

#[tokio::test]
async fn a_kept_inner_view_is_read_online_and_computed_for_the_past_and_for_writes() {
    let mut views = diamond();
    views[0].written = true;
    let (catalog, _) = catalog(&views, None).await;
    let wanted = references(&BTreeSet::from([(1, 0)]));
    let online = FeaturePlan::resolve(&catalog, &wanted, false, Retrieval::Online).unwrap();
    assert_eq!((online.calls.len(), online.views.len()), (1, 2));
    assert_eq!(online.calls[0].inputs[0], OnDemandInput::Stored { view: 0, feature: 0 });
    assert!(online.views[0].name == "v0" && online.views[0].definition.is_none());
    let past = FeaturePlan::resolve(&catalog, &wanted, false, Retrieval::Historical).unwrap();
    assert_eq!((past.calls.len(), past.views.len()), (2, 1));
    let view = catalog.on_demand_view("v1", None).unwrap().unwrap();
    let write = FeaturePlan::for_on_demand_view(&catalog, &view).unwrap();
    let order: Vec<&str> = write.calls.iter().map(|call| call.view.name.as_str()).collect();
    assert_eq!(order, ["v0", "v1"]);
}

#[tokio::test]
async fn a_view_without_component_fails_whoever_needs_it_under_its_own_name() {
    let (broken, _) = catalog(&diamond(), Some(0)).await;
    let wanted = references(&BTreeSet::from([(3, 0)]));
    let error = FeaturePlan::resolve(&broken, &wanted, false, Retrieval::Online).unwrap_err();
    assert_eq!(error.to_string(), "on-demand feature view `v0` cannot run: it needs a component");
    // Online nobody needs the function of a view that is kept.
    let mut kept = diamond();
    kept[0].written = true;
    let (broken, _) = catalog(&kept, Some(0)).await;
    assert!(FeaturePlan::resolve(&broken, &wanted, false, Retrieval::Online).is_ok());
    assert!(FeaturePlan::resolve(&broken, &wanted, false, Retrieval::Historical).is_err());
}

#[tokio::test]
async fn a_disabled_inner_view_is_refused_by_name() {
    let (catalog, _) = catalog(&diamond(), None).await;
    let mut objects = SnapshotObjects {
        data_sources: catalog.snapshot().data_sources().to_vec(),
        feature_views: catalog.snapshot().feature_views().to_vec(),
        on_demand_feature_views: catalog.snapshot().on_demand_feature_views().to_vec(),
        ..SnapshotObjects::default()
    };
    let inner = objects.on_demand_feature_views.iter_mut().find(|view| view.object.name == "v0").unwrap();
    Arc::make_mut(&mut inner.object).enabled = false;
    let snapshot = RegistrySnapshot::new("w".into(), Project::new("p"), Timestamp::EPOCH, objects);
    let disabled = Catalog::load(Arc::new(snapshot), |view| {
        let at: usize = view.name[1..].parse().unwrap();
        let calls = Arc::new(Vec::new());
        let mix = Mix { view: at, signature: signature(at, &diamond()[at]), calls };
        std::future::ready(Ok(Arc::new(mix) as Arc<dyn Transformation>))
    })
    .await;
    let wanted = references(&BTreeSet::from([(3, 0)]));
    let error = FeaturePlan::resolve(&disabled, &wanted, false, Retrieval::Online).unwrap_err();
    assert!(error.to_string().starts_with("Feature view 'v0' is disabled"), "{error}");
}

#[tokio::test]
async fn a_circle_in_a_registry_is_an_error_that_spells_it_out() {
    let views = vec![plain(&[Input::View(1, 0)]), plain(&[Input::View(2, 0)]), plain(&[Input::View(1, 1)])];
    let (catalog, _) = catalog(&views, None).await;
    let wanted = references(&BTreeSet::from([(0, 0)]));
    let error = FeaturePlan::resolve(&catalog, &wanted, false, Retrieval::Online).unwrap_err();
    assert!(error.downcast_ref::<OnDemandCycle>().is_some());
    assert!(error.to_string().contains("read each other: v1 -> v2 -> v1"), "{error}");
}

#[tokio::test]
async fn a_view_may_read_an_older_version_of_another_where_versions_have_rows_of_their_own() {
    let views = [plain(&[Input::Stats(0)]), plain(&[Input::View(0, 0)])];
    let old = plain(&[Input::Stats(1), Input::DriverId]);
    let (current, _) = catalog(&views, None).await;
    let mut outer = definition(1, &views[1]);
    for source in &mut outer.sources {
        if let OnDemandSource::OnDemandFeatureView(projection) = source {
            projection.version = Some(0);
        }
    }
    let mut earlier = definition(0, &old);
    earlier.transformation.function = "old".to_owned();
    let version = |number, view| FeatureViewVersion {
        materialization_intervals: Vec::new(),
        number,
        view_type: "on_demand_feature_view".to_owned(),
        created: Timestamp::EPOCH,
        version_id: String::new(),
        view: Ok(VersionedView::OnDemand(Arc::new(view))),
    };
    let objects = SnapshotObjects {
        feature_views: current.snapshot().feature_views().to_vec(),
        on_demand_feature_views: vec![registered(definition(0, &views[0])), registered(outer)],
        versions: BTreeMap::from([(
            "v0".to_owned(),
            vec![version(0, earlier), version(1, definition(0, &views[0]))],
        )]),
        ..SnapshotObjects::default()
    };
    let snapshot = RegistrySnapshot::new("w".into(), Project::new("p"), Timestamp::EPOCH, objects);
    let load = |view: Arc<OnDemandFeatureView>| {
        let at: usize = view.name[1..].parse().unwrap();
        let inputs = if view.transformation.function == "old" { &old } else { &views[at] };
        let calls = Arc::new((0..2).map(|_| AtomicUsize::new(0)).collect());
        let mix = Mix { view: at, signature: signature(at, inputs), calls };
        std::future::ready(Ok(Arc::new(mix) as Arc<dyn Transformation>))
    };
    let without = Catalog::load(Arc::new(snapshot.clone()), load).await;
    let wanted = references(&BTreeSet::from([(0, 0), (1, 0)]));
    let error = FeaturePlan::resolve(&without, &wanted, false, Retrieval::Historical).unwrap_err();
    assert!(error.to_string().starts_with("Version-qualified ref 'v0@v0"), "{error}");
    let versioned = Catalog::load(Arc::new(snapshot.with_online_versioning(true)), load).await;
    let plan = FeaturePlan::resolve(&versioned, &wanted, false, Retrieval::Historical).unwrap();
    let found = answers(&plan).await;
    let stats = |feature: usize, row| given(&format!("stats:s{feature}"), row);
    for row in 0..ROWS {
        let at = usize::try_from(row).unwrap();
        assert_eq!(found["v0_0"][at], mix(0, 0, &[stats(0, row)]));
        let older = mix(0, 0, &[stats(1, row), given("driver_id", row)]);
        assert_eq!(found["v1_0"][at], mix(1, 0, &[older]));
    }
}
