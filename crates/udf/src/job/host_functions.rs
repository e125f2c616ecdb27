//! The functions that a job imports. Each checks that the job may, lifts what it was given, waits for the
//! [`JobHost`], and lowers the answer. A mistake of the job is an answer, so that it can
//! go on; what ends a run is a trap.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::StreamExt as _;
use larder_core::{
    Capability, Error as CoreError, ErrorKind as CoreKind, JobEntities, JobHistoricalRequest, JobHost,
    LogLevel, MaterializedSpan, PushMode, Selection, Table, TableDestination, TableStream, Timestamp,
};
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::input_size::split;
use crate::job::bindings::larder::job::{
    log, materializer, offline_store, online_store, tables, transformer,
};
use crate::job::bindings::larder::udf::arrow::{Batch, Field as WitField};
use crate::job::run::Running;
use crate::job::tables::{Columns, EntityRows, Reader, Writer};
use tables::{Error, ErrorKind};

/// An answer of a host function: `Err` of wasmtime ends the run.
type Answer<T> = Result<Result<T, Error>>;

/// Goes on with the value, or answers with the error.
macro_rules! answer {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Ok(Err(error)),
        }
    };
}

impl Running {
    /// Whether the job may.
    fn granted(&self, capability: Capability) -> Result<(), Error> {
        if self.allow.contains(&capability) {
            return Ok(());
        }
        let message = format!(
            "job `{}` may not `{capability}`; add `{capability}` to `allow` in its definition, or run it with \
             `--allow {capability}`",
            self.job
        );
        let capability = match capability {
            Capability::OfflineRead => tables::Capability::OfflineRead,
            Capability::OfflineWrite => tables::Capability::OfflineWrite,
            Capability::Materialize => tables::Capability::Materialize,
            Capability::OnlineRead => tables::Capability::OnlineRead,
            Capability::Push => tables::Capability::Push,
            Capability::Log => tables::Capability::Log,
            Capability::Transform => tables::Capability::Transform,
        };
        Err(Error { kind: ErrorKind::NotGranted(capability), message })
    }

    /// Waits for a verb of the host.
    fn wait<T, F>(&mut self, verb: impl FnOnce(Arc<dyn JobHost>) -> F) -> Answer<T>
    where
        F: Future<Output = larder_core::Result<T>>,
    {
        let host = Arc::clone(&self.host);
        let done = self.watch.wait(verb(host))?;
        Ok(done.map_err(|error| to_wit(&error)))
    }

    fn columns(&self, declared: Vec<WitField>) -> Result<Columns, Error> {
        Columns::from_wit(declared, self.sandbox.columns).map_err(invalid)
    }

    fn lift(&self, columns: &Columns, rows: Batch, function: &str) -> Result<RecordBatch, Error> {
        columns.lift(rows, self.limits.batch_bytes).map_err(|broken| {
            invalid(format!("the rows passed to `{function}` break the contract: {broken}"))
        })
    }

    /// A table that a job passes at once.
    fn table(&self, table: tables::Table, function: &str) -> Result<(Columns, RecordBatch), Error> {
        let columns = self.columns(table.columns)?;
        let rows = self.lift(&columns, table.rows, function)?;
        Ok((columns, rows))
    }

    fn reader(
        &mut self,
        stream: TableStream,
        held: Option<crate::job::budget::Held>,
    ) -> Answer<Resource<Reader>> {
        let columns = Columns::of(stream.columns);
        // A type that jobs do not have is told before the first row.
        answer!(columns.to_wit().map_err(|error| to_wit(&error)));
        let reader =
            Reader { columns, parts: stream.parts, pieces: VecDeque::new(), is_done: false, _held: held };
        Ok(Ok(self.resources.push(reader)?))
    }

    /// The rows of one batch that goes to the guest. It keeps them beside what it makes of them.
    fn bytes_per_batch(&self) -> usize {
        self.limits.batch_bytes.min(self.limits.memory_bytes / 8).max(1)
    }
}

impl crate::job::bindings::larder::udf::arrow::Host for Running {}

impl tables::Host for Running {}

