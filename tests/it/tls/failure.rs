//! The error and hint of each TLS failure.

use crate::support::{Authority, Cert, Reply, Server, Step, TestEnv, each_row};

/// What a server presents or does, and what the error and the hint must contain.
#[test]
fn each_tls_failure_has_its_own_error_and_hint() {
    let authority = Authority::new();
    let shows = |cert| Reply::token().in_tls(authority.server(cert));
    let issued_by = |name| Reply::token().in_tls(Authority::named(name).server(Cert::Good));
    let answers =
        |bytes: &[u8]| Reply::steps([Step::ReadAnything, Step::Send(bytes.to_vec()), Step::Hang]);
    // A ServerHello of TLS 1.1: the version, 32 random bytes, no session, a cipher, no compression.
    let hello = [
        &b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02"[..],
        &[7; 32],
        b"\x00\xc0\x14\x00",
    ]
    .concat();
    let rows = [
        (
            "unknown issuer",
            issued_by("a stranger"),
            "is issued by \"a stranger\", which is not a trusted CA",
            "if your network inspects TLS, add its CA with --ca-cert",
        ),
        (
            "an issuer with the name of a trusted one",
            issued_by("cells-token test authority"),
            "has a signature that does not match its issuer's key",
            "--ca-cert",
        ),
        (
            "self-signed",
            shows(Cert::SelfSigned),
            "is self-signed and not trusted",
            "--ca-cert",
        ),
        (
            "wrong host",
            shows(Cert::WrongHost),
            "is for another host",
            "--base-url",
        ),
        (
            "expired",
            shows(Cert::Expired),
            "has expired",
            "check this machine's clock",
        ),
        (
            "not yet valid",
            shows(Cert::NotYetValid),
            "is not valid yet",
            "check this machine's clock",
        ),
        (
            "TLS 1.1",
            answers(&hello),
            "supports neither TLS 1.2 nor TLS 1.3",
            "TLS 1.2 or later",
        ),
        (
            "an alert: protocol version",
            answers(b"\x15\x03\x01\x00\x02\x02\x46"),
            "supports neither TLS 1.2 nor TLS 1.3",
            "TLS 1.2 or later",
        ),
        (
            "an alert: handshake failure",
            answers(b"\x15\x03\x03\x00\x02\x02\x28"),
            "no cipher suite, key exchange or signature algorithm in common",
            "modern TLS configuration",
        ),
        (
            "an alert: internal error",
            answers(b"\x15\x03\x03\x00\x02\x02\x50"),
            "ended the TLS handshake with alert 80",
            "proxy, firewall or VPN",
        ),
        (
            "an alert: unrecognized name",
            answers(b"\x15\x03\x03\x00\x02\x02\x70"),
            "does not serve this host name over TLS",
            "--base-url",
        ),
        (
            "for clients",
            shows(Cert::ForClients),
            "is not meant for a server",
            "operator",
        ),
        (
            "no subject alternative name",
            shows(Cert::Nameless),
            "has no subject alternative name",
            "issue a certificate",
        ),
        (
            "HTTP",
            answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            "is not TLS",
            "check the port in --base-url or --token-url, and whether the URL must begin with http://",
        ),
        (
            "SSH",
            answers(b"SSH-2.0-OpenSSH_9.9\r\n"),
            "is not TLS",
            "check the port",
        ),
        ("zeros", answers(&[0; 64]), "is not TLS", "check the port"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, said, hint)| {
            let server = Server::replies([reply.clone()]);
            let mut env = TestEnv::with_credentials();
            let file = env.file("ca.pem", authority.pem());
            let url = server.url().replacen("http", "https", 1);
            let output = env.run(&["get", "--base-url", &url, "--ca-cert", &file]);
            output.exits(5).says(said).hints(hint);
            assert!(server.requests().is_empty(), "{:?}", server.requests());
        },
    );
}

#[test]
fn a_required_client_certificate_is_named() {
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let authority = Authority::new();
        let config = authority.server_that_requires_a_client_certificate(versions);
        let server = Server::always(Reply::token().in_tls(config));
        let mut env = TestEnv::with_credentials();
        let url = server.url().replacen("http", "https", 1);
        let file = env.file("ca.pem", authority.pem());
        env.run_once(&["get", "--base-url", &url, "--ca-cert", &file])
            .exits(5)
            .says("requires a TLS client certificate");
        assert!(server.requests().is_empty(), "{:?}", server.requests());
    }
}

#[test]
fn a_name_that_the_ca_may_not_issue_for_is_named() {
    let authority = Authority::constrained();
    let server = Server::tls(authority.server(Cert::Good), [Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    let file = env.file("ca.pem", authority.pem());
    env.run(&["get", "--ca-cert", &file])
        .exits(5)
        .says("is for a name that its CA may not issue for");
}

#[test]
fn a_variable_that_names_certificates_for_other_programs_is_mentioned() {
    for name in [
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CURL_CA_BUNDLE",
    ] {
        let server = Server::tls(Authority::new().server(Cert::Good), [Reply::token()]);
        let mut env = TestEnv::for_server(&server);
        env.var(name, "corp.pem").run(&["get"]).exits(5).hints(name);
    }
}
