//! From names to columns: the plan of one retrieval.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use larder_core::{
    FeatureReference, FeatureView, FeatureViewProjection, Field, OnDemandFeatureView, OnDemandSource,
    RequestError, Result, Selection,
};
use larder_registry::{BoundInput, RegistrySnapshot, bind_inputs, check_outputs};

use crate::{Catalog, OnDemandCall, OnDemandInput};

/// Whether features are asked for now or as of past times.
///
/// A view with `write_to_online_store` is read from the store online, and computed for the past; so is one
/// that another on-demand view reads. Writes compute it too, from the feature views at the end of the
/// chain: what is written then does not depend on which view of a chain was brought up to date first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retrieval {
    /// The newest values, from the online store.
    Online,
    /// The values as of each row's time, from the offline store.
    Historical,
    /// As `Historical`, and the source features of the on-demand views asked for are in the answer too.
    HistoricalWithInputs,
}

/// Everything that a selection means, resolved once against one catalog.
#[derive(Clone, Debug)]
pub struct FeaturePlan {
    /// The stored views to read, in first-seen order; also those that only on-demand calls need.
    pub views: Vec<PlannedView>,
    /// The request fields that the caller must bring, in first-seen order.
    pub request_fields: Vec<RequestField>,
    /// The on-demand views to run, each once and after those whose outputs it takes; also those that only
    /// others need.
    pub calls: Vec<OnDemandCall>,
    /// The answer's feature columns: stored views first, each view's features together in the order
    /// asked for, then on-demand views likewise.
    pub outputs: Vec<OutputColumn>,
}

/// A view to be read from a store.
#[derive(Clone, Debug)]
pub struct PlannedView {
    /// The view's name, for errors.
    pub name: String,
    /// The name under which the online store keeps its rows.
    pub online_name: String,
    /// The view as it stands in full feature names: its alias, or else its name.
    pub name_to_use: String,
    /// The feature view; `None` for an on-demand view that is read from the online store.
    pub definition: Option<Arc<FeatureView>>,
    /// All features the view has in the store, in order.
    pub stored_features: Arc<[Field]>,
    /// Positions in `stored_features` of those wanted, in order.
    pub features: Vec<usize>,
    /// The join keys and the columns that hold them; empty for a view without entities.
    pub join_keys: Vec<JoinKeyColumn>,
}

/// A join key of a view and the column of the request or entity table that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinKeyColumn {
    /// The join key in the view.
    pub key: Field,
    /// The column outside.
    pub column: String,
}

/// A field that the caller must bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestField {
    /// Its name and type.
    pub field: Field,
    /// The first on-demand view that needs it.
    pub needed_by: String,
}

/// One column of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputColumn {
    /// The name in the answer: `feature` or `view__feature`.
    pub name: String,
    /// The view as it stands in full feature names: its alias, or else its name.
    pub view: String,
    /// The feature's type.
    pub field: Field,
    /// Where the values come from.
    pub source: OutputSource,
}

impl OutputColumn {
    /// `view:feature`, as one asks for it.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.view, self.field.name)
    }
}

/// Where the values of an output column come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputSource {
    /// A feature read by the plan: positions in `views` and in that view's `features`.
    Stored {
        /// Position in the plan's views.
        view: usize,
        /// Position in the planned view's features.
        feature: usize,
    },
    /// An output of a call: positions in `calls` and in the on-demand view's features.
    OnDemand {
        /// Position in the plan's calls.
        call: usize,
        /// Position in the view's features.
        feature: usize,
    },
}

impl PlannedView {
    /// Whether the same rows answer both.
    fn has_rows_of(&self, other: &Self) -> bool {
        self.name == other.name && self.online_name == other.online_name && self.join_keys == other.join_keys
    }
}

impl FeaturePlan {
    /// Resolves `selection`. With `full_feature_names` answers are called `view__feature`.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for unknown names, bad references, an empty selection, a disabled view and equal
    /// output names; [`BindingError`](larder_registry::BindingError) where a transformation does not fit its
    /// view; [`UnusableView`](crate::UnusableView) where there is none. All of them also for views that only
    /// others need, and under the name of the view that is wrong.
    pub fn resolve(
        catalog: &Catalog,
        selection: &Selection,
        full_feature_names: bool,
        retrieval: Retrieval,
    ) -> Result<Self> {
        let wanted = match selection {
            Selection::References(references) => group_references(catalog.snapshot(), references)?,
            Selection::Service(name) => catalog.snapshot().feature_service(name)?.object.features.clone(),
        };
        Self::of_projections(catalog, &wanted, full_feature_names, retrieval)
    }

