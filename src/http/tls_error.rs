//! Explains the failures of TLS: an error and a hint for each. rustls shows most of them in Rust's debug form.

use rustls::{AlertDescription as Alert, CertificateError, Error, PeerIncompatible};

use super::client::Client;
use super::error::{Peer, unreachable};
use super::issuer::UnknownIssuer;
use crate::env;
use crate::oauth::TokenError;

impl Client {
    /// Explains a failure during the handshake or after it.
    pub(super) fn tls(&self, peer: Peer, error: &Error) -> TokenError {
        let (name, options) = self.name(peer);
        match error {
            Error::InvalidCertificate(error) => self.certificate(&name, options, error),
            Error::AlertReceived(Alert::CertificateRequired) => unreachable(
                format!(
                    "{name} requires a TLS client certificate, which cells-token does not support"
                ),
                "use an endpoint or a local proxy that does not require one",
            ),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
            | Error::AlertReceived(Alert::ProtocolVersion) => unreachable(
                format!("{name} supports neither TLS 1.2 nor TLS 1.3"),
                "ask the operator of the host to enable TLS 1.2 or later",
            ),
            Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity)
            | Error::PeerIncompatible(_) => unreachable(
                format!(
                    "the TLS handshake with {name} failed: no cipher suite, key exchange or signature algorithm in common"
                ),
                "ask the operator of the host to enable a modern TLS configuration",
            ),
            Error::AlertReceived(Alert::UnrecognisedName) => unreachable(
                format!("{name} does not serve this host name over TLS"),
                format!("check the host name in {options}"),
            ),
            Error::AlertReceived(alert) => unreachable(
                format!(
                    "{name} ended the TLS handshake with alert {}",
                    u8::from(*alert)
                ),
                "check for a proxy, firewall or VPN in between",
            ),
            Error::InvalidMessage(_) => unreachable(
                format!("{name} answered with something that is not TLS"),
                format!("check the port in {options}, and whether the URL must begin with http://"),
            ),
            _ => unreachable(
                format!("the TLS handshake with {name} failed: it violated the protocol"),
                "check for a proxy, firewall or VPN in between",
            ),
        }
    }

    fn certificate(&self, name: &str, options: &str, error: &CertificateError) -> TokenError {
        use CertificateError as Bad;
        let own = "if the server is yours, trust its certificate or its CA with --ca-cert or CELLS_CA_CERT";
        let operator = "ask the operator of the host to replace the certificate";
        let bad = |fault: &str, hint: &str| {
            unreachable(format!("the certificate of {name} {fault}"), hint)
        };
        match error {
            Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => bad(
                "has no subject alternative name",
                "issue a certificate with the host as its subject alternative name",
            ),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => unreachable(
                format!("the certificate is not for {name}"),
                format!("check the host in {options}"),
            ),
            Bad::Expired | Bad::ExpiredContext { .. } => bad(
                "has expired",
                "check this machine's clock; if it is right, the certificate must be renewed",
            ),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                bad("is not valid yet", "check this machine's clock")
            }
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
                bad("is not meant for a server", operator)
            }
            Bad::UnsupportedSignatureAlgorithmContext { .. }
            | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                bad("is signed with an unsupported algorithm", operator)
            }
            Bad::BadSignature => bad("has a signature that does not match its issuer's key", own),
            Bad::UnknownIssuer => bad("is not issued by a trusted CA", &inspection_hint()),
            Bad::Other(other) => match (other.0.downcast_ref(), other.0.downcast_ref()) {
                (Some(UnknownIssuer::Itself), _) => bad("is self-signed and not trusted", own),
                (Some(UnknownIssuer::Named(issuer)), _) => {
                    let issuer = self.redactor.show(issuer);
                    bad(
                        &format!("is issued by \"{issuer}\", which is not a trusted CA"),
                        &inspection_hint(),
                    )
                }
                (_, Some(webpki::Error::CaUsedAsEndEntity)) => {
                    bad("is a CA's, and not in --ca-cert", own)
                }
                (_, Some(webpki::Error::NameConstraintViolation)) => {
                    bad("is for a name that its CA may not issue for", operator)
                }
                _ => bad("is malformed or not acceptable", operator),
            },
            _ => bad("is malformed or not acceptable", operator),
        }
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
