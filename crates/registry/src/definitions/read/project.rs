//! The project.

use larder_core::Project;

use super::super::parsed::ParsedDefinitions;
use super::super::shapes::PROJECT;
use super::field::tags;
use crate::problem::Report;
use crate::yaml::{At, Node, ObjectReader};

pub(super) fn read_project(node: &Node, parsed: &mut ParsedDefinitions, report: &mut Report) {
    let Some(reader) = ObjectReader::open(node, &PROJECT, report) else { return };
    let Some(name) = reader.required_name("name", report) else { return };
    if !Project::is_valid_name(&name.value) {
        let what = format!("{} is not valid", name.value);
        report.problem(name.place.problem(what).because(
            "Project name should only have alphanumerical values, underscores, and hyphens but not start with an \
             underscore or hyphen",
        ));
    }
    let tags = tags(&reader, report);
    let project = Project {
        name: name.value,
        description: reader.text("description", report),
        tags,
        owner: reader.text("owner", report),
    };
    if parsed.project.is_some() {
        let problem = name.place.problem("the project is described twice");
        return report.problem(problem.remedy("keep one `project` in the repo"));
    }
    parsed.project = Some(At { value: project, place: name.place });
}
