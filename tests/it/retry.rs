//! Which failures are retried, how often, and after how long. The scripted servers count the attempts.

use std::time::{Duration, SystemTime};

use crate::support::{
    Authority, Cert, Output, Reply, Server, Step, TOKEN, TestEnv, closed_port, deaf_port, each_row,
    each_row_at_once, token_json,
};

/// What a busy machine may add to a run that does not wait.
const SLACK: Duration = Duration::from_millis(900);

fn asking_to_wait(status: u16, retry_after: &str) -> Reply {
    Reply::http(status, &format!("Retry-After: {retry_after}\r\n"), "")
}

/// The number of attempts by the output of `-v`, for failures that reach no server.
fn attempts(output: &Output) -> usize {
    let lines = output.stderr.lines();
    lines
        .filter(|line| line.starts_with("cells-token: attempt "))
        .count()
}

/// Transient failures.
fn transient() -> Vec<(&'static str, Reply)> {
    let cut = |answer: &str| Reply::raw(answer);
    let token = token_json();
    vec![
        ("408", Reply::http(408, "", "")),
        ("429", Reply::http(429, "", "")),
        ("500", Reply::http(500, "", "")),
        ("502", Reply::text(502, "text/html", "<html>")),
        ("503", Reply::oauth_error(503, "invalid_client")),
        ("504", Reply::vendor_error(504, "errorTimeout")),
        ("520", Reply::http(520, "", "")),
        ("530", Reply::http(530, "", "")),
        (
            "429 with nonsense as Retry-After",
            asking_to_wait(429, "soon"),
        ),
        (
            "503 with a Retry-After below zero",
            asking_to_wait(503, "-1"),
        ),
        ("503 with Retry-After: 0", asking_to_wait(503, "0")),
        (
            "429 with a Retry-After of the past",
            asking_to_wait(429, "Wed, 21 Oct 2015 07:28:00 GMT"),
        ),
        ("reset at once", Reply::steps([Step::Reset])),
        (
            "reset before a byte",
            Reply::steps([Step::ReadRequest, Step::Reset]),
        ),
        ("closed at once", Reply::steps([])),
        ("closed before a byte", Reply::steps([Step::ReadRequest])),
        ("closed within the status line", cut("HTTP/1.1 20")),
        (
            "closed within the head",
            cut("HTTP/1.1 200 OK\r\nContent-Ty"),
        ),
        (
            "closed before the body",
            cut("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        ),
        (
            "closed within the body",
            cut(&format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}",
                token.len() + 1
            )),
        ),
        (
            "closed within a refusal",
            cut("HTTP/1.1 401 No\r\nContent-Length: 500\r\n\r\n{\"error\""),
        ),
        (
            "closed within a chunk",
            cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"acc"),
        ),
        (
            "closed between chunks",
            cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"acc\r\n"),
        ),
        (
            "closed within a chunk's size",
            cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5"),
        ),
        (
            "closed after an interim answer",
            cut("HTTP/1.1 100 Continue\r\n\r\n"),
        ),
    ]
}

#[test]
fn a_transient_failure_is_retried() {
    each_row_at_once(
        &transient(),
        |row| row.0,
        |(_, reply)| {
            let server = Server::replies([reply.clone(), Reply::token()]);
            let output = TestEnv::for_server(&server).run(&["get", "--retries", "1"]);
            output.exits(0).prints(&format!("{TOKEN}\n"));
        },
    );
}

#[test]
fn a_permanent_failure_is_not_retried() {
    let json = |status| Reply::json(status, "{}");
    let mut rows = vec![
        ("200 and nonsense", json(200)),
        ("200 and HTML", Reply::text(200, "text/html", "<html>")),
        ("200 and nothing", Reply::http(200, "", "")),
        (
            "200 over 64 KiB",
            Reply::json(200, " ".repeat(64 * 1024 + 1)),
        ),
        (
            "half an object, whole by its length",
            Reply::json(200, "{\"access_token\":\"a"),
        ),
        ("401 bare", Reply::http(401, "", "")),
        ("invalid_client", Reply::oauth_error(401, "invalid_client")),
        (
            "invalid_client with 400",
            Reply::oauth_error(400, "invalid_client"),
        ),
        (
            "invalid_request",
            Reply::oauth_error(400, "invalid_request"),
        ),
        (
            "the vendor's refusal",
            Reply::vendor_error(401, "errorAuthorization"),
        ),
        (
            "temporarily_unavailable with 400",
            Reply::oauth_error(400, "temporarily_unavailable"),
        ),
        (
            "server_error with 400",
            Reply::oauth_error(400, "server_error"),
        ),
        ("no HTTP", Reply::raw("SSH-2.0-OpenSSH_9.9\r\n")),
        (
            "a redirect to itself",
            Reply::http(307, "Location: /\r\n", ""),
        ),
        ("403 with Retry-After", asking_to_wait(403, "0")),
    ];
    let statuses = [
        201, 202, 206, 301, 308, 400, 403, 404, 405, 407, 409, 410, 413, 421, 422, 425, 451, 501,
        505, 507, 511, 525, 599,
    ];
    rows.extend(statuses.map(|status| (&*status.to_string().leak(), json(status))));
    each_row(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::replies([reply.clone()]);
            let output = TestEnv::for_server(&server).run(&["get"]);
            assert!(matches!(output.code, Some(4..=7)), "{output}");
        },
    );
}