    /// As [`resolve`](Self::resolve), for views that are asked for as a feature service does: perhaps under
    /// another name, with other join keys.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn of_projections(
        catalog: &Catalog,
        wanted: &[FeatureViewProjection],
        full_feature_names: bool,
        retrieval: Retrieval,
    ) -> Result<Self> {
        if wanted.iter().all(|projection| projection.features.is_empty()) {
            return Err(RequestError::NoFeatures.into());
        }
        let mut builder =
            PlanBuilder { catalog, retrieval, full_feature_names, inputs: Vec::new(), plan: Self::empty() };
        let mut on_demand_outputs = Vec::new();
        for projection in wanted {
            builder.add_projection(projection, &mut on_demand_outputs)?;
        }
        let mut plan = builder.plan;
        for input in builder.inputs {
            // What was asked for stands under its name already, or takes the name.
            if plan.outputs.iter().chain(&on_demand_outputs).all(|output| output.name != input.name) {
                plan.outputs.push(input);
            }
        }
        plan.outputs.extend(on_demand_outputs);
        refuse_collisions(&plan.outputs, full_feature_names)?;
        Ok(plan)
    }

    /// The plan that computes every feature of one on-demand view, whatever its flags. Its call is the last;
    /// those before it are the on-demand views it reads, also those that are kept online.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn for_on_demand_view(catalog: &Catalog, view: &Arc<OnDemandFeatureView>) -> Result<Self> {
        let mut builder = PlanBuilder {
            catalog,
            retrieval: Retrieval::Historical,
            full_feature_names: false,
            inputs: Vec::new(),
            plan: Self::empty(),
        };
        builder.add_call(view)?;
        Ok(builder.plan)
    }

    /// Whether the online store holds what `view` computes, so that it is read and not computed.
    fn is_stored(view: &OnDemandFeatureView, retrieval: Retrieval) -> bool {
        view.write_to_online_store && retrieval == Retrieval::Online
    }

    /// The entity columns that the plan's views need, each once, in first-seen order.
    pub fn join_key_columns(&self) -> Vec<&JoinKeyColumn> {
        let mut seen = BTreeSet::new();
        let all = self.views.iter().flat_map(|view| &view.join_keys);
        all.filter(|key| seen.insert(key.column.as_str())).collect()
    }

    fn empty() -> Self {
        Self { views: Vec::new(), request_fields: Vec::new(), calls: Vec::new(), outputs: Vec::new() }
    }
}

struct PlanBuilder<'a> {
    catalog: &'a Catalog,
    retrieval: Retrieval,
    full_feature_names: bool,
    /// The source features of on-demand views that go into the answer unasked.
    inputs: Vec<OutputColumn>,
    plan: FeaturePlan,
}

