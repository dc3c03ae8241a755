//! What of an HTTP response is read, and when it counts as complete.

use crate::support::{
    Authority, Cert, Reply, Server, Step, TOKEN, TestEnv, each_row, each_row_at_once, token_json,
};

/// A token response with these header fields besides its own.
fn token_with(fields: &str) -> Reply {
    Reply::http(
        200,
        &format!("Content-Type: application/json\r\n{fields}"),
        token_json(),
    )
}

fn fields(count: usize, length: usize) -> String {
    format!("Set-Cookie: {}\r\n", "x".repeat(length)).repeat(count)
}

#[test]
fn a_long_header_section_is_read() {
    let rows = [
        ("120 fields", fields(120, 10)),
        ("20 KiB in one field", fields(1, 20 * 1024)),
        ("63 KiB", fields(63, 1024 - 14)),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, fields)| {
            let server = Server::replies([token_with(fields)]);
            let output = TestEnv::for_server(&server).run(&["get"]);
            output.exits(0).prints(&format!("{TOKEN}\n"));
        },
    );
}

#[test]
fn a_header_section_that_is_too_long_is_named_and_not_retried() {
    let rows = [
        ("fields", fields(200, 10), "too many headers"),
        (
            "length",
            fields(1, 70 * 1024),
            "header section is over 64 KiB",
        ),
        ("both", fields(100, 1024), "header section is over 64 KiB"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, fields, said)| {
            let server = Server::replies([token_with(fields)]);
            TestEnv::for_server(&server)
                .run(&["get"])
                .exits(7)
                .says(said);
        },
    );
}

/// Without a length, only TLS's close_notify tells the end of a body from a cut.
#[test]
fn a_body_that_tls_did_not_end_is_retried_and_never_used() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
    let bodies = [
        ("a whole token", TOKEN.to_owned()),
        ("a cut token", TOKEN[..TOKEN.len() - 2].to_owned()),
        ("a whole object", token_json()),
    ];
    let ends = [Step::Cut, Step::Reset];
    each_row_at_once(
        &bodies,
        |row| row.0,
        |(_, body)| {
            for end in &ends {
                let authority = Authority::new();
                let answer = [&head[..], body.as_bytes()].concat();
                let cut = Reply::steps([Step::ReadRequest, Step::Send(answer), end.clone()]);
                let server = Server::tls(authority.server(Cert::Good), [cut.clone(), cut]);
                let mut env = TestEnv::for_server(&server);
                let file = env.file("ca.pem", authority.pem());
                env.run(&["get", "--retries", "1", "--ca-cert", &file])
                    .exits(5)
                    .says("the connection ended too early");
            }
        },
    );
}

#[test]
fn a_body_that_tls_ended_or_its_length_completes_is_used() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    let closed = format!("{head}\r\n{TOKEN}");
    let counted = format!("{head}Content-Length: {}\r\n\r\n{TOKEN}", TOKEN.len());
    let chunked = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{TOKEN}\r\n0\r\n\r\n",
        TOKEN.len()
    );
    let sends = |answer: String, last: &[Step]| {
        Reply::steps([&[Step::ReadRequest, Step::Send(answer.into_bytes())], last].concat())
    };
    let rows = [
        ("close_notify", sends(closed, &[])),
        ("a length", sends(counted, &[Step::Cut])),
        ("chunks", sends(chunked, &[Step::Cut])),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let authority = Authority::new();
            let server = Server::tls(authority.server(Cert::Good), [reply.clone()]);
            let mut env = TestEnv::for_server(&server);
            let file = env.file("ca.pem", authority.pem());
            let output = env.run(&["get", "--ca-cert", &file]);
            output.exits(0).prints(&format!("{TOKEN}\n"));
        },
    );
}

/// Plain http has no close_notify: an orderly end is all that such a server can do, a reset is none.
#[test]
fn over_plain_http_a_body_ends_with_the_connection_but_not_with_a_reset() {
    let answer = format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{TOKEN}");
    let steps = |last| [Step::ReadRequest, Step::Send(answer.clone().into()), last];
    let server = Server::replies([Reply::steps(steps(Step::Cut))]);
    TestEnv::for_server(&server).run(&["get"]).exits(0);
    let server = Server::replies([Reply::steps(steps(Step::Reset))]);
    TestEnv::for_server(&server).run_once(&["get"]).exits(5);
}
