//! The token endpoint of the benchmark: TLS 1.3 on loopback, in a separate process so that its CPU time is not counted
//! for any contestant. Counts requests.

use std::fs;
use std::io::{self, BufRead as _, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// The length of the vendor's tokens.
const TOKEN_LENGTH: usize = 1100;

static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// A handle to the running server, which is stopped when this is dropped.
pub struct Server {
    child: Child,
    ask: ChildStdin,
    answers: io::BufReader<ChildStdout>,
    /// The base URL. A number appended as a path sets the length of the tokens.
    pub url: String,
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

    /// The number of requests so far.
    pub fn requests(&mut self) -> usize {
        writeln!(self.ask).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until standard input ends. Answers each line there with the number of requests.
pub fn serve(ca_file: &Path) {
    let config = config(ca_file);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            thread::spawn(move || converse(socket, config));
        }
    });
    for _ in io::stdin().lines() {
        println!("{}", REQUESTS.load(Ordering::SeqCst));
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
    let host = socket.local_addr()?.to_string();
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
