//! `sandbox`: its token endpoint, the environment of its command, and the cleanup.

mod command;
mod endpoint;
mod environment;

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::TestEnv;
use crate::support::serving::Answer;

/// Time limit for every wait.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// A sandbox in the background.
struct Sandbox {
    address: String,
    id: String,
    secret: String,
    _env: TestEnv,
}

impl Sandbox {
    /// Its command runs until the second value is dropped.
    fn start(options: &[&str]) -> (Self, impl Sized) {
        let env = TestEnv::new();
        let script = "printf '%s\n' $CELLS_BASE_URL $CELLS_CLIENT_ID $CELLS_CLIENT_SECRET >new; mv new told; cat";
        let running = env.start(&[&["sandbox"], options, &["--", "sh", "-c", script]].concat());
        let since = Instant::now();
        let told = loop {
            if let Ok(told) = fs::read_to_string(env.path("told")) {
                break told;
            }
            assert!(since.elapsed() < LIMIT, "the command never started");
            thread::sleep(POLL);
        };
        let mut told = told.lines().map(str::to_owned);
        let address = told
            .next()
            .unwrap()
            .strip_prefix("http://")
            .unwrap()
            .to_owned();
        (
            Self {
                address,
                id: told.next().unwrap(),
                secret: told.next().unwrap(),
                _env: env,
            },
            running,
        )
    }

    fn good_form(&self) -> String {
        format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            self.id, self.secret
        )
    }

    fn post(&self, body: &str) -> Answer {
        self.ask("POST", "/v4.0/cells/connect/token", "", body)
    }

    /// `headers` are complete lines.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let form = "Content-Type: application/x-www-form-urlencoded";
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{form}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n",
            self.address
        );
        // A server that refuses may close before everything is sent.
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
        Answer::read(&mut stream).expect("a response")
    }
}

/// A part of a JWT, decoded.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Directories of sandboxes that still exist.
fn leftovers(env: &TestEnv) -> Vec<PathBuf> {
    let entries = fs::read_dir(env.path("../tmp")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
