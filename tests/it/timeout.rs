//! How long one attempt may take, and `--timeout` itself. `deadline.rs` has the limit over all attempts.

use std::time::Duration;

use crate::support::{
    Authority, Cert, Reply, Server, Step, TestEnv, deaf_port, each_row, each_row_at_once,
    token_json,
};

/// The timeout of the runs below. One attempt may take a third of it, connecting half of that.
const TIMEOUT: &str = "6s";
const ATTEMPT: Duration = Duration::from_secs(2);

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n";

fn drip(bytes: &[u8]) -> Step {
    Step::Drip(bytes.to_vec(), Duration::from_millis(50))
}

#[test]
fn no_server_extends_an_attempt() {
    let send = |bytes: &[u8]| Step::Send(bytes.to_vec());
    let long = b"a".repeat(5000);
    let continues = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let rows = [
        ("never reads", vec![Step::Hang]),
        (
            "reads and never answers",
            vec![Step::ReadRequest, Step::Hang],
        ),
        (
            "half a status line",
            vec![Step::ReadRequest, send(b"HTTP/1.1 2"), Step::Hang],
        ),
        (
            "half a head",
            vec![
                Step::ReadRequest,
                send(b"HTTP/1.1 200 OK\r\nContent-"),
                Step::Hang,
            ],
        ),
        (
            "a head and no body",
            vec![Step::ReadRequest, send(HEAD), Step::Hang],
        ),
        (
            "half a body",
            vec![
                Step::ReadRequest,
                send(HEAD),
                send(b"{\"access_token\":\""),
                Step::Hang,
            ],
        ),
        (
            "half a chunk",
            vec![
                Step::ReadRequest,
                send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
                Step::Hang,
            ],
        ),
        (
            "a head in drips",
            vec![
                Step::ReadRequest,
                drip(&[b"HTTP/1.1 200 OK\r\nX-Slow: ", &long[..]].concat()),
            ],
        ),
        (
            "a body in drips",
            vec![Step::ReadRequest, send(HEAD), drip(&long)],
        ),
        (
            "a body in drips without an end",
            vec![
                Step::ReadRequest,
                send(b"HTTP/1.1 200 OK\r\n\r\n"),
                drip(&long),
            ],
        ),
        (
            "interim answers in drips",
            vec![Step::ReadRequest, drip(&continues.repeat(100))],
        ),
        (
            "an error's body in drips",
            vec![
                Step::ReadRequest,
                send(b"HTTP/1.1 401 No\r\nContent-Length: 5000\r\n\r\n"),
                drip(&long),
            ],
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(name, steps)| {
            let server = Server::replies([Reply::steps(steps.clone())]);
            let output = TestEnv::for_server(&server).run_once(&["get", "--timeout", TIMEOUT]);
            assert!(output.elapsed < 2 * ATTEMPT, "{name}: {output}");
            // A complete status may count without its body.
            if name.starts_with("an error") {
                assert!(matches!(output.code, Some(4 | 5)), "{output}");
            } else {
                output.exits(5).hints("--timeout");
            }
        },
    );
}

/// The limit on the header section may end these before the deadline does.
#[test]
fn no_endless_response_extends_an_attempt() {
    let ok = b"HTTP/1.1 200 OK\r\n".to_vec();
    let rows = [
        (
            "a status line without end",
            vec![Step::ReadRequest, Step::Flood(b"HTTP/1.1 200 ".repeat(100))],
        ),
        (
            "headers without end",
            vec![
                Step::ReadRequest,
                Step::Send(ok.clone()),
                Step::Flood(b"X-More: of the same\r\n".repeat(100)),
            ],
        ),
        (
            "one header without end",
            vec![
                Step::ReadRequest,
                Step::Send(ok),
                Step::Flood(b"X".repeat(2000)),
            ],
        ),
        (
            "interim answers without end",
            vec![
                Step::ReadRequest,
                Step::Flood(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100)),
            ],
        ),
        (
            "line breaks without end",
            vec![Step::ReadRequest, Step::Flood(b"\r\n".repeat(1000))],
        ),
        (
            "zeros without end",
            vec![Step::ReadRequest, Step::Flood(vec![0; 4000])],
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(name, steps)| {
            let server = Server::replies([Reply::steps(steps.clone())]);
            let output = TestEnv::for_server(&server).run_once(&["get", "--timeout", TIMEOUT]);
            assert!(output.elapsed < 2 * ATTEMPT, "{name}: {output}");
            assert!(matches!(output.code, Some(5 | 7)), "{output}");
        },
    );
}

#[test]
fn tls_counts_towards_the_attempt() {
    let rows = [
        ("no handshake", vec![Step::Hang]),
        ("no answer after it", vec![Step::ReadRequest, Step::Hang]),
        (
            "a body in drips",
            vec![
                Step::ReadRequest,
                Step::Send(HEAD.to_vec()),
                drip(&b"a".repeat(5000)),
            ],
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(name, steps)| {
            let authority = Authority::new();
            let server = Server::tls(authority.server(Cert::Good), [Reply::steps(steps.clone())]);
            let mut env = TestEnv::for_server(&server);
            let file = env.file("ca.pem", authority.pem());
            let output = env.run_once(&["get", "--timeout", TIMEOUT, "--ca-cert", &file]);
            assert!(output.elapsed < 2 * ATTEMPT, "{name}: {output}");
            output.exits(5).hints("--timeout");
        },
    );
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_may_take_half_an_attempt() {
    let (_sockets, url) = deaf_port();
    let output =
        TestEnv::with_credentials().run_once(&["get", "--timeout", TIMEOUT, "--base-url", &url]);
    output.exits(5).hints("--timeout");
    assert!(output.elapsed < ATTEMPT, "{output}");
}

#[test]
fn a_slow_response_within_the_attempt_is_used() {
    // 1.2 of the 2 seconds, in few pieces, because a busy machine extends every pause.
    let answer = token_json().into_bytes();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    let mut steps = vec![Step::ReadRequest, Step::Send(head.into_bytes())];
    for piece in answer.chunks(answer.len().div_ceil(12)) {
        let (first, rest) = piece.split_at(1);
        steps.push(Step::Drip(first.to_vec(), Duration::from_millis(100)));
        steps.push(Step::Send(rest.to_vec()));
    }
    let server = Server::replies([Reply::steps(steps)]);
    TestEnv::for_server(&server)
        .run(&["get", "--timeout", TIMEOUT])
        .exits(0);
}

#[test]
fn every_form_of_duration_is_accepted() {
    let rows = ["30s", "5m", "1h30m", "45", "5000ms", "2h30m10s"];
    each_row(
        &rows,
        |row| row,
        |duration| {
            let server = Server::replies([Reply::token(), Reply::token()]);
            let mut env = TestEnv::for_server(&server);
            env.run(&["get", "--timeout", duration]).exits(0);
            env.var("CELLS_TIMEOUT", duration).run(&["get"]).exits(0);
        },
    );
}

#[test]
fn the_unit_counts_and_the_option_beats_the_variable() {
    let rows: [(&str, Option<&str>, &str); 4] = [
        ("milliseconds", Some("500ms"), ""),
        ("a bare number is seconds", Some("1"), ""),
        ("by variable", None, "1s"),
        ("flag over variable", Some("1s"), "1h"),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, flag, variable)| {
            let server = Server::always(Reply::steps([Step::ReadRequest, Step::Hang]));
            let mut env = TestEnv::for_server(&server);
            let mut args = vec!["get"];
            args.extend(flag.iter().flat_map(|duration| ["--timeout", *duration]));
            let output = env.var("CELLS_TIMEOUT", variable).run_once(&args);
            output.exits(5);
            assert!(output.elapsed < Duration::from_secs(2), "{output}");
        },
    );
}

#[test]
fn enormous_durations_do_not_overflow() {
    let server = Server::always(Reply::token());
    let env = TestEnv::for_server(&server);
    for duration in [
        "18446744073709551615s",
        "18446744073709551615",
        "9223372036854775807s",
        "1000000000000h",
        "0",
        "0s",
        "1ns",
        "1ms",
    ] {
        let output = env.run_once(&["get", "--timeout", duration]);
        assert!(matches!(output.code, Some(0 | 2 | 5)), "{output}");
    }
}
