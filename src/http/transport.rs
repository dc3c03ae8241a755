//! Connections for ureq: this file looks up, connects, tunnels and starts TLS; ureq speaks HTTP/1.1 over the result.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    self, Buffers, ConnectionDetails, LazyBuffers, NextTimeout, Transport,
};

use super::client::{Client, Note};
use super::connect;
use super::error::{Peer, unreachable};
use super::proxy::Proxy;
use super::tunnel;
use crate::oauth::TokenError;
use crate::time::Deadline;

/// The longest status line and header section that is read, in bytes.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// Room for one byte more than the longest head, so that ureq sees that it is too long.
const INPUT_BUFFER: usize = HEAD_LIMIT + 1024;
const OUTPUT_BUFFER: usize = 8 * 1024;

/// An open connection.
pub trait Stream: Read + Write + fmt::Debug + Send + Sync {}

impl<T: Read + Write + fmt::Debug + Send + Sync> Stream for T {}

/// Opens the one connection of a request.
pub struct Connector {
    /// Whose request it is.
    pub client: Client,
    /// When the response must be complete. Half of the time may pass until TCP is connected.
    pub deadline: Deadline,
    /// Reports a step for `-v`.
    pub note: Note,
}

impl Connector {
    fn open(&self) -> Result<Box<dyn Stream>, TokenError> {
        let Client {
            endpoint, proxy, ..
        } = &self.client;
        let stream = match proxy {
            Some(proxy) => self.through(proxy)?,
            None => self.tcp(Peer::Host, self.addresses()?)?,
        };
        match endpoint.is_https() {
            true => self.tls(Peer::Host, self.host(), stream),
            false => Ok(stream),
        }
    }

    /// The host of the token endpoint, an IPv6 address without brackets.
    fn host(&self) -> &str {
        self.client.endpoint.host().trim_matches(['[', ']'])
    }

    fn through(&self, proxy: &Proxy) -> Result<Box<dyn Stream>, TokenError> {
        let addresses = self.lookup(Peer::Proxy, proxy.host(), proxy.port())?;
        let mut stream = self.tcp(Peer::Proxy, addresses)?;
        let port = self.client.endpoint.port();
        if let Some((version, is_resolving)) = proxy.socks() {
            let mut addresses = match is_resolving {
                true => Vec::new(),
                false => self.addresses()?,
            };
            // SOCKS 4 has no IPv6.
            addresses.retain(|address| version == 5 || address.is_ipv4());
            let address = addresses.first().map(|address| address.ip().to_string());
            let host = address.as_deref().unwrap_or(self.host());
            let connected = match version {
                4 => tunnel::socks4(&mut *stream, host, port),
                _ => tunnel::socks5(&mut *stream, proxy.credentials(), host, port),
            };
            connected.map_err(|error| self.client.io(Peer::Proxy, &error))?;
            return Ok(stream);
        }
        if proxy.is_https() {
            stream = self.tls(Peer::Proxy, proxy.host(), stream)?;
        }
        let answer = tunnel::http(&mut *stream, proxy.credentials(), self.host(), port);
        match answer.map_err(|error| self.client.io(Peer::Proxy, &error))? {
            (200..=299, _) => Ok(stream),
            (status, schemes) => Err(self.client.proxy_status(status, &schemes)),
        }
    }

    /// The addresses of the token endpoint. Plain http to `localhost` must not leave this machine, whatever the resolver
    /// says that `localhost` is.
    fn addresses(&self) -> Result<Vec<SocketAddr>, TokenError> {
        let endpoint = &self.client.endpoint;
        let mut addresses = self.lookup(Peer::Host, self.host(), endpoint.port())?;
        if !endpoint.is_https() && self.host() == "localhost" {
            addresses.retain(|address| address.ip().to_canonical().is_loopback());
            if addresses.is_empty() {
                return Err(unreachable(
                    "localhost has no loopback address on this machine".to_owned(),
                    "check the hosts file, or give 127.0.0.1 in --base-url or --token-url",
                ));
            }
        }
        Ok(addresses)
    }

    fn lookup(&self, peer: Peer, host: &str, port: u16) -> Result<Vec<SocketAddr>, TokenError> {
        connect::resolve(host, port).map_err(|error| self.client.lookup(peer, &error))
    }

    fn tcp(&self, peer: Peer, addresses: Vec<SocketAddr>) -> Result<Box<dyn Stream>, TokenError> {
        let connect_by = self.deadline.at_most(self.deadline.remaining() / 2);
        let stream = connect::connect(addresses, connect_by, &self.note);
        Ok(Box::new(Socket {
            stream: stream.map_err(|failed| self.client.connect(peer, &failed))?,
            deadline: self.deadline,
        }))
    }

    fn tls(
        &self,
        peer: Peer,
        host: &str,
        stream: Box<dyn Stream>,
    ) -> Result<Box<dyn Stream>, TokenError> {
        let started = match &self.client.tls {
            Some(tls) => tls.start(host, stream),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        let stream = started.map_err(|error| self.client.io(peer, &error))?;
        Ok(Box::new(stream))
    }
}

impl transport::Connector for Connector {
    type Out = Connection;

    fn connect(
        &self,
        _: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        Ok(Some(Connection {
            stream: self.open()?,
            buffers: LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER),
            client: self.client.clone(),
        }))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

/// An open connection to the token endpoint.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffers: LazyBuffers,
    client: Client,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let output = &self.buffers.output()[..amount];
        let written = self.stream.write_all(output);
        let written = written.and_then(|()| self.stream.flush());
        Ok(written.map_err(|error| self.client.io(Peer::Host, &error))?)
    }

    /// As a [`TokenError`], an error ends the request. ureq would take some I/O errors for the end of a body without a
    /// length: a reset, and a TLS connection that ended without close_notify.
    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let free = self.buffers.input_append_buf();
        let read = self.stream.read(free);
        let read = read.map_err(|error| self.client.io(Peer::Host, &error))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.client.endpoint.is_https()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// A TCP connection.
#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    deadline: Deadline,
}

impl Socket {
    /// Calls `operation` with the time that is left, and again when a signal interrupts it.
    fn in_time<T>(
        &mut self,
        mut operation: impl FnMut(&mut TcpStream, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let remaining = self.deadline.remaining();
            if remaining.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match operation(&mut self.stream, remaining) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.in_time(|stream, remaining| {
            stream.set_read_timeout(Some(remaining))?;
            stream.read(buffer)
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.in_time(|stream, remaining| {
            stream.set_write_timeout(Some(remaining))?;
            stream.write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Leaves the lookup to [`Connector`], which knows whether the proxy does it.
#[derive(Debug)]
pub struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
