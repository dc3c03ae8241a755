//! The exit code of every failure. `TestEnv` checks that there is one error line, a hint and nothing on stdout;
//! `src/oauth/token_response/tests.rs` has a table of which rule decides first.

use std::time::Duration;

use crate::support::{
    Gate, Output, Reply, Server, Step, TOKEN, TestEnv, closed_port, each_row, token_json,
};

const HTML: &str = "<html><body><h1>Bad Gateway</h1></body></html>";
const KIB_64: usize = 64 * 1024;

/// One second more than the timeout of each run.
const IN_TIME: Duration = Duration::from_secs(10);

fn get(reply: Reply) -> Output {
    let server = Server::replies([reply]);
    let output = TestEnv::for_server(&server).run_once(&["get", "--timeout", "9s"]);
    assert!(output.elapsed < IN_TIME, "{output}");
    output
}

fn html(status: u16) -> Reply {
    Reply::text(status, "text/html", HTML)
}

/// A body of exactly `length` bytes.
fn padded(body: &str, length: usize) -> String {
    body.to_owned() + &" ".repeat(length - body.len())
}

#[test]
fn outages_and_rate_limits_are_exit_6_whatever_the_body() {
    for status in [408, 429, 500, 501, 502, 503, 504, 505, 520, 530, 599] {
        let output = get(Reply::http(status, "", ""));
        output.exits(6).says(&format!("status {status}"));
    }
    for reply in [
        html(503),
        Reply::text(503, "text/html", padded(HTML, 2 * KIB_64)),
        Reply::json(503, token_json()),
        Reply::oauth_error(503, "invalid_client"),
        Reply::vendor_error(429, "errorAuthorization"),
    ] {
        get(reply).exits(6);
    }
    for code in ["temporarily_unavailable", "server_error"] {
        for status in [200, 401] {
            get(Reply::oauth_error(status, code)).exits(6).says(code);
        }
    }
    for retry_after in [
        "60",
        "292.05",
        "soon",
        "99999999999999999999",
        "Wed, 21 Oct 2099 07:28:00 GMT",
    ] {
        let headers = format!("Retry-After: {retry_after}\r\n");
        get(Reply::http(429, &headers, ""))
            .exits(6)
            .says("status 429");
    }
}

#[test]
fn refused_credentials_are_exit_4() {
    for code in ["invalid_client", "unauthorized_client", "access_denied"] {
        for status in [200, 400, 401] {
            get(Reply::oauth_error(status, code)).exits(4).says(code);
        }
    }
    let error = r#"{"error":"invalid_client"}"#;
    for content_type in ["text/plain", "text/html"] {
        get(Reply::text(400, content_type, error))
            .exits(4)
            .says("invalid_client");
    }
    for (status, code) in [
        (401, "errorOther"),
        (403, "errorOther"),
        (200, "errorAuthorization"),
        (400, "noAuthentication"),
        (404, "unknownClient"),
    ] {
        get(Reply::vendor_error(status, code))
            .exits(4)
            .says(&format!("{code}: Not allowed."));
    }
}

