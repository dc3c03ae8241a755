//! `serve`, the caching token proxy.
#![cfg(all(unix, feature = "server"))]

mod caching;
mod caller_keys;
#[cfg(target_os = "linux")]
mod documents;
mod forwarding;
mod guarding;
mod limits;
#[cfg(target_os = "linux")]
mod load;
mod operation;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::support::serving::{Answer, Serving, basic, form, half_close};
use crate::support::{
    Authority, Cert, Gate, ID, Reply, SECRET, Server, Step, TOKEN, TestEnv, closed_port, each_row,
    each_row_at_once, libfaketime, needed, token_json,
};

const GRANT: &str = "grant_type=client_credentials";
const V4: &str = "/v4.0/cells/connect/token";
/// The server's own answers are there within this, however slow the machine.
const SOON: Duration = Duration::from_secs(4);

/// An environment whose upstream is `server`, without credentials, with the cache on.
fn environment(server: &Server) -> TestEnv {
    environment_of(server.url())
}

fn environment_of(upstream: &str) -> TestEnv {
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", upstream)
        .var("CELLS_NO_CACHE", "");
    env
}

fn serve(server: &Server) -> (TestEnv, Serving) {
    let env = environment(server);
    let serving = env.serve(&["--retries", "0"]);
    (env, serving)
}

/// A token that is over as soon as it is there: proves the secret, and is fetched again each time.
fn token_of_no_life() -> Reply {
    Reply::json(
        200,
        json!({ "access_token": TOKEN, "expires_in": 0 }).to_string(),
    )
}

fn health(serving: &Serving) -> Answer {
    let host = serving.address();
    serving.send(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
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
