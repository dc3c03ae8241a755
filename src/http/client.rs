//! One POST to the token endpoint. It runs on a thread of its own, so that its deadline holds against any peer and
//! resolver.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::Peer;
use super::exchange;
use super::proxy::Proxy;
use super::tls::Tls;
use crate::blocking;
use crate::oauth::{Response, TokenEndpoint, TokenError};
use crate::report::Reporter;
use crate::server_text::Redactor;
use crate::time::Deadline;

/// Sends token requests to one endpoint.
#[derive(Clone)]
pub struct Client {
    /// Where they go.
    pub endpoint: TokenEndpoint,
    /// Through which proxy.
    pub proxy: Option<Proxy>,
    /// What TLS trusts; `None` without TLS.
    pub tls: Option<Arc<Tls>>,
    /// Makes text of the server and the proxy safe to show.
    pub redactor: Arc<Redactor>,
    /// Where to report the addresses that are tried.
    pub report: Reporter,
}

impl Client {
    /// POSTs `form` once and follows no redirect. Calls `tick` ten times a second meanwhile.
    ///
    /// # Errors
    /// `Unreachable` without a complete HTTP response, `Invalid` if the response is not HTTP.
    pub fn post(
        &self,
        form: Zeroizing<String>,
        deadline: Deadline,
        tick: impl FnMut(),
    ) -> Result<Response, TokenError> {
        let client = self.clone();
        let response = blocking::run(deadline, tick, move || client.send(&form, deadline));
        response.unwrap_or_else(|error| Err(self.io(Peer::Host, &error)))
    }

    fn send(&self, form: &str, deadline: Deadline) -> Result<Response, TokenError> {
        let stream = self.open(deadline)?;
        let response = exchange::post(stream, self.endpoint.as_str(), form);
        response.map_err(|error| self.io(Peer::Host, &error))
    }
}
