//! The verb `write_to_online_store`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use larder_core::{
    InputTable, OnlineStore, RequestError, Result, RowVersion, Timestamp, ValueType, WriteOutcome,
};
use larder_plan::{CallColumns, Catalog, OnDemandInput};

use crate::on_demand_target::OnDemandTarget;
use crate::view_rows::{EVENT_TIMESTAMP, ViewRows, event_times, keys_of_table, missing};
use crate::view_target::ViewTarget;
use crate::{FeatureWriter, off_thread};

/// Asks for rows to be written straight into the online store.
#[derive(Clone, Debug)]
pub struct WriteToOnlineStore {
    /// A feature view, or an on-demand view with `write_to_online_store`.
    pub view: String,
    /// The rows.
    pub table: Arc<InputTable>,
    /// For an on-demand view: whether the rows hold its inputs, to be transformed, or already its
    /// features.
    pub transform_on_write: bool,
}

impl FeatureWriter {
    /// Writes rows of one view into the online store. They are durable when this returns, and newest wins.
    ///
    /// Rows of a feature view have its join keys, its features, and the event time under the name that
    /// the batch source gives it (`event_timestamp` without one); the created time may be missing. The
    /// on-demand views that follow it are computed again.
    ///
    /// Rows of an on-demand view have its join keys and all inputs of its transformation: features of feature
    /// views under their full names, or under their short names where these are unique. What its
    /// transformation takes of other on-demand views is computed from their inputs, which the rows have in
    /// the same way. The event time is the column `event_timestamp`, and now where
    /// there is none. A row that is newer than its sources stays until they are newer.
    ///
    /// A table without rows, even without columns, writes nothing.
    ///
    /// # Errors
    ///
    /// [`RequestError::ObjectNotFound`] for an unknown name; [`RequestError`] for a view that is disabled
    /// or not kept online, a missing column, and a value that does not fit, all before anything is
    /// written; otherwise the online store's errors and the transformation's.
    #[tracing::instrument(name = "larder_materialize.write_to_online_store", skip_all,
        fields(view = %write.view, rows = write.table.len()))]
    pub async fn write_to_online_store(
        &self,
        catalog: &Arc<Catalog>,
        write: &WriteToOnlineStore,
    ) -> Result<WriteOutcome> {
        let plan = self.plan(catalog);
        let snapshot = catalog.snapshot();
        let name = &write.view;
        let refuse_disabled = |enabled: bool| {
            let disabled = || RequestError::FeatureViewDisabled { view: name.clone() };
            enabled.then_some(()).ok_or_else(disabled)
        };
        let outcome = if let Ok(registered) = snapshot.feature_view(name) {
            refuse_disabled(registered.object.enabled)?;
            if !registered.object.online {
                return Err(RequestError::NotServedOnline { view: name.clone() }.into());
            }
            if write.table.is_empty() {
                return Ok(WriteOutcome::default());
            }
            let target = plan.view(name)?;
            let parts = self.table_parts(&target, &write.table).await?;
            self.write_parts(&target, parts).await?
        } else if let Ok(registered) = snapshot.on_demand_feature_view(name) {
            refuse_disabled(registered.object.enabled)?;
            if !registered.object.write_to_online_store {
                return Err(RequestError::other(format!(
                    "OnDemandFeatureView {name} does not have write_to_online_store enabled."
                ))
                .into());
            }
            if write.table.is_empty() {
                return Ok(WriteOutcome::default());
            }
            let target = plan.on_demand_view(&registered.object)?;
            self.write_on_demand_rows(&target, write).await?
        } else {
            return Err(RequestError::ObjectNotFound { name: name.clone() }.into());
        };
        self.online.flush().await?;
        Ok(outcome)
    }

    /// Reads a sent table as rows of `target`, in parts of the batch size.
    pub(crate) async fn table_parts(
        &self,
        target: &Arc<ViewTarget>,
        table: &Arc<InputTable>,
    ) -> Result<Vec<ViewRows>> {
        let (target, table) = (Arc::clone(target), Arc::clone(table));
        let batch_rows = self.batch_rows.get();
        off_thread::run(
            table.len(),
            move || Ok(ViewRows::from_table(&target, &table)?.into_parts(batch_rows)),
        )
        .await
    }

    pub(crate) async fn write_parts(
        &self,
        target: &Arc<ViewTarget>,
        parts: Vec<ViewRows>,
    ) -> Result<WriteOutcome> {
        let are_null = |rows: &ViewRows| {
            let mut columns = rows.features.columns().iter();
            columns.all(|column| column.logical_null_count() == column.len())
        };
        if self.skips_null_rows && parts.iter().all(are_null) {
            tracing::warn!(view = %target.definition.name, "nothing is written online: all features are null");
            return Ok(WriteOutcome::default());
        }
        let mut outcome = WriteOutcome::default();
        for part in parts {
            outcome += target.write(&self.online, part).await?;
        }
        Ok(outcome)
    }

    async fn write_on_demand_rows(
        &self,
        target: &Arc<OnDemandTarget>,
        write: &WriteToOnlineStore,
    ) -> Result<WriteOutcome> {
        let now = self.clock.now();
        let (reading, table) = (Arc::clone(target), Arc::clone(&write.table));
        let transform = write.transform_on_write;
        let rows =
            off_thread::run(table.len(), move || OnDemandRows::from_table(&reading, &table, transform, now))
                .await?;
        let mut outcome = WriteOutcome::default();
        for start in (0..rows.keys.len()).step_by(self.batch_rows.get()) {
            let length = self.batch_rows.get().min(rows.keys.len() - start);
            outcome += rows.write(&*self.online, target, start, length).await?;
        }
        Ok(outcome)
    }
}

