//! Explains the failures of TLS: an error and a hint for each.

use std::sync::atomic::Ordering;
use std::{fmt, io};

use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use super::der::display_name;
use super::tls::Seen;
use super::transport::Peer;
use crate::problem::Problem;
use crate::server_text::Redactor;

/// A failure of TLS during the handshake or after it.
#[derive(Debug)]
pub struct TlsError {
    /// The other side of the connection.
    pub peer: Peer,
    /// rustls's own error.
    pub why: Error,
    certificate_was_requested: bool,
    unknown_issuer: Option<Issuer>,
}

impl TlsError {
    pub(super) fn new(peer: Peer, why: Error, seen: &Seen) -> Self {
        Self {
            peer,
            why,
            certificate_was_requested: seen.certificate_request.load(Ordering::Relaxed),
            unknown_issuer: seen.unknown_issuer.get().cloned(),
        }
    }

    /// The error and the hint. `peer` names the other side, `options` the options that name it, and `foreign_variable` a
    /// variable that names certificates for other programs.
    pub fn problem(
        &self,
        peer: &str,
        options: &str,
        foreign_variable: Option<&str>,
        redactor: &Redactor,
    ) -> Problem {
        use AlertDescription as Alert;
        let (what, hint) = match &self.why {
            Error::InvalidCertificate(error) => {
                let unknown = || self.unknown_issuer(peer, foreign_variable, redactor);
                certificate_problem(error, peer, options, unknown)
            }
            Error::AlertReceived(Alert::CertificateRequired) => client_certificate(peer),
            Error::AlertReceived(
                Alert::HandshakeFailure
                | Alert::BadCertificate
                | Alert::AccessDenied
                | Alert::CertificateUnknown
                | Alert::UnknownCA,
            ) if self.certificate_was_requested => client_certificate(peer),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
            | Error::AlertReceived(Alert::ProtocolVersion) => (
                format!("{peer} supports neither TLS 1.2 nor TLS 1.3"),
                "ask the operator of the host to enable TLS 1.2 or later".to_owned(),
            ),
            Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity)
            | Error::PeerIncompatible(_) => (
                format!(
                    "the TLS handshake with {peer} failed: no cipher suite, key exchange or signature algorithm in common"
                ),
                "ask the operator of the host to enable a modern TLS configuration".to_owned(),
            ),
            Error::AlertReceived(Alert::UnrecognisedName) => (
                format!("{peer} does not serve this host name over TLS"),
                format!("check the host name in {options}"),
            ),
            Error::AlertReceived(alert) => (
                format!(
                    "{peer} ended the TLS handshake with alert {}",
                    u8::from(*alert)
                ),
                "check for a proxy, firewall or VPN in between".to_owned(),
            ),
            Error::InvalidMessage(_) => (
                format!("{peer} answered with something that is not TLS"),
                format!("check the port in {options}, and whether the URL must begin with http://"),
            ),
            Error::UnsupportedNameType => (
                format!("{peer} is not a host name that a certificate can have"),
                format!("check the host name in {options}"),
            ),
            _ => (
                format!("the TLS handshake with {peer} failed: it violated the protocol"),
                "check for a proxy, firewall or VPN in between".to_owned(),
            ),
        };
        Problem::new(what, hint)
    }

    fn unknown_issuer(
        &self,
        peer: &str,
        foreign_variable: Option<&str>,
        redactor: &Redactor,
    ) -> (String, String) {
        let what = match &self.unknown_issuer {
            Some(Issuer::Itself) => {
                return (
                    format!("the certificate of {peer} is self-signed and not trusted"),
                    "if the server is yours, trust its certificate with --ca-cert or CELLS_CA_CERT"
                        .to_owned(),
                );
            }
            Some(Issuer::Named(name)) => format!(
                "the certificate of {peer} is issued by \"{}\", which is not a trusted CA",
                redactor.show(name)
            ),
            None => format!("the certificate of {peer} is not issued by a trusted CA"),
        };
        let hint = match foreign_variable {
            Some(variable) => format!(
                "cells-token does not read {variable}: give its file to --ca-cert or CELLS_CA_CERT"
            ),
            None => "if your network inspects TLS, add its CA with --ca-cert or CELLS_CA_CERT"
                .to_owned(),
        };
        (what, hint)
    }
}

