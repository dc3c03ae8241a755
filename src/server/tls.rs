//! TLS for callers.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::problem::Problem;

/// Accepts TLS connections with the certificate chain and private key in two PEM files.
///
/// # Errors
/// If one cannot be read, or they do not belong together.
pub fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, Problem> {
    let problem = |file: &Path, why: String| {
        Problem::new(
            format!("{} {why}", file.display()),
            "give --tls-cert a PEM file with the certificate chain and --tls-key one with its private key",
        )
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(cert, format!("cannot be read: {error}")))?;
    if chain.is_empty() {
        return Err(problem(cert, "contains no certificate".to_owned()));
    }
    let private_key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| problem(key, format!("contains no readable private key: {error}")))?;
    let mut config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config
                .with_no_client_auth()
                .with_single_cert(chain, private_key)
        })
        .map_err(|error| problem(cert, format!("does not match {}: {error}", key.display())))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}
