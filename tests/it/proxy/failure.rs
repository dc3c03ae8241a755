//! How proxies fail: the error, the hint, and whether the request is retried.

use super::{HTTPS, PAGE, PASSWORD, environment, shown, with_password};
use crate::support::{
    Authority, Cert, Output, Reply, Server, Step, TestEnv, closed_port, each_row, each_row_at_once,
};

/// A name, how a proxy fails, and what the error and the hint must contain.
type Failure = (&'static str, Reply, &'static str, &'static str);

/// Permanent failures, which are not retried.
fn permanent_failures() -> Vec<Failure> {
    let page = |status| Reply::text(status, "text/html", PAGE);
    let raw = Reply::raw;
    vec![
        (
            "407",
            Reply::http(407, "Proxy-Authenticate: Basic realm=\"x\"\r\n", ""),
            "status 407",
            "check the user name and password",
        ),
        (
            "407 with HTML",
            page(407),
            "status 407",
            "check the user name",
        ),
        ("400", page(400), "status 400", "--proxy"),
        ("401", page(401), "status 401", "--proxy"),
        ("403 with HTML", page(403), "status 403", "permit"),
        ("404", page(404), "status 404", "--proxy"),
        ("405", page(405), "status 405", "--proxy"),
        ("501", page(501), "status 501", "--proxy"),
        (
            "a redirect to a portal",
            Reply::http(302, "Location: http://portal.invalid/login\r\n", ""),
            "status 302",
            "--proxy",
        ),
        ("HTML with 200", page(200), "the proxy", "--proxy"),
        ("HTML without HTTP", raw(PAGE), "the proxy", "--proxy"),
        (
            "no HTTP",
            raw("SSH-2.0-OpenSSH_9.9\r\n"),
            "the proxy",
            "--proxy",
        ),
        (
            "a TLS alert",
            raw("\u{15}\u{3}\u{3}\0\u{2}\u{2}("),
            "the proxy",
            "--proxy",
        ),
        (
            "binary",
            raw("\0\u{1}\u{2}\r\n\r\n"),
            "the proxy",
            "--proxy",
        ),
    ]
}

/// Transient failures, which are retried.
fn transient_failures() -> Vec<Failure> {
    let page = |status| Reply::text(status, "text/html", PAGE);
    vec![
        ("500", page(500), "status 500", "--proxy"),
        ("502", page(502), "status 502", "--proxy"),
        ("503", page(503), "status 503", "--proxy"),
        ("504", page(504), "status 504", "--proxy"),
        ("429", page(429), "status 429", "--proxy"),
        (
            "reset at once",
            Reply::steps([Step::Reset]),
            "the proxy",
            "--proxy",
        ),
        (
            "closed without an answer",
            Reply::steps([Step::ReadRequest]),
            "the proxy",
            "--proxy",
        ),
        (
            "closed within its answer",
            Reply::raw("HTTP/1.1 200 O"),
            "the proxy",
            "--proxy",
        ),
        (
            "closed once it has connected",
            Reply::raw("HTTP/1.1 200 OK\r\n\r\n"),
            "the proxy",
            "--proxy",
        ),
    ]
}

fn assert_failure(output: &Output, proxy: &Server, (_, _, said, hint): &Failure) {
    output.exits(5).says(said).hints(hint);
    output.says(&shown(proxy)).never_says("visitor");
}

#[test]
fn a_permanent_failure_of_a_proxy_is_exit_5_and_not_retried() {
    each_row(
        &permanent_failures(),
        |row| row.0,
        |row| {
            let proxy = Server::replies([row.1.clone()]);
            let url = with_password(proxy.url(), &format!("visitor:{PASSWORD}"));
            let output = environment(HTTPS).run(&["get", "--proxy", &url]);
            assert_failure(&output, &proxy, row);
        },
    );
}

#[test]
fn a_transient_failure_of_a_proxy_is_exit_5_and_retried() {
    each_row_at_once(
        &transient_failures(),
        |row| row.0,
        |row| {
            let proxy = Server::replies([row.1.clone(), row.1.clone()]);
            let url = with_password(proxy.url(), &format!("visitor:{PASSWORD}"));
            let output = environment(HTTPS).run(&["get", "-v", "--retries", "1", "--proxy", &url]);
            assert_failure(&output, &proxy, row);
        },
    );
}

#[test]
fn the_authentication_that_a_proxy_wants_is_named() {
    let ntlm = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n";
    let digest = "Proxy-Authenticate: Digest realm=\"a, b\", nonce=\"x\"\r\n";
    let basic = "Proxy-Authenticate: Digest realm=\"x\", Basic realm=\"y\"\r\n";
    let rows = [
        (
            "NTLM, no password",
            ntlm,
            "",
            "offers Negotiate, NTLM",
            "px or cntlm",
        ),
        (
            "NTLM, password",
            ntlm,
            "visitor:pa55-of-the-proxy",
            "offers Negotiate, NTLM",
            "px or cntlm",
        ),
        (
            "Digest",
            digest,
            "visitor:pa55-of-the-proxy",
            "offers Digest, but",
            "px or cntlm",
        ),
        (
            "Basic, no password",
            basic,
            "",
            "requires a user name and password",
            "--proxy, as in http://user",
        ),
        (
            "Basic, password",
            basic,
            "visitor:pa55-of-the-proxy",
            "refused the user name and password",
            "--proxy",
        ),
        (
            "unknown, no password",
            "",
            "",
            "requires a user name and password",
            "user:password@",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, fields, userinfo, said, hint)| {
            let proxy = Server::replies([Reply::http(407, fields, PAGE)]);
            let url = match userinfo.is_empty() {
                true => proxy.url().to_owned(),
                false => with_password(proxy.url(), userinfo),
            };
            let output = environment(HTTPS).run(&["get", "--proxy", &url]);
            output.exits(5).says("status 407").says(said).hints(hint);
            output.never_says("visitor");
        },
    );
}

#[test]
fn a_407_without_a_configured_proxy_is_exit_5() {
    let server = Server::replies([Reply::http(407, "", "")]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    output.exits(5).says("407").hints("not the cause");
}

#[test]
fn a_dead_proxy_is_exit_5_and_named() {
    let (_socket, url) = closed_port();
    for scheme in ["http", "https", "socks5h"] {
        let url = url.replacen("http", scheme, 1);
        let output = environment(HTTPS).run_once(&["get", "--proxy", &url]);
        output
            .exits(5)
            .says(&format!("the proxy {url}"))
            .hints("--proxy");
    }
}

#[test]
fn a_proxy_whose_name_has_no_address_is_exit_5_and_named() {
    let output = environment(HTTPS).run_once(&["get", "--proxy", "http://proxy.invalid:3128"]);
    output
        .exits(5)
        .says("the address of the proxy http://proxy.invalid:3128")
        .hints("--proxy")
        .never_says("host.invalid");
    let mut env = environment(HTTPS);
    env.var("ALL_PROXY", "http://proxy.invalid:3128");
    env.run_once(&["get"])
        .exits(5)
        .says("proxy.invalid")
        .hints("ALL_PROXY");
}

#[test]
fn a_bad_certificate_of_a_proxy_names_the_proxy() {
    let rows = [
        ("a wrong host", Cert::WrongHost, "127.0.0.1"),
        ("expired", Cert::Expired, "expired"),
        ("self-signed", Cert::SelfSigned, "is self-signed"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, cert, said)| {
            let authority = Authority::new();
            let proxy = Server::tls(authority.server(*cert), [Reply::token()]);
            let mut env = environment(HTTPS);
            let file = env.file("ca.pem", authority.pem());
            let output = env.run(&["get", "--ca-cert", &file, "--proxy", proxy.url()]);
            output
                .exits(5)
                .says(said)
                .says("127.0.0.1")
                .never_says("host.invalid");
            assert!(proxy.requests().is_empty());
        },
    );
}
