//! TLS with the host or an https proxy: the handshake, and which certificates are accepted.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct,
    Error, OtherError, SignatureScheme, StreamOwned,
};

use super::error::is_closed;
use super::issuer::UnknownIssuer;
use super::roots::Roots;
use super::transport::Stream;
use crate::problem::Problem;

/// What every TLS connection of a client shares.
pub struct Tls(ClientConfig);

impl Tls {
    /// Creates the configuration that trusts `roots`.
    ///
    /// # Errors
    /// If there are no roots.
    pub fn new(roots: Roots) -> Result<Self, Problem> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots.store),
            Arc::clone(&provider),
        );
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let (Ok(webpki), Ok(config)) = (webpki.build(), config) else {
            return Err(Problem::new(
                "cannot set up TLS",
                "report this as a bug of cells-token",
            ));
        };
        let verifier = Verifier {
            webpki,
            ca_cert: roots.ca_cert,
        };
        let mut config = config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // Each connection carries one request, and none comes after it.
        config.resumption = Resumption::disabled();
        Ok(Self(config))
    }

    /// Performs the handshake with `host`, a name or an address, over `stream`.
    ///
    /// # Errors
    /// I/O errors, and rustls's in I/O errors.
    pub fn start(&self, host: &str, stream: Box<dyn Stream>) -> io::Result<TlsStream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let client_certificate = Arc::new(NoClientCertificate::default());
        let mut config = self.0.clone();
        config.client_auth_cert_resolver = client_certificate.clone();
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut stream = TlsStream {
            inner: StreamOwned::new(connection, stream),
            client_certificate,
        };
        while stream.inner.conn.is_handshaking() {
            // Completes the handshake first.
            stream.flush()?;
        }
        Ok(stream)
    }
}

/// A TLS connection.
#[derive(Debug)]
pub struct TlsStream {
    inner: StreamOwned<ClientConnection, Box<dyn Stream>>,
    client_certificate: Arc<NoClientCertificate>,
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        read.map_err(|error| self.explain(error))
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        written.map_err(|error| self.explain(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        flushed.map_err(|error| self.explain(error))
    }
}

impl TlsStream {
    /// Looks for the reason of a failure: the alert that the server sent before it closed, if there is one to read. Where
    /// a client certificate was asked for, several alerts mean that one is required.
    fn explain(&mut self, error: io::Error) -> io::Error {
        use AlertDescription as Alert;
        let mut why = error
            .get_ref()
            .and_then(|error| error.downcast_ref())
            .cloned();
        let StreamOwned { conn, sock } = &mut self.inner;
        while why.is_none() && is_closed(&error) && conn.read_tls(sock).is_ok_and(|read| read > 0) {
            why = conn.process_new_packets().err();
        }
        match why {
            Some(Error::AlertReceived(
                Alert::HandshakeFailure
                | Alert::BadCertificate
                | Alert::AccessDenied
                | Alert::CertificateUnknown
                | Alert::UnknownCA,
            )) if self.client_certificate.is_requested.load(Ordering::Relaxed) => {
                io::Error::other(Error::AlertReceived(Alert::CertificateRequired))
            }
            Some(why) => io::Error::other(why),
            None => error,
        }
    }
}

/// Accepts what rustls accepts, and a certificate of `--ca-cert` that the server itself presents: a self-signed one, as
/// `openssl req -x509` makes it, is not accepted by rustls.
#[derive(Debug)]
struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    ca_cert: Vec<CertificateDer<'static>>,
}

impl Verifier {
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
            && verify(&[]).is_err_and(|error| Self::is_about_the_issuer(&error))
        {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        if error == CertificateError::UnknownIssuer.into()
            && let Some(issuer) = UnknownIssuer::of(end_entity)
        {
            return Err(CertificateError::Other(OtherError(Arc::new(issuer))).into());
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

/// Has no client certificate, and notes whether one is asked for.
#[derive(Debug, Default)]
struct NoClientCertificate {
    is_requested: AtomicBool,
}

impl ResolvesClientCert for NoClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.is_requested.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
