//! TLS in front of HTTP: the certificate and the key that a server shows, and a client for just that server.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::{Error, ErrorKind};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate chain with its key, with which a server answers TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct ServerCertificate {
    pub(crate) acceptor: TlsAcceptor,
    own: CertificateDer<'static>,
}

/// A certificate or a key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read, or holds something else.
    #[error("{what} cannot be read from {path}", path = path.display())]
    File {
        /// What the file is to hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key is not the one of the certificate, or of a kind that TLS does not have.
    #[error("the certificate and the key cannot be used together")]
    Mismatch(#[source] tokio_rustls::rustls::Error),
}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::new(ErrorKind::Invalid, error)
    }
}

impl ServerCertificate {
    /// Reads a chain of certificates, the server's own first, and its key; both in PEM.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn load(certificates: &Path, key: &Path) -> Result<Self, CertificateError> {
        let failed =
            |what, path: &Path, source| CertificateError::File { what, path: path.to_owned(), source };
        let chain =
            read_chain(certificates).map_err(|source| failed("a certificate", certificates, source))?;
        let own = chain.first().cloned().unwrap_or_else(|| CertificateDer::from(Vec::new()));
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|source| failed("a key", key, source.into()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(CertificateError::Mismatch)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), own })
    }

    /// The same, for a door at which HTTP/2 is spoken too.
    pub(crate) fn offering_http2(self) -> Self {
        let mut config = ServerConfig::clone(self.acceptor.config());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), own: self.own }
    }

    /// The server's own certificate, in DER; by it a client of this machine knows the server.
    pub fn der(&self) -> &[u8] {
        &self.own
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, AnyError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>()?;
    if chain.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is none in it").into());
    }
    Ok(chain)
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").finish_non_exhaustive()
    }
}

/// Speaks TLS over a connection to the one server that shows the certificate `der`, whatever names and times
/// the certificate has.
///
/// # Errors
///
/// If the other side is another server, or does not speak TLS.
pub async fn connect_to_certificate(stream: TcpStream, der: &[u8]) -> io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let only = OnlyThis {
        certificate: CertificateDer::from(der.to_vec()),
        algorithms: provider.signature_verification_algorithms,
    };
    let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(only))
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Trusts one certificate and no authority.
#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            return Ok(ServerCertVerified::assertion());
        }
        Err(TlsError::General("the server shows another certificate than it has published".to_owned()))
    }

    // That the other side has the certificate's key is checked as always.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
