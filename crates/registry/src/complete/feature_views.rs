//! Feature views: join keys, features, and their columns.

use arrow::datatypes::{DataType, SchemaRef};
use larder_core::{
    DataSource, DataSourceKind, Entity, ExternalSystem, FeatureView, FeatureViewKind, Field, ScalarType,
    StreamSystem, ValueType, dummy_join_key,
};

use super::Completion;
use super::data_sources::{KnownSource, can_become};
use crate::definitions::{ParsedDefinitions, ParsedFeatureView, not_a_key_type};
use crate::suggestion::suggest;
use crate::yaml::At;

impl Completion {
    pub(super) fn feature_views(&mut self, parsed: &ParsedDefinitions) {
        for view in &parsed.feature_views {
            match self.feature_view(view, parsed) {
                Some(view) => self.definitions.feature_views.push(view),
                None => {
                    self.broken.insert(view.name.value.clone());
                }
            }
        }
    }

    fn feature_view(&mut self, parsed: &ParsedFeatureView, all: &ParsedDefinitions) -> Option<FeatureView> {
        let sources = self.view_sources(parsed, all);
        let entities = self.view_entities(&parsed.entities);
        let source_views = self.source_views(parsed, all);
        let kind = self.view_kind(parsed);
        let (batch, stream) = sources?;
        let entities = entities?;
        let columns = batch.as_ref().and_then(|batch| batch.columns.clone());
        let join_keys = self.join_keys(parsed, &entities, columns.as_ref());
        let is_key = |name: &str| entities.iter().any(|entity| entity.join_key == name);
        let mut features: Vec<Field> = parsed
            .schema
            .iter()
            .map(|field| &field.value)
            .filter(|field| !is_key(&field.name))
            .cloned()
            .collect();
        // What an engine makes need not be in the source.
        let made_elsewhere = parsed.udf.is_some();
        let checked = if made_elsewhere { Some(()) } else { self.check_schema(parsed, batch.as_ref()) };
        if features.is_empty() && matches!(parsed.kind, FeatureViewKind::Stream(_)) {
            // That a stream feature view must say its schema has been told.
            return None;
        }
        if features.is_empty() {
            features = self.infer_features(parsed, batch.as_ref(), &is_key)?;
        }
        checked?;
        Some(FeatureView {
            name: parsed.name.value.clone(),
            kind: kind?,
            entities: entities.iter().map(|entity| entity.name.clone()).collect(),
            join_keys: join_keys?,
            features,
            ttl: parsed.ttl,
            batch_source: batch.map(|batch| batch.source.name),
            stream_source: stream,
            source_views: source_views?,
            online: parsed.online,
            offline: parsed.offline,
            enabled: parsed.enabled,
            mode: parsed.mode.clone(),
            enable_validation: parsed.enable_validation,
            version: parsed.version,
            description: parsed.description.clone(),
            tags: parsed.tags.clone(),
            owner: parsed.owner.clone(),
            org: parsed.org.clone(),
        })
    }

    /// What only the view's kind has, with its function in Python.
    fn view_kind(&mut self, parsed: &ParsedFeatureView) -> Option<FeatureViewKind> {
        let udf = match &parsed.udf {
            Some(function) => Some(self.function(function)?),
            None => None,
        };
        if udf.is_some() {
            let what = format!("the values of view `{}` are made by a function in Python", parsed.name.value);
            let problem = parsed.name.place.problem(what);
            self.report
                .warning(problem.because(
                    "larder keeps it for Feast's engines and reads what they write into the source",
                ));
        }
        let mut kind = parsed.kind.clone();
        match &mut kind {
            FeatureViewKind::Batch(batch) => batch.udf = udf,
            FeatureViewKind::Stream(stream) => stream.udf = udf,
            _ => {}
        }
        Some(kind)
    }

    /// The views that a view is derived from.
    fn source_views(&mut self, parsed: &ParsedFeatureView, all: &ParsedDefinitions) -> Option<Vec<String>> {
        let mut complete = true;
        for name in &parsed.source_views {
            let there = all.feature_views.iter().map(|view| view.name.value.as_str());
            if name.value == parsed.name.value {
                let problem = name.place.problem(format!("view `{}` derives from itself", name.value));
                self.report.problem(problem);
                complete = false;
            } else if all.feature_views.iter().all(|view| view.name.value != name.value) {
                self.unknown(name, "feature view", "feature_views", there);
                complete = false;
            }
        }
        complete.then(|| parsed.source_views.iter().map(|name| name.value.clone()).collect())
    }

