//! What every server of services has beside them: their health, and their descriptions.

use axum::Router;
use axum::body::Body;
use tonic::Status;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::health_reporter;
use tonic_reflection::server::Builder;

/// Feast's messages and services, a `google.protobuf.FileDescriptorSet`; for clients that ask for them.
const FEAST_DESCRIPTORS: &[u8] = include_bytes!("../feast_descriptors.fds");

/// Adds the health of the services (`grpc.health.v1`), their descriptions (`grpc.reflection.v1` and `v1alpha`), and an
/// answer to calls of anything else.
pub async fn complete(services: Router, names: &[&'static str]) -> Router {
    let (reporter, health) = health_reporter();
    for name in names {
        reporter.set_service_status(*name, ServingStatus::Serving).await;
    }
    let mut routes = Routes::new(health);
    let described = || {
        let files = Builder::configure()
            .register_encoded_file_descriptor_set(FEAST_DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        names.iter().fold(files, |files, name| files.with_service_name(*name))
    };
    match (described().build_v1(), described().build_v1alpha()) {
        (Ok(v1), Ok(v1alpha)) => routes = routes.add_service(v1).add_service(v1alpha),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "clients cannot ask this server what its services are");
        }
    }
    let others = async || Status::unimplemented("this server has no such method").into_http::<Body>();
    services.merge(routes.into_axum_router().reset_fallback()).fallback(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptions_are_those_recorded_from_feast() {
        let recorded = include_bytes!("../../../tests/feast_compat/recorded/protos/feast_descriptors.fds");
        assert!(FEAST_DESCRIPTORS == recorded);
        let files = || Builder::configure().register_encoded_file_descriptor_set(FEAST_DESCRIPTORS);
        assert!(files().build_v1().is_ok() && files().build_v1alpha().is_ok());
    }
}