impl tables::HostReader for Running {
    fn columns(&mut self, reader: Resource<Reader>) -> Result<Vec<WitField>> {
        let columns = self.resources.get(&reader)?.columns.to_wit();
        columns.map_err(|error| wasmtime::Error::msg(error.chain()))
    }

    fn next(&mut self, reader: Resource<Reader>) -> Answer<Option<Batch>> {
        let (rows, bytes) = (self.sandbox.rows_per_call, self.bytes_per_batch());
        let reader = self.resources.get_mut(&reader)?;
        while reader.pieces.is_empty() && !reader.is_done {
            let part = match self.watch.wait(reader.parts.next())? {
                Some(Ok(part)) => part,
                Some(Err(error)) => {
                    reader.is_done = true;
                    return Ok(Err(to_wit(&error)));
                }
                None => {
                    reader.is_done = true;
                    break;
                }
            };
            let pieces = split(&part, rows, bytes).into_iter();
            reader.pieces.extend(pieces.map(|rows| part.slice(rows.start, rows.len())));
        }
        let Some(piece) = reader.pieces.pop_front() else { return Ok(Ok(None)) };
        Ok(reader.columns.lower(&piece).map(Some).map_err(|error| to_wit(&error)))
    }

    fn drop(&mut self, reader: Resource<Reader>) -> Result<()> {
        self.resources.delete(reader)?;
        Ok(())
    }
}

impl offline_store::Host for Running {
    fn get_historical_features(
        &mut self,
        selection: offline_store::Selection,
        entities: offline_store::Entities,
        options: offline_store::HistoricalOptions,
    ) -> Answer<Resource<Reader>> {
        let mut held = None;
        let granted = self.granted(Capability::OfflineRead);
        let entities = match entities {
            // Taken also where the answer is no: the job has given them away.
            offline_store::Entities::Written(rows) => {
                let rows = self.resources.delete(rows)?;
                answer!(granted);
                let columns = answer!(rows.columns.map_err(invalid));
                held = Some(rows.held);
                JobEntities::Rows { columns: columns.fields().to_vec(), parts: rows.parts }
            }
            offline_store::Entities::Rows(table) => {
                answer!(granted);
                let (columns, rows) = answer!(self.table(table, "get-historical-features"));
                JobEntities::Rows { columns: columns.fields().to_vec(), parts: vec![rows] }
            }
            offline_store::Entities::All(span) => {
                answer!(granted);
                JobEntities::All {
                    start: span.start.map(Timestamp::from_micros),
                    end: span.end.map_or(self.time, Timestamp::from_micros),
                }
            }
        };
        let request = JobHistoricalRequest {
            selection: selected(selection),
            entities,
            full_feature_names: options.full_feature_names,
            filter_by_created_timestamp: options.filter_by_created_timestamp,
        };
        let stream = answer!(self.wait(|host| async move { host.get_historical_features(request).await })?);
        self.reader(stream, held)
    }

    fn read_saved_dataset(&mut self, name: String) -> Answer<Resource<Reader>> {
        answer!(self.granted(Capability::OfflineRead));
        let stream = answer!(self.wait(|host| async move { host.read_saved_dataset(name).await })?);
        self.reader(stream, None)
    }
}

impl offline_store::HostEntityRows for Running {
    fn new(&mut self, declared: Vec<WitField>) -> Result<Resource<EntityRows>> {
        let columns = self.columns(declared).map_err(|error| error.message);
        let rows = EntityRows { columns, parts: Vec::new(), held: self.held.hold() };
        Ok(self.resources.push(rows)?)
    }

    fn write(&mut self, entity_rows: Resource<EntityRows>, rows: Batch) -> Answer<()> {
        let columns = answer!(self.resources.get(&entity_rows)?.columns.clone().map_err(invalid));
        let rows = answer!(self.lift(&columns, rows, "entity-rows.write"));
        let limit_bytes = self.limits.table_bytes;
        let entity_rows = self.resources.get_mut(&entity_rows)?;
        if !entity_rows.held.add(rows.get_array_memory_size(), limit_bytes) {
            return Ok(Err(too_large("the entity rows", "table", limit_bytes)));
        }
        entity_rows.parts.push(rows);
        Ok(Ok(()))
    }

