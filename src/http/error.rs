//! What the failures of a request mean: whether a retry may help, and the error and hint for people.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::{fmt, io};

use super::client::{Client, Stopped};
use super::connect::FailedAddress;
use super::tls_error::TlsError;
use super::transport::Peer;
use super::tunnel::Refusal;
use crate::oauth::{Cause, Retry, TokenError, TokenErrorKind};

/// How many failed addresses an error names. `-v` names all.
const SHOWN_ADDRESSES: usize = 3;

const ENDPOINT_OPTIONS: &str = "--base-url or --token-url";

/// Why there is no connection, or no complete response.
#[derive(Debug)]
pub enum Failure {
    /// The name has no address, or the resolver cannot tell.
    Lookup(Peer, io::Error),
    /// `localhost` has addresses, but none on this machine.
    NotLoopback,
    /// No address could be connected to.
    Connect(Peer, Vec<FailedAddress>),
    /// TLS failed.
    Tls(TlsError),
    /// The proxy did not connect to the host.
    Proxy(Refusal),
    /// Reading or writing failed.
    Io(Peer, io::Error),
}

impl Failure {
    /// The failure behind an I/O error on the connection with `peer`.
    pub fn of_io(peer: Peer, error: io::Error) -> Self {
        match error.downcast::<TlsError>() {
            Ok(error) => Self::Tls(error),
            Err(error) => Self::Io(peer, error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection failed")
    }
}

impl StdError for Failure {}

impl Client<'_> {
    /// Explains a failed request.
    pub(super) fn explain(&self, error: ureq::Error) -> TokenError {
        let endpoint = self.endpoint;
        let invalid = |what: String| {
            let hint = format!("check the host and port in {ENDPOINT_OPTIONS}");
            TokenError::new(TokenErrorKind::Invalid, what, hint)
        };
        match error {
            ureq::Error::Other(other) => match other.downcast() {
                Ok(failure) => self.failure(*failure),
                Err(other) => self.unexpected(&other.to_string()),
            },
            ureq::Error::Io(error) => self.io(Peer::Host, &error),
            // The connection ended within the line that has a chunk's size.
            ureq::Error::BodyStalled => self.io(Peer::Host, &io::ErrorKind::UnexpectedEof.into()),
            ureq::Error::LargeResponseHeader(..) => invalid(format!(
                "the response of {endpoint} has a header section of over 64 KiB"
            )),
            ureq::Error::Protocol(error) => {
                let error = error.to_string();
                match error.contains("too many headers") {
                    true => invalid(format!(
                        "the response of {endpoint} has more than 128 header fields"
                    )),
                    false => invalid(format!(
                        "{endpoint} answered with something that is not HTTP: {}",
                        self.redactor.show(&error)
                    )),
                }
            }
            error => self.unexpected(&error.to_string()),
        }
    }

    fn failure(&self, failure: Failure) -> TokenError {
        match failure {
            Failure::Lookup(peer, error) => self.lookup(peer, &error),
            Failure::NotLoopback => unreachable(
                "localhost has no loopback address on this machine".to_owned(),
                "check the hosts file, or give 127.0.0.1 in --base-url or --token-url",
            ),
            Failure::Connect(peer, failed) => self.connect(peer, &failed),
            Failure::Tls(error) => self.tls(&error),
            Failure::Proxy(refusal) => self.proxy_refusal(&refusal),
            Failure::Io(peer, error) => self.io(peer, &error),
        }
    }

    /// Explains a request that was abandoned.
    pub(super) fn stopped(&self, stopped: Stopped) -> TokenError {
        match stopped {
            Stopped::Deadline => timed_out(format!("{} did not answer in time", self.endpoint)),
            Stopped::NoThread(error) => unreachable(
                format!("cannot start a thread for the request: {error}"),
                "check the limit on processes",
            ),
            Stopped::Panicked => self.unexpected("its thread panicked"),
        }
    }

    /// The other side, for a message.
    fn name(&self, peer: Peer) -> String {
        match (peer, self.proxy) {
            (Peer::Proxy, Some(proxy)) => format!("the proxy {proxy}"),
            _ => self.endpoint.to_string(),
        }
    }

    /// The option or variable that names the proxy.
    fn proxy_source(&self) -> &'static str {
        self.proxy.map_or("--proxy", |proxy| proxy.source())
    }

