//! The certificates that TLS trusts: the operating system's, those of `--ca-cert`, or Mozilla's where there are no others.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;

use crate::input;
use crate::problem::Problem;
use crate::time::Deadline;

/// A hundred times the size of the usual bundle. Ends the reading of a device or pipe that never ends.
const FILE_LIMIT: usize = 32 * 1024 * 1024;

/// Where trusted certificates come from.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// A file of certificates to trust besides the system's.
    pub ca_cert: Option<PathBuf>,
    /// A file in place of the system's certificates (`SSL_CERT_FILE`).
    pub system_file: Option<PathBuf>,
    /// Directories in place of the system's certificates (`SSL_CERT_DIR`).
    pub system_dirs: Vec<PathBuf>,
}

/// Trusted certificates.
pub struct Roots {
    /// All of them, as issuers.
    pub store: RootCertStore,
    /// Those of `--ca-cert`, which a server may also present itself.
    pub ca_cert: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Reads the certificates.
    ///
    /// # Errors
    /// If `ca_cert` cannot be read before `deadline` or has no certificate that could be a root, or the variables name
    /// none.
    pub fn read(&self, deadline: Deadline) -> Result<Roots, Problem> {
        let mut store = RootCertStore::empty();
        let ca_cert = match &self.ca_cert {
            Some(file) => ca_certificates(file, &mut store, deadline)?,
            None => Vec::new(),
        };
        let is_chosen = self.system_file.is_some() || !self.system_dirs.is_empty();
        if is_chosen {
            let file = self.system_file.iter();
            let of_file = file.flat_map(|file| read(file, deadline).unwrap_or_default());
            let dirs = self.system_dirs.iter();
            let of_dirs = dirs.flat_map(|dir| load_certs_from_paths(None, Some(dir)).certs);
            store.add_parsable_certificates(of_file.chain(of_dirs));
            if store.len() == ca_cert.len() {
                return Err(Problem::new(
                    "no certificate found in SSL_CERT_FILE or SSL_CERT_DIR",
                    "unset them to trust the system's certificates, and add others with --ca-cert",
                ));
            }
        } else {
            store.add_parsable_certificates(platform_certificates(deadline));
        }
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(Roots { store, ca_cert })
    }
}

/// Reads one bundle. The directory beside it has the same certificates again.
#[cfg(target_os = "linux")]
fn platform_certificates(deadline: Deadline) -> Vec<CertificateDer<'static>> {
    match openssl_probe::probe().cert_file {
        Some(file) => read(&file, deadline).unwrap_or_default(),
        None => rustls_native_certs::load_native_certs().certs,
    }
}

#[cfg(not(target_os = "linux"))]
fn platform_certificates(_: Deadline) -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Adds the certificates of `--ca-cert` to `store` and returns them.
fn ca_certificates(
    file: &Path,
    store: &mut RootCertStore,
    deadline: Deadline,
) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let problem = |why: String| {
        Problem::new(
            format!("the certificate file {} {why}", file.display()),
            "give --ca-cert or CELLS_CA_CERT a PEM file with a certificate",
        )
    };
    let certificates = read(file, deadline);
    let certificates = certificates.map_err(|why| problem(format!("cannot be read: {why}")))?;
    if certificates.is_empty() {
        return Err(problem("contains no certificate".to_owned()));
    }
    for certificate in &certificates {
        let added = store.add(certificate.clone());
        added.map_err(|_| problem("contains a certificate that cannot be parsed".to_owned()))?;
    }
    Ok(certificates)
}

fn read(file: &Path, deadline: Deadline) -> io::Result<Vec<CertificateDer<'static>>> {
    let mut contents = input::read(file, FILE_LIMIT, deadline)?;
    // Taken out, because there is no secret to wipe.
    Ok(certificates(&mem::take(&mut *contents)))
}

/// The certificates in PEM; whatever else is in it is passed over, and what is not base64 is an empty certificate. The
/// decoder of `pki_types` is made for secret keys, in constant time: on the usual bundle it takes most of the time of a
/// request.
fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut certificates = Vec::new();
    let mut base64 = Vec::new();
    let mut is_certificate = false;
    for line in pem.split(|byte| *byte == b'\n') {
        match line.trim_ascii() {
            b"-----BEGIN CERTIFICATE-----" => {
                base64.clear();
                is_certificate = true;
            }
            b"-----END CERTIFICATE-----" if is_certificate => {
                let der = BASE64_STANDARD.decode(&base64).unwrap_or_default();
                certificates.push(der.into());
                is_certificate = false;
            }
            line if is_certificate => base64.extend(line),
            _ => {}
        }
    }
    certificates
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn a_bundle_is_read_as_by_pki_types() {
        let begin = "-----BEGIN CERTIFICATE-----";
        let end = "-----END CERTIFICATE-----";
        for (pem, count) in [
            (format!("{begin}\nAAEC\nAwQF\n{end}\n"), 1),
            (
                format!("# a comment\n{begin}\r\nAAEC\r\n{end}\r\n\n{begin}\nAA==\n{end}"),
                2,
            ),
            (format!("{begin}\nAAEC\n"), 0),
            (format!("AAEC\n{end}\n"), 0),
            (
                "-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----\n".to_owned(),
                0,
            ),
            (String::new(), 0),
        ] {
            let read = certificates(pem.as_bytes());
            let expected: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
                .filter_map(Result::ok)
                .collect();
            assert_eq!(read, expected, "{pem}");
            assert_eq!(read.len(), count, "{pem}");
        }
    }
}
