//! The verb `push`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use larder_core::{DataSource, FeatureView, InputTable, PushMode, RequestError, Result, ValueType};
use larder_plan::Catalog;

use crate::view_rows::batch;
use crate::{FeatureWriter, PushReport, WrittenView, off_thread};

/// Asks for rows to be pushed to every view that a push source feeds.
#[derive(Clone, Debug)]
pub struct Push {
    /// The push source's name.
    pub push_source: String,
    /// The rows.
    pub table: Arc<InputTable>,
    /// Which stores take them.
    pub to: PushMode,
}

impl FeatureWriter {
    /// Writes rows to the views that a push source feeds. They are durable when this returns.
    ///
    /// Everything is checked before anything is written. Then the views that are kept online are written
    /// in name order, the on-demand views that follow them are computed again, and the online store is
    /// flushed; then the rows are added to each batch source once. A store that fails half-way leaves what
    /// was written before; pushing again is safe online, and adds the rows once more offline.
    ///
    /// Online, a row needs the join keys, all features and the event time, under the names of the batch
    /// source or those after its field mapping; the created time may be missing and other columns are
    /// ignored. Offline, the columns must be exactly those of the batch source. A time without zone is
    /// UTC. A table without rows, even without columns, writes nothing.
    ///
    /// # Errors
    ///
    /// [`RequestError::PushSourceNotFound`] if no view is fed by the source; [`RequestError`] for a
    /// disabled view, a view without batch source where rows go offline, a missing column, and a value
    /// that does not fit; otherwise the errors of the stores and of transformations.
    #[tracing::instrument(name = "larder_materialize.push", skip_all,
        fields(push_source = %push.push_source, rows = push.table.len(), to = ?push.to))]
    pub async fn push(&self, catalog: &Arc<Catalog>, push: &Push) -> Result<PushReport> {
        let views = fed_views(catalog, &push.push_source)?;
        let online = if push.to.is_online() { kept_online(&views)? } else { Vec::new() };
        let sources = if push.to.is_offline() { batch_sources(catalog, &views)? } else { Vec::new() };
        if push.table.is_empty() {
            return Ok(PushReport::default());
        }
        let plan = self.plan(catalog);
        let mut online_rows = Vec::with_capacity(online.len());
        for view in online {
            let target = plan.view(&view.name)?;
            let parts = self.table_parts(&target, &push.table).await?;
            online_rows.push((target, parts));
        }
        let mut offline_rows = Vec::with_capacity(sources.len());
        for source in sources {
            let rows = self.source_rows(&source, declared_types(&views, &source.name), &push.table).await?;
            offline_rows.push((source, rows));
        }

        let mut report = PushReport::default();
        for (target, parts) in online_rows {
            let outcome = self.write_parts(&target, parts).await?;
            report.online.push(WrittenView { view: target.definition.name.clone(), outcome });
        }
        if push.to.is_online() {
            self.online.flush().await?;
        }
        for (source, rows) in offline_rows {
            self.offline.append(&source, rows).await?;
            report.offline.push(source.name.clone());
        }
        Ok(report)
    }

    /// Reads a sent table as rows of a batch source.
    async fn source_rows(
        &self,
        source: &Arc<DataSource>,
        declared: HashMap<String, ValueType>,
        table: &Arc<InputTable>,
    ) -> Result<RecordBatch> {
        let schema = self.offline.schema(source).await?;
        let (source, table) = (Arc::clone(source), Arc::clone(table));
        off_thread::run(table.len(), move || source_rows(&source, &schema, &declared, &table)).await
    }
}

/// The views that a push source feeds, in name order.
fn fed_views(catalog: &Catalog, push_source: &str) -> Result<Vec<Arc<FeatureView>>, RequestError> {
    let views = catalog.snapshot().feature_views().iter().map(|registered| &registered.object);
    let mut fed: Vec<Arc<FeatureView>> =
        views.filter(|view| view.stream_source.as_deref() == Some(push_source)).map(Arc::clone).collect();
    if fed.is_empty() {
        return Err(RequestError::PushSourceNotFound { push_source: push_source.to_owned() });
    }
    fed.sort_by(|a, b| a.name.cmp(&b.name));
    match fed.iter().find(|view| !view.enabled) {
        Some(view) => Err(RequestError::FeatureViewDisabled { view: view.name.clone() }),
        None => Ok(fed),
    }
}

/// Those of the views that are kept online, of which there must be one.
fn kept_online(views: &[Arc<FeatureView>]) -> Result<Vec<&Arc<FeatureView>>, RequestError> {
    let kept: Vec<_> = views.iter().filter(|view| view.online).collect();
    match views.first() {
        Some(first) if kept.is_empty() => Err(RequestError::NotServedOnline { view: first.name.clone() }),
        _ => Ok(kept),
    }
}

