//! Every failure of the service has its exit code. (That it has one sentence, a hint and no output is judged by
//! `TestEnv::run`, here as everywhere.)

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::{
    Gate, Reply, Server, Step, TOKEN, TestEnv, closed_port, each_row, token_json,
};

const HTML: &str = "<html><body><h1>Bad Gateway</h1></body></html>";

fn html(status: u16) -> Reply {
    Reply::text(status, "text/html", HTML)
}

/// A body of exactly `length` bytes.
fn padded(body: &str, length: usize) -> String {
    body.to_owned() + &" ".repeat(length - body.len())
}

fn access_token(value: &str) -> Reply {
    Reply::json(
        200,
        format!("{{\"access_token\":{value},\"token_type\":\"Bearer\",\"expires_in\":3600}}"),
    )
}

/// A second after the deadline of each row; most take a hundredth of it.
const IN_TIME: Duration = Duration::from_secs(10);

const KIB_64: usize = 64 * 1024;

/// The answer, the exit code, and what the message must have.
type Row = (&'static str, Reply, i32, &'static [&'static str]);

fn assert_rows(rows: &[Row]) {
    each_row(
        rows,
        |row| row.0,
        |(_, reply, code, said)| {
            let server = Server::replies([reply.clone()]);
            let output = TestEnv::for_server(&server).run_once(&["get", "--timeout", "9s"]);
            output.exits(*code);
            assert!(output.elapsed < IN_TIME, "{output}");
            for text in *said {
                output.says(text);
            }
        },
    );
}

#[test]
fn limits_and_outages_are_exit_6_whatever_the_body_says() {
    assert_rows(&[
        ("408", Reply::http(408, "", ""), 6, &["408"]),
        ("429", Reply::http(429, "", ""), 6, &["429"]),
        (
            "429 with Retry-After",
            Reply::http(429, "Retry-After: 60\r\n", ""),
            6,
            &["429"],
        ),
        (
            "429 with Retry-After as a date",
            Reply::http(429, "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\n", ""),
            6,
            &[],
        ),
        (
            "429 with nonsense as Retry-After",
            Reply::http(429, "Retry-After: soon\r\n", ""),
            6,
            &[],
        ),
        (
            "429 with an enormous Retry-After",
            Reply::http(429, "Retry-After: 99999999999999999999\r\n", ""),
            6,
            &[],
        ),
        ("500", html(500), 6, &["500"]),
        ("501", html(501), 6, &["501"]),
        ("502", html(502), 6, &["502"]),
        ("503", html(503), 6, &["503"]),
        ("504", html(504), 6, &["504"]),
        ("505", html(505), 6, &["505"]),
        ("599", html(599), 6, &["599"]),
        (
            "408 with invalid_client",
            Reply::oauth_error(408, "invalid_client"),
            6,
            &[],
        ),
        (
            "429 with invalid_client",
            Reply::oauth_error(429, "invalid_client"),
            6,
            &[],
        ),
        (
            "500 with invalid_client",
            Reply::oauth_error(500, "invalid_client"),
            6,
            &[],
        ),
        (
            "503 with invalid_request",
            Reply::oauth_error(503, "invalid_request"),
            6,
            &[],
        ),
        (
            "500 of the vendor",
            Reply::vendor_error(500, "errorInternal"),
            6,
            &[],
        ),
        (
            "429 of the vendor",
            Reply::vendor_error(429, "errorLimit"),
            6,
            &[],
        ),
        ("503 with a token", Reply::json(503, token_json()), 6, &[]),
        (
            "503 over 64 KiB",
            Reply::text(503, "text/html", padded(HTML, 2 * KIB_64)),
            6,
            &[],
        ),
        (
            "temporarily_unavailable with 400",
            Reply::oauth_error(400, "temporarily_unavailable"),
            6,
            &[],
        ),
        (
            "temporarily_unavailable with 200",
            Reply::oauth_error(200, "temporarily_unavailable"),
            6,
            &[],
        ),
        (
            "temporarily_unavailable with 401",
            Reply::oauth_error(401, "temporarily_unavailable"),
            6,
            &[],
        ),
        (
            "server_error with 400",
            Reply::oauth_error(400, "server_error"),
            6,
            &[],
        ),
        (
            "server_error with 403",
            Reply::oauth_error(403, "server_error"),
            6,
            &[],
        ),
    ]);
}

#[test]
fn refused_credentials_are_exit_4() {
    assert_rows(&[
        (
            "invalid_client with 400",
            Reply::oauth_error(400, "invalid_client"),
            4,
            &["invalid_client"],
        ),
        (
            "invalid_client with 401",
            Reply::oauth_error(401, "invalid_client"),
            4,
            &["invalid_client"],
        ),
        (
            "invalid_client with 403",
            Reply::oauth_error(403, "invalid_client"),
            4,
            &["invalid_client"],
        ),
        (
            "invalid_client with 404",
            Reply::oauth_error(404, "invalid_client"),
            4,
            &["invalid_client"],
        ),
        (
            "invalid_client with 418",
            Reply::oauth_error(418, "invalid_client"),
            4,
            &["invalid_client"],
        ),
        (
            "invalid_client with 200",
            Reply::oauth_error(200, "invalid_client"),
            4,
            &["invalid_client"],
        ),
        (
            "unauthorized_client with 400",
            Reply::oauth_error(400, "unauthorized_client"),
            4,
            &["unauthorized_client"],
        ),
        (
            "unauthorized_client with 401",
            Reply::oauth_error(401, "unauthorized_client"),
            4,
            &[],
        ),
        (
            "access_denied with 400",
            Reply::oauth_error(400, "access_denied"),
            4,
            &["access_denied"],
        ),
        (
            "access_denied with 403",
            Reply::oauth_error(403, "access_denied"),
            4,
            &[],
        ),
        (
            "the vendor's with 400",
            Reply::vendor_error(400, "errorAuthorization"),
            4,
            &["Not allowed"],
        ),
        (
            "the vendor's with 401",
            Reply::vendor_error(401, "errorAuthorization"),
            4,
            &["Not allowed"],
        ),
        (
            "the vendor's with 403",
            Reply::vendor_error(403, "errorForbidden"),
            4,
            &["Not allowed"],
        ),
        (
            "the vendor's with 200",
            Reply::vendor_error(200, "errorAuthorization"),
            4,
            &["Not allowed"],
        ),
        (
            "the vendor's in lower case of OAuth",
            Reply::vendor_error(401, "invalid_client"),
            4,
            &[],
        ),
        (
            "an error object as text/plain",
            Reply::text(400, "text/plain", r#"{"error":"invalid_client"}"#),
            4,
            &["invalid_client"],
        ),
        (
            "an error object as text/html",
            Reply::text(400, "text/html", r#"{"error":"invalid_client"}"#),
            4,
            &[],
        ),
        ("401 without a body", Reply::http(401, "", ""), 4, &["401"]),
        (
            "401 with WWW-Authenticate",
            Reply::http(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", ""),
            4,
            &[],
        ),
        ("401 with HTML", html(401), 4, &["401"]),
        (
            "401 with half a JSON",
            Reply::json(401, r#"{"error":"inv"#),
            4,
            &["401"],
        ),
        (
            "401 with words",
            Reply::text(401, "text/plain", "Unauthorized"),
            4,
            &["401"],
        ),
    ]);
}

#[test]
fn other_errors_are_exit_7() {
    assert_rows(&[
        (
            "invalid_request",
            Reply::oauth_error(400, "invalid_request"),
            7,
            &["invalid_request"],
        ),
        (
            "invalid_grant",
            Reply::oauth_error(400, "invalid_grant"),
            7,
            &["invalid_grant"],
        ),
        (
            "invalid_scope",
            Reply::oauth_error(400, "invalid_scope"),
            7,
            &["invalid_scope"],
        ),
        (
            "unsupported_grant_type",
            Reply::oauth_error(400, "unsupported_grant_type"),
            7,
            &["unsupported_grant_type"],
        ),
        (
            "an unknown code",
            Reply::oauth_error(400, "quota_of_pages"),
            7,
            &["quota_of_pages"],
        ),
        (
            "a code in capitals is another",
            Reply::oauth_error(400, "INVALID_CLIENTS"),
            7,
            &["INVALID_CLIENTS"],
        ),
        (
            "invalid_request with 200",
            Reply::oauth_error(200, "invalid_request"),
            7,
            &["invalid_request"],
        ),
        (
            "the object's code decides before 401",
            Reply::oauth_error(401, "invalid_request"),
            7,
            &["invalid_request"],
        ),
        ("400 without a body", Reply::http(400, "", ""), 7, &["400"]),
        ("400 with HTML", html(400), 7, &["400", "text/html"]),
        (
            "400 with words that name a code",
            Reply::text(400, "text/plain", "invalid_client"),
            7,
            &["400", "text/plain"],
        ),
        (
            "400 with a token",
            Reply::json(400, token_json()),
            7,
            &["400"],
        ),
        ("403 without a body", Reply::http(403, "", ""), 7, &["403"]),
        ("403 with HTML", html(403), 7, &["403", "text/html"]),
        ("404 without a body", Reply::http(404, "", ""), 7, &["404"]),
        ("404 with HTML", html(404), 7, &["404", "text/html"]),
        ("405", html(405), 7, &["405"]),
        ("413", html(413), 7, &["413"]),
        ("418", html(418), 7, &["418"]),
        ("451", html(451), 7, &["451"]),
        (
            "201 with a token",
            Reply::json(201, token_json()),
            7,
            &["201"],
        ),
        (
            "204",
            Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"),
            7,
            &["204"],
        ),
        (
            "304",
            Reply::raw("HTTP/1.1 304 Not Modified\r\n\r\n"),
            7,
            &["304"],
        ),
    ]);
}

#[test]
fn answers_that_are_no_token_response_are_exit_7() {
    let token_without_last_brace = token_json().trim_end_matches('}').to_owned();
    let nested = format!("{{\"access_token\":{}", "[".repeat(60 * 1024));
    assert_rows(&[
        ("nothing", Reply::json(200, ""), 7, &["200"]),
        (
            "nothing, and no type",
            Reply::http(200, "", ""),
            7,
            &["200"],
        ),
        ("blanks", Reply::json(200, "  \r\n"), 7, &[]),
        ("HTML", html(200), 7, &["200", "text/html", "Bad Gateway"]),
        (
            "HTML called JSON",
            Reply::json(200, HTML),
            7,
            &["200", "application/json"],
        ),
        (
            "OK",
            Reply::text(200, "text/plain", "OK"),
            7,
            &["200", "text/plain", "OK"],
        ),
        ("OK called JSON", Reply::json(200, "OK"), 7, &[]),
        (
            "\"Unauthorized\"",
            Reply::json(200, "\"Unauthorized\""),
            7,
            &[],
        ),
        (
            "a JSON string without a JWT",
            Reply::json(200, "\"opaque-token\""),
            7,
            &[],
        ),
        (
            "a text of two parts",
            Reply::text(200, "text/plain", "eyJhbGciOiJub25lIn0.eyJ4IjoxfQ"),
            7,
            &[],
        ),
        (
            "a text of three words",
            Reply::text(200, "text/plain", "www.example.com"),
            7,
            &[],
        ),
        (
            "a JWT whose first part is an array",
            Reply::text(
                200,
                "text/plain",
                format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode("[1]")),
            ),
            7,
            &[],
        ),
        (
            "a JWT whose first part is no base64url",
            Reply::text(200, "text/plain", "eyJ+/==.e30.c2ln"),
            7,
            &[],
        ),
        (
            "a JWT with blanks within",
            Reply::text(
                200,
                "text/plain",
                format!("{} {}", &TOKEN[..20], &TOKEN[20..]),
            ),
            7,
            &[],
        ),
        (
            "a bare JWT called JSON, without quotes",
            Reply::json(200, TOKEN),
            7,
            &[],
        ),
        ("a bare JWT of no type", Reply::http(200, "", TOKEN), 7, &[]),
        (
            "a bare JWT as HTML",
            Reply::text(200, "text/html", format!("<p>{TOKEN}</p>")),
            7,
            &[],
        ),
        (
            "half an object",
            Reply::json(200, token_without_last_brace),
            7,
            &[],
        ),
        (
            "half an object in a string",
            Reply::json(200, "\"{\\\"access_token\\\":\\\"abc\""),
            7,
            &[],
        ),
        (
            "two objects",
            Reply::json(200, token_json() + &token_json()),
            7,
            &[],
        ),
        (
            "words after the object",
            Reply::json(200, token_json() + " <!-- cached -->"),
            7,
            &[],
        ),
        ("null", Reply::json(200, "null"), 7, &[]),
        ("true", Reply::json(200, "true"), 7, &[]),
        ("a number", Reply::json(200, "42"), 7, &[]),
        (
            "an array",
            Reply::json(200, format!("[{}]", token_json())),
            7,
            &[],
        ),
        ("an empty object", Reply::json(200, "{}"), 7, &[]),
        ("an empty string", Reply::json(200, "\"\""), 7, &[]),
        (
            "an object without a token",
            Reply::json(200, r#"{"token_type":"Bearer","expires_in":3600}"#),
            7,
            &[],
        ),
        (
            "the token under another name",
            Reply::json(200, format!("{{\"token\":\"{TOKEN}\"}}")),
            7,
            &[],
        ),
        (
            "the name in other letters",
            Reply::json(200, format!("{{\"Access_Token\":\"{TOKEN}\"}}")),
            7,
            &[],
        ),
        (
            "60 KiB of [",
            Reply::json(200, "[".repeat(60 * 1024)),
            7,
            &[],
        ),
        (
            "60 KiB of {\"a\":",
            Reply::json(200, "{\"a\":".repeat(12 * 1024)),
            7,
            &[],
        ),
        ("60 KiB of [ in a token", Reply::json(200, nested), 7, &[]),
        (
            "bytes that are no UTF-8",
            Reply::json(200, b"{\"access_token\":\"\xff\xfe\"}"),
            7,
            &[],
        ),
        ("NULs", Reply::json(200, [0; 100]), 7, &[]),
        (
            "token_type mac",
            Reply::json(
                200,
                format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":\"mac\"}}"),
            ),
            7,
            &["token_type"],
        ),
        (
            "token_type DPoP",
            Reply::json(
                200,
                format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":\"DPoP\"}}"),
            ),
            7,
            &["token_type"],
        ),
        (
            "just over 64 KiB",
            Reply::json(200, padded(&token_json(), KIB_64 + 1)),
            7,
            &[],
        ),
        (
            "far over 64 KiB",
            Reply::json(200, padded(&token_json(), 10 * KIB_64)),
            7,
            &[],
        ),
        (
            "64 KiB and no end",
            Reply::steps([
                Step::ReadRequest,
                Step::Send(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
                Step::Flood(vec![b' '; 8192]),
            ]),
            7,
            &[],
        ),
    ]);
}

#[test]
fn an_answer_of_64_kib_is_read() {
    let server = Server::replies([Reply::json(200, padded(&token_json(), KIB_64))]);
    TestEnv::for_server(&server).run(&["get"]).exits(0);
}

#[test]
fn a_token_that_is_no_b64token_is_exit_7() {
    let mut rows: Vec<(&str, Reply)> = [
        ("empty", r#""""#),
        ("a number", "12345"),
        ("null", "null"),
        ("true", "true"),
        ("an array", r#"["abc"]"#),
        ("an object", r#"{"a":"b"}"#),
        ("LF within", r#""abc\ndef""#),
        ("LF at the end", r#""abc\n""#),
        ("CR", r#""abc\rdef""#),
        ("CRLF and a header", r#""abc\r\nX-Evil: 1""#),
        ("tab", r#""abc\tdef""#),
        ("NUL", r#""abc\u0000def""#),
        ("a blank", r#""abc def""#),
        ("a double quote", r#""abc\"def""#),
        ("a single quote", r#""abc'def""#),
        ("a backslash", r#""abc\\def""#),
        ("an escape", r#""abc\u001b[31mdef""#),
        ("a C1 control", r#""abc\u009bdef""#),
        ("a dollar", r#""$(reboot)""#),
        ("a backtick", r#""`reboot`""#),
        ("a semicolon", r#""abc;reboot""#),
        ("a percent", r#""abc%41""#),
        ("a comma", r#""abc,def""#),
        ("a letter beyond ASCII", r#""abcédef""#),
        ("a fullwidth letter", r#""ａbc""#),
        ("bidi", r#""abc\u202edef""#),
        ("half a surrogate", r#""abc\ud800""#),
        ("padding alone", r#""==""#),
        ("padding within", r#""abc=def""#),
    ]
    .map(|(name, value)| (name, access_token(value)))
    .into();
    let in_string = serde_json::to_string(r#"{"access_token":"abc\ndef"}"#).unwrap();
    rows.push(("LF in an object in a string", Reply::json(200, in_string)));
    rows.push((
        "LF after a bare JWT in a string",
        Reply::json(200, serde_json::to_string(&format!("{TOKEN}\nx")).unwrap()),
    ));
    each_row(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::replies([reply.clone()]);
            TestEnv::for_server(&server).run(&["get"]).exits(7);
        },
    );
}

#[test]
fn a_service_that_cannot_be_reached_is_exit_5() {
    let cut = |answer: &str| Reply::raw(answer);
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"acc";
    assert_rows(&[
        (
            "closed before a byte",
            Reply::steps([Step::ReadRequest]),
            5,
            &[],
        ),
        (
            "closed without reading",
            Reply::steps([Step::ReadAnything]),
            5,
            &[],
        ),
        ("reset at once", Reply::steps([Step::Reset]), 5, &[]),
        (
            "reset before a byte",
            Reply::steps([Step::ReadRequest, Step::Reset]),
            5,
            &[],
        ),
        ("closed within the status line", cut("HTTP/1.1 20"), 5, &[]),
        (
            "closed within the head",
            cut("HTTP/1.1 200 OK\r\nContent-Ty"),
            5,
            &[],
        ),
        ("closed within the body", Reply::raw(*head), 5, &[]),
        (
            "reset within the body",
            Reply::steps([
                Step::ReadRequest,
                Step::Send(head.to_vec()),
                Step::Wait(slow_gate()),
                Step::Reset,
            ]),
            5,
            &[],
        ),
        (
            "closed within a chunk",
            cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"acc"),
            5,
            &[],
        ),
        (
            "closed between chunks",
            cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"acc\r\n"),
            5,
            &[],
        ),
    ]);
}

/// Opens after the bytes before it have had time to arrive: a reset overtakes what is still on its way.
fn slow_gate() -> Gate {
    let gate = Gate::default();
    let opener = gate.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        opener.open();
    });
    gate
}

#[test]
fn a_refused_connection_is_exit_5() {
    let (_socket, url) = closed_port();
    let output = TestEnv::with_credentials().run_once(&["get", "--base-url", &url]);
    output.exits(5).says("127.0.0.1");
}

#[test]
fn a_name_that_does_not_resolve_is_exit_5() {
    let env = TestEnv::with_credentials();
    let output = env.run_once(&[
        "get",
        "--timeout",
        "20s",
        "--base-url",
        "https://something.invalid",
    ]);
    output.exits(5).says("something.invalid");
}

/// Something answers, but not in HTTP: unreachable or invalid, either may be said.
#[test]
fn what_is_no_http_is_exit_5_or_7() {
    let rows: [(&str, &[u8]); 6] = [
        ("an SSH banner", b"SSH-2.0-OpenSSH_9.9\r\n"),
        ("binary", b"\x00\x01\x02\xff\xfe\r\n\r\n"),
        ("a TLS alert", b"\x15\x03\x03\x00\x02\x02\x28"),
        ("a status beyond three digits", b"HTTP/1.1 99999 Oh\r\n\r\n"),
        (
            "a length that is no number",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        ),
        (
            "a chunk size that is no number",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, bytes)| {
            let server = Server::replies([Reply::raw(*bytes)]);
            let output = TestEnv::for_server(&server).run_once(&["get"]);
            assert!(matches!(output.code, Some(5 | 7)), "{output}");
        },
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_while_waiting_ends_it_by_sigint_without_output() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = TestEnv::for_server(&server);
    let running = env.start(&["get"]);
    server.wait_for_requests(1);
    running.interrupt();
    let output = running.finish();
    assert!(
        output.signal == Some(2) || output.code == Some(130),
        "{output}"
    );
    output.prints("");
}
