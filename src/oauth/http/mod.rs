//! One POST over HTTP, its deadline enforced from outside. The only folder that names ureq.

mod connector;
mod failure;
mod resolver;

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::header;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, ProxyProtocol, http};
use zeroize::Zeroizing;

use super::proxy::Named;
use super::tls::{Roots, Trust};
use super::{Redactor, Token, TokenEndpoint, TokenError, response};
use crate::problem::Problem;
use crate::time::{Deadline, Timestamp};
use connector::TellingConnector;
use failure::{timed_out, unreachable};
use resolver::OwnThreadResolver;

/// The longest body that is read: a token response is a hundredth of it.
pub const BODY_LIMIT: usize = 64 * 1024;

/// How often the one who waits is told that it still takes.
const TICK: Duration = Duration::from_millis(100);

const USER_AGENT: &str = concat!("cells-token/", env!("CARGO_PKG_VERSION"));

/// Buffers that fit the one small request and its answer; ureq's own are 128 KiB each.
const INPUT_BUFFER: usize = 16 * 1024;
const OUTPUT_BUFFER: usize = 8 * 1024;

/// An answer, whole and within the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Content-Type, if it is text.
    pub content_type: Option<String>,
    /// Location, if it is text.
    pub location: Option<String>,
    /// Retry-After, if it is text.
    pub retry_after: Option<String>,
    /// One byte longer than [`BODY_LIMIT`] if there was more.
    pub body: Vec<u8>,
}

impl Response {
    /// Whether the body is all that was sent.
    #[cfg(feature = "server")]
    pub fn is_whole(&self) -> bool {
        self.body.len() <= BODY_LIMIT
    }

    /// Whether the content type is `text/plain`.
    pub fn is_plain_text(&self) -> bool {
        self.media_type() == "text/plain"
    }

    /// Whether it is a web page, by its type or its looks.
    pub fn is_html(&self) -> bool {
        self.media_type() == "text/html" || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// Content-Type without parameters, in lower case (RFC 9110 §8.3.1).
    fn media_type(&self) -> String {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }
}

/// A proxy, shown without its user and password.
#[derive(Clone, Debug)]
pub struct Proxy(ureq::Proxy);

impl Proxy {
    /// Reads a proxy URL; `source` is the option or variable that gave it.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse((url, source): Named) -> Result<Self, Problem> {
        let proxy = ureq::Proxy::new(url.trim()).ok();
        proxy.filter(names_a_peer).map(Self).ok_or_else(|| {
            Problem::new(
                format!("the proxy given by {source} is not a proxy URL"),
                format!("give {source} something like http://host:3128 or socks5://host:1080"),
            )
        })
    }
}

/// Whether it has a host, and a port only if that is one: ureq takes the scheme's for one that it cannot read.
fn names_a_peer(proxy: &ureq::Proxy) -> bool {
    let Some(authority) = proxy.uri().authority() else {
        return false;
    };
    let host = authority.host();
    let ends_with_host = authority.as_str().ends_with(host);
    !host.is_empty() && (ends_with_host || authority.port_u16().is_some_and(|port| port > 0))
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.protocol().to_string().to_ascii_lowercase();
        write!(f, "{scheme}://{}:{}", self.0.host(), self.0.port())
    }
}

/// Sends token requests to one endpoint, and knows what its answers must not show.
pub struct Client {
    endpoint: TokenEndpoint,
    proxy: Option<Proxy>,
    tls: TlsConfig,
    redactor: Redactor,
}

impl Client {
    /// Reads the root certificates, where any are needed.
    ///
    /// # Errors
    /// If the certificates that an option or variable names cannot be read.
    pub fn new(
        endpoint: &TokenEndpoint,
        proxy: Option<&Proxy>,
        trust: &Trust,
        redactor: Redactor,
    ) -> Result<Self, Problem> {
        let is_tls = endpoint.is_https()
            || proxy.is_some_and(|proxy| proxy.0.protocol() == ProxyProtocol::Https);
        let roots = match trust.roots(is_tls)? {
            Roots::Named(certificates) => RootCerts::from(
                certificates
                    .iter()
                    .map(|der| Certificate::from_der(der).to_owned()),
            ),
            Roots::Mozillas => RootCerts::WebPki,
        };
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(rustls::crypto::ring::default_provider().into())
            .root_certs(roots)
            .build();
        Ok(Self {
            endpoint: endpoint.clone(),
            proxy: proxy.cloned(),
            tls,
            redactor,
        })
    }

    /// POSTs `form` once, and follows no redirect. `deadline` holds against any peer: the request has
    /// its own thread, which is left behind when the time is up; connecting may take half of it.
    /// `tick` is called now and then meanwhile.
    ///
    /// # Errors
    /// `Unreachable` for whatever is not an answer; `Invalid` for an answer that is not HTTP.
    pub fn post(
        &self,
        form: Zeroizing<String>,
        deadline: Deadline,
        mut tick: impl FnMut(),
    ) -> Result<Response, TokenError> {
        let timeout = deadline.remaining();
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(self.proxy.as_ref().map(|proxy| proxy.0.clone()))
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER)
            .timeout_connect(Some(timeout / 2))
            .timeout_global(Some(timeout))
            .tls_config(self.tls.clone())
            .build();
        let agent = Agent::with_parts(config, TellingConnector::default(), OwnThreadResolver);
        let url = self.endpoint.as_str().to_owned();
        let (sender, receiver) = mpsc::sync_channel(1);
        let request = move || {
            // Nobody listens any more once the deadline has passed.
            let _ = sender.send(send(&agent, &url, &form));
        };
        thread::Builder::new()
            .name("request".to_owned())
            .spawn(request)
            .map_err(|error| {
                unreachable(
                    format!("cannot start a thread for the request: {error}"),
                    "is a limit on processes reached?",
                )
            })?;
        loop {
            let left = deadline.remaining();
            match receiver.recv_timeout(left.min(TICK)) {
                Ok(result) => return result.map_err(|error| self.explain(&error)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(unreachable(
                        format!(
                            "the request to {} broke off inside cells-token",
                            self.endpoint
                        ),
                        "this is a mistake in cells-token: please report it",
                    ));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(timed_out(&format!(
                        "{} did not answer in time",
                        self.endpoint
                    )));
                }
                Err(RecvTimeoutError::Timeout) => tick(),
            }
        }
    }

    /// What an answer means; see [`response::parse`].
    ///
    /// # Errors
    /// Which kind of failure it is.
    pub fn parse(
        &self,
        response: &Response,
        exchange: Range<Timestamp>,
    ) -> Result<Token, TokenError> {
        let parsed = response::parse(response, &self.endpoint, exchange, &self.redactor);
        parsed.map_err(|error| TokenError {
            answer: Some(Arc::new(response.clone())),
            ..error
        })
    }
}

fn send(agent: &Agent, url: &str, form: &str) -> Result<Response, ureq::Error> {
    let response = agent
        .post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .header("x-aspose-client", "cells-token")
        .header("x-aspose-client-version", env!("CARGO_PKG_VERSION"))
        .send(form)?;
    read(response).map_err(Into::into)
}

fn read(mut response: http::Response<Body>) -> io::Result<Response> {
    let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let (content_type, location) = (header(header::CONTENT_TYPE), header(header::LOCATION));
    let retry_after = header(header::RETRY_AFTER);
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
        location,
        retry_after,
        body,
    })
}
