//! Whom to trust, and what a failed handshake means. Bytes on the wire are rustls's business.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{AlertDescription, CertificateError, RootCertStore};
use rustls_native_certs::load_certs_from_paths;

use crate::problem::Problem;

/// Whose certificates are believed.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Besides the system's.
    pub ca_cert: Option<PathBuf>,
    /// Instead of the system's (`SSL_CERT_FILE`).
    pub system_file: Option<PathBuf>,
    /// Instead of the system's (`SSL_CERT_DIR`).
    pub system_dirs: Vec<PathBuf>,
}

/// The root certificates that a server's may lead to.
pub enum Roots {
    /// The system's, and whoever's the user named.
    Named(Vec<CertificateDer<'static>>),
    /// Mozilla's, which come with the program: there are no others.
    Mozillas,
}

impl Trust {
    /// The certificates of `ca_cert` and, if the request `is_tls`, those of the operating system, or what variables
    /// name in their place; where nobody has any, as in a bare container image, Mozilla's.
    ///
    /// # Errors
    /// If `ca_cert` cannot be read, or has no certificate that could be a root; if the variables name none.
    pub fn roots(&self, is_tls: bool) -> Result<Roots, Problem> {
        let own = self.ca_cert.as_deref().map(certificates).transpose()?;
        let mut roots = own.unwrap_or_default();
        if is_tls {
            roots.extend(self.system_roots()?);
        }
        Ok(match roots.is_empty() && is_tls {
            true => Roots::Mozillas,
            false => Roots::Named(roots),
        })
    }

    fn system_roots(&self) -> Result<Vec<CertificateDer<'static>>, Problem> {
        if self.system_file.is_none() && self.system_dirs.is_empty() {
            return Ok(platform_roots());
        }
        let dirs = self
            .system_dirs
            .iter()
            .map(|dir| load_certs_from_paths(None, Some(dir)).certs);
        let file = load_certs_from_paths(self.system_file.as_deref(), None).certs;
        let roots: Vec<_> = dirs.chain([file]).flatten().collect();
        match roots.is_empty() {
            false => Ok(roots),
            true => Err(Problem::new(
                "there is no certificate where SSL_CERT_FILE and SSL_CERT_DIR point",
                "unset them to trust the system's certificates; --ca-cert adds one to those",
            )),
        }
    }
}

/// One bundle is read; the folder beside it holds the same certificates again.
#[cfg(target_os = "linux")]
fn platform_roots() -> Vec<CertificateDer<'static>> {
    match openssl_probe::probe().cert_file {
        Some(bundle) => load_certs_from_paths(Some(&bundle), None).certs,
        None => rustls_native_certs::load_native_certs().certs,
    }
}

#[cfg(not(target_os = "linux"))]
fn platform_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// The certificates in a PEM file.
///
/// # Errors
/// If the file cannot be read, or has no certificate that could be a root.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let problem = |why: String| {
        Problem::new(
            format!("the certificate file {} {why}", file.display()),
            "give a PEM file with a certificate to --ca-cert or CELLS_CA_CERT",
        )
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| match error {
            pem::Error::Io(error) => problem(format!("cannot be read: {error}")),
            _ => problem("is not PEM as it should be; is all of it there?".to_owned()),
        })?;
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

/// What went wrong in a handshake with `host`, which the options `named_by` name, and what to do.
pub fn explain(error: &rustls::Error, host: &str, named_by: &str) -> Problem {
    use CertificateError as Bad;
    let check = format!("check the host in {named_by}");
    let (what, hint) = match error {
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => (
            format!("the certificate of {host} was issued by nobody trusted here"),
            "if your network inspects TLS, add its CA with --ca-cert or CELLS_CA_CERT",
        ),
        rustls::Error::InvalidCertificate(
            Bad::NotValidForName | Bad::NotValidForNameContext { .. },
        ) => (format!("the certificate is not for {host}"), &check[..]),
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => (
            format!("the certificate of {host} has expired"),
            "is this machine's clock right? if so, whoever runs the host must renew it",
        ),
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => (
            format!("the certificate of {host} is not valid yet"),
            "is this machine's clock right?",
        ),
        rustls::Error::InvalidCertificate(Bad::Other(_)) => (
            format!("the certificate of {host} is signed by itself, or not fit for a server"),
            "if it is your own, have it issued by a CA and add that with --ca-cert or CELLS_CA_CERT",
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
