//! A certificate authority for tests, and valid and invalid server certificates.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, NameConstraints, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Kinds of server certificates.
#[derive(Clone, Copy)]
pub enum Cert {
    Good,
    WrongHost,
    Expired,
    NotYetValid,
    SelfSigned,
    /// The authority's own certificate, presented by a server.
    OwnAuthority,
    /// For clients only (extended key usage).
    ForClients,
    /// Without a subject alternative name.
    Nameless,
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

    /// An authority that may only issue certificates for `elsewhere.invalid`.
    pub fn constrained() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("elsewhere.invalid".into())],
            excluded_subtrees: vec![],
        });
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A self-signed certificate as `openssl req -x509` makes it, a CA by its constraints, and its key.
    pub fn self_signed(cert: Cert) -> (String, String) {
        let mut params = params(cert);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    /// A server that requires a client certificate.
    pub fn server_that_requires_a_client_certificate(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let (cert, key) = self.pems(Cert::Good);
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                .build()
                .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            );
        Arc::new(config.unwrap())
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
        server_with_pems(&cert, &key, versions)
    }

    /// A new certificate and its key, for a server that reads files.
    pub fn pems(&self, cert: Cert) -> (String, String) {
        if let Cert::OwnAuthority = cert {
            return (self.pem(), self.0.key().serialize_pem());
        }
        let params = params(cert);
        let key = KeyPair::generate().unwrap();
        let cert = match cert {
            Cert::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.0),
        };
        (cert.unwrap().pem(), key.serialize_pem())
    }
}

/// A server with this certificate and key.
pub fn server_with_pems(
    cert: &str,
    key: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
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

fn params(cert: Cert) -> CertificateParams {
    let hosts: &[&str] = match cert {
        Cert::WrongHost => &["elsewhere.invalid"],
        Cert::Nameless => &[],
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
        Cert::ForClients => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        _ => {}
    }
    params
}
