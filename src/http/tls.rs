//! TLS with the host or an https proxy: the handshake, and which certificates are accepted.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme, StreamOwned,
};

use super::der::permits_server;
use super::roots::Roots;
use super::tls_error::{Issuer, TlsError};
use super::transport::{Peer, Stream};
use crate::time::Deadline;

/// What every TLS connection of a client shares.
#[derive(Debug)]
pub struct Tls {
    config: ClientConfig,
    webpki: Arc<WebPkiServerVerifier>,
    ca_cert: Arc<[CertificateDer<'static>]>,
}

impl Tls {
    /// Creates the configuration that trusts `roots`.
    ///
    /// # Errors
    /// If there are no roots.
    pub fn new(roots: Roots) -> Result<Self, Box<dyn std::error::Error>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots.store),
            Arc::clone(&provider),
        )
        .build()?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_webpki_verifier(Arc::clone(&webpki))
            .with_no_client_auth();
        // Each connection carries one request, and none comes after it.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config,
            webpki,
            ca_cert: roots.ca_cert.into(),
        })
    }

    /// Performs the handshake with `host`, a name or an address, over `stream`.
    ///
    /// # Errors
    /// I/O errors, and a [`TlsError`] in an I/O error.
    pub fn start(&self, peer: Peer, host: &str, stream: Box<dyn Stream>) -> io::Result<TlsStream> {
        let seen = Arc::new(Seen::default());
        let failed = |why| io::Error::from(TlsError::new(peer, why, &seen));
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| failed(Error::UnsupportedNameType))?;
        let mut config = self.config.clone();
        config.client_auth_cert_resolver = Arc::new(NoClientCertificate(Arc::clone(&seen)));
        config
            .dangerous()
            .set_certificate_verifier(Arc::new(Verifier {
                webpki: Arc::clone(&self.webpki),
                ca_cert: Arc::clone(&self.ca_cert),
                seen: Arc::clone(&seen),
            }));
        let connection = ClientConnection::new(Arc::new(config), name).map_err(failed)?;
        let mut stream = TlsStream {
            inner: StreamOwned::new(connection, stream),
            peer,
            seen,
        };
        while stream.inner.conn.is_handshaking() {
            // Completes the handshake first.
            stream.flush()?;
        }
        Ok(stream)
    }
}

/// What happened during a handshake that explains its failure.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whether the server asked for a client certificate.
    pub certificate_request: AtomicBool,
    /// The issuer of the certificate, if it is not trusted.
    pub unknown_issuer: OnceLock<Issuer>,
}

/// A TLS connection.
#[derive(Debug)]
pub struct TlsStream {
    inner: StreamOwned<ClientConnection, Box<dyn Stream>>,
    peer: Peer,
    seen: Arc<Seen>,
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        read.map_err(|error| tls_error(self.peer, &self.seen, error))
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes).map_err(|error| self.why(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(|error| self.why(error))
    }
}

impl TlsStream {
    /// The reason for a failed handshake or write: the alert that the server sent before it closed, if there is one to read.
    fn why(&mut self, error: io::Error) -> io::Error {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        let is_closed = matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset
        );
        let StreamOwned { conn, sock } = &mut self.inner;
        while is_closed && conn.read_tls(sock).is_ok_and(|read| read > 0) {
            if let Err(why) = conn.process_new_packets() {
                return TlsError::new(self.peer, why, &self.seen).into();
            }
        }
        tls_error(self.peer, &self.seen, error)
    }
}

impl Stream for TlsStream {
    fn set_deadline(&mut self, deadline: Deadline) {
        self.inner.sock.set_deadline(deadline);
    }
}

/// `error` with what is known of the connection, if it is TLS's.
fn tls_error(peer: Peer, seen: &Seen, error: io::Error) -> io::Error {
    let why = error.get_ref().and_then(|error| error.downcast_ref());
    match why {
        Some(why) => TlsError::new(peer, Error::clone(why), seen).into(),
        None => error,
    }
}

/// Accepts what rustls accepts, and a certificate of `--ca-cert` that the server itself presents: a self-signed one, as
/// `openssl req -x509` makes it, is not accepted by rustls.
struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    ca_cert: Arc<[CertificateDer<'static>]>,
    seen: Arc<Seen>,
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
            // Of a CA's certificate webpki has not checked it.
            if permits_server(end_entity) != Some(true) {
                return Err(CertificateError::InvalidPurpose.into());
            }
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        if error == Error::InvalidCertificate(CertificateError::UnknownIssuer)
            && let Some(issuer) = Issuer::of(end_entity)
        {
            let _ = self.seen.unknown_issuer.set(issuer);
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

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

/// Has no client certificate, and notes that one was asked for.
#[derive(Debug)]
struct NoClientCertificate(Arc<Seen>);

impl ResolvesClientCert for NoClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.certificate_request.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
