//! What a materialization says when it starts and when it ends.

use larder_core::{Result, Timestamp, unique_id};
use larder_registry::RegistrySnapshot;
use serde_json::{Map, Value, json};

use super::dataset::{Facets, ViewFacts};
use super::definitions::Inputs;
use super::{JobKind, LineageAuthor, RunEvent};

/// One materialization, whose events belong together.
#[derive(Clone, Debug)]
pub struct MaterializationRun {
    author: LineageAuthor,
    id: String,
    views: Vec<String>,
    start: Option<Timestamp>,
    end: Timestamp,
    online_store: String,
}

impl MaterializationRun {
    /// A run over `views`, between two times; without `start` each view has its own.
    ///
    /// # Errors
    ///
    /// If there is no id to be had for it.
    pub fn new(
        author: LineageAuthor,
        views: Vec<String>,
        (start, end): (Option<Timestamp>, Timestamp),
        online_store: &str,
    ) -> Result<Self> {
        Ok(Self { author, id: unique_id::uuid()?, views, start, end, online_store: online_store.to_owned() })
    }

    /// It starts: views, their sources and their entities go into the online store.
    pub fn started(&self, registry: &RegistrySnapshot) -> Value {
        let mut inputs = Inputs::new(&self.author);
        for name in &self.views {
            let Some(view) = facts(registry, name) else { continue };
            inputs.add(name, |author| author.view(&view, true));
            let entities = match (registry.feature_view(name), registry.on_demand_feature_view(name)) {
                (Ok(stored), _) => {
                    let sources = stored.object.batch_source.iter().chain(&stored.object.stream_source);
                    sources.for_each(|source| inputs.source(registry, source));
                    stored.object.entities.as_slice()
                }
                (_, Ok(computed)) => computed.object.entities.as_slice(),
                _ => &[],
            };
            for entity in entities {
                inputs.entity(registry, entity);
            }
        }
        let inputs = inputs.told;
        self.event("START", self.facet(None), inputs, self.outputs())
    }

    /// It has ended well, and written so many rows.
    pub fn completed(&self, registry: &RegistrySnapshot, rows_written: u64) -> Value {
        let known = self.views.iter().filter_map(|name| Some((name, facts(registry, name)?)));
        let inputs =
            known.map(|(name, view)| self.author.input(name, self.author.view(&view, true))).collect();
        self.event("COMPLETE", self.facet(Some(rows_written)), inputs, self.outputs())
    }

    /// It has failed.
    pub fn failed(&self, message: &str) -> Value {
        let error = ("errorMessage", self.author.error_message(message));
        self.event("FAIL", error, Vec::new(), Vec::new())
    }

    fn outputs(&self) -> Vec<Value> {
        self.views.iter().map(|view| self.author.online_rows(view, &self.online_store)).collect()
    }

    fn facet(&self, rows_written: Option<u64>) -> (&'static str, Value) {
        let mut fields = Map::new();
        fields.insert("end_date".to_owned(), self.end.to_isoformat().into());
        fields.insert("feature_views".to_owned(), json!(self.views));
        fields.insert("offline_store_type".to_owned(), "".into());
        fields.insert("online_store_type".to_owned(), self.online_store.as_str().into());
        fields.insert("project".to_owned(), self.author.project.as_str().into());
        fields.extend(rows_written.map(|rows| ("rows_written".to_owned(), rows.into())));
        fields.extend(self.start.map(|start| ("start_date".to_owned(), start.to_isoformat().into())));
        let facet = self.author.feast_facet("FeastMaterializationFacet", Value::Object(fields));
        ("feast_materialization", facet)
    }

    fn event(
        &self,
        state: &'static str,
        (name, facet): (&'static str, Value),
        inputs: Vec<Value>,
        outputs: Vec<Value>,
    ) -> Value {
        let mut run_facets = Facets::new();
        run_facets.insert(name.to_owned(), facet);
        let job = format!("materialize_{}", self.author.project);
        let kind = JobKind::Transform;
        self.author.run_event(RunEvent { state, run_id: &self.id, job, kind, run_facets, inputs, outputs })
    }
}

/// What a view of any kind says of itself.
fn facts<'a>(registry: &'a RegistrySnapshot, view: &str) -> Option<ViewFacts<'a>> {
    if let Ok(view) = registry.feature_view(view) {
        return Some(ViewFacts::from(&*view.object));
    }
    registry.on_demand_feature_view(view).ok().map(|view| ViewFacts::from(&*view.object))
}
