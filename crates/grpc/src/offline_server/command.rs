//! What a client asks for, in the JSON text of its descriptor.

use arrow_flight::FlightDescriptor;
use arrow_flight::flight_descriptor::DescriptorType;
use larder_core::{DataSource, RequestError, Timestamp};
use larder_registry::data_source_from_json;
use serde_json::{Map, Value};

use super::{PersistTarget, SourceRows};

/// A command is a few names; a training set may ask for thousands of features.
const MAX_COMMAND_BYTES: usize = 1 << 20;

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Read(ReadCommand),
    Write(WriteCommand),
}

/// What is to be done that answers nothing.
#[derive(Clone, Debug)]
pub(crate) enum WriteCommand {
    Persist(ReadCommand, PersistTarget),
    ToOfflineStore { feature_view: String },
    LoggedFeatures { feature_service: String },
    ValidateDataSource(Box<DataSource>),
}

/// What is to be read.
#[derive(Clone, Debug)]
pub(crate) enum ReadCommand {
    TrainingSet(TrainingSetCommand),
    Latest(SourceRows),
    All(SourceRows),
    Columns(Box<DataSource>),
}

/// A training set, in Feast's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrainingSetCommand {
    /// The names of the feature views, each with the name that references use instead.
    pub(crate) views: Vec<(String, Option<String>)>,
    pub(crate) references: Vec<String>,
    pub(crate) project: String,
    pub(crate) full_feature_names: bool,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) asks_by_sql: bool,
}

impl Command {
    /// Reads the command of a descriptor.
    ///
    /// # Errors
    ///
    /// [`RequestError`] that names the parameter.
    pub(crate) fn read(descriptor: &FlightDescriptor) -> Result<Self, RequestError> {
        if descriptor.r#type() != DescriptorType::Cmd {
            return Err(RequestError::other(
                "flights have no paths here; send a command, which is a JSON object with the parameter `api`",
            ));
        }
        if descriptor.cmd.len() > MAX_COMMAND_BYTES {
            return Err(RequestError::other(format!(
                "the command has {} bytes; {MAX_COMMAND_BYTES} are the most",
                descriptor.cmd.len()
            )));
        }
        let object: Map<String, Value> = serde_json::from_slice(&descriptor.cmd)
            .map_err(|error| RequestError::other(format!("the command is no JSON object: {error}")))?;
        let api = Parameters { of: "every command", object: &object }.text("api")?;
        let parameters = Parameters { of: &api, object: &object };
        if let Some(read) = parameters.read(&api)? {
            return Ok(Self::Read(read));
        }
        Ok(Self::Write(match api.as_str() {
            "persist" => {
                let read = parameters.text("retrieve_func")?;
                let Some(read) = parameters.read(&read)? else { return Err(unknown(&read)) };
                let target = PersistTarget {
                    data_source: parameters.text("data_source_name")?,
                    allow_overwrite: parameters.flag("allow_overwrite")?,
                };
                WriteCommand::Persist(read, target)
            }
            "offline_write_batch" => {
                let mut views = parameters.texts("feature_view_names")?;
                match (views.pop(), views.is_empty()) {
                    (Some(feature_view), true) => WriteCommand::ToOfflineStore { feature_view },
                    _ => return Err(parameters.wrong("feature_view_names", "the name of one feature view")),
                }
            }
            "write_logged_features" => {
                WriteCommand::LoggedFeatures { feature_service: parameters.text("feature_service_name")? }
            }
            "validate_data_source" => WriteCommand::ValidateDataSource(Box::new(parameters.data_source()?)),
            _ => return Err(unknown(&api)),
        }))
    }
}

const GET_COLUMNS: &str = "get_table_column_names_and_types_from_data_source";

fn unknown(api: &str) -> RequestError {
    let shown: String = api.chars().take(80).collect();
    RequestError::other(format!(
        "there is no api `{shown}`; there are get_historical_features, pull_latest_from_table_or_query, \
         pull_all_from_table_or_query, {GET_COLUMNS}, offline_write_batch, write_logged_features, persist and \
         validate_data_source"
    ))
}

/// The parameters of a command.
struct Parameters<'a> {
    of: &'a str,
    object: &'a Map<String, Value>,
}

