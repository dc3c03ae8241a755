//! One POST to the token endpoint. It runs on a thread of its own, so that its deadline holds against any peer, resolver
//! and file system.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{self, header};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::error::Failure;
use super::proxy::{Proxy, ProxyKind};
use super::roots::Trust;
use super::tls::Tls;
use super::transport::{Connector, HEAD_LIMIT, NoResolver, Notes};
use crate::oauth::{BODY_LIMIT, Response, TokenEndpoint, TokenError, challenge_schemes};
use crate::problem::Problem;
use crate::server_text::Redactor;
use crate::time::Deadline;

/// The interval of [`Event::Tick`].
const TICK: Duration = Duration::from_millis(100);

pub(super) const USER_AGENT: &str = concat!("cells-token/", env!("CARGO_PKG_VERSION"));

/// What the caller of [`Client::post`] hears of while it waits.
pub enum Event {
    /// Time passes.
    Tick,
    /// A step, for `-v`.
    Note(String),
}

/// Sends token requests to one endpoint.
pub struct Client<'a> {
    pub(super) endpoint: &'a TokenEndpoint,
    pub(super) proxy: Option<&'a Proxy>,
    pub(super) redactor: &'a Redactor,
    /// A variable that names trusted certificates for other programs, for a hint.
    pub(super) foreign_ca_variable: Option<&'static str>,
    tls: Option<Arc<Tls>>,
}

impl<'a> Client<'a> {
    /// Reads the trusted certificates.
    ///
    /// # Errors
    /// If the certificates that an option or variable names cannot be read before `deadline`.
    pub fn new(
        endpoint: &'a TokenEndpoint,
        proxy: Option<&'a Proxy>,
        trust: &'a Trust,
        foreign_ca_variable: Option<&'static str>,
        redactor: &'a Redactor,
        deadline: Deadline,
    ) -> Result<Self, Problem> {
        let is_tls =
            endpoint.is_https() || proxy.is_some_and(|proxy| proxy.kind() == ProxyKind::Https);
        let mut client = Self {
            endpoint,
            proxy,
            redactor,
            foreign_ca_variable,
            tls: None,
        };
        if !is_tls && trust.ca_cert.is_none() {
            return Ok(client);
        }
        let tls = if trust.may_block() {
            let trust = trust.clone();
            let loaded = on_thread(move |_| load_tls(&trust, is_tls), deadline, |_| {});
            loaded.map_err(|stopped| {
                let why = match stopped {
                    Stopped::Deadline => "they took longer than --timeout".to_owned(),
                    Stopped::NoThread(error) => error.to_string(),
                    Stopped::Panicked => "the thread that reads them panicked".to_owned(),
                };
                Problem::new(
                    format!("cannot read the trusted certificates: {why}"),
                    "check the files of --ca-cert, CELLS_CA_CERT, SSL_CERT_FILE and SSL_CERT_DIR",
                )
            })?
        } else {
            load_tls(trust, is_tls)
        };
        client.tls = tls?.map(Arc::new);
        Ok(client)
    }

    /// POSTs `form` once and follows no redirect. Half of the time until `deadline` may pass until the connection is ready.
    ///
    /// # Errors
    /// `Unreachable` without a complete HTTP response, `Invalid` if the response is not HTTP.
    pub fn post(
        &self,
        form: Zeroizing<String>,
        deadline: Deadline,
        observe: impl FnMut(Event),
    ) -> Result<Response, TokenError> {
        let connect_by = deadline.at_most(deadline.remaining() / 2);
        let config = Config::builder()
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEAD_LIMIT)
            .proxy(None)
            .build();
        let (endpoint, tls) = (self.endpoint.clone(), self.tls.clone());
        let proxy = self.proxy.cloned();
        let request = move |notes| {
            let url = endpoint.as_str().to_owned();
            let connector = Connector {
                endpoint,
                proxy,
                tls,
                connect_by,
                deadline,
                notes,
            };
            send(
                &Agent::with_parts(config, connector, NoResolver),
                &url,
                &form,
            )
        };
        match on_thread(request, deadline, observe) {
            Ok(response) => response.map_err(|error| self.explain(error)),
            Err(stopped) => Err(self.stopped(stopped)),
        }
    }
}

