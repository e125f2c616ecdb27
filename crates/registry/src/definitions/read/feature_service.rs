//! Feature services.

use super::super::parsed::ParsedFeatureService;
use super::super::shapes::FEATURE_SERVICE;
use super::field::tags;
use super::projection::projections;
use crate::problem::Report;
use crate::yaml::{Node, ObjectReader};

pub(super) fn read_feature_service(node: &Node, report: &mut Report) -> Option<ParsedFeatureService> {
    let reader = ObjectReader::open(node, &FEATURE_SERVICE, report)?;
    let name = reader.required_name("name", report);
    reader.require("features", report);
    let features = projections(&reader, "features", report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedFeatureService { name: name?, features, description, tags, owner })
}