#[test]
fn the_option_or_the_variable_sets_the_number_of_retries() {
    let rows: [(&str, &str, &str, usize); 7] = [
        ("none", "0", "", 1),
        ("one", "1", "", 2),
        ("two", "2", "", 3),
        ("one by variable", "", "1", 2),
        ("none by variable", "", "0", 1),
        ("the option beats the variable", "1", "7", 2),
        ("three, unless told otherwise", "", "", 4),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, option, variable, connections)| {
            let server = Server::replies(vec![Reply::http(503, "", ""); *connections]);
            let mut env = TestEnv::for_server(&server);
            env.var("CELLS_RETRIES", *variable);
            let args: &[&str] = match *option {
                "" => &["get"],
                number => &["get", "--retries", number],
            };
            env.run(args).exits(6).says("503");
        },
    );
}

#[test]
fn an_invalid_number_of_retries_is_exit_2() {
    for number in ["-1", "1.5", "many", "1e3", "4294967296", " "] {
        let server = Server::untouched();
        let mut env = TestEnv::for_server(&server);
        let option = format!("--retries={number}");
        env.run(&["get", &option]).exits(2).mentions("retries");
        env.var("CELLS_RETRIES", number);
        env.run(&["get"]).exits(2).hints("CELLS_RETRIES");
    }
}

#[test]
fn the_error_is_that_of_the_last_attempt() {
    let busy = Reply::http(503, "", "");
    let rows = [
        (
            "refused at last",
            Reply::oauth_error(400, "invalid_client"),
            4,
        ),
        ("nonsense at last", Reply::json(200, "{}"), 7),
        ("cut off at last", Reply::steps([Step::ReadRequest]), 5),
        ("limited at last", Reply::http(429, "", ""), 6),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, reply, code)| {
            let server = Server::replies([busy.clone(), reply.clone()]);
            let output = TestEnv::for_server(&server).run(&["get", "--retries", "1"]);
            output.exits(*code).never_says("503");
        },
    );
}

#[test]
fn a_refused_connection_is_retried() {
    let (_socket, url) = closed_port();
    let output =
        TestEnv::with_credentials().run(&["get", "-v", "--retries", "2", "--base-url", &url]);
    output.exits(5).says("refused");
    assert_eq!(attempts(&output), 3, "{output}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_times_out_is_retried() {
    let (_sockets, url) = deaf_port();
    let output = TestEnv::with_credentials().run(&[
        "get",
        "-v",
        "--timeout",
        "3s",
        "--retries",
        "1",
        "--base-url",
        &url,
    ]);
    output.exits(5).hints("--timeout");
    assert_eq!(attempts(&output), 2, "{output}");
}

#[test]
fn a_failed_name_lookup_is_retried() {
    let env = TestEnv::with_credentials();
    let url = ["get", "-v", "--base-url", "https://nowhere.invalid"];
    let output = env.run(&[&url[..], &["--retries", "1", "--timeout", "20s"]].concat());
    output.exits(5).says("nowhere.invalid").hints("DNS");
    assert_eq!(attempts(&output), 2, "{output}");
}

#[test]
fn an_attempt_that_times_out_is_retried() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_vec();
    let rows = [
        ("silence", Reply::steps([Step::ReadRequest, Step::Hang])),
        (
            "half an answer",
            Reply::steps([Step::ReadRequest, Step::Send(head), Step::Hang]),
        ),
        ("never reads", Reply::steps([Step::Hang])),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::replies([reply.clone(), Reply::token()]);
            // One attempt may take a second.
            let output = TestEnv::for_server(&server).run(&["get", "--timeout", "3s"]);
            output.exits(0).prints(&format!("{TOKEN}\n"));
            assert!(output.elapsed >= Duration::from_secs(1), "{output}");
        },
    );
}

