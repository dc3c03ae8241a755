//! What ureq's errors mean: which kind of failure, whether it may pass, and the words for it.

use std::fmt;
use std::io;

use super::Client;
use super::connect::{HandshakeFailed, tls_error};
use super::resolver::LookupFailed;
use super::tls;
use crate::oauth::{Cause, Retry, TokenError, TokenErrorKind};
use crate::server_text::ServerText;

/// What names the host of the token endpoint.
const NAMES_THE_HOST: &str = "--base-url or --token-url";

/// Whoever answered at the proxy's address does not do a proxy's work.
const NO_PROXY: &str = "is it a proxy? a captive portal or a VPN may answer in its place; check --proxy, or the \
                        variables HTTPS_PROXY, http_proxy and ALL_PROXY";

impl Client {
    /// Which failure it is, in words. What a server may have chosen goes through the redactor.
    pub(super) fn explain(&self, error: &ureq::Error) -> TokenError {
        let Self {
            endpoint, redactor, ..
        } = self;
        if let Some(why) = tls_error(error) {
            return tls_failed(why, endpoint.host(), NAMES_THE_HOST);
        }
        match error {
            ureq::Error::Other(other) => match (other.downcast_ref(), other.downcast_ref()) {
                (Some(LookupFailed { host, why }), _) => lookup_failed(host, why),
                (_, Some(failed)) => self.handshake_failed(failed),
                _ => self.failed(&redactor.show(&other.to_string())),
            },
            ureq::Error::HostNotFound => lookup_failed(endpoint.host(), &"it has no address"),
            ureq::Error::Timeout(ureq::Timeout::Connect) => match &self.proxy {
                Some(proxy) => timed_out(&format!(
                    "the proxy {proxy} did not connect to {endpoint} in time"
                )),
                None => timed_out(&format!("{endpoint} could not be connected to in time")),
            },
            ureq::Error::Timeout(_) => timed_out(&format!("{endpoint} did not answer in time")),
            ureq::Error::Io(error) => self.connection_failed(error),
            // Within the line that tells a chunk's size.
            ureq::Error::BodyStalled => {
                self.connection_failed(&io::ErrorKind::UnexpectedEof.into())
            }
            ureq::Error::ConnectProxyFailed(why) => self.proxy_failed(why),
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => TokenError::new(
                TokenErrorKind::Invalid,
                format!(
                    "{endpoint} answered with something that is not HTTP: {}",
                    redactor.show(&error.to_string())
                ),
                "check the host and port in --base-url or --token-url",
            ),
            _ => self.failed(&redactor.show(&error.to_string())),
        }
    }

    fn handshake_failed(&self, failed: &HandshakeFailed) -> TokenError {
        let Self {
            endpoint, redactor, ..
        } = self;
        match (failed, &self.proxy) {
            (
                HandshakeFailed::Tls {
                    is_behind_proxy: true,
                    why: rustls::Error::InvalidMessage(_),
                },
                Some(proxy),
            ) => unreachable(
                format!(
                    "the proxy {proxy} did not connect to {}: what came is not TLS",
                    endpoint.host()
                ),
                NO_PROXY,
            ),
            (HandshakeFailed::NoProxy(why), Some(proxy)) => unreachable(
                format!(
                    "the proxy {proxy} answered with something that is not HTTP: {}",
                    redactor.show(why)
                ),
                NO_PROXY,
            ),
            (
                HandshakeFailed::Tls {
                    is_behind_proxy: false,
                    why,
                },
                Some(proxy),
            ) => tls_failed(why, &format!("the proxy {proxy}"), "--proxy"),
            (HandshakeFailed::Tls { why, .. }, _) => {
                tls_failed(why, endpoint.host(), NAMES_THE_HOST)
            }
            (HandshakeFailed::NoProxy(why), None) => self.failed(&redactor.show(why)),
        }
    }

    fn connection_failed(&self, error: &io::Error) -> TokenError {
        let endpoint = &self.endpoint;
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
    fn proxy_failed(&self, why: &str) -> TokenError {
        let redactor = &self.redactor;
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
                NO_PROXY,
            ),
        }
    }

    fn failed(&self, why: &ServerText) -> TokenError {
        let endpoint = &self.endpoint;
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

/// The time was up; which of the times, `what` says.
pub(super) fn timed_out(what: &str) -> TokenError {
    let hint = "trying again may help, or a longer --timeout; one attempt may take a third of it, connecting half of that";
    TokenError {
        cause: Cause::Timeout,
        ..transient(what, hint)
    }
}

fn tls_failed(why: &rustls::Error, peer: &str, named_by: &str) -> TokenError {
    let problem = tls::explain(why, peer, named_by);
    unreachable(problem.what, problem.hint)
}

/// What may pass by itself.
fn transient(what: impl Into<String>, hint: impl Into<String>) -> TokenError {
    TokenError {
        retry: Retry::Soon,
        ..unreachable(what, hint)
    }
}

/// There was no answer, and asking again would not help.
pub(super) fn unreachable(what: impl Into<String>, hint: impl Into<String>) -> TokenError {
    TokenError::new(TokenErrorKind::Unreachable, what, hint)
}