fn client_certificate(peer: &str) -> (String, String) {
    (
        format!("{peer} requires a TLS client certificate, which cells-token does not support"),
        "use an endpoint or a local proxy that does not require one".to_owned(),
    )
}

fn certificate_problem(
    error: &CertificateError,
    peer: &str,
    options: &str,
    unknown_issuer: impl FnOnce() -> (String, String),
) -> (String, String) {
    use CertificateError as Bad;
    let own =
        "if the server is yours, trust its certificate or its CA with --ca-cert or CELLS_CA_CERT";
    let operator = "ask the operator of the host to replace the certificate";
    let (fault, hint) = match error {
        Bad::UnknownIssuer => return unknown_issuer(),
        Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            return (
                format!("the certificate of {peer} has no subject alternative name"),
                "issue a certificate with the host as its subject alternative name".to_owned(),
            );
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            return (
                format!("the certificate is not for {peer}"),
                format!("check the host in {options}"),
            );
        }
        Bad::Expired | Bad::ExpiredContext { .. } => (
            "has expired",
            "check this machine's clock; if it is right, the certificate must be renewed",
        ),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            ("is not valid yet", "check this machine's clock")
        }
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            ("is not meant for a server", operator)
        }
        Bad::BadSignature => ("has a signature that does not match its issuer's key", own),
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            ("is signed with an unsupported algorithm", operator)
        }
        Bad::BadEncoding => ("is malformed", operator),
        Bad::UnhandledCriticalExtension => ("has an unsupported critical extension", operator),
        Bad::Other(other) => match other.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => ("is a CA's, and not in --ca-cert", own),
            Some(webpki::Error::NameConstraintViolation) => {
                ("is for a name that its CA may not issue for", operator)
            }
            Some(webpki::Error::UnsupportedCertVersion) => ("is not of X.509 version 3", operator),
            Some(webpki::Error::PathLenConstraintViolated) => {
                ("is issued by a CA that may not issue it", operator)
            }
            Some(webpki::Error::UnsupportedCriticalExtension) => {
                ("has an unsupported critical extension", operator)
            }
            _ => ("is not acceptable", own),
        },
        _ => ("is not acceptable", own),
    };
    (
        format!("the certificate of {peer} {fault}"),
        hint.to_owned(),
    )
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl std::error::Error for TlsError {}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::other(error)
    }
}

/// The issuer of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// Its own subject.
    Itself,
    /// The common name, or else the organization, of another.
    Named(String),
}

impl Issuer {
    /// Reads the issuer of a certificate; `None` if it has no name that can be shown.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        match certificate.issuer() == certificate.subject() {
            true => Some(Self::Itself),
            false => display_name(certificate.issuer()).map(Self::Named),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(distinguished_name: &[(rcgen::DnType, &str)]) -> Option<Issuer> {
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in distinguished_name {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["host.invalid".to_owned()]).unwrap();
        Issuer::of(params.signed_by(&key, &ca).unwrap().der())
    }

    #[test]
    fn an_issuer_is_named_by_its_common_name_or_organization() {
        use rcgen::DnType::{CommonName, CountryName, OrganizationName};
        let long = "x".repeat(300);
        for (name, expected) in [
            (
                &[(OrganizationName, "Org"), (CommonName, "Corp CA")][..],
                Some("Corp CA"),
            ),
            (
                &[(CountryName, "CH"), (OrganizationName, "Zürich Ltd")],
                Some("Zürich Ltd"),
            ),
            (&[(CommonName, &long)], Some(&long)),
            (&[(CountryName, "CH")], None),
        ] {
            let expected = expected.map(|name| Issuer::Named(name.to_owned()));
            assert_eq!(issuer(name), expected);
        }
    }

    #[test]
    fn a_self_signed_certificate_is_its_own_issuer() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["host.invalid".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(Issuer::of(certificate.der()), Some(Issuer::Itself));
    }
}
