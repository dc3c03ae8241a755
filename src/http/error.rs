//! Explains failed requests: whether a retry may help, and the error and hint for people.

use std::io;

use super::client::Client;
use super::connect::FailedAddress;
use crate::oauth::{Reason, Retry, TokenError, TokenErrorKind, is_transient_status};

/// How many failed addresses an error names. `-v` names all.
const SHOWN_ADDRESSES: usize = 3;

const ENDPOINT_OPTIONS: &str = "--base-url or --token-url";

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The host of the token endpoint.
    Host,
    /// The proxy.
    Proxy,
}

impl Client {
    /// Explains a failed request.
    pub(super) fn explain(&self, error: ureq::Error) -> TokenError {
        let invalid = |why: String| {
            let what = format!("{} sent an invalid HTTP response: {why}", self.endpoint);
            let hint = format!("check the host and port in {ENDPOINT_OPTIONS}");
            TokenError::new(TokenErrorKind::Invalid, what, hint)
        };
        match error {
            ureq::Error::Protocol(error) => invalid(error.to_string()),
            error @ ureq::Error::LargeResponseHeader(..) => invalid(error.to_string()),
            // The connection ended within the line that has a chunk's size.
            ureq::Error::BodyStalled => self.io(Peer::Host, &io::ErrorKind::UnexpectedEof.into()),
            ureq::Error::Other(error) => match error.downcast() {
                Ok(explained) => *explained,
                Err(error) => self.io(Peer::Host, &io::Error::other(error)),
            },
            error => self.io(Peer::Host, &error.into_io()),
        }
    }

    /// The peer, and the options or the variable that name it.
    pub(super) fn name(&self, peer: Peer) -> (String, &'static str) {
        match (peer, &self.proxy) {
            (Peer::Proxy, Some(proxy)) => (format!("the proxy {proxy}"), proxy.source()),
            _ => (self.endpoint.host().to_owned(), ENDPOINT_OPTIONS),
        }
    }

    pub(super) fn lookup(&self, peer: Peer, error: &io::Error) -> TokenError {
        let (name, options) = match (peer, &self.proxy) {
            (Peer::Proxy, Some(proxy)) => {
                let (host, source) = (proxy.host(), proxy.source());
                (format!("{host}, the proxy given by {source}"), source)
            }
            _ => self.name(Peer::Host),
        };
        transient(
            format!("cannot find the address of {name}: {error}"),
            format!(
                "check the name in {options} and this machine's DNS or VPN, or try again later"
            ),
        )
    }

    pub(super) fn connect(&self, peer: Peer, failed: &[FailedAddress]) -> TokenError {
        let shown = failed.iter().take(SHOWN_ADDRESSES);
        let shown = shown.map(|(address, error)| format!("{} at {address}", reason(error)));
        let mut what = format!(
            "cannot connect to {}: {}",
            self.name(peer).0,
            shown.collect::<Vec<_>>().join(", ")
        );
        if failed.len() > SHOWN_ADDRESSES {
            what += &format!(", and {} more addresses", failed.len() - SHOWN_ADDRESSES);
        }
        let errors = failed.iter().map(|(_, error)| error);
        match errors.max_by_key(|error| (is_timeout(error), is_transient(error))) {
            Some(error) => self.connection(what, error),
            None => transient(what, self.connection_hint()),
        }
    }

    /// Explains an I/O error on a connection.
    pub(super) fn io(&self, peer: Peer, error: &io::Error) -> TokenError {
        if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref()) {
            return self.tls(peer, error);
        }
        let (name, reason) = (self.name(peer).0, reason(error));
        let what = match peer {
            Peer::Host => format!("no answer from {name}: {reason}"),
            Peer::Proxy => format!(
                "{name} did not connect to {}: {reason}",
                self.endpoint.host()
            ),
        };
        self.connection(what, error)
    }

    fn connection(&self, what: String, error: &io::Error) -> TokenError {
        if is_timeout(error) {
            let hint = "try again later, or give a longer --timeout: one attempt may take a third of it, connecting half of that";
            return TokenError {
                reason: Reason::TimedOut,
                ..transient(what, hint)
            };
        }
        match is_transient(error) {
            true => transient(what, self.connection_hint()),
            false => unreachable(what, self.connection_hint()),
        }
    }

    fn connection_hint(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!(
                "check {} and {ENDPOINT_OPTIONS}, or try again later",
                proxy.source()
            ),
            None => "check that the service is running and the port is correct, or try again later"
                .to_owned(),
        }
    }

    /// Explains a proxy's `status` in answer to CONNECT, other than 2xx, and the authentication schemes that came with it.
    pub(super) fn proxy_status(&self, status: u16, schemes: &[String]) -> TokenError {
        let (name, source) = self.name(Peer::Proxy);
        if status == 407 {
            return self.proxy_authentication(&name, source, schemes);
        }
        let what = format!(
            "{name} did not connect to {}: status {status}",
            self.endpoint.host()
        );
        match is_transient_status(status) {
            true => transient(
                what,
                format!("try again later, or choose another proxy with {source}"),
            ),
            false => unreachable(
                what,
                format!("check {source}, or ask its operator to permit this host and port"),
            ),
        }
    }

    fn proxy_authentication(&self, name: &str, source: &str, schemes: &[String]) -> TokenError {
        let is_basic = |scheme: &String| scheme.eq_ignore_ascii_case("Basic");
        let credentials = self.proxy.as_ref().and_then(|proxy| proxy.credentials());
        let (fault, hint) = if !schemes.is_empty() && !schemes.iter().any(is_basic) {
            let offered = self.redactor.show(&schemes.join(", "));
            (
                format!("offers {offered}, but cells-token supports Basic authentication only"),
                format!("run a local relay such as px or cntlm, and set {source} to its URL"),
            )
        } else if credentials.is_some() {
            (
                "refused the user name and password".to_owned(),
                format!(
                    "check the user name and password in {source}; percent-encode special characters"
                ),
            )
        } else {
            (
                "requires a user name and password".to_owned(),
                format!("add them to {source}, as in http://user:password@host:port"),
            )
        };
        unreachable(format!("{name} {fault}, status 407"), hint)
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        _ if is_timeout(error) => "timed out".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ if is_closed(error) => "the connection ended too early".to_owned(),
        _ => error.to_string(),
    }
}

/// A socket's timeout is `WouldBlock` on Unix.
fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// Whether the peer closed the connection before it was done.
pub fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}

fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    is_closed(error)
        || matches!(
            error.kind(),
            ConnectionRefused | HostUnreachable | NetworkDown | NetworkUnreachable
        )
}

/// A failure that a retry may help.
fn transient(what: String, hint: impl Into<String>) -> TokenError {
    TokenError {
        retry: Retry::Soon,
        ..unreachable(what, hint)
    }
}

/// A failure that a retry does not help.
pub fn unreachable(what: String, hint: impl Into<String>) -> TokenError {
    TokenError::new(TokenErrorKind::Unreachable, what, hint)
}

impl From<TokenError> for ureq::Error {
    fn from(error: TokenError) -> Self {
        Self::Other(Box::new(error))
    }
}
