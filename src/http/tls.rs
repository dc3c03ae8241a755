//! TLS with the host or an https proxy: the handshake, and which certificates are accepted.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, OtherError,
    SignatureScheme, StreamOwned,
};

use super::connection::Stream;
use super::error::is_closed;
use super::roots::Trust;
use crate::problem::Problem;
use crate::time::Deadline;

/// What every TLS connection of a client shares.
pub struct Tls {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
}

impl Tls {
    /// Reads the trusted certificates and creates the configuration that trusts them.
    ///
    /// # Errors
    /// If certificates that an option or variable names cannot be read before `deadline`.
    pub fn new(trust: &Trust, deadline: Deadline) -> Result<Self, Problem> {
        let roots = trust.read(deadline)?;
        let bug = |error: &dyn fmt::Display| {
            let hint = "report this as a bug of cells-token";
            Problem::new(format!("cannot set up TLS: {error}"), hint)
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots.store),
            Arc::clone(&provider),
        );
        let verifier = Arc::new(Verifier {
            webpki: webpki.build().map_err(|error| bug(&error))?,
            ca_cert: roots.ca_cert,
            is_client_certificate_requested: AtomicBool::new(false),
        });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bug(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_client_cert_resolver(Arc::clone(&verifier) as _);
        // Each connection carries one request, and none comes after it.
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        Ok(Self { config, verifier })
    }

    /// Performs the handshake with `host`, a name or an address, over `stream`.
    ///
    /// # Errors
    /// I/O errors, and rustls's in I/O errors.
    pub(super) fn start(&self, host: &str, stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name);
        let mut stream = StreamOwned::new(connection.map_err(io::Error::other)?, stream);
        // Completes the handshake first.
        match io::Write::flush(&mut stream) {
            Ok(()) => Ok(Box::new(stream)),
            Err(error) => Err(stream.explain(error)),
        }
    }

    /// Whether a server has asked for a client certificate, which it may require.
    pub(super) fn is_client_certificate_requested(&self) -> bool {
        let is_requested = &self.verifier.is_client_certificate_requested;
        is_requested.load(Ordering::Relaxed)
    }
}

impl Stream for StreamOwned<ClientConnection, Box<dyn Stream>> {
    /// A server that closes the connection may have sent an alert before.
    fn explain(&mut self, error: io::Error) -> io::Error {
        let Self { conn, sock } = self;
        while is_closed(&error) && conn.read_tls(sock).is_ok_and(|read| read > 0) {
            if let Err(alert) = conn.process_new_packets() {
                return io::Error::other(alert);
            }
        }
        error
    }
}

/// Accepts what rustls accepts, and a certificate of `--ca-cert` that the server itself presents: a self-signed one, as
/// `openssl req -x509` makes it, is not accepted by rustls. Has no client certificate, and notes whether one is asked for.
#[derive(Debug)]
struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    ca_cert: Vec<CertificateDer<'static>>,
    is_client_certificate_requested: AtomicBool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |intermediates| {
            let webpki = &self.webpki;
            webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let error = match verify(intermediates) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        // By itself, so that the error is not about a certificate beside it.
        if self.ca_cert.contains(end_entity)
            && verify(&[]).is_err_and(|error| is_about_the_issuer(&error))
        {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        if error == CertificateError::UnknownIssuer.into() {
            let issuer = Arc::new(UnknownIssuer::of(end_entity));
            return Err(CertificateError::Other(OtherError(issuer)).into());
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let webpki = &self.webpki;
        webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let webpki = &self.webpki;
        webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Whether `error` is only about who issued the certificate. webpki checks the dates first.
fn is_about_the_issuer(error: &Error) -> bool {
    use CertificateError as Bad;
    match error {
        Error::InvalidCertificate(
            Bad::UnknownIssuer
            | Bad::BadSignature
            | Bad::UnsupportedSignatureAlgorithmContext { .. }
            | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => true,
        Error::InvalidCertificate(Bad::Other(other)) => {
            other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
        }
        _ => false,
    }
}

impl ResolvesClientCert for Verifier {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let is_requested = &self.is_client_certificate_requested;
        is_requested.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// The issuer of a certificate that is not trusted, as a verification error: rustls does not name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownIssuer {
    /// The certificate's own subject.
    Itself,
    /// The common name, or else the organization, of another, if it has either.
    Another(Option<String>),
}

impl UnknownIssuer {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else {
            return Self::Another(None);
        };
        let issuer = certificate.issuer();
        match issuer == certificate.subject() {
            true => Self::Itself,
            false => Self::Another(
                attribute(issuer, COMMON_NAME).or_else(|| attribute(issuer, ORGANIZATION)),
            ),
        }
    }
}

impl fmt::Display for UnknownIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown issuer")
    }
}

impl std::error::Error for UnknownIssuer {}

/// The identifiers of attributes in DER (RFC 5280 §A.1).
const COMMON_NAME: [u8; 5] = [6, 3, 0x55, 4, 3];
const ORGANIZATION: [u8; 5] = [6, 3, 0x55, 4, 10];

/// The text of an attribute of an X.501 name in DER. The longest has 64 characters (RFC 5280 §A.1), and a length of
/// 128 or more would take two bytes.
fn attribute(name: &[u8], identifier: [u8; 5]) -> Option<String> {
    let start = name.windows(5).position(|window| window == identifier)?;
    let [_tag, length @ ..0x80, text @ ..] = &name[start + 5..] else {
        return None;
    };
    let text = text.get(..usize::from(*length))?;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(distinguished_name: &[(rcgen::DnType, &str)]) -> UnknownIssuer {
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in distinguished_name {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["host.invalid".to_owned()]).unwrap();
        UnknownIssuer::of(params.signed_by(&key, &ca).unwrap().der())
    }

    #[test]
    fn an_issuer_is_named_by_its_common_name_or_organization() {
        use rcgen::DnType::{CommonName, CountryName, OrganizationName};
        for (name, expected) in [
            (
                &[(OrganizationName, "Org"), (CommonName, "Corp CA")][..],
                Some("Corp CA"),
            ),
            (
                &[(CountryName, "CH"), (OrganizationName, "Zürich Ltd")],
                Some("Zürich Ltd"),
            ),
            (&[(CountryName, "CH")], None),
        ] {
            let expected = UnknownIssuer::Another(expected.map(str::to_owned));
            assert_eq!(issuer(name), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_can_be_read(before: Vec<u8>, after: Vec<u8>) {
            let _ = attribute(&[&before[..], &COMMON_NAME, &after].concat(), COMMON_NAME);
        }
    }
}
