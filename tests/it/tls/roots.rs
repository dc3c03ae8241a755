//! Which certificates are trusted: `--ca-cert`, the system's, and OpenSSL's variables.

use super::trusting;
#[cfg(target_os = "linux")]
use crate::support::needed;
use crate::support::{Authority, Cert, Reply, Server, TOKEN, TestEnv, each_row};

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
    let this = "tls::roots::one_bundle_is_read_and_no_directory";
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
