//! Certificates for servers on this machine.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;

/// A new certificate for `127.0.0.1` that signs itself, and its key, as files of a folder.
///
/// # Panics
///
/// If keys cannot be made, or the folder cannot be written.
pub fn own_certificate_in(folder: &Path) -> (String, String) {
    let signed = signed();
    [("certificate.pem", signed.cert.pem()), ("key.pem", signed.signing_key.serialize_pem())]
        .map(|(name, pem)| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("the folder can be written");
            path.display().to_string()
        })
        .into()
}

fn signed() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a name")
}

/// A new certificate for `127.0.0.1` that signs itself: what a server needs, and the certificate in PEM.
///
/// # Panics
///
/// If keys cannot be made.
pub fn own_certificate() -> (Arc<ServerConfig>, String) {
    let signed = signed();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("a key of a known kind");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has all versions")
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .expect("the key is the certificate's");
    (Arc::new(config), signed.cert.pem())
}
