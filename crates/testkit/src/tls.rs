//! Certificates for servers on this machine.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;

/// A new certificate for `127.0.0.1` that signs itself: what a server needs, and the certificate in PEM.
///
/// # Panics
///
/// If keys cannot be made.
pub fn own_certificate() -> (Arc<ServerConfig>, String) {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a name");
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("a key of a known kind");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has all versions")
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .expect("the key is the certificate's");
    (Arc::new(config), signed.cert.pem())
}
