//! How an on-demand view that is kept online follows its sources.
//!
//! One that reads other on-demand views follows the feature views at the end of the chain. What lies between
//! is computed with it, also where it is kept online itself: no view of a chain waits for another.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::filter;
use larder_core::{
    EntityKey, EntityKeyVersion, Error, FeatureView, FeatureViewProjection, Field, OnDemandSource,
    OnlineRead, OnlineRows, OnlineStore, OnlineView, Result, RowVersion, Timestamp, WriteOutcome, column,
};
use larder_plan::{CallColumns, JoinKeyColumn, OnDemandInput};
use larder_registry::RegistrySnapshot;

use crate::feature_writer::Turn;
use crate::on_demand_target::OnDemandTarget;
use crate::row_keys::RowKeys;
use crate::view_target::{key_fields, online_view};
use crate::{MaterializeError, NotFollowing};

/// How an on-demand view is computed again from the stored rows of its sources.
#[derive(Debug)]
pub(crate) struct Recomputation {
    target: Arc<OnDemandTarget>,
    /// The distinct keys of the sources.
    source_keys: Vec<SourceKeys>,
    /// First the sources that the plan reads, in its order; then those that give no input.
    sources: Vec<SourceRead>,
    /// Held from the read of the sources to the write of the result. So whoever comes last has read
    /// what everybody before had written.
    turn: Turn,
}

/// The read of one source for the keys of the on-demand view.
#[derive(Debug)]
struct SourceRead {
    view: Arc<OnlineView>,
    features: Arc<[usize]>,
    /// Position in the source keys of the recomputation.
    keys: usize,
}

/// How the keys of sources are made from the join keys of the on-demand view. Sources of one entity
/// share them, so that the store finds their rows together.
#[derive(Debug)]
struct SourceKeys {
    /// For each join key of the source, its definition and the position of the view's join key that holds it.
    columns: Vec<(Field, usize)>,
    encoder: RowKeys,
}

/// An on-demand view that follows a certain view, and how its keys are found in that view's.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    pub(crate) recomputation: Arc<Recomputation>,
    /// For each join key of the on-demand view, the position of the followed view's join key.
    keys: Vec<usize>,
}

impl Recomputation {
    pub(crate) fn try_new(
        snapshot: &RegistrySnapshot,
        target: &Arc<OnDemandTarget>,
        version: EntityKeyVersion,
        turn: Turn,
    ) -> Result<Self, NotFollowing> {
        let unusable = |error: Error| NotFollowing::unusable(target.name(), &error);
        let mut reads = Sources { snapshot, target, version, keys: Vec::new(), reads: Vec::new() };
        for planned in &target.plan.views {
            let view = planned.definition.as_deref().expect("an on-demand view reads feature views only");
            reads.add(view, &planned.join_keys, &planned.features)?;
        }
        for (projection, view) in source_views(snapshot, target).map_err(unusable)? {
            let join_keys = renamed_keys(&view, &projection);
            let planned = target
                .plan
                .views
                .iter()
                .any(|planned| planned.name == view.name && planned.join_keys == join_keys);
            if !planned {
                reads.add(&view, &join_keys, &[])?;
            }
        }
        let Sources { keys: source_keys, reads: sources, .. } = reads;
        Ok(Self { target: Arc::clone(target), source_keys, sources, turn })
    }

    pub(crate) fn target(&self) -> &Arc<OnDemandTarget> {
        &self.target
    }

    /// Computes the rows of the given keys again and writes those that have at least one source row,
    /// each with the newest event time among its sources. `key_columns` are the view's join keys.
    pub(crate) async fn run(
        &self,
        online: &dyn OnlineStore,
        key_columns: &[ArrayRef],
        rows: usize,
    ) -> Result<WriteOutcome> {
        let encoded = self.target.keys.encode(key_columns, rows)?;
        let reads = self.reads(key_columns, rows)?;

        let _turn = self.turn.lock().await;
        let answers = online.read(reads).await?;
        let newest = newest_event_times(&answers, rows);
        let present = Present::new(&newest, rows);
        if present.rows == 0 {
            return Ok(WriteOutcome::default());
        }
        let stored = StoredColumns { recomputation: self, answers: &answers, key_columns, present: &present };
        let columns = self.target.compute(present.rows, &stored).await?;
        let mut keys = Vec::with_capacity(present.rows);
        let mut versions = Vec::with_capacity(present.rows);
        for (key, time) in encoded.into_iter().zip(newest) {
            if let Some(event_timestamp) = time {
                keys.push(key.ok_or_else(|| MaterializeError::NullJoinKey { view: self.name().to_owned() })?);
                versions.push(RowVersion { event_timestamp, created_timestamp: None });
            }
        }
        self.target.write(online, keys, versions, columns).await
    }

