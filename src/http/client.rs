//! One POST to the token endpoint. It runs on a thread of its own, so that its deadline holds against any peer, resolver
//! and file system.

use std::io::{self, Read as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{self, header};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::error::Peer;
use super::proxy::Proxy;
use super::roots::Trust;
use super::tls::Tls;
use super::transport::{Connector, HEAD_LIMIT, NoResolver};
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
#[derive(Clone)]
pub struct Client {
    pub(super) endpoint: TokenEndpoint,
    pub(super) proxy: Option<Proxy>,
    pub(super) redactor: Arc<Redactor>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Client {
    /// Reads the trusted certificates, if TLS needs them or the user named some.
    ///
    /// # Errors
    /// If the certificates that an option or variable names cannot be read before `deadline`.
    pub fn new(
        endpoint: &TokenEndpoint,
        proxy: Option<&Proxy>,
        trust: &Trust,
        redactor: &Arc<Redactor>,
        deadline: Deadline,
    ) -> Result<Self, Problem> {
        let is_tls = endpoint.is_https() || proxy.is_some_and(Proxy::is_https);
        let load = |trust: &Trust| Ok(Some(Arc::new(Tls::new(trust.read()?)?)));
        let tls = if !is_tls && trust.ca_cert.is_none() {
            None
        } else if trust.may_block() {
            let trust = trust.clone();
            let loaded = on_thread(move |_| load(&trust), deadline, |_| {});
            loaded.map_err(|error| {
                Problem::new(
                    format!("cannot read the trusted certificates: {error}"),
                    "check the files of --ca-cert, CELLS_CA_CERT, SSL_CERT_FILE and SSL_CERT_DIR",
                )
            })??
        } else {
            load(trust)?
        };
        Ok(Self {
            endpoint: endpoint.clone(),
            proxy: proxy.cloned(),
            redactor: Arc::clone(redactor),
            tls,
        })
    }

    /// POSTs `form` once and follows no redirect. Half of the time until `deadline` may pass until TCP is connected.
    ///
    /// # Errors
    /// `Unreachable` without a complete HTTP response, `Invalid` if the response is not HTTP.
    pub fn post(
        &self,
        form: Zeroizing<String>,
        deadline: Deadline,
        observe: impl FnMut(Event),
    ) -> Result<Response, TokenError> {
        let client = self.clone();
        let request = move |note| {
            let response = client.send(&form, deadline, note);
            response.map_err(|error| client.explain(error))
        };
        let response = on_thread(request, deadline, observe);
        response.unwrap_or_else(|error| Err(self.io(Peer::Host, &error)))
    }

    fn send(&self, form: &str, deadline: Deadline, note: Note) -> Result<Response, ureq::Error> {
        let config = Config::builder()
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEAD_LIMIT)
            .proxy(None)
            .build();
        let connector = Connector {
            client: self.clone(),
            deadline,
            note,
        };
        let response = Agent::with_parts(config, connector, NoResolver)
            .post(self.endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header("x-aspose-client", "cells-token")
            .header("x-aspose-client-version", env!("CARGO_PKG_VERSION"))
            .send(form)?;
        Ok(read(response)?)
    }
}

/// Reports a step for `-v`.
pub type Note = Box<dyn Fn(String) + Send + Sync>;

enum Message<T> {
    Note(String),
    Done(T),
}

/// Request threads at once. Name lookup cannot be interrupted, so threads that it blocks outlive their request; a process
/// that makes many requests must not collect them.
const MAX_THREADS: usize = 40;

/// Each request thread holds a reference, and this is one more.
static THREADS: LazyLock<Arc<()>> = LazyLock::new(Arc::default);

/// Runs `work` on a thread of its own until `deadline`. The thread is left behind then.
///
/// # Errors
/// `TimedOut` after the deadline; others if there is no thread, or it panicked.
fn on_thread<T: Send + 'static>(
    work: impl FnOnce(Note) -> T + Send + 'static,
    deadline: Deadline,
    mut observe: impl FnMut(Event),
) -> io::Result<T> {
    let counted = Arc::clone(&THREADS);
    if Arc::strong_count(&counted) > MAX_THREADS + 1 {
        return Err(io::Error::other("too many earlier requests are blocked"));
    }
    let (sender, receiver) = mpsc::channel();
    let notes = sender.clone();
    let note = Box::new(move |note| {
        // After the deadline the receiver is gone, here and below.
        let _ = notes.send(Message::Note(note));
    });
    let run = move || {
        let _counted = counted;
        let _ = sender.send(Message::Done(work(note)));
    };
    thread::Builder::new()
        .name("request".to_owned())
        .spawn(run)?;
    loop {
        let remaining = deadline.remaining();
        match receiver.recv_timeout(remaining.min(TICK)) {
            Ok(Message::Note(note)) => observe(Event::Note(note)),
            Ok(Message::Done(result)) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("its thread panicked"));
            }
            Err(RecvTimeoutError::Timeout) if remaining.is_zero() => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(RecvTimeoutError::Timeout) => observe(Event::Tick),
        }
    }
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
