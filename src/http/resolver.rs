//! Name lookup on the request's own thread, told apart from other failures.

use std::fmt;
use std::io;
use std::net::ToSocketAddrs;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks names up on the request's own thread, and says so when that fails.
#[derive(Debug)]
pub struct BlockingResolver;

/// The name has no address, or nobody can say.
#[derive(Debug)]
pub struct LookupFailed {
    /// The name.
    pub host: String,
    /// The system's words.
    pub why: io::Error,
}

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.why)
    }
}

impl std::error::Error for LookupFailed {}

impl Resolver for BlockingResolver {
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