fn load_tls(trust: &Trust, is_tls: bool) -> Result<Option<Tls>, Problem> {
    let roots = trust.read(is_tls)?;
    let tls = is_tls.then(|| Tls::new(roots)).transpose();
    tls.map_err(|error| {
        Problem::new(
            format!("cannot set up TLS: {error}"),
            "report this as a bug of cells-token",
        )
    })
}

/// Why [`on_thread`] has no result.
pub(super) enum Stopped {
    /// The deadline has passed.
    Deadline,
    /// The system has no thread.
    NoThread(io::Error),
    /// The thread panicked.
    Panicked,
}

enum Message<T> {
    Note(String),
    Done(T),
}

/// Request threads at once. Name lookup cannot be interrupted, so threads that it blocks outlive their request; a process
/// that makes many requests must not collect them.
const MAX_THREADS: usize = 40;
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Counts a request thread.
struct CountedThread;

impl CountedThread {
    fn new() -> io::Result<Self> {
        let count = THREADS.fetch_add(1, Ordering::Relaxed);
        let counted = Self;
        match count < MAX_THREADS {
            true => Ok(counted),
            false => Err(io::Error::other("too many earlier requests are blocked")),
        }
    }
}

impl Drop for CountedThread {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread of its own until `deadline`. The thread is left behind then.
fn on_thread<T: Send + 'static>(
    work: impl FnOnce(Notes) -> T + Send + 'static,
    deadline: Deadline,
    mut observe: impl FnMut(Event),
) -> Result<T, Stopped> {
    let counted = CountedThread::new().map_err(Stopped::NoThread)?;
    let (sender, receiver) = mpsc::channel();
    let notes = sender.clone();
    let notes = Notes(Box::new(move |note| {
        // After the deadline the receiver is gone, here and below.
        let _ = notes.send(Message::Note(note));
    }));
    let run = move || {
        let _counted = counted;
        let _ = sender.send(Message::Done(work(notes)));
    };
    thread::Builder::new()
        .name("request".to_owned())
        .spawn(run)
        .map_err(Stopped::NoThread)?;
    loop {
        let remaining = deadline.remaining();
        match receiver.recv_timeout(remaining.min(TICK)) {
            Ok(Message::Note(note)) => observe(Event::Note(note)),
            Ok(Message::Done(result)) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => return Err(Stopped::Panicked),
            Err(RecvTimeoutError::Timeout) if remaining.is_zero() => return Err(Stopped::Deadline),
            Err(RecvTimeoutError::Timeout) => observe(Event::Tick),
        }
    }
}

fn send(agent: &Agent, url: &str, form: &str) -> Result<Response, ureq::Error> {
    let response = agent
        .post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .header("x-aspose-client", "cells-token")
        .header("x-aspose-client-version", env!("CARGO_PKG_VERSION"))
        .send(form)?;
    Ok(read(response)?)
}

/// Reads the body, up to one byte more than [`BODY_LIMIT`], and the header fields that matter.
fn read(mut response: http::Response<Body>) -> io::Result<Response> {
    let headers = response.headers();
    let header = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let (content_type, location) = (header(header::CONTENT_TYPE), header(header::LOCATION));
    let content_encoding = header(header::CONTENT_ENCODING);
    let retry_after = header(header::RETRY_AFTER);
    let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let challenges = challenges.filter_map(|value| value.to_str().ok());
    let schemes = challenges.flat_map(challenge_schemes).collect();
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let limit = BODY_LIMIT as u64 + 1;
    response
        .body_mut()
        .as_reader()
        .take(limit)
        .read_to_end(&mut body)?;
    Ok(Response {
        status,
        content_type,
        content_encoding,
        location,
        retry_after,
        schemes,
        body,
    })
}

impl From<Failure> for ureq::Error {
    fn from(failure: Failure) -> Self {
        Self::Other(Box::new(failure))
    }
}
