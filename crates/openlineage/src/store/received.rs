//! What somebody has sent, once its shape is known.
//!
//! Only what the store rests on is demanded, and a part that is null counts as missing, so that events of producers who
//! are less strict than the standard are kept. Facets that have another form than theirs say nothing.

use larder_core::Timestamp;
use serde_json::{Map, Value};

use crate::EventFault;
use crate::location::without_credentials;

/// An event of any producer.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// As it was sent, without the credentials in locations.
    pub(super) raw: Value,
    /// Its `eventType`; else what it is about: `DATASET`, `JOB` or `UNKNOWN`.
    pub(super) event_type: String,
    /// When it happened; `None` if it does not say.
    pub(super) time: Option<Timestamp>,
    pub(super) producer: Option<String>,
    pub(super) about: About,
    /// The namespace and the name under which it is listed.
    pub(super) listed: (String, String),
    pub(super) run_id: Option<String>,
}

/// What an event is about.
#[derive(Clone, Debug)]
pub(super) enum About {
    Run {
        run_id: String,
        state: String,
        facets: Map<String, Value>,
        job: Named,
        io: InputsAndOutputs,
    },
    Job {
        job: Named,
        io: InputsAndOutputs,
    },
    Dataset(Named),
    /// Nothing known: it is kept and that is all.
    Other,
}

/// A job or a dataset.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) facets: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub(super) struct InputsAndOutputs {
    pub(super) inputs: Vec<Named>,
    pub(super) outputs: Vec<Named>,
}

impl Received {
    pub(super) fn read(mut event: Value) -> Result<Self, EventFault> {
        clean(&mut event);
        let fields = event.as_object().ok_or_else(|| wrong("the event", "a JSON object"))?;
        let has = |key: &str| fields.contains_key(key);
        let job = object(fields, "job", "job")?;
        let run = object(fields, "run", "run")?;
        let dataset = object(fields, "dataset", "dataset")?;
        let named_job = || Named::read(job, "job", "");
        let about = if has("run") && has("job") {
            let job = named_job()?;
            About::Run {
                run_id: text(run, "runId", "run.runId")?.unwrap_or_default(),
                state: text(Some(fields), "eventType", "eventType")?.unwrap_or_else(|| "OTHER".to_owned()),
                facets: facets(run, "run.facets")?,
                io: InputsAndOutputs::read(fields, &job.namespace)?,
                job,
            }
        } else if has("dataset") && !has("job") && !has("run") {
            About::Dataset(Named::read(dataset, "dataset", "")?)
        } else if has("job") && !has("run") {
            let job = named_job()?;
            About::Job { io: InputsAndOutputs::read(fields, &job.namespace)?, job }
        } else {
            About::Other
        };
        let event_type = match text(Some(fields), "eventType", "eventType")? {
            Some(event_type) => event_type,
            None if has("dataset") && !has("run") && !has("job") => "DATASET".to_owned(),
            None if has("job") && !has("run") => "JOB".to_owned(),
            None => "UNKNOWN".to_owned(),
        };
        let listed = [(job, "job"), (dataset, "dataset")]
            .into_iter()
            .find_map(|(part, place)| Some((part.filter(|part| !part.is_empty())?, place)));
        let listed = match listed {
            Some((part, place)) => {
                let listed = Named::read(Some(part), place, "")?;
                (listed.namespace, listed.name)
            }
            None => Default::default(),
        };
        let time = text(Some(fields), "eventTime", "eventTime")?;
        Ok(Self {
            event_type,
            time: time.and_then(|time| Timestamp::parse(&time).ok()),
            producer: text(Some(fields), "producer", "producer")?,
            about,
            listed,
            run_id: text(run, "runId", "run.runId")?,
            raw: event,
        })
    }
}

impl Named {
    fn read(part: Option<&Map<String, Value>>, place: &str, namespace: &str) -> Result<Self, EventFault> {
        let namespace_place = format!("{place}.namespace");
        Ok(Self {
            namespace: text(part, "namespace", &namespace_place)?.unwrap_or_else(|| namespace.to_owned()),
            name: text(part, "name", &format!("{place}.name"))?.unwrap_or_default(),
            facets: facets(part, &format!("{place}.facets"))?,
        })
    }
}

impl InputsAndOutputs {
    /// Datasets without a namespace are in that of the job.
    fn read(event: &Map<String, Value>, job_namespace: &str) -> Result<Self, EventFault> {
        let datasets = |key: &str| {
            let items = match event.get(key) {
                None | Some(Value::Null) => return Ok(Vec::new()),
                Some(Value::Array(items)) => items,
                Some(_) => return Err(wrong(key, "a list")),
            };
            let dataset = |(at, item): (usize, &Value)| {
                let place = format!("{key}[{at}]");
                let fields = item.as_object().ok_or_else(|| wrong(&place, "a JSON object"))?;
                Named::read(Some(fields), &place, job_namespace)
            };
            items.iter().enumerate().map(dataset).collect::<Result<_, _>>()
        };
        Ok(Self { inputs: datasets("inputs")?, outputs: datasets("outputs")? })
    }
}

