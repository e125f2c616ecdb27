//! What feeds what: the relations between the objects of a project, as Feast's registry servers tell them.
//!
//! ```text
//! data source ─▶ view ─▶ feature service ─▶ saved dataset
//! entity ──────▶ view ─▶ on-demand view
//! feature ─────▶ view
//! ```
//!
//! Those are direct. Indirect ones go through a view: what feeds it feeds the services that have it, and its
//! entities are of its data sources.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use larder_core::FeatureReference;
use serde_json::{Map, Value, json};

use crate::{ObjectKind, RegisteredObject, RegistryObjects, SortValue};

/// The relations between the objects of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// What one object says of another.
    pub direct: Vec<Relation>,
    /// What follows from that.
    pub indirect: Vec<Relation>,
}

/// One object feeds another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// What feeds.
    pub source: LineageNode,
    /// What is fed.
    pub target: LineageNode,
}

/// An object, or a feature of some view. It need not be registered: other objects may name what is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageNode {
    /// What it is.
    pub kind: LineageKind,
    /// Its name.
    pub name: String,
}

/// What relations are between. Views of all kinds but label views are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineageKind {
    /// A data source.
    DataSource,
    /// An entity.
    Entity,
    /// A feature, stream or on-demand view.
    FeatureView,
    /// A label view.
    LabelView,
    /// A feature service.
    FeatureService,
    /// A feature of a view.
    Feature,
    /// A saved dataset.
    SavedDataset,
}

impl LineageKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::DataSource,
        Self::Entity,
        Self::FeatureView,
        Self::LabelView,
        Self::FeatureService,
        Self::Feature,
        Self::SavedDataset,
    ];

    /// Feast's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::DataSource => "dataSource",
            Self::Entity => "entity",
            Self::FeatureView => "featureView",
            Self::LabelView => "labelView",
            Self::FeatureService => "featureService",
            Self::Feature => "feature",
            Self::SavedDataset => "savedDataset",
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kinds of registered objects that it stands for; none for a feature, which is part of a view.
    pub fn object_kinds(self) -> &'static [ObjectKind] {
        match self {
            Self::DataSource => &[ObjectKind::DataSource],
            Self::Entity => &[ObjectKind::Entity],
            Self::FeatureView => {
                &[ObjectKind::FeatureView, ObjectKind::StreamFeatureView, ObjectKind::OnDemandFeatureView]
            }
            Self::LabelView => &[ObjectKind::LabelView],
            Self::FeatureService => &[ObjectKind::FeatureService],
            Self::Feature => &[],
            Self::SavedDataset => &[ObjectKind::SavedDataset],
        }
    }

    fn is_view(self) -> bool {
        matches!(self, Self::FeatureView | Self::LabelView)
    }
}

impl Relation {
    fn new(source: (LineageKind, &str), target: (LineageKind, &str)) -> Self {
        let node = |(kind, name): (LineageKind, &str)| LineageNode { kind, name: name.to_owned() };
        Self { source: node(source), target: node(target) }
    }

    /// Whether it begins or ends at an object.
    pub fn touches(&self, kind: &str, name: &str) -> bool {
        let is = |node: &LineageNode| node.kind.name() == kind && node.name == name;
        is(&self.source) || is(&self.target)
    }

    /// As protobuf's JSON form shows it.
    pub fn to_json(&self) -> Value {
        json!({ "source": self.source.to_json(), "target": self.target.to_json() })
    }

    /// What it is sorted by: `source.name`, `target.name`, `source.type`.
    pub fn sort_value(&self, attribute: &str) -> SortValue {
        match attribute {
            "source.name" => SortValue::of_text(&self.source.name),
            "target.name" => SortValue::of_text(&self.target.name),
            "source.type" => SortValue::of_text(self.source.kind.name()),
            "target.type" => SortValue::of_text(self.target.kind.name()),
            _ => SortValue::Missing,
        }
    }
}

