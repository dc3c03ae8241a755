//! `serve` under load: requests to the upstream, memory per unknown client, slow and hostile peers, shutdown, and kill.
#![cfg(all(target_os = "linux", feature = "server"))]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::json;

use crate::support::serving::{Answer, Serving, form};
use crate::support::{
    Authority, Cert, Gate, ID, Network, Reply, SECRET, Server, Step, TOKEN, TestEnv, each_row,
    libfaketime, token_json,
};

/// Time limit for an immediate answer, on a slow machine too.
const SOON: Duration = Duration::from_secs(4);

fn environment(url: &str) -> TestEnv {
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", url).var("CELLS_NO_CACHE", "");
    env
}

/// Raises the limit on open files, for many connections.
fn allow_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = Some(maximum.unwrap_or(u64::MAX).min(8192));
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

/// Opens connections and sends a request on each.
fn ask_all(serving: &Serving, count: usize, request: &[u8]) -> Vec<TcpStream> {
    let ask = |_| {
        let mut stream = serving.connect();
        stream.write_all(request).unwrap();
        stream
    };
    (0..count).map(ask).collect()
}

/// Waits until the server has read everything sent before: its one thread reads connections in turn.
fn wait_until_read(serving: &Serving) {
    for _ in 0..2 {
        health(serving).is(200);
    }
}

