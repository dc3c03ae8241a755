//! What the scripted server does with one connection: a list of steps, with constructors for common replies.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::json;

use super::request::Request;
use super::tokens::token_json;
use super::wire::Wire;

/// The script of one connection, which is closed properly after the last step.
#[derive(Clone)]
pub struct Reply(Vec<Step>);

#[derive(Clone)]
pub enum Step {
    /// Reads one request and records it.
    ReadRequest,
    /// Reads some bytes without recording them.
    ReadAnything,
    /// Reads this many bytes, and ends the script if they differ.
    ReadExactly(Vec<u8>),
    /// Starts TLS, inside an existing TLS session if there is one.
    StartTls(Arc<ServerConfig>),
    Send(Vec<u8>),
    /// Sends byte by byte.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes repeatedly until the client disconnects.
    Flood(Vec<u8>),
    /// Waits for the gate to open.
    Wait(Gate),
    /// Does nothing until the client disconnects.
    Hang,
    /// Resets the TCP connection.
    Reset,
    /// Closes the TCP connection without TLS's close_notify.
    Cut,
}

impl Reply {
    pub fn steps(steps: impl Into<Vec<Step>>) -> Self {
        Self(steps.into())
    }

    /// A token response.
    pub fn token() -> Self {
        Self::json(200, token_json())
    }

    pub fn json(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::http(status, "Content-Type: application/json\r\n", body)
    }

    pub fn text(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::http(status, &format!("Content-Type: {content_type}\r\n"), body)
    }

    /// An OAuth error object (RFC 6749 §5.2).
    pub fn oauth_error(status: u16, code: &str) -> Self {
        Self::json(status, json!({ "error": code }).to_string())
    }

    /// The vendor's error object.
    pub fn vendor_error(status: u16, code: &str) -> Self {
        let error =
            json!({ "Code": code, "Message": "Not allowed.", "Description": "Operation failed." });
        Self::json(
            status,
            json!({ "RequestId": "4f1c", "Error": error }).to_string(),
        )
    }

    /// A well-formed response; `headers` are whole lines.
    pub fn http(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        // Clients ignore the reason phrase (RFC 9112 §4).
        let head = format!(
            "HTTP/1.1 {status} Scripted\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        Self::raw([head.as_bytes(), body].concat())
    }

    /// These bytes after a request.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::steps([Step::ReadRequest, Step::Send(bytes.into())])
    }

    /// The same through a proxy's tunnel (CONNECT).
    pub fn tunnelled(self) -> Self {
        self.after([
            Step::ReadRequest,
            Step::Send(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec()),
        ])
    }

    /// The same over TLS.
    pub fn in_tls(self, config: Arc<ServerConfig>) -> Self {
        self.after([Step::StartTls(config)])
    }

    /// This reply after the given steps.
    pub fn after(self, steps: impl Into<Vec<Step>>) -> Self {
        Self([steps.into(), self.0].concat())
    }

    /// The same once `gate` is open.
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.0.insert(1, Step::Wait(gate.clone()));
        self
    }

    /// Runs the script. An error means that the client disconnected or the test ended, which is no failure.
    pub fn play(
        &self,
        mut wire: Wire,
        is_stopped: &dyn Fn() -> bool,
        record: impl Fn(Request),
    ) -> io::Result<()> {
        for step in &self.0 {
            match step {
                Step::ReadRequest => match Request::read(&mut wire)? {
                    Some(request) => record(request),
                    None => return Ok(()),
                },
                Step::ReadAnything => drop(wire.read(&mut [0; 1024])?),
                Step::ReadExactly(expected) => {
                    if !reads_exactly(&mut wire, expected)? {
                        return Ok(());
                    }
                }
                Step::StartTls(config) => wire = wire.start_tls(Arc::clone(config)),
                Step::Send(bytes) => wire.write(bytes)?,
                Step::Drip(bytes, interval) => {
                    for byte in bytes.chunks(1) {
                        wire.write(byte)?;
                        thread::sleep(*interval);
                    }
                }
                Step::Flood(bytes) => loop {
                    wire.write(bytes)?;
                },
                Step::Wait(gate) => gate.wait(is_stopped),
                Step::Hang => wire.hang(),
                Step::Cut => {
                    wire.cut();
                    return Ok(());
                }
                Step::Reset => {
                    wire.reset();
                    return Ok(());
                }
            }
        }
        wire.close();
        Ok(())
    }
}

fn reads_exactly(wire: &mut Wire, expected: &[u8]) -> io::Result<bool> {
    for byte in expected {
        let mut read = [0];
        if wire.read(&mut read)? == 0 || read[0] != *byte {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Delays replies until the test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        let (is_open, changed) = &*self.0;
        *is_open.lock().unwrap() = true;
        changed.notify_all();
    }

    fn wait(&self, is_stopped: &dyn Fn() -> bool) {
        let (is_open, changed) = &*self.0;
        let mut is_open = is_open.lock().unwrap();
        while !*is_open && !is_stopped() {
            is_open = changed
                .wait_timeout(is_open, Duration::from_millis(20))
                .unwrap()
                .0;
        }
    }
}
