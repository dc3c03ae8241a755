//! One POST over HTTP, its deadline enforced from outside. The only file that names ureq.

use std::io::{self, Read};
use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use ureq::config::Config;
use ureq::http::{Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, http};
use zeroize::Zeroizing;

use super::response::{TokenError, TokenErrorKind};
use super::retry::Retry;
use super::{Redactor, TokenEndpoint, tls};
use crate::problem::Problem;
use crate::time::Deadline;

/// The longest body that is read: a token response is a hundredth of it.
pub const BODY_LIMIT: usize = 64 * 1024;

const USER_AGENT: &str = concat!("cells-token/", env!("CARGO_PKG_VERSION"));

/// Buffers that fit the one small request and its answer; ureq's own are 128 KiB each.
const INPUT_BUFFER: usize = 16 * 1024;
const OUTPUT_BUFFER: usize = 8 * 1024;

/// An answer, whole and within the limit.
#[derive(Clone, Debug, Default)]
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

/// Sends token requests to one endpoint.
pub struct Client {
    tls: TlsConfig,
}

impl Client {
    /// Reads the root certificates, where the endpoint needs any.
    ///
    /// # Errors
    /// If `ca_cert` cannot be read or has no certificate in it.
    pub fn new(endpoint: &TokenEndpoint, ca_cert: Option<&Path>) -> Result<Self, Problem> {
        let mut roots = ca_cert
            .map(tls::certificates)
            .transpose()?
            .unwrap_or_default();
        if endpoint.is_https() {
            roots.extend(tls::system_roots());
        }
        let certificate = |der: &CertificateDer| Certificate::from_der(der).to_owned();
        let roots: Vec<_> = roots.iter().map(certificate).collect();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(rustls::crypto::ring::default_provider().into())
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        Ok(Self { tls })
    }

    /// POSTs `form` to `endpoint`, once, and follows no redirect. `deadline` holds against any peer:
    /// the request has its own thread, which is left behind when the time is up. `connect` limits
    /// the time until the connection stands.
    ///
    /// # Errors
    /// `Unreachable` for whatever is not an answer. Any answer at all is `Ok`.
    pub fn post(
        &self,
        endpoint: &TokenEndpoint,
        form: Zeroizing<String>,
        connect: Duration,
        deadline: Deadline,
        redactor: &Redactor,
    ) -> Result<Response, TokenError> {
        let timeout = deadline.remaining();
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER)
            .timeout_connect(Some(connect))
            .timeout_global(Some(timeout))
            .tls_config(self.tls.clone())
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), OwnThreadResolver);
        let url = endpoint.as_str().to_owned();
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
        match receiver.recv_timeout(timeout) {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(explain(&error, endpoint, redactor)),
            Err(_) => Err(timed_out(endpoint, "did not answer in time")),
        }
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

/// Looks names up on the request's own thread, and says so when that fails.
#[derive(Debug)]
struct OwnThreadResolver;

#[derive(Debug)]
struct LookupFailed(io::Error);

impl std::fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for LookupFailed {}

impl Resolver for OwnThreadResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(ureq::Error::HostNotFound);
        };
        let address =
            DefaultResolver::host_and_port(scheme, authority).ok_or(ureq::Error::HostNotFound)?;
        let found = address
            .to_socket_addrs()
            .map_err(|error| ureq::Error::Other(LookupFailed(error).into()))?;
        let mut addresses = self.empty();
        for address in found {
            // ureq has room for sixteen: more than anyone has time to try.
            if addresses.try_push(address).is_err() {
                break;
            }
        }
        match addresses.is_empty() {
            false => Ok(addresses),
            true => Err(ureq::Error::HostNotFound),
        }
    }
}

/// Which failure it is, in words. What a server may have chosen goes through `redactor`.
fn explain(error: &ureq::Error, endpoint: &TokenEndpoint, redactor: &Redactor) -> TokenError {
    let host = endpoint.host();
    match error {
        ureq::Error::Other(other) if other.is::<LookupFailed>() => lookup_failed(host, other),
        ureq::Error::HostNotFound => lookup_failed(host, &"it has no address"),
        ureq::Error::Timeout(ureq::Timeout::Connect) => {
            timed_out(endpoint, "could not be connected to in time")
        }
        ureq::Error::Timeout(_) => timed_out(endpoint, "did not answer in time"),
        ureq::Error::Rustls(error) => handshake_failed(error, host),
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => handshake_failed(error, host),
            None => connection_failed(error, endpoint),
        },
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => TokenError::new(
            TokenErrorKind::Invalid,
            format!(
                "{endpoint} answered with something that is not HTTP: {}",
                redactor.show(&error.to_string())
            ),
            "check the host and port in --base-url or --token-url",
        ),
        _ => unreachable(
            format!(
                "the request to {endpoint} failed: {}",
                redactor.show(&error.to_string())
            ),
            "-v shows what was tried",
        ),
    }
}

fn lookup_failed(host: &str, why: &impl std::fmt::Display) -> TokenError {
    transient(
        format!("cannot find the address of {host}: {why}"),
        "check the name in --base-url or --token-url, and this machine's network (DNS, VPN); trying again may help",
    )
}

fn timed_out(endpoint: &TokenEndpoint, what: &str) -> TokenError {
    transient(
        format!("{endpoint} {what}"),
        "trying again may help, or a longer --timeout; one attempt may take a third of it, connecting half of that",
    )
}

fn handshake_failed(error: &rustls::Error, host: &str) -> TokenError {
    let problem = tls::explain(error, host);
    unreachable(problem.what, problem.hint)
}

fn connection_failed(error: &io::Error, endpoint: &TokenEndpoint) -> TokenError {
    use io::ErrorKind as Kind;
    let hint = "is the service running, and the port right? trying again may help";
    match error.kind() {
        Kind::ConnectionRefused => transient(
            format!("{endpoint} cannot be reached: the connection was refused"),
            hint,
        ),
        Kind::UnexpectedEof
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe => transient(
            format!("{endpoint} ended the connection before it had answered"),
            hint,
        ),
        _ => unreachable(format!("{endpoint} cannot be reached: {error}"), hint),
    }
}

/// What may pass by itself.
fn transient(what: impl Into<String>, hint: impl Into<String>) -> TokenError {
    TokenError {
        retry: Retry::Soon,
        ..unreachable(what, hint)
    }
}

fn unreachable(what: impl Into<String>, hint: impl Into<String>) -> TokenError {
    TokenError::new(TokenErrorKind::Unreachable, what, hint)
}
