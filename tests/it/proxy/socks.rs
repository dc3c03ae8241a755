//! What a SOCKS 5 proxy receives, and how it fails.

use super::{HTTP, HTTPS, PASSWORD, environment, shown, with_password};
use crate::support::{Reply, Server, Step, each_row, each_row_at_once};

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
