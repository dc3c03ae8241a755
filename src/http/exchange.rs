//! One POST, which ureq makes over a connection that is already open.

use std::fmt;
use std::io::{self, ErrorKind, Read as _};
use std::sync::{Mutex, PoisonError};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{Uri, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use super::connection::Stream;
use crate::oauth::{BODY_LIMIT, Response, challenge_schemes};

pub const USER_AGENT: &str = concat!("cells-token/", env!("CARGO_PKG_VERSION"));

/// The longest status line and header section that is read, in bytes.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// One byte more than the longest head at least, so that ureq sees that it is too long.
const INPUT_BUFFER: usize = HEAD_LIMIT + 1024;
const OUTPUT_BUFFER: usize = 8 * 1024;

/// POSTs `form` to `url` over `stream`, and reads the body up to one byte more than [`BODY_LIMIT`]. Follows no redirect.
///
/// # Errors
/// I/O errors, and `InvalidData` if the response is not HTTP.
pub fn post(stream: Box<dyn Stream>, url: &str, form: &str) -> io::Result<Response> {
    let config = Config::builder()
        .user_agent(USER_AGENT)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEAD_LIMIT)
        .proxy(None)
        .build();
    let opened = Opened(Mutex::new(Some(stream)));
    let response = Agent::with_parts(config, opened, NoResolver)
        .post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .header("x-aspose-client", "cells-token")
        .header("x-aspose-client-version", env!("CARGO_PKG_VERSION"))
        .send(form);
    let mut response = response.map_err(io_error)?;
    let mut body = Vec::new();
    let reader = response.body_mut().as_reader();
    let read = reader.take(BODY_LIMIT as u64 + 1).read_to_end(&mut body);
    read.map_err(|error| io_error(error.into()))?;
    let headers = response.headers();
    let header = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let challenges = challenges.filter_map(|value| value.to_str().ok());
    Ok(Response {
        status: response.status().as_u16(),
        content_type: header(header::CONTENT_TYPE),
        content_encoding: header(header::CONTENT_ENCODING),
        location: header(header::LOCATION),
        retry_after: header(header::RETRY_AFTER),
        schemes: challenges.flat_map(challenge_schemes).collect(),
        body,
    })
}

/// The I/O error that an error of ureq stands for.
fn io_error(error: ureq::Error) -> io::Error {
    match error {
        // The connection ended within the line that has a chunk's size.
        ureq::Error::BodyStalled => ErrorKind::UnexpectedEof.into(),
        ureq::Error::LargeResponseHeader(..) => invalid("its header section is over 64 KiB"),
        ureq::Error::Protocol(error) => invalid(error),
        ureq::Error::Other(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => error.into_io(),
    }
}

pub fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

/// Gives ureq the connection that is open.
#[derive(Debug)]
struct Opened(Mutex<Option<Box<dyn Stream>>>);

impl Connector for Opened {
    type Out = Connection;

    fn connect(
        &self,
        _: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(stream.map(|stream| Connection {
            stream,
            buffers: LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER),
        }))
    }
}

struct Connection {
    stream: Box<dyn Stream>,
    buffers: LazyBuffers,
}

impl Connection {
    /// Wraps an I/O error. ureq would take a reset, and the end of a TLS connection without close_notify, for the end of a
    /// body that has no length.
    fn error(&mut self, error: io::Error) -> ureq::Error {
        ureq::Error::Other(Box::new(self.stream.explain(error)))
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let written = self.stream.write_all(&self.buffers.output()[..amount]);
        let written = written.and_then(|()| self.stream.flush());
        written.map_err(|error| self.error(error))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let read = self.stream.read(self.buffers.input_append_buf());
        let read = read.map_err(|error| self.error(error))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    /// Wherever it is needed: the connection is open, with TLS if the URL asks for it.
    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// The connection is open: there is nothing to look up.
#[derive(Debug)]
struct NoResolver;

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