impl LineageNode {
    fn to_json(&self) -> Value {
        // A name that is empty is left out, as protobuf does.
        let mut json = Map::from_iter([("type".to_owned(), Value::from(self.kind.name()))]);
        if !self.name.is_empty() {
            json.insert("name".to_owned(), self.name.as_str().into());
        }
        Value::Object(json)
    }
}

impl Lineage {
    /// The relations of a project; none of a project that is not there.
    pub fn of_project(objects: &RegistryObjects, project: &str) -> Self {
        let direct = direct(objects, project);
        let indirect = indirect(objects, project, &direct);
        Self { direct, indirect }
    }

    /// Those that begin or end at an object of this kind and name; all, unless both are given.
    pub fn touching(mut self, kind: &str, name: &str) -> Self {
        if !kind.is_empty() && !name.is_empty() {
            self.direct.retain(|relation| relation.touches(kind, name));
            self.indirect.retain(|relation| relation.touches(kind, name));
        }
        self
    }
}

fn direct(objects: &RegistryObjects, project: &str) -> Vec<Relation> {
    use LineageKind as Kind;
    let of_kind = |kind| objects.of_kind(project, kind);
    let labels: BTreeSet<&str> = of_kind(ObjectKind::LabelView).iter().map(|view| view.name.as_str()).collect();
    let mut relations = Vec::new();
    for service in of_kind(ObjectKind::FeatureService) {
        for projection in items(service.spec("features")) {
            let view = text(projection, "featureViewName");
            let is_label = text(projection, "viewType") == "labelView" || labels.contains(view);
            let kind = if is_label { Kind::LabelView } else { Kind::FeatureView };
            relations.push(Relation::new((kind, view), (Kind::FeatureService, &service.name)));
        }
    }
    for view in of_kind(ObjectKind::FeatureView) {
        entities_and_features(view, &mut relations);
        // Feast makes up a name for a source that has none; there is nothing to show of it.
        if let Some(source) = name_of(view.spec("batchSource")) {
            relations.push(Relation::new((Kind::DataSource, source), (Kind::FeatureView, &view.name)));
        }
    }
    for view in of_kind(ObjectKind::OnDemandFeatureView) {
        entities_and_features(view, &mut relations);
    }
    for view in of_kind(ObjectKind::OnDemandFeatureView) {
        let sources = view.spec("sources").and_then(Value::as_object).into_iter().flatten();
        for (_, source) in sources {
            if let Some(name) = name_of(source.get("requestDataSource")) {
                relations.push(Relation::new((Kind::DataSource, name), (Kind::FeatureView, &view.name)));
            } else if let Some(projection) = source.get("featureViewProjection") {
                let name = text(projection, "featureViewName");
                if !name.is_empty() {
                    relations.push(Relation::new((Kind::FeatureView, name), (Kind::FeatureView, &view.name)));
                }
            }
        }
    }
    for view in of_kind(ObjectKind::StreamFeatureView) {
        for source in ["streamSource", "batchSource"] {
            if let Some(name) = name_of(view.spec(source)) {
                relations.push(Relation::new((Kind::DataSource, name), (Kind::FeatureView, &view.name)));
            }
        }
    }
    for view in of_kind(ObjectKind::LabelView) {
        let target = (Kind::LabelView, view.name.as_str());
        for entity in texts(view.spec("entities")) {
            relations.push(Relation::new((Kind::Entity, entity), target));
        }
        let source = view.spec("source");
        for name in [name_of(source), name_of(source.and_then(|source| source.get("batchSource")))] {
            relations.extend(name.map(|name| Relation::new((Kind::DataSource, name), target)));
        }
    }
    let by_location = locations(of_kind(ObjectKind::DataSource));
    for dataset in of_kind(ObjectKind::SavedDataset) {
        saved_dataset(dataset, &by_location, &mut relations);
    }
    relations
}

