//! Which proxy is used, by option and variables, and how it is shown.

use super::{HTTP, HTTPS, PASSWORD, environment, shown, with_password};
use crate::support::{Reply, Server, each_row};

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
        "/proxy",
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