/// A gateway may have answered, so the message does not say that the credentials were refused.
#[test]
fn a_401_without_an_error_object_is_exit_4_and_quoted() {
    let challenges = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=\"x\"\r\n";
    let missing_key = r#"{"statusCode":401,"message":"missing subscription key"}"#;
    for (reply, text) in [
        (Reply::http(401, "", ""), "without an OAuth error"),
        (html(401), "Bad Gateway"),
        (
            Reply::text(401, "text/plain", "Unauthorized"),
            "\"Unauthorized\"",
        ),
        (Reply::json(401, missing_key), "missing subscription key"),
        (
            Reply::json(401, r#"{"error":"inv"#),
            "without an OAuth error",
        ),
        (
            Reply::http(401, challenges, ""),
            "asked for Negotiate, Basic",
        ),
    ] {
        let output = get(reply);
        output.exits(4).says("status 401").says(text);
        output
            .never_says("refused the credentials")
            .hints("gateway");
    }
}

#[test]
fn other_errors_are_exit_7() {
    for code in [
        "invalid_request",
        "invalid_grant",
        "unsupported_grant_type",
        "an_unknown_code",
        "INVALID_CLIENTS",
    ] {
        for status in [200, 401] {
            get(Reply::oauth_error(status, code)).exits(7).says(code);
        }
    }
    get(Reply::vendor_error(404, "errorNotFound"))
        .exits(7)
        .says("errorNotFound");
    for status in [201, 400, 403, 404, 405, 418, 451] {
        for reply in [
            Reply::http(status, "", ""),
            html(status),
            Reply::json(status, token_json()),
        ] {
            get(reply).exits(7).says(&format!("status {status}"));
        }
    }
    for head in ["204 No Content", "304 Not Modified"] {
        get(Reply::raw(format!("HTTP/1.1 {head}\r\n\r\n")))
            .exits(7)
            .says(&head[..3]);
    }
}

#[test]
fn a_200_without_a_token_is_exit_7() {
    let with =
        |member: &str| Reply::json(200, format!("{{\"access_token\":\"{TOKEN}\",{member}}}"));
    let cut = token_json().trim_end_matches('}').to_owned();
    let rows = [
        ("empty", Reply::json(200, " \r\n"), "the body is empty"),
        ("a page", html(200), "Bad Gateway"),
        ("a word", Reply::text(200, "text/plain", "OK"), "\"OK\""),
        (
            "a string that is not a JWT",
            Reply::json(200, "\"opaque\""),
            "neither a JSON object",
        ),
        (
            "two parts of a JWT",
            Reply::text(200, "text/plain", "eyJhbGciOiJub25lIn0.eyJ4IjoxfQ"),
            "neither",
        ),
        (
            "a bare JWT as application/json",
            Reply::json(200, TOKEN),
            "not JSON",
        ),
        (
            "a bare JWT without a content type",
            Reply::http(200, "", TOKEN),
            "not JSON",
        ),
        ("half an object", Reply::json(200, &cut), "not JSON"),
        (
            "two objects",
            Reply::json(200, token_json() + &token_json()),
            "not JSON",
        ),
        (
            "an array",
            Reply::json(200, format!("[{}]", token_json())),
            "neither",
        ),
        ("no token", Reply::json(200, "{}"), "no access_token"),
        (
            "another name",
            Reply::json(200, format!("{{\"Access_Token\":\"{TOKEN}\"}}")),
            "members: Access_Token",
        ),
        ("another type", with("\"token_type\":\"mac\""), "token_type"),
        (
            "60 KiB of [",
            Reply::json(200, "[".repeat(60 * 1024)),
            "not JSON",
        ),
        (
            "60 KiB of objects",
            Reply::json(200, "{\"a\":".repeat(12 * 1024)),
            "not JSON",
        ),
        (
            "not UTF-8",
            Reply::json(200, b"{\"access_token\":\"\xff\xfe\"}"),
            "not text",
        ),
        ("NULs", Reply::json(200, [0; 100]), "not text"),
        (
            "just over 64 KiB",
            Reply::json(200, padded(&token_json(), KIB_64 + 1)),
            "over 64 KiB",
        ),
        (
            "64 KiB and no end",
            Reply::steps([
                Step::ReadRequest,
                Step::Send(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
                Step::Flood(vec![b' '; 8192]),
            ]),
            "over 64 KiB",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, reason)| {
            get(reply.clone()).exits(7).says("status 200").says(reason);
        },
    );
    get(Reply::json(200, padded(&token_json(), KIB_64))).exits(0);
}

/// Such a token could inject text into a shell, a header or a terminal.
#[test]
fn a_token_that_is_not_a_b64token_is_exit_7() {
    for value in [
        r#""""#,
        "12345",
        "null",
        r#""abc\n""#,
        r#""abc\"def""#,
        r#""abc\u001b[31mdef""#,
        r#""$(reboot)""#,
        r#""abc=def""#,
    ] {
        let object = format!("{{\"access_token\":{value},\"expires_in\":3600}}");
        get(Reply::json(200, &object)).exits(7);
        get(Reply::json(200, serde_json::to_string(&object).unwrap())).exits(7);
    }
}

#[test]
fn a_service_that_cannot_be_reached_is_exit_5() {
    let (_socket, url) = closed_port();
    let env = TestEnv::with_credentials();
    env.run_once(&["get", "--base-url", &url])
        .exits(5)
        .says("127.0.0.1");
    let args = [
        "get",
        "--timeout",
        "20s",
        "--base-url",
        "https://something.invalid",
    ];
    env.run_once(&args).exits(5).says("something.invalid");
    get(Reply::steps([Step::ReadRequest]))
        .exits(5)
        .says("the connection ended too early");
}

/// Both "unreachable" and "not a token response" describe it.
#[test]
fn a_response_that_is_not_http_is_exit_5_or_7() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.9\r\n"[..],
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.1 99999 Oh\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    ] {
        let output = get(Reply::raw(bytes));
        assert!(matches!(output.code, Some(5 | 7)), "{output}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_while_waiting_ends_the_process_by_sigint_without_output() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = TestEnv::for_server(&server);
    let running = env.start(&["get"]);
    server.wait_for_requests(1);
    running.interrupt();
    let output = running.finish();
    let is_interrupted = output.signal == Some(2) || output.code == Some(130);
    assert!(is_interrupted, "{output}");
    output.prints("");
}
