//! The caching token proxy of `serve`: decides which caller gets which token.

use std::sync::Arc;

use hyper::body::Bytes;
use hyper::{Request, StatusCode};

use super::access_log::Exchange;
use super::metrics::Metrics;
use super::outcome::Caller;
use super::response::{self, Response};
use super::routes::{self, Hosts, Route};
use super::token_request::{self, Authentication, Fault, add_challenge};
use super::{CallerKeys, Upstream};
use crate::config::Config;
use crate::oauth::{ClientCredentials, TokenRequest};
use crate::report::{Reporter, Verbosity};
use crate::time::Clock;

/// RFC 6749 §2.3.1: the scheme for clients that use the Authorization header.
const BASIC: &str = "Basic realm=\"cells-token\"";
/// RFC 6750 §3
const BEARER: &str = "Bearer realm=\"cells-token\"";

/// The caching token proxy.
pub struct TokenProxy {
    upstream: Arc<Upstream>,
    hosts: Hosts,
    callers: Option<(Arc<CallerKeys>, ClientCredentials)>,
    clock: Clock,
    report: Reporter,
    metrics: Metrics,
}

impl TokenProxy {
    /// Creates a proxy. Callers with a key get tokens for the credentials that come with the keys.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(
        config: Config,
        hosts: Hosts,
        callers: Option<(Arc<CallerKeys>, ClientCredentials)>,
        clock: Clock,
        report: Reporter,
    ) -> anyhow::Result<Self> {
        let own = callers.as_ref().map(|(_, own)| own);
        Ok(Self {
            upstream: Upstream::new(config, clock, report, own)?,
            hosts,
            callers,
            clock,
            report,
            metrics: Metrics::default(),
        })
    }

    /// Answers a request.
    pub async fn answer(&self, request: &Request<Bytes>) -> Response {
        if let Err((status, why)) = routes::check(request, self.hosts) {
            return response::error(status, "invalid_request", why);
        }
        match routes::route(request) {
            Ok(Route::Token) => self.token(request).await,
            Ok(Route::Health) => response::text(StatusCode::OK, "ok"),
            Ok(Route::Metrics) => self.metrics.response(&self.upstream),
            Err(response) => response,
        }
    }

    async fn token(&self, request: &Request<Bytes>) -> Response {
        let refuse = |fault: Fault, challenge, why| {
            let mut response = fault.response(why);
            add_challenge(&mut response, request, challenge);
            response
        };
        let incoming = match token_request::read(request) {
            Ok(incoming) => incoming,
            Err(fault) => return refuse(fault, BASIC, "credentials are required"),
        };
        let (credentials, caller) = match (incoming.authentication, &self.callers) {
            (Authentication::Credentials(credentials), _) => (credentials, Caller::Client),
            (Authentication::Key(key), Some((keys, own))) if keys.contains(key.as_bytes()) => {
                (own.clone(), Caller::Key(&own.secret))
            }
            (Authentication::Key(_), Some(_)) => {
                return refuse(Fault::InvalidClient, BEARER, "the caller key is unknown");
            }
            (Authentication::Key(_), None) => {
                return refuse(Fault::InvalidClient, BASIC, "no caller keys are in use");
            }
        };
        let id = credentials.id.clone();
        let parameters = incoming.parameters;
        let upstream_request = TokenRequest {
            credentials,
            parameters,
        };
        let outcome = self.upstream.token(upstream_request).await;
        let mut response = outcome.response(caller, (self.clock)());
        if outcome.is_token() {
            response.extensions_mut().insert(id);
        }
        add_challenge(&mut response, request, BASIC);
        response
    }

    /// Counts a request that has arrived.
    pub fn begin(&self) {
        self.metrics.begin();
    }

    /// Counts a request that has ended, and writes its line of the access log.
    pub fn record(&self, exchange: &Exchange<'_>, response: &Response) {
        self.metrics.end(response);
        if self.report.verbosity() > Verbosity::Quiet {
            self.report.line("cells-token: ", &exchange.line(response));
        }
    }
}
