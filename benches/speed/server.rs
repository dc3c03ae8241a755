//! The token endpoint of the benchmark: TLS 1.3 on loopback, in a separate process so that its CPU time is not counted
//! for any contestant. Counts connections, requests and round trips.

use std::fs;
use std::io::{self, BufRead as _, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// The length of the vendor's tokens.
const TOKEN_LENGTH: usize = 1100;

static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
static REQUESTS: AtomicUsize = AtomicUsize::new(0);
/// Round trips, without TCP's handshake.
static TURNS: AtomicUsize = AtomicUsize::new(0);

/// Whether the server waits for a client's whole flight before it reads, so that each flight counts as one round trip.
static IS_PATIENT: AtomicBool = AtomicBool::new(false);
const PATIENCE: Duration = Duration::from_millis(50);

/// A handle to the running server, which is stopped when this is dropped.
pub struct Server {
    child: Child,
    ask: ChildStdin,
    answers: io::BufReader<ChildStdout>,
    /// The base URL. A number appended as a path sets the length of the tokens.
    pub url: String,
}

/// Totals since the server started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub connections: usize,
    pub requests: usize,
    pub turns: usize,
}

impl Server {
    /// Starts this program again as a server, which writes its CA certificate to `ca_file`.
    pub fn start(ca_file: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .arg(ca_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ask = child.stdin.take().unwrap();
        let mut answers = io::BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        answers.read_line(&mut url).unwrap();
        Self {
            child,
            ask,
            answers,
            url: url.trim().to_owned(),
        }
    }

    /// The totals so far.
    pub fn counts(&mut self) -> Counts {
        let line = self.ask("counts");
        let mut numbers = line.split_whitespace().map(|word| word.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Counts {
            connections: next(),
            requests: next(),
            turns: next(),
        }
    }

    /// Switches the wait for whole flights on or off.
    pub fn count_flights(&mut self, yes: bool) {
        self.ask(if yes { "patient" } else { "quick" });
    }

    fn ask(&mut self, what: &str) -> String {
        writeln!(self.ask, "{what}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until standard input ends. Answers each line there with the totals.
pub fn serve(ca_file: &Path) {
    let config = config(ca_file);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            CONNECTIONS.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || converse(socket, config));
        }
    });
    for line in io::stdin().lines() {
        match line.unwrap().as_str() {
            "patient" => IS_PATIENT.store(true, Ordering::SeqCst),
            "quick" => IS_PATIENT.store(false, Ordering::SeqCst),
            _ => {}
        }
        let [connections, requests, turns] =
            [&CONNECTIONS, &REQUESTS, &TURNS].map(|counter| counter.load(Ordering::SeqCst));
        println!("{connections} {requests} {turns}");
    }
}

/// Creates a CA, writes its certificate to `ca_file`, and issues a certificate for 127.0.0.1.
fn config(ca_file: &Path) -> Arc<ServerConfig> {
    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, "cells-token benchmark CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    fs::write(ca_file, ca.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let cert = cert.signed_by(&key, &ca).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into());
    Arc::new(config.unwrap())
}

/// Serves one connection.
fn converse(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let connection = ServerConnection::new(config).unwrap();
    let socket = Turns {
        socket,
        is_asked: false,
    };
    let host = socket.socket.local_addr()?.to_string();
    let mut stream = StreamOwned::new(connection, socket);
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((request, length)) = whole_request(&bytes) {
            let reply = reply(&request, &host);
            bytes.drain(..length);
            stream.write_all(&reply)?;
            stream.flush()?;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => bytes.extend(&buffer[..count]),
        }
    }
}

/// The request line and total length of the first complete request in `bytes`.
fn whole_request(bytes: &[u8]) -> Option<(String, usize)> {
    let head = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let end = head + 4 + length.map_or(0, |length| length.parse().unwrap());
    let line = text.lines().next()?.to_owned();
    (bytes.len() >= end).then_some((line, end))
}

fn reply(request_line: &str, host: &str) -> Vec<u8> {
    let mut words = request_line.split(' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let (status, body) = if method == Some("post") {
        REQUESTS.fetch_add(1, Ordering::SeqCst);
        let length = path.split('/').nth(1).and_then(|part| part.parse().ok());
        let token = token(length.unwrap_or(TOKEN_LENGTH));
        (
            200,
            json!({ "access_token": token, "token_type": "Bearer", "expires_in": 86400 }),
        )
    } else if path.ends_with("/.well-known/openid-configuration") {
        (200, discovery(&format!("https://{host}")))
    } else if path == "/keys" {
        (200, json!({ "keys": [] }))
    } else {
        (404, json!({}))
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Measured\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// OpenID provider metadata (Discovery 1.0 §3).
fn discovery(url: &str) -> Value {
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// A JWT-shaped token of `length` characters.
pub fn token(length: usize) -> String {
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let head = format!(
        "{}.{}.",
        encode(r#"{"alg":"RS256","typ":"at+jwt"}"#),
        encode(
            r#"{"iss":"https://id.invalid","iat":1700000000,"exp":1700086400,"client_id":"7f3d"}"#
        ),
    );
    // A multiple of four is valid base64.
    let signature = length.saturating_sub(head.len()).max(8) / 4 * 4;
    head + &"QUJD".repeat(signature / 4)
}

/// A socket that counts writes that follow a read as round trips.
struct Turns {
    socket: TcpStream,
    is_asked: bool,
}

impl Read for Turns {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if IS_PATIENT.load(Ordering::SeqCst) {
            self.socket.peek(&mut [0])?;
            thread::sleep(PATIENCE);
        }
        let count = self.socket.read(buffer)?;
        self.is_asked = count > 0;
        Ok(count)
    }
}

impl Write for Turns {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.is_asked) {
            TURNS.fetch_add(1, Ordering::SeqCst);
        }
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
