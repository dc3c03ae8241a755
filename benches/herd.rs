//! Latency of many waiting processes: `cargo bench --bench herd`.
//!
//! Each round starts 200 processes with an empty cache. The server answers 500 ms after the last one started, so all of
//! them wait for that one response however busy the machine is. Measures the time from the response to the end of the
//! last process, for success and for refused credentials. The goal is 150 ms.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, and the rules for the program's modules do not apply to it"
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
        let mut tails: Vec<_> = (0..2 * ROUNDS)
            .filter_map(|_| round(answer))
            .take(ROUNDS)
            .collect();
        assert_eq!(tails.len(), ROUNDS, "the machine is too busy");
        tails.sort();
        let [least, median, most] =
            [0, ROUNDS / 2, ROUNDS - 1].map(|index| tails[index].as_millis());
        println!(
            "{PROCESSES} processes, {name}: {median} ms from the response to the end of the last \
             (median of {ROUNDS}; {least} to {most})"
        );
    }
}

/// Runs one round. Returns `None`, with a message, if a process started so late that it sent its own request.
fn round((status, code, body): (u16, i32, &'static str)) -> Option<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let cache = tempfile::tempdir().unwrap();
    let (answered, answers) = channel();
    let (all_started, start_of_all) = channel::<()>();
    thread::spawn(move || {
        for socket in listener.incoming() {
            // Returns once the sender is dropped: all processes have been started.
            let _ = start_of_all.recv();
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
    drop(all_started);
    for mut process in herd {
        assert_eq!(process.wait().unwrap().code(), Some(code));
    }
    let ended = Instant::now();
    let answered = answers.recv().unwrap();
    if answers.try_recv().is_ok() {
        println!("round not counted: a process started after the response");
        return None;
    }
    Some(ended - answered)
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