    fn drop(&mut self, rows: Resource<EntityRows>) -> Result<()> {
        self.resources.delete(rows)?;
        Ok(())
    }
}

impl offline_store::HostWriter for Running {
    fn open(
        &mut self,
        destination: offline_store::Destination,
        declared: Vec<WitField>,
    ) -> Answer<Resource<Writer>> {
        answer!(self.granted(Capability::OfflineWrite));
        let columns = answer!(self.columns(declared));
        let (destination, name) = match destination {
            offline_store::Destination::FeatureView(view) => {
                let name = format!("the batch source of `{view}`");
                (TableDestination::FeatureView(view), name)
            }
            offline_store::Destination::File(path) => {
                let name = format!("`{path}`");
                (TableDestination::File(path), name)
            }
        };
        let held = destination.holds_rows().then(|| self.held.hold());
        let fields = columns.fields().to_vec();
        let table = answer!(self.wait(|host| async move { host.open_writer(destination, fields).await })?);
        let writer = Writer { columns, table: Some(table), rows: 0, destination: name, held };
        Ok(Ok(self.resources.push(writer)?))
    }

    fn write(&mut self, writer: Resource<Writer>, rows: Batch) -> Answer<()> {
        let columns = self.resources.get(&writer)?.columns.clone();
        let lifted = self.lift(&columns, rows, "writer.write");
        let limits = self.limits;
        let writer = self.resources.get_mut(&writer)?;
        // It comes back after everything has gone well: half a table must never be finished.
        let Some(mut table) = writer.table.take() else {
            return Ok(Err(failed_before(&writer.destination)));
        };
        let rows = answer!(lifted);
        let bytes = rows.get_array_memory_size();
        let fits = if let Some(held) = &mut writer.held {
            held.add(bytes, limits.table_bytes)
                .then_some(())
                .ok_or_else(|| too_large(&writer.destination, "table", limits.table_bytes))
        } else {
            self.written_bytes = self.written_bytes.saturating_add(bytes as u64);
            (self.written_bytes <= limits.written_bytes)
                .then_some(())
                .ok_or_else(|| too_large(&writer.destination, "written", limits.written_bytes))
        };
        answer!(fits);
        let count = rows.num_rows() as u64;
        answer!(self.watch.wait(table.write(rows))?.map_err(|error| to_wit(&error)));
        writer.rows += count;
        writer.table = Some(table);
        Ok(Ok(()))
    }

    fn finish(&mut self, writer: Resource<Writer>) -> Answer<u64> {
        let writer = self.resources.delete(writer)?;
        let Some(table) = writer.table else { return Ok(Err(failed_before(&writer.destination))) };
        answer!(self.watch.wait(table.finish())?.map_err(|error| to_wit(&error)));
        Ok(Ok(writer.rows))
    }

    fn drop(&mut self, writer: Resource<Writer>) -> Result<()> {
        self.resources.delete(writer)?;
        Ok(())
    }
}

impl online_store::Host for Running {
    fn get_online_features(
        &mut self,
        selection: offline_store::Selection,
        entities: tables::Table,
        full_feature_names: bool,
    ) -> Answer<tables::Table> {
        answer!(self.granted(Capability::OnlineRead));
        let (_, entities) = answer!(self.table(entities, "get-online-features"));
        let selection = selected(selection);
        let answer = answer!(self.wait(|host| async move {
            host.get_online_features(selection, entities, full_feature_names).await
        })?);
        Ok(lower_table(answer).map_err(|error| to_wit(&error)))
    }

    fn push(&mut self, push_source: String, rows: tables::Table, to: online_store::PushMode) -> Answer<()> {
        answer!(self.granted(Capability::Push));
        let (_, rows) = answer!(self.table(rows, "push"));
        let to = match to {
            online_store::PushMode::Online => PushMode::Online,
            online_store::PushMode::Offline => PushMode::Offline,
            online_store::PushMode::OnlineAndOffline => PushMode::OnlineAndOffline,
        };
        self.wait(|host| async move { host.push(push_source, rows, to).await })
    }
}

