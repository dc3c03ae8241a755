//! Proxies: which one is used, what it receives, and how it fails. The scripted proxies connect to nothing: they answer
//! the request in the tunnel themselves.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;

use crate::support::{
    Authority, Cert, Output, Reply, Server, Step, TOKEN, TestEnv, closed_port, each_row,
    each_row_at_once, server_with_pems,
};

const HTTPS: &str = "https://host.invalid";
const HTTP: &str = "http://host.invalid";
const PASSWORD: &str = "pa55-of-the-proxy";

/// An environment with credentials for `target`, where plain http is allowed.
fn environment(target: &str) -> TestEnv {
    let mut env = TestEnv::with_credentials();
    env.var("CELLS_BASE_URL", target)
        .var("CELLS_ALLOW_HTTP", "1")
        .secret(PASSWORD);
    env
}

/// Makes `env` trust a new authority, and returns a server of its for `host.invalid`.
fn trusted_by(env: &mut TestEnv) -> Arc<ServerConfig> {
    let authority = Authority::new();
    let file = env.file("ca.pem", authority.pem());
    env.var("CELLS_CA_CERT", file);
    authority.server(Cert::Good)
}

/// The proxy as messages show it.
fn shown(proxy: &Server) -> String {
    format!("127.0.0.1:{}", proxy.port())
}

fn with_password(url: &str, userinfo: &str) -> String {
    url.replacen("://", &format!("://{userinfo}@"), 1)
}

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

#[test]
fn a_socks_proxy_receives_the_name_or_the_address() {
    let name = b"host.invalid";
    let domain = [&[5, 1, 0, 3, 12][..], name, &[0, 80]].concat();
    let ok = Step::Send(vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let no_password = [
        Step::ReadExactly(vec![5, 1, 0]),
        Step::Send(vec![5, 0]),
        Step::ReadExactly(domain.clone()),
        ok.clone(),
    ];
    let visitor = [&[1, 7][..], b"visitor", &[17], PASSWORD.as_bytes()].concat();
    let password = [
        Step::ReadExactly(vec![5, 2, 2, 0]),
        Step::Send(vec![5, 2]),
        Step::ReadExactly(visitor),
        Step::Send(vec![1, 0]),
        Step::ReadExactly(domain),
        ok.clone(),
    ];
    // cells-token resolves the name itself, as curl does.
    let address = [
        Step::ReadExactly(vec![5, 1, 0]),
        Step::Send(vec![5, 0]),
        Step::ReadExactly(vec![5, 1, 0, 1, 127, 0, 0, 1, 0, 80]),
        ok,
    ];
    let rows = [
        ("the name", "socks5h://", HTTP, no_password.to_vec()),
        (
            "with user and password",
            "socks5h://visitor:pa55-of-the-proxy@",
            HTTP,
            password.to_vec(),
        ),
        (
            "the address",
            "socks5://",
            "http://127.0.0.1",
            address.to_vec(),
        ),
        (
            "localhost's",
            "socks5://",
            "http://localhost",
            address.to_vec(),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, scheme, target, steps)| {
            let proxy = Server::replies([Reply::token().after(steps.clone())]);
            let url = proxy.url().replacen("http://", scheme, 1);
            let output = environment(target).run(&["get", "-v", "--retries", "0", "--proxy", &url]);
            output.exits(0).says("socks5").never_says("visitor");
        },
    );
}

/// A name, how a proxy fails, and what the error and the hint must contain.
type Failure = (&'static str, Reply, &'static str, &'static str);

fn connect_answer(answer: &str) -> Reply {
    Reply::raw(answer)
}

const PAGE: &str = "<html><body>Log in to the guest network</body></html>";

/// Permanent failures, which are not retried.
fn permanent_failures() -> Vec<Failure> {
    let page = |status| Reply::text(status, "text/html", PAGE);
    let raw = connect_answer;
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
            connect_answer("HTTP/1.1 200 O"),
            "the proxy",
            "--proxy",
        ),
        (
            "closed once it has connected",
            connect_answer("HTTP/1.1 200 OK\r\n\r\n"),
            "the proxy",
            "--proxy",
        ),
    ]
}

/// An answer of a SOCKS 5 proxy without authentication.
fn socks_answer(code: u8) -> Reply {
    Reply::steps([
        Step::ReadAnything,
        Step::Send(vec![5, 0]),
        Step::ReadAnything,
        Step::Send(vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0]),
    ])
}

