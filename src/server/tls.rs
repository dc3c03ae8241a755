//! TLS of our own: a certificate and its key, from files. The bytes are rustls's business.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::problem::Problem;

/// What to speak with who connects.
///
/// # Errors
/// If the files cannot be read, or do not belong together.
pub fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, Problem> {
    let read = |file: &Path, why: String| {
        Problem::new(
            format!("{} {why}", file.display()),
            "give --tls-cert a PEM file with the certificate and those between it and the root, \
             and --tls-key one with its private key",
        )
    };
    let certificates = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| read(cert, format!("cannot be read: {error}")))?;
    if certificates.is_empty() {
        return Err(read(cert, "contains no certificate".to_owned()));
    }
    let private_key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| read(key, format!("has no private key that can be read: {error}")))?;
    let mut config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, private_key)
        })
        .map_err(|error| {
            let with = format!("does not go with {}: {error}", key.display());
            read(cert, with)
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}
