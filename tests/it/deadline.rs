//! The deadline over everything, retries included: no peer extends a run by more than a second past `--timeout`.
//! `timeout.rs` has the limit on one attempt.

use std::time::Duration;

#[cfg(target_os = "linux")]
use crate::support::Network;
use crate::support::{
    Authority, Cert, Output, Reply, Server, Step, TestEnv, deaf_port, each_row_at_once,
};

/// The timeout of the runs below, unless they give another.
const TIMEOUT: &str = "3s";
const DEADLINE: Duration = Duration::from_secs(3);
/// How much later a run may end.
const A_SECOND: Duration = Duration::from_secs(1);

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n";
const CONNECTED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
/// The beginning of a TLS record of 16 KiB that begins a handshake message.
const TLS_RECORD: &[u8] = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03";

fn drip(bytes: &[u8]) -> Step {
    Step::Drip(
        [bytes, &b"a".repeat(1000)[..]].concat(),
        Duration::from_millis(50),
    )
}

fn send(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

fn assert_in_time(output: &Output) {
    output.exits(5).prints("").hints("--timeout");
    assert!(output.elapsed < DEADLINE + A_SECOND, "{output}");
}

/// Runs `get` against a server that does the same on every connection; its URL begins with `scheme`.
fn run_against(scheme: &str, steps: &[Step]) -> Output {
    let server = Server::always(Reply::steps(steps));
    let url = server.url().replacen("http", scheme, 1);
    TestEnv::with_credentials().run(&["get", "--timeout", TIMEOUT, "--base-url", &url])
}

#[test]
fn no_server_extends_the_deadline() {
    use Step::{Hang, ReadAnything, ReadRequest};
    let rows = [
        ("never reads", "http", vec![Hang]),
        ("never answers", "http", vec![ReadRequest, Hang]),
        (
            "a head in drips",
            "http",
            vec![ReadRequest, drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")],
        ),
        (
            "a status line in drips",
            "http",
            vec![ReadRequest, drip(b"HTTP/1.1 200 ")],
        ),
        (
            "a body in drips",
            "http",
            vec![ReadRequest, send(HEAD), drip(b"")],
        ),
        (
            "chunks in drips",
            "http",
            vec![
                ReadRequest,
                send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                Step::Drip(b"1\r\na\r\n".repeat(200), Duration::from_millis(20)),
            ],
        ),
        (
            "a chunk's extension in drips",
            "http",
            vec![
                ReadRequest,
                send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                drip(b"1;"),
            ],
        ),
        (
            "trailers in drips",
            "http",
            vec![
                ReadRequest,
                send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"),
                drip(b"X-Trailer: "),
            ],
        ),
        ("no handshake", "https", vec![Hang]),
        (
            "silence after the client's hello",
            "https",
            vec![ReadAnything, Hang],
        ),
        (
            "a handshake in drips",
            "https",
            vec![ReadAnything, drip(TLS_RECORD)],
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, scheme, steps)| assert_in_time(&run_against(scheme, steps)),
    );
}

/// Another limit may end these earlier, with another error.
#[test]
fn no_endless_response_extends_the_deadline() {
    use Step::{Flood, ReadAnything, ReadRequest};
    let chunked = send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let rows = [
        (
            "interim answers",
            "http",
            vec![
                ReadRequest,
                Flood(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".repeat(50)),
            ],
        ),
        (
            "headers",
            "http",
            vec![
                ReadRequest,
                send(b"HTTP/1.1 200 OK\r\n"),
                Flood(b"X-More: of the same\r\n".repeat(100)),
            ],
        ),
        (
            "empty chunks' extensions",
            "http",
            vec![ReadRequest, chunked.clone(), Flood(b"1;a=b".repeat(500))],
        ),
        (
            "digits of a chunk's size",
            "http",
            vec![ReadRequest, chunked, Flood(b"0".repeat(4000))],
        ),
        (
            "TLS records of nothing",
            "https",
            vec![ReadAnything, Flood(b"\x16\x03\x03\x00\x00".repeat(500))],
        ),
        (
            "TLS warnings",
            "https",
            vec![
                ReadAnything,
                Flood(b"\x15\x03\x03\x00\x02\x01\x5a".repeat(500)),
            ],
        ),
        (
            "zeros for TLS",
            "https",
            vec![ReadAnything, Flood(vec![0; 4000])],
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, scheme, steps)| {
            let output = run_against(scheme, steps);
            assert!(matches!(output.code, Some(5 | 7)), "{output}");
            assert!(output.elapsed < DEADLINE + A_SECOND, "{output}");
        },
    );
}

#[test]
fn no_proxy_extends_the_deadline() {
    use Step::{Flood, Hang, ReadAnything, ReadRequest};
    let rows = [
        ("silent", "http", vec![ReadRequest, Hang]),
        ("never reads", "http", vec![Hang]),
        (
            "its head in drips",
            "http",
            vec![ReadRequest, drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")],
        ),
        (
            "its status line in drips",
            "http",
            vec![ReadRequest, drip(b"HTTP/1.1 200 ")],
        ),
        (
            "interim answers in drips",
            "http",
            vec![
                ReadRequest,
                Step::Drip(
                    b"HTTP/1.1 100 Continue\r\n\r\n".repeat(40),
                    Duration::from_millis(20),
                ),
            ],
        ),
        (
            "silent once it has connected",
            "http",
            vec![ReadRequest, send(CONNECTED), Hang],
        ),
        (
            "a handshake in drips once it has connected",
            "http",
            vec![ReadRequest, send(CONNECTED), ReadAnything, drip(TLS_RECORD)],
        ),
        ("an https proxy without a handshake", "https", vec![Hang]),
        (
            "an https proxy's handshake in drips",
            "https",
            vec![ReadAnything, drip(TLS_RECORD)],
        ),
        ("a silent SOCKS proxy", "socks5h", vec![ReadAnything, Hang]),
        (
            "a SOCKS proxy that never ends",
            "socks5h",
            vec![
                ReadAnything,
                send(&[5, 0]),
                ReadAnything,
                Step::Drip(
                    [&[5, 0, 0, 3, 255][..], &[b'a'; 200]].concat(),
                    Duration::from_millis(50),
                ),
            ],
        ),
        (
            "a flood of interim answers",
            "http",
            vec![
                ReadRequest,
                Flood(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(50)),
            ],
        ),
        (
            "a flood of headers",
            "http",
            vec![
                ReadRequest,
                send(b"HTTP/1.1 200 OK\r\n"),
                Flood(b"X-More: of the same\r\n".repeat(100)),
            ],
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(name, scheme, steps)| {
            let server = Server::always(Reply::steps(steps.clone()));
            let proxy = server.url().replacen("http", scheme, 1);
            let output = TestEnv::with_credentials().run(&[
                "get",
                "--timeout",
                TIMEOUT,
                "--base-url",
                "https://host.invalid",
                "--proxy",
                &proxy,
            ]);
            output.exits(5);
            assert!(output.elapsed < DEADLINE + A_SECOND, "{output}");
            if !name.contains("flood") && !name.contains("interim") {
                output.hints("--timeout");
            }
        },
    );
}

#[test]
fn no_port_that_never_answers_extends_the_deadline() {
    let rows = [
        ("the server", "http", &[][..]),
        ("the server of TLS", "https", &[]),
        ("the proxy", "http", &["--base-url", "https://host.invalid"]),
        (
            "the SOCKS proxy",
            "socks5h",
            &["--base-url", "https://host.invalid"],
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, scheme, target)| {
            let (_sockets, url) = deaf_port();
            let url = url.replacen("http", scheme, 1);
            let option = if target.is_empty() {
                "--base-url"
            } else {
                "--proxy"
            };
            let args = [&["get", "--timeout", TIMEOUT, option, &url], *target].concat();
            assert_in_time(&TestEnv::with_credentials().run(&args));
        },
    );
}

#[test]
fn a_slow_body_over_tls_ends_at_the_deadline() {
    let authority = Authority::new();
    let server = Server::always(
        Reply::steps([Step::ReadRequest, send(HEAD), drip(b"")])
            .in_tls(authority.server(Cert::Good)),
    );
    let mut env = TestEnv::with_credentials();
    let file = env.file("ca.pem", authority.pem());
    let url = server.url().replacen("http", "https", 1);
    let args = ["get", "--timeout", TIMEOUT, "--base-url", &url];
    assert_in_time(&env.run(&[&args[..], &["--ca-cert", &file]].concat()));
}

#[test]
fn a_short_timeout_holds() {
    let rows = ["1ms", "50ms", "300ms"];
    each_row_at_once(
        &rows,
        |row| row,
        |timeout| {
            let server = Server::always(Reply::steps([Step::ReadRequest, Step::Hang]));
            let output = TestEnv::for_server(&server).run(&["get", "--timeout", timeout]);
            output.exits(5).hints("--timeout");
            assert!(output.elapsed < A_SECOND, "{output}");
        },
    );
}

/// The name server of this network receives queries and never answers.
#[cfg(target_os = "linux")]
#[test]
fn no_name_lookup_extends_the_deadline() {
    let network = Network {
        hosts: "127.0.0.1 localhost\n",
        resolv_conf: "nameserver 127.0.0.1\n",
    };
    let this = "deadline::no_name_lookup_extends_the_deadline";
    network.run(this, || {
        let questions = std::net::UdpSocket::bind("127.0.0.1:53").unwrap();
        let rows = [("the host", ""), ("the proxy", "http://proxy.invalid:3128")];
        each_row_at_once(
            &rows,
            |row| row.0,
            |(_, proxy)| {
                let mut env = TestEnv::with_credentials();
                let url = "https://host.invalid";
                env.var("ALL_PROXY", *proxy);
                assert_in_time(&env.run(&["get", "--timeout", TIMEOUT, "--base-url", url]));
            },
        );
        questions.set_nonblocking(true).unwrap();
        assert!(questions.recv(&mut [0; 512]).is_ok(), "it was asked");
    });
}
