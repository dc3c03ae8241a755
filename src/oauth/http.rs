//! One POST over HTTP, its deadline enforced from outside. The only file that names ureq.

use std::fmt;
use std::io::{self, Read};
use std::net::ToSocketAddrs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use ureq::config::Config;
use ureq::http::{Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, ProxyProtocol, http};
use zeroize::Zeroizing;

use super::proxy::Named;
use super::response::{TokenError, TokenErrorKind};
use super::retry::Retry;
use super::tls::{self, Trust};
use super::{Redactor, ServerText, TokenEndpoint};
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

/// A proxy, shown without its user and password.
#[derive(Clone, Debug)]
pub struct Proxy(ureq::Proxy);

impl Proxy {
    /// Reads a proxy URL; `source` is the option or variable that gave it.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse((url, source): Named) -> Result<Self, Problem> {
        ureq::Proxy::new(url.trim()).map(Self).map_err(|_| {
            Problem::new(
                format!("the proxy given by {source} is not a proxy URL"),
                format!("give {source} something like http://host:3128 or socks5://host:1080"),
            )
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.protocol().to_string().to_ascii_lowercase();
        write!(f, "{scheme}://{}:{}", self.0.host(), self.0.port())
    }
}

/// Sends token requests to one endpoint.
pub struct Client {
    tls: TlsConfig,
    proxy: Option<Proxy>,
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
    ) -> Result<Self, Problem> {
        let mut roots = trust.own_roots()?;
        if endpoint.is_https()
            || proxy.is_some_and(|proxy| proxy.0.protocol() == ProxyProtocol::Https)
        {
            roots.extend(trust.system_roots()?);
        }
        let certificate = |der: &CertificateDer| Certificate::from_der(der).to_owned();
        let roots: Vec<_> = roots.iter().map(certificate).collect();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(rustls::crypto::ring::default_provider().into())
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        Ok(Self {
            tls,
            proxy: proxy.cloned(),
        })
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
            .proxy(self.proxy.as_ref().map(|proxy| proxy.0.clone()))
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
            Ok(Err(error)) => Err(self.explain(&error, endpoint, redactor)),
            Err(_) => Err(timed_out(&format!("{endpoint} did not answer in time"))),
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
struct LookupFailed {
    host: String,
    why: io::Error,
}

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.why)
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
        let found = address.to_socket_addrs().map_err(|why| {
            let host = authority.host().to_owned();
            ureq::Error::Other(LookupFailed { host, why }.into())
        })?;
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

impl Client {
    /// Which failure it is, in words. What a server may have chosen goes through `redactor`.
    fn explain(
        &self,
        error: &ureq::Error,
        endpoint: &TokenEndpoint,
        redactor: &Redactor,
    ) -> TokenError {
        match error {
            ureq::Error::Other(other) => match other.downcast_ref() {
                Some(LookupFailed { host, why }) => lookup_failed(host, why),
                None => self.failed(endpoint, &redactor.show(&other.to_string())),
            },
            ureq::Error::HostNotFound => lookup_failed(endpoint.host(), &"it has no address"),
            ureq::Error::Timeout(ureq::Timeout::Connect) => match &self.proxy {
                Some(proxy) => timed_out(&format!(
                    "the proxy {proxy} did not connect to {endpoint} in time"
                )),
                None => timed_out(&format!("{endpoint} could not be connected to in time")),
            },
            ureq::Error::Timeout(_) => timed_out(&format!("{endpoint} did not answer in time")),
            ureq::Error::Rustls(error) => handshake_failed(error, endpoint.host()),
            ureq::Error::Io(error) => {
                match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                    Some(error) => handshake_failed(error, endpoint.host()),
                    None => self.connection_failed(error, endpoint),
                }
            }
            ureq::Error::ConnectProxyFailed(why) => self.proxy_failed(why, redactor),
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => TokenError::new(
                TokenErrorKind::Invalid,
                format!(
                    "{endpoint} answered with something that is not HTTP: {}",
                    redactor.show(&error.to_string())
                ),
                "check the host and port in --base-url or --token-url",
            ),
            _ => self.failed(endpoint, &redactor.show(&error.to_string())),
        }
    }

    fn connection_failed(&self, error: &io::Error, endpoint: &TokenEndpoint) -> TokenError {
        use io::ErrorKind as Kind;
        let peer = self.proxy.as_ref().map_or_else(
            || endpoint.to_string(),
            |proxy| format!("the proxy {proxy}"),
        );
        let hint = match &self.proxy {
            Some(_) => {
                "check --proxy, or the variables HTTPS_PROXY, http_proxy, ALL_PROXY and NO_PROXY; trying again may help"
            }
            None => "is the service running, and the port right? trying again may help",
        };
        match error.kind() {
            Kind::ConnectionRefused => transient(
                format!("{peer} cannot be reached: the connection was refused"),
                hint,
            ),
            Kind::UnexpectedEof
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe => transient(
                format!("{peer} ended the connection before it had answered"),
                hint,
            ),
            _ => unreachable(format!("{peer} cannot be reached: {error}"), hint),
        }
    }

    /// ureq says no more than the status, and that in words.
    fn proxy_failed(&self, why: &str, redactor: &Redactor) -> TokenError {
        let proxy = self
            .proxy
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let status: Option<u16> = why
            .rsplit_once('/')
            .and_then(|(_, status)| status.parse().ok());
        match status {
            Some(407) => unreachable(
                format!("the proxy {proxy} asks for a user name and password (status 407)"),
                "give them in the URL: --proxy http://user:password@host:port",
            ),
            Some(status @ (408 | 429 | 500 | 502 | 503 | 504)) => transient(
                format!("the proxy {proxy} could not connect (status {status})"),
                "trying again may help; --proxy or NO_PROXY chooses another way",
            ),
            Some(status) => unreachable(
                format!("the proxy {proxy} refused to connect (status {status})"),
                "ask whoever runs it to permit this host and port, or choose another way with --proxy or NO_PROXY",
            ),
            None => transient(
                format!("the proxy {proxy} failed: {}", redactor.show(why)),
                "is it a proxy? check --proxy, or the variables HTTPS_PROXY, http_proxy and ALL_PROXY",
            ),
        }
    }

    fn failed(&self, endpoint: &TokenEndpoint, why: &ServerText) -> TokenError {
        let way = self
            .proxy
            .as_ref()
            .map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
        unreachable(
            format!("the request to {endpoint}{way} failed: {why}"),
            "-v shows what was tried",
        )
    }
}

fn lookup_failed(host: &str, why: &impl fmt::Display) -> TokenError {
    transient(
        format!("cannot find the address of {host}: {why}"),
        "check the name, and this machine's network (DNS, VPN); trying again may help",
    )
}

fn timed_out(what: &str) -> TokenError {
    transient(
        what,
        "trying again may help, or a longer --timeout; one attempt may take a third of it, connecting half of that",
    )
}

fn handshake_failed(error: &rustls::Error, host: &str) -> TokenError {
    let problem = tls::explain(error, host);
    unreachable(problem.what, problem.hint)
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
