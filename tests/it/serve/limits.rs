//! Limits on connections and messages, and requests that are rejected.

use std::io;

use super::*;

#[test]
fn web_pages_foreign_hosts_and_credentials_in_a_url_are_rejected() {
    let server = Server::untouched();
    let (_env, serving) = serve(&server);
    let body = form(ID, SECRET);
    let origin = serving.post(V4, "Origin: http://localhost\r\n", &body);
    serving.send(&origin).is(403).has_error("invalid_request");
    let request = String::from_utf8(serving.request(ID, SECRET)).unwrap();
    let rebound = request.replace(
        &format!("Host: {}", serving.address()),
        "Host: evil.invalid",
    );
    serving
        .send(rebound.as_bytes())
        .is(403)
        .has_error("invalid_request");
    let in_query = serving.post(&format!("{V4}?{body}"), "", "");
    serving.send(&in_query).is(400).has_error("invalid_request");
    serving.finish();
}

#[test]
fn heads_and_bodies_are_limited_in_size() {
    let server = Server::always(Reply::token());
    let (_env, serving) = serve(&server);
    let long = "x".repeat(8 * 1024);
    let head = serving.post(V4, &format!("X: {long}\r\n"), &form(ID, SECRET));
    serving.send(&head).is(431);
    let body = format!("{}&x={long}", form(ID, SECRET));
    serving.send(&serving.post(V4, "", &body)).is(413);
    let no_chunk = serving.post(V4, "Transfer-Encoding: chunked\r\n", "no chunk\r\n");
    let no_chunk = String::from_utf8(no_chunk).unwrap();
    let no_chunk = no_chunk.replace("Content-Length", "X");
    let answer = serving.send(no_chunk.as_bytes());
    assert!(answer.is(400).header("content-type").is_some());
    let host = serving.address();
    let chunked = format!(
        "POST {V4} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n3000\r\n{long}{long}"
    );
    serving.send(chunked.as_bytes()).is(413);
    assert!(server.requests().is_empty());
    serving.finish();
}

/// A proxy in front of this server and the server must agree where a request ends (RFC 9112 §11.2).
#[test]
fn an_ambiguous_message_length_ends_the_connection() {
    let server = Server::always(Reply::token());
    let (_env, serving) = serve(&server);
    let host = serving.address();
    let hidden = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (body, length) = (form(ID, SECRET), form(ID, SECRET).len());
    let head = format!(
        "POST {V4} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let rows = [
        (
            "two lengths",
            format!("{head}Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{body}"),
        ),
        (
            "a list of lengths",
            format!("{head}Content-Length: {length}, 0\r\n\r\n{body}"),
        ),
        (
            "a length with a sign",
            format!("{head}Content-Length: +{length}\r\n\r\n{body}"),
        ),
        (
            "chunked after a length",
            format!("{head}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
        ),
        (
            "chunked before a length",
            format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{chunks}"),
        ),
        (
            "chunked, but not last",
            format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n{chunks}"),
        ),
        (
            "nearly chunked",
            format!("{head}Transfer-Encoding: xchunked\r\n\r\n{chunks}"),
        ),
        (
            "a space before the colon",
            format!("{head}Content-Length : 0\r\n\r\n{body}"),
        ),
        (
            "a folded line",
            format!("{head}X: y\r\n Content-Length: 0\r\n\r\n{body}"),
        ),
        (
            "a bare carriage return",
            format!("{head}X: y\rContent-Length: 0\r\n\r\n{body}"),
        ),
        (
            "a chunk too long for words",
            format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        ),
        (
            "HTTP/1.0 in chunks",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}")
                .replace("HTTP/1.1", "HTTP/1.0"),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, request)| {
            let mut stream = serving.connect();
            let _ = stream.write_all(format!("{request}{hidden}").as_bytes());
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all);
            let all = String::from_utf8_lossy(&all).into_owned();
            assert!(all.matches("HTTP/1.").count() <= 1, "{all}");
        },
    );
    health(&serving).is(200);
    serving.finish();
}

