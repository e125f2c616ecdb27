//! From the tree of one file to definitions.

mod data_source;
mod entity;
mod feature_service;
mod feature_view;
mod field;
mod job;
mod on_demand_feature_view;
mod permission;
mod project;
mod projection;
mod saved_dataset;

use self::data_source::read_data_source;
pub(crate) use self::entity::not_a_key_type;
use self::entity::read_entity;
use self::feature_service::read_feature_service;
use self::feature_view::{
    read_batch_feature_view, read_feature_view, read_label_view, read_stream_feature_view,
};
use self::job::read_job;
pub(crate) use self::on_demand_feature_view::read_limits;
use self::on_demand_feature_view::read_on_demand_feature_view;
use self::permission::read_permission;
use self::project::read_project;
use self::saved_dataset::{read_saved_dataset, read_validation_reference};
use super::parsed::ParsedDefinitions;
use super::shapes::FILE;
use crate::problem::{Problem, Report};
use crate::shape::Takes;
use crate::suggestion::suggest;
use crate::yaml::{At, Node};

/// Adds the definitions of one document to `parsed`.
pub(crate) fn read_document(document: &Node, parsed: &mut ParsedDefinitions, report: &mut Report) {
    if document.is_null() {
        return;
    }
    let entries = match document.entries("a file of definitions") {
        Ok(entries) => entries,
        Err(problem) => return report.problem(ignore_hint(problem)),
    };
    // Keys for anchors, as in Compose files.
    let is_extension = |key: &str| key.starts_with("x-");
    let known = |key: &str| FILE.key(key).is_some();
    if let Some(first) = entries.first()
        && entries.iter().all(|entry| !known(&entry.key) && !is_extension(&entry.key))
    {
        // One problem for a file of something else, not one for each key.
        let what = format!("unknown key `{}` in a {}", first.key, FILE.noun);
        let problem = first.key_place.problem(what).maybe_remedy(suggest(&first.key, FILE.names()));
        return report.problem(ignore_hint(problem));
    }
    for entry in entries.iter().filter(|entry| !is_extension(&entry.key)) {
        let (key, value) = (entry.key.as_str(), &entry.value);
        match FILE.key(key).map(|key| &key.takes) {
            None => {
                let problem = entry.key_place.problem(format!("unknown key `{key}` in a {}", FILE.noun));
                report.problem(problem.maybe_remedy(suggest(key, FILE.names())));
                continue;
            }
            Some(_) if value.is_null() => continue,
            Some(Takes::Later) => {
                let problem = entry.key_place.problem(format!("`{key}` are not supported yet"));
                report.problem(problem.remedy("remove the key"));
                continue;
            }
            Some(Takes::Object(_)) => {
                read_project(value, parsed, report);
                continue;
            }
            Some(_) => {}
        }
        let items = match value.list(&format!("`{key}`")) {
            Ok(items) => items,
            Err(problem) => {
                report.problem(problem);
                continue;
            }
        };
        for item in items {
            let read = match key {
                "entities" => add(&mut parsed.entities, read_entity(item, report)),
                "data_sources" => add(&mut parsed.data_sources, read_data_source(item, report)),
                "feature_views" => add(&mut parsed.feature_views, read_feature_view(item, report)),
                "batch_feature_views" => {
                    add(&mut parsed.feature_views, read_batch_feature_view(item, report))
                }
                "stream_feature_views" => {
                    add(&mut parsed.feature_views, read_stream_feature_view(item, report))
                }
                "label_views" => add(&mut parsed.feature_views, read_label_view(item, report)),
                "saved_datasets" => add(&mut parsed.saved_datasets, read_saved_dataset(item, report)),
                "validation_references" => {
                    add(&mut parsed.validation_references, read_validation_reference(item, report))
                }
                "permissions" => add(&mut parsed.permissions, read_permission(item, report)),
                "jobs" => add(&mut parsed.jobs, read_job(item, report)),
                "projects" => {
                    read_project(item, parsed, report);
                    true
                }
                "on_demand_feature_views" => {
                    add(&mut parsed.on_demand_feature_views, read_on_demand_feature_view(item, report))
                }
                _ => add(&mut parsed.feature_services, read_feature_service(item, report)),
            };
            if !read {
                parsed.broken.extend(written_name(item));
            }
        }
    }
}

/// Whether there was an object to add.
fn add<T>(objects: &mut Vec<T>, object: Option<T>) -> bool {
    let count = objects.len();
    objects.extend(object);
    objects.len() > count
}

/// The name of an object that could not be read.
fn written_name(item: &Node) -> Option<String> {
    let entries = item.entries("").ok()?;
    let name = entries.iter().find(|entry| entry.key == "name")?;
    name.value.text("").ok().map(str::to_owned)
}

fn ignore_hint(problem: Problem) -> Problem {
    let hint = "list the file in `.feastignore` if it holds no definitions";
    let remedy =
        problem.remedy.as_ref().map_or_else(|| hint.to_owned(), |remedy| format!("{remedy}; or {hint}"));
    problem.remedy(remedy)
}

/// Takes the first of equal names; the others are problems.
fn unique(names: Vec<At<String>>, what: &str, subject: &str, report: &mut Report) -> Vec<At<String>> {
    let mut unique: Vec<At<String>> = Vec::with_capacity(names.len());
    for name in names {
        if unique.iter().any(|known| known.value == name.value) {
            report
                .problem(name.place.problem(format!("{what} `{}` is listed twice in {subject}", name.value)));
        } else {
            unique.push(name);
        }
    }
    unique
}
