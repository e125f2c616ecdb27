//! What the messages of all kinds of objects have in common, each in a place of its own.

use std::collections::BTreeMap;

use larder_core::PermissionType;
use prost_types::Timestamp;

use super::contents::Object;
use crate::proto;
use crate::registry_diff::ObjectKind;

/// What a list can ask of an object.
pub(crate) trait Listed: Object {
    const KIND: ObjectKind;

    /// All its tags, larder's own among them.
    fn tags(&self) -> &BTreeMap<String, String>;

    /// When it was first and last changed, as far as its message says.
    fn times(&self) -> (Option<Timestamp>, Option<Timestamp>);

    /// The kind under which permissions know it.
    fn permission_type(&self) -> PermissionType;
}

/// The tags of an object without a spec.
static NO_TAGS: BTreeMap<String, String> = BTreeMap::new();

macro_rules! times {
    ($object:expr) => {
        $object
            .meta
            .as_ref()
            .map_or((None, None), |meta| (meta.created_timestamp, meta.last_updated_timestamp))
    };
}

macro_rules! listed {
    ($kind:ident) => {
        listed!($kind, |_message| PermissionType::$kind);
    };
    ($kind:ident, $permission_type:expr) => {
        impl Listed for proto::$kind {
            const KIND: ObjectKind = ObjectKind::$kind;

            fn tags(&self) -> &BTreeMap<String, String> {
                self.spec.as_ref().map_or(&NO_TAGS, |spec| &spec.tags)
            }

            fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
                times!(self)
            }

            fn permission_type(&self) -> PermissionType {
                let permission_type: fn(&Self) -> PermissionType = $permission_type;
                permission_type(self)
            }
        }
    };
}

listed!(Project);
listed!(Entity);
listed!(FeatureView, |view| match view.spec.as_ref().map(proto::view_class) {
    Some("BatchFeatureView") => PermissionType::BatchFeatureView,
    _ => PermissionType::FeatureView,
});
listed!(OnDemandFeatureView);
listed!(StreamFeatureView);
listed!(LabelView);
listed!(FeatureService);
listed!(SavedDataset);
listed!(Permission);

impl Listed for proto::DataSource {
    const KIND: ObjectKind = ObjectKind::DataSource;

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        times!(self)
    }

    fn permission_type(&self) -> PermissionType {
        PermissionType::DataSource
    }
}

impl Listed for proto::ValidationReference {
    const KIND: ObjectKind = ObjectKind::ValidationReference;

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (None, None)
    }

    fn permission_type(&self) -> PermissionType {
        PermissionType::ValidationReference
    }
}