#[test]
fn slow_callers_delay_nobody_and_are_cut_off() {
    let server = Server::replies([Reply::token()]);
    let (_env, serving) = serve(&server);
    let request = serving.request(ID, SECRET);
    let rows: [(&str, &[u8]); 4] = [
        ("nothing", b""),
        ("half a line", b"POST /conn"),
        ("half a head", b"POST / HTTP/1.1\r\nHost: x\r\n"),
        ("half a body", &request[..request.len() - 4]),
    ];
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                let since = Instant::now();
                serving.ask(ID, SECRET).is(200);
                assert!(since.elapsed() < SOON);
            }
        });
        each_row_at_once(
            &rows,
            |row| row.0,
            |(_, sent)| {
                let mut stream = serving.connect();
                stream.write_all(sent).unwrap();
                let since = Instant::now();
                if let Some(answer) = Answer::read(&mut stream) {
                    answer.is(408);
                }
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
                let took = since.elapsed();
                assert!((4..10).contains(&took.as_secs()), "{took:?}");
            },
        );
    });
    serving.finish();
}

#[test]
fn a_half_closed_connection_is_answered() {
    let server = Server::always(Reply::token());
    let (_env, serving) = serve(&server);
    let mut stream = serving.connect();
    stream.write_all(&serving.request(ID, SECRET)).unwrap();
    half_close(&stream);
    let answer = Answer::read(&mut stream);
    assert!(answer.is_none_or(|answer| answer.status == 200));
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn an_idle_connection_ends_after_five_seconds_and_so_does_one_that_reads_nothing() {
    // Large, so that few responses fill the buffers.
    let token = json!({ "access_token": "t".repeat(60_000), "expires_in": 3600 });
    let server = Server::replies([Reply::json(200, token.to_string())]);
    let (_env, serving) = serve(&server);
    let request = serving.request(ID, SECRET);
    serving.send(&request).is(200);
    let ends = |after: &dyn Fn(&mut TcpStream)| {
        let mut stream = serving.connect();
        after(&mut stream);
        let since = Instant::now();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        since.elapsed()
    };
    thread::scope(|scope| {
        let idle = scope.spawn(|| {
            ends(&|stream| {
                stream.write_all(&request).unwrap();
                Answer::read(stream).unwrap().is(200);
            })
        });
        // Responses fill the buffers of both sides, then nothing moves.
        let unread = scope.spawn(|| {
            ends(&|stream| {
                stream
                    .set_write_timeout(Some(Duration::from_secs(1)))
                    .unwrap();
                while stream.write_all(&request).is_ok() {}
                let is_full = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
                let since = Instant::now();
                while stream.write(&request).is_err_and(|error| is_full(&error)) {
                    assert!(since.elapsed() < 3 * SOON, "the connection is kept");
                }
            })
        });
        let took = idle.join().unwrap();
        assert!((4..10).contains(&took.as_secs()), "{took:?}");
        let took = unread.join().unwrap();
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
    serving.finish();
}

#[test]
fn a_service_that_hangs_drips_or_floods_delays_only_its_own_caller() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n";
    let steps = |steps: &[Step]| Reply::steps([&[Step::ReadRequest], steps].concat());
    let rows = [
        ("hangs", steps(&[Step::Hang])),
        (
            "drips",
            steps(&[Step::Drip(
                head.repeat(99).into(),
                Duration::from_millis(50),
            )]),
        ),
        (
            "floods",
            steps(&[Step::Send(head.into()), Step::Flood(vec![b' '; 9999])]),
        ),
        (
            "floods with headers",
            steps(&[
                Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                Step::Flood(b"X: y\r\n".to_vec()),
            ]),
        ),
    ];
    each_row_at_once(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::lastly_always([Reply::token(), reply.clone()]);
            let env = environment(&server);
            let serving = env.serve(&["--retries", "0", "--timeout", "6s"]);
            serving.ask(ID, SECRET).is(200);
            let mut waiting = serving.connect();
            waiting
                .write_all(&serving.request("another-id", SECRET))
                .unwrap();
            server.wait_for_requests(2);
            let since = Instant::now();
            for _ in 0..20 {
                serving.ask(ID, SECRET).is(200);
            }
            assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
            let answer = Answer::read(&mut waiting).unwrap();
            assert!([502, 504].contains(&answer.status), "{answer:?}");
            serving.finish();
        },
    );
}