fn entities_and_features(view: &RegisteredObject, relations: &mut Vec<Relation>) {
    let target = (LineageKind::FeatureView, view.name.as_str());
    for entity in texts(view.spec("entities")) {
        relations.push(Relation::new((LineageKind::Entity, entity), target));
    }
    for feature in items(view.spec("features")) {
        relations.push(Relation::new((LineageKind::Feature, text(feature, "name")), target));
    }
}

fn saved_dataset(
    dataset: &RegisteredObject,
    by_location: &HashMap<String, String>,
    relations: &mut Vec<Relation>,
) {
    let target = (LineageKind::SavedDataset, dataset.name.as_str());
    let service = dataset.spec("featureServiceName").and_then(Value::as_str).unwrap_or_default();
    if !service.is_empty() {
        relations.push(Relation::new((LineageKind::FeatureService, service), target));
    }
    let mut seen = BTreeSet::new();
    for reference in texts(dataset.spec("features")) {
        let Ok(reference) = FeatureReference::parse(reference) else { continue };
        if seen.insert(reference.view.clone()) {
            relations.push(Relation::new((LineageKind::FeatureView, &reference.view), target));
        }
    }
    let storage = dataset.spec("storage").and_then(Value::as_object);
    let kinds = storage.into_iter().flatten().map(|(_, options)| options);
    let found: BTreeSet<&String> = kinds.flat_map(places).filter_map(|place| by_location.get(&place)).collect();
    relations
        .extend(found.into_iter().map(|source| Relation::new((LineageKind::DataSource, source), target)));
}

/// The data sources by where their rows lie; of two at one place the later.
fn locations(sources: &[RegisteredObject]) -> HashMap<String, String> {
    let mut by_location = HashMap::new();
    for source in sources {
        let mut levels = vec![&source.json];
        while let Some(level) = levels.pop() {
            levels.extend(level.get("batchSource"));
            let options = level.as_object().into_iter().flatten();
            let options = options.filter(|(key, _)| key.ends_with("Options")).map(|(_, options)| options);
            for place in options.flat_map(places) {
                by_location.insert(place, source.name.clone());
            }
        }
    }
    by_location
}

/// The file or table that options of a source or a storage name.
fn places(options: &Value) -> Vec<String> {
    let place = |key| options.get(key).and_then(Value::as_str).filter(|place| !place.is_empty());
    ["uri", "path", "table"].into_iter().filter_map(place).map(str::to_owned).collect()
}

fn indirect(objects: &RegistryObjects, project: &str, direct: &[Relation]) -> Vec<Relation> {
    let mut feeding: BTreeMap<&str, Vec<&LineageNode>> = BTreeMap::new();
    for relation in direct.iter().filter(|relation| relation.target.kind.is_view()) {
        feeding.entry(&relation.target.name).or_default().push(&relation.source);
    }
    let feeding = |view: &str| feeding.get(view).map(Vec::as_slice).unwrap_or_default();
    let mut relations = Vec::new();
    for service in objects.of_kind(project, ObjectKind::FeatureService) {
        for projection in items(service.spec("features")) {
            for source in feeding(text(projection, "featureViewName")) {
                let target = (LineageKind::FeatureService, service.name.as_str());
                relations.push(Relation::new((source.kind, &source.name), target));
            }
        }
    }
    for relation in direct {
        if relation.source.kind == LineageKind::Entity && relation.target.kind.is_view() {
            for source in feeding(&relation.target.name) {
                if source.kind == LineageKind::DataSource {
                    let entity = (LineageKind::Entity, relation.source.name.as_str());
                    relations.push(Relation::new(entity, (LineageKind::DataSource, &source.name)));
                }
            }
        }
    }
    relations
}

fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    items(list).filter_map(Value::as_str)
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn name_of(source: Option<&Value>) -> Option<&str> {
    source.map(|source| text(source, "name")).filter(|name| !name.is_empty())
}