/// Rows of an on-demand view as a caller sent them.
struct OnDemandRows {
    keys: Vec<larder_core::EntityKey>,
    versions: Vec<RowVersion>,
    columns: SentColumns,
}

/// What a caller sent of an on-demand view.
enum SentColumns {
    /// What its calls take, by call and input; none where another call computes it.
    Inputs(Vec<Vec<Option<ArrayRef>>>),
    /// Its features, which are not to be computed.
    Features(Vec<ArrayRef>),
}

/// Some rows of what a caller sent.
struct SentPart<'a> {
    inputs: &'a [Vec<Option<ArrayRef>>],
    start: usize,
    length: usize,
}

impl CallColumns for SentPart<'_> {
    fn column(&self, call: usize, input: usize, _source: &OnDemandInput) -> Result<ArrayRef> {
        let column = self.inputs.get(call).and_then(|inputs| inputs.get(input)?.as_ref());
        let column = column.expect("one column was found per input that no call computes");
        Ok(column.slice(self.start, self.length))
    }
}

impl OnDemandRows {
    fn from_table(
        target: &OnDemandTarget,
        table: &InputTable,
        transform: bool,
        now: Timestamp,
    ) -> Result<Self> {
        let view = target.name();
        let needed_by = || format!("on-demand feature view `{view}`");
        let find = |names: &[&str], value_type: ValueType| -> Result<ArrayRef> {
            for name in names {
                if let Some(column) = table.column(name, &value_type)? {
                    return Ok(column);
                }
            }
            let name = names.last().copied().unwrap_or_default();
            Err(missing(name, table, needed_by()).into())
        };
        let fields = target.key_fields();
        let key_columns = fields
            .iter()
            .map(|field| find(&[&field.name], field.value_type.clone()))
            .collect::<Result<Vec<_>>>()?;
        let columns = if transform {
            let calls = target.plan.calls.iter().map(|call| {
                let inputs = call.inputs.iter().map(|input| find_input(target, input, &find));
                inputs.collect::<Result<Vec<_>>>()
            });
            SentColumns::Inputs(calls.collect::<Result<_>>()?)
        } else {
            let features = target.definition.features.iter();
            let features = features.map(|field| find(&[&field.name], field.value_type.clone()));
            SentColumns::Features(features.collect::<Result<_>>()?)
        };
        let keys = keys_of_table(&target.keys, fields, &key_columns, table.len())?;
        let version = |event_timestamp| RowVersion { event_timestamp, created_timestamp: None };
        let versions = match table.column(EVENT_TIMESTAMP, &ValueType::UNIX_TIMESTAMP)? {
            None => vec![version(now); keys.len()],
            Some(times) => event_times(EVENT_TIMESTAMP, &times)?
                .values()
                .iter()
                .map(|micros| version(Timestamp::from_micros(*micros)))
                .collect(),
        };
        Ok(Self { keys, versions, columns })
    }

    /// Writes `length` rows from `start` on.
    async fn write(
        &self,
        online: &dyn OnlineStore,
        target: &OnDemandTarget,
        start: usize,
        length: usize,
    ) -> Result<WriteOutcome> {
        let columns = match &self.columns {
            SentColumns::Inputs(inputs) => {
                target.compute(length, &SentPart { inputs, start, length }).await?
            }
            SentColumns::Features(columns) => {
                columns.iter().map(|column| column.slice(start, length)).collect()
            }
        };
        let part = |from: usize| from..from + length;
        let keys = self.keys.get(part(start)).expect("the part lies within the rows").to_vec();
        let versions = self.versions.get(part(start)).expect("the part lies within the rows").to_vec();
        target.write(online, keys, versions, columns).await
    }
}

/// The column of one input of a call; none where another call computes it.
fn find_input(
    target: &OnDemandTarget,
    input: &OnDemandInput,
    find: &impl Fn(&[&str], ValueType) -> Result<ArrayRef>,
) -> Result<Option<ArrayRef>> {
    let field = match input {
        OnDemandInput::Computed { .. } => return Ok(None),
        OnDemandInput::Stored { view, feature } => {
            let planned = target.plan.views.get(*view).expect("the plan has the views of its calls");
            let stored = planned.features.get(*feature).and_then(|at| planned.stored_features.get(*at));
            let field = stored.expect("the plan has the features of its calls");
            let full = format!("{}__{}", planned.name_to_use, field.name);
            let names: &[&str] =
                if is_unique(target, input, &field.name) { &[&full, &field.name] } else { &[&full] };
            return find(names, field.value_type.clone()).map(Some);
        }
        OnDemandInput::Request(at) => {
            let request = target.plan.request_fields.get(*at);
            &request.expect("the plan has the request fields of its calls").field
        }
        OnDemandInput::EntityColumn(field) => field,
    };
    find(&[&field.name], field.value_type.clone()).map(Some)
}

/// Whether a short name can only mean this input, among those of all calls.
fn is_unique(target: &OnDemandTarget, input: &OnDemandInput, name: &str) -> bool {
    let short = |other: &OnDemandInput| match other {
        OnDemandInput::Stored { view, feature } => {
            let planned = target.plan.views.get(*view)?;
            let stored = planned.features.get(*feature).and_then(|at| planned.stored_features.get(*at));
            stored.map(|field| field.name.clone())
        }
        OnDemandInput::Request(at) => {
            target.plan.request_fields.get(*at).map(|request| request.field.name.clone())
        }
        OnDemandInput::EntityColumn(field) => Some(field.name.clone()),
        OnDemandInput::Computed { .. } => None,
    };
    let mut others = target.plan.calls.iter().flat_map(|call| &call.inputs);
    others.all(|other| other == input || short(other).is_none_or(|other| other != name))
}
