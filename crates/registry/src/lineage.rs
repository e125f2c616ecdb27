//! What feeds what: the relations between the objects of a project, as Feast's registry servers tell them.
//!
//! ```text
//! data source ─▶ view ─▶ feature service
//! entity ──────▶ view ─▶ on-demand view
//! feature ─────▶ view
//! ```
//!
//! Those are direct. Indirect ones go through a view: what feeds it feeds the services that have it, and its
//! entities are of its data sources. Saved datasets have none: Feast has a word for them among the kinds, and asks its
//! registry for none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{ObjectKind, RegisteredObject, RegistryObjects, SortValue};

/// The objects of a kind that are looked at, in the order of the registry.
type OfKind<'o, 'f> = &'f dyn Fn(ObjectKind) -> Vec<&'o RegisteredObject>;

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
    /// The relations that the objects of a project tell of, given kind by kind: all of them, or those that somebody
    /// may see.
    pub fn of<'o>(of_kind: impl Fn(ObjectKind) -> Vec<&'o RegisteredObject>) -> Self {
        let direct = direct(&of_kind);
        let indirect = indirect(&of_kind, &direct);
        Self { direct, indirect }
    }

    /// All relations of a project; none of a project that is not there.
    pub fn of_project(objects: &RegistryObjects, project: &str) -> Self {
        Self::of(|kind| objects.of_kind(project, kind).iter().collect())
    }

    /// All relations of one object, those that follow from others last.
    pub fn all_of(&self, kind: &str, name: &str) -> Vec<&Relation> {
        let all = self.direct.iter().chain(&self.indirect);
        all.filter(|relation| relation.touches(kind, name)).collect()
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

fn direct(of_kind: OfKind<'_, '_>) -> Vec<Relation> {
    use LineageKind as Kind;
    let labels: BTreeSet<&str> =
        of_kind(ObjectKind::LabelView).into_iter().map(|view| view.name.as_str()).collect();
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

fn indirect(of_kind: OfKind<'_, '_>, direct: &[Relation]) -> Vec<Relation> {
    let mut feeding: BTreeMap<&str, Vec<&LineageNode>> = BTreeMap::new();
    for relation in direct.iter().filter(|relation| relation.target.kind.is_view()) {
        feeding.entry(&relation.target.name).or_default().push(&relation.source);
    }
    let feeding = |view: &str| feeding.get(view).map(Vec::as_slice).unwrap_or_default();
    let mut relations = Vec::new();
    for service in of_kind(ObjectKind::FeatureService) {
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