    fn name(&self) -> &str {
        self.target.name()
    }

    fn reads(&self, key_columns: &[ArrayRef], rows: usize) -> Result<Vec<OnlineRead>> {
        let keys = self
            .source_keys
            .iter()
            .map(|keys| Ok(keys.encode(key_columns, rows)?.into()))
            .collect::<Result<Vec<Arc<[Option<EntityKey>]>>>>()?;
        let reads = self.sources.iter().map(|source| OnlineRead {
            view: Arc::clone(&source.view),
            features: Arc::clone(&source.features),
            keys: keys.get(source.keys).map(Arc::clone).expect("`Sources::add` gave the position"),
        });
        Ok(reads.collect())
    }
}

/// The rows of the sources, for the calls of the view.
struct StoredColumns<'a> {
    recomputation: &'a Recomputation,
    answers: &'a [OnlineRows],
    key_columns: &'a [ArrayRef],
    present: &'a Present,
}

impl CallColumns for StoredColumns<'_> {
    fn column(&self, _call: usize, _input: usize, source: &OnDemandInput) -> Result<ArrayRef> {
        let column = match source {
            OnDemandInput::Stored { view, feature } => {
                let answer = self.answers.get(*view).and_then(|rows| rows.columns.get(*feature));
                let column = answer.expect("the store answers every read with every feature");
                Arc::clone(&column.values)
            }
            OnDemandInput::EntityColumn(field) => {
                let at = position(self.recomputation.target.key_fields(), &field.name);
                let column = at.and_then(|at| self.key_columns.get(at));
                let column = column.expect("`Sources::add` refuses join keys that the view does not have");
                column::cast_column(&field.name, column, &field.value_type)?
            }
            OnDemandInput::Request(_) => {
                unreachable!("a view with request sources does not follow its other sources")
            }
            OnDemandInput::Computed { .. } => unreachable!("the plan has the columns that it computes"),
        };
        self.present.keep(self.recomputation.name(), column)
    }
}

/// The sources of a recomputation while they are collected.
struct Sources<'a> {
    snapshot: &'a RegistrySnapshot,
    target: &'a OnDemandTarget,
    version: EntityKeyVersion,
    keys: Vec<SourceKeys>,
    reads: Vec<SourceRead>,
}

