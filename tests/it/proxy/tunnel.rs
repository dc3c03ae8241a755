//! What an HTTP or HTTPS proxy receives, and what of its answer is accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{HTTP, HTTPS, PAGE, PASSWORD, environment, trusted_by, with_password};
use crate::support::{Authority, Cert, Reply, Server, Step, TOKEN, each_row, server_with_pems};

#[test]
fn the_proxy_resolves_the_name_of_the_host() {
    let rows = [
        ("http", HTTP, "CONNECT host.invalid:80 HTTP/1.1"),
        (
            "http with a port",
            "http://host.invalid:8080",
            "CONNECT host.invalid:8080 HTTP/1.1",
        ),
        ("https", HTTPS, "CONNECT host.invalid:443 HTTP/1.1"),
        (
            "https with a port",
            "https://host.invalid:8443",
            "CONNECT host.invalid:8443 HTTP/1.1",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, target, line)| {
            let mut env = environment(target);
            let config = trusted_by(&mut env);
            let answer = match target.starts_with("https") {
                true => Reply::token().in_tls(config),
                false => Reply::token(),
            };
            let proxy = Server::replies([answer.tunnelled()]);
            let output = env.run(&["get", "--proxy", proxy.url()]);
            output.exits(0).prints(&format!("{TOKEN}\n"));
            let [connect, post] = &proxy.requests()[..] else {
                panic!("{:?}", proxy.requests())
            };
            assert_eq!(connect.line, *line);
            assert_eq!(connect.header("proxy-authorization"), None);
            let version = concat!("cells-token/", env!("CARGO_PKG_VERSION"));
            assert_eq!(connect.header("user-agent"), Some(version));
            assert!(connect.body.is_empty(), "{connect:?}");
            assert_eq!(post.line, "POST /v4.0/cells/connect/token HTTP/1.1");
        },
    );
}

#[test]
fn an_https_proxy_is_reached_over_tls() {
    for target in [HTTP, HTTPS] {
        let mut env = environment(target);
        let config = trusted_by(&mut env);
        let answer = match target {
            HTTPS => Reply::token().in_tls(config.clone()),
            _ => Reply::token(),
        };
        let proxy = Server::tls(config, [answer.tunnelled()]);
        env.run(&["get", "--proxy", proxy.url()]).exits(0);
    }
}

#[test]
fn a_proxys_certificate_in_the_ca_file_is_trusted() {
    let (cert, key) = Authority::self_signed(Cert::Good);
    let config = server_with_pems(&cert, &key, rustls::ALL_VERSIONS);
    let proxy = Server::tls(config, [Reply::token().tunnelled()]);
    let mut env = environment(HTTP);
    let file = env.file("ca.pem", cert);
    env.run(&["get", "--ca-cert", &file, "--proxy", proxy.url()])
        .exits(0);
}

#[test]
fn only_the_proxy_receives_user_name_and_password() {
    let rows = [
        (
            "plain",
            format!("visitor:{PASSWORD}"),
            format!("visitor:{PASSWORD}"),
        ),
        (
            "percent-encoded",
            "vis%40itor:pa55-of%3Athe%2Fproxy%25".to_owned(),
            "vis@itor:pa55-of:the/proxy%".to_owned(),
        ),
        ("no password", "visitor".to_owned(), "visitor:".to_owned()),
        (
            "a plus is a plus",
            "a+b:c+d-and-more".to_owned(),
            "a+b:c+d-and-more".to_owned(),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, userinfo, credentials)| {
            let proxy = Server::replies([Reply::token().tunnelled()]);
            let mut env = environment(HTTP);
            if let Some((_, password)) = credentials.split_once(':') {
                env.secret(password);
            }
            let url = with_password(proxy.url(), userinfo);
            env.run(&["get", "-v", "--proxy", &url]).exits(0);
            let [connect, post] = &proxy.requests()[..] else {
                panic!("{:?}", proxy.requests())
            };
            let expected = format!("Basic {}", STANDARD.encode(credentials));
            assert_eq!(connect.header("proxy-authorization"), Some(&expected[..]));
            assert_eq!(post.header("proxy-authorization"), None);
            assert_eq!(post.header("authorization"), None);
        },
    );
}

/// What a proxy appends to its answer would be read as the host's.
#[test]
fn nothing_may_follow_the_answer_to_connect() {
    let answer = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let proxy = Server::replies([Reply::raw(answer)]);
    let output = environment(HTTP).run(&["get", "--proxy", proxy.url()]);
    output.exits(5).says("its answer to CONNECT has a body");
}

#[test]
fn an_answer_to_connect_may_have_interim_responses_and_any_success() {
    let answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 Fine\r\nX-A: b\r\n\r\n".to_vec();
    let proxy = Server::replies([Reply::token().after([Step::ReadRequest, Step::Send(answer)])]);
    environment(HTTP)
        .run(&["get", "--proxy", proxy.url()])
        .exits(0);
}

/// Plain http goes through the tunnel too, where a page of the proxy looks like a response of the service.
#[test]
fn a_web_page_in_the_tunnel_is_exit_7() {
    let page = Reply::text(200, "text/html", PAGE);
    let proxy = Server::replies([page.tunnelled()]);
    let output = environment(HTTP).run(&["get", "--proxy", proxy.url()]);
    output.exits(7).hints("captive portal");
}