impl PlanBuilder<'_> {
    fn add_projection(
        &mut self,
        projection: &FeatureViewProjection,
        on_demand_outputs: &mut Vec<OutputColumn>,
    ) -> Result<()> {
        if let Some(view) = self.catalog.on_demand_view(&projection.view, projection.version)? {
            refuse_disabled(view.enabled, &view.name)?;
            if FeaturePlan::is_stored(&view, self.retrieval) {
                let at = self.add_view(self.written_view(&view, projection));
                self.add_stored_outputs(at, projection)?;
            } else {
                let call = self.add_call(&view)?;
                if self.retrieval == Retrieval::HistoricalWithInputs {
                    self.add_inputs(&view)?;
                }
                for name in &projection.features {
                    let feature = feature_position(&view.features, name, projection)?;
                    on_demand_outputs.push(OutputColumn {
                        name: self.output_name(projection, name),
                        view: name_to_use(projection),
                        field: field_at(&view.features, feature),
                        source: OutputSource::OnDemand { call, feature },
                    });
                }
            }
        } else {
            let at = self.add_view(self.feature_view(projection)?);
            self.add_stored_outputs(at, projection)?;
        }
        Ok(())
    }

    /// Puts all source features of an on-demand view into the answer.
    fn add_inputs(&mut self, view: &OnDemandFeatureView) -> Result<()> {
        for source in &view.sources {
            if let OnDemandSource::FeatureView(projection) = source {
                let at = self.add_view(self.feature_view(projection)?);
                let asked = self.plan.outputs.len();
                self.add_stored_outputs(at, projection)?;
                self.inputs.extend(self.plan.outputs.drain(asked..));
            }
        }
        Ok(())
    }

    /// A feature view with no feature wanted yet.
    fn feature_view(&self, projection: &FeatureViewProjection) -> Result<PlannedView> {
        let view = &self.catalog.stored_view(&projection.view, projection.version)?;
        refuse_disabled(view.enabled, &view.name)?;
        if self.retrieval == Retrieval::Online && !view.online {
            return Err(RequestError::NotServedOnline { view: view.name.clone() }.into());
        }
        let join_keys = if view.is_entityless() { &[][..] } else { view.join_keys.as_slice() };
        Ok(PlannedView {
            name: view.name.clone(),
            online_name: self.catalog.snapshot().online_name(&view.name, projection.version),
            name_to_use: name_to_use(projection),
            definition: Some(Arc::clone(view)),
            stored_features: view.features.clone().into(),
            features: Vec::new(),
            join_keys: join_key_columns(join_keys, &projection.join_key_map),
        })
    }

    /// An on-demand view whose values the online store holds, with no feature wanted yet.
    fn written_view(&self, view: &OnDemandFeatureView, projection: &FeatureViewProjection) -> PlannedView {
        let join_keys = if view.entities.is_empty() { &[][..] } else { view.join_keys.as_slice() };
        PlannedView {
            name: view.name.clone(),
            online_name: self.catalog.snapshot().online_name(&view.name, projection.version),
            name_to_use: name_to_use(projection),
            definition: None,
            stored_features: view.features.clone().into(),
            features: Vec::new(),
            join_keys: join_key_columns(join_keys, &projection.join_key_map),
        }
    }

    /// Adds a view that is asked for, or finds it. One read serves all uses of a view under one name and the
    /// same join key columns.
    fn add_view(&mut self, view: PlannedView) -> usize {
        let same = |known: &PlannedView| known.name_to_use == view.name_to_use && known.has_rows_of(&view);
        self.plan.views.iter().position(same).unwrap_or_else(|| self.push_view(view))
    }

    /// Adds a view that an on-demand view reads, or finds it. What it is called is no matter then.
    fn add_input_view(&mut self, view: PlannedView) -> usize {
        let known = self.plan.views.iter().position(|known| known.has_rows_of(&view));
        known.unwrap_or_else(|| self.push_view(view))
    }

    fn push_view(&mut self, view: PlannedView) -> usize {
        self.plan.views.push(view);
        self.plan.views.len() - 1
    }

    /// Wants a feature of a planned view; its position among those wanted.
    fn want_feature(&mut self, view: usize, name: &str) -> Result<usize, RequestError> {
        let planned = self.plan.views.get_mut(view).expect("`add_view` gave the position");
        let stored =
            planned.stored_features.iter().position(|feature| feature.name == name).ok_or_else(|| {
                RequestError::FeatureNotFound { feature: name.to_owned(), view: planned.name_to_use.clone() }
            })?;
        Ok(planned.features.iter().position(|known| *known == stored).unwrap_or_else(|| {
            planned.features.push(stored);
            planned.features.len() - 1
        }))
    }

    fn add_stored_outputs(&mut self, view: usize, projection: &FeatureViewProjection) -> Result<()> {
        for name in &projection.features {
            let feature = self.want_feature(view, name)?;
            let planned = self.plan.views.get(view).expect("`add_view` gave the position");
            let stored = planned.features.get(feature).copied().unwrap_or_default();
            let field = field_at(&planned.stored_features, stored);
            let name = self.output_name(projection, name);
            self.plan.outputs.push(OutputColumn {
                name,
                view: name_to_use(projection),
                field,
                source: OutputSource::Stored { view, feature },
            });
        }
        Ok(())
    }

    /// Adds a call of an on-demand view with all it needs, or finds it. The calls it takes from come before.
    fn add_call(&mut self, view: &Arc<OnDemandFeatureView>) -> Result<usize> {
        if let Some(at) = self.call_of(view) {
            return Ok(at);
        }
        let retrieval = self.retrieval;
        let snapshot = self.catalog.snapshot();
        // What is read from the store needs nothing of what it was computed from.
        let chain = snapshot.on_demand_chain(view, |inner| !FeaturePlan::is_stored(inner, retrieval))?;
        // From the outermost view inwards: only what some function takes is computed.
        let mut needed: HashSet<*const OnDemandFeatureView> = HashSet::from([Arc::as_ptr(view)]);
        let mut bound = Vec::new();
        for view in chain.into_iter().rev() {
            if !needed.contains(&Arc::as_ptr(&view)) || self.call_of(&view).is_some() {
                continue;
            }
            let transformation = self.catalog.transformation(&view)?;
            let inputs = bind_inputs(snapshot, &view, transformation.signature())?;
            for input in &inputs {
                if let BoundInput::Feature { source, .. } = input
                    && let Some(OnDemandSource::OnDemandFeatureView(inner)) = view.sources.get(*source)
                {
                    let inner = self.inner_view(inner)?;
                    if !FeaturePlan::is_stored(&inner, retrieval) {
                        needed.insert(Arc::as_ptr(&inner));
                    }
                }
            }
            bound.push((view, inputs));
        }
        for (view, inputs) in bound.into_iter().rev() {
            self.push_call(&view, inputs)?;
        }
        Ok(self.call_of(view).expect("the chain of a view ends with it"))
    }

    fn call_of(&self, view: &Arc<OnDemandFeatureView>) -> Option<usize> {
        // A version that is the one in use is the same view in another place.
        self.plan.calls.iter().position(|call| Arc::ptr_eq(&call.view, view) || call.view == *view)
    }

    /// The on-demand view that another one reads.
    fn inner_view(&self, projection: &FeatureViewProjection) -> Result<Arc<OnDemandFeatureView>> {
        let snapshot = self.catalog.snapshot();
        if let Some(version) = projection.version
            && !snapshot.has_online_versioning()
        {
            return Err(RequestError::VersionedReference { view: projection.view.clone(), version }.into());
        }
        let view = snapshot.projected_on_demand_view(projection)?;
        refuse_disabled(view.enabled, &view.name)?;
        Ok(Arc::clone(view))
    }

    /// Adds a call whose inputs are bound, after those it takes from.
    fn push_call(&mut self, view: &Arc<OnDemandFeatureView>, bound: Vec<BoundInput>) -> Result<()> {
        let snapshot = Arc::clone(self.catalog.snapshot());
        let transformation = self.catalog.transformation(view)?;
        let outputs = check_outputs(view, transformation.signature())?;
        // Every request field of the view is asked for, used or not: that is its interface.
        for source in &view.sources {
            if let OnDemandSource::RequestSource(name) = source {
                let source = &snapshot.data_source(name)?.object;
                for field in source.as_request().map(|request| request.schema.as_slice()).unwrap_or_default()
                {
                    self.add_request_field(field, &view.name)?;
                }
            }
        }
        let inputs = bound
            .into_iter()
            .map(|input| match input {
                BoundInput::Feature { source, feature } => self.add_input(view, source, &feature),
                BoundInput::Request(field) => {
                    Ok(OnDemandInput::Request(self.add_request_field(&field, &view.name)?))
                }
                BoundInput::JoinKey(field) => Ok(OnDemandInput::EntityColumn(field)),
            })
            .collect::<Result<Vec<_>>>()?;
        let call = OnDemandCall::new(Arc::clone(view), inputs, Arc::clone(transformation), outputs);
        self.plan.calls.push(call);
        Ok(())
    }

    /// The input that is a feature of the source at a position of `view`.
    fn add_input(
        &mut self,
        view: &OnDemandFeatureView,
        source: usize,
        feature: &str,
    ) -> Result<OnDemandInput> {
        let planned = match view.sources.get(source) {
            Some(OnDemandSource::FeatureView(projection)) => self.feature_view(projection)?,
            Some(OnDemandSource::OnDemandFeatureView(projection)) => {
                let inner = self.inner_view(projection)?;
                if let Some(call) = self.call_of(&inner) {
                    let feature = feature_position(&inner.features, feature, projection)?;
                    return Ok(OnDemandInput::Computed { call, feature });
                }
                self.written_view(&inner, projection)
            }
            _ => unreachable!("`bind_inputs` gives positions of views"),
        };
        let at = self.add_input_view(planned);
        let feature = self.want_feature(at, feature)?;
        Ok(OnDemandInput::Stored { view: at, feature })
    }

    /// Wants a field of the request, or finds it.
    fn add_request_field(&mut self, field: &Field, view: &str) -> Result<usize, RequestError> {
        let known = |request: &RequestField| request.field.name == field.name;
        let Some(at) = self.plan.request_fields.iter().position(known) else {
            self.plan.request_fields.push(RequestField { field: field.clone(), needed_by: view.to_owned() });
            return Ok(self.plan.request_fields.len() - 1);
        };
        match self.plan.request_fields.get(at) {
            Some(known) if known.field.value_type != field.value_type => Err(RequestError::other(format!(
                "on-demand feature view `{}` takes `{}` of a request as {} and `{view}` as {}; ask for one of them \
                 at a time",
                known.needed_by, field.name, known.field.value_type, field.value_type
            ))),
            _ => Ok(at),
        }
    }

    fn output_name(&self, projection: &FeatureViewProjection, feature: &str) -> String {
        if self.full_feature_names {
            format!("{}__{feature}", name_to_use(projection))
        } else {
            feature.to_owned()
        }
    }
}

