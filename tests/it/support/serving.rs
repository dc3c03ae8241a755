//! `serve` in the background: its log, requests to it, and its exit.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::env::TestEnv;
use super::leaks::Watch;
use super::program::program;

/// The longest wait for anything.
const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

/// A running `serve`, killed when dropped.
pub struct Serving {
    child: Child,
    address: SocketAddr,
    log: Arc<Log>,
    /// Ends at the end of stderr.
    reader: Option<JoinHandle<()>>,
    watch: Watch,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

/// A response as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl TestEnv {
    /// Starts `serve` with these options on a free port of 127.0.0.1, unless they have `--listen`.
    pub fn serve(&self, options: &[&str]) -> Serving {
        let mut command = self.command(program());
        command.arg("serve").args(options).stdout(Stdio::null());
        if !options
            .iter()
            .any(|option| option.starts_with("--listen=") || *option == "--listen")
        {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Log::default());
        let stderr = child.stderr.take().unwrap();
        let copy = Arc::clone(&log);
        let reader = thread::spawn(move || copy.read(stderr));
        let mut serving = Serving {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            log,
            reader: Some(reader),
            watch: self.watch.clone(),
        };
        let line = serving.wait_for("listening on ", 1);
        let (_, url) = line.split_once("://").unwrap();
        serving.address = url.split(',').next().unwrap().parse().unwrap();
        serving
    }
}

impl Log {
    fn read(&self, stderr: ChildStderr) {
        for line in BufReader::new(stderr).lines() {
            self.lines.lock().unwrap().push(line.unwrap());
            self.changed.notify_all();
        }
    }
}

impl Serving {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[cfg(target_os = "linux")]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Requests a token as the vendor's SDKs do.
    pub fn ask(&self, id: &str, secret: &str) -> Answer {
        self.send(&self.request(id, secret))
    }

    /// Builds such a request.
    pub fn request(&self, id: &str, secret: &str) -> Vec<u8> {
        self.post("/v4.0/cells/connect/token", "", &form(id, secret))
    }

    /// A POST of a form; `headers` are complete lines.
    pub fn post(&self, path: &str, headers: &str, body: &str) -> Vec<u8> {
        let (host, length) = (self.address, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             {headers}Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Sends a request on its own connection and reads the response.
    #[track_caller]
    pub fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The server may reject it before all of it is sent.
        let _ = stream.write_all(request);
        Answer::read(&mut stream).expect("a response")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Waits until this many lines of the log contain `text`; returns the last of them.
    #[track_caller]
    pub fn wait_for(&self, text: &str, count: usize) -> String {
        let lines = self.log.lines.lock().unwrap();
        let count_in = |lines: &[String]| lines.iter().filter(|line| line.contains(text)).count();
        let waited = self
            .log
            .changed
            .wait_timeout_while(lines, LIMIT, |lines| count_in(lines) < count);
        // Cloned, so that the panic below does not poison the lock.
        let lines = waited.unwrap().0.clone();
        assert!(
            count_in(&lines) >= count,
            "{count} times {text:?} in {lines:#?}"
        );
        lines
            .iter()
            .rfind(|line| line.contains(text))
            .unwrap()
            .clone()
    }

    /// What it has written to stderr.
    pub fn log(&self) -> String {
        self.log.lines.lock().unwrap().join("\n")
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for it to exit; returns the exit code.
    #[track_caller]
    pub fn wait(&mut self) -> Option<i32> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(since.elapsed() < LIMIT, "serve is still running");
            thread::sleep(POLL);
        }
    }

    /// Stops it with SIGTERM and checks for leaks; returns its log.
    #[track_caller]
    pub fn finish(mut self) -> String {
        self.signal(Signal::TERM);
        assert_eq!(self.wait(), Some(0), "{}", self.log());
        // The last lines may still be in the pipe.
        self.reader.take().map(JoinHandle::join);
        let log = self.log();
        assert!(!log.contains("panicked"), "{log}");
        self.watch
            .assert_no_secret("stderr of serve", log.as_bytes());
        self.watch.assert_no_token("stderr of serve", &log);
        self.watch.assert_no_secret_in_files();
        log
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("stderr of serve: {}", self.log());
        }
    }
}

impl Answer {
    /// Returns `None` if the connection ends without a response.
    pub fn read(stream: &mut impl Read) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                let mut answer = Self::parse(&String::from_utf8_lossy(&bytes[..end]));
                let length = answer
                    .header("content-length")
                    .map_or(0, |text| text.parse().unwrap());
                if bytes.len() >= end + 4 + length {
                    answer.body = bytes[end + 4..end + 4 + length].to_vec();
                    return Some(answer);
                }
            }
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(count) => bytes.extend(&buffer[..count]),
            }
        }
    }

    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        Self {
            status: status.parse().unwrap(),
            headers: lines.map(header).collect(),
            body: Vec::new(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> u64 {
        self.header(name)
            .unwrap_or_else(|| panic!("{name} in {self:?}"))
            .parse()
            .unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The response has this status, and `Cache-Control: no-store`.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(
            self.status,
            status,
            "{self:?} {:?}",
            String::from_utf8_lossy(&self.body)
        );
        // hyper itself answers what is not HTTP.
        let is_of_hyper = [400, 431].contains(&status) && self.header("content-type").is_none();
        if !is_of_hyper {
            assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        }
        self
    }

    /// A JSON object with this `error`.
    #[track_caller]
    pub fn has_code(&self, error: &str) -> &Self {
        assert_eq!(self.json()["error"], error, "{self:?}");
        self
    }

    /// An error object of RFC 6749 §5.2 with this code.
    #[track_caller]
    pub fn has_error(&self, error: &str) -> &Self {
        let object = self.json();
        assert_eq!(object["error"], error, "{object}");
        let description = object["error_description"].as_str().unwrap();
        let is_allowed = |char| matches!(char, ' '..='~') && !['"', '\\'].contains(&char);
        assert!(description.chars().all(is_allowed), "{object}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        self
    }
}

/// The body of a token request.
pub fn form(id: &str, secret: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", id)
        .append_pair("client_secret", secret)
        .finish()
}

/// An `Authorization: Basic` line, each part form-urlencoded first (RFC 6749 §2.3.1).
pub fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

/// Closes the sending side of the connection.
pub fn half_close(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}
