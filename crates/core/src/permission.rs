//! Permissions: who may do what with which objects.

use std::collections::BTreeMap;

use crate::User;

/// Lets some users do some actions with some objects. One that grants is enough; without any permission
/// in a project, everybody may do everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Unique name in the project.
    pub name: String,
    /// The kinds of objects it is about; all of them where it is empty.
    pub types: Vec<PermissionType>,
    /// Patterns of names; an object matches if one of them matches its whole name, and without any.
    pub name_patterns: Vec<String>,
    /// Tags that an object must have.
    pub required_tags: BTreeMap<String, String>,
    /// What is allowed.
    pub actions: Vec<PermittedAction>,
    /// To whom.
    pub policy: Policy,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl Permission {
    /// Whether an action is among those allowed.
    pub fn allows(&self, action: PermittedAction) -> bool {
        self.actions.contains(&action)
    }
}

/// To whom a permission is given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// Everybody.
    AllowAll,
    /// Users with one of the roles.
    Roles(Vec<String>),
    /// Users of one of the groups.
    Groups(Vec<String>),
    /// Users of one of the namespaces.
    Namespaces(Vec<String>),
    /// Users of one of the groups or of one of the namespaces.
    GroupsAndNamespaces {
        /// The groups.
        groups: Vec<String>,
        /// The namespaces.
        namespaces: Vec<String>,
    },
}

impl Policy {
    /// Whether a user is among those.
    pub fn admits(&self, user: &User) -> bool {
        let any = |wanted: &[String], has: &[String]| wanted.iter().any(|name| has.contains(name));
        match self {
            Self::AllowAll => true,
            Self::Roles(roles) => any(roles, &user.roles),
            Self::Groups(groups) => any(groups, &user.groups),
            Self::Namespaces(namespaces) => any(namespaces, &user.namespaces),
            Self::GroupsAndNamespaces { groups, namespaces } => {
                any(groups, &user.groups) || any(namespaces, &user.namespaces)
            }
        }
    }

    /// Why a user is not among those, in Feast's words; empty for everybody.
    pub fn refusal(&self) -> String {
        match self {
            Self::AllowAll => String::new(),
            Self::Roles(roles) => {
                let quoted: Vec<String> = roles.iter().map(|role| format!("'{role}'")).collect();
                format!("Requires roles [{}]", quoted.join(", "))
            }
            Self::Groups(_) => "User is not added into the permitted groups".to_owned(),
            Self::Namespaces(_) => "User is not added into the permitted namespaces".to_owned(),
            Self::GroupsAndNamespaces { .. } => {
                "User must be in at least one of the permitted groups or namespaces".to_owned()
            }
        }
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Feast's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Feast's number.
            pub fn number(self) -> i32 {
                match self {
                    $(Self::$variant => $number,)+
                }
            }

            /// The one of this number.
            pub fn from_number(number: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.number() == number)
            }
        }
    };
}

numbered! {
    /// A kind of object that permissions are about.
    PermissionType {
        /// Feature views.
        FeatureView = 0 "FeatureView",
        /// On-demand feature views.
        OnDemandFeatureView = 1 "OnDemandFeatureView",
        /// Batch feature views.
        BatchFeatureView = 2 "BatchFeatureView",
        /// Stream feature views.
        StreamFeatureView = 3 "StreamFeatureView",
        /// Entities.
        Entity = 4 "Entity",
        /// Feature services.
        FeatureService = 5 "FeatureService",
        /// Data sources.
        DataSource = 6 "DataSource",
        /// Validation references.
        ValidationReference = 7 "ValidationReference",
        /// Saved datasets.
        SavedDataset = 8 "SavedDataset",
        /// Permissions.
        Permission = 9 "Permission",
        /// Projects.
        Project = 10 "Project",
        /// Label views.
        LabelView = 11 "LabelView",
    }
}

numbered! {
    /// What a permission allows.
    PermittedAction {
        /// Creating an object.
        Create = 0 "CREATE",
        /// Reading its definition.
        Describe = 1 "DESCRIBE",
        /// Changing it.
        Update = 2 "UPDATE",
        /// Deleting it.
        Delete = 3 "DELETE",
        /// Reading values online.
        ReadOnline = 4 "READ_ONLINE",
        /// Reading history.
        ReadOffline = 5 "READ_OFFLINE",
        /// Writing values online.
        WriteOnline = 6 "WRITE_ONLINE",
        /// Writing history.
        WriteOffline = 7 "WRITE_OFFLINE",
    }
}
