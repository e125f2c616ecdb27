//! Feature services.

use larder_core::{FeatureService, Timestamp};

use super::entity::meta;
use super::projection::{Views, projection_from_proto, projection_to_proto};
use super::{DataSourceEncoder, FeatureServiceSpec, Unsupported};
use crate::proto;

/// `before` is the spec that this one replaces: what larder has no word for is taken over from it.
pub(crate) fn feature_service_to_proto(
    service: &FeatureService,
    project: &str,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
    times: (Timestamp, Timestamp),
    before: Option<&FeatureServiceSpec>,
) -> proto::FeatureService {
    let features = service.features.iter().map(|projection| projection_to_proto(projection, views, sources));
    let spec = FeatureServiceSpec {
        name: service.name.clone(),
        project: project.to_owned(),
        features: features.collect(),
        tags: service.tags.clone(),
        description: service.description.clone(),
        owner: service.owner.clone(),
        logging_config: before.and_then(|spec| spec.logging_config.clone()),
    };
    proto::FeatureService { spec: Some(spec), meta: Some(meta(times.0, times.1)) }
}

pub(crate) fn feature_service_from_proto(
    service: &proto::FeatureService,
) -> Result<FeatureService, Unsupported> {
    let spec = service.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    Ok(FeatureService {
        name: spec.name.clone(),
        features: spec.features.iter().map(projection_from_proto).collect(),
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        owner: spec.owner.clone(),
    })
}
