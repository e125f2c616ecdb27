//! Namespaces of OpenLineage, and the projects that they stand for.

use std::collections::BTreeMap;

/// The namespace of a project, by Feast's rule, where `configured` is what `feature_store.yaml` says.
///
/// | configured | project | namespace |
/// |---|---|---|
/// | nothing, or `feast` | `p` | `p` |
/// | `p`, or `org/p` | `p` | as configured |
/// | `org` | `p` | `org/p` |
pub fn namespace_of_project(configured: &str, project: &str) -> String {
    let configured = configured.trim();
    let is_whole =
        configured.strip_suffix(project).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    match configured {
        "" | "feast" => project.to_owned(),
        _ if is_whole => configured.to_owned(),
        _ => format!("{configured}/{project}"),
    }
}

/// The project that a namespace of any producer stands for: the one that `mapping` gives it, or its authority or a
/// part of its path; else that part itself.
pub fn project_of_namespace(namespace: &str, mapping: &BTreeMap<String, String>) -> String {
    if let Some(project) = mapping.get(namespace) {
        return project.clone();
    }
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let (candidates, otherwise) = if let Some((_, path)) = namespace.split_once("://") {
        (vec![path.to_owned(), last(path)], last(path))
    } else {
        let first = namespace.split('/').next().unwrap_or_default().to_owned();
        (vec![last(namespace), first], last(namespace))
    };
    candidates.iter().find_map(|candidate| mapping.get(candidate)).cloned().unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_the_projects_unless_another_is_configured() {
        for (configured, project, expected) in [
            ("", "p", "p"),
            (" feast ", "p", "p"),
            ("p", "p", "p"),
            ("org/p", "p", "org/p"),
            ("org", "p", "org/p"),
            ("orgp", "p", "orgp/p"),
            ("feast", "feast", "feast"),
        ] {
            assert_eq!(namespace_of_project(configured, project), expected, "{configured} {project}");
        }
    }

    #[test]
    fn a_namespace_of_another_producer_belongs_to_the_project_it_is_mapped_to() {
        let mapping = [("spark://ml", "a"), ("team", "b"), ("org", "c")];
        let mapping = mapping.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        for (namespace, expected) in [
            ("spark://ml", "a"),
            ("spark://team", "b"),
            ("s3://bucket/team", "b"),
            ("s3://bucket/other", "other"),
            ("kafka://host", "host"),
            ("org/x", "c"),
            ("x/team", "b"),
            ("x/y", "y"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(project_of_namespace(namespace, &mapping), expected, "{namespace}");
        }
    }
}