/// Groups references by view in first-seen order, keeping the order of features within each.
fn group_references(
    snapshot: &RegistrySnapshot,
    references: &[String],
) -> Result<Vec<FeatureViewProjection>, RequestError> {
    let mut grouped: Vec<FeatureViewProjection> = Vec::new();
    for text in references {
        let reference = FeatureReference::parse(text)?;
        if let Some(version) = reference.version {
            if !snapshot.has_online_versioning() {
                return Err(RequestError::VersionedReference { view: reference.view, version });
            }
            snapshot.versioned_view(&reference.view, version)?;
        } else if snapshot.on_demand_feature_view(&reference.view).is_err() {
            snapshot.feature_view(&reference.view)?;
        }
        let same = |projection: &&mut FeatureViewProjection| {
            projection.view == reference.view && projection.version == reference.version
        };
        match grouped.iter_mut().find(same) {
            Some(projection) => projection.features.push(reference.feature),
            None => grouped.push(FeatureViewProjection {
                version: reference.version,
                ..FeatureViewProjection::new(reference.view, vec![reference.feature])
            }),
        }
    }
    Ok(grouped)
}

/// The name in full feature names: the alias or the view, with its version where one is named.
fn name_to_use(projection: &FeatureViewProjection) -> String {
    match projection.version {
        Some(version) => format!("{}@v{version}", projection.name_to_use()),
        None => projection.name_to_use().to_owned(),
    }
}

