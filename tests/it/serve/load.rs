//! Many requests: connections, memory, threads, and what reaches the upstream.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::support::Network;

/// Resident memory now, in kilobytes.
fn memory(serving: &Serving) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", serving.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_caller_that_leaves_before_its_request_is_sent_causes_no_request() {
    const LEAVERS: usize = 300;
    /// Unproven secrets that are sent at once.
    const SENT: usize = 4;
    allow_open_files();
    let gate = Gate::default();
    let server = Server::always(Reply::token().held_by(&gate));
    let env = environment(&server);
    let serving = env.serve(&["--retries", "0"]);
    let leaver = |number| serving.request(&format!("leaver-{number}"), SECRET);
    let first = (0..SENT).flat_map(|number| ask_all(&serving, 1, &leaver(number)));
    let mut leaving: Vec<_> = first.collect();
    server.wait_for_requests(SENT);
    let others = (SENT..LEAVERS).flat_map(|number| ask_all(&serving, 1, &leaver(number)));
    leaving.extend(others);
    // The last one shares its identity with a caller that stays.
    let shared = serving.request(ID, SECRET);
    leaving.extend(ask_all(&serving, 1, &shared));
    wait_until_read(&serving);
    let mut staying = ask_all(&serving, 1, &shared).remove(0);
    wait_until_read(&serving);
    drop(leaving);
    serving.wait_for(" 499 ", LEAVERS + 1);
    gate.open();
    // Requests are sent in order, so leftovers would come first.
    Answer::read(&mut staying).unwrap().is(200);
    assert_eq!(server.requests().len(), SENT + 1);
    // The outcome of those that were sent is remembered; the others may ask again.
    for number in 0..SENT {
        serving.send(&leaver(number)).is(200);
    }
    assert_eq!(server.requests().len(), SENT + 1);
    serving.send(&leaver(SENT)).is(200);
    assert_eq!(server.requests().len(), SENT + 2);
    serving.finish();
}

/// More connections than are served at once, all with a request in flight: none is closed unanswered.
#[test]
fn a_burst_beyond_the_connection_limit_loses_none() {
    const CALLERS: usize = 1600;
    allow_open_files();
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = environment(&server);
    let serving = env.serve(&[]);
    let mut asking = ask_all(&serving, CALLERS, &serving.request(ID, SECRET));
    server.wait_for_requests(1);
    // At the limit, no further connection is accepted, not even for this.
    let mut waiting = serving.connect();
    waiting
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    assert!(Answer::read(&mut waiting).is_none());
    gate.open();
    let mut answered = 0;
    // A connection that has been answered is closed, so that one in the queue is accepted.
    while let Some(mut stream) = (!asking.is_empty()).then(|| asking.remove(0)) {
        Answer::read(&mut stream).unwrap().is(200);
        answered += 1;
    }
    assert_eq!(answered, CALLERS);
    serving.finish();
}

/// As above, with handshakes: 1,104 connections, of which 1,024 have a request in flight before the first is answered.
#[test]
fn a_burst_of_tls_handshakes_beyond_the_connection_limit_loses_none() {
    const THREADS: usize = 16;
    const EACH: usize = 69;
    const SERVED_AT_ONCE: usize = 1024;
    allow_open_files();
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let authority = Authority::new();
    let mut env = environment(&server);
    let (cert, key) = authority.pems(Cert::Good);
    let (cert, key) = (env.file("cert.pem", cert), env.file("key.pem", key));
    let serving = env.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let request = serving.post(V4, "Connection: close\r\n", &form(ID, SECRET));
    let sent = AtomicUsize::new(0);
    let ask = || {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let mut stream = StreamOwned::new(client, serving.connect());
        stream.write_all(&request).unwrap();
        stream.flush().unwrap();
        sent.fetch_add(1, Ordering::SeqCst);
        stream
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let asking: Vec<_> = (0..EACH).map(|_| ask()).collect();
                for mut stream in asking {
                    Answer::read(&mut stream).unwrap().is(200);
                }
            });
        }
        let since = Instant::now();
        while sent.load(Ordering::SeqCst) < SERVED_AT_ONCE {
            assert!(
                since.elapsed() < 10 * SOON,
                "{sent:?} requests are in flight"
            );
            thread::sleep(Duration::from_millis(20));
        }
        gate.open();
    });
    serving.finish();
}

/// Idle connections end after five seconds, the second thousand after another five; later ones wait in the queue.
#[test]
fn two_thousand_idle_connections_do_not_lock_callers_out() {
    allow_open_files();
    let server = Server::replies([Reply::token()]);
    let env = environment(&server);
    let serving = env.serve(&[]);
    serving.ask(ID, SECRET).is(200);
    let idle: Vec<_> = (0..2000).map(|_| serving.connect()).collect();
    let since = Instant::now();
    for _ in 0..20 {
        serving.ask(ID, SECRET).is(200);
    }
    assert!(since.elapsed() < 4 * SOON, "{:?}", since.elapsed());
    let memory = memory(&serving);
    assert!(memory < 60_000, "{memory} kB");
    drop(idle);
    serving.finish();
}