/// The batch sources of the views, each once, in the order of the views.
fn batch_sources(
    catalog: &Catalog,
    views: &[Arc<FeatureView>],
) -> Result<Vec<Arc<DataSource>>, RequestError> {
    let mut sources: Vec<Arc<DataSource>> = Vec::new();
    for view in views {
        let name = view.batch_source.as_deref().ok_or_else(|| {
            RequestError::other(format!(
                "feature view `{}` has no batch source, so nothing can be pushed offline; push to `online`",
                view.name
            ))
        })?;
        if !sources.iter().any(|known| known.name == name) {
            sources.push(Arc::clone(&catalog.snapshot().data_source(name)?.object));
        }
    }
    Ok(sources)
}

/// The types that views declare for the columns of a batch source, by the names after its field mapping.
fn declared_types(views: &[Arc<FeatureView>], source: &str) -> HashMap<String, ValueType> {
    let reading = views.iter().filter(|view| view.batch_source.as_deref() == Some(source));
    let fields = reading.flat_map(|view| view.join_keys.iter().chain(&view.features));
    fields.map(|field| (field.name.clone(), field.value_type.clone())).collect()
}

/// A sent table as rows of a batch source: its columns under the names the source has for them.
fn source_rows(
    source: &DataSource,
    schema: &Schema,
    declared: &HashMap<String, ValueType>,
    table: &InputTable,
) -> Result<RecordBatch> {
    let mapping = source.as_file().map(|file| &file.field_mapping);
    let own_name = |mapped: &str| {
        let mut renamed = mapping.into_iter().flatten();
        let own = renamed.find(|(_, name)| name.as_str() == mapped).map(|(own, _)| own.clone());
        own.unwrap_or_else(|| mapped.to_owned())
    };
    let own_names: Vec<String> = schema.fields().iter().map(|field| own_name(field.name())).collect();
    check_columns(&own_names, table)?;
    let mut fields = Vec::with_capacity(own_names.len());
    let mut columns = Vec::with_capacity(own_names.len());
    for (field, name) in schema.fields().iter().zip(&own_names) {
        let value_type = type_on_the_way(field.data_type(), declared.get(field.name()).cloned());
        let column = table.column(name, &value_type)?.expect("`check_columns` has seen the column");
        fields.push(ArrowField::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    batch(&source.name, &Arc::new(Schema::new(fields)), columns, table.len())
}

/// The type in which a value goes to the store, which casts it to what the source really has.
fn type_on_the_way(found: &DataType, declared: Option<ValueType>) -> ValueType {
    let whole = [ValueType::INT32, ValueType::INT64];
    let wider = [ValueType::FLOAT32, ValueType::FLOAT64, ValueType::STRING];
    // A map or a set says more than the text or list that carries it.
    if let Some(declared) = declared.as_ref().filter(|declared| declared.data_type() == *found) {
        return declared.clone();
    }
    match (ValueType::infer(found), declared) {
        // A text file may have had nothing but whole numbers so far; none must be cut on the way.
        (Some(found), Some(declared)) if whole.contains(&found) && wider.contains(&declared) => {
            if declared == ValueType::STRING { declared } else { ValueType::FLOAT64 }
        }
        (Some(found), _) => found,
        // Any other type can be read from text.
        (None, declared) => declared.unwrap_or(ValueType::STRING),
    }
}

/// Feast's check of pushed columns against those of the batch source, with its text.
fn check_columns(expected: &[String], table: &InputTable) -> Result<(), RequestError> {
    let found = table.column_names();
    let missing: Vec<&str> =
        expected.iter().map(String::as_str).filter(|name| !found.contains(name)).collect();
    let extra: Vec<&str> =
        found.into_iter().filter(|name| !expected.iter().any(|expected| expected == name)).collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(RequestError::other(format!(
        "The input dataframe columns do not match the batch source columns. missing_expected_columns: {}, \
         extra_unexpected_columns: {}.",
        python_list(&missing),
        python_list(&extra)
    )))
}

/// Names as Python prints a list of strings.
fn python_list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_goes_to_the_store_in_the_type_that_says_most() {
        let way =
            |found: DataType, declared: &str| type_on_the_way(&found, declared.parse().ok()).to_string();
        assert_eq!(way(DataType::Utf8, "Map"), "Map");
        assert_eq!(way(DataType::Utf8, "Decimal"), "Decimal");
        let texts = ValueType::array(ValueType::STRING).unwrap().data_type();
        assert_eq!(way(texts, "Set(String)"), "Set(String)");
        assert_eq!(way(DataType::Int64, "Float32"), "Float64");
        assert_eq!(way(DataType::Int64, "Int32"), "Int64");
    }
}
