//! How long a herd of processes needs after the one answer that all of them wait for: `cargo bench --bench herd`.
//!
//! Each round starts 200 processes on an empty cache against a server that takes 500 ms, and tells the time from its
//! answer to the end of the last process. The goal is 150 ms, on success and on refusal.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement fails by panicking, and is outside the program's walls"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const PROCESSES: usize = 200;
const ROUNDS: usize = 11;
const SERVICE_TIME: Duration = Duration::from_millis(500);

const TOKEN: (u16, i32, &str) = (200, 0, r#"{"access_token":"token","expires_in":3600}"#);
const REFUSAL: (u16, i32, &str) = (401, 4, r#"{"error":"invalid_client"}"#);

fn main() {
    for (name, answer) in [("success", TOKEN), ("refusal", REFUSAL)] {
        let mut tails: Vec<_> = (0..ROUNDS).map(|_| round(answer)).collect();
        tails.sort();
        let [least, median, most] =
            [0, ROUNDS / 2, ROUNDS - 1].map(|index| tails[index].as_millis());
        println!(
            "{PROCESSES} processes, {name}: from the answer to the last end {median} ms \
             (median of {ROUNDS}; {least} to {most})"
        );
    }
}

/// Runs one herd on a cache of its own.
fn round((status, code, body): (u16, i32, &'static str)) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let cache = tempfile::tempdir().unwrap();
    let (answered, answers) = channel();
    thread::spawn(move || {
        for socket in listener.incoming() {
            answer(socket.unwrap(), status, body, &answered);
        }
    });
    let start = |_| -> Child {
        Command::new(env!("CARGO_BIN_EXE_cells-token"))
            .arg("get")
            .env_clear()
            .env("CELLS_CLIENT_ID", "id")
            .env("CELLS_CLIENT_SECRET", "secret")
            .env("CELLS_BASE_URL", &url)
            .env("CELLS_CACHE_DIR", cache.path().join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let herd: Vec<_> = (0..PROCESSES).map(start).collect();
    for mut process in herd {
        assert_eq!(process.wait().unwrap().code(), Some(code));
    }
    let ended = Instant::now();
    let answered = answers.recv().unwrap();
    assert!(answers.try_recv().is_err(), "more than one request");
    ended - answered
}

fn answer(mut socket: TcpStream, status: u16, body: &str, answered: &Sender<Instant>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    // The secret is the last field of the form.
    while !request.ends_with(b"client_secret=secret") {
        let count = socket.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the request ended early");
        request.extend(&buffer[..count]);
    }
    thread::sleep(SERVICE_TIME);
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    socket.write_all(answer.as_bytes()).unwrap();
    answered.send(Instant::now()).unwrap();
}