    fn lookup(&self, peer: Peer, error: &io::Error) -> TokenError {
        match (peer, self.proxy) {
            (Peer::Proxy, Some(proxy)) => transient(
                format!(
                    "cannot find the address of {}, the proxy given by {}: {error}",
                    proxy.host(),
                    proxy.source()
                ),
                format!(
                    "check {} and this machine's DNS or VPN, or try again later",
                    proxy.source()
                ),
            ),
            _ => transient(
                format!(
                    "cannot find the address of {}: {error}",
                    self.endpoint.host()
                ),
                format!(
                    "check the name in {ENDPOINT_OPTIONS} and this machine's DNS or VPN, or try again later"
                ),
            ),
        }
    }

    fn connect(&self, peer: Peer, failed: &[FailedAddress]) -> TokenError {
        let name = self.name(peer);
        if let [(_, error)] = failed {
            return match is_timeout(error) {
                true => timed_out(format!("cannot connect to {name} in time")),
                false => self.io(peer, error),
            };
        }
        let shown = failed.iter().take(SHOWN_ADDRESSES).map(one_address);
        let mut what = format!(
            "cannot connect to {name}: {}",
            shown.collect::<Vec<_>>().join(", ")
        );
        if failed.len() > SHOWN_ADDRESSES {
            what += &format!(", and {} more addresses", failed.len() - SHOWN_ADDRESSES);
        }
        match failed.iter().any(|(_, error)| is_timeout(error)) {
            true => timed_out(what),
            false => transient(what, self.connection_hint(peer)),
        }
    }

    fn connection_hint(&self, peer: Peer) -> String {
        match peer {
            Peer::Proxy => format!("check {}, or try again later", self.proxy_source()),
            Peer::Host if self.proxy.is_some() => {
                format!(
                    "check {} and {ENDPOINT_OPTIONS}, or try again later",
                    self.proxy_source()
                )
            }
            Peer::Host => {
                "check that the service is running and the port is correct, or try again later"
                    .to_owned()
            }
        }
    }

    fn io(&self, peer: Peer, error: &io::Error) -> TokenError {
        use io::ErrorKind as Kind;
        let name = self.name(peer);
        let hint = self.connection_hint(peer);
        match error.kind() {
            _ if is_timeout(error) => timed_out(format!("{name} did not answer in time")),
            Kind::ConnectionRefused => transient(
                format!("cannot connect to {name}: the connection was refused"),
                hint,
            ),
            Kind::UnexpectedEof
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe => transient(
                format!("{name} ended the connection before it had answered"),
                hint,
            ),
            Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::NetworkDown => {
                transient(format!("cannot connect to {name}: {error}"), hint)
            }
            _ => unreachable(format!("cannot connect to {name}: {error}"), hint),
        }
    }

    fn tls(&self, error: &TlsError) -> TokenError {
        let (name, options) = match (error.peer, self.proxy) {
            (Peer::Proxy, Some(proxy)) => (format!("the proxy {proxy}"), proxy.source()),
            _ => (self.endpoint.host().to_owned(), ENDPOINT_OPTIONS),
        };
        if let (Peer::Host, Some(proxy), rustls::Error::InvalidMessage(_)) =
            (error.peer, self.proxy, &error.why)
        {
            return unreachable(
                format!("the proxy {proxy} did not connect to {name}: the answer is not TLS"),
                self.not_a_proxy(),
            );
        }
        let variable = self.foreign_ca_variable;
        let problem = error.problem(&name, options, variable, self.redactor);
        unreachable(problem.what, problem.hint)
    }

