//! One POST to the token endpoint. It runs on a thread of its own, so that its deadline holds against any peer and
//! resolver.

use std::sync::Arc;

use http::{Request, header};
use zeroize::Zeroizing;

use super::error::Peer;
use super::exchange::{self, USER_AGENT};
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
        let request = Request::post(self.endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, form.len())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, USER_AGENT)
            .header("x-aspose-client", "cells-token")
            .header("x-aspose-client-version", env!("CARGO_PKG_VERSION"))
            .body(());
        let mut stream = self.open(deadline)?;
        let response = request.map_err(std::io::Error::other);
        let response = response.and_then(|request| exchange::post(&mut *stream, request, form));
        response.map_err(|error| self.io(Peer::Host, &stream.explain(error)))
    }
}
