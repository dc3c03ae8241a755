//! `serve` in the background: its lines as it says them, requests to it, and its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::env::TestEnv;
use super::leaks::Watch;
use super::program::program;

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

/// Killed when dropped unfinished.
pub struct Serving {
    child: Child,
    address: SocketAddr,
    said: Arc<Said>,
    watch: Watch,
}

#[derive(Default)]
struct Said {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

/// An answer as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl TestEnv {
    /// Starts `serve` with these options on a free port of 127.0.0.1, unless they name another place.
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
        let said = Arc::new(Said::default());
        let stderr = child.stderr.take().unwrap();
        let listening = Arc::clone(&said);
        thread::spawn(move || listening.listen(stderr));
        let mut serving = Serving {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            said,
            watch: self.watch.clone(),
        };
        let line = serving.wait_for("listening on ", 1);
        let (_, url) = line.split_once("://").unwrap();
        serving.address = url.split(',').next().unwrap().parse().unwrap();
        serving
    }
}

impl Said {
    fn listen(&self, stderr: ChildStderr) {
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

    /// Asks for a token as the vendor's SDKs do.
    pub fn ask(&self, id: &str, secret: &str) -> Answer {
        self.send(&self.request(id, secret))
    }

    /// The same without sending it.
    pub fn request(&self, id: &str, secret: &str) -> Vec<u8> {
        self.post("/v4.0/cells/connect/token", "", &form(id, secret))
    }

    /// A POST of a form; `headers` are whole lines.
    pub fn post(&self, path: &str, headers: &str, body: &str) -> Vec<u8> {
        let (host, length) = (self.address, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             {headers}Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Sends this on a connection of its own; the one answer to it.
    #[track_caller]
    pub fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // It may be turned away before its end.
        let _ = stream.write_all(request);
        Answer::read(&mut stream).expect("an answer")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Waits until a text has been said in so many lines; the last of them.
    #[track_caller]
    pub fn wait_for(&self, text: &str, count: usize) -> String {
        let lines = self.said.lines.lock().unwrap();
        let has = |lines: &[String]| lines.iter().filter(|line| line.contains(text)).count();
        let waited = self
            .said
            .changed
            .wait_timeout_while(lines, LIMIT, |lines| has(lines) < count);
        // Not the lock: who panics with it in hand keeps the others from telling what was said.
        let lines = waited.unwrap().0.clone();
        assert!(has(&lines) >= count, "{count} times {text:?} in {lines:#?}");
        lines
            .iter()
            .rfind(|line| line.contains(text))
            .unwrap()
            .clone()
    }

    pub fn said(&self) -> String {
        self.said.lines.lock().unwrap().join("\n")
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; its exit code.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(since.elapsed() < LIMIT, "serve is still running");
            thread::sleep(POLL);
        }
    }

    /// Ends it as a supervisor does, and looks for leaks.
    #[track_caller]
    pub fn finish(mut self) -> String {
        self.signal(Signal::TERM);
        assert_eq!(self.ends(), Some(0), "{}", self.said());
        let said = self.said();
        assert!(!said.contains("panicked"), "{said}");
        self.watch
            .assert_no_secret("stderr of serve", said.as_bytes());
        self.watch.assert_no_token("stderr of serve", &said);
        self.watch.assert_no_secret_in_files();
        said
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("serve said: {}", self.said());
        }
    }
}

impl Answer {
    /// `None` if the connection ends without one.
    pub fn read(stream: &mut TcpStream) -> Option<Self> {
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

    /// Has this status, and may not be stored.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(
            self.status,
            status,
            "{self:?} {:?}",
            String::from_utf8_lossy(&self.body)
        );
        // What is not HTTP at all is answered before we see it.
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

/// A header line with HTTP Basic, each part form-urlencoded first (RFC 6749 §2.3.1).
pub fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

/// The end of what the other side will hear.
pub fn half_close(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}
