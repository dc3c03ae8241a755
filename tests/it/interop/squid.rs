//! With squid as the proxy: user name and password, permitted and forbidden hosts.

use std::fs;
use std::sync::LazyLock;

use super::{Daemon, free_ports};
use crate::support::{
    Authority, Cert, Reply, Server, TOKEN, TestEnv, closed_port, each_row, is_installed,
};

const PASSWORD: &str = "pa55-of-squid";
/// The password, hashed by `openssl passwd -apr1 -salt interop1`.
const PASSWORDS: &str = "visitor:$apr1$interop1$/KZqA34X355dFbRvfM7DI0\n";
const AUTHENTICATOR: &str = "/usr/lib/squid/basic_ncsa_auth";
/// The host that squid must not connect to.
const FORBIDDEN: &str = "127.0.0.1:9";

struct Squid {
    address: String,
    _daemon: Daemon,
}

/// One squid for all tests of this process; `None` if it is not installed.
fn squid() -> Option<&'static Squid> {
    static SQUID: LazyLock<Squid> = LazyLock::new(Squid::start);
    is_installed("squid").then(|| &*SQUID)
}

impl Squid {
    fn start() -> Self {
        let folder = Daemon::folder();
        let [port] = free_ports();
        let at = folder.display();
        // This machine has no name server.
        let config = format!(
            "http_port 127.0.0.1:{port}
            visible_hostname interop.invalid
            auth_param basic program {AUTHENTICATOR} {at}/passwords
            auth_param basic children 1 startup=1 idle=1
            auth_param basic realm interop
            acl known proxy_auth REQUIRED
            acl forbidden port 9
            http_access deny !known
            http_access deny forbidden
            http_access allow CONNECT
            http_access deny all
            cache deny all
            cache_mem 1 MB
            cache_log {at}/cache.log
            access_log none
            pid_filename none
            coredump_dir {at}
            netdb_filename none
            pinger_enable off
            icon_directory /usr/share/squid/icons
            dns_nameservers 127.0.0.1
            udp_outgoing_address 127.0.0.1
            dns_timeout 1 second
            dns_retransmit_interval 1 second
            shutdown_lifetime 0 seconds
            max_filedescriptors 256\n"
        );
        fs::write(folder.join("squid.conf"), config).unwrap();
        fs::write(folder.join("passwords"), PASSWORDS).unwrap();
        let file = folder.join("squid.conf");
        let args = ["-N", "-f", file.to_str().unwrap()];
        let daemon = Daemon::start(folder, "/usr/sbin/squid", &args, &[port]);
        Self {
            address: format!("127.0.0.1:{port}"),
            _daemon: daemon,
        }
    }

    /// Its URL with this user name and password, if any.
    fn url(&self, userinfo: &str) -> String {
        let at = if userinfo.is_empty() { "" } else { "@" };
        format!("http://{userinfo}{at}{}", self.address)
    }
}

/// An environment that watches for the proxy's password.
fn environment() -> TestEnv {
    let mut env = TestEnv::with_credentials();
    env.secret(PASSWORD);
    env
}

#[test]
fn it_connects_with_user_name_and_password() {
    let Some(squid) = squid() else { return };
    let authority = Authority::new();
    let mut env = environment();
    let file = env.file("ca.pem", authority.pem());
    let proxy = squid.url(&format!("visitor:{PASSWORD}"));
    for host in ["127.0.0.1", "localhost"] {
        let server = Server::replies([Reply::token().in_tls(authority.server(Cert::Good))]);
        let url = format!("https://{host}:{}", server.port());
        let args = ["get", "-v", "--base-url", &url, "--proxy", &proxy];
        let output = env.run(&[&args[..], &["--ca-cert", &file]].concat());
        output.exits(0).prints(&format!("{TOKEN}\n"));
        // The password for the proxy does not reach the service.
        assert_eq!(server.request().header("proxy-authorization"), None);
    }
}

#[test]
fn plain_http_goes_through_its_tunnel() {
    let Some(squid) = squid() else { return };
    let server = Server::replies([Reply::token()]);
    let proxy = squid.url(&format!("visitor:{PASSWORD}"));
    let args = ["get", "--base-url", server.url(), "--proxy", &proxy];
    environment()
        .run(&args)
        .exits(0)
        .prints(&format!("{TOKEN}\n"));
    assert_eq!(server.request().header("via"), None);
}

#[test]
fn without_valid_credentials_it_is_exit_5_and_the_service_is_not_reached() {
    let Some(squid) = squid() else { return };
    let rows = [
        ("nobody", String::new()),
        ("a wrong password", "visitor:wrong-password".to_owned()),
        ("an unknown user", format!("stranger:{PASSWORD}")),
        ("no password", "visitor".to_owned()),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, userinfo)| {
            let server = Server::untouched();
            let proxy = squid.url(userinfo);
            let mut env = environment();
            env.secret("wrong-password");
            let output = env.run(&["get", "--base-url", server.url(), "--proxy", &proxy]);
            output.exits(5).says("status 407").hints("--proxy");
            output.says(&squid.address).never_says("visitor");
        },
    );
}

#[test]
fn a_forbidden_or_unreachable_host_is_exit_5() {
    let Some(squid) = squid() else { return };
    let (_socket, dead) = closed_port();
    let rows = [
        (
            "forbidden",
            format!("http://{FORBIDDEN}"),
            "status 403",
            "permit",
        ),
        ("dead", dead, "status 503", "try again later"),
        (
            "no such name",
            "https://nowhere.invalid".to_owned(),
            "did not connect to nowhere.invalid, status 5",
            "try again later",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, target, said, hint)| {
            let proxy = squid.url(&format!("visitor:{PASSWORD}"));
            let output = environment().run_once(&["get", "--base-url", target, "--proxy", &proxy]);
            output.exits(5).says(said).hints(hint);
        },
    );
}
