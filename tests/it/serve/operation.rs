//! What an operator sees: startup errors, TLS, the access log, metrics, reload, shutdown.

use super::*;

#[test]
fn beyond_loopback_tls_or_an_explicit_option_is_required() {
    let env = TestEnv::new();
    let rows: [(&str, &[&str], &str); 6] = [
        ("every address", &["--listen", "0.0.0.0:0"], "--listen-http"),
        (
            "every address of IPv6",
            &["--listen", "[::]:0"],
            "--tls-cert",
        ),
        ("no address", &["--listen", "localhost"], "127.0.0.1:8470"),
        ("half of TLS", &["--tls-cert", "x"], "--tls-key"),
        ("the other half", &["--tls-key", "x"], "--tls-cert"),
        (
            "no certificate",
            &["--tls-cert", "x", "--tls-key", "x"],
            "--tls-cert",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, options, named)| {
            let args = [&["serve"], *options].concat();
            env.run(&args).exits(2).says(named);
        },
    );
    let serving = env.serve(&["--listen", "0.0.0.0:0", "--listen-http"]);
    let port = serving.address().port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: pod.invalid\r\n\r\n")
        .unwrap();
    Answer::read(&mut stream).unwrap().is(200);
    serving.finish();
}

#[test]
fn a_port_in_use_is_reported() {
    let server = Server::untouched();
    let (env, serving) = serve(&server);
    let address = serving.address().to_string();
    env.run(&["serve", "--listen", &address])
        .exits(1)
        .says(&address)
        .hints("--listen");
    serving.finish();
}

#[test]
fn tls_uses_the_certificate_given() {
    let server = Server::replies([Reply::token()]);
    let authority = Authority::new();
    let mut env = environment(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let (cert, key) = authority.pems(Cert::Good);
    let (cert, key) = (env.file("cert.pem", cert), env.file("key.pem", key));
    let ca = env.file("ca.pem", authority.pem());
    let serving = env.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    serving.wait_for("listening on https://", 1);
    let url = serving.url().replace("http:", "https:");
    let get = ["get", "--no-cache", "--base-url", &url];
    let output = env.run(&[&get[..], &["--ca-cert", &ca]].concat());
    output.exits(0).prints(&format!("{TOKEN}\n"));
    env.run(&get).exits(5);
    serving.finish();
}

#[test]
fn the_access_log_has_one_line_per_request_without_secrets() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let portal = Reply::text(200, "text/html", "<html>");
    let server = Server::replies([Reply::token(), portal, refusal]);
    let mut env = environment(&server);
    let serving = env.secret("swapped-secret").serve(&["--retries", "0"]);
    serving.ask(ID, SECRET);
    serving.ask(ID, SECRET);
    serving.ask("swapped-secret", ID).is(200);
    // Callers mix up ids and secrets, and put them where they do not belong.
    serving.ask("swapped-secret", ID);
    serving.send(&serving.post("/swapped-secret", "", ""));
    health(&serving).is(200);
    let line = serving.wait_for("healthz", 1);
    assert!(
        line.starts_with("cells-token: 127.0.0.1 GET /healthz 200 local "),
        "{line}"
    );
    let said = serving.finish();
    for expected in [
        format!(" POST {V4} 200 fetched "),
        format!(" POST {V4} 200 cached "),
        format!("ms client {ID}"),
        format!(" POST {V4} 200 upstream "),
        format!(" POST {V4} 401 upstream "),
        " POST (other path) 404 local ".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected:?} in {said}");
    }
}

#[test]
fn a_caller_that_leaves_early_is_logged_with_499() {
    let gate = Gate::default();
    let server = Server::always(Reply::token().held_by(&gate));
    let (_env, serving) = serve(&server);
    let mut asking = serving.connect();
    asking.write_all(&serving.request(ID, SECRET)).unwrap();
    server.wait_for_requests(1);
    drop(asking);
    let line = serving.wait_for(" 499 ", 1);
    let expected = format!("cells-token: 127.0.0.1 POST {V4} 499 local ");
    assert!(line.starts_with(&expected), "{line}");
    assert!(!line.contains(ID), "{line}");
    // However soon they leave: here before anything of them is read.
    serving.signal(Signal::STOP);
    for _ in 0..200 {
        let mut asking = serving.connect();
        asking.write_all(&serving.request(ID, SECRET)).unwrap();
    }
    serving.signal(Signal::CONT);
    serving.wait_for(" 499 ", 201);
    // It was sent already, so what came of it is known.
    gate.open();
    serving.ask(ID, SECRET).is(200);
    assert_eq!(server.requests().len(), 1);
    let said = serving.finish();
    assert_eq!(said.matches(" POST ").count(), 202, "{said}");
}