impl materializer::Host for Running {
    fn materialize(
        &mut self,
        start: i64,
        end: i64,
        feature_views: Option<Vec<String>>,
    ) -> Answer<Vec<materializer::MaterializedView>> {
        self.move_history(Some(start), end, feature_views)
    }

    fn materialize_incremental(
        &mut self,
        end: i64,
        feature_views: Option<Vec<String>>,
    ) -> Answer<Vec<materializer::MaterializedView>> {
        self.move_history(None, end, feature_views)
    }
}

impl Running {
    fn move_history(
        &mut self,
        start: Option<i64>,
        end: i64,
        feature_views: Option<Vec<String>>,
    ) -> Answer<Vec<materializer::MaterializedView>> {
        answer!(self.granted(Capability::Materialize));
        let (start, end) = (start.map(Timestamp::from_micros), Timestamp::from_micros(end));
        let views =
            answer!(self.wait(|host| async move { host.materialize(start, end, feature_views).await })?);
        let view = |view: MaterializedSpan| materializer::MaterializedView {
            feature_view: view.feature_view,
            start: view.start.micros(),
            end: view.end.micros(),
            rows_scanned: view.rows_scanned,
            keys: view.keys,
            rows_written: view.rows_written,
        };
        Ok(Ok(views.into_iter().map(view).collect()))
    }
}

impl transformer::Host for Running {
    fn transform(&mut self, view: String, rows: tables::Table) -> Answer<tables::Table> {
        answer!(self.granted(Capability::Transform));
        let (_, rows) = answer!(self.table(rows, "transform"));
        let answer = answer!(self.wait(|host| async move { host.transform(view, rows).await })?);
        Ok(lower_table(answer).map_err(|error| to_wit(&error)))
    }
}

impl log::Host for Running {
    fn write(&mut self, level: log::Level, message: String) -> Answer<()> {
        answer!(self.granted(Capability::Log));
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        // A line without text costs something too.
        let bytes = self.logged_bytes.saturating_add(message.len() + 16);
        if bytes > self.limits.log_bytes {
            self.lines_not_kept += 1;
            return Ok(Ok(()));
        }
        self.logged_bytes = bytes;
        self.host.log(level, &without_control_characters(&message));
        Ok(Ok(()))
    }
}

/// A message as one line that does nothing to a terminal.
fn without_control_characters(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() && character != '\t' {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

fn selected(selection: offline_store::Selection) -> Selection {
    match selection {
        offline_store::Selection::Features(references) => Selection::References(references),
        offline_store::Selection::FeatureService(name) => Selection::Service(name),
    }
}

fn lower_table(table: Table) -> larder_core::Result<tables::Table> {
    let columns = Columns::of(table.columns);
    Ok(tables::Table { columns: columns.to_wit()?, rows: columns.lower(&table.rows)? })
}

fn invalid(message: String) -> Error {
    Error { kind: ErrorKind::Invalid, message }
}

fn too_large(what: &str, limit: &str, limit_bytes: impl std::fmt::Display) -> Error {
    let message = format!("{what}: more than the {limit_bytes} bytes of `limits: {{{limit}: …}}`");
    Error { kind: ErrorKind::Limit, message }
}

fn failed_before(destination: &str) -> Error {
    invalid(format!("the writer to {destination} has failed before, so its rows are lost; open it again"))
}

/// An error of larder's as a job sees it. What is internal stays inside.
fn to_wit(error: &CoreError) -> Error {
    let kind = match error.kind() {
        CoreKind::NotFound => ErrorKind::NotFound,
        CoreKind::Invalid => ErrorKind::Invalid,
        CoreKind::Unavailable => ErrorKind::Unavailable,
        CoreKind::Corrupt => ErrorKind::Corrupt,
        CoreKind::Transformation => ErrorKind::Transformation,
        _ => ErrorKind::Internal,
    };
    Error { kind, message: error.chain() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_log_cannot_move_the_cursor() {
        assert_eq!(without_control_characters("a\u{1b}[2J\nb\tc"), "a\\u{1b}[2J\\nb\tc");
    }
}
