//! Connects as ureq does, and remembers with whom a handshake failed: ureq's error does not tell the proxy from the host
//! behind it.

use std::fmt;

use ureq::Error;
use ureq::unversioned::transport::{self, ConnectionDetails, DefaultConnector, Transport};

/// ureq's own connector, which it calls for the proxy and for the host.
#[derive(Debug, Default)]
pub struct Connector(DefaultConnector);

/// Somebody answered the connection, but not as was hoped.
#[derive(Debug)]
pub enum HandshakeFailed {
    /// TLS with the peer that the request's URL or the proxy's URL names.
    Tls {
        /// Whether the way to that peer led through a proxy.
        is_behind_proxy: bool,
        /// What is wrong.
        why: rustls::Error,
    },
    /// The answer to CONNECT is not HTTP.
    NoProxy(String),
}

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls { why, .. } => why.fmt(f),
            Self::NoProxy(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for HandshakeFailed {}

impl transport::Connector for Connector {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained).map_err(|error| {
            let is_behind_proxy = details.config.proxy().is_some();
            match tls_error(&error) {
                Some(why) => HandshakeFailed::Tls {
                    is_behind_proxy,
                    why: why.clone(),
                }
                .into(),
                // No other HTTP is spoken before the connection stands.
                None if matches!(error, Error::Protocol(_) | Error::LargeResponseHeader(..)) => {
                    HandshakeFailed::NoProxy(error.to_string()).into()
                }
                None => error,
            }
        })
    }
}

impl From<HandshakeFailed> for Error {
    fn from(failed: HandshakeFailed) -> Self {
        Self::Other(failed.into())
    }
}

/// The TLS error in `error`, if it is one.
pub fn tls_error(error: &Error) -> Option<&rustls::Error> {
    match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}
