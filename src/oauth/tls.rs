//! Whom to trust, and what a failed handshake means. Bytes on the wire are rustls's business.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, CertificateError, RootCertStore};

use crate::problem::Problem;

/// The operating system's root certificates, as far as they can be read.
pub fn system_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// The certificates in a PEM file.
///
/// # Errors
/// If the file cannot be read, or has no certificate that could be a root.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let problem = |why: String| {
        Problem::new(
            format!("the certificate file {} {why}", file.display()),
            "give a PEM file with a certificate to --ca-cert or CELLS_CA_CERT",
        )
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(format!("cannot be read: {error}")))?;
    if certificates.is_empty() {
        return Err(problem("has no certificate in it".to_owned()));
    }
    for certificate in &certificates {
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| {
                problem(format!("has a certificate that cannot be a root: {error}"))
            })?;
    }
    Ok(certificates)
}

/// What went wrong in a handshake with `host`, and what to do.
pub fn explain(error: &rustls::Error, host: &str) -> Problem {
    use CertificateError as Bad;
    let (what, hint) = match error {
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => (
            format!("the certificate of {host} was issued by nobody trusted here"),
            "if your network inspects TLS, add its CA with --ca-cert or CELLS_CA_CERT",
        ),
        rustls::Error::InvalidCertificate(
            Bad::NotValidForName | Bad::NotValidForNameContext { .. },
        ) => (
            format!("the certificate is not for {host}"),
            "check the host in --base-url or --token-url",
        ),
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => (
            format!("the certificate of {host} has expired"),
            "is this machine's clock right? if so, whoever runs the host must renew it",
        ),
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => (
            format!("the certificate of {host} is not valid yet"),
            "is this machine's clock right?",
        ),
        rustls::Error::InvalidCertificate(_) => (
            format!("the certificate of {host} cannot be trusted: {error}"),
            "if it is your own, add it or its CA with --ca-cert or CELLS_CA_CERT",
        ),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => (
            format!("{host} speaks no TLS 1.2 or 1.3"),
            "whoever runs the host must bring its TLS up to date",
        ),
        rustls::Error::InvalidMessage(_) => (
            format!("{host} answered with something that is not TLS"),
            "is the port right, and does the URL have to begin with http://?",
        ),
        other => (
            format!("the TLS handshake with {host} failed: {other}"),
            "a proxy, firewall or VPN may stand in between",
        ),
    };
    Problem::new(what, hint)
}