/// 2,400 identities that are refused and 2,400 that are accepted. Each costs a bounded number of bytes; unit tests cover
/// the limit of 10,000.
#[test]
fn unknown_clients_cost_little_memory_and_no_disk() {
    const STRANGERS: usize = 2_400;
    const CONNECTIONS: usize = 16;
    let refusal = r#"{"error":"invalid_client"}"#;
    // Bytes per identity: about twice the measured value.
    let by_id = |number| (format!("stranger-{number}"), String::new());
    let by_parameter = |number| (ID.to_owned(), format!("&scope={number}"));
    let no_disk = &["--retries", "0", "--no-cache"];
    type Stranger<'a> = &'a (dyn Fn(usize) -> (String, String) + Sync);
    let rows: [(_, _, &[&str], _, Stranger); 3] = [
        (401, refusal.to_owned(), &["--retries", "0"], 1024, &by_id),
        (200, token_json(), no_disk, 4096, &by_id),
        (200, token_json(), no_disk, 4096, &by_parameter),
    ];
    for (status, body, options, most, stranger) in rows {
        let upstream = Counting::start(status, &body);
        let env = environment_of(&upstream.url);
        let serving = env.serve(options);
        let round = |from: usize| {
            thread::scope(|scope| {
                for connection in 0..CONNECTIONS {
                    let serving = &serving;
                    scope.spawn(move || {
                        let mut stream = serving.connect();
                        for number in (from + connection..from + STRANGERS / 2).step_by(CONNECTIONS)
                        {
                            let (id, parameters) = stranger(number);
                            let body = form(&id, SECRET) + &parameters;
                            let request = serving.post("/connect/token", "", &body);
                            stream.write_all(&request).unwrap();
                            Answer::read(&mut stream).unwrap().is(status);
                        }
                    });
                }
            });
            memory(&serving)
        };
        let [half, all] = [round(0), round(STRANGERS / 2)];
        assert_eq!(upstream.count(), STRANGERS);
        eprintln!(
            "{status}: {half} kB after {}, {all} kB after {STRANGERS}",
            STRANGERS / 2
        );
        let each = all.saturating_sub(half) * 1024 / (STRANGERS / 2);
        assert!(each < most, "{each} bytes");
        assert!(all < 50_000, "{all} kB");
        assert!(!env.cache_dir().exists(), "{:?}", env.cache_files().len());
        serving.finish();
    }
}

/// 64 MiB of tokens are kept. All of them would be 120 MB.
#[test]
fn large_tokens_do_not_fill_the_memory() {
    const TOKENS: usize = 2_000;
    const CONNECTIONS: usize = 4;
    let token = "t".repeat(60_000);
    let body = json!({ "access_token": token, "expires_in": 3600 }).to_string();
    let upstream = Counting::start(200, &body);
    let mut env = environment_of(&upstream.url);
    env.token(&token);
    let serving = env.serve(&["--no-cache"]);
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let serving = &serving;
            scope.spawn(move || {
                let mut stream = serving.connect();
                for number in (connection..TOKENS).step_by(CONNECTIONS) {
                    let request = serving.request(&format!("large-{number}"), SECRET);
                    stream.write_all(&request).unwrap();
                    Answer::read(&mut stream).unwrap().is(200);
                }
            });
        }
    });
    let memory = memory(&serving);
    // Reached: 91,476 kB; without a limit 135,964 kB.
    assert!(memory < 115_000, "{memory} kB");
    serving.finish();
}

#[test]
fn name_servers_that_do_not_answer_cost_a_bounded_number_of_threads() {
    let network = Network {
        hosts: "127.0.0.1 localhost\n",
        resolv_conf: "nameserver 127.0.0.1\noptions timeout:10 attempts:3\n",
    };
    let test = "serve::load::name_servers_that_do_not_answer_cost_a_bounded_number_of_threads";
    network.run(test, || {
        let _silent = std::net::UdpSocket::bind("127.0.0.1:53").unwrap();
        let env = environment_of("https://service.invalid");
        let serving = env.serve(&["--timeout", "1s"]);
        for round in 0..4 {
            thread::scope(|scope| {
                for number in 0..12 {
                    let serving = &serving;
                    scope.spawn(move || {
                        let since = Instant::now();
                        let answer = serving.ask(&format!("{round}-{number}"), SECRET);
                        assert!([502, 503, 504].contains(&answer.status), "{answer:?}");
                        assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
                    });
                }
            });
        }
        let tasks = format!("/proc/{}/task", serving.pid());
        let threads = fs::read_dir(tasks).unwrap().count();
        // 40 for requests, 36 that wait for them, and a few others.
        assert!(threads <= 80, "{threads} threads");
        serving.finish();
    });
}