#[test]
fn quiet_turns_the_access_log_off() {
    let server = Server::untouched();
    let env = environment(&server);
    let port = env.serve(&[]).address().port();
    let address = format!("127.0.0.1:{port}");
    let mut running = env.start(&["serve", "-q", "--listen", &address]);
    running.type_in(b"");
    let since = Instant::now();
    let answer = loop {
        assert!(since.elapsed() < SOON);
        if let Ok(mut stream) = TcpStream::connect(&address) {
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .unwrap();
            break Answer::read(&mut stream).unwrap();
        }
    };
    answer.is(200);
    running.signal(Signal::INT);
    let output = running.finish();
    output.exits(0);
    assert_eq!(output.stderr, "");
}

#[test]
fn shutdown_loses_none_of_five_hundred_requests() {
    allow_open_files();
    for signal in [Signal::TERM, Signal::INT] {
        let gate = Gate::default();
        let server = Server::replies([Reply::token().held_by(&gate)]);
        let (_env, mut serving) = serve(&server);
        let _idle = serving.connect();
        let mut asking = ask_all(&serving, 500, &serving.request(ID, SECRET));
        server.wait_for_requests(1);
        serving.signal(signal);
        let since = Instant::now();
        while TcpStream::connect(serving.address()).is_ok() {
            assert!(since.elapsed() < SOON, "connections are still accepted");
        }
        gate.open();
        for stream in &mut asking {
            Answer::read(stream).unwrap().is(200);
        }
        assert_eq!(serving.wait(), Some(0));
    }
}

#[test]
fn shutdown_loses_no_request_that_waits_in_the_systems_queue() {
    allow_open_files();
    let server = Server::replies([Reply::token()]);
    let (_env, mut serving) = serve(&server);
    serving.ask(ID, SECRET).is(200);
    serving.signal(Signal::STOP);
    let mut asking = ask_all(&serving, 500, &serving.request(ID, SECRET));
    serving.signal(Signal::TERM);
    serving.signal(Signal::CONT);
    for stream in &mut asking {
        Answer::read(stream).unwrap().is(200);
    }
    assert_eq!(serving.wait(), Some(0));
}

#[test]
fn shutdown_ends_after_ten_seconds() {
    let server = Server::always(Reply::steps([Step::ReadRequest, Step::Hang]));
    let (_env, mut serving) = serve(&server);
    let mut stream = serving.connect();
    stream.write_all(&serving.request(ID, SECRET)).unwrap();
    server.wait_for_requests(1);
    let since = Instant::now();
    serving.signal(Signal::TERM);
    assert_eq!(serving.wait(), Some(0));
    assert!(
        (9..14).contains(&since.elapsed().as_secs()),
        "{:?}",
        since.elapsed()
    );
}

