//! A certificate authority of the test's own, and the certificates, good and bad, that servers show.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What is wrong with a server's certificate.
#[derive(Clone, Copy)]
pub enum Cert {
    Good,
    WrongHost,
    Expired,
    NotYetValid,
    SelfSigned,
    /// The authority's own certificate, shown by a server.
    OwnAuthority,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("cells-token test authority")
    }

    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(["127.0.0.1".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, for `--ca-cert`.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// For a server that speaks TLS 1.2 and 1.3.
    pub fn server(&self, cert: Cert) -> Arc<ServerConfig> {
        self.server_with(cert, rustls::ALL_VERSIONS)
    }

    pub fn server_with(
        &self,
        cert: Cert,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let (cert, key) = self.pems(cert);
        let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key);
        Arc::new(config.unwrap())
    }

    /// A new certificate and its key, for a server that reads files.
    pub fn pems(&self, cert: Cert) -> (String, String) {
        let hosts: &[&str] = match cert {
            Cert::OwnAuthority => return (self.pem(), self.0.key().serialize_pem()),
            Cert::WrongHost => &["elsewhere.invalid"],
            _ => &["127.0.0.1", "::1", "localhost", "host.invalid"],
        };
        let hosts: Vec<String> = hosts.iter().copied().map(String::from).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "cells-token test server");
        match cert {
            Cert::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Cert::NotYetValid => params.not_before = date_time_ymd(2999, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().unwrap();
        let cert = match cert {
            Cert::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.0),
        };
        (cert.unwrap().pem(), key.serialize_pem())
    }
}