fn join_key_columns(keys: &[Field], join_key_map: &BTreeMap<String, String>) -> Vec<JoinKeyColumn> {
    keys.iter()
        .map(|key| JoinKeyColumn {
            key: key.clone(),
            column: join_key_map.get(&key.name).unwrap_or(&key.name).clone(),
        })
        .collect()
}

fn feature_position(
    features: &[Field],
    name: &str,
    projection: &FeatureViewProjection,
) -> Result<usize, RequestError> {
    features.iter().position(|feature| feature.name == name).ok_or_else(|| RequestError::FeatureNotFound {
        feature: name.to_owned(),
        view: projection.name_to_use().to_owned(),
    })
}

fn field_at(features: &[Field], position: usize) -> Field {
    features.get(position).expect("the position was found in these features").clone()
}

pub(crate) fn refuse_disabled(enabled: bool, view: &str) -> Result<(), RequestError> {
    if enabled { Ok(()) } else { Err(RequestError::FeatureViewDisabled { view: view.to_owned() }) }
}

fn refuse_collisions(outputs: &[OutputColumn], full_feature_names: bool) -> Result<(), RequestError> {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> =
        outputs.iter().map(|output| output.name.as_str()).filter(|name| !seen.insert(*name)).collect();
    if twice.is_empty() {
        return Ok(());
    }
    let names = twice.into_iter().map(str::to_owned).collect();
    Err(RequestError::FeatureNameCollision { names, full_feature_names })
}
