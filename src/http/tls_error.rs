//! Explains the failures of TLS: an error and a hint for each. rustls shows most of them in Rust's debug form.

use rustls::{AlertDescription as Alert, CertificateError, Error, PeerIncompatible};

use super::client::Client;
use super::error::{Peer, unreachable};
use super::tls::{Tls, UnknownIssuer};
use crate::env;
use crate::oauth::TokenError;

impl Client {
    /// Explains a failure during the handshake or after it.
    pub(super) fn tls_error(&self, peer: Peer, error: &Error) -> TokenError {
        let (name, options) = self.name(peer);
        let tls = self.tls.as_deref();
        let is_certificate_requested = tls.is_some_and(Tls::is_client_certificate_requested);
        let (what, hint) = match error {
            Error::InvalidCertificate(error) => {
                let (fault, hint) = self.certificate_error(error, options);
                (format!("the certificate of {name} {fault}"), hint)
            }
            Error::AlertReceived(alert) if needs_certificate(*alert, is_certificate_requested) => (
                format!(
                    "{name} requires a TLS client certificate, which cells-token does not support"
                ),
                "use an endpoint or a local proxy that does not require one".to_owned(),
            ),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
            | Error::AlertReceived(Alert::ProtocolVersion) => (
                format!("{name} supports neither TLS 1.2 nor TLS 1.3"),
                "ask the operator of the host to enable TLS 1.2 or later".to_owned(),
            ),
            Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity)
            | Error::PeerIncompatible(_) => (
                format!(
                    "the TLS handshake with {name} failed: no cipher suite, key exchange or signature algorithm in common"
                ),
                "ask the operator of the host to enable a modern TLS configuration".to_owned(),
            ),
            Error::AlertReceived(Alert::UnrecognisedName) => (
                format!("{name} does not serve this host name over TLS"),
                format!("check the host name in {options}"),
            ),
            Error::AlertReceived(alert) => (
                format!(
                    "{name} ended the TLS handshake with alert {}",
                    u8::from(*alert)
                ),
                "check for a proxy, firewall or VPN in between".to_owned(),
            ),
            Error::InvalidMessage(_) => (
                format!("{name} answered with something that is not TLS"),
                format!("check the port in {options}, and whether the URL must begin with http://"),
            ),
            _ => (
                format!("the TLS handshake with {name} failed: it violated the protocol"),
                "check for a proxy, firewall or VPN in between".to_owned(),
            ),
        };
        unreachable(what, hint)
    }

    /// What is wrong with a certificate, and the hint.
    fn certificate_error(&self, error: &CertificateError, options: &str) -> (String, String) {
        use CertificateError as Bad;
        const OWN: &str = "if the server is yours, trust its certificate or its CA with --ca-cert or CELLS_CA_CERT";
        const OPERATOR: &str = "ask the operator of the host to replace the certificate";
        let (fault, hint) = match error {
            Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => (
                "has no subject alternative name",
                "issue a certificate with the host as its subject alternative name",
            ),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                let hint = format!("check the host in {options}");
                return ("is for another host".to_owned(), hint);
            }
            Bad::Expired | Bad::ExpiredContext { .. } => (
                "has expired",
                "check this machine's clock; if it is right, the certificate must be renewed",
            ),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                ("is not valid yet", "check this machine's clock")
            }
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
                ("is not meant for a server", OPERATOR)
            }
            Bad::UnsupportedSignatureAlgorithmContext { .. }
            | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                ("is signed with an unsupported algorithm", OPERATOR)
            }
            Bad::BadSignature => ("has a signature that does not match its issuer's key", OWN),
            Bad::Other(other) => match (other.0.downcast_ref(), other.0.downcast_ref()) {
                (Some(UnknownIssuer::Itself), _) => ("is self-signed and not trusted", OWN),
                (Some(UnknownIssuer::Another(None)), _) => {
                    return (
                        "is not issued by a trusted CA".to_owned(),
                        inspection_hint(),
                    );
                }
                (Some(UnknownIssuer::Another(Some(issuer))), _) => {
                    let issuer = self.redactor.show(issuer);
                    let fault = format!("is issued by \"{issuer}\", which is not a trusted CA");
                    return (fault, inspection_hint());
                }
                (_, Some(webpki::Error::CaUsedAsEndEntity)) => {
                    ("is a CA's, and not in --ca-cert", OWN)
                }
                (_, Some(webpki::Error::NameConstraintViolation)) => {
                    ("is for a name that its CA may not issue for", OPERATOR)
                }
                _ => ("is malformed or not acceptable", OPERATOR),
            },
            _ => ("is malformed or not acceptable", OPERATOR),
        };
        (fault.to_owned(), hint.to_owned())
    }
}

/// Whether an alert means that the server requires a client certificate. TLS 1.2 has no alert of its own for that, but
/// the server has asked for one then.
fn needs_certificate(alert: Alert, is_requested: bool) -> bool {
    match alert {
        Alert::CertificateRequired => true,
        Alert::HandshakeFailure
        | Alert::BadCertificate
        | Alert::AccessDenied
        | Alert::CertificateUnknown
        | Alert::UnknownCA => is_requested,
        _ => false,
    }
}

/// What to do about an unknown issuer. Behind a proxy that inspects TLS, its CA is often known to other programs.
fn inspection_hint() -> String {
    match env::foreign_ca_variable() {
        Some(variable) => format!(
            "cells-token does not read {variable}: give its file to --ca-cert or CELLS_CA_CERT"
        ),
        None => {
            "if your network inspects TLS, add its CA with --ca-cert or CELLS_CA_CERT".to_owned()
        }
    }
}
