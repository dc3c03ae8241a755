//! HTTP servers for token requests: `serve`'s caching token proxy and `sandbox`'s authorization server.
//!
//! `listener` owns connections and their limits; a [`Service`] decides how a request is answered.

mod access_log;
mod cached_token;
mod caller_keys;
mod guard;
mod issuer;
mod listener;
mod metrics;
mod outcome;
mod proxy;
mod response;
mod routes;
mod tls;
mod token_cache;
mod token_request;
mod upstream;

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Request;
use hyper::body::Bytes;

use access_log::Exchange;
use response::Response;

pub use caller_keys::CallerKeys;
pub use issuer::Issuer;
pub use listener::{Server, listen};
pub use proxy::TokenProxy;
pub use routes::Hosts;
pub use tls::Tls;
pub use upstream::MAX_UPSTREAM_REQUESTS;
use upstream::Upstream;

/// Answers requests.
pub enum Service {
    /// The authorization server of `sandbox`.
    Issuer(Box<Issuer>),
    /// The caching token proxy of `serve`.
    Proxy(TokenProxy),
}

impl Service {
    /// Answers a request whose body is complete and within its limit.
    async fn answer(&self, request: &Request<Bytes>) -> Response {
        match self {
            Self::Issuer(issuer) => issuer.answer(request),
            Self::Proxy(proxy) => proxy.answer(request).await,
        }
    }

    /// Called when a request's head has been read.
    fn begin(&self) {
        if let Self::Proxy(proxy) = self {
            proxy.begin();
        }
    }

    /// Called once for every request, when it has a response or its caller has left.
    fn record(&self, exchange: &Exchange<'_>, response: &Response) {
        match self {
            Self::Issuer(issuer) => issuer.record(exchange, response),
            Self::Proxy(proxy) => proxy.record(exchange, response),
        }
    }
}

/// Locks a mutex whose data is valid even after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
