//! With nginx: another TLS library, valid and invalid certificates, and a gateway's error pages.

use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use super::{Daemon, free_ports};
use crate::support::{Authority, Cert, TOKEN, TestEnv, each_row, is_installed, token_json};

struct Nginx {
    authority: Authority,
    /// By name.
    ports: Vec<(&'static str, u16)>,
    _daemon: Daemon,
}

/// The servers: a name, the certificate for TLS, and further configuration.
const SERVERS: [(&str, Option<Cert>, &str); 10] = [
    ("good", Some(Cert::Good), ""),
    ("TLS 1.2", Some(Cert::Good), "ssl_protocols TLSv1.2;"),
    (
        "TLS 1.1",
        Some(Cert::Good),
        "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;",
    ),
    (
        "no cipher in common",
        Some(Cert::Good),
        "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;",
    ),
    ("expired", Some(Cert::Expired), ""),
    ("not yet valid", Some(Cert::NotYetValid), ""),
    ("wrong host", Some(Cert::WrongHost), ""),
    ("self-signed", Some(Cert::SelfSigned), ""),
    ("its own CA", Some(Cert::OwnAuthority), ""),
    ("plain", None, ""),
];

/// One nginx for all tests of this process; `None` if it is not installed.
fn nginx() -> Option<&'static Nginx> {
    static NGINX: LazyLock<Nginx> = LazyLock::new(Nginx::start);
    is_installed("nginx").then(|| &*NGINX)
}

impl Nginx {
    fn start() -> Self {
        let folder = Daemon::folder();
        let authority = Authority::new();
        let ports: [u16; SERVERS.len() + 1] = free_ports();
        let [ports @ .., dead] = ports;
        let mut servers = String::new();
        for (i, ((_, cert, more), port)) in SERVERS.iter().zip(ports).enumerate() {
            let tls = cert.map_or(String::new(), |cert| {
                let (cert, key) = authority.pems(cert);
                fs::write(folder.join(format!("{i}.crt")), cert).unwrap();
                fs::write(folder.join(format!("{i}.key")), key).unwrap();
                format!("ssl_certificate {i}.crt; ssl_certificate_key {i}.key;")
            });
            let ssl = if tls.is_empty() { "" } else { "ssl" };
            write!(
                servers,
                "server {{
                    listen 127.0.0.1:{port} {ssl};
                    {tls} {more}
                    default_type application/json;
                    location /v4.0/cells/connect/token {{ return 200 '{}'; }}
                    location /gateway {{ proxy_pass http://127.0.0.1:{dead}; }}
                    location /moved {{ return 301 https://elsewhere.invalid/login?next=1; }}
                    location /small {{ client_max_body_size 1; proxy_pass http://127.0.0.1:{dead}; }}
                    location /limited {{ add_header Retry-After 3600 always; return 429; }}
                    location /closed {{ return 444; }}
                }}\n",
                token_json()
            )
            .unwrap();
        }
        let config = format!(
            "daemon off; worker_processes 1; pid nginx.pid; error_log errors.log;
            events {{ worker_connections 64; }}
            http {{
                access_log off;
                client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                {servers}
            }}"
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let prefix = format!("{}/", folder.display());
        let args = ["-e", "errors.log", "-p", &prefix, "-c", "nginx.conf"];
        let program = "/usr/sbin/nginx";
        let daemon = Daemon::start(folder, program, &args, &ports);
        let names = SERVERS.iter().map(|(name, _, _)| *name);
        Self {
            authority,
            ports: names.zip(ports).collect(),
            _daemon: daemon,
        }
    }

    fn address(&self, name: &str) -> String {
        let (_, port) = self.ports.iter().find(|(found, _)| *found == name).unwrap();
        format!("127.0.0.1:{port}")
    }

    /// An environment with credentials that trusts the authority.
    fn environment(&self) -> TestEnv {
        let mut env = TestEnv::with_credentials();
        let file = env.file("ca.pem", self.authority.pem());
        env.var("CELLS_CA_CERT", file);
        env
    }
}

#[test]
fn good_certificates_are_trusted() {
    let Some(nginx) = nginx() else { return };
    for name in ["good", "TLS 1.2", "its own CA"] {
        let url = format!("https://{}", nginx.address(name));
        let output = nginx.environment().run(&["get", "--base-url", &url]);
        output.exits(0).prints(&format!("{TOKEN}\n"));
    }
}

#[test]
fn each_tls_failure_is_named() {
    let Some(nginx) = nginx() else { return };
    let rows = [
        (
            "TLS 1.1",
            "supports neither TLS 1.2 nor TLS 1.3",
            "TLS 1.2 or later",
        ),
        ("no cipher in common", "no cipher suite", "modern TLS"),
        ("expired", "has expired", "clock"),
        ("not yet valid", "is not valid yet", "clock"),
        ("wrong host", "is for another host", "--base-url"),
        ("self-signed", "is self-signed and not trusted", "--ca-cert"),
        ("plain", "is not TLS", "http://"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(name, said, hint)| {
            let url = format!("https://{}", nginx.address(name));
            let output = nginx.environment().run(&["get", "--base-url", &url]);
            output.exits(5).says(said).hints(hint);
        },
    );
}

#[test]
fn a_self_signed_certificate_is_trusted_with_ca_cert() {
    let Some(nginx) = nginx() else { return };
    let url = format!("https://{}", nginx.address("self-signed"));
    let i = SERVERS
        .iter()
        .position(|(name, ..)| *name == "self-signed")
        .unwrap();
    let cert = nginx._daemon.folder.join(format!("{i}.crt"));
    let env = TestEnv::with_credentials();
    let args = [
        "get",
        "--base-url",
        &url,
        "--ca-cert",
        cert.to_str().unwrap(),
    ];
    env.run(&args).exits(0);
}

#[test]
fn a_gateways_pages_have_their_exit_codes() {
    let Some(nginx) = nginx() else { return };
    let rows = [
        (
            "a dead service behind it",
            "/gateway",
            6,
            "502",
            "not the cause",
        ),
        ("another path", "/elsewhere", 7, "404", "captive portal"),
        (
            "moved",
            "/moved",
            7,
            "https://elsewhere.invalid/login, where the secret is not sent; status 301",
            "--token-url",
        ),
        (
            "too small for the request",
            "/small",
            7,
            "413",
            "captive portal",
        ),
        ("a limit", "/limited", 6, "429", "try again after 2"),
        (
            "no answer at all",
            "/closed",
            5,
            "the connection ended too early",
            "try again later",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, path, code, said, hint)| {
            for (scheme, name) in [("https", "good"), ("http", "plain")] {
                let url = format!("{scheme}://{}{path}", nginx.address(name));
                let output = nginx.environment().run_once(&["get", "--token-url", &url]);
                output.exits(*code).says(said).hints(hint);
            }
        },
    );
}

#[test]
fn plain_http_to_a_tls_port_is_exit_7() {
    let Some(nginx) = nginx() else { return };
    let url = format!("http://{}", nginx.address("good"));
    let output = nginx.environment().run(&["get", "--base-url", &url]);
    output.exits(7).says("400").says("HTTPS port");
}
