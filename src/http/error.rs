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
    /// The peer, and the options or the variable that name it.
    pub(super) fn name(&self, peer: Peer) -> (String, &'static str) {
        match (peer, &self.proxy) {
            (Peer::Proxy, Some(proxy)) => (format!("the proxy {proxy}"), proxy.source()),
            _ => (self.endpoint.host().to_owned(), ENDPOINT_OPTIONS),
        }
    }

    /// Explains a failed lookup of a name.
    pub(super) fn no_address(&self, peer: Peer, error: &io::Error) -> TokenError {
        let (name, options) = self.name(peer);
        let hint = format!(
            "check the name in {options} and this machine's DNS or VPN, or try again later"
        );
        let what = format!("cannot find the address of {name}: {error}");
        transient(what, hint)
    }

    /// Explains that none of a peer's addresses could be connected to.
    pub(super) fn not_connected(&self, peer: Peer, failed: &[FailedAddress]) -> TokenError {
        let shown = failed.iter().take(SHOWN_ADDRESSES);
        let shown = shown.map(|(address, error)| format!("{} at {address}", reason(error)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let mut what = format!("cannot connect to {}: {shown}", self.name(peer).0);
        if failed.len() > SHOWN_ADDRESSES {
            what += &format!(", and {} more addresses", failed.len() - SHOWN_ADDRESSES);
        }
        let errors: Vec<_> = failed.iter().map(|(_, error)| error).collect();
        self.connection(what, &errors)
    }

    /// Explains an error on a connection.
    pub(super) fn io(&self, peer: Peer, error: &io::Error) -> TokenError {
        if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref()) {
            return self.tls_error(peer, error);
        }
        let (name, host, reason) = (self.name(peer).0, self.endpoint.host(), reason(error));
        let what = match peer {
            Peer::Host if error.kind() == io::ErrorKind::InvalidData => {
                let what = format!("{} sent an invalid HTTP response: {reason}", self.endpoint);
                let hint = format!("check the host and port in {ENDPOINT_OPTIONS}");
                return TokenError::new(TokenErrorKind::Invalid, what, hint);
            }
            Peer::Host => format!("no answer from {name}: {reason}"),
            Peer::Proxy => format!("{name} did not connect to {host}: {reason}"),
        };
        self.connection(what, &[error])
    }

    fn connection(&self, what: String, errors: &[&io::Error]) -> TokenError {
        if errors.iter().any(|error| is_timeout(error)) {
            let hint = "try again later, or give a longer --timeout: one attempt may take a third of it, connecting half of that";
            return TokenError {
                reason: Reason::TimedOut,
                ..transient(what, hint)
            };
        }
        let hint = match &self.proxy {
            Some(proxy) => format!(
                "check {} and {ENDPOINT_OPTIONS}, or try again later",
                proxy.source()
            ),
            None => "check that the service is running and the port is correct, or try again later"
                .to_owned(),
        };
        match errors.iter().any(|error| is_transient(error)) {
            true => transient(what, hint),
            false => unreachable(what, hint),
        }
    }

    /// Explains a proxy's `status` in answer to CONNECT, other than 2xx, and the authentication schemes that came with it.
    pub(super) fn proxy_status(&self, status: u16, schemes: &[String]) -> TokenError {
        let (name, source) = self.name(Peer::Proxy);
        let is_basic = |scheme: &String| scheme.eq_ignore_ascii_case("Basic");
        let offers_basic = schemes.is_empty() || schemes.iter().any(is_basic);
        let credentials = self.proxy.as_ref().and_then(|proxy| proxy.credentials());
        let is_transient = is_transient_status(status);
        let (fault, hint) = match status {
            407 if !offers_basic => (
                format!(
                    "offers {}, but cells-token supports Basic authentication only",
                    self.redactor.show(&schemes.join(", "))
                ),
                format!("run a local relay such as px or cntlm, and set {source} to its URL"),
            ),
            407 if credentials.is_some() => (
                "refused the user name and password".to_owned(),
                format!(
                    "check the user name and password in {source}; percent-encode special characters"
                ),
            ),
            407 => (
                "requires a user name and password".to_owned(),
                format!("add them to {source}, as in http://user:password@host:port"),
            ),
            _ => (
                format!("did not connect to {}", self.endpoint.host()),
                match is_transient {
                    true => format!("try again later, or choose another proxy with {source}"),
                    false => {
                        format!("check {source}, or ask its operator to permit this host and port")
                    }
                },
            ),
        };
        let what = format!("{name} {fault}, status {status}");
        match is_transient {
            true => transient(what, hint),
            false => unreachable(what, hint),
        }
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
    use io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
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
pub fn unreachable(what: impl Into<String>, hint: impl Into<String>) -> TokenError {
    TokenError::new(TokenErrorKind::Unreachable, what, hint)
}