    fn proxy_refusal(&self, refusal: &Refusal) -> TokenError {
        let name = self.name(Peer::Proxy);
        let source = self.proxy_source();
        match refusal {
            Refusal::Status(407, schemes) => self.proxy_authentication(&name, source, schemes),
            Refusal::Status(status @ (408 | 429 | 500 | 502 | 503 | 504), _) => transient(
                format!(
                    "{name} could not connect to {}: status {status}",
                    self.endpoint.host()
                ),
                format!("try again later, or choose another way with {source} or NO_PROXY"),
            ),
            Refusal::Status(status, _) => unreachable(
                format!(
                    "{name} refused to connect to {}: status {status}",
                    self.endpoint.host()
                ),
                format!(
                    "ask its operator to permit this host and port, or choose another way with {source} or NO_PROXY"
                ),
            ),
            Refusal::NotHttp(why) => unreachable(
                format!("{name} answered with something that is not HTTP: {why}"),
                self.not_a_proxy(),
            ),
            Refusal::Socks(why, is_transient) => {
                let what = format!("{name} did not connect to {}: {why}", self.endpoint.host());
                let hint = format!("check {source} and {ENDPOINT_OPTIONS}");
                match is_transient {
                    true => transient(what, hint),
                    false => unreachable(what, hint),
                }
            }
        }
    }

    fn proxy_authentication(&self, name: &str, source: &str, schemes: &[String]) -> TokenError {
        let is_basic = |scheme: &String| scheme.eq_ignore_ascii_case("Basic");
        let has_credentials = self
            .proxy
            .is_some_and(|proxy| proxy.credentials().is_some());
        let (what, hint) = if !schemes.is_empty() && !schemes.iter().any(is_basic) {
            let offered = self.redactor.show(&schemes.join(", "));
            (
                format!(
                    "{name} returned status 407 and offers {offered}, but cells-token supports Basic authentication only"
                ),
                format!("run a local relay such as px or cntlm, and set {source} to its URL"),
            )
        } else if has_credentials {
            (
                format!("{name} returned status 407: it refused the user name and password"),
                format!(
                    "check the user name and password in {source}; percent-encode special characters"
                ),
            )
        } else {
            (
                format!("{name} returned status 407: it requires a user name and password"),
                format!("add them to {source}, as in http://user:password@host:port"),
            )
        };
        unreachable(what, hint)
    }

    fn not_a_proxy(&self) -> String {
        format!(
            "check that {} names a proxy; a captive portal or VPN may answer instead",
            self.proxy_source()
        )
    }

    fn unexpected(&self, why: &str) -> TokenError {
        unreachable(
            format!(
                "the request to {} failed: {}",
                self.endpoint,
                self.redactor.show(why)
            ),
            "run again with --verbose for details",
        )
    }
}

fn one_address((address, error): &(SocketAddr, io::Error)) -> String {
    match error.kind() {
        _ if is_timeout(error) => format!("{address} timed out"),
        io::ErrorKind::ConnectionRefused => format!("{address} refused the connection"),
        _ => format!("{address} failed: {error}"),
    }
}

/// A socket's timeout is `WouldBlock` on Unix.
fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

fn timed_out(what: String) -> TokenError {
    let hint = "try again later, or give a longer --timeout: one attempt may take a third of it, connecting half of that";
    TokenError {
        cause: Cause::Timeout,
        ..transient(what, hint)
    }
}

/// A failure that a retry may help.
fn transient(what: String, hint: impl Into<String>) -> TokenError {
    TokenError {
        retry: Retry::Soon,
        ..unreachable(what, hint)
    }
}

/// A failure that a retry does not help.
fn unreachable(what: String, hint: impl Into<String>) -> TokenError {
    TokenError::new(TokenErrorKind::Unreachable, what, hint)
}
