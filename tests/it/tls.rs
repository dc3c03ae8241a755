//! TLS: which certificates are trusted, `--ca-cert`, and the words for each failure.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[cfg(target_os = "linux")]
use crate::support::needed;
use crate::support::{
    Authority, Cert, Output, Reply, Server, Step, TOKEN, TestEnv, each_row, server_with_pems,
};

/// An environment with credentials for `server` that trusts `authority`.
fn trusting(authority: &Authority, server: &Server) -> TestEnv {
    let mut env = TestEnv::for_server(server);
    let file = env.file("ca.pem", authority.pem());
    env.var("CELLS_CA_CERT", file);
    env
}

#[test]
fn tls_1_2_and_1_3_work() {
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
fn a_ca_file_is_named_by_option_alias_or_variable() {
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

/// On Linux, OpenSSL's variable names the file of the system's roots.
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
fn a_ca_file_without_valid_certificates_is_exit_2_and_named() {
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
                .says("the-ca.pem")
                .never_says("[");
            env.var("CELLS_CA_CERT", &file);
            env.run(&["get", "--base-url", &url])
                .exits(2)
                .says("the-ca.pem");
        },
    );
}

#[test]
fn a_missing_ca_file_is_exit_2_and_named() {
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

#[cfg(unix)]
#[test]
fn a_ca_file_that_never_ends_is_given_up_at_the_deadline() {
    let server = Server::untouched();
    let url = server.url().replacen("http", "https", 1);
    let env = TestEnv::with_credentials();
    env.sh("mkfifo ca.pem").exits(0);
    let get = ["get", "--base-url", &url, "--timeout", "1s", "--ca-cert"];
    let output = env.run(&[&get[..], &["ca.pem"]].concat());
    output
        .exits(2)
        .says("ca.pem cannot be read: it did not end")
        .hints("--ca-cert");
    env.run(&["get", "--base-url", &url, "--ca-cert", "/dev/zero"])
        .exits(2)
        .says("it is longer than");
}

#[cfg(target_os = "linux")]
#[test]
fn openssls_variables_replace_the_systems_roots() {
    let (good, other) = (Authority::new(), Authority::new());
    let mut env = TestEnv::with_credentials();
    let (file, other_file) = (
        env.file("good.pem", good.pem()),
        env.file("other.pem", other.pem()),
    );
    for folder in ["good", "other", "empty"] {
        std::fs::create_dir(env.path(folder)).unwrap();
    }
    // Named as `openssl rehash` does.
    let folder = |name: &str| env.path(name).into_os_string().into_string().unwrap();
    let (good_folder, other_folder, empty) = (folder("good"), folder("other"), folder("empty"));
    env.file("good/0a1b2c3d.0", good.pem());
    env.file("other/0a1b2c3d.0", other.pem());
    let rows: [(&str, &str, &str, bool); 7] = [
        ("a file", &file, "", true),
        ("a folder", "", &good_folder, true),
        (
            "several folders",
            "",
            &format!("{empty}:{other_folder}:{good_folder}"),
            true,
        ),
        ("a file and a folder", &other_file, &good_folder, true),
        ("another's file", &other_file, "", false),
        ("another's folder", "", &other_folder, false),
        (
            "a folder with one that is not there",
            "",
            &format!("absent:{good_folder}"),
            true,
        ),
    ];
    for (name, file, folder, is_trusted) in rows {
        let server = Server::tls(good.server(Cert::Good), [Reply::token()]);
        env.var("SSL_CERT_FILE", file).var("SSL_CERT_DIR", folder);
        let output = env.run(&["get", "--base-url", server.url()]);
        assert_eq!(
            output.code,
            Some(if is_trusted { 0 } else { 5 }),
            "{name}: {output}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn openssls_variables_without_certificates_are_exit_2_and_named() {
    let rows = [
        ("no file", "absent/bundle.pem", ""),
        ("an empty file", "empty.pem", ""),
        ("a file of words", "words.pem", ""),
        ("a folder for a file", ".", ""),
        ("no folder", "", "absent"),
        ("a file for a folder", "", "words.pem"),
        ("an empty folder", "", "empty"),
        ("neither", "absent/bundle.pem", "absent"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, file, folder)| {
            let mut env = TestEnv::with_credentials();
            env.file("empty.pem", "");
            env.file("words.pem", "not a certificate\n");
            std::fs::create_dir(env.path("empty")).unwrap();
            env.var("SSL_CERT_FILE", *file).var("SSL_CERT_DIR", *folder);
            let output = env.run(&["get", "--base-url", "https://127.0.0.1:9"]);
            output.exits(2).says("SSL_CERT_FILE").hints("--ca-cert");
        },
    );
}

/// The bundle and the directory beside it have the same certificates: reading both would double the cost.
#[cfg(target_os = "linux")]
#[test]
fn one_bundle_is_read_and_no_directory() {
    let this = "tls::one_bundle_is_read_and_no_directory";
    if !std::process::Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|run| run.status.success())
    {
        return needed(this, "strace");
    }
    let env = TestEnv::with_credentials();
    let calls = "trace=open,openat,openat2,getdents64";
    let url = "https://127.0.0.1:9";
    env.sh(&format!(
        "strace -f -qq -y -e {calls} -o calls cells-token get --retries 0 --base-url {url}"
    ));
    let calls = std::fs::read_to_string(env.path("calls")).unwrap();
    let of_certificates: Vec<&str> = calls
        .lines()
        .filter(|call| !call.contains("ENOENT"))
        .filter(|call| call.contains("/ssl/") || call.contains("/pki/") || call.contains("certs"))
        .collect();
    assert!(calls.contains("open"), "nothing was traced:\n{calls}");
    assert_eq!(of_certificates.len(), 1, "{of_certificates:#?}");
}

#[test]
fn plain_http_reads_no_roots() {
    // Reading them would fail.
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    env.var("SSL_CERT_FILE", "absent").run(&["get"]).exits(0);
}
