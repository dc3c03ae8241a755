//! Opens the connection of a request: name lookup, TCP, the proxy's tunnel, TLS.

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::client::Client;
use super::error::{Peer, unreachable};
use super::proxy::Proxy;
use super::{connect, tunnel};
use crate::oauth::TokenError;
use crate::time::Deadline;

/// An open connection.
pub trait Stream: Read + Write + Debug + Send + Sync {
    /// Looks for the reason of `error` in what the peer sent before.
    fn explain(&mut self, error: io::Error) -> io::Error {
        error
    }
}

impl Client {
    /// Opens a connection to the token endpoint. Half of the time until `deadline` may pass until TCP is connected.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(super) fn open(&self, deadline: Deadline) -> Result<Box<dyn Stream>, TokenError> {
        let stream = match &self.proxy {
            Some(proxy) => self.tunnel(proxy, deadline)?,
            None => self.tcp(Peer::Host, self.addresses()?, deadline)?,
        };
        match self.endpoint.is_https() {
            true => self.start_tls(Peer::Host, self.host(), stream),
            false => Ok(stream),
        }
    }

    /// The host of the token endpoint, an IPv6 address without brackets.
    fn host(&self) -> &str {
        self.endpoint.host().trim_matches(['[', ']'])
    }

    /// Has the proxy connect to the token endpoint.
    fn tunnel(&self, proxy: &Proxy, deadline: Deadline) -> Result<Box<dyn Stream>, TokenError> {
        let addresses = self.lookup(Peer::Proxy, proxy.host(), proxy.port())?;
        let mut stream = self.tcp(Peer::Proxy, addresses, deadline)?;
        if proxy.is_socks() {
            let resolved = match proxy.resolves() {
                true => None,
                false => self.addresses()?.first().map(|address| address.ip()),
            };
            let host = resolved.map_or_else(|| self.host().to_owned(), |ip| ip.to_string());
            let connected = tunnel::socks(&mut *stream, proxy, &host, self.endpoint.port());
            return match connected {
                Ok(()) => Ok(stream),
                Err(error) => Err(self.io(Peer::Proxy, &error)),
            };
        }
        if proxy.is_https() {
            stream = self.start_tls(Peer::Proxy, proxy.host(), stream)?;
        }
        let host_and_port = format!("{}:{}", self.endpoint.host(), self.endpoint.port());
        let answer = tunnel::http(&mut *stream, proxy, &host_and_port);
        match answer.map_err(|error| self.io(Peer::Proxy, &stream.explain(error)))? {
            (200..=299, _) => Ok(stream),
            (status, schemes) => Err(self.proxy_status(status, &schemes)),
        }
    }

    /// The addresses of the token endpoint. Plain http to `localhost` must not leave this machine, whatever the resolver
    /// says that `localhost` is.
    fn addresses(&self) -> Result<Vec<SocketAddr>, TokenError> {
        let mut addresses = self.lookup(Peer::Host, self.host(), self.endpoint.port())?;
        if !self.endpoint.is_https() && self.host() == "localhost" {
            addresses.retain(|address| address.ip().to_canonical().is_loopback());
            if addresses.is_empty() {
                return Err(unreachable(
                    "localhost has no loopback address on this machine",
                    "check the hosts file, or give 127.0.0.1 in --base-url or --token-url",
                ));
            }
        }
        Ok(addresses)
    }

    fn lookup(&self, peer: Peer, host: &str, port: u16) -> Result<Vec<SocketAddr>, TokenError> {
        connect::resolve(host, port).map_err(|error| self.no_address(peer, &error))
    }

    fn tcp(
        &self,
        peer: Peer,
        addresses: Vec<SocketAddr>,
        deadline: Deadline,
    ) -> Result<Box<dyn Stream>, TokenError> {
        let connect_by = deadline.at_most(deadline.remaining() / 2);
        match connect::connect(addresses, connect_by, self.report) {
            Ok(stream) => Ok(Box::new(Socket { stream, deadline })),
            Err(failed) => Err(self.not_connected(peer, &failed)),
        }
    }

    fn start_tls(
        &self,
        peer: Peer,
        host: &str,
        stream: Box<dyn Stream>,
    ) -> Result<Box<dyn Stream>, TokenError> {
        let started = match &self.tls {
            Some(tls) => tls.start(host, stream),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        started.map_err(|error| self.io(peer, &error))
    }
}

/// A TCP connection.
#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    deadline: Deadline,
}

impl Stream for Socket {}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.deadline.time_left()?;
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(buffer) {
                // By a signal: after SIGSTOP and SIGCONT the wait goes on.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.deadline.time_left()?;
        self.stream.set_write_timeout(Some(left))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