impl Parameters<'_> {
    /// What to read; `None` if the name is that of no reading api.
    fn read(&self, api: &str) -> Result<Option<ReadCommand>, RequestError> {
        Ok(Some(match api {
            "get_historical_features" => ReadCommand::TrainingSet(self.training_set()?),
            "pull_latest_from_table_or_query" => {
                let rows = self.source_rows()?;
                if rows.start.is_none() || rows.end.is_none() {
                    return Err(self.wrong("start_date` and `end_date", "times"));
                }
                ReadCommand::Latest(rows)
            }
            "pull_all_from_table_or_query" => ReadCommand::All(self.source_rows()?),
            GET_COLUMNS => ReadCommand::Columns(Box::new(self.data_source()?)),
            _ => return Ok(None),
        }))
    }

    fn training_set(&self) -> Result<TrainingSetCommand, RequestError> {
        let views = self.texts("feature_view_names")?;
        let aliases = match self.object.get("name_aliases") {
            Some(Value::Array(aliases)) if aliases.len() == views.len() => {
                let alias = |alias: &Value| match alias {
                    Value::Null => Some(None),
                    alias => alias.as_str().map(|alias| Some(alias.to_owned())),
                };
                aliases.iter().map(alias).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        let aliases =
            aliases.ok_or_else(|| self.wrong("name_aliases", "a text or null for every feature view"))?;
        Ok(TrainingSetCommand {
            views: views.into_iter().zip(aliases).collect(),
            references: self.texts("feature_refs")?,
            project: self.text("project")?,
            full_feature_names: self.flag("full_feature_names")?,
            start: self.optional_time("start_date")?,
            end: self.optional_time("end_date")?,
            asks_by_sql: self.object.get("entity_df_sql").is_some_and(|sql| !sql.is_null()),
        })
    }

    fn source_rows(&self) -> Result<SourceRows, RequestError> {
        let created = match self.object.get("created_timestamp_column") {
            None | Some(Value::Null) => None,
            Some(_) => Some(self.text("created_timestamp_column")?).filter(|column| !column.is_empty()),
        };
        Ok(SourceRows {
            data_source: self.text("data_source_name")?,
            join_keys: self.texts("join_key_columns")?,
            features: self.texts("feature_name_columns")?,
            timestamp_field: self.text("timestamp_field")?,
            created_timestamp_column: created,
            start: self.optional_time("start_date")?,
            end: self.optional_time("end_date")?,
        })
    }

    fn data_source(&self) -> Result<DataSource, RequestError> {
        data_source_from_json(&self.text("data_source_proto")?)
    }

    fn text(&self, name: &str) -> Result<String, RequestError> {
        let text = self.object.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| self.wrong(name, "a text"))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, RequestError> {
        let wrong = || self.wrong(name, "a list of texts");
        let items = self.object.get(name).and_then(Value::as_array).ok_or_else(wrong)?;
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)
    }

    fn flag(&self, name: &str) -> Result<bool, RequestError> {
        self.object.get(name).and_then(Value::as_bool).ok_or_else(|| self.wrong(name, "true or false"))
    }

    /// A time as Python's `isoformat` writes it, which may be missing or null; without zone it is UTC.
    fn optional_time(&self, name: &str) -> Result<Option<Timestamp>, RequestError> {
        let wrong = || self.wrong(name, "a time such as 2024-01-31T12:00:00+00:00");
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let text = value.as_str().ok_or_else(wrong)?;
                Timestamp::parse(text).map(Some).map_err(|_| wrong())
            }
        }
    }

    fn wrong(&self, name: &str, expected: &str) -> RequestError {
        RequestError::other(format!("parameter `{name}` must be {expected}: {} needs it", self.of))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(command: &Value) -> Result<Command, RequestError> {
        Command::read(&FlightDescriptor::new_cmd(command.to_string()))
    }

    fn training_set() -> Value {
        json!({
            "command_id": "1", "api": "get_historical_features", "feature_view_names": ["a", "b"],
            "feature_refs": ["a:x", "c:y"], "project": "p", "full_feature_names": false, "name_aliases": [null, "c"],
            "end_date": "2024-01-31T12:00:00",
        })
    }

    #[test]
    fn a_training_set_names_views_and_what_references_call_them() {
        let Command::Read(ReadCommand::TrainingSet(read)) = read(&training_set()).unwrap() else { panic!() };
        assert_eq!(read.views, [("a".into(), None), ("b".into(), Some("c".into()))]);
        assert_eq!(read.references, ["a:x", "c:y"]);
        assert_eq!((read.start, read.end), (None, Timestamp::parse("2024-01-31T12:00:00Z").ok()));
        assert!(!read.asks_by_sql);
    }

    #[test]
    fn a_parameter_that_is_missing_or_of_another_kind_is_named() {
        for (parameter, value) in [
            ("feature_refs", json!(null)),
            ("feature_refs", json!(["a:x", 1])),
            ("name_aliases", json!(["only one"])),
            ("name_aliases", json!([1, 2])),
            ("full_feature_names", json!("yes")),
            ("end_date", json!("soon")),
            ("end_date", json!(12)),
            ("api", json!(["x"])),
        ] {
            let mut command = training_set();
            command[parameter] = value;
            let error = read(&command).unwrap_err().to_string();
            assert!(error.starts_with(&format!("parameter `{parameter}` must be ")), "{error}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        let unknown = read(&json!({ "api": "drop_everything" })).unwrap_err().to_string();
        assert!(unknown.contains("no api `drop_everything`; there are get_historical_features"), "{unknown}");
        let persist = json!({ "api": "persist", "retrieve_func": "persist", "data_source_name": "s" });
        assert!(read(&persist).unwrap_err().to_string().contains("no api `persist`"));
        for command in ["", "[]", "{", "\u{0}", "{\"api\": 1}"] {
            assert!(Command::read(&FlightDescriptor::new_cmd(command)).is_err(), "{command}");
        }
        let path = FlightDescriptor::new_path(vec!["a".into()]);
        assert!(Command::read(&path).unwrap_err().to_string().contains("no paths"));
        let deep = FlightDescriptor::new_cmd("[".repeat(1 << 19));
        assert!(Command::read(&deep).is_err());
        let long = FlightDescriptor::new_cmd(" ".repeat(MAX_COMMAND_BYTES + 1));
        assert!(Command::read(&long).unwrap_err().to_string().contains("are the most"));
        let pull = json!({
            "api": "pull_latest_from_table_or_query", "data_source_name": "s", "join_key_columns": [],
            "feature_name_columns": ["x"], "timestamp_field": "at", "start_date": "2024-01-01",
        });
        assert!(read(&pull).unwrap_err().to_string().contains("`start_date` and `end_date` must be times"));
    }
}