#[test]
fn a_host_that_a_socks_proxy_cannot_reach_is_retried() {
    let rows = [
        ("network", 3, "the network is unreachable from it"),
        ("host", 4, "the host is unreachable from it"),
        ("refused", 5, "the host refused its connection"),
        ("timeout", 6, "its connection timed out"),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, code, said)| {
            let proxy = Server::replies([socks_answer(*code), socks_answer(*code)]);
            let url = proxy.url().replacen("http", "socks5h", 1);
            let output = environment(HTTPS).run(&["get", "--retries", "1", "--proxy", &url]);
            output.exits(5).says(said).says(&shown(&proxy));
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

/// What a proxy appends to its answer would be read as the host's.
#[test]
fn nothing_may_follow_the_answer_to_connect() {
    let answer = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let proxy = Server::replies([connect_answer(answer)]);
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

/// Plain http goes through the tunnel too, where a page of the proxy looks like a response of the service.
#[test]
fn a_web_page_in_the_tunnel_is_exit_7() {
    let page = Reply::text(200, "text/html", PAGE);
    let proxy = Server::replies([page.tunnelled()]);
    let output = environment(HTTP).run(&["get", "--proxy", proxy.url()]);
    output.exits(7).hints("captive portal");
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
fn a_407_without_a_configured_proxy_is_exit_5() {
    let server = Server::replies([Reply::http(407, "", "")]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    output.exits(5).says("407").hints("not the cause");
}

#[test]
fn a_refusal_of_a_socks_proxy_is_exit_5_and_not_retried() {
    let hello = [
        Step::ReadAnything,
        Step::Send(vec![5, 0]),
        Step::ReadAnything,
    ];
    let refused = |code: u8| {
        let mut steps = hello.to_vec();
        steps.push(Step::Send(vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0]));
        Reply::steps(steps)
    };
    let first = |bytes: &[u8]| Reply::steps([Step::ReadAnything, Step::Send(bytes.to_vec())]);
    let rows = [
        ("a failure", refused(1)),
        ("a rule", refused(2)),
        ("an unknown code", refused(99)),
        ("wants a password", first(&[5, 2])),
        ("wants what we have not", first(&[5, 255])),
        ("another version", first(&[4, 0])),
        ("HTTP", first(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        (
            "a wrong password",
            Reply::steps([
                Step::ReadAnything,
                Step::Send(vec![5, 2]),
                Step::ReadAnything,
                Step::Send(vec![1, 1]),
            ]),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(name, reply)| {
            let proxy = Server::replies([reply.clone()]);
            let url = match *name {
                "a wrong password" => with_password(proxy.url(), &format!("visitor:{PASSWORD}")),
                _ => proxy.url().to_owned(),
            };
            let url = url.replacen("http", "socks5h", 1);
            let output = environment(HTTPS).run(&["get", "--proxy", &url]);
            output
                .exits(5)
                .says(&shown(&proxy))
                .hints("--proxy")
                .never_says("visitor");
        },
    );
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

/// Whether the variables of each row select the proxy; `{}` stands for its address.
#[test]
fn the_variables_select_the_proxy() {
    type Row = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        bool,
    );
    // Refuses connections.
    const DEAD: &str = "http://127.0.0.1:9";
    let rows: [Row; 25] = [
        ("HTTPS_PROXY", HTTPS, &[("HTTPS_PROXY", "http://{}")], true),
        ("https_proxy", HTTPS, &[("https_proxy", "http://{}")], true),
        (
            "lower case first",
            HTTPS,
            &[("https_proxy", "http://{}"), ("HTTPS_PROXY", DEAD)],
            true,
        ),
        ("http_proxy", HTTP, &[("http_proxy", "http://{}")], true),
        (
            "HTTP_PROXY is ignored",
            HTTP,
            &[("HTTP_PROXY", "http://{}")],
            false,
        ),
        (
            "HTTP_PROXY is ignored beside http_proxy",
            HTTP,
            &[("http_proxy", "http://{}"), ("HTTP_PROXY", DEAD)],
            true,
        ),
        (
            "ALL_PROXY for https",
            HTTPS,
            &[("ALL_PROXY", "http://{}")],
            true,
        ),
        (
            "all_proxy for https",
            HTTPS,
            &[("all_proxy", "http://{}")],
            true,
        ),
        (
            "ALL_PROXY for http",
            HTTP,
            &[("ALL_PROXY", "http://{}")],
            true,
        ),
        (
            "all_proxy before ALL_PROXY",
            HTTP,
            &[("all_proxy", "http://{}"), ("ALL_PROXY", DEAD)],
            true,
        ),
        (
            "HTTPS_PROXY before ALL_PROXY",
            HTTPS,
            &[("HTTPS_PROXY", "http://{}"), ("all_proxy", DEAD)],
            true,
        ),
        (
            "http_proxy before ALL_PROXY",
            HTTP,
            &[("http_proxy", "http://{}"), ("ALL_PROXY", DEAD)],
            true,
        ),
        (
            "http_proxy is not for https",
            HTTPS,
            &[("http_proxy", "http://{}")],
            false,
        ),
        (
            "HTTPS_PROXY is not for http",
            HTTP,
            &[("HTTPS_PROXY", "http://{}")],
            false,
        ),
        (
            "an empty one is unset",
            HTTPS,
            &[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://{}")],
            true,
        ),
        (
            "an empty one in lower case is unset",
            HTTPS,
            &[("https_proxy", ""), ("HTTPS_PROXY", "http://{}")],
            true,
        ),
        ("without a scheme", HTTPS, &[("HTTPS_PROXY", "{}")], true),
        (
            "with a slash",
            HTTPS,
            &[("HTTPS_PROXY", "http://{}/")],
            true,
        ),
        (
            "with blanks around",
            HTTPS,
            &[("HTTPS_PROXY", " http://{} ")],
            true,
        ),
        (
            "NO_PROXY",
            HTTPS,
            &[("HTTPS_PROXY", "http://{}"), ("NO_PROXY", "host.invalid")],
            false,
        ),
        (
            "no_proxy",
            HTTPS,
            &[("HTTPS_PROXY", "http://{}"), ("no_proxy", "host.invalid")],
            false,
        ),
        (
            "no_proxy before NO_PROXY",
            HTTPS,
            &[
                ("HTTPS_PROXY", "http://{}"),
                ("no_proxy", "x.invalid"),
                ("NO_PROXY", "*"),
            ],
            true,
        ),
        (
            "an empty NO_PROXY is unset",
            HTTPS,
            &[("HTTPS_PROXY", "http://{}"), ("NO_PROXY", "")],
            true,
        ),
        (
            "NO_PROXY with a star",
            HTTP,
            &[("http_proxy", "http://{}"), ("NO_PROXY", "*")],
            false,
        ),
        (
            "NO_PROXY for the other scheme's proxy",
            HTTP,
            &[("ALL_PROXY", "http://{}"), ("NO_PROXY", "host.invalid")],
            false,
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, target, variables, is_used)| {
            let refusal = Reply::http(418, "", "");
            let script = if *is_used { vec![refusal] } else { vec![] };
            let proxy = Server::replies(script);
            let mut env = environment(target);
            for (name, value) in *variables {
                env.var(name, value.replace("{}", &shown(&proxy)));
            }
            let output = env.run_once(&["get", "--timeout", "20s"]);
            output.exits(5);
            match is_used {
                true => output.says("status 418"),
                false => output.says("cannot find the address of host.invalid"),
            };
        },
    );
}

#[test]
fn the_option_beats_the_variables_and_no_proxy() {
    for excepted in ["", "*"] {
        let proxy = Server::replies([Reply::token().tunnelled()]);
        let mut env = environment(HTTP);
        env.var("http_proxy", "http://127.0.0.1:9")
            .var("ALL_PROXY", "http://127.0.0.1:9")
            .var("NO_PROXY", excepted);
        env.run_once(&["get", "--proxy", proxy.url()]).exits(0);
    }
}

#[test]
fn loopback_is_proxied_by_the_option_alone() {
    for host in ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"] {
        let proxy = Server::replies([Reply::http(418, "", "")]);
        let mut env = environment(&format!("http://{host}:9"));
        for name in ["http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            env.var(name, proxy.url());
        }
        env.run_once(&["get"])
            .exits(5)
            .says("refused")
            .never_says("proxy");
        env.run_once(&["get", "--proxy", proxy.url()])
            .exits(5)
            .says("418");
    }
}

#[test]
fn an_invalid_proxy_url_is_exit_2_and_its_source_is_named() {
    let rows = [
        "http://",
        "http://:3128",
        "ftp://127.0.0.1:21",
        "gopher://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://visitor:pa55-of-the-proxy@",
        "http://visitor:pa55-of-the-proxy@127.0.0.1:99999",
        "://127.0.0.1",
        "http://two words",
        "http://visitor:%zz-pa55-of-the-proxy@127.0.0.1:9:9",
    ];
    each_row(
        &rows,
        |row| row,
        |url| {
            let mut env = environment(HTTPS);
            env.run(&["get", "--proxy", url])
                .exits(2)
                .says("--proxy")
                .never_says("visitor");
            env.run(&["status", "--proxy", url])
                .exits(2)
                .says("--proxy")
                .never_says("visitor");
            env.var("HTTPS_PROXY", *url);
            env.run(&["get", "-v"])
                .exits(2)
                .says("HTTPS_PROXY")
                .never_says("visitor");
        },
    );
}

#[test]
fn the_password_of_a_proxy_is_never_shown() {
    let proxy = Server::replies([]);
    let url = with_password(proxy.url(), &format!("visitor:{PASSWORD}"));
    let mut env = environment(HTTPS);
    for args in [
        &["status"][..],
        &["status", "-v"],
        &["status", "-o", "json"],
    ] {
        let output = env.run(&[args, &["--proxy", &url]].concat());
        output.exits(0).never_says("visitor");
        assert!(output.stdout.contains(&shown(&proxy)), "{output}");
        assert!(!output.stdout.contains("visitor"), "{output}");
    }
    env.var("HTTPS_PROXY", &url);
    let output = env.run(&["status", "-v"]);
    assert!(output.stdout.contains("HTTPS_PROXY"), "{output}");
    assert!(!output.stdout.contains("visitor"), "{output}");
}
