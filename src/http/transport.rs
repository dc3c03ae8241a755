//! Connections for ureq: this file looks up, connects, tunnels and starts TLS; ureq speaks HTTP/1.1 over the result.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    self, Buffers, ConnectionDetails, LazyBuffers, NextTimeout, Transport,
};

use super::connect::{self, FailedAddress};
use super::error::Failure;
use super::proxy::{Proxy, ProxyKind};
use super::tls::Tls;
use super::tunnel;
use crate::oauth::TokenEndpoint;
use crate::time::Deadline;

/// The longest status line and header section that is read, in bytes.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// Room for one byte more than the longest head, so that ureq sees that it is too long.
const INPUT_BUFFER: usize = HEAD_LIMIT + 1024;
const OUTPUT_BUFFER: usize = 8 * 1024;

/// A connection whose reads and writes fail with a timeout after a deadline.
pub trait Stream: Read + Write + fmt::Debug + Send + Sync {
    /// Replaces the deadline.
    fn set_deadline(&mut self, deadline: Deadline);
}

/// Which end of a connection a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The host of the token endpoint.
    Host,
    /// The proxy.
    Proxy,
}

/// Opens the one connection of a request.
#[derive(Debug)]
pub struct Connector {
    /// The token endpoint.
    pub endpoint: TokenEndpoint,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// For an https endpoint or proxy.
    pub tls: Option<Arc<Tls>>,
    /// When the connection must be ready, with tunnel and TLS.
    pub connect_by: Deadline,
    /// When the response must be complete.
    pub deadline: Deadline,
    /// Receives the steps for `-v`.
    pub notes: Notes,
}

/// Takes lines for `-v`.
pub struct Notes(pub Box<dyn Fn(String) + Send + Sync>);

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notes")
    }
}

impl Connector {
    fn open(&self) -> Result<Box<dyn Stream>, Failure> {
        let mut stream = match &self.proxy {
            Some(proxy) => self.through(proxy)?,
            None => self.tcp(Peer::Host, self.addresses()?)?,
        };
        if self.endpoint.is_https() {
            stream = self.tls(Peer::Host, self.host(), stream)?;
        }
        stream.set_deadline(self.deadline);
        Ok(stream)
    }

    /// The host of the token endpoint, an IPv6 address without brackets.
    fn host(&self) -> &str {
        self.endpoint.host().trim_matches(['[', ']'])
    }

    fn through(&self, proxy: &Proxy) -> Result<Box<dyn Stream>, Failure> {
        let lookup = connect::resolve(proxy.host(), proxy.port());
        let addresses = lookup.map_err(|error| Failure::Lookup(Peer::Proxy, error))?;
        let mut stream = self.tcp(Peer::Proxy, addresses)?;
        match proxy.kind() {
            ProxyKind::Http => {
                tunnel::http(&mut *stream, proxy, self.host(), self.endpoint.port())?
            }
            ProxyKind::Https => {
                stream = self.tls(Peer::Proxy, proxy.host(), stream)?;
                tunnel::http(&mut *stream, proxy, self.host(), self.endpoint.port())?;
            }
            ProxyKind::Socks { version, resolves } => {
                let mut addresses = match resolves {
                    true => Vec::new(),
                    false => self.addresses()?,
                };
                // SOCKS 4 has no IPv6.
                addresses.retain(|address| version == 5 || address.is_ipv4());
                let address = addresses.first().map(|address| address.ip().to_string());
                let host = address.as_deref().unwrap_or(self.host());
                tunnel::socks(&mut *stream, proxy, host, self.endpoint.port())?;
            }
        }
        Ok(stream)
    }

    /// The addresses of the token endpoint. Plain http to `localhost` must not leave this machine, whatever the resolver
    /// says that `localhost` is.
    fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let lookup = connect::resolve(self.host(), self.endpoint.port());
        let mut addresses = lookup.map_err(|error| Failure::Lookup(Peer::Host, error))?;
        if !self.endpoint.is_https() && self.host() == "localhost" {
            addresses.retain(|address| address.ip().to_canonical().is_loopback());
            if addresses.is_empty() {
                return Err(Failure::NotLoopback);
            }
        }
        Ok(addresses)
    }

    fn tcp(&self, peer: Peer, addresses: Vec<SocketAddr>) -> Result<Box<dyn Stream>, Failure> {
        let connected = connect::connect(addresses, self.connect_by, &self.notes.0);
        let failed = |failed: Vec<FailedAddress>| Failure::Connect(peer, failed);
        Ok(Box::new(Socket {
            stream: connected.map_err(failed)?,
            deadline: self.connect_by,
        }))
    }

    fn tls(
        &self,
        peer: Peer,
        host: &str,
        stream: Box<dyn Stream>,
    ) -> Result<Box<dyn Stream>, Failure> {
        let Some(tls) = &self.tls else {
            return Err(Failure::Io(peer, io::ErrorKind::Unsupported.into()));
        };
        let started = tls.start(peer, host, stream);
        Ok(Box::new(
            started.map_err(|error| Failure::of_io(peer, error))?,
        ))
    }
}

impl transport::Connector for Connector {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        Ok(Some(Connection {
            stream: self.open()?,
            buffers: LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER),
            is_tls: details.needs_tls(),
        }))
    }
}

/// An open connection to the token endpoint.
#[derive(Debug)]
pub struct Connection {
    stream: Box<dyn Stream>,
    buffers: LazyBuffers,
    is_tls: bool,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let output = &self.buffers.output()[..amount];
        let written = self.stream.write_all(output);
        let written = written.and_then(|()| self.stream.flush());
        Ok(written.map_err(|error| Failure::of_io(Peer::Host, error))?)
    }

    /// As a [`Failure`], an error ends the request. ureq would take some I/O errors for the end of a body without a
    /// length: a reset, and a TLS connection that ended without close_notify.
    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let free = self.buffers.input_append_buf();
        let read = self.stream.read(free);
        let read = read.map_err(|error| Failure::of_io(Peer::Host, error))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.is_tls
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

impl Stream for Socket {
    fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
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
