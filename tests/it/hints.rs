//! The hint after each failure: what to change, and whether trying again can help.

use crate::support::{Reply, Server, Step, TestEnv, closed_port, each_row};

const PAGE: &str = "<!DOCTYPE html><html><body>Welcome</body></html>";

/// The answer, and what its hint must have.
type Row = (&'static str, Reply, &'static [&'static str]);

#[test]
fn each_failure_hints_at_what_helps() {
    let page = |status| Reply::text(status, "text/html; charset=utf-8", PAGE);
    let wait = |status| Reply::http(status, "Retry-After: 3600\r\n", "");
    let a_page: &[&str] = &["gateway", "captive portal", "VPN", "browser"];
    let refused: &[&str] = &["until it is active", "rotated", "client id and secret"];
    let gateway: &[&str] = &[
        "check the URL first",
        "gateway",
        "until a new application is active",
    ];
    let rows: [Row; 22] = [
        (
            "invalid_client with 401",
            Reply::oauth_error(401, "invalid_client"),
            refused,
        ),
        (
            "invalid_client with 400",
            Reply::oauth_error(400, "invalid_client"),
            refused,
        ),
        (
            "unauthorized_client",
            Reply::oauth_error(400, "unauthorized_client"),
            refused,
        ),
        (
            "access_denied",
            Reply::oauth_error(403, "access_denied"),
            refused,
        ),
        (
            "the vendor's refusal",
            Reply::vendor_error(401, "errorAuthorization"),
            refused,
        ),
        ("401 bare", Reply::http(401, "", ""), gateway),
        ("401 with a page", page(401), gateway),
        (
            "401 of API Management",
            Reply::json(
                401,
                r#"{"statusCode":401,"message":"missing subscription key"}"#,
            ),
            gateway,
        ),
        (
            "401 of nginx",
            Reply::http(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", PAGE),
            gateway,
        ),
        ("HTML", page(200), a_page),
        ("HTML with 403", page(403), a_page),
        ("HTML with 404", page(404), a_page),
        ("HTML called JSON", Reply::json(200, PAGE), a_page),
        (
            "HTML in capitals",
            Reply::text(200, "TEXT/HTML", "x"),
            a_page,
        ),
        (
            "a redirect",
            Reply::http(302, "Location: http://portal.invalid/\r\n", ""),
            &["captive portal", "VPN", "--base-url"],
        ),
        ("429", Reply::http(429, "", ""), &["try again in a minute"]),
        ("429 that says when", wait(429), &["try again after 2", "Z"]),
        (
            "503 that says when",
            wait(503),
            &["try again after 2", "not at fault"],
        ),
        (
            "503",
            Reply::http(503, "", ""),
            &["try again later", "not at fault"],
        ),
        ("502 with a page", page(502), &["try again later"]),
        (
            "another error",
            Reply::oauth_error(400, "invalid_request"),
            &["--base-url", "--token-url"],
        ),
        (
            "cut off",
            Reply::steps([Step::ReadRequest]),
            &["try again later"],
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, hints)| {
            let server = Server::replies([reply.clone()]);
            let output = TestEnv::for_server(&server).run_once(&["get"]);
            assert_ne!(output.code, Some(0), "{output}");
            for hint in *hints {
                output.hints(hint);
            }
        },
    );
}

#[test]
fn who_cannot_be_reached_may_be_tried_again() {
    let (_socket, url) = closed_port();
    let env = TestEnv::with_credentials();
    env.run_once(&["get", "--base-url", &url])
        .exits(5)
        .hints("try again later");
    let output = env.run_once(&["get", "--base-url", "https://host.invalid"]);
    output.exits(5).hints("try again later").hints("VPN");
    let server = Server::replies([Reply::steps([Step::ReadRequest, Step::Hang])]);
    let output = TestEnv::for_server(&server).run_once(&["get", "--timeout", "1s"]);
    output.exits(5).hints("try again later").hints("--timeout");
}
