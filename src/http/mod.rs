//! One POST over HTTP, its deadline enforced from outside. The only folder that names ureq.

mod connect;
mod error;
mod no_proxy;
mod proxy;
mod resolver;
mod tls;

use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{self, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, ProxyProtocol};
use zeroize::Zeroizing;

use crate::oauth::{BODY_LIMIT, Response, Token, TokenEndpoint, TokenError, parse};
use crate::problem::Problem;
use crate::server_text::Redactor;
use crate::time::{Deadline, Timestamp};
use connect::Connector;
use error::{timed_out, unreachable};
pub use no_proxy::{Named, ProxyVariables};
pub use proxy::Proxy;
use resolver::BlockingResolver;
use tls::Roots;
pub use tls::Trust;

/// How often the one who waits is told that it still takes.
const TICK: Duration = Duration::from_millis(100);

const USER_AGENT: &str = concat!("cells-token/", env!("CARGO_PKG_VERSION"));

/// Buffers that fit the one small request and its answer; ureq's own are 128 KiB each.
const INPUT_BUFFER: usize = 16 * 1024;
const OUTPUT_BUFFER: usize = 8 * 1024;

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
            .user_agent(USER_AGENT)
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
        let agent = Agent::with_parts(config, Connector::default(), BlockingResolver);
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

    /// What an answer means; see [`parse`].
    ///
    /// # Errors
    /// Which kind of failure it is.
    pub fn parse(
        &self,
        response: &Response,
        exchange: Range<Timestamp>,
    ) -> Result<Token, TokenError> {
        let parsed = parse(response, &self.endpoint, exchange, &self.redactor);
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
        .header("x-aspose-client", "cells-token")
        .header("x-aspose-client-version", env!("CARGO_PKG_VERSION"))
        .send(form)?;
    read(response).map_err(Into::into)
}

/// Reads the response's body, up to one byte more than [`BODY_LIMIT`], and the header fields that matter.
///
/// # Errors
/// If the body is cut off.
fn read(mut response: http::Response<Body>) -> io::Result<Response> {
    let headers = response.headers();
    let header = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let (content_type, location) = (header(header::CONTENT_TYPE), header(header::LOCATION));
    let content_encoding = header(header::CONTENT_ENCODING);
    let retry_after = header(header::RETRY_AFTER);
    let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let challenges = challenges.filter_map(|value| Some(value.to_str().ok()?.to_owned()));
    let challenges = challenges.collect();
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
        challenges,
        body,
    })
}
