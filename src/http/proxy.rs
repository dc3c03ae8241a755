//! A proxy's URL, and what of it may be shown.

use std::fmt;

use super::no_proxy::Named;
use crate::problem::Problem;

/// A proxy, shown without its user and password.
#[derive(Clone, Debug)]
pub struct Proxy(pub(super) ureq::Proxy);

impl Proxy {
    /// Reads a proxy URL; `source` is the option or variable that gave it.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse((url, source): Named) -> Result<Self, Problem> {
        let proxy = ureq::Proxy::new(url.trim()).ok();
        proxy.filter(names_a_peer).map(Self).ok_or_else(|| {
            Problem::new(
                format!("the proxy given by {source} is not a proxy URL"),
                format!("give {source} something like http://host:3128 or socks5://host:1080"),
            )
        })
    }
}

/// Whether it has a host, and a port only if that is one: ureq takes the scheme's for one that it cannot read.
fn names_a_peer(proxy: &ureq::Proxy) -> bool {
    let Some(authority) = proxy.uri().authority() else {
        return false;
    };
    let host = authority.host();
    let ends_with_host = authority.as_str().ends_with(host);
    !host.is_empty() && (ends_with_host || authority.port_u16().is_some_and(|port| port > 0))
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.protocol().to_string().to_ascii_lowercase();
        write!(f, "{scheme}://{}:{}", self.0.host(), self.0.port())
    }
}