    /// The source of the history, and the name of the push source or stream.
    fn view_sources(
        &mut self,
        parsed: &ParsedFeatureView,
        all: &ParsedDefinitions,
    ) -> Option<(Option<KnownSource>, Option<String>)> {
        let Some(name) = parsed.source.as_ref().or(parsed.sink_source.as_ref()) else {
            return Some((None, None));
        };
        let Some(source) = self.sources.get(&name.value) else {
            let there = all.data_sources.iter().filter(|source| !source.is_request());
            let there = there.map(|source| source.name.value.as_str());
            self.unknown(name, "data source", "data_sources", there);
            return None;
        };
        let source = source.clone();
        let class = source.source.class();
        let refuse = |completion: &mut Self, what: String| {
            completion.report.problem(name.place.problem(what));
            None
        };
        match &parsed.kind {
            FeatureViewKind::Batch(_) if !source.source.is_table() => {
                let what = format!(
                    "Batch feature views need a batch source, got {class}: {} instead",
                    source.source.name
                );
                return refuse(self, what);
            }
            FeatureViewKind::Stream(_) if !is_stream_of_a_view(&source.source) => {
                let what = format!(
                    "Stream feature views need a stream source, expected one of KafkaSource, PushSource or \
                     CUSTOM_SOURCE, got {class}: {} instead",
                    source.source.name
                );
                return refuse(self, what);
            }
            _ => {}
        }
        match &source.source.kind {
            DataSourceKind::File(_) | DataSourceKind::External(_) | DataSourceKind::Mlflow(_) => {
                Some((Some(source), None))
            }
            DataSourceKind::Push(_) | DataSourceKind::Stream(_) => {
                let batch = match source.source.batch_source() {
                    // A batch source with a problem has been told.
                    Some(batch) => Some(self.sources.get(batch)?.clone()),
                    None if source.source.as_push().is_some() => None,
                    None => {
                        let what = format!(
                            "A batch_source needs to be specified for stream source `{}`",
                            source.source.name
                        );
                        return refuse(self, what);
                    }
                };
                Some((batch, Some(name.value.clone())))
            }
            _ => {
                let what = format!("`{}` cannot be the source of a feature view", name.value);
                let problem = name.place.problem(what).because("it is a request source");
                self.report.problem(problem.remedy("name a file source or a push source"));
                None
            }
        }
    }

    /// The entities of these names, with distinct join keys.
    pub(super) fn view_entities(&mut self, names: &[At<String>]) -> Option<Vec<Entity>> {
        let mut entities: Vec<Entity> = Vec::with_capacity(names.len());
        let mut complete = true;
        for name in names {
            let Some(entity) =
                self.definitions.entities.iter().find(|entity| entity.name == name.value).cloned()
            else {
                let there: Vec<String> =
                    self.definitions.entities.iter().map(|entity| entity.name.clone()).collect();
                self.unknown(name, "entity", "entities", there.iter().map(String::as_str));
                complete = false;
                continue;
            };
            if let Some(other) = entities.iter().find(|other| other.join_key == entity.join_key) {
                let what = format!(
                    "entities `{}` and `{}` have the same join key `{}`",
                    other.name, entity.name, entity.join_key
                );
                self.report.problem(name.place.problem(what).remedy("give one of them another `join_key`"));
                complete = false;
            }
            entities.push(entity);
        }
        complete.then_some(entities)
    }

    /// The join key columns, one an entity. The type is that of the schema, else of the entity, else of
    /// the source's column.
    fn join_keys(
        &mut self,
        parsed: &ParsedFeatureView,
        entities: &[Entity],
        columns: Option<&SchemaRef>,
    ) -> Option<Vec<Field>> {
        if entities.is_empty() {
            return Some(vec![dummy_join_key()]);
        }
        let view = &parsed.name.value;
        let mut keys = Vec::with_capacity(entities.len());
        for (entity, reference) in entities.iter().zip(&parsed.entities) {
            let declared = parsed.schema.iter().find(|field| field.value.name == entity.join_key);
            let column = columns.map(|columns| columns.field_with_name(&entity.join_key));
            if let (Some(Err(_)), Some(columns)) = (&column, columns) {
                let problem = reference
                    .place
                    .problem(format!("the source of view `{view}` has no column `{}`", entity.join_key));
                let there = columns.fields().iter().map(|field| field.name().as_str());
                let why = format!("it is the join key of entity `{}`", entity.name);
                self.report.problem(problem.because(why).maybe_remedy(suggest(&entity.join_key, there)));
                continue;
            }
            let column = column.and_then(Result::ok).map(arrow::datatypes::Field::data_type);
            let place = declared.map_or(&reference.place, |field| &field.place);
            if let (Some(field), Some(value_type)) = (declared, entity.value_type.clone())
                && field.value.value_type != value_type
            {
                let what = format!(
                    "view `{view}` has join key `{}` as {}, but entity `{}` as {value_type}",
                    entity.join_key, field.value.value_type, entity.name
                );
                self.report.problem(field.place.problem(what).remedy("give both the same type"));
                continue;
            }
            let value_type =
                declared.map(|field| field.value.value_type.clone()).or(entity.value_type.clone());
            let Some(value_type) = value_type.or_else(|| column.and_then(ValueType::infer)) else {
                let what =
                    format!("the type of join key `{}` of view `{view}` is not known", entity.join_key);
                let remedy = format!("add `value_type` to entity `{}`", entity.name);
                self.report.problem(reference.place.problem(what).remedy(remedy));
                continue;
            };
            if !value_type.is_key_type() {
                // That of an entity has been told where it is written.
                if entity.value_type != Some(value_type.clone()) {
                    self.report.problem(not_a_key_type(
                        &At::new(value_type, place),
                        &format!("entity `{}`", entity.name),
                    ));
                }
                continue;
            }
            if let Some(column) = column.filter(|column| !can_become(column, &value_type)) {
                let what = format!(
                    "column `{}` of the source is {column}, which cannot become {value_type}",
                    entity.join_key
                );
                self.report.problem(place.problem(what));
                continue;
            }
            let plain = Field::new(&entity.join_key, value_type);
            keys.push(declared.map_or(plain, |field| field.value.clone()));
        }
        (keys.len() == entities.len()).then_some(keys)
    }