/// Takes the credentials out of the locations of datasets.
fn clean(event: &mut Value) {
    let lists = ["inputs", "outputs"];
    for list in lists {
        for dataset in event.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            clean_dataset(dataset);
        }
    }
    if let Some(dataset) = event.get_mut("dataset") {
        clean_dataset(dataset);
    }
}

fn clean_dataset(dataset: &mut Value) {
    for place in ["/facets/dataSource/uri", "/facets/feast_dataSource/path"] {
        if let Some(location) = dataset.pointer_mut(place)
            && let Some(text) = location.as_str()
        {
            *location = without_credentials(text).into();
        }
    }
}

fn facets(part: Option<&Map<String, Value>>, place: &str) -> Result<Map<String, Value>, EventFault> {
    let facets = part.and_then(|part| part.get("facets"));
    match facets {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(facets)) => Ok(facets.clone()),
        Some(_) => Err(wrong(place, "a JSON object")),
    }
}

/// A part that is an object, or missing.
fn object<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
    place: &str,
) -> Result<Option<&'a Map<String, Value>>, EventFault> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(part)) => Ok(Some(part)),
        Some(_) => Err(wrong(place, "a JSON object")),
    }
}

/// A part that is a text, or missing.
fn text(fields: Option<&Map<String, Value>>, key: &str, place: &str) -> Result<Option<String>, EventFault> {
    match fields.and_then(|fields| fields.get(key)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(place, "a text")),
    }
}

fn wrong(place: &str, wanted: &'static str) -> EventFault {
    EventFault::WrongType { place: place.to_owned(), wanted }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_the_wrong_shape_is_refused_with_the_place() {
        for (event, place) in [
            (json!("text"), "the event"),
            (json!([1]), "the event"),
            (json!({"job": "j", "run": {}}), "job"),
            (json!({"job": {"name": 1}}), "job.name"),
            (json!({"job": {}, "run": {"runId": {}}}), "run.runId"),
            (json!({"job": {}, "run": {"facets": []}}), "run.facets"),
            (json!({"job": {}, "inputs": {}}), "inputs"),
            (json!({"job": {}, "inputs": [{}, 1]}), "inputs[1]"),
            (json!({"job": {}, "outputs": [{"facets": 1}]}), "outputs[0].facets"),
            (json!({"dataset": {"namespace": []}}), "dataset.namespace"),
            (json!({"job": {}, "eventType": 1}), "eventType"),
            (json!({"job": {}, "producer": 1}), "producer"),
            (json!({"job": {}, "eventTime": 1}), "eventTime"),
        ] {
            match Received::read(event.clone()) {
                Err(EventFault::WrongType { place: told, .. }) => assert_eq!(told, place, "{event}"),
                other => panic!("{event}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_missing_or_null_has_feasts_defaults() {
        let event = json!({"run": null, "job": {"namespace": "n", "name": null}, "inputs": [{"name": "a"}], "outputs": null});
        let event = Received::read(event).unwrap();
        assert_eq!((event.event_type.as_str(), event.listed), ("UNKNOWN", ("n".into(), String::new())));
        let About::Run { run_id, state, io, .. } = event.about else { panic!("a run") };
        assert_eq!((run_id.as_str(), state.as_str()), ("", "OTHER"));
        assert_eq!((io.inputs[0].namespace.as_str(), io.outputs.len()), ("n", 0));
        let unknown = Received::read(json!({})).unwrap();
        assert!(matches!(unknown.about, About::Other));
    }

    #[test]
    fn credentials_are_taken_out_of_what_is_kept() {
        let dataset = json!({"name": "d", "facets": {
            "dataSource": {"uri": "s3://key:hidden@b/x"}, "feast_dataSource": {"path": "password=hidden"},
        }});
        for event in [
            json!({"run": {}, "job": {}, "inputs": [dataset], "outputs": [dataset]}),
            json!({"dataset": dataset}),
        ] {
            let received = Received::read(event).unwrap();
            assert!(!format!("{received:?}").contains("hidden"), "{received:?}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            ".{0,4}".prop_map(Value::from)
        ];
        let key = prop_oneof![
            Just("run"),
            Just("job"),
            Just("dataset"),
            Just("inputs"),
            Just("outputs"),
            Just("facets"),
            Just("name"),
            Just("namespace"),
            Just("runId"),
            Just("eventType"),
            Just("dataSource"),
            Just("uri"),
            Just("symlinks"),
            Just("identifiers"),
            Just("columnLineage"),
            Just("fields"),
            Just("inputFields"),
            Just("parent"),
            Just("ownership"),
            Just("owners"),
            Just("schema"),
            Just("root"),
        ];
        scalar.prop_recursive(6, 48, 5, move |inner| {
            let fields = proptest::collection::vec((key.clone(), inner.clone()), 0..5);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Value::from),
                fields.prop_map(|fields| fields
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_event_whatsoever_does_harm(event in any_json()) {
            let folder = tempfile::tempdir().unwrap();
            let clock = std::sync::Arc::new(larder_core::SystemClock);
            let store = crate::LineageStore::open(folder.path().join("x.db"), std::collections::BTreeMap::new(), clock).unwrap();
            match store.receive_blocking(event) {
                Ok(_) | Err(crate::LineageError::Event(_)) => {}
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