fn health(serving: &Serving) -> Answer {
    let host = serving.address();
    serving.send(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
}

/// Resident memory now, in kilobytes.
fn memory(serving: &Serving) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", serving.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A service that gives every client the same answer, and counts requests.
struct Counting {
    url: String,
    count: Arc<AtomicUsize>,
}

impl Counting {
    fn start(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let answer = format!(
            "HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let counted = Arc::clone(&count);
        // Its threads end with the test process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (answer, counted) = (answer.clone(), Arc::clone(&counted));
                let mut serve = move || {
                    // A request comes in at most two packets, the last of which completes the body.
                    let mut seen = Vec::new();
                    let mut buffer = [0; 4096];
                    while !String::from_utf8_lossy(&seen).contains("client_secret=") {
                        match stream.read(&mut buffer) {
                            Ok(count @ 1..) => seen.extend(&buffer[..count]),
                            _ => return,
                        }
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(answer.as_bytes());
                };
                serve();
            }
        });
        Self { url, count }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

#[test]
fn five_hundred_callers_cost_one_request() {
    allow_open_files();
    let replies = [
        ("a token", Reply::token(), 200),
        ("a refusal", Reply::oauth_error(400, "invalid_client"), 400),
    ];
    each_row(
        &replies,
        |row| row.0,
        |(_, reply, status)| {
            let gate = Gate::default();
            let wrong = Reply::json(401, r#"{"error":"invalid_client","of":"wrong"}"#);
            let server = Server::replies([reply.clone().held_by(&gate), wrong]);
            let mut env = environment(server.url());
            let serving = env.secret("another-wrong-one").serve(&["--retries", "0"]);
            let request = serving.request(ID, SECRET);
            let mut asking = ask_all(&serving, 250, &request);
            server.wait_for_requests(1);
            // It gets its own answer while the others wait.
            let wrong = serving.ask(ID, "another-wrong-one");
            assert_eq!(wrong.is(401).json()["of"], "wrong");
            asking.extend(ask_all(&serving, 250, &request));
            wait_until_read(&serving);
            gate.open();
            for stream in &mut asking {
                Answer::read(stream).unwrap().is(*status);
            }
            serving.finish();
        },
    );
}

/// The rule in `docs/fleet.md`: processes × identities requests per token lifetime, however many callers.
#[test]
fn each_process_without_a_shared_cache_sends_one_request() {
    const PROCESSES: usize = 3;
    const IDENTITIES: usize = 5;
    const CALLERS: usize = 20;
    let upstream = Counting::start(200, &token_json());
    let environments: Vec<_> = (0..PROCESSES).map(|_| environment(&upstream.url)).collect();
    let fleet: Vec<_> = environments.iter().map(|env| env.serve(&[])).collect();
    for _ in 0..2 {
        let mut asking = Vec::new();
        for serving in &fleet {
            for identity in 0..IDENTITIES {
                let request = serving.request(&format!("fleet-{identity}"), SECRET);
                asking.extend(ask_all(serving, CALLERS, &request));
            }
        }
        for stream in &mut asking {
            Answer::read(stream).unwrap().is(200);
        }
        assert_eq!(upstream.count(), PROCESSES * IDENTITIES);
    }
    fleet.into_iter().for_each(|serving| drop(serving.finish()));

    // With a shared cache they send as many requests as one process.
    let upstream = Counting::start(200, &token_json());
    let shared = environment(&upstream.url);
    let fleet: Vec<_> = (0..PROCESSES).map(|_| shared.serve(&[])).collect();
    for serving in &fleet {
        serving.ask(ID, SECRET).is(200);
    }
    assert_eq!(upstream.count(), 1);
}

/// 6,000 identities that are refused and 6,000 that are accepted. Each costs a bounded number of bytes; unit tests cover
/// the limit of 10,000.
#[test]
fn unknown_clients_cost_little_memory_and_no_disk() {
    const STRANGERS: usize = 6_000;
    const CONNECTIONS: usize = 16;
    let refusal = r#"{"error":"invalid_client"}"#;
    // Bytes per identity: about twice the measured value.
    let by_id = |number| (format!("stranger-{number}"), String::new());
    let by_parameter = |number| (ID.to_owned(), format!("&scope={number}"));
    let no_disk = &["--retries", "0", "--no-cache"];
    type Stranger<'a> = &'a (dyn Fn(usize) -> (String, String) + Sync);
    let rows: [(_, _, &[&str], _, Stranger); 3] = [
        (401, refusal.to_owned(), &["--retries", "0"], 1024, &by_id),
        (200, token_json(), no_disk, 2048, &by_id),
        (200, token_json(), no_disk, 2048, &by_parameter),
    ];
    for (status, body, options, most, stranger) in rows {
        let upstream = Counting::start(status, &body);
        let env = environment(&upstream.url);
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

#[test]
fn a_caller_that_leaves_before_its_request_is_sent_causes_no_request() {
    const LEAVERS: usize = 300;
    /// Unproven secrets that are sent at once.
    const SENT: usize = 4;
    allow_open_files();
    let gate = Gate::default();
    let server = Server::always(Reply::token().held_by(&gate));
    let env = environment(server.url());
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
    let env = environment(server.url());
    let serving = env.serve(&[]);
    let mut asking = ask_all(&serving, CALLERS, &serving.request(ID, SECRET));
    server.wait_for_requests(1);
    gate.open();
    let mut answered = 0;
    // A connection that has been answered is closed, so that one in the queue gets its place.
    while let Some(mut stream) = (!asking.is_empty()).then(|| asking.remove(0)) {
        Answer::read(&mut stream).unwrap().is(200);
        answered += 1;
    }
    assert_eq!(answered, CALLERS);
    serving.finish();
}

/// 64 MiB of tokens are kept. All of them would be 150 MB, and about twice that with allocator overhead.
#[test]
fn large_tokens_do_not_fill_the_memory() {
    const TOKENS: usize = 2_500;
    let token = "t".repeat(60_000);
    let body = json!({ "access_token": token, "expires_in": 3600 }).to_string();
    let upstream = Counting::start(200, &body);
    let mut env = environment(&upstream.url);
    env.token(&token);
    let serving = env.serve(&["--no-cache"]);
    let mut stream = serving.connect();
    for number in 0..TOKENS {
        let request = serving.request(&format!("large-{number}"), SECRET);
        stream.write_all(&request).unwrap();
        Answer::read(&mut stream).unwrap().is(200);
    }
    let memory = memory(&serving);
    assert!(memory < 200_000, "{memory} kB");
    serving.finish();
}

/// libfaketime sets the calendar clock of the process, not its monotonic clock.
#[test]
fn a_clock_set_back_extends_neither_tokens_nor_rate_limits() {
    let Some(library) = libfaketime("a clock that is set back") else {
        return;
    };
    let short = json!({ "access_token": TOKEN, "expires_in": 4 }).to_string();
    let limit = Reply::http(429, "Retry-After: 3\r\n", "");
    let server = Server::replies([Reply::json(200, &short), limit, Reply::json(200, &short)]);
    let mut env = environment(server.url());
    let clock = env.file("clock", "+0");
    env.var("LD_PRELOAD", library)
        .var("FAKETIME_TIMESTAMP_FILE", &clock)
        .var("FAKETIME_NO_CACHE", "1")
        .var("DONT_FAKE_MONOTONIC", "1");
    let serving = env.serve(&["--retries", "0", "--timeout", "2s"]);
    let since = Instant::now();
    serving.ask(ID, SECRET).is(200);
    fs::write(&clock, "-2h").unwrap();
    // The token is renewed a tenth of its lifetime before its end.
    while serving.ask(ID, SECRET).status == 200 {
        assert!(
            since.elapsed() < 2 * SOON,
            "the token outlives its lifetime"
        );
        thread::sleep(Duration::from_millis(200));
    }
    let limited = serving.ask(ID, SECRET);
    assert!(
        (1..=3).contains(&limited.is(429).number("retry-after")),
        "{limited:?}"
    );
    fs::write(&clock, "-9h").unwrap();
    let since = Instant::now();
    while serving.ask(ID, SECRET).status != 200 {
        assert!(since.elapsed() < 2 * SOON, "the rate limit does not end");
        thread::sleep(Duration::from_millis(200));
    }
    serving.finish();
}

#[test]
fn name_servers_that_do_not_answer_cost_a_bounded_number_of_threads() {
    let network = Network {
        hosts: "127.0.0.1 localhost\n",
        resolv_conf: "nameserver 127.0.0.1\noptions timeout:10 attempts:3\n",
    };
    let test = "fleet::name_servers_that_do_not_answer_cost_a_bounded_number_of_threads";
    network.run(test, || {
        let _silent = std::net::UdpSocket::bind("127.0.0.1:53").unwrap();
        let env = environment("https://service.invalid");
        let serving = env.serve(&["--timeout", "2s"]);
        for round in 0..8 {
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

#[test]
fn a_burst_of_connections_is_accepted() {
    const CALLERS: usize = 600;
    allow_open_files();
    let env = environment("https://service.invalid");
    let serving = env.serve(&[]);
    // No connection is accepted meanwhile.
    serving.signal(Signal::STOP);
    let connect = |_| TcpStream::connect_timeout(&serving.address(), SOON);
    let connected: Vec<_> = (0..CALLERS).map_while(|n| connect(n).ok()).collect();
    assert_eq!(connected.len(), CALLERS);
    serving.signal(Signal::CONT);
    health(&serving).is(200);
    serving.finish();
}

/// Idle connections end after five seconds, the second thousand after another five; later ones wait in the queue.
#[test]
fn two_thousand_idle_connections_do_not_lock_callers_out() {
    allow_open_files();
    let server = Server::replies([Reply::token()]);
    let env = environment(server.url());
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
    each_row(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::lastly_always([Reply::token(), reply.clone()]);
            let env = environment(server.url());
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
            assert!(memory(&serving) < 60_000);
            serving.finish();
        },
    );
}

#[test]
fn shutdown_loses_none_of_five_hundred_requests() {
    allow_open_files();
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = environment(server.url());
    let mut serving = env.serve(&[]);
    let mut asking = ask_all(&serving, 500, &serving.request(ID, SECRET));
    server.wait_for_requests(1);
    serving.signal(Signal::TERM);
    let since = Instant::now();
    while TcpStream::connect(serving.address()).is_ok() {
        assert!(since.elapsed() < SOON, "connections are still accepted");
    }
    gate.open();
    for stream in &mut asking {
        assert_eq!(
            Answer::read(stream).unwrap().is(200).json()["access_token"],
            TOKEN
        );
    }
    assert_eq!(serving.wait(), Some(0));
}

#[test]
fn a_kill_leaves_a_usable_cache() {
    let upstream = Counting::start(200, &token_json());
    let env = environment(&upstream.url);
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
    let before = upstream.count();
    let serving = env.serve(&[]);
    let known: Vec<_> = env.cache_files();
    let known = known
        .iter()
        .filter(|path| path.extension().is_some_and(|found| found == "json"));
    let ids = known.map(|path| {
        let entry: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(entry["response"]["access_token"], json!(TOKEN));
        entry["client_id"].as_str().unwrap().to_owned()
    });
    for id in ids {
        serving.ask(&id, SECRET).is(200);
    }
    assert_eq!(
        upstream.count(),
        before,
        "all of them came out of the cache"
    );
    serving.finish();
}

/// Recomputes the table and the numbers in `docs/fleet.md`.
#[test]
fn the_arithmetic_is_right() {
    const JOB_MINUTES: f64 = 10.0;
    /// An hour less the margin of five minutes.
    const GOOD_MINUTES: f64 = 55.0;
    const REPLICAS: f64 = 2.0;
    const LIMIT: f64 = 60.0;
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleet.md")).unwrap();
    let rows: Vec<Vec<f64>> = page
        .lines()
        .map(|line| {
            line.split('|')
                .filter_map(|cell| cell.trim().parse().ok())
                .collect()
        })
        .filter(|row: &Vec<f64>| row.len() == 4)
        .collect();
    let runners: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(runners, [1.0, 10.0, 100.0, 1e3, 1e4, 1e5]);
    for row in &rows {
        let expected = [
            row[0] / JOB_MINUTES,
            row[0] / GOOD_MINUTES,
            REPLICAS / GOOD_MINUTES,
        ];
        for (told, expected) in row[1..].iter().zip(expected) {
            assert!(
                (told - expected).abs() <= 0.15 * expected,
                "{told} for {expected} in {row:?}"
            );
        }
    }
    let identities = LIMIT * GOOD_MINUTES / REPLICAS;
    let a_second = (1e5_f64 / 60.0).round();
    for told in [
        format!("with fewer than {identities} identities"),
        format!("are {a_second} a second"),
    ] {
        assert!(page.contains(&told), "{told:?}");
    }
}

/// The arguments in `packaging/kubernetes.yaml`, with other paths and another port.
#[test]
fn the_arguments_of_the_deployment_are_right() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/kubernetes.yaml");
    let page = fs::read_to_string(page).unwrap();
    let server = Server::replies([Reply::token()]);
    let authority = Authority::new();
    let mut env = environment(server.url());
    let (cert, key) = authority.pems(Cert::Good);
    let ca = env.file("ca.pem", authority.pem());
    let files = [
        ("/run/tls/tls.crt", env.file("cert.pem", cert)),
        ("/run/tls/tls.key", env.file("key.pem", key)),
        (
            "/run/cells-token/caller-keys",
            env.private_file("keys", "a-key-of-16-chars\n"),
        ),
        ("/run/cells-token/client-secret", env.file("client", SECRET)),
    ];
    env.var("CELLS_CLIENT_ID", ID).var("CELLS_NO_INPUT", "1");
    let (_, args) = page.split_once("args:\n            - serve\n").unwrap();
    let args = args
        .lines()
        .map_while(|line| line.trim().strip_prefix("- "));
    let args: Vec<String> = args
        .map(|arg| {
            let arg = arg.replace("--listen=0.0.0.0:8470", "--listen=0.0.0.0:0");
            files
                .iter()
                .fold(arg, |arg, (there, here)| arg.replace(there, here))
        })
        .collect();
    assert!(args.len() >= 6, "{args:?}");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let serving = env.serve(&args);
    let port = serving.address().port();
    let curl = format!("curl -sS --noproxy '*' --cacert {ca} https://127.0.0.1:{port}");
    env.sh(&format!("{curl}/healthz")).exits(0).prints("ok\n");
    assert!(page.contains("path: /healthz"));
    let asked = env.sh(&format!(
        "{curl}/v4.0/cells/connect/token -X POST -H 'Authorization: Bearer a-key-of-16-chars'"
    ));
    assert!(asked.exits(0).stdout.contains(TOKEN), "{asked}");
    assert_eq!(server.request().field("client_secret").unwrap(), SECRET);
    serving.finish();
}
