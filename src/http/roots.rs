//! The certificates that TLS trusts: the operating system's, those of `--ca-cert`, or Mozilla's where there are no others.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;

use crate::problem::Problem;

/// A hundred times the size of the usual bundle. Ends the reading of a device or pipe that never ends.
const FILE_LIMIT: u64 = 32 * 1024 * 1024;

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
    /// Whether reading may take for ever: only of regular files it is known that they end.
    pub fn may_block(&self) -> bool {
        let mut files = self.ca_cert.iter().chain(&self.system_file);
        !self.system_dirs.is_empty() || files.any(|file| !file.is_file())
    }

    /// Reads the certificates.
    ///
    /// # Errors
    /// If `ca_cert` cannot be read or has no certificate that could be a root, or the variables name none.
    pub fn read(&self) -> Result<Roots, Problem> {
        let mut store = RootCertStore::empty();
        let ca_cert = match &self.ca_cert {
            Some(file) => ca_certificates(file, &mut store)?,
            None => Vec::new(),
        };
        store.add_parsable_certificates(self.system_certificates());
        let is_chosen = self.system_file.is_some() || !self.system_dirs.is_empty();
        if is_chosen && store.len() == ca_cert.len() {
            return Err(Problem::new(
                "no certificate found in SSL_CERT_FILE or SSL_CERT_DIR",
                "unset them to trust the system's certificates, and add others with --ca-cert",
            ));
        }
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(Roots { store, ca_cert })
    }

    fn system_certificates(&self) -> Vec<CertificateDer<'static>> {
        if self.system_file.is_none() && self.system_dirs.is_empty() {
            return platform_certificates();
        }
        let mut certificates = Vec::new();
        for dir in &self.system_dirs {
            certificates.extend(load_certs_from_paths(None, Some(dir)).certs);
        }
        if let Some(file) = &self.system_file {
            certificates.extend(bundle(&read(file).unwrap_or_default()));
        }
        certificates
    }
}

/// Reads one bundle. The directory beside it has the same certificates again.
#[cfg(target_os = "linux")]
fn platform_certificates() -> Vec<CertificateDer<'static>> {
    match openssl_probe::probe().cert_file {
        Some(file) => bundle(&read(&file).unwrap_or_default()),
        None => rustls_native_certs::load_native_certs().certs,
    }
}

#[cfg(not(target_os = "linux"))]
fn platform_certificates() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(file)?;
    let size = file.metadata().map_or(0, |file| file.len());
    let mut contents = Vec::with_capacity(usize::try_from(size.min(FILE_LIMIT)).unwrap_or(0) + 1);
    file.take(FILE_LIMIT + 1).read_to_end(&mut contents)?;
    match contents.len() as u64 > FILE_LIMIT {
        true => Err(io::Error::other("it is over 32 MiB")),
        false => Ok(contents),
    }
}

/// The certificates in PEM; whatever else is in it is passed over, and what is not base64 is an empty certificate. The
/// decoder of `pki_types` is made for secret keys, in constant time: on the usual bundle it takes most of the time of a
/// request.
fn bundle(pem: &[u8]) -> Vec<CertificateDer<'static>> {
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

/// Adds the certificates of `--ca-cert` to `store` and returns them.
fn ca_certificates(
    file: &Path,
    store: &mut RootCertStore,
) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let problem = |why: String| {
        Problem::new(
            format!("the certificate file {} {why}", file.display()),
            "give --ca-cert or CELLS_CA_CERT a PEM file with a certificate",
        )
    };
    let contents = read(file).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let certificates = bundle(&contents);
    if certificates.is_empty() {
        return Err(problem("contains no certificate".to_owned()));
    }
    for certificate in &certificates {
        let added = store.add(certificate.clone());
        added.map_err(|_| problem("contains a certificate that cannot be parsed".to_owned()))?;
    }
    Ok(certificates)
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
            let read = bundle(pem.as_bytes());
            let expected: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
                .filter_map(Result::ok)
                .collect();
            assert_eq!(read, expected, "{pem}");
            assert_eq!(read.len(), count, "{pem}");
        }
    }
}
