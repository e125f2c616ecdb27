//! What an `apply` changes.

use std::fmt;

/// The kinds of objects in a registry, in the order in which Feast lists their changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A project.
    Project,
    /// A data source.
    DataSource,
    /// An entity.
    Entity,
    /// A feature view or batch feature view.
    FeatureView,
    /// An on-demand feature view.
    OnDemandFeatureView,
    /// A stream feature view.
    StreamFeatureView,
    /// A label view.
    LabelView,
    /// A feature service.
    FeatureService,
    /// A permission.
    Permission,
    /// A saved dataset.
    SavedDataset,
    /// A validation reference.
    ValidationReference,
}

impl ObjectKind {
    /// Whether it is one of the kinds of views, which share their names.
    pub fn is_view(self) -> bool {
        matches!(
            self,
            Self::FeatureView | Self::OnDemandFeatureView | Self::StreamFeatureView | Self::LabelView
        )
    }

    /// Feast's words for it in the texts of `plan` and `apply`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::DataSource => "data source",
            Self::Entity => "entity",
            Self::FeatureView => "feature view",
            Self::OnDemandFeatureView => "on demand feature view",
            Self::StreamFeatureView => "stream feature view",
            Self::LabelView => "label view",
            Self::FeatureService => "feature service",
            Self::Permission => "permission",
            Self::SavedDataset => "saved dataset",
            Self::ValidationReference => "validation reference",
        }
    }
}

/// Everything that an `apply` changes, or would change.
///
/// Displays as Feast prints it, without colours: a line for each change, or `No changes to registry`.
/// Data sources have no lines, as in Feast. The text ends with a line feed exactly if it has changes, so
/// that printing it with another one leaves the blank line that Feast leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryDiff {
    /// The changes, by kind and then by name; objects that stay as they are have none.
    pub changes: Vec<ObjectChange>,
    /// The changes of what is kept online.
    pub tables: Vec<TableChange>,
    /// Feature views whose record of materialization starts anew: their source, join keys or feature
    /// types have changed, so what is online no longer counts.
    pub reset_views: Vec<String>,
}

/// The change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectChange {
    /// What the object is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub action: Action,
}

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Create,
    /// Some of its properties change.
    Update(Vec<PropertyChange>),
    /// It is no longer defined.
    Delete,
}

/// The change of one property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyChange {
    /// The property's name in Feast's protobuf.
    pub property: &'static str,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// A view begins or ceases to be kept online.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableChange {
    /// The project.
    pub project: String,
    /// The view.
    pub view: String,
    /// Whether it begins to be kept.
    pub created: bool,
}

impl RegistryDiff {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.tables.is_empty()
    }

    /// Feast's text for the changes of what is kept online, in a store of type `store` (`sled`):
    /// `Created sled table demo_stats`, or `No changes to infrastructure`. Ends as [`RegistryDiff`] does.
    pub fn infrastructure(&self, store: &str) -> String {
        if self.tables.is_empty() {
            return "No changes to infrastructure".to_owned();
        }
        self.tables
            .iter()
            .map(|table| {
                let verb = if table.created { "Created" } else { "Deleted" };
                format!("{verb} {store} table {}_{}\n", table.project, table.view)
            })
            .collect()
    }
}

impl fmt::Display for RegistryDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printed = false;
        for change in self.changes.iter().filter(|change| change.kind != ObjectKind::DataSource) {
            printed = true;
            let verb = match change.action {
                Action::Create => "Created",
                Action::Update(_) => "Updated",
                Action::Delete => "Deleted",
            };
            writeln!(f, "{verb} {} {}", change.kind.noun(), change.name)?;
            if let Action::Update(properties) = &change.action {
                for PropertyChange { property, before, after } in properties {
                    writeln!(f, "\t{property}: {before} -> {after}")?;
                }
            }
        }
        if printed { Ok(()) } else { f.write_str("No changes to registry") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_feasts() {
        let change = |kind, name: &str, action| ObjectChange { kind, name: name.to_owned(), action };
        let table =
            |view: &str, created| TableChange { project: "exp".to_owned(), view: view.to_owned(), created };
        let ttl = PropertyChange { property: "ttl", before: "1d".to_owned(), after: "2d".to_owned() };
        let diff = RegistryDiff {
            changes: vec![
                change(ObjectKind::Project, "exp", Action::Create),
                change(ObjectKind::DataSource, "src", Action::Create),
                change(ObjectKind::FeatureView, "stats", Action::Update(vec![ttl])),
                change(ObjectKind::OnDemandFeatureView, "od", Action::Delete),
            ],
            tables: vec![table("coll", true), table("old", false)],
            reset_views: Vec::new(),
        };
        assert_eq!(
            diff.to_string(),
            "Created project exp\nUpdated feature view stats\n\tttl: 1d -> 2d\nDeleted on demand feature view od\n"
        );
        assert_eq!(diff.infrastructure("sled"), "Created sled table exp_coll\nDeleted sled table exp_old\n");
    }

    #[test]
    fn nothing_to_do_is_said() {
        let diff = RegistryDiff::default();
        assert_eq!(diff.to_string(), "No changes to registry");
        assert_eq!(diff.infrastructure("sled"), "No changes to infrastructure");
    }
}
