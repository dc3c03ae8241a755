//! TLS: whom it trusts, what it refuses, and `--ca-cert`.

use crate::support::{Authority, Cert, Reply, Server, Step, TOKEN, TestEnv, each_row};

/// A world with good credentials for `server` that trusts `authority`.
fn trusting(authority: &Authority, server: &Server) -> TestEnv {
    let mut env = TestEnv::for_server(server);
    let file = env.file("ca.pem", authority.pem());
    env.var("CELLS_CA_CERT", file);
    env
}

#[test]
fn every_protocol_version_of_today_works() {
    let rows = [
        ("both", rustls::ALL_VERSIONS),
        ("TLS 1.2", &[&rustls::version::TLS12][..]),
        ("TLS 1.3", &[&rustls::version::TLS13]),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, versions)| {
            let authority = Authority::new();
            let server = Server::tls(
                authority.server_with(Cert::Good, versions),
                [Reply::token()],
            );
            trusting(&authority, &server)
                .run(&["get"])
                .exits(0)
                .prints(&format!("{TOKEN}\n"));
        },
    );
}

#[test]
fn a_ca_certificate_comes_by_option_alias_and_variable() {
    let authority = Authority::new();
    let token = Reply::token;
    let server = Server::tls(authority.server(Cert::Good), [token(), token(), token()]);
    let mut env = TestEnv::for_server(&server);
    let file = env.file("ca.pem", authority.pem());
    env.run(&["get", "--ca-cert", &file]).exits(0);
    env.run(&["get", "--cacert", "ca.pem"]).exits(0);
    env.var("CELLS_CA_CERT", &file).run(&["get"]).exits(0);
}

#[test]
fn the_option_beats_the_variable() {
    let authority = Authority::new();
    let server = Server::tls(authority.server(Cert::Good), [Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    env.var("CELLS_CA_CERT", "no-such-file");
    let file = env.file("ca.pem", authority.pem());
    env.run(&["get", "--ca-cert", &file]).exits(0);
}

#[test]
fn a_bundle_of_several_certificates_is_read_whole() {
    let (other, authority) = (Authority::new(), Authority::new());
    let server = Server::tls(authority.server(Cert::Good), [Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    let bundle = format!(
        "# A comment.\n{}\n\n# Another.\n{}",
        other.pem(),
        authority.pem()
    );
    let file = env.file("ca.pem", bundle);
    env.run(&["get", "--ca-cert", &file]).exits(0);
}

/// On Linux OpenSSL's variable names the file of the system's roots, so a test can have a system of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_ca_certificate_is_added_to_the_systems_roots() {
    let (system, own) = (Authority::new(), Authority::new());
    for authority in [&system, &own] {
        let server = Server::tls(authority.server(Cert::Good), [Reply::token()]);
        let mut env = TestEnv::for_server(&server);
        let system = env.file("system.pem", system.pem());
        let own = env.file("own.pem", own.pem());
        env.var("SSL_CERT_FILE", system)
            .run(&["get", "--ca-cert", &own])
            .exits(0);
    }
}

#[test]
fn a_bad_certificate_is_exit_5_and_the_secret_is_not_sent() {
    let rows = [
        ("a wrong host", Cert::WrongHost, &["127.0.0.1"][..]),
        ("expired", Cert::Expired, &["expired"]),
        ("not yet valid", Cert::NotYetValid, &["not", "valid"]),
        ("self-signed", Cert::SelfSigned, &["certificate"]),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, cert, said)| {
            let authority = Authority::new();
            let server = Server::tls(authority.server(*cert), [Reply::token()]);
            let output = trusting(&authority, &server).run_once(&["get"]);
            output.exits(5);
            for text in *said {
                output.mentions(text);
            }
            assert!(server.requests().is_empty(), "{:?}", server.requests());
        },
    );
}

#[test]
fn an_unknown_issuer_is_exit_5_and_hints_at_ca_cert() {
    let server = Server::tls(Authority::new().server(Cert::Good), [Reply::token()]);
    let output = TestEnv::for_server(&server).run_once(&["get"]);
    output.exits(5).hints("--ca-cert");
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[test]
fn another_authority_is_not_enough() {
    let server = Server::tls(Authority::new().server(Cert::Good), [Reply::token()]);
    let output = trusting(&Authority::new(), &server).run_once(&["get"]);
    output.exits(5);
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[test]
fn a_ca_file_that_cannot_be_right_is_exit_2_and_named() {
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
    let rows = [
        ("an empty file", ""),
        ("words", "this is no certificate\n"),
        ("a key alone", key),
        (
            "a certificate that is none",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        ("half a certificate", "-----BEGIN CERTIFICATE-----\nMIIB"),
        (
            "no base64",
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, contents)| {
            let server = Server::untouched();
            let mut env = TestEnv::with_credentials();
            let url = server.url().replace("http://", "https://");
            let file = env.file("the-ca.pem", contents);
            env.run(&["get", "--base-url", &url, "--ca-cert", &file])
                .exits(2)
                .says("the-ca.pem");
            env.var("CELLS_CA_CERT", &file);
            env.run(&["get", "--base-url", &url])
                .exits(2)
                .says("the-ca.pem");
        },
    );
}

#[test]
fn a_ca_file_that_is_not_there_is_exit_2_and_named() {
    let env = TestEnv::with_credentials();
    std::fs::create_dir(env.path("a-folder")).unwrap();
    for path in ["no-such-file.pem", "a-folder"] {
        env.run(&[
            "get",
            "--base-url",
            "https://127.0.0.1:9",
            "--ca-cert",
            path,
        ])
        .exits(2)
        .says(path);
    }
}

#[test]
fn a_server_without_tls_is_exit_5() {
    let http = Reply::steps([
        Step::ReadAnything,
        Step::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
    ]);
    for reply in [
        http,
        Reply::steps([Step::ReadAnything]),
        Reply::steps([Step::ReadAnything, Step::Reset]),
        Reply::steps([Step::Reset]),
    ] {
        let server = Server::replies([reply]);
        let url = server.url().replace("http://", "https://");
        TestEnv::with_credentials()
            .run_once(&["get", "--base-url", &url])
            .exits(5);
    }
}

#[test]
fn a_connection_cut_within_a_tls_answer_is_exit_5() {
    let authority = Authority::new();
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"acc"
            .to_vec();
    for steps in [
        vec![Step::ReadRequest, Step::Send(head)],
        vec![Step::ReadRequest],
        vec![Step::ReadRequest, Step::Reset],
    ] {
        let server = Server::tls(authority.server(Cert::Good), [Reply::steps(steps)]);
        trusting(&authority, &server).run_once(&["get"]).exits(5);
    }
}