#[test]
fn the_certificate_is_read_again_on_sighup_and_a_bad_one_keeps_the_old() {
    let server = Server::replies([Reply::token()]);
    let mut env = environment(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let [first, second] = [(), ()].map(|()| Authority::new());
    let (cert, key) = first.pems(Cert::Good);
    let (cert, key) = (env.file("cert.pem", cert), env.file("key.pem", key));
    let cas = [&first, &second].map(Authority::pem);
    let cas = [
        env.file("first.pem", &cas[0]),
        env.file("second.pem", &cas[1]),
    ];
    let serving = env.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    let url = serving.url().replace("http:", "https:");
    let codes = || {
        let get = [
            "get",
            "--no-cache",
            "--retries",
            "0",
            "--base-url",
            &url,
            "--ca-cert",
        ];
        [0, 1].map(|at| env.run(&[&get[..], &[&cas[at]]].concat()).code.unwrap())
    };
    assert_eq!(codes(), [0, 5]);
    fs::write(&key, "").unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("the certificate could not be reloaded", 1);
    assert_eq!(codes(), [0, 5]);
    let (new_cert, new_key) = second.pems(Cert::Good);
    fs::write(&cert, new_cert).unwrap();
    fs::write(&key, new_key).unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("reloaded the certificate", 1);
    assert_eq!(codes(), [5, 0]);
    serving.finish();
}

#[test]
fn metrics_count_requests_by_status_and_source_and_name_no_client() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let server = Server::replies([Reply::token(), refusal]);
    let mut env = environment(&server);
    let serving = env.secret("another-secret").serve(&["--retries", "0"]);
    serving.ask(ID, SECRET).is(200);
    serving.ask(ID, SECRET).is(200);
    serving.ask(ID, "another-secret").is(401);
    let host = serving.address();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let answer = serving.send(request.as_bytes());
    let text = answer.is(200).text();
    for line in [
        r#"cells_token_requests_total{status="200",source="fetched"} 1"#,
        r#"cells_token_requests_total{status="200",source="cached"} 1"#,
        r#"cells_token_requests_total{status="401",source="upstream"} 1"#,
        "cells_token_upstream_requests_total 2",
        "cells_token_cached_identities 1",
        "cells_token_requests_in_flight 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(!text.contains(ID), "{text}");
    env.file("metrics", &text);
    let checked =
        env.sh("command -v promtool >/dev/null || exit 77; promtool check metrics <metrics 2>&1");
    match checked.code {
        Some(77) => needed("promtool check metrics", "promtool"),
        _ => drop(checked.exits(0).prints("")),
    }
    serving.finish();
}

/// The pipe that nobody reads takes 64 KiB; what does not fit in the queue is dropped.
#[test]
fn a_standard_error_that_nobody_reads_delays_nobody() {
    let server = Server::always(Reply::token());
    let env = environment(&server);
    let port = env.serve(&[]).address().port();
    let address = format!("127.0.0.1:{port}");
    let running = env.start_sh(&format!(
        "mkfifo unread; sleep 100 <unread & reader=$!
         cells-token serve -v --no-cache --listen {address} 2>unread & echo $! >pid
         wait $!; kill $reader"
    ));
    let since = Instant::now();
    let connect = || loop {
        assert!(since.elapsed() < 3 * SOON, "serve does not listen");
        if let Ok(stream) = TcpStream::connect(&address) {
            stream.set_read_timeout(Some(SOON)).unwrap();
            break stream;
        }
    };
    let mut stream = connect();
    for number in 0..400 {
        let body = form(&format!("{number}-{}", "x".repeat(100)), SECRET);
        let request = format!(
            "POST {V4} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream).expect("an answer").is(200);
    }
    let pid = fs::read_to_string(env.path("pid")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    running.finish();
}

#[test]
fn a_kill_leaves_a_usable_cache() {
    let upstream = Counting::start(200, &token_json());
    let env = environment_of(&upstream.url);
    for round in 0..10 {
        let serving = env.serve(&[]);
        // One entry that exists, and others that are being written.
        serving.ask(ID, SECRET).is(200);
        let requests: Vec<_> = (0..20)
            .map(|number| serving.request(&format!("killed-{round}-{number}"), SECRET))
            .collect();
        let asking: Vec<_> = requests
            .iter()
            .flat_map(|request| ask_all(&serving, 1, request))
            .collect();
        thread::sleep(Duration::from_millis(2 * round));
        serving.signal(Signal::KILL);
        drop((asking, serving));
    }
    let serving = env.serve(&[]);
    let known: Vec<_> = env.cache_files();
    let known = known
        .iter()
        .filter(|path| path.extension().is_some_and(|found| found == "json"));
    let ids = known.map(|path| {
        let entry: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(entry["response"]["access_token"], json!(TOKEN));
        entry["client_id"].as_str().unwrap().to_owned()
    });
    let ids: Vec<_> = ids.collect();
    for id in &ids {
        serving.ask(id, SECRET).is(200);
    }
    let said = serving.finish();
    assert_eq!(said.matches(" 200 cached ").count(), ids.len(), "{said}");
}