impl Sources<'_> {
    fn add(
        &mut self,
        view: &FeatureView,
        join_keys: &[JoinKeyColumn],
        features: &[usize],
    ) -> Result<(), NotFollowing> {
        let target = self.target;
        if !view.online {
            let (view, source_view) = (target.name().to_owned(), view.name.clone());
            return Err(NotFollowing::SourceNotOnline { view, source_view });
        }
        let columns = join_keys
            .iter()
            .map(|key| match position(target.key_fields(), &key.column) {
                Some(at) => Ok((Field::new(&key.key.name, key.key.value_type.clone()), at)),
                None => Err(NotFollowing::ForeignJoinKey {
                    view: target.name().to_owned(),
                    source_view: view.name.clone(),
                    join_key: key.column.clone(),
                }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let known = self.keys.iter().position(|known| known.columns == columns);
        let keys = known.unwrap_or(self.keys.len());
        if known.is_none() {
            let encoder = RowKeys::try_new(key_fields(view), self.version)
                .map_err(|error| NotFollowing::unusable(target.name(), &error.into()))?;
            self.keys.push(SourceKeys { columns, encoder });
        }
        let view = Arc::new(online_view(self.snapshot, view, None));
        self.reads.push(SourceRead { view, features: features.into(), keys });
        Ok(())
    }
}

impl SourceKeys {
    fn encode(&self, key_columns: &[ArrayRef], rows: usize) -> Result<Vec<Option<EntityKey>>> {
        let columns = self
            .columns
            .iter()
            .map(|(field, at)| {
                let column = key_columns.get(*at).expect("`Sources::add` found the position");
                column::cast_column(&field.name, column, &field.value_type)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(self.encoder.encode(&columns, rows)?)
    }
}

impl Follower {
    /// The ways in which `recomputation` follows `view`: one for each source, of its own or of an on-demand
    /// view that it reads, that is this view and has all join keys of the on-demand view.
    pub(crate) fn of_view(
        snapshot: &RegistrySnapshot,
        recomputation: &Arc<Recomputation>,
        view: &FeatureView,
    ) -> Result<Vec<Self>> {
        let target = recomputation.target();
        let mut followers = Vec::new();
        for (projection, source) in source_views(snapshot, target)? {
            if source.name != view.name {
                continue;
            }
            let renamed = renamed_keys(&source, &projection);
            let keys: Option<Vec<usize>> = target
                .key_fields()
                .iter()
                .map(|field| renamed.iter().position(|key| key.column == field.name))
                .collect();
            followers.extend(keys.map(|keys| Self { recomputation: Arc::clone(recomputation), keys }));
        }
        Ok(followers)
    }

    /// Computes the on-demand view again for rows of the followed view, whose join keys `key_columns` are.
    pub(crate) async fn recompute(
        &self,
        online: &dyn OnlineStore,
        key_columns: &[ArrayRef],
        rows: usize,
    ) -> Result<WriteOutcome> {
        let fields = self.recomputation.target.key_fields().iter();
        let columns = fields
            .zip(&self.keys)
            .map(|(field, at)| {
                let column = key_columns.get(*at).expect("`of_view` found the position");
                column::cast_column(&field.name, column, &field.value_type)
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.recomputation.run(online, &columns, rows).await
    }
}

/// The feature views that an on-demand view reads, itself or through other on-demand views, with the
/// projections that name them; those that are read under the same join keys once.
pub(crate) fn source_views(
    snapshot: &RegistrySnapshot,
    target: &OnDemandTarget,
) -> Result<Vec<(FeatureViewProjection, Arc<FeatureView>)>> {
    let mut sources: Vec<(FeatureViewProjection, Arc<FeatureView>)> = Vec::new();
    // Its own first, so that runs go on in the order of definition.
    for view in snapshot.on_demand_chain(&target.definition, |_| true)?.iter().rev() {
        for source in &view.sources {
            let OnDemandSource::FeatureView(projection) = source else { continue };
            let is_known = sources.iter().any(|(known, _)| {
                known.view == projection.view && known.join_key_map == projection.join_key_map
            });
            if !is_known {
                let stored = Arc::clone(&snapshot.feature_view(&projection.view)?.object);
                sources.push((projection.clone(), stored));
            }
        }
    }
    Ok(sources)
}

/// The join keys of a view and what they are called in an on-demand view that has it as a source.
fn renamed_keys(view: &FeatureView, projection: &FeatureViewProjection) -> Vec<JoinKeyColumn> {
    let renamed: &BTreeMap<_, _> = &projection.join_key_map;
    key_fields(view)
        .iter()
        .map(|key| JoinKeyColumn {
            key: key.clone(),
            column: renamed.get(&key.name).unwrap_or(&key.name).clone(),
        })
        .collect()
}

fn position(fields: &[Field], name: &str) -> Option<usize> {
    fields.iter().position(|field| field.name == name)
}

/// For each row the newest event time that any source has for it.
fn newest_event_times(answers: &[OnlineRows], rows: usize) -> Vec<Option<Timestamp>> {
    let mut newest = vec![None; rows];
    for answer in answers {
        for (newest, time) in newest.iter_mut().zip(&answer.event_timestamps) {
            *newest = (*newest).max(*time);
        }
    }
    newest
}

/// Which rows have any source row.
struct Present {
    rows: usize,
    /// `None` if all have.
    mask: Option<BooleanArray>,
}

impl Present {
    fn new(newest: &[Option<Timestamp>], all: usize) -> Self {
        let mask: BooleanArray = newest.iter().map(|time| Some(time.is_some())).collect();
        let rows = mask.true_count();
        Self { rows, mask: (rows < all).then_some(mask) }
    }

    fn keep(&self, view: &str, column: ArrayRef) -> Result<ArrayRef> {
        match &self.mask {
            None => Ok(column),
            Some(mask) => filter(&column as &dyn Array, mask)
                .map_err(|source| MaterializeError::Batch { view: view.to_owned(), source }.into()),
        }
    }
}