    /// Whether the source has a column for every declared field, of a type that can be read so.
    fn check_schema(&mut self, parsed: &ParsedFeatureView, batch: Option<&KnownSource>) -> Option<()> {
        let view = &parsed.name.value;
        let mut complete = Some(());
        for field in &parsed.schema {
            let name = &field.value.name;
            let file = batch.and_then(|batch| batch.source.as_file());
            if let Some(mapped) = file.and_then(|file| file.field_mapping.get(name))
                && mapped != name
            {
                let what = format!("field `{name}` of view `{view}` is renamed by its source");
                self.report.problem(field.place.problem(what).remedy(format!("call it `{mapped}`")));
                complete = None;
                continue;
            }
            let Some(columns) = batch.and_then(|batch| batch.columns.as_ref()) else { continue };
            match columns.field_with_name(name) {
                Err(_) => {
                    let there = columns.fields().iter().map(|field| field.name().as_str());
                    let remedy = suggest(name, there);
                    let what = format!("the source of view `{view}` has no column `{name}`");
                    self.report.problem(field.place.problem(what).maybe_remedy(remedy));
                    complete = None;
                }
                Ok(column) if !can_become(column.data_type(), &field.value.value_type) => {
                    let what = format!(
                        "column `{name}` of the source of view `{view}` is {}, which cannot become {}",
                        column.data_type(),
                        field.value.value_type
                    );
                    let remedy = ValueType::infer(column.data_type())
                        .map(|inferred| format!("declare it as {inferred}"));
                    self.report.problem(field.place.problem(what).maybe_remedy(remedy));
                    complete = None;
                }
                Ok(_) => {}
            }
        }
        complete
    }

    /// Every column of the source that is no key, no time and not hidden.
    fn infer_features(
        &mut self,
        parsed: &ParsedFeatureView,
        batch: Option<&KnownSource>,
        is_key: &dyn Fn(&str) -> bool,
    ) -> Option<Vec<Field>> {
        let what = format!("the features of view `{}` cannot be inferred", parsed.name.value);
        let Some((batch, columns)) = batch.and_then(|batch| Some((batch, batch.columns.as_ref()?))) else {
            let why = match batch.map(|batch| &batch.source.kind) {
                Some(DataSourceKind::File(_)) => "its source has no file yet",
                Some(DataSourceKind::Mlflow(_)) => "MLflow is not asked while definitions are registered",
                Some(_) => "larder does not read its source",
                None => "it has no source with a table",
            };
            self.report.problem(parsed.name.place.problem(what).because(why).remedy("declare its `schema`"));
            return None;
        };
        let mut features = Vec::new();
        for column in columns.fields() {
            let name = column.name();
            if is_key(name) || batch.is_time(name) || name.starts_with("__") {
                continue;
            }
            // Feast takes large text for JSON.
            let is_json = self.config.compat.large_text_is_json && *column.data_type() == DataType::LargeUtf8;
            let inferred = if is_json {
                Some(ValueType::Scalar(ScalarType::Json))
            } else {
                ValueType::infer(column.data_type())
            };
            let Some(value_type) = inferred else {
                let why = format!("column `{name}` is {}, for which there is no type", column.data_type());
                let remedy = "declare the `schema` of the other columns";
                self.report.problem(parsed.name.place.problem(what).because(why).remedy(remedy));
                return None;
            };
            features.push(Field::new(name, value_type));
        }
        if features.is_empty() {
            let why = "its source has only keys and times";
            self.report.problem(parsed.name.place.problem(what).because(why));
            return None;
        }
        Some(features)
    }
}

/// Whether a stream feature view may have the source: Kinesis is not among those of Feast.
fn is_stream_of_a_view(source: &DataSource) -> bool {
    match &source.kind {
        DataSourceKind::Push(_) => true,
        DataSourceKind::Stream(stream) => matches!(stream.system, StreamSystem::Kafka { .. }),
        DataSourceKind::External(table) => {
            matches!(table.system, ExternalSystem::Custom | ExternalSystem::Postgres)
        }
        _ => false,
    }
}