#[test]
fn a_tls_handshake_that_is_cut_is_retried() {
    let authority = Authority::new();
    let config = authority.server(Cert::Good);
    for first in [
        Reply::steps([Step::Reset]),
        Reply::steps([Step::ReadAnything]),
        Reply::steps([Step::ReadAnything, Step::Reset]),
    ] {
        let server = Server::replies([first, Reply::token().in_tls(config.clone())]);
        let mut env = TestEnv::with_credentials();
        let file = env.file("ca.pem", authority.pem());
        let url = server.url().replace("http://", "https://");
        let output = env.run(&["get", "--base-url", &url, "--ca-cert", &file]);
        output.exits(0).prints(&format!("{TOKEN}\n"));
    }
}

#[test]
fn retry_after_delays_the_next_attempt() {
    // A date has whole seconds, so that two from now means one at least.
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    let soon = httpdate::parse_http_date(&date).unwrap();
    let rows = [
        ("429", asking_to_wait(429, "1")),
        ("503", asking_to_wait(503, "1")),
        ("408", asking_to_wait(408, " 1 ")),
        ("500", asking_to_wait(500, "1")),
        ("a date", asking_to_wait(429, &date)),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(name, reply)| {
            let server = Server::replies([reply.clone(), Reply::token()]);
            let output = TestEnv::for_server(&server).run(&["get", "-v", "--retries", "1"]);
            output.exits(0).says("retrying in");
            if *name != "a date" {
                assert!(output.elapsed >= Duration::from_secs(1), "{output}");
            }
            assert!(SystemTime::now() >= soon || *name != "a date", "{output}");
            assert!(output.elapsed < Duration::from_secs(2) + SLACK, "{output}");
        },
    );
}

#[test]
fn a_retry_after_past_the_deadline_fails_at_once_and_is_shown() {
    let in_an_hour = SystemTime::now() + Duration::from_secs(3600);
    let date = httpdate::fmt_http_date(in_an_hour);
    let in_rfc_3339 = humantime::format_rfc3339_seconds(in_an_hour).to_string();
    let today = &in_rfc_3339[.."2026-01-01T".len()];
    let rows = [
        ("429 and seconds", asking_to_wait(429, "3600"), today),
        ("503 and seconds", asking_to_wait(503, "3600"), today),
        ("429 and a date", asking_to_wait(429, &date), &in_rfc_3339),
        ("503 and a date", asking_to_wait(503, &date), &in_rfc_3339),
        (
            "a date in another century",
            asking_to_wait(503, "Wed, 21 Oct 2099 07:28:00 GMT"),
            "2099-10-21T07:28:00Z",
        ),
        (
            "more seconds than there are",
            asking_to_wait(429, "99999999999999999999"),
            "9999-12-31T",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, when)| {
            let server = Server::replies([reply.clone()]);
            let output = TestEnv::for_server(&server).run(&["get", "--timeout", "5s"]);
            output.exits(6).hints(&format!("try again after {when}"));
            assert!(output.elapsed < SLACK, "{output}");
        },
    );
}

#[test]
fn a_rate_limit_without_retry_after_has_a_hint() {
    let server = Server::replies([Reply::http(429, "", "")]);
    TestEnv::for_server(&server)
        .run_once(&["get"])
        .exits(6)
        .hints("try again in a minute");
}

#[test]
fn the_deadline_ends_the_retries() {
    let rows = [
        ("busy", Reply::http(503, "", ""), 6),
        ("cut off", Reply::steps([Step::ReadRequest]), 5),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, reply, code)| {
            let server = Server::always(reply.clone());
            let env = TestEnv::for_server(&server);
            let output = env.run(&["get", "--retries", "1000000", "--timeout", "2s"]);
            output.exits(*code);
            assert!(output.elapsed < Duration::from_secs(2) + SLACK, "{output}");
            assert!(server.requests().len() > 1, "{:?}", server.requests());
        },
    );
}

#[test]
fn every_attempt_sends_the_same_request() {
    let server = Server::replies([Reply::http(503, "", ""), Reply::token()]);
    TestEnv::for_server(&server).run(&["get"]).exits(0);
    let [first, second] = &server.requests()[..] else {
        panic!("{:?}", server.requests())
    };
    assert_eq!(first.line, second.line);
    assert_eq!(first.headers, second.headers);
    assert_eq!(first.body, second.body);
}
