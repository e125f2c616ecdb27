//! Jobs.

use larder_core::{Capabilities, Capability, JobLimits, Schedule};

use super::super::parsed::ParsedJob;
use super::super::shapes::{JOB, JOB_LIMITS};
use super::field::tags;
use crate::problem::Report;
use crate::suggestion::suggest;
use crate::yaml::{Node, ObjectReader};

pub(super) fn read_job(node: &Node, report: &mut Report) -> Option<ParsedJob> {
    let reader = ObjectReader::open(node, &JOB, report)?;
    let name = reader.required_name("name", report);
    if let Some(name) = &name
        && !name.value.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        let problem = name.place.problem(format!("`{}` cannot be the name of a job", name.value));
        report.problem(problem.remedy("use letters, digits, `_`, `-` and `.`"));
    }
    reader.require("component", report);
    let component = reader.read("component", report, |node, what| node.text(what).map(str::to_owned));
    let arguments = reader.items("arguments", report).iter().filter_map(|item| {
        let text = item.text("an argument").map(str::to_owned);
        text.map_err(|problem| report.problem(problem)).ok()
    });
    let arguments = arguments.collect();
    let allow = allow(&reader, report);
    let schedule = reader.read("schedule", report, |node, what| {
        let text = node.text(what)?;
        Schedule::parse(text).map_err(|error| node.place.problem(error.to_string()))
    });
    let limits = limits(&reader, report);
    let tags = tags(&reader, report);
    Some(ParsedJob {
        description: reader.text("description", report),
        name: name?,
        component: component?,
        arguments,
        allow,
        schedule: schedule.map(|schedule| schedule.value),
        limits,
        tags,
    })
}

fn allow(reader: &ObjectReader<'_>, report: &mut Report) -> Capabilities {
    let mut allow = Capabilities::new();
    for name in reader.names("allow", report) {
        if let Some(capability) = Capability::from_name(&name.value) {
            allow.insert(capability);
        } else {
            let problem = name.place.problem(format!("there is no capability `{}`", name.value));
            let there = Capability::ALL.into_iter().map(Capability::name);
            report.problem(problem.maybe_remedy(suggest(&name.value, there)));
        }
    }
    allow
}

fn limits(job: &ObjectReader<'_>, report: &mut Report) -> JobLimits {
    let mut limits = JobLimits::default();
    let Some(reader) = job.get("limits").and_then(|node| ObjectReader::open(node, &JOB_LIMITS, report))
    else {
        return limits;
    };
    for (key, limit) in [("wall_time", &mut limits.wall_time), ("compute_time", &mut limits.compute_time)] {
        if let Some(span) = reader.span(key, report) {
            *limit = span.value;
            if span.value.is_zero() {
                report.problem(span.place.problem(format!("a `{key}` of zero lets no run succeed")));
            }
        }
    }
    for (key, limit) in [
        ("memory", &mut limits.memory_bytes),
        ("batch", &mut limits.batch_bytes),
        ("table", &mut limits.table_bytes),
        ("log", &mut limits.log_bytes),
    ] {
        if let Some(size) = reader.size(key, report) {
            *limit = size.value;
            if size.value == 0 && key != "log" {
                report.problem(size.place.problem(format!("a `{key}` of zero lets no run succeed")));
            }
        }
    }
    if let Some(size) = reader.size("written", report) {
        limits.written_bytes = u64::try_from(size.value).unwrap_or(u64::MAX);
    }
    limits
}
