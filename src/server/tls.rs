//! TLS for callers: a certificate and its key, which can be reloaded.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::lock;
use crate::problem::Problem;

/// A certificate and key, and the files they come from.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    acceptor: Mutex<TlsAcceptor>,
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// If one cannot be read, or they do not belong together.
    pub fn read(cert: PathBuf, key: PathBuf) -> Result<Self, Problem> {
        let acceptor = Mutex::new(read(&cert, &key)?);
        Ok(Self {
            cert,
            key,
            acceptor,
        })
    }

    /// Reads both files again. Connections that exist keep the certificate they have.
    ///
    /// # Errors
    /// As for [`Tls::read`]; then the old certificate stays in use.
    pub fn reload(&self) -> Result<(), Problem> {
        *lock(&self.acceptor) = read(&self.cert, &self.key)?;
        Ok(())
    }

    /// Accepts connections with the certificate in use.
    pub fn acceptor(&self) -> TlsAcceptor {
        lock(&self.acceptor).clone()
    }
}

fn read(cert: &PathBuf, key: &PathBuf) -> Result<TlsAcceptor, Problem> {
    let problem = |file: &PathBuf, why: String| {
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
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private_key)
        })
        .map_err(|error| problem(cert, format!("does not match {}: {error}", key.display())))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}
