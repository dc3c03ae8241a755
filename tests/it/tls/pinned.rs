//! A certificate of `--ca-cert` that the server itself presents.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{Authority, Cert, Output, Reply, Server, TestEnv, server_with_pems};

/// Runs `get` against a server with this certificate and key, with a CA file of these contents.
fn get_with_ca_cert((cert, key): &(String, String), ca_cert: &str) -> Output {
    let config = server_with_pems(cert, key, rustls::ALL_VERSIONS);
    let server = Server::always(Reply::token().in_tls(config));
    let mut env = TestEnv::with_credentials();
    let url = server.url().replacen("http", "https", 1);
    let file = env.file("ca.pem", ca_cert);
    let output = env.run_once(&["get", "--base-url", &url, "--ca-cert", &file]);
    assert_eq!(
        server.requests().is_empty(),
        output.code != Some(0),
        "{output}"
    );
    output
}

#[test]
fn a_certificate_in_the_ca_file_is_trusted_when_the_server_presents_it() {
    let ca = Authority::self_signed(Cert::Good);
    let leaf = Authority::new().pems(Cert::Good);
    let own_issuer = Authority::new().pems(Cert::SelfSigned);
    let other = Authority::new().pem();
    for certificate in [&ca, &leaf, &own_issuer] {
        get_with_ca_cert(certificate, &certificate.0).exits(0);
        get_with_ca_cert(certificate, &format!("{other}{}", certificate.0)).exits(0);
    }
}

#[test]
fn a_certificate_in_the_ca_file_still_needs_the_right_name_and_dates() {
    let rows = [
        ("wrong name", Cert::WrongHost, "is for another host"),
        ("no name", Cert::Nameless, "has no subject alternative name"),
        ("expired", Cert::Expired, "has expired"),
        ("not yet valid", Cert::NotYetValid, "is not valid yet"),
    ];
    for (name, cert, said) in rows {
        let ca = Authority::self_signed(cert);
        let leaf = Authority::new().pems(cert);
        for certificate in [&ca, &leaf] {
            let output = get_with_ca_cert(certificate, &certificate.0);
            assert_eq!(output.code, Some(5), "{name}: {output}");
            output.says(said);
        }
    }
}

#[test]
fn a_self_signed_certificate_that_is_not_in_the_ca_file_is_refused() {
    let served = Authority::self_signed(Cert::Good);
    let (same_name, _) = Authority::self_signed(Cert::Good);
    get_with_ca_cert(&served, &same_name)
        .exits(5)
        .says("is a CA's, and not in --ca-cert")
        .hints("--ca-cert");
}

/// A server must prove that it has the key of the certificate it presents.
#[test]
fn a_server_without_the_key_of_its_certificate_is_refused() {
    let (cert, _) = Authority::self_signed(Cert::Good);
    let (_, other_key) = Authority::self_signed(Cert::Good);
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(other_key.as_bytes()).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(chain, key);
    for version in rustls::ALL_VERSIONS {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
                certified.clone(),
            )));
        let server = Server::tls(Arc::new(config), [Reply::token()]);
        let mut env = TestEnv::for_server(&server);
        let file = env.file("ca.pem", &cert);
        env.run_once(&["get", "--ca-cert", &file]).exits(5);
        assert!(server.requests().is_empty(), "{:?}", server.requests());
    }
}
