//! The tree of `permissions list -v`: permissions, and under each the objects it is about.

use larder::{PermissionType, PermittedObjects};
use serde_json::{Map, Value, json};

/// What Feast prints before the tree, word for word: an example of one.
const EXAMPLE: &str = "
The structure of the feast-permissions list --verbose command will be as in the following example:

For example: \n\n\
permissions
├── permission_1 ['role names list']
│   ├── FeatureView: ['feature view names']
│   ├── FeatureService: none
│   └── ..
├── permission_2 ['role names list']
└── ..
";

/// How long the line under the example is.
const RULE: usize = 205;

/// The tree as Feast prints it, without colours. Where Feast prints a set in any order, names come sorted.
pub(crate) fn render(permissions: &[PermittedObjects]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (at, permission) in permissions.iter().enumerate() {
        let (branch, stem) = branch(at, permissions.len());
        let name = &permission.permission;
        lines.push(match permission.roles.as_slice() {
            [] => format!("{branch}{name}"),
            roles => format!("{branch}{name} {}", python_list(roles)),
        });
        for (at, (kind, names)) in permission.objects.iter().enumerate() {
            let (branch, _) = self::branch(at, permission.objects.len());
            let names = if names.is_empty() {
                ": none".to_owned()
            } else {
                format!("{} {}", if is_view(*kind) { "" } else { ":" }, python_list(names))
            };
            lines.push(format!("{stem}{branch}{}{names}", kind.name()));
        }
    }
    let tree: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{EXAMPLE}\n{}\n            \nPermissions:\n\npermissions\n{tree}", "-".repeat(RULE))
}

/// The same for machines: `[{"name", "roles", "objects": {kind: [names]}}]`.
pub(crate) fn records(permissions: &[PermittedObjects]) -> Value {
    let record = |permission: &PermittedObjects| {
        let objects = permission.objects.iter().map(|(kind, names)| (kind.name().to_owned(), json!(names)));
        json!({
            "name": permission.permission,
            "roles": permission.roles,
            "objects": objects.collect::<Map<String, Value>>(),
        })
    };
    permissions.iter().map(record).collect()
}

/// What stands before the child at a place of so many, and before its own children.
fn branch(at: usize, of: usize) -> (&'static str, &'static str) {
    if at + 1 == of { ("└── ", "    ") } else { ("├── ", "│   ") }
}

/// Feast writes no colon before the names of views.
fn is_view(kind: PermissionType) -> bool {
    use PermissionType::{BatchFeatureView, FeatureView, OnDemandFeatureView, StreamFeatureView};
    matches!(kind, FeatureView | OnDemandFeatureView | BatchFeatureView | StreamFeatureView)
}

fn python_list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}
